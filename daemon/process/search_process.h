/* search_process.h - the one process that looks for words. */
#ifndef SEARCH_PROCESS_H
#define SEARCH_PROCESS_H

#include "process/child.h"
#include "process/logs.h"
#include "process/sandbox.h"
#include "site/conf.h"
#include "site/snapshot.h"

/* Milliseconds that one search may take; then it says what it has. */
#define SEARCH_TIME_MAX_MS 250

/* Questions that wait: in all, and of one address by one worker.  Who asks
 * more is told that the search is busy. */
#define SEARCH_QUEUE_MAX   256
#define SEARCH_ADDRESS_MAX 8

/* So is who has waited for this long: the worker's patience is longer. */
#define SEARCH_WAIT_MAX_MS 5000

/* Until not all is indexed a search waits for so long, milliseconds. */
#define SEARCH_PATIENCE_MS 1000

/* For it to go when no worker is left. */
#define SEARCH_STOP_MS 2000

/*
 * Fork a process that keeps the indexes of all capsules of s that have a
 * search, and looks for the words of those it is introduced to
 * (CHANNEL_SEARCH).  Workers take turns, and so do the addresses that one asks
 * for.  It becomes the user of box, keeps its files in a folder below
 * conf->store, and gives up all else (sandbox_enter_search).
 *
 * CHANNEL_CONTENT leads it to the content process, whose store it reads as
 * workers do, at the lowest priority.  The caller frees the result with
 * child_free: the process then lets go of its files at once, and goes once the
 * last worker has closed its way to it.  NULL with errno.
 */
struct child *search_process_new(const struct snapshot *s,
    const struct conf *conf, struct logs *logs, const struct sandbox *box);

/* True if there is anything to look for. */
bool search_process_is_wanted(const struct snapshot *s);

/*
 * Its loop, for n capsules called so (search_sync_new), with indexes in folder,
 * or in files without names if its fd is -1, until both the channel and all
 * ways are closed.  confined: gives up all else first.  0, or -1 if it cannot.
 * For search_process_new, and tests.
 */
int search_process_serve(int channel, const struct view *names, size_t n,
    const struct sandbox_folder *folder, bool confined);

#endif
