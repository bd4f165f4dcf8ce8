/* atom.h - a page's dated links as a feed (RFC 4287). */
#ifndef ATOM_H
#define ATOM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"
#include "format/uri.h"

#define MIME_ATOM "application/atom+xml"

#define ATOM_ENTRIES_MAX 1000 /* of a feed; the oldest are left out */

/* What a feed says of itself; all borrowed. */
struct atom {
	struct view host;     /* of the capsule, as URIs have it */
	struct view selector; /* of the feed */
	struct view page;     /* of the page it is made from; empty: it has
			       * none, and links start at the feed */
	struct view language; /* tags with commas between, or empty */
	struct view author;   /* empty: the host stands for it */
	struct view mail;     /* of the author; left out unless it is one */
	/* May readers of the feed know of this address?  NULL: of all. */
	bool (*may_tell)(void *arg, const struct uri *address);
	void *arg;
};

/*
 * True if a link's label begins with a day of the calendar, YYYY-MM-DD, and no
 * further digit: only such links are entries.
 */
bool atom_is_dated(struct view label);

/*
 * Append a feed made from gemtext, newest entry first.
 *
 * An entry is a link whose label begins with a date, YYYY-MM-DD, that the
 * calendar has; what follows the date is its title.  The first heading is the
 * feed's title and one of level 2 right after it the subtitle.  Every address
 * is absolute.  Of links with one date and one address the first counts.
 * Links that may_tell refuses are left out.
 * Returns how many entries there are; with none, nothing is written, because
 * such a feed has no date of its own.
 * For loading only: memory comes from arena.h.
 * Source: RFC 4287; "Subscribing to Gemini pages" of the Gemini protocol's
 * companion documents.
 */
size_t atom_write(struct buf *to, const struct atom *a, struct view gemtext);

/*
 * Append the same entries as gemtext, for a menu: title, subtitle and a link
 * each, its date in front.  Links are as in the page.  Returns as atom_write.
 */
size_t atom_gemtext(struct buf *to, const struct atom *a, struct view gemtext);

#endif
