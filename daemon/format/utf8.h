/* utf8.h - measure, wrap, clean and transliterate text (libunistring). */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

/* What Gopher text is written in. */
enum utf8_charset { UTF8_UTF8, UTF8_LATIN1, UTF8_ASCII };

/* True if v is well-formed UTF-8 (RFC 3629: no surrogates, no overlong). */
bool utf8_is_valid(struct view v);

/* v without a byte order mark (EF BB BF) at its start. */
struct view utf8_skip_bom(struct view v);

/*
 * How many columns a terminal shows v in: combining marks 0, wide
 * characters 2, controls 0.  v is valid UTF-8.
 */
int utf8_width(struct view v);

/*
 * Cut the next display line of at most columns columns off the front of
 * *rest, breaking where UAX #14 allows it, without the blanks at the break.
 *
 * *rest is one line of valid, clean text (utf8_clean).  A word longer than a
 * line is broken inside, between characters, never between a letter and its
 * marks.  The result borrows from *rest, which is empty after the last line;
 * an empty *rest gives one empty line.
 * columns is at least 1; a wide character in 1 column is let through.
 */
struct view utf8_wrap(struct view *rest, int columns);

/*
 * Append v as one line of clean text: malformed bytes become U+FFFD, other
 * controls (C0, DEL, C1) and line ends one space each, a TAB spaces up to the
 * next multiple of 8 columns counted from the start of v.
 */
void utf8_clean(struct buf *to, struct view v);

/*
 * Append v, valid UTF-8, spelled in the characters that charset has, but
 * still as UTF-8: what utf8_encode would write, before it becomes bytes of
 * charset.  For text that is to be measured or wrapped first.
 */
void utf8_fold(struct buf *to, struct view v, enum utf8_charset charset);

/*
 * Append v, valid UTF-8, in charset.
 *
 * latin1 and ascii transliterate: what the charset lacks loses its marks or
 * is spelled ("oe" for U+0153, "..." for U+2026, "EUR" for U+20AC, quotes and
 * dashes their plain forms); what cannot be spelled becomes "?".
 */
void utf8_encode(struct buf *to, struct view v, enum utf8_charset charset);

#endif
