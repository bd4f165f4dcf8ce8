/*
 * search.c - look into an index, at a bounded cost.
 *
 * Floor site.  FTS5's own ranking weighs every page that has a word, 30 ms of
 * it for a common word in 10,000 pages; here the first SEARCH_WEIGHED_MAX of
 * them are weighed, and as many of a second, small table that has titles and
 * headings alone, so that no page that is about a word is missed because others
 * mention it.  How many pages have a word is looked up where that is few, and
 * else told from how close together the first of them are.
 */
#include "site/search.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "site/search_db.h"

/* Words that stand in fewer pages are all alike. */
#define RARE 32 /* pages */

/* Pages with a word that are counted. */
#define PROBE_MAX 128

/* Rows in vain that one search passes. */
#define PASSED_MAX (2 * SEARCH_WEIGHED_MAX)

/* Bytes of a MATCH expression: quotes, an operator and a "*" for each word. */
#define MATCH_MAX (SEARCH_WORDS_MAX * (WORDS_BYTES_MAX + 8))

/* Okapi BM25 (Robertson and others, TREC-3), its usual constants. */
#define BM25_K1 1.2
#define BM25_B  0.75

/* What a word counts in a title, a heading and the text. */
static const double weights[SEARCH_COLUMNS] = { 10.0, 4.0, 1.0 };

/* -- weighing -- */

/*
 * FTS5 calls this for a page that matches: the more words, the rarer, the
 * higher their place, the shorter the page, the better.
 */
static void
score(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context,
    int n_args, sqlite3_value **args)
{
	const struct search *s = api->xUserData(fts);
	uint32_t words = search_words_of(s, api->xRowid(fts));
	double sum = 0, found, longer;
	int i, n = api->xPhraseCount(fts), column, place;
	Fts5PhraseIter at;

	(void)n_args;
	(void)args;
	if (words == 0)
		return; /* it will not be looked at */
	longer = s->sum > 0 ? (words - 1) * (double)s->n / s->sum : 1;
	for (i = 0; i < n && i < SEARCH_WORDS_MAX; i++) {
		found = 0;
		if (api->xPhraseFirst(fts, i, &at, &column, &place) !=
		    SQLITE_OK)
			break;
		for (; column >= 0; api->xPhraseNext(fts, &at, &column, &place))
			found += weights[column];
		sum += s->idf[i] * found * (BM25_K1 + 1) /
		    (found + BM25_K1 * (1 - BM25_B + BM25_B * longer));
	}
	sqlite3_result_double(context, sum);
}

