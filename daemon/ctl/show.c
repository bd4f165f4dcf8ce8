/*
 * show.c - the command "show": the exact bytes that a client would get.
 *
 * Floor ctl.  The request is put together as a client would and answered by
 * what answers it in the daemon; nothing here knows what is right.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/load.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "format/uri.h"
#include "site/answer.h"
#include "site/pages.h"
#include "site/search.h"

enum { GEMINI, GOPHER, HOST };

#define CHUNK (64 << 10) /* bytes of a large file at a time */

/* What is asked for, taken apart. */
struct wish {
	const struct protocol *protocol;
	size_t site; /* of the snapshot */
	struct view selector;
};

/* The capsule that answers to a host; -1, and told, if none does. */
static int
find_site(const struct call *call, const struct snapshot *s, struct view host,
    size_t *to)
{
	char room[URI_HOST_MAX + 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };
	const struct site *site = NULL;

	if (uri_normalise_host(&name, host) == URI_OK)
		site = snapshot_site(s, buf_view(&name));
	if (site == NULL) {
		(void)command_fail(call, COMMAND_FAILED,
		    "no capsule here is called \"%.*s\"", VIEW_ARG(host));
		return -1;
	}
	*to = (size_t)(site - s->sites);
	return 0;
}

/* Gemini: the selector as a path, unless it has words for a search. */
static void
put_path(struct buf *to, const struct site *site, struct view selector)
{
	struct view rest = selector, path;
	struct entry entry;

	if (!site_find(site, selector, &entry)) {
		path = view_cut(&rest, '?');
		if (rest.p != NULL) {
			uri_encode_path(to, path);
			buf_putc(to, '?');
			uri_mend(to, rest);
			return;
		}
	}
	uri_encode_path(to, selector);
}

/* No bytes can be shown of what an application says anew each time. */
static enum command_exit
tell_application(const struct call *call, const struct wish *wish,
    const struct target *app)
{
	return command_fail(call, COMMAND_FAILED,
	    "at %.*s the application at %s answers, each time anew; only a "
	    "running capsuled asks it",
	    VIEW_ARG(wish->selector), app->name.p);
}

/* The line that a client sends. */
static void
put_request(struct buf *to, const struct snapshot *s, const struct wish *wish)
{
	const struct site *site = &s->sites[wish->site];

	if (wish->protocol == &protocol_gopher)
		buf_put(to, wish->selector);
	else {
		/* A wildcard is nobody's name; the first host never is one. */
		buf_puts(to, "gemini://");
		buf_put(to, site->hosts[0]);
		if (!view_has_prefix(wish->selector, VIEW("/")))
			buf_putc(to, '/');
		put_path(to, site, wish->selector);
	}
	buf_puts(to, "\r\n");
}

/* An address, as it stands in a client's field, gives host and protocol. */
static int
take_address(const struct call *call, const struct snapshot *s,
    struct wish *wish, struct buf *decoded)
{
	struct view text = view_of(call->arguments[0]), path;
	struct uri u;
	bool is_gopher;

	if (uri_parse(text, &u) != URI_OK || u.scheme.len == 0)
		return 0;
	is_gopher = view_eq_nocase(u.scheme, VIEW("gopher")) ||
	    view_eq_nocase(u.scheme, VIEW("gophers"));
	if (!is_gopher && !view_eq_nocase(u.scheme, VIEW("gemini")))
		return 0;
	if (find_site(call, s, u.host, &wish->site) == -1)
		return -1;
	wish->protocol = is_gopher ? &protocol_gopher : &protocol_gemini;
	path = u.path;
	if (is_gopher) /* "/" and the type come first */
		path = view_skip(path, 2);
	if (uri_decode(decoded, path) != URI_OK)
		buf_put(decoded, path);
	if (u.has_query) {
		buf_putc(decoded, '?');
		buf_put(decoded, u.query);
	}
	wish->selector = buf_view(decoded);
	return 0;
}

static int
understand(const struct call *call, const struct snapshot *s, struct wish *wish,
    struct buf *decoded)
{
	*wish = (struct wish){ call->options[GOPHER] != NULL ? &protocol_gopher
							     : &protocol_gemini,
		0, view_of(call->arguments[0]) };
	if (call->options[HOST] != NULL &&
	    find_site(call, s, view_of(call->options[HOST]), &wish->site) == -1)
		return -1;
	return take_address(call, s, wish, decoded);
}

static int
send_span(struct span rest)
{
	static char chunk[CHUNK];
	size_t want;
	ssize_t n;

	while (rest.size > 0) {
		want = rest.size < CHUNK ? (size_t)rest.size : CHUNK;
		n = pread(rest.fd, chunk, want, rest.offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n)
			return -1;
		rest.offset += n;
		rest.size -= n;
	}
	return 0;
}

/* True for what would act on a terminal instead of being shown. */
static bool
is_harmful(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.p[i] < ' ' &&
		    memchr("\t\r\n", v.p[i], 3) == NULL)
			return true;
	return false;
}

