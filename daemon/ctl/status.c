/*
 * status.c - the command "status": what the running daemon is doing.
 *
 * Floor ctl.  Which counts there are is the daemon's to say: families whose
 * lines differ in one word are rows of a table here, and what a later daemon
 * adds to them is told without a change.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ask.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/statistics.h"
#include "ctl/table.h"
#include "format/control.h"
#include "format/utf8.h"

enum { JSON, WATCH };

#define WATCH_MAX    3600L /* seconds between two looks */
#define WORDS_MAX    4096  /* bytes of one sentence */
#define HOUR_S       3600L
#define DAY_S        86400L
#define EXPIRES_SOON 30                    /* days; as capsuled logs it */
#define STAMP_MAX    INT64_C(253402300799) /* the last second of 9999 */

/* What is told, and where. */
struct status {
	struct statistics counted;
	const struct look *now; /* counted.now */
	const struct term *term;
};

static const char *const protocols[] = { "gemini", "gopher" };

#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* Families, their heads on the screen and their members in JSON. */
static const struct {
	const char *head, *name;
} lists[] = {
	{ "limits", "limits_total" },
	{ "deadlines", "deadlines_total" },
	{ "applications", "application_answers_total" },
	{ "sessions", "tls_sessions_total" },
	{ "signatures", "signatures_total" },
	{ "deaths", "process_deaths_total" },
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

/* Counters that people are told of if they are not 0. */
static const struct {
	const char *member, *words, *name;
} mishaps[] = {
	{ "answers_cut", "answers that began and did not end",
	    "answers_cut_total" },
	{ "proxy_header_failures", "connections without a PROXY header",
	    "proxy_header_failures_total" },
	{ "log_lines_dropped", "lines that the log could not take",
	    "log_lines_dropped_total" },
};

#define N_MISHAPS (sizeof(mishaps) / sizeof(mishaps[0]))

/* -- words -- */

/* Text of the daemon's as a terminal may have it, as a C string. */
static const char *
clean_word(struct view v, char *to, size_t size)
{
	struct buf b = { to, 0, size - 1, size - 1, false };

	utf8_clean(&b, v);
	to[b.len] = '\0';
	return to;
}

static int64_t
get_moment(const struct status *s, const char *key)
{
	int64_t t = look_number(s->now, key);

	return t < 0 ? 0 : t > STAMP_MAX ? STAMP_MAX : t;
}

/* "3 days 4 h", "5 min 20 s": two units are enough. */
static const char *
duration(int64_t s, char *to, size_t size)
{
	if (s < 0)
		s = 0;
	if (s >= DAY_S)
		snprintf(to, size, "%lld day%s %lld h", (long long)(s / DAY_S),
		    s / DAY_S == 1 ? "" : "s", (long long)(s % DAY_S / HOUR_S));
	else if (s >= HOUR_S)
		snprintf(to, size, "%lld h %lld min", (long long)(s / HOUR_S),
		    (long long)(s % HOUR_S / 60));
	else if (s >= 60)
		snprintf(to, size, "%lld min %lld s", (long long)(s / 60),
		    (long long)(s % 60));
	else
		snprintf(to, size, "%lld s", (long long)s);
	return to;
}

static const char *
speed(double per_second, char *to, size_t size)
{
	if (per_second > 0 && per_second < 0.01)
		snprintf(to, size, "<0.01");
	else
		snprintf(to, size, per_second < 100 ? "%.2f" : "%.0f",
		    per_second);
	return to;
}

static const char *
time_text(double s, bool beyond, char *to, size_t size)
{
	if (s == 0)
		snprintf(to, size, "-");
	else if (s < 1)
		snprintf(to, size, "%s%.0f ms", beyond ? ">" : "", s * 1000);
	else
		snprintf(to, size, "%s%.0f s", beyond ? ">" : "", s);
	return to;
}

static const char *
size_text(int64_t n, char *to, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)n;
	size_t i = 0;

	while (v >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		i++;
	}
	snprintf(to, size, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
	return to;
}

/* "requests_total.gemini.20": NAME.REST as it stands in the answer. */
static const char *
join_key(const char *name, struct view rest, char *to, size_t size)
{
	snprintf(to, size, "%s.%.*s", name, VIEW_ARG(rest));
	return to;
}

/* -- to people -- */

static void
print_head(const char *head)
{
	printf("  %-14s", head);
}

static void
print_coloured(const struct status *s, enum term_colour colour,
    const char *text)
{
	const struct term *t = s->term;

	printf("%s%s%s\n", term_colour(t, colour), text,
	    term_colour(t, TERM_PLAIN));
}

static void
print_reload(const struct status *s)
{
	char stamp[CLOCK_STAMP_MAX], ago[64];
	int64_t t = get_moment(s, "last_reload_time_seconds");

	print_head("loaded");
	printf("%s, %s ago\n", clock_stamp(t, stamp, sizeof(stamp)),
	    duration(s->now->wall - t, ago, sizeof(ago)));
	print_head("reloads");
	printf("%lld done, %lld refused\n",
	    (long long)look_number(s->now, "reloads_total.done"),
	    (long long)look_number(s->now, "reloads_total.refused"));
	if (look_number(s->now, "last_reload_success") != 0)
		return;
	print_head("");
	print_coloured(s, TERM_RED,
	    "the last one was refused: what was loaded before is served; the "
	    "log says why");
}

/* What the last load left out, or found unwise. */
static void
print_warnings(const struct status *s)
{
	struct view rest = buf_view(&s->now->answer), key, value;
	int64_t n = look_number(s->now, "warnings"),
		reading = look_number(s->now, "reading");
	char text[WORDS_MAX];

	if (reading > 0) {
		print_head("content");
		printf("being read, %lld files so far\n", (long long)reading);
	}
	print_head("warnings");
	if (n == 0) {
		print_coloured(s, TERM_DIM, "none");
		return;
	}
	printf("%lld\n", (long long)n);
	while (control_next(&rest, &key, &value))
		if (view_eq(key, VIEW("warning")))
			print_coloured(s, TERM_YELLOW,
			    clean_word(value, text, sizeof(text)));
}

static void
print_daemon(const struct status *s)
{
	int64_t born = get_moment(s, "start_time_seconds");
	char stamp[CLOCK_STAMP_MAX], text[256];

	printf("%scapsuled %s%s\n", term_colour(s->term, TERM_BOLD),
	    clean_word(look_text(s->now, "version"), text, sizeof(text)),
	    term_colour(s->term, TERM_PLAIN));
	print_head("running");
	printf("%s, since %s\n",
	    duration(s->now->wall - born, text, sizeof(text)),
	    clock_stamp(born, stamp, sizeof(stamp)));
	print_head("workers");
	printf("%lld\n", (long long)look_number(s->now, "workers"));
	print_reload(s);
}

/* "3 first_byte, 1 request", without what is 0; false if all is. */
static bool
print_list(const struct status *s, const char *name, const char *before)
{
	struct view at = { NULL, 0 }, rest;
	bool any = false;
	char text[256];
	int64_t n;

	while (look_next(s->now, name, &at, &rest, &n)) {
		if (n == 0)
			continue;
		printf("%s%lld %s", any ? ", " : before, (long long)n,
		    clean_word(rest, text, sizeof(text)));
		any = true;
	}
	return any;
}

static void
print_connections(const struct status *s)
{
	static const char name[] = "connections_accepted_total";
	char text[32];

	print_head("connections");
	printf("%lld open", (long long)look_sum(s->now, "connections"));
	(void)print_list(s, "connections", ": ");
	printf("; %lld accepted, %s/s\n", (long long)look_number(s->now, name),
	    speed(statistics_rate(&s->counted, name), text, sizeof(text)));
}

/* Handshakes that resumed a session, of either version. */
static int64_t
count_resumed(const struct status *s)
{
	return look_number(s->now, "tls_handshakes_total.1.2.yes") +
	    look_number(s->now, "tls_handshakes_total.1.3.yes");
}

static void
print_handshakes(const struct status *s)
{
	static const char name[] = "tls_handshakes_total";
	int64_t all = look_sum(s->now, name);
	char text[32];

	print_head("handshakes");
	printf("%lld, %s/s", (long long)all,
	    speed(statistics_rate(&s->counted, name), text, sizeof(text)));
	if (all > 0)
		printf("; %.0f %% resumed",
		    100 * (double)count_resumed(s) / (double)all);
	printf("; %lld failed\n",
	    (long long)look_number(s->now, "tls_handshake_failures_total"));
}

static void
print_lists(const struct status *s)
{
	int64_t n;
	size_t i;

	for (i = 0; i < N_LISTS; i++) {
		print_head(lists[i].head);
		if (print_list(s, lists[i].name, ""))
			putchar('\n');
		else
			print_coloured(s, TERM_DIM, "none");
	}
	for (i = 0; i < N_MISHAPS; i++) {
		n = look_number(s->now, mishaps[i].name);
		if (n == 0)
			continue;
		print_head("mishaps");
		printf("%lld %s\n", (long long)n, mishaps[i].words);
	}
}

/* A certificate that needs care; false if it does not. */
static bool
print_expiry(const struct status *s, const char *host, int64_t left)
{
	int64_t days = left / DAY_S;
	char text[640];

	if (left >= 0 && days >= EXPIRES_SOON)
		return false;
	if (left < 0)
		snprintf(text, sizeof(text),
		    "%s has expired: every client refuses it", host);
	else
		snprintf(text, sizeof(text), "%s expires in %lld day%s", host,
		    (long long)days, days == 1 ? "" : "s");
	print_head("certificate");
	print_coloured(s, left < 0 ? TERM_RED : TERM_YELLOW, text);
	return true;
}

/* One line for each certificate that needs care, one for the next one. */
static void
print_certificates(const struct status *s)
{
	struct view at = { NULL, 0 }, host, next = { NULL, 0 };
	int64_t left, least = 0;
	char text[512];

	while (
	    look_next(s->now, "certificate_expiry_seconds", &at, &host, &left))
		if (!print_expiry(s, clean_word(host, text, sizeof(text)),
			left) &&
		    (next.p == NULL || left < least)) {
			next = host;
			least = left;
		}
	if (next.p == NULL)
		return;
	print_head("certificate");
	printf("%s, %lld days left\n", clean_word(next, text, sizeof(text)),
	    (long long)(least / DAY_S));
}

static void
print_requests(const struct status *s)
{
	static const struct table_column columns[] = { { "protocol", false },
		{ "status", true }, { "requests", true },
		{ "a second", true } };
	struct table *t = table_new(columns, 4);
	struct view at = { NULL, 0 }, rest, protocol;
	char key[256], text[32];
	int64_t n;

	while (look_next(s->now, "requests_total", &at, &rest, &n)) {
		(void)join_key("requests_total", rest, key, sizeof(key));
		protocol = view_cut(&rest, '.');
		table_put(t, "%.*s", VIEW_ARG(protocol));
		table_put(t, "%.*s", VIEW_ARG(rest));
		table_put(t, "%lld", (long long)n);
		table_put(t, "%s",
		    speed(statistics_rate_of(&s->counted, key), text,
			sizeof(text)));
	}
	putchar('\n');
	table_print(t, s->term, stdout);
	table_free(t);
}

static int64_t
count_bytes(const struct status *s, const char *protocol)
{
	char key[64];

	return look_number(s->now,
	    join_key("sent_bytes_total", view_of(protocol), key, sizeof(key)));
}

static void
print_answers(const struct status *s)
{
	static const struct table_column columns[] = { { "answers", false },
		{ "sent", true }, { "half within", true },
		{ "90 % within", true } };
	static const int parts[] = { 5, 9 }; /* tenths */
	struct table *t = table_new(columns, 4);
	char text[32];
	bool beyond;
	double at;
	size_t i, k;

	for (i = 0; i < N_PROTOCOLS; i++) {
		table_put(t, "%s", protocols[i]);
		table_put(t, "%s",
		    size_text(count_bytes(s, protocols[i]), text,
			sizeof(text)));
		for (k = 0; k < 2; k++) {
			at = statistics_within(&s->counted, protocols[i],
			    parts[k], &beyond);
			table_put(t, "%s",
			    time_text(at, beyond, text, sizeof(text)));
		}
	}
	putchar('\n');
	table_print(t, s->term, stdout);
	table_free(t);
}

static void
print_status(const struct status *s)
{
	print_daemon(s);
	print_warnings(s);
	print_connections(s);
	print_handshakes(s);
	print_lists(s);
	print_certificates(s);
	print_requests(s);
	print_answers(s);
}

/* -- to scripts -- */

static void
put_members(const struct status *s, struct json *j, const char *head,
    const char *name)
{
	struct view at = { NULL, 0 }, rest;
	char text[256];
	int64_t n;

	json_open(j, head, '{');
	while (look_next(s->now, name, &at, &rest, &n))
		json_number(j, clean_word(rest, text, sizeof(text)),
		    (long long)n);
	json_close(j, '}');
}

static void
put_status_count(const struct status *s, struct json *j, const char *member,
    const char *key)
{
	json_number(j, member, (long long)look_number(s->now, key));
}

static void
put_moment(const struct status *s, struct json *j, const char *member,
    const char *key)
{
	char stamp[CLOCK_STAMP_MAX];

	json_string(j, member,
	    view_of(clock_stamp(get_moment(s, key), stamp, sizeof(stamp))));
}

static void
put_daemon(const struct status *s, struct json *j)
{
	int64_t born = get_moment(s, "start_time_seconds");
	char text[256];

	json_string(j, "version",
	    view_of(
		clean_word(look_text(s->now, "version"), text, sizeof(text))));
	put_moment(s, j, "started", "start_time_seconds");
	json_number(j, "uptime_seconds", (long long)(s->now->wall - born));
	put_status_count(s, j, "workers", "workers");
	put_status_count(s, j, "warnings", "warnings");
	put_status_count(s, j, "reading", "reading");
	json_open(j, "reload", '{');
	put_moment(s, j, "loaded", "last_reload_time_seconds");
	json_bool(j, "fine", look_number(s->now, "last_reload_success") != 0);
	put_status_count(s, j, "done", "reloads_total.done");
	put_status_count(s, j, "refused", "reloads_total.refused");
	json_close(j, '}');
}

static void
put_connections(const struct status *s, struct json *j)
{
	static const char accepted[] = "connections_accepted_total";
	static const char shaken[] = "tls_handshakes_total";

	json_open(j, "connections", '{');
	put_status_count(s, j, "accepted", accepted);
	json_real(j, "accepted_per_second",
	    statistics_rate(&s->counted, accepted));
	put_members(s, j, "open", "connections");
	json_close(j, '}');
	json_open(j, "handshakes", '{');
	json_number(j, "done", (long long)look_sum(s->now, shaken));
	json_real(j, "done_per_second", statistics_rate(&s->counted, shaken));
	json_number(j, "resumed", (long long)count_resumed(s));
	put_status_count(s, j, "failed", "tls_handshake_failures_total");
	json_close(j, '}');
}

static void
put_request_list(const struct status *s, struct json *j)
{
	struct view at = { NULL, 0 }, rest, protocol;
	unsigned long status;
	char key[256], text[32];
	int64_t n;

	json_open(j, "requests", '[');
	while (look_next(s->now, "requests_total", &at, &rest, &n)) {
		(void)join_key("requests_total", rest, key, sizeof(key));
		protocol = view_cut(&rest, '.');
		if (view_to_number(rest, 99, &status) == -1)
			status = 0;
		json_open(j, NULL, '{');
		json_string(j, "protocol",
		    view_of(clean_word(protocol, text, sizeof(text))));
		json_number(j, "status", (long long)status);
		json_number(j, "count", (long long)n);
		json_real(j, "per_second",
		    statistics_rate_of(&s->counted, key));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
put_answers(const struct status *s, struct json *j)
{
	static const struct {
		const char *name;
		int tenths;
	} parts[] = { { "p50_ms", 5 }, { "p90_ms", 9 } };
	bool beyond;
	double at;
	size_t i, k;

	json_open(j, "answers", '[');
	for (i = 0; i < N_PROTOCOLS; i++) {
		json_open(j, NULL, '{');
		json_string(j, "protocol", view_of(protocols[i]));
		json_number(j, "bytes",
		    (long long)count_bytes(s, protocols[i]));
		for (k = 0; k < 2; k++) {
			at = statistics_within(&s->counted, protocols[i],
			    parts[k].tenths, &beyond);
			if (at > 0)
				json_real(j, parts[k].name, at * 1000);
		}
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
put_certificates(const struct status *s, struct json *j)
{
	struct view at = { NULL, 0 }, host;
	char text[512];
	int64_t left;

	json_open(j, "certificates", '[');
	while (look_next(s->now, "certificate_expiry_seconds", &at, &host,
	    &left)) {
		json_open(j, NULL, '{');
		json_string(j, "host",
		    view_of(clean_word(host, text, sizeof(text))));
		json_number(j, "days_left", (long long)(left / DAY_S));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
write_status(const struct status *s)
{
	struct json j = { stdout, 0, false };
	size_t i;

	json_open(&j, NULL, '{');
	put_daemon(s, &j);
	put_connections(s, &j);
	for (i = 0; i < N_LISTS; i++)
		put_members(s, &j, lists[i].head, lists[i].name);
	for (i = 0; i < N_MISHAPS; i++)
		put_status_count(s, &j, mishaps[i].member, mishaps[i].name);
	put_request_list(s, &j);
	put_answers(s, &j);
	put_certificates(s, &j);
	json_close(&j, '}');
}

/* -- the command -- */

/* Ask at path; 0, or -1 with a sentence appended to why.  The answer is to be
 * freed in both cases. */
static int
take_look(struct look *l, const char *path, struct buf *why)
{
	int r;

	buf_init(&l->answer, CONTROL_ANSWER_MAX);
	r = ask_daemon(path, "status", ASK_DEADLINE_MS, &l->answer, why);
	l->ms = clock_ms();
	l->wall = clock_wall();
	if (r == 1) /* whoever knows no status is none of ours */
		buf_printf(why, "%s refuses to tell", path);
	return r == 0 ? 0 : -1;
}

/* Look once, and tell; false, and why, if there was nothing to see. */
static bool
tell_look(const struct call *call, const char *path, struct look *now,
    const struct look *before, struct buf *why)
{
	bool seen = take_look(now, path, why) == 0;
	struct status s = { .now = now, .term = &call->term };

	if (call->options[WATCH] != NULL)
		fputs(term_anew(&call->term), stdout);
	if (!seen)
		return false;
	s.counted = statistics_of(now, before);
	if (call->options[JSON] != NULL)
		write_status(&s);
	else
		print_status(&s);
	return true;
}

static enum command_exit
once(const struct call *call, const char *path)
{
	enum command_exit exit = COMMAND_DONE;
	struct buf why;
	struct look now;

	buf_init(&why, WORDS_MAX);
	if (!tell_look(call, path, &now, NULL, &why))
		exit = command_fail(call, COMMAND_FAILED, "%.*s",
		    VIEW_ARG(buf_view(&why)));
	buf_fini(&now.answer);
	buf_fini(&why);
	return exit;
}

/* Nothing has to be put back, so nobody has to wait for it. */
static void
on_interrupt(int number)
{
	(void)number;
	_exit(COMMAND_DONE);
}

/* Until ^C; a daemon that is away may come back meanwhile. */
static enum command_exit
watch_daemon(const struct call *call, const char *path, unsigned long seconds)
{
	struct look looks[2];
	bool has_before = false;
	int which = 0;
	struct buf why;

	(void)signal(SIGINT, on_interrupt);
	/* A screen at a time, not a line. */
	(void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ * 8);
	while (!ferror(stdout)) {
		buf_init(&why, WORDS_MAX);
		if (tell_look(call, path, &looks[which],
			has_before ? &looks[1 - which] : NULL, &why)) {
			if (has_before)
				buf_fini(&looks[1 - which].answer);
			has_before = true;
			which = 1 - which;
		} else {
			printf("%.*s\n", VIEW_ARG(buf_view(&why)));
			buf_fini(&looks[which].answer);
		}
		(void)fflush(stdout);
		buf_fini(&why);
		(void)poll(NULL, 0, (int)seconds * 1000);
	}
	return COMMAND_FAILED;
}

/* Seconds of --watch, 0 without it; -1, and told, if they are none. */
static int
read_watch(const struct call *call, unsigned long *seconds)
{
	const char *said = call->options[WATCH];

	*seconds = 0;
	if (said == NULL)
		return 0;
	if (view_to_number(view_of(said), WATCH_MAX, seconds) == -1 ||
	    *seconds == 0)
		(void)command_fail(call, COMMAND_USAGE,
		    "--watch: \"%s\" is not a number of seconds from 1 to %ld",
		    said, WATCH_MAX);
	else if (call->options[JSON] != NULL)
		(void)command_fail(call, COMMAND_USAGE,
		    "--json and --watch do not go together");
	else if (!call->term.is_terminal)
		(void)command_fail(call, COMMAND_USAGE,
		    "--watch is for terminals; scripts ask with --json");
	else
		return 0;
	return -1;
}

static enum command_exit
run_status(struct call *call)
{
	char path[CONF_UNIX_MAX + 1];
	unsigned long seconds;

	if (read_watch(call, &seconds) == -1)
		return COMMAND_USAGE;
	if (ask_find_socket(call, path) == -1)
		return COMMAND_FAILED;
	return seconds > 0 ? watch_daemon(call, path, seconds)
			   : once(call, path);
}

const struct command command_status = {
	"status",
	"",
	"tell what the running daemon is doing",
	"Asks the capsuled that runs with this configuration, at its control\n"
	"socket, and tells since when it runs, what it has answered and how\n"
	"fast, who is connected, which limits were in somebody's way, and "
	"when\n"
	"certificates expire.  Rates are since the start of capsuled.\n"
	"Exits with 1 if there is no answer.\n",
	{ { "json", NULL, "write JSON, for scripts" },
	    { "watch", "SECONDS",
		"again and again, with rates of the time between; ^C ends" } },
	0,
	0,
	run_status,
};
