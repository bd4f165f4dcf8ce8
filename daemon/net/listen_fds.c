/*
 * listen_fds.c - listening sockets that a service manager has opened for us.
 *
 * Floor net; main calls in before anything else has a descriptor.  The
 * environment is all that is believed, and that only as far as the kernel
 * agrees: a wrong LISTEN_FDS must not end in serving something else.
 */
#include "net/listen_fds.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/os.h"

#define HANDED_FIRST 3           /* SD_LISTEN_FDS_START */
#define PID_MAX      (1UL << 22) /* Linux allows no more */
#define NUMBER_MAX   (1UL << 20) /* descriptors of one process */

static int
get_socket_option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

/* Fill in the address of l from its socket; false if it is no TCP address. */
static bool
read_socket_address(struct listener *l)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	const void *host;

	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == -1)
		return false;
	l->family = ss.ss_family;
	if (l->family == AF_INET) {
		host = &in->sin_addr;
		l->port = ntohs(in->sin_port);
	} else if (l->family == AF_INET6) {
		host = &in6->sin6_addr;
		l->port = ntohs(in6->sin6_port);
	} else
		return false;
	l->asked_port = l->port;
	return inet_ntop(l->family, host, l->host, sizeof(l->host)) != NULL;
}

/* What is wrong with the socket of l, or NULL. */
static const char *
find_socket_fault(struct listener *l)
{
	if (!read_socket_address(l) ||
	    get_socket_option(l->fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM)
		return "is no TCP socket; say ListenStream=ADDRESS:PORT";
	if (get_socket_option(l->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		return "does not listen; say Accept=no";
	/* Limits and logs would take all of IPv4 for one IPv6 network. */
	if (l->family == AF_INET6 && strcmp(l->host, "::") == 0 &&
	    get_socket_option(l->fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1)
		return "also answers IPv4; say BindIPv6Only=ipv6-only, and "
		       "0.0.0.0:PORT in a line of its own";
	return NULL;
}

/* Set the options that listener.c sets on the sockets that it opens. */
static void
prepare_passed_socket(int fd)
{
	int one = 1;

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	os_bound_queue(fd, LISTENER_QUEUE);
	(void)listen(fd, LISTENER_BACKLOG);
}

/* How many of n descriptors are open: all, or those before a gap. */
static size_t
open_ones(size_t n)
{
	size_t i = 0;

	while (i < n && fcntl(HANDED_FIRST + (int)i, F_GETFD) != -1)
		i++;
	return i;
}

static int
take_sockets(struct listeners *to, size_t n, struct problems *ps)
{
	const char *why;
	struct listener *l;
	int bad = 0;

	to->v = xcalloc(n, sizeof(*to->v));
	for (to->n = 0; to->n < n; to->n++) {
		l = &to->v[to->n];
		l->fd = HANDED_FIRST + (int)to->n;
		l->handed = true;
		why = find_socket_fault(l);
		if (why != NULL) {
			problems_add(ps, NULL, 0,
			    "socket %d of the service manager "
			    "(descriptor %d) %s",
			    (int)to->n + 1, l->fd, why);
			bad = -1;
		} else
			prepare_passed_socket(l->fd);
	}
	return bad;
}

int
listen_fds_take(struct listeners *to, struct problems *ps)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	unsigned long number = 0, n = 0;
	int r = 0;

	*to = (struct listeners){ NULL, 0 };
	/* Meant for another process of the same environment: no fault. */
	if (pid != NULL && fds != NULL &&
	    view_to_number(view_of(pid), PID_MAX, &number) == 0 &&
	    (pid_t)number == getpid()) {
		if (view_to_number(view_of(fds), NUMBER_MAX, &n) == -1 ||
		    open_ones(n) < n) {
			problems_add(ps, NULL, 0,
			    "LISTEN_FDS is \"%s\", but %zu descriptors from "
			    "%d on are open; it is the number of sockets that "
			    "a service manager hands over",
			    fds, open_ones(NUMBER_MAX), HANDED_FIRST);
			r = -1;
		} else if (n > 0)
			r = take_sockets(to, n, ps);
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (r == -1)
		listeners_close(to, NULL);
	return r;
}
