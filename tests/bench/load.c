/*
 * load.c - many visitors at once, each with a connection of its own, as both
 * protocols have it.
 *
 * usage: load gemini|gopher -p PORT [-a ADDRESS] [-s SNI] [-u TARGET]
 *            [-c CLIENTS] [-d SECONDS] [-n VISITS] [-k PAGES] [-x BYTES]
 *            [-rSD]
 *        load hold-tls|hold-tcp -p PORT -n CONNECTIONS [-a ADDRESS] [-s SNI]
 *            [-S]
 *
 * The first form visits again and again, from CLIENTS processes, for SECONDS
 * or until there were VISITS, and prints one line of key=value: ok and bad
 * visits, how many resumed a session or ended without close_notify, seconds,
 * visits a second, latency in microseconds (median, 99th percentile and
 * worst), bytes a visit each way.  Exit status 1 if a visit was bad.
 *
 *   -u   the URL or selector; a # in it becomes a number below PAGES
 *   -x   the body must have so many bytes
 *   -r   resume TLS sessions; each client makes a first visit that does not
 *        count, then "primed" is printed and a line of standard input awaited
 *   -S   come from many addresses of 127/8
 *   -D   throw the answer away unread, undecrypted: large files, where a
 *        client that decrypts would be the one who is measured
 *
 * The second form opens CONNECTIONS, completes their handshakes if they are
 * TLS, prints "held=N", waits for the end of standard input, and prints how
 * many are still open: "alive=N".
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "dial.h"

#define LATENCIES_MAX 4000000 /* visits whose time is kept */
#define REQUEST_MAX   2048    /* bytes */
#define READ_SIZE     65536   /* bytes */
#define FAILURES_MAX  200     /* without any success: give up */
#define LOOK_US       500     /* between two looks at what others have done */

/* What all clients add to; one mapping that they share. */
struct tally {
	_Atomic long ok, bad_connect, bad_tls, bad_read, bad_body;
	_Atomic long resumed, cut, begun, received, sent, timed;
	_Atomic long primed;
	_Atomic bool go;
	uint32_t latency_us[LATENCIES_MAX];
};

struct options {
	struct dial dial;
	const char *mode, *target;
	int clients;
	double seconds;
	long visits, pages, expected;
	bool resume, discard, tls;
};

/* What one visit brought. */
struct visit {
	long body, received, sent;
	bool header_done, is_success, notified;
};

static struct tally *tally;
static SSL_CTX *ctx;
static SSL_SESSION *session;
static uint32_t luck = 2463534242u;
static char local_name[] = "localhost";

/* -- one visit -- */

static uint32_t
next_number(void)
{
	luck ^= luck << 13;
	luck ^= luck >> 17;
	luck ^= luck << 5;
	return luck;
}

/* The target's holes filled: number n, or n's thousand and the rest of it. */
static int
fill_holes(const char *target, long n, char *to, size_t size)
{
	const char *first = strchr(target, '#'),
		   *second = strchr(first + 1, '#');

	if (second == NULL)
		return snprintf(to, size, "%.*s%ld%s\r\n",
		    (int)(first - target), target, n, first + 1);
	return snprintf(to, size, "%.*s%ld%.*s%ld%s\r\n", (int)(first - target),
	    target, n / 1000, (int)(second - first - 1), first + 1, n % 1000,
	    second + 1);
}

static size_t
make_request(const struct options *o, char *to, size_t size)
{
	bool fixed = o->pages <= 0 || strchr(o->target, '#') == NULL;
	int n = fixed
	    ? snprintf(to, size, "%s\r\n", o->target)
	    : fill_holes(o->target,
		  (long)(next_number() % (unsigned long)o->pages), to, size);

	if (n < 0 || (size_t)n >= size)
		errx(2, "the target is too long");
	return (size_t)n;
}

/* Bytes thrown away in the kernel, without a copy. */
static bool
discard(int fd, struct visit *v)
{
	ssize_t n;

#ifdef __linux__
	while ((n = recv(fd, NULL, 1 << 20, MSG_TRUNC)) > 0)
#else
	static char room[1 << 20];

	while ((n = recv(fd, room, sizeof(room), 0)) > 0)
#endif
		v->received += n;
	v->body = v->received;
	return n == 0;
}

static bool
visit_gopher(const struct options *o, int fd, const char *request, size_t len,
    struct visit *v)
{
	char room[READ_SIZE];
	ssize_t n;

