/*
 * signing.c - what is asked of the key process, and what it answers.
 *
 * Floor net.  remote_key.c, in a worker, writes what is parsed here, in the
 * key process.  A worker that was taken over may ask anything: it gets what any
 * TLS server gets signed in a handshake, and not a certificate or a message.
 */
#include "net/signing.h"

#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define INDEFINITE 0x80 /* a length that X.690 lets be found out */

static bool tls12_forbidden;

static const struct signing_scheme schemes[] = {
	{ 0x0403, "EC", "SHA256", false, true },
	{ 0x0503, "EC", "SHA384", false, true },
	{ 0x0603, "EC", "SHA512", false, true },
	{ 0x0807, "ED25519", NULL, false, true },
	{ 0x0804, "RSA", "SHA256", true, true },
	{ 0x0805, "RSA", "SHA384", true, true },
	{ 0x0806, "RSA", "SHA512", true, true },
	{ 0x0401, "RSA", "SHA256", false, false },
	{ 0x0501, "RSA", "SHA384", false, false },
	{ 0x0601, "RSA", "SHA512", false, false },
};

#define N_SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

/* "SHA2-256" is another name of "SHA256". */
static bool
is_digest(const char *ours, const char *theirs)
{
	if (ours == NULL)
		return theirs == NULL || theirs[0] == '\0';
	if (theirs == NULL)
		return false;
	if (strncasecmp(theirs, "SHA2-", 5) == 0)
		return strcmp(ours + 3, theirs + 5) == 0;
	return strcasecmp(ours, theirs) == 0;
}

const struct signing_scheme *
signing_scheme_find(const char *key, const char *digest, bool pss)
{
	size_t i;

	for (i = 0; i < N_SCHEMES; i++)
		if (strcmp(schemes[i].key, key) == 0 && schemes[i].pss == pss &&
		    is_digest(schemes[i].digest, digest))
			return &schemes[i];
	return NULL;
}

static const struct signing_scheme *
scheme_of(unsigned code)
{
	size_t i;

	for (i = 0; i < N_SCHEMES; i++)
		if (schemes[i].code == code)
			return &schemes[i];
	return NULL;
}

size_t
signing_request_write(const struct signing_request *r, unsigned char *to)
{
	if (r->message.len > SIGNING_MESSAGE_MAX || r->index > UINT32_MAX)
		return 0;
	to[0] = (unsigned char)(r->index >> 24);
	to[1] = (unsigned char)(r->index >> 16);
	to[2] = (unsigned char)(r->index >> 8);
	to[3] = (unsigned char)r->index;
	to[4] = (unsigned char)(r->scheme->code >> 8);
	to[5] = (unsigned char)r->scheme->code;
	memcpy(to + SIGNING_HEAD, r->message.p, r->message.len);
	return SIGNING_HEAD + r->message.len;
}

/* 64 blanks, the context, a NUL, and the hash of the handshake so far. */
static bool
is_certificate_verify(struct view m)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";
	size_t i, before = 64 + sizeof(context);

	if (m.len != before + 32 && m.len != before + 48)
		return false;
	for (i = 0; i < 64; i++)
		if (m.p[i] != ' ')
			return false;
	return memcmp(m.p + 64, context, sizeof(context)) == 0;
}

/*
 * Cut the header of the value of ASN.1 that v begins with off v; *len is how
 * long it says that its content is, all of the rest if it does not say.  False
 * if there is none, or it says more than there is.  BER, of which DER is a
 * part: who verifies may be lax.
 */
static bool
cut_header(struct view *v, size_t *len)
{
	const unsigned char *p = (const unsigned char *)v->p;
	size_t i = 0, n;

	if (v->len > 0 && (p[i++] & 0x1f) == 0x1f) /* a tag of many bytes */
		while (i < v->len && (p[i++] & 0x80) != 0)
			;
	if (i >= v->len)
		return false;
	n = p[i++];
	*len = n;
	if (n == INDEFINITE)
		*len = v->len - i;
	else if (n > INDEFINITE)
		for (*len = 0, n -= INDEFINITE; n > 0; n--) {
			if (i >= v->len || *len > SIGNING_MESSAGE_MAX)
				return false;
			*len = *len << 8 | p[i++];
		}
	*v = view_skip(*v, i);
	return *len <= v->len;
}

/* A SEQUENCE or a SET, and to its end nothing but values. */
static bool
is_asn1(struct view m)
{
	static const unsigned char sequence = 0x30, set = 0x31;
	unsigned char tag = (unsigned char)m.p[0];
	bool is_open = (unsigned char)m.p[1] == INDEFINITE;
	size_t len;

	if ((tag != sequence && tag != set) || !cut_header(&m, &len) ||
	    len != m.len ||
	    (is_open && memcmp(m.p + m.len - 2, "\0\0", 2) != 0))
		return false;
	while (m.len > 0) {
		if (!cut_header(&m, &len))
			return false;
		m = view_skip(m, len);
	}
	return true;
}

