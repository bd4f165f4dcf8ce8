/* sink_store.h - finished pages into a store. */
#ifndef SINK_STORE_H
#define SINK_STORE_H

#include "site/sink.h"
#include "site/snapshot.h"
#include "site/store.h"

/* Entries that are put before they are committed: these are remembered in
 * memory, a few hundred bytes each. */
#define SINK_STORE_BATCH ((size_t)1 << 16)

struct sink_store;

/*
 * A sink that writes to a store.  configured: whose sites name the capsules.
 * Both are borrowed; the caller frees the sink with sink_store_free.
 *
 * After many entries it commits by itself; after a build, the caller does.
 */
struct sink_store *sink_store_new(struct store *s,
    const struct snapshot *configured);
void sink_store_free(struct sink_store *w);

/* What a builder writes to.  Borrowed; its tick and skips are NULL, and may be
 * set.  Its arg is w. */
struct sink *sink_store_sink(struct sink_store *w);

/* Commit what was put: store_commit.  0, or -1: nothing of it is kept. */
int sink_store_commit(struct sink_store *w, bool durable);

/* Forget what was put and not committed, after an error too. */
void sink_store_rollback(struct sink_store *w);

/* How many entries were put or dropped between the last two calls of
 * sink_store_commit. */
size_t sink_store_changed(const struct sink_store *w);

/* The entry of this key is damaged: it is put anew by the next build. */
void sink_store_doubt(struct sink_store *w, const struct store_key *key);

/* What is remembered of an entry's file. */
struct sink_store_file {
	size_t capsule;
	uint64_t device, inode;
	struct view path; /* below the capsule's root */
};

/*
 * Fill *to from the entry of key in the store's last commit; its path comes
 * from room.  False if there is no such entry of a large file.
 */
bool sink_store_file(const struct sink_store *w, const struct store_key *key,
    struct buf *room, struct sink_store_file *to);

#endif
