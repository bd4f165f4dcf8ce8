/*
 * utf8.c - measuring, wrapping, cleaning and spelling text.
 *
 * Floor format.  Unicode's tables are libunistring's; what is here is the
 * quick way around them.  Most text is Latin letters and blanks, a daemon
 * renders all of its pages at every reload, and asking the tables for each
 * letter would cost ten times as much.  The quick ways give up, and ask, at
 * the first character that they are not sure of.
 *
 * render.c calls this for everything it shows.
 */
#include "format/utf8.h"

#include <stdint.h>

#include <unictype.h>
#include <unigbrk.h>
#include <unilbrk.h>
#include <uninorm.h>
#include <unistr.h>
#include <uniwidth.h>

#define TAB_STOP  8    /* columns */
#define WINDOW    4096 /* bytes of a line that are searched for a break */
#define LOOKAHEAD 4    /* characters behind a place that UAX #14 may weigh */
#define FIRST_LETTER                                                           \
	0xC0 /* from here to FIRST_MARK all are one column wide                \
	      */
#define FIRST_MARK  0x300
#define NEGATION    0x338 /* the stroke that turns = into its opposite */
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static const uint8_t *
as_bytes(struct view v)
{
	return (const uint8_t *)v.p;
}

/*
 * The character at v.p[at], each malformed byte giving U+FFFD; its length.
 * Versions of the library disagree on how many bytes one U+FFFD stands for.
 */
static size_t
decode_character(struct view v, size_t at, ucs4_t *c)
{
	int n;

	*c = (uint8_t)v.p[at];
	if (*c < 0x80)
		return 1;
	n = u8_mbtoucr(c, as_bytes(v) + at, v.len - at);
	if (n > 0)
		return (size_t)n;
	*c = 0xFFFD;
	return 1;
}

/* How many bytes from v.p[at] on are printable ASCII. */
static size_t
ascii_run(struct view v, size_t at)
{
	size_t i = at;

	while (i < v.len && v.p[i] >= ' ' && v.p[i] <= '~')
		i++;
	return i - at;
}

bool
utf8_is_valid(struct view v)
{
	size_t ascii = ascii_run(v, 0);

	return ascii == v.len ||
	    u8_check(as_bytes(v) + ascii, v.len - ascii) == NULL;
}

struct view
utf8_skip_bom(struct view v)
{
	return view_has_prefix(v, VIEW("\xEF\xBB\xBF")) ? view_skip(v, 3) : v;
}

/* -- width -- */

/* Columns of one character. */
static int
columns_of(ucs4_t c)
{
	int n;

	if ((c >= ' ' && c <= '~') || (c >= FIRST_LETTER && c < FIRST_MARK))
		return 1;
	n = uc_width(c, "UTF-8");
	return n < 0 ? 0 : n;
}

int
utf8_width(struct view v)
{
	size_t i = ascii_run(v, 0);
	int width = (int)i;
	ucs4_t c;

	while (i < v.len) {
		i += decode_character(v, i, &c);
		width += columns_of(c);
	}
	return width;
}

/* -- wrap -- */

/* How many bytes of v fit into columns. */
static size_t
fitting_bytes(struct view v, int columns)
{
	size_t room = (size_t)columns, i, n;
	int width;
	ucs4_t c;

	/* No character has more columns than bytes. */
	if (v.len <= room)
		return v.len;
	i = ascii_run((struct view){ v.p, room }, 0);
	width = (int)i;
	while (i < v.len) {
		n = decode_character(v, i, &c);
		width += columns_of(c);
		if (width > columns)
			break;
		i += n;
	}
	return i;
}

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* True if a letter up to U+017F, or a digit, begins at v.p[at]. */
static bool
is_letter_at(struct view v, size_t at)
{
	unsigned char c = at < v.len ? (unsigned char)v.p[at] : 0;

	return is_letter_or_digit((char)c) || (c >= 0xC3 && c <= 0xC5);
}

/*
 * The length of the character before v.p[at] if it is one that UAX #14 never
 * parts from another such: letters (AL) and digits (NU), up to U+017F, and
 * quotes (QU, LB19); 0 if not.
 */
