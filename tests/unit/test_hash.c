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
	const struct hash_seed seeds[] = { { 7, 9 }, { 6, 9 }, { 7, 8 } };
	char key[24] = "a key of this many byte";
	uint64_t whole, changed;
	long total = 0, n = 0;
	size_t len, i;

	(void)state;
	for (len = 1; len <= sizeof(key); len++) {
		whole = hash_bytes((struct view){ key, len }, seeds[0]);
		for (i = 0; i < len * 8; i++) {
			key[i / 8] ^= (char)(1 << i % 8);
			changed =
			    hash_bytes((struct view){ key, len }, seeds[0]);
			key[i / 8] ^= (char)(1 << i % 8);
			assert_true(changed != whole);
			total += bits(changed ^ whole);
			n++;
		}
		for (i = 0; i < N_OF(seeds); i++)
			assert_true((hash_bytes((struct view){ key, len },
					 seeds[i]) == whole) == (i == 0));
	}
	assert_in_range(total / n, 28, 36);
}

/* What OpenSSL's SipHash with one and three rounds says of 0, 1, 2 ... */
static void
is_siphash_on_every_machine(void **state)
{
	static const struct {
		size_t len;
		uint64_t want;
	} cases[] = {
		{ 0, 0xabac0158050fc4dcull },
		{ 1, 0xc9f49bf37d57ca93ull },
		{ 7, 0xd3927d989bb11140ull },
		{ 8, 0x369095118d299a8eull },
		{ 9, 0x25a48eb36c063de4ull },
		{ 15, 0xd320d86d2a519956ull },
		{ 16, 0xcc4fdd1a7d908b66ull },
		{ 63, 0x9d199062b7bbb3a8ull },
	};
	struct hash_seed seed = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	char key[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (char)i;
	for (i = 0; i < N_OF(cases); i++)
		assert_true(hash_bytes((struct view){ key, cases[i].len },
				seed) == cases[i].want);
}

static void
a_sequence_is_more_than_its_bytes(void **state)
{
	uint64_t ab = hash_append(hash_append(0, VIEW("a")), VIEW("b"));

	(void)state;
	assert_true(ab == hash_append(hash_append(0, VIEW("a")), VIEW("b")));
	assert_true(ab != hash_append(hash_append(0, VIEW("b")), VIEW("a")));
	assert_true(ab != hash_append(0, VIEW("ab")));
	assert_true(ab != hash_append(hash_append(0, VIEW("ab")), VIEW("")));
}

static void
no_two_seeds_are_alike(void **state)
{
	struct hash_seed a = hash_seed_draw(), b = hash_seed_draw();

	(void)state;
	assert_true(a.k0 != b.k0 && a.k1 != b.k1 && a.k0 != a.k1);
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
		cmocka_unit_test(is_siphash_on_every_machine),
		cmocka_unit_test(a_sequence_is_more_than_its_bytes),
		cmocka_unit_test(no_two_seeds_are_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
