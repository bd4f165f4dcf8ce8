/* protect_walk.h - what should be known of [access], over all pages. */
#ifndef PROTECT_WALK_H
#define PROTECT_WALK_H

#include "base/problem.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/snapshot.h"

/*
 * Add to notes what the operator should know of the rules of [access]: each
 * that fits no page, with the nearest name, and each line of a map that shows
 * to everybody what the same or another capsule protects.
 *
 * Walks the capsules that have rules, or that share files with one that has;
 * no page is kept in memory.
 * configured: what snapshot_configure made of conf; roots has a root for each
 * capsule, NULL where it cannot be opened.
 */
void protect_walk(const struct conf *conf, const struct snapshot *configured,
    struct beneath *const *roots, struct problems *notes);

#endif
