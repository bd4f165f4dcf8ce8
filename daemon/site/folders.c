/*
 * folders.c - keep what was last read of folders, and forget what is oldest.
 *
 * Floor site.  A selector leads to one folder at most: the longest line of the
 * map that holds it, and then name by name.  So folders are kept by selector,
 * and whatever decides about one (links, circles, depth) is settled when it is
 * read, from the folder above it.
 */
#include "site/folders.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "format/mime.h"
#include "site/map.h"
#include "site/pages.h"
#include "site/program.h"
#include "site/target.h"

#define BUCKETS 512 /* of folders by selector; a power of two */

/* Which folder it is. */
struct folder_id {
	dev_t dev;
	ino_t ino;
};

struct folders {
	const struct conf_capsule *capsule;
	struct beneath *root;
	const struct hash *covers;
	bool types_have_maps; /* some line of [types] is for gophermaps */
	struct hash_seed seed;
	struct folder_place *buckets[BUCKETS];
	struct folder_place *newest, *oldest;
	size_t n, names;
};

struct folders *
folders_new(const struct conf_capsule *capsule, struct beneath *root,
    const struct hash *covers)
{
	struct folders *all = xcalloc(1, sizeof(*all));

	all->capsule = capsule;
	all->root = root;
	all->covers = covers;
	all->types_have_maps =
	    map_has_value(&capsule->types, VIEW(MIME_GOPHERMAP));
	all->seed = hash_seed_draw();
	return all;
}

/* -- the cache -- */

static struct folder_place **
bucket_of(struct folders *all, struct view selector)
{
	return &all->buckets[hash_bytes(selector, all->seed) & (BUCKETS - 1)];
}

/* Take a folder out of the order of use. */
static void
unlink_place(struct folders *all, struct folder_place *p)
{
	*(p->newer == NULL ? &all->newest : &p->newer->older) = p->older;
	*(p->older == NULL ? &all->oldest : &p->older->newer) = p->newer;
}

static void
link_newest(struct folders *all, struct folder_place *p)
{
	p->newer = NULL;
	p->older = all->newest;
	*(all->newest == NULL ? &all->oldest : &all->newest->newer) = p;
	all->newest = p;
}

static void
drop_place(struct folders *all, struct folder_place *p)
{
	struct folder_place **at = bucket_of(all, p->selector);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	unlink_place(all, p);
	all->n--;
	all->names -= p->f.n;
	arena_free(p->arena);
}

/* Make room for one more; what is held stays, and may be more than fits. */
static void
trim_places(struct folders *all)
{
	struct folder_place *p = all->oldest, *newer;

	for (; p != NULL; p = newer) {
		if (all->n < FOLDERS_KEPT_MAX && all->names < FOLDERS_NAMES_MAX)
			return;
		newer = p->newer;
		if (p->holds == 0)
			drop_place(all, p);
	}
}

void
folders_forget(struct folders *all)
{
	while (all->oldest != NULL)
		drop_place(all, all->oldest);
}

void
folders_free(struct folders *all)
{
	if (all == NULL)
		return;
	folders_forget(all);
	xfree(all);
}

void
folders_hold(struct folder_place *place)
{
	place->holds++;
}

void
folders_release(struct folder_place *place)
{
	place->holds--;
}

static struct folder_place *
find_kept(struct folders *all, struct view selector)
{
	struct folder_place *p = *bucket_of(all, selector);

	while (p != NULL && !view_eq(p->selector, selector))
		p = p->next;
	if (p != NULL && p != all->newest) {
		unlink_place(all, p);
		link_newest(all, p);
	}
	return p;
}

/* -- reading one -- */

/* True if whole is the name of what is called name in a folder. */
static bool
lies_in(struct view whole, struct view folder, struct view name)
{
	return whole.len == folder.len + name.len &&
	    view_has_prefix(whole, folder) && view_has_suffix(whole, name);
}

/* Say which folder it is, below those it was found in, and whether it is one
 * of them. */
static bool
set_ids(struct folder_place *p, const struct folder_place *up)
{
	struct folder_id own = { p->f.dev, p->f.ino };
	bool is_circle = false;
	int i;

	p->ids = arena_alloc(p->arena, (size_t)p->depth * sizeof(*p->ids));
	for (i = 0; up != NULL && i < up->depth; i++) {
		p->ids[i] = up->ids[i];
		is_circle = is_circle ||
		    (own.dev == up->ids[i].dev && own.ino == up->ids[i].ino);
	}
	p->ids[p->depth - 1] = own;
	return is_circle;
}

static void
read_place(struct folders *all, struct folder_place *p,
    const struct folder_place *up)
{
	const char *why;

	if (p->depth > FOLDERS_DEPTH_MAX) {
		p->fault = FOLDERS_DEEP;
		return;
	}
	if (folder_read(all->root, p->path, p->arena, &p->f, &why) < 0) {
		p->fault = FOLDERS_UNREADABLE;
		p->why = arena_copy(p->arena, view_of(why)).p;
		p->f.n = 0;
		return;
	}
	p->linked = up != NULL &&
	    (up->linked ||
		!lies_in(p->f.real, up->f.real, pages_name(p->path)));
	p->is_looked = arena_alloc(p->arena, p->f.n + 1);
	if (set_ids(p, up))
		p->fault = FOLDERS_CIRCLE;
}

