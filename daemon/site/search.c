/*
 * search.c - an index over the pages of a capsule: SQLite's FTS5, in memory.
 *
 * Floor site.  The master builds a database in memory while it loads and keeps
 * its bytes; the search process, which inherits them at fork(2), opens them
 * there for reading.  A search opens nothing and locks nothing.
 *
 * Words are cut and folded by words.c, for pages and queries alike; to FTS5
 * they are runs of bytes between blanks.  The texts are not in the database
 * ("contentless"), and what a page is called here is its key alone.
 *
 * What a search costs is bounded.  FTS5's own ranking weighs every page that
 * has a word, 30 ms of it for a common word in 10,000 pages; here the first
 * SEARCH_WEIGHED_MAX of them are weighed, and as many of a second, small table
 * that has titles and headings alone, so that no page that is about a word is
 * missed because others mention it.
 */
#include "site/search.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "format/gemtext.h"

/* What is kept of words that stand in fewer pages: they are all alike. */
#define RARE 32 /* pages */

/* Bytes of a MATCH expression: quotes, an operator and a "*" for each word. */
#define MATCH_MAX (SEARCH_WORDS_MAX * (WORDS_BYTES_MAX + 8))

/* Okapi BM25 (Robertson and others, TREC-3), its usual constants. */
#define BM25_K1 1.2
#define BM25_B  0.75

/* What a word counts in a title, a heading and the text. */
static const double weights[] = { 10.0, 4.0, 1.0 };

/* A page, the row i + 1 of both tables. */
struct row {
	struct search_key key;
	uint32_t n_words;
};

struct search_index {
	struct arena *arena; /* owns all of this */
	struct view bytes;   /* the database */
	struct row *rows;
	size_t n;
	double average;      /* words of a page */
	struct hash *common; /* word -> how many pages have it, from RARE on */
};

struct search_builder {
	struct search_index *index;
	sqlite3 *db;
	sqlite3_stmt *add, *add_title;
	struct buf title, headings, body; /* folded words, scratch */
	size_t max;
	int rc; /* the first error; SQLITE_OK: none so far */
};

struct search {
	const struct search_index *index;
	sqlite3 *db;
	sqlite3_stmt *find, *find_title;
	double idf[SEARCH_WORDS_MAX]; /* of the words of this search */
};

/* -- building -- */

