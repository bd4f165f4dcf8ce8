/*
 * sink_store.c - what a builder puts, as entries and records of a store.
 *
 * Floor site.  A store finds what was committed; what was put since is
 * remembered here, so that a builder meets what it has put.
 */
#include "site/sink_store.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "site/content_store.h"

#define DOUBTS_MAX 64 /* entries; with more of them, all are put anew */

/* The meta part of an entry: this, its asks, selector, path, and title. */
struct meta {
	uint64_t capsule, device, inode;
	uint32_t n_asks, selector, path, title; /* the last three: lengths */
};

/* What was put or dropped, and is not committed. */
struct pending {
	struct sink_entry e;
	bool is_dropped;
};

struct sink_store {
	struct sink sink;
	struct store *store;
	const struct snapshot *configured;
	struct store_seed *seeds; /* of the capsules */
	struct arena *arena;      /* of what is pending */
	struct hash *pending;
	size_t n_pending;
	bool has_committed;
	size_t n_changes, n_changed; /* since the last commit; before it */
	struct buf meta;
	struct store_key doubts[DOUBTS_MAX];
	size_t n_doubts;
};

static struct store_key
store_key_of(const struct sink_store *w, size_t capsule, struct view selector)
{
	return store_key_for(&w->seeds[capsule], selector);
}

static struct view
view_of_key(const struct store_key *key)
{
	return (struct view){ (const char *)key, sizeof(*key) };
}

static void
forget_pending(struct sink_store *w)
{
	arena_free(w->arena);
	w->arena = arena_new();
	w->pending = hash_new(w->arena, 0);
	w->n_pending = 0;
}

/* Where what is pending of a key is remembered. */
static struct pending *
pend(struct sink_store *w, const struct store_key *key)
{
	struct view name = view_of_key(key);
	struct pending *p = hash_find(w->pending, name);

	if (p == NULL) {
		p = arena_alloc(w->arena, sizeof(*p));
		(void)hash_put(w->pending, arena_copy(w->arena, name), p);
		w->n_pending++;
	}
	return p;
}

static bool
is_doubted(const struct sink_store *w, const struct store_key *key)
{
	size_t i;

	for (i = 0; i < w->n_doubts && i < DOUBTS_MAX; i++)
		if (store_key_cmp(&w->doubts[i], key) == 0)
			return true;
	return w->n_doubts > DOUBTS_MAX;
}

/* -- what is there -- */

static struct stamp
stamp_of_key(const struct store_key *key)
{
	return (struct stamp){ { key->half[0], key->half[1] } };
}

static struct store_key
key_of_stamp(const struct stamp *stamp)
{
	return (struct store_key){ { stamp->half[0], stamp->half[1] } };
}

/* What a meta part says. */
struct told {
	struct meta m;
	struct view asks, selector, path, title;
};

/* Read a meta part; false if it is none of ours. */
static bool
read_stored_meta(struct view part, struct told *to)
{
	struct meta *m = &to->m;

	if (part.len < sizeof(*m))
		return false;
	memcpy(m, part.p, sizeof(*m));
	part = view_skip(part, sizeof(*m));
	if (m->n_asks > part.len / sizeof(uint64_t))
		return false;
	to->asks = (struct view){ part.p, m->n_asks * sizeof(uint64_t) };
	part = view_skip(part, to->asks.len);
	if ((uint64_t)m->selector + m->path + m->title != part.len)
		return false;
	to->selector = (struct view){ part.p, m->selector };
	part = view_skip(part, m->selector);
	to->path = (struct view){ part.p, m->path };
	to->title = view_skip(part, m->path);
	return true;
}

/* The title of an entry for listings, from a; empty if it cannot be read. */
static struct view
read_title(const struct sink_store *w, const struct store_entry *found,
    struct arena *a)
{
	size_t len = found->length[STORE_META];
	char *p = arena_alloc(a, len + 1);
	struct told told;

