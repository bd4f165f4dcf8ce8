/*
 * shared.c - memory that a process shares with those it forks.
 *
 * Floor base.  The tables that all workers write are made of this.
 */
#include "base/shared.h"

#include <sys/mman.h>

#include "base/mem.h"

/* The tables are far larger than what is ever touched of them. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

void *
shared_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		mem_exhausted(size);
	return p;
}

void
shared_unmap(void *p, size_t size)
{
	(void)munmap(p, size);
}
