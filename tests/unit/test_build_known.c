/* test_build_known.c - what a sink had, and what of it was seen again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "site/build_known.h"
#include "site/sink_memory.h"

#define PAGES 1000

/* Entry i, as it is put and as it is looked for. */
static struct sink_entry
entry_of_number(unsigned i, char *name, size_t size)
{
	(void)snprintf(name, size, "/%u", i);
	return (struct sink_entry){ .selector = view_of(name),
		.item = '0',
		.access = i % 3,
		.size = -1,
		.stamp = { { i, 7 } },
		.options = { { 8, i } } };
}

static struct sink_memory *
fill_sink(void)
{
	struct sink_memory *m = sink_memory_new();
	struct sink *sink = sink_memory_sink(m);
	struct sink_entry e;
	char name[32];
	unsigned i;

	for (i = 0; i < PAGES; i++) {
		e = entry_of_number(i, name, sizeof(name));
		assert_int_equal(0, sink->put(sink->arg, &e));
	}
	return m;
}

static void
what_did_not_change_is_known(void **state)
{
	struct sink_memory *m = fill_sink();
	struct sink *sink = sink_memory_sink(m);
	struct known *k = known_load(sink);
	struct sink_entry e;
	char name[32];
	unsigned i;

	(void)state;
	assert_non_null(k);
	assert_int_equal(known_count(k), PAGES);
	for (i = 0; i < PAGES; i++) {
		e = entry_of_number(i, name, sizeof(name));
		assert_int_equal(known_unseen(k), PAGES - i);
		assert_true(
		    known_see(k, sink->ask(sink->arg, 0, e.selector), &e));
		/* A second look is no other page. */
		assert_true(
		    known_see(k, sink->ask(sink->arg, 0, e.selector), &e));
	}
	assert_int_equal(known_unseen(k), 0);
	known_free(k);
	sink_memory_free(m);
}

/* Each part of what decides, changed by itself. */
static void
what_changed_is_seen_and_not_the_same(void **state)
{
	struct sink_memory *m = fill_sink();
	struct sink *sink = sink_memory_sink(m);
	struct known *k = known_load(sink);
	struct sink_entry e[6];
	char name[32];
	uint64_t ask;
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		e[i] = entry_of_number(5, name, sizeof(name));
	e[0].stamp.half[0]++;
	e[1].stamp.half[1]++;
	e[2].options.half[0]++;
	e[3].options.half[1]++;
	e[4].access++;
	e[5].item++;
	ask = sink->ask(sink->arg, 0, e[0].selector);
	assert_false(known_is_seen(k, ask));
	for (i = 0; i < 6; i++)
		assert_false(known_see(k, ask, &e[i]));
	assert_true(known_is_seen(k, ask));
	assert_int_equal(known_unseen(k), PAGES - 1);
	known_free(k);
	sink_memory_free(m);
}

static void
what_is_new_is_not_known_and_not_missed(void **state)
{
	struct sink_memory *m = fill_sink();
	struct sink *sink = sink_memory_sink(m);
	struct known *k = known_load(sink);
	char name[32];
	struct sink_entry e = entry_of_number(PAGES, name, sizeof(name));
	uint64_t ask = sink->ask(sink->arg, 0, e.selector);

	(void)state;
	assert_false(known_see(k, ask, &e));
	assert_true(known_is_seen(k, ask));
	assert_int_equal(known_unseen(k), PAGES);
	known_free(k);
	sink_memory_free(m);
}

static void
an_empty_sink_has_nothing(void **state)
{
	struct sink_memory *m = sink_memory_new();
	struct known *k = known_load(sink_memory_sink(m));
	struct sink_entry e = { .item = '0' };

	(void)state;
	assert_int_equal(known_count(k), 0);
	assert_int_equal(known_unseen(k), 0);
	assert_false(known_see(k, 1, &e));
	assert_true(known_is_seen(k, 1));
	known_free(k);
	sink_memory_free(m);
}

static bool
tell_half(void *arg,
    void (*visit)(void *visitor, uint64_t ask, const struct sink_entry *e),
    void *visitor)
{
	struct sink_entry e = { .item = '0' };

	(void)arg;
	visit(visitor, 1, &e);
	return false;
}

static void
a_sink_that_cannot_tell_all_is_not_known(void **state)
{
	struct sink silent = { .each = NULL }, damaged = { .each = tell_half };

	(void)state;
	assert_null(known_load(&silent));
	assert_null(known_load(&damaged));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_did_not_change_is_known),
		cmocka_unit_test(what_changed_is_seen_and_not_the_same),
		cmocka_unit_test(what_is_new_is_not_known_and_not_missed),
		cmocka_unit_test(an_empty_sink_has_nothing),
		cmocka_unit_test(a_sink_that_cannot_tell_all_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
