/*
 * test_words.c - the same words, however they are written, are the same; and
 * a snippet shows why a page was found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "expect.h"
#include "format/snippet.h"
#include "format/utf8.h"
#include "format/words.h"

#define OUT_MAX ((size_t)1 << 20) /* bytes of any result here */

/* The words, a blank before each. */
static const struct {
	const char *text, *want;
} folded[] = {
	{ "", "" },
	{ " \t\r\n.,;:!?-()\"", "" },
	{ "Public Management", " public management" },
	{ "universit\u00e9 UNIVERSIT\u00c9 universite\u0301",
	    " universite universite universite" },
	{ "\u0152uvre, C\u0152UR, \u00c6gean, Stra\u00dfe, STRA\u1e9eE",
	    " oeuvre coeur aegean strasse strasse" },
	{ "l'universit\u00e9 L\u2019Universit\u00e9 d\u02bcune",
	    " universite universite une" },
	{ "d'un j'ai qu'il c'est n'est s'il m'a t'a",
	    " un ai il est est il a a" },
	{ "jusqu'ici lorsqu'elle puisqu'on quoiqu'il", " ici elle on il" },
	{ "aujourd'hui prud'homme presqu'\u00eele",
	    " aujourdhui prudhomme presquile" },
	{ "qu'aujourd'hui, d'aujourd'hui", " aujourdhui aujourdhui" },
	{ "the institute's pages, the institutes' pages",
	    " the institute pages the institutes pages" },
	{ "don't rock'n'roll O'Brien", " dont rocknroll obrien" },
	{ "'quoted' 'l'un' l' l'' d'", " quoted un l l d" },
	{ "Aix-en-Provence e\u2011mail 1996\u20132026",
	    " aix en provence e mail 1996 2026" },
	{ "co\u00adope\u200bration", " cooperation" },
	{ "\ufb01nance \u2075 \uff21\uff22\uff23", " finance 5 abc" },
	{ "\u0141\u00f3d\u017a \u0130stanbul \u0111ukela \u00fe\u00f3r",
	    " lodz istanbul dukela thor" },
	{ "\u041c\u043e\u0441\u043a\u0432\u0430 \u03a3\u03bf\u03c6\u03cc\u03c2",
	    " \u043c\u043e\u0441\u043a\u0432\u0430 "
	    "\u03c3\u03bf\u03c6\u03bf\u03c3" },
	{ "Vi\u1ec7t \u1ebfch", " viet ech" },
	{ "a\u00d7b \u00f7 c\u20ac", " a b c" },
	{ "caf\xe9 cr\xc3 me\xff", " caf cr me" },
	{ "a\xf0\x9f\x98\x80"
	  "b",
	    " a b" },
	{ "AND OR NOT NEAR(a b) c* ^d e:f \"g",
	    " and or not near a b c d e f g" },
};

static void
words_are_folded(void **state)
{
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(folded); i++) {
		struct view v = exact(view_of(folded[i].text));

		words_fold(&out, v);
		expect_written(folded[i].text, &out, folded[i].want);
		loose(v);
	}
	buf_fini(&out);
}

