/* expect.h - what the unit tests of parsers share; include after cmocka.h. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/view.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

/*
 * A copy of v on the heap without a byte to spare, so that a sanitizer sees
 * every read beyond it.  The caller frees .p with loose.
 */
static inline struct view
exact(struct view v)
{
	char *p = malloc(v.len == 0 ? 1 : v.len);

	assert_non_null(p);
	if (v.len > 0)
		memcpy(p, v.p, v.len);
	return (struct view){ p, v.len };
}

static inline void
loose(struct view v)
{
	union {
		const char *borrowed;
		char *owned;
	} p = { .borrowed = v.p };

	free(p.owned);
}

static inline void
expect_view(const char *name, struct view got, struct view want)
{
	if (!view_eq(got, want))
		fail_msg("%s: got \"%.*s\", want \"%.*s\"", name, VIEW_ARG(got),
		    VIEW_ARG(want));
}

/* What was written since the last time, then forget it. */
static inline void
expect_written(const char *name, struct buf *b, const char *want)
{
	expect_view(name, buf_view(b), view_of(want));
	assert_false(b->failed);
	buf_reset(b);
}

#endif
