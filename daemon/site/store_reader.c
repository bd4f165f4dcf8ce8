/*
 * store_reader.c - find and read what a root names.
 *
 * Floor site.  Descriptors and pread(2), nothing else: no lock, no mapping
 * (whose end a truncated file would move), and nothing that was read earlier
 * is believed to be there still.  Memory is a row for each file.
 */
#include "site/store_reader.h"

#include <sys/stat.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLES_MAX                                                             \
	2 /* files beside those of the list: an old and a new base             \
	   */

struct reader_file {
	uint32_t number;
	int fd;
	unsigned holds;
};

struct store_reader {
	struct reader_file *files; /* of rising numbers */
	size_t n, cap;
	bool has_root;
	int fd; /* of the root */
	struct store_root root;
	struct store_index base, delta;
};

struct store_reader *
store_reader_new(void)
{
	struct store_reader *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->fd = -1;
	return r;
}

void
store_reader_free(struct store_reader *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		close(r->files[i].fd);
	free(r->files);
	free(r->root.files);
	if (r->fd != -1)
		close(r->fd);
	free(r);
}

/* -- files -- */

/* Where the file of that number is, or belongs. */
static size_t
file_position(const struct store_reader *r, uint32_t number)
{
	size_t low = 0, high = r->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (r->files[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
reader_has(const struct store_reader *r, uint32_t number)
{
	size_t i = file_position(r, number);

	return i < r->n && r->files[i].number == number;
}

static bool
has_room(struct store_reader *r)
{
	struct reader_file *grown;
	size_t cap = r->cap == 0 ? 8 : r->cap * 2;

	if (r->n < r->cap)
		return true;
	if (r->n >= STORE_FILES_MAX + TABLES_MAX)
		return false;
	grown = realloc(r->files, cap * sizeof(*grown));
	if (grown == NULL)
		return false;
	r->files = grown;
	r->cap = cap;
	return true;
}

int
store_reader_add(struct store_reader *r, uint32_t number, int fd)
{
	size_t i = file_position(r, number);

	if (reader_has(r, number) || !has_room(r)) {
		close(fd);
		return -1;
	}
	memmove(&r->files[i + 1], &r->files[i],
	    (r->n - i) * sizeof(r->files[0]));
	r->files[i] = (struct reader_file){ number, fd, 0 };
	r->n++;
	return 0;
}

int
store_reader_file(const struct store_reader *r, uint32_t number)
{
	return reader_has(r, number) ? r->files[file_position(r, number)].fd
				     : -1;
}

static bool
is_named(const struct store_reader *r, uint32_t number)
{
	return r->has_root &&
	    (r->root.base == number ||
		store_root_file(&r->root, number) != NULL);
}

/* Close what the root does not name, but for what is held. */
static void
close_unnamed(struct store_reader *r)
{
	size_t i, kept = 0;

	for (i = 0; i < r->n; i++)
		if (r->files[i].holds > 0 || is_named(r, r->files[i].number))
			r->files[kept++] = r->files[i];
		else
			close(r->files[i].fd);
	r->n = kept;
}

void
store_reader_remove(struct store_reader *r, uint32_t number)
{
	size_t i = file_position(r, number);

	if (!reader_has(r, number) || is_named(r, number) ||
	    r->files[i].holds > 0)
		return;
	close(r->files[i].fd);
	r->n--;
	memmove(&r->files[i], &r->files[i + 1],
	    (r->n - i) * sizeof(r->files[0]));
}

static struct reader_file *
file_of(struct store_reader *r, int fd)
{
	size_t i = 0;

	while (i < r->n && r->files[i].fd != fd)
		i++;
	assert(i < r->n); /* spans are of files that are open */
	return &r->files[i];
}

void
store_hold(struct store_reader *r, int fd)
{
	file_of(r, fd)->holds++;
}

void
store_release(struct store_reader *r, int fd)
{
	struct reader_file *file = file_of(r, fd);

	assert(file->holds > 0);
	file->holds--;
	if (file->holds == 0 && !is_named(r, file->number))
		store_reader_remove(r, file->number);
}

/* -- roots -- */

static bool
is_as_long(int fd, uint64_t len)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	    (uint64_t)st.st_size >= len;
}

/* Are all files of root here, and long enough?  Metas are the writer's. */
static enum store_result
check_files(const struct store_reader *r, const struct store_root *root)
{
	size_t i;
	int fd;

	for (i = 0; i < root->n_files; i++) {
		fd = store_reader_file(r, root->files[i].number);
		if (fd == -1 && root->files[i].kind == STORE_METAS)
			continue;
		if (fd == -1)
			return STORE_NONE;
		if (!is_as_long(fd, root->files[i].length))
			return STORE_DAMAGED;
	}
	if (root->base == 0)
		return root->base_table.n == 0 ? STORE_FOUND : STORE_DAMAGED;
	fd = store_reader_file(r, root->base);
	if (fd == -1)
		return STORE_NONE;
	return is_as_long(fd, store_table_len(&root->base_table))
	    ? STORE_FOUND
	    : STORE_DAMAGED;
}

static void
take_root(struct store_reader *r, const struct store_root *root, int fd)
{
	uint64_t seed = store_sum_seed(&root->seed);

	free(r->root.files);
	if (r->fd != -1)
		close(r->fd);
	r->fd = fd;
	r->root = *root;
	r->has_root = true;
	r->base = (struct store_index){ store_reader_file(r, root->base), 0,
		root->base_table, store_base_tag(seed, root->base), seed };
	r->delta = (struct store_index){ fd, STORE_HEAD_LEN, root->delta,
		store_delta_tag(seed, root->count), seed };
	close_unnamed(r);
}

enum store_result
store_reader_attach(struct store_reader *r, int fd)
{
	struct store_root root;
	enum store_result result;
	const char *why;

	if (store_root_read(fd, &root, &why) == -1) {
		close(fd);
		return STORE_DAMAGED;
	}
	result = check_files(r, &root);
	if (result != STORE_FOUND) {
		free(root.files);
		close(fd);
		return result;
	}
	take_root(r, &root, fd);
	return STORE_FOUND;
}

const struct store_root *
store_reader_root(const struct store_reader *r)
{
	return r->has_root ? &r->root : NULL;
}

struct store_index
store_reader_base(const struct store_reader *r)
{
	return r->base;
}

struct store_index
store_reader_delta(const struct store_reader *r)
{
	return r->delta;
}

int
store_reader_fd(const struct store_reader *r)
{
	return r->fd;
}

const struct store_seed *
store_reader_seed(const struct store_reader *r)
{
	return r->has_root ? &r->root.seed : NULL;
}

void
store_count(const struct store_reader *r, struct store_counts *to)
{
	size_t i;

	memset(to, 0, sizeof(*to));
	if (!r->has_root)
		return;
	to->base = r->root.base;
	to->root = r->root.count;
	to->entries = r->root.entries;
	to->delta = r->root.delta.n;
	to->bytes = store_list_offset(&r->root) + store_list_len(&r->root);
	if (r->root.base != 0)
		to->bytes += store_table_len(&r->root.base_table);
	for (i = 0; i < r->root.n_files; i++) {
		to->bytes += r->root.files[i].length;
		to->dead += r->root.files[i].dead;
	}
}

/* -- entries -- */

enum store_result
store_find(const struct store_reader *r, const struct store_key *key,
    struct store_entry *to)
{
	enum store_result result = STORE_NONE;
	struct store_entry e;
	bool gone = false;

	if (r->root.delta.n > 0)
		result = store_index_find(&r->delta, key, &e, &gone);
	e.in_delta = result == STORE_FOUND;
	if (result == STORE_NONE && r->root.base_table.n > 0)
		result = store_index_find(&r->base, key, &e, &gone);
	if (result != STORE_FOUND)
		return result;
	if (gone)
		return STORE_NONE;
	*to = e;
	return STORE_FOUND;
}

/* The whole record of the answers, or the meta part with its head. */
static enum store_result
record_span(const struct store_reader *r, const struct store_place *place,
    enum store_file_kind kind, uint64_t len, struct store_span *to)
{
	const struct store_file *file;
	int fd;

	file = r->has_root ? store_root_file(&r->root, place->file) : NULL;
	fd = store_reader_file(r, place->file);
	if (file == NULL || fd == -1)
		return file != NULL && kind == STORE_METAS ? STORE_NONE
							   : STORE_DAMAGED;
	if (file->kind != kind || place->offset > file->length ||
	    len > file->length - place->offset)
		return STORE_DAMAGED;
	*to = (struct store_span){ fd, (off_t)place->offset, (size_t)len };
	return STORE_FOUND;
}

/* The meta part begins with its head. */
enum store_result
store_span(const struct store_reader *r, const struct store_entry *e,
    enum store_part part, struct store_span *to)
{
	bool meta = part == STORE_META;
	enum store_result result;
	struct store_span all;

	result = record_span(r, meta ? &e->meta : &e->body,
	    meta ? STORE_METAS : STORE_SEGMENT,
	    meta ? STORE_META_HEAD + e->length[STORE_META]
		 : store_record_len(e),
	    &all);
	if (result != STORE_FOUND)
		return result;
	all.offset +=
	    meta ? STORE_META_HEAD : (off_t)store_part_offset(e, part);
	all.len = e->length[part];
	*to = all;
	return STORE_FOUND;
}

/* Selector and title, which share a checksum, are short. */
static enum store_result
read_names(const struct store_reader *r, const struct store_entry *e,
    enum store_part part, char *to)
{
	char names[STORE_SELECTOR_MAX + STORE_TITLE_MAX];
	size_t first = e->length[STORE_SELECTOR],
	       len = first + e->length[STORE_TITLE];
	struct store_span span;
	enum store_result result;

	result = store_span(r, e, STORE_SELECTOR, &span);
	if (result != STORE_FOUND)
		return result;
	if (store_pread(span.fd, names, len, (uint64_t)span.offset) == -1 ||
	    store_sum(r->base.seed, (struct view){ names, len }) != e->sum[2])
		return STORE_DAMAGED;
	memcpy(to, part == STORE_SELECTOR ? names : names + first,
	    e->length[part]);
	return STORE_FOUND;
}

static enum store_result
read_meta(const struct store_reader *r, const struct store_entry *e, char *to)
{
	unsigned char head[STORE_META_HEAD];
	struct store_key key;
	struct store_span span;
	enum store_result result;

	result = store_span(r, e, STORE_META, &span);
	if (result != STORE_FOUND)
		return result;
	if (store_pread(span.fd, head, sizeof(head),
		(uint64_t)span.offset - sizeof(head)) == -1 ||
	    store_pread(span.fd, to, span.len, (uint64_t)span.offset) == -1)
		return STORE_DAMAGED;
	key = store_entry_key(head);
	return store_key_cmp(&key, &e->key) == 0 &&
		store_meta_len(head) == (int64_t)span.len &&
		store_meta_is_whole(head, (struct view){ to, span.len },
		    r->base.seed)
	    ? STORE_FOUND
	    : STORE_DAMAGED;
}

enum store_result
store_read(const struct store_reader *r, const struct store_entry *e,
    enum store_part part, char *to)
{
	struct store_span span;
	enum store_result result;

	if (part == STORE_SELECTOR || part == STORE_TITLE)
		return read_names(r, e, part, to);
	if (part == STORE_META)
		return read_meta(r, e, to);
	result = store_span(r, e, part, &span);
	if (result != STORE_FOUND)
		return result;
	return store_pread(span.fd, to, span.len, (uint64_t)span.offset) == 0 &&
		store_sum(r->base.seed, (struct view){ to, span.len }) ==
		    e->sum[part]
	    ? STORE_FOUND
	    : STORE_DAMAGED;
}

/* An answer, by pieces. */
static enum store_result
verify_answer(const struct store_reader *r, const struct store_entry *e,
    enum store_part part)
{
	static char piece[STORE_PIECE];
	uint64_t sum = r->base.seed;
	struct store_span span;
	enum store_result result;
	size_t n;

	result = store_span(r, e, part, &span);
	if (result != STORE_FOUND)
		return result;
	do {
		n = span.len < sizeof(piece) ? span.len : sizeof(piece);
		if (store_pread(span.fd, piece, n, (uint64_t)span.offset) == -1)
			return STORE_DAMAGED;
		sum = store_sum(sum, (struct view){ piece, n });
		span.offset += (off_t)n;
		span.len -= n;
	} while (span.len > 0);
	return sum == e->sum[part] ? STORE_FOUND : STORE_DAMAGED;
}

enum store_result
store_verify(const struct store_reader *r, const struct store_entry *e,
    enum store_part part)
{
	char names[STORE_SELECTOR_MAX + STORE_TITLE_MAX];
	enum store_result result;
	char *meta;

	if (part == STORE_GEMINI || part == STORE_GOPHER)
		return verify_answer(r, e, part);
	if (part != STORE_META)
		return read_names(r, e, part, names);
	meta = malloc(e->length[STORE_META] + 1);
	result = meta == NULL ? STORE_DAMAGED : read_meta(r, e, meta);
	free(meta);
	return result;
}

/* -- all entries -- */

enum store_result
store_walk(const struct store_reader *r,
    bool (*visit)(void *arg, const struct store_entry *e), void *arg)
{
	struct store_cursor c[2];
	int i;

	/* The first is right where both have a key. */
	store_cursor_of(&c[0], &r->delta);
	store_cursor_of(&c[1], &r->base);
	while ((i = store_merge_step(c, 2)) != -1) {
		c[i].entry.at = c[i].at;
		c[i].entry.in_delta = i == 0;
		if (!c[i].gone && !visit(arg, &c[i].entry))
			return STORE_FOUND;
	}
	return store_merge_is_damaged(c, 2) ? STORE_DAMAGED : STORE_FOUND;
}

enum store_result
store_walk_delta(const struct store_reader *r,
    bool (*visit)(void *arg, const struct store_entry *e, bool gone), void *arg)
{
	struct store_cursor c;

	store_cursor_of(&c, &r->delta);
	while (store_cursor_next(&c)) {
		c.entry.at = c.at;
		c.entry.in_delta = true;
		if (!visit(arg, &c.entry, c.gone))
			return STORE_FOUND;
	}
	return c.damaged ? STORE_DAMAGED : STORE_FOUND;
}
