/* test_arena.c - what an arena hands out stays apart, zeroed and aligned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "expect.h"

static void
an_empty_arena_is_one_block(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_int_equal(arena_size(a), 64 << 10);
	(void)arena_alloc(a, 1);
	assert_int_equal(arena_size(a), 64 << 10);
	arena_free(a);
	arena_free(NULL);
}

static void
memory_is_zeroed_and_aligned_for_any_type(void **state)
{
	struct arena *a = arena_new();
	size_t size, i;

	(void)state;
	for (size = 1; size < 3000; size += 7) {
		char *p = arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		/* Bytes from the other end must not come between. */
		(void)arena_copy(a, VIEW("odd"));
	}
	arena_free(a);
}

static void
a_copy_is_also_a_string(void **state)
{
	struct arena *a = arena_new();
	struct view v = arena_copy(a, VIEW("abc"));

	(void)state;
	expect_view("copy", v, VIEW("abc"));
	assert_string_equal(v.p, "abc");
	v = arena_copy(a, VIEW("a\0b"));
	expect_view("with a NUL", v, VIEW("a\0b"));
	v = arena_copy(a, (struct view){ NULL, 0 });
	assert_int_equal(v.len, 0);
	assert_string_equal(v.p, "");
	arena_free(a);
}

/* Each allocation is filled with its own mark; later all must stand. */
static void
allocations_never_overlap(void **state)
{
	enum { N = 4000 };
	static struct {
		unsigned char *p;
		size_t size;
	} got[N];
	struct arena *a = arena_new();
	char bytes[512];
	unsigned i;
	size_t j;

	(void)state;
	for (i = 0; i < N; i++) {
		got[i].size = 1 + i * 37 % 500;
		if (i % 3 == 0) {
			struct view v;

			memset(bytes, (int)(i & 0xff), sizeof(bytes));
			v = arena_copy(a, (struct view){ bytes, got[i].size });
			got[i].p = (unsigned char *)(uintptr_t)v.p;
		} else {
			got[i].p = arena_alloc(a, got[i].size);
			memset(got[i].p, (int)(i & 0xff), got[i].size);
		}
	}
	for (i = 0; i < N; i++)
		for (j = 0; j < got[i].size; j++)
			assert_int_equal(got[i].p[j], i & 0xff);
	arena_free(a);
}

static void
a_giant_gets_a_block_and_hides_no_other(void **state)
{
	const size_t giant = (size_t)9 << 20;
	struct arena *a = arena_new();
	size_t before, after;
	char *p;

	(void)state;
	(void)arena_alloc(a, 16);
	before = arena_size(a);
	p = arena_alloc(a, giant);
	memset(p, 1, giant);
	after = arena_size(a);
	assert_true(after >= before + giant);
	assert_true(after < before + giant + ((size_t)128 << 10));
	/* The first block is still the one that serves. */
	(void)arena_alloc(a, 1000);
	(void)arena_copy(a, VIEW("abc"));
	assert_int_equal(arena_size(a), after);
	arena_free(a);

	/* As the very first one, too. */
	a = arena_new();
	p = arena_alloc(a, giant);
	memset(p, 1, giant);
	p = arena_alloc(a, 16);
	memset(p, 1, 16);
	arena_free(a);
}

static void
a_reset_arena_is_as_a_new_one(void **state)
{
	const size_t sizes[] = { 1, 100, 5000, 60000, (size_t)1 << 20,
		(size_t)9 << 20 };
	struct arena *a = arena_new();
	size_t fresh = arena_size(a), round, i, k;
	char *p;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			p = arena_alloc(a, sizes[i]);
			for (k = 0; k < sizes[i]; k++)
				assert_int_equal(p[k], 0);
			memset(p, 1, sizes[i]);
			(void)arena_copy(a, VIEW("bytes from the other end"));
		}
		arena_reset(a);
		assert_int_equal(arena_size(a), fresh);
	}
	arena_free(a);
}

/* One whose first block is hidden behind larger ones, or stands before one. */
static void
a_reset_keeps_the_block_that_holds_the_arena(void **state)
{
	struct arena *a = arena_new();
	size_t fresh = arena_size(a);
	char *p;
	int i;

	(void)state;
	(void)arena_alloc(a, (size_t)5 << 20);
	arena_reset(a);
	for (i = 0; i < 100; i++)
		(void)arena_alloc(a, 10000);
	arena_reset(a);
	assert_int_equal(arena_size(a), fresh);
	p = arena_alloc(a, 16);
	memset(p, 1, 16);
	assert_int_equal(arena_size(a), fresh);
	arena_reset(a);
	arena_reset(a);
	arena_free(a);
}

static void
small_ones_share_a_block(void **state)
{
	struct arena *a = arena_new();
	size_t size;
	int i;

	(void)state;
	(void)arena_alloc(a, 1);
	size = arena_size(a);
	for (i = 0; i < 1000; i++)
		(void)arena_alloc(a, 32);
	assert_int_equal(arena_size(a), size);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_arena_is_one_block),
		cmocka_unit_test(memory_is_zeroed_and_aligned_for_any_type),
		cmocka_unit_test(a_copy_is_also_a_string),
		cmocka_unit_test(allocations_never_overlap),
		cmocka_unit_test(a_giant_gets_a_block_and_hides_no_other),
		cmocka_unit_test(a_reset_arena_is_as_a_new_one),
		cmocka_unit_test(a_reset_keeps_the_block_that_holds_the_arena),
		cmocka_unit_test(small_ones_share_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
