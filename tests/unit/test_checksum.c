/* test_checksum.c - XXH64 against the values of its specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/checksum.h"

static const struct {
	const char *text;
	uint64_t seed, want;
} cases[] = {
	{ "", 0, 0xef46db3751d8e999u },
	{ "", 0x9e3779b1u, 0xac75fda2929b17efu },
	{ "a", 0, 0xd24ec4f1a98c6e5bu },
	{ "abc", 0, 0x44bc2cf5ad770999u },
	{ "xxhash", 20141025, 0xb559b98d844e0635u },
	{ "Nobody inspects the spammish repetition", 0, 0xfbcea83c8a378bf1u },
};

static void
sums_each_case(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (checksum_bytes(view_of(cases[i].text), cases[i].seed) !=
		    cases[i].want)
			fail_msg("\"%s\": another sum", cases[i].text);
}

/* Whatever the length, a changed bit anywhere is noticed. */
static void
every_bit_counts(void **state)
{
	char bytes[100];
	uint64_t sum;
	size_t len, bit;

	(void)state;
	for (len = 1; len <= sizeof(bytes); len++) {
		memset(bytes, (int)len, sizeof(bytes));
		sum = checksum_bytes((struct view){ bytes, len }, 7);
		for (bit = 0; bit < len * 8; bit++) {
			bytes[bit / 8] ^= (char)(1 << bit % 8);
			assert_true(sum !=
			    checksum_bytes((struct view){ bytes, len }, 7));
			bytes[bit / 8] ^= (char)(1 << bit % 8);
		}
	}
}

static void
numbers_have_their_lowest_byte_first(void **state)
{
	unsigned char p[9] = { 0xff, 1, 2, 3, 4, 5, 6, 7, 8 }, q[9] = { 0xff };

	(void)state;
	assert_true(bytes_get16(p + 1) == 0x0201);
	assert_true(bytes_get32(p + 1) == 0x04030201);
	assert_true(bytes_get64(p + 1) == 0x0807060504030201);
	bytes_put64(q + 1, 0x0807060504030201);
	assert_memory_equal(p, q, sizeof(p));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_each_case),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(numbers_have_their_lowest_byte_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
