/*
 * search_sync.c - keep the indexes of searches in step with a store.
 *
 * Floor site.  The search process reads the store as workers do.  Of a root
 * that follows another one on the same base only the delta is looked at; else
 * all entries are compared with all indexes, both being sorted by key.  What
 * differs is noted, and indexed a page at a time, so that whoever searches
 * meanwhile has an answer in time.
 *
 * Rows of pages that were replaced stay in the files.  Once a fifth of them is
 * in vain an index is made anew in a second file beside the first, which is
 * looked into until the second is whole.
 */
#include "site/search_sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "site/search_key.h"

#define PAUSE_EVERY 2048 /* entries that are compared, between two pauses */
#define BATCH       500  /* pages between two commits */
#define PATH_SIZE   4096 /* bytes */
#define OPEN_MS     100  /* between two tries to open an index */
#define OPEN_TRIES  50   /* after which it is told that none is */

/* The index of one capsule. */
struct part {
	struct view name; /* empty: there is none */
	struct store_seed seed;
	char *path;         /* NULL: the file has no name */
	struct search *now; /* which is looked into; NULL: none yet */
	unsigned tries;     /* to open it, so far */
	struct search
	    *next; /* which takes its place when it is whole; or NULL */
	/* While all is compared: the next of its pages, if there is one. */
	bool more;
	struct search_key key;
	struct search_stamp stamp;
};

/* Keys, to be worked off from at on. */
struct keys {
	struct store_key *v;
	size_t n, at, room;
};

struct search_sync {
	struct part *parts;
	size_t n;
	struct store_reader *reader;
	bool has_root, is_whole;
	bool is_missing; /* an index could not be opened */
	int pending;     /* a newer root, whose turn is next; -1: none */
	uint32_t base;   /* of the root that was looked at last */
	struct search_key origin;
	struct keys todo;
	/* Of the delta that was looked at last, and of the one that is: what
	 * came since the base, and went again, is in no delta. */
	struct keys before, delta;
	size_t uncommitted;
	int64_t again_ms; /* not before; 0: at once */
	struct buf text, names;
	/* A large file that has to be opened by somebody else. */
	enum { OPEN_NONE, OPEN_WANTED, OPEN_ASKED, OPEN_HERE } opening;
	int opened;
	size_t compared;
	int64_t renewed_ms; /* when an index was last; 0: never */
	void (*pause)(void *);
	void *arg;
};

/* -- keys -- */

static struct search_stamp
stamp_of(const struct store_entry *e)
{
	struct search_key key = search_key_of(&e->stamp);
	struct search_stamp to;

	memcpy(to.bytes, key.bytes, sizeof(to.bytes));
	return to;
}

static void
add_key(struct keys *keys, const struct store_key *key)
{
	if (keys->n == keys->room) {
		keys->room = keys->room == 0 ? 256 : keys->room * 2;
		keys->v = xrealloc(keys->v, keys->room, sizeof(*keys->v));
	}
	keys->v[keys->n++] = *key;
}

static void
forget_keys(struct keys *keys)
{
	xfree(keys->v);
	*keys = (struct keys){ NULL, 0, 0, 0 };
}

/* -- the indexes -- */

/* The one that is written. */
static struct search *
written_index_of(const struct part *p)
{
	return p->next != NULL ? p->next : p->now;
}

/* The name of a capsule's file: letters, digits and dots of its own. */
static char *
path_of(const char *folder, struct view name)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%016llx.index", folder,
	    (unsigned long long)hash_append(0, name));
	return xstrdup(path);
}

static struct search *
open_unnamed(const struct search_key *origin)
{
	const char *why;
	struct search *s = search_open_unnamed(origin, &why);

	if (s == NULL)
		log_errorx("no index for the search: %s", why);
	return s;
}

/*
 * Open the index of p.  The search process before this one may still write it:
 * that is no reason to say anything, and it is tried again.
 */
