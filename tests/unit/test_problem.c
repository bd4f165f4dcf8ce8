/* test_problem.c - sentences in the order of the file, and near words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/problem.h"
#include "expect.h"

static void
a_sentence_says_where(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	problems_add(ps, "a.ini", 12, "\"%s\" is no number", "x");
	assert_string_equal(problems_get(ps, 0),
	    "a.ini:12: \"x\" is no number");
	problems_free(ps);

	ps = problems_new();
	problems_add(ps, "a.ini", 0, "cannot be read");
	problems_add(ps, NULL, 0, "no capsule");
	assert_string_equal(problems_get(ps, 0), "a.ini: cannot be read");
	assert_string_equal(problems_get(ps, 1), "no capsule");
	problems_free(ps);
	problems_free(NULL);
}

static void
lines_are_told_in_order_and_ties_as_they_came(void **state)
{
	static const char *const want[] = { "f: first", "f: second", "f:1: one",
		"f:2: two", "f:2: two again", "f:10: ten" };
	struct problems *ps = problems_new();
	size_t i;

	(void)state;
	assert_int_equal(problems_count(ps), 0);
	problems_add(ps, "f", 10, "ten");
	problems_add(ps, "f", 2, "two");
	problems_add(ps, "f", 0, "first");
	problems_add(ps, "f", 1, "one");
	problems_add(ps, "f", 2, "two again");
	problems_add(ps, "f", 0, "second");
	assert_int_equal(problems_count(ps), N_OF(want));
	for (i = 0; i < N_OF(want); i++)
		assert_string_equal(problems_get(ps, i), want[i]);
	/* One that comes later finds its place, too. */
	problems_add(ps, "f", 5, "five");
	assert_string_equal(problems_get(ps, 5), "f:5: five");
	assert_string_equal(problems_get(ps, 6), "f:10: ten");
	problems_free(ps);
}

static void
problems_travel_packed_and_keep_their_lines(void **state)
{
	struct problems *ps = problems_new(), *to = problems_new();
	struct buf packed;
	size_t n;

	(void)state;
	buf_init(&packed, 4096);
	problems_pack(ps, &packed);
	assert_int_equal(0, problems_unpack(to, buf_view(&packed)));
	assert_int_equal(0, problems_count(to));
	problems_add(ps, "f", 9, "nine: 9 9");
	problems_add(ps, NULL, 0, "none");
	problems_pack(ps, &packed);
	problems_add(to, "f", 5, "five");
	assert_int_equal(0, problems_unpack(to, buf_view(&packed)));
	assert_int_equal(3, problems_count(to));
	assert_string_equal("none", problems_get(to, 0));
	assert_string_equal("f:5: five", problems_get(to, 1));
	assert_string_equal("f:9: nine: 9 9", problems_get(to, 2));
	/* A piece that was cut is not taken, but at the end of a problem. */
	for (n = 1; n < packed.len; n++)
		assert_int_equal(packed.p[n - 1] == '\0' ? 0 : -1,
		    problems_unpack(to, (struct view){ packed.p, n }));
	buf_fini(&packed);
	problems_free(ps);
	problems_free(to);
}

static void
no_problem_is_lost_among_many(void **state)
{
	enum { N = 1000 };
	struct problems *ps = problems_new();
	char want[32];
	int i;

	(void)state;
	for (i = N; i > 0; i--)
		problems_add(ps, "f", i, "%d", i);
	assert_int_equal(problems_count(ps), N);
	for (i = 1; i <= N; i++) {
		snprintf(want, sizeof(want), "f:%d: %d", i, i);
		assert_string_equal(problems_get(ps, (size_t)i - 1), want);
	}
	problems_free(ps);
}

static void
an_endless_sentence_is_cut_not_overrun(void **state)
{
	struct problems *ps = problems_new();
	char *word = malloc(10001);

	(void)state;
	assert_non_null(word);
	memset(word, 'w', 10000);
	word[10000] = '\0';
	problems_add(ps, word, 1, "%s", word);
	assert_in_range(strlen(problems_get(ps, 0)), 1000, 10000);
	free(word);
	problems_free(ps);
}

static const char *const keys[] = { "workers", "user", "group", "watch",
	"columns", "charset", "idle_timeout", "request_timeout" };

static const struct {
	const char *word, *want;
} near[] = {
	{ "workers", "workers" },
	{ "worker", "workers" },
	{ "wrokers", "workers" },
	{ "workerss", "workers" },
	{ "vorkers", "workers" },
	{ "usr", "user" },
	{ "colums", "columns" },
	{ "idletimeout", "idle_timeout" },
	{ "reqeust_timeout", "request_timeout" },
	{ "zzzzzz", NULL },
	{ "completely_different", NULL },
};

static void
the_nearest_word_is_the_one_that_was_meant(void **state)
{
	const char *got;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(near); i++) {
		got = problem_nearest(near[i].word, keys, N_OF(keys));
		expect_view(near[i].word, view_of(got), view_of(near[i].want));
	}
	assert_null(problem_nearest("user", keys, 0));
}

/* The comparison has room for 63 bytes; longer words are left out. */
static void
only_words_up_to_63_bytes_are_compared(void **state)
{
	char word[65], candidate[65];
	const char *const list[] = { candidate };

	(void)state;
	memset(word, 'w', sizeof(word));
	memset(candidate, 'w', sizeof(candidate));
	word[63] = candidate[63] = '\0';
	assert_ptr_equal(problem_nearest(word, list, 1), candidate);
	candidate[63] = 'w';
	candidate[64] = '\0';
	assert_null(problem_nearest(word, list, 1));
	candidate[63] = '\0';
	word[63] = 'w';
	word[64] = '\0';
	assert_null(problem_nearest(word, list, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_says_where),
		cmocka_unit_test(lines_are_told_in_order_and_ties_as_they_came),
		cmocka_unit_test(problems_travel_packed_and_keep_their_lines),
		cmocka_unit_test(no_problem_is_lost_among_many),
		cmocka_unit_test(an_endless_sentence_is_cut_not_overrun),
		cmocka_unit_test(the_nearest_word_is_the_one_that_was_meant),
		cmocka_unit_test(only_words_up_to_63_bytes_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
