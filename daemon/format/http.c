/*
 * http.c - the head of a request.
 *
 * Floor format.  Strict where a server may be: what follows the head, and what
 * headers other than Host say, is nobody's concern here.
 */
#include "format/http.h"

/* Cut one line off rest; its end is CR LF or LF.  False if it has none yet. */
static bool
cut_http_line(struct view *rest, struct view *line)
{
	*line = view_cut(rest, '\n');
	if (rest->p == NULL)
		return false;
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool
has_control_byte(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.p[i] < ' ' && v.p[i] != '\t')
			return true;
	return false;
}

/* "METHOD target HTTP/1.x" */
static bool
parse_request_line(struct view line, struct http_request *r, bool *is_1_1)
{
	struct view target;

	r->method = view_cut(&line, ' ');
	target = line.p == NULL ? line : view_cut(&line, ' ');
	if (line.p == NULL || r->method.len == 0 || target.len == 0 ||
	    target.p[0] != '/')
		return false;
	r->path = view_cut(&target, '?');
	*is_1_1 = view_eq(line, VIEW("HTTP/1.1"));
	return *is_1_1 || view_eq(line, VIEW("HTTP/1.0"));
}

/*
 * "name:port", "[address]:port" and each without a port to what is named; false
 * if that is nothing, although there is something.
 */
static bool
parse_host(struct view v, struct view *to)
{
	struct view rest = v;

	if (view_has_prefix(v, VIEW("["))) {
		rest = view_skip(v, 1);
		*to = view_cut(&rest, ']');
	} else
		*to = view_cut(&rest, ':');
	return to->len > 0 || v.len == 0;
}

enum http_parse
http_request_parse(struct view in, struct http_request *r)
{
	bool is_cut = in.len > HTTP_HEAD_MAX, is_1_1, has_host = false;
	struct http_request got = { .host = { NULL, 0 } };
	enum http_parse more = is_cut ? HTTP_REQUEST_BAD : HTTP_REQUEST_MORE;
	struct view line, name;

	if (is_cut)
		in.len = HTTP_HEAD_MAX;
	if (!cut_http_line(&in, &line))
		return more;
	if (has_control_byte(line) || !parse_request_line(line, &got, &is_1_1))
		return HTTP_REQUEST_BAD;
	for (;;) {
		if (!cut_http_line(&in, &line))
			return more;
		if (line.len == 0)
			break;
		if (has_control_byte(line))
			return HTTP_REQUEST_BAD;
		name = view_cut(&line, ':');
		if (line.p == NULL || name.len == 0 || name.p[0] == ' ' ||
		    name.p[0] == '\t')
			return HTTP_REQUEST_BAD;
		if (!view_eq_nocase(name, VIEW("Host")))
			continue;
		if (has_host || !parse_host(view_trim(line), &got.host))
			return HTTP_REQUEST_BAD;
		has_host = true;
	}
	if (is_1_1 && !has_host)
		return HTTP_REQUEST_BAD;
	*r = got;
	return HTTP_REQUEST_OK;
}
