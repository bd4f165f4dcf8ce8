/*
 * answer.c - from a request to what is sent: pure look-ups and refusals.
 *
 * Floor site.  Everything said here was prepared, in the snapshot or in the
 * tables below.  Only the HTML page for a "URL:" selector, which carries what
 * the client sent, Gopher's menus for redirects, answers to Gopher+ and results
 * of a search are put together on the spot.
 */
#include "site/answer.h"

#include "base/clock.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "format/html.h"
#include "format/uri.h"
#include "site/dynamic.h"

/* Longest HTML page made for a "URL:" selector, all of it escaped: bytes. */
#define URL_PAGE_MAX ((size_t)32 << 10)

/* Largest answer that is copied to be framed for Gopher+: bytes. */
#define PLUS_MAX ((size_t)1 << 20)

/* Longest menu that is made of a notice: bytes. */
#define NOTICE_MENU_MAX ((size_t)64 << 10)

#define WORDS_MAX 128 /* bytes that say why a certificate is refused */

/* A buffer that borrows an array: it never grows and owns nothing. */
#define ROOM(array)                                                            \
	{                                                                      \
		(array), 0, sizeof(array), sizeof(array), false                \
	}

#define TEXT_OF(n) #n
#define WORD_OF(n) TEXT_OF(n)
#define WAIT       WORD_OF(ANSWER_WAIT_S)

/* The site that a host, as written, names; NULL for another's. */
static const struct site *
find_site_of_host(const struct snapshot *s, struct view host)
{
	char room[URI_HOST_MAX + 2];
	struct buf name = ROOM(room);

	if (uri_normalise_host(&name, host) != URI_OK)
		return NULL;
	return snapshot_site(s, buf_view(&name));
}

/* -- Gemini -- */

static bool
gemini_is_ready(struct view in)
{
	struct gemini_request req;

	return gemini_request_parse(in, &req) != GEMINI_MORE;
}

/* An answer of one line: the log gets its words as well as the client. */
static struct answer
make_answer(int status, struct view bytes)
{
	return (struct answer){ .status = status, .bytes = bytes };
}

/*
 * True if the port of a URL is one of ours: the one the client came to, or
 * 1965, which is also what no port means.
 */
static bool
is_our_port(const struct snapshot *s, const struct peer *peer, struct view port)
{
	unsigned long n;

	if (!s->check_port || port.len == 0)
		return true;
	/* A socket without a port has 0, which is nobody's in a URL. */
	return view_to_number(port, 65535, &n) == 0 && n != 0 &&
	    (n == GEMINI_PORT || n == (unsigned long)peer->port);
}

/*
 * The site to answer from, or NULL.  A handshake for one of our hosts and a
 * request for another do not go together: certificates of clients are given
 * to a host.
 */
static const struct site *
gemini_site(const struct snapshot *s, const struct peer *peer,
    const struct uri *uri)
{
	const struct site *site = find_site_of_host(s, uri->host),
			  *greeted = NULL;

	if (peer->sni.len > 0)
		greeted = find_site_of_host(s, peer->sni);
	if (site == NULL || (greeted != NULL && greeted != site) ||
	    !is_our_port(s, peer, uri->port))
		return NULL;
	return site;
}

/*
 * One of the answers of an entry, looked at as far as that can be done at once.
 */
static struct answer
take_answer(const struct site *site, const struct entry *entry, bool gopher,
    struct reply *reply)
{
	struct answer a = gopher ? entry->gopher : entry->gemini;

	if (a.rest.size == 0)
		return a;
	if (content_ready(site->content, entry, gopher, &a, &reply->dynamic) !=
	    CONTENT_FOUND)
		return gopher
		    ? site->damaged
		    : make_answer(GEMINI_TEMPORARY_FAILURE, VIEW(SITE_DAMAGED));
	if (a.rest.fd == -1)
		reply->file = entry->file;
	else
		reply->content = site->content;
	return a;
}

