/* search_process.h - the one process that looks for words. */
#ifndef SEARCH_PROCESS_H
#define SEARCH_PROCESS_H

#include "process/child.h"
#include "process/sandbox.h"
#include "site/search.h"
#include "site/snapshot.h"

/* Milliseconds that one search may take; then it says what it has. */
#define SEARCH_TIME_MAX_MS 250

/* Questions that wait: in all, and of one address by one worker.  Who asks
 * more is told that the search is busy. */
#define SEARCH_QUEUE_MAX   256
#define SEARCH_ADDRESS_MAX 8

/* So is who has waited for this long: the worker's patience is longer. */
#define SEARCH_WAIT_MAX_MS 5000

/* For it to go when no worker is left. */
#define SEARCH_STOP_MS 2000

/*
 * Fork a process that holds the indexes of s, gives up what workers give up,
 * and looks for the words of those it is introduced to (CHANNEL_SEARCH).
 * Workers take turns, and so do the addresses that one asks for.
 * Returns NULL if no capsule of s has a search, or with errno if it cannot be
 * started.  The caller frees the result with child_free: the process then goes
 * by itself once the last worker has closed its way to it.
 */
struct child *search_process_new(struct snapshot *s, const struct sandbox *box);

/* True if there is anything to look into. */
bool search_process_is_wanted(const struct snapshot *s);

/*
 * Its loop: answer whom the channel introduces from n indexes, some of which
 * may be NULL, until both the channel and all ways are closed.  For
 * search_process_new, and tests.
 */
void search_process_serve(int channel, struct search *const *indexes, size_t n);

#endif
