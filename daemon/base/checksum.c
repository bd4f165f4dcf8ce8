/*
 * checksum.c - XXH64, as the xxHash specification has it.
 *
 * Floor base.  Four lanes take 8 bytes each, so that a processor can work on
 * them side by side: several bytes a nanosecond.
 */
#include "base/checksum.h"

#include "base/bytes.h"

#define PRIME_1 0x9e3779b185ebca87u
#define PRIME_2 0xc2b2ae3d27d4eb4fu
#define PRIME_3 0x165667b19e3779f9u
#define PRIME_4 0x85ebca77c2b2ae63u
#define PRIME_5 0x27d4eb2f165667c5u

#define STRIPE 32 /* bytes that the four lanes take at a time */

static uint64_t
turn_left(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* A lane takes a word. */
static uint64_t
mix_word(uint64_t lane, uint64_t word)
{
	return turn_left(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t
join_lane(uint64_t sum, uint64_t lane)
{
	return (sum ^ mix_word(0, lane)) * PRIME_1 + PRIME_4;
}

/* All whole stripes, which are cut off the front. */
static uint64_t
sum_stripes(const unsigned char **p, size_t *len, uint64_t seed)
{
	uint64_t a = seed + PRIME_1 + PRIME_2, b = seed + PRIME_2, c = seed,
		 d = seed - PRIME_1, sum;

	for (; *len >= STRIPE; *p += STRIPE, *len -= STRIPE) {
		a = mix_word(a, bytes_get64(*p));
		b = mix_word(b, bytes_get64(*p + 8));
		c = mix_word(c, bytes_get64(*p + 16));
		d = mix_word(d, bytes_get64(*p + 24));
	}
	sum = turn_left(a, 1) + turn_left(b, 7) + turn_left(c, 12) +
	    turn_left(d, 18);
	return join_lane(join_lane(join_lane(join_lane(sum, a), b), c), d);
}

/* What is shorter than a stripe. */
static uint64_t
sum_rest(const unsigned char *p, size_t len, uint64_t sum)
{
	for (; len >= 8; p += 8, len -= 8)
		sum =
		    turn_left(sum ^ mix_word(0, bytes_get64(p)), 27) * PRIME_1 +
		    PRIME_4;
	if (len >= 4) {
		sum = turn_left(sum ^ bytes_get32(p) * PRIME_1, 23) * PRIME_2 +
		    PRIME_3;
		p += 4;
		len -= 4;
	}
	for (; len > 0; p++, len--)
		sum = turn_left(sum ^ *p * PRIME_5, 11) * PRIME_1;
	return sum;
}

uint64_t
checksum_bytes(struct view bytes, uint64_t seed)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t len = bytes.len;
	uint64_t sum;

	sum = len < STRIPE ? seed + PRIME_5 : sum_stripes(&p, &len, seed);
	sum = sum_rest(p, len, sum + bytes.len);
	sum = (sum ^ sum >> 33) * PRIME_2;
	sum = (sum ^ sum >> 29) * PRIME_3;
	return sum ^ sum >> 32;
}
