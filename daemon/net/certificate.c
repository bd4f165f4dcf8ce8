/*
 * certificate.c - a certificate of our own at first start, and what to say of
 * any.
 *
 * Floor net; the master calls in while loading, never a worker.  Where a key
 * is made, that is in a child of the master which ends right after.
 *
 * Readers of a capsule pin its key at the first visit, so ours lasts until
 * 2099 and is P-256, which every client can check.  Each visit pays for its
 * bytes: a short name (clients compare the SAN), and none of the extensions
 * that only a chain to an authority would need.
 *
 * All of ours have one issuer's name.  NSS refuses a server whose certificate
 * has the issuer and the serial number of another's, so the number is random
 * and long enough never to come twice.
 */
#include "net/certificate.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/uri.h"
#include "net/private_key.h"

#define NOT_AFTER   "20991231235959Z" /* contract: valid to 2099 */
#define COMMON_NAME "c"               /* "capsule": it stands there twice */
#define SERIAL_BITS 128               /* RFC 5280 4.1.2.2: 20 octets at most */
#define SIGNATURES_TRIED                                                       \
	64 /* all but surely one of 70 bytes or less is there */
#define BACKDATE_S (24 * 60 * 60) /* for clients whose clock is behind */
#define NAMES_MAX                                                              \
	((size_t)2 << 20) /* bytes of a SAN as text; a                         \
			   * configuration holds fewer */

/* -- which file -- */

/* What a path stands for: a file, or a name in a folder if it is not there. */
struct file_place {
	struct stat st;
	const char *name; /* "" for a file that is there */
};

static bool
locate_file(const char *path, struct file_place *to)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int r;

	to->name = "";
	if (stat(path, &to->st) == 0)
		return true;
	to->name = slash == NULL ? path : slash + 1;
	folder = slash == NULL
	    ? xstrdup(".")
	    : xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	r = stat(folder, &to->st);
	xfree(folder);
	return r == 0;
}

bool
certificate_is_shared(const struct conf_capsule *a,
    const struct conf_capsule *b)
{
	struct file_place x, y;

	if (view_eq(a->certificate, b->certificate))
		return true;
	return locate_file(a->certificate.p, &x) &&
	    locate_file(b->certificate.p, &y) && x.st.st_dev == y.st.st_dev &&
	    x.st.st_ino == y.st.st_ino && strcmp(x.name, y.name) == 0;
}

/* -- making -- */

/* An address in a SAN is "IP:", a name "DNS:"; brackets are the URL's. */
static void
add_name(struct buf *san, struct view host)
{
	unsigned char raw[sizeof(struct in6_addr)];
	char *name = xstrndup(host.p, host.len);
	size_t len = strlen(name);

	if (san->len > 0)
		buf_putc(san, ',');
	if (len > 2 && name[0] == '[') {
		name[len - 1] = '\0';
		buf_printf(san, "IP:%s", name + 1);
	} else
		buf_printf(san, "%s:%s",
		    inet_pton(AF_INET, name, raw) == 1 ? "IP" : "DNS", name);
	xfree(name);
}

/* The names of every capsule that shows the certificate of this one. */
static X509_EXTENSION *
make_san(const struct conf *conf, const struct conf_capsule *c)
{
	X509_EXTENSION *ext = NULL;
	struct buf san;
	size_t i, k;

	buf_init(&san, NAMES_MAX);
	for (i = 0; i < conf->n_capsules; i++)
		for (k = 0; certificate_is_shared(c, &conf->capsules[i]) &&
		     k < conf->capsules[i].hostname.n;
		     k++)
			add_name(&san, conf->capsules[i].hostname.v[k]);
	buf_putc(&san, '\0');
	if (!san.failed)
		ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
		    san.p);
	buf_fini(&san);
	return ext;
}

static int
set_names(X509 *x, const struct conf *conf, const struct conf_capsule *c)
{
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *ext = make_san(conf, c);
	int ok;

	ok = ext != NULL &&
	    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)COMMON_NAME, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static int
set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	int ok = n != NULL &&
	    BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;

	BN_free(n);
	return ok ? 0 : -1;
}