static void
open_named(struct search_sync *y, struct part *p)
{
	const char *why;

	search_close(p->now);
	p->now = search_open(p->path, &y->origin, &why);
	if (p->now != NULL)
		return;
	y->is_missing = true;
	if (p->tries++ == OPEN_TRIES)
		log_errorx("cannot open the index %s: %s", p->path, why);
}

struct search_sync *
search_sync_new(const struct view *names, size_t n, const char *folder,
    void (*pause)(void *), void *arg)
{
	struct search_sync *y = xcalloc(1, sizeof(*y));
	size_t i;

	y->parts = xcalloc(n, sizeof(*y->parts));
	y->n = n;
	y->reader = store_reader_new();
	if (y->reader == NULL)
		mem_exhausted(0);
	buf_init(&y->text, STORE_ANSWER_MAX);
	buf_init(&y->names, STORE_SELECTOR_MAX + STORE_TITLE_MAX);
	y->pause = pause;
	y->arg = arg;
	y->opened = y->pending = -1;
	for (i = 0; i < n; i++) {
		y->parts[i].name = names[i];
		if (names[i].len > 0 && folder != NULL)
			y->parts[i].path = path_of(folder, names[i]);
		else if (names[i].len > 0)
			y->parts[i].now = open_unnamed(&y->origin);
	}
	return y;
}

void
search_sync_free(struct search_sync *y)
{
	size_t i;

	for (i = 0; i < y->n; i++) {
		search_close(y->parts[i].next);
		search_close(y->parts[i].now);
		xfree(y->parts[i].path);
	}
	xfree(y->parts);
	store_reader_free(y->reader);
	forget_keys(&y->todo);
	forget_keys(&y->before);
	forget_keys(&y->delta);
	buf_fini(&y->text);
	buf_fini(&y->names);
	if (y->opened != -1)
		close(y->opened);
	if (y->pending != -1)
		close(y->pending);
	xfree(y);
}

/* -- what differs -- */

static void
advance(struct part *p)
{
	p->more = search_next(written_index_of(p), &p->key, &p->stamp);
}

/* Compare all indexes with an entry, whose key is the next; all indexes' pages
 * before it are not in the store any more. */
static bool
compare_entry(void *arg, const struct store_entry *e)
{
	struct search_sync *y = arg;
	struct search_key key = search_key_of(&e->key);
	struct search_stamp stamp = stamp_of(e);
	struct store_key gone;
	bool same = false;
	struct part *p;
	int order = 1;

	if (++y->compared % PAUSE_EVERY == 0)
		y->pause(y->arg);
	for (p = y->parts; p < y->parts + y->n; p++) {
		while (p->more &&
		    (order = memcmp(&p->key, &key, sizeof(key))) < 0) {
			gone = search_key_back(&p->key);
			add_key(&y->todo, &gone);
			advance(p);
		}
		if (p->more && order == 0) {
			same = search_may_find(e) &&
			    memcmp(&p->stamp, &stamp, sizeof(stamp)) == 0;
			if (!same)
				add_key(&y->todo, &e->key);
			advance(p);
			same = true;
		}
	}
	if (!same && search_may_find(e))
		add_key(&y->todo, &e->key);
	return true;
}

static bool
collect_entry(void *arg, const struct store_entry *e, bool gone)
{
	struct search_sync *y = arg;

	(void)gone;
	add_key(&y->delta, &e->key);
	return true;
}

static enum store_result
compare_all(struct search_sync *y)
{
	enum store_result r;
	struct store_key gone;
	struct part *p;

	/* What was to be done is found out anew. */
	forget_keys(&y->todo);
	for (p = y->parts; p < y->parts + y->n; p++) {
		p->more = false;
		if (written_index_of(p) != NULL) {
			search_rewind(written_index_of(p));
			advance(p);
		}
	}
	r = store_walk(y->reader, compare_entry, y);
	forget_keys(&y->delta);
	if (r == STORE_FOUND)
		r = store_walk_delta(y->reader, collect_entry, y);
	for (p = y->parts; p < y->parts + y->n; p++) {
		for (; r == STORE_FOUND && p->more; advance(p)) {
			gone = search_key_back(&p->key);
			add_key(&y->todo, &gone);
		}
		if (written_index_of(p) != NULL)
			search_rewind(written_index_of(p));
	}
	return r;
}