/* Both sides of a search go through here once; twice must be no different. */
static void
folding_what_is_folded_changes_nothing(void **state)
{
	struct buf once, twice;
	size_t i;

	(void)state;
	buf_init(&once, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	for (i = 0; i < N_OF(folded); i++) {
		words_fold(&once, view_of(folded[i].text));
		words_fold(&twice, buf_view(&once));
		/* "l" before a blank is no article any more, nor is "'". */
		expect_view(folded[i].text, buf_view(&twice), buf_view(&once));
		buf_reset(&once);
		buf_reset(&twice);
	}
	buf_fini(&once);
	buf_fini(&twice);
}

/* What the table of Latin letters says is what Unicode's tables say, where
 * those know of a plain letter at all. */
static void
the_table_of_letters_is_that_of_unicode(void **state)
{
	uint8_t text[4], room[64];
	struct buf got, want;
	ucs4_t c, part;
	size_t len, i, size;

	(void)state;
	buf_init(&got, OUT_MAX);
	buf_init(&want, OUT_MAX);
	for (c = 0xC0; c < 0x180; c++) {
		struct view v = { (char *)text,
			(size_t)u8_uctomb(text, c, sizeof(text)) };
		bool is_plain = true;

		len = sizeof(room);
		assert_ptr_equal(u8_casefold(text, v.len, NULL, UNINORM_NFKD,
				     room, &len),
		    room);
		buf_putc(&want, ' ');
		for (i = 0; i < len; i += size) {
			size = (size_t)u8_mbtouc(&part, room + i, len - i);
			if (part < 0x80)
				buf_putc(&want, (char)part);
			else if (!uc_is_general_category(part, UC_CATEGORY_M) &&
			    part != 0x2BC && part != 0xB7)
				is_plain = false;
		}
		words_fold(&got, v);
		if (is_plain)
			expect_view("letter", buf_view(&got), buf_view(&want));
		buf_reset(&got);
		buf_reset(&want);
	}
	buf_fini(&got);
	buf_fini(&want);
}

static void
a_word_stands_where_it_was_found(void **state)
{
	struct view text = VIEW("- L'\u00c9cole, d'hier"), rest = text, where;
	char room[WORDS_BYTES_MAX];
	struct buf word = { room, 0, sizeof(room), sizeof(room), false };

	(void)state;
	assert_true(words_next(&rest, &word, &where));
	expect_view("folded", buf_view(&word), VIEW("ecole"));
	expect_view("where", where, VIEW("L'\u00c9cole"));
	assert_ptr_equal(where.p, text.p + 2);
	assert_true(words_next(&rest, &word, &where));
	expect_view("where", where, VIEW("d'hier"));
	assert_false(words_next(&rest, &word, &where));
}

/* N bytes stay, and of N + 1 the last is left out, never half of a letter. */
static void
a_long_word_is_cut(void **state)
{
	char text[WORDS_BYTES_MAX * 2];
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	memset(text, 'x', sizeof(text));
	words_fold(&out, (struct view){ text, WORDS_BYTES_MAX });
	assert_int_equal(out.len, 1 + WORDS_BYTES_MAX);
	buf_reset(&out);
	words_fold(&out, (struct view){ text, WORDS_BYTES_MAX + 1 });
	assert_int_equal(out.len, 1 + WORDS_BYTES_MAX);
	buf_reset(&out);
	memcpy(text + WORDS_BYTES_MAX - 1, "\u0436y", 3);
	words_fold(&out, (struct view){ text, WORDS_BYTES_MAX + 2 });
	assert_int_equal(out.len, WORDS_BYTES_MAX);
	buf_fini(&out);
}

static void
every_prefix_of_text_has_words(void **state)
{
	struct view all =
	    VIEW("L'\u00c9cole d\u2019\u00e9t\u00e9 e\u0301 \u1ebf \ufb01n's");
	struct buf out;
	size_t n;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (n = 0; n <= all.len; n++) {
		struct view v = exact((struct view){ all.p, n });

		words_fold(&out, v);
		assert_true(out.len <= 2 * n);
		buf_reset(&out);
		loose(v);
	}
	buf_fini(&out);
}

/* -- snippets -- */

static const struct {
	const char *name, *text, *words;
	bool is_gemtext, is_prefix;
	const char *want;
} snippets[] = {
	{ "the line with the word", "# T\nNothing.\nThe \u00c9cole is here.\n",
	    "ecole", true, false, "The \u00c9cole is here." },
	{ "the line with most words",
	    "one alone\nboth one and two\none two three\n", "one two", false,
	    false, "both one and two" },
	{ "the beginning of a word", "A\nManagement\n", "manag", false, true,
	    "Management" },
	{ "no beginning without leave", "A\nManagement\n", "manag", false,
	    false, "A" },
	{ "a heading that is no title", "# A\n## The word\nText\n", "word",
	    true, false, "The word" },
	{ "the title is not repeated", "# The word\nText\n", "word", true,
	    false, "Text" },
	{ "a link's label, not its target", "=> /word Elsewhere\n=> /x Word\n",
	    "word", true, false, "Word" },
	{ "prose before links", "=> /x A word\nThis is the word.\n", "word",
	    true, false, "This is the word." },
	{ "a list without its mark", "* A word\n", "word", true, false,
	    "A word" },
	{ "inside a block", "```art\n a word\n```\n", "word", true, false,
	    "a word" },
	{ "no word at all: the first line",
	    "# T\n\n=> /x Link\nFirst.\nMore.\n", "zzz", true, false,
	    "First." },
	{ "no text", "# Title\n", "title", true, false, "" },
	{ "nothing", "", "x", true, false, "" },
	{ "controls become blanks", "a\001word\033[31m\n", "word", false, false,
	    "a word [31m" },
	{ "marks mean nothing in plain text", "# A word\n", "word", false,
	    false, "# A word" },
};

static void
put_snippet(struct buf *to, struct view text, bool is_gemtext,
    const char *wanted, bool is_prefix)
{
	struct view v[SNIPPET_WORDS_MAX], rest = view_of(wanted);
	struct snippet_words words = { v, 0, is_prefix };

	while (rest.len > 0)
		v[words.n++] = view_cut(&rest, ' ');
	snippet_put(to, text, is_gemtext, &words);
}

static void
a_snippet_shows_the_words(void **state)
{
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(snippets); i++) {
		struct view v = exact(view_of(snippets[i].text));

		put_snippet(&out, v, snippets[i].is_gemtext, snippets[i].words,
		    snippets[i].is_prefix);
		expect_written(snippets[i].name, &out, snippets[i].want);
		loose(v);
	}
	buf_fini(&out);
}

/* A line of the longest length is whole; a longer one has dots where it was
 * cut, the word in it, and no half of a letter. */
