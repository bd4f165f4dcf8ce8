/*
 * gopher.c - read a Gopher request line, write menu lines.
 *
 * Floor format: bytes in, bytes out.  What a selector means is decided in
 * site/answer.c; which lines a menu has, in render.c.
 */
#include "format/gopher.h"

/*
 * What follows the text of an info line.  RFC 1436 knows no such line, so
 * clients look for the four fields of an item but use only its name.  Served
 * and looked at: lynx 2.9.0, UMN gopher 3.0.17, sacc 1.06, vf1 0.0.11,
 * bombadillo 2.4 and elpher 2.10.2 show this shortest form as they show
 * "TAB TAB error.host TAB 1".  Without the port Lagrange, by its source,
 * drops the line; without any field UMN and sacc show no text line.
 */
#define INFO_FIELDS "\t\t\t0\r\n"

/*
 * Clients do make links of errors, so these fields are ones that nobody will
 * reach: an empty host would be taken for the local one.
 */
#define ERROR_FIELDS "\t\terror.host\t1\r\n"

/*
 * A Gopher+ mark: a lone "+", "!" or "$", a "+" before a view such as
 * "+text/plain", or a "!" or "$" before attributes such as "!+ABSTRACT".
 * Anything else, "+word" included, is something to search for.
 */
static bool
is_plus_field(struct view field)
{
	if (field.len == 0 || memchr("+!$", field.p[0], 3) == NULL)
		return false;
	if (field.len == 1)
		return true;
	if (field.p[0] == '+')
		return memchr(field.p, '/', field.len) != NULL;
	return field.p[1] == '+' && field.len > 2 && field.p[2] >= 'A' &&
	    field.p[2] <= 'Z';
}

/* Fill *req from what came after the first TAB. */
static void
read_query(struct view rest, struct gopher_request *req)
{
	struct view after = rest, first = view_cut(&after, '\t');
	size_t n = rest.len;

	/* After a mark there can only be a "1": a data block follows. */
	if (is_plus_field(first)) {
		req->plus = first.p[0];
		return;
	}
	req->has_query = true;
	req->query = rest;
	while (n > 0 && rest.p[n - 1] != '\t')
		n--;
	if (n > 0 && is_plus_field(view_skip(rest, n))) {
		req->plus = rest.p[n];
		req->query.len = n - 1;
	}
}

/* URLs and HTTP request lines may be longer than RFC 1436 lets selectors be. */
static bool
may_be_long(struct view selector)
{
	return view_has_prefix(selector, VIEW("URL:")) ||
	    view_has_prefix(selector, VIEW("/URL:")) ||
	    view_has_prefix(selector, VIEW("GET "));
}

enum gopher_parse
gopher_request_parse(struct view in, struct gopher_request *req)
{
	struct view rest = in, line = view_cut(&rest, '\n');
	struct gopher_request got = { .query = { NULL, 0 } };

	if (line.len >= GOPHER_REQUEST_MAX ||
	    (line.len > 0 && memchr(line.p, '\0', line.len) != NULL))
		return GOPHER_BAD;
	if (rest.p == NULL)
		return GOPHER_MORE;

	/* People type requests into nc(1), which sends LF alone: allow it. */
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	got.selector = view_cut(&line, '\t');
	if (got.selector.len > GOPHER_SELECTOR_MAX &&
	    !may_be_long(got.selector))
		return GOPHER_BAD;
	if (line.p != NULL)
		read_query(line, &got);
	*req = got;
	return GOPHER_OK;
}

struct view
gopher_request_line(struct view in)
{
	struct view rest = in, line = view_cut(&rest, '\n');

	if (rest.p != NULL && line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

/*
 * What no field of a menu line can hold: TAB, CR, LF and NUL would break it,
 * and the other controls act on the terminal of whoever looks at it raw.
 */
static bool
is_breaking(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static bool
is_broken(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (is_breaking(v.p[i]))
			return true;
	return false;
}

/* Append a type and a name. */
static void
put_item_name(struct buf *to, char type, struct view name)
{
	size_t i, run = 0;

	buf_putc(to, type);
	for (i = 0; i < name.len; i++) {
		if (!is_breaking(name.p[i]))
			continue;
		buf_put(to, (struct view){ name.p + run, i - run });
		buf_putc(to, ' ');
		run = i + 1;
	}
	buf_put(to, view_skip(name, run));
}

void
gopher_item_write(struct buf *to, const struct gopher_item *item)
{
	if (item->type == 'i' || is_breaking(item->type) ||
	    is_broken(item->selector) || is_broken(item->host)) {
		gopher_info_write(to, item->name);
		return;
	}
	put_item_name(to, item->type, item->name);
	buf_putc(to, '\t');
	buf_put(to, item->selector);
	buf_putc(to, '\t');
	buf_put(to, item->host);
	buf_printf(to, "\t%d\r\n", item->port);
}

void
gopher_info_write(struct buf *to, struct view text)
{
	put_item_name(to, 'i', text);
	buf_puts(to, INFO_FIELDS);
}

void
gopher_error_write(struct buf *to, struct view words)
{
	put_item_name(to, '3', words);
	buf_puts(to, ERROR_FIELDS);
}
