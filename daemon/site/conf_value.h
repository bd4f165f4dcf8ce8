/* conf_value.h - text to value and back, by kind; for the files of conf alone.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/view.h"
#include "site/conf_table.h"

#define CONF_WHY_MAX 4096 /* bytes of a sentence about a value */

/* Where values go. */
struct conf_place {
	void *base;          /* the struct of the section's owner */
	struct arena *arena; /* owns what values point to */
	struct view folder;  /* of the INI file: "" or ending in "/" */
};

/*
 * Read text, which is valid UTF-8, as the value of key and put it in place.
 *
 * Returns 0; or -1 with a sentence appended to why that quotes what was read
 * and says what is accepted, and the value as it was.
 */
int conf_value_set(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why);

/*
 * Append the value of key at base as text that conf_value_set reads back;
 * paths are as they were stored.
 */
void conf_value_put(const struct conf_key *key, const void *base,
    struct buf *to);

/* True if v has the form of language tags (BCP 47) with commas between. */
bool conf_is_language(struct view v);

#endif
