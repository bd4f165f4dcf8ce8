/* fill.h - bring a store up to date with what the map names. */
#ifndef FILL_H
#define FILL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "site/conf.h"
#include "site/snapshot.h"
#include "site/store.h"

struct fill;

/*
 * For all that conf maps, and what of it is configured (snapshot_configure).
 * Opens the roots of all capsules, and nothing but what lies below them from
 * now on.  Both are borrowed; the caller frees the result with fill_free.
 */
struct fill *fill_new(const struct conf *conf, struct snapshot *configured);
void fill_free(struct fill *f);

/* The descriptor of capsule i's root, borrowed; -1 if it cannot be opened. */
int fill_root(const struct fill *f, size_t i);

/*
 * Read all that is mapped, and have s hold that and nothing else: one commit.
 * What cannot be served is left out, and told in notes.  durable: store.h.
 * Returns 0, or -1 if it cannot be written (store_why): s then holds what it
 * held.
 */
int fill_store(struct fill *f, struct store *s, bool durable,
    struct problems *notes);

/* How many warnings the last fill_store has logged, besides the notes. */
size_t fill_skipped(const struct fill *f);

/* What was found damaged is written anew by the next fill_store. */
void fill_doubt(struct fill *f, const struct store_key *key);

/* True if anything that is mapped has changed since it was read. */
bool fill_has_changed(struct fill *f);

/*
 * Open the large file that the entry of key in r stands for.  -1 with errno:
 * ENOENT, there is no such entry; ESTALE, another file is there now; else it
 * cannot be opened.
 */
int fill_open(struct fill *f, const struct store_reader *r,
    const struct store_key *key);

#endif
