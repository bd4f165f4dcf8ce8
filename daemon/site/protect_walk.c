/*
 * protect_walk.c - what the rules of [access] do to the pages there are.
 *
 * Floor site.  A walk marks the rules that fit, and counts the files that are
 * shown here and protected there; if there is something to tell, a second one
 * finds the names to tell it with.  What is remembered grows with the lines of
 * the configuration, not with the pages.
 */
#include "site/protect_walk.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "site/protect.h"
#include "site/resolve_rule.h"
#include "site/resolve_walk.h"

/* Lines of [access] of a capsule for which the nearest name is looked for. */
#define NEAREST_TOLD_MAX 16

/* A rule that fits no page yet, and the name that it may have meant. */
struct idle_rule {
	const struct access_rule *rule;
	size_t folder; /* bytes of its pattern that name a folder */
	char nearest[NAME_MAX + 2]; /* in the folder; empty: none */
	char last[NAME_MAX + 2];    /* compared last */
};

/* The rules of a capsule that fit no page yet, in their order. */
struct idle_rules {
	struct idle_rule *v;
	size_t n;
};

/* What all capsules share. */
struct watch {
	const struct conf *conf;
	struct beneath *const *roots;
	struct resolver **resolvers; /* NULL: not looked at */
	bool *meets; /* for each capsule: its root and another's do */
	struct idle_rules *idle;
	struct problems *notes;
	struct arena *arena;
	struct hash *known; /* exposure_key -> struct exposure */
	struct exposure *first, **end;
	size_t capsule; /* that is walked now */
};

/* A line of a map that shows what a rule protects. */
struct exposure {
	struct protect_exposure told;
	size_t kept_by; /* capsule */
	struct view kept_file;
	struct exposure *next;
};

/* What tells one exposure from another. */
struct exposure_key {
	const struct access_rule *rule;
	long line;
};

/* -- rules that protect nothing -- */

/* True for what can be protected. */
static bool
is_protectable(const struct page *page)
{
	return page->kind != PAGE_SLASH && page->kind != PAGE_CAPS_TXT;
}

/* True if a rule fits something, however many pages there are. */
static bool
fits_at_once(struct resolver *r, const struct access_rule *rule)
{
	struct arena *a;
	struct page page;
	bool fits;

	/* The application knows its own. */
	if (resolve_app(r, rule->pattern) != NULL)
		return true;
	if (rule->is_prefix)
		return false;
	a = arena_new();
	fits = resolve_selector(r, rule->pattern, a, &page) &&
	    is_protectable(&page);
	arena_free(a);
	return fits;
}

static void
list_idle_rules(struct watch *w, size_t capsule, const struct access *access)
{
	struct idle_rules *idle = &w->idle[capsule];
	size_t i;

	if (access == NULL)
		return;
	idle->v = xcalloc(access->n + 1, sizeof(*idle->v));
	for (i = 0; i < access->n; i++)
		if (!fits_at_once(w->resolvers[capsule], &access->rules[i]))
			idle->v[idle->n++].rule = &access->rules[i];
}

/* A rule that fits is idle no longer. */
static void
mark_fitting(struct idle_rules *idle, const struct page *page)
{
	size_t i, n = 0;

	if (!is_protectable(page))
		return;
	for (i = 0; i < idle->n; i++)
		if (!idle->v[i].rule->is_prefix ||
		    !access_fits(idle->v[i].rule, page->selector))
			idle->v[n++].rule = idle->v[i].rule;
	idle->n = n;
}

/* The longest folder that both lie in: bytes. */
static size_t
shared_folder(struct view pattern, struct view selector)
{
	size_t i, len = 0;

	for (i = 0; i < pattern.len && i < selector.len &&
	     pattern.p[i] == selector.p[i];
	     i++)
		if (pattern.p[i] == '/' && i + 1 < pattern.len)
			len = i + 1;
	return len;
}

/* Copy the first name in path, with the "/" behind it if there is one; a name
 * without an end to it gives an empty string. */
static void
copy_first_name(char *to, size_t size, struct view path)
{
	const char *slash =
	    path.len == 0 ? NULL : memchr(path.p, '/', path.len);

	if (slash != NULL)
		path.len = (size_t)(slash - path.p) + 1;
	if (path.len >= size)
		path.len = 0;
	memcpy(to, path.p == NULL ? "" : path.p, path.len);
	to[path.len] = '\0';
}

/* See if a page has a name that is nearer to the rule's. */
static void
compare_nearest(struct idle_rule *idle, const struct page *page)
{
	struct view pattern = idle->rule->pattern;
	size_t folder = shared_folder(pattern, page->selector);
	char meant[NAME_MAX + 2], name[NAME_MAX + 2];
	const char *candidates[2] = { idle->nearest, name }, *near;

	if (folder < idle->folder || !is_protectable(page))
		return;
	if (folder > idle->folder)
		idle->nearest[0] = idle->last[0] = '\0';
	idle->folder = folder;
	copy_first_name(name, sizeof(name), view_skip(page->selector, folder));
	if (name[0] == '\0' || strcmp(name, idle->last) == 0)
		return;
	memcpy(idle->last, name, sizeof(name));
	copy_first_name(meant, sizeof(meant), view_skip(pattern, folder));
	near = idle->nearest[0] == '\0'
	    ? problem_nearest(meant, candidates + 1, 1)
	    : problem_nearest(meant, candidates, 2);
	if (near == name)
		memcpy(idle->nearest, name, sizeof(name));
}

