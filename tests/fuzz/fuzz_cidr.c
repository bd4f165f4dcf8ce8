/*
 * fuzz_cidr.c - what is taken for a network has its own first address in it,
 * and nothing set behind the bits that count.
 */
#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>

#include "format/cidr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	struct cidr net, more;
	unsigned bits;

	if (cidr_parse(in, &net) != CIDR_OK)
		return 0;
	bits = net.family == AF_INET ? 32 : 128;
	must(net.family == AF_INET || net.family == AF_INET6);
	must(net.bits <= bits && cidr_eq(&net, &net));
	must(cidr_has(&net, net.family, net.address));
	/* The last bit that counts decides; the next one does not. */
	more = net;
	if (net.bits > 0) {
		more.address[(net.bits - 1) / 8] ^= 0x80 >> (net.bits - 1) % 8;
		must(!cidr_has(&net, net.family, more.address));
	}
	more = net;
	if (net.bits < bits) {
		must(!(net.address[net.bits / 8] & 0x80 >> net.bits % 8));
		more.address[net.bits / 8] ^= 0x80 >> net.bits % 8;
		must(cidr_has(&net, net.family, more.address));
	}
	return 0;
}
