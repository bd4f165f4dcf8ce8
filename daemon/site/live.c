/*
 * live.c - the builder, with a sink that keeps a few pages.
 *
 * Floor site.  For tools: nothing here is fast for the same page twice, and
 * nothing notices that a file has changed.
 */
#include "site/live.h"

#include <sys/stat.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/gemini.h"
#include "site/loader.h"
#include "site/protect_walk.h"
#include "site/sink_memory.h"

/* The content of one capsule. */
struct live_site {
	struct content content; /* the first: a content is cast to its site */
	struct live *live;
	struct site *site;
	size_t capsule;
};

struct live {
	struct snapshot *s;
	const struct conf *conf;
	struct problems *notes;  /* of a walk */
	struct problems *unsaid; /* of what is looked for without one */
	struct beneath **roots;
	int *root_errors; /* errno of those that are NULL */
	struct live_site *sites;
	size_t n;
	struct sink_memory *kept;
	struct build *build;
	void (*visit)(void *arg, size_t capsule, struct page *page);
	void *arg;
	/* Selectors that have keys, by number. */
	struct arena *arena;
	struct view *keyed;
	size_t n_keyed, room;
	int fd; /* of the file that was made ready last, or -1 */
};

/* -- looking -- */

const struct sink_entry *
live_find(struct live *l, size_t capsule, struct view selector)
{
	const struct sink *sink = sink_memory_sink(l->kept);
	struct sink_entry used;
	const struct sink_entry *e;

	if (!sink->find(sink->arg, capsule, selector, NULL, &used))
		build_one(l->build, capsule, selector);
	e = sink_memory_get(l->kept, capsule, selector);
	return e == NULL || e->is_lost ? NULL : e;
}

static enum content_result
find_live(const struct content *c, struct view selector, struct entry *to)
{
	const struct live_site *of = (const void *)c;
	const struct sink_entry *e = live_find(of->live, of->capsule, selector);

	if (e == NULL)
		return CONTENT_NONE;
	*to = (struct entry){ .selector = e->selector,
		.kind = e->kind == SINK_FOLDER ? ENTRY_FOLDER : ENTRY_PAGE,
		.item = e->item,
		.gemini = e->gemini,
		.gopher = e->gopher };
	if (e->access > 0)
		to->access = &of->site->access->rules[e->access - 1];
	return CONTENT_FOUND;
}

/* Open the large file of an entry; it stays so until the next one. */
static enum content_result
ready_live(const struct content *c, const struct entry *entry, bool gopher,
    struct answer *a, struct buf *head)
{
	const struct live_site *of = (const void *)c;
	struct live *l = of->live;
	const struct sink_entry *e = live_find(l, of->capsule, entry->selector);
	const char *why;
	struct stat st;

	(void)head;
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	if (e != NULL)
		l->fd = beneath_open(l->roots[of->capsule], e->path, S_IFREG,
		    &st, &why);
	if (l->fd < 0)
		return CONTENT_DAMAGED;
	*a = gopher ? e->gopher : e->gemini;
	a->rest.fd = l->fd;
	return CONTENT_FOUND;
}

/* -- searching -- */

struct search_key
live_key(struct live *l, struct view selector)
{
	struct search_key key = { { 0 } };

	if (l->n_keyed == l->room) {
		l->room = l->room == 0 ? 64 : l->room * 2;
		l->keyed = xrealloc(l->keyed, l->room, sizeof(*l->keyed));
	}
	memcpy(key.bytes, &l->n_keyed, sizeof(l->n_keyed));
	l->keyed[l->n_keyed++] = arena_copy(l->arena, selector);
	return key;
}

/* Append v, and say where it will be when room has all. */
static size_t
put_found(struct buf *room, struct view v)
{
	size_t at = room->len;

	buf_put(room, v);
	return at;
}

static bool
found_live(const struct content *c, const struct search_key *key,
    struct buf *room, struct search_page *to)
{
	const struct live_site *of = (const void *)c;
	struct live *l = of->live;
	const struct sink_entry *e;
	struct view text = VIEW("");
	size_t number, selector, title, body;

