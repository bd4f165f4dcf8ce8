/*
 * sessions.c - TLS sessions that can be resumed, known to all workers.
 *
 * Floor net; resume.c calls in from OpenSSL's callbacks.  One table in shared
 * memory, of slots of one size.  Where a session may lie follows from its id,
 * which is random: so there is no index, no list and no count in the table
 * that could lead anybody astray, and nothing that has to be locked or mended.
 *
 * A slot is copied out, and then looked at.  Its tag is a sum of all the rest
 * under a key that is not in the table: what two wrote at once, or one that
 * was killed wrote half, is no session.
 */
#include "net/sessions.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/shared.h"

struct session_body {
	unsigned char id[SESSIONS_ID_LEN];
	int64_t expires_ms;
	uint32_t len; /* of data */
	unsigned char data[SESSIONS_DATA_MAX];
	uint64_t tag; /* of all that is above */
};

#define BODY_WORDS (sizeof(struct session_body) / sizeof(uint32_t))
#define TAGGED     offsetof(struct session_body, tag)

/* A new turn is a new session: even while there is none. */
struct session_slot {
	atomic_uint turn;
	atomic_uint body[BODY_WORDS];
};

_Static_assert(sizeof(struct session_body) % sizeof(uint32_t) == 0,
    "a body is copied in words");

struct sessions {
	struct session_slot *slots; /* SESSIONS_MAX, which all can write */
	struct hash_seed key;
};

struct sessions *
sessions_new(void)
{
	struct sessions *s = xcalloc(1, sizeof(*s));

	s->slots = shared_map(SESSIONS_MAX * sizeof(*s->slots));
	s->key = hash_seed_draw();
	return s;
}

void
sessions_free(struct sessions *s)
{
	shared_unmap(s->slots, SESSIONS_MAX * sizeof(*s->slots));
	xfree(s);
}

/* -- slots -- */

static uint64_t
tag_body(const struct sessions *s, const struct session_body *b)
{
	return hash_bytes((struct view){ (const char *)b, TAGGED }, s->key);
}

/* The nth slot, from 0, in which the session id may lie. */
static struct session_slot *
slot_at(struct sessions *s, unsigned most, const unsigned char *id, unsigned n)
{
	uint32_t start;

	memcpy(&start, id, sizeof(start));
	return &s->slots[(start % most + n) % most];
}

static unsigned
window_of(unsigned most)
{
	return most < SESSIONS_WINDOW ? most : SESSIONS_WINDOW;
}

/* Copy size bytes of a body from offset; both are whole words. */
static void
read_slot_part(struct session_slot *slot, size_t offset, size_t size, void *to)
{
	uint32_t word;
	size_t i;

	for (i = 0; i < size; i += sizeof(word)) {
		word = SHARED_LOAD(&slot->body[(offset + i) / sizeof(word)]);
		memcpy((char *)to + i, &word, sizeof(word));
	}
}

static void
read_body(struct session_slot *slot, struct session_body *to)
{
	read_slot_part(slot, 0, sizeof(*to), to);
}

static void
write_body(struct session_slot *slot, const struct session_body *from)
{
	uint32_t words[BODY_WORDS];
	size_t i;

	memcpy(words, from, sizeof(*from));
	for (i = 0; i < BODY_WORDS; i++)
		SHARED_STORE(&slot->body[i], words[i]);
	OPENSSL_cleanse(words, sizeof(words));
}

/*
 * End the session that slot had at that turn; true if it was us who did.  Its
 * secret is wiped: whoever reads our memory later finds no old visit.
 */
static bool
end_turn(struct session_slot *slot, unsigned turn)
{
	static const struct session_body none;

	if (!atomic_compare_exchange_strong(&slot->turn, &turn, turn + 1))
		return false;
	write_body(slot, &none);
	return true;
}

/* When the session in slot ends; INT64_MIN if there is none. */
static int64_t
ends_at(struct session_slot *slot)
{
	int64_t ms;

	if (SHARED_LOAD(&slot->turn) % 2 == 0)
		return INT64_MIN;
	read_slot_part(slot, offsetof(struct session_body, expires_ms),
	    sizeof(ms), &ms);
	return ms;
}

