/*
 * resolve_walk.c - all pages of a capsule, and what a folder shows.
 *
 * Floor site.
 */
#include "site/resolve_walk.h"

/* -- walking -- */

/* What the helpers below share. */
struct walk {
	struct resolver *r;
	const struct resolve_visit *visit;
	struct arena *a; /* of the page at hand */
};

static bool
visit_page(struct walk *w, struct page *page)
{
	struct view bare = page->selector;
	struct page slash;

	if (w->visit->page == NULL)
		return true;
	if (!w->visit->page(w->visit->arg, page))
		return false;
	if (bare.len < 2 || !view_has_suffix(bare, VIEW("/")))
		return true;
	bare.len--;
	return !resolve_selector(w->r, bare, w->a, &slash) ||
	    slash.kind != PAGE_SLASH || w->visit->page(w->visit->arg, &slash);
}

static bool walk_place(struct walk *w, struct folder_place *place);

/* One name in a folder that is held. */
static bool
walk_name(struct walk *w, struct folder_place *place,
    const struct folder_name *name)
{
	enum folder_kind kind;
	struct folder_place *child;
	struct view selector;
	struct page page;

	if (name->kind == FOLDER_FILE && w->visit->page == NULL)
		return true;
	kind = folders_kind(w->r->folders, place, name);
	resolver_trim_arena(w->a);
	selector = resolver_join(w->a, place->selector, name->name);
	if (kind == FOLDER_FILE)
		return hash_find(w->r->by_selector, selector) != NULL ||
		    !resolve_name(w->r, selector, w->a, place, &page) ||
		    visit_page(w, &page);
	if (kind == FOLDER_FOLDER) {
		selector = resolver_join(w->a, selector, VIEW("/"));
		if (hash_find(w->r->covers, selector) != NULL)
			return true;
		child = folders_find(w->r->folders, selector);
		return child == NULL || walk_place(w, child);
	}
	if (w->visit->other != NULL)
		w->visit->other(w->visit->arg, place, name);
	return true;
}

/* All of a folder, which is held meanwhile. */
static bool
walk_place(struct walk *w, struct folder_place *place)
{
	bool goes_on = true;
	struct page page;
	size_t i;

	if ((w->visit->folder != NULL &&
		!w->visit->folder(w->visit->arg, place)) ||
	    place->fault != FOLDERS_FINE)
		return true;
	folders_hold(place);
	resolver_trim_arena(w->a);
	if (w->visit->page != NULL &&
	    hash_find(w->r->by_selector, place->selector) == NULL &&
	    resolve_folder(w->r, place->selector, w->a, place, &page))
		goes_on = visit_page(w, &page);
	for (i = 0; goes_on && i < place->f.n; i++)
		goes_on = walk_name(w, place, &place->f.names[i]);
	folders_release(place);
	return goes_on;
}

bool
resolver_walk_folder(struct resolver *r, struct view selector,
    const struct resolve_visit *visit)
{
	struct walk w = { r, visit, arena_new() };
	struct folder_place *place = folders_find(r->folders, selector);
	bool whole = place == NULL || walk_place(&w, place);

	arena_free(w.a);
	return whole;
}

bool
resolver_walk_named(struct resolver *r, const struct resolve_visit *visit)
{
	struct walk w = { r, visit, arena_new() };
	bool goes_on = true;
	struct page page;
	size_t i;

	for (i = 0; goes_on && i < r->n_named; i++) {
		resolver_trim_arena(w.a);
		page = *resolver_find_named(r, &r->named[i]);
		goes_on = visit_page(&w, &page);
	}
	arena_free(w.a);
	return goes_on;
}

bool
resolver_walk(struct resolver *r, const struct resolve_visit *visit)
{
	struct walk w = { r, visit, arena_new() };
	bool goes_on = resolver_walk_named(r, visit);
	struct page page;
	size_t i;

	for (i = 0; goes_on && i < r->n_mapped; i++)
		goes_on = resolver_walk_folder(r, r->mapped[i]->key, visit);
	if (goes_on && resolve_selector(r, VIEW(PAGES_CAPS), w.a, &page) &&
	    page.kind == PAGE_CAPS_TXT)
		goes_on = visit_page(&w, &page);
	arena_free(w.a);
	return goes_on;
}

/* -- what a folder shows -- */

/* What the helpers below share. */
struct children {
	struct resolver *r;
	bool (*visit)(void *arg, struct page *page);
	void *arg;
	bool shown;
	struct arena *a;
};

static bool
show_page(const struct children *c, struct page *page)
{
	return (c->shown && !page_is_listed(page)) || c->visit(c->arg, page);
}

/* A folder, by what answers for it. */
static bool
show_folder(struct children *c, struct view selector)
{
	struct folder_place *place;
	struct page page;

	if (hash_find(c->r->by_selector, selector) != NULL)
		return true;
	place = folders_find(c->r->folders, selector);
	return place == NULL || place->fault != FOLDERS_FINE ||
	    !resolve_folder(c->r, selector, c->a, place, &page) ||
	    show_page(c, &page);
}

static bool
show_name(struct children *c, struct folder_place *place,
    const struct folder_name *name)
{
	enum folder_kind kind = folders_kind(c->r->folders, place, name);
	struct view selector;
	struct page page;

	resolver_trim_arena(c->a);
	selector = resolver_join(c->a, place->selector, name->name);
	if (kind == FOLDER_FILE)
		return hash_find(c->r->by_selector, selector) != NULL ||
		    !resolve_name(c->r, selector, c->a, place, &page) ||
		    show_page(c, &page);
	selector = resolver_join(c->a, selector, VIEW("/"));
	return kind != FOLDER_FOLDER ||
	    hash_find(c->r->covers, selector) != NULL ||
	    show_folder(c, selector);
}

/* What lies in the folder, if it is one. */
static bool
show_names(struct children *c, struct view folder)
{
	struct folder_place *place = folders_find(c->r->folders, folder);
	bool goes_on = true;
	size_t i;

	if (place == NULL || place->fault != FOLDERS_FINE)
		return true;
	folders_hold(place);
	for (i = 0; goes_on && i < place->f.n; i++)
		goes_on = show_name(c, place, &place->f.names[i]);
	folders_release(place);
	return goes_on;
}

bool
resolver_children(struct resolver *r, struct view folder, bool shown,
    bool (*visit)(void *arg, struct page *page), void *arg)
{
	struct children c = { r, visit, arg, shown, arena_new() };
	bool goes_on = true;
	struct page page;
	size_t i;

	for (i = 0; goes_on && i < r->n_named; i++)
		if (view_eq(pages_folder(r->named[i].pair->key), folder)) {
			page = *resolver_find_named(r, &r->named[i]);
			goes_on = show_page(&c, &page);
		}
	for (i = 0; goes_on && i < r->n_mapped; i++)
		if (view_eq(pages_folder(r->mapped[i]->key), folder))
			goes_on = show_folder(&c, r->mapped[i]->key);
	goes_on = goes_on && show_names(&c, folder);
	arena_free(c.a);
	return goes_on;
}