	memcpy(&number, key->bytes, sizeof(number));
	if (number >= l->n_keyed)
		return false;
	e = live_find(l, of->capsule, l->keyed[number]);
	if (e == NULL)
		return false;
	if (e->gemini.rest.size == 0)
		text = e->gemini.bytes;
	to->is_gemtext = view_has_prefix(text, VIEW("20 text/gemini"));
	(void)view_cut(&text, '\n');
	selector = put_found(room, l->keyed[number]);
	title = put_found(room, e->found_title);
	body = put_found(room, text);
	if (room->failed)
		return false;
	to->selector = (struct view){ room->p + selector, title - selector };
	to->title = (struct view){ room->p + title, body - title };
	to->text = (struct view){ room->p + body, text.len };
	return true;
}

static const struct content_kind lively = { .find = find_live,
	.ready = ready_live,
	.found = found_live };

/* -- all of it -- */

struct beneath *
live_root(const struct live *l, size_t capsule)
{
	return l->roots[capsule];
}

struct beneath *const *
live_roots(const struct live *l)
{
	return l->roots;
}

const struct build *
live_build(const struct live *l)
{
	return l->build;
}

static void
visit_live(void *arg, size_t capsule, struct page *page)
{
	struct live *l = arg;

	if (l->visit != NULL)
		l->visit(l->arg, capsule, page);
}

/* Start with an empty sink. */
static void
begin_live(struct live *l, struct problems *notes)
{
	struct build_options options = { .version = CAPSULED_VERSION,
		.racy_ns = BUILD_RACY_NS,
		.notes = notes,
		.roots = l->roots,
		.root_errors = l->root_errors,
		.visit = visit_live,
		.visit_arg = l };

	build_free(l->build);
	sink_memory_free(l->kept);
	l->kept = sink_memory_new();
	sink_memory_limit(l->kept, LIVE_KEPT_MAX);
	l->build =
	    build_new(l->s, l->conf, sink_memory_sink(l->kept), &options);
}

void
live_walk(struct live *l,
    void (*visit)(void *arg, size_t capsule, struct page *page), void *arg)
{
	begin_live(l, l->notes);
	l->visit = visit;
	l->arg = arg;
	(void)build_all(l->build);
	protect_walk(l->conf, l->s, l->roots, l->notes);
	l->visit = NULL;
}

static void
add_live_site(struct live *l, size_t i)
{
	struct live_site *of = &l->sites[i];

	*of = (struct live_site){ { &lively }, l, &l->s->sites[i], i };
	of->site->content = &of->content;
	l->roots[i] = loader_open_root(&l->conf->capsules[i]);
	l->root_errors[i] = l->roots[i] == NULL ? errno : 0;
}

struct live *
live_new(struct snapshot *s, const struct conf *conf, struct problems *notes)
{
	struct live *l = xcalloc(1, sizeof(*l));
	size_t i;

	l->s = s;
	l->conf = conf;
	l->notes = notes;
	l->unsaid = problems_new();
	l->arena = arena_new();
	l->fd = -1;
	l->n = conf->n_capsules;
	l->roots = xcalloc(l->n, sizeof(*l->roots));
	l->root_errors = xcalloc(l->n, sizeof(*l->root_errors));
	l->sites = xcalloc(l->n, sizeof(*l->sites));
	for (i = 0; i < l->n; i++)
		add_live_site(l, i);
	begin_live(l, l->unsaid);
	build_open(l->build);
	return l;
}

void
live_free(struct live *l)
{
	size_t i;

	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);
	build_free(l->build);
	sink_memory_free(l->kept);
	for (i = 0; i < l->n; i++) {
		beneath_free(l->roots[i]);
		l->sites[i].site->content = NULL;
	}
	problems_free(l->unsaid);
	arena_free(l->arena);
	xfree(l->keyed);
	xfree(l->roots);
	xfree(l->root_errors);
	xfree(l->sites);
	xfree(l);
}
