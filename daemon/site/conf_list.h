/* conf_list.h - lists of hosts and addresses; for the files of conf alone. */
#ifndef CONF_LIST_H
#define CONF_LIST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/view.h"
#include "site/conf_types.h"

#define CONF_LISTEN_MAX 16 /* addresses in one list; ours */

/*
 * Read a list of host names and addresses, normalised (uri_normalise_host).
 * Returns 0; or -1 and *to as it was, with a sentence appended to why unless
 * the list is empty.  The list belongs to arena.
 */
int conf_hosts_set(struct conf_list *to, struct arena *arena, struct view text,
    struct buf *why);

/* Read a list of addresses to listen on, or "off"; otherwise the same. */
int conf_listens_set(struct conf_listens *to, struct arena *arena,
    struct view text, struct buf *why);

/* Read a list of addresses, networks and "unix", or "no"; else the same. */
int conf_networks_set(struct conf_networks *to, struct arena *arena,
    struct view text, struct buf *why);

/* Append a list so that it reads back. */
void conf_hosts_put(const struct conf_list *list, struct buf *to);
void conf_listens_put(const struct conf_listens *ls, struct buf *to);
void conf_networks_put(const struct conf_networks *nets, struct buf *to);

/* v without the brackets of an IPv6 literal, if it has both. */
struct view conf_unbracket(struct view v);

/* True if an address and port of one list, not port 0, is in the other. */
bool conf_listens_meet(const struct conf_listens *a,
    const struct conf_listens *b);

#endif
