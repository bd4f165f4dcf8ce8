/* search_sync.h - keep the indexes of searches in step with a store. */
#ifndef SEARCH_SYNC_H
#define SEARCH_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "site/search.h"
#include "site/store.h"

/* Milliseconds until it is tried again to write what could not be written. */
#define SEARCH_SYNC_AGAIN_MS 10000

struct search_sync;

/*
 * For n capsules, called by the first of their names, in which the keys of
 * their pages are made (store_seed_for); an empty name: there is no search.
 *
 * folder: where indexes are kept over the end of this process, each in a file
 *   whose name comes from its capsule's; it has to be there.  What another
 *   process still has open is waited for.  NULL: in files that are gone with
 *   the process, and are opened at once.
 * pause(arg) is called between two steps of what takes long; it may look into
 *   indexes, and do nothing else with the result.
 * The caller frees the result with search_sync_free.
 */
struct search_sync *search_sync_new(const struct view *names, size_t n,
    const char *folder, void (*pause)(void *arg), void *arg);
void search_sync_free(struct search_sync *y);

/* A file of the store, by its number; owned, as store_reader_add has it. */
void search_sync_add_file(struct search_sync *y, uint32_t number, int fd);

/*
 * The newest root, owned.  What differs is worked off by steps; a root that
 * comes meanwhile, or the newest of them, has its turn after that.
 */
void search_sync_root(struct search_sync *y, int fd);

/*
 * Index some of what differs, for at most about ms.  False: there is nothing
 * to be done just now; *wait_ms says when to try again, -1: when there is
 * another root, or what was asked for is there.
 */
bool search_sync_step(struct search_sync *y, int ms, int *wait_ms);

/*
 * The key of the large file that has to be opened for a step to go on, once;
 * false: none.  search_sync_opened brings it (owned), or -1.
 */
bool search_sync_wants(struct search_sync *y, struct store_key *key);
void search_sync_opened(struct search_sync *y, int fd);

/* Write no more: another process does.  Indexes can be looked into as before.
 */
void search_sync_end(struct search_sync *y);

/* The index of a capsule; NULL: there is no search, or no index yet. */
struct search *search_sync_index(const struct search_sync *y, size_t capsule);

/* The index of a capsule could not be read: it is made anew. */
void search_sync_renew(struct search_sync *y, size_t capsule);

/* False until all of the first root is indexed. */
bool search_sync_is_whole(const struct search_sync *y);

/* Entries that are still to be looked at. */
size_t search_sync_left(const struct search_sync *y);

#endif