static void
tell_idle_rules(const struct watch *w, size_t capsule)
{
	const struct idle_rules *idle = &w->idle[capsule];
	struct view pattern;
	struct buf near;
	size_t i;

	buf_init(&near, BENEATH_PATH_MAX * 2);
	for (i = 0; i < idle->n; i++) {
		buf_reset(&near);
		pattern = idle->v[i].rule->pattern;
		pattern.len = idle->v[i].folder;
		if (idle->v[i].nearest[0] != '\0') {
			buf_puts(&near, "; nearest: ");
			buf_put(&near, pattern);
			buf_puts(&near, idle->v[i].nearest);
		}
		protect_tell_idle(idle->v[i].rule, w->conf,
		    &w->conf->capsules[capsule], buf_view(&near), w->notes);
	}
	buf_fini(&near);
}

/* -- what is protected here and shown there -- */

/* True if the answer is made of a file. */
static bool
is_of_file(const struct page *page)
{
	return page->kind == PAGE_FILE || page->kind == PAGE_ATOM;
}

/* Append the whole name of a file of a capsule; false if none can be known. */
static bool
put_whole_name(const struct watch *w, size_t capsule, struct view file,
    struct buf *to)
{
	const char *root = beneath_root(w->roots[capsule]);

	if (root == NULL)
		return false;
	buf_puts(to, root);
	buf_puts(to, "/");
	buf_put(to, file);
	return !to->failed;
}

/* Cut a whole name to what it is in a capsule; false if it lies outside. */
static bool
cut_to_root(const struct watch *w, size_t capsule, struct view *name)
{
	const char *root = beneath_root(w->roots[capsule]);
	size_t len = root == NULL ? 0 : strlen(root);

	if (root == NULL || name->len <= len ||
	    !view_has_prefix(*name, view_of(root)) || name->p[len] != '/')
		return false;
	*name = view_skip(*name, len + 1);
	return true;
}

/* Count another file of an exposure; NULL if it is not the first. */
static struct exposure *
add_exposure(struct watch *w, const struct access_rule *rule, int line)
{
	struct exposure_key key;
	struct view bytes = { (const char *)&key, sizeof(key) };
	struct exposure *e;

	memset(&key, 0, sizeof(key));
	key.rule = rule;
	key.line = line;
	e = hash_find(w->known, bytes);
	if (e != NULL) {
		e->told.n++;
		return NULL;
	}
	e = arena_alloc(w->arena, sizeof(*e));
	(void)hash_put(w->known, arena_copy(w->arena, bytes), e);
	*w->end = e;
	w->end = &e->next;
	return e;
}

/* A page shows a file to everybody: see if a capsule protects it, where it has
 * that name. */
static void
compare_with(struct watch *w, size_t other, const struct page *page,
    struct view file, struct view file_there)
{
	const struct access_rule *rule =
	    resolver_file_rule(w->resolvers[other], file_there);
	struct exposure *e;

	if (rule == NULL || (e = add_exposure(w, rule, page->line)) == NULL)
		return;
	e->kept_by = other;
	e->kept_file = arena_copy(w->arena, file_there);
	e->told = (struct protect_exposure){ .shown_by =
						 &w->conf->capsules[w->capsule],
		.kept_by = &w->conf->capsules[other],
		.shown = arena_copy(w->arena, page->selector),
		.file = arena_copy(w->arena, file),
		.kept = rule->pattern,
		.rule = rule,
		.line = page->line,
		.n = 1 };
}

static void
compare_file(struct watch *w, const struct page *page, struct view file)
{
	char room[BENEATH_PATH_MAX * 2];
	struct buf whole = { room, 0, sizeof(room), sizeof(room), false };
	struct view there;
	size_t i;

	compare_with(w, w->capsule, page, file, file);
	if (!w->meets[w->capsule] ||
	    !put_whole_name(w, w->capsule, file, &whole))
		return;
	for (i = 0; i < w->conf->n_capsules; i++) {
		there = buf_view(&whole);
		if (i != w->capsule && w->meets[i] && w->resolvers[i] != NULL &&
		    cut_to_root(w, i, &there))
			compare_with(w, i, page, buf_view(&whole), there);
	}
}

/* See if the page is the one that a file is protected as. */
static void
name_kept(struct watch *w, const struct page *page)
{
	struct exposure *e;

	if (page->kind != PAGE_FILE || page->rule == NULL || page->borrowed)
		return;
	for (e = w->first; e != NULL; e = e->next)
		if (e->kept_by == w->capsule && e->told.rule == page->rule &&
		    e->kept_file.len > 0 &&
		    (view_eq(page->file, e->kept_file) ||
			view_eq(page->map_file, e->kept_file))) {
			e->told.kept = arena_copy(w->arena, page->selector);
			e->kept_file = VIEW("");
		}
}

