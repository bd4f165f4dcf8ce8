/*
 * search_db.c - an index over the pages of a capsule: SQLite's FTS5, on disk.
 *
 * Floor site.  Words are cut and folded by words.c, for pages and queries
 * alike; to FTS5 they are runs of bytes between blanks.  The texts are not in
 * the database ("contentless"), and what a page is called here is its key
 * alone.
 *
 * What is contentless cannot be taken out of FTS5 again: each version of a page
 * gets a row of its own, and the table "live" says which rows count.  How many
 * words these have is in memory, 4 bytes a row, for every search asks for it.
 */
#include "site/search_db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/gemtext.h"

#define FORMAT 1 /* of all that is said here, in SQLite's "user version" */

/* Rows in vain that are nobody's concern; above it, a fifth of all is worn. */
#define WORN_MIN   1000
#define WORN_SHARE 5

#define BUSY_MS 500 /* to wait for another writer, who is about to end */

#define PATH_MORE                                                              \
	16 /* bytes that SQLite's other files have behind the path             \
	    */

static const char schema[] =
    "BEGIN;"
    "CREATE TABLE live(row INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key BLOB NOT NULL UNIQUE, stamp BLOB NOT NULL, words INTEGER NOT NULL);"
    "CREATE TABLE facts(origin BLOB NOT NULL);"
    "CREATE VIRTUAL TABLE pages USING fts5(title, headings, body,"
    " content='', columnsize=0, prefix='2 3', tokenize='ascii');"
    "CREATE VIRTUAL TABLE titles USING fts5(title, headings,"
    " content='', columnsize=0, tokenize='ascii');";

static const char *const statements[SEARCH_STATEMENTS] = {
	[SEARCH_ADD] = "INSERT INTO pages(rowid, title, headings, body)"
		       " VALUES(?1, ?2, ?3, ?4)",
	[SEARCH_ADD_TITLE] = "INSERT INTO titles(rowid, title, headings)"
			     " VALUES(?1, ?2, ?3)",
	[SEARCH_ENTER] = "INSERT INTO live(key, stamp, words)"
			 " VALUES(?1, ?2, ?3)",
	[SEARCH_REMOVE] = "DELETE FROM live WHERE row = ?1",
	[SEARCH_ROW] = "SELECT row, stamp FROM live WHERE key = ?1",
	[SEARCH_KEY] = "SELECT key FROM live WHERE row = ?1",
	[SEARCH_ALL] = "SELECT key, stamp FROM live ORDER BY key",
	[SEARCH_PAGES] = "SELECT rowid, score(pages) FROM pages"
			 " WHERE pages MATCH ?1",
	[SEARCH_TITLES] = "SELECT rowid, score(titles) FROM titles"
			  " WHERE titles MATCH ?1",
	[SEARCH_PROBE] = "SELECT rowid FROM pages WHERE pages MATCH ?1",
};

/* -- helpers -- */

