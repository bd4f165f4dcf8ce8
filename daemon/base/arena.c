/*
 * arena.c - blocks from mmap(2), handed out from both ends.
 *
 * Floor base.  Aligned structures grow up from a block's start, unaligned
 * bytes grow down from its end, so that neither pads the other.
 */
#include "base/arena.h"

#include <sys/mman.h>

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define ARENA_ALIGN     16
#define ARENA_BLOCK_MIN ((size_t)64 << 10) /* bytes of the first block */
#define ARENA_BLOCK_MAX ((size_t)4 << 20)  /* bytes; blocks double up to it */

struct block {
	struct block *next;
	size_t size;      /* bytes mapped, this header included */
	char *low, *high; /* what is still free lies between */
};

/* It lies in its own first block: one thing less to free. */
struct arena {
	struct block *blocks; /* the newest first */
	size_t size;
	size_t block; /* bytes of the next ordinary block */
};

static size_t
round_up(size_t size)
{
	return (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

/* A block with room for need bytes. */
static struct block *
add_block(struct arena *a, size_t need)
{
	size_t size = a->block, head = round_up(sizeof(struct block));
	struct block *b, **at = &a->blocks;

	if (need + head > size) {
		size = (need + head + ARENA_BLOCK_MIN - 1) / ARENA_BLOCK_MIN *
		    ARENA_BLOCK_MIN;
		/* A giant's own block must not hide a half-empty one. */
		if (a->blocks != NULL)
			at = &a->blocks->next;
	} else if (a->block < ARENA_BLOCK_MAX)
		a->block *= 2;
	b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1,
	    0);
	if (b == MAP_FAILED)
		mem_exhausted(size);
	b->size = size;
	b->low = (char *)b + head;
	b->high = (char *)b + size;
	b->next = *at;
	*at = b;
	a->size += size;
	return b;
}

static struct block *
block_for(struct arena *a, size_t need)
{
	struct block *b = a->blocks;

	if (b != NULL && (size_t)(b->high - b->low) >= need)
		return b;
	return add_block(a, need);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t need = round_up(size);
	struct block *b = block_for(a, need);
	void *p = b->low;

	b->low += need;
	return p; /* mmap(2) gave zeroes, and nothing is handed out twice */
}

struct arena *
arena_new(void)
{
	struct arena a = { .block = ARENA_BLOCK_MIN }, *whole;

	(void)add_block(&a, sizeof(a));
	whole = arena_alloc(&a, sizeof(a));
	*whole = a;
	return whole;
}

void
arena_free(struct arena *a)
{
	struct block *b = a == NULL ? NULL : a->blocks, *next;

	/* a goes with one of them: nothing of it may be read afterwards. */
	for (; b != NULL; b = next) {
		next = b->next;
		(void)munmap(b, b->size);
	}
}

/* Clear what was used of a block below and above, and have it unused. */
static void
clear_block(struct block *b, char *low)
{
	char *end = (char *)b + b->size;

	memset(low, 0, (size_t)(b->low - low));
	memset(b->high, 0, (size_t)(end - b->high));
	b->low = low;
	b->high = end;
}

void
arena_reset(struct arena *a)
{
	void *first = (char *)a - round_up(sizeof(struct block));
	struct block *b = a->blocks, *own = first, *next;

	for (; b != NULL; b = next) {
		next = b->next;
		if (b != own)
			(void)munmap(b, b->size);
	}
	clear_block(own, (char *)a + round_up(sizeof(*a)));
	own->next = NULL;
	*a = (struct arena){ own, own->size, 2 * ARENA_BLOCK_MIN };
}

struct view
arena_copy(struct arena *a, struct view v)
{
	struct block *b = block_for(a, v.len + 1);

	b->high -= v.len + 1;
	if (v.len > 0)
		memcpy(b->high, v.p, v.len);
	b->high[v.len] = '\0';
	return (struct view){ b->high, v.len };
}

size_t
arena_size(const struct arena *a)
{
	return a->size;
}
