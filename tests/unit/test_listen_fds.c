/* test_listen_fds.c - which sockets of a service manager are taken, and how. */
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fork_child.h"
#include "expect.h"
#include "net/listen_fds.h"

enum { FIRST = 3, FAR = 60 }; /* descriptors */

static int
open_socket(int family, int type, bool only6, bool listens)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int one = only6, far, fd = socket(family, type, 0);

	if (family == AF_INET)
		(void)bind(fd, (struct sockaddr *)&in, sizeof(in));
	else if (family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one));
		(void)bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	}
	if (listens)
		(void)listen(fd, 1);
	/* Out of the way of where it shall be. */
	far = fcntl(fd, F_DUPFD, FAR);
	close(fd);
	return far;
}

/* In a process of its own: what was taken and what was said, as text. */
static void
child(const int *fds, int n, const char *number, bool ours, FILE *to)
{
	struct problems *ps = problems_new();
	struct listeners ls;
	char text[32];
	size_t i;
	int k, r;

	for (k = FIRST; k < FAR; k++)
		if (k - FIRST < n)
			(void)dup2(fds[k - FIRST], k);
		else
			(void)close(k);
	snprintf(text, sizeof(text), "%ld", (long)(ours ? getpid() : 1));
	(void)setenv("LISTEN_PID", text, 1);
	(void)setenv("LISTEN_FDS", number, 1);
	(void)setenv("LISTEN_FDNAMES", "a:b", 1);
	r = listen_fds_take(&ls, ps);
	fprintf(to, "%d %zu", r, ls.n);
	for (i = 0; i < ls.n; i++)
		fprintf(to, " %d:%s%s%s%s", ls.v[i].fd, ls.v[i].host,
		    ls.v[i].handed ? "" : " not handed",
		    ls.v[i].port > 0 && ls.v[i].port == ls.v[i].asked_port
			? ""
			: " no port",
		    fcntl(ls.v[i].fd, F_GETFD) == FD_CLOEXEC ? "" : " leaks");
	for (i = 0; i < problems_count(ps); i++)
		fprintf(to, "\n%s", problems_get(ps, i));
	if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL ||
	    getenv("LISTEN_FDNAMES") != NULL)
		fputs(" environment left", to);
	listeners_close(&ls, NULL);
	problems_free(ps);
	fclose(to);
}

/* The text of child, until the next call. */
static const char *
taken(const int *fds, int n, const char *number, bool ours)
{
	static char said[4096];
	int pipes[2], status, k;
	size_t len;
	FILE *from;
	pid_t pid;

	assert_int_equal(0, pipe(pipes));
	pid = fork_child();
	assert_true(pid != -1);
	if (pid == 0) {
		child(fds, n, number, ours,
		    fdopen(fcntl(pipes[1], F_DUPFD, FAR), "w"));
		_exit(0);
	}
	close(pipes[1]);
	for (k = 0; k < n; k++)
		close(fds[k]);
	from = fdopen(pipes[0], "r");
	assert_non_null(from);
	len = fread(said, 1, sizeof(said) - 1, from);
	said[len] = '\0';
	fclose(from);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	return said;
}

static int
good(int family)
{
	return open_socket(family, SOCK_STREAM, true, true);
}

static void
sockets_of_either_family_are_taken_in_order(void **state)
{
	int fds[] = { good(AF_INET6), good(AF_INET) };

	(void)state;
	assert_string_equal("0 2 3::: 4:0.0.0.0",
	    taken(fds, N_OF(fds), "2", true));
}

static void
what_lies_behind_the_number_is_left_alone(void **state)
{
	int fds[] = { good(AF_INET), good(AF_INET) };

	(void)state;
	assert_string_equal("0 1 3:0.0.0.0", taken(fds, N_OF(fds), "1", true));
}

static void
nothing_is_nothing(void **state)
{
	(void)state;
	assert_string_equal("0 0", taken(NULL, 0, "0", true));
}

static void
what_is_for_another_process_is_neither_taken_nor_judged(void **state)
{
	int fds[] = { good(AF_INET) };

	(void)state;
	assert_string_equal("0 0", taken(fds, N_OF(fds), "7", false));
}

static void
a_number_that_is_not_true_is_told(void **state)
{
	static const char *const wrong[] = { "2", "-1", "one", "",
		"18446744073709551617" };
	char want[256];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(wrong); i++) {
		int fds[] = { good(AF_INET) };

		snprintf(want, sizeof(want),
		    "-1 0\nLISTEN_FDS is \"%s\", but 1 descriptors from 3 on "
		    "are open; it is the number of sockets that a service "
		    "manager hands over",
		    wrong[i]);
		assert_string_equal(want,
		    taken(fds, N_OF(fds), wrong[i], true));
	}
}

static void
each_that_is_of_no_use_is_told(void **state)
{
	int fds[] = { open_socket(AF_INET, SOCK_DGRAM, true, false),
		good(AF_INET), open_socket(AF_INET6, SOCK_STREAM, true, false),
		open_socket(AF_INET6, SOCK_STREAM, false, true),
		open_socket(AF_UNIX, SOCK_STREAM, true, false) };

	(void)state;
#define SAYS(n, fd) "\nsocket " n " of the service manager (descriptor " fd ") "
	assert_string_equal(
	    "-1 0" SAYS("1",
		"3") "is no TCP socket; say "
		     "ListenStream=ADDRESS:PORT" SAYS("3",
			 "5") "does not listen; say "
			      "Accept=no" SAYS("4",
				  "6") "also answers IPv4; say "
				       "BindIPv6Only=ipv6-only, and "
				       "0.0.0.0:PORT in a line of its own" SAYS(
					   "5",
					   "7") "is no TCP socket; say "
						"ListenStream=ADDRESS:PORT",
	    taken(fds, N_OF(fds), "5", true));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		TEST(sockets_of_either_family_are_taken_in_order),
		TEST(what_lies_behind_the_number_is_left_alone),
		TEST(nothing_is_nothing),
		TEST(what_is_for_another_process_is_neither_taken_nor_judged),
		TEST(a_number_that_is_not_true_is_told),
		TEST(each_that_is_of_no_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