static size_t
joined_before(struct view v, size_t at)
{
	unsigned char c, lead;

	if (at == 0)
		return 0;
	c = (unsigned char)v.p[at - 1];
	if (is_letter_or_digit((char)c) || c == '\'' || c == '"')
		return 1;
	if (c < 0x80 || at < 2)
		return 0;
	lead = (unsigned char)v.p[at - 2];
	/* U+00C0 to U+017F: letters, and two signs that count as such. */
	if (lead >= 0xC3 && lead <= 0xC5)
		return 2;
	/* Unicode 15.1 looks at what follows a curly quote or a guillemet. */
	if (!is_letter_at(v, at))
		return 0;
	if (lead == 0xC2)
		return c == 0xAB || c == 0xBB ? 2 : 0; /* guillemets */
	/* U+2018, U+2019, U+201C and U+201D: curly quotes. */
	return at >= 3 && lead == 0x80 && (unsigned char)v.p[at - 3] == 0xE2 &&
		(c == 0x98 || c == 0x99 || c == 0x9C || c == 0x9D)
	    ? 3
	    : 0;
}

/* LB13: no line begins with one of these, even if blanks come before it. */
static bool
is_closing(char c)
{
	return memchr(",.;:!?)", c, 7) != NULL;
}

/*
 * The last place not after v.p[at] where a line may end, found without the
 * tables: the blank before a word of joined characters.  False if it takes
 * the tables to know; *place is 0 if there is no such place.
 */
static bool
quick_break(struct view v, size_t at, size_t *place)
{
	size_t n, blank, k = at;
	ucs4_t c;

	/* Unicode 15.1 parts blanks from a decimal mark and its digits. */
	if (is_closing(v.p[at]) && at + 1 < v.len && v.p[at + 1] >= '0' &&
	    v.p[at + 1] <= '9')
		return false;
	/* The character after the place must cling to the word, too. */
	n = decode_character(v, at, &c);
	if (joined_before(v, at + n) != n &&
	    (!is_closing(v.p[at]) || joined_before(v, at) == 0))
		return false;
	while ((n = joined_before(v, k)) > 0)
		k -= n;
	if (k == 0) {
		*place = 0;
		return true;
	}
	blank = k;
	while (blank > 0 && v.p[blank - 1] == ' ')
		blank--;
	/* LB14: never after an opening bracket, even if blanks follow it. */
	if (blank == k || blank == 0 ||
	    (joined_before(v, blank) == 0 && !is_closing(v.p[blank - 1])))
		return false;
	*place = k;
	return true;
}

/* The same by UAX #14 in full. */
static size_t
careful_break(struct view v, size_t at)
{
	char marks[WINDOW];
	size_t start = 0, end, i;
	ucs4_t c;

	/* From Unicode 15.1 on it matters what comes after the next one. */
	for (end = at, i = 0; i < LOOKAHEAD && end < v.len; i++)
		end += decode_character(v, end, &c);
	if (end > sizeof(marks)) {
		start = end - sizeof(marks);
		while ((v.p[start] & 0xC0) == 0x80)
			start++;
	}
	u8_possible_linebreaks(as_bytes(v) + start, end - start, "UTF-8",
	    marks);
	for (i = at; i > start; i--)
		if (marks[i - start] == UC_BREAK_POSSIBLE)
			return i;
	return 0;
}

/* The last place not after v.p[at] between two characters as people count
 * them; after the first one if that is already wider. */
static size_t
forced_break(struct view v, size_t at)
{
	const uint8_t *end = as_bytes(v) + v.len, *p, *next;

	p = u8_grapheme_next(as_bytes(v), end);
	while ((next = u8_grapheme_next(p, end)) != NULL &&
	    next <= as_bytes(v) + at)
		p = next;
	return (size_t)(p - as_bytes(v));
}

