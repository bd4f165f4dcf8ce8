/*
 * remote_key.c - keys whose private half is in another process.
 *
 * Floor net.  tls.c makes such keys, OpenSSL calls in during a handshake, and
 * the worker waits for the answer: signing takes as long as it would take
 * here, and two trips through the kernel.
 *
 * This is a provider, OpenSSL's own way since 3.0 of putting a key elsewhere,
 * and not a pair of EC_KEY_METHOD and RSA_METHOD, although those are shorter.
 * Methods are deprecated, know no Ed25519, and are handed a hash, or for RSA a
 * number to be raised to a power: whoever answers cannot know what for.  Here
 * the whole message arrives, and signing.c looks at it.
 *
 * Only what TLS calls on a server is here: a key that answers questions about
 * itself as its public half does, and signatures made in one call.
 */
#include "net/remote_key.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/metrics.h"
#include "net/signing.h"

#define PROVIDER "capsuled-keys"
/* A property of our own; OpenSSL wants names with a dot for those. */
#define PROPERTY "provider=" PROVIDER ",capsuled.key=kept"
/* Names of our own: how remote_key_new hands its arguments to import. */
#define PARAM_INDEX  "key-index"
#define PARAM_PUBLIC "key-public"

typedef void (*function)(void); /* as OSSL_DISPATCH wants every one */

struct key {
	const char *kind; /* "EC", "RSA" or "ED25519" */
	size_t index;
	EVP_PKEY *public; /* shared, counted */
};

/* -- asking -- */

static struct {
	int fd; /* -1: there is no key process */
	void (*on_trouble)(void *arg, enum remote_key_trouble t);
	void *arg;
} key_process = { -1, NULL, NULL };

void
remote_key_connect(int fd,
    void (*on_trouble)(void *arg, enum remote_key_trouble t), void *arg)
{
	struct timeval patience = {
		.tv_sec = REMOTE_KEY_DOUBT_MS / 1000,
		.tv_usec = (REMOTE_KEY_DOUBT_MS % 1000) * 1000,
	};

	/* The deadline is the socket's, so that a receive is all it takes. */
	if (fd != -1 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience)) == -1) {
		log_error("cannot talk to the key process");
		close(fd);
		fd = -1;
	}
	if (key_process.fd != -1)
		close(key_process.fd);
	key_process.fd = fd;
	key_process.on_trouble = on_trouble;
	key_process.arg = arg;
}

static void
tell_trouble(enum remote_key_trouble t)
{
	if (key_process.on_trouble != NULL)
		key_process.on_trouble(key_process.arg, t);
}

static void
hang_up(const char *why)
{
	close(key_process.fd);
	key_process.fd = -1;
	log_warnx("no signature: the key process %s", why);
	tell_trouble(REMOTE_KEY_LOST);
}

