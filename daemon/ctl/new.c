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
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/starter.h"
#include "site/conf.h"

enum { HOST };

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
join(struct buf *name, const char *folder, const char *path)
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
write_all(struct buf *name, const char *folder, const char *hosts,
    const char *date)
{
	const struct starter_file *file;
	struct buf text;
	int r = 0;
	size_t i;

	if (mkdir(join(name, folder, NULL), 0755) == -1 && errno != EEXIST)
		return name->p;
	for (i = 0; i < n_starter_folders; i++)
		if (mkdir(join(name, folder, starter_folders[i]), 0755) == -1)
			return name->p;
	buf_init(&text, SIZE_MAX);
	for (i = 0; r == 0 && i < n_starter_files; i++) {
		file = &starter_files[i];
		buf_reset(&text);
		starter_write(&text, file, hosts, date);
		r = write_file(join(name, folder, file->path), buf_view(&text));
	}
	buf_fini(&text);
	return r == 0 ? NULL : name->p;
}

static void
tell(const char *folder)
{
	size_t i;

	printf("%s is a capsule now:\n\n", folder);
	for (i = 0; i < n_starter_files; i++)
		if (starter_files[i].what != NULL)
			printf("  %-22s%s\n", starter_files[i].path,
			    starter_files[i].what);
	printf("\nServe it    capsuled -f -c %s/capsuled.ini\n"
	       "visit it    gemini://localhost/ or gopher://localhost:7070/\n"
	       "check it    capsulectl -c %s/capsuled.ini check\n",
	    folder, folder);
}

/*
 * True if a configuration with this one name would be taken: what is written
 * must be right, and conf.c alone knows what is.
 */
static bool
is_host(const char *host)
{
	struct problems *ps = problems_new();
	struct conf *conf = NULL;
	struct buf text;
	FILE *f;
	bool ok;

	buf_init(&text, SIZE_MAX);
	buf_printf(&text, "[capsule]\nroot = x\nhostname = %s\n", host);
	f = fmemopen(text.p, text.len, "r");
	if (f != NULL) {
		conf = conf_read(f, "x", ps);
		(void)fclose(f);
	}
	ok = conf != NULL && problems_count(ps) == 0 &&
	    conf->capsules[0].hostname.n == 1 &&
	    strpbrk(host, " \t\n;") == NULL;
	conf_free(conf);
	problems_free(ps);
	buf_fini(&text);
	return ok;
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
make(const struct call *call, const char *folder, const char *hosts)
{
	char stamp[CLOCK_STAMP_MAX];
	const char *failed;
	struct buf name;
	int failure;

	/* In UTC, as the clock of logs and feeds. */
	clock_stamp(clock_wall(), stamp, sizeof(stamp));
	stamp[strlen("YYYY-MM-DD")] = '\0';
	buf_init(&name, SIZE_MAX);
	failed = write_all(&name, folder, hosts, stamp);
	failure = errno;
	if (failed != NULL)
		(void)command_fail(call, COMMAND_FAILED, "cannot make %s: %s",
		    failed, strerror(failure));
	else
		tell(folder);
	buf_fini(&name);
	return failed == NULL ? COMMAND_DONE : COMMAND_FAILED;
}

static enum command_exit
run(struct call *call)
{
	const char *folder = call->arguments[0], *host = call->options[HOST];
	enum command_exit status;
	struct buf hosts;

	if (host == NULL)
		host = "localhost";
	if (!is_host(host))
		return command_fail(call, COMMAND_USAGE,
		    "--host: \"%s\" is not a host name or an address", host);
	if (!is_free(folder))
		return command_fail(call, COMMAND_FAILED,
		    "%s is there already, and not an empty folder", folder);
	buf_init(&hosts, SIZE_MAX);
	put_hosts(&hosts, host);
	status = make(call, folder, hosts.p);
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
	"never touched: a folder that holds anything is refused.\n",
	{ { "host", "NAME", "what visitors will call it; default localhost" } },
	1,
	1,
	run,
};
