/* fill.h - bring a store up to date with what the map names. */
#ifndef FILL_H
#define FILL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "site/beneath.h"
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

/* The root of capsule i, borrowed; NULL if it cannot be opened. */
struct beneath *fill_beneath(const struct fill *f, size_t i);

/* The descriptor of capsule i's root, borrowed; -1 if it cannot be opened. */
int fill_root(const struct fill *f, size_t i);

/* Have tick called again and again while the store is filled. */
void fill_set_tick(struct fill *f, void (*tick)(void *arg), void *arg);

/*
 * Have s hold what the files are now, and nothing else: look at all, render
 * what differs from what it has, commit.
 *
 * What cannot be served is left out, and told in notes.  durable: store.h.
 * quiet: names in folders that are left out are not logged.  s is the same each
 * time.  Returns 0, or -1 if it cannot be written (store_why): s then holds
 * what was committed last.
 */
int fill_store(struct fill *f, struct store *s, bool durable, bool quiet,
    struct problems *notes);

/* Names that were made, written, moved or removed: what fill_some looks at. */
struct fill_changes;
struct fill_changes *fill_changes_new(const struct fill *f);
void fill_changes_free(struct fill_changes *c);

/* Add what lies at path, its one name below the root of that capsule; copied.
 * It may be gone. */
void fill_changes_add(struct fill_changes *c, size_t capsule, struct view path);

/* True if any of them is a folder now. */
bool fill_changes_have_folder(const struct fill_changes *c);

/*
 * As a quiet fill_store, which was called before, but looking at what these
 * changes can have moved, and at no more.
 */
int fill_some(struct fill *f, const struct fill_changes *c, bool durable,
    struct problems *notes);

/* Have the next fill_store drop what capsules without their roots had, and keep
 * (build_all). */
void fill_accept_empty(struct fill *f);

/* The number of capsules that are kept so, each with a sentence in to, unless
 * that is NULL. */
size_t fill_tell_kept(const struct fill *f, struct problems *to);

/* How many entries the last fill_store or fill_some has put or dropped. */
size_t fill_changed(const struct fill *f);

/* How many pages the fill_store under way looks at, about; 0: not known yet. */
size_t fill_expected(const struct fill *f);

/* How many warnings it has logged, besides the notes. */
size_t fill_skipped(const struct fill *f);

/* What was found damaged is written anew by the next fill_store. */
void fill_doubt(struct fill *f, const struct store_key *key);

/*
 * Open the large file that the entry of key stands for.  -1 with errno:
 * ENOENT, there is no such entry; ESTALE, another file is there now; else it
 * cannot be opened.
 */
int fill_open(struct fill *f, const struct store_key *key);

#endif
