/*
 * resolve.c - the map first, then the longest line that holds the selector.
 *
 * Floor site.  An exact line of the map counts first, then what lies in a
 * folder that a line leads to, then the name of a folder without its last "/".
 */
#include "site/resolve.h"

#include "site/map.h"
#include "site/program.h"
#include "site/target.h"

/* -- what lies in folders -- */

/* The file that answers for the folder itself, or NULL. */
static const struct folder_name *
find_index(struct resolver *r, struct folder_place *place)
{
	static const struct view names[] = { VIEW_INIT("index.gmi"),
		VIEW_INIT("index.gemini"), VIEW_INIT("index.gophermap") };
	const struct folder_name *found = NULL;
	size_t i;

	for (i = 0; found == NULL && i < sizeof(names) / sizeof(names[0]); i++)
		found = folders_file(r->folders, place, names[i]);
	return found;
}

/* True if the name is that file; most names tell that they are not. */
static bool
is_index(struct resolver *r, struct folder_place *place,
    const struct folder_name *name)
{
	return view_has_prefix(name->name, VIEW("index.")) &&
	    name == find_index(r, place);
}

/* True for a folder of programs, none of which is served. */
static bool
has_programs_alone(struct resolver *r, struct folder_place *place)
{
	size_t i = 0;

	if (!program_is_named(place->f.real))
		return false;
	while (i < place->f.n &&
	    folders_kind(r->folders, place, &place->f.names[i]) != FOLDER_FILE)
		i++;
	return i == place->f.n;
}

/* The page of a file that was found in a folder. */
static void
set_walked(struct resolver *r, struct view selector, struct arena *a,
    struct folder_place *place, const struct folder_name *name, struct page *to)
{
	resolver_start_page(to, selector, PAGE_FILE, place->line);
	to->walked = true;
	to->linked = place->linked;
	resolver_set_files(r, a, to, resolver_name_in_place(a, place, name),
	    place);
}

bool
resolve_folder(struct resolver *r, struct view selector, struct arena *a,
    struct folder_place *place, struct page *to)
{
	const struct folder_name *index = find_index(r, place);

	if (index != NULL) {
		set_walked(r, selector, a, place, index, to);
		return true;
	}
	if (!map_has_listing(r->capsule, selector) ||
	    has_programs_alone(r, place))
		return false;
	resolver_start_page(to, selector, PAGE_LISTING, place->line);
	to->file = arena_copy(a, place->f.real);
	to->linked = place->linked;
	return true;
}

/* Another name for the page same, which is given, and lives as long as a. */
static void
set_alias(struct arena *a, struct page *to, enum page_kind kind,
    struct view selector, const struct page *same)
{
	struct page *copy = arena_alloc(a, sizeof(*copy));

	*copy = *same;
	resolver_start_page(to, selector, kind, same->line);
	to->same = copy;
	to->mime = same->mime;
	to->hidden = true;
}

bool
resolve_name(struct resolver *r, struct view selector, struct arena *a,
    struct folder_place *place, struct page *to)
{
	const struct folder_name *name =
	    folders_file(r->folders, place, pages_name(selector));
	struct page index;

	if (name == NULL)
		return false;
	if (is_index(r, place, name) &&
	    hash_find(r->by_selector, place->selector) == NULL) {
		(void)resolve_folder(r, arena_copy(a, place->selector), a,
		    place, &index);
		set_alias(a, to, PAGE_SAME, selector, &index);
		return true;
	}
	set_walked(r, selector, a, place, name, to);
	/* A pair is listed once, by the name of its gemtext. */
	to->hidden =
	    to->map.len > 0 && view_eq(pages_name(to->map), name->name);
	return true;
}

/* selector up to its last "/". */
static struct view
folder_around(struct view selector)
{
	while (selector.len > 0 && selector.p[selector.len - 1] != '/')
		selector.len--;
	return selector;
}

static bool
resolve_walked(struct resolver *r, struct view selector, struct arena *a,
    struct page *to)
{
	struct folder_place *place =
	    folders_find(r->folders, folder_around(selector));

	if (place == NULL || place->fault != FOLDERS_FINE)
		return false;
	return view_has_suffix(selector, VIEW("/"))
	    ? resolve_folder(r, selector, a, place, to)
	    : resolve_name(r, selector, a, place, to);
}

/* -- what a selector is -- */

/* What is there by its own name. */
static bool
resolve_own(struct resolver *r, struct view selector, struct arena *a,
    struct page *to)
{
	struct named *named = hash_find(r->by_selector, selector);

	if (named == NULL)
		return resolve_walked(r, selector, a, to);
	*to = *resolver_find_named(r, named);
	return true;
}

/* The name of a folder without its last "/". */
static bool
resolve_slashless(struct resolver *r, struct view selector, struct arena *a,
    struct page *to)
{
	struct page folder;

	if (selector.len == 0 ||
	    !resolve_own(r, resolver_join(a, selector, VIEW("/")), a, &folder))
		return false;
	set_alias(a, to, PAGE_SLASH, selector, &folder);
	return true;
}

bool
resolve_selector(struct resolver *r, struct view selector, struct arena *a,
    struct page *to)
{
	selector = arena_copy(a, selector);
	if (resolve_own(r, selector, a, to) ||
	    resolve_slashless(r, selector, a, to))
		return true;
	if (!view_eq(selector, VIEW(PAGES_CAPS)))
		return false;
	resolver_start_page(to, selector, PAGE_CAPS_TXT, 0);
	to->mime = mime_of(selector);
	to->hidden = true;
	return true;
}

const struct page *
resolve_app(struct resolver *r, struct view selector)
{
	const struct conf_pair *pair;

	if (selector.len == 0)
		return NULL;
	selector.len--; /* not its own */
	pair = folders_cover(r->folders, selector);
	if (pair == NULL || !target_is(pair->value))
		return NULL;
	return resolver_find_named(r, hash_find(r->by_selector, pair->key));
}

char
resolve_item(struct resolver *r, struct view selector)
{
	const struct page *app;
	struct view bare = selector;
	struct page page;

	resolver_trim_arena(r->scratch);
	if (resolve_selector(r, selector, r->scratch, &page))
		return page.mime.item;
	/* Over Gopher a "/" too many is forgiven, so the link works. */
	if (selector.len > 1 && view_has_suffix(selector, VIEW("/"))) {
		bare.len--;
		if (resolve_selector(r, bare, r->scratch, &page))
			return page.mime.item;
	}
	app = resolve_app(r, bare);
	return app == NULL ? 0 : app->mime.item;
}
