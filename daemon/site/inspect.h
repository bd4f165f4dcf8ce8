/* inspect.h - look at what a map names, without reading any of it. */
#ifndef INSPECT_H
#define INSPECT_H

#include "base/problem.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/snapshot.h"

/*
 * Add to notes what can be told of a capsule's map by opening what it names and
 * by stat(2), with the rights of this process.  The capsule's site has its
 * hosts and its access: files and folders that are not there, redirects and
 * lines of [access] that meet nothing, files that are protected elsewhere.
 */
void inspect_map(const struct snapshot *s, const struct site *site,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct beneath *root, struct problems *notes);

#endif
