/* search.h - find pages by their words: an index over a capsule, on disk. */
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

/*
 * An index.  Only the search process has one, and who serves nobody: what
 * SQLite does with words of visitors is done where nothing else is.
 */
struct search;

/* In which state a page was indexed; as its key, nobody's but the caller's. */
struct search_stamp {
	unsigned char bytes[16];
};

/*
 * Open the index in the file at path, or make one; NULL: one in memory.
 *
 * origin: whose keys these are.  An index of another origin or format, or one
 * that is no database, is made anew.  While
 * another process writes it may be NULL; that one may go on looking into it.
 * What was put before the last commit is there again, whenever the process
 * ended, and after a power cut what was put up to some commit.
 * Returns NULL, and *why says what SQLite refused, in its own static words.
 * The caller frees the result with search_close.
 */
struct search *search_open(const char *path, const struct search_key *origin,
    const char **why);
/* The same in a file that has no name, and goes with this process. */
struct search *search_open_unnamed(const struct search_key *origin,
    const char **why);
void search_close(struct search *s); /* what was not committed is forgotten */

/*
 * Put a page, in place of the one that has its key; all is borrowed for the
 * call.  It is found at once.  Or remove it, if there is one.
 * Return 0; or -1 if it cannot be written (search_why): the index is as the
 * last commit left it.
 */
int search_put(struct search *s, const struct search_key *key,
    const struct search_stamp *stamp, struct view title, struct view text,
    bool is_gemtext);
int search_drop(struct search *s, const struct search_key *key);

/* Let all that was put and dropped since the last one last.  As above. */
int search_commit(struct search *s);

/* If the last of these went wrong: static words, and whether the file is none
 * any more that could be mended. */
bool search_has_failed(const struct search *s);
const char *search_why(const struct search *s);
bool search_is_damaged(const struct search *s);
bool search_is_busy(const struct search *s); /* another process writes */

/*
 * True once after another process, which wrote before this one, has committed
 * its last changes: they are in the index now, and all has to be compared anew.
 */
bool search_has_changed(struct search *s);

/* Pages that are in the index. */
size_t search_count(const struct search *s);

/*
 * True once so much of the file is about pages that are not in the index any
 * more that it had better be made anew.
 */
bool search_is_worn(const struct search *s);

/* The state in which the page of key was put; false: there is none. */
bool search_stamp_of(struct search *s, const struct search_key *key,
    struct search_stamp *to);

/*
 * All pages in the order of their keys, as bytes: search_rewind begins, and
 * search_next fills key and stamp of the next one; false after the last.
 * Pages may be put and dropped meanwhile: then one may come that was put so.
 */
void search_rewind(struct search *s);
bool search_next(struct search *s, struct search_key *key,
    struct search_stamp *stamp);

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
