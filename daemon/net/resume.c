/*
 * resume.c - how a later visit takes up the session of an earlier one.
 *
 * Floor net, between OpenSSL and what remembers: the table of sessions
 * (sessions.h), whose ids are all that a client gets, 79 bytes on the wire; or
 * nothing but keys (ticket_keys.h), and the client holds the session, sealed,
 * 255 bytes.  Ids cost no cryptography and one use is all they are good for;
 * sealed tickets need no memory and are understood by other machines.
 */
#include "net/resume.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/uri.h"
#include "net/metrics.h"
#include "net/session_outline.h"
#include "net/sessions.h"
#include "net/ticket_keys.h"

#define IV_LEN      16 /* bytes; AES-CBC's block */
#define CONTEXT_LEN 8  /* bytes that tell names apart: in every session */

_Static_assert(CONF_SESSIONS_MAX <= SESSIONS_MAX, "the table is too small");
_Static_assert(RESUME_TURN_S >= RESUME_SESSION_S, "tickets end too early");

struct resume {
	enum conf_tickets how;
	unsigned most;            /* sessions */
	struct ticket_keys *keys; /* NULL: the ring's */
};

static struct sessions *sessions;
static unsigned sessions_most; /* as the last generation has it; 0: none yet */
static struct ticket_ring *ring;
/* Fetched once: to look them up costs as much as to use them. */
static EVP_CIPHER *aes;
static EVP_MD *sha256;
static int slot = -1; /* of a context's ex data: its resume */

void
resume_init(void)
{
	sessions = sessions_new();
	ring = ticket_ring_new();
	aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (aes == NULL || sha256 == NULL || slot == -1)
		mem_exhausted(0);
}

void
resume_leave(void)
{
	if (sessions != NULL)
		sessions_free(sessions);
	if (ring != NULL)
		ticket_ring_free(ring);
	sessions = NULL;
	ring = NULL;
}

struct resume *
resume_new(const struct conf *conf, struct problems *ps)
{
	struct resume *r = xcalloc(1, sizeof(*r));

	r->how = conf->tickets;
	r->most = (unsigned)conf->sessions;
	/* Under another number those of the old one would never be found. */
	if (sessions != NULL && sessions_most != r->most)
		sessions_expire(sessions, sessions_most, INT64_MAX);
	sessions_most = r->most;
	if (conf->ticket_keys.len == 0)
		return r;
	r->keys = ticket_keys_load(conf, ps);
	if (r->keys != NULL)
		return r;
	resume_free(r);
	return NULL;
}

void
resume_free(struct resume *r)
{
	if (r == NULL)
		return;
	ticket_keys_free(r->keys);
	xfree(r);
}

/* All contexts of a generation have the same one. */
static const struct resume *
resume_of(const SSL *ssl)
{
	return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot);
}

/* A resumed session asks for no certificate, so there must not be one. */
static bool
is_asked(const SSL *ssl)
{
	return SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
}

/* -- ids -- */

static int
on_new(SSL *ssl, SSL_SESSION *session)
{
	unsigned char data[SESSIONS_DATA_MAX], *p = data;
	const unsigned char *id;
	unsigned len;
	int n = i2d_SSL_SESSION(session, NULL);

	id = SSL_SESSION_get_id(session, &len);
	if (is_asked(ssl) || SSL_SESSION_get0_peer(session) != NULL ||
	    len != SESSIONS_ID_LEN || n <= 0 || n > SESSIONS_DATA_MAX)
		return 0;
	n = i2d_SSL_SESSION(session, &p);
	sessions_put(sessions, resume_of(ssl)->most, id,
	    (struct view){ (char *)data, (size_t)n },
	    clock_ms() + RESUME_SESSION_S * INT64_C(1000));
	metrics_count(METRICS_SESSION_STORED, 1);
	OPENSSL_cleanse(data, sizeof(data));
	return 0; /* no reference is kept */
}

/* Not before its outline has been looked at: anything may stand there. */
static SSL_SESSION *
parse_session(struct view der, const unsigned char *id)
{
	const unsigned char *p = (const unsigned char *)der.p;

	if (!session_outline_is_ours(der, id))
		return NULL;
	return d2i_SSL_SESSION(NULL, &p, (long)der.len);
}

/*
 * In TLS 1.3 every visit gets a new id, so each is good once, and nobody on
 * the way can tell that two visits belong together.  TLS 1.2 has but one.
 */
