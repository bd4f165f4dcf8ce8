/*
 * settle.c - collect changes until there is a pause.
 *
 * Floor process, but pure: the caller brings the time.  An editor writes,
 * renames and sets a mode; a copy of a tree makes names for seconds.  Each look
 * at what has changed costs a publication, so several become one.
 */
#include "process/settle.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

void
settle_init(struct settle *s)
{
	memset(s, 0, sizeof(*s));
	s->arena = arena_new();
	s->known = hash_new(s->arena, 0);
}

void
settle_fini(struct settle *s)
{
	arena_free(s->arena);
}

void
settle_reset(struct settle *s)
{
	settle_fini(s);
	settle_init(s);
}

static bool
is_empty(const struct settle *s)
{
	return s->n == 0 && !s->all;
}

/* Something has come at now_ms. */
static void
note_time(struct settle *s, int64_t now_ms)
{
	if (is_empty(s))
		s->first_ms = now_ms;
	s->last_ms = now_ms;
}

void
settle_add(struct settle *s, int folder, struct view name, int64_t now_ms)
{
	char room[sizeof(folder) + NAME_MAX];
	struct view key = { room, sizeof(folder) + name.len };
	struct settle_change *change;

	assert(name.len <= NAME_MAX);
	note_time(s, now_ms);
	memcpy(room, &folder, sizeof(folder));
	if (name.len > 0)
		memcpy(room + sizeof(folder), name.p, name.len);
	if (s->all || hash_find(s->known, key) != NULL)
		return;
	if (s->n == SETTLE_CHANGES_MAX) {
		s->all = true;
		return;
	}
	key = arena_copy(s->arena, key);
	change = arena_alloc(s->arena, sizeof(*change));
	change->folder = folder;
	change->name = view_skip(key, sizeof(folder));
	if (s->last == NULL)
		s->first = change;
	else
		s->last->next = change;
	s->last = change;
	s->n++;
	(void)hash_put(s->known, key, change);
}

void
settle_add_all(struct settle *s, int64_t now_ms)
{
	note_time(s, now_ms);
	s->all = true;
}

int64_t
settle_due(const struct settle *s)
{
	int64_t quiet = s->last_ms + SETTLE_QUIET_MS,
		longest = s->first_ms + SETTLE_LONGEST_MS;

	if (is_empty(s))
		return -1;
	return quiet < longest ? quiet : longest;
}