/* May peer read what rule protects?  If not, the refusal is in reply. */
static bool
is_admitted(const struct access_rule *rule, const struct peer *peer,
    struct reply *reply)
{
	char room[WORDS_MAX];
	struct buf why = ROOM(room);
	int status = access_decide(rule, peer->certificate, clock_wall(), &why);

	reply->identified = peer->certificate != NULL;
	if (status == GEMINI_SUCCESS)
		return true;
	reply->dynamic.max = WORDS_MAX;
	gemini_header(&reply->dynamic, status, buf_view(&why));
	reply->answer = make_answer(status, buf_view(&reply->dynamic));
	return false;
}

/* -- searches -- */

/* Why there are no results: in the words of each protocol. */
static const struct {
	int status;
	const char *gemini, *words;
} no_results[] = {
	[SEARCH_BUSY] = { GEMINI_SLOW_DOWN, WAIT,
	    "Too many searches just now: try again in a moment" },
	[SEARCH_FAILED] = { GEMINI_TEMPORARY_FAILURE,
	    "The search is not available just now",
	    "The search is not available just now" },
};

static enum search_end
end_of(const struct search_found *found)
{
	return found == NULL ? SEARCH_FAILED : (enum search_end)found->end;
}

/* What came is told, or that nothing did. */
static void
finish_search(struct reply *reply, int status)
{
	reply->answer = make_answer(status, buf_view(&reply->dynamic));
	results_free(reply->search);
	reply->search = NULL;
}

static void
gemini_found(const struct search_found *found, struct reply *reply)
{
	enum search_end end = end_of(found);
	struct buf *to = &reply->dynamic;

	buf_reset(to);
	to->max = RESULTS_MAX;
	if (end != SEARCH_BUSY && end != SEARCH_FAILED &&
	    results_gemini(to, reply->search, found) == 0) {
		finish_search(reply, GEMINI_SUCCESS);
		return;
	}
	if (end != SEARCH_BUSY)
		end = SEARCH_FAILED;
	buf_reset(to);
	gemini_header(to, no_results[end].status,
	    view_of(no_results[end].gemini));
	finish_search(reply, no_results[end].status);
}

static void
gopher_found(const struct search_found *found, struct reply *reply)
{
	enum search_end end = end_of(found);
	struct buf *to = &reply->dynamic;

	buf_reset(to);
	to->max = RESULTS_MAX;
	if (reply->search->plus)
		buf_puts(to, "+-2\r\n");
	if (end != SEARCH_BUSY && end != SEARCH_FAILED &&
	    results_gopher(to, reply->search, found) == 0) {
		finish_search(reply, GEMINI_SUCCESS);
		return;
	}
	if (end != SEARCH_BUSY)
		end = SEARCH_FAILED;
	buf_reset(to);
	gopher_error_write(to, view_of(no_results[end].words));
	buf_puts(to, GOPHER_LASTLINE);
	finish_search(reply, no_results[end].status);
}

/*
 * Have somebody look for what was typed; what has no word in it is answered at
 * once, and finds nothing.
 */
static struct answer
start_search(const struct snapshot *s, const struct site *site,
    const struct entry *entry, struct view query, bool plus,
    const struct protocol *protocol, struct reply *reply)
{
	static const struct search_found nothing = { .end = SEARCH_DONE };

	reply->search = results_new(site, entry->selector, query);
	if (reply->search == NULL)
		return protocol == &protocol_gemini
		    ? make_answer(GEMINI_TEMPORARY_FAILURE,
			  VIEW("40 The search is out of memory\r\n"))
		    : site->slow_down;
	reply->search->plus = plus;
	reply->search->query.capsule = (uint32_t)(site - s->sites);
	/* Until somebody has looked. */
	reply->answer = make_answer(GEMINI_TEMPORARY_FAILURE, VIEW(""));
	if (reply->search->query.n_words == 0)
		protocol->found(&nothing, reply);
	return reply->answer;
}

