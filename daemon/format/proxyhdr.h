/* proxyhdr.h - the PROXY protocol's header, versions 1 and 2. */
#ifndef PROXYHDR_H
#define PROXYHDR_H

#include <stddef.h>

#include "base/view.h"

#define PROXYHDR_V1_MAX 107 /* bytes, CRLF included; section 2.1 */
#define PROXYHDR_V2_MAX                                                        \
	536 /* bytes, all TLVs included; ours: the format's                    \
	     * own limit is 65551 */

enum proxyhdr_parse {
	PROXYHDR_OK,   /* a whole header was read */
	PROXYHDR_MORE, /* so far so good; read and retry */
	PROXYHDR_BAD   /* can never become a header: drop the connection */
};

/* Whose connection the proxy says this is. */
enum proxyhdr_family {
	/* LOCAL, UNKNOWN, or no TCP: the address of the socket counts. */
	PROXYHDR_NONE,
	PROXYHDR_IPV4,
	PROXYHDR_IPV6
};

struct proxyhdr {
	enum proxyhdr_family family;
	unsigned char address[16]; /* of the source, network order; 4 bytes
				    * of it for IPv4, also for what a proxy
				    * that knows only IPv6 writes as
				    * ::ffff:192.0.2.1; zeroes for none */
	unsigned port;             /* of the source, host order */
	size_t len; /* bytes of in that were header: the client's follow */
};

/*
 * Read a header of either version from the first bytes of a connection.
 *
 * Fills *h on PROXYHDR_OK and leaves it alone otherwise; nothing in it
 * borrows from in.  Ask only on a listener that is configured to be behind a
 * proxy, and only a peer that is that proxy: anybody can send such a header.
 * Errors: PROXYHDR_BAD as soon as the bytes cannot be a header any more: no
 * signature, a field that is missing or malformed, a line over
 * PROXYHDR_V1_MAX, a length over PROXYHDR_V2_MAX or under its family's.
 * TLVs of version 2 are skipped, its checksum is not verified.
 * Source: the PROXY protocol, sections 2.1 and 2.2.
 */
enum proxyhdr_parse proxyhdr_parse(struct view in, struct proxyhdr *h);

#endif
