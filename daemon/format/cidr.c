/*
 * cidr.c - is this address one of those?
 *
 * Floor format: text to the first bits of an address, and a comparison.
 */
#include "format/cidr.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#define MAPPED_BITS 96u /* before an IPv4 address within IPv6 */

static unsigned
address_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* An address in text of either family; fills to. */
static bool
read_cidr_address(struct view v, struct cidr *to)
{
	char text[INET6_ADDRSTRLEN];

	if (v.len == 0 || v.len >= sizeof(text) ||
	    memchr(v.p, '\0', v.len) != NULL)
		return false;
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	to->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	return inet_pton(to->family, text, to->address) == 1;
}

/* True if the first bits of both are the same; what follows is not looked at.
 */
static bool
have_same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 &&
	    (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* True if no bit is set behind those that count. */
static bool
is_first(const struct cidr *net)
{
	unsigned bit;

	for (bit = net->bits; bit < address_bits(net->family); bit++)
		if (net->address[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

/* Write as IPv4 what is IPv4 in the words of IPv6. */
static void
unmap_network(struct cidr *net)
{
	struct in6_addr address;

	memcpy(&address, net->address, sizeof(address));
	if (net->family != AF_INET6 || net->bits < MAPPED_BITS ||
	    !IN6_IS_ADDR_V4MAPPED(&address))
		return;
	memmove(net->address, net->address + 12, 4);
	memset(net->address + 4, 0, 12);
	net->family = AF_INET;
	net->bits -= MAPPED_BITS;
}

enum cidr_parse
cidr_parse(struct view in, struct cidr *to)
{
	struct cidr got = { .bits = 0 };
	struct view address = view_cut(&in, '/');
	unsigned long bits;

	if (!read_cidr_address(address, &got))
		return CIDR_BAD;
	bits = address_bits(got.family);
	if (in.p != NULL && view_to_number(in, bits, &bits) != 0)
		return CIDR_BAD;
	got.bits = (unsigned)bits;
	if (!is_first(&got))
		return CIDR_INNER;
	unmap_network(&got);
	*to = got;
	return CIDR_OK;
}

bool
cidr_eq(const struct cidr *a, const struct cidr *b)
{
	return a->bits == b->bits && cidr_has(a, b->family, b->address);
}

bool
cidr_has(const struct cidr *net, int family, const void *address)
{
	return net->family == family &&
	    have_same_bits(net->address, address, net->bits);
}
