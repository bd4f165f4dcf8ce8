/*
 * limit.c - the cheapest honest server there can be for one answer: what the
 * daemon is measured against.
 *
 * usage: limit best   PORT CERTIFICATE KEY FILE
 *        limit plain  PORT CERTIFICATE KEY FILE [TICKETS]
 *        limit gopher PORT FILE
 *        limit stream PORT CERTIFICATE KEY BYTES
 *        limit file   PORT FILE
 *
 * Prints "port=N" once it serves; port 0 is one that the system chooses.  One
 * process, one thread, blocking, no event loop, no deadline and no limit; of
 * a request it reads what the first read brings, and parses nothing.
 *
 *   best    Gemini with all tricks: memory BIOs, so one recv(2) and one
 *           send(2) a flight, one SSL object for all, AES-128, no ticket, no
 *           record for middle boxes
 *   plain   Gemini as a tutorial has it: SSL_accept, SSL_read, SSL_write
 *   gopher  one read(2), one write(2)
 *   stream  BYTES over TLS, all of them in memory: SSL_write until they are
 *           gone
 *   file    FILE in the clear: sendfile(2) until it is gone
 */
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sendfile.h>
#endif

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "dial.h"

#define HEADER      "20 text/gemini;lang=en\r\n"
#define ANSWER_MAX  (1 << 20)  /* bytes, header included */
#define REQUEST_MAX 4096       /* bytes */
#define RECV_MAX    65536      /* bytes */
#define RECORD      (16 << 10) /* bytes; the largest of TLS */
#define BACKLOG     4096

/* Where nothing holds bytes back, the end travels in a packet of its own. */
#ifndef MSG_MORE
#define MSG_MORE 0
#endif
#ifdef TCP_CORK
#define HOLD_BACK TCP_CORK
#elif defined(TCP_NOPUSH)
#define HOLD_BACK TCP_NOPUSH
#endif

static char answer[ANSWER_MAX];
static size_t answer_len;
static char *content; /* of a stream */
static SSL_CTX *ctx;

static void
read_answer(const char *path, const char *header)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		err(1, "%s", path);
	answer_len = strlen(header);
	memcpy(answer, header, answer_len);
	answer_len += fread(answer + answer_len, 1, ANSWER_MAX - answer_len, f);
	if (!feof(f))
		errx(1, "%s: more than %d bytes", path, ANSWER_MAX);
	fclose(f);
}

static void
make_context(const char *certificate, const char *key)
{
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, DIAL_GROUPS) != 1)
		errx(1, "cannot use %s with %s", certificate, key);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
}

static int
listen_at(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 },
	    sizeof(int));
	if (fd == -1 || bind(fd, (struct sockaddr *)&at, len) == -1 ||
	    listen(fd, BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		err(1, "port %d", port);
	printf("port=%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void
finish(int fd)
{
	(void)shutdown(fd, SHUT_WR);
	close(fd);
}

/* -- best -- */

static void
tune_best(int door)
{
	/* Connections come with their first bytes, so no recv waits. */
#ifdef TCP_DEFER_ACCEPT
	(void)setsockopt(door, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){ 1 },
	    sizeof(int));
#else
	(void)door;
#endif
	(void)SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
}

/* Send what TLS has written; last holds it back for the FIN to ride on. */
static bool
flush(SSL *ssl, int fd, bool last)
{
	BIO *out = SSL_get_wbio(ssl);
	char *p;
	long n = BIO_get_mem_data(out, &p);

	if (n <= 0)
		return true;
	if (send(fd, p, (size_t)n, last ? MSG_MORE : 0) == -1)
		return false;
	(void)BIO_reset(out);
	return true;
}

/* One flight in, one flight out; true when the answer is among it. */
static bool
step_best(SSL *ssl, const char *in, size_t n)
{
	char request[REQUEST_MAX];

	(void)BIO_write(SSL_get_rbio(ssl), in, (int)n);
	if (!SSL_is_init_finished(ssl))
		(void)SSL_do_handshake(ssl);
	if (!SSL_is_init_finished(ssl) ||
	    SSL_read(ssl, request, sizeof(request)) <= 0)
		return false;
	(void)SSL_write(ssl, answer, (int)answer_len);
	(void)SSL_shutdown(ssl);
	return true;
}

static void
serve_best(int door)
{
	SSL *ssl = SSL_new(ctx);
	char in[RECV_MAX];
	ssize_t n;
	int fd;
	bool done;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	for (;;) {
		if ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) == -1)
			continue;
		SSL_set_accept_state(ssl);
		do {
			if ((n = recv(fd, in, sizeof(in), 0)) <= 0)
				break;
			done = step_best(ssl, in, (size_t)n);
		} while (flush(ssl, fd, done) && !done);
		finish(fd);
		ERR_clear_error();
		(void)BIO_reset(SSL_get_rbio(ssl));
		(void)BIO_reset(SSL_get_wbio(ssl));
		(void)SSL_clear(ssl);
	}
}

