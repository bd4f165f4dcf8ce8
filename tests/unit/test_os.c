/* test_os.c - what differs between systems, as all of them promise it. */
#include <sys/socket.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "expect.h"

#define GIB ((off_t)1 << 30)

/* More than getrandom(2) gives at once for certain, each byte of it. */
static void
random_bytes_fill_all_that_was_asked_for(void **state)
{
	static unsigned char a[1000], b[sizeof(a)];
	size_t i, same = 0;

	(void)state;
	os_random(a, sizeof(a));
	os_random(b, sizeof(b));
	for (i = 0; i < sizeof(a); i++)
		same += a[i] == b[i];
	assert_true(same < sizeof(a) / 10);
	assert_memory_not_equal(a + sizeof(a) - 16, b + sizeof(b) - 16, 16);
	os_random(a, 0);
}

/* Where an offset of 32 bits, with and without a sign, begins anew. */
static void
a_file_is_sent_from_behind_its_fourth_gibibyte(void **state)
{
	static const off_t from[] = { 2 * GIB, 4 * GIB };
	char name[] = "/tmp/capsuled-os.XXXXXX", got[8];
	int file = mkstemp(name), pair[2];
	size_t i;

	(void)state;
	assert_true(file != -1);
	assert_int_equal(0, unlink(name));
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (i = 0; i < N_OF(from); i++) {
		assert_int_equal(5, pwrite(file, "bytes", 5, from[i]));
		assert_int_equal(5,
		    os_sendfile(pair[0], file, from[i], 100, false));
		assert_int_equal(5, read(pair[1], got, sizeof(got)));
		assert_memory_equal(got, "bytes", 5);
		assert_int_equal(0,
		    os_sendfile(pair[0], file, from[i] + 5, 100, false));
	}
	close(pair[0]);
	close(pair[1]);
	close(file);
}

/* Either the bytes that wait, or that nobody knows. */
static void
what_is_unsent_is_known_or_minus_one(void **state)
{
	int pair[2], n, file = open("/dev/null", O_WRONLY);

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(100, os_send(pair[0], (char[100]){ 0 }, 100, false));
	n = os_unsent(pair[0]);
	assert_true(n == -1 || n > 0);
	assert_int_equal(-1, os_unsent(file));
	close(pair[0]);
	close(pair[1]);
	close(file);
}

/* Here it is this very process, on both sides. */
static void
a_peer_has_its_user_and_all_its_groups(void **state)
{
	gid_t mine[OS_GROUPS_MAX];
	struct os_peer who;
	int pair[2], file = open("/dev/null", O_RDONLY), i, n;
	size_t k;

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(0, os_peer(pair[0], &who));
	assert_int_equal(geteuid(), who.uid);
	assert_true(who.n_groups >= 1 && who.n_groups <= OS_GROUPS_MAX);
	assert_int_equal(getegid(), who.groups[0]);
	n = getgroups(OS_GROUPS_MAX - 1, mine);
	for (i = 0; i < n; i++) {
		for (k = 0; k < who.n_groups && who.groups[k] != mine[i]; k++)
			;
		assert_true(k < who.n_groups);
	}
	who.uid = 4711;
	assert_int_equal(-1, os_peer(file, &who));
	assert_int_equal(4711, who.uid);
	close(pair[0]);
	close(pair[1]);
	close(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_bytes_fill_all_that_was_asked_for),
		cmocka_unit_test(
		    a_file_is_sent_from_behind_its_fourth_gibibyte),
		cmocka_unit_test(what_is_unsent_is_known_or_minus_one),
		cmocka_unit_test(a_peer_has_its_user_and_all_its_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
