/* store_writer.h - the writer's own; for the parts of the store alone. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "site/store_folder.h"
#include "site/store_reader.h"

/* The end of the newest file of a kind, where records go. */
struct store_tail {
	enum store_file_kind kind;
	int fd;          /* for writing; -1: there is no such file */
	uint32_t number; /* 0 then */
	struct store_out out;
};

/* An entry that waits; order says which came last. */
struct store_pending {
	unsigned char raw[STORE_ENTRY_LEN];
	uint32_t order;
};

/* Sorted entries in the file of runs. */
struct store_run {
	uint64_t offset, n;
};

/* Which entries of a table a sweep has seen. */
struct store_marks {
	unsigned char *bits; /* owned; NULL: no sweep */
	uint64_t n;
};

struct store {
	struct store_folder folder;
	struct store_limits limits;
	int lock;
	bool staged, writing;
	struct store_reader *reader; /* what was committed */
	uint64_t seed;               /* of checksums */
	char why[256];               /* the last thing that went wrong */
	/* What will be committed. */
	struct store_file files[STORE_FILES_MAX];
	size_t n_files;
	uint32_t next; /* number of a file */
	struct store_tail tails[2];
	struct store_pending *pending;
	size_t n_pending, cap_pending;
	int runs_fd;
	uint64_t runs_len;
	struct store_run *runs;
	size_t n_runs;
	bool is_sweeping;
	bool mends; /* a sweep met damage: what it has not seen goes */
	struct store_marks seen_base, seen_delta;
	bool is_durable;    /* the last commit was */
	bool has_new_names; /* files were made since the last such */
	unsigned rest;      /* commits until files are copied again */
};

/* -- files (store.c) -- */

/* Keep a sentence about what went wrong, with errno's; returns -1. */
int store_fail(struct store *s, const char *what);

/* Take a number for a new file; 0, told: there is none left. */
uint32_t store_take_number(struct store *s);

/* The tail of a kind, with room for len bytes; NULL, told. */
struct store_tail *store_tail_for(struct store *s, enum store_file_kind kind,
    uint64_t len);

/* The file of that number among those that will be committed, or NULL. */
struct store_file *store_working_file(struct store *s, uint32_t number);

/* Go back to what was committed. */
void store_forget(struct store *s);

/* -- what waits (store_batch.c) -- */

/* Let an entry wait for the commit, or its removal.  0, or -1, told. */
int store_batch_add(struct store *s, const struct store_entry *e, bool gone);

/*
 * Sort what waits in memory and keep the last of each key.  Returns how many
 * there are, as bytes one after the other at s->pending.
 */
size_t store_batch_sort(struct store *s);

/* How many wait, at most. */
uint64_t store_batch_count(const struct store *s);

void store_batch_clear(struct store *s);

/*
 * A record of old is replaced by new, NULL for nothing: count what is dead.
 */
void store_retire(struct store *s, const struct store_entry *old,
    const struct store_entry *new);

/* True if e's record is of this batch, so that nothing else leads to it. */
bool store_is_fresh(const struct store *s, const struct store_entry *e);

/* -- marks -- */

void store_marks_init(struct store_marks *m, uint64_t n);
void store_marks_fini(struct store_marks *m);
void store_mark(struct store_marks *m, uint64_t i);
bool store_is_marked(const struct store_marks *m, uint64_t i);

/* -- commits (store_commit.c) -- */

/* Commit what waits, even nothing; 0, or -1, told, with nothing changed. */
int store_commit_batch(struct store *s, bool durable);

/* -- copying (store_compact.c) -- */

/* Copy what lives in the file that is most worth it, if one is. */
void store_compact(struct store *s, bool durable);

#endif
