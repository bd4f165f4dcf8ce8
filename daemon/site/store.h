/*
 * store.h - finished answers on disk: one process writes, any number read.
 *
 * A store is a folder of files that never change: bytes are appended, or
 * a new file is written beside the old one and renamed.  What counts is what
 * the file "root" names; a reader that has a root has one whole state of the
 * content, whatever the writer does meanwhile, and whether or not it lives.
 *
 *   lock       whoever holds it (flock) may write
 *   root       the state: which files it is made of, and the delta, that is
 *              the entries that changed since the base was written
 *   base.N     the entries, sorted by key
 *   segment.N  the bytes of answers, one record after the other
 *   meta.N     what the writer alone wants to know of each entry
 *
 * Every file but lock and root has a number of its own; a newer file has a
 * higher one.  A reader needs descriptors alone, and may be confined.
 */
#ifndef STORE_H
#define STORE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/problem.h"
#include "base/view.h"

/* Bytes of an answer in one protocol: the longest menu and its header. */
#define STORE_ANSWER_MAX   (((size_t)64 << 20) + 4096)
#define STORE_SELECTOR_MAX 4096 /* bytes; more than a request can name */
#define STORE_TITLE_MAX    4096 /* bytes */
#define STORE_META_MAX     ((size_t)16 << 20) /* bytes of one entry's */
#define STORE_ACCESS_MAX   UINT16_MAX         /* highest number of a rule */
#define STORE_FILES_MAX    1024 /* files of a store, of 256 MiB each; ours */
#define STORE_BATCH_MAX    ((uint32_t)1 << 24) /* entries between commits */

/* -- entries -- */

/*
 * 128 bits of keyed hash, the same on every machine as long as the store
 * lives.  Nobody who does not know the store's seed can make two that meet.
 */
struct store_key {
	uint64_t half[2];
};

/* The seed of a store: drawn when it is made, kept in its root. */
struct store_seed {
	struct hash_seed half[2];
};

/*
 * The hash of bytes: for stamps and digests, and for store_key_for.
 */
struct store_key store_hash(const struct store_seed *seed, struct view bytes);

/* The seed for the selectors of one capsule: keep it, it costs two hashes. */
struct store_seed store_seed_for(const struct store_seed *seed,
    struct view capsule);

/* The key of a selector; seed is that of its capsule (store_seed_for). */
struct store_key store_key_for(const struct store_seed *seed,
    struct view selector);

/* Less than, equal to or more than 0, as a comes before, is, or follows b. */
int store_key_cmp(const struct store_key *a, const struct store_key *b);

enum store_kind {
	STORE_PAGE,   /* both answers are here, whole */
	STORE_FOLDER, /* likewise: a folder's selector without its last "/" */
	STORE_LARGE   /* the headers are here, the file is where it was */
};

/* The pieces of an entry; each is contiguous in one file. */
enum store_part {
	STORE_GEMINI, /* header and body, or the header of a large file */
	STORE_GOPHER, /* likewise; the same bytes as Gemini's body if it can */
	STORE_SELECTOR,
	STORE_TITLE,
	STORE_META, /* the writer's own; readers have no descriptor for it */
	STORE_PARTS
};

/* Where a record lies; the store's own. */
struct store_place {
	uint32_t file, offset;
};

/* What one selector gives.  Plain: copy it, compare its fields. */
struct store_entry {
	struct store_key key;
	struct store_key stamp;   /* of the files that it was made from */
	struct store_key options; /* of all else that its bytes depend on */
	enum store_kind kind;
	char item;                        /* Gopher item type */
	int gemini_status, gopher_status; /* 0 to 255 */
	unsigned access; /* 0: everybody; else 1 + the rule's index */
	uint64_t size;   /* of the large file; 0 for other kinds */
	/* The store's own: filled by store_put and by what finds. */
	size_t length[STORE_PARTS];
	struct store_place body, meta;
	uint64_t sum[3]; /* of Gemini's part, Gopher's, selector and title */
	bool shared;     /* Gopher's part is the end of Gemini's */
	uint64_t at;     /* where it was found, until the next commit */
	bool in_delta;
};

/* -- reading -- */

/* What became of a look into the store. */
enum store_result {
	STORE_FOUND,
	STORE_NONE,   /* there is no such thing */
	STORE_DAMAGED /* not as it was written: answer 40, tell the writer */
};

struct store_reader;

/* A reader without a root, in which nothing is found.  Free it when done. */
struct store_reader *store_reader_new(void);
void store_reader_free(struct store_reader *r);

/*
 * Give r a file, by its number.  Numbers are never used again, not even by
 * a store that was made anew, so one reader does for all roots there will be.
 * It owns fd from now on, in every case; a
 * second one of the same number, or one more than STORE_FILES_MAX, is closed.
 * Nothing is read.  Returns 0, or -1 if it was closed.
 */
