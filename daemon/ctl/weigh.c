/*
 * weigh.c - the command "weigh": what each page costs its readers.
 *
 * Floor ctl.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/load.h"
#include "ctl/table.h"
#include "ctl/wire.h"
#include "format/gemini.h"
#include "format/uri.h"
#include "net/certificate.h"

enum { JSON, ALL, TOP };

#define BAR_MIN 8  /* columns; less tells nothing */
#define BAR_MAX 40 /* columns */

#define OWN_SIGNATURE 71 /* bytes, as usual for P-256, which we make */

/* A page on the scales. */
struct weight {
	struct view host, selector;
	uint64_t gemtext, menu; /* bytes of the body; of all of the menu */
	bool is_protected;      /* Gopher has no menu of it */
	struct wire_visit first, again, gopher;
};

struct weights {
	struct weight *v;
	size_t n, cap;
	struct wire_server server; /* of the first capsule */
	size_t budget;             /* likewise; bytes */
	bool is_guessed;           /* there is no certificate yet */
	bool has_hosts;            /* pages of several capsules */
};

/* -- weighing -- */

/* What the certificate of a capsule adds to a handshake. */
static struct wire_server
server_of(const struct capsule *c, enum conf_tickets how, bool *is_guessed)
{
	static const size_t tickets[] = {
		[CONF_TICKETS_ID] = WIRE_TICKET_ID,
		[CONF_TICKETS_SEALED] = WIRE_TICKET_SEALED,
		[CONF_TICKETS_NONE] = 0,
	};
	const struct conf_list *names = &c->conf->hostname;
	struct wire_server server = { .host = c->site->hosts[0].len,
		.asks = c->site->asks,
		.ticket = tickets[how] };
	struct certificate cert;
	size_t i, bytes = 0;

	if (certificate_read(c->conf->certificate.p, &cert) == 0) {
		server.n_certificates = cert.n;
		server.certificates = cert.len;
		server.signature = cert.signature;
		return server;
	}
	for (i = 0; i < names->n; i++)
		bytes += names->v[i].len;
	*is_guessed = true;
	server.n_certificates = 1;
	server.certificates = wire_own_certificate(names->n, bytes);
	server.signature = OWN_SIGNATURE;
	return server;
}

static struct wire_answer
wire_of(const struct answer *a)
{
	return (struct wire_answer){ 0, a->bytes.len, (uint64_t)a->rest.size };
}

/* The request line's length: gemini://HOST/PATH and CRLF. */
static size_t
request_length(const struct capsule *c, struct view selector)
{
	struct buf line;
	size_t len;

	buf_init(&line, SIZE_MAX);
	buf_puts(&line, "gemini://");
	buf_put(&line, c->site->hosts[0]);
	uri_encode_path(&line, selector);
	buf_puts(&line, "\r\n");
	len = line.len;
	buf_fini(&line);
	return len;
}

static struct weight
weigh(const struct capsule *c, const struct wire_server *server,
    const struct entry *entry)
{
	struct weight w = { .host = c->site->hosts[0],
		.selector = entry->selector,
		.is_protected = entry->access != NULL };
	struct wire_answer gemini = wire_of(&entry->gemini);
	struct wire_answer gopher = wire_of(&entry->gopher);
	struct view body = entry->gemini.bytes;

	(void)view_cut(&body, '\n'); /* the header */
	w.gemtext = body.len + gemini.file;
	w.menu = gopher.bytes + gopher.file;
	gemini.request = request_length(c, entry->selector);
	gopher.request = entry->selector.len + 2;
	w.first = wire_first(server, &gemini);
	w.again = wire_again(server, &gemini);
	w.gopher = wire_gopher(&gopher);
	return w;
}

/* True for what people read; with all, for whatever has an address. */
static bool
is_wanted(const struct page *page, const struct entry *entry, bool all)
{
	bool is_file = page->kind == PAGE_FILE || page->kind == PAGE_LISTING ||
	    page->kind == PAGE_ATOM;

	if (entry->gemini.status != GEMINI_SUCCESS || !is_file)
		return false;
	return all || page->kind == PAGE_LISTING ||
	    (page->kind == PAGE_FILE &&
		(page_is_gemtext(page) || page_is_map(page)));
}

