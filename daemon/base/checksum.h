/* checksum.h - tell whether bytes are still what they were. */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stdint.h>

#include "base/view.h"

/*
 * 64 bits of bytes: XXH64 (Collet 2014), the same on every machine.  Against
 * accidents: quick, and no proof against who wants two to be alike.
 */
uint64_t checksum_bytes(struct view bytes, uint64_t seed);

#endif
