/*
 * build.c - which pages to look at: all of them, or those that a change moves.
 *
 * Floor site.  What a change can move: the pages made of the file, what shows
 * its folder, other names of the folder, what was found by a link, what the
 * map names, and the pages whose links asked for a selector that came, went, or
 * is of another type now.  To look at a page that is as it was costs a few
 * calls of stat(2).
 */
#include "site/build.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "format/gemini.h"
#include "site/build_kept.h"
#include "site/build_page.h"
#include "site/folder.h"
#include "site/loader.h"
#include "site/redirect.h"
#include "site/resolve_rule.h"
#include "site/resolve_walk.h"
#include "site/trouble.h"

/* What the folder of a line of the map was when it was last looked at. */
struct mapped_state {
	enum folders_fault fault;
	uint64_t real; /* hash of its one name */
};

/* -- walks -- */

/* Remember where a link is, unless it lies in what another leads to. */
static void
note_link(struct build_site *t, struct view selector)
{
	if (t->last_link.len > 0 && view_has_prefix(selector, t->last_link))
		return;
	selectors_add(&t->links, t->capsule, selector);
	selectors_add(&t->linking, t->capsule, pages_folder(selector));
}

/* Remember the link by the name of a file in the folder of a page. */
static void
note_linked_file(struct build_site *t, const struct page *page,
    struct view path)
{
	char room[BENEATH_PATH_MAX * 3];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };

	if (path.len == 0)
		return;
	buf_put(&selector,
	    view_has_suffix(page->selector, VIEW("/"))
		? page->selector
		: pages_folder(page->selector));
	buf_put(&selector, pages_name(path));
	if (!selector.failed)
		note_link(t, buf_view(&selector));
}

/* A redirect into a folder should meet a file there. */
static void
look_at_redirect(struct build_site *t, const struct page *page)
{
	char room[GEMINI_META_MAX];
	struct buf to = { room, 0, sizeof(room), sizeof(room), false };
	struct arena *a;
	struct page met;
	bool is_there;

	if (!redirect_lead(t->c.s, t->c.site, page, &to) ||
	    resolve_app(t->resolver, buf_view(&to)) != NULL)
		return;
	a = arena_new();
	is_there = resolve_selector(t->resolver, buf_view(&to), a, &met) &&
	    met.kind != PAGE_CAPS_TXT;
	arena_free(a);
	if (!is_there)
		redirect_tell(t->build->conf, page, t->c.trouble.notes);
}

/* Remember a menu that looks like a program, to tell how it would be run. */
static void
note_executable(struct build_site *t, const struct page *page)
{
	struct arena *a = t->links.arena;

	programs_add(&t->programs, a, PROGRAM_EXECUTABLE,
	    arena_copy(a, page->selector),
	    arena_copy(a, page->map.len > 0 ? page->map_file : page->file),
	    page->line);
}

static bool
check_visited(void *arg, struct page *page)
{
	struct build_site *t = arg;
	const struct sink *sink = t->build->sink;

	if (page->kind == PAGE_REDIRECT)
		look_at_redirect(t, page);

	/* What a feed tells of other files than its own is not in its look. */
	build_check(t, page, page->kind == PAGE_ATOM);
	if (t->is_executable)
		note_executable(t, page);
	if (t->build->options.visit != NULL)
		t->build->options.visit(t->build->options.visit_arg, t->capsule,
		    page);
	if (page->linked && page->walked) {
		note_linked_file(t, page, page->path);
		note_linked_file(t, page, page->map);
	}
	t->sum += sink->ask(sink->arg, t->capsule, page->selector);
	t->n_pages++;
	return !t->build->has_failed;
}

static void
tell_skipped(struct build_site *t, struct view path, struct view name,
    const char *why)
{
	if (!t->build->is_loud)
		return;
	t->build->n_skipped++;
	log_warnx("skipping \"%.*s%.*s\" in \"%.*s\": it %s", VIEW_ARG(path),
	    VIEW_ARG(name), VIEW_ARG(t->c.capsule->root), why);
}