/* Both randoms, and the server's share: named_curve(3), group, point. */
static bool
is_server_key_exchange(struct view m)
{
	static const struct {
		unsigned char group, len;
		unsigned char first; /* 4: not compressed; 0: any */
	} shares[] = {
		{ 29, 32, 0 },  /* X25519 */
		{ 23, 65, 4 },  /* P-256 */
		{ 24, 97, 4 },  /* P-384 */
		{ 25, 133, 4 }, /* P-521 */
		{ 30, 56, 0 },  /* X448 */
	};
	const unsigned char *share = (const unsigned char *)m.p + 64;
	size_t i;

	if (m.len < 64 + 4 || share[0] != 3 || share[1] != 0 ||
	    share[3] != m.len - 64 - 4 || is_asn1(m))
		return false;
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		if (share[2] == shares[i].group && share[3] == shares[i].len)
			return shares[i].first == 0 ||
			    share[4] == shares[i].first;
	return false;
}

void
signing_forbid_tls12(void)
{
	tls12_forbidden = true;
}

enum signing_parse
signing_request_parse(struct view record, struct signing_request *r)
{
	const unsigned char *p = (const unsigned char *)record.p;
	struct view message = view_skip(record, SIGNING_HEAD);
	const struct signing_scheme *scheme;

	if (record.len <= SIGNING_HEAD || message.len > SIGNING_MESSAGE_MAX)
		return SIGNING_BAD;
	scheme = scheme_of((unsigned)p[4] << 8 | p[5]);
	if (scheme == NULL ||
	    !((!tls12_forbidden && is_server_key_exchange(message)) ||
		(scheme->tls13 && is_certificate_verify(message))))
		return SIGNING_BAD;
	r->index =
	    (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	r->scheme = scheme;
	r->message = message;
	return SIGNING_OK;
}

/*
 * What signed last, ready to do it again: to look up and check all that it
 * takes costs a fifth of an ECDSA signature.
 */
static struct {
	EVP_PKEY *key; /* counted; NULL: nothing is ready */
	const struct signing_scheme *scheme;
	EVP_MD *md;
	EVP_PKEY_CTX *ctx;
} ready;

static void
release_ready(void)
{
	EVP_PKEY_CTX_free(ready.ctx);
	EVP_MD_free(ready.md);
	EVP_PKEY_free(ready.key);
	memset(&ready, 0, sizeof(ready));
}

/* Have key ready to sign hashes as the scheme says; 0 or -1. */
static int
get_ready(EVP_PKEY *key, const struct signing_scheme *scheme)
{
	if (ready.key == key && ready.scheme == scheme)
		return 0;
	release_ready();
	if (EVP_PKEY_up_ref(key) != 1)
		return -1;
	ready.key = key;
	ready.scheme = scheme;
	ready.md = EVP_MD_fetch(NULL, scheme->digest, NULL);
	ready.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ready.md != NULL && ready.ctx != NULL &&
	    EVP_PKEY_sign_init(ready.ctx) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ready.ctx, ready.md) == 1 &&
	    (!scheme->pss ||
		(EVP_PKEY_CTX_set_rsa_padding(ready.ctx,
		     RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(ready.ctx,
			RSA_PSS_SALTLEN_DIGEST) == 1)))
		return 0;
	release_ready();
	return -1;
}

/* Hash and sign; *len is the room at to, and then what is used.  0 or -1. */
static int
sign_hash(EVP_PKEY *key, const struct signing_request *r, unsigned char *to,
    size_t *len)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned hash_len;

	if (get_ready(key, r->scheme) == -1 ||
	    EVP_Digest(r->message.p, r->message.len, hash, &hash_len, ready.md,
		NULL) != 1 ||
	    EVP_PKEY_sign(ready.ctx, to, len, hash, hash_len) != 1)
		return -1;
	return 0;
}

/* The same for a scheme that hashes in a way of its own. */
static int
sign_whole(EVP_PKEY *key, const struct signing_request *r, unsigned char *to,
    size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
	    EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) ==
		1 &&
	    EVP_DigestSign(ctx, to, len, (const unsigned char *)r->message.p,
		r->message.len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int
sign_request(EVP_PKEY *key, const struct signing_request *r, unsigned char *to,
    size_t *len)
{
	int result = (r->scheme->digest == NULL ? sign_whole : sign_hash)(key,
	    r, to, len);

	ERR_clear_error();
	return result;
}

size_t
signing_answer(struct view record, EVP_PKEY *const *keys, size_t n,
    unsigned char *to)
{
	struct signing_request r;
	size_t len = SIGNING_SIGNATURE_MAX;

	to[0] = 0;
	if (signing_request_parse(record, &r) != SIGNING_OK || r.index >= n ||
	    keys[r.index] == NULL ||
	    !EVP_PKEY_is_a(keys[r.index], r.scheme->key) ||
	    sign_request(keys[r.index], &r, to + 1, &len) == -1)
		return 1;
	to[0] = 1;
	return 1 + len;
}
