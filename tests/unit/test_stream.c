/*
 * test_stream.c - reading and writing, with and without TLS: a stream at one
 * end of a pair of sockets, OpenSSL or bare bytes at the other.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ssl.h>

#include "base/os.h"
#include "net/certificate.h"
#include "net/stream_plain.h"
#include "net/stream_tls.h"
#include "net/tls.h"
#include "place.h"

#define RECORD_HEAD  5 /* bytes; RFC 8446 5.1 */
#define MESSAGE_HEAD 4 /* bytes; RFC 8446 4 */

/* As OPENSSL_VERSION_NUMBER is made since 3.0. */
#define OPENSSL(major, minor, patch)                                           \
	((unsigned long)(major) << 28 | (unsigned long)(minor) << 20 |         \
	    (unsigned long)(patch) << 4)

static struct place place;
static struct tls *tls;
static struct stream_scratch scratch;

/* A stream, and its peer. */
struct meeting {
	struct stream stream;
	int fd; /* the peer's */
	SSL_CTX *ctx;
	SSL *ssl; /* the peer's, or NULL */
};

static int
set_up(void **state)
{
	char text[3 * PATH_MAX];
	struct problems *ps = problems_new();

	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# Hello\n"));
	snprintf(text, sizeof(text),
	    "[capsule]\nhostname = example.org\nroot = %s/capsule\n"
	    "certificate = %s/c.pem\nkey = %s/k.pem\n"
	    "[selectors]\n/ = index.gmi\n",
	    place.path, place.path, place.path);
	tls_init();
	place_read(&place, text);
	if (certificate_ensure(place.conf, place.conf->capsules, false, ps) !=
	    1)
		errx(1, "no certificate");
	place_load_read(&place);
	if (place.s == NULL)
		errx(1, "%s", place.told);
	tls = tls_new(place.conf, place.s, TLS_KEYS_HERE, ps);
	problems_free(ps);
	return tls == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tls_free(tls);
	place_clear(&place);
	place_unload(&place);
	return 0;
}

static void
meet(struct meeting *m)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(0, fcntl(pair[0], F_SETFL, O_NONBLOCK));
	*m = (struct meeting){ .fd = pair[1] };
	stream_init(&m->stream, &scratch, pair[0]);
	assert_int_equal(STREAM_DONE,
	    stream_start(&m->stream, &stream_tls, tls));
}

