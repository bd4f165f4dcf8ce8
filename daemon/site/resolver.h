/* resolver.h - the lines of a map, and the files that a page is made from. */
#ifndef RESOLVER_H
#define RESOLVER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/view.h"
#include "site/access.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/folders.h"
#include "site/pages.h"

/* A line of the map that names a page, and the page as it is now. */
struct named {
	const struct conf_pair *pair;
	struct page page;
	bool is_fresh;
};

struct link_rule;

/* Its members are for the modules resolve and resolve_*. */
struct resolver {
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	const struct access *access;
	struct arena *arena;      /* as long as this */
	struct arena *fresh;      /* until the next resolver_forget */
	struct arena *scratch;    /* until the next call */
	struct hash *by_selector; /* -> struct named */
	struct hash *covers;      /* as in struct pages */
	struct named *named;
	size_t n_named;
	const struct conf_pair **mapped; /* lines that name folders */
	size_t n_mapped;
	struct folders *folders;
	struct hash_seed seed;
	struct link_rule *links; /* sorted by file */
	size_t n_links, cap_links;
};

/* What is called name in a folder. */
struct file_name {
	struct view path, file; /* as it is opened; its one name */
};

/*
 * What answers for the selectors of a capsule whose files lie below root.
 *
 * Its memory does not grow with the number of pages: it has the lines of the
 * map, and a few folders as they were when they were last read (folders.h).
 * access: its rules, or NULL.  All is borrowed; the caller frees it with
 * resolver_free.
 */
struct resolver *resolver_new(const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    const struct access *access);
void resolver_free(struct resolver *r);

/* Look at everything anew from now on. */
void resolver_forget(struct resolver *r);

/* The page of a line of the map, looked at once until all is forgotten. */
struct page *resolver_find_named(struct resolver *r, struct named *named);

/* Set *page to an empty page of that kind; line: where the map has it. */
void resolver_start_page(struct page *page, struct view selector,
    enum page_kind kind, int line);

/*
 * Say what the page is made from: x.gmi, x.gophermap, or both.
 *
 * file: one of them.  place: their folder; NULL if the map names the page.
 * What page then points to comes from a.
 */
void resolver_set_files(struct resolver *r, struct arena *a, struct page *page,
    struct file_name file, struct folder_place *place);

/* How the file called name in a folder is opened, and its one name. */
struct file_name resolver_name_in_place(struct arena *a,
    const struct folder_place *place, const struct folder_name *name);

/* x and y as one string, from a. */
struct view resolver_join(struct arena *a, struct view x, struct view y);

/* Empty an arena in which visits have left much. */
void resolver_trim_arena(struct arena *a);

#endif