/*
 * A signature by an EC key is two numbers, which are a byte shorter each if
 * they are below half of what they can be.  Each full handshake has it: so take
 * the shortest of some.  Signed and returned is x, or NULL, with x freed.
 */
static X509 *
sign_briefly(X509 *x, EVP_PKEY *key)
{
	X509 *best = NULL;
	int i, len = 1, least = INT_MAX;

	for (i = 0; len > 0 && i < SIGNATURES_TRIED; i++) {
		len = X509_sign(x, key, EVP_sha256());
		if (len <= 0 || len >= least)
			continue;
		X509_free(best);
		best = X509_dup(x);
		least = len;
	}
	X509_free(x);
	return best;
}

static X509 *
make_certificate(EVP_PKEY *key, const struct conf *conf,
    const struct conf_capsule *c)
{
	X509 *x = X509_new();

	if (x != NULL && set_serial(x) == 0 &&
	    X509_set_version(x, X509_VERSION_3) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -BACKDATE_S) != NULL &&
	    ASN1_TIME_set_string(X509_getm_notAfter(x), NOT_AFTER) == 1 &&
	    X509_set_pubkey(x, key) == 1 && set_names(x, conf, c) == 0)
		return sign_briefly(x, key);
	X509_free(x);
	return NULL;
}

static int
write_and_sync(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno != EINTR)
			return -1;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

/* A new file at path: written through under another name, then renamed. */
static int
replace_file(const char *path, mode_t mode, const char *p, size_t len)
{
	size_t size = strlen(path) + sizeof(".new");
	char *temporary = xmalloc(size);
	int fd, ok;

	snprintf(temporary, size, "%s.new", path);
	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ok = fd != -1 && write_and_sync(fd, p, len) == 0;
	if (fd != -1)
		ok = close(fd) == 0 && ok;
	ok = ok && rename(temporary, path) == 0;
	if (!ok)
		(void)unlink(temporary);
	xfree(temporary);
	return ok ? 0 : -1;
}

/*
 * Write either key or x to path; 0, or -1 with errno.  A BIO wipes its memory
 * when it grows and when it goes, which a FILE does not.
 */
static int
save_pem(const char *path, mode_t mode, EVP_PKEY *key, X509 *x)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *p;
	long len;
	int ok = pem != NULL, error;

	if (ok && key != NULL)
		ok = PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL,
		    NULL);
	if (ok && x != NULL)
		ok = PEM_write_bio_X509(pem, x);
	errno = ENOMEM;
	if (ok) {
		len = BIO_get_mem_data(pem, &p);
		ok = replace_file(path, mode, p, (size_t)len) == 0;
	}
	error = errno;
	BIO_free(pem);
	errno = error;
	return ok ? 0 : -1;
}

static int
generate_certificate(const struct conf *conf, const struct conf_capsule *c,
    struct problems *ps)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key == NULL ? NULL : make_certificate(key, conf, c);
	int r = -1;

	if (x == NULL)
		problems_add(ps, conf->path, c->line,
		    "cannot make a certificate for %s: %s", c->hostname.v[0].p,
		    ERR_reason_error_string(ERR_get_error()));
	else if (save_pem(c->key.p, 0600, key, NULL) == -1)
		problems_add(ps, conf->path, c->key_line,
		    "[capsule%s] key: cannot write %s: %s", c->tag, c->key.p,
		    strerror(errno));
	else if (save_pem(c->certificate.p, 0644, NULL, x) == -1) {
		problems_add(ps, conf->path, c->certificate_line,
		    "[capsule%s] certificate: cannot write %s: %s", c->tag,
		    c->certificate.p, strerror(errno));
		/* Half a pair would be an error at the next start. */
		(void)unlink(c->key.p);
	} else
		r = 1;
	X509_free(x);
	EVP_PKEY_free(key);
	return r;
}

/* Would it be possible to write path?  0, or -1 with a problem added. */
static int
can_write(const struct conf *conf, const char *path, const char *key, int line,
    struct problems *ps)
{
	char *folder = xstrdup(path), *slash = strrchr(folder, '/');
	int r;

