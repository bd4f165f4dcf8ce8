/*
 * store_format.c - the bytes of a store's files.
 *
 * Floor site.  Numbers have their lowest byte first.  Whatever is read may
 * have been written by an attacker or by a failing disk: nothing is used
 * before its checksum and its range were looked at.
 *
 * An entry:  0 key, 16 stamp, 32 options, 48 three sums, 72 size, 80 the
 *   record's file and offset, 88 lengths of both answers, 96 the meta part's
 *   file, offset and length, 108 access, lengths of selector and title, 114
 *   kind, item, both statuses, flags, a spare byte, 120 a checksum.
 * A root:  0 magic, 16 version, number of files, 24 count, 32 seed, 64 entries,
 *   72 next number, base's number, 80 base's entries, 88 delta's entries, 96
 *   bits of both, 104 spare, 128 the delta; then the files (number, kind,
 *   length, dead) and a checksum of all but the delta.
 */
#include "site/store_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checksum.h"

#define BUCKET_ENTRIES 16 /* at most, on average */

enum entry_flag { ENTRY_SHARED = 1, ENTRY_GONE = 2 };

static const char magic[16] = "capsuled store\n";

static struct view
view_bytes(const unsigned char *p, size_t len)
{
	return (struct view){ (const char *)p, len };
}

/* -- keys and sums -- */

struct store_key
store_hash(const struct store_seed *seed, struct view bytes)
{
	return (struct store_key){ { hash_bytes(bytes, seed->half[0]),
	    hash_bytes(bytes, seed->half[1]) } };
}

struct store_seed
store_seed_for(const struct store_seed *seed, struct view capsule)
{
	struct store_key key = store_hash(seed, capsule);
	struct store_seed made = *seed;

	made.half[0].k0 = key.half[0];
	made.half[1].k0 = key.half[1];
	return made;
}

struct store_key
store_key_for(const struct store_seed *seed, struct view selector)
{
	return store_hash(seed, selector);
}

int
store_key_cmp(const struct store_key *a, const struct store_key *b)
{
	size_t i = a->half[0] == b->half[0];

	if (a->half[i] == b->half[i])
		return 0;
	return a->half[i] < b->half[i] ? -1 : 1;
}

/* No seed of another use, and it tells nothing about those. */
uint64_t
store_sum_seed(const struct store_seed *seed)
{
	return hash_bytes(VIEW("checksums"), seed->half[0]);
}

uint64_t
store_sum(uint64_t seed, struct view bytes)
{
	for (; bytes.len > STORE_PIECE; bytes = view_skip(bytes, STORE_PIECE))
		seed =
		    checksum_bytes((struct view){ bytes.p, STORE_PIECE }, seed);
	return checksum_bytes(bytes, seed);
}

/* -- entries -- */

static void
put_key(unsigned char *p, const struct store_key *key)
{
	bytes_put64(p, key->half[0]);
	bytes_put64(p + 8, key->half[1]);
}

struct store_key
store_entry_key(const unsigned char *p)
{
	return (struct store_key){ { bytes_get64(p), bytes_get64(p + 8) } };
}

static void
pack_places(const struct store_entry *e, unsigned char *to)
{
	bytes_put32(to + 80, e->body.file);
	bytes_put32(to + 84, e->body.offset);
	bytes_put32(to + 88, (uint32_t)e->length[STORE_GEMINI]);
	bytes_put32(to + 92, (uint32_t)e->length[STORE_GOPHER]);
	bytes_put32(to + 96, e->meta.file);
	bytes_put32(to + 100, e->meta.offset);
	bytes_put32(to + 104, (uint32_t)e->length[STORE_META]);
}

