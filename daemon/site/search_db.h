/* search_db.h - what an index is to those who write it and look into it. */
#ifndef SEARCH_DB_H
#define SEARCH_DB_H

#include <stdint.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "site/search.h"

/* The columns of a page: what counts most comes first. */
enum { SEARCH_TITLE, SEARCH_HEADINGS, SEARCH_BODY, SEARCH_COLUMNS };

enum search_statement {
	SEARCH_ADD,       /* a page's words */
	SEARCH_ADD_TITLE, /* those of title and headings, to the small table */
	SEARCH_ENTER,     /* a page among those that live */
	SEARCH_REMOVE,    /* and from them */
	SEARCH_ROW,       /* the row of a key, and its stamp */
	SEARCH_KEY,       /* the key of a row */
	SEARCH_ALL,       /* the pages that live */
	SEARCH_PAGES,     /* rows that match, with their weight */
	SEARCH_TITLES,    /* the same of the small table */
	SEARCH_PROBE,     /* rows that match, and no more */
	SEARCH_STATEMENTS
};

struct search {
	sqlite3 *db;
	sqlite3_stmt *run[SEARCH_STATEMENTS];
	/* The number of words of the page in each row, and one; 0: the row's
	 * page does not live, for it was replaced or removed. */
	uint32_t *words;
	size_t n_rows, room; /* the rows are 1 to n_rows */
	size_t n;            /* pages that live */
	double sum;          /* of their words */
	bool is_open;        /* something was written since the last commit */
	int64_t version;     /* of the file, as others have changed it */
	int rc;              /* the first error; SQLITE_OK: none */
	struct buf text[SEARCH_COLUMNS]; /* folded words, scratch */
	double idf[SEARCH_WORDS_MAX];    /* of the words of this search */
};

/* Words of the page in a row that matches; 0 if it does not live. */
static inline uint32_t
search_words_of(const struct search *s, sqlite3_int64 row)
{
	return row < 1 || (size_t)row > s->n_rows ? 0 : s->words[row];
}

/* Have an aux function of FTS5's called "score" weigh rows for s. */
int search_add_score(struct search *s);

#endif
