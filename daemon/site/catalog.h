/* catalog.h - fill the index that a capsule's searches look into. */
#ifndef CATALOG_H
#define CATALOG_H

#include "base/problem.h"
#include "site/conf.h"
#include "site/pages.h"
#include "site/snapshot.h"

/*
 * If a page of pages is a search, index all those that hold text, each file
 * once, and fill site->index and
 * site->found.
 *
 * Every page has its entry, with a finished answer, or status 0; what is
 * kept goes into the arena of s.  If no index can be made, site->search stays
 * NULL, with a note.
 */
void catalog_fill(struct snapshot *s, struct site *site,
    const struct conf *conf, const struct pages *pages, struct problems *notes);

#endif
