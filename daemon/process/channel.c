/*
 * channel.c - one byte at a time, now and then with a descriptor or a number.
 *
 * Floor process.  Content and configuration never travel here: workers inherit
 * them when they are forked.
 */
#include "process/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
channel_open(int *master, int *worker)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) == -1)
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

int
channel_send(int channel, enum channel_message m, int fd)
{
	char byte = (char)m;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *c;

	if (fd != -1) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(channel, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* Small enough to be sent whole or not at all. */
int
channel_dial(int channel, unsigned number)
{
	char bytes[1 + sizeof(number)] = { (char)CHANNEL_DIAL };

	memcpy(bytes + 1, &number, sizeof(number));
	return send(channel, bytes, sizeof(bytes), MSG_NOSIGNAL) ==
		(ssize_t)sizeof(bytes)
	    ? 0
	    : -1;
}

int
channel_number(int channel, unsigned *number)
{
	unsigned got;

	if (recv(channel, &got, sizeof(got), 0) != (ssize_t)sizeof(got))
		return -1;
	*number = got;
	return 0;
}

enum channel_message
channel_receive(int channel, int *fd)
{
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
		    ? CHANNEL_NOTHING
		    : CHANNEL_GONE;
	if (n == 0)
		return CHANNEL_GONE;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return (enum channel_message)byte;
}
