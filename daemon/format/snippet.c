/*
 * snippet.c - find the line of a page that answers a search.
 *
 * Floor format.  The page is read again, word by word, for each of the few
 * results that are shown: that takes less memory than to keep its words, and
 * less time than anybody notices.
 */
#include "format/snippet.h"

#include <stdint.h>

#include "format/gemtext.h"
#include "format/utf8.h"
#include "format/words.h"

#define LEAD_MAX 80 /* bytes before the first word found, in a long line */
#define DOTS     "\xE2\x80\xA6" /* U+2026, an ellipsis */

/* A line of the page, and what was found in it. */
struct candidate {
	struct view line;
	size_t at; /* of the first word found */
	int worth; /* twice the words it holds, and one more for prose */
};

/* Lines of a page without marks: of gemtext, or of plain text. */
struct lines {
	bool is_gemtext;
	bool is_titled; /* the first heading was passed */
	bool is_prose;  /* of the last line: no link, heading or picture */
	struct gemtext at;
};

static bool
next_gemtext(struct lines *l, struct view *line)
{
	struct gemtext_line event;

	while (gemtext_next(&l->at, &event)) {
		if (event.kind == GEMTEXT_PRE_START ||
		    event.kind == GEMTEXT_PRE_END)
			continue;
		/* It is the title of the result already. */
		if (event.kind == GEMTEXT_HEADING && !l->is_titled) {
			l->is_titled = true;
			continue;
		}
		*line = view_trim(event.text);
		l->is_prose = event.kind == GEMTEXT_TEXT ||
		    event.kind == GEMTEXT_LIST || event.kind == GEMTEXT_QUOTE;
		if (line->len > 0)
			return true;
	}
	return false;
}

/* The next line that is not empty; false after the last. */
static bool
next_line(struct lines *l, struct view *line)
{
	if (l->is_gemtext)
		return next_gemtext(l, line);
	l->is_prose = true;
	while (l->at.rest.len > 0) {
		*line = view_trim(view_cut(&l->at.rest, '\n'));
		if (line->len > 0)
			return true;
	}
	return false;
}

/* Which of the words this is, as a bit; 0 if none. */
static uint32_t
bit_of(struct view word, const struct snippet_words *words)
{
	size_t i;

	for (i = 0; i < words->n; i++)
		if (view_eq(word, words->v[i]) ||
		    (words->is_prefix && i == words->n - 1 &&
			view_has_prefix(word, words->v[i])))
			return (uint32_t)1 << i;
	return 0;
}

static struct candidate
weigh_line(struct view line, const struct snippet_words *words)
{
	char room[WORDS_BYTES_MAX];
	struct buf word = { room, 0, sizeof(room), sizeof(room), false };
	struct candidate c = { line, 0, 0 };
	struct view rest = line, where;
	uint32_t seen = 0, bit;

	while (words_next(&rest, &word, &where)) {
		bit = bit_of(buf_view(&word), words);
		if (bit == 0 || (seen & bit) != 0)
			continue;
		if (seen == 0)
			c.at = (size_t)(where.p - line.p);
		seen |= bit;
		c.worth += 2;
	}
	return c;
}

/* True for the bytes of a character that are not its first. */
static bool
is_inner(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* A place to start at: after a blank, not much before c->at. */
static size_t
start_of(const struct candidate *c)
{
	size_t start = c->at > LEAD_MAX ? c->at - LEAD_MAX : 0, i;

	if (start == 0)
		return 0;
	for (i = start; i < c->at; i++)
		if (c->line.p[i] == ' ')
			return i + 1;
	/* One long word: any character will do. */
	while (start < c->at && is_inner(c->line.p[start]))
		start++;
	return start;
}

/* A place to end at, before a blank if there is one not too far back. */
static size_t
snippet_end(const struct candidate *c, size_t start, size_t room)
{
	size_t end = start + room, i;

	if (end >= c->line.len)
		return c->line.len;
	for (i = end; i > start + room / 2; i--)
		if (c->line.p[i] == ' ')
			return i;
	while (end > start && is_inner(c->line.p[end]))
		end--;
	return end;
}

static void
put_cut(struct buf *to, const struct candidate *c)
{
	size_t dots = sizeof(DOTS) - 1, room = SNIPPET_BYTES_MAX, start, end;

	if (c->line.len <= room) {
		buf_put(to, c->line);
		return;
	}
	start = start_of(c);
	room -= 2 * dots;
	end = snippet_end(c, start, room);
	if (start > 0)
		buf_puts(to, DOTS);
	buf_put(to, view_trim((struct view){ c->line.p + start, end - start }));
	if (end < c->line.len)
		buf_puts(to, DOTS);
}

void
snippet_put(struct buf *to, struct view text, bool is_gemtext,
    const struct snippet_words *words)
{
	char room[SNIPPET_BYTES_MAX * 8], cut[SNIPPET_BYTES_MAX];
	struct buf clean = { room, 0, sizeof(room), sizeof(room), false };
	struct buf raw = { cut, 0, sizeof(cut), sizeof(cut), false };
	struct candidate best = { .worth = -1 }, c;
	struct lines lines = { .is_gemtext = is_gemtext };
	struct view line;

	if (text.len > SNIPPET_LOOK_MAX)
		text.len = SNIPPET_LOOK_MAX;
	lines.at.rest = text;
	while (best.worth < 2 * (int)words->n + 1 && next_line(&lines, &line)) {
		c = weigh_line(line, words);
		c.worth += lines.is_prose;
		if (c.worth > best.worth)
			best = c;
	}
	if (best.worth < 0)
		return;
	put_cut(&raw, &best);
	utf8_clean(&clean, buf_view(&raw));
	buf_put(to, view_trim(buf_view(&clean)));
}
