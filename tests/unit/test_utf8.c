/* test_utf8.c - measuring, wrapping, cleaning and spelling text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unilbrk.h>
#include <unistr.h>
#include <uniwidth.h>

#include "format/utf8.h"
#include "expect.h"

#define OUT_MAX 65536 /* bytes that any result here may have */

/* -- validity -- */

static const struct {
	struct view text;
	bool want;
} validity[] = {
	{ VIEW_INIT(""), true },
	{ VIEW_INIT("plain"), true },
	{ VIEW_INIT("a\0b"), true },
	{ VIEW_INIT("\xC3\xA9"), true },
	{ VIEW_INIT("\xF4\x8F\xBF\xBF"), true },  /* U+10FFFF */
	{ VIEW_INIT("\xF4\x90\x80\x80"), false }, /* beyond it */
	{ VIEW_INIT("\xED\xA0\x80"), false },     /* a surrogate */
	{ VIEW_INIT("\xC0\xAF"), false },         /* overlong */
	{ VIEW_INIT("\xE0\x80\xAF"), false },     /* overlong */
	{ VIEW_INIT("abc\xC3"), false },          /* cut short */
	{ VIEW_INIT("\xA9"), false },             /* no lead byte */
	{ VIEW_INIT("\xFF"), false },
};

static void
valid_is_what_rfc_3629_says(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(validity); i++) {
		struct view v = exact(validity[i].text);

		if (utf8_is_valid(v) != validity[i].want)
			fail_msg("row %zu", i);
		loose(v);
	}
}

static void
only_a_byte_order_mark_at_the_start_is_skipped(void **state)
{
	(void)state;
	expect_view("mark", utf8_skip_bom(VIEW("\xEF\xBB\xBFx")), VIEW("x"));
	expect_view("only mark", utf8_skip_bom(VIEW("\xEF\xBB\xBF")), VIEW(""));
	expect_view("half", utf8_skip_bom(VIEW("\xEF\xBB")), VIEW("\xEF\xBB"));
	expect_view("two", utf8_skip_bom(VIEW("\xEF\xBB\xBF\xEF\xBB\xBF")),
	    VIEW("\xEF\xBB\xBF"));
	expect_view("none", utf8_skip_bom(VIEW("x")), VIEW("x"));
	expect_view("empty", utf8_skip_bom(VIEW("")), VIEW(""));
}

/* -- width -- */

static const struct {
	const char *text;
	int want;
} widths[] = {
	{ "", 0 },
	{ "abc", 3 },
	{ "\x1b\x07", 0 },
	{ "\u00e9t\u00e9", 3 },
	{ "e\u0301", 1 },
	{ "\u4e2d\u6587", 4 },
	{ "\uff21", 2 },     /* fullwidth A */
	{ "\uac00", 2 },     /* Hangul */
	{ "\u200b", 0 },     /* zero width space */
	{ "\U0001f600", 2 }, /* emoji */
	{ "\u2014", 1 },
	{ "a\u4e2d\u0301b", 4 },
};

static void
width_is_what_a_terminal_shows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(widths); i++)
		if (utf8_width(view_of(widths[i].text)) != widths[i].want)
			fail_msg("\"%s\": %d, not %d", widths[i].text,
			    utf8_width(view_of(widths[i].text)),
			    widths[i].want);
}

/* The quick way must give what libunistring gives. */
static void
quick_widths_are_those_of_the_tables(void **state)
{
	uint8_t text[4];
	ucs4_t c;
	int n, want;

	(void)state;
	for (c = 0; c < 0x3000; c++) {
		n = u8_uctomb(text, c, sizeof(text));
		want = uc_width(c, "UTF-8");
		if (utf8_width((struct view){ (char *)text, (size_t)n }) !=
		    (want < 0 ? 0 : want))
			fail_msg("U+%04X", c);
	}
}

/* -- wrap -- */

