/*
 * resolve_rule.c - who may read a page, by all names of its files.
 *
 * Floor site.
 */
#include "site/resolve_rule.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "site/folder.h"
#include "site/protect.h"
#include "site/resolve_walk.h"

/* A file that a page shows which is found by a link, and is protected. */
struct link_rule {
	uint64_t file; /* hash of its one name */
	const struct access_rule *rule;
};

/* -- who may read it -- */

/* The earlier line of [access], of which either may be NULL. */
static const struct access_rule *
earlier_rule(const struct access_rule *a, const struct access_rule *b)
{
	return a == NULL || (b != NULL && b < a) ? b : a;
}

/* The rule of a page's own names, if it shows the file. */
static const struct access_rule *
rule_if_shown(struct resolver *r, const struct page *page, struct view file)
{
	return page->kind == PAGE_FILE &&
		(view_eq(page->file, file) || view_eq(page->map_file, file))
	    ? protect_own_rule(r->access, page)
	    : NULL;
}

/* The folder of that one name where a line of the map has it, by no link. */
static struct folder_place *
find_real(struct resolver *r, const struct conf_pair *cover, struct view real)
{
	struct folder_place *place = folders_find(r->folders, cover->key);
	struct view selector;

	if (place == NULL || place->fault != FOLDERS_FINE ||
	    !view_has_prefix(real, place->f.real))
		return NULL;
	selector = resolver_join(r->scratch, cover->key,
	    view_skip(real, place->f.real.len));
	if (folders_cover(r->folders, selector) != cover)
		return NULL;
	place = folders_find(r->folders, selector);
	return place != NULL && place->fault == FOLDERS_FINE &&
		!place->linked && view_eq(place->f.real, real)
	    ? place
	    : NULL;
}

/* False if neither this name nor one behind it is stem, or stem and a dot. */
static bool
may_have_stem(struct view name, struct view stem)
{
	return view_has_prefix(name, stem) &&
	    (name.len == stem.len || (unsigned char)name.p[stem.len] <= '.');
}

/* The rule of the pages that show the file where it lies in place. */
static const struct access_rule *
rule_in_place(struct resolver *r, struct folder_place *place, struct view file)
{
	struct view stem = pages_stem(pages_name(file)), selector;
	const struct access_rule *rule = NULL;
	const struct folder_name *name;
	struct page page;
	size_t i;

	if (hash_find(r->by_selector, place->selector) == NULL &&
	    resolve_folder(r, place->selector, r->scratch, place, &page))
		rule = rule_if_shown(r, &page, file);
	/* A page is made of files that differ in their extensions. */
	for (i = folder_seek(&place->f, stem);
	     i < place->f.n && may_have_stem(place->f.names[i].name, stem);
	     i++) {
		name = &place->f.names[i];
		if (!view_eq(pages_stem(name->name), stem))
			continue;
		selector =
		    resolver_join(r->scratch, place->selector, name->name);
		if (hash_find(r->by_selector, selector) == NULL &&
		    resolve_name(r, selector, r->scratch, place, &page))
			rule =
			    earlier_rule(rule, rule_if_shown(r, &page, file));
	}
	return rule;
}

static int
by_file(const void *a, const void *b)
{
	const struct link_rule *x = a, *y = b;

	return x->file != y->file ? (x->file > y->file) - (x->file < y->file)
				  : (x->rule > y->rule) - (x->rule < y->rule);
}