static SSL_SESSION *
on_get(SSL *ssl, const unsigned char *id, int len, int *copied)
{
	unsigned char data[SESSIONS_DATA_MAX];
	SSL_SESSION *session = NULL;
	size_t n;

	*copied = 0; /* the reference goes to OpenSSL */
	if (is_asked(ssl) || len != SESSIONS_ID_LEN)
		return NULL;
	n = (SSL_version(ssl) == TLS1_3_VERSION ? sessions_take
						: sessions_find)(sessions,
	    resume_of(ssl)->most, id, clock_ms(), data);
	if (n > 0)
		session = parse_session((struct view){ (char *)data, n }, id);
	OPENSSL_cleanse(data, sizeof(data));
	return session;
}

/* A session that ended in a fatal alert; RFC 5246 7.2.2. */
static void
on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
	const struct resume *r = SSL_CTX_get_ex_data(ctx, slot);
	unsigned len;
	const unsigned char *id = SSL_SESSION_get_id(session, &len);

	if (len == SESSIONS_ID_LEN)
		sessions_drop(sessions, r->most, id);
}

/* -- sealed tickets -- */

/* The key for a ticket: 0 there is none, 1 the one that seals, 2 another. */
static int
choose_ticket_key(const struct resume *r, int sealing,
    const unsigned char *name, struct ticket_key *key)
{
	const struct ticket_key *found;
	struct ticket_key present;
	bool same;

	if (r->keys != NULL) {
		found =
		    sealing ? &r->keys->v[0] : ticket_keys_find(r->keys, name);
		if (found != NULL)
			*key = *found;
		return found == NULL ? 0 : found == &r->keys->v[0] ? 1 : 2;
	}
	ticket_ring_present(ring, &present);
	if (sealing)
		*key = present;
	else if (ticket_ring_find(ring, name, key) == -1)
		return 0;
	same = memcmp(key->name, present.name, sizeof(key->name)) == 0;
	OPENSSL_cleanse(&present, sizeof(present));
	return same ? 1 : 2;
}

/* Seal or open: returns as OpenSSL wants, -1 failed, 0 a full handshake, 1
 * fine, 2 fine, and the ticket shall be replaced. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	struct ticket_key key;
	OSSL_PARAM params[3];
	int r = choose_ticket_key(resume_of(ssl), sealing, name, &key);

	if (r == 0)
		return 0;
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
	    key.mac, sizeof(key.mac));
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	    (char[]){ "SHA256" }, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (sealing) {
		memcpy(name, key.name, sizeof(key.name));
		if (RAND_bytes(iv, IV_LEN) != 1)
			r = -1;
	}
	if (EVP_CipherInit_ex(cipher, aes, NULL, key.aes, iv, sealing) != 1 ||
	    EVP_MAC_CTX_set_params(mac, params) != 1)
		r = -1;
	OPENSSL_cleanse(&key, sizeof(key));
	if (sealing && r > 0)
		metrics_count(METRICS_SESSION_SEALED, 1);
	return r;
}

/* -- contexts -- */

int
resume_configure(SSL_CTX *ctx, const struct resume *r)
{
	/* Tickets fly when resume_offer says so, not by themselves. */
	if (SSL_CTX_set_ex_data(ctx, slot, (void *)(uintptr_t)r) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1)
		return -1;
	SSL_CTX_set_timeout(ctx, RESUME_SESSION_S);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (r->how == CONF_TICKETS_SEALED)
		return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 1
		    ? 0
		    : -1;
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (r->how == CONF_TICKETS_NONE)
		return 0;
	SSL_CTX_set_session_cache_mode(ctx,
	    SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL |
		SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_sess_set_new_cb(ctx, on_new);
	SSL_CTX_sess_set_get_cb(ctx, on_get);
	SSL_CTX_sess_set_remove_cb(ctx, on_remove);
	return 0;
}

int
resume_bind(SSL *ssl, const char *name)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf host;
	int r;

	buf_init(&host, URI_HOST_MAX);
	/* What is no host name is as good as none: the same certificate. */
	if (name != NULL && uri_normalise_host(&host, view_of(name)) != URI_OK)
		buf_reset(&host);
	r = EVP_Digest(host.p, host.len, digest, NULL, sha256, NULL) == 1 &&
		SSL_set_session_id_context(ssl, digest, CONTEXT_LEN) == 1
	    ? 0
	    : -1;
	buf_fini(&host);
	return r;
}

void
resume_offer(SSL *ssl)
{
	if (SSL_version(ssl) == TLS1_3_VERSION && !is_asked(ssl) &&
	    resume_of(ssl)->how != CONF_TICKETS_NONE)
		(void)SSL_new_session_ticket(ssl);
}

/* -- the master -- */

void
resume_turn(void)
{
	ticket_ring_turn(ring);
	sessions_expire(sessions, sessions_most, clock_ms());
}