/* Lines are written with "|" between them. */
static const struct {
	const char *text;
	int columns;
	const char *want;
} wraps[] = {
	{ "", 10, "" },
	{ "one", 10, "one" },
	{ "one two", 7, "one two" },
	{ "one two", 6, "one|two" },
	{ "one two three", 7, "one two|three" },
	{ "one two three", 8, "one two|three" },
	{ "one   two", 4, "one|two" },
	{ "one two   ", 7, "one two" },
	{ "one      ", 3, "one" },
	{ "      ", 3, "" },
	{ "abcdefghij", 4, "abcd|efgh|ij" },
	{ "ab abcdefghij", 4, "ab|abcd|efgh|ij" },
	{ "abcd efgh", 4, "abcd|efgh" },
	{ "well-known", 6, "well-|known" },
	{ "and/or not", 5, "and/|or|not" },
	{ "say (not)", 5, "say|(not)" },
	{ "a, b, c", 3, "a,|b,|c" },
	{ "no no !", 5, "no|no !" },
	{ "I don't", 4, "I|don'|t" },
	{ "x\u00a0y z", 4, "x\u00a0y|z" },
	{ "caf\u00e9 noir", 4, "caf\u00e9|noir" },
	{ "cafe\u0301 noir", 4, "cafe\u0301|noir" },
	{ "\u4e2d\u6587\u5b57", 4, "\u4e2d\u6587|\u5b57" },
	{ "\u4e2d\u6587\u5b57", 5, "\u4e2d\u6587|\u5b57" },
	{ "\u4e2d\u6587", 1, "\u4e2d|\u6587" },
	{ "\u4e2d\u6587\u3002", 4, "\u4e2d|\u6587\u3002" },
	{ "e\u0301e\u0301e\u0301", 2, "e\u0301e\u0301|e\u0301" },
	{ "l\u2019\u00e9t\u00e9 l\u2019\u00e9t\u00e9", 8,
	    "l\u2019\u00e9t\u00e9|l\u2019\u00e9t\u00e9" },
};

/* Wrap all of text; the lines, with "|" between them, go into *to. */
static void
wrap_all(struct buf *to, struct view text, int columns)
{
	struct view rest = text;

	for (;;) {
		buf_put(to, utf8_wrap(&rest, columns));
		if (rest.len == 0)
			return;
		buf_putc(to, '|');
	}
}

static void
lines_break_where_people_would(void **state)
{
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(wraps); i++) {
		struct view v = exact(view_of(wraps[i].text));

		wrap_all(&out, v, wraps[i].columns);
		expect_written(wraps[i].text, &out, wraps[i].want);
		loose(v);
	}
	buf_fini(&out);
}

/*
 * Wrapping as the contract puts it, without any shortcut: the last place that
 * the tables allow and that leaves a line which fits.
 */
static size_t
slow_break(struct view v, int columns)
{
	char marks[256];
	size_t i, best = 0;
	struct view line;

	assert_true(v.len <= sizeof(marks));
	u8_possible_linebreaks((const uint8_t *)v.p, v.len, "UTF-8", marks);
	for (i = 1; i <= v.len; i++) {
		if (i < v.len && marks[i] != UC_BREAK_POSSIBLE)
			continue;
		line = (struct view){ v.p, i };
		while (line.len > 0 && line.p[line.len - 1] == ' ')
			line.len--;
		if (utf8_width(line) <= columns)
			best = i;
	}
	return best;
}

/* Characters with which a shortcut might go wrong, and many that are plain. */
static const char *const alphabet[] = { "a", "b", "Z", "7", "0", "a", "e", " ",
	" ", " ", " ", " ", "!", "\"", "#", "$", "%", "&", "'", "(", ")", "*",
	"+", ",", "-", ".", "/", ":", ";", "<", "=", ">", "?", "@", "[", "\\",
	"]", "^", "_", "`", "{", "|", "}", "~", "\u00e9", "\u00c0", "\u0153",
	"\u00d7", "\u0301", "\u2019", "\u201c", "\u2014", "\u00ab", "\u00bb",
	"\u00a0", "\u4e2d", "\u2026", "\u201e", "\u00bf", "\u00ad" };

