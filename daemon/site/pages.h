/* pages.h - all that a capsule's map names, before anything is read. */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/problem.h"
#include "format/mime.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/program.h"
#include "site/snapshot.h"

#define PAGES_MAX       ((size_t)1 << 20) /* selectors of one capsule */
#define PAGES_DEPTH_MAX 32                /* folders within folders */

#define PAGES_CAPS "/caps.txt" /* asked for by Gopher clients */

enum page_kind {
	PAGE_FILE,     /* path and perhaps map */
	PAGE_LISTING,  /* a folder without an index */
	PAGE_REDIRECT, /* target; temporary or not */
	PAGE_GONE,
	PAGE_SEARCH,
	PAGE_ATOM,  /* path is the gemtext that it is made from */
	PAGE_APP,   /* an application server answers; target says which */
	PAGE_SAME,  /* another name for the page same */
	PAGE_SLASH, /* a folder's name without "/"; same is the folder */
	PAGE_CAPS_TXT
};

/* A selector and what is to become of it. */
struct page {
	struct page *next; /* in the order they were found */
	struct page *same;
	enum page_kind kind;
	struct view selector;
	struct view path; /* of the file, from the root */
	struct view map;  /* the gophermap beside it, for Gopher; or empty */
	struct view text; /* of its gophermap if it was read; or p is NULL */
	/* Which files these are, however the paths are written and whatever
	 * links they follow: beneath_put_name's.  Of a listing: which folder.
	 */
	struct view file, map_file;
	struct view target; /* of a redirect, as written; or all of the line
			     * that names an application */
	struct mime mime;
	int line;    /* of the map that asked for it */
	bool walked; /* found in a folder, not named itself */
	bool linked; /* and by a link, away from where a file of it lies */
	bool hidden; /* not to be listed */
	bool temporary;

	/* Filled by protect_pages; NULL: anybody may read it. */
	const struct access_rule *rule;
	bool borrowed; /* the rule is that of another place of its file */

	/* Filled while its file is read. */
	struct view title;
	struct view found_title; /* for searches; empty: none finds it */
	off_t size;
	struct entry *entry;

	struct page *sibling; /* the next page right below the same folder */
};

struct pages {
	struct arena *arena; /* owns every page; borrowed */
	struct hash *by_selector;
	struct hash *families; /* folder's selector -> what lies below it */
	struct hash *covers;   /* selectors of the map that end with "/" and
				* hold all below -> their line of it */
	struct hash *folders;  /* beneath_put_name's -> the selector, a view, of
				* a folder that no link led to */
	struct page *first, *last;
	struct programs programs; /* in folders that are mapped */
	size_t n;
	size_t max;       /* PAGES_MAX; tests lower it */
	size_t n_skipped; /* in folders: logged, and not in the notes */
};

/* An empty list whose memory comes from a. */
void pages_init(struct pages *pages, struct arena *a);

/*
 * Add every selector of the capsule: those its map names, and those of the
 * files in its folders below root.
 *
 * What is wrong or unwise goes to notes, and what merely cannot be served from
 * a folder is skipped, and logged.  With NULL for notes, nothing is told, and
 * no file is opened: a gophermap that is a program is then taken for a page.
 */
void pages_collect(struct pages *pages, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    struct problems *notes);

/*
 * Add the selectors that lines of the map name alone: no folder is read, no
 * file is opened, and nothing is told.
 */
void pages_collect_named(struct pages *pages, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root);

/* The page at selector, or NULL. */
struct page *pages_find(const struct pages *pages, struct view selector);

/*
 * The first page right below a folder's selector, others by ->sibling; NULL
 * if there is none.  What leads elsewhere is left out, as are hidden pages.
 */
struct page *pages_below(const struct pages *pages, struct view folder);

/* The line of the map that answers for what lies at selector or below it,
 * because it has a folder or an application there; or NULL. */
const struct conf_pair *pages_cover(const struct pages *pages,
    struct view selector);

/*
 * True if an application answers for selector, which has no page, because it
 * lies below the application's own.
 */
bool pages_has_app(const struct pages *pages, struct view selector);

/* The folder part of a selector: up to its last "/" but one at its end. */
struct view pages_folder(struct view selector);

/* True if the file is gemtext, or a gophermap. */
bool page_is_gemtext(const struct page *page);
bool page_is_map(const struct page *page);

/* True if a listing of the folder that it lies in shows it. */
bool page_is_listed(const struct page *page);

/*
 * Fill kind, item type, target (all that follows the name) and temporary from
 * a line of the map that names an action; false if it names none that is known.
 */
bool pages_read_action(struct view value, struct page *to);

/* The last component of a selector or path, with the "/" that ends it. */
struct view pages_name(struct view path);

/* A path without its extension, which starts with the last dot of its name. */
struct view pages_stem(struct view path);

#endif
