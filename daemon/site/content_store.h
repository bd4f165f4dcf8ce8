/* content_store.h - content that a store has. */
#ifndef CONTENT_STORE_H
#define CONTENT_STORE_H

#include "site/content.h"
#include "site/snapshot.h"
#include "site/store.h"

/* Longer answers are sent without a look at their checksum: bytes. */
#define CONTENT_CHECK_MAX ((size_t)64 << 10)

/* What a capsule is called where keys are made: its first host. */
struct view content_capsule(const struct site *site);

struct content_store;

/*
 * Content for all sites of s, which cannot be read until there is a store to
 * look into.  damaged(arg, key) is told of what is not as it was written.
 * Freed with content_store_free, and all contents with it, when nothing of them
 * is held.
 */
struct content_store *content_store_new(struct snapshot *s,
    void (*damaged)(void *arg, const struct store_key *key), void *arg);
void content_store_free(struct content_store *cs);

/*
 * Look into r from now on, and into other roots that r gets; a root of another
 * store's has other keys, which is seen to.  r is owned, in every case; the
 * reader before it is freed when nothing of it is held.  Returns 0; or -1
 * without memory, and nothing has changed.
 */
int content_store_use(struct content_store *cs, struct store_reader *r);

#endif
