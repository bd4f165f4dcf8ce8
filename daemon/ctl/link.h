/* link.h - where a link of a page leads, seen from inside the capsule. */
#ifndef LINK_H
#define LINK_H

#include "base/buf.h"
#include "base/view.h"
#include "format/gophermap.h"
#include "site/snapshot.h"

enum link_state {
	LINK_BAD,   /* no URI reference at all */
	LINK_AWAY,  /* to somebody else's pages: not looked at */
	LINK_ABOVE, /* by ".." to above the root */
	LINK_DEAD,  /* to nothing */
	LINK_GONE,  /* to what was withdrawn */
	LINK_MOVED, /* to a redirect */
	LINK_FINE
};

/* What is known of one link; views live until the next look. */
struct link {
	enum link_state state;
	struct view target;      /* a selector of ours; or a URI, if away */
	struct view moved;       /* of a redirect: where to, as it says */
	const struct site *site; /* whose selector it is; NULL if away */
	bool is_there;           /* something, which entry is */
	struct entry entry;
};

/* What looking takes; start with link_init, end with link_fini. */
struct links {
	const struct snapshot *snapshot; /* borrowed */
	const struct site *site;         /* where the page is; borrowed */
	struct view selector;            /* the page's own */
	int gopher_port;
	struct buf text[3];
};

void link_init(struct links *l, const struct snapshot *s,
    const struct site *site, int gopher_port);
void link_fini(struct links *l);

/*
 * Look where a target in gemtext leads, as a Gemini client resolves it
 * (RFC 3986 5.2) and capsuled looks it up.  A gopher:// address of the
 * capsule itself is looked up as well.
 */
struct link link_of_uri(struct links *l, struct view target);

/*
 * Look where an item of a gophermap leads, completed as capsuled completes
 * it: what is left out is filled in, a relative selector starts at the page's
 * folder.
 */
struct link link_of_item(struct links *l, const struct gophermap_line *line);

#endif
