/*
 * listener.c - bind, take over, close.
 *
 * Floor net; the master owns the sockets, workers inherit them.  Every
 * address has a socket of its own: an IPv6 socket never answers IPv4, so that
 * "*" means the same on every system.
 */
#include "net/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/gopher.h"

#define PORT_TRIES 16 /* "*:0": how often to look for a port free in both */

/* Who may connect is what the folder of the file says: not every system looks
 * at the file's own mode. */
#define UNIX_MODE 0666

_Static_assert(LISTENER_HOST_MAX <= sizeof(((struct sockaddr_un *)0)->sun_path),
    "a path of a socket is longer than this system takes");

/* The address of l with this port; returns its length. */
static socklen_t
fill_listener_address(const struct listener *l, int port,
    struct sockaddr_storage *to)
{
	return address_fill(to, l->family, l->host, port);
}

static int
get_bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0, len);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return -1;
	if (ss.ss_family == AF_UNIX)
		return 0;
	return ss.ss_family == AF_INET
	    ? ntohs(((struct sockaddr_in *)&ss)->sin_port)
	    : ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
}

static bool
is_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/*
 * Remove the file of a socket that nobody listens on any more: whoever made
 * it was killed.  Anything else that has the name stays, and bind fails.
 */
static void
remove_stale(const struct sockaddr *at, socklen_t len, const char *path)
{
	int fd;

	if (!is_socket(path))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (connect(fd, at, len) == -1 && errno == ECONNREFUSED)
		(void)unlink(path);
	close(fd);
}

/* Before bind; 0 or -1 with errno. */
static int
set_options(int fd, int family)
{
	int one = 1;

	if (family == AF_UNIX)
		return 0;
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == -1)
		return -1;
	/* Accepted sockets inherit both: two system calls less a visit. */
	os_bound_queue(fd, LISTENER_QUEUE);
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ==
		    0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0
	    ? 0
	    : -1;
}

/* Whether others may have the port that fd has or asks for; 0 or -1. */
static int
share_port(int fd, bool shared)
{
	int value = shared;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof(value));
}

/*
 * A socket for l on this port, or -1 with errno.  If it is shared, others of
 * this user that are shared may have the port, too.
 */
