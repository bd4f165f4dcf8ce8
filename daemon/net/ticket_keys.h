/* ticket_keys.h - the keys that seal TLS session tickets. */
#ifndef TICKET_KEYS_H
#define TICKET_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "base/view.h"
#include "site/conf.h"

#define TICKET_KEY_LEN       80         /* bytes: the three parts below */
#define TICKET_KEY_NAME_LEN  16         /* bytes */
#define TICKET_KEYS_MAX      16         /* keys in a file; ours */
#define TICKET_KEYS_FILE_MAX (16 << 10) /* bytes; ours, comments included */

/* The name stands in front of what was sealed, and says with which key. */
struct ticket_key {
	unsigned char name[TICKET_KEY_NAME_LEN];
	unsigned char mac[32]; /* HMAC-SHA-256 */
	unsigned char aes[32]; /* AES-256-CBC */
};

/* The first one seals, all of them open. */
struct ticket_keys {
	size_t n;
	struct ticket_key v[TICKET_KEYS_MAX];
};

/*
 * Read the text of a file: a key a line, TICKET_KEY_LEN bytes in hexadecimal
 * or base64; empty lines and those that start with # are skipped.
 *
 * Fills *to.  Returns NULL, or what is wrong, a constant, with *line set to
 * the line it is about, from 1, or to 0 if it is about all of the text.
 */
const char *ticket_keys_parse(struct view text, struct ticket_keys *to,
    int *line);

/*
 * The keys of the file that [tls] ticket_keys names, which must be its
 * owner's alone.  Returns them, to be freed with ticket_keys_free, or NULL
 * with a sentence added to ps.
 */
struct ticket_keys *ticket_keys_load(const struct conf *conf,
    struct problems *ps);

/* Wipe, then free; NULL is fine. */
void ticket_keys_free(struct ticket_keys *keys);

/* The key of that name, or NULL. */
const struct ticket_key *ticket_keys_find(const struct ticket_keys *keys,
    const unsigned char *name);

/*
 * Random keys in memory that this process and those it forks share, to be
 * changed by this one alone: the present one, and the one before it.
 * Errors: as mem.h.
 */
struct ticket_ring;
struct ticket_ring *ticket_ring_new(void);

/* Let go of it in this process; others still have it. */
void ticket_ring_free(struct ticket_ring *ring);

/* From now on another key seals; the one before the last opens no more. */
void ticket_ring_turn(struct ticket_ring *ring);

/* The key that seals, or the one of that name, copied to *to; 0 or -1. */
void ticket_ring_present(const struct ticket_ring *ring, struct ticket_key *to);
int ticket_ring_find(const struct ticket_ring *ring, const unsigned char *name,
    struct ticket_key *to);

#endif
