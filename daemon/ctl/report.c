/*
 * report.c - tell people and scripts what the daemon is doing.
 *
 * Floor ctl.  Which counts there are is the daemon's to say: families whose
 * samples one label tells apart are rows of a table here, and what a later
 * daemon adds to them is told without a change.
 */
#include "ctl/report.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/json.h"
#include "ctl/table.h"

#define PREFIX       RECKON_PREFIX
#define HOUR_S       3600L
#define DAY_S        86400L
#define EXPIRES_SOON 30   /* days; as capsuled warns in its log */
#define WORDS_MAX    4096 /* bytes of one line */

static const char *const protocols[] = { "gemini", "gopher" };

#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* What is told, and where. */
struct status {
	const struct reckoning *r;
	const struct look *now; /* r's */
	const struct term *term;
};

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
	const struct term *t = s->term;

	printf("%s%s%s\n", term_colour(t, colour), text,
	    term_colour(t, TERM_PLAIN));
}

static void
print_reload(const struct status *s)
{
	char stamp[CLOCK_STAMP_MAX], ago[64];
	int64_t t = reckon_moment(s->r, PREFIX "last_reload_time_seconds");
	const char *name = PREFIX "reloads_total";

	print_head("loaded");
	printf("%s, %s ago\n", clock_stamp(t, stamp, sizeof(stamp)),
	    duration(s->now->wall - t, ago, sizeof(ago)));
	print_head("reloads");
	printf("%lld done, %lld refused\n",
	    (long long)reckon_sum(s->r, name, "result", "done"),
	    (long long)reckon_sum(s->r, name, "result", "refused"));
	if (reckon_get(s->r, PREFIX "last_reload_success") != 0)
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
	int64_t born = reckon_moment(s->r, PREFIX "start_time_seconds");
	char stamp[CLOCK_STAMP_MAX], text[256];
	const char *version = "";
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, VIEW(PREFIX "build_info")))
			version = word(&c->v[i], "version", text, sizeof(text));
	printf("%scapsuled %s%s\n", term_colour(s->term, TERM_BOLD), version,
	    term_colour(s->term, TERM_PLAIN));
	print_head("running");
	printf("%s, since %s\n",
	    duration(s->now->wall - born, text, sizeof(text)),
	    clock_stamp(born, stamp, sizeof(stamp)));
	print_head("workers");
	printf("%lld\n", (long long)reckon_get(s->r, PREFIX "workers"));
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
	printf("%lld open", (long long)reckon_get(s->r, PREFIX "connections"));
	if (open.len > 0)
		printf(": %.*s", VIEW_ARG(buf_view(&open)));
	printf("; %lld accepted, %s/s\n", (long long)reckon_get(s->r, name),
	    speed(reckon_rate(s->r, name, NULL, NULL), text, sizeof(text)));
	buf_fini(&open);
}

static void
print_handshakes(const struct status *s)
{
	const char *name = PREFIX "tls_handshakes_total";
	int64_t all = reckon_get(s->r, name);
	char text[32];

	print_head("handshakes");
	printf("%lld, %s/s", (long long)all,
	    speed(reckon_rate(s->r, name, NULL, NULL), text, sizeof(text)));
	if (all > 0)
		printf("; %.0f %% resumed",
		    100 * (double)reckon_sum(s->r, name, "resumed", "yes") /
			(double)all);
	printf("; %lld failed\n",
	    (long long)reckon_get(s->r, PREFIX "tls_handshake_failures_total"));
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
		if (reckon_get(s->r, mishaps[i].name) != 0) {
			print_head("mishaps");
			printf("%lld %s\n",
			    (long long)reckon_get(s->r, mishaps[i].name),
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
		    speed(reckon_requests(s->r, protocol, status), text,
			sizeof(text)));
	}
	putchar('\n');
	table_print(t, s->term, stdout);
	table_free(t);
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
		    bytes(reckon_sum(s->r, PREFIX "sent_bytes_total",
			      "protocol", protocols[i]),
			text, sizeof(text)));
		for (k = 0; k < 2; k++) {
			at = reckon_quantile(s->r, protocols[i], parts[k],
			    &beyond);
			table_put(t, "%s",
			    span(at, beyond, text, sizeof(text)));
		}
	}
	putchar('\n');
	table_print(t, s->term, stdout);
	table_free(t);
}

