/*
 * fuzz_gemini.c - whatever arrives, the views stay inside the buffer, waiting
 * ends in time, and a header is one line that clients take.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/gemini.h"
#include "format/utf8.h"

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
	struct gemini_request req;
	enum gemini_parse r = gemini_request_parse(in, &req);

	must(inside(gemini_request_line(in), in));
	must(r != GEMINI_MORE || in.len <= GEMINI_URI_MAX + 1);
	if (r != GEMINI_OK)
		return;
	must(req.line.len <= GEMINI_URI_MAX && req.line.p == in.p);
	must(in.p[req.line.len] == '\r' && in.p[req.line.len + 1] == '\n');
	must(inside(req.uri.scheme, in) && inside(req.uri.path, in));
	must(inside(req.uri.host, in) && inside(req.uri.query, in));
	must(req.uri.scheme.len > 0 && req.uri.host.len > 0);
	must(!req.uri.has_userinfo && !req.uri.has_fragment);
	/* The answer came with the last byte of the line, not before it. */
	in.len = req.line.len + 1;
	must(gemini_request_parse(in, &req) == GEMINI_MORE);
}

static void
header(struct view meta)
{
	struct view v;
	struct buf b;
	size_t i;

	buf_init(&b, 2 * GEMINI_META_MAX);
	gemini_header(&b, GEMINI_SUCCESS, meta);
	must(!b.failed && b.len <= GEMINI_META_MAX + 5);
	v = buf_view(&b);
	must(view_has_prefix(v, VIEW("20 ")) &&
	    view_has_suffix(v, VIEW("\r\n")) && utf8_is_valid(v));
	must(v.len > 5 && v.p[3] != ' ' && v.p[v.len - 3] != ' ');
	for (i = 0; i < v.len - 2; i++)
		must((unsigned char)v.p[i] >= 0x20 && v.p[i] != 0x7f);
	buf_fini(&b);
}

/* What is taken for a header may be sent as it is, but for a missing meta. */
static void
response(struct view line)
{
	struct view meta, v;
	struct buf b;
	int status;

	if (gemini_response_parse(line, &status, &meta) == -1)
		return;
	must(gemini_status_is_defined(status));
	must(meta.len == 0 || inside(meta, line));
	if (meta.len == 0)
		return;
	buf_init(&b, 2 * GEMINI_META_MAX);
	gemini_header(&b, status, meta);
	v = buf_view(&b);
	v.len -= 2;
	must(view_eq(v, line));
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };

	request(in);
	header(in);
	response(in);
	return 0;
}
