/*
 * store_table.c - sorted entries in a file, and where they begin.
 *
 * Floor site.  Keys are hashes, so they are spread evenly: the first bits of a
 * key name a bucket of about 8 to 16 entries, and a directory says where it
 * starts.  A look-up is one read of two words of that and one of the bucket.
 * A word is a start and half a checksum, so that a wrong one is noticed, and
 * a key that is not found is not there.
 */
#include "site/store_table.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checksum.h"

#define WORD_LEN 8 /* bytes of a word of the directory */

static uint64_t
rows_offset(const struct store_index *index)
{
	return index->offset +
	    (((uint64_t)1 << index->table.bits) + 1) * WORD_LEN;
}

/* -- the directory's words -- */

static void
pack_word(unsigned char *to, uint64_t bucket, uint32_t start, uint64_t tag)
{
	unsigned char seen[12];

	bytes_put64(seen, bucket);
	bytes_put32(seen + 8, start);
	bytes_put32(to, start);
	bytes_put32(to + 4,
	    (uint32_t)checksum_bytes((struct view){ (const char *)seen,
					 sizeof(seen) },
		tag));
}

/* Where a bucket starts, or -1. */
static int64_t
unpack_word(const unsigned char *p, uint64_t bucket, uint64_t tag)
{
	unsigned char right[WORD_LEN];
	uint32_t start = bytes_get32(p);

	pack_word(right, bucket, start, tag);
	return memcmp(p, right, WORD_LEN) == 0 ? (int64_t)start : -1;
}

uint64_t
store_base_tag(uint64_t seed, uint32_t number)
{
	return checksum_bytes(VIEW("base"), seed + number);
}

uint64_t
store_delta_tag(uint64_t seed, uint64_t count)
{
	return checksum_bytes(VIEW("delta"), seed + count);
}

/* -- to find one -- */

/* The first entry of a bucket, and how many there are; -1 if damaged. */
static int
read_bucket(const struct store_index *index, uint64_t bucket, uint64_t *start)
{
	unsigned char words[2 * WORD_LEN];
	int64_t from, to;

	if (store_pread(index->fd, words, sizeof(words),
		index->offset + bucket * WORD_LEN) == -1)
		return -1;
	from = unpack_word(words, bucket, index->tag);
	to = unpack_word(words + WORD_LEN, bucket + 1, index->tag);
	if (from == -1 || to < from || to - from > STORE_BUCKET_MAX ||
	    (uint64_t)to > index->table.n)
		return -1;
	*start = (uint64_t)from;
	return (int)(to - from);
}

/* Nobody's key is wrong in a bucket where key is not found. */
static enum store_result
check_absence(const struct store_index *index, const unsigned char *rows, int n)
{
	struct store_entry e;
	bool gone;

	for (; n > 0; n--, rows += STORE_ENTRY_LEN)
		if (store_entry_unpack(rows, index->seed, &e, &gone) == -1)
			return STORE_DAMAGED;
	return STORE_NONE;
}

enum store_result
store_index_find(const struct store_index *index, const struct store_key *key,
    struct store_entry *to, bool *gone)
{
	unsigned char rows[STORE_BUCKET_MAX * STORE_ENTRY_LEN];
	uint64_t start = 0;
	struct store_key k;
	int i, n;

	n = read_bucket(index, store_bucket(key, index->table.bits), &start);
	if (n == -1 ||
	    store_pread(index->fd, rows, (size_t)n * STORE_ENTRY_LEN,
		rows_offset(index) + start * STORE_ENTRY_LEN) == -1)
		return STORE_DAMAGED;
	for (i = 0; i < n; i++) {
		k = store_entry_key(rows + i * STORE_ENTRY_LEN);
		if (store_key_cmp(&k, key) == 0)
			break;
	}
	if (i == n)
		return check_absence(index, rows, n);
	if (store_entry_unpack(rows + i * STORE_ENTRY_LEN, index->seed, to,
		gone) == -1)
		return STORE_DAMAGED;
	to->at = start + (uint64_t)i;
	return STORE_FOUND;
}

enum store_result
store_index_check(const struct store_index *index)
{
	uint64_t bucket = 0, last = (uint64_t)1 << index->table.bits, start;
	struct store_cursor c;
	bool more;
	int n;

	store_cursor_of(&c, index);
	more = store_cursor_next(&c);
	for (; bucket < last; bucket++) {
		n = read_bucket(index, bucket, &start);
		if (n == -1 || (n > 0 && (!more || c.at != start)))
			return STORE_DAMAGED;
		for (; n > 0; n--) {
			if (!more ||
			    store_bucket(&c.entry.key, index->table.bits) !=
				bucket)
				return STORE_DAMAGED;
			more = store_cursor_next(&c);
		}
	}
	return more || c.damaged ? STORE_DAMAGED : STORE_FOUND;
}

/* -- to read them all -- */

void
store_cursor_init(struct store_cursor *c, int fd, uint64_t offset, uint64_t n,
    uint64_t seed)
{
	/* All but the buffer. */
	memset(c, 0, offsetof(struct store_cursor, buf));
	c->fd = fd;
	c->offset = offset;
	c->left = n;
	c->seed = seed;
	c->at = UINT64_MAX;
	c->here = true;
}

void
store_cursor_over(struct store_cursor *c, const unsigned char *memory,
    uint64_t n, uint64_t seed)
{
	store_cursor_init(c, -1, 0, n, seed);
	c->memory = memory;
}

void
store_cursor_of(struct store_cursor *c, const struct store_index *index)
{
	store_cursor_init(c, index->fd, rows_offset(index), index->table.n,
	    index->seed);
}