struct view
utf8_wrap(struct view *rest, int columns)
{
	struct view all = *rest, line;
	size_t fit, at, cut = 0;

	fit = at = fitting_bytes(all, columns);
	/* Blanks at the end of a line are not shown: they always fit. */
	while (at < all.len && all.p[at] == ' ')
		at++;
	if (at == all.len)
		cut = at;
	else if (!quick_break(all, at, &cut))
		cut = careful_break(all, at);
	if (cut == 0 && all.len > 0)
		cut = forced_break(all, fit);

	line = (struct view){ all.p, cut };
	while (line.len > 0 && line.p[line.len - 1] == ' ')
		line.len--;
	while (cut < all.len && all.p[cut] == ' ')
		cut++;
	*rest = view_skip(all, cut);
	return line;
}

/* -- clean -- */

/* The length of the character at v.p[at] if it may stay as it is, or 0. */
static size_t
clean_char(struct view v, size_t at)
{
	ucs4_t c;
	int n;

	n = u8_mbtoucr(&c, as_bytes(v) + at, v.len - at);
	/* U+2028 and U+2029 end a line as LF does. */
	if (n < 0 || c < 0xA0 || c == 0x2028 || c == 0x2029)
		return 0;
	return (size_t)n;
}

void
utf8_clean(struct buf *to, struct view v)
{
	size_t i = 0, run, n, measured = to->len, column = 0, pad;
	ucs4_t c;

	while (i < v.len) {
		run = i;
		do {
			i += ascii_run(v, i);
			n = i < v.len ? clean_char(v, i) : 0;
			i += n;
		} while (n > 0);
		buf_put(to, (struct view){ v.p + run, i - run });
		if (i == v.len)
			break;
		if (v.p[i] == '\t') {
			column += (size_t)utf8_width(
			    view_skip(buf_view(to), measured));
			pad = TAB_STOP - column % TAB_STOP;
			buf_fill(to, ' ', pad);
			column += pad;
			measured = to->len;
		}
		n = decode_character(v, i, &c);
		if (c == 0xFFFD)
			buf_puts(to, REPLACEMENT);
		else if (c != '\t')
			buf_putc(to, ' ');
		i += n;
	}
}

/* -- spell -- */

/*
 * How ASCII spells what does not simply lose its marks or its style: sorted,
 * so that it can be searched by halves.
 */
