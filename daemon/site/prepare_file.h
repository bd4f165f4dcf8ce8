/* prepare_file.h - files into answers; for the files of prepare alone. */
#ifndef PREPARE_FILE_H
#define PREPARE_FILE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "format/render.h"
#include "site/prepare.h"
#include "site/trouble.h"

struct prepare;

/* How a rendering learns of other pages, and where what it leaves goes. */
struct prepare_asks {
	/* The item type of what is at selector; 0: nothing. */
	char (*item_of)(struct prepare *c, struct view selector);
	/*
	 * What lies in the folder of page, but page and what is for others
	 * than its readers, by name; the caller frees it with xfree.
	 */
	struct render_entry *(
	    *list)(struct prepare *c, const struct page *page, size_t *n);
	/* The rule of what is at selector, there or not, or of the folder that
	 * it is the name of but for its last "/"; or NULL. */
	const struct access_rule *(
	    *rule_of)(struct prepare *c, struct view selector);
	/* The selector of the page that shows a file, by its one name: one that
	 * no link led to before others; empty if there is none. */
	struct view (*selector_of)(struct prepare *c, struct view file);
	/* Own the descriptor of a file that an answer goes on with. */
	void (*keep_file)(struct prepare *c, int fd);
};

/* What all steps of one capsule's preparation share. */
struct prepare {
	struct snapshot *s;
	struct site *site;
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	struct pages *pages;
	struct trouble trouble;
	struct render r;    /* its selector is that of the page at hand */
	struct buf in, out; /* scratch, used again for every page */
	const struct prepare_asks *asks;
	struct arena *keep; /* of answers */
	struct arena *work; /* of what is needed on the way */
	void *arg;          /* of who asks: its own */
};

/* Start: set what does not depend on a page.  All else is set already. */
void prepare_begin(struct prepare *c);
void prepare_end(struct prepare *c);

/*
 * Fill page->entry, in turns: 0 gives what a page's own files give (and its
 * title and size), 1 what needs those of others, 2 what is another name for a
 * page.  c->r.selector is page's.
 */
#define PREPARE_TURNS 3
void prepare_page(struct prepare *c, struct page *page, int turn);

/* True for what is not answered by the configuration alone. */
bool page_is_from_files(const struct page *page);

/* True if nothing could be read of a page: no listing shows it. */
bool prepare_is_lost(const struct page *page);

/* True if a page has a gophermap, which may list what lies in its folder. */
bool page_has_map(const struct page *page);

/* Sort struct render_entry by name. */
int prepare_by_name(const void *a, const void *b);

/* An answer that says that there is nothing, for each protocol without one. */
void prepare_fill_gap(const struct site *site, struct entry *entry);

/* Open a page's file; -1, and a note added, if that cannot be. */
int prepare_open(struct prepare *c, const struct page *page, struct view path,
    struct stat *st);

/* Append a file of size bytes to c->in; -1, and a note, on an error or
 * for a page over LOADER_RENDER_MAX. */
int prepare_read(struct prepare *c, const struct page *page, struct view path,
    int fd, off_t size);

/* Start c->in anew with the header of a success of this type. */
void prepare_header(struct prepare *c, const struct page *page,
    struct view type);

/* An answer of what is in b, which is then empty; status 0, which is none,
 * and a note if b failed. */
struct answer prepare_keep(struct prepare *c, const struct page *page,
    int status, struct buf *b);

/* Both answers of a page that is a file, but what a gophermap gives; what
 * cannot be had keeps status 0. */
void prepare_file(struct prepare *c, struct page *page);

#endif
