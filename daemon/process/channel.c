/*
 * channel.c - one record at a time, now and then with a descriptor.
 *
 * Floor process.  Configuration never travels here: workers inherit it when
 * they are forked.
 */
#include "process/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Bytes: what it is, a number, a key. */
#define KEY_AT      (1 + sizeof(unsigned))
#define RECORD_SIZE (KEY_AT + CHANNEL_KEY_SIZE)

int
channel_open(int *master, int *worker)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == -1)
		return -1;
	*master = pair[0];
	*worker = pair[1];
	return 0;
}

/* Room for one descriptor, aligned as cmsg(3) wants it. */
union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

/* Who has no descriptors to send, as workers, may not call sendmsg(2). */
static ssize_t
send_with(int channel, struct iovec *iov, int fd)
{
	union control control;
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int
channel_send(int channel, enum channel_message m, unsigned number, int fd)
{
	return channel_send_key(channel, m, number, NULL, fd);
}

int
channel_send_key(int channel, enum channel_message m, unsigned number,
    const unsigned char *key, int fd)
{
	char record[RECORD_SIZE] = { (char)m };
	struct iovec iov = { record, sizeof(record) };
	ssize_t n;

	memcpy(record + 1, &number, sizeof(number));
	if (key != NULL)
		memcpy(record + KEY_AT, key, CHANNEL_KEY_SIZE);
	n = fd == -1
	    ? send(channel, record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT)
	    : send_with(channel, &iov, fd);
	return n == (ssize_t)sizeof(record) ? 0 : -1;
}

/* How many descriptors a message has; -1 if there is no such message. */
static int
descriptors_of(char word)
{
	switch (word) {
	case CHANNEL_ACCESS:
	case CHANNEL_KEY_PROCESS:
	case CHANNEL_DIALLED:
	case CHANNEL_CONTENT:
	case CHANNEL_SEARCH:
	case CHANNEL_SEGMENT:
	case CHANNEL_ROOT:
	case CHANNEL_OPENED:
	case CHANNEL_YIELDED:
	case CHANNEL_RESUME:
		return 1;
	case CHANNEL_READY:
	case CHANNEL_DRAIN:
	case CHANNEL_CLOSED:
	case CHANNEL_LEVEL:
	case CHANNEL_KEY_TIMEOUT:
	case CHANNEL_KEY_LOST:
	case CHANNEL_SEARCH_LATE:
	case CHANNEL_SEARCH_LOST:
	case CHANNEL_ALIVE:
	case CHANNEL_DIAL:
	case CHANNEL_BUSY:
	case CHANNEL_DOWN:
	case CHANNEL_RESCAN:
	case CHANNEL_ACCEPT:
	case CHANNEL_WARNED:
	case CHANNEL_YIELD:
	case CHANNEL_PROGRESS:
	case CHANNEL_SYNC:
	case CHANNEL_BUILT:
	case CHANNEL_OPEN:
	case CHANNEL_DAMAGED:
	case CHANNEL_FAILED:
		return 0;
	default:
		return -1;
	}
}

/* Keep the first descriptor that came, close the others; how many came. */
static int
take_descriptors(struct msghdr *msg, int *first)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd, came = 0;

	*first = -1;
	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (came++ == 0)
				*first = fd;
			else
				close(fd);
		}
	}
	return came;
}

/*
 * True if a message may have come with what came with it.  Of a descriptor
 * that is cut off there was no room for it, or it was one too many.
 */
static bool
is_due(char word, int came, bool cut)
{
	int due = descriptors_of(word);

	return came <= due && (!cut || (due == 1 && came == 0));
}

enum channel_message
channel_receive(int channel, unsigned *number, int *fd)
{
	unsigned char key[CHANNEL_KEY_SIZE];

	return channel_receive_key(channel, number, key, fd);
}

enum channel_message
channel_receive_key(int channel, unsigned *number,
    unsigned char key[CHANNEL_KEY_SIZE], int *fd)
{
	char record[RECORD_SIZE + 1]; /* + 1: it is too long */
	struct iovec iov = { record, sizeof(record) };
	union control control;
	/* Exactly one: of others the kernel makes none for us to close. */
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int came;

	*number = 0;
	memset(key, 0, CHANNEL_KEY_SIZE);
	*fd = -1;
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
		    ? CHANNEL_NOTHING
		    : CHANNEL_GONE;
	came = take_descriptors(&msg, fd);
	if (n == 0 && came == 0)
		return CHANNEL_GONE;
	if (n == (ssize_t)RECORD_SIZE &&
	    is_due(record[0], came, (msg.msg_flags & MSG_CTRUNC) != 0)) {
		memcpy(number, record + 1, sizeof(*number));
		memcpy(key, record + KEY_AT, CHANNEL_KEY_SIZE);
		return (enum channel_message)record[0];
	}
	if (*fd != -1)
		close(*fd);
	*fd = -1;
	return CHANNEL_FORGED;
}