/* What a walk over the pages needs. */
struct weighing {
	struct weights *ws;
	struct loaded *l;
	struct wire_server *servers; /* of each capsule */
	bool all;
	struct term *term;
	size_t done;
};

static void
weigh_page(void *arg, size_t capsule, struct page *page)
{
	struct weighing *w = arg;
	struct weights *ws = w->ws;
	const struct capsule *c = &w->l->capsules[capsule];
	struct entry entry;

	term_progress(w->term, "weighing", w->done++);
	if (!site_find(c->site, page->selector, &entry) ||
	    !is_wanted(page, &entry, w->all))
		return;
	if (ws->n == ws->cap) {
		ws->cap = ws->cap == 0 ? 64 : ws->cap * 2;
		ws->v = xrealloc(ws->v, ws->cap, sizeof(*ws->v));
	}
	ws->v[ws->n] = weigh(c, &w->servers[capsule], &entry);
	ws->v[ws->n++].selector = arena_copy(w->l->arena, entry.selector);
}

static void
weigh_all(struct weights *ws, struct loaded *l, bool all, struct term *term)
{
	struct weighing w = { .ws = ws, .l = l, .all = all, .term = term };
	size_t i;

	w.servers = arena_alloc(l->arena, l->n_capsules * sizeof(*w.servers));
	for (i = 0; i < l->n_capsules; i++)
		w.servers[i] = server_of(&l->capsules[i], l->conf->tickets,
		    &ws->is_guessed);
	ws->server = w.servers[0];
	ws->budget = (size_t)l->capsules[0].conf->budget;
	live_walk(l->live, weigh_page, &w);
}

static uint64_t
total(const struct wire_visit *v)
{
	return v->up + v->down;
}

/* The heaviest first; of equals, by name. */
static int
by_weight(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;
	size_t n;
	int order;

	if (total(&x->first) != total(&y->first))
		return total(&x->first) > total(&y->first) ? -1 : 1;
	n = x->selector.len < y->selector.len ? x->selector.len
					      : y->selector.len;
	order = memcmp(x->selector.p, y->selector.p, n);
	return order != 0 ? order
			  : (x->selector.len > y->selector.len) -
		(x->selector.len < y->selector.len);
}

/* -- for people -- */