	if (slash == NULL)
		r = access(".", W_OK | X_OK);
	else {
		slash[slash == folder] = '\0';
		r = access(folder, W_OK | X_OK);
	}
	xfree(folder);
	if (r == -1)
		problems_add(ps, conf->path, line,
		    "[capsule] %s: cannot write %s: %s", key, path,
		    strerror(errno));
	return r;
}

/* The same for both files of a pair; 1 if it would be possible. */
static int
can_generate(const struct conf *conf, const struct conf_capsule *c,
    struct problems *ps)
{
	int key = can_write(conf, c->key.p, "key", c->key_line, ps);
	int cert = can_write(conf, c->certificate.p, "certificate",
	    c->certificate_line, ps);

	return key == 0 && cert == 0 ? 1 : -1;
}

/* True unless the file is certainly missing. */
static bool
is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int
certificate_ensure(const struct conf *conf, const struct conf_capsule *c,
    bool dry, struct problems *ps)
{
	bool cert = is_there(c->certificate.p), key = is_there(c->key.p);

	if (cert && key)
		return 0;
	if (!cert && !key)
		return dry ? can_generate(conf, c, ps)
			   : generate_certificate(conf, c, ps);
	problems_add(ps, conf->path, cert ? c->key_line : c->certificate_line,
	    "[capsule%s] %s: %s is missing, but %s exists; restore it, or "
	    "remove both to have a new pair made",
	    c->tag, cert ? "key" : "certificate",
	    cert ? c->key.p : c->certificate.p,
	    cert ? c->certificate.p : c->key.p);
	return -1;
}

/* -- renewing -- */

static X509 *
read_one(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *x = NULL;

	if (f != NULL) {
		x = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	ERR_clear_error();
	return x;
}

/* Write a new certificate for the key; 0, or -1 with a problem added. */
static int
replace_certificate(const struct conf *conf, const struct conf_capsule *c,
    EVP_PKEY *key, struct problems *ps)
{
	X509 *x = make_certificate(key, conf, c);
	int r = -1;

	if (x == NULL)
		problems_add(ps, conf->path, c->line,
		    "cannot make a certificate for %s: %s", c->hostname.v[0].p,
		    ERR_reason_error_string(ERR_get_error()));
	else if (save_pem(c->certificate.p, 0644, NULL, x) == -1)
		problems_add(ps, conf->path, c->certificate_line,
		    "[capsule%s] certificate: cannot write %s: %s", c->tag,
		    c->certificate.p, strerror(errno));
	else
		r = 0;
	X509_free(x);
	return r;
}

/* True if x was signed by its own key and nobody else. */
static bool
is_own(X509 *x)
{
	return X509_NAME_cmp(X509_get_subject_name(x),
		   X509_get_issuer_name(x)) == 0 &&
	    X509_verify(x, X509_get0_pubkey(x)) == 1;
}

int
certificate_renew(const struct conf *conf, const struct conf_capsule *c,
    struct problems *ps)
{
	X509 *old = read_one(c->certificate.p);
	EVP_PKEY *key;
	int r = -1;

	if (old == NULL)
		problems_add(ps, conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s is no certificate that can "
		    "be read",
		    c->tag, c->certificate.p);
	else if (!is_own(old))
		problems_add(ps, conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s was signed by an authority, "
		    "which alone can renew it; ask for one with the same key",
		    c->tag, c->certificate.p);
	else if ((key = private_key_load(conf, c, X509_get0_pubkey(old), ps)) !=
	    NULL) {
		r = replace_certificate(conf, c, key, ps);
		EVP_PKEY_free(key);
	}
	ERR_clear_error();
	X509_free(old);
	return r;
}

/* -- describing -- */

int64_t
certificate_seconds(const ASN1_TIME *t, int64_t otherwise)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? clock_from_utc(&tm) : otherwise;
}

static void
print_hash(const unsigned char *hash, unsigned len, char *to)
{
	unsigned i;

	to[0] = '\0';
	for (i = 0; i < len; i++)
		snprintf(to + i * 3, CERTIFICATE_HASH_MAX - i * 3, "%02X%s",
		    hash[i], i + 1 < len ? ":" : "");
}

