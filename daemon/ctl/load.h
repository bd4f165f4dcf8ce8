/* load.h - a configuration, and what it serves, as the daemon has it. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/problem.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/live.h"
#include "site/snapshot.h"

/* One capsule, from both sides: the files, and what is served. */
struct capsule {
	const struct conf_capsule *conf;
	const struct conf_gopher *gopher;
	const struct site *site;
	struct beneath *root; /* NULL, and no pages: it cannot be opened */
	struct view folder; /* of the files, as people know it: see load_name */
};

struct loaded {
	struct arena *arena; /* owns what is not named below */
	struct conf *conf;
	struct snapshot *snapshot;
	struct live *live;        /* its content */
	struct capsule *capsules; /* as many as the configuration has */
	size_t n_capsules;
};

/*
 * Read the configuration at path; pages are rendered when they are looked for.
 *
 * Fills *to, which the caller frees with load_free whatever came of it.
 * Returns 0, or -1 with problems added to ps: those that keep capsuled from
 * starting, in its own words.  What it warns of, and leaves out, goes to notes
 * when all pages are walked.
 */
int load_all(struct loaded *to, const char *path, struct problems *ps,
    struct problems *notes);
void load_free(struct loaded *l);

/* The port that the menus of a capsule name. */
int load_gopher_port(const struct conf_gopher *gopher);

/* The name of a file of the capsule, to be shown, in to, which is reset. */
struct view load_name(const struct capsule *c, struct view path,
    struct buf *to);

/*
 * Append a file of the capsule; -1, and *why as beneath_open says it, if it
 * cannot be read or has more than max bytes.
 */
int load_read(const struct capsule *c, struct view path, size_t max,
    struct buf *to, const char **why);

#endif
