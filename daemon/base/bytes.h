/* bytes.h - numbers in files: the lowest byte first, on every machine. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

/* The number in the next 2, 4 or 8 bytes, which need no alignment. */
static inline uint16_t
bytes_get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
bytes_get32(const unsigned char *p)
{
	return bytes_get16(p) | (uint32_t)bytes_get16(p + 2) << 16;
}

static inline uint64_t
bytes_get64(const unsigned char *p)
{
	return bytes_get32(p) | (uint64_t)bytes_get32(p + 4) << 32;
}

/* Write it there. */
static inline void
bytes_put16(unsigned char *p, uint16_t n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
}

static inline void
bytes_put32(unsigned char *p, uint32_t n)
{
	bytes_put16(p, (uint16_t)n);
	bytes_put16(p + 2, (uint16_t)(n >> 16));
}

static inline void
bytes_put64(unsigned char *p, uint64_t n)
{
	bytes_put32(p, (uint32_t)n);
	bytes_put32(p + 4, (uint32_t)(n >> 32));
}

#endif
