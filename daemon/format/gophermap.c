/*
 * gophermap.c - read a gophermap line by line.
 *
 * Floor format.  The dialect is gophernicus's, less what runs programs or
 * looks at the file system, and with two rules relaxed: only a "." and a "*"
 * that stand alone are commands, because "...and so on" and "* item" are text
 * that people write.  render.c turns the lines into menus and into gemtext.
 */
#include "format/gophermap.h"

#include "format/utf8.h"

#define PORT_MAX 65535

/* The next line of the map without its CRLF or LF. */
static struct view
cut_map_line(struct gophermap *at)
{
	struct view v = view_cut(&at->rest, '\n');

	if (v.len > 0 && v.p[v.len - 1] == '\r')
		v.len--;
	return v;
}

/* Fill *port, 0 for none; false if the field says something else. */
static bool
read_port(struct view field, int *port)
{
	unsigned long n = 0;

	field = view_trim(field);
	if (field.len > 0 &&
	    (view_to_number(field, PORT_MAX, &n) != 0 || n == 0))
		return false;
	*port = (int)n;
	return true;
}

/* TYPE name TAB [selector [TAB host [TAB port]]]; v has a TAB. */
static void
read_item(struct view v, struct gophermap_line *line)
{
	struct view rest = v;
	char type = v.p[0];

	line->kind = GOPHERMAP_INFO;
	line->text = v;
	/* A blank, a control or half a character is no type: prose. */
	if (type <= ' ' || type > '~')
		return;
	line->text = view_skip(view_cut(&rest, '\t'), 1);
	if (type == 'i')
		return;
	line->selector = view_cut(&rest, '\t');
	line->has_selector = true;
	line->host = view_trim(view_cut(&rest, '\t'));
	/* What may follow the port is Gopher+'s, and of no use here. */
	if (!read_port(view_cut(&rest, '\t'), &line->port)) {
		line->selector = line->host = (struct view){ NULL, 0 };
		line->has_selector = false;
		return;
	}
	line->kind = GOPHERMAP_ITEM;
	line->type = type;
}

static void
read_gophermap_line(struct view v, struct gophermap_line *line)
{
	struct view word = view_trim(v);

	line->text = v;
	if (view_eq(word, VIEW(".")))
		line->kind = GOPHERMAP_END;
	else if (view_eq(word, VIEW("*")))
		line->kind = GOPHERMAP_LISTING;
	else if (view_has_prefix(v, VIEW("#")))
		line->kind = GOPHERMAP_COMMENT;
	else if (view_has_prefix(v, VIEW("!"))) {
		line->kind = GOPHERMAP_TITLE;
		line->text = view_skip(v, 1);
	} else if (v.len > 0 && memchr(v.p, '\t', v.len) != NULL)
		read_item(v, line);
	else
		line->kind = GOPHERMAP_INFO;
}

bool
gophermap_next(struct gophermap *at, struct gophermap_line *line)
{
	if (at->number == 0)
		at->rest = utf8_skip_bom(at->rest);
	if (at->ended || at->rest.len == 0)
		return false;
	*line = (struct gophermap_line){ .number = ++at->number };
	read_gophermap_line(cut_map_line(at), line);
	at->ended =
	    line->kind == GOPHERMAP_END || line->kind == GOPHERMAP_LISTING;
	return true;
}
