/*
 * sink.c - what every sink has in common.
 *
 * Floor site.
 */
#include "site/sink.h"

#include "base/hash.h"

void
stamp_add(struct stamp *stamp, struct view v)
{
	stamp->half[0] = hash_bytes(v, (struct hash_seed){ stamp->half[0], 0 });
	stamp->half[1] = hash_bytes(v, (struct hash_seed){ stamp->half[1], 1 });
}

bool
stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}
