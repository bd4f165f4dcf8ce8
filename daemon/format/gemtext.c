/*
 * gemtext.c - read gemtext line by line.
 *
 * Floor format.  A line's first three bytes say what it is, and one bit of
 * state, preformatted or not, is all that is carried from line to line.
 * render.c turns the lines into menus.
 */
#include "format/gemtext.h"

#include "format/utf8.h"

#define LEVELS 3 /* of headings */

static bool
is_toggle(struct view v)
{
	return view_has_prefix(v, VIEW("```"));
}

/* The next line of the document without its CRLF or LF. */
static struct view
cut_gemtext_line(struct gemtext *at)
{
	struct view v = view_cut(&at->rest, '\n');

	if (v.len > 0 && v.p[v.len - 1] == '\r')
		v.len--;
	return v;
}

/* "=>" [blanks] target [blanks label]; v is what follows the mark. */
static void
read_gemtext_link(struct view v, struct gemtext_line *line)
{
	size_t n = 0;

	v = view_trim(v);
	while (n < v.len && v.p[n] != ' ' && v.p[n] != '\t')
		n++;
	line->kind = GEMTEXT_LINK;
	line->target = (struct view){ v.p, n };
	line->text = view_trim(view_skip(v, n));
}

/* One to three "#": a fourth one belongs to the text. */
static void
read_heading(struct view v, struct gemtext_line *line)
{
	int level = 0;

	while (level < LEVELS && v.len > 0 && v.p[0] == '#') {
		v = view_skip(v, 1);
		level++;
	}
	line->kind = GEMTEXT_HEADING;
	line->level = level;
	line->text = view_trim(v);
}

/* A line outside of preformatted text that is no toggle. */
static void
read_gemtext_line(struct view v, struct gemtext_line *line)
{
	if (view_has_prefix(v, VIEW("=>")) &&
	    view_trim(view_skip(v, 2)).len > 0)
		read_gemtext_link(view_skip(v, 2), line);
	else if (view_has_prefix(v, VIEW("#")))
		read_heading(v, line);
	else if (view_has_prefix(v, VIEW("* "))) {
		line->kind = GEMTEXT_LIST;
		line->text = view_trim(view_skip(v, 2));
	} else if (view_has_prefix(v, VIEW(">"))) {
		line->kind = GEMTEXT_QUOTE;
		line->text = view_trim(view_skip(v, 1));
	} else {
		line->kind = GEMTEXT_TEXT;
		line->text = view_trim(v);
	}
}

bool
gemtext_next(struct gemtext *at, struct gemtext_line *line)
{
	struct view v;

	if (at->number == 0)
		at->rest = utf8_skip_bom(at->rest);
	if (at->rest.len == 0)
		return false;
	v = cut_gemtext_line(at);
	*line = (struct gemtext_line){ .number = ++at->number };
	if (is_toggle(v)) {
		line->kind = at->pre ? GEMTEXT_PRE_END : GEMTEXT_PRE_START;
		/* What follows a closing toggle must be ignored. */
		if (!at->pre)
			line->text = view_trim(view_skip(v, 3));
		at->pre = !at->pre;
	} else if (at->pre) {
		line->kind = GEMTEXT_PRE_LINE;
		line->text = v;
	} else
		read_gemtext_line(v, line);
	return true;
}

struct view
gemtext_first_heading(struct view document)
{
	struct gemtext at = { document, false, 0 };
	struct gemtext_line line;

	while (gemtext_next(&at, &line))
		if (line.kind == GEMTEXT_HEADING)
			return line.text;
	return VIEW("");
}
