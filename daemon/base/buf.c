/*
 * buf.c - growable bytes with a hard cap.
 *
 * Floor base.  Memory doubles, so n bytes cost O(n) copies however they come.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST    256 /* bytes of the first allocation */
#define PRINTF_USUAL 512 /* bytes formatted without an allocation */

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Make room for n more bytes; false, and failed set, if there is none. */
static bool
buf_make_room(struct buf *b, size_t n)
{
	size_t cap = b->cap == 0 ? BUF_FIRST : b->cap;
	char *p;

	if (b->failed || n > b->max - b->len) {
		b->failed = true;
		return false;
	}
	if (n <= b->cap - b->len)
		return true;
	while (cap < b->len + n)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_put(struct buf *b, struct view v)
{
	if (v.len == 0 || !buf_make_room(b, v.len))
		return;
	memcpy(b->p + b->len, v.p, v.len);
	b->len += v.len;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, view_of(s));
}

void
buf_putc(struct buf *b, char c)
{
	/* The renderers write many single bytes. */
	if (b->len < b->cap && b->len < b->max && !b->failed)
		b->p[b->len++] = c;
	else
		buf_put(b, (struct view){ &c, 1 });
}

void
buf_fill(struct buf *b, char c, size_t n)
{
	if (n == 0 || !buf_make_room(b, n))
		return;
	memset(b->p + b->len, c, n);
	b->len += n;
}

/*
 * The text is formatted beside b and then put: printf wants room for a NUL,
 * which would count against max.
 */
void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[PRINTF_USUAL], *text = small;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		text = malloc((size_t)n + 1);
		if (text != NULL)
			(void)vsnprintf(text, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n < 0 || text == NULL)
		b->failed = true;
	else
		buf_put(b, (struct view){ text, (size_t)n });
	if (text != small)
		free(text);
}

struct view
buf_view(const struct buf *b)
{
	return (struct view){ b->p, b->len };
}