/* Remember a program, to tell how it is run. */
static void
note_program(struct build_site *t, const struct folder_place *place,
    const struct folder_name *name, struct view selector)
{
	struct arena *a = t->links.arena;
	char room[BENEATH_PATH_MAX * 2];
	struct buf path = { room, 0, sizeof(room), sizeof(room), false };
	bool is_named = program_is_named(place->path) ||
	    program_is_named(place->f.real) || program_is_named(name->name) ||
	    program_is_named(name->real);

	buf_put(&path, name->real.len > 0 ? name->real : place->f.real);
	if (name->real.len == 0)
		buf_put(&path, name->name);
	programs_add(&t->programs, a, is_named ? PROGRAM_NAMED : PROGRAM_MAP,
	    arena_copy(a, selector), arena_copy(a, buf_view(&path)),
	    place->line);
}

/* A name that is not served may be a link that leads somewhere later. */
static void
note_other(void *arg, const struct folder_place *place,
    const struct folder_name *name)
{
	char room[BENEATH_PATH_MAX * 3];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };
	struct build_site *t = arg;

	buf_put(&selector, place->selector);
	buf_put(&selector, name->name);
	if (name->kind == FOLDER_PROGRAM)
		note_program(t, place, name, buf_view(&selector));
	else if (!selector.failed) {
		note_link(t, buf_view(&selector));
		tell_skipped(t, place->path, name->name, name->why);
	}
}

/* Remember a folder behind a link, and tell of one that is left out. */
static bool
note_folder(void *arg, const struct folder_place *place)
{
	struct build_site *t = arg;
	bool is_deep = place->fault == FOLDERS_DEEP;

	if (place->linked || place->fault == FOLDERS_CIRCLE) {
		note_link(t, place->selector);
		if (t->last_link.len == 0 ||
		    !view_has_prefix(place->selector, t->last_link))
			t->last_link =
			    arena_copy(t->links.arena, place->selector);
	}
	if (place->fault == FOLDERS_CIRCLE)
		tell_skipped(t, place->path, VIEW(""),
		    "is a folder that holds it");
	if (is_deep)
		errno = 0;
	if (is_deep || place->fault == FOLDERS_UNREADABLE)
		trouble_tell_folder(&t->c.trouble, place->line, place->selector,
		    place->path, is_deep ? "lies too deep" : place->why);
	return true;
}

static struct resolve_visit
begin_walk(struct build_site *t)
{
	t->last_link = VIEW("");
	t->sum = 0;
	return (
	    struct resolve_visit){ check_visited, note_folder, note_other, t };
}

/* -- what the sink has, and should not -- */

/* What a scan finds. */
struct sifting {
	struct build *build;
	struct selectors found;
	bool all; /* in all capsules with a root; else, below b->trees */
};

static bool
was_seen(const struct build *b, uint64_t ask)
{
	return b->known != NULL ? known_is_seen(b->known, ask)
				: numbers_have(&b->seen, ask);
}

static void
sift_unseen(void *visitor, size_t capsule, struct view selector,
    const uint64_t *asks, size_t n_asks)
{
	struct sifting *s = visitor;
	struct build *b = s->build;

	(void)asks;
	(void)n_asks;
	if (capsule < b->n_sites && b->sites[capsule].root != NULL &&
	    (s->all || selectors_hold(&b->trees, capsule, selector)) &&
	    !was_seen(b, b->sink->ask(b->sink->arg, capsule, selector)))
		selectors_add(&s->found, capsule, selector);
}

