/*
 * os_freebsd.c - what FreeBSD does its own way.  Untried on the real system.
 *
 * Floor base.
 */
#include "base/os.h"

#include <sys/filio.h>
#include <sys/ioctl.h>
#include <sys/procctl.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include <stdlib.h>
#include <unistd.h>

int
os_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* There is no MSG_MORE here: the end may travel in a packet of its own. */
ssize_t
os_send(int fd, const void *p, size_t len, bool more)
{
	(void)more;
	return send(fd, p, len, MSG_NOSIGNAL);
}

ssize_t
os_sendfile(int socket, int file, off_t offset, size_t len, bool more)
{
	off_t sent = 0;
	int r = sendfile(file, socket, offset, len, NULL, &sent, 0);

	(void)more;
	/* FreeBSD reports EAGAIN together with what it did send. */
	return r == 0 || sent > 0 ? (ssize_t)sent : -1;
}

int
os_unsent(int fd)
{
	int n;

	return ioctl(fd, FIONWRITE, &n) == 0 ? n : -1;
}

int
os_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (int)n;
}

void
os_set_title(const char *title)
{
	setproctitle("%s", title);
}

void
os_close_from(int first)
{
	closefrom(first);
}

void
os_hide_memory(void)
{
	struct rlimit none = { 0, 0 };
	int off = PROC_TRACE_CTL_DISABLE;

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)procctl(P_PID, 0, PROC_TRACE_CTL, &off);
}