	if (write(fd, request, len) != (ssize_t)len)
		return false;
	v->sent = (long)len;
	if (o->discard)
		return discard(fd, v) && v->received > 0;
	while ((n = read(fd, room, sizeof(room))) > 0)
		v->received += n;
	v->body = v->received;
	return n == 0 && v->received > 0;
}

/* The header of an answer comes whole with the first bytes. */
static void
take(struct visit *v, const char *p, size_t n)
{
	const char *end;

	if (!v->header_done && (end = memchr(p, '\n', n)) != NULL) {
		v->header_done = true;
		v->is_success = p[0] == '2';
		v->body -= end + 1 - p;
	}
	v->body += (long)n;
}

static bool
read_answer(SSL *ssl, struct visit *v)
{
	char room[READ_SIZE];
	int n;

	while ((n = SSL_read(ssl, room, sizeof(room))) > 0)
		take(v, room, (size_t)n);
	v->notified = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
	return v->is_success;
}

static bool
visit_gemini(const struct options *o, int fd, const char *request, size_t len,
    struct visit *v)
{
	SSL *ssl = dial_tls(ctx, &o->dial, fd);
	bool good = false;

	if (o->resume && session != NULL)
		(void)SSL_set_session(ssl, session);
	if (SSL_connect(ssl) != 1) {
		tally->bad_tls++;
		goto out;
	}
	tally->resumed += SSL_session_reused(ssl);
	if (SSL_write(ssl, request, (int)len) <= 0)
		goto out;
	good = o->discard ? discard(fd, v) : read_answer(ssl, v);
	tally->cut += good && !o->discard && !v->notified;
	v->received += (long)BIO_number_read(SSL_get_rbio(ssl));
	v->sent += (long)BIO_number_written(SSL_get_wbio(ssl));
out:
	/* Or the session would be taken for one that went wrong. */
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
	ERR_clear_error();
	return good;
}

static bool
visit(const struct options *o, unsigned number)
{
	char request[REQUEST_MAX];
	size_t len = make_request(o, request, sizeof(request));
	struct visit v = { 0 };
	int fd = dial_connect(&o->dial, number);
	bool good;

	if (fd == -1) {
		tally->bad_connect++;
		return false;
	}
	good = o->tls ? visit_gemini(o, fd, request, len, &v)
		      : visit_gopher(o, fd, request, len, &v);
	dial_reset(fd);
	tally->received += v.received;
	tally->sent += v.sent;
	tally->bad_read += !good;
	if (good && o->expected >= 0 && v.body != o->expected) {
		tally->bad_body++;
		return false;
	}
	return good;
}

/* -- many of them -- */

static bool
is_hopeless(void)
{
	return tally->ok == 0 &&
	    tally->bad_connect + tally->bad_read + tally->bad_body >
	    FAILURES_MAX;
}

static void
keep_latency(double ms)
{
	long k = tally->timed++;

	if (k < LATENCIES_MAX)
		tally->latency_us[k] = (uint32_t)(ms * 1e3);
}

/* The visit that brings the session to resume, then wait for all others. */
static void
prime(const struct options *o, unsigned number)
{
	(void)visit(o, number);
	tally->primed++;
	while (!tally->go)
		(void)usleep(LOOK_US);
}

