/* store_format.h - the bytes of a store's files; for the store alone. */
#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

#include "site/store.h"

#define STORE_VERSION     1 /* of all that is said here */
#define STORE_ENTRY_LEN   128
#define STORE_HEAD_LEN    128 /* bytes of a root before its delta */
#define STORE_FILE_LEN    24  /* bytes of each file in that list */
#define STORE_SUM_LEN     8
#define STORE_META_HEAD   32                 /* bytes before a meta part */
#define STORE_PIECE       ((size_t)64 << 10) /* bytes summed at a time */
#define STORE_BITS_MAX    28                 /* of a key that choose a bucket */
#define STORE_ENTRIES_MAX ((uint64_t)1 << 31)
#define STORE_NUMBER_MAX  0xf0000000u /* of a file; they begin with the time */

/* A file that grows: of answers, or of what the writer wants to know. */
enum store_file_kind { STORE_SEGMENT = 1, STORE_METAS = 2 };

struct store_file {
	uint32_t number;
	enum store_file_kind kind;
	uint64_t length, dead; /* bytes; dead: in records nothing leads to */
};

/*
 * Entries sorted by key, somewhere in a file, and before them a directory:
 * for each of the 2^bits beginnings that a key can have, where entries with
 * it, a bucket, start, and at the end where all entries end.
 */
struct store_table {
	uint64_t n; /* entries */
	unsigned bits;
};

struct store_root {
	uint64_t count; /* commits so far */
	struct store_seed seed;
	uint64_t entries; /* that are there, delta and base together */
	uint32_t next;    /* the number of the next file */
	uint32_t base;    /* the base's; 0: there is none */
	struct store_table base_table, delta;
	struct store_file *files; /* owned; of rising numbers */
	size_t n_files;
};

/* The seed of all checksums of a store. */
uint64_t store_sum_seed(const struct store_seed *seed);

/* The checksum of a part: pieces of STORE_PIECE, each seeds the next. */
uint64_t store_sum(uint64_t seed, struct view bytes);

/*
 * An entry as STORE_ENTRY_LEN bytes, and back.  Unpacking fails, -1, if the
 * bytes are not as they were written, or say what no entry can.  gone: the
 * entry was removed, only its key counts.
 */
void store_entry_pack(const struct store_entry *e, bool gone, uint64_t seed,
    unsigned char *to);
int store_entry_unpack(const unsigned char *p, uint64_t seed,
    struct store_entry *to, bool *gone);
/* The key alone, unchecked. */
struct store_key store_entry_key(const unsigned char *p);

/* Bytes of the record of answers of e, and where in it a part begins. */
uint64_t store_record_len(const struct store_entry *e);
uint64_t store_part_offset(const struct store_entry *e, enum store_part part);

/* The head of a meta part: whose it is, how long, its checksum. */
void store_meta_pack(const struct store_key *key, struct view meta,
    uint64_t seed, unsigned char *to);
/* Its length if it may be right, else -1; and whether meta is what it was. */
int64_t store_meta_len(const unsigned char *head);
bool store_meta_is_whole(const unsigned char *head, struct view meta,
    uint64_t seed);

/* The bucket where key belongs; how long a table is; bits for n entries. */
uint64_t store_bucket(const struct store_key *key, unsigned bits);
uint64_t store_table_len(const struct store_table *t);
unsigned store_table_bits(uint64_t n);

/* Where the list of files begins in a root, behind the delta; how long it is,
 * with the checksum of head and list. */
uint64_t store_list_offset(const struct store_root *root);
size_t store_list_len(const struct store_root *root);

/* Write the head of a root, STORE_HEAD_LEN bytes, and its list. */
void store_root_pack(const struct store_root *root, unsigned char *head,
    unsigned char *list);

/*
 * Read the root in fd.  The caller frees to->files.  Returns 0; or -1, with
 * nothing to free, and the reason in *why.
 */
int store_root_read(int fd, struct store_root *to, const char **why);

/* The file of that number, or NULL. */
struct store_file *store_root_file(const struct store_root *root,
    uint32_t number);

/* As pread(2) of all len bytes: 0, or -1 if they are not there. */
int store_pread(int fd, void *to, size_t len, uint64_t offset);

#endif