/* Keys of the delta before that come before key, or all that are left. */
static void
note_keys_before(struct search_sync *y, const struct store_key *key)
{
	struct keys *before = &y->before;
	int order = -1;

	for (; before->at < before->n && order < 0; before->at++) {
		if (key != NULL)
			order = store_key_cmp(&before->v[before->at], key);
		if (order < 0)
			add_key(&y->todo, &before->v[before->at]);
		else if (order > 0)
			break;
	}
}

/* An entry that has changed since the base: what is equal is soon found out. */
static bool
note_delta_entry(void *arg, const struct store_entry *e, bool gone)
{
	struct search_sync *y = arg;
	struct search_key key = search_key_of(&e->key);
	struct search_stamp stamp = stamp_of(e), there;
	bool wanted = !gone && search_may_find(e), known = false;
	struct part *p;

	add_key(&y->delta, &e->key);
	note_keys_before(y, &e->key);
	for (p = y->parts; p < y->parts + y->n; p++)
		if (written_index_of(p) != NULL &&
		    search_stamp_of(written_index_of(p), &key, &there)) {
			known = true;
			if (!wanted ||
			    memcmp(&there, &stamp, sizeof(stamp)) != 0)
				add_key(&y->todo, &e->key);
		}
	if (!known && wanted)
		add_key(&y->todo, &e->key);
	return true;
}

/* What is in the delta and differs, and what was in the one before it. */
static enum store_result
compare_delta(struct search_sync *y)
{
	enum store_result r;

	forget_keys(&y->before);
	y->before = y->delta;
	y->before.at = 0;
	y->delta = (struct keys){ NULL, 0, 0, 0 };
	r = store_walk_delta(y->reader, note_delta_entry, y);
	note_keys_before(y, NULL);
	return r;
}

/* -- roots -- */

void
search_sync_add_file(struct search_sync *y, uint32_t number, int fd)
{
	(void)store_reader_add(y->reader, number, fd);
}

/* Keys are made with another seed than before, or for the first time. */
static void
begin_origin(struct search_sync *y)
{
	const struct store_seed *seed = store_reader_seed(y->reader);
	struct store_key origin = store_hash(seed, VIEW("search"));
	struct part *p;

	y->origin = search_key_of(&origin);
	for (p = y->parts; p < y->parts + y->n; p++) {
		if (p->name.len == 0)
			continue;
		p->seed = store_seed_for(seed, p->name);
		search_close(p->next);
		p->next = NULL;
		if (p->path != NULL)
			open_named(y, p);
	}
}

static void
use_root(struct search_sync *y, int fd)
{
	struct store_counts counts;
	struct search_key origin;
	enum store_result r;
	struct store_key key;
	bool all;

	if (store_reader_attach(y->reader, fd) != STORE_FOUND) {
		log_warnx("the search cannot read the store");
		return;
	}
	store_count(y->reader, &counts);
	key = store_hash(store_reader_seed(y->reader), VIEW("search"));
	origin = search_key_of(&key);
	if (!y->has_root || memcmp(&origin, &y->origin, sizeof(origin)) != 0) {
		begin_origin(y);
		y->has_root = false;
	}
	all = !y->has_root || counts.base != y->base;
	y->has_root = true;
	y->base = counts.base;
	r = all ? compare_all(y) : compare_delta(y);
	if (r != STORE_FOUND)
		log_warnx("the search cannot read all of the store");
}

