/*
 * status.c - the command "status": what the running daemon is doing.
 *
 * Floor ctl.  It knows nothing but the counts of [metrics], which Prometheus
 * gets as well: whoever may read these may ask, and nothing can be asked that
 * could disturb the daemon.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/counts.h"
#include "ctl/fetch.h"
#include "ctl/json.h"
#include "ctl/table.h"
#include "format/utf8.h"

enum { JSON, WATCH };

#define PREFIX       "capsuled_"
#define HOUR_S       3600L
#define DAY_S        86400L
#define EXPIRES_SOON 30     /* days; as capsuled warns in its log */
#define WATCH_MAX    HOUR_S /* between two looks */
#define STAMP_MAX    INT64_C(253402300799) /* the last second of 9999 */
#define WORDS_MAX    4096                  /* bytes of one line */

static const char *const protocols[] = { "gemini", "gopher" };

#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* One look at the daemon. */
struct look {
	struct buf answer;
	struct counts counts;
	time_t wall;
	int64_t ms;
};

/* What is told: a look, and what rates are reckoned from. */
struct status {
	const struct call *call;
	const struct look *now;
	const struct counts *before; /* NULL: since the start */
	double seconds;              /* from before until now; over 0 */
};

/* -- looking -- */

static void
look_init(struct look *l)
{
	*l = (struct look){ .ms = 0 };
	buf_init(&l->answer, FETCH_ANSWER_MAX);
}

static void
look_fini(struct look *l)
{
	counts_free(&l->counts);
	buf_fini(&l->answer);
}

/* Why there is no answer from an address. */
static void
tell_silence(enum fetch_result r, const char *at, struct buf *why)
{
	switch (r) {
	case FETCH_NOBODY:
		buf_printf(why,
		    "nobody answers at %s: %s; is capsuled running, and with "
		    "this configuration?",
		    at, strerror(errno));
		break;
	case FETCH_SLOW:
		buf_printf(why, "%s does not answer within %d seconds", at,
		    FETCH_DEADLINE_MS / 1000);
		break;
	case FETCH_TOO_LONG:
		buf_printf(why,
		    "%s sends more than %zu bytes: it is not "
		    "capsuled",
		    at, FETCH_ANSWER_MAX);
		break;
	default:
		buf_printf(why, "%s broke off its answer: %s", at,
		    strerror(errno));
		break;
	}
}

/* Read what came; 0, or -1 and why not. */
static int
understand(struct look *l, const char *at, struct buf *why)
{
	struct view page;
	int status, line;

	switch (scrape_page(buf_view(&l->answer), &status, &page)) {
	case SCRAPE_NO_HTTP:
		buf_printf(why,
		    "what answers at %s does not speak HTTP, or broke off", at);
		return -1;
	case SCRAPE_NOT_FOUND:
		buf_printf(why,
		    "what answers at %s has no /metrics (HTTP says %d): it is "
		    "not capsuled",
		    at, status);
		return -1;
	case SCRAPE_FINE:
		break;
	}
	if (counts_read(&l->counts, page, &line) == -1) {
		buf_printf(why,
		    "line %d of what %s answers is not Prometheus' text format",
		    line, at);
		return -1;
	}
	if (!counts_have(&l->counts, PREFIX "build_info") ||
	    !counts_have(&l->counts, PREFIX "start_time_seconds")) {
		buf_printf(why, "what answers at %s is not capsuled", at);
		return -1;
	}
	return 0;
}

/* Ask one listener; 0, or -1 and a sentence why not. */
static int
look_at(struct look *l, const struct conf_listen *at, struct buf *why)
{
	char room[CONF_UNIX_MAX + 64];
	struct buf name = { room, 0, sizeof(room) - 1, sizeof(room) - 1,
		false };
	enum fetch_result r;

	fetch_name(at, &name);
	room[name.len] = '\0';
	if (at->family != AF_UNIX && at->port == 0) {
		buf_printf(why,
		    "the port of %s is chosen anew at each start: [metrics] "
		    "has to name one",
		    room);
		return -1;
	}
	r = fetch(at, &l->answer);
	l->ms = clock_ms();
	l->wall = clock_wall();
	if (r == FETCH_DONE)
		return understand(l, room, why);
	tell_silence(r, room, why);
	return -1;
}

