/* map.h - look things up in the lines of a capsule's map. */
#ifndef MAP_H
#define MAP_H

#include <stdbool.h>

#include "base/view.h"
#include "format/mime.h"
#include "site/conf.h"

/*
 * The type of a file that answers for a selector: of [types] the longest
 * pattern that fits that, else the first extension that ends the file's name,
 * else mime_of.
 */
struct mime map_type(const struct conf_capsule *capsule, struct view selector,
    struct view name);

/* True if a line of [types] gives that file its type. */
bool map_has_type(const struct conf_capsule *capsule, struct view selector,
    struct view name);

/* True if the value of a line begins so. */
bool map_has_value(const struct conf_pairs *pairs, struct view start);

/* The language of a selector: its longest pattern's, else the capsule's. */
struct view map_language(const struct conf_capsule *capsule,
    struct view selector);

/* True if the folder may have a generated index: the longest prefix says. */
bool map_has_listing(const struct conf_capsule *capsule, struct view folder);

#endif
