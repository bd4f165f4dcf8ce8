/*
 * search.c - an index over the pages of a capsule: SQLite's FTS5, in memory.
 *
 * Floor site.  The master builds a database in memory while it loads, lays its
 * bytes into the snapshot's arena and opens them there for reading; workers
 * inherit all of it at fork(2).  A search opens nothing and locks nothing, so
 * that a worker behind its fences can do it.
 *
 * Words are cut and folded by words.c, for pages and queries alike; to FTS5
 * they are runs of bytes between blanks.  The texts are not in the database
 * ("contentless"): the snapshot has them.  results.c shows what is found.
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

#include "base/hash.h"
#include "base/mem.h"
#include "format/gemtext.h"

/* What is kept of words that stand in fewer pages: they are all alike. */
#define RARE 32 /* pages */

/* A word of one letter begins too many others; beginnings of two and three
 * letters have an index of their own, longer ones are found by merging. */
#define PREFIX_MIN 2 /* bytes */

/* Bytes of a MATCH expression: quotes, an operator and a "*" for each word. */
#define MATCH_MAX (SEARCH_WORDS_MAX * (WORDS_BYTES_MAX + 8))

#define INDEX_MAX ((size_t)1 << 30) /* bytes of a database; SQLite's own */

/* Okapi BM25 (Robertson and others, TREC-3), its usual constants. */
#define BM25_K1 1.2
#define BM25_B  0.75

/* What a word counts in a title, a heading and the text. */
static const double weights[] = { 10.0, 4.0, 1.0 };

struct search_builder {
	struct arena *arena;
	sqlite3 *db;
	sqlite3_stmt *add, *add_title;
	struct search *s;
	struct buf title, headings, body; /* folded words, scratch */
	size_t max;
	int rc; /* the first error; SQLITE_OK: none so far */
};

