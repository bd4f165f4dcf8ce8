/* test_live.c - what is rendered when it is asked for is what a load serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "site/configure.h"
#include "site/live.h"
#include "site/sink_memory.h"

#include "expect.h"
#include "place.h"

#define MAP                                                                    \
	"[capsule]\nhostname = a.example.org\nroot = capsule\n"                \
	"[selectors]\n/ = index.gmi\n/d/ = d/\n/old = @redirect /d/\n"         \
	"/feed = @atom d/index.gmi\n/big = big.bin\n/locked/ = locked/\n"      \
	"[listing]\n/locked/ = yes\n"

static struct place place;
static struct snapshot *s;
static struct live *live;
static struct problems *notes;

static int
set_up(void **state)
{
	static char big[300 << 10];
	static const int ports[] = { 70 };

	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# A\n=> d/ D\n=> nowhere\n"));
	place_write(&place, "d/index.gmi",
	    VIEW("# D\n=> x.txt 2026-01-02 X\n"));
	place_write(&place, "d/x.txt", VIEW("x\n"));
	place_write(&place, "d/y.gophermap", VIEW("iHello\n1D\t/d/\n"));
	place_write(&place, "locked/a.txt", VIEW("a\n"));
	place_write(&place, "locked/b.gmi", VIEW("# Bee\n"));
	place_write(&place, "big.bin", (struct view){ big, sizeof(big) });
	place_load(&place, MAP);
	notes = problems_new();
	s = snapshot_configure(place.conf, ports, notes);
	live = live_new(s, place.conf, notes);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	live_free(live);
	snapshot_free(s);
	problems_free(notes);
	place_close(&place);
	return 0;
}

static void
expect_alike(const char *selector)
{
	struct entry want, got;

	assert_true(site_find(&place.s->sites[0], view_of(selector), &want));
	assert_true(site_find(&s->sites[0], view_of(selector), &got));
	assert_int_equal(got.kind, want.kind);
	assert_int_equal(got.item, want.item);
	assert_int_equal(got.gemini.status, want.gemini.status);
	assert_int_equal(got.gemini.rest.size, want.gemini.rest.size);
	assert_true(view_eq(got.gemini.bytes, want.gemini.bytes));
	assert_int_equal(got.gopher.status, want.gopher.status);
	assert_true(view_eq(got.gopher.bytes, want.gopher.bytes));
}

static void
each_page_is_what_a_load_of_all_serves(void **state)
{
	static const char *const selectors[] = { "/", "/d/", "/d", "/d/x.txt",
		"/d/index.gmi", "/d/y", "/old", "/feed", "/big", "/locked/",
		"/locked", "/locked/a.txt", "/locked/b.gmi", "/caps.txt" };
	struct entry entry;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
		if (site_find(&place.s->sites[0], view_of(selectors[i]),
			&entry))
			expect_alike(selectors[i]);
	assert_false(site_find(&s->sites[0], VIEW("/nowhere"), &entry));
	assert_false(site_find(&s->sites[0], VIEW("/d/nowhere"), &entry));
}

static void
a_large_file_is_opened_when_it_is_made_ready(void **state)
{
	struct entry entry;
	struct answer a;
	struct buf head;

	(void)state;
	buf_init(&head, 4096);
	assert_true(site_find(&s->sites[0], VIEW("/big"), &entry));
	a = entry.gemini;
	assert_int_equal(content_ready(s->sites[0].content, &entry, false, &a,
			     &head),
	    CONTENT_FOUND);
	assert_true(a.rest.fd >= 0);
	assert_int_equal(a.rest.size, 300 << 10);
	buf_fini(&head);
}

static void
count_page(void *arg, size_t capsule, struct page *page)
{
	size_t *n = arg;
	struct entry entry;

	assert_int_equal(capsule, 0);
	assert_true(site_find(&s->sites[0], page->selector, &entry));
	*n += 1;
}

static void
a_walk_visits_all_pages_and_they_are_there(void **state)
{
	size_t n = 0, again = 0;

	(void)state;
	live_walk(live, count_page, &n);
	assert_true(n >= 11);
	live_walk(live, count_page, &again);
	assert_int_equal(again, n);
}

static struct sink_entry
page_of_size(char *selector, unsigned i, struct view bytes)
{
	int len = snprintf(selector, 16, "/%u", i);

	return (struct sink_entry){ .selector = { selector, (size_t)len },
		.gemini = { .status = 20, .bytes = bytes } };
}

static void
a_sink_with_a_limit_forgets_what_was_not_used(void **state)
{
	static char bytes[1000];
	struct sink_memory *m = sink_memory_new();
	const struct sink *sink = sink_memory_sink(m);
	struct sink_entry e, used;
	char selector[16];
	unsigned i;

	(void)state;
	sink_memory_limit(m, 10 * sizeof(bytes));
	for (i = 0; i < 100; i++) {
		e = page_of_size(selector, i,
		    (struct view){ bytes, sizeof(bytes) });
		assert_int_equal(sink->put(sink->arg, &e), 0);
		assert_true(sink->find(sink->arg, 0, VIEW("/0"), NULL, &used));
	}
	assert_in_range(sink_memory_count(m), 2, 10);
	assert_non_null(sink_memory_get(m, 0, VIEW("/0")));
	assert_non_null(sink_memory_get(m, 0, VIEW("/99")));
	assert_null(sink_memory_get(m, 0, VIEW("/1")));
	sink_memory_limit(m, 1); /* the last one stays, whatever its size */
	assert_int_equal(sink_memory_count(m), 1);
	sink_memory_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_page_is_what_a_load_of_all_serves),
		cmocka_unit_test(a_large_file_is_opened_when_it_is_made_ready),
		cmocka_unit_test(a_walk_visits_all_pages_and_they_are_there),
		cmocka_unit_test(a_sink_with_a_limit_forgets_what_was_not_used),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
