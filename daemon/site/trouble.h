/* trouble.h - what cannot be served: a sentence each, and nothing is refused.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/problem.h"
#include "base/view.h"
#include "site/beneath.h"
#include "site/conf.h"

/* Names of one capsule for which the nearest one is looked for: each costs
 * the reading of a folder. */
#define TROUBLE_NEAREST_MAX 16

/* Whose sentences they are. */
struct trouble {
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	struct arena *arena; /* for what is read on the way */
	struct problems *notes;
	size_t looked;     /* for nearest names, so far */
	struct hash *told; /* lines and paths; made by the first */
};

/*
 * Tell that the file at path, which selector would lead to, is left out, with
 * the line of the map, the reason and what to do; once, however many selectors
 * of a folder it has.
 *
 * why, and errno: as beneath_open left them.
 */
void trouble_tell_file(struct trouble *t, int line, struct view selector,
    struct view path, const char *why);

/* Likewise of a folder, with all that lies in it. */
void trouble_tell_folder(struct trouble *t, int line, struct view selector,
    struct view path, const char *why);

/* True if nothing was told yet of path for that line of the map. */
bool trouble_is_new(struct trouble *t, int line, struct view path);

/* A name in the folder of path that may have been meant, or NULL. */
const char *trouble_nearest(struct trouble *t, struct view path);

/* Whom what it says speaks of, a user's name; NULL or "": of the user that
 * capsuled runs as. */
void trouble_name_user(const char *name);

/* Tell that a root cannot be opened; errno says why.  If that is a missing
 * right, the folder that lacks it is named, with what to type. */
void trouble_tell_root(const struct conf *conf,
    const struct conf_capsule *capsule, struct problems *notes);

#endif
