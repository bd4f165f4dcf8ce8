/* results.h - what a search answers, in words and links. */
#ifndef RESULTS_H
#define RESULTS_H

#include "base/buf.h"
#include "base/view.h"
#include "format/render.h"
#include "site/search_query.h"
#include "site/snapshot.h"

/* Largest page of results, in either protocol: bytes. */
#define RESULTS_MAX ((size_t)512 << 10)

/* What a Gemini client shows its reader before a search. */
#define RESULTS_PROMPT "Words to search for"

/*
 * Append gemtext that explains the search at selector and leads to it, for
 * clients that came without words.
 */
void results_explain(struct buf *to, struct view selector);

/* A search on its way: what is remembered of it until it is answered. */
struct results {
	const struct site *site;
	struct view selector; /* of the search; borrowed from the site */
	bool plus;            /* asked by Gopher+ */
	struct search_query query;
	struct view text; /* what was typed, clean; it follows */
};

/*
 * Read what was typed at the search of that selector.
 *
 * query: any bytes; those that are not UTF-8 are taken for Latin-1.  Nothing
 * in it becomes a line, a link or a field of its own.  It was asked for with
 * words in it: a blank one has nothing to look for, see results_is_blank.
 * The caller frees the result with results_free; NULL without memory.
 */
struct results *results_new(const struct site *site, struct view selector,
    struct view query);
void results_free(struct results *r);

/*
 * Append a response, or a menu, with what was found.  Who looked is not
 * trusted: a page is shown that the site has, and that everybody may read.
 * Returns 0, or -1 if there is no memory, or not enough room in to.
 */
int results_gemini(struct buf *to, const struct results *r,
    const struct search_found *found);
int results_gopher(struct buf *to, const struct results *r,
    const struct search_found *found);

/* True if a query holds nothing but blanks and controls. */
bool results_is_blank(struct view query);

#endif