static void
pack_fields(const struct store_entry *e, unsigned char *to)
{
	size_t i;

	put_key(to + 16, &e->stamp);
	put_key(to + 32, &e->options);
	for (i = 0; i < 3; i++)
		bytes_put64(to + 48 + 8 * i, e->sum[i]);
	bytes_put64(to + 72, e->size);
	bytes_put16(to + 108, (uint16_t)e->access);
	bytes_put16(to + 110, (uint16_t)e->length[STORE_SELECTOR]);
	bytes_put16(to + 112, (uint16_t)e->length[STORE_TITLE]);
	to[114] = (unsigned char)e->kind;
	to[115] = (unsigned char)e->item;
	to[116] = (unsigned char)e->gemini_status;
	to[117] = (unsigned char)e->gopher_status;
	to[118] = e->shared ? ENTRY_SHARED : 0;
}

void
store_entry_pack(const struct store_entry *e, bool gone, uint64_t seed,
    unsigned char *to)
{
	memset(to, 0, STORE_ENTRY_LEN);
	put_key(to, &e->key);
	if (gone) {
		to[118] = ENTRY_GONE;
	} else {
		pack_fields(e, to);
		pack_places(e, to);
	}
	bytes_put64(to + 120, checksum_bytes(view_bytes(to, 120), seed));
}

static void
unpack_fields(const unsigned char *p, struct store_entry *e)
{
	size_t i;

	e->key = store_entry_key(p);
	e->stamp = store_entry_key(p + 16);
	e->options = store_entry_key(p + 32);
	for (i = 0; i < 3; i++)
		e->sum[i] = bytes_get64(p + 48 + 8 * i);
	e->size = bytes_get64(p + 72);
	e->access = bytes_get16(p + 108);
	e->kind = (enum store_kind)p[114];
	e->item = (char)p[115];
	e->gemini_status = p[116];
	e->gopher_status = p[117];
	e->shared = (p[118] & ENTRY_SHARED) != 0;
	e->at = 0;
	e->in_delta = false;
}

static void
unpack_places(const unsigned char *p, struct store_entry *e)
{
	e->body.file = bytes_get32(p + 80);
	e->body.offset = bytes_get32(p + 84);
	e->length[STORE_GEMINI] = bytes_get32(p + 88);
	e->length[STORE_GOPHER] = bytes_get32(p + 92);
	e->meta.file = bytes_get32(p + 96);
	e->meta.offset = bytes_get32(p + 100);
	e->length[STORE_META] = bytes_get32(p + 104);
	e->length[STORE_SELECTOR] = bytes_get16(p + 110);
	e->length[STORE_TITLE] = bytes_get16(p + 112);
}

/* What a writer of ours would never have written, whatever its checksum. */
static bool
entry_is_possible(const struct store_entry *e)
{
	return e->kind <= STORE_LARGE &&
	    e->length[STORE_GEMINI] <= STORE_ANSWER_MAX &&
	    e->length[STORE_GOPHER] <= STORE_ANSWER_MAX &&
	    e->length[STORE_SELECTOR] <= STORE_SELECTOR_MAX &&
	    e->length[STORE_TITLE] <= STORE_TITLE_MAX &&
	    e->length[STORE_META] <= STORE_META_MAX && e->size <= INT64_MAX &&
	    (!e->shared || e->length[STORE_GOPHER] <= e->length[STORE_GEMINI]);
}

int
store_entry_unpack(const unsigned char *p, uint64_t seed,
    struct store_entry *to, bool *gone)
{
	struct store_entry e;

	if (bytes_get64(p + 120) != checksum_bytes(view_bytes(p, 120), seed))
		return -1;
	if ((p[118] & ~(ENTRY_SHARED | ENTRY_GONE)) != 0)
		return -1;
	unpack_fields(p, &e);
	unpack_places(p, &e);
	if (!entry_is_possible(&e))
		return -1;
	*to = e;
	*gone = (p[118] & ENTRY_GONE) != 0;
	return 0;
}

uint64_t
store_record_len(const struct store_entry *e)
{
	return store_part_offset(e, STORE_TITLE) + e->length[STORE_TITLE];
}

