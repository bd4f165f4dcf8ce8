/* conf_map.h - what a map may say; for the files of conf alone. */
#ifndef CONF_MAP_H
#define CONF_MAP_H

#include "base/problem.h"
#include "site/conf_types.h"

/*
 * Check the sections of capsule that map: [selectors], [listing],
 * [languages], [access], [types].  Extensions become lower case.
 *
 * Adds every problem to ps, with the line of the pair.  Files are not looked
 * for: that is the loader's.
 */
void conf_map_check(const struct conf *conf, struct conf_capsule *capsule,
    struct problems *ps);

#endif