/* -- all of it -- */

/* True if one folder is the other, or lies in it; real names. */
static bool
roots_meet(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b), n = x < y ? x : y;

	return strncmp(a, b, n) == 0 &&
	    (x == y || n == 0 || (x > y ? a[n] : b[n]) == '/');
}

/* Mark the capsules whose roots meet another's, if either is protected. */
static void
mark_meetings(struct watch *w)
{
	const struct conf *conf = w->conf;
	const char *root, *other;
	size_t i, k;

	for (i = 0; i < conf->n_capsules; i++)
		for (k = 0; k < i; k++) {
			if (w->roots[i] == NULL || w->roots[k] == NULL ||
			    (conf->capsules[i].access.n == 0 &&
				conf->capsules[k].access.n == 0))
				continue;
			root = beneath_root(w->roots[i]);
			other = beneath_root(w->roots[k]);
			if (root != NULL && other != NULL &&
			    roots_meet(root, other))
				w->meets[i] = w->meets[k] = true;
		}
}

static bool
count_page_shown(void *arg, struct page *page)
{
	struct watch *w = arg;

	page->rule = resolver_rule(w->resolvers[w->capsule], page);
	mark_fitting(&w->idle[w->capsule], page);
	if (page->rule != NULL || !is_of_file(page))
		return true;
	compare_file(w, page, page->file);
	if (page->map_file.len > 0)
		compare_file(w, page, page->map_file);
	return true;
}

static bool
look_for_names(void *arg, struct page *page)
{
	struct watch *w = arg;
	struct idle_rules *idle = &w->idle[w->capsule];
	size_t i;

	page->rule = resolver_rule(w->resolvers[w->capsule], page);
	for (i = 0; i < idle->n && i < NEAREST_TOLD_MAX; i++)
		compare_nearest(&idle->v[i], page);
	name_kept(w, page);
	return true;
}

static bool
needs_names(const struct watch *w, size_t capsule)
{
	const struct exposure *e = w->first;

	while (e != NULL && e->kept_by != capsule)
		e = e->next;
	return e != NULL || w->idle[capsule].n > 0;
}

/* Have the pages of a capsule visited. */
static void
walk_capsule(struct watch *w, size_t capsule,
    bool (*visit)(void *arg, struct page *page))
{
	struct resolve_visit visitor = { visit, NULL, NULL, w };

	w->capsule = capsule;
	if (w->resolvers[capsule] != NULL)
		(void)resolver_walk(w->resolvers[capsule], &visitor);
}

static void
open_resolvers(struct watch *w, const struct snapshot *configured)
{
	const struct access *access;
	size_t i;

	mark_meetings(w);
	for (i = 0; i < w->conf->n_capsules; i++) {
		access = configured->sites[i].access;
		if (w->roots[i] == NULL || (access == NULL && !w->meets[i]))
			continue;
		beneath_forget(w->roots[i]);
		w->resolvers[i] = resolver_new(w->conf, &w->conf->capsules[i],
		    w->roots[i], access);
		resolver_learn_links(w->resolvers[i]);
		list_idle_rules(w, i, access);
	}
}

static void
tell_watched(const struct watch *w)
{
	const struct exposure *e;
	size_t i;

	for (i = 0; i < w->conf->n_capsules; i++)
		tell_idle_rules(w, i);
	for (e = w->first; e != NULL; e = e->next)
		protect_tell_exposure(&e->told, w->conf, w->notes);
}

static void
close_watch(struct watch *w)
{
	size_t i;

	for (i = 0; i < w->conf->n_capsules; i++) {
		if (w->resolvers[i] != NULL)
			resolver_free(w->resolvers[i]);
		xfree(w->idle[i].v);
	}
	xfree(w->idle);
	xfree(w->resolvers);
	xfree(w->meets);
	arena_free(w->arena);
}

void
protect_walk(const struct conf *conf, const struct snapshot *configured,
    struct beneath *const *roots, struct problems *notes)
{
	size_t i, n = conf->n_capsules;
	struct watch w = { .conf = conf,
		.roots = roots,
		.notes = notes,
		.resolvers = xcalloc(n, sizeof(*w.resolvers)),
		.meets = xcalloc(n, sizeof(*w.meets)),
		.idle = xcalloc(n, sizeof(*w.idle)),
		.arena = arena_new() };

	w.known = hash_new(w.arena, 0);
	w.end = &w.first;
	open_resolvers(&w, configured);
	for (i = 0; i < n; i++)
		walk_capsule(&w, i, count_page_shown);
	for (i = 0; i < n; i++)
		if (needs_names(&w, i))
			walk_capsule(&w, i, look_for_names);
	tell_watched(&w);
	close_watch(&w);
}
