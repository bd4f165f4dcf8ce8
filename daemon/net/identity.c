/*
 * identity.c - ask for a certificate, describe it, check who signed it.
 *
 * Floor net.  The handshake only proves that the client has the key: whether
 * the certificate is old, unknown or self-signed matters to the rule that a
 * request meets, and to no other.
 */
#include "net/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "net/certificate.h"

/* Signatures that can be forged (MD5, SHA-1), and keys below 80 bits, count
 * for nothing. */
#define SECURITY_LEVEL 1

struct identities {
	X509_STORE **stores; /* by access_rule.ca */
	size_t n;
};

/* -- authorities -- */

/* Add every certificate in the file; how many, or -1 if one is broken. */
static int
add_all(X509_STORE *store, FILE *f)
{
	X509 *x;
	int n = 0;
	bool ok = true;

	while (ok && (x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		ok = X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
		n++;
	}
	/* No further one is the end; anything else is half of one. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		ok = false;
	ERR_clear_error();
	return ok ? n : -1;
}

static X509_STORE *
read_store(const struct access_rule *rule, const struct conf *conf,
    const struct conf_capsule *c, struct problems *ps)
{
	X509_STORE *store = X509_STORE_new();
	FILE *f = fopen(rule->file.p, "re");
	const char *why = NULL;

	ERR_clear_error();
	if (store == NULL)
		mem_exhausted(0);
	if (f == NULL)
		why = strerror(errno);
	else if (add_all(store, f) < 1)
		why = "it must hold certificates in PEM";
	if (why != NULL)
		problems_add(ps, conf->path, rule->line,
		    "[access%s] cannot read the authorities in %s: %s", c->tag,
		    rule->file.p, why);
	if (f != NULL)
		fclose(f);
	/* The file is what is trusted, roots or not. */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	(void)X509_STORE_set_depth(store, IDENTITY_DEPTH_MAX);
	return store;
}

struct identities *
identities_new(const struct conf *conf, const struct snapshot *s,
    struct problems *ps)
{
	struct identities *ids = xcalloc(1, sizeof(*ids));
	const struct access *access;
	size_t i, k;

	ids->n = s == NULL ? 0 : s->n_cas;
	ids->stores = xcalloc(ids->n + 1, sizeof(X509_STORE *));
	for (i = 0; ids->n > 0 && i < s->n_sites; i++) {
		access = s->sites[i].access;
		for (k = 0; access != NULL && k < access->n; k++)
			if (access->rules[k].kind == ACCESS_CA)
				ids->stores[access->rules[k].ca] =
				    read_store(&access->rules[k], conf,
					&conf->capsules[i], ps);
	}
	return ids;
}

void
identities_free(struct identities *ids)
{
	size_t i;

	if (ids == NULL)
		return;
	for (i = 0; i < ids->n; i++)
		X509_STORE_free(ids->stores[i]);
	xfree(ids->stores);
	xfree(ids);
}

/* -- asking -- */

static int
take_any(X509_STORE_CTX *x, void *arg)
{
	(void)x;
	(void)arg;
	return 1;
}

void
identity_ask(SSL_CTX *ctx)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, take_any, NULL);
	SSL_CTX_set_max_cert_list(ctx, IDENTITY_CHAIN_MAX);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	/* Without it TLS 1.2 would hand out ids, good for nothing. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

/* What SSL_set_SSL_CTX leaves as it was. */
void
identity_follow(SSL *ssl, const SSL_CTX *ctx)
{
	SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx), NULL);
	(void)SSL_clear_options(ssl, SSL_OP_NO_TICKET);
	(void)SSL_set_options(ssl, SSL_CTX_get_options(ctx) & SSL_OP_NO_TICKET);
	SSL_set_max_cert_list(ssl, IDENTITY_CHAIN_MAX);
}

/* -- reading -- */

static bool
is_vouched(const struct peer_certificate *certificate,
    const struct access_rule *rule)
{
	SSL *ssl = certificate->arg;
	const struct identities *ids =
	    SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	X509_STORE_CTX *x = X509_STORE_CTX_new();
	bool ok = false;

	if (x != NULL && rule->ca < ids->n &&
	    X509_STORE_CTX_init(x, ids->stores[rule->ca],
		SSL_get0_peer_certificate(ssl),
		SSL_get_peer_cert_chain(ssl)) == 1) {
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(x),
		    SECURITY_LEVEL);
		ok = X509_STORE_CTX_set_purpose(x, X509_PURPOSE_SSL_CLIENT) ==
			1 &&
		    X509_verify_cert(x) == 1;
	}
	X509_STORE_CTX_free(x);
	ERR_clear_error();
	return ok;
}

static void
print_x509_name(const X509_NAME *name, char *to)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio != NULL &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, to, ACCESS_NAME_MAX - 1);
	to[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

bool
identity_read(SSL *ssl, struct peer_certificate *to)
{
	X509 *x;

	if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ||
	    SSL_session_reused(ssl) == 1)
		return false;
	x = SSL_get0_peer_certificate(ssl);
	if (x == NULL || X509_digest(x, EVP_sha256(), to->sha256, NULL) != 1)
		return false;
	/* A time that cannot be read makes it never valid. */
	to->not_before = certificate_seconds(X509_get0_notBefore(x), 1);
	to->not_after = certificate_seconds(X509_get0_notAfter(x), 0);
	print_x509_name(X509_get_issuer_name(x), to->issuer);
	print_x509_name(X509_get_subject_name(x), to->subject);
	to->is_vouched = is_vouched;
	to->arg = ssl;
	return true;
}