static void
sift_dirty(void *visitor, size_t capsule, struct view selector,
    const uint64_t *asks, size_t n_asks)
{
	struct sifting *s = visitor;
	struct build *b = s->build;
	bool is_dirty = false;
	size_t i;

	for (i = 0; !is_dirty && i < n_asks; i++)
		is_dirty = numbers_have(&b->dirty, asks[i]);
	if (is_dirty && capsule < b->n_sites && b->sites[capsule].root != NULL)
		selectors_add(&s->found, capsule, selector);
}

static void
check_found(struct build *b, const struct selectors *found, bool anew)
{
	const struct selector_of *one;

	for (one = found->first; one != NULL && !b->has_failed; one = one->next)
		build_check_selector(&b->sites[one->capsule], one->selector,
		    anew);
}

/* Drop what was not seen. */
static void
drop_unseen(struct build *b, bool all)
{
	struct sifting s = { .build = b, .all = all };

	if (b->has_failed || (!all && b->trees.n == 0) ||
	    (b->known != NULL && known_unseen(b->known) == 0))
		return;
	selectors_init(&s.found);
	numbers_sort(&b->seen);
	if (b->sink->scan(b->sink->arg, sift_unseen, &s) < 0)
		b->has_failed = true;
	check_found(b, &s.found, false);
	selectors_fini(&s.found);
}

/* Render again what asked for a selector that is not what it was. */
static void
render_askers(struct build *b)
{
	struct sifting s = { .build = b };

	if (b->has_failed || b->dirty.n == 0)
		return;
	selectors_init(&s.found);
	numbers_sort(&b->dirty);
	if (b->sink->scan(b->sink->arg, sift_dirty, &s) < 0)
		b->has_failed = true;
	check_found(b, &s.found, true);
	selectors_fini(&s.found);
}

/* -- what shows a folder -- */

struct folder_check {
	struct build_site *t;
	struct selectors found;
	struct view stem;
};

static bool
note_menu(void *arg, struct page *page)
{
	struct folder_check *check = arg;
	const struct page *own = page->same == NULL ? page : page->same;

	if (own->kind == PAGE_LISTING || page_has_map(own))
		selectors_add(&check->found, check->t->capsule, page->selector);
	return true;
}

/* Add what is called name in a folder, and what differs from it in its
 * extension. */
static void
add_names(struct folder_check *check, struct view folder, struct view name,
    const char *const *extensions, size_t n)
{
	char room[BENEATH_PATH_MAX * 3];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };
	size_t i;

	buf_put(&selector, folder);
	for (i = 0; i < n; i++) {
		selector.len = folder.len;
		buf_put(&selector, name);
		buf_puts(&selector, extensions[i]);
		if (!selector.failed)
			selectors_add(&check->found, check->t->capsule,
			    buf_view(&selector));
	}
}

/* Add a folder's own page and its other names. */
static void
add_folder_names(struct folder_check *check, struct view folder)
{
	static const char *const names[] = { "", ".gmi", ".gemini",
		".gophermap" };
	size_t capsule = check->t->capsule;

	selectors_add(&check->found, capsule, folder);
	add_names(check, folder, VIEW("index"), names, 4);
	if (folder.len > 1)
		selectors_add(&check->found, capsule,
		    (struct view){ folder.p, folder.len - 1 });
}

/* Look at all that shows what lies in a folder. */
static void
check_listings(struct build_site *t, struct view folder)
{
	struct folder_check check = { .t = t };

	build_page_forget(t);
	selectors_init(&check.found);
	add_folder_names(&check, folder);
	(void)resolver_children(t->resolver, folder, false, note_menu, &check);
	check_found(t->build, &check.found, false);
	selectors_fini(&check.found);
}

/* Do what follows from what was noted.  To look at listings may note more. */
static void
follow_changes(struct build *b)
{
	const struct selector_of *one;

	for (one = b->touched.first; one != NULL && !b->has_failed;
	     one = one->next)
		check_listings(&b->sites[one->capsule], one->selector);
	render_askers(b);
}

