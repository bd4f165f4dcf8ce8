/*
 * fuzz_scrape.c - whatever answers instead of the daemon, views stay inside,
 * and what was read as a sample has the labels that it was read with.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/scrape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static int
is_inside(struct view v, struct view in)
{
	return v.len == 0 || (v.p >= in.p && v.p + v.len <= in.p + in.len);
}

static void
read_samples(struct view page)
{
	struct scrape at = { page, 0 };
	struct scrape_sample s;
	struct buf text;

	while (scrape_next(&at, &s) == SCRAPE_SAMPLE) {
		must(s.name.len > 0 && is_inside(s.name, page));
		must(is_inside(s.labels, page));
		buf_init(&text, s.labels.len);
		must(scrape_label(&s, "status", &text) == 0 || text.len == 0);
		must(!text.failed);
		buf_fini(&text);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, page;
	int status = 0;

	read_samples(in);
	switch (scrape_page(in, &status, &page)) {
	case SCRAPE_FINE:
		must(status == 200 && is_inside(page, in));
		read_samples(page);
		break;
	case SCRAPE_NOT_FOUND:
		must(status != 200);
		break;
	case SCRAPE_NO_HTTP:
		must(status == 0);
		break;
	}
	return 0;
}