/* Count what a handshake sends: the certificate and all that follow it. */
static void
count_chain(const char *path, struct certificate *to)
{
	FILE *f = fopen(path, "re");
	X509 *x;
	int len;

	to->n = to->len = 0;
	while (f != NULL && (x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		len = i2d_X509(x, NULL);
		to->n++;
		to->len += len > 0 ? (size_t)len : 0;
		X509_free(x);
	}
	if (f != NULL)
		fclose(f);
	ERR_clear_error();
}

/*
 * Two numbers in DER: half of them take the byte that the longest have, so the
 * usual signature of an EC key has one less than the longest.
 */
static size_t
usual_signature(const EVP_PKEY *key)
{
	int longest = key == NULL ? 0 : EVP_PKEY_size(key);

	if (longest > 0 && EVP_PKEY_base_id(key) == EVP_PKEY_EC)
		longest--;
	return longest > 0 ? (size_t)longest : 0;
}

int
certificate_read(const char *path, struct certificate *to)
{
	unsigned char hash[EVP_MAX_MD_SIZE], *spki = NULL;
	unsigned len;
	X509 *x = read_one(path);
	int n;

	if (x == NULL)
		return -1;
	to->not_before = certificate_seconds(X509_get0_notBefore(x), 0);
	to->not_after = certificate_seconds(X509_get0_notAfter(x), 0);
	to->is_rare = EVP_PKEY_is_a(X509_get0_pubkey(x), "ED25519") == 1;
	to->sha256[0] = to->key_sha256[0] = '\0';
	if (X509_digest(x, EVP_sha256(), hash, &len) == 1)
		print_hash(hash, len, to->sha256);
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	if (n > 0 &&
	    EVP_Digest(spki, (size_t)n, hash, &len, EVP_sha256(), NULL) == 1)
		print_hash(hash, len, to->key_sha256);
	OPENSSL_free(spki);
	to->is_own = is_own(x);
	to->signature = usual_signature(X509_get0_pubkey(x));
	count_chain(path, to);
	X509_free(x);
	return 0;
}

/* Append a name of a SAN, after a blank if others stand there. */
static void
put_san(const GENERAL_NAME *name, struct buf *to)
{
	const ASN1_STRING *text;
	char address[INET6_ADDRSTRLEN];
	const unsigned char *p;
	int len;

	if (name->type != GEN_DNS && name->type != GEN_IPADD)
		return;
	if (to->len > 0)
		buf_putc(to, ' ');
	text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
	p = ASN1_STRING_get0_data(text);
	len = ASN1_STRING_length(text);
	if (name->type == GEN_DNS)
		buf_put(to, (struct view){ (const char *)p, (size_t)len });
	else if (len == 4 &&
	    inet_ntop(AF_INET, p, address, sizeof(address)) != NULL)
		buf_puts(to, address);
	else if (len == 16 &&
	    inet_ntop(AF_INET6, p, address, sizeof(address)) != NULL)
		buf_printf(to, "[%s]", address);
}

int
certificate_list_names(const char *path, struct buf *to)
{
	X509 *x = read_one(path);
	GENERAL_NAMES *names;
	char common[URI_HOST_MAX + 1];
	int i;

	if (x == NULL)
		return -1;
	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		put_san(sk_GENERAL_NAME_value(names, i), to);
	if (names == NULL &&
	    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
		common, sizeof(common)) > 0)
		buf_puts(to, common);
	GENERAL_NAMES_free(names);
	X509_free(x);
	return 0;
}

bool
certificate_names(const char *path, const char *host)
{
	X509 *x = read_one(path);
	char *bare = xstrdup(host);
	size_t len = strlen(bare);
	bool ok;

	if (len > 2 && bare[0] == '[') {
		bare[len - 1] = '\0';
		memmove(bare, bare + 1, len - 1);
	}
	ok = x != NULL &&
	    (X509_check_host(x, bare, 0, 0, NULL) == 1 ||
		X509_check_ip_asc(x, bare, 0) == 1);
	xfree(bare);
	X509_free(x);
	return ok;
}
