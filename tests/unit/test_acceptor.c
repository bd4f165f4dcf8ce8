/* test_acceptor.c - when to pause, and when to take the next visitor. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/acceptor.h"

static void
what_accept_fails_with_says_what_to_do_next(void **state)
{
	static const struct {
		int error;
		enum acceptor_next want;
	} cases[] = {
		{ EAGAIN, ACCEPTOR_WAIT },
		{ EWOULDBLOCK, ACCEPTOR_WAIT },
		{ ECONNABORTED, ACCEPTOR_GO_ON },
		{ EINTR, ACCEPTOR_GO_ON },
		{ EPERM, ACCEPTOR_GO_ON },
		{ EPROTO, ACCEPTOR_GO_ON },
		{ EMFILE, ACCEPTOR_PAUSE },
		{ ENFILE, ACCEPTOR_PAUSE },
		{ ENOBUFS, ACCEPTOR_PAUSE },
		{ ENOMEM, ACCEPTOR_PAUSE },
		{ EINVAL, ACCEPTOR_LEAVE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cases[i].want, acceptor_after(cases[i].error));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_accept_fails_with_says_what_to_do_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
