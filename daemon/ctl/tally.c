/*
 * tally.c - an external sort: runs in a file without a name, then a merge.
 *
 * Floor ctl.
 */
#include "ctl/tally.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_SIZE ((size_t)16 << 10) /* bytes of a run at a time, at least */

/* How a record begins; its key and its value follow. */
struct record {
	uint64_t order;
	uint32_t key, value; /* bytes */
};

/* A run that is read. */
struct run {
	off_t at, end; /* of what is not read yet */
	char *p;       /* NULL: it is the one in memory */
	size_t len, used, room;
	const char *first; /* the record at hand; NULL: there is none */
};

struct tally {
	char *kept; /* records, one after the other */
	size_t len;
	const char **sorted; /* they, in order */
	size_t n, room;
	size_t n_given; /* of those in memory */
	FILE *file;     /* NULL: there was no need yet */
	off_t size;     /* of it */
	struct run *runs;
	size_t n_runs;
	uint64_t order;
	const struct run *last; /* whose record was given last */
	bool is_merging, has_failed;
};

struct tally *
tally_new(void)
{
	return xcalloc(1, sizeof(struct tally));
}

void
tally_free(struct tally *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->n_runs; i++)
		xfree(t->runs[i].p);
	if (t->file != NULL)
		(void)fclose(t->file);
	xfree(t->runs);
	xfree(t->sorted);
	xfree(t->kept);
	xfree(t);
}

bool
tally_has_failed(const struct tally *t)
{
	return t->has_failed;
}

/* -- records -- */

static struct record
read_record(const char *p)
{
	struct record r;

	memcpy(&r, p, sizeof(r));
	return r;
}

static size_t
record_size(const struct record *r)
{
	return sizeof(*r) + r->key + r->value;
}

static struct view
key_of_record(const char *p)
{
	return (struct view){ p + sizeof(struct record), read_record(p).key };
}

static struct view
value_of_record(const char *p)
{
	struct record r = read_record(p);

	return (struct view){ p + sizeof(r) + r.key, r.value };
}

static int
compare_keys(struct view a, struct view b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_records(const char *a, const char *b)
{
	int order = compare_keys(key_of_record(a), key_of_record(b));
	struct view x = value_of_record(a), y = value_of_record(b);

	x.len = x.len > 0;
	y.len = y.len > 0;
	if (order == 0)
		order = compare_keys(x, y);
	return order != 0 ? order
			  : (read_record(a).order > read_record(b).order) -
		(read_record(a).order < read_record(b).order);
}

static int
by_record(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return compare_records(*x, *y);
}

static bool
is_same_record(const char *a, const char *b)
{
	return view_eq(key_of_record(a), key_of_record(b)) &&
	    view_eq(value_of_record(a), value_of_record(b));
}

/* -- putting -- */

static void
sort_kept(struct tally *t)
{
	size_t i, n = 0;

	if (t->n == 0)
		return;
	qsort(t->sorted, t->n, sizeof(*t->sorted), by_record);
	for (i = 0; i < t->n; i++)
		if (n == 0 || !is_same_record(t->sorted[n - 1], t->sorted[i]))
			t->sorted[n++] = t->sorted[i];
	t->n = n;
}

/* Write what is in memory as a run. */
static void
spill(struct tally *t)
{
	off_t start = t->size;
	struct record r;
	size_t i;

	sort_kept(t);
	if (t->file == NULL)
		t->file = tmpfile();
	for (i = 0; i < t->n && t->file != NULL && !t->has_failed; i++) {
		r = read_record(t->sorted[i]);
		t->has_failed =
		    fwrite(t->sorted[i], record_size(&r), 1, t->file) != 1;
		t->size += (off_t)record_size(&r);
	}
	t->has_failed = t->has_failed || t->file == NULL;
	t->runs = xrealloc(t->runs, t->n_runs + 2, sizeof(*t->runs));
	t->runs[t->n_runs++] = (struct run){ .at = start, .end = t->size };
	t->n = t->len = 0;
}

void
tally_put(struct tally *t, struct view key, struct view value)
{
	struct record r = { t->order++, (uint32_t)key.len,
		(uint32_t)value.len };
	char *to;

	if (t->kept == NULL)
		t->kept = xmalloc(TALLY_KEPT_MAX);
	if (t->len + record_size(&r) > TALLY_KEPT_MAX)
		spill(t);
	if (t->n == t->room) {
		t->room = t->room == 0 ? 1024 : t->room * 2;
		t->sorted = xrealloc(t->sorted, t->room, sizeof(*t->sorted));
	}
	to = t->kept + t->len;
	memcpy(to, &r, sizeof(r));
	if (key.len > 0)
		memcpy(to + sizeof(r), key.p, key.len);
	if (value.len > 0)
		memcpy(to + sizeof(r) + key.len, value.p, value.len);
	t->sorted[t->n++] = to;
	t->len += record_size(&r);
}

/* -- giving -- */

/* Read on until there are size bytes of a run; false if it ends before. */
static bool
read_run(struct tally *t, struct run *run, size_t size)
{
	size_t want;
	ssize_t n;

	if (run->len - run->used >= size)
		return true;
	memmove(run->p, run->p + run->used, run->len - run->used);
	run->len -= run->used;
	run->used = 0;
	if (size > run->room) {
		run->room = size;
		run->p = xrealloc(run->p, run->room, 1);
	}
	while (run->len < size && run->at < run->end) {
		want = run->room - run->len;
		if ((off_t)want > run->end - run->at)
			want = (size_t)(run->end - run->at);
		n = pread(fileno(t->file), run->p + run->len, want, run->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			t->has_failed = true;
			return false;
		}
		run->len += (size_t)n;
		run->at += n;
	}
	return run->len >= size;
}

/* Have the next record of a run at hand. */
static void
advance_run(struct tally *t, struct run *run)
{
	struct record r;
	bool is_there;

	run->first = NULL;
	if (run->p == NULL) {
		if (t->n_given < t->n)
			run->first = t->sorted[t->n_given++];
		return;
	}
	is_there = read_run(t, run, sizeof(r));
	if (is_there) {
		r = read_record(run->p + run->used);
		is_there = read_run(t, run, record_size(&r));
	}
	if (!is_there)
		return;
	run->first = run->p + run->used;
	run->used += record_size(&r);
}

static void
begin_merge(struct tally *t)
{
	size_t i;

	t->is_merging = true;
	sort_kept(t);
	if (t->file != NULL && fflush(t->file) != 0)
		t->has_failed = true;
	for (i = 0; i < t->n_runs; i++) {
		t->runs[i].room = READ_SIZE;
		t->runs[i].p = xmalloc(READ_SIZE);
	}
	t->runs = xrealloc(t->runs, t->n_runs + 1, sizeof(*t->runs));
	t->runs[t->n_runs++] = (struct run){ .p = NULL };
	for (i = 0; i < t->n_runs; i++)
		if (t->runs[i].p == NULL || !t->has_failed)
			advance_run(t, &t->runs[i]);
}

bool
tally_next(struct tally *t, struct view *key, struct view *value)
{
	struct run *run, *least = NULL;

	if (!t->is_merging)
		begin_merge(t);
	else if (t->last != NULL)
		advance_run(t, &t->runs[t->last - t->runs]);
	for (run = t->runs; run < t->runs + t->n_runs; run++)
		if (run->first != NULL &&
		    (least == NULL ||
			compare_records(run->first, least->first) < 0))
			least = run;
	t->last = least;
	if (least == NULL)
		return false;
	*key = key_of_record(least->first);
	*value = value_of_record(least->first);
	return true;
}
