/* gemtext.h - gemtext lines as events (gemtext specification 0.24.1). */
#ifndef GEMTEXT_H
#define GEMTEXT_H

#include <stdbool.h>

#include "base/view.h"

enum gemtext_kind {
	GEMTEXT_TEXT,
	GEMTEXT_LINK,
	GEMTEXT_PRE_START, /* text is the alt text */
	GEMTEXT_PRE_LINE,
	GEMTEXT_PRE_END,
	GEMTEXT_HEADING,
	GEMTEXT_LIST,
	GEMTEXT_QUOTE
};

struct gemtext_line {
	enum gemtext_kind kind;
	struct view text;   /* without the mark, trimmed but in PRE_LINE; of a
			     * link its label, which may be empty */
	struct view target; /* of a link: its URI reference */
	int level;          /* of a heading: 1 to 3 */
	int number;         /* of the line in the file, from 1 */
};

/* A place in a document; start with { document, false, 0 }. */
struct gemtext {
	struct view rest;
	bool pre; /* inside a preformatted block */
	int number;
};

/*
 * Read the next line; false, and *line untouched, after the last one.
 *
 * Views borrow from the document.  CRLF and LF both end a line; a byte order
 * mark at the start is skipped.  "=>" without a target is text.  A block that
 * nothing closes runs to the end, and no PRE_END is told for it.
 * Source: gemtext-specification 0.24.1.
 */
bool gemtext_next(struct gemtext *at, struct gemtext_line *line);

/*
 * The text of the first heading of a document, of whatever level: what it
 * calls itself.  Borrows from the document; empty if there is none.
 */
struct view gemtext_first_heading(struct view document);

#endif
