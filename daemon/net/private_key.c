/*
 * private_key.c - read a private key from its file, or say why not.
 *
 * Floor net.  Called by the key process, which is the only process that ever
 * has the result in memory; by the master, too, where [server] key_process is
 * no.
 *
 * The file is read with read(2) into memory of ours that is wiped: the
 * buffer of a FILE would be given back with the key in it.
 */
#include "net/private_key.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/mem.h"

/* A sentence about the key of c, in the words of the configuration. */
#define REFUSE(...) problems_add(ps, conf->path, c->key_line, __VA_ARGS__)

/* Read all of fd into to; its length, or -1 with errno. */
static ssize_t
read_all(int fd, char *to, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = read(fd, to + len, size - len);
		if (n == 0)
			return (ssize_t)len;
		if (n == -1 && errno != EINTR)
			return -1;
		len += n > 0 ? (size_t)n : 0;
	}
	errno = EFBIG;
	return -1;
}

/* True if it is a file, and its owner's alone. */
static bool
is_private_key_file(int fd, const struct conf *conf,
    const struct conf_capsule *c, struct problems *ps)
{
	struct stat st;

	if (fstat(fd, &st) == -1) {
		REFUSE("[capsule] key: cannot look at %s: %s", c->key.p,
		    strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		REFUSE("[capsule] key: %s is not a file", c->key.p);
		return false;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		REFUSE("[capsule] key: others than its owner can get at %s "
		       "(mode %04o): type \"chmod 600 %s\"",
		    c->key.p, (unsigned)st.st_mode & 07777, c->key.p);
		return false;
	}
	return true;
}

/* There is nobody to ask for a passphrase. */
static int
no_passphrase(char *to, int size, int writing, void *asked)
{
	(void)to;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

/* Make a key of PEM; NULL with a sentence. */
static EVP_PKEY *
decode_private_key(const char *pem, size_t len, const struct conf *conf,
    const struct conf_capsule *c, struct problems *ps)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = NULL;
	bool asked = false;

	ERR_clear_error();
	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	if (key == NULL && asked)
		REFUSE("[capsule] key: %s is encrypted, and nobody is there to "
		       "type its passphrase; it must be plain PEM",
		    c->key.p);
	else if (key == NULL)
		REFUSE("[capsule] key: cannot use %s: %s; it must be a PEM "
		       "file with a private key",
		    c->key.p, ERR_reason_error_string(ERR_peek_error()));
	ERR_clear_error();
	return key;
}

/*
 * Say why it could not be opened, which is in errno.  A root that a service
 * manager has left few rights reads only what is root's own.
 */
static void
refuse_unopened(const struct conf *conf, const struct conf_capsule *c,
    struct problems *ps)
{
	const char *why = strerror(errno);

	if (errno != EACCES || geteuid() != 0)
		REFUSE("[capsule] key: cannot use %s: %s", c->key.p, why);
	else
		REFUSE("[capsule] key: cannot use %s: %s; root is not allowed "
		       "here to read what belongs to others: type \"chown root "
		       "%s\", and let its folder be root's, too",
		    c->key.p, why, c->key.p);
}

static EVP_PKEY *
read_key(const struct conf *conf, const struct conf_capsule *c,
    struct problems *ps)
{
	/* Not blocking: it may be a FIFO. */
	int fd = open(c->key.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	EVP_PKEY *key = NULL;
	ssize_t len;
	char *pem;

	if (fd == -1) {
		refuse_unopened(conf, c, ps);
		return NULL;
	}
	if (is_private_key_file(fd, conf, c, ps)) {
		/* One more byte: at the limit the end is still to be seen. */
		pem = xmalloc(PRIVATE_KEY_FILE_MAX + 1);
		len = read_all(fd, pem, PRIVATE_KEY_FILE_MAX + 1);
		if (len == -1)
			REFUSE("[capsule] key: cannot read %s: %s", c->key.p,
			    strerror(errno));
		else
			key = decode_private_key(pem, (size_t)len, conf, c, ps);
		OPENSSL_cleanse(pem, PRIVATE_KEY_FILE_MAX + 1);
		xfree(pem);
	}
	close(fd);
	return key;
}

/* True if it is of a kind that we sign with. */
static bool
is_useful(const EVP_PKEY *key)
{
	static const char *const curves[] = { "prime256v1", "P-256",
		"secp384r1", "P-384", "secp521r1", "P-521" };
	char curve[32];
	size_t i;

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) <= PRIVATE_KEY_RSA_MAX;
	if (!EVP_PKEY_is_a(key, "EC"))
		return EVP_PKEY_is_a(key, "ED25519") == 1;
	if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1)
		return false;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(curve, curves[i]) == 0)
			return true;
	return false;
}

EVP_PKEY *
private_key_load(const struct conf *conf, const struct conf_capsule *c,
    EVP_PKEY *public, struct problems *ps)
{
	EVP_PKEY *key = read_key(conf, c, ps);

	if (key == NULL)
		return NULL;
	if (!is_useful(key))
		REFUSE("[capsule] key: %s is of a kind that is not used here "
		       "(%s, %d bits): take EC on P-256, P-384 or P-521, RSA "
		       "up to %d bits, or Ed25519",
		    c->key.p, EVP_PKEY_get0_type_name(key),
		    EVP_PKEY_get_bits(key), PRIVATE_KEY_RSA_MAX);
	else if (public != NULL && EVP_PKEY_eq(key, public) != 1)
		REFUSE("[capsule] key: cannot use %s with %s: the key does not "
		       "belong to the certificate",
		    c->key.p, c->certificate.p);
	else
		return key;
	ERR_clear_error();
	EVP_PKEY_free(key);
	return NULL;
}