void
search_sync_root(struct search_sync *y, int fd)
{
	if (y->todo.at == y->todo.n) {
		use_root(y, fd);
		return;
	}
	if (y->pending != -1)
		close(y->pending);
	y->pending = fd;
}

/* -- steps -- */

/* The capsule in which selector has that key; NULL: in none with a search. */
static struct part *
read_entry_part(const struct search_sync *y, const struct store_key *key,
    struct view selector)
{
	struct store_key same;
	struct part *p;

	for (p = y->parts; p < y->parts + y->n; p++) {
		if (p->name.len == 0)
			continue;
		same = store_key_for(&p->seed, selector);
		if (store_key_cmp(&same, key) == 0)
			return p;
	}
	return NULL;
}

static bool
read_text_part(struct search_sync *y, const struct store_entry *e,
    enum store_part part, struct buf *to, struct view *v)
{
	size_t at = to->len;

	buf_fill(to, '\0', e->length[part]);
	if (to->failed ||
	    store_read(y->reader, e, part, to->p + at) != STORE_FOUND)
		return false;
	*v = view_skip(buf_view(to), at);
	return true;
}

/* Remove the page of key from every index. */
static int
drop_page(struct search_sync *y, const struct store_key *key)
{
	struct search_key k = search_key_of(key);
	struct part *p;

	for (p = y->parts; p < y->parts + y->n; p++)
		if (written_index_of(p) != NULL &&
		    search_drop(written_index_of(p), &k) == -1)
			return -1;
	return 0;
}

/*
 * The text of e: the body of Gemini's answer, or the beginning of the file that
 * follows it.  False: there is none, or it is none.
 */
static bool
read_text(struct search_sync *y, const struct store_entry *e, struct view *text,
    bool *is_gemtext)
{
	struct view header, meta;
	ssize_t n;

	if (!read_text_part(y, e, STORE_GEMINI, &y->text, text))
		return false;
	header = view_cut(text, '\n');
	meta = view_skip(header, 3);
	*is_gemtext = view_has_prefix(meta, VIEW("text/gemini"));
	if (e->kind == STORE_LARGE) {
		buf_reset(&y->text);
		buf_fill(&y->text, '\0', SEARCH_TEXT_MAX);
		n = y->opened == -1 || y->text.failed
		    ? -1
		    : pread(y->opened, y->text.p, y->text.len, 0);
		*text = (struct view){ y->text.p, n > 0 ? (size_t)n : 0 };
	}
	return *is_gemtext || e->kind == STORE_LARGE ||
	    view_has_prefix(meta, VIEW("text/"));
}

/* True if the header of e, a large file, says that it is a text. */
static bool
is_large_text(struct search_sync *y, const struct store_entry *e)
{
	struct view header;

	buf_reset(&y->text);
	return read_text_part(y, e, STORE_GEMINI, &y->text, &header) &&
	    view_has_prefix(header, VIEW("20 text/"));
}

static int
put_indexed_page(struct search_sync *y, const struct store_entry *e)
{
	struct search_key key = search_key_of(&e->key);
	struct search_stamp stamp = stamp_of(e);
	struct view selector, title, text;
	bool is_gemtext;
	struct part *p;

	buf_reset(&y->names);
	buf_reset(&y->text);
	if (!read_text_part(y, e, STORE_SELECTOR, &y->names, &selector) ||
	    (p = read_entry_part(y, &e->key, selector)) == NULL ||
	    written_index_of(p) == NULL ||
	    !read_text_part(y, e, STORE_TITLE, &y->names, &title) ||
	    !read_text(y, e, &text, &is_gemtext))
		return drop_page(y, &e->key);
	return search_put(written_index_of(p), &key, &stamp, title, text,
	    is_gemtext);
}

