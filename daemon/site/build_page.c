/*
 * build_page.c - does the sink have this page, as it is now?
 *
 * Floor site.  A page is known to be the same by what stat(2) says of its files
 * and by a digest of all else; one that shows a folder, by those of all that it
 * shows.  What is rendered anew leaves what its links asked about, so that it
 * is found when an answer changes.
 */
#include "site/build_page.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/gemini.h"
#include "site/catalog.h"
#include "site/map.h"
#include "site/resolve_rule.h"
#include "site/resolve_walk.h"

/* -- sets -- */

void
numbers_add(struct numbers *to, uint64_t number)
{
	if (to->n == to->cap) {
		to->cap = to->cap == 0 ? 64 : to->cap * 2;
		to->v = xrealloc(to->v, to->cap, sizeof(*to->v));
	}
	to->v[to->n++] = number;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
numbers_sort(struct numbers *to)
{
	size_t i, n = 0;

	if (to->n == 0)
		return;
	qsort(to->v, to->n, sizeof(*to->v), by_number);
	for (i = 0; i < to->n; i++)
		if (n == 0 || to->v[i] != to->v[n - 1])
			to->v[n++] = to->v[i];
	to->n = n;
}

bool
numbers_have(const struct numbers *in, uint64_t number)
{
	return in->n > 0 &&
	    bsearch(&number, in->v, in->n, sizeof(*in->v), by_number) != NULL;
}

void
numbers_reset(struct numbers *to)
{
	xfree(to->v);
	*to = (struct numbers){ NULL, 0, 0 };
}

void
selectors_init(struct selectors *to)
{
	to->arena = arena_new();
	to->known = hash_new(to->arena, 0);
	to->first = NULL;
	to->end = &to->first;
	to->n = 0;
}

void
selectors_fini(struct selectors *to)
{
	arena_free(to->arena);
	to->arena = NULL;
	to->first = NULL;
	to->n = 0;
}

/* Capsule and selector as one string. */
static struct view
put_selector_key(struct buf *to, size_t capsule, struct view selector)
{
	buf_put(to, (struct view){ (const char *)&capsule, sizeof(capsule) });
	buf_put(to, selector);
	return buf_view(to);
}

void
selectors_add(struct selectors *to, size_t capsule, struct view selector)
{
	struct selector_of *one;
	struct view key;
	struct buf room;

	buf_init(&room, sizeof(capsule) + selector.len);
	key = put_selector_key(&room, capsule, selector);
	if (hash_find(to->known, key) == NULL) {
		key = arena_copy(to->arena, key);
		one = arena_alloc(to->arena, sizeof(*one));
		one->capsule = capsule;
		one->selector = view_skip(key, sizeof(capsule));
		*to->end = one;
		to->end = &one->next;
		to->n++;
		(void)hash_put(to->known, key, one);
	}
	buf_fini(&room);
}

bool
selectors_hold(const struct selectors *in, size_t capsule, struct view selector)
{
	bool is_held = false;
	struct view key;
	struct buf room;

	buf_init(&room, sizeof(capsule) + selector.len);
	key = put_selector_key(&room, capsule, selector);
	for (; !is_held && key.len > sizeof(capsule); key.len--)
		is_held = key.p[key.len - 1] == '/' &&
		    hash_find(in->known, key) != NULL;
	buf_fini(&room);
	return is_held;
}

/* -- what a page looks like -- */

static void
add_number(struct stamp *stamp, uint64_t number)
{
	stamp_add(stamp,
	    (struct view){ (const char *)&number, sizeof(number) });
}

/* What tells one state of a file from another. */
struct stat_key {
	uint64_t device, inode, size, modified_s, modified_ns;
	uint64_t changed_s, changed_ns;
	int64_t failure; /* errno if there is no file */
};

static bool
is_recent(const struct build *b, const struct timespec *changed)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)changed->tv_sec - (int64_t)now.tv_sec) * 1000000000 +
	    changed->tv_nsec - now.tv_nsec + b->options.racy_ns >=
	    0;
}

/* Add what can be seen of a file to a look; false if it is not there. */
static bool
stat_page_file(const struct build_site *t, struct view path, struct look *to,
    struct stat *st)
{
	struct stat_key key;
	const char *why;
	bool is_there = beneath_stat(t->root, path, st, &why) == 0;

