/* folders.h - the folders that a capsule's map leads into, as they are now. */
#ifndef FOLDERS_H
#define FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "base/view.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/folder.h"

#define FOLDERS_DEPTH_MAX 32 /* folders within folders */

/* What is kept in memory: folders, and the names in all of them. */
#define FOLDERS_KEPT_MAX  256
#define FOLDERS_NAMES_MAX ((size_t)1 << 16)

/* Why nothing in a folder has a selector. */
enum folders_fault {
	FOLDERS_FINE,
	FOLDERS_UNREADABLE, /* why says what it is */
	FOLDERS_CIRCLE,     /* a link led back to a folder that holds it */
	FOLDERS_DEEP        /* it lies more than FOLDERS_DEPTH_MAX deep */
};

/* A folder where a line of the map, and names below it, lead to. */
struct folder_place {
	struct view selector, path; /* both end with "/" */
	struct folder f;            /* kinds of files: see folders_kind */
	enum folders_fault fault;
	const char *why;
	int depth;   /* 1: the line names the folder itself */
	int line;    /* of the map */
	bool linked; /* a link led here from the folder above, or there */

	/* The cache's own. */
	struct folder_place *next, *newer, *older;
	struct arena *arena;
	unsigned holds;
	struct folder_id *ids; /* of this folder and those it was found in */
	bool *is_looked;       /* for each name: its kind is settled */
};

struct folders;

/*
 * An empty cache for a capsule whose files lie below root.
 *
 * covers: selector of each line of the map that has all below it -> its
 * struct conf_pair.  All is borrowed; the caller frees it with folders_free.
 */
struct folders *folders_new(const struct conf_capsule *capsule,
    struct beneath *root, const struct hash *covers);
void folders_free(struct folders *all);

/* Read each folder anew from now on.  None may be held. */
void folders_forget(struct folders *all);

/* The longest selector of covers that selector begins with; NULL: none. */
const struct conf_pair *folders_cover(const struct folders *all,
    struct view selector);

/*
 * The folder at selector, which ends with "/" (else there is none); NULL if no
 * line of the map and no name below one leads to a folder there.  One with a
 * fault is returned, nothing below it is.
 *
 * It is gone with the next call, unless it is held.
 */
struct folder_place *folders_find(struct folders *all, struct view selector);

/* Keep a folder until it is released, as often as it was held. */
void folders_hold(struct folder_place *place);
void folders_release(struct folder_place *place);

/*
 * What the name is, which is one of place->f: FOLDER_PROGRAM for a file that
 * is a program, and so nobody's page.  Opens what may be a gophermap.
 */
enum folder_kind folders_kind(struct folders *all, struct folder_place *place,
    const struct folder_name *name);

/* The name in the folder, if it is a file that is served; or NULL. */
const struct folder_name *folders_file(struct folders *all,
    struct folder_place *place, struct view name);

#endif
