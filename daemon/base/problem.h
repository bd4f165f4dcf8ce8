/* problem.h - sentences for the operator, collected and told in one go. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

struct problems;

/* An empty list; the caller frees it with problems_free. */
struct problems *problems_new(void);
void problems_free(struct problems *ps);

/*
 * Add "FILE:LINE: sentence"; line 0 leaves the line out, a NULL file both.
 * The sentence names the thing, the reason and what is accepted.
 */
void problems_add(struct problems *ps, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* How many there are; the i-th, borrowed, in the order of its file and line. */
size_t problems_count(const struct problems *ps);
const char *problems_get(struct problems *ps, size_t i);

/*
 * Carry problems from one process to another: pack appends all of ps to to,
 * unpack adds what packed holds.  Returns 0, or -1 with nothing added if
 * packed is not whole.
 */
void problems_pack(struct problems *ps, struct buf *to);
int problems_unpack(struct problems *ps, struct view packed);

/*
 * The candidate nearest to word by letters changed, dropped, added or
 * swapped, or NULL if none is near enough to be what was meant.
 * candidates: n strings, borrowed.
 */
const char *problem_nearest(const char *word, const char *const *candidates,
    size_t n);

#endif