int
search_add_score(struct search *s)
{
	sqlite3_stmt *stmt = NULL;
	fts5_api *api = NULL;
	int rc = sqlite3_prepare_v2(s->db, "SELECT fts5(?1)", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_pointer(stmt, 1, (void *)&api, "fts5_api_ptr",
		    NULL);
	if (rc == SQLITE_OK)
		(void)sqlite3_step(stmt);
	(void)sqlite3_finalize(stmt);
	if (rc == SQLITE_OK && api == NULL)
		rc = SQLITE_ERROR;
	if (rc == SQLITE_OK)
		rc = api->xCreateFunction(api, "score", s, score, NULL);
	return rc;
}

/* -- searching -- */

/* A page and its weight. */
struct weighed {
	sqlite3_int64 page; /* its row */
	double weight;
};

/* The best so far. */
struct best {
	struct weighed v[SEARCH_HITS_MAX];
	size_t n;
};

/* Put a page in its place, which comes after those that weigh as much. */
static void
place(struct best *best, struct weighed w)
{
	size_t at, i;

	/* Of a page that both tables have the greater weight counts. */
	for (i = 0; i < best->n && best->v[i].page != w.page; i++)
		;
	if (i < best->n) {
		if (best->v[i].weight >= w.weight)
			return;
		best->n--;
		memmove(&best->v[i], &best->v[i + 1],
		    (best->n - i) * sizeof(best->v[0]));
	}
	for (at = best->n; at > 0 && best->v[at - 1].weight < w.weight; at--)
		;
	if (at == SEARCH_HITS_MAX)
		return;
	if (best->n < SEARCH_HITS_MAX)
		best->n++;
	memmove(&best->v[at + 1], &best->v[at],
	    (best->n - at - 1) * sizeof(best->v[0]));
	best->v[at] = w;
}

/*
 * Weigh the pages of one table that match; *total counts them.
 * Returns SQLITE_ROW if there are more than may be weighed, SQLITE_DONE if not,
 * or an error.
 */
static int
weigh_matches(struct search *s, sqlite3_stmt *stmt, struct view match,
    struct best *best, uint32_t *total)
{
	size_t seen = 0, passed = 0;
	struct weighed w;
	int rc;

	rc = sqlite3_bind_text(stmt, 1, match.p, (int)match.len, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW && seen < SEARCH_WEIGHED_MAX &&
	    passed < PASSED_MAX) {
		w.page = sqlite3_column_int64(stmt, 0);
		w.weight = sqlite3_column_double(stmt, 1);
		if (search_words_of(s, w.page) > 0) {
			place(best, w);
			seen++;
		} else
			passed++;
		rc = sqlite3_step(stmt);
	}
	*total += (uint32_t)seen;
	(void)sqlite3_reset(stmt);
	return rc;
}

/* How many pages have a word, or about how many. */
static double
count_pages(struct search *s, struct view word)
{
	char room[WORDS_BYTES_MAX + 2];
	struct buf match = { room, 0, sizeof(room), sizeof(room), false };
	sqlite3_stmt *stmt = s->run[SEARCH_PROBE];
	sqlite3_int64 row = 0;
	double n = 0;
	int rc;

	buf_putc(&match, '"');
	buf_put(&match, word);
	buf_putc(&match, '"');
	rc = sqlite3_bind_text(stmt, 1, match.p, (int)match.len, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	for (; rc == SQLITE_ROW && n < PROBE_MAX; rc = sqlite3_step(stmt)) {
		row = sqlite3_column_int64(stmt, 0);
		n++;
	}
	(void)sqlite3_reset(stmt);
	/* Rows come in their order, and words do not mind it. */
	return rc == SQLITE_ROW && row > 0 ? n * (double)s->n_rows / (double)row
					   : n;
}

/* Say how rare each word is; of one word alone that makes no difference. */
static void
weigh_words(struct search *s, const struct search_query *q)
{
	double n = (double)s->n, pages;
	size_t i;

	s->idf[0] = 1;
	for (i = 0; i < q->n_words && q->n_words > 1; i++) {
		pages = count_pages(s, search_query_word(q, i));
		if (pages <= RARE)
			pages = n < RARE ? 1 : RARE;
		if (pages > n)
			pages = n;
		s->idf[i] = log(1 + (n - pages + 0.5) / (pages + 0.5));
	}
}

/* The words as FTS5 wants them; no byte of theirs means anything to it. */
static void
put_match(struct buf *to, const struct search_query *q, bool any, bool prefix)
{
	size_t i;

	for (i = 0; i < q->n_words; i++) {
		if (i > 0)
			buf_puts(to, any ? " OR " : " ");
		buf_putc(to, '"');
		buf_put(to, search_query_word(q, i));
		buf_putc(to, '"');
	}
	if (prefix)
		buf_putc(to, '*');
}

static bool
read_row_key(struct search *s, sqlite3_int64 row, struct search_key *to)
{
	sqlite3_stmt *stmt = s->run[SEARCH_KEY];
	const void *p;
	bool found;

	(void)sqlite3_bind_int64(stmt, 1, row);
	found = sqlite3_step(stmt) == SQLITE_ROW &&
	    (p = sqlite3_column_blob(stmt, 0)) != NULL &&
	    sqlite3_column_bytes(stmt, 0) == (int)sizeof(*to);
	if (found)
		memcpy(to, p, sizeof(*to));
	(void)sqlite3_reset(stmt);
	return found;
}

/*
 * Fill what was found, and how it ended.  any: one of the words is enough;
 * prefix: the last may be the beginning of one.
 */
static void
look_up_words(struct search *s, const struct search_query *q, bool any,
    bool prefix, struct search_found *to)
{
	char room[MATCH_MAX];
	struct buf match = { room, 0, sizeof(room), sizeof(room), false };
	struct best best = { .n = 0 };
	uint32_t in_titles = 0;
	size_t i;
	int rc;

	*to = (struct search_found){ .id = q->id, .is_some = any };
	put_match(&match, q, any, prefix);
	rc = weigh_matches(s, s->run[SEARCH_PAGES], buf_view(&match), &best,
	    &to->total);
	to->is_more = rc != SQLITE_DONE && to->total > 0;
	if (rc == SQLITE_ROW)
		rc = weigh_matches(s, s->run[SEARCH_TITLES], buf_view(&match),
		    &best, &in_titles);
	if (rc == SQLITE_INTERRUPT)
		to->end = SEARCH_SLOW;
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		to->end = SEARCH_FAILED;
	for (i = 0; i < best.n; i++)
		if (read_row_key(s, best.v[i].page, &to->hits[to->n]))
			to->n++;
}

/*
 * Words as they stand first: where more pages have them than are weighed, it
 * would be in vain to gather those with longer words, which takes long.
 */
static void
look_twice(struct search *s, const struct search_query *q, bool any,
    struct search_found *to)
{
	look_up_words(s, q, any, false, to);
	if (to->end == SEARCH_DONE && !to->is_more && search_query_is_prefix(q))
		look_up_words(s, q, any, true, to);
}

void
search_find(struct search *s, const struct search_query *q,
    struct search_found *to)
{
	*to = (struct search_found){ .id = q->id, .end = SEARCH_DONE };
	if (q->n_words == 0 || s->n == 0)
		return;
	weigh_words(s, q);
	look_twice(s, q, false, to);
	if (to->end == SEARCH_DONE && to->n == 0 && q->n_words > 1)
		look_twice(s, q, true, to);
}

void
search_interrupt(struct search *s)
{
	sqlite3_interrupt(s->db);
}