static void
shortcuts_break_where_the_tables_do(void **state)
{
	char text[128];
	struct view rest, before, line;
	size_t n, want;
	int round, columns;

	(void)state;
	srand(1);
	for (round = 0; round < 200000; round++) {
		/* Half of the rounds are ASCII alone. */
		size_t letters = round % 2 == 0 ? 44 : N_OF(alphabet);

		text[0] = '\0';
		for (n = (size_t)rand() % 40; n > 0; n--)
			strcat(text, alphabet[(size_t)rand() % letters]);
		columns = 1 + rand() % 20;
		rest = before = view_of(text);
		line = utf8_wrap(&rest, columns);
		want = slow_break(before, columns);
		while (want < before.len && before.p[want] == ' ')
			want++;
		if (slow_break(before, columns) > 0 &&
		    rest.len != before.len - want)
			fail_msg("\"%s\" at %d: broken before \"%.*s\", not "
				 "\"%s\"",
			    text, columns, VIEW_ARG(rest), text + want);
		assert_true(line.len <= before.len);
	}
}

/* No call may look at the whole of what is left: 2 MB would take minutes. */
static void
one_endless_line_is_wrapped_in_linear_time(void **state)
{
	static const char *const parts[] = { "x", "word ", "\u4e2d", "e\u0301",
		"a-", "\u0301", " !" };
	struct buf text;
	struct view rest;
	size_t i, lines;

	(void)state;
	for (i = 0; i < N_OF(parts); i++) {
		buf_init(&text, 1 << 21);
		buf_puts(&text, "a");
		while (text.len < (1 << 20))
			buf_puts(&text, parts[i]);
		rest = buf_view(&text);
		for (lines = 0; rest.len > 0; lines++)
			(void)utf8_wrap(&rest, 67);
		assert_true(lines <= (1 << 20));
		buf_fini(&text);
	}
}

/* The window is only where breaks are looked for: lines may be longer. */
static void
a_line_may_be_longer_than_the_window(void **state)
{
	struct buf text;
	struct view rest, line;

	(void)state;
	buf_init(&text, OUT_MAX);
	while (text.len < 20000)
		buf_puts(&text, "\u4e2d\u6587 ");
	rest = buf_view(&text);
	line = utf8_wrap(&rest, 5000);
	assert_in_range(utf8_width(line), 4995, 5000);
	buf_fini(&text);
}

/* -- clean -- */

static const struct {
	struct view text;
	const char *want;
} cleans[] = {
	{ VIEW_INIT(""), "" },
	{ VIEW_INIT("as it is"), "as it is" },
	{ VIEW_INIT("\u00e9\u4e2d\U0001f600"), "\u00e9\u4e2d\U0001f600" },
	{ VIEW_INIT("a\tb"), "a       b" },
	{ VIEW_INIT("\t|"), "        |" },
	{ VIEW_INIT("1234567\t|"), "1234567 |" },
	{ VIEW_INIT("12345678\t|"), "12345678        |" },
	{ VIEW_INIT("\u4e2d\t|"), "\u4e2d      |" },
	{ VIEW_INIT("e\u0301\t|\t|"), "e\u0301       |       |" },
	{ VIEW_INIT("\xFF\t|"), "\uFFFD       |" },
	{ VIEW_INIT("a\r\nb\0c\x1b[m\x7f."), "a  b c [m ." },
	{ VIEW_INIT("\xC2\x80\xC2\x9B\xC2\xA0"), "  \u00a0" },
	{ VIEW_INIT("a\u2028b\u2029c"), "a b c" },
	{ VIEW_INIT("\xC0\xAF"), "\uFFFD\uFFFD" },
	{ VIEW_INIT("a\xC3"), "a\uFFFD" },
	{ VIEW_INIT("\xC3(x"), "\uFFFD(x" },
	{ VIEW_INIT("\uFFFD"), "\uFFFD" },
};

static void
clean_text_has_no_byte_that_could_do_harm(void **state)
{
	struct buf out;
	char name[32];
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(cleans); i++) {
		struct view v = exact(cleans[i].text);

		utf8_clean(&out, v);
		(void)snprintf(name, sizeof(name), "row %zu", i);
		expect_written(name, &out, cleans[i].want);
		loose(v);
	}
	buf_fini(&out);
}

