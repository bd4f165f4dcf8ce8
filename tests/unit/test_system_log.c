/* test_system_log.c - what the system's log gets, and what it costs if it does
 * not read. */
#include <sys/socket.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/system_log.h"
#include "expect.h"

#define LINES 5000 /* more than any queue of datagrams holds */

static char folder[] = "/tmp/capsuled-log.XXXXXX";
static char path[sizeof(folder) + 4];

/* The system's log, which reads nothing by itself. */
static int
bind_log(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, sizeof(path));
	assert_true(fd != -1);
	(void)unlink(path);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

/* Let it read all that is there; how many lines. */
static unsigned
read_all(int fd)
{
	char line[2 * LOG_LINE_MAX];
	unsigned n = 0;

	while (recv(fd, line, sizeof(line), 0) > 0)
		n++;
	return n;
}

static void
a_line_has_its_priority_and_says_whose_it_is(void **state)
{
	int fd = bind_log(), day, hour, minute, second, pid, end = 0;
	char line[LOG_LINE_MAX] = "", month[4];
	unsigned priority;

	(void)state;
	system_log_open(path, "capsuled", LOG_LOCAL3);
	assert_true(system_log_write(LOG_WARNING, VIEW("what happened")));
	assert_true(recv(fd, line, sizeof(line) - 1, 0) > 0);
	assert_int_equal(7,
	    sscanf(line, "<%u>%3s %d %d:%d:%d capsuled[%d]: %n", &priority,
		month, &day, &hour, &minute, &second, &pid, &end));
	assert_int_equal(LOG_LOCAL3 | LOG_WARNING, priority);
	assert_int_equal(getpid(), pid);
	assert_string_equal("what happened", line + end);
	close(fd);
	system_log_close();
}

static void
a_line_of_the_longest_length_arrives_whole(void **state)
{
	static char text[LOG_LINE_MAX], line[2 * LOG_LINE_MAX];
	int fd = bind_log();
	ssize_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 'y';
	system_log_open(path, "capsuled", LOG_DAEMON);
	assert_true(
	    system_log_write(LOG_INFO, (struct view){ text, sizeof(text) }));
	n = recv(fd, line, sizeof(line), 0);
	assert_true(n > (ssize_t)sizeof(text));
	assert_memory_equal(line + n - sizeof(text), text, sizeof(text));
	close(fd);
	system_log_close();
}

static void
a_log_that_does_not_read_costs_its_wait_once(void **state)
{
	int fd = bind_log();
	int64_t begin = clock_ms(), took;
	unsigned i, sent = 0;

	(void)state;
	system_log_open(path, "capsuled", LOG_DAEMON);
	for (i = 0; i < LINES; i++)
		sent += system_log_write(LOG_INFO, VIEW("a line"));
	took = clock_ms() - begin;
	assert_true(sent < LINES);
	/* A fifth of the time, not of each line. */
	assert_true(took < (int64_t)(LINES - sent) * SYSTEM_LOG_WAIT_MS / 20);
	assert_int_equal(sent, read_all(fd));
	assert_true(system_log_write(LOG_INFO, VIEW("it reads again")));
	assert_int_equal(1, read_all(fd));
	close(fd);
	system_log_close();
}

static void
a_log_that_begins_anew_is_found(void **state)
{
	int fd = bind_log();

	(void)state;
	system_log_open(path, "capsuled", LOG_DAEMON);
	assert_true(system_log_write(LOG_INFO, VIEW("one")));
	close(fd);
	assert_false(system_log_write(LOG_INFO, VIEW("lost")));
	fd = bind_log();
	assert_true(system_log_write(LOG_INFO, VIEW("two")));
	assert_int_equal(1, read_all(fd));
	close(fd);
	system_log_close();
}

static void
a_log_that_comes_later_is_found(void **state)
{
	int fd;

	(void)state;
	(void)unlink(path);
	system_log_open(path, "capsuled", LOG_DAEMON);
	assert_false(system_log_write(LOG_INFO, VIEW("lost")));
	fd = bind_log();
	assert_true(system_log_write(LOG_INFO, VIEW("here")));
	assert_int_equal(1, read_all(fd));
	close(fd);
	system_log_close();
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/log", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_its_priority_and_says_whose_it_is),
		cmocka_unit_test(a_line_of_the_longest_length_arrives_whole),
		cmocka_unit_test(a_log_that_does_not_read_costs_its_wait_once),
		cmocka_unit_test(a_log_that_begins_anew_is_found),
		cmocka_unit_test(a_log_that_comes_later_is_found),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