static int
fill_from_file(struct store_cursor *c)
{
	/* Of a file that was cut off, every row that is still there. */
	while (store_pread(c->fd, c->buf, c->n * STORE_ENTRY_LEN, c->offset) ==
	    -1) {
		if (!c->mends || c->n <= 1)
			return -1;
		c->n /= 2;
	}
	return 0;
}

static int
fill_cursor(struct store_cursor *c)
{
	c->i = 0;
	c->n = c->left < STORE_CURSOR_ENTRIES ? (size_t)c->left
					      : STORE_CURSOR_ENTRIES;
	if (c->memory != NULL)
		memcpy(c->buf, c->memory + c->offset, c->n * STORE_ENTRY_LEN);
	else if (fill_from_file(c) == -1)
		return -1;
	c->offset += c->n * STORE_ENTRY_LEN;
	c->left -= c->n;
	return 0;
}

/* Read the next row; -1 if it is damaged. */
static int
read_row(struct store_cursor *c)
{
	struct store_key last = c->entry.key;
	struct store_entry e;
	bool gone;

	c->raw = c->buf + c->i++ * STORE_ENTRY_LEN;
	c->at++;
	if (store_entry_unpack(c->raw, c->seed, &e, &gone) == -1 ||
	    (c->has_entry && store_key_cmp(&last, &e.key) >= 0))
		return -1;
	c->entry = e;
	c->gone = gone;
	c->has_entry = true;
	return 0;
}

bool
store_cursor_next(struct store_cursor *c)
{
	while (!c->damaged && (c->i < c->n || c->left > 0)) {
		if (c->i == c->n && fill_cursor(c) == -1) {
			c->left = 0;
			c->i = c->n = 0;
			c->damaged = !c->mends;
			return false;
		}
		if (read_row(c) == 0)
			return true;
		c->damaged = !c->mends;
	}
	return false;
}

int
store_merge_step(struct store_cursor *c, size_t n)
{
	int least = -1;
	size_t i;

	for (i = 0; i < n; i++) {
		if (c[i].here)
			c[i].more = store_cursor_next(&c[i]);
		if (c[i].damaged)
			return -1;
		if (c[i].more &&
		    (least == -1 ||
			store_key_cmp(&c[i].entry.key, &c[least].entry.key) <
			    0))
			least = (int)i;
	}
	for (i = 0; least != -1 && i < n; i++)
		c[i].here = c[i].more &&
		    store_key_cmp(&c[i].entry.key, &c[least].entry.key) == 0;
	return least;
}

bool
store_merge_is_damaged(const struct store_cursor *c, size_t n)
{
	while (n > 0)
		if (c[--n].damaged)
			return true;
	return false;
}

/* -- to write -- */

void
store_out_init(struct store_out *out, int fd, uint64_t at)
{
	out->fd = fd;
	out->at = at;
	out->error = 0;
	out->used = 0;
}

/* Write at once.  What follows an error is not written. */
static void
write_through(struct store_out *out, const unsigned char *p, size_t len,
    uint64_t at)
{
	ssize_t n;

	while (len > 0 && out->error == 0) {
		n = pwrite(out->fd, p, len, (off_t)at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			out->error = n == 0 ? ENOSPC : errno;
			return;
		}
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
}

int
store_out_flush(struct store_out *out)
{
	write_through(out, out->buf, out->used, out->at - out->used);
	out->used = 0;
	errno = out->error;
	return out->error == 0 ? 0 : -1;
}

void
store_out_put(struct store_out *out, const void *p, size_t len)
{
	if (len > sizeof(out->buf) - out->used)
		(void)store_out_flush(out);
	if (len > sizeof(out->buf)) {
		write_through(out, p, len, out->at);
	} else if (len > 0) {
		memcpy(out->buf + out->used, p, len);
		out->used += len;
	}
	out->at += len;
}

void
store_table_begin(struct store_table_out *out, int fd, uint64_t offset,
    uint64_t bound, uint64_t tag)
{
	out->table = (struct store_table){ 0, store_table_bits(bound) };
	out->tag = tag;
	out->bucket = 0;
	out->bucket_start = 0;
	store_out_init(&out->directory, fd, offset);
	store_out_init(&out->rows, fd, offset + store_table_len(&out->table));
}

/* All buckets up to this one start here, if they have not before. */
static void
start_buckets(struct store_table_out *out, uint64_t bucket)
{
	unsigned char word[WORD_LEN];

	for (; out->bucket <= bucket; out->bucket++) {
		pack_word(word, out->bucket, (uint32_t)out->table.n, out->tag);
		store_out_put(&out->directory, word, sizeof(word));
		out->bucket_start = out->table.n;
	}
}

void
store_table_add(struct store_table_out *out, const unsigned char *raw)
{
	struct store_key key = store_entry_key(raw);

	start_buckets(out, store_bucket(&key, out->table.bits));
	if (out->table.n == STORE_ENTRIES_MAX ||
	    out->table.n - out->bucket_start == STORE_BUCKET_MAX) {
		out->rows.error = EOVERFLOW;
		return;
	}
	store_out_put(&out->rows, raw, STORE_ENTRY_LEN);
	out->table.n++;
}

int
store_table_end(struct store_table_out *out, struct store_table *to)
{
	start_buckets(out, (uint64_t)1 << out->table.bits);
	if (store_out_flush(&out->directory) == -1 ||
	    store_out_flush(&out->rows) == -1)
		return -1;
	*to = out->table;
	return 0;
}
