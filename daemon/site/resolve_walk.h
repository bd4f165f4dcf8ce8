/* resolve_walk.h - visit all pages of a capsule, or those that a folder shows.
 */
#ifndef RESOLVE_WALK_H
#define RESOLVE_WALK_H

#include <stdbool.h>

#include "site/resolve.h"

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

#endif
