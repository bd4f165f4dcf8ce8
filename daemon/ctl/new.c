/*
 * new.c - the command "new": a capsule to begin with.
 *
 * Floor ctl.  Nothing that exists is touched: a folder that holds anything is
 * refused, and every file is made, never opened.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/template.h"
#include "site/conf.h"

enum { HOST, SERVICE };

/* A new capsule: what it is called, and what is written into its files. */
struct making {
	const char *folder;
	struct template_words words;
};

/* True if there is no such folder, or nothing is in it. */
static bool
is_free(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *d;
	bool is_empty = true;

	if (dir == NULL)
		return errno == ENOENT;
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			is_empty = false;
	(void)closedir(dir);
	return is_empty;
}

/* Put FOLDER/PATH, or FOLDER alone, into name, which is ended by a NUL. */
static const char *
join_path(struct buf *name, const char *folder, const char *path)
{
	buf_reset(name);
	buf_puts(name, folder);
	if (path != NULL) {
		buf_putc(name, '/');
		buf_puts(name, path);
	}
	buf_putc(name, '\0');
	return name->p;
}

static int
write_file(const char *name, struct view text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "w");
	int failure;

	if (f == NULL)
		return -1;
	if (fwrite(text.p, 1, text.len, f) != text.len) {
		failure = errno;
		(void)fclose(f);
		errno = failure;
		return -1;
	}
	return fclose(f) == 0 ? 0 : -1;
}

/* All folders and files; NULL, or the name of what could not be made. */
static const char *
write_all(struct buf *name, const struct making *m)
{
	const char *folder = m->folder;
	const struct template_file *file;
	struct buf text;
	int r = 0;
	size_t i;

	if (mkdir(join_path(name, folder, NULL), 0755) == -1 && errno != EEXIST)
		return name->p;
	for (i = 0; i < n_starter_folders; i++)
		if (mkdir(join_path(name, folder, template_folders[i]), 0755) ==
		    -1)
			return name->p;
	buf_init(&text, SIZE_MAX);
	for (i = 0; r == 0 && i < n_starter_files; i++) {
		file = &template_files[i];
		buf_reset(&text);
		template_write(&text, file, &m->words);
		r = write_file(join_path(name, folder, file->path),
		    buf_view(&text));
	}
	buf_fini(&text);
	return r == 0 ? NULL : name->p;
}

static void
tell(const struct making *m)
{
	const char *folder = m->folder;
	size_t i;

	printf("%s is a capsule now:\n\n", folder);
	for (i = 0; i < n_starter_files; i++)
		if (template_files[i].what != NULL)
			printf("  %-22s%s\n", template_files[i].path,
			    template_files[i].what);
	if (m->words.is_service)
		printf("\nCheck it    capsulectl -c %s/capsuled.ini check\n"
		       "move it     mv %s/capsuled.ini " CAPSULED_CONF "\n"
		       "and then have the service reload.\n",
		    folder, folder);
	else
		printf("\nServe it    capsuled -f -c %s/capsuled.ini\n"
		       "visit it    gemini://localhost/ or "
		       "gopher://localhost:7070/\n"
		       "check it    capsulectl -c %s/capsuled.ini check\n",
		    folder, folder);
}

/*
 * True if a configuration with this one name and this root would be taken as
 * they are: what is written must be right, and conf.c alone knows what is.
 */
static bool
is_taken(const char *host, const char *root)
{
	struct problems *ps = problems_new();
	struct conf *conf = NULL;
	struct buf text;
	FILE *f;
	bool ok;

	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "[capsule]\nroot = %s\nhostname = %s\n", root, host);
	f = fmemopen(text.p, text.len, "r");
	if (f != NULL) {
		conf = conf_read(f, "x", ps);
		(void)fclose(f);
	}
	ok = conf != NULL && problems_count(ps) == 0 &&
	    conf->capsules[0].hostname.n == 1 &&
	    view_eq(conf->capsules[0].root, view_of(root)) &&
	    strpbrk(host, " \t\n;") == NULL;
	conf_free(conf);
	problems_free(ps);
	buf_fini(&text);
	return ok;
}

