/*
 * fetch.c - ask the running daemon for its counts.
 *
 * Floor ctl.  HTTP/1.0, whose answers end with the connection: there is
 * nothing to understand while they come.  Whoever is at the other end may
 * neither keep us waiting nor fill our memory.
 */
#include "ctl/fetch.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/os.h"

#define PIECE 16384 /* bytes of one read */

static const char request[] = "GET /metrics HTTP/1.0\r\n"
			      "Host: localhost\r\n"
			      "Connection: close\r\n\r\n";

/* The host to connect to: a server that listens anywhere is also here. */
static const char *
host_of(const struct conf_listen *at)
{
	if (at->host.len > 0)
		return at->host.p;
	return at->family == AF_INET ? "127.0.0.1" : "::1";
}

void
fetch_name(const struct conf_listen *at, struct buf *to)
{
	if (at->family == AF_UNIX)
		buf_printf(to, "unix:%s", host_of(at));
	else
		buf_printf(to, at->family == AF_INET6 ? "[%s]:%d" : "%s:%d",
		    host_of(at), at->port);
}

/* Wait for the socket; -1 once the time is over. */
static int
wait_for(int fd, short what, int64_t end_ms)
{
	struct pollfd p = { .fd = fd, .events = what };
	int64_t left;

	while ((left = end_ms - clock_ms()) > 0)
		if (poll(&p, 1, (int)left) == 1)
			return 0;
	return -1;
}

static enum fetch_result
await_connection(int fd, int64_t end_ms)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (wait_for(fd, POLLOUT, end_ms) == -1)
		return FETCH_SLOW;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return FETCH_NOBODY;
	errno = error;
	return error == 0 ? FETCH_DONE : FETCH_NOBODY;
}

/* A server that has no time yet makes a socket of the file system full. */
static enum fetch_result
dial(int fd, const struct conf_listen *at, int64_t end_ms)
{
	struct sockaddr_storage ss;
	socklen_t len = address_fill(&ss, at->family, host_of(at), at->port);

	while (connect(fd, (struct sockaddr *)&ss, len) == -1) {
		if (errno == EISCONN)
			break;
		if (errno == EINPROGRESS || errno == EINTR)
			return await_connection(fd, end_ms);
		if (errno != EAGAIN)
			return FETCH_NOBODY;
		if (clock_ms() >= end_ms)
			return FETCH_SLOW;
		(void)poll(NULL, 0, 20);
	}
	return FETCH_DONE;
}

static enum fetch_result
ask(int fd, int64_t end_ms)
{
	size_t sent = 0, len = sizeof(request) - 1;
	ssize_t n;

	while (sent < len) {
		n = os_send(fd, request + sent, len - sent, false);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EWOULDBLOCK &&
		    errno != EINTR)
			return FETCH_BROKEN;
		else if (wait_for(fd, POLLOUT, end_ms) == -1)
			return FETCH_SLOW;
	}
	return FETCH_DONE;
}

static enum fetch_result
hear(int fd, int64_t end_ms, struct buf *to)
{
	char piece[PIECE];
	ssize_t n;

	for (;;) {
		if (wait_for(fd, POLLIN, end_ms) == -1)
			return FETCH_SLOW;
		n = recv(fd, piece, sizeof(piece), 0);
		if (n == 0)
			return FETCH_DONE;
		if (n > 0) {
			buf_put(to, (struct view){ piece, (size_t)n });
			if (to->failed)
				return FETCH_TOO_LONG;
		} else if (errno != EAGAIN && errno != EWOULDBLOCK &&
		    errno != EINTR)
			return FETCH_BROKEN;
	}
}

enum fetch_result
fetch(const struct conf_listen *at, struct buf *to)
{
	int64_t end_ms = clock_ms() + FETCH_DEADLINE_MS;
	enum fetch_result r;
	int saved,
	    fd = socket(at->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0);

	if (fd == -1)
		return FETCH_NOBODY;
	r = dial(fd, at, end_ms);
	if (r == FETCH_DONE)
		r = ask(fd, end_ms);
	if (r == FETCH_DONE)
		r = hear(fd, end_ms, to);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}