static void
a_long_line_is_cut_around_the_word(void **state)
{
	char text[4 * SNIPPET_BYTES_MAX];
	struct buf out;
	size_t at;

	(void)state;
	buf_init(&out, OUT_MAX);
	memset(text, 'x', sizeof(text));
	memcpy(text, "word", 4);
	text[4] = ' ';
	put_snippet(&out, (struct view){ text, SNIPPET_BYTES_MAX }, false,
	    "word", false);
	assert_int_equal(out.len, SNIPPET_BYTES_MAX);
	assert_true(view_has_suffix(buf_view(&out), VIEW("x")));
	buf_reset(&out);
	put_snippet(&out, (struct view){ text, SNIPPET_BYTES_MAX + 1 }, false,
	    "word", false);
	assert_true(out.len <= SNIPPET_BYTES_MAX);
	assert_true(view_has_suffix(buf_view(&out), VIEW("\u2026")));
	for (at = 0; at + 8 < sizeof(text); at++) {
		buf_reset(&out);
		for (size_t i = 0; i < sizeof(text); i += 2)
			memcpy(text + i, "\u00e9", 2);
		memcpy(text + at / 2 * 2, " word ", 6);
		put_snippet(&out, (struct view){ text, sizeof(text) }, false,
		    "word", false);
		assert_true(out.len <= SNIPPET_BYTES_MAX);
		assert_true(utf8_is_valid(buf_view(&out)));
		buf_putc(&out, '\0');
		assert_non_null(strstr(out.p, "word"));
	}
	buf_fini(&out);
}

/* A line of size letters with one word in it, which begins at at, and a blank
 * at blank, unless that is 0. */
static void
put_around(struct buf *to, size_t size, size_t at, size_t blank)
{
	char text[4 * SNIPPET_BYTES_MAX];
	struct view v;

	memset(text, 'x', sizeof(text));
	memcpy(text + at - 1, "-word-", 6);
	if (blank > 0)
		text[blank] = ' ';
	v = exact((struct view){ text, size });
	buf_reset(to);
	put_snippet(to, v, false, "word", false);
	loose(v);
}

#define DOT3  "\u2026" /* three bytes */
#define START 20       /* of the first line; the word comes 80 after it */

static void
a_snippet_of_exactly_the_longest_length_is_whole(void **state)
{
	size_t room = SNIPPET_BYTES_MAX - 2 * strlen(DOT3);
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	/* A line as long as a snippet, with room behind it for nothing. */
	put_around(&out, SNIPPET_BYTES_MAX, 9, SNIPPET_BYTES_MAX - 3);
	assert_int_equal(SNIPPET_BYTES_MAX, out.len);
	assert_true(view_has_suffix(buf_view(&out), VIEW("x")));
	/* Cut in front, and what is left fits to the last byte. */
	put_around(&out, START + room, START + 80, START + room - 3);
	assert_int_equal(SNIPPET_BYTES_MAX - strlen(DOT3), out.len);
	assert_true(view_has_prefix(buf_view(&out), VIEW(DOT3 "x")));
	assert_true(view_has_suffix(buf_view(&out), VIEW("x")));
	/* One byte more is cut at both ends, and is the longest there is. */
	put_around(&out, START + room + 1, START + 80, 0);
	assert_int_equal(SNIPPET_BYTES_MAX, out.len);
	assert_true(view_has_prefix(buf_view(&out), VIEW(DOT3 "x")));
	assert_true(view_has_suffix(buf_view(&out), VIEW("x" DOT3)));
	buf_fini(&out);
}

static void
a_page_is_looked_through_up_to_a_limit(void **state)
{
	size_t size = SNIPPET_LOOK_MAX + 16;
	char *text = malloc(size);
	struct buf out;

	(void)state;
	assert_non_null(text);
	buf_init(&out, OUT_MAX);
	memset(text, 'x', size);
	memcpy(text, "First line\n", 11);
	memcpy(text + SNIPPET_LOOK_MAX - 5, "\nword", 5);
	put_snippet(&out, (struct view){ text, SNIPPET_LOOK_MAX }, false,
	    "word", false);
	expect_written("at the end", &out, "word");
	memcpy(text + SNIPPET_LOOK_MAX - 5, "x\nword\n", 7);
	put_snippet(&out, (struct view){ text, size }, false, "word", false);
	expect_written("beyond it", &out, "First line");
	buf_fini(&out);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_folded),
		cmocka_unit_test(folding_what_is_folded_changes_nothing),
		cmocka_unit_test(the_table_of_letters_is_that_of_unicode),
		cmocka_unit_test(a_word_stands_where_it_was_found),
		cmocka_unit_test(a_long_word_is_cut),
		cmocka_unit_test(every_prefix_of_text_has_words),
		cmocka_unit_test(a_snippet_shows_the_words),
		cmocka_unit_test(a_long_line_is_cut_around_the_word),
		cmocka_unit_test(
		    a_snippet_of_exactly_the_longest_length_is_whole),
		cmocka_unit_test(a_page_is_looked_through_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