/* Read the folder that up, or NULL, and the line of the map lead to. */
static struct folder_place *
add_place(struct folders *all, struct view selector, struct view folder,
    struct view name, const struct folder_place *up, int line)
{
	struct arena *a = arena_new();
	struct folder_place *p = arena_alloc(a, sizeof(*p)), **at;
	char *path = arena_alloc(a, folder.len + name.len + 2);

	memcpy(path, folder.p, folder.len);
	if (name.len > 0) {
		memcpy(path + folder.len, name.p, name.len);
		path[folder.len + name.len] = '/';
		name.len++;
	}
	p->arena = a;
	p->selector = arena_copy(a, selector);
	p->path = (struct view){ path, folder.len + name.len };
	p->line = line;
	p->depth = up == NULL ? 1 : up->depth + 1;
	read_place(all, p, up);
	trim_places(all);
	at = bucket_of(all, selector);
	p->next = *at;
	*at = p;
	link_newest(all, p);
	all->n++;
	all->names += p->f.n;
	return p;
}

/* -- finding one -- */

const struct conf_pair *
folders_cover(const struct folders *all, struct view selector)
{
	const struct conf_pair *pair = NULL;

	for (; pair == NULL && selector.len > 0; selector.len--)
		if (selector.p[selector.len - 1] == '/')
			pair = hash_find(all->covers, selector);
	return pair;
}

/* The folder called name in up, whose selector is given. */
static struct folder_place *
find_child(struct folders *all, struct folder_place *up, struct view selector,
    struct view name)
{
	struct folder_place *p = find_kept(all, selector);
	const struct folder_name *found;

	if (p != NULL)
		return p;
	found = folder_find(&up->f, name);
	if (found == NULL || found->kind != FOLDER_FOLDER)
		return NULL;
	folders_hold(up);
	p = add_place(all, selector, up->path, name, up, up->line);
	folders_release(up);
	return p;
}

struct folder_place *
folders_find(struct folders *all, struct view selector)
{
	struct folder_place *p = find_kept(all, selector);
	const struct conf_pair *cover;
	struct view so_far, rest, name;

	if (p != NULL || !view_has_suffix(selector, VIEW("/")))
		return p;
	cover = folders_cover(all, selector);
	if (cover == NULL || target_is(cover->value))
		return NULL;
	p = find_kept(all, cover->key);
	if (p == NULL)
		p = add_place(all, cover->key, cover->value, VIEW(""), NULL,
		    cover->line);
	so_far = (struct view){ selector.p, cover->key.len };
	rest = view_skip(selector, so_far.len);
	while (p != NULL && rest.len > 0) {
		if (p->fault != FOLDERS_FINE)
			return NULL;
		name = view_cut(&rest, '/');
		so_far.len += name.len + 1;
		p = find_child(all, p, so_far, name);
	}
	return p;
}

/* -- programs -- */

/* True if the name alone says that it can be no gophermap. */
static bool
can_be_map(const struct folders *all, struct view name)
{
	static const struct view map = VIEW_INIT("gophermap");

	return all->types_have_maps ||
	    (name.len >= map.len &&
		view_eq_nocase(view_skip(name, name.len - map.len), map));
}

/* True for a menu, and for what is one to other servers. */
static bool
is_menu(const struct folders *all, struct view selector, struct view file)
{
	struct mime mime = map_type(all->capsule, selector, file);

	return view_eq(mime.type, VIEW(MIME_GOPHERMAP)) ||
	    (view_eq(pages_name(file), VIEW("gophermap")) &&
		!map_has_type(all->capsule, selector, file));
}

static bool
is_program_at(struct folders *all, bool is_named, struct view selector,
    struct view file)
{
	if (is_named && !map_has_type(all->capsule, selector, file))
		return true;
	return is_menu(all, selector, file) &&
	    program_look(all->root, file, NULL, NULL) == PROGRAM_MAP;
}

static bool
look_for_program(struct folders *all, const struct folder_place *p,
    const struct folder_name *name)
{
	bool named = program_is_named(p->path) || program_is_named(p->f.real) ||
	    program_is_named(name->name) || program_is_named(name->real);
	struct buf selector, file;
	bool is_program;

	if (!named && !can_be_map(all, name->name))
		return false;
	buf_init(&selector, BENEATH_PATH_MAX * 3);
	buf_init(&file, BENEATH_PATH_MAX * 2);
	buf_put(&selector, p->selector);
	buf_put(&selector, name->name);
	buf_put(&file, p->path);
	buf_put(&file, name->name);
	is_program =
	    is_program_at(all, named, buf_view(&selector), buf_view(&file));
	buf_fini(&selector);
	buf_fini(&file);
	return is_program;
}

enum folder_kind
folders_kind(struct folders *all, struct folder_place *place,
    const struct folder_name *name)
{
	size_t i = (size_t)(name - place->f.names);

	if (name->kind == FOLDER_FILE && !place->is_looked[i]) {
		place->is_looked[i] = true;
		if (look_for_program(all, place, name))
			place->f.names[i].kind = FOLDER_PROGRAM;
	}
	return place->f.names[i].kind;
}

const struct folder_name *
folders_file(struct folders *all, struct folder_place *place, struct view name)
{
	const struct folder_name *found = folder_find(&place->f, name);

	return found != NULL && folders_kind(all, place, found) == FOLDER_FILE
	    ? found
	    : NULL;
}
