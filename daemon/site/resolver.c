/*
 * resolver.c - the lines of a map, and the files that a page is made from.
 *
 * Floor site.
 */
#include "site/resolver.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "site/map.h"
#include "site/program.h"
#include "site/target.h"

/* Bytes that visits may leave in an arena before it is emptied. */
#define VISIT_BYTES_MAX ((size_t)64 << 10)

void
resolver_trim_arena(struct arena *a)
{
	if (arena_size(a) > VISIT_BYTES_MAX)
		arena_reset(a);
}

struct view
resolver_join(struct arena *a, struct view x, struct view y)
{
	char *p = arena_alloc(a, x.len + y.len + 1);

	if (x.len > 0)
		memcpy(p, x.p, x.len);
	if (y.len > 0)
		memcpy(p + x.len, y.p, y.len);
	return (struct view){ p, x.len + y.len };
}

/* -- the files of a page -- */

/* The one name of a file that the map names; its path if it is not there. */
static struct file_name
name_of_path(struct resolver *r, struct arena *a, struct view path)
{
	char room[BENEATH_PATH_MAX * 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };
	struct file_name s = { path, path };
	const char *why;
	struct stat st;

	if (beneath_stat(r->root, path, &st, &why) == 0 &&
	    S_ISREG(st.st_mode)) {
		beneath_put_name(r->root, &name);
		s.file = arena_copy(a, buf_view(&name));
	}
	return s;
}

struct file_name
resolver_name_in_place(struct arena *a, const struct folder_place *place,
    const struct folder_name *name)
{
	return (struct file_name){ resolver_join(a, place->path, name->name),
		name->real.len > 0
		    ? arena_copy(a, name->real)
		    : resolver_join(a, place->f.real, name->name) };
}

static bool
is_regular(struct resolver *r, struct view path)
{
	const char *why;
	struct stat st;

	return beneath_stat(r->root, path, &st, &why) == 0 &&
	    S_ISREG(st.st_mode);
}

/* The file beside path that differs in its extension; an empty path if there
 * is none.  place: the folder, unless the map names the page. */
static struct file_name
find_beside(struct resolver *r, struct arena *a, const struct page *page,
    struct view path, const char *extension, struct folder_place *place)
{
	static const struct file_name none = { VIEW_INIT(""), VIEW_INIT("") };
	char room[BENEATH_PATH_MAX];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };
	const struct folder_name *found;

	buf_put(&name, pages_stem(path));
	buf_puts(&name, extension);
	if (name.failed)
		return none;
	if (place != NULL) {
		found = folders_file(r->folders, place,
		    pages_name(buf_view(&name)));
		return found == NULL ? none
				     : resolver_name_in_place(a, place, found);
	}
	if (!is_regular(r, buf_view(&name)))
		return none;
	/* The map does not name it: it may be left out. */
	if (!page_is_map(page) &&
	    program_look(r->root, buf_view(&name), NULL, NULL) == PROGRAM_MAP)
		return none;
	return name_of_path(r, a, arena_copy(a, buf_view(&name)));
}

/* True if a link led from the folder to the file. */
static bool
is_elsewhere(const struct folder_place *place, struct view file,
    struct view path)
{
	struct view name = pages_name(path);

	return file.len != place->f.real.len + name.len ||
	    !view_has_prefix(file, place->f.real) ||
	    !view_has_suffix(file, name);
}

void
resolver_set_files(struct resolver *r, struct arena *a, struct page *page,
    struct file_name file, struct folder_place *place)
{
	static const char *const gemtexts[] = { ".gmi", ".gemini" };
	struct file_name found;
	size_t i;

	page->path = file.path;
	page->file = file.file;
	page->mime = map_type(r->capsule, page->selector, file.path);
	if (page_is_gemtext(page)) {
		found = find_beside(r, a, page, file.path, ".gophermap", place);
		page->map = found.path;
		page->map_file = found.file;
	}
	for (i = 0; page_is_map(page) && i < 2; i++) {
		found = find_beside(r, a, page, file.path, gemtexts[i], place);
		if (found.path.len == 0)
			continue;
		page->map = file.path;
		page->map_file = file.file;
		page->path = found.path;
		page->file = found.file;
		page->mime = map_type(r->capsule, page->selector, found.path);
	}
	if (place != NULL &&
	    (is_elsewhere(place, page->file, page->path) ||
		(page->map.len > 0 &&
		    is_elsewhere(place, page->map_file, page->map))))
		page->linked = true;
}

