/*
 * resolve.c - the map first, then the longest line that holds the selector.
 *
 * Floor site.  Nothing is known of pages but how to find them: an exact line of
 * the map counts first, then what lies in a folder that a line leads to, then
 * the name of a folder without its last "/".
 */
#include "site/resolve.h"

#include <sys/stat.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/gopher.h"
#include "site/map.h"
#include "site/program.h"
#include "site/protect.h"
#include "site/target.h"

/* Bytes that visits may leave in an arena before it is emptied. */
#define VISIT_BYTES_MAX ((size_t)64 << 10)

/* A line of the map that names a page, and the page as it is now. */
struct named {
	const struct conf_pair *pair;
	struct page page;
	bool is_fresh;
};

/* A file that a page shows which is found by a link, and is protected. */
struct link_rule {
	uint64_t file; /* hash of its one name */
	const struct access_rule *rule;
};

struct resolver {
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	const struct access *access;
	struct arena *arena;      /* as long as this */
	struct arena *fresh;      /* until the next resolver_forget */
	struct arena *scratch;    /* until the next call */
	struct hash *by_selector; /* -> struct named */
	struct hash *covers;      /* as in struct pages */
	struct named *named;
	size_t n_named;
	const struct conf_pair **mapped; /* lines that name folders */
	size_t n_mapped;
	struct folders *folders;
	struct hash_seed seed;
	struct link_rule *links; /* sorted by file */
	size_t n_links, cap_links;
};

/* What is called name in a folder. */
struct file_name {
	struct view path, file; /* as it is opened; its one name */
};

static void
renew_arena(struct arena *a)
{
	if (arena_size(a) > VISIT_BYTES_MAX)
		arena_reset(a);
}

/* a and b as one string. */
static struct view
join_views(struct arena *a, struct view x, struct view y)
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

/* What is called name in a folder. */
static struct file_name
name_in_place(struct arena *a, const struct folder_place *place,
    const struct folder_name *name)
{
	return (struct file_name){ join_views(a, place->path, name->name),
		name->real.len > 0 ? arena_copy(a, name->real)
				   : join_views(a, place->f.real, name->name) };
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
		return found == NULL ? none : name_in_place(a, place, found);
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

/* Say what the page is made from: x.gmi, x.gophermap, or both. */
static void
set_files(struct resolver *r, struct arena *a, struct page *page,
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

static void
start_page(struct page *page, struct view selector, enum page_kind kind,
    int line)
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

/* The page of a line of the map, looked at once until all is forgotten. */
static struct page *
named_page(struct resolver *r, struct named *named)
{
	const struct conf_pair *pair = named->pair;
	struct page *page = &named->page;

	if (named->is_fresh)
		return page;
	start_page(page, pair->key, PAGE_FILE, pair->line);
	if (pair->value.p[0] == '@')
		set_action(r, page, pair);
	else
		set_files(r, r->fresh, page,
		    name_of_path(r, r->fresh, pair->value), NULL);
	named->is_fresh = true;
	return page;
}

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
	start_page(to, selector, PAGE_FILE, place->line);
	to->walked = true;
	to->linked = place->linked;
	set_files(r, a, to, name_in_place(a, place, name), place);
}

/* What answers for a folder that is walked. */
static bool
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
	start_page(to, selector, PAGE_LISTING, place->line);
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
	start_page(to, selector, kind, same->line);
	to->same = copy;
	to->mime = same->mime;
	to->hidden = true;
}

/* A name in a folder. */
static bool
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
	*to = *named_page(r, named);
	return true;
}

/* The name of a folder without its last "/". */
static bool
resolve_slashless(struct resolver *r, struct view selector, struct arena *a,
    struct page *to)
{
	struct page folder;

	if (selector.len == 0 ||
	    !resolve_own(r, join_views(a, selector, VIEW("/")), a, &folder))
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
	start_page(to, selector, PAGE_CAPS_TXT, 0);
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
	return named_page(r, hash_find(r->by_selector, pair->key));
}

