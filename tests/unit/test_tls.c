/*
 * test_tls.c - handshakes: which certificate, how often, and what is resumed.
 * A stream at one end of a pair of sockets, OpenSSL at the other.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "net/certificate.h"
#include "net/resume.h"
#include "net/stream_tls.h"
#include "net/tls.h"
#include "place.h"

static struct place place;
static struct tls *tls;
static struct stream_scratch scratch;
static SSL_CTX *client_ctx;
static unsigned n_asked; /* for a full handshake */
static bool may;

/* A visit: the stream, and its client. */
struct visit {
	struct stream stream;
	int fd; /* the client's */
	SSL *ssl;
	enum stream_result result;
};

static bool
count_asked(struct stream *s)
{
	(void)s;
	n_asked++;
	return may;
}

static int
set_up(void **state)
{
	char text[4 * PATH_MAX];
	struct problems *ps = problems_new();
	size_t i;

	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# Hello\n"));
	snprintf(text, sizeof(text),
	    "[capsule]\nhostname = example.org\nroot = %s/capsule\n"
	    "certificate = %s/c.pem\nkey = %s/k.pem\n"
	    "[selectors]\n/ = index.gmi\n"
	    "[capsule b]\nhostname = b.example.org *.example.net\n"
	    "root = %s/capsule\ncertificate = %s/d.pem\nkey = %s/l.pem\n"
	    "[selectors b]\n/ = index.gmi\n",
	    place.path, place.path, place.path, place.path, place.path,
	    place.path);
	tls_init();
	place_read(&place, text);
	for (i = 0; i < 2; i++)
		if (certificate_ensure(place.conf, &place.conf->capsules[i],
			false, ps) != 1)
			errx(1, "no certificate");
	place_load_read(&place);
	if (place.s == NULL)
		errx(1, "%s", place.told);
	tls = tls_new(place.conf, place.s, TLS_KEYS_HERE, ps);
	problems_free(ps);
	client_ctx = SSL_CTX_new(TLS_client_method());
	return tls == NULL || client_ctx == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	SSL_CTX_free(client_ctx);
	tls_free(tls);
	place_clear(&place);
	place_unload(&place);
	return 0;
}

/* Let the server have a turn, if anything has come. */
static void
serve(struct visit *v)
{
	char room[100];
	size_t n;

	if (v->result == STREAM_WAIT_READ)
		v->result = stream_read(&v->stream, room, sizeof(room), &n);
}

/* A handshake to its end, whatever that is; name and session may be NULL. */
static void
begin_visit(struct visit *v, int version, const char *name, SSL_SESSION *s)
{
	int i, pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (i = 0; i < 2; i++)
		assert_int_equal(0, fcntl(pair[i], F_SETFL, O_NONBLOCK));
	*v = (struct visit){ .fd = pair[1], .result = STREAM_WAIT_READ };
	n_asked = 0;
	may = true;
	stream_init(&v->stream, &scratch, pair[0]);
	assert_int_equal(STREAM_DONE,
	    stream_start(&v->stream, &stream_tls, tls));
	v->ssl = SSL_new(client_ctx);
	assert_non_null(v->ssl);
	(void)SSL_set_min_proto_version(v->ssl, version);
	(void)SSL_set_max_proto_version(v->ssl, version);
	if (name != NULL)
		(void)SSL_set_tlsext_host_name(v->ssl, name);
	if (s != NULL)
		assert_int_equal(1, SSL_set_session(v->ssl, s));
	assert_int_equal(1, SSL_set_fd(v->ssl, v->fd));
	SSL_set_connect_state(v->ssl);
}

static void
shake_hands(struct visit *v)
{
	int i;

	for (i = 0; i < 4; i++) {
		(void)SSL_do_handshake(v->ssl);
		serve(v);
	}
}