/*
 * Ask the listeners of the configuration until one answers; -1 and the first
 * reason if none does.  *l is initialised in any case.
 */
static int
look(struct look *l, const struct conf *conf, struct buf *why)
{
	struct buf another;
	size_t i;
	int r = -1;

	look_init(l);
	buf_init(&another, WORDS_MAX);
	for (i = 0; r == -1 && i < conf->metrics_listen.n; i++) {
		if (i > 0) {
			look_fini(l);
			look_init(l);
		}
		r = look_at(l, &conf->metrics_listen.v[i],
		    i == 0 ? why : &another);
	}
	buf_fini(&another);
	return r;
}

/* -- reckoning -- */

static int64_t
sum(const struct status *s, const char *name, const char *label,
    const char *value)
{
	return counts_sum(&s->now->counts, name, label, value);
}

static int64_t
get(const struct status *s, const char *name)
{
	return sum(s, name, NULL, NULL);
}

/* A moment that can be told, whatever the page says. */
static time_t
moment(const struct status *s, const char *name)
{
	int64_t t = get(s, name);

	return (time_t)(t < 0 ? 0 : t > STAMP_MAX ? STAMP_MAX : t);
}

static double
rate(const struct status *s, const char *name, const char *label,
    const char *value)
{
	int64_t n = sum(s, name, label, value);

	if (s->before != NULL)
		n -= counts_sum(s->before, name, label, value);
	return (double)n / s->seconds;
}

/* As rate, of one sample of requests. */
static double
request_rate(const struct status *s, const struct scrape_sample *one,
    const char *protocol, const char *status)
{
	int64_t n = counts_whole(one);
	const struct scrape_sample *old;
	char room[64];
	size_t i;

	for (i = 0; s->before != NULL && i < s->before->n; i++) {
		struct buf a = { room, 0, sizeof(room), sizeof(room), false };

		old = &s->before->v[i];
		if (!view_eq(old->name, one->name))
			continue;
		counts_label(old, "protocol", &a);
		if (!view_eq(buf_view(&a), view_of(protocol)))
			continue;
		buf_reset(&a);
		counts_label(old, "status", &a);
		if (view_eq(buf_view(&a), view_of(status)))
			n -= counts_whole(old);
	}
	return (double)n / s->seconds;
}

static struct status
reckon(const struct call *call, const struct look *now,
    const struct look *before)
{
	struct status s = { call, now, NULL, 1 };
	const char *start = PREFIX "start_time_seconds";
	time_t born = moment(&s, start);

	/* A daemon that was started meanwhile began from nothing. */
	if (before != NULL && before->ms < now->ms &&
	    counts_sum(&before->counts, start, NULL, NULL) == (int64_t)born) {
		s.before = &before->counts;
		s.seconds = (double)(now->ms - before->ms) / 1000;
	} else if (now->wall > born)
		s.seconds = (double)(now->wall - born);
	return s;
}

/* -- words -- */

/* The value of a label as a C string; "" if there is none, or no room. */
static const char *
word(const struct scrape_sample *sample, const char *label, char *to,
    size_t size)
{
	struct buf b = { to, 0, size - 1, size - 1, false };

	counts_label(sample, label, &b);
	to[b.len] = '\0';
	return to;
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

/* Seconds of an answer, as counts_quantile estimates them. */
static const char *
span(double s, bool beyond, char *to, size_t size)
{
	if (s < 0)
		snprintf(to, size, "-");
	else if (s < 1)
		snprintf(to, size, "%s%.1f ms", beyond ? ">" : "", s * 1000);
	else
		snprintf(to, size, "%s%.1f s", beyond ? ">" : "", s);
	return to;
}

static const char *
bytes(int64_t n, char *to, size_t size)
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

/* -- families whose samples one label tells apart -- */

static const struct list {
	const char *head; /* and the member of JSON */
	const char *name, *label;
} lists[] = {
	{ "limits", PREFIX "limits_total", "limit" },
	{ "deadlines", PREFIX "deadlines_total", "state" },
	{ "applications", PREFIX "application_answers_total", "result" },
	{ "sessions", PREFIX "tls_sessions_total", "kept" },
	{ "signatures", PREFIX "signatures_total", "result" },
	{ "deaths", PREFIX "process_deaths_total", "process" },
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

/* Counters without a label: only told if they are not 0. */
static const struct {
	const char *member, *words;
	const char *name;
} mishaps[] = {
	{ "answers_cut", "answers that began and did not end",
	    PREFIX "answers_cut_total" },
	{ "proxy_header_failures", "connections without a PROXY header",
	    PREFIX "proxy_header_failures_total" },
	{ "log_lines_dropped", "lines that the log could not take",
	    PREFIX "log_lines_dropped_total" },
};

#define N_MISHAPS (sizeof(mishaps) / sizeof(mishaps[0]))

/* Append "3 waiting, 1 reading", without what is 0; or nothing. */
static void
put_list(const struct status *s, const char *name, const char *label,
    struct buf *to)
{
	const struct counts *c = &s->now->counts;
	char value[256];
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, view_of(name)) &&
		    counts_whole(&c->v[i]) != 0)
			buf_printf(to, "%s%lld %s", to->len > 0 ? ", " : "",
			    (long long)counts_whole(&c->v[i]),
			    word(&c->v[i], label, value, sizeof(value)));
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
	const struct term *t = &s->call->term;

	printf("%s%s%s\n", term_colour(t, colour), text,
	    term_colour(t, TERM_PLAIN));
}

