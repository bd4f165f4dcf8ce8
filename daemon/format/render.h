/* render.h - from one source to both protocols: the renderings. */
#ifndef RENDER_H
#define RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/view.h"
#include "format/utf8.h"

#define RENDER_COLUMNS_MIN 20  /* display columns */
#define RENDER_COLUMNS_MAX 998 /* display columns */

/* What a rendering needs to know about its surroundings; all borrowed. */
struct render {
	struct view selector; /* of the page itself: links start here */
	struct view host;     /* written into menus */
	int port;             /* Gopher's port, written into menus */
	int columns;          /* display columns that text is wrapped at */
	enum utf8_charset charset;
	bool lastline; /* text items dot-stuffed and ended by "." */

	/*
	 * What a local selector is to Gopher: an item type, or 0 when the map
	 * does not know it.
	 */
	char (*item_of)(void *arg, struct view selector);
	/* True if gemini://host leads back to this capsule. */
	bool (*is_ours)(void *arg, struct view host);
	void *arg;
};

/* One line of a generated folder index. */
struct render_entry {
	struct view name;     /* of the file, a folder's ends with "/" */
	struct view title;    /* shown; empty: the name */
	struct view selector; /* where it leads */
	char item;            /* its Gopher type */
	off_t size;           /* bytes; -1 for a folder */
};

/*
 * Append a whole menu, dot line included, made from gemtext.
 *
 * Text, headings, lists and quotes become info lines wrapped to columns, with
 * hanging indents; preformatted lines stay as they are; each link becomes an
 * item of the type of its target (h with URL: for foreign schemes, host and
 * port taken from gopher:// ones), its text going on in info lines where it
 * is longer than columns.  No link is dropped, no text is cut.
 */
void render_gemtext_menu(struct buf *to, const struct render *r,
    struct view gemtext);

/*
 * Append a whole menu made from a gophermap: fields that were left out filled
 * in, relative selectors resolved, "*" replaced by entries.
 */
void render_gophermap_menu(struct buf *to, const struct render *r,
    struct view map, const struct render_entry *entries, size_t n);

/*
 * Append gemtext made from a gophermap: runs of text in preformatted blocks,
 * so that no text line turns into a link, a heading or a toggle; items as
 * links (local ones by path, foreign ones by gopher://, URL: ones as they
 * are).
 */
void render_gophermap_gemtext(struct buf *to, const struct render *r,
    struct view map, const struct render_entry *entries, size_t n);

/*
 * Append a text file as a Gopher text item: lines ended by CRLF, in the
 * charset; with lastline dot-stuffed and ended by the dot line.
 * Text that is not valid UTF-8 keeps its bytes.
 */
void render_text(struct buf *to, const struct render *r, struct view text);

/* Append a generated index of a folder, as gemtext or as a menu. */
void render_listing_gemtext(struct buf *to, const struct render *r,
    struct view title, const struct render_entry *entries, size_t n);
void render_listing_menu(struct buf *to, const struct render *r,
    struct view title, const struct render_entry *entries, size_t n);

#endif
