/*
 * main.c - the command line.
 *
 * Floor process, its top.  Until all is served, everything that goes wrong is
 * said on standard error and ends with exit status 1, in the background too:
 * the process that was started waits for the one that stays.
 */
#include <sys/resource.h>

#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <idn2.h>
#include <sqlite3.h>
#include <unistring/version.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/os.h"
#include "net/listen_fds.h"
#include "net/tls.h"
#include "process/certificate_warnings.h"
#include "process/generation.h"
#include "process/logs.h"
#include "process/master.h"
#include "process/users.h"

enum { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
	struct master_options options;
	int check; /* -n, -nn */
};

static void
print_usage(FILE *to)
{
	fputs("usage: capsuled [-fnVv] [-c file] [-R fd]\n"
	      "  -c file  configuration; default " CAPSULED_CONF "\n"
	      "  -f       stay in the foreground, log to standard error\n"
	      "  -n       check the configuration and certificates, and look "
	      "for what\n"
	      "           the map names; -nn also prints the effective "
	      "configuration\n"
	      "  -R fd    write \"ready gemini=PORT gopher=PORT\" there once "
	      "all is served\n"
	      "  -v       log more; may be repeated\n"
	      "  -V       print the version and those of the libraries\n"
	      "The manual: capsuled(8), capsuled.ini(5).\n",
	    to);
}

static void
print_version(void)
{
	printf("capsuled %s\n%s\nlibevent %s\nlibunistring %d.%d\n"
	       "libidn2 %s\nSQLite %s\n",
	    CAPSULED_VERSION, OpenSSL_version(OPENSSL_VERSION),
	    event_get_version(), _libunistring_version >> 8,
	    _libunistring_version & 0xff, idn2_check_version(NULL),
	    sqlite3_libversion());
}

static int
parse_fd(const char *word)
{
	unsigned long fd;

	if (view_to_number(view_of(word), 1 << 20, &fd) == -1 ||
	    fcntl((int)fd, F_GETFD) == -1) {
		fprintf(stderr,
		    "capsuled: -R: \"%s\" is not an open descriptor\n", word);
		exit(EXIT_USAGE);
	}
	(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

static struct arguments
parse_arguments(int argc, char **argv)
{
	struct arguments a = {
		.options = { .conf_path = CAPSULED_CONF, .ready_fd = -1 },
	};
	int o;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		exit(EXIT_STOPPED);
	}
	while ((o = getopt(argc, argv, "c:fhnR:vV")) != -1)
		switch (o) {
		case 'c':
			a.options.conf_path = optarg;
			break;
		case 'f':
			a.options.foreground = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(EXIT_STOPPED);
		case 'n':
			a.check++;
			break;
		case 'R':
			a.options.ready_fd = parse_fd(optarg);
			break;
		case 'v':
			a.options.extra_verbosity++;
			break;
		case 'V':
			print_version();
			exit(EXIT_STOPPED);
		default:
			print_usage(stderr);
			exit(EXIT_USAGE);
		}
	if (optind < argc) {
		fprintf(stderr,
		    "capsuled: \"%s\": there are no arguments but "
		    "options\n",
		    argv[optind]);
		print_usage(stderr);
		exit(EXIT_USAGE);
	}
	return a;
}

/* Print all problems; returns the exit status that follows from them. */
static int
print_problems(struct problems *ps, const char *before)
{
	size_t i, n = problems_count(ps);

	for (i = 0; i < n; i++)
		fprintf(stderr, "%s%s\n", before, problems_get(ps, i));
	return n == 0 ? EXIT_STOPPED : EXIT_FAILED;
}

static int
check_configuration(const struct arguments *a)
{
	/* Warnings: they do not refuse the configuration. */
	struct problems *ps = problems_new(), *notes = problems_new();
	struct conf *conf = conf_load(a->options.conf_path, ps);
	bool is_whole;
	int status;

	/* Content is looked at only where the map itself makes sense. */
	if (conf != NULL && problems_count(ps) == 0)
		generation_check(conf, ps, notes);
	is_whole = problems_count(notes) == 0;
	status = print_problems(ps, "");
	if (status == EXIT_STOPPED) {
		users_advise(conf, notes);
		certificate_warnings_collect(conf, clock_wall(), notes);
		(void)print_problems(notes, "warning: ");
	}
	if (status == EXIT_STOPPED && a->check > 1)
		conf_print(conf, stdout);
	else if (status == EXIT_STOPPED)
		printf("%s: everything is in order%s\n", a->options.conf_path,
		    is_whole ? "" : ", but for the warnings");
	conf_free(conf);
	problems_free(notes);
	problems_free(ps);
	return status;
}

/* -- going into the background -- */

static int waiting_parent = -1; /* a pipe to the process that was started */

/* The one that stays serves: let the one that was started go. */
static void
release_parent(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null != -1) {
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (waiting_parent != -1 && write(waiting_parent, "r", 1) == 1)
		close(waiting_parent);
}

/* Pass on what is there to be read; false at the end. */
static bool
pass_on(int from)
{
	char said[4096];
	ssize_t n = read(from, said, sizeof(said));

	return n > 0 && write(STDERR_FILENO, said, (size_t)n) == n;
}

/*
 * In the process that was started: pass on what is said until all is served,
 * or will not be.  Returns the exit status.
 */
static int
attend_start(int served, int said)
{
	struct pollfd of[] = { { said, POLLIN, 0 }, { served, POLLIN, 0 } };
	char byte;

	/* What is said before the last word comes first: "said" is looked at
	 * once more after that word. */
	do {
		if (poll(of, 2, -1) == -1)
			continue;
		if (of[0].revents != 0 && !pass_on(said))
			of[0].fd = -1;
	} while (of[1].revents == 0);
	while (poll(of, 1, 0) == 1 && pass_on(said))
		;
	return read(served, &byte, 1) == 1 ? EXIT_STOPPED : EXIT_FAILED;
}

/*
 * What stays must not hold what it was started with, or who reads that, such
 * as ssh(1), would wait as long as we serve: its standard error is a pipe.
 */
static void
release_terminal(int said)
{
	int null = open("/dev/null", O_RDWR);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1 || dup2(said, STDERR_FILENO) == -1)
		perror("capsuled: cannot go into the background");
	if (null > STDERR_FILENO)
		close(null);
	close(said);
}