static enum command_exit
send_answer(const struct call *call, const struct answer *a)
{
	if (call->term.is_terminal &&
	    (a->rest.size > 0 || is_harmful(a->bytes)))
		return command_fail(call, COMMAND_FAILED,
		    "this is no text, and would upset the terminal; send it "
		    "to a file with \">\"");
	if (a->bytes.len > 0 &&
	    fwrite(a->bytes.p, 1, a->bytes.len, stdout) != a->bytes.len)
		return COMMAND_FAILED;
	if (send_span(a->rest) == -1)
		return command_fail(call, COMMAND_FAILED,
		    "the file could not be read to its end");
	return a->status < 40 ? COMMAND_DONE : COMMAND_FAILED;
}

/* An index that is being made of the pages of a capsule. */
struct indexing {
	struct live *live;
	const struct site *site;
	size_t capsule;
	struct search *index;
	struct buf text;
	bool has_failed;
};

/* The text of a page, whose entry goes with the next look. */
static struct view
read_page_text(struct indexing *i, const struct page *page)
{
	struct entry entry;
	struct view text;

	buf_reset(&i->text);
	if (site_find(i->site, page->selector, &entry) &&
	    (entry.gemini.rest.size == 0 ||
		content_ready(i->site->content, &entry, false, &entry.gemini,
		    &i->text) == CONTENT_FOUND)) {
		if (entry.gemini.rest.size > (off_t)SEARCH_TEXT_MAX)
			entry.gemini.rest.size = (off_t)SEARCH_TEXT_MAX;
		(void)answer_read(&entry.gemini, &i->text);
	}
	text = buf_view(&i->text);
	(void)view_cut(&text, '\n');
	return text;
}

static void
index_for_search(void *arg, size_t capsule, struct page *page)
{
	static const struct search_stamp stamp;
	struct indexing *i = arg;
	const struct sink_entry *e;
	struct search_key key;
	struct view text;

	if (capsule != i->capsule || i->has_failed)
		return;
	text = read_page_text(i, page);
	e = live_find(i->live, capsule, page->selector);
	if (e == NULL || e->found_title.len == 0)
		return;
	key = live_key(i->live, page->selector);
	i->has_failed = search_put(i->index, &key, &stamp, e->found_title, text,
			    page_is_gemtext(page) || page_is_map(page)) < 0;
}

/* Look for what is to be found, as the search process does. */
static void
search_pages(struct loaded *l, const struct wish *wish, struct reply *reply)
{
	static const struct search_key origin;
	const struct search_query *q = &reply->search->query;
	struct indexing i = { .live = l->live,
		.site = &l->snapshot->sites[q->capsule],
		.capsule = q->capsule };
	struct search_found found;
	const char *why;

	i.index = search_open(NULL, &origin, &why);
	buf_init(&i.text, 2 * SEARCH_TEXT_MAX);
	if (i.index != NULL)
		live_walk(l->live, index_for_search, &i);
	buf_fini(&i.text);
	i.has_failed =
	    i.index == NULL || i.has_failed || search_commit(i.index) != 0;
	if (!i.has_failed)
		search_find(i.index, q, &found);
	wish->protocol->found(i.has_failed ? NULL : &found, reply);
	search_close(i.index);
}

static enum command_exit
show_answer(const struct call *call, struct loaded *l)
{
	const struct snapshot *s = l->snapshot;
	struct peer peer = { .port = GEMINI_PORT };
	enum command_exit status = COMMAND_FAILED;
	struct buf decoded, request;
	struct reply reply = { .answer = { .status = 0 } };
	struct wish wish;

	buf_init(&decoded, SIZE_MAX);
	buf_init(&request, SIZE_MAX);
	buf_init(&reply.dynamic, 0);
	if (understand(call, s, &wish, &decoded) == 0) {
		put_request(&request, s, &wish);
		peer.site = wish.site;
		peer.tls = wish.protocol == &protocol_gemini;
		wish.protocol->answer(s, &peer, buf_view(&request), &reply);
		if (reply.search != NULL)
			search_pages(l, &wish, &reply);
		status = reply.app == NULL
		    ? send_answer(call, &reply.answer)
		    : tell_application(call, &wish, reply.app);
	}
	reply_fini(&reply);
	buf_fini(&request);
	buf_fini(&decoded);
	return status;
}

static enum command_exit
run_show(struct call *call)
{
	enum command_exit status = COMMAND_FAILED;
	struct loaded l;

	if (call->options[GEMINI] != NULL && call->options[GOPHER] != NULL)
		return command_fail(call, COMMAND_USAGE,
		    "--gemini and --gopher do not go together");
	if (command_load(call, &l) == 0)
		status = show_answer(call, &l);
	load_free(&l);
	return status;
}

const struct command command_show = {
	"show",
	"SELECTOR",
	"print the exact bytes that a client would get",
	"Answers a request as capsuled would and writes the answer to "
	"standard\n"
	"output, byte for byte: over Gemini its header, too. SELECTOR is as "
	"it\n"
	"stands in the map, such as /history; words for a search follow after\n"
	"\"?\". A whole address, such as "
	"gopher://capsule.example.org/1/history,\n"
	"says the protocol and the capsule as well. Exits with 0 for an "
	"answer\n"
	"and 1 for a refusal, such as \"51 Not found\".\n",
	{ { "gemini", NULL, "what Gemini clients get; the default" },
	    { "gopher", NULL, "what Gopher clients get" },
	    { "host", "NAME", "of the capsule called so, if not the first" } },
	1,
	1,
	run_show,
};
