/* test_buf.c - bytes that grow, up to a cap that holds exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "expect.h"

static void
starts_empty_and_owns_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_null(b.p);
	assert_int_equal(buf_view(&b).len, 0);
	assert_false(b.failed);
	buf_fini(&b);
	buf_fini(&b);
}

static void
every_way_to_write_appends(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_put(&b, VIEW("a\0b"));
	buf_puts(&b, "cd");
	buf_putc(&b, 'e');
	buf_fill(&b, '.', 3);
	buf_printf(&b, "%d-%s", 42, "f");
	buf_put(&b, (struct view){ NULL, 0 });
	buf_puts(&b, "");
	buf_fill(&b, '.', 0);
	buf_printf(&b, "%s", "");
	expect_view("all", buf_view(&b), VIEW("a\0bcde...42-f"));
	assert_false(b.failed);
	buf_fini(&b);
}

/* One write of n bytes, in each of the ways that take so many. */
static void
write_by(int way, struct buf *b, const char *bytes, size_t n)
{
	size_t i;

	if (way == 0)
		buf_put(b, (struct view){ bytes, n });
	else if (way == 1)
		buf_fill(b, 'x', n);
	else
		for (i = 0; i < n; i++)
			buf_putc(b, bytes[i]);
}

static void
the_cap_holds_exactly(void **state)
{
	static const size_t caps[] = { 0, 1, 255, 256, 257, 511, 512, 513, 1000,
		5000 };
	static char bytes[5001];
	struct buf b;
	size_t i;
	int way;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (i = 0; i < N_OF(caps); i++)
		for (way = 0; way < 3; way++) {
			buf_init(&b, caps[i]);
			write_by(way, &b, bytes, caps[i]);
			assert_false(b.failed);
			assert_int_equal(b.len, caps[i]);
			buf_putc(&b, 'y');
			assert_true(b.failed);
			assert_int_equal(b.len, caps[i]);
			buf_fini(&b);

			buf_init(&b, caps[i]);
			write_by(way, &b, bytes, caps[i] + 1);
			assert_true(b.failed);
			assert_true(b.len <= caps[i]);
			buf_fini(&b);
		}
}

static void
after_a_failure_nothing_is_written(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_puts(&b, "abc");
	buf_puts(&b, "de");
	assert_true(b.failed);
	buf_puts(&b, "f");
	buf_putc(&b, 'g');
	buf_fill(&b, 'h', 1);
	buf_printf(&b, "%d", 1);
	expect_view("as it was", buf_view(&b), VIEW("abc"));
	assert_true(b.failed);
	buf_fini(&b);
}

static void
a_length_that_would_overflow_only_fails(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_puts(&b, "abc");
	buf_fill(&b, 'x', SIZE_MAX);
	assert_true(b.failed);
	buf_reset(&b);
	buf_puts(&b, "abc");
	buf_fill(&b, 'x', SIZE_MAX - 2);
	assert_true(b.failed);
	assert_int_equal(b.len, 3);
	buf_fini(&b);
}

static void
reset_forgets_all_but_the_memory(void **state)
{
	struct buf b;
	const char *p;

	(void)state;
	buf_init(&b, 10);
	buf_puts(&b, "abc");
	p = b.p;
	buf_fill(&b, 'x', 11);
	assert_true(b.failed);
	buf_reset(&b);
	assert_false(b.failed);
	assert_int_equal(b.len, 0);
	buf_puts(&b, "0123456789");
	assert_false(b.failed);
	assert_ptr_equal(b.p, p);
	expect_view("new", buf_view(&b), VIEW("0123456789"));
	buf_fini(&b);
	assert_null(b.p);
	assert_int_equal(b.max, 10);
	buf_puts(&b, "0123456789");
	assert_false(b.failed);
	buf_fini(&b);
}

static void
grows_without_losing_a_byte(void **state)
{
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 1 << 20);
	for (i = 0; i < 20000; i++)
		buf_printf(&b, "%05zu ", i);
	assert_false(b.failed);
	assert_int_equal(b.len, 20000 * 6);
	for (i = 0; i < 20000; i++) {
		unsigned long n;

		assert_int_equal(view_to_number((struct view){ b.p + i * 6, 5 },
				     99999, &n),
		    0);
		assert_int_equal(n, i);
	}
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty_and_owns_nothing),
		cmocka_unit_test(every_way_to_write_appends),
		cmocka_unit_test(the_cap_holds_exactly),
		cmocka_unit_test(after_a_failure_nothing_is_written),
		cmocka_unit_test(a_length_that_would_overflow_only_fails),
		cmocka_unit_test(reset_forgets_all_but_the_memory),
		cmocka_unit_test(grows_without_losing_a_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
