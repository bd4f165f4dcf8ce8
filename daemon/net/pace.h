/* pace.h - how fast a reader takes its answer. */
#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A reader is fast if it takes so many bytes within so long: the longest TLS
 * record keeps it waiting no longer than that.
 */
#define PACE_BYTES (16 << 10)
#define PACE_MS    3000

/* Zeroed: nothing is known yet, and nobody is fast. */
struct pace {
	int64_t since_ms; /* when taken was; 0: never looked */
	uint64_t taken;
	bool is_fast;
};

/* By now_ms the reader has taken so many bytes in all. */
void pace_note(struct pace *p, uint64_t taken, int64_t now_ms);

#endif
