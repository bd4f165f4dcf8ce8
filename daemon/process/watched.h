/* watched.h - the folders of all capsules that the system watches for us. */
#ifndef WATCHED_H
#define WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/settle.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/fill.h"

/* Folders; changes in more are left to the look at everything. */
#define WATCHED_MAX (1 << 20)

struct watched;

/* Watch nothing yet, and later at most max folders.  NULL, with errno, if the
 * system has no way to watch. */
struct watched *watched_new(size_t max);
void watched_free(struct watched *w);

/* Readable when watched_collect has something to do. */
int watched_fd(const struct watched *w);

/*
 * Watch the folder at path below the root of that capsule, which is borrowed as
 * long as w lives, from now on; again, if it is watched already and may have
 * been moved.  Returns 0, or -1 with errno if it is not there or there is no
 * room for it.
 */
int watched_add(struct watched *w, size_t capsule, struct beneath *root,
    struct view path);

/*
 * Watch every folder of a capsule that holds what its map names: those that it
 * walks, and those of files that it names.
 */
void watched_add_mapped(struct watched *w, const struct conf *conf,
    size_t capsule, struct beneath *root);

/* The number of folders, and whether there was no room for any. */
size_t watched_count(const struct watched *w);
bool watched_is_partial(const struct watched *w);

/*
 * Put what has happened since into to, without waiting: not what an editor
 * leaves beside a file, and a file that is being written when it is closed.
 */
void watched_collect(struct watched *w, struct settle *to, int64_t now_ms);

/* Add the changes to what is to be filled, by all names of their folders. */
void watched_tell(const struct watched *w, const struct settle *changes,
    struct fill_changes *to);

#endif