static void
begin_changes(struct build *b)
{
	b->has_failed = false;
	b->expected = 0;
	numbers_reset(&b->seen);
	numbers_reset(&b->dirty);
	selectors_init(&b->touched);
	selectors_init(&b->trees);
}

static int
end_changes(struct build *b)
{
	known_free(b->known);
	b->known = NULL;
	numbers_reset(&b->seen);
	numbers_reset(&b->dirty);
	selectors_fini(&b->touched);
	selectors_fini(&b->trees);
	return b->has_failed ? -1 : 0;
}

/* -- all of it -- */

static void
close_site(struct build_site *t)
{
	build_page_forget(t);
	resolver_free(t->resolver);
	if (t->build->options.roots == NULL)
		beneath_free(t->root);
	t->resolver = NULL;
	t->root = NULL;
	t->c.root = t->c.trouble.root = NULL;
	selectors_fini(&t->links);
	selectors_fini(&t->linking);
	xfree(t->mapped);
	t->mapped = NULL;
}

/* Open a capsule's root anew; why not, if it is NULL then. */
static int
open_root(struct build_site *t)
{
	const struct build_options *options = &t->build->options;

	if (options->roots == NULL)
		t->root = loader_open_root(t->c.capsule);
	else if ((t->root = options->roots[t->capsule]) != NULL)
		beneath_forget(t->root);
	else
		return options->root_errors[t->capsule];
	return t->root == NULL ? errno : 0;
}

/* What there is of a capsule whose root is not there stays. */
static void
keep_site(struct build_site *t)
{
	close_site(t);
	build_sift_kept(t);
	build_tell_kept_site(t, t->build->options.notes);
}

/* Open a capsule whose root may be another folder now. */
static void
open_site(struct build_site *t)
{
	const struct conf_capsule *capsule = t->c.capsule;
	bool was_kept = t->kept != ROOT_THERE;
	int error;

	close_site(t);
	error = open_root(t);
	build_look_kept(t, error);
	if (t->kept != ROOT_THERE) {
		keep_site(t);
		return;
	}
	if (t->root == NULL) {
		if (t->build->accepts)
			build_drop_all(t);
		errno = error;
		trouble_tell_root(t->build->conf, capsule,
		    t->build->options.notes);
		return;
	}
	if (was_kept && !t->build->accepts)
		log_info("the root \"%.*s\" is there again",
		    VIEW_ARG(capsule->root));
	t->c.root = t->c.trouble.root = t->root;
	t->resolver =
	    resolver_new(t->build->conf, capsule, t->root, t->c.site->access);
	selectors_init(&t->links);
	selectors_init(&t->linking);
	t->mapped =
	    xcalloc(resolver_count_mapped(t->resolver) + 1, sizeof(*t->mapped));
	resolver_learn_links(t->resolver);
}

static struct mapped_state
look_at_mapped(struct build_site *t, size_t i)
{
	const struct folder_place *place = resolver_mapped(t->resolver, i);
	struct mapped_state state = { FOLDERS_UNREADABLE, 0 };

	if (place != NULL && place->fault == FOLDERS_FINE)
		state.real = hash_append(0, place->f.real);
	if (place != NULL)
		state.fault = place->fault;
	return state;
}

static void
walk_site(struct build_site *t)
{
	struct resolve_visit visit = begin_walk(t);
	size_t i;

	t->n_pages = 0;
	t->programs = (struct programs){ NULL, NULL };
	for (i = 0; i < resolver_count_mapped(t->resolver); i++)
		t->mapped[i] = look_at_mapped(t, i);
	(void)resolver_walk(t->resolver, &visit);
	programs_tell(&t->programs, t->build->conf, beneath_root(t->root),
	    t->c.trouble.notes);
}

static void
note_entry(void *visitor, size_t capsule, struct view selector,
    const uint64_t *asks, size_t n_asks)
{
	bool *is_empty = visitor;

	(void)capsule;
	(void)selector;
	(void)asks;
	(void)n_asks;
	*is_empty = false;
}