	return store_read(store_reader(w->store), found, STORE_META, p) ==
		    STORE_FOUND &&
		read_stored_meta((struct view){ p, len }, &told)
	    ? told.title
	    : VIEW("");
}

static struct sink_entry
sink_entry_of(const struct store_entry *found)
{
	return (struct sink_entry){ .kind = found->kind == STORE_LARGE
		    ? SINK_LARGE
		    : found->kind == STORE_FOLDER ? SINK_FOLDER
						  : SINK_PAGE,
		.item = found->item,
		.access = found->access,
		.is_lost =
		    found->gemini_status == 0 && found->gopher_status == 0,
		.stamp = stamp_of_key(&found->stamp),
		.options = stamp_of_key(&found->options) };
}

static bool
find_stored(void *arg, size_t capsule, struct view selector, struct arena *a,
    struct sink_entry *to)
{
	const struct sink_store *w = arg;
	struct store_key key = store_key_of(w, capsule, selector);
	const struct pending *p = hash_find(w->pending, view_of_key(&key));
	struct store_entry found;

	if (p != NULL) {
		*to = p->e;
		to->title = a == NULL ? VIEW("") : arena_copy(a, p->e.title);
		return !p->is_dropped;
	}
	if (is_doubted(w, &key) ||
	    store_find(store_reader(w->store), &key, &found) != STORE_FOUND)
		return false;
	*to = sink_entry_of(&found);
	to->capsule = capsule;
	to->selector = selector;
	to->title = a == NULL ? VIEW("") : read_title(w, &found, a);
	return true;
}

struct each_visit {
	const struct sink_store *w;
	void (*visit)(void *visitor, uint64_t ask, const struct sink_entry *e);
	void *visitor;
};

/* What is doubted is not found, and so not told of. */
static bool
visit_entry(void *arg, const struct store_entry *found)
{
	const struct each_visit *v = arg;
	struct sink_entry e = sink_entry_of(found);

	if (!is_doubted(v->w, &found->key))
		v->visit(v->visitor, found->key.half[0], &e);
	return true;
}

static bool
tell_stored(void *arg,
    void (*visit)(void *visitor, uint64_t ask, const struct sink_entry *e),
    void *visitor)
{
	struct sink_store *w = arg;
	struct each_visit v = { w, visit, visitor };

	return w->n_pending == 0 &&
	    store_walk(store_reader(w->store), visit_entry, &v) == STORE_FOUND;
}

/* True if a part of the entry has these bytes. */
static bool
has_part(const struct sink_store *w, const struct store_entry *found,
    enum store_part part, struct view bytes)
{
	struct buf there;
	bool same = false;

	if (found->length[part] != bytes.len)
		return false;
	buf_init(&there, bytes.len + 1);
	buf_fill(&there, '\0', bytes.len);
	if (!there.failed &&
	    store_read(store_reader(w->store), found, part, there.p) ==
		STORE_FOUND)
		same = view_eq(buf_view(&there), bytes);
	buf_fini(&there);
	return same;
}

static uint64_t
large_size(const struct sink_entry *e)
{
	return e->kind == SINK_LARGE ? (uint64_t)e->gemini.rest.size : 0;
}

static bool
has_bytes_in_store(void *arg, const struct sink_entry *e)
{
	const struct sink_store *w = arg;
	struct store_key key = store_key_of(w, e->capsule, e->selector);
	struct store_entry found;

	return hash_find(w->pending, view_of_key(&key)) == NULL &&
	    !is_doubted(w, &key) &&
	    store_find(store_reader(w->store), &key, &found) == STORE_FOUND &&
	    found.gemini_status == e->gemini.status &&
	    found.gopher_status == e->gopher.status &&
	    found.size == large_size(e) &&
	    has_part(w, &found, STORE_GEMINI, e->gemini.bytes) &&
	    has_part(w, &found, STORE_GOPHER, e->gopher.bytes);
}

/* -- what is put -- */

