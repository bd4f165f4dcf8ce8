/*
 * fuzz_gemtext.c - whatever the document, every line is told once, in order,
 * and every view lies inside it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/gemtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_inside(struct view v, struct view document)
{
	check(v.len == 0 ||
	    (v.p >= document.p && v.p + v.len <= document.p + document.len));
	check(v.len == 0 || memchr(v.p, '\n', v.len) == NULL);
}

static void
check_line(const struct gemtext_line *line)
{
	check((line->kind == GEMTEXT_LINK) == (line->target.len > 0));
	check((line->kind == GEMTEXT_HEADING) ==
	    (line->level >= 1 && line->level <= 3));
	if (line->target.len > 0) {
		check(memchr(line->target.p, ' ', line->target.len) == NULL);
		check(memchr(line->target.p, '\t', line->target.len) == NULL);
	}
	if (line->kind != GEMTEXT_PRE_LINE)
		check(view_eq(line->text, view_trim(line->text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view document = { (const char *)data, size };
	struct gemtext at = { document, false, 0 };
	struct gemtext_line line;
	bool pre = false;
	int number = 0;

	while (gemtext_next(&at, &line)) {
		check(line.number == ++number);
		check_inside(line.text, document);
		check_inside(line.target, document);
		check_line(&line);
		if (line.kind == GEMTEXT_PRE_START ||
		    line.kind == GEMTEXT_PRE_END)
			pre = !pre;
		else
			check(pre == (line.kind == GEMTEXT_PRE_LINE));
		check(pre == at.pre);
	}
	check(at.rest.len == 0);
	return 0;
}
