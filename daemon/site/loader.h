/* loader.h - walk the map, render every page, fill a snapshot. */
#ifndef LOADER_H
#define LOADER_H

#include "base/problem.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/pages.h"
#include "site/snapshot.h"

/*
 * Build a snapshot of all that conf maps.
 *
 * gopher_ports: what menus name, one for each of conf->gophers.  Every file
 * is opened beneath its capsule's root, never through a link that leaves it,
 * and never blocks.
 * Adds to ps what is wrong with host names and access lists, and if large
 * files, which stay open, have taken the last descriptors.  Content refuses
 * nothing: what cannot be served is left out, and told in notes with the line
 * of the map that asked for it, as is what is legal and unwise.
 * Returns the snapshot, to be freed with snapshot_free, or NULL if there were
 * problems.
 */
struct snapshot *loader_load(const struct conf *conf, const int *gopher_ports,
    struct problems *ps, struct problems *notes);

/*
 * The same without content: hosts and access lists are read, and what the map
 * names is looked at.  Nothing can be served from the snapshot.
 */
struct snapshot *loader_inspect(const struct conf *conf, struct problems *ps,
    struct problems *notes);

/*
 * The second half of it, for a snapshot_configure of conf: look at what the map
 * names, with the rights of this process, never reading it, in a time that does
 * not grow with what lies in folders.
 */
void loader_look(const struct conf *conf, struct snapshot *configured,
    struct problems *notes);

/* The root of a capsule, freed by the caller; NULL with errno. */
struct beneath *loader_open_root(const struct conf_capsule *capsule);

#endif
