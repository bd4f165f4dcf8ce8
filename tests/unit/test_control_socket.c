/* test_control_socket.c - who may use the control socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "expect.h"
#include "process/control_socket.h"

#define GROUP 4711

/* Users that are neither root nor ours, for certain. */
#define STRANGER (geteuid() + 4711)

static void
admits_root_its_own_user_and_the_group(void **state)
{
	const struct {
		uid_t uid;
		gid_t group;
		bool has_group, want;
	} rows[] = {
		{ 0, 1, false, true },
		{ geteuid(), 1, false, true },
		{ STRANGER, GROUP, false, false },
		{ STRANGER, 0, false, false },
		{ STRANGER, GROUP, true, true },
		{ STRANGER, GROUP + 1, true, false },
		{ STRANGER, 0, true, false },
	};
	struct control_socket s = { .is_open = true, .group = GROUP };
	struct os_peer who = { .n_groups = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		s.has_group = rows[i].has_group;
		who.uid = rows[i].uid;
		who.groups[0] = rows[i].group;
		if (control_socket_admits(&s, &who) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

/* Without one, the number that stands in the field is nobody's group. */
static void
any_of_its_groups_will_do(void **state)
{
	struct control_socket s = { .is_open = true,
		.has_group = true,
		.group = GROUP };
	struct os_peer who = { .uid = STRANGER, .n_groups = OS_GROUPS_MAX };
	size_t i;

	(void)state;
	assert_false(control_socket_admits(&s, &who));
	for (i = 0; i < OS_GROUPS_MAX; i++) {
		who.groups[i] = GROUP;
		assert_true(control_socket_admits(&s, &who));
		who.groups[i] = 0;
	}
	who.groups[1] = GROUP;
	who.n_groups = 1;
	assert_false(control_socket_admits(&s, &who));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admits_root_its_own_user_and_the_group),
		cmocka_unit_test(any_of_its_groups_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
