/* test_logs.c - what the configuration of the log becomes. */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

#include "base/system_log.h"
#include "process/logs.h"

static unsigned written; /* lines */
static int facility;     /* that the system's log was opened with last */

/* In the place of the real one. */
void
system_log_open(const char *path, const char *name, int chosen)
{
	assert_null(path);
	assert_string_equal(name, "capsuled");
	facility = chosen;
}

bool
system_log_write(int priority, struct view text)
{
	(void)priority;
	(void)text;
	written++;
	return true;
}

void
system_log_close(void)
{
}

static void
syslog_is_opened_with_the_facility_of_the_configuration(void **state)
{
	static const int all[] = { LOG_DAEMON, LOG_LOCAL0, LOG_LOCAL7 };
	struct conf conf = { .path = "x.ini", .access = VIEW("syslog") };
	struct problems *ps = problems_new();
	struct logs logs;
	size_t i;

	(void)state;
	logs_init(&logs);
	/* Each but the first as at a reload. */
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		conf.facility = all[i];
		assert_int_equal(0, logs_open(&logs, &conf, false, ps));
		assert_int_equal(facility, all[i]);
	}
	assert_int_equal(0, problems_count(ps));
	problems_free(ps);
	logs_close(&logs);
}

/* So many in a turn, each datagram whole, and the rest in the next one. */
static void
a_worker_that_floods_has_its_lines_written_in_turns(void **state)
{
	struct conf conf = { .path = "x.ini",
		.access = VIEW("syslog"),
		.level = LOG_LEVEL_INFO };
	struct problems *ps = problems_new();
	char datagram[LOG_LINE_MAX];
	unsigned each = sizeof(datagram) / 3, sent = 0, i;
	struct logs logs;

	(void)state;
	for (i = 0; i < each; i++)
		memcpy(datagram + 3 * i, "1x\n", 3);
	logs_init(&logs);
	assert_int_equal(0, logs_open(&logs, &conf, false, ps));
	while (sent < 3 &&
	    send(logs.relay[1], datagram, 3 * each, MSG_DONTWAIT) > 0)
		sent++;
	assert_int_equal(3, sent);
	for (i = 1; i <= sent; i++) {
		written = 0;
		assert_true(logs_relay(&logs));
		assert_in_range(written, LOGS_TURN, each);
	}
	assert_false(logs_relay(&logs));
	logs_close(&logs);
	problems_free(ps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    syslog_is_opened_with_the_facility_of_the_configuration),
		cmocka_unit_test(
		    a_worker_that_floods_has_its_lines_written_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