/* TAB stops are counted from the text's own start, not from the buffer's. */
static void
tab_stops_start_with_the_text(void **state)
{
	struct buf out;

	(void)state;
	/* A buffer that owns nothing yet has no bytes to be measured. */
	buf_init(&out, OUT_MAX);
	utf8_clean(&out, VIEW("\t\tx"));
	expect_written("first", &out, "                x");
	buf_puts(&out, "abc");
	utf8_clean(&out, VIEW("\tx"));
	expect_written("after others", &out, "abc        x");
	buf_fini(&out);
}

static void
every_prefix_of_text_becomes_clean(void **state)
{
	struct view whole = VIEW("a\u00e9\t\u4e2d\U0001f600\xFF\u2028z");
	struct buf out;
	size_t n;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (n = 0; n <= whole.len; n++) {
		struct view v = exact((struct view){ whole.p, n });

		utf8_clean(&out, v);
		assert_true(utf8_is_valid(buf_view(&out)));
		buf_reset(&out);
		loose(v);
	}
	buf_fini(&out);
}

/* -- encode -- */

static const struct {
	const char *text;
	const char *latin1;
	const char *ascii;
} spelled[] = {
	{ "", "", "" },
	{ "plain\ttext", "plain\ttext", "plain\ttext" },
	{ "\u00e9\u00c0\u00fc", "\xE9\xC0\xFC", "eAu" },
	{ "e\u0301", "\xE9", "e" },
	{ "re\u0301sume\u0301s", "r\xE9sum\xE9s", "resumes" },
	{ "\u1ec7", "\xEA", "e" }, /* e, circumflex, dot below */
	{ "\u01d6", "\xFC", "u" }, /* u, diaeresis, macron */
	{ "\u0159\u017e\u0105", "rza", "rza" },
	{ "\u0142\u00f8\u0111\u0131",
	    "l\xF8"
	    "di",
	    "lodi" },
	{ "\u0153\u0152 \u00e6\u00df", "oeOE \xE6\xDF", "oeOE aess" },
	{ "\u201cq\u201d \u201eq\u201c", "\"q\" \"q\"", "\"q\" \"q\"" },
	{ "l\u2019a \u2018b\u2019", "l'a 'b'", "l'a 'b'" },
	{ "\u00abq\u00bb",
	    "\xAB"
	    "q\xBB",
	    "<<q>>" },
	{ "1\u20132 \u2014 x\u2026", "1-2 -- x...", "1-2 -- x..." },
	{ "5\u00a0\u20ac",
	    "5\xA0"
	    "EUR",
	    "5 EUR" },
	{ "\u00a9\u00ae\u2122\u2116", "\xA9\xAE(TM)No", "(c)(R)(TM)No" },
	{ "\u2022 \u2192 \u2190", "* -> <-", "* -> <-" },
	{ "\u00bd", "\xBD", "1/2" },
	{ "\ufb01\u210c\uff21", "fiHA", "fiHA" },
	{ "a\u2260b =\u0338 \u226e", "a!=b != ?", "a!=b != ?" },
	{ "\u4e2d\uac00\u0416", "???", "???" },
	{ "\U0001f600\ufe0f!", "?!", "?!" },
	{ "a\u200b\ufeffb", "ab", "ab" },
	{ "\u0301x", "x", "x" },
	{ "\u250c\u2500\u2510\u2502\u2588", "+-+|#", "+-+|#" },
	{ "20\u00b0 \u00b5m \u00d7", "20\xB0 \xB5m \xD7", "20deg um x" },
	{ "\xC2\x85", "?", "?" },
};

static void
charsets_spell_what_they_lack(void **state)
{
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(spelled); i++) {
		struct view v = exact(view_of(spelled[i].text));

		utf8_encode(&out, v, UTF8_UTF8);
		expect_written(spelled[i].text, &out, spelled[i].text);
		utf8_encode(&out, v, UTF8_LATIN1);
		expect_written(spelled[i].text, &out, spelled[i].latin1);
		utf8_encode(&out, v, UTF8_ASCII);
		expect_written(spelled[i].text, &out, spelled[i].ascii);
		loose(v);
	}
	buf_fini(&out);
}