static void
print_reload(const struct status *s)
{
	char stamp[CLOCK_STAMP_MAX], ago[64];
	time_t t = moment(s, PREFIX "last_reload_time_seconds");
	const char *name = PREFIX "reloads_total";

	print_head("loaded");
	printf("%s, %s ago\n", clock_stamp(t, stamp, sizeof(stamp)),
	    duration(s->now->wall - t, ago, sizeof(ago)));
	print_head("reloads");
	printf("%lld done, %lld refused\n",
	    (long long)sum(s, name, "result", "done"),
	    (long long)sum(s, name, "result", "refused"));
	if (get(s, PREFIX "last_reload_success") != 0)
		return;
	print_head("");
	print_coloured(s, TERM_RED,
	    "the last one was refused: what was loaded before is served; the "
	    "log says why");
}

static void
print_daemon(const struct status *s)
{
	const struct counts *c = &s->now->counts;
	time_t born = moment(s, PREFIX "start_time_seconds");
	char stamp[CLOCK_STAMP_MAX], text[256];
	const char *version = "";
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, VIEW(PREFIX "build_info")))
			version = word(&c->v[i], "version", text, sizeof(text));
	printf("%scapsuled %s%s\n", term_colour(&s->call->term, TERM_BOLD),
	    version, term_colour(&s->call->term, TERM_PLAIN));
	print_head("running");
	printf("%s, since %s\n",
	    duration(s->now->wall - born, text, sizeof(text)),
	    clock_stamp(born, stamp, sizeof(stamp)));
	print_head("workers");
	printf("%lld\n", (long long)get(s, PREFIX "workers"));
	print_reload(s);
}

static void
print_connections(const struct status *s)
{
	const char *name = PREFIX "connections_accepted_total";
	struct buf open;
	char text[32];

	buf_init(&open, WORDS_MAX);
	put_list(s, PREFIX "connections", "state", &open);
	print_head("connections");
	printf("%lld open", (long long)get(s, PREFIX "connections"));
	if (open.len > 0)
		printf(": %.*s", VIEW_ARG(buf_view(&open)));
	printf("; %lld accepted, %s/s\n", (long long)get(s, name),
	    speed(rate(s, name, NULL, NULL), text, sizeof(text)));
	buf_fini(&open);
}

static void
print_handshakes(const struct status *s)
{
	const char *name = PREFIX "tls_handshakes_total";
	int64_t all = get(s, name);
	char text[32];

	print_head("handshakes");
	printf("%lld, %s/s", (long long)all,
	    speed(rate(s, name, NULL, NULL), text, sizeof(text)));
	if (all > 0)
		printf("; %.0f %% resumed",
		    100 * (double)sum(s, name, "resumed", "yes") / (double)all);
	printf("; %lld failed\n",
	    (long long)get(s, PREFIX "tls_handshake_failures_total"));
}