/* The same over TCP, with a peer that has room for little. */
static void
meet_over_tcp(struct meeting *m)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listening = socket(AF_INET, SOCK_STREAM, 0), fd, little = 4096;
	socklen_t len = sizeof(a);

	*m = (struct meeting){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
	assert_int_equal(0,
	    setsockopt(m->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)));
	assert_int_equal(0,
	    bind(listening, (const struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(listening, 1));
	assert_int_equal(0,
	    getsockname(listening, (struct sockaddr *)&a, &len));
	assert_int_equal(0,
	    connect(m->fd, (const struct sockaddr *)&a, sizeof(a)));
	fd = accept(listening, NULL, NULL);
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	close(listening);
	stream_init(&m->stream, &scratch, fd);
	assert_int_equal(STREAM_DONE,
	    stream_start(&m->stream, &stream_tls, tls));
}

static void
part(struct meeting *m)
{
	stream_fini(&m->stream, false);
	close(m->stream.fd);
	SSL_free(m->ssl);
	SSL_CTX_free(m->ctx);
	close(m->fd);
}

/* One turn of a worker. */
static enum stream_result
turn(struct meeting *m)
{
	char room[1024];
	size_t n;

	return stream_read(&m->stream, room, sizeof(room), &n);
}

/* Turns until there is nothing to read, or no use in it. */
static enum stream_result
turns(struct meeting *m, unsigned *count)
{
	enum stream_result r;
	char byte;

	*count = 0;
	do {
		r = turn(m);
		++*count;
	} while (r == STREAM_WAIT_READ &&
	    recv(m->stream.fd, &byte, 1, MSG_PEEK) == 1);
	return r;
}

/* A handshake up to its end. */
static void
shake_hands(struct meeting *m, int version)
{
	unsigned i, count;

	m->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(m->ctx);
	(void)SSL_CTX_set_min_proto_version(m->ctx, version);
	(void)SSL_CTX_set_max_proto_version(m->ctx, version);
	m->ssl = SSL_new(m->ctx);
	assert_non_null(m->ssl);
	assert_int_equal(1, SSL_set_fd(m->ssl, m->fd));
	assert_int_equal(0, fcntl(m->fd, F_SETFL, O_NONBLOCK));
	SSL_set_connect_state(m->ssl);
	for (i = 0; i < 4; i++) {
		(void)SSL_do_handshake(m->ssl);
		(void)turns(m, &count);
	}
	assert_true(SSL_is_init_finished(m->ssl));
	assert_true(stream_is_ready(&m->stream));
}

static const struct {
	unsigned long openssl;
	bool may;
} versions[] = {
	{ 0, false },            /* unknown */
	{ 0x1010117fUL, false }, /* 1.1.1w */
	{ 0x20000000UL, false }, /* LibreSSL says so for ever */
	{ OPENSSL(3, 0, 0), false },
	{ OPENSSL(3, 0, 13), false },
	{ OPENSSL(3, 0, 14), true },
	{ OPENSSL(3, 0, 19), true },
	{ OPENSSL(3, 1, 5), false },
	{ OPENSSL(3, 1, 6), true },
	{ OPENSSL(3, 2, 1), false },
	{ OPENSSL(3, 2, 2), true },
	{ OPENSSL(3, 3, 0), false },
	{ OPENSSL(3, 3, 1), true },
	{ OPENSSL(3, 4, 0), true },
	{ OPENSSL(3, 5, 0), true },
	{ OPENSSL(4, 0, 0), true },
};

static void
buffers_are_freed_only_where_that_is_safe(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (stream_may_free_buffers(versions[i].openssl) !=
		    versions[i].may)
			fail_msg("%lx", versions[i].openssl);
}

/* -- what a client may say before its request is complete -- */

/* So many bytes of a hello that never ends, in records of all sizes. */
static void
send_hello(struct meeting *m, size_t bytes)
{
	static unsigned char record[RECORD_HEAD + STREAM_RECORD_MAX];
	unsigned count;
	size_t n;
	bool first = true;

	while (bytes > 0) {
		n = bytes < sizeof(record) ? bytes : sizeof(record);
		memset(record, 0, sizeof(record));
		/* Its first message is longer than all that is sent of it. */
		memcpy(record, (unsigned char[]){ 22, 3, 1, 0x40, 0 },
		    RECORD_HEAD);
		if (first)
			memcpy(record + RECORD_HEAD,
			    (unsigned char[]){ 1, 1, 0xff, 0xff },
			    MESSAGE_HEAD);
		first = false;
		assert_int_equal(n, send(m->fd, record, n, 0));
		bytes -= n;
		if (bytes > 0)
			assert_int_equal(STREAM_WAIT_READ, turns(m, &count));
	}
}

static void
a_request_takes_no_more_bytes_than_the_limit(void **state)
{
	struct meeting m;
	unsigned count;

	(void)state;
	meet(&m);
	send_hello(&m, STREAM_REQUEST_MAX);
	assert_int_equal(STREAM_WAIT_READ, turns(&m, &count));
	assert_int_equal(STREAM_REQUEST_MAX, m.stream.received);
	part(&m);

	meet(&m);
	send_hello(&m, STREAM_REQUEST_MAX + 1);
	assert_int_equal(STREAM_BROKEN, turns(&m, &count));
	part(&m);
}

static void
a_turn_receives_once_however_much_there_is(void **state)
{
	struct meeting m;
	unsigned count;

	(void)state;
	meet(&m);
	send_hello(&m, 4 * STREAM_IN_MAX);
	assert_int_equal(STREAM_WAIT_READ, turn(&m));
	assert_int_equal(STREAM_IN_MAX, m.stream.received);
	assert_int_equal(STREAM_WAIT_READ, turns(&m, &count));
	assert_int_equal(3, count);
	part(&m);
}

static void
send_key_updates(struct meeting *m, unsigned count)
{
	while (count-- > 0) {
		assert_int_equal(1,
		    SSL_key_update(m->ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
		assert_int_equal(1, SSL_do_handshake(m->ssl));
	}
}

static void
keys_are_updated_so_often_and_no_more(void **state)
{
	struct meeting m;
	unsigned count;

	(void)state;
	meet(&m);
	shake_hands(&m, TLS1_3_VERSION);
	send_key_updates(&m, STREAM_CHATTER_MAX);
	assert_int_equal(STREAM_WAIT_READ, turns(&m, &count));
	/* And what is asked then is heard. */
	assert_int_equal(5, SSL_write(m.ssl, "hello", 5));
	assert_int_equal(STREAM_DONE, turns(&m, &count));
	part(&m);

	meet(&m);
	shake_hands(&m, TLS1_3_VERSION);
	send_key_updates(&m, STREAM_CHATTER_MAX + 1);
	assert_int_equal(STREAM_BROKEN, turns(&m, &count));
	part(&m);
}

/* Updates in one go, of which those beyond the limit cost nothing. */
static void
a_flood_of_key_updates_is_not_worked_off(void **state)
{
	struct meeting m;

	(void)state;
	meet(&m);
	shake_hands(&m, TLS1_3_VERSION);
	send_key_updates(&m, 10 * STREAM_CHATTER_MAX);
	assert_int_equal(STREAM_BROKEN, turn(&m));
	assert_int_equal(STREAM_CHATTER_MAX + 1, m.stream.chatter);
	part(&m);
}

/* A client that asks for another handshake is told that there is none. */
static void
another_handshake_is_refused_and_counted(void **state)
{
	struct meeting m;
	unsigned count;

	(void)state;
	meet(&m);
	shake_hands(&m, TLS1_2_VERSION);
	assert_int_equal(0, m.stream.chatter);
	assert_int_equal(1, SSL_renegotiate(m.ssl));
	(void)SSL_do_handshake(m.ssl);
	assert_int_equal(STREAM_WAIT_READ, turns(&m, &count));
	assert_int_equal(1, m.stream.chatter);
	part(&m);
}

static void
a_request_in_many_records_is_no_chatter(void **state)
{
	static const int both[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct meeting m;
	unsigned count, i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		meet(&m);
		shake_hands(&m, both[i]);
		for (n = 0; n < 10 * STREAM_CHATTER_MAX; n++) {
			assert_int_equal(1, SSL_write(m.ssl, "x", 1));
			assert_int_equal(STREAM_DONE, turns(&m, &count));
		}
		assert_int_equal(0, m.stream.chatter);
		part(&m);
	}
}

/* -- what is sent of a file -- */

/* A file of so many bytes that differ. */
static int
make_file(size_t size)
{
	char name[] = "/tmp/stream-XXXXXX";
	int fd = mkstemp(name);
	size_t i;
	char c;

	assert_true(fd >= 0);
	(void)unlink(name);
	for (i = 0; i < size; i++) {
		c = (char)('a' + i % 23);
		assert_int_equal(1, write(fd, &c, 1));
	}
	return fd;
}

/* A stream in the clear whose peer sees each send(2) by itself. */
static void
meet_in_packets(struct meeting *m)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	assert_int_equal(0, fcntl(pair[0], F_SETFL, O_NONBLOCK));
	*m = (struct meeting){ .fd = pair[1] };
	stream_init(&m->stream, &scratch, pair[0]);
	assert_int_equal(STREAM_DONE,
	    stream_start(&m->stream, &stream_plain, NULL));
}

static void
a_head_and_a_chunk_of_a_file_leave_in_one_piece(void **state)
{
	static char got[2 * STREAM_CHUNK];
	const struct view head = VIEW("+-2\r\n");
	const size_t len = STREAM_CHUNK - head.len;
	int file = make_file(len + 3);
	struct meeting m;
	size_t n;

	(void)state;
	meet_in_packets(&m);
	assert_int_equal(STREAM_DONE,
	    stream_write_file(&m.stream, head, file, 3, len, true, &n));
	assert_int_equal(STREAM_CHUNK, n);
	assert_int_equal(STREAM_CHUNK, recv(m.fd, got, sizeof(got), 0));
	assert_memory_equal("+-2\r\ndef", got, 8);
	assert_int_equal('a' + (len + 2) % 23, got[STREAM_CHUNK - 1]);
	assert_int_equal(0, recv(m.fd, got, sizeof(got), 0));
	part(&m);
	close(file);
}

static void
a_file_that_has_become_shorter_breaks_its_answer(void **state)
{
	static const size_t sizes[] = { 10, STREAM_CHUNK + 10 };
	struct meeting m;
	size_t i, n;
	int file;

	(void)state;
	for (i = 0; i < 2; i++) {
		file = make_file(9);
		meet_in_packets(&m);
		assert_int_equal(STREAM_BROKEN,
		    stream_write_file(&m.stream, VIEW(""), file, i == 0 ? 0 : 9,
			sizes[i], true, &n));
		part(&m);
		close(file);
	}
}

/* What travels, to the end: bytes as the kernel counts them. */
static size_t
count_bytes(struct meeting *m)
{
	char room[4096];
	size_t all = 0;
	ssize_t n;

	while ((n = recv(m->fd, room, sizeof(room), 0)) > 0)
		all += (size_t)n;
	assert_int_equal(0, n);
	return all;
}

static void
over_tls_a_page_from_a_file_costs_what_it_does_from_memory(void **state)
{
	static const int both[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static char page[STREAM_SMALL_ABOVE + 1000];
	static const size_t sizes[] = { 100, 3000, sizeof(page) };
	int file = make_file(sizeof(page));
	size_t i, n, cost;
	struct meeting m;

	(void)state;
	for (i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct view bytes = { page, sizes[i / 2] };

		meet(&m);
		shake_hands(&m, both[i % 2]);
		assert_int_equal(STREAM_DONE,
		    stream_write(&m.stream, bytes, true, &n));
		cost = count_bytes(&m);
		part(&m);
		meet(&m);
		shake_hands(&m, both[i % 2]);
		assert_int_equal(STREAM_DONE,
		    stream_write_file(&m.stream, VIEW("20 \r\n"), file, 0,
			bytes.len - 5, true, &n));
		assert_int_equal(bytes.len, n);
		assert_int_equal(cost, count_bytes(&m));
		part(&m);
	}
	close(file);
}

/* Whoever reads nothing is not fast, however much the kernel has taken. */
static void
what_waits_in_the_kernel_makes_no_reader_fast(void **state)
{
	static char answer[2 * STREAM_SMALL_ABOVE];
	struct view bytes = { answer, sizeof(answer) };
	struct meeting m;
	size_t n;
	int i;

	(void)state;
	meet_over_tcp(&m);
	shake_hands(&m, TLS1_3_VERSION);
	for (i = 0; i < 3; i++)
		assert_int_equal(STREAM_DONE,
		    stream_write(&m.stream, bytes, false, &n));
	assert_true(os_unsent(m.stream.fd) > (int)sizeof(answer));
	assert_false(m.stream.pace.is_fast);
	part(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_in_the_kernel_makes_no_reader_fast),
		cmocka_unit_test(buffers_are_freed_only_where_that_is_safe),
		cmocka_unit_test(a_request_takes_no_more_bytes_than_the_limit),
		cmocka_unit_test(a_turn_receives_once_however_much_there_is),
		cmocka_unit_test(keys_are_updated_so_often_and_no_more),
		cmocka_unit_test(a_flood_of_key_updates_is_not_worked_off),
		cmocka_unit_test(another_handshake_is_refused_and_counted),
		cmocka_unit_test(a_request_in_many_records_is_no_chatter),
		cmocka_unit_test(
		    a_head_and_a_chunk_of_a_file_leave_in_one_piece),
		cmocka_unit_test(
		    a_file_that_has_become_shorter_breaks_its_answer),
		cmocka_unit_test(
		    over_tls_a_page_from_a_file_costs_what_it_does_from_memory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
