/*
 * loader.c - from the configuration to a snapshot, or to what is wrong.
 *
 * Floor site.  For each capsule: collect its pages, follow its redirects,
 * prepare its answers.  Only the configuration can be wrong: trouble of a file
 * is told, and the rest is served.  All that is needed only on the way lives in
 * an arena that is dropped at the end.
 */
#include "site/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/gemini.h"
#include "format/uri.h"
#include "site/configure.h"
#include "site/inspect.h"
#include "site/pages.h"
#include "site/prepare.h"
#include "site/protect.h"
#include "site/protect_walk.h"
#include "site/redirect.h"
#include "site/trouble.h"

/* Descriptors that have to be free when all is loaded: who reads a folder or a
 * file needs a few, so that fewer are left wherever one could not be had. */
#define DESCRIPTORS_LEFT_MIN 16

/* -- redirects -- */

/*
 * A redirect into a folder should meet a file there; circles and targets that
 * the map does not know were found with the configuration.
 */
static void
check_redirects(const struct snapshot *s, const struct site *site,
    const struct conf *conf, const struct pages *pages, struct problems *notes)
{
	char room[GEMINI_META_MAX];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };
	const struct page *page, *to;

	for (page = pages->first; page != NULL; page = page->next) {
		buf_reset(&selector);
		if (page->kind != PAGE_REDIRECT ||
		    !redirect_lead(s, site, page, &selector))
			continue;
		to = pages_find(pages, buf_view(&selector));
		if (to == NULL && pages_has_app(pages, buf_view(&selector)))
			continue;
		if (to == NULL || to->kind == PAGE_CAPS_TXT)
			redirect_tell(conf, page, notes);
	}
}

/* -- all of it -- */

/* What all capsules of a load share. */
struct load {
	struct snapshot *s;
	const struct conf *conf;
	struct problems *ps, *notes;
};

struct beneath *
loader_open_root(const struct conf_capsule *capsule)
{
	struct beneath *root = beneath_new(capsule->root.p);

	if (root != NULL && !capsule->symlinks)
		beneath_refuse_links(root);
	return root;
}

/* The pages below root; without one, none. */
static void
collect_pages(const struct load *l, const struct site *site,
    const struct conf_capsule *capsule, struct beneath *root,
    struct pages *pages)
{
	if (root == NULL) {
		trouble_tell_root(l->conf, capsule, l->notes);
		return;
	}
	pages_collect(pages, l->conf, capsule, root, l->notes);
	protect_pages(pages, site->access);
	check_redirects(l->s, site, l->conf, pages, l->notes);
	l->s->n_warnings += pages->n_skipped;
}

static void
fill_site(const struct load *l, size_t capsule, struct beneath *root)
{
	const struct conf_capsule *from = &l->conf->capsules[capsule];
	struct site *site = &l->s->sites[capsule];
	struct arena *work = arena_new();
	struct pages pages;

	pages_init(&pages, work);
	collect_pages(l, site, from, root, &pages);
	prepare_site(l->s, site, l->conf, from, root, &pages, l->notes);
	arena_free(work);
}

/* The snapshot, or NULL if there are more problems than there were. */
static struct snapshot *
finish_site(const struct load *l, size_t before)
{
	if (problems_count(l->ps) == before)
		return l->s;
	snapshot_free(l->s);
	return NULL;
}

/*
 * Each large file keeps a descriptor.  Where they run out, pages would be left
 * out that have no fault: that is the machine's trouble, and refuses.
 */
static void
check_descriptors(const struct conf *conf, struct problems *ps)
{
	int spare[DESCRIPTORS_LEFT_MIN], n = 0;

	while (n < DESCRIPTORS_LEFT_MIN &&
	    (spare[n] = open("/", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	if (n < DESCRIPTORS_LEFT_MIN)
		problems_add(ps, conf->path, 0,
		    "the large files leave no descriptor for anything else: "
		    "%s; raise the limit of open files (ulimit -n, "
		    "LimitNOFILE=)",
		    strerror(errno));
	while (n > 0)
		(void)close(spare[--n]);
}

struct snapshot *
loader_load(const struct conf *conf, const int *gopher_ports,
    struct problems *ps, struct problems *notes)
{
	size_t i, before = problems_count(ps), noted = problems_count(notes);
	struct load l = { snapshot_configure(conf, gopher_ports, ps), conf, ps,
		notes };
	struct beneath **roots = xcalloc(conf->n_capsules, sizeof(*roots));

	for (i = 0; i < conf->n_capsules; i++) {
		roots[i] = loader_open_root(&conf->capsules[i]);
		fill_site(&l, i, roots[i]);
	}
	protect_walk(conf, l.s, roots, notes);
	for (i = 0; i < conf->n_capsules; i++)
		beneath_free(roots[i]);
	xfree(roots);
	l.s->n_warnings += problems_count(notes) - noted;
	check_descriptors(conf, ps);
	return finish_site(&l, before);
}

void
loader_look(const struct conf *conf, struct snapshot *configured,
    struct problems *notes)
{
	struct beneath *root;
	size_t i;

	for (i = 0; i < conf->n_capsules; i++) {
		root = loader_open_root(&conf->capsules[i]);
		if (root == NULL)
			trouble_tell_root(conf, &conf->capsules[i], notes);
		else
			inspect_map(configured, &configured->sites[i], conf,
			    &conf->capsules[i], root, notes);
		beneath_free(root);
	}
}

struct snapshot *
loader_inspect(const struct conf *conf, struct problems *ps,
    struct problems *notes)
{
	size_t before = problems_count(ps);
	struct load l = { snapshot_configure(conf, NULL, ps), conf, ps, notes };

	loader_look(conf, l.s, notes);
	return finish_site(&l, before);
}
