/*
 * dial.c - connect to application servers.
 *
 * Floor net.  The master calls in, for workers, which may not connect: they
 * get the socket.  Each generation has a table of its own, which lives as
 * long as one of its workers: what was begun before a reload is finished with
 * the addresses of before.
 */
#include "net/dial.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct address {
	char *name; /* for messages */
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
	socklen_t len;
	int64_t told_ms; /* that it is not there; 0: never */
};

struct dials {
	unsigned refs;
	unsigned n;
	struct address v[];
};

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) > TARGET_PATH_MAX,
    "every name of a socket fits");

static void
fill_dial_address(struct address *a, const struct target *t)
{
	a->name = xstrdup(t->name.p);
	switch (t->family) {
	case TARGET_UNIX:
		a->to.un.sun_family = AF_UNIX;
		memcpy(a->to.un.sun_path, t->host.p, t->host.len);
		a->len = sizeof(a->to.un);
		break;
	case TARGET_IPV4:
		a->to.in.sin_family = AF_INET;
		a->to.in.sin_port = htons((uint16_t)t->port);
		(void)inet_pton(AF_INET, t->host.p, &a->to.in.sin_addr);
		a->len = sizeof(a->to.in);
		break;
	case TARGET_IPV6:
		a->to.in6.sin6_family = AF_INET6;
		a->to.in6.sin6_port = htons((uint16_t)t->port);
		(void)inet_pton(AF_INET6, t->host.p, &a->to.in6.sin6_addr);
		a->len = sizeof(a->to.in6);
		break;
	}
}

struct dials *
dials_new(const struct target *targets, unsigned n)
{
	struct dials *ds = xcalloc(1, sizeof(*ds) + n * sizeof(ds->v[0]));

	ds->refs = 1;
	ds->n = n;
	for (; targets != NULL; targets = targets->next) {
		assert(targets->number < n);
		fill_dial_address(&ds->v[targets->number], targets);
	}
	return ds;
}

struct dials *
dials_ref(struct dials *ds)
{
	ds->refs++;
	return ds;
}

void
dials_unref(struct dials *ds)
{
	unsigned i;

	if (ds == NULL || --ds->refs > 0)
		return;
	for (i = 0; i < ds->n; i++)
		xfree(ds->v[i].name);
	xfree(ds);
}

/* Log it at most once in DIAL_WARN_MS: clients may request it more often. */
static void
warn_unreachable(struct address *a)
{
	int64_t now = clock_ms();

	if (a->told_ms != 0 && now - a->told_ms < DIAL_WARN_MS)
		return;
	a->told_ms = now;
	log_warn("cannot connect to the application at %s", a->name);
}

enum dial_result
dial(struct dials *ds, unsigned number, int *fd)
{
	struct address *a;
	int error;

	*fd = -1;
	if (number >= ds->n)
		return DIAL_DOWN;
	a = &ds->v[number];
	*fd = socket(a->to.any.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd != -1 &&
	    (connect(*fd, &a->to.any, a->len) == 0 || errno == EINPROGRESS))
		return DIAL_OK;
	error = errno;
	warn_unreachable(a);
	if (*fd == -1)
		return DIAL_BUSY; /* we are out of descriptors, for now */
	close(*fd);
	*fd = -1;
	/* A socket of the file system says so at once, if its queue is full. */
	return error == EAGAIN ? DIAL_BUSY : DIAL_DOWN;
}
