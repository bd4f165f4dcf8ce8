/*
 * os_freebsd.c - what FreeBSD does its own way.  Untried on the real system.
 *
 * Floor base.  What the BSDs do alike is in os_bsd.c.
 */
#include "base/os.h"

#include <sys/filio.h>
#include <sys/ioctl.h>
#include <sys/procctl.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include <stdlib.h>
#include <unistd.h>

const char os_useradd[] = "pw useradd -d /nonexistent -s /usr/sbin/nologin -n";

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

void
os_hide_memory(void)
{
	struct rlimit none = { 0, 0 };
	int off = PROC_TRACE_CTL_DISABLE;

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)procctl(P_PID, 0, PROC_TRACE_CTL, &off);
}
