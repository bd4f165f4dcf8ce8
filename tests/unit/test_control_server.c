/* test_control_server.c - clients of the control socket, and a master's part
 * that is played. */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "expect.h"
#include "format/control.h"
#include "process/control_server.h"

static struct event_base *base;
static struct control *server;
static struct control_socket sock;
static char folder[] = "/tmp/capsuled-ctl.XXXXXX";

/* What the master was asked for, and what it does. */
static struct {
	int reloads, accepted, stops;
	enum log_level level;
	int reload_result;
	size_t status_bytes;
} played;

static void
play_status(void *arg, struct buf *to)
{
	(void)arg;
	buf_puts(to, "key ");
	buf_fill(to, 'x', played.status_bytes);
	buf_putc(to, '\n');
}

static int
play_reload(void *arg, bool accept_empty, struct buf *to)
{
	(void)arg;
	played.reloads++;
	played.accepted += accept_empty;
	control_put(to, played.reload_result == 0 ? "warning" : "problem",
	    VIEW("something"));
	return played.reload_result;
}

static void
play_level(void *arg, enum log_level level)
{
	(void)arg;
	played.level = level;
}

static void
play_stop(void *arg)
{
	(void)arg;
	played.stops++;
}

static const struct control_calls calls = { play_status, play_reload,
	play_level, play_stop };

static int
setup(void **state)
{
	struct sockaddr_storage at;
	socklen_t len;

	(void)state;
	memset(&played, 0, sizeof(played));
	strcpy(strrchr(folder, '.'), ".XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(sock.path, sizeof(sock.path), "%s/x", folder);
	len = address_fill(&at, AF_UNIX, sock.path, 0);
	sock.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(sock.fd, (struct sockaddr *)&at, len) == -1 ||
	    listen(sock.fd, 64) == -1)
		return -1;
	sock.is_open = true;
	base = event_base_new();
	server = control_new(base, &calls, NULL);
	control_listen(server, &sock);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (server != NULL)
		control_free(server);
	event_base_free(base);
	close(sock.fd);
	(void)unlink(sock.path);
	return rmdir(folder);
}