static struct view
write_meta(struct sink_store *w, const struct sink_entry *e)
{
	struct meta m = { .capsule = e->capsule,
		.device = e->device,
		.inode = e->inode,
		.n_asks = (uint32_t)e->n_asks,
		.selector = (uint32_t)e->selector.len,
		.path = (uint32_t)e->path.len,
		.title = (uint32_t)e->title.len };

	buf_reset(&w->meta);
	buf_put(&w->meta, (struct view){ (const char *)&m, sizeof(m) });
	buf_put(&w->meta,
	    (struct view){ (const char *)e->asks,
		e->n_asks * sizeof(*e->asks) });
	buf_put(&w->meta, e->selector);
	buf_put(&w->meta, e->path);
	buf_put(&w->meta, e->title);
	return buf_view(&w->meta);
}

static void
remember_put(struct sink_store *w, const struct store_key *key,
    const struct sink_entry *e)
{
	struct pending *p = pend(w, key);

	p->is_dropped = false;
	p->e = (struct sink_entry){ .capsule = e->capsule,
		.kind = e->kind,
		.item = e->item,
		.access = e->access,
		.is_lost = e->is_lost,
		.stamp = e->stamp,
		.options = e->options,
		.title = arena_copy(w->arena, e->title) };
}

static int
commit_pending(struct sink_store *w, bool durable)
{
	int r = store_commit(w->store, durable);

	forget_pending(w);
	return r;
}

/* Commit when much is pending: each entry is whole, if not the build. */
static int
commit_if_full(struct sink_store *w)
{
	return w->n_pending < SINK_STORE_BATCH ? 0 : commit_pending(w, false);
}

static int
put_in_store(void *arg, const struct sink_entry *e)
{
	static const enum store_kind kinds[] = { [SINK_PAGE] = STORE_PAGE,
		[SINK_FOLDER] = STORE_FOLDER,
		[SINK_LARGE] = STORE_LARGE };
	struct sink_store *w = arg;
	struct store_entry entry = { .key = store_key_of(w, e->capsule,
					 e->selector),
		.stamp = key_of_stamp(&e->stamp),
		.options = key_of_stamp(&e->options),
		.kind = kinds[e->kind],
		.item = e->item,
		.gemini_status = e->gemini.status,
		.gopher_status = e->gopher.status,
		.access = e->access,
		.size = large_size(e) };
	struct view parts[STORE_PARTS] = { [STORE_GEMINI] = e->gemini.bytes,
		[STORE_GOPHER] = e->gopher.bytes,
		[STORE_SELECTOR] = e->selector,
		[STORE_TITLE] = e->found_title,
		[STORE_META] = write_meta(w, e) };

	if (store_put(w->store, &entry, parts) < 0)
		/* Nobody can ask for what is too long to be kept. */
		return errno == EMSGSIZE ? 0 : -1;
	remember_put(w, &entry.key, e);
	w->n_changes++;
	return commit_if_full(w);
}

static int
drop_in_store(void *arg, size_t capsule, struct view selector)
{
	struct sink_store *w = arg;
	struct store_key key = store_key_of(w, capsule, selector);

	if (store_drop(w->store, &key) < 0)
		return -1;
	pend(w, &key)->is_dropped = true;
	w->n_changes++;
	return commit_if_full(w);
}

static uint64_t
ask_in_store(void *arg, size_t capsule, struct view selector)
{
	return store_key_of(arg, capsule, selector).half[0];
}

/* -- meta parts -- */

struct scan_visit {
	struct sink_store *w;
	void (*visit)(void *visitor, size_t capsule, struct view selector,
	    const uint64_t *asks, size_t n_asks);
	void *visitor;
	struct buf aligned; /* the asks */
};

