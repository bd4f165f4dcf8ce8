/* resolve.h - what a selector is, from the map and the folders alone. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <stdbool.h>

#include "site/resolver.h"

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

/* Find what answers for a folder that is walked: its index, or a listing.
 * As resolve_selector. */
bool resolve_folder(struct resolver *r, struct view selector, struct arena *a,
    struct folder_place *place, struct page *to);

/* Find the page of the file in place that selector ends with.  As
 * resolve_selector. */
bool resolve_name(struct resolver *r, struct view selector, struct arena *a,
    struct folder_place *place, struct page *to);

#endif
