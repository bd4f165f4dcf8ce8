/*
 * record_size.c - the size of the first TLS records of an answer.
 *
 * Floor net; pure.
 */
#include "net/record_size.h"

#define OPENING 112 /* bytes; the two packets that rtt_us was measured with */

size_t
record_size_first(int64_t waited_us, size_t received, int64_t rtt_us)
{
	int64_t crossed = (int64_t)received + RECORD_SIZE_HEADERS, piece;

	if (waited_us < RECORD_SIZE_WAIT_US || rtt_us < RECORD_SIZE_RTT_US)
		return 0;
	/* So slow that opening would have taken longer: the client thinks. */
	if (OPENING * waited_us > crossed * rtt_us)
		return 0;
	/* What the line carries in rtt_us, less a quarter for the way back. */
	piece = crossed * rtt_us / waited_us * 3 / 4;
	if (piece >= RECORD_SIZE_SEGMENT)
		return 0;
	return piece < RECORD_SIZE_LEAST ? RECORD_SIZE_LEAST : (size_t)piece;
}

size_t
record_size_next(size_t piece)
{
	return piece * 2 >= RECORD_SIZE_SEGMENT ? 0 : piece * 2;
}
