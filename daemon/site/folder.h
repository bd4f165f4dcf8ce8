/* folder.h - what a folder below a root holds. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "site/beneath.h"

enum folder_kind {
	FOLDER_FILE,
	FOLDER_FOLDER,
	FOLDER_PROGRAM, /* a file that is not to be served; set by others */
	FOLDER_OTHER    /* not to be served: why says what it is */
};

struct folder_name {
	struct view name; /* a C string as well */
	enum folder_kind kind;
	const char *why;
	/* Of what is no plain file or folder: beneath_put_name's. */
	struct view real;
	/* Set by others: the bytes of a gophermap, or p is NULL. */
	struct view text;
};

struct folder {
	struct folder_name *names; /* sorted by their bytes */
	size_t n;
	struct view real; /* beneath_put_name's */
	dev_t dev;        /* with ino: which folder this is */
	ino_t ino;
};

/*
 * True for the name of what a program has left beside a file, or is about to
 * rename to it: "x~", "x.swp", "#x#" of editors, "sedXXXXXX" of sed -i.
 */
bool folder_is_temporary(struct view name);

/* True for such names and those that start with a dot, but for ".well-known":
 * nobody serves them from a folder. */
bool folder_hides(struct view name);

/*
 * List the folder at path, without names that folder_hides.
 *
 * Fills *to from a.  Errors: -1, and *why as beneath_open says it.
 */
int folder_read(struct beneath *b, struct view path, struct arena *a,
    struct folder *to, const char **why);

/* The name in *f, or NULL. */
const struct folder_name *folder_find(const struct folder *f, struct view name);

/* The number of names that stand before name, there or not. */
size_t folder_seek(const struct folder *f, struct view name);

#endif