static bool
visit_meta(void *arg, const struct store_key *key, struct view part)
{
	struct scan_visit *v = arg;
	struct told told;

	(void)key;
	if (!read_stored_meta(part, &told) ||
	    told.m.capsule >= v->w->configured->n_sites)
		return true;
	buf_reset(&v->aligned);
	buf_put(&v->aligned, told.asks);
	if (!v->aligned.failed)
		v->visit(v->visitor, (size_t)told.m.capsule, told.selector,
		    (const uint64_t *)(const void *)v->aligned.p,
		    told.m.n_asks);
	return true;
}

/* What was found damaged is scanned as far as it goes: what is missing there is
 * rendered by the next build_all. */
static int
scan_store(void *arg,
    void (*visit)(void *visitor, size_t capsule, struct view selector,
	const uint64_t *asks, size_t n_asks),
    void *visitor)
{
	struct sink_store *w = arg;
	struct scan_visit v = { w, visit, visitor, { NULL, 0, 0, 0, false } };

	if (w->n_pending > 0 && commit_pending(w, false) < 0)
		return -1;
	buf_init(&v.aligned, STORE_META_MAX);
	(void)store_scan(w->store, visit_meta, &v);
	buf_fini(&v.aligned);
	return 0;
}

/* -- the sink -- */

struct sink_store *
sink_store_new(struct store *s, const struct snapshot *configured)
{
	struct sink_store *w = xcalloc(1, sizeof(*w));
	size_t i;

	w->store = s;
	w->configured = configured;
	w->seeds = xcalloc(configured->n_sites, sizeof(*w->seeds));
	for (i = 0; i < configured->n_sites; i++)
		w->seeds[i] = store_seed_for(store_reader_seed(store_reader(s)),
		    content_capsule(&configured->sites[i]));
	w->arena = arena_new();
	forget_pending(w);
	buf_init(&w->meta, STORE_META_MAX);
	w->sink = (struct sink){ .arg = w,
		.find = find_stored,
		.has_bytes = has_bytes_in_store,
		.put = put_in_store,
		.drop = drop_in_store,
		.ask = ask_in_store,
		.scan = scan_store,
		.each = tell_stored };
	return w;
}

void
sink_store_free(struct sink_store *w)
{
	if (w == NULL)
		return;
	arena_free(w->arena);
	buf_fini(&w->meta);
	xfree(w->seeds);
	xfree(w);
}

struct sink *
sink_store_sink(struct sink_store *w)
{
	return &w->sink;
}

int
sink_store_commit(struct sink_store *w, bool durable)
{
	bool is_changed = w->n_changes > 0;

	w->n_doubts = 0;
	w->n_changed = w->n_changes;
	w->n_changes = 0;
	if (!is_changed && w->has_committed)
		return 0;
	w->has_committed = true;
	return commit_pending(w, durable);
}

void
sink_store_rollback(struct sink_store *w)
{
	store_rollback(w->store);
	forget_pending(w);
	w->n_changes = 0;
}

size_t
sink_store_changed(const struct sink_store *w)
{
	return w->n_changed;
}

void
sink_store_doubt(struct sink_store *w, const struct store_key *key)
{
	if (is_doubted(w, key))
		return;
	if (w->n_doubts < DOUBTS_MAX)
		w->doubts[w->n_doubts] = *key;
	w->n_doubts++;
}

bool
sink_store_file(const struct sink_store *w, const struct store_key *key,
    struct buf *room, struct sink_store_file *to)
{
	const struct store_reader *r = store_reader(w->store);
	struct store_entry e;
	struct told told;

	if (store_find(r, key, &e) != STORE_FOUND || e.kind != STORE_LARGE)
		return false;
	buf_reset(room);
	buf_fill(room, '\0', e.length[STORE_META]);
	if (room->failed ||
	    store_read(r, &e, STORE_META, room->p) != STORE_FOUND ||
	    !read_stored_meta(buf_view(room), &told) ||
	    told.m.capsule >= w->configured->n_sites || told.path.len == 0)
		return false;
	*to = (struct sink_store_file){ (size_t)told.m.capsule, told.m.device,
		told.m.inode, told.path };
	return true;
}
