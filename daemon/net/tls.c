/*
 * tls.c - contexts, certificates and the choice by name.
 *
 * Floor net.  Every handshake starts in the first capsule's context, or one
 * like it; the client's SNI then picks the certificate, and a name that is
 * absent or not ours gets the first.  What may be served is decided later,
 * from the URL.
 */
#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/uri.h"
#include "net/identity.h"
#include "net/private_key.h"
#include "net/remote_key.h"
#include "net/resume.h"
#include "net/stream.h"

/* AES-128 first: with SHA-256 it costs 16 bytes less a handshake each way. */
#define SUITES_13                                                              \
	"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"                 \
	"TLS_AES_256_GCM_SHA384"
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"
/* What signing.h can ask for, in OpenSSL's own order. */
#define SIGNATURES                                                             \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:"                      \
	"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"                        \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define SERVER_NAME_HEADER 5   /* bytes before the name; RFC 6066, section 3 */
#define GROUPS_MAX         512 /* bytes of their names, as OpenSSL takes them */

/*
 * Newer libraries would also take certificates compressed, and say so in
 * nine bytes of each request for one.
 */
#ifndef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define SSL_OP_NO_RX_CERTIFICATE_COMPRESSION 0
#endif

struct tls {
	SSL_CTX **ctx; /* one a capsule, the default first */
	/*
	 * Where handshakes start, and where OpenSSL looks for sessions all
	 * through them: the first context, unless that asks for certificates
	 * and has none.
	 */
	SSL_CTX *default_ctx;
	struct buf groups; /* as OpenSSL takes them; ends with a NUL */
	size_t n;
	const struct snapshot *snapshot; /* borrowed */
	struct identities *identities;
	struct resume *resume;
};

static BIO_METHOD *method;

/* -- the BIO: a stream's bytes received, the scratch's flight -- */

static int
bio_read(BIO *bio, char *to, int size)
{
	struct stream *s = BIO_get_data(bio);
	size_t n = s->in.len < (size_t)size ? s->in.len : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (s->chatter > STREAM_CHATTER_MAX)
		return -1; /* for good */
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, s->in.p, n);
	s->in = view_skip(s->in, n);
	return (int)n;
}

static int
bio_write(BIO *bio, const char *p, int len)
{
	struct stream *s = BIO_get_data(bio);
	struct stream_scratch *x = s->scratch;

	BIO_clear_retry_flags(bio);
	if ((size_t)len > sizeof(x->out) - x->out_len) {
		BIO_set_retry_write(bio);
		return -1;
	}
	memcpy(x->out + x->out_len, p, (size_t)len);
	x->out_len += (size_t)len;
	return len;
}

static long
bio_ctrl(BIO *bio, int cmd, long arg, void *p)
{
	(void)bio;
	(void)arg;
	(void)p;
	return cmd == BIO_CTRL_FLUSH; /* the flight leaves when it is whole */
}

void
tls_init(void)
{
	/* The system's openssl.cnf is not ours to obey: conf says what we do.
	 */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    remote_key_init() == -1)
		mem_exhausted(0);
	resume_init();
	method =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (method == NULL || BIO_meth_set_read(method, bio_read) != 1 ||
	    BIO_meth_set_write(method, bio_write) != 1 ||
	    BIO_meth_set_ctrl(method, bio_ctrl) != 1)
		mem_exhausted(0);
}

/* -- contexts -- */

/* The context of the capsule that name belongs to, or NULL. */
static SSL_CTX *
context_of(const struct tls *tls, const char *name)
{
	const struct site *site = NULL;
	struct buf host;

	buf_init(&host, URI_HOST_MAX);
	if (uri_normalise_host(&host, view_of(name)) == URI_OK)
		site = snapshot_site(tls->snapshot, buf_view(&host));
	buf_fini(&host);
	return site == NULL ? NULL : tls->ctx[site - tls->snapshot->sites];
}

/*
 * Called once the client's hello is read.  The name is not acknowledged: no
 * client asks for that, and the empty extension would be four bytes a visit.
 */
