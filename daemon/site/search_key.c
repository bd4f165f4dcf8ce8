/*
 * search_key.c - the entries of a store as pages of a search, and back.
 *
 * Floor site.
 */
#include "site/search_key.h"

#include "format/gemini.h"

#define HALF 8 /* bytes */

struct search_key
search_key_of(const struct store_key *key)
{
	struct search_key to;
	unsigned i;

	for (i = 0; i < HALF; i++) {
		to.bytes[i] = (unsigned char)(key->half[0] >> (56 - 8 * i));
		to.bytes[HALF + i] =
		    (unsigned char)(key->half[1] >> (56 - 8 * i));
	}
	return to;
}

struct store_key
search_key_back(const struct search_key *key)
{
	struct store_key to = { { 0, 0 } };
	unsigned i;

	for (i = 0; i < HALF; i++) {
		to.half[0] = to.half[0] << 8 | key->bytes[i];
		to.half[1] = to.half[1] << 8 | key->bytes[HALF + i];
	}
	return to;
}

bool
search_may_find(const struct store_entry *e)
{
	return e->access == 0 && e->gemini_status == GEMINI_SUCCESS &&
	    e->length[STORE_TITLE] > 0 && e->length[STORE_SELECTOR] > 0;
}