static int
open_socket(const struct listener *l, int port, bool shared)
{
	struct sockaddr_storage ss;
	socklen_t len = fill_listener_address(l, port, &ss);
	bool is_unix = l->family == AF_UNIX;
	int saved,
	    fd = socket(l->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0);

	if (fd == -1)
		return -1;
	if (is_unix)
		remove_stale((struct sockaddr *)&ss, len, l->host);
	if (set_options(fd, l->family) == 0 &&
	    (!shared || share_port(fd, true) == 0) &&
	    bind(fd, (struct sockaddr *)&ss, len) == 0 &&
	    (!is_unix || chmod(l->host, UNIX_MODE) == 0) &&
	    listen(fd, LISTENER_BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* True if they cannot have both, as one address is or contains the other's. */
static bool
is_clash(const struct listener *a, const struct listener *b, int port)
{
	struct listener any = { .family = a->family };
	struct sockaddr_storage at_a, at_b, at_any;

	if (a->family == AF_UNIX || a->family != b->family || b->port != port)
		return false;
	(void)fill_listener_address(a, 0, &at_a);
	(void)fill_listener_address(b, 0, &at_b);
	(void)fill_listener_address(&any, 0, &at_any);
	return memcmp(&at_a, &at_b, sizeof(at_a)) == 0 ||
	    memcmp(&at_a, &at_any, sizeof(at_a)) == 0 ||
	    memcmp(&at_b, &at_any, sizeof(at_b)) == 0;
}

/*
 * As open_socket, where old has sockets in the way: "127.0.0.1:70" of before
 * and "*:70" of now are both there until the reload is done.  Linux asks each
 * of the two whether it minds; BSDs have let them in before.
 */
static int
open_beside(struct listener *l, int port, const struct listeners *old)
{
	int fd, saved;
	bool any = false;
	size_t i;

	for (i = 0; old != NULL && i < old->n; i++)
		if (is_clash(l, &old->v[i], port) &&
		    share_port(old->v[i].fd, true) == 0)
			any = true;
	if (!any) {
		errno = EADDRINUSE;
		return -1;
	}
	fd = open_socket(l, port, true);
	saved = errno;
	/* From here on nobody else is let in. */
	for (i = 0; i < old->n; i++)
		if (is_clash(l, &old->v[i], port))
			(void)share_port(old->v[i].fd, false);
	if (fd != -1)
		(void)share_port(fd, false);
	l->beside = fd != -1;
	errno = saved;
	return fd;
}

/* True if had is the socket for l; one address has several spellings. */
static bool
is_same(const struct listener *had, const struct listener *l)
{
	struct sockaddr_storage a, b;

	(void)fill_listener_address(had, 0, &a);
	(void)fill_listener_address(l, 0, &b);
	return (had->kind == l->kind || had->handed) &&
	    had->asked_port == l->asked_port && memcmp(&a, &b, sizeof(a)) == 0;
}

/* The listener of old that has the same address, or NULL. */
static const struct listener *
find_inherited(const struct listeners *old, const struct listener *l)
{
	size_t i;

	for (i = 0; old != NULL && i < old->n; i++)
		if (is_same(&old->v[i], l))
			return &old->v[i];
	return NULL;
}

/* Where the configuration speaks of each kind. */
static const char *const sections[] = { "gemini", "gopher", "metrics" };

static void
report_bind_failure(const struct listener *l, const struct conf *conf,
    struct problems *ps)
{
	const struct conf_gopher *gopher = &conf->gophers[l->gopher];
	bool is_clear = l->kind == LISTENER_GEMINI && l->clear;
	const int lines[] = { is_clear ? conf->gemini_clear_line
				       : conf->gemini_listen_line,
		gopher->listen_line, conf->metrics_listen_line };
	const char *hint = "";
	int error = errno;
	struct buf name;

	if (error == EACCES && l->family != AF_UNIX)
		hint = "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
	else if (error == EADDRINUSE)
		hint = l->family == AF_UNIX && !is_socket(l->host)
		    ? "; a file that is no socket has that name"
		    : "; another server has it";
	else if (error == EADDRNOTAVAIL)
		hint = "; this machine has no such address";
	buf_init(&name, 256);
	listener_name(l, &name);
	problems_add(ps, conf->path, lines[l->kind],
	    "[%s%s] %s: cannot listen on %.*s: %s%s", sections[l->kind],
	    l->kind == LISTENER_GOPHER ? gopher->tag : "",
	    is_clear ? "clear" : "listen", VIEW_ARG(buf_view(&name)),
	    strerror(error), hint);
	buf_fini(&name);
}

/* A family that the system lacks is no reason to refuse the other. */
static bool
is_lacking(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
	    error == EPROTONOSUPPORT;
}

/*
 * Bind l.  Halves of one "*:0" share the port that the first half was given;
 * sibling is that half, or NULL.  Returns 0; 1 if it may be left out; or -1.
 */
static int
bind_one(struct listener *l, const struct conf_listen *want,
    const struct listener *sibling, const struct listeners *old)
{
	const struct listener *had = find_inherited(old, l);
	int port = want->port;

	if (port == 0 && sibling != NULL)
		port = sibling->port;
	l->fd = had != NULL ? had->fd : open_socket(l, port, false);
	if (l->fd == -1 && errno == EADDRINUSE)
		l->fd = open_beside(l, port, old);
	l->handed = had != NULL && had->handed;
	if (l->fd == -1)
		return want->optional && is_lacking(errno) ? 1 : -1;
	l->port = get_bound_port(l->fd);
	return 0;
}

static bool
is_in(const struct listeners *ls, int fd)
{
	size_t i;

	for (i = 0; ls != NULL && i < ls->n; i++)
		if (ls->v[i].fd == fd)
			return true;
	return false;
}

void
listeners_close(struct listeners *ls, const struct listeners *kept)
{
	size_t i;

	for (i = 0; i < ls->n; i++) {
		if (is_in(kept, ls->v[i].fd))
			continue;
		close(ls->v[i].fd);
		/* What a service manager made is its own to remove. */
		if (ls->v[i].family == AF_UNIX && !ls->v[i].handed)
			(void)unlink(ls->v[i].host);
	}
	xfree(ls->v);
	*ls = (struct listeners){ NULL, 0 };
}

/* A list of addresses, and what stands behind them. */
struct service {
	enum listener_kind kind;
	const struct conf_listens *listens;
	size_t gopher; /* of conf->gophers */
	bool clear, tls;
};

#define BEFORE_GOPHER 2 /* services: Gemini with TLS, and without */

static size_t
count_services(const struct conf *conf)
{
	return BEFORE_GOPHER + conf->n_gophers + 1;
}

/* The i-th service of conf: Gemini, then all of Gopher, then metrics. */
static struct service
service_of(const struct conf *conf, size_t i)
{
	const struct conf_gopher *gopher;

	if (i < BEFORE_GOPHER)
		return (struct service){ LISTENER_GEMINI,
			i == 0 ? &conf->gemini_listen : &conf->gemini_clear, 0,
			i == 1, i == 0 };
	i -= BEFORE_GOPHER;
	if (i == conf->n_gophers)
		return (struct service){ LISTENER_METRICS,
			&conf->metrics_listen, 0, true, false };
	gopher = &conf->gophers[i];
	return (struct service){ LISTENER_GOPHER, &gopher->listen, i, true,
		gopher->tls };
}

/* Who is a proxy to this service. */
static const struct conf_networks *
proxies_of(const struct service *service, const struct conf *conf)
{
	static const struct conf_networks nobody = { .n = 0 };

	switch (service->kind) {
	case LISTENER_GEMINI:
		return &conf->gemini_proxies;
	case LISTENER_GOPHER:
		return &conf->gophers[service->gopher].proxies;
	default:
		return &nobody;
	}
}

/* Fill in a listener from the configuration. */
static void
describe_listener(struct listener *l, const struct service *service,
    const struct conf *conf, const struct conf_listen *want)
{
	const struct conf_gopher *gopher = &conf->gophers[service->gopher];
	bool is_gopher = service->kind == LISTENER_GOPHER;

	*l = (struct listener){ .kind = service->kind,
		.gopher = service->gopher,
		.site = is_gopher ? gopher->capsule : 0,
		.proxies = proxies_of(service, conf),
		.fd = -1,
		.family = want->family,
		.asked_port = want->port,
		.pair = want->pair };
	snprintf(l->host, sizeof(l->host), "%.*s", VIEW_ARG(want->host));
	l->clear = service->clear;
	l->tls = service->tls;
	if (service->kind != LISTENER_METRICS)
		l->protocol = is_gopher ? &protocol_gopher : &protocol_gemini;
}

/* True if both are one word of one list: the halves of a "*". */
static bool
is_pair(const struct listener *a, const struct listener *b)
{
	return a->kind == b->kind && a->gopher == b->gopher &&
	    a->clear == b->clear && a->pair == b->pair;
}

/* Bind the addresses of one service behind those already in ls. */
static int
open_service(struct listeners *ls, const struct service *service,
    const struct listeners *old, const struct conf *conf, struct problems *ps)
{
	const struct conf_listens *want = service->listens;
	const struct listener *sibling;
	int r, bad = 0;
	size_t i;

	for (i = 0; i < want->n; i++) {
		struct listener *l = &ls->v[ls->n];

		describe_listener(l, service, conf, &want->v[i]);
		sibling = ls->n > 0 && is_pair(&l[-1], l) ? &l[-1] : NULL;
		r = bind_one(l, &want->v[i], sibling, old);
		if (r == 0)
			ls->n++;
		else if (r == -1) {
			report_bind_failure(l, conf, ps);
			bad = -1;
		}
	}
	return bad;
}

/*
 * A socket that nobody accepts from lets visitors wait for ever: what was
 * handed over and is in no list is a mistake on one of both sides.
 */
static int
refuse_unused(const struct listeners *ls, const struct listeners *old,
    const struct conf *conf, struct problems *ps)
{
	struct buf name;
	int bad = 0;
	size_t i;

	buf_init(&name, 256);
	for (i = 0; old != NULL && i < old->n; i++) {
		if (!old->v[i].handed || is_in(ls, old->v[i].fd))
			continue;
		buf_reset(&name);
		listener_name(&old->v[i], &name);
		problems_add(ps, conf->path, 0,
		    "the service manager hands over a socket for %.*s, which "
		    "no \"listen\" names; add it there, or take it out of "
		    "the manager's unit",
		    VIEW_ARG(buf_view(&name)));
		bad = -1;
	}
	buf_fini(&name);
	return bad;
}

/*
 * What was let in beside a socket that is to go must not stay beside one that
 * is kept: the next start would refuse it.
 */
static int
refuse_beside(const struct listeners *ls, const struct conf *conf,
    struct problems *ps)
{
	int bad = 0;
	size_t i, k;

	for (i = 0; i < ls->n; i++)
		for (k = 0; k < i; k++)
			if ((ls->v[i].beside || ls->v[k].beside) &&
			    is_clash(&ls->v[i], &ls->v[k], ls->v[i].port)) {
				errno = EADDRINUSE;
				report_bind_failure(&ls->v[i], conf, ps);
				bad = -1;
			}
	return bad;
}

/* The number of addresses; and whether the kernel chooses a port. */
static size_t
count_listen_addresses(const struct conf *conf, bool *any_zero)
{
	struct service service;
	size_t i, k, n = 0;

	*any_zero = false;
	for (i = 0; i < count_services(conf); i++) {
		service = service_of(conf, i);
		for (k = 0; k < service.listens->n; k++)
			if (service.listens->v[k].port == 0 &&
			    service.listens->v[k].family != AF_UNIX)
				*any_zero = true;
		n += service.listens->n;
	}
	return n;
}

int
listeners_open(struct listeners *to, const struct listeners *old,
    const struct conf *conf, struct problems *ps)
{
	bool any_zero;
	size_t i, n = count_listen_addresses(conf, &any_zero);
	/* A kernel's choice for one family may be taken in the other: then
	 * look again. */
	int r, tries = any_zero ? PORT_TRIES : 1;
	struct service service;
	struct problems *heard;
	struct listeners ls;

	do {
		heard = tries > 1 ? problems_new() : ps;
		ls.n = 0;
		ls.v = xcalloc(n + 1, sizeof(*ls.v));
		r = 0;
		for (i = 0; i < count_services(conf); i++) {
			service = service_of(conf, i);
			if (open_service(&ls, &service, old, conf, heard) == -1)
				r = -1;
		}
		if (refuse_unused(&ls, old, conf, heard) == -1)
			r = -1;
		if (refuse_beside(&ls, conf, heard) == -1)
			r = -1;
		if (r == -1)
			listeners_close(&ls, old);
		if (heard != ps)
			problems_free(heard);
	} while (r == -1 && --tries > 0);
	if (r == -1)
		return -1;
	for (i = 0; i < ls.n; i++)
		(void)fcntl(ls.v[i].fd, F_SETFL, O_NONBLOCK);
	*to = ls;
	return 0;
}

static bool
is_listening(int fd)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
	    yes != 0;
}

/* Once more, on the port that l has had; 0 or -1 with errno. */
static int
revive_socket(const struct listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = fill_listener_address(l, l->port, &ss);

	/* A port that the kernel chose is gone; another is bound still. */
	if (bind(l->fd, (struct sockaddr *)&ss, len) == -1 && errno != EINVAL)
		return -1;
	return listen(l->fd, LISTENER_BACKLOG);
}

void
listeners_mend(const struct listeners *ls)
{
	struct linger off = { 0 };
	const struct listener *l;
	struct buf name;

	buf_init(&name, 256);
	for (l = ls->v; l < ls->v + ls->n; l++) {
		(void)setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &off,
		    sizeof(off));
		if (l->family == AF_UNIX)
			continue;
		os_bound_queue(l->fd, LISTENER_QUEUE);
		if (is_listening(l->fd))
			continue;
		buf_reset(&name);
		listener_name(l, &name);
		if (revive_socket(l) == 0)
			log_warnx("the socket on %.*s was shut down by a "
				  "worker: listening again",
			    VIEW_ARG(buf_view(&name)));
		else
			log_error("cannot listen on %.*s again",
			    VIEW_ARG(buf_view(&name)));
	}
	buf_fini(&name);
}

int
listeners_gopher_port(const struct listeners *ls, size_t gopher)
{
	size_t i;

	for (i = 0; i < ls->n; i++)
		if (ls->v[i].kind == LISTENER_GOPHER &&
		    ls->v[i].gopher == gopher && ls->v[i].port != 0)
			return ls->v[i].port;
	return GOPHER_PORT;
}

void
listeners_ports(const struct listeners *ls, enum listener_kind kind,
    struct buf *to)
{
	const struct listener *last = NULL, *l;

	for (l = ls->v; l < ls->v + ls->n; l++) {
		if (l->kind != kind || l->family == AF_UNIX ||
		    (last != NULL && is_pair(last, l)))
			continue;
		buf_printf(to, "%s%d", last == NULL ? "" : ",", l->port);
		last = l;
	}
}

void
listener_name(const struct listener *l, struct buf *to)
{
	int port = l->fd == -1 ? l->asked_port : l->port;

	if (l->family == AF_UNIX)
		buf_printf(to, "unix:%s", l->host);
	else if (l->family == AF_INET6)
		buf_printf(to, "[%s]:%d", l->host[0] == '\0' ? "::" : l->host,
		    port);
	else
		buf_printf(to, "%s:%d",
		    l->host[0] == '\0' ? "0.0.0.0" : l->host, port);
}
