/* search_query.h - what the search process is asked, and what it answers. */
#ifndef SEARCH_QUERY_H
#define SEARCH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "format/words.h"

#define SEARCH_HITS_MAX  20   /* pages told of one search, the best ones */
#define SEARCH_WORDS_MAX 16   /* of a query; more are left out */
#define SEARCH_QUERY_MAX 1024 /* bytes; words that begin later are left out */

/* Which page is meant; it is nobody's but who put the page into the index. */
struct search_key {
	unsigned char bytes[16];
};

enum search_word {
	SEARCH_FIND,  /* look for these words */
	SEARCH_CANCEL /* nobody waits any more for what has this id */
};

/*
 * FIND, a record from a worker: folded words, and for whom.  The struct is the
 * record, both ends being one program; every byte of it is set.
 */
struct search_query {
	uint32_t word;    /* an enum search_word */
	uint32_t id;      /* the worker's own */
	uint32_t from;    /* one number an address: they take turns */
	uint32_t capsule; /* of the snapshot, from 0 */
	uint32_t n_words; /* 0: nothing can be found */
	uint32_t is_cut;  /* it had more words than are looked for; 0 or 1 */
	unsigned char len[SEARCH_WORDS_MAX]; /* of each word, in bytes */
	char words[SEARCH_WORDS_MAX][WORDS_BYTES_MAX];
};

/* How a search ended. */
enum search_end {
	SEARCH_DONE,
	SEARCH_SLOW,  /* its time was over: there may be more */
	SEARCH_BUSY,  /* too many wait, of this address or in all */
	SEARCH_FAILED /* the index cannot be read */
};

/* FOUND, the record that answers one FIND; so is this struct. */
struct search_found {
	uint32_t id;
	uint32_t end;     /* an enum search_end */
	uint32_t n;       /* hits told */
	uint32_t is_more; /* there may be more than total; 0 or 1 */
	uint32_t is_some; /* none has all of the words, these have some; 0, 1 */
	uint32_t is_partial; /* not all pages are in the index yet; 0 or 1 */
	uint32_t total;      /* pages that have the words; may be more than n */
	struct search_key hits[SEARCH_HITS_MAX]; /* the best first */
};

/*
 * Cut text into the words of *q, each of them once, whatever bytes it holds;
 * the rest of *q is zeroed.
 */
void search_query_read(struct search_query *q, struct view text);

/* A word of q, folded; it lies in q. */
struct view search_query_word(const struct search_query *q, size_t i);

/* True if the last word of q may be the beginning of one: it has two letters,
 * for one begins too many others. */
bool search_query_is_prefix(const struct search_query *q);

/*
 * Take a record of len bytes that somebody sent, who is not trusted; it may be
 * one byte longer than room was for.  False: it is none that search_query_read
 * or a search makes.  A query has to be for one of n_capsules.
 */
bool search_query_take(struct search_query *to, const void *record, size_t len,
    size_t n_capsules);
bool search_found_take(struct search_found *to, const void *record, size_t len);

#endif
