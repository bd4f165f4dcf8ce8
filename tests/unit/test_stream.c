/* test_stream.c - reading and writing, with and without TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/stream.h"

/* As OPENSSL_VERSION_NUMBER is made since 3.0. */
#define OPENSSL(major, minor, patch)                                           \
	((unsigned long)(major) << 28 | (unsigned long)(minor) << 20 |         \
	    (unsigned long)(patch) << 4)

static const struct {
	unsigned long openssl;
	bool may;
} versions[] = {
	{ 0, false },            /* unknown */
	{ 0x1010117fUL, false }, /* 1.1.1w */
	{ 0x20000000UL, false }, /* LibreSSL says so for ever */
	{ OPENSSL(3, 0, 0), false },
	{ OPENSSL(3, 0, 13), false },
	{ OPENSSL(3, 0, 14), true },
	{ OPENSSL(3, 0, 19), true },
	{ OPENSSL(3, 1, 5), false },
	{ OPENSSL(3, 1, 6), true },
	{ OPENSSL(3, 2, 1), false },
	{ OPENSSL(3, 2, 2), true },
	{ OPENSSL(3, 3, 0), false },
	{ OPENSSL(3, 3, 1), true },
	{ OPENSSL(3, 4, 0), true },
	{ OPENSSL(3, 5, 0), true },
	{ OPENSSL(4, 0, 0), true },
};

static void
buffers_are_freed_only_where_that_is_safe(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (stream_may_free_buffers(versions[i].openssl) !=
		    versions[i].may)
			fail_msg("%lx", versions[i].openssl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_are_freed_only_where_that_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
