/* search.h - find pages by their words: an index over a capsule. */
#ifndef SEARCH_H
#define SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/view.h"
#include "format/words.h"

#define SEARCH_HITS_MAX  20   /* pages told of one search, the best ones */
#define SEARCH_WORDS_MAX 16   /* of a query; more are left out */
#define SEARCH_QUERY_MAX 1024 /* bytes; words that begin later are left out */
#define SEARCH_TEXT_MAX  ((size_t)1 << 20) /* bytes of a page, likewise */
#define SEARCH_TITLE_MAX 160               /* bytes of a title shown */

/* Pages that have the words, and are weighed, before a search gives up and
 * says "more than": it bounds what one search costs. */
#define SEARCH_WEIGHED_MAX 500

/* A page that can be found. */
struct search_page {
	struct view selector;
	struct view title; /* clean, never empty */
	struct view text;  /* for snippets; empty: not at hand */
	bool is_gemtext;
	uint32_t n_words;
};

struct search;
struct search_builder;

/*
 * Start an index of at most max pages, whose memory will come from a, the
 * database included; search_build ends it and must be called.
 */
struct search_builder *search_builder_new(struct arena *a, size_t max);

/*
 * Add a page with its whole text, which may be longer than page->text and is
 * only read; what page has must live as long as a, n_words is not looked at.
 */
void search_add(struct search_builder *b, const struct search_page *page,
    struct view text);

/*
 * Free the builder and return the index, to be freed with search_free before
 * the arena is.
 * Errors: NULL, and *why says what SQLite refused, in its own static words.
 */
struct search *search_build(struct search_builder *b, const char **why);
void search_free(struct search *s);

/* Bytes that the index takes, less the texts. */
size_t search_size(const struct search *s);

/* What was found. */
struct search_found {
	const struct search_page *hits[SEARCH_HITS_MAX]; /* the best first */
	size_t n;
	size_t total;   /* pages that have the words; may be more than n */
	bool is_more;   /* there may be more than total */
	bool is_some;   /* none has all of the words, these have some */
	bool is_cut;    /* it has more words than were looked for */
	bool is_prefix; /* the last word may be the beginning of one */
	size_t n_words; /* 0: there is no word in the query */
	struct view words[SEARCH_WORDS_MAX]; /* folded, in room */
	char room[SEARCH_WORDS_MAX * WORDS_BYTES_MAX];
};

/*
 * Look for the words of query, whatever bytes it holds: none is syntax.
 *
 * A page is found that has all words, the last one perhaps as the beginning
 * of one if it has two letters; if there is none, pages that have any.
 * Search is for everybody: what only some may read does not belong in the
 * index, for the number of pages found would tell of it.
 * Opens nothing, writes nothing but its own memory.
 * Returns 0; or -1, and *to is of no use, if there is no memory.
 */
int search_find(struct search *s, struct view query, struct search_found *to);

#endif
