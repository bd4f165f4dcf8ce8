/* term.h - what the terminal can show, if there is one. */
#ifndef TERM_H
#define TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

#define TERM_COLUMNS 80 /* where nothing says how wide it is */

enum term_colour {
	TERM_PLAIN,
	TERM_DIM,
	TERM_BOLD,
	TERM_RED,
	TERM_GREEN,
	TERM_YELLOW
};

struct term {
	bool is_terminal; /* standard output is one */
	bool is_dumb;     /* TERM says so, or nothing */
	bool has_colour;
	bool has_utf8;       /* the locale says so: bars may be drawn finely */
	bool has_progress;   /* standard error is one */
	bool is_progressing; /* a line of progress stands there */
	int columns;
	int64_t told_ms; /* when progress was last told */
};

/*
 * Look at standard output and error, TERM, COLUMNS and NO_COLOR
 * (no-color.org: any value but an empty one forbids colours).
 */
void term_init(struct term *t);

/* What switches a colour on; "" where colours are not wanted. */
const char *term_colour(const struct term *t, enum term_colour colour);

/*
 * Tell on a terminal's standard error how many pages are done; at most ten
 * times a second, and not at all where nobody watches.
 */
void term_progress(struct term *t, const char *what, size_t pages);

/* Tell what is waited for, where nobody can say how long it takes. */
void term_wait(struct term *t, const char *what);

/* What empties the screen before it is written anew; a line's end where that
 * cannot be done. */
const char *term_anew(const struct term *t);

/* Take the line of progress away, before anything else is written. */
void term_clear(struct term *t);

/*
 * Draw a bar that is part out of whole of columns wide, in eighths of a column
 * where the terminal has them, else in "#"; what is not 0 is seen.
 * to: at least 3 * columns + 1 bytes.
 */
void term_bar(const struct term *t, double part, double whole, int columns,
    char *to);

#endif
