/* prepare_file.h - files into answers; for the files of prepare alone. */
#ifndef PREPARE_FILE_H
#define PREPARE_FILE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "format/render.h"
#include "site/prepare.h"
#include "site/trouble.h"

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
};

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