static void
print_lists(const struct status *s)
{
	struct buf text;
	size_t i;

	for (i = 0; i < N_LISTS; i++) {
		buf_init(&text, WORDS_MAX);
		put_list(s, lists[i].name, lists[i].label, &text);
		print_head(lists[i].head);
		if (text.len > 0)
			printf("%.*s\n", VIEW_ARG(buf_view(&text)));
		else
			print_coloured(s, TERM_DIM, "none");
		buf_fini(&text);
	}
	for (i = 0; i < N_MISHAPS; i++)
		if (get(s, mishaps[i].name) != 0) {
			print_head("mishaps");
			printf("%lld %s\n", (long long)get(s, mishaps[i].name),
			    mishaps[i].words);
		}
}

/* One line for each certificate that needs care, one for the next one. */
static void
print_certificates(const struct status *s)
{
	const struct counts *c = &s->now->counts;
	const struct scrape_sample *next = NULL;
	char host[512], text[640];
	int64_t days;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (!view_eq(c->v[i].name,
			VIEW(PREFIX "certificate_expiry_seconds")))
			continue;
		days = counts_whole(&c->v[i]) / DAY_S;
		if (counts_whole(&c->v[i]) >= 0 && days >= EXPIRES_SOON) {
			if (next == NULL ||
			    counts_whole(&c->v[i]) < counts_whole(next))
				next = &c->v[i];
			continue;
		}
		(void)word(&c->v[i], "host", host, sizeof(host));
		if (counts_whole(&c->v[i]) < 0)
			snprintf(text, sizeof(text),
			    "%s has expired: every client refuses it", host);
		else
			snprintf(text, sizeof(text), "%s expires in %lld day%s",
			    host, (long long)days, days == 1 ? "" : "s");
		print_head("certificate");
		print_coloured(s,
		    counts_whole(&c->v[i]) < 0 ? TERM_RED : TERM_YELLOW, text);
	}
	if (next == NULL)
		return;
	print_head("certificate");
	printf("%s, %lld days left\n", word(next, "host", host, sizeof(host)),
	    (long long)(counts_whole(next) / DAY_S));
}

static void
print_requests(const struct status *s)
{
	static const struct table_column columns[] = { { "protocol", false },
		{ "status", true }, { "requests", true },
		{ "a second", true } };
	struct table *t = table_new(columns, 4);
	const struct counts *c = &s->now->counts;
	char protocol[32], status[32], text[32];
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (!view_eq(c->v[i].name, VIEW(PREFIX "requests_total")))
			continue;
		(void)word(&c->v[i], "protocol", protocol, sizeof(protocol));
		(void)word(&c->v[i], "status", status, sizeof(status));
		table_put(t, "%s", protocol);
		table_put(t, "%s", status);
		table_put(t, "%lld", (long long)counts_whole(&c->v[i]));
		table_put(t, "%s",
		    speed(request_rate(s, &c->v[i], protocol, status), text,
			sizeof(text)));
	}
	putchar('\n');
	table_print(t, &s->call->term, stdout);
	table_free(t);
}

static double
quantile(const struct status *s, size_t protocol, double q, bool *beyond)
{
	return counts_quantile(&s->now->counts, s->before,
	    PREFIX "request_duration_seconds", "protocol", protocols[protocol],
	    q, beyond);
}

static void
print_answers(const struct status *s)
{
	static const struct table_column columns[] = { { "answers", false },
		{ "sent", true }, { "half within", true },
		{ "90 % within", true } };
	static const double parts[] = { 0.5, 0.9 };
	struct table *t = table_new(columns, 4);
	char text[32];
	bool beyond;
	double at;
	size_t i, k;

	for (i = 0; i < N_PROTOCOLS; i++) {
		table_put(t, "%s", protocols[i]);
		table_put(t, "%s",
		    bytes(sum(s, PREFIX "sent_bytes_total", "protocol",
			      protocols[i]),
			text, sizeof(text)));
		for (k = 0; k < 2; k++) {
			at = quantile(s, i, parts[k], &beyond);
			table_put(t, "%s",
			    span(at, beyond, text, sizeof(text)));
		}
	}
	putchar('\n');
	table_print(t, &s->call->term, stdout);
	table_free(t);
}

static void
print(const struct status *s)
{
	print_daemon(s);
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
    const char *name, const char *label)
{
	const struct counts *c = &s->now->counts;
	char value[256];
	size_t i;

	json_open(j, head, '{');
	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, view_of(name)))
			json_number(j,
			    word(&c->v[i], label, value, sizeof(value)),
			    (long long)counts_whole(&c->v[i]));
	json_close(j, '}');
}

