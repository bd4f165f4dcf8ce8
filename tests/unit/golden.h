/*
 * golden.h - files in tests/golden that outputs are compared with; include
 * after cmocka.h and expect.h.
 *
 * Tests run from the top of the tree.  With GOLDEN=write in the environment
 * the files are written instead: read the diff.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#define GOLDEN_PATH_MAX 256 /* bytes of a file's path */

static inline FILE *
golden_open(const char *name, const char *mode)
{
	char path[GOLDEN_PATH_MAX];
	FILE *file;

	(void)snprintf(path, sizeof(path), "tests/golden/%.200s", name);
	file = fopen(path, mode);
	if (file == NULL)
		fail_msg("%s cannot be opened", path);
	return file;
}

static inline void
golden_read(const char *name, struct buf *to)
{
	FILE *file = golden_open(name, "rb");
	char piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_put(to, (struct view){ piece, n });
	(void)fclose(file);
	assert_false(to->failed);
}

/* Compare out with the file called name, or make it that; forget out. */
static inline void
golden_settle(const char *name, struct buf *out)
{
	struct buf want;
	FILE *file;

	assert_false(out->failed);
	if (getenv("GOLDEN") != NULL) {
		file = golden_open(name, "wb");
		assert_int_equal(fwrite(out->p, 1, out->len, file), out->len);
		assert_int_equal(fclose(file), 0);
	} else {
		buf_init(&want, out->max);
		golden_read(name, &want);
		if (!view_eq(buf_view(out), buf_view(&want)))
			fail_msg("tests/golden/%s differs; got:\n%.*s", name,
			    VIEW_ARG(buf_view(out)));
		buf_fini(&want);
	}
	buf_reset(out);
}

#endif
