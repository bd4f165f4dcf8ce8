/* program.h - a program in a folder of pages: its source is nobody's page. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/problem.h"
#include "base/view.h"
#include "site/beneath.h"
#include "site/conf.h"

#define PROGRAM_START "#!" /* how a script begins that the system can run */

enum program_kind {
	PROGRAM_NONE,
	PROGRAM_NAMED,     /* by its name, or its folder's: not served */
	PROGRAM_MAP,       /* a gophermap that begins as a script: not served */
	PROGRAM_EXECUTABLE /* a gophermap with a right to execute it: served */
};

/* One that was found. */
struct program {
	struct program *next;
	enum program_kind kind;
	struct view selector; /* that it would have, or has */
	struct view path;     /* from the root: beneath_put_name's */
	int line;             /* of the map that led there */
};

/* All of a capsule, in the order they were found. */
struct programs {
	struct program *first, *last;
};

/* True for *.cgi and *.dcgi, and for what lies in a folder called cgi-bin. */
bool program_is_named(struct view path);

/*
 * What the gophermap at path is, by its first bytes and its mode; what cannot
 * be opened is none.
 *
 * Its bytes go to *text, from a, so that nobody has to open it once more.
 * *text stays as it was for a file over LOADER_RENDER_MAX, or that cannot be
 * read as a whole.  If text is NULL, so may be a, and its start alone is read.
 */
enum program_kind program_look(struct beneath *root, struct view path,
    struct arena *a, struct view *text);

/* Keep one, with memory from a; path and selector must live as long. */
void programs_add(struct programs *all, struct arena *a, enum program_kind kind,
    struct view selector, struct view path, int line);

/*
 * Add to notes what the operator should know: a sentence for each line of the
 * map and each kind, however many files there are, and the way to run them.
 * root: the folder's own name, as beneath_root has it.
 */
void programs_tell(const struct programs *all, const struct conf *conf,
    const char *root, struct problems *notes);

#endif
