/* prepare.h - from pages to finished answers: the second pass. */
#ifndef PREPARE_H
#define PREPARE_H

#include <sys/types.h>

#include "base/problem.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/pages.h"
#include "site/snapshot.h"

/* Text and gemtext up to this are rendered, larger text is sent as it is to
 * both protocols: bytes. */
#define LOADER_RENDER_MAX ((off_t)16 << 20)

/* The largest menu that one page may become: bytes. */
#define LOADER_MENU_MAX ((size_t)64 << 20)

/* Bytes of a page's first heading that listings show; ours. */
#define PREPARE_TITLE_MAX 1024

/*
 * Read and render every page of a capsule and fill site->entries, with all
 * memory from s, and the site's notices.
 *
 * site has its hosts; s->hosts knows them.  gopher_port: what menus name.
 * What cannot be read or rendered is left out, with a note: it has no entry,
 * or, if that is so for one protocol alone, an answer that says it is not
 * there.  root may be NULL if there are no pages.
 */
void prepare_site(struct snapshot *s, struct site *site,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct beneath *root, struct pages *pages, struct problems *notes);

#endif
