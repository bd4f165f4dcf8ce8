/* loader.h - walk the map, render every page, fill a snapshot. */
#ifndef LOADER_H
#define LOADER_H

#include "base/problem.h"
#include "site/conf.h"
#include "site/snapshot.h"

/*
 * Build a snapshot of all that conf maps.
 *
 * gopher_ports: what menus name, one for each of conf->gophers.  Every file
 * is opened beneath its capsule's root, never through a link that leaves it,
 * and never blocks.
 * Adds what is wrong to ps, each with the line of the map that asked for it,
 * and what is legal and unwise to notes.
 * Returns the snapshot, to be freed with snapshot_free, or NULL if there were
 * problems.
 */
struct snapshot *loader_load(const struct conf *conf, const int *gopher_ports,
    struct problems *ps, struct problems *notes);

/*
 * A number that changes when any file that conf maps is added, removed or
 * modified (names, sizes, times): what "watch" compares.
 */
unsigned long long loader_fingerprint(const struct conf *conf);

#endif