static bool
is_sink_empty(struct build *b)
{
	bool is_empty = true;

	if (b->known != NULL)
		return known_count(b->known) == 0;
	if (b->sink->scan(b->sink->arg, note_entry, &is_empty) < 0)
		b->has_failed = true;
	return is_empty;
}

static bool
count_names(void *arg, const struct folder_place *place)
{
	size_t *n = arg;

	*n += place->f.n;
	return true;
}

/* Count what there was; at first, names in folders, for whoever waits. */
static size_t
expect_pages(const struct build *b)
{
	size_t i, n = b->known == NULL ? 0 : known_count(b->known);
	struct resolve_visit visit = { .folder = count_names, .arg = &n };

	for (i = 0; b->is_first && b->sink->tick != NULL && i < b->n_sites; i++)
		if (b->sites[i].root != NULL)
			(void)resolver_walk(b->sites[i].resolver, &visit);
	return n;
}

int
build_all(struct build *b)
{
	size_t i;

	begin_changes(b);
	b->known = known_load(b->sink);
	b->is_first = is_sink_empty(b);
	b->is_loud = !b->is_quiet;
	b->n_skipped = 0;
	for (i = 0; i < b->n_sites; i++)
		open_site(&b->sites[i]);
	b->expected = expect_pages(b);
	for (i = 0; i < b->n_sites && !b->has_failed; i++)
		if (b->sites[i].root != NULL)
			walk_site(&b->sites[i]);
	b->is_loud = b->accepts = false;
	if (!b->is_first)
		drop_unseen(b, true);
	follow_changes(b);
	return end_changes(b);
}

/* -- one page -- */

void
build_open(struct build *b)
{
	size_t i;

	b->is_first = true;
	for (i = 0; i < b->n_sites; i++)
		open_site(&b->sites[i]);
}

void
build_one(struct build *b, size_t capsule, struct view selector)
{
	if (b->sites[capsule].root != NULL)
		build_check_selector(&b->sites[capsule], selector, false);
}

/* -- some changes -- */

/* Look at all pages at and below a folder's selector; those that are gone are
 * found later. */
static void
check_tree(struct build_site *t, struct view folder)
{
	struct resolve_visit visit = begin_walk(t);
	struct folder_check check = { .t = t };

	(void)resolver_walk_folder(t->resolver, folder, &visit);
	selectors_init(&check.found);
	add_folder_names(&check, folder);
	check_found(t->build, &check.found, false);
	selectors_fini(&check.found);
}

/* The same of one whose pages may be gone. */
static void
check_lost_tree(struct build_site *t, struct view folder)
{
	selectors_add(&t->build->trees, t->capsule, folder);
	check_tree(t, folder);
}

static bool
note_stem(void *arg, struct page *page)
{
	struct folder_check *check = arg;

	if (view_eq(pages_stem(pages_name(page->selector)), check->stem))
		selectors_add(&check->found, check->t->capsule, page->selector);
	return true;
}

/* True for what is in nobody's folder, whatever it is. */
static bool
is_never_served(struct view name)
{
	return name.len == 0 || folder_hides(name);
}

/* True if the sink has a page there that was a file in a folder. */
static bool
was_file(struct build_site *t, struct view selector)
{
	const struct conf_pairs *map = &t->c.capsule->selectors;
	struct sink *sink = t->build->sink;
	struct sink_entry e;
	size_t i = 0;

	while (i < map->n && !view_eq(map->v[i].key, selector))
		i++;
	return i == map->n &&
	    sink->find(sink->arg, t->capsule, selector, NULL, &e) &&
	    e.kind != SINK_FOLDER;
}

