/* mime.h - from a file name to its media type and its Gopher item type. */
#ifndef MIME_H
#define MIME_H

#include <stdbool.h>

#include "base/view.h"

#define MIME_GEMTEXT   "text/gemini"
#define MIME_GOPHERMAP "application/gophermap" /* ours; never sent */

struct mime {
	struct view type; /* such as "text/gemini"; static memory */
	char item;        /* Gopher item type of such a file */
};

/*
 * The type of a file by the last extension of its name, letters' case apart.
 *
 * Unknown, or no extension: application/octet-stream, item '9'.  "x.tar.gz"
 * is application/gzip: the outer wrapping is what is sent.
 */
struct mime mime_of(struct view name);

/*
 * The Gopher item type that goes with a media type: 0 for text, I for images
 * but g for GIF, s for audio, 1 for gemtext and gophermaps, else 9.
 */
char mime_item(struct view type);

/* True if v reads type "/" subtype with optional ";" parameters (RFC 2045). */
bool mime_is_valid(struct view v);

/* True if links may have this item type: a letter or digit, not i or 3. */
bool mime_is_item(char c);

#endif
