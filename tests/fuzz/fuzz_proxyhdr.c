/*
 * fuzz_proxyhdr.c - a header is whole when its last byte has come, neither
 * before nor after, and waiting for one ends in time.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/proxyhdr.h"

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
	struct proxyhdr h, again;
	enum proxyhdr_parse r = proxyhdr_parse(in, &h);

	must(r != PROXYHDR_MORE || size < PROXYHDR_V2_MAX);
	if (r != PROXYHDR_OK)
		return 0;
	must(h.len > 0 && h.len <= size && h.port <= 65535);
	must(h.family != PROXYHDR_NONE || h.port == 0);
	in.len = h.len;
	must(proxyhdr_parse(in, &again) == PROXYHDR_OK && again.len == h.len);
	in.len--;
	must(proxyhdr_parse(in, &again) == PROXYHDR_MORE);
	return 0;
}
