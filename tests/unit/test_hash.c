/* test_hash.c - a table that is filled once and then only read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "expect.h"

#define N_KEYS 5000

static struct view
key_of(struct arena *a, int i)
{
	char text[32];

	snprintf(text, sizeof(text), "/page/%d", i);
	return arena_copy(a, view_of(text));
}

/* However many were foreseen. */
static void
finds_every_key_and_no_other(void **state)
{
	static const size_t expected[] = { 0, 1, 8, 9, N_KEYS, 3 * N_KEYS };
	static int values[N_KEYS];
	struct arena *a = arena_new();
	struct hash *h;
	size_t e;
	int i;

	(void)state;
	for (e = 0; e < N_OF(expected); e++) {
		h = hash_new(a, expected[e]);
		for (i = 0; i < N_KEYS; i++) {
			assert_null(hash_find(h, key_of(a, i)));
			assert_null(hash_put(h, key_of(a, i), &values[i]));
			assert_int_equal(hash_count(h), i + 1);
		}
		for (i = 0; i < N_KEYS; i++)
			assert_ptr_equal(hash_find(h, key_of(a, i)),
			    &values[i]);
		for (i = N_KEYS; i < 2 * N_KEYS; i++)
			assert_null(hash_find(h, key_of(a, i)));
	}
	arena_free(a);
}

static void
the_first_value_of_a_key_stays(void **state)
{
	struct arena *a = arena_new();
	struct hash *h = hash_new(a, 1);
	int one, two;

	(void)state;
	assert_null(hash_put(h, VIEW("k"), &one));
	assert_ptr_equal(hash_put(h, VIEW("k"), &two), &one);
	assert_ptr_equal(hash_find(h, VIEW("k")), &one);
	assert_int_equal(hash_count(h), 1);
	arena_free(a);
}

static void
keys_are_bytes(void **state)
{
	static const struct view keys[] = { VIEW_INIT(""), VIEW_INIT("\0"),
		VIEW_INIT("\0\0"), VIEW_INIT("a"), VIEW_INIT("a\0"),
		VIEW_INIT("A"), VIEW_INIT("12345678"), VIEW_INIT("12345678\0"),
		VIEW_INIT("123456789"), VIEW_INIT("1234567812345678"),
		VIEW_INIT("\xff") };
	static int values[N_OF(keys)];
	struct arena *a = arena_new();
	struct hash *h = hash_new(a, 0);
	struct view copy;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(keys); i++)
		assert_null(hash_put(h, keys[i], &values[i]));
	for (i = 0; i < N_OF(keys); i++) {
		copy = exact(keys[i]);
		assert_ptr_equal(hash_find(h, copy), &values[i]);
		loose(copy);
	}
	assert_ptr_equal(hash_find(h, (struct view){ NULL, 0 }), &values[0]);
	arena_free(a);
}

static void
an_empty_table_holds_nothing(void **state)
{
	struct arena *a = arena_new();
	struct hash *h = hash_new(a, 0);

	(void)state;
	assert_int_equal(hash_count(h), 0);
	assert_null(hash_find(h, VIEW("k")));
	assert_null(hash_find(h, VIEW("")));
	arena_free(a);
}

static int
bits(unsigned long long x)
{
	int n = 0;

	for (; x != 0; x &= x - 1)
		n++;
	return n;
}

/* One bit of the key or of the seed changes about half of the result. */
static void
every_bit_counts(void **state)
{
	char key[24] = "a key of this many byte";
	unsigned long long whole, changed;
	size_t len, i;
	long total = 0, n = 0;

	(void)state;
	for (len = 1; len <= sizeof(key); len++) {
		whole = hash_bytes((struct view){ key, len }, 7);
		for (i = 0; i < len * 8; i++) {
			key[i / 8] ^= (char)(1 << i % 8);
			changed = hash_bytes((struct view){ key, len }, 7);
			key[i / 8] ^= (char)(1 << i % 8);
			assert_true(changed != whole);
			total += bits(changed ^ whole);
			n++;
		}
		assert_true(hash_bytes((struct view){ key, len }, 7) == whole);
		assert_true(hash_bytes((struct view){ key, len }, 8) != whole);
	}
	assert_in_range(total / n, 28, 36);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_key_and_no_other),
		cmocka_unit_test(the_first_value_of_a_key_stays),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(an_empty_table_holds_nothing),
		cmocka_unit_test(every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