/* Each character is spelled alone: finds entries out of order, too. */
static void
every_character_is_spelled_within_the_charset(void **state)
{
	static const enum utf8_charset charsets[] = { UTF8_LATIN1, UTF8_ASCII };
	struct buf out, again;
	uint8_t text[4];
	struct view v;
	size_t i, k;
	ucs4_t c;

	(void)state;
	buf_init(&out, OUT_MAX);
	buf_init(&again, OUT_MAX);
	for (c = ' '; c < 0x20000; c++) {
		v = (struct view){ (char *)text,
			(size_t)u8_uctomb(text, c, sizeof(text)) };
		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		for (i = 0; i < N_OF(charsets); i++) {
			utf8_encode(&out, v, charsets[i]);
			for (k = 0; k < out.len; k++)
				if ((uint8_t)out.p[k] > 0x7F &&
				    (charsets[i] == UTF8_ASCII ||
					(uint8_t)out.p[k] < 0xA0))
					fail_msg("U+%04X", c);
			buf_reset(&out);
			/* Folding what is folded changes nothing. */
			utf8_fold(&out, v, charsets[i]);
			utf8_fold(&again, buf_view(&out), charsets[i]);
			expect_view("again", buf_view(&again), buf_view(&out));
			buf_reset(&out);
			buf_reset(&again);
		}
	}
	buf_fini(&out);
	buf_fini(&again);
}

/* A search by halves finds nothing in a table that is out of order. */
static void
every_spelling_is_found(void **state)
{
	static const char *const some[] = { "\u00a1", "\u00a3", "\u00df",
		"\u0110", "\u0138", "\u014b", "\u0192", "\u02bc", "\u1e9e",
		"\u2010", "\u2016", "\u201f", "\u2023", "\u2030", "\u2033",
		"\u203a", "\u20bd", "\u2194", "\u21d4", "\u2219", "\u221e",
		"\u2265", "\u25a0", "\u25c7", "\u25e6", "\u2612", "\u2718",
		"\u27a1", "\u27e8", "\u27e9" };
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(some); i++) {
		utf8_encode(&out, view_of(some[i]), UTF8_ASCII);
		if (view_eq(buf_view(&out), VIEW("?")))
			fail_msg("%s has no spelling", some[i]);
		buf_reset(&out);
	}
	buf_fini(&out);
}

static void
a_full_buffer_fails_and_stays_whole(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	utf8_encode(&out, VIEW("ab\u00e9\u4e2d\u0153"), UTF8_LATIN1);
	assert_true(out.failed);
	assert_true(out.len <= 3);
	buf_reset(&out);
	utf8_clean(&out, VIEW("a\tb"));
	assert_true(out.failed);
	assert_true(out.len <= 3);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_is_what_rfc_3629_says),
		cmocka_unit_test(
		    only_a_byte_order_mark_at_the_start_is_skipped),
		cmocka_unit_test(width_is_what_a_terminal_shows),
		cmocka_unit_test(quick_widths_are_those_of_the_tables),
		cmocka_unit_test(lines_break_where_people_would),
		cmocka_unit_test(shortcuts_break_where_the_tables_do),
		cmocka_unit_test(one_endless_line_is_wrapped_in_linear_time),
		cmocka_unit_test(a_line_may_be_longer_than_the_window),
		cmocka_unit_test(clean_text_has_no_byte_that_could_do_harm),
		cmocka_unit_test(tab_stops_start_with_the_text),
		cmocka_unit_test(every_prefix_of_text_becomes_clean),
		cmocka_unit_test(charsets_spell_what_they_lack),
		cmocka_unit_test(every_character_is_spelled_within_the_charset),
		cmocka_unit_test(every_spelling_is_found),
		cmocka_unit_test(a_full_buffer_fails_and_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