/* Something called name came, went or changed in a folder of the map. */
static void
check_name(struct build_site *t, struct view folder, struct view name)
{
	static const char *const pairs[] = { ".gmi", ".gemini", ".gophermap" };
	static const char *const own[] = { "" }, *const below[] = { "/" };
	struct folder_check check = { .t = t, .stem = pages_stem(name) };
	bool is_plain;

	if (is_never_served(name))
		return;
	selectors_init(&check.found);
	add_names(&check, folder, name, own, 1);
	is_plain =
	    check.found.n > 0 && was_file(t, check.found.first->selector);
	add_names(&check, folder, check.stem, pairs, 3);
	(void)resolver_children(t->resolver, folder, false, note_stem, &check);
	check_found(t->build, &check.found, false);
	selectors_fini(&check.found);
	selectors_init(&check.found);
	add_names(&check, folder, name, below, 1);
	if (check.found.n > 0 && !is_plain)
		selectors_add(&t->build->trees, t->capsule,
		    check.found.first->selector);
	if (check.found.n > 0)
		check_tree(t, check.found.first->selector);
	selectors_fini(&check.found);
	selectors_add(&t->build->touched, t->capsule, folder);
}

/* True if a folder is what changed, or lies in it. */
static bool
is_below(struct view real, struct view path)
{
	return view_has_prefix(real, path) && real.len > path.len &&
	    real.p[path.len] == '/';
}

/* A new name may be such a link, too. */
static void
note_name(struct build_site *t, const struct folder_place *place,
    struct view name)
{
	const struct folder_name *found = folder_find(&place->f, name);

	t->last_link = VIEW("");
	/* Neither a plain file nor a plain folder leads anywhere. */
	if (found != NULL &&
	    (found->real.len > 0 || found->kind == FOLDER_OTHER ||
		found->kind == FOLDER_PROGRAM))
		note_other(t, place, found);
}

/* Look where the lines of the map have what changed. */
static void
check_path(struct build_site *t, struct view path)
{
	struct arena *a = arena_new();
	struct folder_place *place;
	struct view folder;
	size_t i;

	while (view_has_suffix(path, VIEW("/")))
		path.len--;
	for (i = 0; i < resolver_count_mapped(t->resolver); i++) {
		place = resolver_mapped(t->resolver, i);
		if (place != NULL && place->fault == FOLDERS_FINE &&
		    is_below(place->f.real, path))
			check_lost_tree(t, arena_copy(a, place->selector));
		place = resolver_place_of(t->resolver, i, pages_folder(path));
		if (place == NULL)
			continue;
		folder = arena_copy(a, place->selector);
		note_name(t, place, pages_name(path));
		check_name(t, folder, pages_name(path));
	}
	arena_free(a);
}

/* Look at folders of the map that are not where they were. */
static void
check_mapped(struct build_site *t)
{
	struct mapped_state state;
	struct arena *a = arena_new();
	size_t i;

	for (i = 0; i < resolver_count_mapped(t->resolver); i++) {
		state = look_at_mapped(t, i);
		if (state.fault == t->mapped[i].fault &&
		    state.real == t->mapped[i].real)
			continue;
		t->mapped[i] = state;
		check_lost_tree(t,
		    arena_copy(a, resolver_mapped(t->resolver, i)->selector));
	}
	arena_free(a);
}

/* Look at what a link leads to, or nothing. */
static void
check_link(struct build_site *t, struct selector_of *link)
{
	struct folder_check check = { .t = t };
	static const char *const below[] = { "/" };
	bool is_folder = view_has_suffix(link->selector, VIEW("/"));

	selectors_init(&check.found);
	if (is_folder)
		selectors_add(&check.found, t->capsule, link->selector);
	else {
		build_check_selector(t, link->selector, false);
		add_names(&check, link->selector, VIEW(""), below, 1);
	}
	if (check.found.n > 0) {
		check_tree(t, check.found.first->selector);
		if (!link->is_summed || t->sum != link->sum)
			selectors_add(&t->build->trees, t->capsule,
			    check.found.first->selector);
		link->sum = t->sum;
		link->is_summed = true;
	}
	selectors_fini(&check.found);
}

