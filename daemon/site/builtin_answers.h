/* builtin_answers.h - what a capsule says in Gopher when no page is meant. */
#ifndef BUILTIN_ANSWERS_H
#define BUILTIN_ANSWERS_H

#include "base/buf.h"
#include "format/render.h"
#include "site/conf.h"
#include "site/snapshot.h"

/*
 * Prepare site's not_found, bad_request, slow_down, forbidden, damaged, http
 * and plus in arena.
 *
 * r names the host and port of menus; site has its hosts, title and admin.
 */
void builtin_answers_prepare(struct arena *arena, struct site *site,
    const struct render *r);

/* Append caps.txt, which tells clients what this server can do. */
void builtin_answers_caps(struct buf *to, const struct conf_gopher *gopher,
    const struct site *site, const struct render *r);

#endif