/* Returns in the child only. */
static void
go_to_background(void)
{
	int served[2], said[2];
	pid_t pid;

	if (pipe(served) == -1 || pipe(said) == -1 || (pid = fork()) == -1) {
		perror("capsuled: cannot go into the background");
		exit(EXIT_FAILED);
	}
	if (pid > 0) {
		close(served[1]);
		close(said[1]);
		_exit(attend_start(served[0], said[0]));
	}
	close(served[0]);
	close(said[0]);
	(void)fcntl(served[1], F_SETFD, FD_CLOEXEC);
	waiting_parent = served[1];
	release_terminal(said[1]);
	(void)setsid();
	if (chdir("/") == -1)
		perror("capsuled: cannot leave the folder it was started in");
}

/* The daemon changes its folder to "/", so paths must be absolute. */
static const char *
make_absolute(const char *path)
{
	char folder[PATH_MAX], *whole;
	size_t size;

	if (path[0] == '/' || getcwd(folder, sizeof(folder)) == NULL)
		return path;
	size = strlen(folder) + strlen(path) + sizeof("/");
	whole = xmalloc(size);
	snprintf(whole, size, "%s/%s", folder, path);
	return whole;
}

static void
raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/*
 * Serve with the sockets of first, a generation that has nothing else, and
 * with what problems there are already.
 */
static int
serve_generation(struct arguments *a, struct generation *first,
    struct problems *ps)
{
	struct generation *g = NULL;
	struct conf *conf;
	struct logs logs;
	bool owned = false;
	int status;

	/* Where all processes are one user, no other of it shall trace us. */
	os_hide_memory();
	logs_init(&logs);
	conf = conf_load(a->options.conf_path, ps);
	if (conf != NULL && problems_count(ps) == 0) {
		master_set_level(&a->options, conf);
		tls_init();
		g = generation_new(conf, first, ps);
		owned = true; /* it owns conf, whatever became of it */
	}
	if (g != NULL)
		(void)logs_open(&logs, g->conf, a->options.foreground, ps);
	listeners_close(&first->listeners, g == NULL ? NULL : &g->listeners);
	status = print_problems(ps, "");
	problems_free(ps);
	if (g == NULL || status != EXIT_STOPPED) {
		if (g == NULL && !owned)
			conf_free(conf);
		generation_free(g, NULL);
		return status;
	}
	master_set_level(&a->options, g->conf);
	status = master_run(&a->options, g, &logs);
	logs_close(&logs);
	return status;
}

int
main(int argc, char **argv)
{
	struct arguments a = parse_arguments(argc, argv);
	struct problems *ps = problems_new();
	struct generation first = { .conf = NULL };

	(void)signal(SIGPIPE, SIG_IGN);
	tzset(); /* reads a file: processes that are confined later cannot */
	if (a.check > 0) {
		problems_free(ps);
		tls_init();
		return check_configuration(&a);
	}
	/* Before anybody forks: they are for this process id. */
	(void)listen_fds_take(&first.listeners, ps);
	raise_descriptor_limit();
	if (!a.options.foreground) {
		a.options.conf_path = make_absolute(a.options.conf_path);
		a.options.on_ready = release_parent;
		go_to_background();
	}
	return serve_generation(&a, &first, ps);
}
