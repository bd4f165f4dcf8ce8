/*
 * fuzz_words.c - whatever the bytes, words are folded for good and stand
 * inside the text, and a snippet is one clean line.
 *
 * The text before the first TAB is looked for in what follows it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/snippet.h"
#include "format/utf8.h"
#include "format/words.h"

#define OUT_MAX ((size_t)1 << 24) /* bytes; more than any input here gives */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* Words come in order, none is empty, and what is folded stays as it is. */
static void
check_words(struct view all)
{
	char room[WORDS_BYTES_MAX], again_room[WORDS_BYTES_MAX];
	struct buf word = { room, 0, sizeof(room), sizeof(room), false };
	struct buf again = { again_room, 0, sizeof(again_room),
		sizeof(again_room), false };
	struct view rest = all, where, folded;
	const char *at = all.p;

	while (words_next(&rest, &word, &where)) {
		check(!word.failed && word.len > 0 && where.len > 0);
		check(where.p >= at && where.p + where.len <= all.p + all.len);
		at = where.p + where.len;
		check(utf8_is_valid(buf_view(&word)));
		folded = buf_view(&word);
		check(words_next(&folded, &again, &where));
		check(view_eq(buf_view(&again), buf_view(&word)));
		check(folded.len == 0);
	}
}

static void
check_snippet(struct view text, struct view wanted, bool is_gemtext)
{
	char room[SNIPPET_WORDS_MAX][WORDS_BYTES_MAX];
	struct view v[SNIPPET_WORDS_MAX], where;
	struct snippet_words words = { v, 0, true };
	struct buf word, out;

	while (words.n < SNIPPET_WORDS_MAX) {
		word = (struct buf){ room[words.n], 0, WORDS_BYTES_MAX,
			WORDS_BYTES_MAX, false };
		if (!words_next(&wanted, &word, &where))
			break;
		v[words.n++] = buf_view(&word);
	}
	buf_init(&out, OUT_MAX);
	snippet_put(&out, text, is_gemtext, &words);
	check(!out.failed && out.len <= 8 * SNIPPET_BYTES_MAX);
	check(utf8_is_valid(buf_view(&out)));
	check(out.len == 0 || memchr(out.p, '\n', out.len) == NULL);
	check(out.len == 0 || memchr(out.p, '\t', out.len) == NULL);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = { (const char *)data, size }, wanted;

	if (size == 0)
		return 0;
	check_words(rest);
	wanted = view_cut(&rest, '\t');
	check_snippet(rest, wanted, true);
	check_snippet(rest, wanted, false);
	return 0;
}