static int
connect_client(void)
{
	struct sockaddr_storage at;
	socklen_t len = address_fill(&at, AF_UNIX, sock.path, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(0, connect(fd, (struct sockaddr *)&at, len));
	return fd;
}

/* All that there is to do just now. */
static void
turn(void)
{
	int i;

	for (i = 0; i < 20; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
ask_server(const char *line)
{
	int fd = connect_client();

	assert_int_equal(strlen(line), write(fd, line, strlen(line)));
	turn();
	return fd;
}

/* What has come so far has to be this, and the end if so it is said. */
static void
expect_answer(int fd, const char *want, bool at_end)
{
	char got[1024];
	ssize_t n;
	size_t len = 0;

	turn();
	while ((n = recv(fd, got + len, sizeof(got) - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	expect_view("answer", (struct view){ got, len }, view_of(want));
	if (at_end)
		assert_int_equal(0, n);
	else
		assert_true(n == -1 && errno == EAGAIN);
}

static void
requests_reach_the_master(void **state)
{
	int fd;

	(void)state;
	fd = ask_server("status\n");
	expect_answer(fd, "key \ndone\n", true);
	close(fd);
	fd = ask_server("log-level debug\r\n");
	expect_answer(fd, "done\n", true);
	assert_int_equal(LOG_LEVEL_DEBUG, played.level);
	close(fd);
	fd = ask_server("nonsense\n");
	expect_answer(fd,
	    "problem unknown request; accepted: status, reload "
	    "[accept-empty], log-level LEVEL, stop\nfailed\n",
	    true);
	close(fd);
}

static void
a_reload_is_answered_once_it_is_served(void **state)
{
	int one, other;

	(void)state;
	one = ask_server("reload\n");
	expect_answer(one, "", false);
	assert_int_equal(0, played.accepted);
	other = ask_server("reload accept-empty\n");
	assert_int_equal(2, played.reloads);
	assert_int_equal(1, played.accepted);
	control_served(server);
	expect_answer(one, "warning something\ndone\n", true);
	expect_answer(other, "warning something\ndone\n", true);
	close(one);
	close(other);
	control_served(server); /* for nobody */
}

static void
a_refused_reload_is_answered_at_once(void **state)
{
	int one = ask_server("reload\n"), other;

	(void)state;
	played.reload_result = -1;
	other = ask_server("reload\n");
	expect_answer(other, "problem something\nfailed\n", true);
	/* What was loaded before is on its way all the same. */
	expect_answer(one, "", false);
	close(one);
	close(other);
	turn();
}

static void
who_waits_may_go_and_others_stay(void **state)
{
	int one = ask_server("reload\n"), other = ask_server("reload\n");

	(void)state;
	close(one);
	turn();
	control_served(server);
	expect_answer(other, "warning something\ndone\n", true);
	close(other);
}

static void
the_end_tells_who_waits_for_it(void **state)
{
	int stopping = ask_server("stop\n"), reloading = ask_server("reload\n"),
	    silent = connect_client();

	(void)state;
	assert_int_equal(1, played.stops);
	expect_answer(stopping, "done\n", false);
	control_free(server);
	server = NULL;
	expect_answer(stopping, "", true);
	expect_answer(reloading,
	    "warning something\nproblem capsuled was stopped meanwhile\n"
	    "failed\n",
	    true);
	close(stopping);
	close(reloading);
	close(silent);
}

/* More than a socket takes: it comes piece by piece, or not at all. */
static void
a_long_answer_comes_whole(void **state)
{
	static char got[1 << 21];
	size_t len = 0, want = 1 << 20;
	ssize_t n;
	int fd;

	(void)state;
	played.status_bytes = want;
	fd = ask_server("status\n");
	do {
		turn();
		n = recv(fd, got + len, sizeof(got) - len, MSG_DONTWAIT);
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0);
	assert_int_equal(strlen("key ") + want + strlen("\ndone\n"), len);
	assert_int_equal(CONTROL_DONE,
	    control_judge((struct view){ got, len }));
	close(fd);
}

static void
an_answer_that_is_too_long_is_none(void **state)
{
	int fd;

	(void)state;
	played.status_bytes = CONTROL_ANSWER_MAX;
	fd = ask_server("status\n");
	expect_answer(fd, "problem the answer is too long\nfailed\n", true);
	close(fd);
}

static void
there_are_so_many_clients_at_a_time(void **state)
{
	int fds[CONTROL_CLIENTS_MAX], ninth;
	size_t i;

	(void)state;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = ask_server("reload\n");
	assert_int_equal(CONTROL_CLIENTS_MAX, played.reloads);
	ninth = ask_server("status\n");
	expect_answer(ninth, "", false);
	close(fds[3]);
	expect_answer(ninth, "key \ndone\n", true);
	close(ninth);
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (i != 3)
			close(fds[i]);
	turn();
	/* And as many again. */
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = ask_server("reload\n");
	control_served(server);
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		expect_answer(fds[i], "warning something\ndone\n", true);
		close(fds[i]);
	}
}

static void
clients_stay_when_the_socket_is_another(void **state)
{
	int one = ask_server("reload\n");

	(void)state;
	control_listen(server, NULL);
	control_served(server);
	expect_answer(one, "warning something\ndone\n", true);
	close(one);
	one = ask_server("status\n"); /* which nobody hears yet */
	expect_answer(one, "", false);
	control_listen(server, &sock);
	expect_answer(one, "key \ndone\n", true);
	close(one);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_reach_the_master),
		TEST(a_reload_is_answered_once_it_is_served),
		TEST(a_refused_reload_is_answered_at_once),
		TEST(who_waits_may_go_and_others_stay),
		TEST(the_end_tells_who_waits_for_it),
		TEST(a_long_answer_comes_whole),
		TEST(an_answer_that_is_too_long_is_none),
		TEST(there_are_so_many_clients_at_a_time),
		TEST(clients_stay_when_the_socket_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
