/*
 * fuzz_access.c - a file of fingerprints gives problems, or a sorted list in
 * which every one of its own is found.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "site/access.h"

#define FUZZ_MAX 65536 /* bytes of a file; more only costs time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct access_rule *rule)
{
	struct peer_certificate shown = { .not_after = 1 };
	struct buf why;
	size_t i;

	buf_init(&why, 4096);
	for (i = 0; i < rule->n; i++) {
		memcpy(shown.sha256, rule->hashes[i], sizeof(shown.sha256));
		if (access_decide(rule, &shown, 1, &why) != 20 || why.len > 0)
			abort();
		if (i > 0 &&
		    memcmp(rule->hashes[i - 1], rule->hashes[i],
			ACCESS_HASH_LEN) > 0)
			abort();
	}
	buf_fini(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct access_rule rule = { .kind = ACCESS_LISTED };
	struct problems *ps = problems_new();
	struct arena *arena = arena_new();
	struct view text = { (const char *)data, size };
	int result;

	if (size <= FUZZ_MAX) {
		result = access_parse(text, "f", arena, &rule, ps);
		if ((result == 0) != (problems_count(ps) == 0))
			abort();
		/* A digit is half a byte of a hash. */
		if (rule.n * 2 * ACCESS_HASH_LEN > size)
			abort();
		check(&rule);
	}
	arena_free(arena);
	problems_free(ps);
	return 0;
}