static const struct {
	uint16_t c;
	const char *words;
} spellings[] = {
	{ 0x00A1, "!" },    /* inverted exclamation mark */
	{ 0x00A2, "c" },    /* cent */
	{ 0x00A3, "GBP" },  /* pound */
	{ 0x00A5, "JPY" },  /* yen */
	{ 0x00A6, "|" },    /* broken bar */
	{ 0x00A7, "sec." }, /* section */
	{ 0x00A8, "\"" },   /* diaeresis alone */
	{ 0x00A9, "(c)" },  /* copyright */
	{ 0x00AB, "<<" },   /* left guillemet */
	{ 0x00AC, "not " }, /* not sign */
	{ 0x00AE, "(R)" },  /* registered */
	{ 0x00AF, "-" },    /* macron alone */
	{ 0x00B0, "deg" },  /* degree */
	{ 0x00B1, "+/-" },  /* plus-minus */
	{ 0x00B4, "'" },    /* acute alone */
	{ 0x00B5, "u" },    /* micro */
	{ 0x00B6, "par." }, /* pilcrow */
	{ 0x00B7, "." },    /* middle dot */
	{ 0x00B8, "," },    /* cedilla alone */
	{ 0x00BB, ">>" },   /* right guillemet */
	{ 0x00BF, "?" },    /* inverted question mark */
	{ 0x00C6, "AE" },   /* AE */
	{ 0x00D0, "D" },    /* Eth */
	{ 0x00D7, "x" },    /* times */
	{ 0x00D8, "O" },    /* O with stroke */
	{ 0x00DE, "Th" },   /* Thorn */
	{ 0x00DF, "ss" },   /* sharp s */
	{ 0x00E6, "ae" },   /* ae */
	{ 0x00F0, "d" },    /* eth */
	{ 0x00F7, "/" },    /* divided by */
	{ 0x00F8, "o" },    /* o with stroke */
	{ 0x00FE, "th" },   /* thorn */
	{ 0x0110, "D" },    /* D with stroke */
	{ 0x0111, "d" },    /* d with stroke */
	{ 0x0126, "H" },    /* H with stroke */
	{ 0x0127, "h" },    /* h with stroke */
	{ 0x0131, "i" },    /* dotless i */
	{ 0x0138, "k" },    /* kra */
	{ 0x0141, "L" },    /* L with stroke */
	{ 0x0142, "l" },    /* l with stroke */
	{ 0x014A, "Ng" },   /* Eng */
	{ 0x014B, "ng" },   /* eng */
	{ 0x0152, "OE" },   /* OE */
	{ 0x0153, "oe" },   /* oe */
	{ 0x0166, "T" },    /* T with stroke */
	{ 0x0167, "t" },    /* t with stroke */
	{ 0x0192, "f" },    /* florin */
	{ 0x02BB, "'" },    /* okina */
	{ 0x02BC, "'" },    /* modifier apostrophe */
	{ 0x1E9E, "SS" },   /* capital sharp s */
	{ 0x2010, "-" },    /* hyphen */
	{ 0x2011, "-" },    /* hyphen that does not break */
	{ 0x2012, "-" },    /* figure dash */
	{ 0x2013, "-" },    /* en dash */
	{ 0x2014, "--" },   /* em dash */
	{ 0x2015, "--" },   /* horizontal bar */
	{ 0x2016, "||" },   /* double bar */
	{ 0x2018, "'" },    /* left single quote */
	{ 0x2019, "'" },    /* right single quote */
	{ 0x201A, "'" },    /* low single quote */
	{ 0x201B, "'" },    /* reversed single quote */
	{ 0x201C, "\"" },   /* left double quote */
	{ 0x201D, "\"" },   /* right double quote */
	{ 0x201E, "\"" },   /* low double quote */
	{ 0x201F, "\"" },   /* reversed double quote */
	{ 0x2020, "+" },    /* dagger */
	{ 0x2021, "++" },   /* double dagger */
	{ 0x2022, "*" },    /* bullet */
	{ 0x2023, ">" },    /* triangular bullet */
	{ 0x2026, "..." },  /* ellipsis */
	{ 0x2030, "o/oo" }, /* per mille */
	{ 0x2032, "'" },    /* prime */
	{ 0x2033, "\"" },   /* double prime */
	{ 0x2039, "<" },    /* single left guillemet */
	{ 0x203A, ">" },    /* single right guillemet */
	{ 0x2043, "-" },    /* hyphen bullet */
	{ 0x2044, "/" },    /* fraction slash */
	{ 0x20AC, "EUR" },  /* euro */
	{ 0x20BD, "RUB" },  /* rouble */
	{ 0x2122, "(TM)" }, /* trade mark */
	{ 0x2190, "<-" },   /* arrow left */
	{ 0x2191, "^" },    /* arrow up */
	{ 0x2192, "->" },   /* arrow right */
	{ 0x2193, "v" },    /* arrow down */
	{ 0x2194, "<->" },  /* arrow left and right */
	{ 0x21D0, "<=" },   /* double arrow left */
	{ 0x21D2, "=>" },   /* double arrow right */
	{ 0x21D4, "<=>" },  /* double arrow left and right */
	{ 0x2212, "-" },    /* minus */
	{ 0x2215, "/" },    /* division slash */
	{ 0x2217, "*" },    /* asterisk operator */
	{ 0x2219, "." },    /* bullet operator */
	{ 0x221E, "inf" },  /* infinity */
	{ 0x223C, "~" },    /* tilde operator */
	{ 0x2248, "~" },    /* almost equal */
	{ 0x2260, "!=" },   /* not equal */
	{ 0x2264, "<=" },   /* at most */
	{ 0x2265, ">=" },   /* at least */
	{ 0x22C5, "." },    /* dot operator */
	{ 0x25A0, "*" },    /* black square */
	{ 0x25A1, "o" },    /* white square */
	{ 0x25AA, "*" },    /* small black square */
	{ 0x25AB, "o" },    /* small white square */
	{ 0x25B2, "^" },    /* triangle up */
	{ 0x25B6, ">" },    /* triangle right */
	{ 0x25B8, ">" },    /* small triangle right */
	{ 0x25BA, ">" },    /* pointer right */
	{ 0x25BC, "v" },    /* triangle down */
	{ 0x25C0, "<" },    /* triangle left */
	{ 0x25C4, "<" },    /* pointer left */
	{ 0x25C6, "*" },    /* black diamond */
	{ 0x25C7, "o" },    /* white diamond */
	{ 0x25CB, "o" },    /* white circle */
	{ 0x25CF, "*" },    /* black circle */
	{ 0x25E6, "o" },    /* white bullet */
	{ 0x2605, "*" },    /* black star */
	{ 0x2606, "*" },    /* white star */
	{ 0x2610, "[ ]" },  /* ballot box */
	{ 0x2611, "[x]" },  /* ballot box, checked */
	{ 0x2612, "[x]" },  /* ballot box, crossed */
	{ 0x2713, "v" },    /* check mark */
	{ 0x2714, "v" },    /* heavy check mark */
	{ 0x2717, "x" },    /* ballot cross */
	{ 0x2718, "x" },    /* heavy ballot cross */
	{ 0x279C, "->" },   /* heavy arrow right */
	{ 0x27A1, "->" },   /* black arrow right */
	{ 0x27E8, "<" },    /* left angle bracket */
	{ 0x27E9, ">" },    /* right angle bracket */
};