static const struct table_column columns[] = {
	{ "page", false },
	{ "gemtext", true },
	{ "menu", true },
	{ "first", true },
	{ "again", true },
	{ "9600 bit/s", true },
	{ "GPRS", true },
	{ "56 kbit/s", true },
	{ "", false },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static struct table *
fill(const struct weights *ws, size_t n, const struct term *term, int bar)
{
	struct table *t = table_new(columns, N_COLUMNS);
	char drawn[BAR_MAX * 3 + 1] = "";
	const struct weight *w;
	size_t line;

	for (w = ws->v; w < ws->v + n; w++) {
		table_put(t, "%.*s%.*s", ws->has_hosts ? (int)w->host.len : 0,
		    w->host.p, VIEW_ARG(w->selector));
		table_put(t, "%" PRIu64, w->gemtext);
		if (w->is_protected)
			table_put(t, "-");
		else
			table_put(t, "%" PRIu64, w->menu);
		table_put(t, "%" PRIu64, total(&w->first));
		table_put(t, "%" PRIu64, total(&w->again));
		for (line = 0; line < WIRE_LINES; line++)
			table_put(t, "%.1f s",
			    wire_seconds(&wire_lines[line], &w->first));
		if (bar > 0)
			term_bar(term, (double)total(&w->first),
			    (double)total(&ws->v[0].first), bar, drawn);
		table_put(t, "%s", drawn);
	}
	return t;
}

static void
explain(const struct weights *ws, const struct term *term)
{
	printf("\n%sgemtext, menu: bytes of the page over Gemini and over "
	       "Gopher. first, again: all\nbytes of a first and of a later "
	       "visit over Gemini, both ways, with a certificate\nof %zu "
	       "bytes%s.\nSeconds are those of a first visit; capsulectl(1) "
	       "tells how they are reckoned.%s\n",
	    term_colour(term, TERM_DIM), ws->server.certificates,
	    ws->is_guessed ? ", yet to be made" : "",
	    term_colour(term, TERM_PLAIN));
}

static void
print_weights(const struct weights *ws, size_t n, struct term *term)
{
	struct table *t = fill(ws, n, term, 0);
	int bar = term->columns - table_width(t);

	table_free(t);
	if (bar < BAR_MIN)
		bar = BAR_MIN;
	t = fill(ws, n, term, bar > BAR_MAX ? BAR_MAX : bar);
	table_print(t, term, stdout);
	table_free(t);
	if (n < ws->n)
		printf("and %zu more\n", ws->n - n);
	explain(ws, term);
}

/* -- for scripts -- */

static void
put_visit(struct json *json, const char *name, const struct wire_visit *v)
{
	size_t i;

	json_open(json, name, '{');
	json_number(json, "down", (long long)v->down);
	json_number(json, "up", (long long)v->up);
	json_open(json, "seconds", '{');
	for (i = 0; i < WIRE_LINES; i++)
		json_real(json, wire_lines[i].key,
		    wire_seconds(&wire_lines[i], v));
	json_close(json, '}');
	json_close(json, '}');
}

static void
print_weights_json(const struct weights *ws, size_t n)
{
	struct json json = { stdout, 0, false };
	const struct weight *w;

	json_open(&json, NULL, '{');
	json_number(&json, "certificate", (long long)ws->server.certificates);
	json_bool(&json, "certificate_exists", !ws->is_guessed);
	json_number(&json, "client_hello", (long long)wire_hello(&ws->server));
	json_number(&json, "budget", (long long)ws->budget);
	json_open(&json, "pages", '[');
	for (w = ws->v; w < ws->v + n; w++) {
		json_open(&json, NULL, '{');
		json_string(&json, "host", w->host);
		json_string(&json, "selector", w->selector);
		json_number(&json, "gemtext", (long long)w->gemtext);
		put_visit(&json, "first", &w->first);
		put_visit(&json, "again", &w->again);
		if (!w->is_protected) {
			json_number(&json, "menu", (long long)w->menu);
			put_visit(&json, "gopher", &w->gopher);
		}
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

static enum command_exit
run_weigh(struct call *call)
{
	struct weights ws = { .v = NULL };
	const char *top = call->options[TOP];
	enum command_exit status = COMMAND_FAILED;
	unsigned long n = SIZE_MAX;
	struct loaded l;

	if (top != NULL &&
	    (view_to_number(view_of(top), 1000000000, &n) != 0 || n == 0))
		return command_fail(call, COMMAND_USAGE,
		    "--top: \"%s\" is not a number from 1 on", top);
	if (command_load(call, &l) == 0) {
		ws.has_hosts = l.n_capsules > 1;
		weigh_all(&ws, &l, call->options[ALL] != NULL, &call->term);
		if (ws.n > 0)
			qsort(ws.v, ws.n, sizeof(*ws.v), by_weight);
		term_clear(&call->term);
		if (n > ws.n)
			n = ws.n;
		if (call->options[JSON] != NULL)
			print_weights_json(&ws, n);
		else
			print_weights(&ws, n, &call->term);
		status = COMMAND_DONE;
	}
	xfree(ws.v);
	load_free(&l);
	return status;
}

const struct command command_weigh = {
	"weigh",
	"",
	"tell what each page costs its readers, in bytes and seconds",
	"Prints a table of all pages, the heaviest first: the bytes of each "
	"as\n"
	"gemtext and as a Gopher menu, all bytes of a first and of a later "
	"visit\n"
	"over Gemini with the certificate that the capsule has, and the "
	"seconds\n"
	"that a first visit takes on slow lines.\n",
	{ { "json", NULL, "write JSON, for scripts" },
	    { "all", NULL, "files and feeds, too" },
	    { "top", "N", "only the N heaviest" } },
	0,
	0,
	run_weigh,
};