/* The answer to a query, which is percent-encoded, if the entry takes one. */
static struct answer
gemini_query(const struct snapshot *s, const struct site *site,
    const struct entry *entry, struct view encoded, struct reply *reply)
{
	char room[GEMINI_URI_MAX];
	struct buf query = ROOM(room);

	if (uri_decode(&query, encoded) != URI_OK ||
	    results_is_blank(buf_view(&query)))
		return entry->gemini;
	return start_search(s, site, entry, buf_view(&query), false,
	    &protocol_gemini, reply);
}

/* Let the application answer what is asked for at selector. */
static struct answer
gemini_ask(const struct entry *entry, const struct peer *peer,
    const struct gemini_request *req, struct view selector, struct reply *reply)
{
	char room[URI_HOST_MAX + 2];
	struct buf host = ROOM(room);
	struct dynamic d = { .peer = peer,
		.app = entry->app,
		.protocol = "GEMINI",
		.selector = selector,
		.port = peer->port,
		.query = req->uri.query,
		.line = req->line,
		.uri = &req->uri };

	(void)uri_normalise_host(&host, req->uri.host);
	d.host = buf_view(&host);
	return dynamic_ask(&d, reply)
	    ? reply->answer
	    : make_answer(GEMINI_NOT_FOUND, VIEW("51 Not found\r\n"));
}

/* As for a folder that is there: who may read it is asked there. */
static struct answer
redirect_to_folder(struct view selector, struct reply *reply)
{
	char room[GEMINI_META_MAX];
	struct buf path = ROOM(room);

	uri_encode_path(&path, selector);
	buf_putc(&path, '/');
	if (path.failed)
		return make_answer(GEMINI_NOT_FOUND, VIEW("51 Not found\r\n"));
	reply->dynamic.max = GEMINI_META_MAX + 5;
	gemini_header(&reply->dynamic, GEMINI_REDIRECT_PERMANENT,
	    buf_view(&path));
	return make_answer(GEMINI_REDIRECT_PERMANENT,
	    buf_view(&reply->dynamic));
}

static struct answer
gemini_path(const struct snapshot *s, const struct site *site,
    const struct peer *peer, const struct gemini_request *req,
    struct reply *reply)
{
	const struct uri *uri = &req->uri;
	static char room[GEMINI_URI_MAX]; /* the reply's, and the log's */
	struct buf selector = ROOM(room);
	const struct access_rule *rule;
	struct entry entry;
	bool found;

	if (uri_path_to_selector(&selector, uri->path) != URI_OK)
		return make_answer(GEMINI_BAD_REQUEST,
		    VIEW("59 Bad path: it leads outside\r\n"));
	found = site_find(site, buf_view(&selector), &entry);
	/* What is not there is not told to strangers either. */
	rule = found ? entry.access
		     : access_find(site->access, buf_view(&selector));
	if (rule != NULL && !is_admitted(rule, peer, reply))
		return reply->answer;
	if (!found && rule == NULL &&
	    site_folder_rule(site, buf_view(&selector)) != NULL)
		return redirect_to_folder(buf_view(&selector), reply);
	if (found)
		reply->selector = entry.selector;
	else if (!site_find_above(site, buf_view(&selector), &entry))
		return make_answer(GEMINI_NOT_FOUND, VIEW("51 Not found\r\n"));
	switch (entry.kind) {
	case ENTRY_APP:
		return gemini_ask(&entry, peer, req, buf_view(&selector),
		    reply);
	case ENTRY_SEARCH:
		return gemini_query(s, site, &entry, uri->query, reply);
	default:
		return take_answer(site, &entry, false, reply);
	}
}

static void
gemini_answer(const struct snapshot *s, const struct peer *peer, struct view in,
    struct reply *reply)
{
	struct gemini_request req;
	const struct site *site;