static int
on_servername(SSL *ssl, int *alert, void *arg)
{
	const struct stream *s = SSL_get_app_data(ssl);
	const struct tls *tls = arg;
	SSL_CTX *ctx = s->sni == NULL ? NULL : context_of(tls, s->sni);

	(void)alert;
	if (ctx == NULL)
		ctx = tls->ctx[0];
	if (ctx != SSL_get_SSL_CTX(ssl))
		(void)SSL_set_SSL_CTX(ssl, ctx);
	return SSL_TLSEXT_ERR_NOACK;
}

/*
 * The name in the extension's bytes: length of a list, type 0, length of a
 * name, the name.  False if they are anything else.  RFC 6066, section 3.
 */
static bool
read_server_name(const unsigned char *p, size_t len, struct view *name)
{
	size_t n = len - SERVER_NAME_HEADER;

	if (len <= SERVER_NAME_HEADER || (size_t)(p[0] << 8 | p[1]) != n + 3 ||
	    p[2] != TLSEXT_NAMETYPE_host_name ||
	    (size_t)(p[3] << 8 | p[4]) != n || n > TLSEXT_MAXLEN_host_name ||
	    memchr(p + SERVER_NAME_HEADER, 0, n) != NULL)
		return false;
	*name = (struct view){ (const char *)p + SERVER_NAME_HEADER, n };
	return true;
}

/* Keep the name that the hello has, if it has one; an alert, or 0. */
static int
keep_server_name(SSL *ssl, struct stream *s)
{
	const unsigned char *p;
	struct view name;
	size_t len;

	free(s->sni);
	s->sni = NULL;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &len) !=
	    1)
		return 0;
	if (!read_server_name(p, len, &name))
		return SSL_AD_DECODE_ERROR;
	s->sni = strndup(name.p, name.len);
	return s->sni == NULL ? SSL_AD_INTERNAL_ERROR : 0;
}

/*
 * Called with every hello, before it is looked at: by the time OpenSSL asks
 * about the name a session would have been resumed, and of a resumed session
 * of TLS 1.2 it does not tell the name of this visit.
 */
static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	struct stream *s = SSL_get_app_data(ssl);
	const struct tls *tls = arg;
	const unsigned char *id;
	SSL_CTX *ctx = NULL;

	*alert = keep_server_name(ssl, s);
	if (*alert == 0 && resume_bind(ssl, s->sni) == -1)
		*alert = SSL_AD_INTERNAL_ERROR;
	if (*alert != 0)
		return SSL_CLIENT_HELLO_ERROR;
	if (s->sni != NULL)
		ctx = context_of(tls, s->sni);
	identity_follow(ssl, ctx == NULL ? tls->ctx[0] : ctx);
	/* Who sends a session id gets six bytes that say nothing, because old
	 * middleboxes want to see them: RFC 8446, D.4. */
	if (SSL_client_hello_get0_session_id(ssl, &id) > 0)
		SSL_set_options(ssl, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/*
 * Called for every record and message: count what a client says of the
 * handshake after it.  TLS 1.3 has the kind of a record inside it.
 */
static void
on_message(int sent, int version, int what, const void *p, size_t len, SSL *ssl,
    void *arg)
{
	const unsigned char *kind = p;
	struct stream *s;

	(void)version;
	(void)arg;
	if (sent || len == 0 ||
	    (what != SSL3_RT_HEADER && what != SSL3_RT_INNER_CONTENT_TYPE) ||
	    *kind != SSL3_RT_HANDSHAKE || !SSL_is_init_finished(ssl))
		return;
	s = SSL_get_app_data(ssl);
	s->chatter++;
}

/*
 * Called before the certificate is chosen, and not at all if a session is
 * resumed: nothing was signed yet.  1, or -1 to end it without a word.
 */
static int
on_full_handshake(SSL *ssl, void *arg)
{
	struct stream *s = SSL_get_app_data(ssl);

	(void)arg;
	if (!s->counted && s->scratch->may_handshake != NULL)
		s->refused = !s->scratch->may_handshake(s);
	s->counted = true; /* after a retry there is a second hello */
	return s->refused ? -1 : 1;
}

/* Set the options that all capsules share; 0 or -1. */
static int
configure_context(SSL_CTX *ctx, const struct conf *conf, struct tls *tls)
{
	static const unsigned char id[] = "capsuled";
	/* Not const: OpenSSL's macros cast that away, and clang minds. */
	static char signatures[] = SIGNATURES;
	int oldest = conf->tls_versions == CONF_TLS_13_ALONE ? TLS1_3_VERSION
							     : TLS1_2_VERSION;

	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_NO_RX_CERTIFICATE_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* Only for those who want it: see on_hello. */
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_servername);
	SSL_CTX_set_tlsext_servername_arg(ctx, tls);
	SSL_CTX_set_cert_cb(ctx, on_full_handshake, NULL);
	SSL_CTX_set_app_data(ctx, tls->identities);
	SSL_CTX_set_msg_callback(ctx, on_message);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, tls);
	return SSL_CTX_set_min_proto_version(ctx, oldest) == 1 &&
		SSL_CTX_set_ciphersuites(ctx, SUITES_13) == 1 &&
		SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1 &&
		SSL_CTX_set1_groups_list(ctx, tls->groups.p) == 1 &&
		SSL_CTX_set1_sigalgs_list(ctx, signatures) == 1 &&
		SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) == 1 &&
		resume_configure(ctx, tls->resume) == 0
	    ? 0
	    : -1;
}