struct search {
	sqlite3 *db;
	sqlite3_stmt *find, *find_title;
	struct search_page *pages; /* the row i + 1 of both tables */
	size_t n;
	size_t size;         /* bytes of the database */
	double average;      /* words of a page */
	struct hash *common; /* word -> how many pages have it, from RARE on */
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
search_builder_new(struct arena *a, size_t max)
{
	struct search_builder *b = xcalloc(1, sizeof(*b));

	b->arena = a;
	b->max = max;
	b->s = arena_alloc(a, sizeof(*b->s));
	b->s->pages = arena_alloc(a, max * sizeof(*b->s->pages));
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
fold(struct search_builder *b, const struct search_page *page, struct view text)
{
	struct gemtext at = { text, false, 0 };
	struct gemtext_line line;
	bool is_titled = false;

	buf_reset(&b->title);
	buf_reset(&b->headings);
	buf_reset(&b->body);
	words_fold(&b->title, page->title);
	if (!page->is_gemtext) {
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
	(void)good(b, sqlite3_bind_int64(stmt, 1, (sqlite3_int64)b->s->n));
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
search_add(struct search_builder *b, const struct search_page *page,
    struct view text)
{
	struct search_page *kept;

	if (b->rc != SQLITE_OK || b->s->n == b->max)
		return;
	if (text.len > SEARCH_TEXT_MAX)
		text.len = SEARCH_TEXT_MAX;
	fold(b, page, text);
	if (b->title.failed || b->headings.failed || b->body.failed) {
		b->rc = SQLITE_NOMEM;
		return;
	}
	kept = &b->s->pages[b->s->n++];
	*kept = *page;
	kept->n_words = count_blanks(&b->title) + count_blanks(&b->headings) +
	    count_blanks(&b->body);
	b->s->average += kept->n_words;
	insert(b, b->add);
	insert(b, b->add_title);
}

/* Keep how many pages have each of the words that are not rare. */
static void
count_common(struct search_builder *b)
{
	sqlite3_stmt *stmt = NULL;
	struct view word;
	uintptr_t pages;

	b->s->common = hash_new(b->arena, 0);
	run(b,
	    "CREATE VIRTUAL TABLE temp.words"
	    " USING fts5vocab(main, pages, row)");
	prepare(b, "SELECT term, doc FROM temp.words WHERE doc > ?1", &stmt);
	(void)good(b, sqlite3_bind_int(stmt, 1, RARE));
	while (b->rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		word.p = (const char *)sqlite3_column_text(stmt, 0);
		word.len = (size_t)sqlite3_column_bytes(stmt, 0);
		pages = (uintptr_t)sqlite3_column_int64(stmt, 1);
		(void)hash_put(b->s->common, arena_copy(b->arena, word),
		    (void *)pages);
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
	return arena_copy(b->arena,
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
	sqlite3_int64 row = api->xRowid(fts);
	double sum = 0, found, longer;
	int i, n = api->xPhraseCount(fts), column, place;
	Fts5PhraseIter at;

	(void)n_args;
	(void)args;
	longer = s->pages[row - 1].n_words / s->average;
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

/* Open the database that lies at bytes, for reading only. */
static int
open_frozen(struct search *s, struct view bytes)
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
search_build(struct search_builder *b, const char **why)
{
	struct search_found found;
	struct view bytes = freeze(b);
	struct search *s = b->s;
	int rc = b->rc;

	(void)sqlite3_finalize(b->add);
	(void)sqlite3_finalize(b->add_title);
	(void)sqlite3_close(b->db);
	buf_fini(&b->title);
	buf_fini(&b->headings);
	buf_fini(&b->body);
	xfree(b);
	s->size = bytes.len;
	s->average = s->n == 0 ? 1 : s->average / (double)s->n;
	if (rc == SQLITE_OK)
		rc = open_frozen(s, bytes);
	/* A first search reads what all later ones need: workers share it. */
	if (rc == SQLITE_OK && search_find(s, VIEW("a"), &found) == 0)
		return s;
	*why = sqlite3_errstr(rc);
	search_free(s);
	return NULL;
}

void
search_free(struct search *s)
{
	if (s == NULL)
		return;
	(void)sqlite3_finalize(s->find);
	(void)sqlite3_finalize(s->find_title);
	(void)sqlite3_close(s->db);
	s->find = s->find_title = NULL;
	s->db = NULL;
}

size_t
search_size(const struct search *s)
{
	return s->size + s->n * sizeof(*s->pages);
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
 * Returns 1 if there are more than may be weighed, 0 if not, -1 on an error.
 */
static int
weigh(sqlite3_stmt *stmt, struct view match, struct best *best, size_t *total)
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
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -1;
	return rc == SQLITE_ROW;
}

/* Cut the query into words, each of them once, and say how rare they are. */
static void
read_words(struct search *s, struct view query, struct search_found *to)
{
	char room[WORDS_BYTES_MAX];
	struct buf word = { room, 0, sizeof(room), sizeof(room), false };
	const char *start = query.p;
	struct view where;
	size_t i, used = 0;

	while (words_next(&query, &word, &where)) {
		if (where.p - start >= SEARCH_QUERY_MAX) {
			to->is_cut = true;
			break;
		}
		for (i = 0; i < to->n_words; i++)
			if (view_eq(to->words[i], buf_view(&word)))
				break;
		if (i < to->n_words)
			continue;
		if (to->n_words == SEARCH_WORDS_MAX) {
			to->is_cut = true;
			break;
		}
		memcpy(to->room + used, word.p, word.len);
		to->words[to->n_words++] =
		    (struct view){ to->room + used, word.len };
		used += word.len;
	}
	to->is_prefix =
	    to->n_words > 0 && to->words[to->n_words - 1].len >= PREFIX_MIN;
	for (i = 0; i < to->n_words; i++) {
		double n = (double)s->n,
		       pages = (double)(uintptr_t)hash_find(s->common,
			   to->words[i]);

		if (pages < 1)
			pages = n < RARE ? 1 : RARE;
		s->idf[i] = log(1 + (n - pages + 0.5) / (pages + 0.5));
	}
}

/* The words as FTS5 wants them; no byte of theirs means anything to it. */
static void
put_match(struct buf *to, const struct search_found *found)
{
	const char *between = found->is_some ? " OR " : " ";
	size_t i;

	for (i = 0; i < found->n_words; i++) {
		if (i > 0)
			buf_puts(to, between);
		buf_putc(to, '"');
		buf_put(to, found->words[i]);
		buf_putc(to, '"');
	}
	if (found->is_prefix)
		buf_putc(to, '*');
}

static int
look(struct search *s, struct search_found *to)
{
	char room[MATCH_MAX];
	struct buf match = { room, 0, sizeof(room), sizeof(room), false };
	struct best best = { .n = 0 };
	size_t i, in_titles = 0;
	int more;

	put_match(&match, to);
	more = weigh(s->find, buf_view(&match), &best, &to->total);
	if (more > 0 &&
	    weigh(s->find_title, buf_view(&match), &best, &in_titles) < 0)
		more = -1;
	if (more < 0)
		return -1;
	to->is_more = more > 0;
	to->n = best.n;
	for (i = 0; i < best.n; i++)
		to->hits[i] = &s->pages[best.v[i].page];
	return 0;
}

int
search_find(struct search *s, struct view query, struct search_found *to)
{
	*to = (struct search_found){ .n = 0 };
	read_words(s, query, to);
	if (to->n_words == 0 || s->n == 0)
		return 0;
	if (look(s, to) < 0)
		return -1;
	if (to->n > 0 || to->n_words == 1)
		return 0;
	to->is_some = true;
	return look(s, to);
}
