/*
 * fuzz_utf8.c - whatever the bytes, clean text is clean, lines fit and lose
 * nothing but blanks, and a charset holds what it may.
 *
 * The first byte chooses the columns.
 */
#include <stdint.h>
#include <stdlib.h>

#include <unigbrk.h>

#include "format/utf8.h"

#define OUT_MAX ((size_t)1 << 24) /* bytes; more than any input here gives */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* No C0, DEL or C1 control, and valid. */
static void
check_clean(struct view v)
{
	size_t i;

	check(utf8_is_valid(v));
	for (i = 0; i < v.len; i++) {
		check((uint8_t)v.p[i] >= ' ' && v.p[i] != 0x7F);
		if ((uint8_t)v.p[i] == 0xC2)
			check((uint8_t)v.p[i + 1] >= 0xA0);
	}
}

static void
check_line(struct view line, int columns)
{
	const uint8_t *p = (const uint8_t *)line.p;

	if (utf8_width(line) > columns)
		check(u8_grapheme_next(p, p + line.len) == p + line.len);
}

/* The bytes of a followed by those of b are those of all, blanks apart. */
static void
check_wrap(struct view all, int columns)
{
	struct view rest = all, line;
	size_t at = 0, i;

	do {
		line = utf8_wrap(&rest, columns);
		check_line(line, columns);
		while (at < all.len && all.p + at < line.p)
			check(all.p[at++] == ' ');
		for (i = 0; i < line.len; i++)
			check(all.p[at++] == line.p[i]);
		check(line.len > 0 || rest.len == 0 || all.p[0] == ' ');
	} while (rest.len > 0);
	while (at < all.len)
		check(all.p[at++] == ' ');
}

static void
check_charset(struct view v, enum utf8_charset charset)
{
	struct buf folded, encoded, again;
	size_t i;

	buf_init(&folded, OUT_MAX);
	buf_init(&encoded, OUT_MAX);
	buf_init(&again, OUT_MAX);
	utf8_fold(&folded, v, charset);
	check_clean(buf_view(&folded));
	utf8_encode(&encoded, v, charset);
	utf8_encode(&again, buf_view(&folded), charset);
	check(view_eq(buf_view(&encoded), buf_view(&again)));
	for (i = 0; i < encoded.len; i++)
		check((uint8_t)encoded.p[i] < 0x7F ||
		    (charset == UTF8_LATIN1 && (uint8_t)encoded.p[i] >= 0xA0));
	buf_fini(&folded);
	buf_fini(&encoded);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view v = { (const char *)data, size };
	struct buf clean;

	if (size == 0)
		return 0;
	(void)utf8_is_valid(v);
	v = view_skip(v, 1);
	buf_init(&clean, OUT_MAX);
	utf8_clean(&clean, v);
	check(!clean.failed);
	check_clean(buf_view(&clean));
	check_wrap(buf_view(&clean), 1 + data[0] % 100);
	check_charset(buf_view(&clean), UTF8_LATIN1);
	check_charset(buf_view(&clean), UTF8_ASCII);
	buf_fini(&clean);
	return 0;
}
