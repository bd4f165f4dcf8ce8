/* build_kept.h - what a capsule has while its root is gone, or empty. */
#ifndef BUILD_KEPT_H
#define BUILD_KEPT_H

#include "site/build_page.h"

/*
 * Look whether the entries of a capsule have to be kept, whatever its root
 * holds: some were made of files, and the root, which is open or NULL, cannot
 * be opened or read, or holds no name that anybody serves.  Not if b->accepts.
 * Sets t->kept and t->kept_errno; error is why a root is NULL.
 */
void build_look_kept(struct build_site *t, int error);

/*
 * Drop what must not be kept of a capsule without its root: what the map names
 * no more, and what no longer has the rule that its selector has now.  Once for
 * each builder: a configuration never changes under one.
 */
void build_sift_kept(struct build_site *t);

/* Drop all of a capsule's entries. */
void build_drop_all(struct build_site *t);

/* Add the sentence that says so. */
void build_tell_kept_site(const struct build_site *t, struct problems *to);

#endif
