/* mem.h - allocate or die: for starting and loading only. */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

/*
 * As malloc(3), calloc(3), realloc(3), strdup(3) and strndup(3), but never
 * NULL: without memory the process says so on standard error and exits 1.
 * What serves one client uses malloc(3) and closes that client instead.
 * The caller owns the result and frees it with xfree.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

/* free(3), named alike so that a reader sees what belongs together. */
void xfree(void *p);

/* Say that so many bytes could not be had, and exit 1. */
void mem_exhausted(size_t size) __attribute__((noreturn));

#endif