	reply->host = VIEW("");
	reply->selector = gemini_request_line(in);
	if (gemini_request_parse(in, &req) != GEMINI_OK) {
		reply->answer =
		    make_answer(GEMINI_BAD_REQUEST, VIEW("59 Bad request\r\n"));
		return;
	}
	if (view_eq_nocase(req.uri.scheme, VIEW("titan"))) {
		reply->answer = make_answer(GEMINI_PERMANENT_FAILURE,
		    VIEW("50 Uploads are not accepted\r\n"));
		return;
	}
	if (!view_eq_nocase(req.uri.scheme, VIEW("gemini"))) {
		reply->answer = make_answer(GEMINI_PROXY_REFUSED,
		    VIEW("53 Only gemini is spoken here\r\n"));
		return;
	}
	reply->host = req.uri.host;
	site = gemini_site(s, peer, &req.uri);
	if (site == NULL) {
		reply->answer = make_answer(GEMINI_PROXY_REFUSED,
		    VIEW("53 That host or port is not served here\r\n"));
		return;
	}
	reply->selector = req.uri.path.len > 0 ? req.uri.path : VIEW("/");
	/* A number alone: 0.16 clients count with it, later ones show it. */
	reply->answer = peer->too_fast
	    ? make_answer(GEMINI_SLOW_DOWN, VIEW("44 " WAIT "\r\n"))
	    : gemini_path(s, site, peer, &req, reply);
}

const struct protocol protocol_gemini = { "gemini", GEMINI_REQUEST_MAX,
	gemini_is_ready, gemini_answer, dynamic_gemini_head, gemini_found,
	dynamic_gemini_refuse };

/* -- Gopher -- */

static bool
gopher_is_ready(struct view in)
{
	struct gopher_request req;

	return gopher_request_parse(in, &req) != GOPHER_MORE;
}

/* Plain Gopher names no host, so it gets the capsule of its port. */
static const struct site *
gopher_site(const struct snapshot *s, const struct peer *peer)
{
	const struct site *site = NULL;

	if (peer->sni.len > 0)
		site = find_site_of_host(s, peer->sni);
	return site != NULL ? site : &s->sites[peer->site];
}

/* The first line of a request in HTTP, such as "GET / HTTP/1.1". */
static bool
is_http(struct view line)
{
	static const struct view methods[] = { VIEW_INIT("GET /"),
		VIEW_INIT("HEAD /"), VIEW_INIT("POST /") };
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (view_has_prefix(line, methods[i]))
			return true;
	return false;
}

/* The URL in "URL:x" and "/URL:x", empty if it is neither. */
static struct view
url_of(struct view selector)
{
	if (view_has_prefix(selector, VIEW("/")))
		selector = view_skip(selector, 1);
	if (view_has_prefix(selector, VIEW("URL:")))
		return view_skip(selector, 4);
	return VIEW("");
}

/* A page that takes a browser to the URL, as its owner asked for in a menu. */
static struct answer
url_page(const struct site *site, struct view url, struct reply *reply)
{
	reply->dynamic.max = URL_PAGE_MAX;
	if (!html_redirect(&reply->dynamic, url) || reply->dynamic.failed)
		return site->bad_request;
	return make_answer(GEMINI_SUCCESS, buf_view(&reply->dynamic));
}

/*
 * The entry for a selector, with or without the "/" it starts with, and with
 * one at its end too many: people type these, and clients "repair" them.
 */
static bool
gopher_find(const struct site *site, struct view selector, struct entry *to)
{
	/* The entry's until the next look, and the log's. */
	static char room[GOPHER_SELECTOR_MAX + 1];
	struct buf whole = ROOM(room);

	if (!view_has_prefix(selector, VIEW("/")))
		buf_putc(&whole, '/');
	buf_put(&whole, selector);
	if (whole.failed)
		return false;
	selector = buf_view(&whole);
	if (site_find(site, selector, to))
		return true;
	if (selector.len <= 1 || !view_has_suffix(selector, VIEW("/")))
		return false;
	selector.len--;
	return site_find(site, selector, to);
}

/* The attributes of a menu: its lines, each marked as one item's. */
static void
put_items(struct buf *to, struct view menu)
{
	struct view line;

	buf_puts(to, "+-2\r\n");
	while (menu.len > 0) {
		line = view_cut(&menu, '\n');
		if (view_eq(line, VIEW(".\r")))
			break;
		buf_puts(to, "+INFO: ");
		buf_put(to, line);
		buf_putc(to, '\n');
	}
}

