/*
 * words.c - cut text into words and fold them.
 *
 * Floor format.  What is searched and what is searched for go through here
 * alike, so that both sides agree whatever Unicode makes of a letter.  Latin
 * letters are folded by a table of their own: they are nearly all there is,
 * and libunistring takes some hundred times as long.
 *
 * site/search.c indexes these words; snippet.c finds them again in a page.
 */
#include "format/words.h"

#include <stdint.h>
#include <stdlib.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define LATIN_FIRST 0xC0  /* the first character of the table below */
#define LATIN_LAST  0x17F /* and its last */
#define FOLDED_MAX  128   /* bytes; no character decomposes to as many */

/* What a character is to the word that it stands in. */
enum kind {
	BETWEEN, /* words */
	INSIDE,  /* a letter or digit */
	SILENT,  /* a mark, or what is not shown */
	APOSTROPHE
};

/* One character, read. */
struct piece {
	enum kind kind;
	size_t len;         /* bytes it was read from */
	struct view folded; /* of one that is INSIDE */
	char room[FOLDED_MAX];
};

/* U+00C0 to U+017F as small plain letters; "" for the two signs there. */
static const char latin[][3] = { "a", "a", "a", "a", "a", "a", "ae", "c", "e",
	"e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o",
	"", "o", "u", "u", "u", "u", "y", "th", "ss", "a", "a", "a", "a", "a",
	"a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o",
	"o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y", "a",
	"a", "a", "a", "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d",
	"d", "d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "g",
	"g", "g", "g", "g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i",
	"i", "i", "i", "i", "i", "i", "i", "ij", "ij", "j", "j", "k", "k", "k",
	"l", "l", "l", "l", "l", "l", "l", "l", "l", "l", "n", "n", "n", "n",
	"n", "n", "n", "ng", "ng", "o", "o", "o", "o", "o", "o", "oe", "oe",
	"r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s", "s", "s",
	"t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u",
	"u", "u", "u", "u", "w", "w", "y", "y", "y", "z", "z", "z", "z", "z",
	"z", "s" };

_Static_assert(sizeof(latin) / sizeof(latin[0]) == LATIN_LAST - LATIN_FIRST + 1,
    "a row for each character");

/* What an apostrophe ends in French: words that lose their last vowel. */
static const struct view elided[] = { VIEW_INIT("l"), VIEW_INIT("d"),
	VIEW_INIT("j"), VIEW_INIT("qu"), VIEW_INIT("c"), VIEW_INIT("n"),
	VIEW_INIT("s"), VIEW_INIT("m"), VIEW_INIT("t"), VIEW_INIT("jusqu"),
	VIEW_INIT("lorsqu"), VIEW_INIT("puisqu"), VIEW_INIT("quoiqu") };

static bool
is_elided(struct view word)
{
	size_t i;

	for (i = 0; i < sizeof(elided) / sizeof(elided[0]); i++)
		if (view_eq(word, elided[i]))
			return true;
	return false;
}

static bool
is_latin(ucs4_t c)
{
	return c >= LATIN_FIRST && c <= LATIN_LAST;
}

static bool
is_alnum(ucs4_t c)
{
	return uc_is_general_category(c, UC_CATEGORY_L) ||
	    uc_is_general_category(c, UC_CATEGORY_N);
}

/* Quotes that people, keyboards and programs write an apostrophe with. */
static bool
is_apostrophe(ucs4_t c)
{
	return c == '\'' || c == 0x2019 || c == 0x2018 || c == 0x02BC ||
	    c == 0xFF07;
}

/* True for marks, and for what is there but not seen, as a soft hyphen is. */
static bool
is_ignored_character(ucs4_t c)
{
	return uc_is_general_category(c, UC_CATEGORY_M) ||
	    uc_is_general_category(c, UC_CATEGORY_Cf);
}

/* Put the letters and digits of a decomposed character into p->room. */
static void
put_folded(struct piece *p, const uint8_t *from, size_t len)
{
	size_t i, n = 0, size;
	const char *plain;
	ucs4_t c;

	for (i = 0; i < len; i += size) {
		size = (size_t)u8_mbtouc(&c, from + i, len - i);
		if (is_latin(c))
			for (plain = latin[c - LATIN_FIRST]; *plain != '\0';)
				p->room[n++] = *plain++;
		else if (is_alnum(c)) {
			memcpy(p->room + n, from + i, size);
			n += size;
		}
	}
	p->folded = (struct view){ p->room, n };
}

