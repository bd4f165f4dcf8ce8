/* search.h - find pages by their words: an index over a capsule. */
#ifndef SEARCH_H
#define SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"
#include "site/search_query.h"

#define SEARCH_TEXT_MAX                                                        \
	((size_t)1 << 20) /* bytes of a page; no more are read */

/* Pages that have the words, and are weighed, before a search gives up and
 * says "more than": it bounds what one search costs. */
#define SEARCH_WEIGHED_MAX 500

struct search_builder;
struct search_index; /* built, and at rest */
struct search;       /* one that is open */

/* Start an index of at most max pages; search_build ends it, and is called. */
struct search_builder *search_builder_new(size_t max);

/* Add a page, all of it borrowed for the call. */
void search_add(struct search_builder *b, const struct search_key *key,
    struct view title, struct view text, bool is_gemtext);

/*
 * Free the builder and return the index, to be freed with search_index_free.
 * It is memory alone, and as good in a process that inherits it.
 * Errors: NULL, and *why says what SQLite refused, in its own static words.
 */
struct search_index *search_build(struct search_builder *b, const char **why);
void search_index_free(struct search_index *index);

/* Bytes that the index takes. */
size_t search_index_size(const struct search_index *index);

/*
 * Open an index, which outlives the result, to be freed with search_close.
 * Only the search process does, and who serves nobody: what SQLite does with
 * words of visitors is done where nothing else is.
 * Errors as above.
 */
struct search *search_open(const struct search_index *index, const char **why);
void search_close(struct search *s);

/*
 * Look for the words of q, which may not even be words: none is syntax.
 *
 * A page is found that has all words, the last one perhaps as the beginning
 * of one; if there is none, pages that have any.  Search is for everybody: what
 * only some may read does not belong in the index, for the number of pages
 * found would tell of it.
 */
void search_find(struct search *s, const struct search_query *q,
    struct search_found *to);

/*
 * From a signal handler: have the search that goes on in s, if any, end soon
 * with SEARCH_SLOW and what it has.  One that has just begun may not notice:
 * call again.
 */
void search_interrupt(struct search *s);

#endif