/* Append the menu that a notice is; false if that is too much. */
static bool
put_notice(const struct site *site, const struct notice *notice, struct buf *to)
{
	struct render menu = site->menu;

	menu.selector = notice->selector;
	render_gemtext_menu(to, &menu, notice->gemtext);
	return !to->failed;
}

/* What an entry is, to a client of Gopher alone. */
static struct answer
gopher_page(const struct site *site, const struct entry *entry,
    struct reply *reply)
{
	if (entry->notice == NULL)
		return take_answer(site, entry, true, reply);
	reply->dynamic.max = NOTICE_MENU_MAX;
	(void)put_notice(site, entry->notice, &reply->dynamic);
	return make_answer(entry->gopher.status, buf_view(&reply->dynamic));
}

/*
 * Gopher+ wants a header before the answer ("+-2": all until the close) and
 * the attributes of a menu's items instead of the menu.  The UMN client asks
 * for those of the root before anything else and cannot start without; it
 * takes the first line of an answer without header for one.
 */
static struct answer
plus_answer(const struct site *site, const struct entry *entry, char mark,
    struct reply *reply)
{
	struct buf *to = &reply->dynamic, whole;
	struct answer a;
	bool failed;

	if (mark == '!' || (mark == '$' && entry->item != '1'))
		return site->plus;
	a = take_answer(site, entry, true, reply);
	if (a.status == GEMINI_TEMPORARY_FAILURE)
		return a;
	if (mark != '$' && a.rest.size > 0) {
		a.bytes = VIEW("+-2\r\n");
		return a;
	}
	buf_init(&whole, PLUS_MAX);
	failed = entry->notice == NULL
	    ? !answer_read(&a, &whole)
	    : !put_notice(site, entry->notice, &whole);
	to->max = PLUS_MAX;
	if (mark == '$')
		put_items(to, buf_view(&whole));
	else {
		buf_puts(to, "+-2\r\n");
		buf_put(to, buf_view(&whole));
	}
	buf_fini(&whole);
	if (failed || to->failed)
		return mark == '$' ? site->plus : a;
	return make_answer(a.status, buf_view(to));
}

/*
 * True if nobody is told over Gopher whether this is there: the page, or the
 * one or the folder that would be found with another end.
 */
static bool
is_private_selector(const struct site *site, struct view selector)
{
	char room[GOPHER_SELECTOR_MAX + 1];
	struct buf whole = ROOM(room);
	struct view bare;

	if (!view_has_prefix(selector, VIEW("/")))
		buf_putc(&whole, '/');
	buf_put(&whole, selector);
	selector = bare = buf_view(&whole);
	if (bare.len > 1 && view_has_suffix(bare, VIEW("/")))
		bare.len--;
	return site_rule(site, selector) != NULL ||
	    site_rule(site, bare) != NULL ||
	    site_folder_rule(site, bare) != NULL;
}

/*
 * The search in "/search?words", which is what a link with words is in a
 * menu, and what some clients send; *query is then what follows, decoded.
 */
static bool
find_search(const struct site *site, struct view selector, struct buf *query,
    struct entry *to)
{
	struct view rest = selector, path = view_cut(&rest, '?');

	if (rest.p == NULL || !gopher_find(site, path, to) ||
	    to->kind != ENTRY_SEARCH)
		return false;
	if (uri_decode(query, rest) != URI_OK)
		buf_put(query, rest);
	return true;
}

/* The answer to a query, if the entry takes one. */
static struct answer
gopher_query(const struct snapshot *s, const struct site *site,
    const struct entry *entry, struct view query, char plus,
    struct reply *reply)
{
	if (results_is_blank(query) || (plus != 0 && plus != '+'))
		return plus == 0 ? entry->gopher
				 : plus_answer(site, entry, plus, reply);
	return start_search(s, site, entry, query, plus == '+',
	    &protocol_gopher, reply);
}

