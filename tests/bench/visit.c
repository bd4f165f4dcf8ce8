/*
 * visit.c - one visitor with patience: how long a visit takes, and what each
 * of its bytes is.
 *
 * usage: visit gemini|gopher -p PORT [-a ADDRESS] [-s SNI] [-u TARGET]
 *            [-n VISITS] [-m SEGMENT] [-w MS]
 *
 * Visits VISITS times, one after the other; over Gemini every visit but the
 * first offers the session of the one before.  Prints a line of key=value for
 * each: resumed or not, milliseconds until connected, until the handshake was
 * done and until the last byte of the answer was there, bytes each way,
 * those of them that came in the handshake's first flight, packets that we sent
 * again, and whether it ended with close_notify.  Over TLS a line "part WAY
 * NAME BYTES" follows for all that travelled: messages of the handshake, the
 * answer, and what the records around them cost.  Their sum is the sum of the
 * bytes, or else the exit status is 1.
 *
 *   -m   the largest segment to be sent to us, bytes: as a network would have
 *   -w   wait so long between two visits, milliseconds
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "dial.h"

#define PARTS_MAX    64    /* kinds of parts of one visit */
#define REQUEST_MAX  2048  /* bytes */
#define READ_SIZE    65536 /* bytes */
#define RECORD_INNER 17    /* bytes; content type and tag of a sealed record */

enum way { UP, DOWN };

struct part {
	enum way way;
	const char *name;
	long bytes;
};

/* One visit, and what is known of it. */
struct visit {
	struct part parts[PARTS_MAX];
	size_t n_parts;
	double began_ms, connected_ms, ready_ms, done_ms;
	long up, down, flight, body;
	int resent;
	bool resumed, notified, good;
};

struct options {
	struct dial dial;
	const char *target;
	int visits, pause_ms;
	bool tls;
};

static SSL_SESSION *session;
static char local_name[] = "localhost";

/* -- parts -- */

static void
add_part(struct visit *v, enum way way, const char *name, long bytes)
{
	size_t i;

	if (bytes == 0)
		return;
	for (i = 0; i < v->n_parts; i++)
		if (v->parts[i].way == way &&
		    strcmp(v->parts[i].name, name) == 0)
			break;
	if (i == PARTS_MAX)
		errx(1, "more than %d kinds of parts", PARTS_MAX);
	if (i == v->n_parts)
		v->parts[v->n_parts++] = (struct part){ way, name, 0 };
	v->parts[i].bytes += bytes;
}