int store_reader_add(struct store_reader *r, uint32_t number, int fd);

/*
 * Read from this root from now on.  r owns fd in every case.
 *
 * Checks the root, and that r has all files that it names, with at least the
 * lengths that it names (but for the writer's own).  Then closes the files that
 * it does not name and nobody holds.  Returns STORE_FOUND; STORE_NONE if a file
 * is lacking; STORE_DAMAGED.  Unless it is found, r goes on with the root that
 * it had.
 */
enum store_result store_reader_attach(struct store_reader *r, int fd);

/*
 * Find the entry of key: two short reads in the delta and two in the base.
 * Fills *to if it is found; all of its fields are checked and consistent.
 */
enum store_result store_find(const struct store_reader *r,
    const struct store_key *key, struct store_entry *to);

/* A part as bytes of a file.  The descriptor is the reader's. */
struct store_span {
	int fd;
	off_t offset;
	size_t len;
};

/*
 * Where a part of e lies, inside of its file.  Fills *to; reads nothing, so
 * what lies there is not checked (store_verify).  e comes from store_find or
 * store_walk on the same root, or on any later one that still has the file.
 */
enum store_result store_span(const struct store_reader *r,
    const struct store_entry *e, enum store_part part, struct store_span *to);

/*
 * Read a part of e into to, e->length[part] bytes, and check them.
 * STORE_SELECTOR and STORE_TITLE cost a read of both.
 */
enum store_result store_read(const struct store_reader *r,
    const struct store_entry *e, enum store_part part, char *to);

/*
 * Read a part of e, a piece at a time, and check it: for what is then sent
 * from its span.
 */
enum store_result store_verify(const struct store_reader *r,
    const struct store_entry *e, enum store_part part);

/*
 * Keep the file of a span open until it is released, as often as it was held,
 * though later roots do not name it: for spans that are sent over a while.
 */
void store_hold(struct store_reader *r, int fd);
void store_release(struct store_reader *r, int fd);

/*
 * Visit all entries in the order of their keys, until visit returns false.
 * e is gone after visit has returned.  STORE_FOUND, or STORE_DAMAGED as soon
 * as something is.
 */
enum store_result store_walk(const struct store_reader *r,
    bool (*visit)(void *arg, const struct store_entry *e), void *arg);

/*
 * The same of what has changed since the base was written, which is little;
 * of what is gone e has the key alone.
 */
enum store_result store_walk_delta(const struct store_reader *r,
    bool (*visit)(void *arg, const struct store_entry *e, bool gone),
    void *arg);

/* Figures of the root; all 0 without one. */
struct store_counts {
	uint32_t base; /* another number: a new base, its delta begins anew */
	uint64_t root; /* grows by one with each commit */
	uint64_t entries; /* at most: what the delta replaces counts twice */
	uint64_t delta;   /* of these in the delta, removals included */
	uint64_t bytes;   /* of all files */
	uint64_t dead;    /* of these in records that nothing leads to */
};
void store_count(const struct store_reader *r, struct store_counts *to);

/* The seed of the root; NULL without one.  Lives until another is attached. */
const struct store_seed *store_reader_seed(const struct store_reader *r);

/* -- writing -- */

struct store;

/*
 * Open the store in folder for writing, or make one; NULL or "" for a folder
 * makes a temporary one whose files have no names, gone with its processes.
 *
 * lock: a descriptor of the lock that was handed over, owned by the store in
 *   every case; -1 to take it.
 * staged: commits are nobody's but this store's until store_adopt.
 *
 * What no root names, left by a writer that was killed, is removed.  A store
 * that is damaged is emptied, which *why then says.  Returns NULL with a
 * sentence in *why if there can be no writing: another one holds the lock, no
 * permission, no space.  Free it with store_close.
 */
struct store *store_open(const char *folder, int lock, bool staged,
    struct buf *why);

/* Forget what was not committed, or not adopted; let go of the lock. */
void store_close(struct store *s);

/* The store as its last commit left it: for find, walk, read, STORE_META too.
 * Borrowed; the same for as long as s lives. */
struct store_reader *store_reader(struct store *s);

/* The folder: its descriptor, for a sandbox, and its path.  Borrowed. */
int store_folder_fd(const struct store *s);
const char *store_folder_path(const struct store *s);

/* How the name of a temporary one begins: it is empty but while a file is made,
 * and to be removed by others if the writer may not. */
#define STORE_TEMPORARY "capsuled-store."

/* What went wrong with the last call that returned -1: a sentence. */
const char *store_why(const struct store *s);

