/* fold.h - objects of a page or two, folded small while nobody needs them. */
#ifndef FOLD_H
#define FOLD_H

#include <stdbool.h>
#include <stddef.h>

#define FOLD_MIN (4 << 10) /* bytes; a smaller object is not worth it */
#define FOLD_MAX (8 << 10) /* bytes of an object */
#define FOLD_OBJECTS                                                           \
	(1 << 14)     /* at a time; address space alone is reserved            \
		       */
#define FOLD_SPARE 64 /* freed objects that keep their memory */

/*
 * Reserve room: once, before anything forks; each process then has objects of
 * its own.  Without address space there is none, and fold_alloc says no.
 */
void fold_init(void);

/*
 * Room for an object of size bytes, from FOLD_MIN + 1 to FOLD_MAX, at an
 * address that it keeps; its content is anything.  NULL if there is none:
 * take malloc(3).  Given back with fold_free, folded or not.
 */
void *fold_alloc(size_t size);
void fold_free(void *object);

/* True if p was returned by fold_alloc. */
bool fold_is_ours(const void *p);

/*
 * Keep what is not zero of the object in memory of its own, and give back its
 * pages; until fold_open, reading or writing it is an error.  What is folded
 * already, or not ours, or cannot be folded for want of memory, stays as it
 * is.
 */
void fold_up(void *object);

/* The object is what it was; nothing happens unless it was folded. */
void fold_open(void *object);

#endif