uint64_t
store_part_offset(const struct store_entry *e, enum store_part part)
{
	uint64_t gemini = e->length[STORE_GEMINI],
		 gopher = e->length[STORE_GOPHER],
		 answers = gemini + (e->shared ? 0 : gopher);

	switch (part) {
	case STORE_GOPHER:
		return e->shared ? gemini - gopher : gemini;
	case STORE_SELECTOR:
		return answers;
	case STORE_TITLE:
		return answers + e->length[STORE_SELECTOR];
	default:
		return 0;
	}
}

/* -- meta parts -- */

static uint64_t
sum_meta(const unsigned char *head, struct view meta, uint64_t seed)
{
	return store_sum(checksum_bytes(view_bytes(head, STORE_META_HEAD - 8),
			     seed),
	    meta);
}

void
store_meta_pack(const struct store_key *key, struct view meta, uint64_t seed,
    unsigned char *to)
{
	put_key(to, key);
	bytes_put64(to + 16, meta.len);
	bytes_put64(to + 24, sum_meta(to, meta, seed));
}

int64_t
store_meta_len(const unsigned char *head)
{
	uint64_t len = bytes_get64(head + 16);

	return len > STORE_META_MAX ? -1 : (int64_t)len;
}

bool
store_meta_is_whole(const unsigned char *head, struct view meta, uint64_t seed)
{
	return bytes_get64(head + 24) == sum_meta(head, meta, seed);
}

/* -- tables -- */

uint64_t
store_bucket(const struct store_key *key, unsigned bits)
{
	return bits == 0 ? 0 : key->half[0] >> (64 - bits);
}

uint64_t
store_table_len(const struct store_table *t)
{
	return (((uint64_t)1 << t->bits) + 1) * 8 + t->n * STORE_ENTRY_LEN;
}

unsigned
store_table_bits(uint64_t n)
{
	unsigned bits = 0;

	while (bits < STORE_BITS_MAX && n >> bits > BUCKET_ENTRIES)
		bits++;
	return bits;
}

/* -- roots -- */

uint64_t
store_list_offset(const struct store_root *root)
{
	return STORE_HEAD_LEN + store_table_len(&root->delta);
}

size_t
store_list_len(const struct store_root *root)
{
	return root->n_files * STORE_FILE_LEN + STORE_SUM_LEN;
}

static void
pack_head(const struct store_root *root, unsigned char *to)
{
	size_t i;

	memset(to, 0, STORE_HEAD_LEN);
	memcpy(to, magic, sizeof(magic));
	bytes_put32(to + 16, STORE_VERSION);
	bytes_put32(to + 20, (uint32_t)root->n_files);
	bytes_put64(to + 24, root->count);
	for (i = 0; i < 2; i++) {
		bytes_put64(to + 32 + 16 * i, root->seed.half[i].k0);
		bytes_put64(to + 40 + 16 * i, root->seed.half[i].k1);
	}
	bytes_put64(to + 64, root->entries);
	bytes_put32(to + 72, root->next);
	bytes_put32(to + 76, root->base);
	bytes_put64(to + 80, root->base_table.n);
	bytes_put64(to + 88, root->delta.n);
	bytes_put32(to + 96, root->base_table.bits);
	bytes_put32(to + 100, root->delta.bits);
}

/* Of the list, and of the head that it belongs to. */
static uint64_t
sum_root(const struct store_root *root, const unsigned char *head,
    const unsigned char *list)
{
	return checksum_bytes(view_bytes(list, root->n_files * STORE_FILE_LEN),
	    checksum_bytes(view_bytes(head, STORE_HEAD_LEN),
		store_sum_seed(&root->seed)));
}

void
store_root_pack(const struct store_root *root, unsigned char *head,
    unsigned char *list)
{
	const struct store_file *file = root->files;
	unsigned char *p = list;
	size_t i;

	pack_head(root, head);
	for (i = 0; i < root->n_files; i++, p += STORE_FILE_LEN, file++) {
		bytes_put32(p, file->number);
		bytes_put32(p + 4, (uint32_t)file->kind);
		bytes_put64(p + 8, file->length);
		bytes_put64(p + 16, file->dead);
	}
	bytes_put64(p, sum_root(root, head, list));
}