/* Do what is to be done about a key; 1: not yet, a file has to be opened. */
static int
work_off(struct search_sync *y, const struct store_key *key)
{
	struct store_entry e;
	int r;

	if (store_find(y->reader, key, &e) != STORE_FOUND ||
	    !search_may_find(&e))
		return drop_page(y, key);
	if (e.kind == STORE_LARGE && !is_large_text(y, &e))
		return drop_page(y, key);
	if (e.kind == STORE_LARGE && y->opening != OPEN_HERE) {
		y->opening = OPEN_WANTED;
		return 1;
	}
	r = put_indexed_page(y, &e);
	if (y->opened != -1)
		close(y->opened);
	y->opened = -1;
	y->opening = OPEN_NONE;
	return r;
}

static int
commit_all(struct search_sync *y)
{
	struct part *p;
	int r = 0;

	y->uncommitted = 0;
	for (p = y->parts; p < y->parts + y->n; p++)
		if (written_index_of(p) != NULL &&
		    search_commit(written_index_of(p)) == -1)
			r = -1;
	return r;
}

/* Make an index anew, from nothing. */
static void
renew_index(struct search_sync *y, struct part *p)
{
	search_close(p->next);
	p->next = NULL;
	search_close(p->now);
	p->now = NULL;
	if (p->path == NULL)
		p->now = open_unnamed(&y->origin);
	else {
		(void)unlink(p->path);
		open_named(y, p);
	}
}

void
search_sync_renew(struct search_sync *y, size_t capsule)
{
	int64_t now = clock_ms();

	if (capsule >= y->n || y->parts[capsule].now == NULL ||
	    (y->renewed_ms != 0 && now - y->renewed_ms < SEARCH_SYNC_AGAIN_MS))
		return;
	y->renewed_ms = now;
	log_warnx("the index of %.*s is damaged: it is made anew",
	    VIEW_ARG(y->parts[capsule].name));
	renew_index(y, &y->parts[capsule]);
	if (y->has_root)
		(void)compare_all(y);
}

/*
 * What was not committed has to be done again, after a while; an index that is
 * damaged, from the beginning.
 */
static void
fail_sync(struct search_sync *y)
{
	bool renewed = false, busy = false;
	struct part *p;

	for (p = y->parts; p < y->parts + y->n; p++) {
		if (written_index_of(p) == NULL ||
		    !search_has_failed(written_index_of(p)))
			continue;
		if (search_is_busy(written_index_of(p))) {
			busy = true;
			continue;
		}
		log_warnx("the index of %.*s cannot be written: %s",
		    VIEW_ARG(p->name), search_why(written_index_of(p)));
		if (search_is_damaged(written_index_of(p))) {
			renew_index(y, p);
			renewed = true;
		}
	}
	if (renewed)
		(void)compare_all(y);
	y->todo.at -= y->todo.at < BATCH ? y->todo.at : BATCH;
	y->again_ms = clock_ms() + (busy ? OPEN_MS : SEARCH_SYNC_AGAIN_MS);
}

/* An index that is whole takes the place of the worn one. */
static void
put_in_place(struct search_sync *y, struct part *p)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s.new", p->path);
	search_close(p->next);
	search_close(p->now);
	p->next = p->now = NULL;
	if (rename(path, p->path) == -1)
		log_warn("cannot replace the index %s", p->path);
	open_named(y, p);
}

/* Begin to make worn indexes anew: true if there is something to do. */
static bool
renew_worn(struct search_sync *y)
{
	char path[PATH_SIZE];
	bool begun = false;
	const char *why;
	struct part *p;

	for (p = y->parts; p < y->parts + y->n; p++) {
		if (p->path == NULL || p->now == NULL ||
		    !search_is_worn(p->now))
			continue;
		snprintf(path, sizeof(path), "%s.new", p->path);
		(void)unlink(path);
		p->next = search_open(path, &y->origin, &why);
		begun = begun || p->next != NULL;
	}
	if (begun)
		(void)compare_all(y);
	return begun && y->todo.n > y->todo.at;
}

