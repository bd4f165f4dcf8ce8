/*
 * os_openbsd.c - what OpenBSD does its own way.  Untried on the real system.
 *
 * Floor base.  What the BSDs do alike is in os_bsd.c.
 */
#include "base/os.h"

#include <sys/resource.h>

#include <stdlib.h>
#include <unistd.h>

const char os_useradd[] = "useradd -d /var/empty -s /sbin/nologin";

/* There is no sendfile(2) here: one copy through a buffer. */
ssize_t
os_sendfile(int socket, int file, off_t offset, size_t len, bool more)
{
	static char copy[64 << 10];
	ssize_t n =
	    pread(file, copy, len < sizeof(copy) ? len : sizeof(copy), offset);

	return n <= 0 ? n : os_send(socket, copy, (size_t)n, more);
}

/* pledge(2) ends a process that asks with TIOCOUTQ. */
int
os_unsent(int fd)
{
	(void)fd;
	return -1;
}

void
os_hide_memory(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
}