/*
 * Put an entry and its parts, in place of the one that has its key.  Of *e only
 * the fields above "the store's own" matter.
 *
 * parts: STORE_PARTS of them, borrowed for the call.  If Gopher's bytes are
 * the end of Gemini's they are kept once.
 * What is put is found after the commit, not before; of several with one key
 * the last is right.  Returns 0; or -1: a part or a number is over its limit,
 * and nothing has happened (EMSGSIZE), or it cannot be written, and all since
 * the last commit is forgotten (errno as it was).
 */
int store_put(struct store *s, const struct store_entry *e,
    const struct view *parts);

/*
 * Put the entry of this key again with the stamp, options, kind and so on of
 * *e: its bytes stay those that were committed.  Errors as store_put; there has
 * to be such an entry (ENOENT).
 */
int store_amend(struct store *s, const struct store_entry *e);

/* Remove the entry of key, if there is one.  Errors as store_put. */
int store_drop(struct store *s, const struct store_key *key);

/*
 * A sweep removes what is not seen again: after store_sweep_begin every entry
 * that is put, amended or kept is seen; store_sweep_end drops all others.
 * Commits in between are allowed.  An error forgets the sweep with all else.
 * store_keep takes what was found in this store since the last commit.
 * A sweep over everything mends a store that is damaged: what cannot be found
 * has to be put.
 * store_sweep_end: errors as store_put.
 */
void store_sweep_begin(struct store *s);
void store_keep(struct store *s, const struct store_entry *e);
int store_sweep_end(struct store *s);

/*
 * Make what was put and dropped since the last commit the state that is found:
 * all of it or, with -1, nothing of it, and it is forgotten.  EIO: the store
 * is damaged and was condemned (store_condemn); a sweep mends it, or the next
 * store_open.
 *
 * durable: it shall outlast a power cut.  Otherwise it outlasts the end of this
 *   process, and a power cut may cost the whole store, which is noticed.
 * Costs a write of the delta, or, when that has grown over a hundredth of the
 * base, of a new base: a few large batches are cheaper than many.  Files more
 * than half of which is dead are copied now and then.
 */
int store_commit(struct store *s, bool durable);

/* Forget what was put and dropped since the last commit. */
void store_rollback(struct store *s);

/*
 * The files of the last commit for store_reader_add, of rising numbers: fill
 * *number with that of the first that is higher than after, and return its
 * read-only descriptor, borrowed until the next commit; -1: there is no more.
 * Files with what the writer alone wants to know are left out.
 */
int store_file_after(const struct store *s, uint32_t after, uint32_t *number);

/* A read-only descriptor of the last commit's root, borrowed likewise. */
int store_root(const struct store *s);

/*
 * Visit the meta parts of all entries in the order of the files, which is
 * quick, until visit returns false.  Those of entries that were replaced or
 * removed since are visited, too, until their file is copied: look the key up
 * if it matters.  STORE_FOUND, or STORE_DAMAGED.
 */
enum store_result store_scan(const struct store *s,
    bool (*visit)(void *arg, const struct store_key *key, struct view meta),
    void *arg);

/* How large things may get; what is not said above is ours, and for tests. */
struct store_limits {
	uint64_t file;       /* bytes of a segment or meta file */
	uint32_t run;        /* entries that wait in memory */
	uint32_t runs;       /* times that many, in a file */
	uint64_t delta;      /* entries of a delta that is not yet too large */
	uint64_t worth_copy; /* bytes of a file */
};
void store_set_limits(struct store *s, const struct store_limits *limits);

/* -- handing over -- */

/* The descriptor of the lock, borrowed: pass it to the next writer. */
int store_lock(const struct store *s);

/*
 * Write no more, and let another process do it that has the lock's descriptor.
 * What was not committed is forgotten; store_reader goes on.
 */
void store_yield(struct store *s);

/*
 * Write again, with the lock that came back (owned in every case; -1 to take
 * it) from a staged writer that was closed or died before it adopted.
 * Returns 0, or -1: the lock is taken, or the root is another one now.
 */
int store_resume(struct store *s, int lock);

/*
 * Make a staged store's last commit the store's root; later commits are not
 * staged any more.  Returns 0, or -1: the old root stays.
 */
int store_adopt(struct store *s);

/*
 * The store was found damaged in a place that putting entries again does not
 * mend (store_commit said so, or what is damaged has no key): remove its root,
 * so that the next store_open makes a new one.  Readers go on.
 */
void store_condemn(struct store *s);

/* -- checking -- */

/*
 * Read all of the store in folder and add what is wrong to ps; takes no lock,
 * changes nothing.  Fills *to as far as it is known.  Returns 0, or -1 if
 * anything was added.
 */
int store_check(const char *folder, struct problems *ps,
    struct store_counts *to);

#endif
