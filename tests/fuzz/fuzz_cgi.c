/*
 * fuzz_cgi.c - an answer means the same however the network cuts it, and no
 * piece of it lies outside what came.  Fields before it, once told, are told
 * alike whatever follows.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/cgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
inside(struct view part, struct view whole)
{
	return part.len > 0 && part.p >= whole.p &&
	    part.p + part.len <= whole.p + whole.len;
}

/* Read in steps; gathers what was standard output. */
static enum fastcgi_kind
read_all(struct view in, size_t step, struct buf *out)
{
	enum fastcgi_kind kind = FASTCGI_MORE;
	struct fastcgi at = { .n_head = 0 };
	struct view part, rest, piece;

	while (in.len > 0 && kind == FASTCGI_MORE) {
		part = in;
		if (part.len > step)
			part.len = step;
		in = view_skip(in, part.len);
		rest = part;
		do {
			kind = fastcgi_next(&at, &rest, &piece);
			if (kind == FASTCGI_STDOUT || kind == FASTCGI_STDERR)
				must(inside(piece, part));
			if (kind == FASTCGI_STDOUT)
				buf_put(out, piece);
		} while (kind == FASTCGI_STDOUT || kind == FASTCGI_STDERR);
		must(kind != FASTCGI_MORE || rest.len == 0);
	}
	return kind;
}

static void
check_head(struct view in)
{
	struct cgi_head head = { 0, VIEW("") }, again;
	enum cgi_parse whole = cgi_head_parse(in, &head);
	struct view part = { in.p, in.len / 2 };
	enum cgi_parse half = cgi_head_parse(part, &again);

	must(half == CGI_MORE || half == whole);
	if (half == CGI_OK)
		must(again.len == head.len);
	if (whole != CGI_OK)
		return;
	must(head.len <= in.len && head.len <= CGI_HEAD_MAX);
	must(in.p[head.len - 1] == '\n');
	must(head.status.len == 0 || inside(head.status, in));
	part.len = head.len;
	must(cgi_head_parse(part, &again) == CGI_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	struct buf whole, cut;

	check_head(in);
	buf_init(&whole, size + 1);
	buf_init(&cut, size + 1);
	must(read_all(in, size, &whole) ==
	    read_all(in, size == 0 ? 1 : 1 + data[0] % 16, &cut));
	must(view_eq(buf_view(&whole), buf_view(&cut)));
	buf_fini(&whole);
	buf_fini(&cut);
	return 0;
}