/* Let the application answer what is asked for at selector. */
static struct answer
gopher_ask(const struct site *site, const struct entry *entry,
    const struct peer *peer, const struct gopher_request *req,
    struct view selector, struct view query, struct reply *reply)
{
	struct dynamic d = { .peer = peer,
		.app = entry->app,
		.protocol = "GOPHER",
		.selector = selector,
		.host = site->menu.host,
		.port = site->menu.port,
		.query = query,
		.words = req->query };

	if (site_rule(site, selector) != NULL)
		return site->forbidden;
	if (req->plus == '!' || req->plus == '$')
		return site->plus;
	if (!dynamic_ask(&d, reply))
		return site->not_found;
	if (req->plus == '+')
		reply->answer.bytes = VIEW("+-2\r\n");
	return reply->answer;
}

/*
 * Answer what has no entry of its own, if it is an application's: below its
 * selector, or with a query after a "?", which is what a link with a query is
 * in a menu.
 */
static struct answer
gopher_below(const struct site *site, const struct peer *peer,
    const struct gopher_request *req, struct reply *reply)
{
	char room[GOPHER_SELECTOR_MAX + 1];
	struct buf whole = ROOM(room);
	struct view query = req->selector, path = view_cut(&query, '?');
	struct view selector;
	struct entry entry;
	bool found = gopher_find(site, path, &entry);

	if (!view_has_prefix(path, VIEW("/")))
		buf_putc(&whole, '/');
	buf_put(&whole, path);
	selector = buf_view(&whole);
	if (found && entry.app != NULL)
		selector = entry.app->mapped; /* but for a "/" */
	else if (!found && !whole.failed &&
	    site_folder_rule(site, selector) == NULL)
		found = site_find_above(site, selector, &entry);
	if (!found || entry.app == NULL)
		return is_private_selector(site, req->selector)
		    ? site->forbidden
		    : site->not_found;
	reply->selector = path;
	return gopher_ask(site, &entry, peer, req, selector, query, reply);
}

static struct answer
gopher_selector(const struct snapshot *s, const struct site *site,
    const struct peer *peer, const struct gopher_request *req,
    struct reply *reply)
{
	char room[GOPHER_REQUEST_MAX];
	struct buf query = ROOM(room);
	struct view url = url_of(req->selector);
	struct entry entry;

	if (url.len > 0)
		return url_page(site, url, reply);
	if (is_http(req->selector))
		return site->http;
	if (!gopher_find(site, req->selector, &entry) &&
	    !find_search(site, req->selector, &query, &entry))
		return gopher_below(site, peer, req, reply);
	reply->selector = entry.selector;
	if (entry.app != NULL)
		return gopher_ask(site, &entry, peer, req, entry.app->mapped,
		    VIEW(""), reply);
	if (entry.kind == ENTRY_SEARCH && entry.access == NULL)
		return gopher_query(s, site, &entry,
		    req->has_query ? req->query : buf_view(&query), req->plus,
		    reply);
	return req->plus == 0 ? gopher_page(site, &entry, reply)
			      : plus_answer(site, &entry, req->plus, reply);
}

static void
gopher_answer(const struct snapshot *s, const struct peer *peer, struct view in,
    struct reply *reply)
{
	const struct site *site = gopher_site(s, peer);
	struct gopher_request req;

	reply->host = site->hosts[0];
	if (gopher_request_parse(in, &req) != GOPHER_OK) {
		reply->selector = gopher_request_line(in);
		reply->answer = site->bad_request;
		return;
	}
	/* What was searched for is nobody's business. */
	reply->selector = req.selector;
	reply->answer = peer->too_fast
	    ? site->slow_down
	    : gopher_selector(s, site, peer, &req, reply);
}

const struct protocol protocol_gopher = { "gopher", GOPHER_REQUEST_MAX,
	gopher_is_ready, gopher_answer, dynamic_gopher_head, gopher_found,
	dynamic_gopher_refuse };
