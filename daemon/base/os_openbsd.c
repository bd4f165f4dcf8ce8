/*
 * os_openbsd.c - what OpenBSD does its own way.  Untried on the real system.
 *
 * Floor base.
 */
#include "base/os.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

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

/* There is no sendfile(2) here: one copy through a buffer. */
ssize_t
os_sendfile(int socket, int file, off_t offset, size_t len, bool more)
{
	static char copy[64 << 10];
	ssize_t n =
	    pread(file, copy, len < sizeof(copy) ? len : sizeof(copy), offset);

	return n <= 0 ? n : os_send(socket, copy, (size_t)n, more);
}

int
os_unsent(int fd)
{
	int n;

	return ioctl(fd, TIOCOUTQ, &n) == 0 ? n : -1;
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

	(void)setrlimit(RLIMIT_CORE, &none);
}
