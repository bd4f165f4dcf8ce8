/* buf.h - bytes that grow, up to a hard cap. */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

/*
 * Growable bytes.  The first write that would pass max, or that finds no
 * memory, sets failed; later writes then do nothing.  So a writer may put
 * many pieces and look at failed once, at its end.
 */
struct buf {
	char *p; /* owned; NULL until something is written */
	size_t len;
	size_t cap;
	size_t max; /* bytes that len may never pass */
	bool failed;
};

/* An empty buffer of at most max bytes; owns nothing yet. */
void buf_init(struct buf *b, size_t max);

/* Free what b owns; b is then as after buf_init. */
void buf_fini(struct buf *b);

/* Forget the contents and the failure, keep the memory for the next use. */
void buf_reset(struct buf *b);

/* Append bytes, a string, one byte, or a byte n times. */
void buf_put(struct buf *b, struct view v);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_fill(struct buf *b, char c, size_t n);

/* Append what printf(3) would write. */
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The bytes so far; dies with the next write. */
struct view buf_view(const struct buf *b);

#endif
