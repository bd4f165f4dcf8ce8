/*
 * proxyhdr.c - who is behind the proxy in front of us.
 *
 * Floor format: bytes in, an address out.  Such a header comes before all
 * else, the TLS handshake included, so it is read from the bare socket.
 */
#include "format/proxyhdr.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#define PORT_MAX 65535

/* -- version 1: a line of text, section 2.1 -- */

/* True if v is an address of this family; fills to. */
static bool
read_v1_address(struct view v, int family, unsigned char *to)
{
	char text[INET6_ADDRSTRLEN];

	if (v.len == 0 || v.len >= sizeof(text) ||
	    memchr(v.p, '\0', v.len) != NULL)
		return false;
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	return inet_pton(family, text, to) == 1;
}

/* A decimal number up to 65535 without leading zeroes. */
static bool
read_port_number(struct view v, unsigned long *to)
{
	return view_to_number(v, PORT_MAX, to) == 0 &&
	    (v.len == 1 || v.p[0] != '0');
}

/* rest: "SOURCE DESTINATION PORT PORT", one blank between two fields. */
static enum proxyhdr_parse
read_addresses(struct view rest, int family, struct proxyhdr *h)
{
	struct view source = view_cut(&rest, ' ');
	struct view destination = view_cut(&rest, ' ');
	struct view source_port = view_cut(&rest, ' ');
	unsigned char ignored[16];
	unsigned long port, ignored_port;

	/* What is left is the last field: a blank in it makes it no port. */
	if (!read_v1_address(source, family, h->address) ||
	    !read_v1_address(destination, family, ignored) ||
	    !read_port_number(source_port, &port) ||
	    !read_port_number(rest, &ignored_port))
		return PROXYHDR_BAD;
	h->port = (unsigned)port;
	return PROXYHDR_OK;
}

/* line is without its CRLF. */
static enum proxyhdr_parse
read_v1_line(struct view line, struct proxyhdr *h)
{
	struct view rest = line, family;

	(void)view_cut(&rest, ' ');
	family = view_cut(&rest, ' ');
	if (view_eq(family, VIEW("UNKNOWN")))
		return PROXYHDR_OK;
	if (view_eq(family, VIEW("TCP4"))) {
		h->family = PROXYHDR_IPV4;
		return read_addresses(rest, AF_INET, h);
	}
	if (view_eq(family, VIEW("TCP6"))) {
		h->family = PROXYHDR_IPV6;
		return read_addresses(rest, AF_INET6, h);
	}
	return PROXYHDR_BAD;
}

static enum proxyhdr_parse
parse_v1(struct view in, struct proxyhdr *h)
{
	size_t n = 0;

	if (in.len > PROXYHDR_V1_MAX)
		in.len = PROXYHDR_V1_MAX;
	while (n < in.len && in.p[n] != '\r' && in.p[n] != '\n')
		n++;
	/* Neither half of the CRLF may stand alone. */
	if ((n < in.len && in.p[n] == '\n') ||
	    (n + 1 < in.len && in.p[n + 1] != '\n'))
		return PROXYHDR_BAD;
	if (n + 1 >= in.len)
		return in.len < PROXYHDR_V1_MAX ? PROXYHDR_MORE : PROXYHDR_BAD;
	h->len = n + 2;
	return read_v1_line((struct view){ in.p, n }, h);
}

/* -- version 2: a binary header, section 2.2 -- */

#define V2_FIXED 16 /* bytes before the addresses */

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };

/* The families that a proxy may name, and the least bytes of each. */
static const struct {
	unsigned char code;
	enum proxyhdr_family family;
	size_t size; /* bytes of one address, where we use it */
	size_t min;  /* bytes after the fixed part */
} families[] = {
	{ 0x00, PROXYHDR_NONE, 0, 0 },   /* unspecified */
	{ 0x11, PROXYHDR_IPV4, 4, 12 },  /* TCP over IPv4 */
	{ 0x12, PROXYHDR_NONE, 0, 12 },  /* UDP over IPv4 */
	{ 0x21, PROXYHDR_IPV6, 16, 36 }, /* TCP over IPv6 */
	{ 0x22, PROXYHDR_NONE, 0, 36 },  /* UDP over IPv6 */
	{ 0x31, PROXYHDR_NONE, 0, 216 }, /* UNIX stream */
	{ 0x32, PROXYHDR_NONE, 0, 216 }, /* UNIX datagram */
};

/* Two bytes in network order. */
static unsigned
read_uint16(const char *p)
{
	return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* body: source, destination, source port, destination port, TLVs. */
static enum proxyhdr_parse
read_block(unsigned char code, struct view body, struct proxyhdr *h)
{
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (families[i].code != code)
			continue;
		if (body.len < families[i].min)
			return PROXYHDR_BAD;
		h->family = families[i].family;
		if (families[i].size > 0) {
			memcpy(h->address, body.p, families[i].size);
			h->port = read_uint16(body.p + 2 * families[i].size);
		}
		return PROXYHDR_OK;
	}
	return PROXYHDR_BAD;
}

static enum proxyhdr_parse
parse_v2(struct view in, struct proxyhdr *h)
{
	struct view body;
	unsigned char command;

	if (in.len < V2_FIXED)
		return PROXYHDR_MORE;
	command = (unsigned char)in.p[12];
	h->len = V2_FIXED + read_uint16(in.p + 14);
	if ((command != V2_LOCAL && command != V2_PROXY) ||
	    h->len > PROXYHDR_V2_MAX)
		return PROXYHDR_BAD;
	if (in.len < h->len)
		return PROXYHDR_MORE;
	/* A health check of the proxy's own: its block means nothing. */
	if (command == V2_LOCAL)
		return PROXYHDR_OK;
	body = (struct view){ in.p + V2_FIXED, h->len - V2_FIXED };
	return read_block((unsigned char)in.p[13], body, h);
}

/* IPv4 in the words of IPv6 is IPv4: one visitor, one address. */
static void
unmap_addresses(struct proxyhdr *h)
{
	struct in6_addr address;

	memcpy(&address, h->address, sizeof(address));
	if (h->family != PROXYHDR_IPV6 || !IN6_IS_ADDR_V4MAPPED(&address))
		return;
	memmove(h->address, h->address + 12, 4);
	memset(h->address + 4, 0, 12);
	h->family = PROXYHDR_IPV4;
}

/* True if v is the start of whole, or whole the start of v. */
static bool
is_prefix_of_other(struct view v, struct view whole)
{
	if (v.len > whole.len)
		v.len = whole.len;
	return view_has_prefix(whole, v);
}

enum proxyhdr_parse
proxyhdr_parse(struct view in, struct proxyhdr *h)
{
	static const struct view v1 = VIEW_INIT("PROXY ");
	static const struct view v2 = VIEW_INIT("\r\n\r\n\0\r\nQUIT\n");
	struct proxyhdr got = { .family = PROXYHDR_NONE };
	enum proxyhdr_parse r = PROXYHDR_BAD;

	if (is_prefix_of_other(in, v1))
		r = in.len < v1.len ? PROXYHDR_MORE : parse_v1(in, &got);
	else if (is_prefix_of_other(in, v2))
		r = parse_v2(in, &got);
	if (r == PROXYHDR_OK) {
		unmap_addresses(&got);
		*h = got;
	}
	return r;
}
