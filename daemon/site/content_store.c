/*
 * content_store.c - entries out of a store that another process writes.
 *
 * Floor site.  Nothing of it is believed further than its checksums: who writes
 * there parses what authors wrote.  A number that leads out of a table of ours
 * is damage like any other.
 */
#include "site/content_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/gemini.h"
#include "site/search_key.h"

_Static_assert(sizeof(struct store_key) == FILE_KEY_SIZE,
    "a key of the store names a file");

/* The content of one capsule. */
struct shelf {
	struct content content; /* the first: a content is cast to its shelf */
	struct content_store *all;
	const struct site *site;
	struct store_seed seed;
};

/* A reader, and how many spans of it are held. */
struct content_hold {
	struct store_reader *reader;
	size_t n;
	bool is_old;
};

struct content_store {
	struct content_hold *use;    /* NULL: nothing to look into yet */
	struct store_reader *reader; /* that of use */
	bool has_seed;
	struct store_seed seed; /* of the store that the shelves' are made of */
	struct store_entry last; /* what was found last */
	void (*damaged)(void *arg, const struct store_key *key);
	void *arg;
	size_t n;
	struct shelf shelves[];
};

struct view
content_capsule(const struct site *site)
{
	return site->hosts[0];
}

/* -- looking -- */

/* Make keys as the store of the root does; false without a root. */
static bool
follow_seed(struct content_store *cs)
{
	const struct store_seed *seed = NULL;
	size_t i;

	if (cs->use != NULL)
		seed = store_reader_seed(cs->reader);
	if (seed == NULL)
		return false;
	if (cs->has_seed && memcmp(seed, &cs->seed, sizeof(*seed)) == 0)
		return true;
	for (i = 0; i < cs->n; i++)
		cs->shelves[i].seed =
		    store_seed_for(seed, content_capsule(cs->shelves[i].site));
	cs->seed = *seed;
	cs->has_seed = true;
	return true;
}

static enum content_result
tell_damage(struct content_store *cs, const struct store_key *key)
{
	cs->damaged(cs->arg, key);
	return CONTENT_DAMAGED;
}

/* Find an entry, which is then the last one. */
static enum content_result
find_key(struct content_store *cs, const struct store_key *key)
{
	switch (store_find(cs->reader, key, &cs->last)) {
	case STORE_FOUND:
		return CONTENT_FOUND;
	case STORE_NONE:
		return CONTENT_NONE;
	default:
		return tell_damage(cs, key);
	}
}

/* Fill an answer; what has no status in the store is not there. */
static enum content_result
fill_answer(const struct content_store *cs, enum store_part part, int status,
    const struct answer *missing, struct answer *a)
{
	const struct store_entry *e = &cs->last;
	struct store_span span;

	if (status == 0) {
		*a = *missing;
		return CONTENT_FOUND;
	}
	if (!gemini_status_is_defined(status) ||
	    store_span(cs->reader, e, part, &span) != STORE_FOUND)
		return CONTENT_DAMAGED;
	*a = (struct answer){ .status = status,
		.bytes = VIEW_INIT(""),
		.rest = { span.fd, span.offset, (off_t)span.len, true } };
	/* A file of somebody else's, with or without a header before it. */
	if (e->kind == STORE_LARGE && (part == STORE_GEMINI || span.len == 0))
		a->rest = (struct span){ .fd = -1, .size = (off_t)e->size };
	return CONTENT_FOUND;
}

static bool
fill_access(const struct site *site, const struct store_entry *e,
    struct entry *to)
{
	if (e->access == 0)
		return true;
	if (site->access == NULL || e->access > site->access->n)
		return false;
	to->access = &site->access->rules[e->access - 1];
	return true;
}

/* Fill *to from the entry that was found last. */
static enum content_result
fill_entry(const struct shelf *shelf, struct view selector, struct entry *to)
{
	static const struct answer missing = { .status = GEMINI_NOT_FOUND,
		.bytes = VIEW_INIT("51 Not found\r\n") };
	struct content_store *cs = shelf->all;
	const struct store_entry *e = &cs->last;

	*to = (struct entry){ .selector = selector,
		.kind = e->kind == STORE_FOLDER ? ENTRY_FOLDER : ENTRY_PAGE,
		.item = e->item };
	memcpy(to->file.name, &e->key, FILE_KEY_SIZE);
	memcpy(to->file.stamp, &e->stamp, FILE_KEY_SIZE);
	if (!fill_access(shelf->site, e, to) ||
	    fill_answer(cs, STORE_GEMINI, e->gemini_status, &missing,
		&to->gemini) != CONTENT_FOUND ||
	    fill_answer(cs, STORE_GOPHER, e->gopher_status,
		&shelf->site->not_found, &to->gopher) != CONTENT_FOUND)
		return tell_damage(cs, &e->key);
	/* Gopher knows no certificates. */
	if (to->access != NULL)
		to->gopher = shelf->site->forbidden;
	return CONTENT_FOUND;
}

static enum content_result
find_in_store(const struct content *c, struct view selector, struct entry *to)
{
	const struct shelf *shelf = (const void *)c;
	struct content_store *cs = shelf->all;
	enum content_result r;
	struct store_key key;

	if (!follow_seed(cs))
		return CONTENT_DAMAGED;
	key = store_key_for(&shelf->seed, selector);
	r = find_key(cs, &key);
	return r == CONTENT_FOUND ? fill_entry(shelf, selector, to) : r;
}

/* -- answering -- */

/* Read a part of the last entry behind what is in to. */
static bool
append_part(struct content_store *cs, enum store_part part, struct buf *to)
{
	size_t at = to->len;

	buf_fill(to, '\0', cs->last.length[part]);
	return !to->failed &&
	    store_read(cs->reader, &cs->last, part, to->p + at) == STORE_FOUND;
}

