/* test_channel.c - whatever is sent, no descriptor is left over. */
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "expect.h"
#include "process/channel.h"

#define FDS_MAX     64 /* descriptors in one message, at most */
#define RECORD_SIZE (1 + sizeof(unsigned) + CHANNEL_KEY_SIZE)

static int ours, theirs;

static int
setup(void **state)
{
	(void)state;
	return channel_open(&ours, &theirs);
}

static int
teardown(void **state)
{
	(void)state;
	close(ours);
	close(theirs);
	return 0;
}

/* How many descriptors this process has, up to some number. */
static int
count_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Send these bytes with n descriptors, as only an attacker does. */
static void
send_raw(const char *bytes, size_t len, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { (char *)(uintptr_t)bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[FDS_MAX] = { 0 };
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	if (n > 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	assert_int_equal(len, sendmsg(theirs, &msg, MSG_NOSIGNAL));
}

static void
assert_received(enum channel_message want, bool with_descriptor)
{
	unsigned number;
	int fd;

	assert_int_equal(want, channel_receive(ours, &number, &fd));
	assert_int_equal(with_descriptor, fd != -1);
	if (fd != -1) {
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
}

static void
what_is_sent_arrives_with_its_number_and_descriptor(void **state)
{
	unsigned number;
	int fd;

	(void)state;
	assert_int_equal(0, channel_send(theirs, CHANNEL_DIAL, 4711, -1));
	assert_int_equal(0, channel_send(theirs, CHANNEL_KEY_PROCESS, 7, 0));
	assert_int_equal(CHANNEL_DIAL, channel_receive(ours, &number, &fd));
	assert_int_equal(4711, number);
	assert_int_equal(-1, fd);
	assert_int_equal(CHANNEL_KEY_PROCESS,
	    channel_receive(ours, &number, &fd));
	assert_int_equal(7, number);
	assert_true(fd > 2);
	close(fd);
	assert_received(CHANNEL_NOTHING, false);
}

static void
a_key_arrives_with_its_message(void **state)
{
	static const unsigned char key[CHANNEL_KEY_SIZE] = "0123456789abcde",
				   none[CHANNEL_KEY_SIZE];
	unsigned char got[CHANNEL_KEY_SIZE];
	unsigned number;
	int fd;

	(void)state;
	assert_int_equal(0, channel_send_key(theirs, CHANNEL_OPEN, 3, key, -1));
	assert_int_equal(0, channel_send(theirs, CHANNEL_READY, 0, -1));
	assert_int_equal(CHANNEL_OPEN,
	    channel_receive_key(ours, &number, got, &fd));
	assert_int_equal(3, number);
	assert_int_equal(-1, fd);
	assert_memory_equal(key, got, sizeof(key));
	assert_int_equal(CHANNEL_READY,
	    channel_receive_key(ours, &number, got, &fd));
	assert_memory_equal(none, got, sizeof(none));
}

static void
a_closed_end_is_told(void **state)
{
	(void)state;
	assert_int_equal(0, channel_send(theirs, CHANNEL_READY, 0, -1));
	close(theirs);
	assert_received(CHANNEL_READY, false);
	assert_received(CHANNEL_GONE, false);
	assert_received(CHANNEL_GONE, false);
	assert_int_equal(-1, channel_send(ours, CHANNEL_DRAIN, 0, -1));
	theirs = -1;
}

/* One is due with some, none with others, and more with none. */
static void
no_descriptor_too_many_stays_open(void **state)
{
	static const char with_one[] = "AKUTGOVWer",
			  with_none[] = "RDSLPCBXHIJQZYMcvydz";
	int before = count_descriptors();
	char record[RECORD_SIZE] = { 0 };
	size_t i, n;

	(void)state;
	for (n = 0; n <= FDS_MAX; n++) {
		for (i = 0; with_one[i] != '\0'; i++) {
			record[0] = with_one[i];
			send_raw(record, sizeof(record), n);
			assert_received(n > 1
				? CHANNEL_FORGED
				: (enum channel_message)with_one[i],
			    n == 1);
		}
		for (i = 0; with_none[i] != '\0'; i++) {
			record[0] = with_none[i];
			send_raw(record, sizeof(record), n);
			assert_received(n > 0
				? CHANNEL_FORGED
				: (enum channel_message)with_none[i],
			    false);
		}
		assert_int_equal(before, count_descriptors());
	}
}

static void
every_word_and_length_that_nobody_sends_is_forged(void **state)
{
	static const char sent[] = "RDAKSLPCUBXTGOVHIJQZWYMEcvyerdwz";
	char record[64] = { 'R' };
	size_t len;
	int word;

	(void)state;
	for (word = 0; word < 256; word++) {
		record[0] = (char)word;
		send_raw(record, RECORD_SIZE, 0);
		assert_received(word != 0 && strchr(sent, word) != NULL
			? (enum channel_message)word
			: CHANNEL_FORGED,
		    false);
	}
	record[0] = 'R';
	for (len = 1; len <= sizeof(record); len++) {
		send_raw(record, len, 0);
		assert_received(len == RECORD_SIZE ? CHANNEL_READY
						   : CHANNEL_FORGED,
		    false);
		send_raw(record, len, 2);
		assert_received(CHANNEL_FORGED, false);
	}
}

static void
who_has_no_room_for_a_descriptor_hears_the_message(void **state)
{
	int before = count_descriptors();
	struct rlimit was, full;

	(void)state;
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &was));
	full = was;
	full.rlim_cur = (rlim_t)dup(0);
	close((int)full.rlim_cur);
	assert_int_equal(0, channel_send(theirs, CHANNEL_DIALLED, 0, 0));
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &full));
	assert_received(CHANNEL_DIALLED, false);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &was));
	assert_int_equal(before, count_descriptors());
}

static void
a_full_channel_refuses_and_does_not_wait(void **state)
{
	size_t sent = 0, i;

	(void)state;
	while (channel_send(theirs, CHANNEL_DIAL, 0, -1) == 0)
		sent++;
	assert_true(sent > 32);
	for (i = 0; i < sent; i++)
		assert_received(CHANNEL_DIAL, false);
	assert_received(CHANNEL_NOTHING, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_sent_arrives_with_its_number_and_descriptor, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_key_arrives_with_its_message,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_end_is_told, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    no_descriptor_too_many_stays_open, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_word_and_length_that_nobody_sends_is_forged, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    who_has_no_room_for_a_descriptor_hears_the_message, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_full_channel_refuses_and_does_not_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
