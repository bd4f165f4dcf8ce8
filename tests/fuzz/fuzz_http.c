/*
 * fuzz_http.c - whatever arrives, the views of a request stay inside it, and
 * what comes after its head changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_inside(struct view v, struct view in)
{
	return v.len == 0 || (v.p >= in.p && v.p + v.len <= in.p + in.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	struct http_request r;
	enum http_parse got = http_request_parse(in, &r);

	must(got != HTTP_REQUEST_MORE || size <= HTTP_HEAD_MAX);
	if (got != HTTP_REQUEST_OK)
		return 0;
	must(is_inside(r.method, in) && r.method.len > 0);
	must(is_inside(r.path, in) && r.path.len > 0 && r.path.p[0] == '/');
	must(is_inside(r.host, in));
	return 0;
}