/* The reason of OpenSSL's oldest error, in words. */
static const char *
get_openssl_reason(void)
{
	unsigned long e = ERR_get_error();
	const char *words = ERR_reason_error_string(e);

	if (ERR_SYSTEM_ERROR(e))
		return strerror(ERR_GET_REASON(e));
	return words != NULL ? words : "unknown reason";
}

/* Give ctx its key, or what stands for it. */
static int
load_key(SSL_CTX *ctx, const struct conf *conf, const struct conf_capsule *c,
    enum tls_keys keys, struct problems *ps)
{
	X509 *x = SSL_CTX_get0_certificate(ctx);
	EVP_PKEY *public = X509_get0_pubkey(x), *key;
	int ok;

	key = keys == TLS_KEYS_HERE
	    ? private_key_load(conf, c, public, ps)
	    : remote_key_new((size_t)(c - conf->capsules), public);
	if (key == NULL && keys == TLS_KEYS_HERE)
		return -1; /* the reason is told */
	ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;
	if (!ok)
		problems_add(ps, conf->path, c->certificate_line,
		    "[capsule] certificate: cannot use the kind of key of %s: "
		    "%s",
		    c->certificate.p, get_openssl_reason());
	EVP_PKEY_free(key);
	return ok ? 0 : -1;
}

static int
load_certificate(SSL_CTX *ctx, const struct conf *conf,
    const struct conf_capsule *c, enum tls_keys keys, struct problems *ps)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, c->certificate.p) != 1) {
		problems_add(ps, conf->path, c->certificate_line,
		    "[capsule%s] certificate: cannot use %s: %s; it must be a "
		    "PEM file, its chain behind it",
		    c->tag, c->certificate.p, get_openssl_reason());
		return -1;
	}
	return load_key(ctx, conf, c, keys, ps);
}

/* Add one word of [tls] groups; false if this OpenSSL does not know it. */
static bool
add_group(struct buf *groups, SSL_CTX *ctx, struct view word)
{
	size_t before = groups->len;

	buf_printf(groups, "%s%.*s%c", before > 0 ? ":" : "", VIEW_ARG(word),
	    '\0');
	if (groups->failed)
		return false;
	if (SSL_CTX_set1_groups_list(ctx, groups->p) == 1) {
		groups->len--; /* the next one begins at the NUL */
		return true;
	}
	ERR_clear_error();
	groups->len = before;
	groups->p[before] = '\0';
	return false;
}

/*
 * The groups of [tls], as OpenSSL takes them, appended to an empty buffer;
 * those behind a question mark if this OpenSSL knows them.  0, or -1 with what
 * is wrong in ps.
 */
