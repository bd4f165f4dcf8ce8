/* live.h - content as the files are now: rendered when it is asked for. */
#ifndef LIVE_H
#define LIVE_H

#include "base/problem.h"
#include "site/beneath.h"
#include "site/build.h"
#include "site/conf.h"
#include "site/pages.h"
#include "site/sink.h"
#include "site/snapshot.h"

/* What is kept of pages that were rendered, however many there are: bytes. */
#define LIVE_KEPT_MAX ((size_t)16 << 20)

struct live;

/*
 * Have the sites of s, which snapshot_configure made of conf, answer with what
 * the files give.
 *
 * A page is rendered when it is looked for, and forgotten when others need the
 * room: what site_find fills is good until the next look.  Notes get a sentence
 * for each trouble of a file.  All is borrowed; the caller frees it with
 * live_free, before s.
 */
struct live *live_new(struct snapshot *s, const struct conf *conf,
    struct problems *notes);
void live_free(struct live *l);

/* The root of a capsule; NULL: it cannot be opened. */
struct beneath *live_root(const struct live *l, size_t capsule);
struct beneath *const *live_roots(const struct live *l);

/* The builder, for what it can tell of a walk. */
const struct build *live_build(const struct live *l);

/* What a page left in the sink, or NULL: nothing, or it cannot be read.  Good
 * until the next look. */
const struct sink_entry *live_find(struct live *l, size_t capsule,
    struct view selector);

/* A key by which a search finds the page, as content_found has it. */
struct search_key live_key(struct live *l, struct view selector);

/*
 * Render all pages, one by one, in the order of the map, and visit each, which
 * is in memory then.  Tells all that is to be told of files.  Pages may be
 * looked for meanwhile.
 */
void live_walk(struct live *l,
    void (*visit)(void *arg, size_t capsule, struct page *page), void *arg);

#endif