static void
unpack_head(const unsigned char *p, struct store_root *to)
{
	size_t i;

	to->n_files = bytes_get32(p + 20);
	to->count = bytes_get64(p + 24);
	for (i = 0; i < 2; i++) {
		to->seed.half[i].k0 = bytes_get64(p + 32 + 16 * i);
		to->seed.half[i].k1 = bytes_get64(p + 40 + 16 * i);
	}
	to->entries = bytes_get64(p + 64);
	to->next = bytes_get32(p + 72);
	to->base = bytes_get32(p + 76);
	to->base_table.n = bytes_get64(p + 80);
	to->delta.n = bytes_get64(p + 88);
	to->base_table.bits = bytes_get32(p + 96);
	to->delta.bits = bytes_get32(p + 100);
}

static bool
table_is_possible(const struct store_table *t)
{
	return t->n <= STORE_ENTRIES_MAX && t->bits <= STORE_BITS_MAX;
}

/* Files of rising numbers, below the next, and of lengths that we write. */
static bool
files_are_possible(const struct store_root *root)
{
	const struct store_file *file;
	uint32_t last = 0;
	size_t i;

	for (i = 0; i < root->n_files; i++) {
		file = &root->files[i];
		if (file->number <= last || file->number >= root->next ||
		    file->number == root->base ||
		    (file->kind != STORE_SEGMENT &&
			file->kind != STORE_METAS) ||
		    file->length > UINT32_MAX || file->dead > file->length)
			return false;
		last = file->number;
	}
	return root->base < root->next && root->next <= STORE_NUMBER_MAX;
}

static const char *
parse_list(const unsigned char *head, const unsigned char *list,
    struct store_root *to)
{
	const unsigned char *p = list;
	size_t i;

	for (i = 0; i < to->n_files; i++, p += STORE_FILE_LEN) {
		to->files[i].number = bytes_get32(p);
		to->files[i].kind = (enum store_file_kind)bytes_get32(p + 4);
		to->files[i].length = bytes_get64(p + 8);
		to->files[i].dead = bytes_get64(p + 16);
	}
	if (bytes_get64(p) != sum_root(to, head, list))
		return "its checksum is wrong";
	return files_are_possible(to) ? NULL : "it says what cannot be";
}

/* Read the list of files, which is behind the delta: so that is there, too. */
static const char *
read_list(int fd, const unsigned char *head, struct store_root *to)
{
	size_t len = store_list_len(to);
	unsigned char *list = malloc(len);
	const char *why = "it is too short";

	to->files = malloc((to->n_files + 1) * sizeof(*to->files));
	if (list == NULL || to->files == NULL)
		why = "there is no memory";
	else if (store_pread(fd, list, len, store_list_offset(to)) == 0)
		why = parse_list(head, list, to);
	free(list);
	return why;
}

int
store_root_read(int fd, struct store_root *to, const char **why)
{
	unsigned char head[STORE_HEAD_LEN];
	struct store_root root = { 0 };

	*why = NULL;
	if (store_pread(fd, head, sizeof(head), 0) == -1)
		*why = "it is too short";
	else if (memcmp(head, magic, sizeof(magic)) != 0)
		*why = "it is not a store's";
	else if (bytes_get32(head + 16) != STORE_VERSION)
		*why = "it is of another version of the format";
	else
		unpack_head(head, &root);
	if (*why == NULL &&
	    (root.n_files > STORE_FILES_MAX ||
		!table_is_possible(&root.base_table) ||
		!table_is_possible(&root.delta)))
		*why = "it says what cannot be";
	if (*why == NULL)
		*why = read_list(fd, head, &root);
	if (*why != NULL) {
		free(root.files);
		return -1;
	}
	*to = root;
	return 0;
}

struct store_file *
store_root_file(const struct store_root *root, uint32_t number)
{
	size_t low = 0, high = root->n_files, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (root->files[middle].number == number)
			return &root->files[middle];
		if (root->files[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int
store_pread(int fd, void *to, size_t len, uint64_t offset)
{
	unsigned char *p = to;
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}
