/*
 * store_compact.c - copy what lives out of files that are mostly dead.
 *
 * Floor site.  One file at a time: its records are appended to the newest one
 * as if they had been put again, and after the commit nothing leads into it.
 * The bytes are not looked at: what was damaged stays known as damaged.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "site/store_writer.h"

#define REST 64 /* commits without copying, after it went wrong */

struct copy {
	struct store *s;
	uint32_t victim;
	char *piece; /* STORE_PIECE bytes */
	int r;
};

/* Append len bytes of the victim to the newest file of its kind. */
static int
copy_record(struct copy *c, enum store_file_kind kind, uint64_t len,
    struct store_place *place)
{
	struct store_tail *tail = store_tail_for(c->s, kind, len);
	int fd = store_reader_file(c->s->reader, place->file);
	uint64_t at = place->offset;
	struct store_place moved;
	size_t n;

	if (tail == NULL)
		return -1;
	moved = (struct store_place){ tail->number, (uint32_t)tail->out.at };
	for (; len > 0; at += n, len -= n) {
		n = len < STORE_PIECE ? (size_t)len : STORE_PIECE;
		if (store_pread(fd, c->piece, n, at) == -1)
			return -1;
		store_out_put(&tail->out, c->piece, n);
	}
	*place = moved;
	return tail->out.error == 0 ? 0 : -1;
}

static bool
copy_live_entry(void *arg, const struct store_entry *e)
{
	struct copy *c = arg;
	struct store_entry moved = *e;

	if (e->body.file == c->victim)
		c->r = copy_record(c, STORE_SEGMENT, store_record_len(e),
		    &moved.body);
	if (c->r == 0 && e->meta.file == c->victim)
		c->r = copy_record(c, STORE_METAS,
		    STORE_META_HEAD + e->length[STORE_META], &moved.meta);
	if (c->r == 0 &&
	    (e->body.file == c->victim || e->meta.file == c->victim))
		c->r = store_batch_add(c->s, &moved, false);
	return c->r == 0;
}

/* The file with most to gain, if more than half of it is dead; 0: none. */
static uint32_t
find_victim(const struct store *s)
{
	uint32_t victim = 0;
	uint64_t most = 0;
	size_t i;

	for (i = 0; i < s->n_files; i++)
		if (s->files[i].length >= s->limits.worth_copy &&
		    s->files[i].dead > s->files[i].length / 2 &&
		    s->files[i].dead > most) {
			most = s->files[i].dead;
			victim = s->files[i].number;
		}
	return victim;
}

/* The victim may be the file that grows: then another one does. */
static void
leave_tail(struct store *s, uint32_t victim)
{
	struct store_tail *tail;

	for (tail = s->tails; tail < s->tails + 2; tail++)
		if (tail->number == victim) {
			close(tail->fd);
			tail->fd = -1;
			tail->number = 0;
		}
}

void
store_compact(struct store *s, bool durable)
{
	struct copy c = { s, find_victim(s), NULL, 0 };
	enum store_result result;

	if (s->rest > 0)
		s->rest--;
	if (c.victim == 0 || s->rest > 0)
		return;
	leave_tail(s, c.victim);
	c.piece = xmalloc(STORE_PIECE);
	result = store_walk(s->reader, copy_live_entry, &c);
	xfree(c.piece);
	if (result == STORE_FOUND && c.r == 0) {
		/* Whatever was counted: nothing leads there now. */
		store_working_file(s, c.victim)->dead =
		    store_working_file(s, c.victim)->length;
		c.r = store_commit_batch(s, durable);
	}
	if (result != STORE_FOUND || c.r != 0) {
		s->rest = REST;
		store_forget(s);
	}
}