/* The folder of the pages, from the root on; 0 or -1 with errno. */
static int
put_root(struct buf *to, const char *folder)
{
	char here[PATH_MAX];

	if (folder[0] != '/') {
		if (getcwd(here, sizeof(here)) == NULL)
			return -1;
		buf_printf(to, "%s/", here);
	}
	buf_printf(to, "%s/pages", folder);
	buf_putc(to, '\0');
	return 0;
}

/* "NAME localhost": the author's own machine is always let in. */
static void
put_hosts(struct buf *to, const char *host)
{
	if (strcmp(host, "localhost") != 0)
		buf_printf(to, "%s ", host);
	buf_puts(to, "localhost");
	buf_putc(to, '\0');
}

static enum command_exit
make_capsule(const struct call *call, struct making *m)
{
	char stamp[CLOCK_STAMP_MAX];
	const char *failed;
	struct buf name;
	int failure;

	/* In UTC, as the clock of logs and feeds. */
	clock_stamp(clock_wall(), stamp, sizeof(stamp));
	stamp[strlen("YYYY-MM-DD")] = '\0';
	m->words.date = stamp;
	buf_init(&name, SIZE_MAX);
	failed = write_all(&name, m);
	failure = errno;
	if (failed != NULL)
		(void)command_fail(call, COMMAND_FAILED, "cannot make %s: %s",
		    failed, strerror(failure));
	else
		tell(m);
	buf_fini(&name);
	return failed == NULL ? COMMAND_DONE : COMMAND_FAILED;
}

/*
 * The configuration of a service lies elsewhere, so it names its pages in
 * full; the certificate is where the service may write.
 */
static enum command_exit
make_service(const struct call *call, struct making *m, const char *host)
{
	enum command_exit status;
	struct buf root, pair;

	buf_init(&root, SIZE_MAX);
	buf_init(&pair, SIZE_MAX);
	buf_printf(&pair, CAPSULED_CERTDIR "/%s", host);
	buf_putc(&pair, '\0');
	if (put_root(&root, m->folder) == -1)
		status = command_fail(call, COMMAND_FAILED,
		    "cannot tell which folder this is: %s", strerror(errno));
	else if (!is_taken(host, root.p))
		status = command_fail(call, COMMAND_USAGE,
		    "no configuration can name the folder \"%s\"; choose "
		    "a name without \" ;\" and line ends",
		    root.p);
	else {
		m->words.root = root.p;
		m->words.pair = pair.p;
		m->words.gopher = "70";
		status = make_capsule(call, m);
	}
	buf_fini(&pair);
	buf_fini(&root);
	return status;
}

/* A shell that completes names puts a slash behind a folder. */
static const char *
trim(char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		folder[--len] = '\0';
	return folder;
}

static enum command_exit
run_new(struct call *call)
{
	const char *folder = trim(call->arguments[0]);
	const char *host = call->options[HOST];
	bool is_service = call->options[SERVICE] != NULL;
	struct making m = { folder,
		{ .root = "pages",
		    .pair = "capsule",
		    .gopher = "7070",
		    .is_service = is_service } };
	enum command_exit status;
	struct buf hosts;

	if (host == NULL)
		host = "localhost";
	if (!is_taken(host, "pages"))
		return command_fail(call, COMMAND_USAGE,
		    "--host: \"%s\" is not a host name or an address", host);
	if (!is_free(folder))
		return command_fail(call, COMMAND_FAILED,
		    "%s is there already, and not an empty folder", folder);
	buf_init(&hosts, SIZE_MAX);
	put_hosts(&hosts, host);
	m.words.hosts = hosts.p;
	status =
	    is_service ? make_service(call, &m, host) : make_capsule(call, &m);
	buf_fini(&hosts);
	return status;
}

const struct command command_new = {
	"new",
	"FOLDER",
	"make a small working capsule to begin with",
	"Makes FOLDER with a configuration and a few pages in it, ready to be\n"
	"served as it is, on ports that need no root. What is there already "
	"is\n"
	"never touched: a folder that holds anything is refused.\n"
	"\n"
	"With --service the configuration is for the service of the system, "
	"on\n"
	"its ports: to be moved to " CAPSULED_CONF ".\n",
	{ { "host", "NAME", "what visitors will call it; default localhost" },
	    { "service", NULL, "for the service that the system starts" } },
	1,
	1,
	run_new,
};
