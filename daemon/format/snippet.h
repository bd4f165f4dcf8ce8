/* snippet.h - the words of a page around what was searched for. */
#ifndef SNIPPET_H
#define SNIPPET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

#define SNIPPET_BYTES_MAX 240             /* of a snippet, dots included */
#define SNIPPET_WORDS_MAX 32              /* that can be looked for */
#define SNIPPET_LOOK_MAX  ((size_t)32768) /* bytes of a page looked through */

/* What is looked for: folded words, as words_next gives them. */
struct snippet_words {
	const struct view *v;
	size_t n;       /* at most SNIPPET_WORDS_MAX */
	bool is_prefix; /* the last may be the beginning of one */
};

/*
 * Append the part of a page that shows best why it was found, as one line of
 * clean text; nothing if it has no text.
 *
 * That is the first of the lines that hold the most of the words, prose before
 * headings, links and pictures, cut around the first word where it is long;
 * without any word, the first line of prose. is_gemtext: marks, targets of
 * links and the first heading are left out.
 */
void snippet_put(struct buf *to, struct view text, bool is_gemtext,
    const struct snippet_words *words);

#endif
