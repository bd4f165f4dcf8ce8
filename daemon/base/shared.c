/*
 * shared.c - memory that a process shares with those it forks.
 *
 * Floor base.  The tables that all workers write are made of this.
 */
#include "base/shared.h"

#include <sys/mman.h>

#include <assert.h>
#include <stdbool.h>

#include "base/mem.h"

/* The tables are far larger than what is ever touched of them. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* What this process has of it. */
static struct piece {
	struct piece *next;
	void *p;
	size_t size;
	bool stays; /* in a child that leaves the rest */
} * pieces;

/* Where the piece at p is linked; NULL there if it is none. */
static struct piece **
find_piece(const void *p)
{
	struct piece **at = &pieces;

	while (*at != NULL && (*at)->p != p)
		at = &(*at)->next;
	return at;
}

void *
shared_map(size_t size)
{
	struct piece *piece = xcalloc(1, sizeof(*piece));
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		mem_exhausted(size);
	*piece = (struct piece){ pieces, p, size, false };
	pieces = piece;
	return p;
}

void
shared_unmap(void *p, size_t size)
{
	struct piece **at = find_piece(p), *gone = *at;

	(void)munmap(p, size);
	if (gone == NULL || gone->size != size)
		return; /* a part of one */
	*at = gone->next;
	xfree(gone);
}

void
shared_protect(void *p)
{
	struct piece *piece = *find_piece(p);

	assert(piece != NULL);
	if (mprotect(p, piece->size, PROT_READ) == -1)
		mem_exhausted(piece->size);
	piece->stays = true;
}

void
shared_keep(const void *p)
{
	struct piece *piece = *find_piece(p);

	assert(piece != NULL);
	piece->stays = true;
}

void
shared_leave(void)
{
	struct piece *one, *next;

	for (one = pieces; one != NULL; one = next) {
		next = one->next;
		if (!one->stays)
			shared_unmap(one->p, one->size);
	}
}