static const char *
message_name(int type)
{
	static const struct {
		int type;
		const char *name;
	} names[] = {
		{ SSL3_MT_CLIENT_HELLO, "ClientHello" },
		{ SSL3_MT_SERVER_HELLO, "ServerHello" },
		{ SSL3_MT_NEWSESSION_TICKET, "NewSessionTicket" },
		{ SSL3_MT_ENCRYPTED_EXTENSIONS, "EncryptedExtensions" },
		{ SSL3_MT_CERTIFICATE, "Certificate" },
		{ SSL3_MT_CERTIFICATE_REQUEST, "CertificateRequest" },
		{ SSL3_MT_CERTIFICATE_VERIFY, "CertificateVerify" },
		{ SSL3_MT_SERVER_KEY_EXCHANGE, "ServerKeyExchange" },
		{ SSL3_MT_SERVER_DONE, "ServerHelloDone" },
		{ SSL3_MT_CLIENT_KEY_EXCHANGE, "ClientKeyExchange" },
		{ SSL3_MT_FINISHED, "Finished" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "OtherMessage";
}

/* OpenSSL tells of every message and of every record's header. */
static void
on_message(int is_sent, int version, int type, const void *bytes, size_t len,
    SSL *ssl, void *arg)
{
	const unsigned char *p = bytes;
	struct visit *v = arg;
	enum way way = is_sent ? UP : DOWN;

	(void)version;
	(void)ssl;
	switch (type) {
	case SSL3_RT_HEADER:
		add_part(v, way, "Records", (long)len);
		/* In TLS 1.3 whatever is sealed calls itself data. */
		if (p[0] == SSL3_RT_APPLICATION_DATA)
			add_part(v, way, "Records", RECORD_INNER);
		/* Dropped unread in TLS 1.3: only its header is told of. */
		if (p[0] == SSL3_RT_CHANGE_CIPHER_SPEC)
			add_part(v, way, "ChangeCipherSpec", p[3] << 8 | p[4]);
		break;
	case SSL3_RT_HANDSHAKE:
		add_part(v, way, message_name(p[0]), (long)len);
		break;
	case SSL3_RT_ALERT:
		add_part(v, way, "Alert", (long)len);
		break;
	default:
		break;
	}
}

/* -- a visit -- */

static void
ask_kernel(int fd, struct visit *v)
{
#ifdef __linux__
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return;
	v->resent = (int)info.tcpi_total_retrans;
#else
	(void)fd;
	(void)v;
#endif
}

static void
read_gopher(int fd, const char *request, size_t len, struct visit *v)
{
	char room[READ_SIZE];
	ssize_t n;

	v->ready_ms = dial_now_ms();
	if (write(fd, request, len) != (ssize_t)len)
		return;
	while ((n = read(fd, room, sizeof(room))) > 0)
		v->body += n;
	v->done_ms = dial_now_ms();
	v->good = v->notified = n == 0 && v->body > 0;
	v->up = (long)len;
	v->down = v->body;
}

/* The answer until close_notify: then a reader knows that it is whole. */
static void
read_gemini(SSL *ssl, const char *request, size_t len, struct visit *v)
{
	char room[READ_SIZE];
	int n;

	if (SSL_connect(ssl) != 1)
		return;
	v->ready_ms = dial_now_ms();
	v->flight = (long)BIO_number_read(SSL_get_rbio(ssl));
	v->resumed = SSL_session_reused(ssl);
	if (SSL_write(ssl, request, (int)len) <= 0)
		return;
	add_part(v, UP, "Request", (long)len);
	while ((n = SSL_read(ssl, room, sizeof(room))) > 0)
		v->body += n;
	v->done_ms = dial_now_ms();
	v->notified = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
	v->good = v->body > 0;
	add_part(v, DOWN, "Answer", v->body);
	v->up = (long)BIO_number_written(SSL_get_wbio(ssl));
	v->down = (long)BIO_number_read(SSL_get_rbio(ssl));
}

static void
visit_gemini(const struct options *o, int fd, const char *request, size_t len,
    struct visit *v)
{
	SSL_CTX *ctx = dial_context(true, &session);
	SSL *ssl = dial_tls(ctx, &o->dial, fd);

	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, v);
	if (session != NULL)
		(void)SSL_set_session(ssl, session);
	read_gemini(ssl, request, len, v);
	/* Or the session would be taken for one that went wrong. */
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

static void
visit(const struct options *o, struct visit *v)
{
	char request[REQUEST_MAX];
	int len = snprintf(request, sizeof(request), "%s\r\n", o->target), fd;

	if (len < 0 || (size_t)len >= sizeof(request))
		errx(2, "the target is too long");
	memset(v, 0, sizeof(*v));
	v->began_ms = dial_now_ms();
	if ((fd = dial_connect(&o->dial, 0)) == -1)
		return;
	v->connected_ms = dial_now_ms();
	if (o->tls)
		visit_gemini(o, fd, request, (size_t)len, v);
	else
		read_gopher(fd, request, (size_t)len, v);
	ask_kernel(fd, v);
	close(fd);
}

/* -- what is told of it -- */

static void
report(const struct visit *v, int number)
{
	printf("visit=%d good=%d resumed=%d connect_ms=%.2f handshake_ms=%.2f"
	       " done_ms=%.2f up=%ld down=%ld flight=%ld answer=%ld resent=%d"
	       " notified=%d\n",
	    number, v->good, v->resumed, v->connected_ms - v->began_ms,
	    v->ready_ms - v->began_ms, v->done_ms - v->began_ms, v->up, v->down,
	    v->flight, v->body, v->resent, v->notified);
}

/* True if the parts are all there was. */
static bool
report_parts(const struct visit *v)
{
	long sums[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < v->n_parts; i++) {
		sums[v->parts[i].way] += v->parts[i].bytes;
		printf("part %s %s %ld\n",
		    v->parts[i].way == UP ? "up" : "down", v->parts[i].name,
		    v->parts[i].bytes);
	}
	return sums[UP] == v->up && sums[DOWN] == v->down;
}

static bool
visit_all(const struct options *o)
{
	struct visit v;
	bool good = true;
	int i;

	for (i = 1; i <= o->visits; i++) {
		if (i > 1)
			(void)usleep((useconds_t)o->pause_ms * 1000);
		visit(o, &v);
		report(&v, i);
		good = v.good && (!o->tls || report_parts(&v)) && good;
		fflush(stdout);
	}
	return good;
}

/* -- the command line -- */

static void
usage(void)
{
	errx(2,
	    "usage: visit gemini|gopher -p PORT ..., see the head of"
	    " visit.c");
}

static void
parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, DIAL_OPTIONS "u:n:m:w:")) != -1)
		switch (c) {
		case 'u':
			o->target = optarg;
			break;
		case 'n':
			o->visits = atoi(optarg);
			break;
		case 'm':
			o->dial.segment = atoi(optarg);
			break;
		case 'w':
			o->pause_ms = atoi(optarg);
			break;
		default:
			if (!dial_option(&o->dial, c, optarg))
				usage();
		}
	if (optind != argc || o->dial.port <= 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct options o = { { "127.0.0.1", local_name, 0, 0, false }, "", 1, 0,
		false };

	if (argc < 2)
		usage();
	o.tls = strcmp(argv[1], "gemini") == 0;
	if (!o.tls && strcmp(argv[1], "gopher") != 0)
		usage();
	parse(argc - 1, argv + 1, &o);
	(void)signal(SIGPIPE, SIG_IGN);
	return visit_all(&o) ? 0 : 1;
}
