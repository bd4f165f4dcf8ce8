/*
 * build_kept.c - what a capsule has while its root is gone, or empty.
 *
 * Floor site.  A disk that is not mounted is no reason to forget what was on
 * it.  What is meant looks the same: an operator has to say so.
 */
#include "site/build_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "site/folder.h"

/* -- is it there? -- */

static enum root_state
read_root(DIR *dir)
{
	const struct dirent *d;

	errno = 0;
	while ((d = readdir(dir)) != NULL)
		if (!folder_hides(view_of(d->d_name)))
			return ROOT_THERE;
	return errno == 0 ? ROOT_EMPTY : ROOT_GONE;
}

/* How a root is that could be opened; errno says why it is gone. */
static enum root_state
look_at_root(const struct beneath *root)
{
	int fd = openat(beneath_fd(root), ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    error;
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	enum root_state state;

	if (dir == NULL) {
		error = errno;
		if (fd != -1)
			(void)close(fd);
		errno = error;
		return ROOT_GONE;
	}
	state = read_root(dir);
	error = errno;
	(void)closedir(dir);
	errno = error;
	return state;
}

/* -- what there is of it -- */

/* What a scan finds of one capsule. */
struct kept_scan {
	size_t capsule;
	struct selectors found;
};

static void
note_kept(void *visitor, size_t capsule, struct view selector,
    const uint64_t *asks, size_t n_asks)
{
	struct kept_scan *scan = visitor;

	(void)asks;
	(void)n_asks;
	if (capsule == scan->capsule)
		selectors_add(&scan->found, capsule, selector);
}

static void
scan_kept(struct build_site *t, struct kept_scan *scan)
{
	struct build *b = t->build;

	scan->capsule = t->capsule;
	selectors_init(&scan->found);
	if (b->sink->scan(b->sink->arg, note_kept, scan) < 0)
		b->has_failed = true;
}

/* True for the selector of a folder: an empty one may have a page, too. */
static bool
is_of_folder(const struct conf_capsule *capsule, struct view selector)
{
	const struct conf_pairs *map = &capsule->selectors;
	size_t i = 0;

	if (!view_has_suffix(selector, VIEW("/")))
		return false;
	while (i < map->n && !view_eq(map->v[i].key, selector))
		i++;
	return i == map->n || view_has_suffix(map->v[i].value, VIEW("/"));
}

/* True if there is an entry that was made of some file. */
static bool
is_made_of_file(const struct build_site *t, struct view selector)
{
	const struct sink *sink = t->build->sink;
	struct sink_entry e;

	return !is_of_folder(t->c.capsule, selector) &&
	    sink->find(sink->arg, t->capsule, selector, NULL, &e) &&
	    !e.is_lost && e.kind != SINK_FOLDER;
}

static bool
have_files(struct build_site *t)
{
	const struct selector_of *one;
	struct kept_scan scan;

	scan_kept(t, &scan);
	one = scan.found.first;
	while (one != NULL && !is_made_of_file(t, one->selector))
		one = one->next;
	selectors_fini(&scan.found);
	return one != NULL;
}

void
build_look_kept(struct build_site *t, int error)
{
	enum root_state before = t->kept, now = ROOT_GONE;

	if (t->root != NULL) {
		now = look_at_root(t->root);
		error = errno;
	}
	t->kept_errno = error;
	t->kept = ROOT_THERE;
	if (now == ROOT_THERE || t->build->accepts)
		return;
	/* What was kept is not lost before somebody says so. */
	if (before != ROOT_THERE || have_files(t))
		t->kept = now;
}

/* -- what may be served of it -- */

/* True if the map of now has it, or what it lies in. */
static bool
is_mapped_still(const struct conf_capsule *capsule, struct view selector)
{
	struct view key;
	size_t i;

	for (i = 0; i < capsule->selectors.n; i++) {
		key = capsule->selectors.v[i].key;
		if (view_eq(key, selector))
			return true;
		if (view_has_suffix(key, VIEW("/")) &&
		    (view_has_prefix(selector, key) ||
			view_eq((struct view){ key.p, key.len - 1 }, selector)))
			return true;
	}
	return false;
}

/* True if who may read it is what its selector says now.  By its files there
 * may be more to it; nobody can look at them. */
static bool
has_rule_still(const struct build_site *t, const struct sink_entry *e)
{
	const struct access *access = t->c.site->access;
	const struct access_rule *rule = access_find(access, e->selector);

	return e->access ==
	    (rule == NULL ? 0 : 1 + (unsigned)(rule - access->rules));
}

static void
drop_kept(struct build_site *t, bool all)
{
	struct sink *sink = t->build->sink;
	const struct selector_of *one;
	struct kept_scan scan;
	struct sink_entry e;

	scan_kept(t, &scan);
	for (one = scan.found.first; one != NULL && !t->build->has_failed;
	     one = one->next) {
		if (!sink->find(sink->arg, t->capsule, one->selector, NULL, &e))
			continue;
		e.selector = one->selector;
		if (!all && is_mapped_still(t->c.capsule, one->selector) &&
		    has_rule_still(t, &e))
			continue;
		if (sink->drop(sink->arg, t->capsule, one->selector) < 0)
			t->build->has_failed = true;
	}
	selectors_fini(&scan.found);
}

void
build_sift_kept(struct build_site *t)
{
	if (!t->is_sifted)
		drop_kept(t, false);
	t->is_sifted = true;
}

void
build_drop_all(struct build_site *t)
{
	drop_kept(t, true);
}

void
build_tell_kept_site(const struct build_site *t, struct problems *to)
{
	const struct conf_capsule *capsule = t->c.capsule;
	bool is_gone = t->kept == ROOT_GONE;

	problems_add(to, t->build->conf->path, capsule->root_line,
	    "the root \"%.*s\" %s%s, as if a disk were not mounted: what the "
	    "capsule served is served on; if it shall go, type \"capsulectl "
	    "reload --accept-empty\"",
	    VIEW_ARG(capsule->root), is_gone ? "cannot be read: " : "is empty",
	    is_gone ? strerror(t->kept_errno) : "");
}
