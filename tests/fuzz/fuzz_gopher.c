/*
 * fuzz_gopher.c - whatever arrives, the views stay inside the buffer, and
 * whatever is written stays one line of a menu.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/gopher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
inside(struct view v, struct view in)
{
	return v.len == 0 || (v.p >= in.p && v.p + v.len <= in.p + in.len);
}

static void
request(struct view in)
{
	struct gopher_request req;
	enum gopher_parse r = gopher_request_parse(in, &req);

	must(inside(gopher_request_line(in), in));
	must(r != GOPHER_MORE || in.len < GOPHER_REQUEST_MAX);
	if (r != GOPHER_OK)
		return;
	must(inside(req.selector, in) && inside(req.query, in));
	must(req.selector.len < GOPHER_REQUEST_MAX);
	must(req.selector.len == 0 ||
	    memchr(req.selector.p, '\t', req.selector.len) == NULL);
	must(req.has_query || req.query.len == 0);
	must(req.plus == 0 || memchr("+!$", req.plus, 3) != NULL);
}

static size_t
count(struct view v, char c)
{
	size_t i, n = 0;

	for (i = 0; i < v.len; i++)
		n += v.p[i] == c;
	return n;
}

/* b holds one line of four fields; empty it. */
static void
line(struct buf *b)
{
	struct view v = buf_view(b);

	must(!b->failed && view_has_suffix(v, VIEW("\r\n")));
	must(count(v, '\n') == 1 && count(v, '\r') == 1);
	must(count(v, '\t') == 3 && count(v, '\0') == 0);
	buf_reset(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, rest = in;
	struct gopher_item item = { '0', { NULL, 0 }, { NULL, 0 }, { NULL, 0 },
		GOPHER_PORT };
	struct buf b;

	request(in);
	buf_init(&b, size + 64);
	gopher_info_write(&b, in);
	line(&b);
	gopher_error_write(&b, in);
	line(&b);
	item.type = size > 0 ? in.p[0] : '\0';
	item.name = view_cut(&rest, '\t');
	item.selector = view_cut(&rest, '\t');
	item.host = rest;
	gopher_item_write(&b, &item);
	line(&b);
	buf_fini(&b);
	return 0;
}
