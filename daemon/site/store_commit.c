/*
 * store_commit.c - make what waits the new state.
 *
 * Floor site.  What waits is merged with the delta, and the delta with the
 * base if it has grown too large; the outcome is a new file beside those that
 * are read.  The last step gives the new root its name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "site/store_writer.h"

#define BASE_SHARE                                                             \
	100 /* a delta is too large when it is this part of a base             \
	     */

/* A commit under way. */
struct commit {
	struct store *s;
	struct store_root old, new;   /* no files of their own */
	bool whole;                   /* a new base is written */
	struct store_cursor *sources; /* newest first, then delta, then base */
	size_t n_sources, n_runs;
	struct store_table_out *out;
	struct store_marks seen; /* of the table that is written */
	int root_fd, reading_root;
	int base_fd, reading_base;
	char base_name[STORE_NAME_MAX];
};

/* -- where entries come from -- */

static void
open_sources(struct commit *c)
{
	struct store *s = c->s;
	struct store_cursor *source;
	struct store_index index;
	size_t i, n = store_batch_sort(s);

	c->n_runs = s->n_runs + 1;
	c->n_sources = c->n_runs + (c->whole ? 2 : 1);
	c->sources = xmalloc(c->n_sources * sizeof(*c->sources));
	source = c->sources;
	store_cursor_over(source++, (unsigned char *)s->pending, n, s->seed);
	for (i = s->n_runs; i > 0; i--)
		store_cursor_init(source++, s->runs_fd, s->runs[i - 1].offset,
		    s->runs[i - 1].n, s->seed);
	index = store_reader_delta(s->reader);
	store_cursor_of(source, &index);
	source->mends = s->is_sweeping || s->mends;
	index = store_reader_base(s->reader);
	if (c->whole) {
		store_cursor_of(++source, &index);
		source->mends = s->is_sweeping || s->mends;
	}
}

/*
 * What was found until now under the key of this step, into *to; false if
 * nothing was.
 */
static bool
find_former(struct commit *c, const struct store_key *key,
    struct store_entry *to)
{
	const struct store_cursor *delta = &c->sources[c->n_runs];
	struct store_index base = store_reader_base(c->s->reader);
	bool gone = false;

	if (delta->here) {
		*to = delta->entry;
		return !delta->gone;
	}
	if (c->whole) {
		*to = delta[1].entry;
		return delta[1].here;
	}
	return c->old.base_table.n > 0 &&
	    store_index_find(&base, key, to, &gone) == STORE_FOUND;
}

/* Records that only this batch knew, and that a later entry replaces. */
static void
retire_losers(struct commit *c, size_t winner, const struct store_entry *new)
{
	size_t i;

	for (i = winner + 1; i < c->n_runs; i++)
		if (c->sources[i].here && !c->sources[i].gone &&
		    store_is_fresh(c->s, &c->sources[i].entry))
			store_retire(c->s, &c->sources[i].entry, new);
}

/* Must a removal stay in the delta, because the base has the entry? */
static bool
hides_base(const struct commit *c, const struct store_key *key)
{
	struct store_index base = store_reader_base(c->s->reader);
	struct store_entry e;
	bool gone;

	return c->old.base_table.n > 0 &&
	    store_index_find(&base, key, &e, &gone) != STORE_NONE;
}

/* A sweep that met damage has ended: what it has not seen goes. */
static bool
is_swept_out(const struct store *s)
{
	return s->mends && !s->is_sweeping;
}

/* What a step has found, with all that it means. */
static void
take_commit_step(struct commit *c, size_t winner)
{
	struct store_cursor *w = &c->sources[winner];
	const struct store_entry *new = w->gone ? NULL : &w->entry;
	struct store_entry former;
	bool changed = winner < c->n_runs, seen = changed;

	if (changed) {
		retire_losers(c, winner, new);
		if (find_former(c, &w->entry.key, &former)) {
			store_retire(c->s, &former, new);
			c->new.entries--;
		}
		c->new.entries += new != NULL;
	} else {
		seen = store_is_marked(winner == c->n_runs ? &c->s->seen_delta
							   : &c->s->seen_base,
		    w->at);
	}
	if (!seen && is_swept_out(c->s)) {
		if (new != NULL)
			store_retire(c->s, new, NULL);
		return;
	}
	if (new == NULL &&
	    (c->whole || (changed && !hides_base(c, &w->entry.key))))
		return;
	if (seen && c->seen.bits != NULL)
		store_mark(&c->seen, c->out->table.n);
	store_table_add(c->out, w->raw);
}