/* Fold a character by the tables of Unicode. */
static void
read_rare(struct view v, ucs4_t c, struct piece *p)
{
	uint8_t room[FOLDED_MAX], *folded;
	size_t len = sizeof(room);

	p->kind = is_apostrophe(c)    ? APOSTROPHE
	    : is_ignored_character(c) ? SILENT
				      : BETWEEN;
	if (p->kind != BETWEEN)
		return;
	folded = u8_casefold((const uint8_t *)v.p, p->len, NULL, UNINORM_NFKD,
	    room, &len);
	if (folded == room) {
		put_folded(p, folded, len);
		if (p->folded.len > 0)
			p->kind = INSIDE;
	} else
		free(folded);
}

/* Read the first character of v, which is not empty. */
static void
read_piece(struct view v, struct piece *p)
{
	unsigned char b = (unsigned char)v.p[0];
	ucs4_t c = b;

	p->len = 1;
	p->kind = BETWEEN;
	if (b < 0x80) {
		if (b >= 'A' && b <= 'Z')
			b = (unsigned char)(b - 'A' + 'a');
		p->room[0] = (char)b;
		p->folded = (struct view){ p->room, 1 };
		if ((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9'))
			p->kind = INSIDE;
		else if (b == '\'')
			p->kind = APOSTROPHE;
		return;
	}
	p->len = (size_t)u8_mbtouc(&c, (const uint8_t *)v.p, v.len);
	if (!is_latin(c)) {
		if (c != 0xFFFD) /* or malformed, which gives the same */
			read_rare(v, c, p);
		return;
	}
	p->folded = view_of(latin[c - LATIN_FIRST]);
	if (p->folded.len > 0)
		p->kind = INSIDE;
}

static bool
starts_inside(struct view v)
{
	struct piece p;

	if (v.len == 0)
		return false;
	read_piece(v, &p);
	return p.kind == INSIDE;
}

/* Pass what stands between words; false if no word follows. */
static bool
skip_between(struct view *rest)
{
	struct piece p;

	while (rest->len > 0) {
		read_piece(*rest, &p);
		if (p.kind == INSIDE)
			return true;
		*rest = view_skip(*rest, p.len);
	}
	return false;
}

/* True if v is what follows "institute" in "institute's", and no more. */
static bool
is_possessive(struct view v)
{
	return v.len > 0 && (v.p[0] == 's' || v.p[0] == 'S') &&
	    !starts_inside(view_skip(v, 1));
}

/* Append as long as it fits whole; a word that was cut stays as it is. */
static void
append_folded(struct buf *word, struct view folded, bool *is_cut)
{
	if (word->len + folded.len > WORDS_BYTES_MAX)
		*is_cut = true;
	if (!*is_cut)
		buf_put(word, folded);
}

bool
words_next(struct view *rest, struct buf *word, struct view *where)
{
	struct piece p;
	bool is_cut = false;
	struct view v;

	if (!skip_between(rest))
		return false;
	*where = (struct view){ rest->p, 0 };
	buf_reset(word);
	for (v = *rest; v.len > 0; v = view_skip(v, p.len)) {
		read_piece(v, &p);
		if (p.kind == BETWEEN)
			break;
		if (p.kind == INSIDE)
			append_folded(word, p.folded, &is_cut);
		if (p.kind != APOSTROPHE) {
			where->len = (size_t)(v.p - where->p) + p.len;
			continue;
		}
		if (!starts_inside(view_skip(v, p.len)))
			break;
		if (is_elided(buf_view(word)))
			buf_reset(word);
		else if (is_possessive(view_skip(v, p.len))) {
			v = view_skip(v, p.len + 1);
			break;
		}
	}
	*rest = v;
	return true;
}

void
words_fold(struct buf *to, struct view v)
{
	char room[WORDS_BYTES_MAX];
	struct buf word = { room, 0, sizeof(room), sizeof(room), false };
	struct view where;

	while (words_next(&v, &word, &where)) {
		buf_putc(to, ' ');
		buf_put(to, buf_view(&word));
	}
}
