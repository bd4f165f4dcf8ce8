/*
 * dial.c - what the clients of the benchmarks share.
 *
 * Blocking on purpose: a client that does as little as possible leaves the
 * processor to what is measured.
 */
#include "dial.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define FILES_WANTED (1 << 20)

bool
dial_option(struct dial *d, int option, char *value)
{
	switch (option) {
	case 'p':
		d->port = atoi(value);
		return true;
	case 'a':
		d->address = value;
		return true;
	case 's':
		d->sni = value;
		return true;
	default:
		return false;
	}
}

double
dial_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The port shall be chosen at connect(2): 250 times as many are free then. */
static void
spread(int fd, unsigned visitor)
{
	struct sockaddr_in from = { .sin_family = AF_INET };

#ifdef IP_BIND_ADDRESS_NO_PORT
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 },
	    sizeof(int));
#endif
	from.sin_addr.s_addr = htonl(0x7f000101u + visitor % DIAL_SOURCES);
	(void)bind(fd, (struct sockaddr *)&from, sizeof(from));
}

int
dial_connect(const struct dial *d, unsigned visitor)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)d->port) };
	struct timeval patience = { DIAL_PATIENCE_S, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || inet_pton(AF_INET, d->address, &to.sin_addr) != 1)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 },
	    sizeof(int));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	if (d->segment > 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &d->segment,
		    sizeof(d->segment));
	if (d->spread)
		spread(fd, visitor);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

void
dial_reset(int fd)
{
	struct linger at_once = { 1, 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **last = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(*last);
	*last = session;
	return 1;
}

struct ssl_ctx_st *
dial_context(bool resume, struct ssl_session_st **last)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL || SSL_CTX_set1_groups_list(ctx, DIAL_GROUPS) != 1)
		errx(1, "no memory");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	if (resume) {
		(void)SSL_CTX_set_app_data(ctx, last);
		(void)SSL_CTX_set_session_cache_mode(ctx,
		    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, keep_session);
	}
	return ctx;
}

struct ssl_st *
dial_tls(struct ssl_ctx_st *ctx, const struct dial *d, int fd)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
	    SSL_set_tlsext_host_name(ssl, d->sni) != 1)
		errx(1, "no memory");
	return ssl;
}

void
dial_raise_limits(void)
{
	struct rlimit files = { FILES_WANTED, FILES_WANTED };

	if (setrlimit(RLIMIT_NOFILE, &files) == 0)
		return;
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}
