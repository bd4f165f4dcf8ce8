/* results.h - what a search answers, in words and links. */
#ifndef RESULTS_H
#define RESULTS_H

#include "base/buf.h"
#include "base/view.h"
#include "format/render.h"
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

/*
 * Append a response, or a menu, with what the words of query find on site;
 * entry is the search that was asked.
 *
 * query: any bytes; those that are not UTF-8 are taken for Latin-1.  Nothing
 * in it becomes a line, a link or a field of its own.  It was asked for with
 * words in it: a blank one has nothing to look for, see results_is_blank.
 * Returns 0, or -1 if there is no memory, or not enough room in to.
 */
int results_gemini(struct buf *to, const struct site *site,
    const struct entry *entry, struct view query);
int results_gopher(struct buf *to, const struct site *site,
    const struct entry *entry, struct view query);

/* True if a query holds nothing but blanks and controls. */
bool results_is_blank(struct view query);

#endif
