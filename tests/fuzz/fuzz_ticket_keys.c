/*
 * fuzz_ticket_keys.c - a file of ticket keys gives a sentence, or keys of
 * which each is found by its name.
 */
#include <stdint.h>
#include <stdlib.h>

#include "net/ticket_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { (const char *)data, size };
	struct ticket_keys keys;
	const char *why;
	size_t i;
	int line;

	why = ticket_keys_parse(text, &keys, &line);
	if (keys.n > TICKET_KEYS_MAX || line < 0 || (size_t)line > size + 1)
		abort();
	if (why == NULL && (keys.n == 0 || keys.n * 108 > size))
		abort();
	for (i = 0; i < keys.n; i++)
		if (ticket_keys_find(&keys, keys.v[i].name) != &keys.v[i])
			abort();
	return 0;
}