/* Remember the first error; true as long as there is none. */
static bool
good(struct search_builder *b, int rc)
{
	if (b->rc == SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
		b->rc = rc;
	return b->rc == SQLITE_OK;
}

static void
run(struct search_builder *b, const char *sql)
{
	if (b->rc == SQLITE_OK)
		(void)good(b, sqlite3_exec(b->db, sql, NULL, NULL, NULL));
}

/* A private database in memory, in one piece, and nothing else. */
static int
open_memory(sqlite3 **db)
{
	int rc = sqlite3_open_v2("index", db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    "memdb");

	if (rc != SQLITE_OK)
		return rc;
	(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
	(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return sqlite3_exec(*db, "PRAGMA temp_store = MEMORY", NULL, NULL,
	    NULL);
}

static void
prepare(struct search_builder *b, const char *sql, sqlite3_stmt **to)
{
	if (b->rc == SQLITE_OK)
		(void)good(b, sqlite3_prepare_v2(b->db, sql, -1, to, NULL));
}

struct search_builder *
search_builder_new(size_t max)
{
	struct search_builder *b = xcalloc(1, sizeof(*b));
	struct arena *a = arena_new();

	b->max = max;
	b->index = arena_alloc(a, sizeof(*b->index));
	b->index->arena = a;
	b->index->rows = arena_alloc(a, max * sizeof(*b->index->rows));
	buf_init(&b->title, SEARCH_TEXT_MAX * 4);
	buf_init(&b->headings, SEARCH_TEXT_MAX * 4);
	buf_init(&b->body, SEARCH_TEXT_MAX * 4);
	b->rc = open_memory(&b->db);
	run(b,
	    "PRAGMA journal_mode = OFF; PRAGMA cache_size = -4096; BEGIN;"
	    "CREATE VIRTUAL TABLE pages USING fts5(title, headings, body,"
	    " content='', columnsize=0, prefix='2 3', tokenize='ascii');"
	    "CREATE VIRTUAL TABLE titles USING fts5(title, headings,"
	    " content='', columnsize=0, tokenize='ascii')");
	prepare(b,
	    "INSERT INTO pages(rowid, title, headings, body)"
	    " VALUES(?1, ?2, ?3, ?4)",
	    &b->add);
	prepare(b,
	    "INSERT INTO titles(rowid, title, headings)"
	    " VALUES(?1, ?2, ?3)",
	    &b->add_title);
	return b;
}

/* Fold a page into the scratch of b; the first heading is its title. */
static void
fold(struct search_builder *b, struct view title, struct view text,
    bool is_gemtext)
{
	struct gemtext at = { text, false, 0 };
	struct gemtext_line line;
	bool is_titled = false;

	buf_reset(&b->title);
	buf_reset(&b->headings);
	buf_reset(&b->body);
	words_fold(&b->title, title);
	if (!is_gemtext) {
		words_fold(&b->body, text);
		return;
	}
	while (gemtext_next(&at, &line)) {
		if (line.kind == GEMTEXT_PRE_END)
			continue;
		if (line.kind != GEMTEXT_HEADING)
			words_fold(&b->body, line.text);
		else if (is_titled)
			words_fold(&b->headings, line.text);
		else
			is_titled = true;
	}
}

static void
insert(struct search_builder *b, sqlite3_stmt *stmt)
{
	const struct buf *columns[] = { &b->title, &b->headings, &b->body };
	int i, n = sqlite3_bind_parameter_count(stmt);

	assert(n <= 1 + (int)(sizeof(columns) / sizeof(columns[0])));
	(void)good(b, sqlite3_bind_int64(stmt, 1, (sqlite3_int64)b->index->n));
	for (i = 2; i <= n; i++)
		(void)good(b,
		    sqlite3_bind_text(stmt, i,
			columns[i - 2]->len > 0 ? columns[i - 2]->p : "",
			(int)columns[i - 2]->len, SQLITE_STATIC));
	(void)good(b, sqlite3_step(stmt));
	(void)good(b, sqlite3_reset(stmt));
}

static uint32_t
count_blanks(const struct buf *words)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < words->len; i++)
		n += words->p[i] == ' ';
	return n;
}

void
search_add(struct search_builder *b, const struct search_key *key,
    struct view title, struct view text, bool is_gemtext)
{
	struct search_index *index = b->index;
	struct row *row;

	if (b->rc != SQLITE_OK || index->n == b->max)
		return;
	if (text.len > SEARCH_TEXT_MAX)
		text.len = SEARCH_TEXT_MAX;
	fold(b, title, text, is_gemtext);
	if (b->title.failed || b->headings.failed || b->body.failed) {
		b->rc = SQLITE_NOMEM;
		return;
	}
	row = &index->rows[index->n++];
	row->key = *key;
	row->n_words = count_blanks(&b->title) + count_blanks(&b->headings) +
	    count_blanks(&b->body);
	index->average += row->n_words;
	insert(b, b->add);
	insert(b, b->add_title);
}

/* Keep how many pages have each of the words that are not rare. */
static void
count_common(struct search_builder *b)
{
	struct arena *a = b->index->arena;
	struct hash *common = hash_new(a, 0);
	sqlite3_stmt *stmt = NULL;
	struct view word;
	uintptr_t pages;

	b->index->common = common;
	run(b,
	    "CREATE VIRTUAL TABLE temp.words"
	    " USING fts5vocab(main, pages, row)");
	prepare(b, "SELECT term, doc FROM temp.words WHERE doc > ?1", &stmt);
	(void)good(b, sqlite3_bind_int(stmt, 1, RARE));
	while (b->rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		word.p = (const char *)sqlite3_column_text(stmt, 0);
		word.len = (size_t)sqlite3_column_bytes(stmt, 0);
		pages = (uintptr_t)sqlite3_column_int64(stmt, 1);
		(void)hash_put(common, arena_copy(a, word), (void *)pages);
	}
	(void)good(b, sqlite3_finalize(stmt));
	run(b, "DROP TABLE temp.words");
}

/* Merge what was added into one run of bytes, which is in the arena. */
static struct view
freeze(struct search_builder *b)
{
	unsigned char *bytes;
	sqlite3_int64 size = 0;

	run(b,
	    "INSERT INTO pages(pages) VALUES('optimize');"
	    "INSERT INTO titles(titles) VALUES('optimize'); COMMIT");
	count_common(b);
	/* Merging leaves free pages behind. */
	run(b, "VACUUM");
	if (b->rc != SQLITE_OK)
		return VIEW("");
	bytes =
	    sqlite3_serialize(b->db, "main", &size, SQLITE_SERIALIZE_NOCOPY);
	if (bytes == NULL) {
		b->rc = SQLITE_NOMEM;
		return VIEW("");
	}
	return arena_copy(b->index->arena,
	    (struct view){ (const char *)bytes, (size_t)size });
}

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
	const struct search_index *index = s->index;
	sqlite3_int64 row = api->xRowid(fts);
	double sum = 0, found, longer;
	int i, n = api->xPhraseCount(fts), column, place;
	Fts5PhraseIter at;

	(void)n_args;
	(void)args;
	longer = index->rows[row - 1].n_words / index->average;
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

/* Make score known to a connection's FTS5. */
static int
add_score(sqlite3 *db, struct search *s)
{
	sqlite3_stmt *stmt = NULL;
	fts5_api *api = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL);

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

struct search_index *
search_build(struct search_builder *b, const char **why)
{
	struct search_index *index = b->index;

	index->bytes = freeze(b);
	if (b->rc != SQLITE_OK)
		*why = sqlite3_errstr(b->rc);
	(void)sqlite3_finalize(b->add);
	(void)sqlite3_finalize(b->add_title);
	(void)sqlite3_close(b->db);
	buf_fini(&b->title);
	buf_fini(&b->headings);
	buf_fini(&b->body);
	index->average = index->n == 0 ? 1 : index->average / (double)index->n;
	if (b->rc != SQLITE_OK) {
		search_index_free(index);
		index = NULL;
	}
	xfree(b);
	return index;
}

void
search_index_free(struct search_index *index)
{
	if (index != NULL)
		arena_free(index->arena);
}

size_t
search_index_size(const struct search_index *index)
{
	return index->bytes.len + index->n * sizeof(*index->rows);
}

static int
open_bytes(struct search *s, struct view bytes)
{
	int rc = open_memory(&s->db);

	if (rc == SQLITE_OK)
		rc = sqlite3_deserialize(s->db, "main",
		    (unsigned char *)(uintptr_t)bytes.p,
		    (sqlite3_int64)bytes.len, (sqlite3_int64)bytes.len,
		    SQLITE_DESERIALIZE_READONLY);
	if (rc == SQLITE_OK)
		rc = add_score(s->db, s);
	/* Pages are used where they lie, as if mapped from a file. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db,
		    "PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -64",
		    NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(s->db,
		    "SELECT rowid, score(pages) FROM pages WHERE pages"
		    " MATCH ?1",
		    -1, SQLITE_PREPARE_PERSISTENT, &s->find, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(s->db,
		    "SELECT rowid, score(titles) FROM titles WHERE titles"
		    " MATCH ?1",
		    -1, SQLITE_PREPARE_PERSISTENT, &s->find_title, NULL);
	return rc;
}

struct search *
search_open(const struct search_index *index, const char **why)
{
	struct search *s = xcalloc(1, sizeof(*s));
	int rc;

	s->index = index;
	rc = open_bytes(s, index->bytes);
	if (rc == SQLITE_OK)
		return s;
	*why = sqlite3_errstr(rc);
	search_close(s);
	return NULL;
}

void
search_close(struct search *s)
{
	if (s == NULL)
		return;
	(void)sqlite3_finalize(s->find);
	(void)sqlite3_finalize(s->find_title);
	(void)sqlite3_close(s->db);
	xfree(s);
}

void
search_interrupt(struct search *s)
{
	sqlite3_interrupt(s->db);
}

/* -- searching -- */

/* A page and its weight. */
struct weighed {
	size_t page;
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
weigh(sqlite3_stmt *stmt, struct view match, struct best *best, uint32_t *total)
{
	size_t seen = 0;
	struct weighed w;
	int rc;

	rc = sqlite3_bind_text(stmt, 1, match.p, (int)match.len, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	for (; rc == SQLITE_ROW && seen < SEARCH_WEIGHED_MAX; seen++) {
		w.page = (size_t)sqlite3_column_int64(stmt, 0) - 1;
		w.weight = sqlite3_column_double(stmt, 1);
		place(best, w);
		(*total)++;
		rc = sqlite3_step(stmt);
	}
	(void)sqlite3_reset(stmt);
	return rc;
}

/* Say how rare each word is. */
static void
weigh_words(struct search *s, const struct search_query *q)
{
	double n = (double)s->index->n, pages;
	size_t i;

	for (i = 0; i < q->n_words; i++) {
		pages = (double)(uintptr_t)hash_find(s->index->common,
		    search_query_word(q, i));
		if (pages < 1)
			pages = n < RARE ? 1 : RARE;
		s->idf[i] = log(1 + (n - pages + 0.5) / (pages + 0.5));
	}
}

/* The words as FTS5 wants them; no byte of theirs means anything to it. */
static void
put_match(struct buf *to, const struct search_query *q, bool any)
{
	size_t i;

	for (i = 0; i < q->n_words; i++) {
		if (i > 0)
			buf_puts(to, any ? " OR " : " ");
		buf_putc(to, '"');
		buf_put(to, search_query_word(q, i));
		buf_putc(to, '"');
	}
	if (search_query_is_prefix(q))
		buf_putc(to, '*');
}

/* Fill what was found, and how it ended; any: one of the words is enough. */
static void
look(struct search *s, const struct search_query *q, bool any,
    struct search_found *to)
{
	char room[MATCH_MAX];
	struct buf match = { room, 0, sizeof(room), sizeof(room), false };
	struct best best = { .n = 0 };
	uint32_t in_titles = 0;
	size_t i;
	int rc;

	to->is_some = any;
	put_match(&match, q, any);
	rc = weigh(s->find, buf_view(&match), &best, &to->total);
	to->is_more = rc != SQLITE_DONE && to->total > 0;
	if (rc == SQLITE_ROW)
		rc = weigh(s->find_title, buf_view(&match), &best, &in_titles);
	if (rc == SQLITE_INTERRUPT)
		to->end = SEARCH_SLOW;
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		to->end = SEARCH_FAILED;
	to->n = (uint32_t)best.n;
	for (i = 0; i < best.n; i++)
		to->hits[i] = s->index->rows[best.v[i].page].key;
}

void
search_find(struct search *s, const struct search_query *q,
    struct search_found *to)
{
	memset(to, 0, sizeof(*to));
	to->id = q->id;
	to->end = SEARCH_DONE;
	if (q->n_words == 0 || s->index->n == 0)
		return;
	weigh_words(s, q);
	look(s, q, false, to);
	if (to->end == SEARCH_DONE && to->n == 0 && q->n_words > 1)
		look(s, q, true, to);
}