static void
be_client(const struct options *o, unsigned number)
{
	double began, end_ms;

	luck += number * 7919u;
	if (o->tls)
		ctx = dial_context(o->resume, &session);
	if (o->resume)
		prime(o, number);
	end_ms = dial_now_ms() + o->seconds * 1e3;
	while (!is_hopeless() && dial_now_ms() < end_ms) {
		if (o->visits > 0 && tally->begun++ >= o->visits)
			break;
		began = dial_now_ms();
		if (visit(o, number)) {
			tally->ok++;
			keep_latency(dial_now_ms() - began);
		}
		number += (unsigned)o->clients;
	}
	_exit(0);
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t
latency_at(double part)
{
	long n = tally->timed < LATENCIES_MAX ? tally->timed : LATENCIES_MAX;

	return n == 0 ? 0 : tally->latency_us[(long)((double)(n - 1) * part)];
}

static bool
report(double seconds)
{
	long n = tally->timed < LATENCIES_MAX ? tally->timed : LATENCIES_MAX;
	long ok = tally->ok,
	     bad = tally->bad_connect + tally->bad_read + tally->bad_body;

	qsort(tally->latency_us, (size_t)n, sizeof(tally->latency_us[0]),
	    by_size);
	printf("ok=%ld bad=%ld bad_connect=%ld bad_tls=%ld bad_read=%ld"
	       " bad_body=%ld resumed=%ld cut=%ld seconds=%.3f rate=%.1f"
	       " p50_us=%u p99_us=%u worst_us=%u received=%.1f sent=%.1f\n",
	    ok, bad, tally->bad_connect, tally->bad_tls, tally->bad_read,
	    tally->bad_body, tally->resumed, tally->cut, seconds,
	    (double)ok / seconds, latency_at(0.5), latency_at(0.99),
	    latency_at(1.0), ok > 0 ? (double)tally->received / (double)ok : 0,
	    ok > 0 ? (double)tally->sent / (double)ok : 0);
	return ok > 0 && bad == 0;
}

/* Once all have a session: forget what that cost, and let them go. */
static void
start_primed(const struct options *o)
{
	while (tally->primed < o->clients)
		(void)usleep(LOOK_US);
	tally->resumed = tally->cut = tally->received = tally->sent = 0;
	printf("primed\n");
	fflush(stdout);
	(void)getchar();
	tally->go = true;
}

static bool
load(const struct options *o)
{
	double began;
	int i;

	for (i = 0; i < o->clients; i++) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			be_client(o, (unsigned)i);
		}
	}
	if (o->resume)
		start_primed(o);
	began = dial_now_ms();
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return report((dial_now_ms() - began) / 1e3);
}

/* -- connections that wait -- */

struct held {
	int fd;
	SSL *ssl; /* NULL in the clear */
};

static bool
hold_one(const struct options *o, unsigned i, struct held *h)
{
	bool up;

	if ((h->fd = dial_connect(&o->dial, i)) == -1)
		return false;
	if (!o->tls)
		return true;
	h->ssl = dial_tls(ctx, &o->dial, h->fd);
	up = SSL_connect(h->ssl) == 1;
	ERR_clear_error();
	return up;
}

static bool
is_alive(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return n > 0 || (n == -1 && errno == EAGAIN);
}

static bool
hold(const struct options *o)
{
	struct held *all = calloc((size_t)o->visits, sizeof(*all));
	long i, up = 0, alive = 0;

	if (all == NULL)
		errx(1, "no memory");
	if (o->tls)
		ctx = dial_context(false, NULL);
	for (i = 0; i < o->visits; i++)
		up += hold_one(o, (unsigned)i, &all[i]);
	printf("held=%ld\n", up);
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (i = 0; i < o->visits; i++) {
		alive += all[i].fd != -1 && is_alive(all[i].fd);
		SSL_free(all[i].ssl);
	}
	printf("alive=%ld\n", alive);
	SSL_CTX_free(ctx);
	free(all);
	return up == o->visits;
}

/* -- the command line -- */

static void
usage(void)
{
	errx(2,
	    "usage: load gemini|gopher|hold-tls|hold-tcp -p PORT ...,"
	    " see the head of load.c");
}

static void
parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, DIAL_OPTIONS "u:c:d:n:k:x:rSD")) != -1)
		switch (c) {
		case 'u':
			o->target = optarg;
			break;
		case 'c':
			o->clients = atoi(optarg);
			break;
		case 'd':
			o->seconds = atof(optarg);
			break;
		case 'n':
			o->visits = atol(optarg);
			break;
		case 'k':
			o->pages = atol(optarg);
			break;
		case 'x':
			o->expected = atol(optarg);
			break;
		case 'r':
			o->resume = true;
			break;
		case 'S':
			o->dial.spread = true;
			break;
		case 'D':
			o->discard = true;
			break;
		default:
			if (!dial_option(&o->dial, c, optarg))
				usage();
		}
	if (optind != argc || o->dial.port <= 0 || o->clients <= 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct options o = { { "127.0.0.1", local_name, 0, 0, false }, "", "",
		8, 5, 0, 0, -1, false, false, false };

	if (argc < 2)
		usage();
	o.mode = argv[1];
	parse(argc - 1, argv + 1, &o);
	(void)signal(SIGPIPE, SIG_IGN);
	dial_raise_limits();
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		err(1, "mmap");
	o.tls =
	    strcmp(o.mode, "gemini") == 0 || strcmp(o.mode, "hold-tls") == 0;
	if (strncmp(o.mode, "hold-", 5) == 0)
		return o.visits > 0 && hold(&o) ? 0 : 1;
	if (!o.tls && strcmp(o.mode, "gopher") != 0)
		usage();
	return load(&o) ? 0 : 1;
}