/* True if the session id seems to be in slot; the rest is to be looked at. */
static bool
has_id(struct session_slot *slot, const unsigned char *id)
{
	unsigned char there[SESSIONS_ID_LEN];

	read_slot_part(slot, offsetof(struct session_body, id), sizeof(there),
	    there);
	return memcmp(there, id, sizeof(there)) == 0;
}

/* Copy the session id to *b; its slot and turn, or NULL if it is not there. */
static struct session_slot *
look_up(struct sessions *s, unsigned most, const unsigned char *id,
    struct session_body *b, unsigned *turn)
{
	struct session_slot *slot;
	unsigned i;

	for (i = 0; i < window_of(most); i++) {
		slot = slot_at(s, most, id, i);
		*turn = atomic_load(&slot->turn);
		if (*turn % 2 == 0 || !has_id(slot, id))
			continue;
		read_body(slot, b);
		if (memcmp(b->id, id, SESSIONS_ID_LEN) == 0 &&
		    b->len <= SESSIONS_DATA_MAX && b->tag == tag_body(s, b))
			return slot;
	}
	return NULL;
}

static size_t
copy_out(struct sessions *s, unsigned most, const unsigned char *id,
    int64_t now_ms, unsigned char *to, bool forgotten)
{
	struct session_slot *slot;
	struct session_body b;
	size_t len = 0;
	unsigned turn;

	slot = look_up(s, most, id, &b, &turn);
	if (slot != NULL && b.expires_ms <= now_ms)
		(void)end_turn(slot, turn);
	else if (slot != NULL && (!forgotten || end_turn(slot, turn))) {
		len = b.len;
		memcpy(to, b.data, len);
	}
	OPENSSL_cleanse(&b, sizeof(b));
	return len;
}

/* -- for all -- */

void
sessions_put(struct sessions *s, unsigned most, const unsigned char *id,
    struct view data, int64_t expires_ms)
{
	struct session_slot *slot, *to = slot_at(s, most, id, 0);
	struct session_body b = { .expires_ms = expires_ms,
		.len = (uint32_t)data.len };
	int64_t first = INT64_MAX, ends;
	unsigned i;

	if (data.len == 0 || data.len > SESSIONS_DATA_MAX)
		return;
	for (i = 0; i < window_of(most); i++) {
		slot = slot_at(s, most, id, i);
		ends = ends_at(slot);
		if (ends < first) {
			first = ends;
			to = slot;
		}
	}
	memcpy(b.id, id, SESSIONS_ID_LEN);
	memcpy(b.data, data.p, data.len);
	b.tag = tag_body(s, &b);
	write_body(to, &b);
	atomic_store(&to->turn, (atomic_load(&to->turn) + 2) | 1);
	OPENSSL_cleanse(&b, sizeof(b));
}

size_t
sessions_find(struct sessions *s, unsigned most, const unsigned char *id,
    int64_t now_ms, unsigned char *to)
{
	return copy_out(s, most, id, now_ms, to, false);
}

size_t
sessions_take(struct sessions *s, unsigned most, const unsigned char *id,
    int64_t now_ms, unsigned char *to)
{
	return copy_out(s, most, id, now_ms, to, true);
}

void
sessions_drop(struct sessions *s, unsigned most, const unsigned char *id)
{
	struct session_slot *slot;
	struct session_body b;
	unsigned turn;

	slot = look_up(s, most, id, &b, &turn);
	if (slot != NULL)
		(void)end_turn(slot, turn);
	OPENSSL_cleanse(&b, sizeof(b));
}

void
sessions_expire(struct sessions *s, unsigned most, int64_t now_ms)
{
	unsigned i, turn;

	for (i = 0; i < most; i++) {
		turn = atomic_load(&s->slots[i].turn);
		if (turn % 2 == 1 && ends_at(&s->slots[i]) <= now_ms)
			(void)end_turn(&s->slots[i], turn);
	}
}