/* The next root, if it has come: true if there is something to do. */
static bool
use_pending(struct search_sync *y)
{
	int fd = y->pending;

	if (fd == -1)
		return false;
	y->pending = -1;
	use_root(y, fd);
	return y->todo.n > 0;
}

/* All is worked off. */
static bool
finish_todo(struct search_sync *y)
{
	struct part *p;

	if (commit_all(y) == -1) {
		fail_sync(y);
		return false;
	}
	forget_keys(&y->todo);
	y->is_whole = y->has_root;
	for (p = y->parts; p < y->parts + y->n; p++)
		if (p->next != NULL)
			put_in_place(y, p);
	return renew_worn(y) || use_pending(y);
}

/* One key; false if it has to wait. */
static bool
take_step(struct search_sync *y)
{
	int r = work_off(y, &y->todo.v[y->todo.at]);

	if (r == 1)
		return false;
	y->todo.at++;
	if (r == -1 || (++y->uncommitted >= BATCH && commit_all(y) == -1)) {
		fail_sync(y);
		return false;
	}
	return true;
}

/* Compare all with an index that another process has changed meanwhile. */
static void
heed_others(struct search_sync *y)
{
	bool changed = false;
	struct part *p;

	if (y->todo.n > 0 || !y->has_root)
		return;
	for (p = y->parts; p < y->parts + y->n; p++)
		if (p->now != NULL && p->path != NULL &&
		    search_has_changed(p->now))
			changed = true;
	if (changed)
		(void)compare_all(y);
}

/* Try once more; true if all indexes are open now. */
static bool
open_missing(struct search_sync *y)
{
	struct part *p;

	y->is_missing = false;
	for (p = y->parts; p < y->parts + y->n; p++)
		if (p->name.len > 0 && p->path != NULL && p->now == NULL)
			open_named(y, p);
	if (y->is_missing) {
		y->again_ms = clock_ms() + OPEN_MS;
		return false;
	}
	(void)compare_all(y);
	return true;
}

bool
search_sync_step(struct search_sync *y, int ms, int *wait_ms)
{
	int64_t now = clock_ms(), end = now + ms;

	*wait_ms = -1;
	if (y->again_ms > now) {
		*wait_ms = (int)(y->again_ms - now);
		return false;
	}
	y->again_ms = 0;
	if (y->is_missing && !open_missing(y)) {
		*wait_ms = OPEN_MS;
		return false;
	}
	if (!y->has_root || y->opening == OPEN_WANTED ||
	    y->opening == OPEN_ASKED)
		return false;
	heed_others(y);
	while (y->todo.at < y->todo.n) {
		if (!take_step(y)) {
			if (y->again_ms != 0)
				*wait_ms = (int)(y->again_ms - now);
			return false;
		}
		if (clock_ms() >= end)
			return true;
	}
	return (y->todo.n > 0 || !y->is_whole) && finish_todo(y);
}

bool
search_sync_wants(struct search_sync *y, struct store_key *key)
{
	if (y->opening != OPEN_WANTED)
		return false;
	*key = y->todo.v[y->todo.at];
	y->opening = OPEN_ASKED;
	return true;
}

void
search_sync_opened(struct search_sync *y, int fd)
{
	if (y->opening != OPEN_ASKED) {
		if (fd != -1)
			close(fd);
		return;
	}
	y->opening = OPEN_HERE;
	y->opened = fd;
}

void
search_sync_end(struct search_sync *y)
{
	(void)commit_all(y);
	forget_keys(&y->todo);
}

struct search *
search_sync_index(const struct search_sync *y, size_t capsule)
{
	return capsule < y->n ? y->parts[capsule].now : NULL;
}

bool
search_sync_is_whole(const struct search_sync *y)
{
	return y->is_whole;
}

size_t
search_sync_left(const struct search_sync *y)
{
	return y->todo.n - y->todo.at;
}
