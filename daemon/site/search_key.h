/* search_key.h - the entries of a store as pages of a search, and back. */
#ifndef SEARCH_KEY_H
#define SEARCH_KEY_H

#include <stdbool.h>

#include "site/search_query.h"
#include "site/store.h"

/* As bytes keys have the order that they have in the store. */
struct search_key search_key_of(const struct store_key *key);
struct store_key search_key_back(const struct search_key *key);

/*
 * True for what a search may find: what everybody may read, is answered over
 * Gemini, and has a title.  So who fills the store gives a title to what shall
 * be found, and to nothing else.
 */
bool search_may_find(const struct store_entry *e);

#endif
