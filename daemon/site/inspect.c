/*
 * inspect.c - the map against the files, none of which is read.
 *
 * Floor site.  It takes as long as the map has lines, however many files there
 * are; what only reading them can tell is told by the loader.
 */
#include "site/inspect.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "format/gemini.h"
#include "format/mime.h"
#include "site/map.h"
#include "site/pages.h"
#include "site/protect.h"
#include "site/redirect.h"
#include "site/target.h"
#include "site/trouble.h"

/* What the helpers below share. */
struct inspect {
	const struct snapshot *s;
	const struct site *site;
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	struct pages pages;
	struct trouble trouble;
};

/* -- files and folders -- */

static void
inspect_file(struct inspect *in, const struct page *page)
{
	const char *why;
	struct stat st;
	int fd = beneath_open(in->root, page->path, S_IFREG, &st, &why);

	if (fd >= 0)
		(void)close(fd);
	else
		trouble_tell_file(&in->trouble, page->line, page->selector,
		    page->path, why);
}

/* What a line of the map leads to if it is a folder. */
static void
inspect_folder(struct inspect *in, const struct conf_pair *pair)
{
	const char *why;
	struct stat st;
	int fd;

	if (hash_find(in->pages.covers, pair->key) != pair ||
	    target_is(pair->value))
		return;
	fd = beneath_open(in->root, pair->value, S_IFDIR, &st, &why);
	if (fd >= 0)
		(void)close(fd);
	else
		trouble_tell_folder(&in->trouble, pair->line, pair->key,
		    pair->value, why);
}

/* -- what leads into a folder -- */

/* Append where a selector without a page of its own would lie; false if that
 * is in no folder of the map. */
static bool
put_place(const struct inspect *in, struct view selector, struct buf *path)
{
	const struct conf_pair *pair = pages_cover(&in->pages, selector);

	if (pair == NULL || target_is(pair->value))
		return false;
	buf_put(path, pair->value);
	buf_put(path, view_skip(selector, pair->key.len));
	return !path->failed;
}

/* True if something is there for a selector, as far as stat can tell: a file
 * or folder, or what want says. */
static bool
is_path_there(struct inspect *in, struct view selector, mode_t want)
{
	char room[BENEATH_PATH_MAX];
	struct buf path = { room, 0, sizeof(room), sizeof(room), false };
	const char *why;
	struct stat st;

	if (pages_find(&in->pages, selector) != NULL ||
	    pages_has_app(&in->pages, selector))
		return true;
	return put_place(in, selector, &path) &&
	    beneath_stat(in->root, buf_view(&path), &st, &why) == 0 &&
	    (want == 0 || (st.st_mode & S_IFMT) == want);
}

static void
inspect_redirect(struct inspect *in, const struct page *page)
{
	char room[GEMINI_META_MAX];
	struct buf to = { room, 0, sizeof(room), sizeof(room), false };

	if (redirect_lead(in->s, in->site, page, &to) &&
	    !is_path_there(in, buf_view(&to), 0))
		redirect_tell(in->conf, page, in->trouble.notes);
}

/* -- access -- */

/* True if a line of the map begins as the pattern of rule. */
static bool
meets_line(const struct inspect *in, const struct access_rule *rule)
{
	const struct conf_pairs *map = &in->capsule->selectors;
	size_t i = 0;

	while (i < map->n && !access_fits(rule, map->v[i].key))
		i++;
	return i < map->n;
}

/* The part of a pattern that has to be there: all of it, or its folder. */
static struct view
fixed_part(const struct access_rule *rule)
{
	struct view part = rule->pattern;

	while (rule->is_prefix && !view_has_suffix(part, VIEW("/")))
		part.len--;
	return part;
}

/* What of part is missing first: a folder that it lies in, or itself. */
static struct view
first_missing(struct inspect *in, struct view part)
{
	struct view folder = pages_folder(part);

	while (folder.len > 1 && !is_path_there(in, folder, S_IFDIR)) {
		part = folder;
		folder = pages_folder(part);
	}
	return part;
}

/* Append the selector that part may have meant, if there is one. */
static void
put_nearest_path(struct inspect *in, struct view part, struct buf *to)
{
	char room[BENEATH_PATH_MAX];
	struct buf path = { room, 0, sizeof(room), sizeof(room), false };
	const char *near = NULL, *why;
	struct stat st;

	if (put_place(in, part, &path))
		near = trouble_nearest(&in->trouble, buf_view(&path));
	if (near == NULL)
		return;
	buf_puts(to, "; nearest: ");
	buf_put(to, pages_folder(part));
	buf_puts(to, near);
	path.len -= pages_name(buf_view(&path)).len;
	buf_puts(&path, near);
	if (!path.failed &&
	    beneath_stat(in->root, buf_view(&path), &st, &why) == 0 &&
	    S_ISDIR(st.st_mode))
		buf_putc(to, '/');
}

static void
inspect_rule(struct inspect *in, const struct access_rule *rule)
{
	char room[BENEATH_PATH_MAX];
	struct buf near = { room, 0, sizeof(room), sizeof(room), false };
	struct view part = fixed_part(rule);
	bool is_folder = view_has_suffix(part, VIEW("/"));

	if (meets_line(in, rule) ||
	    is_path_there(in, part, is_folder ? S_IFDIR : S_IFREG))
		return;
	put_nearest_path(in, first_missing(in, part), &near);
	protect_tell_idle(rule, in->conf, in->capsule, buf_view(&near),
	    in->trouble.notes);
}

/* -- all of it -- */

static void
inspect_page(struct inspect *in, const struct page *page)
{
	if (page->kind == PAGE_FILE || page->kind == PAGE_ATOM)
		inspect_file(in, page);
	else if (page->kind == PAGE_REDIRECT)
		inspect_redirect(in, page);
}

void
inspect_map(const struct snapshot *s, const struct site *site,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct beneath *root, struct problems *notes)
{
	struct arena *work = arena_new();
	struct inspect in = { .s = s,
		.site = site,
		.conf = conf,
		.capsule = capsule,
		.root = root,
		.trouble = { conf, capsule, root, work, notes, 0, NULL } };
	const struct page *page;
	size_t i;

	pages_init(&in.pages, work);
	pages_collect_named(&in.pages, conf, capsule, root);
	for (page = in.pages.first; page != NULL; page = page->next)
		inspect_page(&in, page);
	for (i = 0; i < capsule->selectors.n; i++)
		inspect_folder(&in, &capsule->selectors.v[i]);
	for (i = 0; site->access != NULL && i < site->access->n; i++)
		inspect_rule(&in, &site->access->rules[i]);
	protect_check_named(&in.pages, site->access, conf, capsule, notes);
	arena_free(work);
}