char
resolve_item(struct resolver *r, struct view selector)
{
	const struct page *app;
	struct view bare = selector;
	struct page page;

	renew_arena(r->scratch);
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

/* -- walking -- */

/* What the helpers below share. */
struct walk {
	struct resolver *r;
	const struct resolve_visit *visit;
	struct arena *a; /* of the page at hand */
};

static bool
visit_page(struct walk *w, struct page *page)
{
	struct view bare = page->selector;
	struct page slash;

	if (w->visit->page == NULL)
		return true;
	if (!w->visit->page(w->visit->arg, page))
		return false;
	if (bare.len < 2 || !view_has_suffix(bare, VIEW("/")))
		return true;
	bare.len--;
	return !resolve_selector(w->r, bare, w->a, &slash) ||
	    slash.kind != PAGE_SLASH || w->visit->page(w->visit->arg, &slash);
}

static bool walk_place(struct walk *w, struct folder_place *place);

/* One name in a folder that is held. */
static bool
walk_name(struct walk *w, struct folder_place *place,
    const struct folder_name *name)
{
	enum folder_kind kind;
	struct folder_place *child;
	struct view selector;
	struct page page;

	if (name->kind == FOLDER_FILE && w->visit->page == NULL)
		return true;
	kind = folders_kind(w->r->folders, place, name);
	renew_arena(w->a);
	selector = join_views(w->a, place->selector, name->name);
	if (kind == FOLDER_FILE)
		return hash_find(w->r->by_selector, selector) != NULL ||
		    !resolve_name(w->r, selector, w->a, place, &page) ||
		    visit_page(w, &page);
	if (kind == FOLDER_FOLDER) {
		selector = join_views(w->a, selector, VIEW("/"));
		if (hash_find(w->r->covers, selector) != NULL)
			return true;
		child = folders_find(w->r->folders, selector);
		return child == NULL || walk_place(w, child);
	}
	if (w->visit->other != NULL)
		w->visit->other(w->visit->arg, place, name);
	return true;
}

/* All of a folder, which is held meanwhile. */
static bool
walk_place(struct walk *w, struct folder_place *place)
{
	bool goes_on = true;
	struct page page;
	size_t i;

	if ((w->visit->folder != NULL &&
		!w->visit->folder(w->visit->arg, place)) ||
	    place->fault != FOLDERS_FINE)
		return true;
	folders_hold(place);
	renew_arena(w->a);
	if (w->visit->page != NULL &&
	    hash_find(w->r->by_selector, place->selector) == NULL &&
	    resolve_folder(w->r, place->selector, w->a, place, &page))
		goes_on = visit_page(w, &page);
	for (i = 0; goes_on && i < place->f.n; i++)
		goes_on = walk_name(w, place, &place->f.names[i]);
	folders_release(place);
	return goes_on;
}

bool
resolver_walk_folder(struct resolver *r, struct view selector,
    const struct resolve_visit *visit)
{
	struct walk w = { r, visit, arena_new() };
	struct folder_place *place = folders_find(r->folders, selector);
	bool whole = place == NULL || walk_place(&w, place);

	arena_free(w.a);
	return whole;
}

bool
resolver_walk_named(struct resolver *r, const struct resolve_visit *visit)
{
	struct walk w = { r, visit, arena_new() };
	bool goes_on = true;
	struct page page;
	size_t i;

	for (i = 0; goes_on && i < r->n_named; i++) {
		renew_arena(w.a);
		page = *named_page(r, &r->named[i]);
		goes_on = visit_page(&w, &page);
	}
	arena_free(w.a);
	return goes_on;
}

bool
resolver_walk(struct resolver *r, const struct resolve_visit *visit)
{
	struct walk w = { r, visit, arena_new() };
	bool goes_on = resolver_walk_named(r, visit);
	struct page page;
	size_t i;

	for (i = 0; goes_on && i < r->n_mapped; i++)
		goes_on = resolver_walk_folder(r, r->mapped[i]->key, visit);
	if (goes_on && resolve_selector(r, VIEW(PAGES_CAPS), w.a, &page) &&
	    page.kind == PAGE_CAPS_TXT)
		goes_on = visit_page(&w, &page);
	arena_free(w.a);
	return goes_on;
}

/* -- what a folder shows -- */

/* What the helpers below share. */
struct children {
	struct resolver *r;
	bool (*visit)(void *arg, struct page *page);
	void *arg;
	bool shown;
	struct arena *a;
};

static bool
show_page(const struct children *c, struct page *page)
{
	return (c->shown && !page_is_listed(page)) || c->visit(c->arg, page);
}

/* A folder, by what answers for it. */
static bool
show_folder(struct children *c, struct view selector)
{
	struct folder_place *place;
	struct page page;

	if (hash_find(c->r->by_selector, selector) != NULL)
		return true;
	place = folders_find(c->r->folders, selector);
	return place == NULL || place->fault != FOLDERS_FINE ||
	    !resolve_folder(c->r, selector, c->a, place, &page) ||
	    show_page(c, &page);
}

static bool
show_name(struct children *c, struct folder_place *place,
    const struct folder_name *name)
{
	enum folder_kind kind = folders_kind(c->r->folders, place, name);
	struct view selector;
	struct page page;

	renew_arena(c->a);
	selector = join_views(c->a, place->selector, name->name);
	if (kind == FOLDER_FILE)
		return hash_find(c->r->by_selector, selector) != NULL ||
		    !resolve_name(c->r, selector, c->a, place, &page) ||
		    show_page(c, &page);
	selector = join_views(c->a, selector, VIEW("/"));
	return kind != FOLDER_FOLDER ||
	    hash_find(c->r->covers, selector) != NULL ||
	    show_folder(c, selector);
}

/* What lies in the folder, if it is one. */
static bool
show_names(struct children *c, struct view folder)
{
	struct folder_place *place = folders_find(c->r->folders, folder);
	bool goes_on = true;
	size_t i;

	if (place == NULL || place->fault != FOLDERS_FINE)
		return true;
	folders_hold(place);
	for (i = 0; goes_on && i < place->f.n; i++)
		goes_on = show_name(c, place, &place->f.names[i]);
	folders_release(place);
	return goes_on;
}

bool
resolver_children(struct resolver *r, struct view folder, bool shown,
    bool (*visit)(void *arg, struct page *page), void *arg)
{
	struct children c = { r, visit, arg, shown, arena_new() };
	bool goes_on = true;
	struct page page;
	size_t i;

	for (i = 0; goes_on && i < r->n_named; i++)
		if (view_eq(pages_folder(r->named[i].pair->key), folder)) {
			page = *named_page(r, &r->named[i]);
			goes_on = show_page(&c, &page);
		}
	for (i = 0; goes_on && i < r->n_mapped; i++)
		if (view_eq(pages_folder(r->mapped[i]->key), folder))
			goes_on = show_folder(&c, r->mapped[i]->key);
	goes_on = goes_on && show_names(&c, folder);
	arena_free(c.a);
	return goes_on;
}

/* -- who may read it -- */

/* The earlier line of [access], of which either may be NULL. */
static const struct access_rule *
earlier_rule(const struct access_rule *a, const struct access_rule *b)
{
	return a == NULL || (b != NULL && b < a) ? b : a;
}

/* The rule of a page's own names, if it shows the file. */
static const struct access_rule *
rule_if_shown(struct resolver *r, const struct page *page, struct view file)
{
	return page->kind == PAGE_FILE &&
		(view_eq(page->file, file) || view_eq(page->map_file, file))
	    ? protect_own_rule(r->access, page)
	    : NULL;
}

/* The folder of that one name where a line of the map has it, by no link. */
static struct folder_place *
find_real(struct resolver *r, const struct conf_pair *cover, struct view real)
{
	struct folder_place *place = folders_find(r->folders, cover->key);
	struct view selector;

	if (place == NULL || place->fault != FOLDERS_FINE ||
	    !view_has_prefix(real, place->f.real))
		return NULL;
	selector = join_views(r->scratch, cover->key,
	    view_skip(real, place->f.real.len));
	if (folders_cover(r->folders, selector) != cover)
		return NULL;
	place = folders_find(r->folders, selector);
	return place != NULL && place->fault == FOLDERS_FINE &&
		!place->linked && view_eq(place->f.real, real)
	    ? place
	    : NULL;
}

/* The rule of the pages that show the file where it lies in place. */
static const struct access_rule *
rule_in_place(struct resolver *r, struct folder_place *place, struct view file)
{
	struct view stem = pages_stem(pages_name(file)), selector;
	const struct access_rule *rule = NULL;
	const struct folder_name *name;
	struct page page;
	size_t i;

	if (hash_find(r->by_selector, place->selector) == NULL &&
	    resolve_folder(r, place->selector, r->scratch, place, &page))
		rule = rule_if_shown(r, &page, file);
	/* A page is made of files that differ in their extensions. */
	for (i = 0; i < place->f.n; i++) {
		name = &place->f.names[i];
		if (!view_eq(pages_stem(name->name), stem))
			continue;
		selector = join_views(r->scratch, place->selector, name->name);
		if (hash_find(r->by_selector, selector) == NULL &&
		    resolve_name(r, selector, r->scratch, place, &page))
			rule =
			    earlier_rule(rule, rule_if_shown(r, &page, file));
	}
	return rule;
}

static int
by_file(const void *a, const void *b)
{
	const struct link_rule *x = a, *y = b;

	return x->file != y->file ? (x->file > y->file) - (x->file < y->file)
				  : (x->rule > y->rule) - (x->rule < y->rule);
}

/* The rule of the pages that show the file and were found by a link. */
static const struct access_rule *
rule_of_links(const struct resolver *r, struct view file)
{
	uint64_t hash = hash_bytes(file, r->seed);
	size_t low = 0, high = r->n_links, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (r->links[middle].file < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n_links && r->links[low].file == hash
	    ? r->links[low].rule
	    : NULL;
}

/* The rule of any page that shows the file and has one by its own names. */
static const struct access_rule *
rule_of_file(struct resolver *r, struct view file)
{
	const struct access_rule *rule;
	struct folder_place *place;
	size_t i;

	if (file.len == 0 || view_has_suffix(file, VIEW("/")))
		return NULL;
	rule = rule_of_links(r, file);
	for (i = 0; i < r->n_named; i++)
		rule = earlier_rule(rule,
		    rule_if_shown(r, named_page(r, &r->named[i]), file));
	for (i = 0; i < r->n_mapped; i++) {
		place = find_real(r, r->mapped[i], pages_folder(file));
		if (place != NULL)
			rule =
			    earlier_rule(rule, rule_in_place(r, place, file));
	}
	return rule;
}

/* The rule for the selector that a file or a folder has, or would have if it
 * were served, where it lies in the nearest folder that is. */
static const struct access_rule *
rule_where_it_lies(struct resolver *r, struct view file)
{
	struct folder_place *place = NULL;
	struct view folder = file;
	size_t i;

	do {
		folder = pages_folder(folder);
		for (i = 0; place == NULL && i < r->n_mapped; i++)
			place = find_real(r, r->mapped[i], folder);
	} while (place == NULL && folder.len > 0);
	return place == NULL ? NULL
			     : access_find(r->access,
				   join_views(r->scratch, place->selector,
				       view_skip(file, folder.len)));
}

/* The rule for what has no own, by what it shows. */
static const struct access_rule *
rule_of_content(struct resolver *r, const struct page *page)
{
	const struct access_rule *rule = rule_of_file(r, page->file);

	if (rule == NULL && page->map_file.len > 0)
		rule = rule_of_file(r, page->map_file);
	if (rule == NULL)
		rule = rule_where_it_lies(r, page->file);
	if (rule == NULL && page->map_file.len > 0)
		rule = rule_where_it_lies(r, page->map_file);
	return rule;
}

const struct access_rule *
resolver_rule(struct resolver *r, struct page *page)
{
	page->rule = NULL;
	page->borrowed = false;
	if (r->access == NULL)
		return NULL;
	page->rule = protect_own_rule(r->access, page);
	if (page->rule != NULL)
		return page->rule;
	renew_arena(r->scratch);
	if (page->kind == PAGE_ATOM ||
	    ((page->kind == PAGE_FILE || page->kind == PAGE_LISTING) &&
		page->linked)) {
		page->rule = rule_of_content(r, page);
		page->borrowed = page->rule != NULL;
	} else if (page->kind == PAGE_SAME)
		page->rule = resolver_rule(r, page->same);
	return page->rule;
}

void
resolver_links_begin(struct resolver *r)
{
	r->n_links = 0;
}

static void
add_link_rule(struct resolver *r, struct view file,
    const struct access_rule *rule)
{
	if (file.len == 0)
		return;
	if (r->n_links == r->cap_links) {
		r->cap_links = r->cap_links == 0 ? 64 : r->cap_links * 2;
		r->links = xrealloc(r->links, r->cap_links, sizeof(*r->links));
	}
	r->links[r->n_links++] =
	    (struct link_rule){ hash_bytes(file, r->seed), rule };
}

void
resolver_links_add(struct resolver *r, const struct page *page)
{
	const struct access_rule *rule;

	if (r->access == NULL || page->kind != PAGE_FILE || !page->linked ||
	    (rule = protect_own_rule(r->access, page)) == NULL)
		return;
	add_link_rule(r, page->file, rule);
	add_link_rule(r, page->map_file, rule);
}

void
resolver_links_end(struct resolver *r)
{
	if (r->n_links > 0)
		qsort(r->links, r->n_links, sizeof(*r->links), by_file);
}

static bool
learn_page(void *arg, struct page *page)
{
	resolver_links_add(arg, page);
	return true;
}

void
resolver_learn_links(struct resolver *r)
{
	struct resolve_visit visit = { .page = learn_page, .arg = r };

	if (r->access == NULL)
		return;
	resolver_links_begin(r);
	(void)resolver_walk(r, &visit);
	resolver_links_end(r);
}

/* -- places -- */

size_t
resolver_count_mapped(const struct resolver *r)
{
	return r->n_mapped;
}

struct folder_place *
resolver_mapped(struct resolver *r, size_t i)
{
	return folders_find(r->folders, r->mapped[i]->key);
}

struct folder_place *
resolver_place_of(struct resolver *r, size_t i, struct view real)
{
	renew_arena(r->scratch);
	return find_real(r, r->mapped[i], real);
}

/* False if neither this name nor one behind it is stem, or stem and a dot. */
static bool
may_have_stem(struct view name, struct view stem)
{
	return view_has_prefix(name, stem) &&
	    (name.len == stem.len || (unsigned char)name.p[stem.len] <= '.');
}

/* The selector of the page that shows the file where it lies in place. */
static struct view
selector_in_place(struct resolver *r, struct folder_place *place,
    struct view file, struct arena *a)
{
	struct view selector, stem = pages_stem(pages_name(file));
	struct page page;
	size_t i;

	if (hash_find(r->by_selector, place->selector) == NULL &&
	    resolve_folder(r, place->selector, a, place, &page) &&
	    page.kind == PAGE_FILE && !page.linked && view_eq(page.file, file))
		return arena_copy(a, place->selector);
	for (i = folder_seek(&place->f, stem);
	     i < place->f.n && may_have_stem(place->f.names[i].name, stem);
	     i++) {
		if (!view_eq(pages_stem(place->f.names[i].name), stem))
			continue;
		selector =
		    join_views(a, place->selector, place->f.names[i].name);
		if (hash_find(r->by_selector, selector) == NULL &&
		    resolve_name(r, selector, a, place, &page) &&
		    page.kind == PAGE_FILE && !page.linked &&
		    view_eq(page.file, file))
			return selector;
	}
	return VIEW("");
}

struct view
resolver_selector_of(struct resolver *r, struct view file, struct arena *a)
{
	struct view selector = VIEW("");
	struct folder_place *place;
	const struct page *page;
	size_t i;

	for (i = 0; i < r->n_named; i++) {
		page = named_page(r, &r->named[i]);
		if (page->kind == PAGE_FILE && view_eq(page->file, file))
			return page->selector;
	}
	for (i = 0; selector.len == 0 && i < r->n_mapped; i++) {
		place = resolver_place_of(r, i, pages_folder(file));
		if (place != NULL)
			selector = selector_in_place(r, place, file, a);
	}
	return selector;
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