void
report_print(const struct reckoning *r, const struct term *term)
{
	struct status whole = { r, r->now, term }, *s = &whole;

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
put_moment(struct json *j, const char *name, int64_t t)
{
	char stamp[CLOCK_STAMP_MAX];

	json_string(j, name, view_of(clock_stamp(t, stamp, sizeof(stamp))));
}

static void
put_daemon(const struct status *s, struct json *j)
{
	const struct counts *c = &s->now->counts;
	int64_t born = reckon_moment(s->r, PREFIX "start_time_seconds");
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
	json_number(j, "workers",
	    (long long)reckon_get(s->r, PREFIX "workers"));
	json_open(j, "reload", '{');
	put_moment(j, "loaded",
	    reckon_moment(s->r, PREFIX "last_reload_time_seconds"));
	json_bool(j, "fine",
	    reckon_get(s->r, PREFIX "last_reload_success") != 0);
	json_number(j, "done",
	    (long long)reckon_sum(s->r, PREFIX "reloads_total", "result",
		"done"));
	json_number(j, "refused",
	    (long long)reckon_sum(s->r, PREFIX "reloads_total", "result",
		"refused"));
	json_close(j, '}');
}

static void
put_connections(const struct status *s, struct json *j)
{
	const char *accepted = PREFIX "connections_accepted_total";
	const char *shaken = PREFIX "tls_handshakes_total";

	json_open(j, "connections", '{');
	json_number(j, "accepted", (long long)reckon_get(s->r, accepted));
	json_real(j, "accepted_per_second",
	    reckon_rate(s->r, accepted, NULL, NULL));
	put_members(s, j, "open", PREFIX "connections", "state");
	json_close(j, '}');
	json_open(j, "handshakes", '{');
	json_number(j, "done", (long long)reckon_get(s->r, shaken));
	json_real(j, "done_per_second", reckon_rate(s->r, shaken, NULL, NULL));
	json_number(j, "resumed",
	    (long long)reckon_sum(s->r, shaken, "resumed", "yes"));
	json_number(j, "failed",
	    (long long)reckon_get(s->r, PREFIX "tls_handshake_failures_total"));
	json_close(j, '}');
}

static void
put_requests(const struct status *s, struct json *j)
{
	const struct counts *c = &s->now->counts;
	char protocol[32], status[32];
	unsigned long number;
	size_t i;

	json_open(j, "requests", '[');
	for (i = 0; i < c->n; i++) {
		if (!view_eq(c->v[i].name, VIEW(PREFIX "requests_total")))
			continue;
		(void)word(&c->v[i], "protocol", protocol, sizeof(protocol));
		(void)word(&c->v[i], "status", status, sizeof(status));
		json_open(j, NULL, '{');
		json_string(j, "protocol", view_of(protocol));
		json_number(j, "status",
		    view_to_number(view_of(status), 99, &number) == 0
			? (long long)number
			: 0);
		json_number(j, "count", (long long)counts_whole(&c->v[i]));
		json_real(j, "per_second",
		    reckon_requests(s->r, protocol, status));
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
		    (long long)reckon_sum(s->r, PREFIX "sent_bytes_total",
			"protocol", protocols[i]));
		for (k = 0; k < 2; k++)
			if ((at = reckon_quantile(s->r, protocols[i],
				 parts[k].q, &beyond)) >= 0)
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

void
report_json(const struct reckoning *r)
{
	struct status whole = { r, r->now, NULL }, *s = &whole;
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
		    (long long)reckon_get(s->r, mishaps[i].name));
	put_certificates(s, &j);
	json_close(&j, '}');
}
