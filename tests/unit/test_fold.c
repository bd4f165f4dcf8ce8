/* test_fold.c - objects keep their content and their address when folded. */
#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/fold.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned char before[FOLD_MAX];

/* Content of many kinds: zeros, none of them, both in turn, single bytes. */
static void
fill(unsigned char *to, unsigned kind)
{
	size_t i;

	for (i = 0; i < FOLD_MAX; i++)
		switch (kind) {
		case 0:
			to[i] = 0;
			break;
		case 1:
			to[i] = (unsigned char)(i % 255 + 1);
			break;
		case 2: /* every other word: the worst */
			to[i] = i / 8 % 2 == 0 ? 7 : 0;
			break;
		case 3:
			to[i] = i / 8 % 2 == 0 ? 0 : 7;
			break;
		case 4: /* the first and the last byte */
			to[i] = i == 0 || i == FOLD_MAX - 1;
			break;
		default:
			to[i] = (unsigned char)(rand() % (int)kind == 0 ? rand()
									: 0);
		}
}

static void
content_comes_back_whatever_it_is(void **state)
{
	unsigned char *p = fold_alloc(FOLD_MAX);
	unsigned kind;

	(void)state;
	assert_non_null(p);
	for (kind = 0; kind < 40; kind++) {
		fill(p, kind);
		memcpy(before, p, FOLD_MAX);
		fold_up(p);
		fold_up(p); /* once is enough */
		fold_open(p);
		assert_memory_equal(before, p, FOLD_MAX);
		fold_open(p);
		assert_memory_equal(before, p, FOLD_MAX);
	}
	fold_free(p);
}

/* How many pages of an object take up memory. */
static int
resident(void *object)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	unsigned char in[FOLD_MAX] = { 0 };
	int n = 0;

	assert_int_equal(0, mincore(object, FOLD_MAX, (void *)in));
	for (i = 0; i < FOLD_MAX / page; i++)
		n += in[i] & 1;
	return n;
}

static void
a_folded_object_gives_its_pages_back(void **state)
{
	unsigned char *p = fold_alloc(FOLD_MAX);

	(void)state;
	fill(p, 100);
	assert_true(resident(p) > 0);
	fold_up(p);
#if defined(__linux__) /* elsewhere they go when somebody needs them */
	assert_int_equal(0, resident(p));
#endif
	fold_free(p);
}

static void
sizes_are_exact_at_both_ends(void **state)
{
	void *least = fold_alloc(FOLD_MIN + 1), *most = fold_alloc(FOLD_MAX);

	(void)state;
	assert_null(fold_alloc(FOLD_MIN));
	assert_null(fold_alloc(FOLD_MAX + 1));
	assert_true(fold_is_ours(least) && fold_is_ours(most));
	assert_ptr_not_equal(least, most);
	fold_free(least);
	fold_free(most);
}

static void
what_is_not_ours_is_left_alone(void **state)
{
	unsigned char *p = malloc(FOLD_MAX);

	(void)state;
	assert_non_null(p);
	fill(p, 1);
	memcpy(before, p, FOLD_MAX);
	assert_false(fold_is_ours(p));
	assert_false(fold_is_ours(NULL));
	fold_up(p);
	fold_open(p);
	assert_memory_equal(before, p, FOLD_MAX);
	free(p);
}

/* Allocated, folded and freed in every order, none tramples on another. */
static void
objects_keep_to_themselves(void **state)
{
	unsigned char *p[4 * FOLD_SPARE];
	size_t i;
	int round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < COUNT(p); i++) {
			p[i] = fold_alloc(FOLD_MAX);
			assert_non_null(p[i]);
			memset(p[i], (int)(i % 255) + 1, FOLD_MAX);
			if (i % 3 == 0)
				fold_up(p[i]);
		}
		for (i = 0; i < COUNT(p); i++) {
			if (i % 6 == 0)
				fold_open(p[i]);
			if (i % 3 != 0 || i % 6 == 0) {
				memset(before, (int)(i % 255) + 1, FOLD_MAX);
				assert_memory_equal(before, p[i], FOLD_MAX);
			}
		}
		for (i = COUNT(p); i-- > 0;)
			fold_free(p[(i * 7 + (size_t)round) % COUNT(p)]);
	}
}

static void
so_many_there_are_and_not_one_more(void **state)
{
	static void *p[FOLD_OBJECTS];
	size_t i;

	(void)state;
	for (i = 0; i < FOLD_OBJECTS; i++) {
		p[i] = fold_alloc(FOLD_MAX);
		assert_non_null(p[i]);
	}
	assert_null(fold_alloc(FOLD_MAX));
	fold_free(p[5]);
	assert_ptr_equal(p[5], fold_alloc(FOLD_MAX));
	for (i = 0; i < FOLD_OBJECTS; i++)
		fold_free(p[i]);
}

static void
freed_objects_keep_little_memory(void **state)
{
	unsigned char *p[FOLD_SPARE + 8];
	size_t i;
	int n = 0;

	(void)state;
	for (i = 0; i < COUNT(p); i++) {
		p[i] = fold_alloc(FOLD_MAX);
		memset(p[i], 1, FOLD_MAX);
	}
	for (i = 0; i < COUNT(p); i++)
		fold_free(p[i]);
	for (i = 0; i < COUNT(p); i++)
		n += resident(p[i]) > 0;
#if defined(__linux__)
	assert_int_equal(FOLD_SPARE, n);
#else
	assert_true(n >= 0);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_comes_back_whatever_it_is),
		cmocka_unit_test(a_folded_object_gives_its_pages_back),
		cmocka_unit_test(sizes_are_exact_at_both_ends),
		cmocka_unit_test(what_is_not_ours_is_left_alone),
		cmocka_unit_test(objects_keep_to_themselves),
		cmocka_unit_test(freed_objects_keep_little_memory),
		cmocka_unit_test(so_many_there_are_and_not_one_more),
	};

	fold_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
