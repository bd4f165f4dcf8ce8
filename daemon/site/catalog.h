/* catalog.h - which pages a search finds, and what they are called. */
#ifndef CATALOG_H
#define CATALOG_H

#include "site/pages.h"
#include "site/search.h"
#include "site/snapshot.h"

/*
 * If site has a search, give found_title to all of pages that hold text and
 * that everybody may read, each file once; where content is kept in memory,
 * fill site->found, too.  Every page has its entry, with a finished answer.
 */
void catalog_fill(struct snapshot *s, struct site *site,
    const struct pages *pages);

/*
 * An index in memory of site->found, for who serves nobody; to be freed with
 * search_close.  NULL, and *why as search_open has it.
 */
struct search *catalog_index(const struct site *site, const char **why);

/* True if a search may find the page. */
bool catalog_is_text(const struct page *page);

/* What a search calls the page, which has its entry; from a. */
struct view catalog_title(const struct page *page, struct arena *a);

#endif