static void
put_moment(struct json *j, const char *name, time_t t)
{
	char stamp[CLOCK_STAMP_MAX];

	json_string(j, name, view_of(clock_stamp(t, stamp, sizeof(stamp))));
}

static void
put_daemon(const struct status *s, struct json *j)
{
	const struct counts *c = &s->now->counts;
	time_t born = moment(s, PREFIX "start_time_seconds");
	char text[256];
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, VIEW(PREFIX "build_info"))) {
			json_string(j, "version",
			    view_of(
				word(&c->v[i], "version", text, sizeof(text))));
			break;
		}
	put_moment(j, "started", born);
	json_number(j, "uptime_seconds", (long long)(s->now->wall - born));
	json_number(j, "workers", (long long)get(s, PREFIX "workers"));
	json_open(j, "reload", '{');
	put_moment(j, "loaded", moment(s, PREFIX "last_reload_time_seconds"));
	json_bool(j, "fine", get(s, PREFIX "last_reload_success") != 0);
	json_number(j, "done",
	    (long long)sum(s, PREFIX "reloads_total", "result", "done"));
	json_number(j, "refused",
	    (long long)sum(s, PREFIX "reloads_total", "result", "refused"));
	json_close(j, '}');
}

static void
put_connections(const struct status *s, struct json *j)
{
	const char *accepted = PREFIX "connections_accepted_total";
	const char *shaken = PREFIX "tls_handshakes_total";

	json_open(j, "connections", '{');
	json_number(j, "accepted", (long long)get(s, accepted));
	json_real(j, "accepted_per_second", rate(s, accepted, NULL, NULL));
	put_members(s, j, "open", PREFIX "connections", "state");
	json_close(j, '}');
	json_open(j, "handshakes", '{');
	json_number(j, "done", (long long)get(s, shaken));
	json_real(j, "done_per_second", rate(s, shaken, NULL, NULL));
	json_number(j, "resumed", (long long)sum(s, shaken, "resumed", "yes"));
	json_number(j, "failed",
	    (long long)get(s, PREFIX "tls_handshake_failures_total"));
	json_close(j, '}');
}

