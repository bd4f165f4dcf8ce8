/*
 * store_batch.c - entries that wait for their commit, and marks of a sweep.
 *
 * Floor site.  So many wait in memory; then they are sorted and go to a file
 * as a run, which the commit merges: a first build of a million entries takes
 * no more memory than one of a hundred thousand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "site/store_writer.h"

#define PENDING_MIN 64 /* entries; memory for the first batch */

/* -- what is dead -- */

bool
store_is_fresh(const struct store *s, const struct store_entry *e)
{
	const struct store_root *root = store_reader_root(s->reader);
	const struct store_file *file;

	file = root == NULL ? NULL : store_root_file(root, e->body.file);
	return file == NULL || e->body.offset >= file->length;
}

static void
count_dead(struct store *s, const struct store_place *place, uint64_t len)
{
	struct store_file *file = store_working_file(s, place->file);

	/* Its length in the list grows with the commit only. */
	if (file != NULL)
		file->dead += len;
}

static bool
is_same_place(const struct store_place *a, const struct store_place *b)
{
	return a->file == b->file && a->offset == b->offset;
}

void
store_retire(struct store *s, const struct store_entry *old,
    const struct store_entry *new)
{
	if (new == NULL || !is_same_place(&old->body, &new->body))
		count_dead(s, &old->body, store_record_len(old));
	if (new == NULL || !is_same_place(&old->meta, &new->meta))
		count_dead(s, &old->meta,
		    STORE_META_HEAD + old->length[STORE_META]);
}

/* -- what waits -- */

static int
cmp_pending(const void *a, const void *b)
{
	const struct store_pending *x = a, *y = b;
	struct store_key kx = store_entry_key(x->raw),
			 ky = store_entry_key(y->raw);
	int r = store_key_cmp(&kx, &ky);

	if (r != 0)
		return r;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* x is not right any more: next came later. */
static void
retire_pending(struct store *s, const struct store_pending *x,
    const struct store_pending *next)
{
	struct store_entry old, new;
	bool old_gone, new_gone;

	if (store_entry_unpack(x->raw, s->seed, &old, &old_gone) == -1 ||
	    store_entry_unpack(next->raw, s->seed, &new, &new_gone) == -1)
		return;
	if (!old_gone && store_is_fresh(s, &old))
		store_retire(s, &old, new_gone ? NULL : &new);
}

size_t
store_batch_sort(struct store *s)
{
	unsigned char *to = (unsigned char *)s->pending;
	struct store_pending *p = s->pending;
	size_t i, n = s->n_pending, kept = 0;
	struct store_key a, b;

	if (n > 1)
		qsort(p, n, sizeof(*p), cmp_pending);
	for (i = 0; i < n; i++) {
		a = store_entry_key(p[i].raw);
		if (i + 1 < n) {
			b = store_entry_key(p[i + 1].raw);
			if (store_key_cmp(&a, &b) == 0) {
				retire_pending(s, &p[i], &p[i + 1]);
				continue;
			}
		}
		/* Never in front of what is yet to be read. */
		memmove(to + kept++ * STORE_ENTRY_LEN, p[i].raw,
		    STORE_ENTRY_LEN);
	}
	return kept;
}

/* Move what waits in memory to the file of runs. */
static int
spill_pending(struct store *s)
{
	struct store_out *out = xmalloc(sizeof(*out));
	size_t n = store_batch_sort(s);
	int r;

	if (s->runs_fd == -1)
		s->runs_fd = store_folder_create(&s->folder, STORE_RUNS, NULL);
	store_out_init(out, s->runs_fd, s->runs_len);
	store_out_put(out, s->pending, n * STORE_ENTRY_LEN);
	r = s->runs_fd == -1 ? -1 : store_out_flush(out);
	xfree(out);
	if (r == -1)
		return store_fail(s, STORE_RUNS);
	s->runs = xrealloc(s->runs, s->n_runs + 1, sizeof(*s->runs));
	s->runs[s->n_runs++] = (struct store_run){ s->runs_len, n };
	s->runs_len += n * STORE_ENTRY_LEN;
	s->n_pending = 0;
	return 0;
}

static void
grow_pending(struct store *s)
{
	size_t cap = s->cap_pending == 0 ? PENDING_MIN : s->cap_pending * 2;

	if (cap > s->limits.run)
		cap = s->limits.run;
	s->pending = xrealloc(s->pending, cap, sizeof(*s->pending));
	s->cap_pending = cap;
}

int
store_batch_add(struct store *s, const struct store_entry *e, bool gone)
{
	struct store_pending *p;

	if (s->n_pending == s->limits.run) {
		if (s->n_runs + 1 == s->limits.runs) {
			errno = EFBIG;
			return store_fail(s, "too many entries at a time");
		}
		if (spill_pending(s) == -1)
			return -1;
	}
	if (s->n_pending == s->cap_pending)
		grow_pending(s);
	p = &s->pending[s->n_pending];
	store_entry_pack(e, gone, s->seed, p->raw);
	p->order = (uint32_t)s->n_pending++;
	return 0;
}

uint64_t
store_batch_count(const struct store *s)
{
	return s->n_pending + s->runs_len / STORE_ENTRY_LEN;
}

void
store_batch_clear(struct store *s)
{
	s->n_pending = 0;
	if (s->cap_pending > PENDING_MIN) {
		xfree(s->pending);
		s->pending = NULL;
		s->cap_pending = 0;
	}
	xfree(s->runs);
	s->runs = NULL;
	s->n_runs = 0;
	s->runs_len = 0;
	if (s->runs_fd != -1) {
		close(s->runs_fd);
		store_folder_remove(&s->folder, STORE_RUNS);
	}
	s->runs_fd = -1;
}

/* -- marks -- */

void
store_marks_init(struct store_marks *m, uint64_t n)
{
	m->bits = xcalloc((size_t)(n / 8 + 1), 1);
	m->n = n;
}

void
store_marks_fini(struct store_marks *m)
{
	xfree(m->bits);
	m->bits = NULL;
	m->n = 0;
}

void
store_mark(struct store_marks *m, uint64_t i)
{
	if (i < m->n)
		m->bits[i / 8] |= (unsigned char)(1u << i % 8);
}

bool
store_is_marked(const struct store_marks *m, uint64_t i)
{
	return i < m->n && (m->bits[i / 8] >> i % 8 & 1) != 0;
}
