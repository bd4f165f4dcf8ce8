/* test_acceptor.c - when to pause, and when to take the next visitor. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/acceptor.h"

static void
what_the_machine_lacks_is_a_reason_to_pause(void **state)
{
	static const int lacks[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	static const int others[] = { EAGAIN, ECONNABORTED, EINTR, EPERM,
		EPROTO };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		assert_true(acceptor_is_exhausted(lacks[i]));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(acceptor_is_exhausted(others[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_machine_lacks_is_a_reason_to_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