static void
put_requests(const struct status *s, struct json *j)
{
	const struct counts *c = &s->now->counts;
	char protocol[32], status[32];
	size_t i;

	json_open(j, "requests", '[');
	for (i = 0; i < c->n; i++) {
		if (!view_eq(c->v[i].name, VIEW(PREFIX "requests_total")))
			continue;
		(void)word(&c->v[i], "protocol", protocol, sizeof(protocol));
		(void)word(&c->v[i], "status", status, sizeof(status));
		json_open(j, NULL, '{');
		json_string(j, "protocol", view_of(protocol));
		json_string(j, "status", view_of(status));
		json_number(j, "count", (long long)counts_whole(&c->v[i]));
		json_real(j, "per_second",
		    request_rate(s, &c->v[i], protocol, status));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
put_answers(const struct status *s, struct json *j)
{
	static const struct {
		const char *name;
		double q;
	} parts[] = { { "p50_ms", 0.5 }, { "p90_ms", 0.9 } };
	bool beyond;
	double at;
	size_t i, k;

	json_open(j, "answers", '[');
	for (i = 0; i < N_PROTOCOLS; i++) {
		json_open(j, NULL, '{');
		json_string(j, "protocol", view_of(protocols[i]));
		json_number(j, "bytes",
		    (long long)sum(s, PREFIX "sent_bytes_total", "protocol",
			protocols[i]));
		for (k = 0; k < 2; k++)
			if ((at = quantile(s, i, parts[k].q, &beyond)) >= 0)
				json_real(j, parts[k].name, at * 1000);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
put_certificates(const struct status *s, struct json *j)
{
	const struct counts *c = &s->now->counts;
	char host[512];
	size_t i;

	json_open(j, "certificates", '[');
	for (i = 0; i < c->n; i++) {
		if (!view_eq(c->v[i].name,
			VIEW(PREFIX "certificate_expiry_seconds")))
			continue;
		json_open(j, NULL, '{');
		json_string(j, "host",
		    view_of(word(&c->v[i], "host", host, sizeof(host))));
		json_number(j, "days_left",
		    (long long)(counts_whole(&c->v[i]) / DAY_S));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
print_json(const struct status *s)
{
	struct json j = { stdout, 0, false };
	size_t i;

	json_open(&j, NULL, '{');
	put_daemon(s, &j);
	put_connections(s, &j);
	put_requests(s, &j);
	put_answers(s, &j);
	for (i = 0; i < N_LISTS; i++)
		put_members(s, &j, lists[i].head, lists[i].name,
		    lists[i].label);
	for (i = 0; i < N_MISHAPS; i++)
		json_number(&j, mishaps[i].member,
		    (long long)get(s, mishaps[i].name));
	put_certificates(s, &j);
	json_close(&j, '}');
}

/* -- once, or again and again -- */

static enum command_exit
once(const struct call *call, const struct conf *conf)
{
	enum command_exit exit = COMMAND_DONE;
	struct status s;
	struct buf why;
	struct look now;

	buf_init(&why, WORDS_MAX);
	if (look(&now, conf, &why) == -1)
		exit = command_fail(call, COMMAND_FAILED, "%.*s",
		    VIEW_ARG(buf_view(&why)));
	else {
		s = reckon(call, &now, NULL);
		(call->options[JSON] != NULL ? print_json : print)(&s);
	}
	look_fini(&now);
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

/* Draw one look; false if there was none to draw. */
static bool
draw(const struct call *call, const struct conf *conf, struct look *now,
    const struct look *before)
{
	struct status s;
	struct buf why;
	bool seen;

	buf_init(&why, WORDS_MAX);
	seen = look(now, conf, &why) == 0;
	fputs(term_anew(&call->term), stdout);
	if (seen) {
		s = reckon(call, now, before);
		print(&s);
	} else
		printf("%.*s\n", VIEW_ARG(buf_view(&why)));
	(void)fflush(stdout);
	buf_fini(&why);
	return seen;
}

/* Until ^C; a daemon that is away may come back meanwhile. */
static enum command_exit
watch(const struct call *call, const struct conf *conf, unsigned long seconds)
{
	struct look looks[2];
	bool has_before = false;
	int which = 0;

	(void)signal(SIGINT, on_interrupt);
	/* A screen at a time, not a line. */
	(void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ * 8);
	while (!ferror(stdout)) {
		if (draw(call, conf, &looks[which],
			has_before ? &looks[1 - which] : NULL)) {
			if (has_before)
				look_fini(&looks[1 - which]);
			has_before = true;
			which = 1 - which;
		} else
			look_fini(&looks[which]);
		(void)poll(NULL, 0, (int)seconds * 1000);
	}
	return COMMAND_FAILED;
}

static enum command_exit
with_conf(const struct call *call, const struct conf *conf,
    unsigned long seconds)
{
	if (conf->metrics_listen.n == 0)
		return command_fail(call, COMMAND_FAILED,
		    "[metrics] is off in %s: say \"listen = 127.0.0.1:9965\" "
		    "there, and reload capsuled (HUP)",
		    conf->path);
	return seconds > 0 ? watch(call, conf, seconds) : once(call, conf);
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
run(struct call *call)
{
	enum command_exit status = COMMAND_FAILED;
	unsigned long seconds;
	struct problems *ps;
	struct conf *conf;
	size_t i;

	if (read_watch(call, &seconds) == -1)
		return COMMAND_USAGE;
	ps = problems_new();
	conf = conf_load(call->conf_path, ps);
	for (i = 0; i < problems_count(ps); i++)
		fprintf(stderr, "%s\n", problems_get(ps, i));
	if (conf != NULL && problems_count(ps) == 0)
		status = with_conf(call, conf, seconds);
	conf_free(conf);
	problems_free(ps);
	return status;
}

const struct command command_status = {
	"status",
	"",
	"tell what the running daemon is doing",
	"Asks the capsuled that runs with this configuration, at the address\n"
	"of [metrics], and tells since when it runs, what it has answered and\n"
	"how fast, who is connected, which limits were in somebody's way, and\n"
	"when certificates expire. Rates are since the start of capsuled.\n"
	"Exits with 1 if there is no answer.\n",
	{ { "json", NULL, "write JSON, for scripts" },
	    { "watch", "SECONDS",
		"again and again, with rates of the time between; ^C ends" } },
	0,
	0,
	run,
};
