/* resolve.h - what a selector is, from the map and the folders alone. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/view.h"
#include "site/access.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/folders.h"
#include "site/pages.h"

struct resolver;

/*
 * What answers for the selectors of a capsule whose files lie below root.
 *
 * Its memory does not grow with the number of pages: it has the lines of the
 * map, and a few folders as they were when they were last read (folders.h).
 * access: its rules, or NULL.  All is borrowed; the caller frees it with
 * resolver_free.
 */
struct resolver *resolver_new(const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    const struct access *access);
void resolver_free(struct resolver *r);

/* Look at everything anew from now on. */
void resolver_forget(struct resolver *r);

/*
 * Find the page at selector, as pages_collect would have it, but for ->next,
 * ->sibling, ->text and ->rule.  Returns false if there is none.
 *
 * What *to leads to comes from a, or lives until resolver_forget.
 */
bool resolve_selector(struct resolver *r, struct view selector, struct arena *a,
    struct page *to);

/* The item type of what answers for selector over Gopher; 0: nothing does. */
char resolve_item(struct resolver *r, struct view selector);

/* The application that answers for selector, which has no page, because it
 * lies below the application's own; or NULL. */
const struct page *resolve_app(struct resolver *r, struct view selector);

/* Who is told of what a walk finds; the pages are gone when they return. */
struct resolve_visit {
	/* NULL: no file is looked at; or of each page; false ends the walk. */
	bool (*page)(void *arg, struct page *page);
	/* NULL, or of each folder before its pages; false leaves it out with
	 * all that lies below it.  One with a fault has no pages. */
	bool (*folder)(void *arg, const struct folder_place *place);
	/* NULL, or of each name in a folder that is not served. */
	void (*other)(void *arg, const struct folder_place *place,
	    const struct folder_name *name);
	void *arg;
};

/*
 * Visit every page once: those that the map names, in its order, then folder
 * by folder in the order of names.  A folder a level is held in memory.
 * False if a visit ended it.
 */
bool resolver_walk(struct resolver *r, const struct resolve_visit *visit);

/* Likewise the pages of the folder at selector and of all below it, but not
 * those that the map names; nothing if there is no such folder. */
bool resolver_walk_folder(struct resolver *r, struct view selector,
    const struct resolve_visit *visit);

/* Visit the pages that the map names, in its order.  False if a visit ended
 * it. */
bool resolver_walk_named(struct resolver *r, const struct resolve_visit *visit);

/*
 * Visit the pages right below the selector of a folder.  shown: only those that
 * a listing shows, which are not hidden, and lead nowhere else.  False if a
 * visit ended it.
 */
bool resolver_children(struct resolver *r, struct view folder, bool shown,
    bool (*visit)(void *arg, struct page *page), void *arg);

/* The number of lines of the map that name folders, and the folder of the one
 * of that number, which is as folders_find leaves it. */
size_t resolver_count_mapped(const struct resolver *r);
struct folder_place *resolver_mapped(struct resolver *r, size_t i);

/*
 * The folder of that one name where the line of that number has it by no link;
 * NULL if it does not.  As folders_find leaves it.
 */
struct folder_place *resolver_place_of(struct resolver *r, size_t i,
    struct view real);

/* The selector of a page that shows a file, by its one name: one that no link
 * led to; empty if there is none.  From a. */
struct view resolver_selector_of(struct resolver *r, struct view file,
    struct arena *a);

/*
 * The rule for a page that was found here, by all names of its files, as
 * protect_pages sets it; sets ->borrowed, too.
 *
 * Pages found by links count once resolver_learn_links has seen them.
 */
const struct access_rule *resolver_rule(struct resolver *r, struct page *page);

/*
 * Remember which files are found by links that a rule protects: forget what
 * was remembered, take in pages, and let what was taken in count.
 */
void resolver_links_begin(struct resolver *r);
void resolver_links_add(struct resolver *r, const struct page *page);
void resolver_links_end(struct resolver *r);

/* All of this by a walk; in a capsule without rules, nothing. */
void resolver_learn_links(struct resolver *r);

#endif