#define N_SPELLINGS (sizeof(spellings) / sizeof(spellings[0]))

static const char *
find_spelling(ucs4_t c)
{
	size_t low = 0, high = N_SPELLINGS, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (spellings[middle].c == c)
			return spellings[middle].words;
		if (spellings[middle].c < c)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * Lines, corners and shades that pictures in preformatted text are drawn
 * with; one column each, so that the picture stays one.
 */
static const char *
find_box(ucs4_t c)
{
	if (c < 0x2500 || c > 0x259F)
		return NULL;
	if (c >= 0x2580)
		return "#";
	switch (c) {
	case 0x2500:
	case 0x2501:
	case 0x2504:
	case 0x2505:
	case 0x2508:
	case 0x2509:
	case 0x254C:
	case 0x254D:
	case 0x2574:
	case 0x2576:
	case 0x2578:
	case 0x257A:
	case 0x257C:
	case 0x257E:
		return "-";
	case 0x2550:
		return "=";
	case 0x2502:
	case 0x2503:
	case 0x2506:
	case 0x2507:
	case 0x250A:
	case 0x250B:
	case 0x254E:
	case 0x254F:
	case 0x2551:
	case 0x2575:
	case 0x2577:
	case 0x2579:
	case 0x257B:
	case 0x257D:
	case 0x257F:
		return "|";
	case 0x2571:
		return "/";
	case 0x2572:
		return "\\";
	case 0x2573:
		return "X";
	default:
		return "+";
	}
}

static bool
is_combining_mark(ucs4_t c)
{
	return c >= FIRST_MARK && uc_is_general_category(c, UC_CATEGORY_M);
}

static bool
is_latin1(ucs4_t c)
{
	return c >= 0xA0 && c <= 0xFF;
}

/*
 * Of a letter with several marks, the one that Latin 1 has with its last mark
 * alone, or 0: U+1EC7, "e" with dot and circumflex, keeps the circumflex.
 */
static ucs4_t
with_last_mark(ucs4_t letter, ucs4_t mark)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];

	while (uc_canonical_decomposition(letter, parts) > 0)
		letter = parts[0];
	letter = uc_composition(letter, mark);
	return is_latin1(letter) ? letter : 0;
}

/* Append c in the charset's own characters; false, and part of it perhaps
 * written, if there is no spelling. */