/* Remember the first error; true as long as there is none. */
static bool
good(struct search *s, int rc)
{
	if (s->rc == SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
		s->rc = rc;
	return s->rc == SQLITE_OK;
}

static void
execute(struct search *s, const char *sql)
{
	if (s->rc == SQLITE_OK)
		(void)good(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static void
bind_bytes(struct search *s, sqlite3_stmt *stmt, int i, const void *p,
    size_t len)
{
	(void)good(s, sqlite3_bind_blob(stmt, i, p, (int)len, SQLITE_STATIC));
}

/* Step once and reset. */
static void
finish_change(struct search *s, sqlite3_stmt *stmt)
{
	if (s->rc == SQLITE_OK)
		(void)good(s, sqlite3_step(stmt));
	(void)sqlite3_reset(stmt);
}

/* A column of so many bytes; false if it is none. */
static bool
take_bytes(sqlite3_stmt *stmt, int column, void *to, size_t len)
{
	const void *p = sqlite3_column_blob(stmt, column);

	if (p == NULL || sqlite3_column_bytes(stmt, column) != (int)len)
		return false;
	memcpy(to, p, len);
	return true;
}

static int64_t
ask_number(struct search *s, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;

	if (good(s, sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL)) &&
	    good(s, sqlite3_step(stmt)))
		n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return n;
}

/* -- the rows in memory -- */

/* Set the words of a row, which may be a new one. */
static void
set_words(struct search *s, size_t row, uint32_t words)
{
	if (row >= s->room) {
		s->room = row < 1000 ? 1024 : row * 5 / 4;
		s->words = xrealloc(s->words, s->room, sizeof(*s->words));
	}
	while (s->n_rows < row)
		s->words[++s->n_rows] = 0;
	if (s->words[row] > 0) {
		s->n--;
		s->sum -= s->words[row] - 1;
	}
	if (words > 0) {
		s->n++;
		s->sum += words - 1;
	}
	s->words[row] = words;
}

/* Read them again, as the last commit left them. */
static void
load_rows(struct search *s)
{
	sqlite3_stmt *stmt = NULL;
	int64_t row, words, last;

	s->n = s->n_rows = 0;
	s->sum = 0;
	s->version = ask_number(s, "PRAGMA data_version");
	last = ask_number(s, "SELECT max(seq) FROM sqlite_sequence");
	(void)good(s,
	    sqlite3_prepare_v2(s->db,
		"SELECT row, words FROM live ORDER BY row", -1, &stmt, NULL));
	while (s->rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		row = sqlite3_column_int64(stmt, 0);
		words = sqlite3_column_int64(stmt, 1);
		if (row < 1 || row > last || words < 0 || words > INT32_MAX)
			s->rc = SQLITE_CORRUPT;
		else
			set_words(s, (size_t)row, (uint32_t)words + 1);
	}
	(void)good(s, sqlite3_finalize(stmt));
	if (s->rc == SQLITE_OK && last > 0)
		set_words(s, (size_t)last, search_words_of(s, last));
}

/* -- opening -- */

/*
 * alone: nobody else ever opens it, and nobody again: the file loses its name
 * at once, and there is no other one beside it.
 */
static void
open_database(struct search *s, const char *path, bool alone)
{
	s->rc = sqlite3_open_v2(path == NULL ? ":memory:" : path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);
	if (alone && path != NULL)
		(void)unlink(path);
	if (s->rc != SQLITE_OK)
		return;
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	execute(s,
	    alone ? "PRAGMA locking_mode = EXCLUSIVE;"
		    "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"
		  : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
	execute(s,
	    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;"
	    "PRAGMA cell_size_check = ON");
}

static void
create(struct search *s, const struct search_key *origin)
{
	sqlite3_stmt *stmt = NULL;

	execute(s, schema);
	if (s->rc == SQLITE_OK)
		(void)good(s,
		    sqlite3_prepare_v2(s->db, "INSERT INTO facts VALUES(?1)",
			-1, &stmt, NULL));
	if (s->rc == SQLITE_OK) {
		bind_bytes(s, stmt, 1, origin, sizeof(*origin));
		finish_change(s, stmt);
	}
	(void)sqlite3_finalize(stmt);
	execute(s, "PRAGMA user_version = 1; COMMIT");
}

_Static_assert(FORMAT == 1, "the statement above sets it");

/* True if what was opened is an index of origin's pages. */
static bool
is_own_index(struct search *s, const struct search_key *origin)
{
	struct search_key theirs;
	sqlite3_stmt *stmt = NULL;
	bool same = false;

	if (ask_number(s, "PRAGMA user_version") != FORMAT)
		return false;
	if (good(s,
		sqlite3_prepare_v2(s->db, "SELECT origin FROM facts", -1, &stmt,
		    NULL)) &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		same = take_bytes(stmt, 0, &theirs, sizeof(theirs)) &&
		    memcmp(&theirs, origin, sizeof(theirs)) == 0;
	(void)sqlite3_finalize(stmt);
	return same;
}

static void
prepare_all(struct search *s)
{
	size_t i;

	for (i = 0; i < SEARCH_STATEMENTS && s->rc == SQLITE_OK; i++)
		(void)good(s,
		    sqlite3_prepare_v3(s->db, statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &s->run[i], NULL));
}

static void
close_database(struct search *s)
{
	size_t i;

	for (i = 0; i < SEARCH_STATEMENTS; i++) {
		(void)sqlite3_finalize(s->run[i]);
		s->run[i] = NULL;
	}
	(void)sqlite3_close(s->db);
	s->db = NULL;
}

/* A database's own file and those that SQLite has beside it. */
static void
remove_files(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-journal", "-shm" };
	size_t i, size = strlen(path) + PATH_MORE;
	char *name = xmalloc(size);

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		memcpy(name, path, strlen(path) + 1);
		(void)unlink(strcat(name, ends[i]));
	}
	xfree(name);
}

/*
 * Open what is there.  False if it is not ours, or not whole; s->rc is
 * SQLITE_BUSY if another process has it.
 */
static bool
open_old(struct search *s, const char *path, const struct search_key *origin)
{
	open_database(s, path, false);
	if (s->rc == SQLITE_OK && is_own_index(s, origin) &&
	    search_add_score(s) == SQLITE_OK) {
		prepare_all(s);
		load_rows(s);
		if (s->rc == SQLITE_OK)
			return true;
	}
	close_database(s);
	return false;
}

static struct search *
new_search(void)
{
	struct search *s = xcalloc(1, sizeof(*s));
	size_t i;

	for (i = 0; i < SEARCH_COLUMNS; i++)
		buf_init(&s->text[i], SEARCH_TEXT_MAX * 4);
	return s;
}

/* Make what is not there; s is closed if that fails. */
static struct search *
make_new(struct search *s, const char *path, bool alone,
    const struct search_key *origin, const char **why)
{
	s->rc = SQLITE_OK;
	open_database(s, path, alone);
	create(s, origin);
	if (s->rc == SQLITE_OK)
		(void)good(s, search_add_score(s));
	prepare_all(s);
	load_rows(s);
	if (s->rc == SQLITE_OK)
		return s;
	*why = search_why(s);
	search_close(s);
	return NULL;
}

struct search *
search_open(const char *path, const struct search_key *origin, const char **why)
{
	struct search *s = new_search();

	if (path != NULL && access(path, F_OK) == 0) {
		if (open_old(s, path, origin))
			return s;
		if ((s->rc & 0xFF) == SQLITE_BUSY) {
			*why = search_why(s);
			search_close(s);
			return NULL;
		}
	}
	if (path != NULL)
		remove_files(path);
	return make_new(s, path, path == NULL, origin, why);
}

struct search *
search_open_unnamed(const struct search_key *origin, const char **why)
{
	const char *tmp = getenv("TMPDIR");
	struct search *s = NULL;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/capsuled-search.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	fd = mkstemp(path);
	if (fd != -1) {
		close(fd);
		s = make_new(new_search(), path, true, origin, why);
	}
	/* Where no file can be had, memory has to do. */
	return s == NULL ? search_open(NULL, origin, why) : s;
}

void
search_close(struct search *s)
{
	size_t i;

	if (s == NULL)
		return;
	close_database(s);
	for (i = 0; i < SEARCH_COLUMNS; i++)
		buf_fini(&s->text[i]);
	xfree(s->words);
	xfree(s);
}

/* -- writing -- */

const char *
search_why(const struct search *s)
{
	return sqlite3_errstr(s->rc);
}

bool
search_has_failed(const struct search *s)
{
	return s->rc != SQLITE_OK;
}

bool
search_is_damaged(const struct search *s)
{
	int rc = s->rc & 0xFF;

	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

bool
search_is_busy(const struct search *s)
{
	return (s->rc & 0xFF) == SQLITE_BUSY;
}

bool
search_has_changed(struct search *s)
{
	if (s->is_open)
		return false;
	s->rc = SQLITE_OK;
	if (ask_number(s, "PRAGMA data_version") == s->version)
		return false;
	load_rows(s);
	return true;
}

size_t
search_count(const struct search *s)
{
	return s->n;
}

bool
search_is_worn(const struct search *s)
{
	size_t in_vain = s->n_rows - s->n;

	return in_vain > WORN_MIN && in_vain > s->n_rows / WORN_SHARE;
}

/* 0, or -1 after all that was not committed is forgotten. */
static int
result_of(struct search *s)
{
	int rc = s->rc;

	if (rc == SQLITE_OK)
		return 0;
	(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->is_open = false;
	s->rc = SQLITE_OK;
	load_rows(s);
	s->rc = rc;
	return -1;
}

static void
begin_change(struct search *s)
{
	s->rc = SQLITE_OK;
	if (!s->is_open)
		execute(s, "BEGIN IMMEDIATE");
	s->is_open = true;
}

/* Fold a page into the scratch of s; the first heading is its title. */
static void
fold(struct search *s, struct view title, struct view text, bool is_gemtext)
{
	struct gemtext at = { text, false, 0 };
	struct gemtext_line line;
	bool is_titled = false;
	size_t i;

	for (i = 0; i < SEARCH_COLUMNS; i++)
		buf_reset(&s->text[i]);
	words_fold(&s->text[SEARCH_TITLE], title);
	if (!is_gemtext) {
		words_fold(&s->text[SEARCH_BODY], text);
		return;
	}
	while (gemtext_next(&at, &line)) {
		if (line.kind == GEMTEXT_PRE_END)
			continue;
		if (line.kind != GEMTEXT_HEADING)
			words_fold(&s->text[SEARCH_BODY], line.text);
		else if (is_titled)
			words_fold(&s->text[SEARCH_HEADINGS], line.text);
		else
			is_titled = true;
	}
}

/* All words stand behind a blank. */
static uint32_t
tally_words(const struct search *s)
{
	uint32_t n = 0;
	size_t i, k;

	for (k = 0; k < SEARCH_COLUMNS; k++)
		for (i = 0; i < s->text[k].len; i++)
			n += s->text[k].p[i] == ' ';
	return n;
}

static void
add_row(struct search *s, enum search_statement which, sqlite3_int64 row)
{
	sqlite3_stmt *stmt = s->run[which];
	int i, n = sqlite3_bind_parameter_count(stmt);

	assert(n <= 1 + SEARCH_COLUMNS);
	(void)good(s, sqlite3_bind_int64(stmt, 1, row));
	for (i = 2; i <= n; i++)
		(void)good(s,
		    sqlite3_bind_text(stmt, i,
			s->text[i - 2].len > 0 ? s->text[i - 2].p : "",
			(int)s->text[i - 2].len, SQLITE_STATIC));
	finish_change(s, stmt);
}

/* The row of a page that lives, or 0. */
static sqlite3_int64
find_row(struct search *s, const struct search_key *key,
    struct search_stamp *stamp)
{
	sqlite3_stmt *stmt = s->run[SEARCH_ROW];
	struct search_stamp unused;
	sqlite3_int64 row = 0;
	int rc;

	bind_bytes(s, stmt, 1, key, sizeof(*key));
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW &&
	    take_bytes(stmt, 1, stamp == NULL ? &unused : stamp,
		sizeof(unused)))
		row = sqlite3_column_int64(stmt, 0);
	else if (rc == SQLITE_ROW)
		rc = SQLITE_CORRUPT;
	(void)good(s, rc);
	(void)sqlite3_reset(stmt);
	return row;
}

static void
remove_row(struct search *s, const struct search_key *key)
{
	sqlite3_int64 row = find_row(s, key, NULL);

	if (row == 0 || s->rc != SQLITE_OK)
		return;
	(void)good(s, sqlite3_bind_int64(s->run[SEARCH_REMOVE], 1, row));
	finish_change(s, s->run[SEARCH_REMOVE]);
	if (search_words_of(s, row) > 0)
		set_words(s, (size_t)row, 0);
}

/* The new row of a page with so many words. */
static sqlite3_int64
enter_row(struct search *s, const struct search_key *key,
    const struct search_stamp *stamp, uint32_t words)
{
	sqlite3_stmt *stmt = s->run[SEARCH_ENTER];
	sqlite3_int64 row;

	bind_bytes(s, stmt, 1, key, sizeof(*key));
	bind_bytes(s, stmt, 2, stamp, sizeof(*stamp));
	(void)good(s, sqlite3_bind_int64(stmt, 3, words));
	finish_change(s, stmt);
	row = sqlite3_last_insert_rowid(s->db);
	if (s->rc == SQLITE_OK && row < (sqlite3_int64)s->n_rows)
		s->rc = SQLITE_CORRUPT;
	if (s->rc == SQLITE_OK)
		set_words(s, (size_t)row, words + 1);
	return row;
}

int
search_put(struct search *s, const struct search_key *key,
    const struct search_stamp *stamp, struct view title, struct view text,
    bool is_gemtext)
{
	sqlite3_int64 row;
	size_t i;

	if (text.len > SEARCH_TEXT_MAX)
		text.len = SEARCH_TEXT_MAX;
	begin_change(s);
	fold(s, title, text, is_gemtext);
	for (i = 0; i < SEARCH_COLUMNS; i++)
		if (s->text[i].failed)
			(void)good(s, SQLITE_NOMEM);
	remove_row(s, key);
	row = enter_row(s, key, stamp, tally_words(s));
	add_row(s, SEARCH_ADD, row);
	add_row(s, SEARCH_ADD_TITLE, row);
	return result_of(s);
}

int
search_drop(struct search *s, const struct search_key *key)
{
	begin_change(s);
	remove_row(s, key);
	return result_of(s);
}

int
search_commit(struct search *s)
{
	s->rc = SQLITE_OK;
	if (!s->is_open)
		return 0;
	execute(s, "COMMIT");
	if (s->rc == SQLITE_OK)
		s->is_open = false;
	return result_of(s);
}

/* -- what is there -- */

bool
search_stamp_of(struct search *s, const struct search_key *key,
    struct search_stamp *to)
{
	s->rc = SQLITE_OK;
	return find_row(s, key, to) > 0;
}

void
search_rewind(struct search *s)
{
	(void)sqlite3_reset(s->run[SEARCH_ALL]);
}

bool
search_next(struct search *s, struct search_key *key,
    struct search_stamp *stamp)
{
	sqlite3_stmt *stmt = s->run[SEARCH_ALL];

	if (sqlite3_step(stmt) == SQLITE_ROW &&
	    take_bytes(stmt, 0, key, sizeof(*key)) &&
	    take_bytes(stmt, 1, stamp, sizeof(*stamp)))
		return true;
	(void)sqlite3_reset(stmt);
	return false;
}
