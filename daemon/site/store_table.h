/* store_table.h - sorted entries in a file; for the store alone. */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "site/store_format.h"

#define STORE_BUCKET_MAX     96 /* entries; 16 on average, so nobody meets it */
#define STORE_CURSOR_ENTRIES 64 /* read at a time */

/* -- to find one -- */

/* A table where it lies. */
struct store_index {
	int fd; /* borrowed */
	uint64_t offset;
	struct store_table table;
	uint64_t tag;  /* what its directory's checksums are seeded with */
	uint64_t seed; /* what those of its entries are */
};

/* Tags: a base's is its number, a delta's comes from its root's count. */
uint64_t store_base_tag(uint64_t seed, uint32_t number);
uint64_t store_delta_tag(uint64_t seed, uint64_t count);

/*
 * Find the entry of key in two reads.  STORE_FOUND fills *to, but for in_delta,
 * and *gone.
 */
enum store_result store_index_find(const struct store_index *index,
    const struct store_key *key, struct store_entry *to, bool *gone);

/* Check all of it, directory and entries, and that both agree. */
enum store_result store_index_check(const struct store_index *index);

/* -- to read them all -- */

struct store_cursor {
	int fd;                      /* borrowed */
	const unsigned char *memory; /* in place of a file, borrowed; or NULL */
	uint64_t offset, left;
	uint64_t seed;
	bool mends;  /* what is damaged is left out; set it after init */
	bool more;   /* entry is there */
	bool here;   /* entry has the key of this step (store_merge_step) */
	uint64_t at; /* of the entry, among all; counts from 0 */
	bool damaged;
	bool has_entry; /* entry was read before */
	struct store_entry entry;
	bool gone;
	const unsigned char *raw; /* the entry's bytes, in buf */
	size_t i, n;
	unsigned char buf[STORE_CURSOR_ENTRIES * STORE_ENTRY_LEN];
};

/* Read n entries from offset on; or those in memory. */
void store_cursor_init(struct store_cursor *c, int fd, uint64_t offset,
    uint64_t n, uint64_t seed);
void store_cursor_over(struct store_cursor *c, const unsigned char *memory,
    uint64_t n, uint64_t seed);
void store_cursor_of(struct store_cursor *c, const struct store_index *index);

/*
 * Go to the next entry: fill entry, gone and raw.  False at the end, and with
 * damaged set where one is not what was written, or does not follow the one
 * before.
 */
bool store_cursor_next(struct store_cursor *c);

/*
 * Go through n cursors that have just been made as one: set "here" of those
 * that have the next key.  Returns the index of the first of them; or -1 at
 * the end, or as soon as one is damaged (store_merge_is_damaged).
 */
int store_merge_step(struct store_cursor *c, size_t n);
bool store_merge_is_damaged(const struct store_cursor *c, size_t n);

/* -- to write -- */

/* Bytes on their way to a file; look at error once, after the last flush. */
struct store_out {
	int fd;      /* borrowed */
	uint64_t at; /* where the next byte goes, those in buf counted */
	int error;   /* the first errno, or 0 */
	size_t used;
	unsigned char buf[STORE_PIECE];
};

void store_out_init(struct store_out *out, int fd, uint64_t at);
void store_out_put(struct store_out *out, const void *p, size_t len);
/* Write what waits; 0, or -1 with errno. */
int store_out_flush(struct store_out *out);

/* A table that is being written. */
struct store_table_out {
	struct store_out directory, rows;
	struct store_table table;
	uint64_t tag;
	uint64_t bucket; /* the next that the directory knows no start of */
	uint64_t bucket_start;
};

/*
 * Begin a table of at most bound entries at offset.  Its directory is made
 * for so many, so that all of it is written in one go.
 */
void store_table_begin(struct store_table_out *out, int fd, uint64_t offset,
    uint64_t bound, uint64_t tag);
/* Add a packed entry; keys rise. */
void store_table_add(struct store_table_out *out, const unsigned char *raw);
/* Write what waits.  Returns 0 and fills *to, or -1 with errno. */
int store_table_end(struct store_table_out *out, struct store_table *to);

#endif