void
resolver_start_page(struct page *page, struct view selector,
    enum page_kind kind, int line)
{
	*page = (struct page){ .kind = kind,
		.selector = selector,
		.line = line,
		.mime.item = '1',
		.size = -1 };
}

/* -- what the map names -- */

static void
set_application(struct resolver *r, struct page *page,
    const struct conf_pair *pair)
{
	struct target target;
	struct buf why;

	buf_init(&why, CONF_LINE_MAX * 8);
	if (target_parse(r->conf, pair, r->fresh, &target, &why) == 0)
		page->mime.item = target.item;
	buf_fini(&why); /* the configuration's check has told */
	page->target = pair->value;
}

/* What stands behind the first word. */
static void
set_action(struct resolver *r, struct page *page, const struct conf_pair *pair)
{
	(void)pages_read_action(pair->value, page);
	if (page->kind == PAGE_APP)
		set_application(r, page, pair);
	if (page->kind != PAGE_ATOM)
		return;
	page->path = page->target;
	page->file = name_of_path(r, r->fresh, page->path).file;
	page->target = VIEW("");
}

struct page *
resolver_find_named(struct resolver *r, struct named *named)
{
	const struct conf_pair *pair = named->pair;
	struct page *page = &named->page;

	if (named->is_fresh)
		return page;
	resolver_start_page(page, pair->key, PAGE_FILE, pair->line);
	if (pair->value.p[0] == '@')
		set_action(r, page, pair);
	else
		resolver_set_files(r, r->fresh, page,
		    name_of_path(r, r->fresh, pair->value), NULL);
	named->is_fresh = true;
	return page;
}
/* -- the resolver -- */

/* Take in a line of the map; the configuration's check has told what is wrong
 * with it. */
static void
learn_map_line(struct resolver *r, const struct conf_pair *pair)
{
	struct page page;
	struct named *named = &r->named[r->n_named];
	bool is_action;

	if (!view_has_prefix(pair->key, VIEW("/")) || pair->value.len == 0)
		return;
	is_action = pair->value.p[0] == '@';
	if (is_action && !pages_read_action(pair->value, &page))
		return;
	if (!is_action && view_has_suffix(pair->value, VIEW("/"))) {
		if (hash_put(r->covers, pair->key, (void *)(uintptr_t)pair) ==
		    NULL)
			r->mapped[r->n_mapped++] = pair;
		return;
	}
	if (hash_put(r->by_selector, pair->key, named) != NULL)
		return;
	named->pair = pair;
	r->n_named++;
	if (is_action && page.kind == PAGE_APP &&
	    view_has_suffix(pair->key, VIEW("/")))
		(void)hash_put(r->covers, pair->key, (void *)(uintptr_t)pair);
}

struct resolver *
resolver_new(const struct conf *conf, const struct conf_capsule *capsule,
    struct beneath *root, const struct access *access)
{
	const struct conf_pairs *map = &capsule->selectors;
	struct resolver *r = xcalloc(1, sizeof(*r));
	size_t i;

	r->conf = conf;
	r->capsule = capsule;
	r->root = root;
	r->access = access;
	r->arena = arena_new();
	r->fresh = arena_new();
	r->scratch = arena_new();
	r->seed = hash_seed_draw();
	r->by_selector = hash_new(r->arena, map->n);
	r->covers = hash_new(r->arena, map->n);
	r->named = arena_alloc(r->arena, (map->n + 1) * sizeof(*r->named));
	r->mapped = arena_alloc(r->arena, (map->n + 1) * sizeof(*r->mapped));
	for (i = 0; i < map->n; i++)
		learn_map_line(r, &map->v[i]);
	r->folders = folders_new(capsule, root, r->covers);
	return r;
}

void
resolver_forget(struct resolver *r)
{
	size_t i;

	folders_forget(r->folders);
	for (i = 0; i < r->n_named; i++)
		r->named[i].is_fresh = false;
	arena_free(r->fresh);
	r->fresh = arena_new();
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	folders_free(r->folders);
	xfree(r->links);
	arena_free(r->arena);
	arena_free(r->fresh);
	arena_free(r->scratch);
	xfree(r);
}