static bool
learn_linked(void *arg, struct page *page)
{
	resolver_links_add(arg, page);
	return true;
}

/* Learn anew which files are found by links that a rule protects. */
static void
relearn_links(struct build_site *t)
{
	struct resolve_visit visit = { .page = learn_linked,
		.arg = t->resolver };
	const struct selector_of *one;
	struct arena *a;
	struct page page;

	if (t->c.site->access == NULL)
		return;
	a = arena_new();
	resolver_links_begin(t->resolver);
	for (one = t->links.first; one != NULL; one = one->next)
		(void)resolver_walk_folder(t->resolver, one->selector, &visit);
	for (one = t->linking.first; one != NULL; one = one->next) {
		if (resolve_selector(t->resolver, one->selector, a, &page))
			resolver_links_add(t->resolver, &page);
		(void)resolver_children(t->resolver, one->selector, false,
		    learn_linked, t->resolver);
	}
	resolver_links_end(t->resolver);
	arena_free(a);
}

static bool
note_page(void *arg, struct page *page)
{
	struct folder_check *check = arg;

	selectors_add(&check->found, check->t->capsule, page->selector);
	return true;
}

/* Look at every page of a folder in which a link is. */
static void
check_linking(struct build_site *t, struct view folder)
{
	struct folder_check check = { .t = t };

	selectors_init(&check.found);
	add_folder_names(&check, folder);
	(void)resolver_children(t->resolver, folder, false, note_page, &check);
	check_found(t->build, &check.found, false);
	selectors_fini(&check.found);
}

/* Look at what links lead to; one that is new may protect what others do. */
static void
check_links(struct build_site *t)
{
	const struct selector_of *folder;
	struct selector_of *link;
	size_t n, looked;

	do {
		n = t->links.n;
		looked = 0;
		relearn_links(t);
		build_page_forget(t);
		for (link = t->links.first;
		     link != NULL && looked < BUILD_LINKS_MAX;
		     link = link->next, looked++)
			check_link(t, link);
		for (folder = t->linking.first; folder != NULL;
		     folder = folder->next)
			check_linking(t, folder->selector);
	} while (t->links.n > n && !t->build->has_failed);
}

/* Look at a capsule in which something has changed. */
static void
check_site(struct build_site *t, const struct build_change *changes, size_t n)
{
	struct resolve_visit visit;
	size_t i;

	beneath_forget(t->root);
	resolver_forget(t->resolver);
	build_page_forget(t);
	relearn_links(t);
	visit = begin_walk(t);
	check_mapped(t);
	for (i = 0; i < n; i++)
		if (changes[i].capsule == t->capsule)
			check_path(t, changes[i].path);
	check_links(t);
	(void)resolver_walk_named(t->resolver, &visit);
}

static bool
has_change(const struct build_site *t, const struct build_change *changes,
    size_t n)
{
	size_t i = 0;

	while (i < n && changes[i].capsule != t->capsule)
		i++;
	return i < n;
}

/* Look at a capsule in which something has changed, if its root is there. */
static void
check_opened_site(struct build_site *t, const struct build_change *changes,
    size_t n)
{
	if (t->root == NULL)
		return;
	build_look_kept(t, 0);
	if (t->kept == ROOT_THERE)
		check_site(t, changes, n);
	else
		keep_site(t);
}

/* True if something has changed in a root that was not there. */
static bool
has_change_in_kept(const struct build *b, const struct build_change *changes,
    size_t n)
{
	size_t i = 0;

	while (i < b->n_sites &&
	    (b->sites[i].kept == ROOT_THERE ||
		!has_change(&b->sites[i], changes, n)))
		i++;
	return i < b->n_sites;
}

