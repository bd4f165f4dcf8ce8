/*
 * metrics.c - counts in shared memory, exact over workers and reloads.
 *
 * Floor net.  Every process has a row of its own and is the only one to write
 * it, so that counting is a load and a store; whoever wants to know adds the
 * rows up.  When a process is gone the master adds its row to its own.
 *
 * Each row has its pages, and a worker lets go of all but its own: it can tell
 * lies about itself alone, and the master's row is true.
 */
#include "net/metrics.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/shared.h"
#include "format/control.h"
#include "format/gemini.h"
#include "format/prometheus.h"

#define PREFIX    "capsuled_"
#define PROTOCOLS 2
#define SUM_TRIES 1000 /* to find that no row is being added */
#define STATUSES  70   /* Gemini's run from 10 to 69 */

/* Upper ends of the histogram's buckets: microseconds, and as told. */
static const struct {
	int64_t us;
	const char *seconds;
} buckets[] = {
	{ 1000, "0.001" },
	{ 5000, "0.005" },
	{ 10000, "0.01" },
	{ 50000, "0.05" },
	{ 100000, "0.1" },
	{ 500000, "0.5" },
	{ 1000000, "1" },
	{ 5000000, "5" },
	{ 30000000, "30" },
};

#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))

/* Where in a row each number is; all of them are of one kind. */
enum cell {
	CELL_EVENTS,
	CELL_REQUESTS = CELL_EVENTS + METRICS_EVENTS,
	CELL_BYTES = CELL_REQUESTS + PROTOCOLS * STATUSES,
	CELL_BUCKETS = CELL_BYTES + PROTOCOLS,
	CELL_US = CELL_BUCKETS + PROTOCOLS * (BUCKETS + 1),
	CELL_HANDSHAKES = CELL_US + PROTOCOLS,
	CELL_EXPIRED = CELL_HANDSHAKES + 4,
	/* From here on: what a process that is gone takes along. */
	CELL_OPEN = CELL_EXPIRED + METRICS_STATES,
	CELL_VALUES = CELL_OPEN + METRICS_STATES,
	CELLS = CELL_VALUES + METRICS_VALUES
};

struct row {
	_Atomic uint64_t cell[CELLS];
	/* The master's alone: odd while another row is being added to it. */
	atomic_uint reaps;
	atomic_uint highest; /* row that a worker ever had */
};

/* What each process has for itself. */
struct metrics {
	char *rows;  /* METRICS_ROWS */
	size_t size; /* bytes of one: whole pages */
};

static struct row unheard; /* what is counted before metrics_enter */
static struct row *mine = &unheard;

struct metrics *
metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	m->size = (sizeof(struct row) + page - 1) / page * page;
	m->rows = shared_map(METRICS_ROWS * m->size);
	return m;
}

static struct row *
row_at(const struct metrics *m, unsigned row)
{
	return (void *)(m->rows + row * m->size);
}

void
metrics_free(struct metrics *m)
{
	mine = &unheard;
	shared_unmap(m->rows, METRICS_ROWS * m->size);
	xfree(m);
}

void
metrics_enter(struct metrics *m, unsigned row)
{
	mine = row_at(m, row);
	if (row == 0)
		return;
	shared_unmap(m->rows, row * m->size);
	if (row + 1 < METRICS_ROWS)
		shared_unmap(m->rows + (row + 1) * m->size,
		    (METRICS_ROWS - row - 1) * m->size);
}

void
metrics_leave(void)
{
	mine = &unheard;
}

void
metrics_watch(struct metrics *m)
{
	metrics_leave();
	shared_protect(m->rows);
}

void
metrics_add_worker(struct metrics *m, unsigned row)
{
	struct row *kept = row_at(m, 0);

	if (SHARED_LOAD(&kept->highest) < row)
		SHARED_STORE(&kept->highest, row);
}

/* -- counting: one writer a row, so no instruction has to lock anything -- */

static uint64_t
get_cell(const struct row *r, size_t cell)
{
	return atomic_load_explicit(&r->cell[cell], memory_order_relaxed);
}

static void
put_cell(struct row *r, size_t cell, uint64_t value)
{
	atomic_store_explicit(&r->cell[cell], value, memory_order_relaxed);
}

static void
add_to_cell(size_t cell, uint64_t n)
{
	put_cell(mine, cell, get_cell(mine, cell) + n);
}

void
metrics_count(enum metrics_event e, uint64_t n)
{
	add_to_cell(CELL_EVENTS + (size_t)e, n);
}

void
metrics_set(enum metrics_value v, uint64_t to)
{
	put_cell(mine, CELL_VALUES + (size_t)v, to);
}

