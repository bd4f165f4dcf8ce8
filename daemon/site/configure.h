/* configure.h - all of a snapshot that the configuration says by itself. */
#ifndef CONFIGURE_H
#define CONFIGURE_H

#include "base/problem.h"
#include "site/conf.h"
#include "site/snapshot.h"

/*
 * A snapshot whose sites have hosts, access rules, notices and menus, and
 * entries for redirects, what is gone, searches, applications and caps.txt; but
 * no content.
 *
 * gopher_ports: what menus name, one for each of conf->gophers; NULL if nothing
 * will be served.  Opens the lists of [access], and no file below a root.
 * What is wrong goes to ps.  The caller frees it with snapshot_free.
 */
struct snapshot *snapshot_configure(const struct conf *conf,
    const int *gopher_ports, struct problems *ps);

#endif