int
build_changed(struct build *b, const struct build_change *changes, size_t n)
{
	size_t i;

	if (has_change_in_kept(b, changes, n))
		return build_all(b);
	begin_changes(b);
	b->is_first = false;
	for (i = 0; i < b->n_sites; i++)
		if (has_change(&b->sites[i], changes, n))
			check_opened_site(&b->sites[i], changes, n);
	drop_unseen(b, false);
	follow_changes(b);
	return end_changes(b);
}

/* -- feeds -- */

struct linked_search {
	struct view file, best;
	struct arena *arena;
};

static bool
note_if_shown(void *arg, struct page *page)
{
	struct linked_search *search = arg;
	struct view s = page->selector, best = search->best;
	size_t n = s.len < best.len ? s.len : best.len;
	int order = memcmp(s.p, best.p, n);

	if (page->kind == PAGE_FILE && page->linked &&
	    view_eq(page->file, search->file) &&
	    (best.len == 0 || order < 0 || (order == 0 && s.len < best.len)))
		search->best = arena_copy(search->arena, s);
	return true;
}

struct view
build_linked_selector(struct build_site *t, struct view file, struct arena *a)
{
	struct linked_search search = { file, VIEW_INIT(""), a };
	struct resolve_visit visit = { .page = note_if_shown, .arg = &search };

	(void)resolver_walk(t->resolver, &visit);
	return search.best;
}

/* -- the builder -- */

size_t
build_count(const struct build *b, size_t capsule)
{
	return b->sites[capsule].n_pages;
}

const struct programs *
build_programs(const struct build *b, size_t capsule)
{
	return &b->sites[capsule].programs;
}

struct view
build_selector_of(const struct build *b, size_t capsule, struct view file,
    struct arena *a)
{
	struct resolver *r = b->sites[capsule].resolver;

	return r == NULL ? VIEW("") : resolver_selector_of(r, file, a);
}

size_t
build_expected(const struct build *b)
{
	return b->expected;
}

size_t
build_skipped(const struct build *b)
{
	return b->n_skipped;
}

void
build_accept_empty(struct build *b)
{
	b->accepts = true;
}

size_t
build_tell_kept(const struct build *b, struct problems *to)
{
	size_t i, n = 0;

	for (i = 0; i < b->n_sites; i++) {
		if (b->sites[i].kept == ROOT_THERE)
			continue;
		n++;
		if (to != NULL)
			build_tell_kept_site(&b->sites[i], to);
	}
	return n;
}

void
build_tell(struct build *b, struct problems *notes, bool quiet)
{
	size_t i;

	b->is_quiet = quiet;
	b->options.notes = notes;
	arena_free(b->arena);
	b->arena = arena_new();
	for (i = 0; i < b->n_sites; i++) {
		b->sites[i].c.trouble.notes = notes;
		b->sites[i].c.trouble.arena = b->arena;
		b->sites[i].c.trouble.told = NULL;
		b->sites[i].c.trouble.looked = 0;
	}
}

struct build *
build_new(struct snapshot *s, const struct conf *conf, struct sink *sink,
    const struct build_options *options)
{
	struct build *b = xcalloc(1, sizeof(*b));
	struct build_site *t;
	size_t i;

	b->conf = conf;
	b->sink = sink;
	b->options = *options;
	b->arena = arena_new();
	b->n_sites = conf->n_capsules;
	b->sites = xcalloc(b->n_sites, sizeof(*b->sites));
	for (i = 0; i < b->n_sites; i++) {
		t = &b->sites[i];
		t->build = b;
		t->capsule = i;
		build_page_begin(t, s, &conf->capsules[i]);
	}
	return b;
}

void
build_free(struct build *b)
{
	size_t i;

	if (b == NULL)
		return;
	for (i = 0; i < b->n_sites; i++) {
		close_site(&b->sites[i]);
		build_page_end(&b->sites[i]);
	}
	arena_free(b->arena);
	arena_free(b->spare);
	xfree(b->sites);
	xfree(b);
}
