/* test_metrics.c - counts of several processes, and what a death leaves. */
#include <sys/wait.h>

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
#include "net/metrics.h"

static struct metrics *m;
static struct buf page;

static int
setup(void **state)
{
	(void)state;
	m = metrics_new();
	metrics_enter(m, 0);
	buf_init(&page, METRICS_PAGE_MAX);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	metrics_free(m);
	buf_fini(&page);
	return 0;
}

/* True if the page has this whole line. */
static bool
says(const char *line)
{
	static const char *const states[METRICS_STATES] = { "waiting",
		"reading" };
	static const struct metrics_certificate certificate = {
		VIEW_INIT("capsule.example.org"), 1000
	};
	struct metrics_facts facts = { "1.2", &certificate, 1, 400 };
	struct view rest;

	buf_reset(&page);
	metrics_page(m, states, &facts, &page);
	assert_false(page.failed);
	for (rest = buf_view(&page); rest.len > 0;)
		if (view_eq(view_cut(&rest, '\n'), view_of(line)))
			return true;
	return false;
}

/* Let a process count in a row of its own, and wait for its end. */
static void
in_row(unsigned row, void (*fn)(void))
{
	pid_t pid = fork_child();
	int status;

	assert_int_not_equal(pid, -1);
	metrics_add_worker(m, row);
	if (pid == 0) {
		metrics_enter(m, row);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
serve_two(void)
{
	metrics_count(METRICS_ACCEPTED, 2);
	metrics_moved(METRICS_STATES, 0);
	metrics_moved(METRICS_STATES, 0);
	metrics_moved(0, 1);
	metrics_handshake(true, true);
	metrics_answered(0, 20, 100, 900);
	metrics_answered(1, 51, 7, 2000000);
	metrics_expired(1);
}

static void
a_table_begins_with_nothing(void **state)
{
	(void)state;
	assert_true(says("capsuled_connections_accepted_total 0"));
	assert_true(says("capsuled_connections{state=\"waiting\"} 0"));
	assert_true(says("capsuled_build_info{version=\"1.2\"} 1"));
	assert_true(says("capsuled_certificate_expiry_seconds{host="
			 "\"capsule.example.org\"} 600"));
	assert_false(says("capsuled_connections{state=\"\"} 0"));
}

static void
rows_are_added_up(void **state)
{
	(void)state;
	in_row(1, serve_two);
	in_row(METRICS_ROWS - 1, serve_two);
	assert_true(says("capsuled_connections_accepted_total 4"));
	assert_true(says("capsuled_connections{state=\"waiting\"} 2"));
	assert_true(says("capsuled_connections{state=\"reading\"} 2"));
	assert_true(says("capsuled_deadlines_total{state=\"reading\"} 2"));
	assert_true(says("capsuled_tls_handshakes_total{version=\"1.3\","
			 "resumed=\"yes\"} 2"));
	assert_true(says("capsuled_requests_total{protocol=\"gemini\","
			 "status=\"20\"} 2"));
	assert_true(says("capsuled_requests_total{protocol=\"gopher\","
			 "status=\"51\"} 2"));
	assert_true(says("capsuled_sent_bytes_total{protocol=\"gemini\"} 200"));
}

static void
who_is_reaped_is_still_counted_but_has_nothing_open(void **state)
{
	(void)state;
	in_row(3, serve_two);
	metrics_reap(m, 3);
	assert_true(says("capsuled_connections_accepted_total 2"));
	assert_true(says("capsuled_connections{state=\"waiting\"} 0"));
	assert_true(says("capsuled_connections{state=\"reading\"} 0"));
	in_row(3, serve_two); /* the next one of that number */
	assert_true(says("capsuled_connections_accepted_total 4"));
	assert_true(says("capsuled_connections{state=\"reading\"} 1"));
}

/* -- workers that lie -- */

static void
lie(void)
{
	size_t e;

	for (e = 0; e < METRICS_EVENTS; e++)
		metrics_count((enum metrics_event)e, (uint64_t)-1 / 2);
	metrics_answered(0, 20, (uint64_t)-1, INT64_MAX);
	metrics_answered(0, 20, (uint64_t)-1, INT64_MIN);
	metrics_moved(0, 1);
}

static void
what_a_worker_counts_cannot_break_the_page(void **state)
{
	int i;

	(void)state;
	for (i = 1; i < 5; i++)
		in_row((unsigned)i, lie);
	assert_true(says("capsuled_build_info{version=\"1.2\"} 1"));
	for (i = 1; i < 5; i++)
		metrics_reap(m, (unsigned)i);
	assert_true(says("capsuled_build_info{version=\"1.2\"} 1"));
}

static void
each_answer_falls_into_the_bucket_of_its_time(void **state)
{
	static const struct {
		int64_t us;
		const char *lower, *upper;
	} rows[] = {
		{ 1000, "0.001", "0.005" }, /* the end belongs to it */
		{ 1001, "0.005", "0.01" },  /* and what follows to the next */
		{ 30000000, "30", "+Inf" },
	};
	char line[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		metrics_answered(0, 20, 1, rows[i].us);
		snprintf(line, sizeof(line),
		    "capsuled_request_duration_seconds_bucket{protocol="
		    "\"gemini\",le=\"%s\"} %zu",
		    rows[i].lower, i + 1);
		assert_true(says(line));
	}
	metrics_answered(0, 20, 1, 30000001);
	assert_true(says("capsuled_request_duration_seconds_bucket{protocol="
			 "\"gemini\",le=\"30\"} 3"));
	assert_true(says("capsuled_request_duration_seconds_bucket{protocol="
			 "\"gemini\",le=\"+Inf\"} 4"));
	assert_true(says("capsuled_request_duration_seconds_count{protocol="
			 "\"gemini\"} 4"));
	assert_true(says("capsuled_request_duration_seconds_sum{protocol="
			 "\"gemini\"} 60.002002"));
}

static void
every_event_has_its_line(void **state)
{
	static const char *const lines[METRICS_EVENTS] = {
		[METRICS_ACCEPTED] = "capsuled_connections_accepted_total 1",
		[METRICS_REFUSED] = ("capsuled_limits_total{limit=\"max_"
				     "connections_per_address\"} 1"),
		[METRICS_SLOWED] = "capsuled_limits_total{limit=\"rate\"} 1",
		[METRICS_HANDSHAKE_LIMIT] =
		    "capsuled_limits_total{limit=\"handshakes\"} 1",
		[METRICS_FULL] =
		    "capsuled_limits_total{limit=\"max_connections\"} 1",
		[METRICS_EXHAUSTED] =
		    "capsuled_limits_total{limit=\"descriptors\"} 1",
		[METRICS_HANDSHAKE_BROKE] =
		    "capsuled_tls_handshake_failures_total 1",
		[METRICS_HEADER_BAD] = "capsuled_proxy_header_failures_total 1",
		[METRICS_CUT] = "capsuled_answers_cut_total 1",
		[METRICS_LOG_DROPPED] = "capsuled_log_lines_dropped_total 1",
		[METRICS_APP_DONE] =
		    "capsuled_application_answers_total{result=\"done\"} 1",
		[METRICS_APP_DOWN] =
		    "capsuled_application_answers_total{result=\"down\"} 1",
		[METRICS_APP_LATE] =
		    "capsuled_application_answers_total{result=\"late\"} 1",
		[METRICS_APP_BAD] =
		    "capsuled_application_answers_total{result=\"bad\"} 1",
		[METRICS_APP_LEFT] =
		    "capsuled_application_answers_total{result=\"left\"} 1",
		[METRICS_SEARCH_DONE] =
		    "capsuled_searches_total{result=\"done\"} 1",
		[METRICS_SEARCH_SLOW] =
		    "capsuled_searches_total{result=\"interrupted\"} 1",
		[METRICS_SEARCH_BUSY] =
		    "capsuled_searches_total{result=\"refused\"} 1",
		[METRICS_SEARCH_FAILED] =
		    "capsuled_searches_total{result=\"failed\"} 1",
		[METRICS_SEARCH_MS] = "capsuled_search_milliseconds_total 1",
		[METRICS_SESSION_STORED] =
		    "capsuled_tls_sessions_total{kept=\"stored\"} 1",
		[METRICS_SESSION_SEALED] =
		    "capsuled_tls_sessions_total{kept=\"sealed\"} 1",
		[METRICS_SIGNED] =
		    "capsuled_signatures_total{result=\"made\"} 1",
		[METRICS_NOT_SIGNED] =
		    "capsuled_signatures_total{result=\"failed\"} 1",
		[METRICS_WORKER_DIED] =
		    "capsuled_process_deaths_total{process=\"worker\"} 1",
		[METRICS_KEY_PROCESS_DIED] =
		    "capsuled_process_deaths_total{process=\"key_process\"} 1",
		[METRICS_RELOADED] =
		    "capsuled_reloads_total{result=\"done\"} 1",
		[METRICS_NOT_RELOADED] =
		    "capsuled_reloads_total{result=\"refused\"} 1",
	};
	enum metrics_event e;

	(void)state;
	for (e = 0; e < METRICS_EVENTS; e++) {
		assert_non_null(lines[e]);
		assert_false(says(lines[e]));
		metrics_count(e, 1);
		assert_true(says(lines[e]));
	}
}

static void
what_is_now_is_told(void **state)
{
	(void)state;
	metrics_set(METRICS_WORKERS, 3);
	metrics_set(METRICS_WORKERS, 2);
	metrics_set(METRICS_RELOAD_FINE, 1);
	assert_true(says("capsuled_workers 2"));
	assert_true(says("capsuled_last_reload_success 1"));
}

static void
a_page_is_whole_while_workers_are_reaped(void **state)
{
	pid_t pid;
	int i;

	(void)state;
	in_row(1, serve_two);
	pid = fork_child();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		metrics_enter(m, 0);
		for (i = 0; i < 2000; i++)
			metrics_reap(m, 1);
		_exit(0);
	}
	do
		assert_true(says("capsuled_connections_accepted_total 2"));
	while (waitpid(pid, &i, WNOHANG) == 0);
	assert_int_equal(i, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_table_begins_with_nothing),
		T(rows_are_added_up),
		T(who_is_reaped_is_still_counted_but_has_nothing_open),
		T(what_a_worker_counts_cannot_break_the_page),
		T(each_answer_falls_into_the_bucket_of_its_time),
		T(every_event_has_its_line),
		T(what_is_now_is_told),
		T(a_page_is_whole_while_workers_are_reaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