void
metrics_answered(unsigned protocol, int status, uint64_t bytes, int64_t us)
{
	size_t i = 0;

	while (i < BUCKETS && us > buckets[i].us)
		i++;
	if (status >= 0 && status < STATUSES)
		add_to_cell(CELL_REQUESTS + protocol * STATUSES +
			(size_t)status,
		    1);
	add_to_cell(CELL_BYTES + protocol, bytes);
	add_to_cell(CELL_BUCKETS + protocol * (BUCKETS + 1) + i, 1);
	add_to_cell(CELL_US + protocol, (uint64_t)us);
}

void
metrics_handshake(bool is_13, bool is_resumed)
{
	add_to_cell(CELL_HANDSHAKES + 2 * (size_t)is_13 + (size_t)is_resumed,
	    1);
}

void
metrics_moved(unsigned from, unsigned to)
{
	if (from < METRICS_STATES)
		add_to_cell(CELL_OPEN + from, (uint64_t)-1);
	if (to < METRICS_STATES)
		add_to_cell(CELL_OPEN + to, 1);
}

void
metrics_expired(unsigned state)
{
	if (state < METRICS_STATES)
		add_to_cell(CELL_EXPIRED + state, 1);
}

void
metrics_reap(struct metrics *m, unsigned row)
{
	struct row *gone = row_at(m, row), *kept = row_at(m, 0);
	size_t i;

	atomic_fetch_add(&kept->reaps, 1);
	for (i = 0; i < CELL_OPEN; i++)
		put_cell(kept, i, get_cell(kept, i) + get_cell(gone, i));
	for (i = 0; i < CELLS; i++)
		put_cell(gone, i, 0);
	atomic_fetch_add(&kept->reaps, 1);
}

/* -- reading -- */

/* All rows together, as they are just now. */
static void
add_rows(const struct metrics *m, uint64_t to[CELLS])
{
	unsigned highest = SHARED_LOAD(&row_at(m, 0)->highest), row;
	size_t k;

	memset(to, 0, CELLS * sizeof(to[0]));
	for (row = 0; row <= highest && row < METRICS_ROWS; row++)
		for (k = 0; k < CELLS; k++)
			to[k] += get_cell(row_at(m, row), k);
}

/*
 * All rows together, none of them counted twice or not at all; unless the
 * master has died while it added one.
 */
static void
sum_rows(const struct metrics *m, int64_t to[CELLS])
{
	struct row *kept = row_at(m, 0);
	uint64_t all[CELLS];
	unsigned before, tries;
	size_t k;

	for (tries = 0; tries < SUM_TRIES; tries++) {
		before = atomic_load(&kept->reaps);
		add_rows(m, all);
		if (before % 2 == 0 && atomic_load(&kept->reaps) == before)
			break;
		(void)sched_yield();
	}
	for (k = 0; k < CELLS; k++)
		to[k] = (int64_t)all[k];
}

/* Where samples go, and how they are written. */
struct form {
	struct buf *to;
	bool is_page; /* for Prometheus; else lines of the control socket */
};

static void
put_family(const struct form *f, const char *name, enum prometheus_kind kind,
    const char *help)
{
	if (f->is_page)
		prometheus_family(f->to, name, kind, help);
}

static void
put_sample(const struct form *f, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t value)
{
	if (f->is_page)
		prometheus_sample(f->to, name, suffix, labels, n, value);
	else
		control_put_sample(f->to, name + sizeof(PREFIX) - 1, suffix,
		    labels, n, value);
}

/* Lines tell whole numbers alone. */
static void
put_micro(const struct form *f, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t millionths)
{
	if (f->is_page)
		prometheus_sample_micro(f->to, name, suffix, labels, n,
		    millionths);
}

static const char *const protocols[PROTOCOLS] = { "gemini", "gopher" };

