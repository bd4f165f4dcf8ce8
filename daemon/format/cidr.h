/* cidr.h - addresses and networks of them: 192.0.2.1, 10.0.0.0/8, fd00::/8. */
#ifndef CIDR_H
#define CIDR_H

#include <stdbool.h>

#include "base/view.h"

struct cidr {
	int family;                /* AF_INET or AF_INET6 */
	unsigned char address[16]; /* network order; 4 bytes of it for IPv4;
				    * zeroes behind the bits that count */
	unsigned bits;             /* that count, from the first */
};

enum cidr_parse {
	CIDR_OK,
	CIDR_BAD,  /* no address, or no number of bits it can have */
	CIDR_INNER /* an address inside the network: more bits are set */
};

/*
 * Read "ADDRESS" or "ADDRESS/BITS".  Fills *to on CIDR_OK and leaves it alone
 * otherwise.  What stands for IPv4 within IPv6 (::ffff:192.0.2.1) is IPv4.
 * Source: RFC 4632 3.1, RFC 4291 2.3 and 2.5.5.2.
 */
enum cidr_parse cidr_parse(struct view in, struct cidr *to);

/* True if both are the same network. */
bool cidr_eq(const struct cidr *a, const struct cidr *b);

/*
 * True if the address is in the network; address is 4 bytes for AF_INET and
 * 16 for AF_INET6, network order, and not read for any other family.
 */
bool cidr_has(const struct cidr *net, int family, const void *address);

#endif