/* An answer to no request, and what the client can resume after it. */
static SSL_SESSION *
end_visit(struct visit *v)
{
	SSL_SESSION *session = NULL;
	char got[100];
	size_t n;

	if (SSL_is_init_finished(v->ssl)) {
		assert_int_equal(STREAM_DONE,
		    stream_write(&v->stream, VIEW("hello"), true, &n));
		assert_int_equal(5, SSL_read(v->ssl, got, sizeof(got)));
		(void)SSL_shutdown(v->ssl);
		session = SSL_get1_session(v->ssl);
	}
	stream_fini(&v->stream, false);
	close(v->stream.fd);
	SSL_free(v->ssl);
	close(v->fd);
	return session;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static const struct {
	const char *name;
	size_t capsule;
} names[] = {
	{ NULL, 0 },
	{ "example.org", 0 },
	{ "b.example.org", 1 },
	{ "B.Example.ORG", 1 },
	{ "any.example.net", 1 },
	{ "nobody.example", 0 },
};

static void
the_name_picks_the_certificate(void **state)
{
	struct visit v;
	size_t i, k;
	X509 *x;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (k = 0; k < 2; k++) {
			begin_visit(&v, versions[k], names[i].name, NULL);
			shake_hands(&v);
			assert_true(stream_is_ready(&v.stream));
			assert_string_equal(k == 0 ? "1.2" : "1.3",
			    stream_tls_version(&v.stream));
			if (names[i].name == NULL)
				assert_null(v.stream.sni);
			else
				assert_string_equal(names[i].name,
				    v.stream.sni);
			x = SSL_get0_peer_certificate(v.ssl);
			assert_non_null(x);
			assert_int_equal(1,
			    EVP_PKEY_eq(X509_get0_pubkey(x),
				tls_public_key(tls, names[i].capsule)));
			SSL_SESSION_free(end_visit(&v));
		}
}

static void
a_full_handshake_is_asked_for_once_and_can_be_refused(void **state)
{
	struct visit v;
	size_t k;

	(void)state;
	for (k = 0; k < 2; k++) {
		begin_visit(&v, versions[k], "example.org", NULL);
		shake_hands(&v);
		assert_int_equal(1, n_asked);
		SSL_SESSION_free(end_visit(&v));

		begin_visit(&v, versions[k], "example.org", NULL);
		may = false;
		shake_hands(&v);
		assert_int_equal(STREAM_BROKEN, v.result);
		assert_true(v.stream.refused);
		assert_false(stream_is_ready(&v.stream));
		assert_null(end_visit(&v));
	}
}

static void
older_versions_than_1_2_are_not_spoken(void **state)
{
	struct visit v;

	(void)state;
	begin_visit(&v, TLS1_1_VERSION, "example.org", NULL);
	/* Else the client's library would not even try. */
	SSL_set_security_level(v.ssl, 0);
	shake_hands(&v);
	assert_int_equal(STREAM_BROKEN, v.result);
	assert_null(end_visit(&v));
}

/* -- resuming -- */

static void
a_session_is_resumed_without_a_full_handshake(void **state)
{
	SSL_SESSION *session, *next;
	struct visit v;
	size_t k;

	(void)state;
	for (k = 0; k < 2; k++) {
		begin_visit(&v, versions[k], "example.org", NULL);
		shake_hands(&v);
		assert_false(stream_is_resumed(&v.stream));
		session = end_visit(&v);
		assert_int_equal(1, SSL_SESSION_is_resumable(session));

		begin_visit(&v, versions[k], "example.org", session);
		shake_hands(&v);
		assert_true(stream_is_resumed(&v.stream));
		assert_int_equal(0, n_asked);
		next = end_visit(&v);
		SSL_SESSION_free(session);
		SSL_SESSION_free(next);
	}
}

/* RFC 6066, section 3. */
static void
a_session_of_another_name_is_not_resumed(void **state)
{
	static const char *const others[] = { "b.example.org", "example.com",
		NULL };
	SSL_SESSION *session;
	struct visit v;
	size_t i, k;

	(void)state;
	for (i = 0; i < 3; i++)
		for (k = 0; k < 2; k++) {
			begin_visit(&v, versions[k], "example.org", NULL);
			shake_hands(&v);
			session = end_visit(&v);
			begin_visit(&v, versions[k], others[i], session);
			shake_hands(&v);
			assert_true(stream_is_ready(&v.stream));
			assert_false(stream_is_resumed(&v.stream));
			assert_int_equal(1, n_asked);
			SSL_SESSION_free(end_visit(&v));
			SSL_SESSION_free(session);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_picks_the_certificate),
		cmocka_unit_test(
		    a_full_handshake_is_asked_for_once_and_can_be_refused),
		cmocka_unit_test(older_versions_than_1_2_are_not_spoken),
		cmocka_unit_test(a_session_is_resumed_without_a_full_handshake),
		cmocka_unit_test(a_session_of_another_name_is_not_resumed),
	};

	scratch.may_handshake = count_asked;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