/* True if it was time that ended a receive. */
static bool
is_late(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Wait for an answer; as recv(2), which fails once time is over. */
static ssize_t
receive_signature(unsigned char *answer)
{
	int64_t begin = clock_ms(), passed;
	bool told = false;
	ssize_t n;

	do {
		n = recv(key_process.fd, answer, SIGNING_ANSWER_MAX + 1, 0);
		if (n != -1 || !is_late(errno))
			return n;
		passed = clock_ms() - begin;
		if (!told && passed >= REMOTE_KEY_DOUBT_MS) {
			tell_trouble(REMOTE_KEY_LATE);
			told = true;
		}
	} while (passed < REMOTE_KEY_DEADLINE_MS);
	errno = EAGAIN;
	return -1;
}

/* Send a request, receive the answer; its length, or -1. */
static ssize_t
ask_key_process(const unsigned char *request, size_t len, unsigned char *answer)
{
	ssize_t n;

	if (key_process.fd == -1)
		return -1;
	/* One is under way at a time: there is always room for it. */
	if (send(key_process.fd, request, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    -1) {
		hang_up("is gone");
		return -1;
	}
	n = receive_signature(answer);
	if (n == -1 && is_late(errno)) {
		hang_up("does not answer");
		return -1;
	}
	if (n <= 0) {
		hang_up("is gone");
		return -1;
	}
	if (n > SIGNING_ANSWER_MAX || answer[0] > 1 ||
	    (answer[0] == 1) != (n > 1)) {
		hang_up("answers nonsense");
		return -1;
	}
	return n;
}

/* -- keys: what OpenSSL calls a keymgmt -- */

static void *
new_key(const char *kind)
{
	struct key *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->kind = kind;
	return k;
}

static void *
ec_new(void *provider)
{
	(void)provider;
	return new_key("EC");
}

static void *
rsa_new(void *provider)
{
	(void)provider;
	return new_key("RSA");
}

static void *
ed25519_new(void *provider)
{
	(void)provider;
	return new_key("ED25519");
}

static void
key_free(void *key)
{
	struct key *k = key;

	if (k != NULL)
		EVP_PKEY_free(k->public);
	free(k);
}

/* The private half, too: not that it could be had, but it can be used. */
static int
key_has(const void *key, int selection)
{
	const struct key *k = key;

	(void)selection;
	return k->public != NULL;
}

static int
key_get_params(void *key, OSSL_PARAM params[])
{
	struct key *k = key;

	return EVP_PKEY_get_params(k->public, params);
}

static const OSSL_PARAM *
key_gettable_params(void *provider)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL,
		    0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return gettable;
}

/* Only remote_key_new imports: an index, and the public half by reference. */
static int
key_import(void *key, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *index = OSSL_PARAM_locate_const(params, PARAM_INDEX),
			 *public =
			     OSSL_PARAM_locate_const(params, PARAM_PUBLIC);
	struct key *k = key;
	const void *p;
	size_t size;

	(void)selection;
	if (index == NULL || public == NULL || k->public != NULL ||
	    OSSL_PARAM_get_size_t(index, &k->index) != 1 ||
	    OSSL_PARAM_get_octet_ptr(public, &p, &size) != 1 ||
	    EVP_PKEY_up_ref((EVP_PKEY *)(uintptr_t)p) != 1)
		return 0;
	k->public = (EVP_PKEY *)(uintptr_t)p;
	return 1;
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_size_t(PARAM_INDEX, NULL),
		OSSL_PARAM_octet_ptr(PARAM_PUBLIC, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

/*
 * The public half goes out, so that the certificate can be compared with it.
 * Asked for both, refuse: OpenSSL would sign with what it got.
 */
static int
key_export(void *key, int selection, OSSL_CALLBACK *to, void *arg)
{
	struct key *k = key;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return 0;
	return EVP_PKEY_export(k->public, selection, to, arg);
}

static const OSSL_PARAM *
key_export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *
rsa_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *
ed25519_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

#define KEYMGMT(kind)                                                          \
	static const OSSL_DISPATCH kind##_keymgmt[] = {                        \
		{ OSSL_FUNC_KEYMGMT_NEW, (function)kind##_new },               \
		{ OSSL_FUNC_KEYMGMT_FREE, (function)key_free },                \
		{ OSSL_FUNC_KEYMGMT_HAS, (function)key_has },                  \
		{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (function)key_get_params },    \
		{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS,                           \
		    (function)key_gettable_params },                           \
		{ OSSL_FUNC_KEYMGMT_IMPORT, (function)key_import },            \
		{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES,                              \
		    (function)key_import_types },                              \
		{ OSSL_FUNC_KEYMGMT_EXPORT, (function)key_export },            \
		{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES,                              \
		    (function)key_export_types },                              \
		{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME,                      \
		    (function)kind##_operation },                              \
		{ 0, NULL }                                                    \
	}

KEYMGMT(ec);
KEYMGMT(rsa);
KEYMGMT(ed25519);

/* -- signatures -- */

struct signature {
	const struct key *key; /* borrowed from the EVP_PKEY that is used */
	char digest[32];
	bool pss;
};

static void *
signature_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return calloc(1, sizeof(struct signature));
}

static int
set_padding(struct signature *s, const OSSL_PARAM *p)
{
	const char *word = NULL;
	int number = 0;

	if (p->data_type == OSSL_PARAM_UTF8_STRING) {
		if (OSSL_PARAM_get_utf8_string_ptr(p, &word) != 1)
			return 0;
		s->pss = strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
		return s->pss ||
		    strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0;
	}
	if (OSSL_PARAM_get_int(p, &number) != 1)
		return 0;
	s->pss = number == RSA_PKCS1_PSS_PADDING;
	return s->pss || number == RSA_PKCS1_PADDING;
}

/* TLS has one length of salt, the digest's: it needs no saying. */
static int
is_digest_long(const OSSL_PARAM *p)
{
	const char *word = NULL;
	int number = 0;

	if (p->data_type == OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_utf8_string_ptr(p, &word) == 1 &&
		    strcmp(word, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
	return OSSL_PARAM_get_int(p, &number) == 1 &&
	    number == RSA_PSS_SALTLEN_DIGEST;
}

static int
signature_set_params(void *signature, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p != NULL && set_padding(signature, p) != 1)
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	return p == NULL || is_digest_long(p);
}

static const OSSL_PARAM *
signature_settable_params(void *signature, void *provider)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
		    0),
		OSSL_PARAM_END,
	};

	(void)signature;
	(void)provider;
	return settable;
}

static int
signature_init(void *signature, const char *digest, void *key,
    const OSSL_PARAM params[])
{
	struct signature *s = signature;

	if (digest == NULL)
		digest = "";
	if (key == NULL || strlen(digest) >= sizeof(s->digest))
		return 0;
	s->key = key;
	s->pss = false;
	strcpy(s->digest, digest);
	return signature_set_params(signature, params);
}

/* Called twice: with to being NULL it asks how long a signature may be. */
static int
signature_sign(void *signature, unsigned char *to, size_t *len, size_t size,
    const unsigned char *message, size_t message_len)
{
	unsigned char request[SIGNING_REQUEST_MAX];
	unsigned char answer[SIGNING_ANSWER_MAX + 1]; /* + 1: it is too long */
	const struct signature *s = signature;
	struct signing_request r = { .index = s->key->index,
		.scheme = signing_scheme_find(s->key->kind, s->digest, s->pss),
		.message = { (const char *)message, message_len } };
	ssize_t n;
	size_t n_request;

	if (to == NULL) {
		*len = (size_t)EVP_PKEY_get_size(s->key->public);
		return 1;
	}
	if (r.scheme == NULL)
		return 0;
	n_request = signing_request_write(&r, request);
	if (n_request == 0)
		return 0;
	n = ask_key_process(request, n_request, answer);
	if (n <= 1 || (size_t)n - 1 > size) {
		metrics_count(METRICS_NOT_SIGNED, 1);
		return 0;
	}
	metrics_count(METRICS_SIGNED, 1);
	*len = (size_t)n - 1;
	memcpy(to, answer + 1, *len);
	return 1;
}

static const OSSL_DISPATCH signatures[] = { { OSSL_FUNC_SIGNATURE_NEWCTX,
						(function)signature_new },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (function)free },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (function)signature_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (function)signature_sign },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (function)signature_set_params },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS,
	    (function)signature_settable_params },
	{ 0, NULL } };