static bool
spell_character(struct buf *to, ucs4_t c, enum utf8_charset charset)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	const char *words;
	char pair[2];
	int i, n, tag;

	if (c < 0x80) {
		buf_putc(to, (char)c);
		return true;
	}
	if (charset == UTF8_LATIN1 && is_latin1(c)) {
		pair[0] = (char)(0xC0 | c >> 6);
		pair[1] = (char)(0x80 | (c & 0x3F));
		buf_put(to, (struct view){ pair, 2 });
		return true;
	}
	words = find_spelling(c);
	if (words == NULL)
		words = find_box(c);
	if (words != NULL) {
		buf_puts(to, words);
		return true;
	}
	if (is_combining_mark(c) ||
	    uc_is_property_default_ignorable_code_point(c))
		return true;
	n = uc_decomposition(c, &tag, parts);
	if (n == 2 && charset == UTF8_LATIN1 &&
	    with_last_mark(parts[0], parts[1]) != 0)
		return spell_character(to, with_last_mark(parts[0], parts[1]),
		    charset);
	for (i = 0; i < n; i++)
		/* Without its stroke a sign would say the opposite. */
		if (parts[i] == NEGATION ||
		    !spell_character(to, parts[i], charset))
			return false;
	return n > 0;
}

/* The letter at v.p[*at] with the marks that follow it, as one character if
 * there is one; marks that belong to none are left out. */
static ucs4_t
compose_letter(struct view v, size_t *at)
{
	ucs4_t c, mark, whole;
	size_t n;

	*at += decode_character(v, *at, &c);
	while (*at < v.len && (v.p[*at] & 0x80) != 0) {
		n = decode_character(v, *at, &mark);
		if (!is_combining_mark(mark))
			break;
		whole = uc_composition(c, mark);
		if (whole != 0)
			c = whole;
		*at += n;
	}
	return c;
}

/* True if the character at v.p[at] may be a mark: it is beyond U+017F, and
 * not one of the dashes and quotes that share their first two bytes. */
static bool
maybe_mark(struct view v, size_t at)
{
	unsigned char c;

	if (at >= v.len)
		return false;
	c = (unsigned char)v.p[at];
	if (c == 0xE2 && at + 1 < v.len)
		return (unsigned char)v.p[at + 1] != 0x80;
	return c > 0xC5;
}

/* How many bytes from v.p[at] on are in the charset as they are. */
static size_t
native_run(struct view v, size_t at, enum utf8_charset charset)
{
	size_t i = at, n;
	unsigned char c;

	while (i < v.len) {
		c = (unsigned char)v.p[i];
		n = c < 0x80 ? 1 : 2;
		if (n == 2 &&
		    (charset != UTF8_LATIN1 || c > 0xC3 ||
			(c == 0xC2 && (unsigned char)v.p[i + 1] < 0xA0)))
			break;
		/* A letter is spelled together with its marks. */
		if (maybe_mark(v, i + n))
			break;
		i += n;
	}
	return i - at;
}

void
utf8_fold(struct buf *to, struct view v, enum utf8_charset charset)
{
	size_t i = 0, run, before;
	ucs4_t c;

	if (charset == UTF8_UTF8) {
		buf_put(to, v);
		return;
	}
	while (i < v.len) {
		run = native_run(v, i, charset);
		buf_put(to, (struct view){ v.p + i, run });
		i += run;
		if (i == v.len)
			break;
		c = compose_letter(v, &i);
		before = to->len;
		if (!spell_character(to, c, charset)) {
			to->len = before;
			buf_putc(to, '?');
		}
	}
}

void
utf8_encode(struct buf *to, struct view v, enum utf8_charset charset)
{
	size_t from = to->len, i;
	unsigned char c;

	utf8_fold(to, v, charset);
	if (charset != UTF8_LATIN1)
		return;
	/* Folded text holds only C2 and C3 pairs: narrow them in place. */
	for (i = from; i < to->len; i++) {
		c = (unsigned char)to->p[i];
		if (c >= 0xC2)
			c = (unsigned char)((c & 0x03) << 6 |
			    (to->p[++i] & 0x3F));
		to->p[from++] = (char)c;
	}
	to->len = from;
}
