/*
 * os_bsd.c - what the BSDs do alike.  Untried on the real systems.
 *
 * Floor base.  Linked beside os_freebsd.c, os_openbsd.c or os_netbsd.c.
 */
#include "base/os.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

int
os_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Whether acknowledgements wait is for the administrator to say here. */
void
os_acknowledge(int fd)
{
	(void)fd;
}

/* The kernel tells one group; the others are looked up. */
int
os_peer(int fd, struct os_peer *to)
{
	struct os_peer who = { .n_groups = 1 };
	int n = OS_GROUPS_MAX;
	struct passwd *pw;

	if (getpeereid(fd, &who.uid, &who.groups[0]) == -1)
		return -1;
	pw = getpwuid(who.uid);
	if (pw != NULL &&
	    getgrouplist(pw->pw_name, who.groups[0], who.groups, &n) != -1)
		who.n_groups = (size_t)n;
	*to = who;
	return 0;
}

/* There is no MSG_MORE here: the end may travel in a packet of its own. */
ssize_t
os_send(int fd, const void *p, size_t len, bool more)
{
	(void)more;
	return send(fd, p, len, MSG_NOSIGNAL);
}

int64_t
os_rtt_us(int fd)
{
#ifdef TCP_INFO
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return info.tcpi_rtt;
#else
	(void)fd;
#endif
	return -1; /* OpenBSD before 7.2 does not tell */
}

/* These allocators give back by themselves. */
void
os_trim_heap(void)
{
}

/* Their way of counting does not blame a process for a library's pages. */
void
os_forget_code(void)
{
}

/* Asks the kernel anew after fork(2); cannot fail. */
void
os_random(void *p, size_t len)
{
	arc4random_buf(p, len);
}

/* A fixed size would slow down who is far away: the system's own bound. */
void
os_bound_queue(int fd, int bytes)
{
	(void)fd;
	(void)bytes;
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