/* -- plain, stream -- */

static void
put_answer(SSL *ssl, size_t bytes)
{
	(void)bytes;
	(void)SSL_write(ssl, answer, (int)answer_len);
}

/*
 * As much memory as the file takes.  What was never written to would be one
 * page of zeroes, always in the processor's cache: no file is so cheap.
 */
static void
fill_content(size_t bytes)
{
	content = malloc(bytes);
	if (content == NULL)
		err(1, "%zu bytes", bytes);
	memset(content, 'x', bytes);
}

static void
put_stream(SSL *ssl, size_t bytes)
{
	size_t at, n;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < RECORD ? bytes - at : RECORD;
		if (SSL_write(ssl, content + at, (int)n) <= 0)
			return;
	}
}

/* So that the end goes with what is before it. */
static void
hold_back(int fd)
{
#ifdef HOLD_BACK
	(void)setsockopt(fd, IPPROTO_TCP, HOLD_BACK, &(int){ 1 }, sizeof(int));
#else
	(void)fd;
#endif
}

static void
serve_tls(int door, void (*put)(SSL *, size_t), size_t bytes)
{
	char request[REQUEST_MAX];
	SSL *ssl;
	int fd;

	for (;;) {
		if ((fd = accept(door, NULL, NULL)) == -1)
			continue;
		ssl = SSL_new(ctx);
		(void)SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1 &&
		    SSL_read(ssl, request, sizeof(request)) > 0) {
			hold_back(fd);
			put(ssl, bytes);
			(void)SSL_shutdown(ssl);
		}
		ERR_clear_error();
		SSL_free(ssl);
		finish(fd);
	}
}

/* -- gopher, file -- */

static void
serve_gopher(int door)
{
	char request[REQUEST_MAX];
	int fd;

	for (;;) {
		if ((fd = accept(door, NULL, NULL)) == -1)
			continue;
		if (read(fd, request, sizeof(request)) > 0 &&
		    write(fd, answer, answer_len) == -1)
			warn("write");
		finish(fd);
	}
}

static void
put_file(int fd, int file, size_t left)
{
	off_t at = 0;
	ssize_t n;

	while (left > 0) {
#ifdef __linux__
		n = sendfile(fd, file, &at, left);
#else
		n = pread(file, answer, sizeof(answer), at);
		n = n > 0 ? write(fd, answer, (size_t)n) : n;
		at += n;
#endif
		if (n <= 0)
			return;
		left -= (size_t)n;
	}
}

static void
serve_file(int door, const char *path)
{
	char request[REQUEST_MAX];
	int fd, file = open(path, O_RDONLY);
	struct stat st;

	if (file == -1 || fstat(file, &st) == -1)
		err(1, "%s", path);
	for (;;) {
		if ((fd = accept(door, NULL, NULL)) == -1)
			continue;
		if (read(fd, request, sizeof(request)) > 0)
			put_file(fd, file, (size_t)st.st_size);
		finish(fd);
	}
}

/* -- the command line -- */

static void
usage(void)
{
	errx(2,
	    "usage: limit best|plain|gopher|stream|file PORT ...,"
	    " see the head of limit.c");
}

static void
main_tls(const char *mode, int argc, char **argv)
{
	size_t bytes;
	int door;

	if (argc < 6)
		usage();
	make_context(argv[3], argv[4]);
	if (argc > 6)
		(void)SSL_CTX_set_num_tickets(ctx, strtoul(argv[6], NULL, 10));
	if (strcmp(mode, "stream") == 0) {
		/* The daemon's choice, so that both pay for the same cipher. */
		(void)SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
		bytes = strtoull(argv[5], NULL, 10);
		fill_content(bytes);
		serve_tls(listen_at(atoi(argv[2])), put_stream, bytes);
	}
	read_answer(argv[5], HEADER);
	door = listen_at(atoi(argv[2]));
	if (strcmp(mode, "best") == 0) {
		tune_best(door);
		serve_best(door);
	}
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	serve_tls(door, put_answer, 0);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 3 ? argv[1] : "";

	(void)signal(SIGPIPE, SIG_IGN);
	if (strcmp(mode, "best") == 0 || strcmp(mode, "plain") == 0 ||
	    strcmp(mode, "stream") == 0)
		main_tls(mode, argc, argv);
	if (strcmp(mode, "file") == 0)
		serve_file(listen_at(atoi(argv[2])), argv[3]);
	if (strcmp(mode, "gopher") != 0)
		usage();
	read_answer(argv[3], "");
	serve_gopher(listen_at(atoi(argv[2])));
}