/* Counters that are one cell each, and those that a label tells apart. */
static const struct {
	const char *name, *help;
	const char *label; /* NULL: none */
	struct {
		enum metrics_event event;
		const char *value;
	} of[5];
	size_t n;
} counters[] = {
	{ PREFIX "connections_accepted_total", "Connections taken.", NULL,
	    { { METRICS_ACCEPTED, NULL } }, 1 },
	{ PREFIX "limits_total", "Times that a limit was in somebody's way.",
	    "limit",
	    { { METRICS_REFUSED, "max_connections_per_address" },
		{ METRICS_SLOWED, "rate" },
		{ METRICS_HANDSHAKE_LIMIT, "handshakes" },
		{ METRICS_FULL, "max_connections" },
		{ METRICS_EXHAUSTED, "descriptors" } },
	    5 },
	{ PREFIX "tls_handshake_failures_total",
	    "TLS handshakes that came to nothing.", NULL,
	    { { METRICS_HANDSHAKE_BROKE, NULL } }, 1 },
	{ PREFIX "proxy_header_failures_total",
	    "Connections from proxies without a valid PROXY header.", NULL,
	    { { METRICS_HEADER_BAD, NULL } }, 1 },
	{ PREFIX "answers_cut_total", "Answers that began and did not end.",
	    NULL, { { METRICS_CUT, NULL } }, 1 },
	{ PREFIX "log_lines_dropped_total",
	    "Lines that the log could not take at once.", NULL,
	    { { METRICS_LOG_DROPPED, NULL } }, 1 },
	{ PREFIX "application_answers_total",
	    "Questions to applications, by what became of them.", "result",
	    { { METRICS_APP_DONE, "done" }, { METRICS_APP_DOWN, "down" },
		{ METRICS_APP_LATE, "late" }, { METRICS_APP_BAD, "bad" },
		{ METRICS_APP_LEFT, "left" } },
	    5 },
	{ PREFIX "searches_total", "Searches, by what became of them.",
	    "result",
	    { { METRICS_SEARCH_DONE, "done" },
		{ METRICS_SEARCH_SLOW, "interrupted" },
		{ METRICS_SEARCH_BUSY, "refused" },
		{ METRICS_SEARCH_FAILED, "failed" } },
	    4 },
	{ PREFIX "search_milliseconds_total",
	    "Milliseconds that searches took, waiting for their turn included.",
	    NULL, { { METRICS_SEARCH_MS, NULL } }, 1 },
	{ PREFIX "tls_sessions_total", "TLS sessions that visitors may resume.",
	    "kept",
	    { { METRICS_SESSION_STORED, "stored" },
		{ METRICS_SESSION_SEALED, "sealed" } },
	    2 },
	{ PREFIX "signatures_total",
	    "Signatures that workers asked the key process for.", "result",
	    { { METRICS_SIGNED, "made" }, { METRICS_NOT_SIGNED, "failed" } },
	    2 },
	{ PREFIX "process_deaths_total", "Processes that ended unasked.",
	    "process",
	    { { METRICS_WORKER_DIED, "worker" },
		{ METRICS_KEY_PROCESS_DIED, "key_process" } },
	    2 },
	{ PREFIX "reloads_total", "Reloads asked for.", "result",
	    { { METRICS_RELOADED, "done" },
		{ METRICS_NOT_RELOADED, "refused" } },
	    2 },
};

static const struct {
	enum metrics_value value;
	const char *name, *help;
} gauges[METRICS_VALUES] = {
	{ METRICS_STARTED_S, PREFIX "start_time_seconds",
	    "When the daemon was started, since 1970." },
	{ METRICS_RELOADED_S, PREFIX "last_reload_time_seconds",
	    "When what is served was loaded, since 1970." },
	{ METRICS_RELOAD_FINE, PREFIX "last_reload_success",
	    "1 if the last reload took place, 0 if it was refused." },
	{ METRICS_WORKERS, PREFIX "workers",
	    "Worker processes, those that finish included." },
};

static void
put_counters(const int64_t *all, const struct form *to)
{
	struct prometheus_label label;
	size_t i, k;

	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		put_family(to, counters[i].name, PROMETHEUS_COUNTER,
		    counters[i].help);
		for (k = 0; k < counters[i].n; k++) {
			label.name = counters[i].label;
			if (label.name != NULL)
				label.value = view_of(counters[i].of[k].value);
			put_sample(to, counters[i].name, "", &label,
			    label.name != NULL,
			    all[CELL_EVENTS + counters[i].of[k].event]);
		}
	}
}

static void
put_gauges(const int64_t *all, const struct form *to)
{
	size_t i;

	for (i = 0; i < METRICS_VALUES; i++) {
		put_family(to, gauges[i].name, PROMETHEUS_GAUGE,
		    gauges[i].help);
		put_sample(to, gauges[i].name, "", NULL, 0,
		    all[CELL_VALUES + gauges[i].value]);
	}
}

/* Statuses are shown once they have been answered: most never are. */
static void
put_requests(const int64_t *all, const struct form *to)
{
	static const char name[] = PREFIX "requests_total";
	char digits[16];
	struct prometheus_label labels[2] = { { "protocol", VIEW_INIT("") },
		{ "status", VIEW_INIT("") } };
	int64_t n;
	size_t p, s;

	put_family(to, name, PROMETHEUS_COUNTER,
	    "Requests answered; Gopher's by the Gemini status that fits.");
	for (p = 0; p < PROTOCOLS; p++)
		for (s = 0; s < STATUSES; s++) {
			n = all[CELL_REQUESTS + p * STATUSES + s];
			if (n == 0 && s != GEMINI_SUCCESS)
				continue;
			snprintf(digits, sizeof(digits), "%zu", s);
			labels[0].value = view_of(protocols[p]);
			labels[1].value = view_of(digits);
			put_sample(to, name, "", labels, 2, n);
		}
}