/* The rule of the pages that show the file and were found by a link. */
static const struct access_rule *
rule_of_links(const struct resolver *r, struct view file)
{
	uint64_t hash = hash_bytes(file, r->seed);
	size_t low = 0, high = r->n_links, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (r->links[middle].file < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n_links && r->links[low].file == hash
	    ? r->links[low].rule
	    : NULL;
}

/* The rule of any page that shows the file and has one by its own names. */
static const struct access_rule *
rule_of_file(struct resolver *r, struct view file)
{
	const struct access_rule *rule;
	struct folder_place *place;
	size_t i;

	if (file.len == 0 || view_has_suffix(file, VIEW("/")))
		return NULL;
	rule = rule_of_links(r, file);
	for (i = 0; i < r->n_named; i++)
		rule = earlier_rule(rule,
		    rule_if_shown(r, resolver_find_named(r, &r->named[i]),
			file));
	for (i = 0; i < r->n_mapped; i++) {
		place = find_real(r, r->mapped[i], pages_folder(file));
		if (place != NULL)
			rule =
			    earlier_rule(rule, rule_in_place(r, place, file));
	}
	return rule;
}

const struct access_rule *
resolver_file_rule(struct resolver *r, struct view file)
{
	if (r->access == NULL)
		return NULL;
	resolver_trim_arena(r->scratch);
	return rule_of_file(r, file);
}

/* The rule for the selector that a file or a folder has, or would have if it
 * were served, where it lies in the nearest folder that is. */
static const struct access_rule *
rule_where_it_lies(struct resolver *r, struct view file)
{
	struct folder_place *place = NULL;
	struct view folder = file;
	size_t i;

	do {
		folder = pages_folder(folder);
		for (i = 0; place == NULL && i < r->n_mapped; i++)
			place = find_real(r, r->mapped[i], folder);
	} while (place == NULL && folder.len > 0);
	return place == NULL ? NULL
			     : access_find(r->access,
				   resolver_join(r->scratch, place->selector,
				       view_skip(file, folder.len)));
}

/* The rule for what has no own, by what it shows. */
static const struct access_rule *
rule_of_content(struct resolver *r, const struct page *page)
{
	const struct access_rule *rule = rule_of_file(r, page->file);

	if (rule == NULL && page->map_file.len > 0)
		rule = rule_of_file(r, page->map_file);
	if (rule == NULL)
		rule = rule_where_it_lies(r, page->file);
	if (rule == NULL && page->map_file.len > 0)
		rule = rule_where_it_lies(r, page->map_file);
	return rule;
}

const struct access_rule *
resolver_rule(struct resolver *r, struct page *page)
{
	page->rule = NULL;
	page->borrowed = false;
	if (r->access == NULL)
		return NULL;
	page->rule = protect_own_rule(r->access, page);
	if (page->rule != NULL)
		return page->rule;
	resolver_trim_arena(r->scratch);
	if (page->kind == PAGE_ATOM ||
	    ((page->kind == PAGE_FILE || page->kind == PAGE_LISTING) &&
		page->linked)) {
		page->rule = rule_of_content(r, page);
		page->borrowed = page->rule != NULL;
	} else if (page->kind == PAGE_SAME)
		page->rule = resolver_rule(r, page->same);
	return page->rule;
}

void
resolver_links_begin(struct resolver *r)
{
	r->n_links = 0;
}

static void
add_link_rule(struct resolver *r, struct view file,
    const struct access_rule *rule)
{
	if (file.len == 0)
		return;
	if (r->n_links == r->cap_links) {
		r->cap_links = r->cap_links == 0 ? 64 : r->cap_links * 2;
		r->links = xrealloc(r->links, r->cap_links, sizeof(*r->links));
	}
	r->links[r->n_links++] =
	    (struct link_rule){ hash_bytes(file, r->seed), rule };
}

void
resolver_links_add(struct resolver *r, const struct page *page)
{
	const struct access_rule *rule;

	if (r->access == NULL || page->kind != PAGE_FILE || !page->linked ||
	    (rule = protect_own_rule(r->access, page)) == NULL)
		return;
	add_link_rule(r, page->file, rule);
	add_link_rule(r, page->map_file, rule);
}

void
resolver_links_end(struct resolver *r)
{
	if (r->n_links > 0)
		qsort(r->links, r->n_links, sizeof(*r->links), by_file);
}

static bool
learn_page(void *arg, struct page *page)
{
	resolver_links_add(arg, page);
	return true;
}

void
resolver_learn_links(struct resolver *r)
{
	struct resolve_visit visit = { .page = learn_page, .arg = r };

	if (r->access == NULL)
		return;
	resolver_links_begin(r);
	(void)resolver_walk(r, &visit);
	resolver_links_end(r);
}

/* -- places -- */

size_t
resolver_count_mapped(const struct resolver *r)
{
	return r->n_mapped;
}

struct folder_place *
resolver_mapped(struct resolver *r, size_t i)
{
	return folders_find(r->folders, r->mapped[i]->key);
}

struct folder_place *
resolver_place_of(struct resolver *r, size_t i, struct view real)
{
	resolver_trim_arena(r->scratch);
	return find_real(r, r->mapped[i], real);
}

/* The selector of the page that shows the file where it lies in place. */
static struct view
selector_in_place(struct resolver *r, struct folder_place *place,
    struct view file, struct arena *a)
{
	struct view selector, stem = pages_stem(pages_name(file));
	struct page page;
	size_t i;

	if (hash_find(r->by_selector, place->selector) == NULL &&
	    resolve_folder(r, place->selector, a, place, &page) &&
	    page.kind == PAGE_FILE && !page.linked && view_eq(page.file, file))
		return arena_copy(a, place->selector);
	for (i = folder_seek(&place->f, stem);
	     i < place->f.n && may_have_stem(place->f.names[i].name, stem);
	     i++) {
		if (!view_eq(pages_stem(place->f.names[i].name), stem))
			continue;
		selector =
		    resolver_join(a, place->selector, place->f.names[i].name);
		if (hash_find(r->by_selector, selector) == NULL &&
		    resolve_name(r, selector, a, place, &page) &&
		    page.kind == PAGE_FILE && !page.linked &&
		    view_eq(page.file, file))
			return selector;
	}
	return VIEW("");
}

struct view
resolver_selector_of(struct resolver *r, struct view file, struct arena *a)
{
	struct view selector = VIEW("");
	struct folder_place *place;
	const struct page *page;
	size_t i;

	for (i = 0; i < r->n_named; i++) {
		page = resolver_find_named(r, &r->named[i]);
		if (page->kind == PAGE_FILE && view_eq(page->file, file))
			return page->selector;
	}
	for (i = 0; selector.len == 0 && i < r->n_mapped; i++) {
		place = resolver_place_of(r, i, pages_folder(file));
		if (place != NULL)
			selector = selector_in_place(r, place, file, a);
	}
	return selector;
}
