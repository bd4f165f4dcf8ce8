/* gophermap.h - gophermap lines as events (the dialect of gophernicus). */
#ifndef GOPHERMAP_H
#define GOPHERMAP_H

#include <stdbool.h>

#include "base/view.h"

enum gophermap_kind {
	GOPHERMAP_INFO, /* a line without TAB, or an i item */
	GOPHERMAP_ITEM,
	GOPHERMAP_TITLE,   /* !title */
	GOPHERMAP_COMMENT, /* #comment; shown to nobody */
	GOPHERMAP_LISTING, /* *: what else the folder holds; ends the map */
	GOPHERMAP_END      /* a lone . : what follows is not shown */
};

struct gophermap_line {
	enum gophermap_kind kind;
	char type;            /* of an item */
	struct view text;     /* the name, the title or the text */
	struct view selector; /* as written; empty: the name stands for it, but
			       * with a host that host's root is meant */
	struct view host;     /* empty: this server */
	int port;             /* 0: left out */
	bool has_selector;    /* the field is there, though it may be empty */
	int number;           /* of the line in the file, from 1 */
};

/* A place in a map; start with { document, 0, false }. */
struct gophermap {
	struct view rest;
	int number;
	bool ended;
};

/*
 * Read the next line; false after the last one, or after END or LISTING.
 *
 * Views borrow from the document.  A port that is not one makes the line an
 * info line: a link that leads nowhere helps nobody.  So does a type that is
 * not a printable ASCII character.  A byte order mark is skipped.
 */
bool gophermap_next(struct gophermap *at, struct gophermap_line *line);

#endif