static void
put_sent_bytes(const int64_t *all, const struct form *to)
{
	static const char name[] = PREFIX "sent_bytes_total";
	struct prometheus_label label = { "protocol", VIEW_INIT("") };
	size_t p;

	put_family(to, name, PROMETHEUS_COUNTER,
	    "Bytes of answers, without what TLS adds.");
	for (p = 0; p < PROTOCOLS; p++) {
		label.value = view_of(protocols[p]);
		put_sample(to, name, "", &label, 1, all[CELL_BYTES + p]);
	}
}

static void
put_durations(const int64_t *all, const struct form *to)
{
	static const char name[] = PREFIX "request_duration_seconds";
	struct prometheus_label labels[2] = { { "protocol", VIEW_INIT("") },
		{ "le", VIEW_INIT("") } };
	uint64_t n;
	size_t p, b;

	put_family(to, name, PROMETHEUS_HISTOGRAM,
	    "From accept to the last byte handed to the kernel.");
	for (p = 0; p < PROTOCOLS; p++) {
		labels[0].value = view_of(protocols[p]);
		n = 0;
		for (b = 0; b <= BUCKETS; b++) {
			n +=
			    (uint64_t)all[CELL_BUCKETS + p * (BUCKETS + 1) + b];
			labels[1].value = b == BUCKETS
			    ? VIEW("+Inf")
			    : view_of(buckets[b].seconds);
			put_sample(to, name, "_bucket", labels, 2, (int64_t)n);
		}
		put_micro(to, name, "_sum", labels, 1, all[CELL_US + p]);
		put_sample(to, name, "_count", labels, 1, (int64_t)n);
	}
}

static void
put_handshakes(const int64_t *all, const struct form *to)
{
	static const char name[] = PREFIX "tls_handshakes_total";
	struct prometheus_label labels[2];
	size_t i;

	put_family(to, name, PROMETHEUS_COUNTER,
	    "TLS handshakes that came to their end.");
	for (i = 0; i < 4; i++) {
		labels[0] = (struct prometheus_label){ "version",
			view_of(i / 2 == 1 ? "1.3" : "1.2") };
		labels[1] = (struct prometheus_label){ "resumed",
			view_of(i % 2 == 1 ? "yes" : "no") };
		put_sample(to, name, "", labels, 2, all[CELL_HANDSHAKES + i]);
	}
}

/* A number for each state of a connection. */
static void
put_states(const int64_t *cells, const char *const *names, const char *name,
    enum prometheus_kind kind, const char *help, const struct form *to)
{
	struct prometheus_label label = { "state", VIEW_INIT("") };
	size_t i;

	put_family(to, name, kind, help);
	for (i = 0; i < METRICS_STATES; i++)
		if (names[i] != NULL) {
			label.value = view_of(names[i]);
			put_sample(to, name, "", &label, 1, cells[i]);
		}
}

static void
put_facts(const struct metrics_facts *facts, const struct form *to)
{
	static const char info[] = PREFIX "build_info";
	static const char expiry[] = PREFIX "certificate_expiry_seconds";
	struct prometheus_label label = { "version", view_of(facts->version) };
	size_t i;

	if (to->is_page) { /* lines have another one for it */
		put_family(to, info, PROMETHEUS_GAUGE, "Always 1.");
		put_sample(to, info, "", &label, 1, 1);
	}
	put_family(to, expiry, PROMETHEUS_GAUGE,
	    "Seconds until the certificate expires; negative after that.");
	for (i = 0; i < facts->n_certificates; i++) {
		label = (struct prometheus_label){ "host",
			facts->certificates[i].host };
		put_sample(to, expiry, "", &label, 1,
		    facts->certificates[i].not_after - facts->now);
	}
}

static void
put_all(const struct metrics *m, const char *const *names,
    const struct metrics_facts *facts, const struct form *to)
{
	int64_t all[CELLS];

	sum_rows(m, all);
	put_facts(facts, to);
	put_gauges(all, to);
	put_states(all + CELL_OPEN, names, PREFIX "connections",
	    PROMETHEUS_GAUGE, "Open connections by what they do.", to);
	put_counters(all, to);
	put_requests(all, to);
	put_sent_bytes(all, to);
	put_durations(all, to);
	put_handshakes(all, to);
	put_states(all + CELL_EXPIRED, names, PREFIX "deadlines_total",
	    PROMETHEUS_COUNTER, "Connections that were in a state too long.",
	    to);
}

void
metrics_page(const struct metrics *m, const char *const names[METRICS_STATES],
    const struct metrics_facts *facts, struct buf *to)
{
	struct form page = { to, true };

	put_all(m, names, facts, &page);
}

void
metrics_lines(const struct metrics *m, const char *const names[METRICS_STATES],
    const struct metrics_facts *facts, struct buf *to)
{
	struct form lines = { to, false };

	put_all(m, names, facts, &lines);
}