/* -- the provider -- */

static const OSSL_ALGORITHM *
query_operation(void *provider, int operation, int *no_store)
{
	static const OSSL_ALGORITHM keys[] = { { "EC", PROPERTY, ec_keymgmt,
						   NULL },
		{ "RSA", PROPERTY, rsa_keymgmt, NULL },
		{ "ED25519", PROPERTY, ed25519_keymgmt, NULL },
		{ NULL, NULL, NULL, NULL } };
	static const OSSL_ALGORITHM signers[] = { { "ECDSA", PROPERTY,
						      signatures, NULL },
		{ "RSA", PROPERTY, signatures, NULL },
		{ "ED25519", PROPERTY, signatures, NULL },
		{ NULL, NULL, NULL, NULL } };

	(void)provider;
	*no_store = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signers : NULL;
}

static int
start_provider(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH provides[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION,
		    (function)query_operation },
		{ 0, NULL }
	};

	static int state; /* there is none, but NULL would mean failure */

	(void)core;
	(void)in;
	*out = provides;
	*provider = &state;
	return 1;
}

int
remote_key_init(void)
{
	/* Until the process ends; a leak checker would miss them. */
	static OSSL_PROVIDER *usual, *ours;

	/* The first provider that is loaded by hand would be the only one. */
	usual = OSSL_PROVIDER_load(NULL, "default");
	if (OSSL_PROVIDER_add_builtin(NULL, PROVIDER, start_provider) == 1)
		ours = OSSL_PROVIDER_load(NULL, PROVIDER);
	if (usual == NULL || ours == NULL)
		return -1;
	/* Who does not say whose keys are meant gets OpenSSL's own. */
	return EVP_set_default_properties(NULL, "?capsuled.key!=kept") == 1
	    ? 0
	    : -1;
}

EVP_PKEY *
remote_key_new(size_t index, EVP_PKEY *public)
{
	const void *pointer = public;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(PARAM_INDEX, &index),
		OSSL_PARAM_construct_octet_ptr(PARAM_PUBLIC,
		    (void **)(uintptr_t)&pointer, sizeof(pointer)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL,
	    EVP_PKEY_get0_type_name(public), PROPERTY);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}
