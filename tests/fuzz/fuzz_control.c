/*
 * fuzz_control.c - whatever comes by the control socket: a request is judged
 * by its line alone, an answer that is taken has whole lines, and a sentence
 * with anything in it stays one line.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
try_request(struct view in)
{
	struct control_request r = { .level = LOG_LEVEL_DEBUG }, again = r;
	const char *why = NULL;
	enum control_parse got = control_request_parse(in, &r, &why);
	struct view rest = in, line = view_cut(&rest, '\n');

	must(got != CONTROL_MORE ||
	    (rest.p == NULL && in.len < CONTROL_LINE_MAX));
	must(got != CONTROL_BAD || why != NULL);
	if (got != CONTROL_OK)
		return;
	must(line.len < CONTROL_LINE_MAX && r.level <= LOG_LEVEL_DEBUG);
	must(control_request_parse((struct view){ in.p, line.len + 1 }, &again,
		 &why) == CONTROL_OK);
	must(again.word == r.word && again.level == r.level &&
	    again.accept_empty == r.accept_empty);
}

static void
try_answer(struct view in)
{
	enum control_verdict got = control_judge(in);
	struct view rest = in, key, value;
	size_t lines = 0, i, n = 0;

	if (got != CONTROL_DONE && got != CONTROL_FAILED)
		return;
	while (control_next(&rest, &key, &value)) {
		must(key.len > 0);
		lines++;
	}
	for (i = 0; i < in.len; i++)
		n += in.p[i] == '\n';
	must(n == lines + 1);
}

/* A sentence of these bytes, told and judged. */
static void
try_sentence(struct view in)
{
	struct buf b;

	buf_init(&b, in.len + 100);
	control_put(&b, "problem", in);
	control_put_end(&b, false);
	must(!b.failed && control_judge(buf_view(&b)) == CONTROL_FAILED);
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };

	try_request(in);
	try_answer(in);
	try_sentence(in);
	return 0;
}