	memset(&key, 0, sizeof(key));
	if (!is_there) {
		key.failure = errno;
	} else {
		key.device = (uint64_t)st->st_dev;
		key.inode = (uint64_t)st->st_ino;
		key.size = (uint64_t)st->st_size;
		key.modified_s = (uint64_t)st->st_mtim.tv_sec;
		key.modified_ns = (uint64_t)st->st_mtim.tv_nsec;
		key.changed_s = (uint64_t)st->st_ctim.tv_sec;
		key.changed_ns = (uint64_t)st->st_ctim.tv_nsec;
		/* It cannot be set by hand, as the time of writing can. */
		to->is_racy = to->is_racy || is_recent(t->build, &st->st_ctim);
	}
	stamp_add(&to->stamp, (struct view){ (const char *)&key, sizeof(key) });
	return is_there;
}

static struct view
folder_of_page(const struct page *page)
{
	return view_has_suffix(page->selector, VIEW("/"))
	    ? page->selector
	    : pages_folder(page->selector);
}

static void look_at_folder(struct build_site *t, struct view folder);

static bool
is_executable_file(const struct stat *st)
{
	return (st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

/* What a page's own files look like. */
static void
look_at_own(struct build_site *t, const struct page *page, struct look *to)
{
	struct stat st;

	add_number(&to->stamp, (uint64_t)page->kind);
	to->size = -1;
	if (page->path.len > 0 && stat_page_file(t, page->path, to, &st)) {
		to->size = st.st_size;
		to->device = (uint64_t)st.st_dev;
		to->inode = (uint64_t)st.st_ino;
		t->is_executable = page_is_map(page) && is_executable_file(&st);
	}
	if (page->map.len > 0 && stat_page_file(t, page->map, to, &st))
		t->is_executable = is_executable_file(&st);
}

static struct look
look_at_page(struct build_site *t, const struct page *page)
{
	struct look look = { .size = -1 };

	if (page->same != NULL) {
		look = look_at_page(t, page->same);
		add_number(&look.stamp, (uint64_t)page->kind);
		add_number(&look.stamp, page->same->rule != NULL);
		return look;
	}
	look_at_own(t, page, &look);
	if (page->kind == PAGE_LISTING || page_has_map(page)) {
		look_at_folder(t, folder_of_page(page));
		add_number(&look.stamp, t->shown.look.stamp.half[0]);
		add_number(&look.stamp, t->shown.look.stamp.half[1]);
		look.is_racy = look.is_racy || t->shown.look.is_racy;
	}
	return look;
}

/* Of what its bytes depend on besides. */
static struct stamp
options_of(const struct build_site *t, const struct page *page)
{
	const struct page *own = page->same == NULL ? page : page->same;
	struct stamp stamp = t->options;

	stamp_add(&stamp, own->selector);
	stamp_add(&stamp, own->path);
	stamp_add(&stamp, own->map);
	stamp_add(&stamp, own->mime.type);
	stamp_add(&stamp, map_language(t->c.capsule, own->selector));
	return stamp;
}

/* -- rendering -- */

struct rendered {
	struct entry entry, same;
	struct page page, same_page;
	struct numbers asks;
	struct arena *arena;
};

static void
start_entry(struct entry *entry, struct page *page)
{
	*entry = (struct entry){ .selector = page->selector,
		.kind = page->kind == PAGE_SLASH ? ENTRY_FOLDER : ENTRY_PAGE,
		.item = page->mime.item,
		.access = page->rule };
	page->entry = entry;
}

/* Another name gets what the page has, if that has anything. */
static void
render_alias(struct build_site *t, struct rendered *to)
{
	to->same_page = *to->page.same;
	to->page.same = &to->same_page;
	start_entry(&to->same, &to->same_page);
	prepare_page(&t->c, &to->same_page, 0);
	prepare_page(&t->c, &to->same_page, 1);
	if (to->same.gemini.status != 0 || to->same.gopher.status != 0)
		prepare_page(&t->c, &to->page, 2);
}

/* An empty arena.  Mapping one anew would cost as much as rendering does. */
static struct arena *
take_arena(struct build *b)
{
	struct arena *a = b->spare;

	b->spare = NULL;
	return a == NULL ? arena_new() : a;
}

/* Keep an arena for the next page, or free it. */
static void
leave_arena(struct build *b, struct arena *a)
{
	if (b->spare != NULL) {
		arena_free(a);
		return;
	}
	arena_reset(a);
	b->spare = a;
}

/* Render a page into what the caller frees with fini_rendered.  own: what its
 * own files give, alone. */
static void
render_page(struct build_site *t, const struct page *page, bool own,
    struct rendered *to)
{
	struct arena *keep = t->c.keep, *work = t->c.work;
	struct view selector = t->c.r.selector;
	struct numbers *asks = t->asks;

	*to = (struct rendered){ .page = *page, .arena = take_arena(t->build) };
	t->c.keep = t->c.work = to->arena;
	t->asks = &to->asks;
	start_entry(&to->entry, &to->page);
	if (page->same != NULL)
		render_alias(t, to);
	else {
		prepare_page(&t->c, &to->page, 0);
		if (!own)
			prepare_page(&t->c, &to->page, 1);
	}
	t->c.keep = keep;
	t->c.work = work;
	t->c.r.selector = selector;
	t->asks = asks;
	numbers_sort(&to->asks);
}

static void
fini_rendered(struct build_site *t, struct rendered *r)
{
	numbers_reset(&r->asks);
	leave_arena(t->build, r->arena);
}

/* -- what renderings ask -- */

static char
ask_resolver(struct prepare *c, struct view selector)
{
	struct build_site *t = c->arg;
	const struct sink *sink = t->build->sink;
	struct view bare = selector;

	numbers_add(t->asks, sink->ask(sink->arg, t->capsule, selector));
	if (selector.len > 1 && view_has_suffix(selector, VIEW("/"))) {
		bare.len--;
		numbers_add(t->asks, sink->ask(sink->arg, t->capsule, bare));
	}
	return resolve_item(t->resolver, selector);
}

/* Say what a listing tells of a page. */
static void
fill_shown(struct build_site *t, struct shown_page *one, struct page *page)
{
	struct arena *a = t->shown.arena;
	struct sink *sink = t->build->sink;
	struct sink_entry e;
	struct rendered r;

	if (page->kind == PAGE_LISTING)
		return;
	if (!page_has_map(page)) {
		build_check(t, page, false);
		if (sink->find(sink->arg, t->capsule, page->selector, a, &e)) {
			one->title = e.title;
			one->is_lost = e.is_lost;
		}
		return;
	}
	/* It may show the same folder: its own files alone. */
	render_page(t, page, true, &r);
	one->title = arena_copy(a, r.page.title);
	one->is_lost = prepare_is_lost(&r.page);
	if (!view_has_suffix(page->selector, VIEW("/")))
		one->size = r.page.size;
	fini_rendered(t, &r);
}

/* Note what can be told of a page without opening its files. */
static bool
show_look(void *arg, struct page *page)
{
	struct build_site *t = arg;
	struct shown *shown = &t->shown;
	struct shown_page *one = arena_alloc(shown->arena, sizeof(*one));
	struct look own = { .size = -1 };

	one->selector = arena_copy(shown->arena, page->selector);
	one->rule = resolver_rule(t->resolver, page);
	one->item = page->mime.item;
	look_at_own(t, page, &own);
	one->size = view_has_suffix(page->selector, VIEW("/")) ? -1 : own.size;
	stamp_add(&shown->look.stamp, one->selector);
	add_number(&shown->look.stamp, (unsigned char)one->item);
	add_number(&shown->look.stamp,
	    one->rule == NULL ? 0 : 1 + (uint64_t)one->rule->line);
	add_number(&shown->look.stamp, own.stamp.half[0]);
	add_number(&shown->look.stamp, own.stamp.half[1]);
	shown->look.is_racy = shown->look.is_racy || own.is_racy;
	*shown->end = one;
	shown->end = &one->next;
	shown->n++;
	return true;
}

/* The same pages once more, in the same order: note their titles. */
static bool
show_title(void *arg, struct page *page)
{
	struct build_site *t = arg;
	struct shown_page *one = t->shown.at;

	while (one != NULL && !view_eq(one->selector, page->selector))
		one = one->next;
	if (one == NULL)
		return true; /* it came while we were looking */
	t->shown.at = one->next;
	page->rule = one->rule;
	fill_shown(t, one, page);
	return true;
}

void
build_page_forget(struct build_site *t)
{
	arena_free(t->shown.arena);
	t->shown = (struct shown){ .arena = NULL };
}

/* Have t->shown be that folder, as far as it can be told without opening. */
static void
look_at_folder(struct build_site *t, struct view folder)
{
	struct shown *shown = &t->shown;

	if (shown->arena != NULL && view_eq(shown->folder, folder))
		return;
	build_page_forget(t);
	shown->arena = arena_new();
	shown->folder = arena_copy(shown->arena, folder);
	shown->look.size = -1;
	shown->end = &shown->first;
	(void)resolver_children(t->resolver, shown->folder, true, show_look, t);
}

static struct render_entry *
list_shown(struct prepare *c, const struct page *page, size_t *n)
{
	struct build_site *t = c->arg;
	struct render_entry *entries;
	const struct shown_page *one;

	look_at_folder(t, folder_of_page(page));
	if (!t->shown.has_titles) {
		t->shown.has_titles = true;
		t->shown.at = t->shown.first;
		(void)resolver_children(t->resolver, t->shown.folder, true,
		    show_title, t);
	}
	entries = xcalloc(t->shown.n + 1, sizeof(*entries));
	*n = 0;
	for (one = t->shown.first; one != NULL; one = one->next)
		if (!one->is_lost && !view_eq(one->selector, page->selector) &&
		    (one->rule == NULL || one->rule == page->rule))
			entries[(*n)++] =
			    (struct render_entry){ pages_name(one->selector),
				    one->title, one->selector, one->item,
				    one->size };
	qsort(entries, *n, sizeof(*entries), prepare_by_name);
	return entries;
}

/* The rule of a selector, there or not. */
static const struct access_rule *
rule_of_selector(struct build_site *t, struct view selector, bool *is_there,
    bool *is_folder)
{
	const struct access_rule *rule = NULL;
	struct arena *a = arena_new();
	struct page page;

	*is_there = resolve_selector(t->resolver, selector, a, &page);
	*is_folder = *is_there && page.kind == PAGE_SLASH;
	if (*is_there)
		rule = resolver_rule(t->resolver, &page);
	if (rule == NULL)
		rule = access_find(t->c.site->access, selector);
	arena_free(a);
	return rule;
}

static const struct access_rule *
ask_rule(struct prepare *c, struct view selector)
{
	char room[GEMINI_URI_MAX + 2];
	struct buf folder = { room, 0, sizeof(room), sizeof(room), false };
	struct build_site *t = c->arg;
	bool is_there, is_folder, ignored;
	const struct access_rule *rule =
	    rule_of_selector(t, selector, &is_there, &is_folder);

	if (rule != NULL || t->c.site->access == NULL ||
	    view_has_suffix(selector, VIEW("/")) || (is_there && !is_folder))
		return rule;
	buf_put(&folder, selector);
	buf_putc(&folder, '/');
	return folder.failed
	    ? NULL
	    : rule_of_selector(t, buf_view(&folder), &ignored, &ignored);
}

static struct view
ask_selector(struct prepare *c, struct view file)
{
	struct build_site *t = c->arg;
	struct view found = resolver_selector_of(t->resolver, file, c->work);

	return found.len > 0 ? found : build_linked_selector(t, file, c->work);
}

/* Who sends the file opens it. */
static void
close_file_at_once(struct prepare *c, int fd)
{
	(void)c;
	(void)close(fd);
}

/* -- into the sink -- */

static unsigned
number_of_rule(const struct build_site *t, const struct access_rule *rule)
{
	return rule == NULL ? 0
			    : 1 + (unsigned)(rule - t->c.site->access->rules);
}

static bool
is_open_to_all(struct build_site *t, struct view selector)
{
	struct arena *a = arena_new();
	struct page page;
	bool is_open = resolve_selector(t->resolver, selector, a, &page) &&
	    resolver_rule(t->resolver, &page) == NULL;

	arena_free(a);
	return is_open;
}

/* The title of a page that a search finds, from its arena; else empty.  A file
 * of several selectors is found by one of them, which no link led to. */
static struct view
found_title_of(struct build_site *t, struct rendered *r)
{
	struct page *page = &r->page;
	struct view selector;

	if (!t->c.site->is_searched || page->rule != NULL ||
	    !catalog_is_text(page) || r->entry.gemini.status != GEMINI_SUCCESS)
		return VIEW("");
	selector = resolver_selector_of(t->resolver, page->file, r->arena);
	if (selector.len > 0 && !view_eq(selector, page->selector) &&
	    is_open_to_all(t, selector))
		return VIEW("");
	return catalog_title(page, r->arena);
}

/* One that is never seen, so that the page is looked at again. */
static struct stamp
unlike(struct stamp stamp)
{
	stamp.half[1] = ~stamp.half[1];
	return stamp;
}

/* What was rendered, as the sink wants it. */
static struct sink_entry
entry_of(struct build_site *t, struct rendered *r, const struct look *look,
    const struct stamp *options)
{
	struct entry *entry = &r->entry;
	bool is_lost = entry->gemini.status == 0 && entry->gopher.status == 0;
	const struct page *same = r->page.same;

	if (!is_lost)
		prepare_fill_gap(t->c.site, entry);
	/* Gopher knows no certificates: there, what is protected is closed. */
	if (!is_lost &&
	    (r->page.rule != NULL ||
		(r->page.kind == PAGE_SLASH && same->rule != NULL)))
		entry->gopher = t->c.site->forbidden;
	return (struct sink_entry){ .capsule = t->capsule,
		.selector = r->page.selector,
		.kind = r->page.kind == PAGE_SLASH ? SINK_FOLDER
		    : entry->gemini.rest.size > 0  ? SINK_LARGE
						   : SINK_PAGE,
		.item = entry->item,
		.access = number_of_rule(t, r->page.rule),
		.is_lost = is_lost,
		.stamp = look->is_racy || is_lost ? unlike(look->stamp)
						  : look->stamp,
		.options = *options,
		.title = r->page.title,
		.found_title = found_title_of(t, r),
		.path = same == NULL ? r->page.path : same->path,
		.file = same == NULL ? r->page.file : same->file,
		.size = look->size,
		.device = look->device,
		.inode = look->inode,
		.gemini = entry->gemini,
		.gopher = entry->gopher,
		.asks = r->asks.v,
		.n_asks = r->asks.n };
}

/* True if a listing may show it otherwise now.  Of a folder it shows the title
 * alone; its name without "/" stands in none. */
static bool
is_shown_otherwise(struct view selector, const struct sink_entry *old,
    const struct sink_entry *e)
{
	if (old == NULL || e == NULL || old->item != e->item ||
	    old->access != e->access || old->is_lost != e->is_lost)
		return true;
	if (view_has_suffix(selector, VIEW("/")))
		return !view_eq(old->title, e->title);
	return e->kind != SINK_FOLDER;
}

/* Remember what an entry changes for others; old: NULL if there was none, e:
 * if there is none any more. */
static void
note_change(struct build_site *t, struct view selector,
    const struct sink_entry *old, const struct sink_entry *e)
{
	struct build *b = t->build;

	if (b->is_first)
		return;
	if (old == NULL || e == NULL || old->item != e->item)
		numbers_add(&b->dirty,
		    b->sink->ask(b->sink->arg, t->capsule, selector));
	if (selector.len > 1 && is_shown_otherwise(selector, old, e))
		selectors_add(&b->touched, t->capsule, pages_folder(selector));
}

static bool
is_current(const struct sink_entry *old, const struct sink_entry *now)
{
	return stamp_eq(&old->stamp, &now->stamp) &&
	    stamp_eq(&old->options, &now->options) &&
	    old->access == now->access && old->item == now->item;
}

/* Remember that a page is there; true if it is known to be the same. */
static bool
see_page(struct build *b, uint64_t ask, const struct sink_entry *now)
{
	if (b->known != NULL)
		return known_see(b->known, ask, now);
	if (!b->is_first)
		numbers_add(&b->seen, ask);
	return false;
}

/* True if the sink has an entry as it would be put, but for its answers. */
static bool
is_as_put(const struct sink_entry *old, const struct sink_entry *e)
{
	return stamp_eq(&old->stamp, &e->stamp) &&
	    stamp_eq(&old->options, &e->options) && old->access == e->access &&
	    old->item == e->item && old->kind == e->kind &&
	    old->is_lost == e->is_lost;
}

/* Render a page and put it, unless the sink has the same. */
static void
build_anew(struct build_site *t, const struct page *page,
    const struct look *look, const struct stamp *options,
    const struct sink_entry *old)
{
	struct build *b = t->build;
	struct sink_entry e, before;
	struct rendered r;

	render_page(t, page, false, &r);
	e = entry_of(t, &r, look, options);
	if (old == NULL || !is_as_put(old, &e) ||
	    !b->sink->has_bytes(b->sink->arg, &e)) {
		if (old != NULL)
			(void)b->sink->find(b->sink->arg, t->capsule,
			    page->selector, r.arena, &before);
		if (b->sink->put(b->sink->arg, &e) < 0)
			b->has_failed = true;
		note_change(t, page->selector, old == NULL ? NULL : &before,
		    &e);
	}
	fini_rendered(t, &r);
}

void
build_check(struct build_site *t, struct page *page, bool anew)
{
	struct build *b = t->build;
	struct sink *sink = b->sink;
	struct sink_entry old, now;
	struct look look;
	bool is_there, is_same;

	if (b->has_failed || !page_is_from_files(page))
		return;
	if (sink->tick != NULL)
		sink->tick(sink->tick_arg);
	page->rule = resolver_rule(t->resolver, page);
	if (page->same != NULL)
		page->same->rule = resolver_rule(t->resolver, page->same);
	t->is_executable = false;
	look = look_at_page(t, page);
	t->is_executable = t->is_executable && page->same == NULL;
	now = (struct sink_entry){ .item = page->mime.item,
		.access = number_of_rule(t, page->rule),
		.stamp = look.stamp,
		.options = options_of(t, page) };
	anew = anew || look.is_racy;
	is_same =
	    see_page(b, sink->ask(sink->arg, t->capsule, page->selector), &now);
	if (is_same && !anew)
		return;
	is_there =
	    sink->find(sink->arg, t->capsule, page->selector, NULL, &old);
	if (!is_there || anew || !is_current(&old, &now))
		build_anew(t, page, &look, &now.options,
		    is_there ? &old : NULL);
}

void
build_check_selector(struct build_site *t, struct view selector, bool anew)
{
	struct build *b = t->build;
	struct sink *sink = b->sink;
	struct arena *a = arena_new();
	struct sink_entry old;
	struct page page;

	if (resolve_selector(t->resolver, selector, a, &page) &&
	    page_is_from_files(&page))
		build_check(t, &page, anew);
	else if (sink->find(sink->arg, t->capsule, selector, NULL, &old)) {
		if (sink->drop(sink->arg, t->capsule, selector) < 0)
			b->has_failed = true;
		note_change(t, selector, &old, NULL);
	}
	arena_free(a);
}

/* -- what all pages of a capsule have in common -- */

static struct stamp
common_options(const struct build_site *t, const char *version)
{
	const struct prepare *c = &t->c;
	struct stamp stamp = { { 0, 0 } };
	size_t i;

	stamp_add(&stamp, view_of(version));
	stamp_add(&stamp, c->r.host);
	add_number(&stamp, (uint64_t)c->r.port);
	add_number(&stamp, (uint64_t)c->r.columns);
	add_number(&stamp, (uint64_t)c->r.charset);
	add_number(&stamp, c->r.lastline);
	add_number(&stamp, c->site->is_searched);
	stamp_add(&stamp, c->capsule->title);
	stamp_add(&stamp, c->capsule->admin);
	for (i = 0; i < c->site->n_hosts; i++)
		stamp_add(&stamp, c->site->hosts[i]);
	return stamp;
}

void
build_page_begin(struct build_site *t, struct snapshot *s,
    const struct conf_capsule *capsule)
{
	static const struct prepare_asks asks = { ask_resolver, list_shown,
		ask_rule, ask_selector, close_file_at_once };
	struct build *b = t->build;

	t->c = (struct prepare){ .s = s,
		.site = &s->sites[t->capsule],
		.conf = b->conf,
		.capsule = capsule,
		.root = t->root,
		.trouble = { b->conf, capsule, t->root, b->arena,
		    b->options.notes, 0, NULL },
		.asks = &asks,
		.arg = t };
	prepare_begin(&t->c);
	t->options = common_options(t, b->options.version);
}

void
build_page_end(struct build_site *t)
{
	build_page_forget(t);
	prepare_end(&t->c);
}