static int
merge_sources(struct commit *c)
{
	int winner;

	while ((winner = store_merge_step(c->sources, c->n_sources)) != -1)
		take_commit_step(c, (size_t)winner);
	if (!store_merge_is_damaged(c->sources, c->n_sources))
		return 0;
	store_condemn(c->s);
	errno = EIO;
	return store_fail(c->s, "the store is damaged");
}

/* -- where they go -- */

static uint64_t
bound_of(const struct commit *c)
{
	return store_batch_count(c->s) + c->old.delta.n +
	    (c->whole ? c->old.base_table.n : 0);
}

static int
write_base(struct commit *c)
{
	struct store *s = c->s;

	c->new.base = store_take_number(s);
	if (c->new.base == 0)
		return -1;
	store_folder_name(c->base_name, "base", c->new.base);
	c->base_fd =
	    store_folder_create(&s->folder, c->base_name, &c->reading_base);
	if (c->base_fd == -1)
		return store_fail(s, c->base_name);
	store_table_begin(c->out, c->base_fd, 0, bound_of(c),
	    store_base_tag(s->seed, c->new.base));
	if (merge_sources(c) == -1)
		return -1;
	c->new.entries = c->out->table.n;
	if (store_table_end(c->out, &c->new.base_table) == -1 ||
	    (!s->folder.unnamed && fsync(c->base_fd) == -1))
		return store_fail(s, c->base_name);
	return 0;
}

/* The delta; after a new base it is empty. */
static int
write_delta(struct commit *c)
{
	struct store *s = c->s;

	store_table_begin(c->out, c->root_fd, STORE_HEAD_LEN,
	    c->whole ? 0 : bound_of(c), store_delta_tag(s->seed, c->new.count));
	if (!c->whole && merge_sources(c) == -1)
		return -1;
	if (store_table_end(c->out, &c->new.delta) == -1)
		return store_fail(s, STORE_ROOT);
	return 0;
}

/* Files that nothing leads into are left out, but for those that grow. */
static void
list_files(struct commit *c)
{
	struct store *s = c->s;
	size_t i, kept = 0;

	for (i = 0; i < s->n_files; i++) {
		if (s->files[i].dead > s->files[i].length)
			s->files[i].dead = s->files[i].length;
		if (s->files[i].dead < s->files[i].length ||
		    s->files[i].number == s->tails[0].number ||
		    s->files[i].number == s->tails[1].number)
			s->files[kept++] = s->files[i];
	}
	s->n_files = kept;
	c->new.files = s->files;
	c->new.n_files = kept;
	c->new.next = s->next;
}

static int
write_root(struct commit *c)
{
	struct store_out *out = &c->out->rows;
	unsigned char head[STORE_HEAD_LEN], *list;

	list_files(c);
	list = xmalloc(store_list_len(&c->new));
	store_root_pack(&c->new, head, list);
	store_out_init(out, c->root_fd, 0);
	store_out_put(out, head, sizeof(head));
	(void)store_out_flush(out);
	out->at = store_list_offset(&c->new);
	store_out_put(out, list, store_list_len(&c->new));
	xfree(list);
	return store_out_flush(out) == -1 ? store_fail(c->s, STORE_ROOT) : 0;
}

/* Write what waits of both tails, and note how long they are. */
static int
flush_tails(struct store *s, bool durable)
{
	struct store_tail *tail;

	for (tail = s->tails; tail < s->tails + 2; tail++) {
		if (tail->fd == -1)
			continue;
		if (store_out_flush(&tail->out) == -1 ||
		    (durable && fsync(tail->fd) == -1))
			return store_fail(s,
			    tail->kind == STORE_SEGMENT ? "segment" : "meta");
		store_working_file(s, tail->number)->length = tail->out.at;
	}
	return 0;
}

/* -- the commit -- */

/* From now on this is the state; nothing can go wrong any more. */
static int
publish_root(struct commit *c, bool durable)
{
	struct store *s = c->s;
	int reading = c->reading_root;

	if (durable &&
	    (fsync(c->root_fd) == -1 ||
		(s->has_new_names && fsync(s->folder.fd) == -1)))
		return store_fail(s, STORE_ROOT);
	if (c->whole &&
	    store_reader_add(s->reader, c->new.base, c->reading_base) == -1) {
		c->reading_base = -1;
		errno = ENOMEM;
		return store_fail(s, c->base_name);
	}
	c->reading_base = -1;
	if (store_folder_rename(&s->folder, STORE_FRESH,
		s->staged ? STORE_STAGED : STORE_ROOT) == -1)
		return store_fail(s, STORE_ROOT);
	if (durable)
		(void)fsync(s->folder.fd);
	c->reading_root = -1;
	if (store_reader_attach(s->reader, reading) == STORE_FOUND)
		return 0;
	errno = EIO;
	return store_fail(s, "what was written cannot be read");
}