static int
choose_groups(struct buf *groups, const struct conf *conf, struct problems *ps)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct view rest = conf->groups, word;
	bool is_optional, is_whole = true;

	if (ctx == NULL)
		mem_exhausted(0);
	while (is_whole && rest.p != NULL) {
		word = view_trim(view_cut(&rest, ' '));
		is_optional = view_has_prefix(word, VIEW("?"));
		if (is_optional)
			word = view_skip(word, 1);
		if (word.len > 0 && !add_group(groups, ctx, word))
			is_whole = is_optional;
		if (!is_whole)
			problems_add(ps, conf->path, conf->groups_line,
			    "[tls] groups: \"%.*s\" is no group that %s knows; "
			    "such as X25519, P-256, P-384; a question mark "
			    "before the name leaves it out where it is unknown",
			    VIEW_ARG(word), OpenSSL_version(OPENSSL_VERSION));
	}
	SSL_CTX_free(ctx);
	if (is_whole && groups->len == 0)
		problems_add(ps, conf->path, conf->groups_line,
		    "[tls] groups: at least one is needed, such as X25519");
	return is_whole && groups->len > 0 ? 0 : -1;
}

void
tls_check(const struct conf *conf, struct problems *ps)
{
	struct buf groups;

	buf_init(&groups, GROUPS_MAX);
	(void)choose_groups(&groups, conf, ps);
	buf_fini(&groups);
}

static SSL_CTX *
context_new(struct tls *tls, const struct conf *conf,
    const struct conf_capsule *c, enum tls_keys keys, struct problems *ps)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || configure_context(ctx, conf, tls) == -1) {
		problems_add(ps, conf->path, c->line, "cannot prepare TLS: %s",
		    get_openssl_reason());
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (load_certificate(ctx, conf, c, keys, ps) == -1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* Request client certificates for the capsules that may need them. */
static int
request_certificates(struct tls *tls, const struct conf *conf,
    enum tls_keys keys, struct problems *ps)
{
	const struct snapshot *s = tls->snapshot;
	size_t i;

	if (s != NULL && s->sites[0].asks)
		tls->default_ctx =
		    context_new(tls, conf, conf->capsules, keys, ps);
	else if (SSL_CTX_up_ref(tls->ctx[0]) == 1)
		tls->default_ctx = tls->ctx[0];
	for (i = 0; s != NULL && i < tls->n; i++)
		if (s->sites[i].asks)
			identity_ask(tls->ctx[i]);
	return tls->default_ctx == NULL ? -1 : 0;
}

struct tls *
tls_new(const struct conf *conf, const struct snapshot *s, enum tls_keys keys,
    struct problems *ps)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));
	size_t i, before = problems_count(ps);
	bool whole;

	tls->n = conf->n_capsules;
	tls->snapshot = s;
	tls->identities = identities_new(conf, s, ps);
	tls->resume = resume_new(conf, ps);
	tls->ctx = xcalloc(tls->n, sizeof(SSL_CTX *));
	buf_init(&tls->groups, GROUPS_MAX);
	whole =
	    choose_groups(&tls->groups, conf, ps) == 0 && tls->resume != NULL;
	for (i = 0; whole && i < tls->n; i++) {
		tls->ctx[i] =
		    context_new(tls, conf, &conf->capsules[i], keys, ps);
		whole = tls->ctx[i] != NULL;
	}
	if (whole)
		whole = request_certificates(tls, conf, keys, ps) == 0;
	if (whole && problems_count(ps) == before)
		return tls;
	tls_free(tls);
	return NULL;
}

void
tls_free(struct tls *tls)
{
	size_t i;

	if (tls == NULL)
		return;
	for (i = 0; i < tls->n; i++)
		SSL_CTX_free(tls->ctx[i]);
	identities_free(tls->identities);
	resume_free(tls->resume);
	SSL_CTX_free(tls->default_ctx);
	buf_fini(&tls->groups);
	xfree(tls->ctx);
	xfree(tls);
}

struct evp_pkey_st *
tls_public_key(const struct tls *tls, size_t index)
{
	return X509_get0_pubkey(SSL_CTX_get0_certificate(tls->ctx[index]));
}

struct ssl_st *
tls_accept(struct tls *tls, struct stream *s)
{
	SSL *ssl = SSL_new(tls->default_ctx);
	BIO *bio = BIO_new(method);

	if (ssl == NULL || bio == NULL) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, s);
	SSL_set_accept_state(ssl);
	return ssl;
}
