/* access.h - who may read what, by client certificate. */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/problem.h"
#include "base/view.h"
#include "site/conf.h"

#define ACCESS_HASH_LEN 32        /* bytes of SHA-256 */
#define ACCESS_FILE_MAX (1 << 20) /* bytes of a file of fingerprints; ours */
#define ACCESS_NAME_MAX 1024      /* bytes of a name that are kept, with NUL */

struct access_rule;

/* What a client showed in the handshake that this connection began with. */
struct peer_certificate {
	unsigned char sha256[ACCESS_HASH_LEN]; /* of its DER */
	int64_t not_before, not_after; /* seconds since 1970, both included */
	/* As RFC 2253 writes them: ASCII without controls. */
	char issuer[ACCESS_NAME_MAX], subject[ACCESS_NAME_MAX];
	/* True if an authority of the rule's file vouches for it now. */
	bool (*is_vouched)(const struct peer_certificate *certificate,
	    const struct access_rule *rule);
	void *arg; /* is_vouched's own */
};

enum access_kind {
	ACCESS_LISTED, /* whose fingerprint stands in a file */
	ACCESS_ANY,    /* whoever shows a certificate */
	ACCESS_CA      /* who was certified by an authority */
};

/* A line of [access]. */
struct access_rule {
	struct view pattern; /* without its "*" */
	bool is_prefix;      /* it had one */
	enum access_kind kind;
	unsigned char (*hashes)[ACCESS_HASH_LEN]; /* LISTED: sorted */
	size_t n;
	struct view file; /* LISTED and CA: a C string */
	size_t ca;        /* CA: which of all those of a snapshot */
	int line;
};

/* All rules of one capsule. */
struct access {
	struct access_rule *rules;
	size_t n;
};

/*
 * Read the text of a file of fingerprints into rule, with memory from a.
 *
 * One SHA-256 a line, 64 hexadecimal digits, all or no pairs of them parted
 * by ":", "SHA256:" before them or not; blank lines, and comments from a "#"
 * at the start or after a blank.
 * Adds what is wrong to ps, with path and line; returns 0, or -1 and *rule as
 * it was.
 */
int access_parse(struct view text, const char *path, struct arena *a,
    struct access_rule *rule, struct problems *ps);

/*
 * Read the rules of a capsule and the files of fingerprints they name.
 *
 * *n_cas counts the rules of kind ACCESS_CA over all capsules; their files
 * are read by whoever can check signatures.  Returns NULL for a capsule
 * without rules.  Adds what is wrong to ps.
 */
struct access *access_load(const struct conf *conf,
    const struct conf_capsule *capsule, struct arena *a, size_t *n_cas,
    struct problems *ps);

/*
 * The file that a line of [access] names, a C string from a; empty for "any".
 * Sets *kind.
 */
struct view access_file(const struct conf *conf, const struct conf_pair *pair,
    struct arena *a, enum access_kind *kind);

/* True if the pattern of rule fits selector. */
bool access_fits(const struct access_rule *rule, struct view selector);

/*
 * The rule that holds for selector: the longest pattern that fits, an exact
 * one before one with "*".  NULL: anybody may read it; access may be NULL.
 */
const struct access_rule *access_find(const struct access *access,
    struct view selector);

/*
 * May the owner of this certificate, NULL for none, read what rule protects?
 *
 * Returns GEMINI_SUCCESS; or CERTIFICATE_REQUIRED (60), _NOT_AUTHORISED (61)
 * or _NOT_VALID (62), with words for the client appended to why.
 */
int access_decide(const struct access_rule *rule,
    const struct peer_certificate *certificate, int64_t now, struct buf *why);

#endif