/* Files of the old root that the new one does not name. */
static void
remove_former(struct commit *c, const struct store_root *old)
{
	const struct store_root *new = store_reader_root(c->s->reader);
	char name[STORE_NAME_MAX];
	size_t i;

	if (c->s->staged)
		return;
	for (i = 0; i < old->n_files; i++)
		if (store_root_file(new, old->files[i].number) == NULL) {
			store_folder_name(name,
			    old->files[i].kind == STORE_SEGMENT ? "segment"
								: "meta",
			    old->files[i].number);
			store_folder_remove(&c->s->folder, name);
		}
	if (old->base != 0 && old->base != new->base) {
		store_folder_name(name, "base", old->base);
		store_folder_remove(&c->s->folder, name);
	}
}

static void
begin_commit(struct commit *c, struct store *s)
{
	const struct store_root *root = store_reader_root(s->reader);

	memset(c, 0, sizeof(*c));
	c->s = s;
	c->root_fd = c->reading_root = c->base_fd = c->reading_base = -1;
	if (root != NULL) {
		c->old = *root;
	} else {
		c->old.seed.half[0] = hash_seed_draw();
		c->old.seed.half[1] = hash_seed_draw();
		s->seed = store_sum_seed(&c->old.seed);
	}
	c->new = c->old;
	c->new.count++;
	c->whole = is_swept_out(s) ||
	    (bound_of(c) > s->limits.delta &&
		bound_of(c) > c->old.base_table.n / BASE_SHARE);
	if (s->is_sweeping)
		store_marks_init(&c->seen,
		    bound_of(c) + (c->whole ? c->old.base_table.n : 0));
	c->out = xmalloc(sizeof(*c->out));
	open_sources(c);
}

/* The marks of a sweep go with the entries. */
static void
take_marks(struct commit *c)
{
	struct store *s = c->s;

	if (is_swept_out(s)) {
		store_marks_fini(&s->seen_base);
		store_marks_fini(&s->seen_delta);
		s->mends = false;
	}
	if (!s->is_sweeping)
		return;
	if (c->whole) {
		store_marks_fini(&s->seen_base);
		s->seen_base = c->seen;
		store_marks_fini(&s->seen_delta);
		store_marks_init(&s->seen_delta, 0);
	} else {
		store_marks_fini(&s->seen_delta);
		s->seen_delta = c->seen;
	}
	c->seen.bits = NULL;
}

static void
close_descriptor(int fd)
{
	if (fd != -1)
		close(fd);
}

static void
end_commit(struct commit *c, int r)
{
	close_descriptor(c->root_fd);
	close_descriptor(c->reading_root);
	close_descriptor(c->base_fd);
	close_descriptor(c->reading_base);
	if (r == -1) {
		store_folder_remove(&c->s->folder, STORE_FRESH);
		if (c->base_fd != -1)
			store_folder_remove(&c->s->folder, c->base_name);
		store_reader_remove(c->s->reader, c->new.base);
	}
	store_marks_fini(&c->seen);
	xfree(c->sources);
	xfree(c->out);
}

/* The old list of files goes with the old root: look at it before. */
static int
publish_and_remove(struct commit *c, bool durable)
{
	struct store_root old = c->old;
	size_t len = old.n_files * sizeof(*old.files);
	int r;

	old.files = xmalloc(len + 1);
	if (len > 0)
		memcpy(old.files, c->old.files, len);
	r = publish_root(c, durable);
	if (r == 0)
		remove_former(c, &old);
	xfree(old.files);
	return r;
}

int
store_commit_batch(struct store *s, bool durable)
{
	struct commit c;
	int r = -1;

	durable = durable && !s->folder.unnamed;
	begin_commit(&c, s);
	c.root_fd =
	    store_folder_create(&s->folder, STORE_FRESH, &c.reading_root);
	if (c.root_fd == -1)
		(void)store_fail(s, STORE_ROOT);
	else if (flush_tails(s, durable) == 0 &&
	    (!c.whole || write_base(&c) == 0) && write_delta(&c) == 0 &&
	    write_root(&c) == 0 && publish_and_remove(&c, durable) == 0)
		r = 0;
	if (r == 0) {
		take_marks(&c);
		store_batch_clear(s);
		s->is_durable = durable || s->folder.unnamed;
		s->has_new_names = s->has_new_names && !durable;
	}
	end_commit(&c, r);
	return r;
}