/* Have the entry of key as the last one, as it mostly is. */
static bool
recall(struct content_store *cs, const struct store_key *key)
{
	return store_key_cmp(&cs->last.key, key) == 0 ||
	    find_key(cs, key) == CONTENT_FOUND;
}

static enum content_result
ready_from_store(const struct content *c, const struct entry *entry,
    bool gopher, struct answer *a, struct buf *head)
{
	struct content_store *cs = ((const struct shelf *)(const void *)c)->all;
	enum store_part part = gopher ? STORE_GOPHER : STORE_GEMINI;
	struct store_key key;

	if (a->rest.size == 0)
		return CONTENT_FOUND; /* not of the store */
	memcpy(&key, entry->file.name, FILE_KEY_SIZE);
	if (!recall(cs, &key))
		return CONTENT_DAMAGED;
	if (a->rest.fd == -1 && !gopher) {
		head->max = GEMINI_META_MAX + 5;
		if (!append_part(cs, part, head))
			return tell_damage(cs, &key);
		a->bytes = buf_view(head);
	} else if (a->rest.fd != -1 &&
	    cs->last.length[part] <= CONTENT_CHECK_MAX &&
	    store_verify(cs->reader, &cs->last, part) != STORE_FOUND)
		return tell_damage(cs, &key);
	return CONTENT_FOUND;
}

/* Free a reader that was replaced, once nothing of it is held. */
static void
drop_unused(struct content_hold *use)
{
	if (use == NULL || !use->is_old || use->n > 0)
		return;
	store_reader_free(use->reader);
	free(use);
}

static struct content_hold *
hold_in_store(const struct content *c, int fd)
{
	const struct shelf *shelf = (const void *)c;
	struct content_hold *use = shelf->all->use;

	use->n++;
	store_hold(use->reader, fd);
	return use;
}

static void
release_in_store(struct content_hold *hold, int fd)
{
	store_release(hold->reader, fd);
	hold->n--;
	drop_unused(hold);
}

/* -- what searches find -- */

#define TEXT_MAX ((size_t)1 << 20) /* bytes of an answer that is looked at */

static bool
read_stored_part(const struct store_reader *r, const struct store_entry *e,
    enum store_part part, struct buf *room, size_t *at)
{
	*at = room->len;
	buf_fill(room, '\0', e->length[part]);
	return !room->failed &&
	    store_read(r, e, part, room->p + *at) == STORE_FOUND;
}

static struct view
part_at(const struct buf *room, size_t at, size_t len)
{
	return (struct view){ room->p + at, len };
}

/* The key may be anybody's invention: the page has to be of this site. */
static bool
find_found(const struct content *c, const struct search_key *key,
    struct buf *room, struct search_page *to)
{
	const struct shelf *s = (const void *)c;
	const struct store_reader *r = s->all->reader;
	struct store_key wanted = search_key_back(key), same;
	size_t selector, title, text = 0;
	struct store_entry e;
	struct view header;
	bool has_text;

	if (!follow_seed(s->all) || store_find(r, &wanted, &e) != STORE_FOUND ||
	    !search_may_find(&e) ||
	    !read_stored_part(r, &e, STORE_SELECTOR, room, &selector) ||
	    !read_stored_part(r, &e, STORE_TITLE, room, &title))
		return false;
	has_text = e.kind != STORE_LARGE && e.length[STORE_GEMINI] <= TEXT_MAX;
	if (has_text && !read_stored_part(r, &e, STORE_GEMINI, room, &text))
		return false;
	*to = (struct search_page){
		.selector = part_at(room, selector, e.length[STORE_SELECTOR]),
		.title = part_at(room, title, e.length[STORE_TITLE]),
		.text = VIEW_INIT(""),
	};
	if (has_text) {
		to->text = part_at(room, text, e.length[STORE_GEMINI]);
		header = view_cut(&to->text, '\n');
		to->is_gemtext =
		    view_has_prefix(header, VIEW("20 text/gemini"));
	}
	same = store_key_for(&s->seed, to->selector);
	return store_key_cmp(&same, &wanted) == 0;
}

static const struct content_kind in_store = { find_in_store, ready_from_store,
	hold_in_store, release_in_store, find_found };

/* -- all of it -- */

struct content_store *
content_store_new(struct snapshot *s,
    void (*damaged)(void *arg, const struct store_key *key), void *arg)
{
	struct content_store *cs =
	    xcalloc(1, sizeof(*cs) + s->n_sites * sizeof(cs->shelves[0]));
	struct shelf *shelf;
	size_t i;

	cs->damaged = damaged;
	cs->arg = arg;
	cs->n = s->n_sites;
	for (i = 0; i < cs->n; i++) {
		shelf = &cs->shelves[i];
		*shelf = (struct shelf){ .content = { &in_store },
			.all = cs,
			.site = &s->sites[i] };
		s->sites[i].content = &shelf->content;
	}
	return cs;
}

int
content_store_use(struct content_store *cs, struct store_reader *r)
{
	struct content_hold *use = calloc(1, sizeof(*use));

	if (use == NULL) {
		store_reader_free(r);
		return -1;
	}
	use->reader = r;
	if (cs->use != NULL)
		cs->use->is_old = true;
	drop_unused(cs->use);
	cs->use = use;
	cs->reader = r;
	memset(&cs->last, 0, sizeof(cs->last));
	return 0;
}

void
content_store_free(struct content_store *cs)
{
	if (cs->use != NULL)
		cs->use->is_old = true;
	drop_unused(cs->use);
	xfree(cs);
}
