/*
 * record_size.h - the size of the first TLS records of an answer.
 *
 * TCP takes a packet for lost that is not acknowledged after twice the time
 * that packets take there and back (RFC 8985 7.2), and all it has seen when
 * an answer begins are the small packets that open a connection.  On a slow
 * line a full one takes longer by itself: it is sent again for nothing, in
 * front of what the visitor waits for.  So begin with pieces that are back in
 * time; each acknowledgement teaches TCP more of the line, and the next piece
 * may be twice as large.
 */
#ifndef RECORD_SIZE_H
#define RECORD_SIZE_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_SIZE_WAIT_US 8000 /* first bytes that come sooner came fast */
#define RECORD_SIZE_RTT_US                                                     \
	200000                  /* on shorter ways headers cost what it saves */
#define RECORD_SIZE_LEAST   200 /* bytes; less would be headers for the most */
#define RECORD_SIZE_SEGMENT 1448 /* bytes; what fits into one packet anyway */
#define RECORD_SIZE_HEADERS 52   /* bytes of IPv4 and TCP around each piece */

/*
 * The bytes of the first piece, or 0 if answers need not be cut: received
 * bytes came waited_us after the packet before them, and packets take rtt_us
 * there and back.
 *
 * Waiting may mean a slow line or a client that thinks.  No line takes longer
 * for the small packets of rtt_us than rtt_us: a client that thinks is told
 * apart by that, or by a short way.
 */
size_t record_size_first(int64_t waited_us, size_t received, int64_t rtt_us);

/* The piece after one of so many bytes; 0 if it need not be cut. */
size_t record_size_next(size_t piece);

#endif
