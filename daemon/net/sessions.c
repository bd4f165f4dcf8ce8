/*
 * sessions.c - TLS sessions that can be resumed, known to all workers.
 *
 * Floor net; resume.c calls in from OpenSSL's callbacks.  One table in shared
 * memory: slots of one size, chained by a few bits of their id, which is
 * random, and in the order of their age.  A section is the copy of one slot.
 *
 * A session is worth one round of a signature, not more: what a worker that is
 * killed leaves half done is not repaired but forgotten, all of it.
 */
#include "net/sessions.h"

#include <sys/mman.h>

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/lock.h"
#include "base/mem.h"

#define HEADS (1 << 14) /* chains; a power of two */
#define NONE  0u        /* no slot: numbers start at 1 */

struct slot {
	unsigned char id[SESSIONS_ID_LEN];
	int64_t expires_ms;
	unsigned chain;        /* next of the same head, or next free one */
	unsigned older, newer; /* in the order of being put */
	unsigned len;          /* of data; 0: free */
	unsigned char data[SESSIONS_DATA_MAX];
};

struct sessions {
	struct lock lock;
	unsigned count, used; /* used: slots that were ever needed */
	unsigned free, oldest, newest;
	unsigned heads[HEADS];
	struct slot slots[SESSIONS_MAX + 1];
};

struct sessions *
sessions_new(void)
{
	struct sessions *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON, -1, 0);

	if (s == MAP_FAILED)
		mem_exhausted(sizeof(*s));
	return s;
}

void
sessions_free(struct sessions *s)
{
	(void)munmap(s, sizeof(*s));
}

static unsigned *
head(struct sessions *s, const unsigned char *id)
{
	return &s->heads[((unsigned)id[0] << 8 | id[1]) & (HEADS - 1)];
}

/* -- with the lock held -- */

static unsigned
look_up(struct sessions *s, const unsigned char *id)
{
	unsigned i;

	for (i = *head(s, id); i != NONE; i = s->slots[i].chain)
		if (memcmp(s->slots[i].id, id, SESSIONS_ID_LEN) == 0)
			break;
	return i;
}

static void
unlink_age(struct sessions *s, const struct slot *e)
{
	if (e->older != NONE)
		s->slots[e->older].newer = e->newer;
	else
		s->oldest = e->newer;
	if (e->newer != NONE)
		s->slots[e->newer].older = e->older;
	else
		s->newest = e->older;
}

/* Its secret is wiped: whoever reads our memory later finds no old visit. */
static void
forget(struct sessions *s, unsigned i)
{
	struct slot *e = &s->slots[i];
	unsigned *at = head(s, e->id);

	while (*at != i)
		at = &s->slots[*at].chain;
	*at = e->chain;
	unlink_age(s, e);
	OPENSSL_cleanse(e, sizeof(*e));
	e->chain = s->free;
	s->free = i;
	s->count--;
}

static unsigned
free_slot(struct sessions *s)
{
	unsigned i = s->free;

	if (i == NONE)
		return ++s->used;
	s->free = s->slots[i].chain;
	return i;
}

static void
insert(struct sessions *s, unsigned i)
{
	struct slot *e = &s->slots[i];
	unsigned *first = head(s, e->id);

	e->chain = *first;
	*first = i;
	e->older = s->newest;
	e->newer = NONE;
	if (s->newest != NONE)
		s->slots[s->newest].newer = i;
	else
		s->oldest = i;
	s->newest = i;
	s->count++;
}

static size_t
copy_out(struct sessions *s, const unsigned char *id, int64_t now_ms,
    unsigned char *to, bool forgotten)
{
	size_t len = 0;
	unsigned i;

	lock_take(&s->lock);
	i = look_up(s, id);
	if (i != NONE && s->slots[i].expires_ms > now_ms) {
		len = s->slots[i].len;
		memcpy(to, s->slots[i].data, len);
	} else
		forgotten = true;
	if (i != NONE && forgotten)
		forget(s, i);
	lock_give(&s->lock);
	return len;
}

/* -- for all -- */

void
sessions_put(struct sessions *s, const unsigned char *id, struct view data,
    int64_t expires_ms, unsigned most)
{
	struct slot *e;
	unsigned i;

	assert(most > 0 && most <= SESSIONS_MAX);
	if (data.len == 0 || data.len > SESSIONS_DATA_MAX)
		return;
	lock_take(&s->lock);
	while (s->count >= most)
		forget(s, s->oldest);
	i = free_slot(s);
	e = &s->slots[i];
	memcpy(e->id, id, SESSIONS_ID_LEN);
	e->expires_ms = expires_ms;
	e->len = (unsigned)data.len;
	memcpy(e->data, data.p, data.len);
	insert(s, i);
	lock_give(&s->lock);
}

size_t
sessions_find(struct sessions *s, const unsigned char *id, int64_t now_ms,
    unsigned char *to)
{
	return copy_out(s, id, now_ms, to, false);
}

size_t
sessions_take(struct sessions *s, const unsigned char *id, int64_t now_ms,
    unsigned char *to)
{
	return copy_out(s, id, now_ms, to, true);
}

void
sessions_drop(struct sessions *s, const unsigned char *id)
{
	unsigned i;

	lock_take(&s->lock);
	i = look_up(s, id);
	if (i != NONE)
		forget(s, i);
	lock_give(&s->lock);
}

unsigned
sessions_count(const struct sessions *s)
{
	return s->count;
}

void
sessions_bury(struct sessions *s, pid_t dead)
{
	if (lock_take_after(&s->lock, dead)) {
		/* used is raised before its slot is filled: all are wiped. */
		OPENSSL_cleanse(s->slots, (s->used + 1) * sizeof(s->slots[0]));
		memset(s->heads, 0, sizeof(s->heads));
		s->count = s->used = s->free = s->oldest = s->newest = 0;
	}
	lock_give(&s->lock);
}
