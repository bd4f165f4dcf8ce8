/*
 * pages.c - the first pass over a capsule: which selectors are there?
 *
 * Floor site.  A link's item type depends on the page it leads to, so every
 * page must be known before the first is rendered.  Folders are listed here,
 * and no file is read but gophermaps, which may be programs.
 */
#include "site/pages.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "format/gopher.h"
#include "site/folder.h"
#include "site/map.h"
#include "site/target.h"
#include "site/trouble.h"

/* What a folder is that lies too deep. */
#define TEXT_OF(n) #n
#define WORD_OF(n) TEXT_OF(n)
#define TOO_DEEP   "lies more than " WORD_OF(PAGES_DEPTH_MAX) " folders deep"

/* What the helpers below share. */
struct collect {
	struct pages *pages;
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	struct problems *notes; /* NULL: be silent, and open no file */
	bool types_have_maps;   /* some line of [types] is for gophermaps */
	bool is_full;           /* the limit was reached, and told */
	struct trouble trouble;
};

/* A file: as it is opened, its one name, and its bytes if it was read. */
struct source {
	struct view path, file, text;
};

/* The pages right below one folder's selector. */
struct family {
	struct page *first, *last;
};

/* A folder that is being walked, and the one it was found in. */
struct level {
	const struct level *up;
	dev_t dev;
	ino_t ino;
	struct view real; /* its one name */
	bool linked;      /* a link led here from the folder above, or there */
	int depth;
	int line;
};

void
pages_init(struct pages *pages, struct arena *a)
{
	*pages = (struct pages){ .arena = a, .max = PAGES_MAX };
	pages->by_selector = hash_new(a, 0);
	pages->families = hash_new(a, 0);
	pages->covers = hash_new(a, 0);
	pages->folders = hash_new(a, 0);
}

struct page *
pages_find(const struct pages *pages, struct view selector)
{
	return hash_find(pages->by_selector, selector);
}

bool
page_is_gemtext(const struct page *page)
{
	return view_has_prefix(page->mime.type, VIEW(MIME_GEMTEXT));
}

bool
page_is_map(const struct page *page)
{
	return view_eq(page->mime.type, VIEW(MIME_GOPHERMAP));
}

struct view
pages_name(struct view path)
{
	size_t at = path.len;

	if (at > 0 && path.p[at - 1] == '/')
		at--;
	while (at > 0 && path.p[at - 1] != '/')
		at--;
	return view_skip(path, at);
}

struct view
pages_stem(struct view path)
{
	size_t len = path.len;

	while (len > 0 && path.p[len - 1] != '.' && path.p[len - 1] != '/')
		len--;
	return len > 0 && path.p[len - 1] == '.'
	    ? (struct view){ path.p, len - 1 }
	    : path;
}

/* a and b as one string that lives as long as the pages. */
static struct view
join(struct collect *c, struct view a, struct view b, const char *last)
{
	struct view end = view_of(last);
	char *p = arena_alloc(c->pages->arena, a.len + b.len + end.len + 1);

	memcpy(p, a.p, a.len);
	memcpy(p + a.len, b.p, b.len);
	memcpy(p + a.len + b.len, end.p, end.len);
	return (struct view){ p, a.len + b.len + end.len };
}

static void
tell_full(struct collect *c, struct view selector, int line)
{
	c->is_full = true;
	if (c->notes != NULL)
		problems_add(c->notes, c->conf->path, line,
		    "the map leads to more than %zu selectors: \"%.*s\" is one "
		    "too many, and is left out with all that follow; let "
		    "another capsule have some of the folders",
		    c->pages->max, VIEW_ARG(selector));
}

/* A page of its own for selector; NULL if there is one, or no room. */
static struct page *
add(struct collect *c, struct view selector, enum page_kind kind, int line)
{
	struct pages *pages = c->pages;
	struct page *page;

	if (pages_find(pages, selector) != NULL || c->is_full)
		return NULL;
	if (pages->n == pages->max) {
		tell_full(c, selector, line);
		return NULL;
	}
	page = arena_alloc(pages->arena, sizeof(*page));
	page->kind = kind;
	page->selector = selector;
	page->line = line;
	page->mime.item = '1';
	page->size = -1;
	if (pages->last == NULL)
		pages->first = page;
	else
		pages->last->next = page;
	pages->last = page;
	pages->n++;
	(void)hash_put(pages->by_selector, selector, page);
	return page;
}

/* True if whole is the name of what is called name in a folder. */
static bool
is_name_in(struct view whole, struct view folder, struct view name)
{
	return whole.len == folder.len + name.len &&
	    view_has_prefix(whole, folder) && view_has_suffix(whole, name);
}

/* What is called name in the folder f, which was listed by its path. */
static struct source
source_in(struct collect *c, const struct folder *f,
    const struct folder_name *name, struct view path)
{
	struct source s = { path, name->real, name->text };

	if (name->real.len > 0)
		return s;
	s.file = is_name_in(path, f->real, name->name)
	    ? path
	    : join(c, f->real, name->name, "");
	return s;
}

/* A file that the map names; one that is not there has its path for a name,
 * and is told of when it is opened. */
static struct source
source_named(struct collect *c, struct view path)
{
	struct source s = { .path = path, .file = path };
	const char *why;
	struct stat st;
	struct buf name;

	if (beneath_stat(c->root, path, &st, &why) < 0 || !S_ISREG(st.st_mode))
		return s;
	buf_init(&name, (size_t)BENEATH_PATH_MAX * 2);
	beneath_put_name(c->root, &name);
	s.file = arena_copy(c->pages->arena, buf_view(&name));
	buf_fini(&name);
	return s;
}

/* True if the file of that name is there. */
static bool
is_file(struct collect *c, struct view path)
{
	const char *why;
	struct stat st;

	return beneath_stat(c->root, path, &st, &why) == 0 &&
	    S_ISREG(st.st_mode);
}

/* True for a gophermap that is a program, which is then known. */
static bool
is_program(struct collect *c, struct view selector, struct view path, int line)
{
	enum program_kind kind;
	struct view text; /* not kept: few are named beside one */

	if (c->notes == NULL)
		return false;
	kind = program_look(c->root, path, c->pages->arena, &text);
	if (kind != PROGRAM_NONE)
		programs_add(&c->pages->programs, c->pages->arena, kind,
		    selector, path, line);
	return kind == PROGRAM_MAP;
}

/*
 * The file beside path that differs only in its extension; an empty path if
 * there is none.  f: the folder's list, if it is at hand.
 */
static struct source
beside(struct collect *c, const struct page *page, struct view path,
    const char *extension, const struct folder *f)
{
	static const struct source none = { .path = VIEW_INIT("") };
	char room[BENEATH_PATH_MAX];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };
	const struct folder_name *found;
	struct view whole;

	buf_put(&name, pages_stem(path));
	buf_puts(&name, extension);
	if (name.failed)
		return none;
	if (f != NULL) {
		found = folder_find(f, pages_name(buf_view(&name)));
		if (found == NULL || found->kind != FOLDER_FILE)
			return none;
		whole = arena_copy(c->pages->arena, buf_view(&name));
		return source_in(c, f, found, whole);
	}
	if (!is_file(c, buf_view(&name)))
		return none;
	whole = arena_copy(c->pages->arena, buf_view(&name));
	/* The map does not name it: it may be left out. */
	if (!page_is_map(page) &&
	    is_program(c, page->selector, whole, page->line))
		return none;
	return source_named(c, whole);
}

static void
set_map(struct page *page, struct source map)
{
	page->map = map.path;
	page->map_file = map.file;
	page->text = map.text;
}

/* True if a link led from the folder to one of the page's files. */
static bool
has_linked_file(const struct folder *f, const struct page *page)
{
	return !is_name_in(page->file, f->real, pages_name(page->path)) ||
	    (page->map.len > 0 &&
		!is_name_in(page->map_file, f->real, pages_name(page->map)));
}

/* Say what the page is made from: x.gmi, x.gophermap, or both. */
static void
set_file(struct collect *c, struct page *page, struct source file,
    const struct folder *f)
{
	static const char *const gemtexts[] = { ".gmi", ".gemini" };
	struct source found;
	size_t i;

	page->path = file.path;
	page->file = file.file;
	page->text = file.text;
	page->mime = map_type(c->capsule, page->selector, file.path);
	if (page_is_gemtext(page))
		set_map(page, beside(c, page, file.path, ".gophermap", f));
	for (i = 0; page_is_map(page) && i < 2; i++) {
		found = beside(c, page, file.path, gemtexts[i], f);
		if (found.path.len == 0)
			continue;
		set_map(page, file);
		page->path = found.path;
		page->file = found.file;
		page->mime = map_type(c->capsule, page->selector, found.path);
	}
	if (f != NULL && has_linked_file(f, page))
		page->linked = true;
}

/* An application, which has all that lies below if its selector says so. */
static void
set_app(struct collect *c, struct page *page, const struct conf_pair *pair)
{
	struct target target;
	struct buf why;

	buf_init(&why, CONF_LINE_MAX * 8);
	if (target_parse(c->conf, pair, c->pages->arena, &target, &why) == 0)
		page->mime.item = target.item;
	buf_fini(&why); /* the configuration's check has told */
	page->target = pair->value;
	if (view_has_suffix(pair->key, VIEW("/")))
		(void)hash_put(c->pages->covers, pair->key,
		    (void *)(uintptr_t)pair);
}

bool
pages_read_action(struct view value, struct page *to)
{
	static const struct {
		struct view name;
		enum page_kind kind;
		char item;
	} actions[] = { { VIEW_INIT("@gone"), PAGE_GONE, '1' },
		{ VIEW_INIT("@search"), PAGE_SEARCH, '7' },
		{ VIEW_INIT("@atom"), PAGE_ATOM, '1' },
		{ VIEW_INIT("@fastcgi"), PAGE_APP, '1' },
		{ VIEW_INIT("@scgi"), PAGE_APP, '1' },
		{ VIEW_INIT("@redirect"), PAGE_REDIRECT, '1' },
		{ VIEW_INIT("@redirect-temporary"), PAGE_REDIRECT, '1' } };
	struct view name = value;
	size_t n = 0, i;

	while (n < value.len && value.p[n] != ' ' && value.p[n] != '\t')
		n++;
	name.len = n;
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (view_eq(name, actions[i].name))
			break;
	if (i == sizeof(actions) / sizeof(actions[0]))
		return false;
	to->kind = actions[i].kind;
	to->mime.item = actions[i].item;
	to->target = view_trim(view_skip(value, n));
	to->temporary = view_eq(name, VIEW("@redirect-temporary"));
	return true;
}

static void
add_action(struct collect *c, const struct conf_pair *pair)
{
	struct page read = { .kind = PAGE_FILE }, *page;

	if (!pages_read_action(pair->value, &read))
		return; /* the configuration's check has told */
	page = add(c, pair->key, read.kind, pair->line);
	if (page == NULL)
		return;
	page->mime.item = read.mime.item;
	page->temporary = read.temporary;
	if (page->kind == PAGE_APP)
		set_app(c, page, pair);
	else if (page->kind == PAGE_ATOM) {
		page->path = read.target;
		page->file = source_named(c, read.target).file;
	} else
		page->target = read.target;
}

/* The lines that name a file or a deed; folders are kept for later. */
static void
add_named(struct collect *c, const struct conf_pair *pair)
{
	struct page *page;

	if (!view_has_prefix(pair->key, VIEW("/")) || pair->value.len == 0)
		return; /* the configuration's check has told */
	if (pair->value.p[0] == '@')
		add_action(c, pair);
	else if (view_has_suffix(pair->value, VIEW("/")))
		(void)hash_put(c->pages->covers, pair->key,
		    (void *)(uintptr_t)pair);
	else {
		page = add(c, pair->key, PAGE_FILE, pair->line);
		if (page != NULL)
			set_file(c, page, source_named(c, pair->value), NULL);
	}
}

static void
skip(struct collect *c, struct view path, struct view name, const char *why)
{
	c->pages->n_skipped++;
	if (c->notes != NULL)
		log_warnx("skipping \"%.*s%.*s\" in \"%.*s\": it %s",
		    VIEW_ARG(path), VIEW_ARG(name), VIEW_ARG(c->capsule->root),
		    why);
}

/* A folder is left out with all that lies in it. */
static void
skip_folder(struct collect *c, struct view selector, struct view path,
    const char *why, int line)
{
	if (c->notes != NULL)
		trouble_tell_folder(&c->trouble, line, selector, path, why);
}

/* True for a folder of programs, none of which is served. */
static bool
is_of_programs(const struct folder *f)
{
	size_t i = 0;

	while (i < f->n && f->names[i].kind != FOLDER_FILE)
		i++;
	return i == f->n && program_is_named(f->real);
}

/* What answers for a folder itself; its own file is then known by two names. */
static void
add_index(struct collect *c, struct view selector, struct view path,
    const struct folder *f, const struct level *level)
{
	static const struct view names[] = { VIEW_INIT("index.gmi"),
		VIEW_INIT("index.gemini"), VIEW_INIT("index.gophermap") };
	const struct folder_name *found;
	struct page *page, *alias;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		found = folder_find(f, names[i]);
		if (found == NULL || found->kind != FOLDER_FILE)
			continue;
		page = add(c, selector, PAGE_FILE, level->line);
		if (page == NULL)
			return;
		page->walked = true;
		page->linked = level->linked;
		set_file(c, page,
		    source_in(c, f, found, join(c, path, names[i], "")), f);
		alias = add(c, join(c, selector, names[i], ""), PAGE_SAME,
		    level->line);
		if (alias != NULL) {
			alias->same = page;
			alias->mime = page->mime;
			alias->hidden = true;
		}
		return;
	}
	if (!map_has_listing(c->capsule, selector) || is_of_programs(f))
		return;
	page = add(c, selector, PAGE_LISTING, level->line);
	if (page != NULL) {
		page->file = f->real;
		page->linked = level->linked;
	}
}

static void
add_walked(struct collect *c, struct view selector, struct view path,
    const struct folder *f, const struct folder_name *name,
    const struct level *level)
{
	struct view file = join(c, path, name->name, "");
	struct page *page =
	    add(c, join(c, selector, name->name, ""), PAGE_FILE, level->line);

	if (page == NULL)
		return;
	page->walked = true;
	page->linked = level->linked;
	set_file(c, page, source_in(c, f, name, file), f);
	/* A pair is listed once, by the name of its gemtext. */
	page->hidden = view_eq(page->map, file);
	if (page->selector.len > GOPHER_SELECTOR_MAX && c->notes != NULL)
		log_warnx(
		    "\"%.*s\" is longer than the %d bytes that Gopher can "
		    "ask for",
		    VIEW_ARG(page->selector), GOPHER_SELECTOR_MAX);
}

/* True if the name alone says that it can be no gophermap. */
static bool
is_no_map(const struct collect *c, struct view name)
{
	static const struct view map = VIEW_INIT("gophermap");

	return !c->types_have_maps &&
	    (name.len < map.len ||
		!view_eq_nocase(view_skip(name, name.len - map.len), map));
}

/* True for a menu, and for what is one to other servers. */
static bool
is_map(const struct collect *c, struct view selector, struct view file)
{
	struct mime mime = map_type(c->capsule, selector, file);

	return view_eq(mime.type, VIEW(MIME_GOPHERMAP)) ||
	    (view_eq(pages_name(file), VIEW("gophermap")) &&
		!map_has_type(c->capsule, selector, file));
}

static enum program_kind
program_of(const struct collect *c, bool is_named, struct view selector,
    struct view file, struct view *text)
{
	if (is_named && !map_has_type(c->capsule, selector, file))
		return PROGRAM_NAMED;
	return c->notes != NULL && is_map(c, selector, file)
	    ? program_look(c->root, file, c->pages->arena, text)
	    : PROGRAM_NONE;
}

/* Find the programs of a folder that is walked, and mark what to leave out. */
static void
mark_programs(struct collect *c, struct view selector, struct view path,
    struct folder *f, int line)
{
	bool all = program_is_named(path) || program_is_named(f->real), named;
	struct folder_name *name;
	enum program_kind kind;
	struct view place, file;
	size_t i;

	for (i = 0; i < f->n; i++) {
		name = &f->names[i];
		named = all || program_is_named(name->name) ||
		    program_is_named(name->real);
		if (name->kind != FOLDER_FILE ||
		    (!named && is_no_map(c, name->name)))
			continue;
		place = join(c, selector, name->name, "");
		file = join(c, path, name->name, "");
		kind = program_of(c, named, place, file, &name->text);
		if (kind != PROGRAM_NONE && kind != PROGRAM_EXECUTABLE)
			name->kind = FOLDER_PROGRAM;
		/* What the map names itself does not come from here. */
		if (kind != PROGRAM_NONE && pages_find(c->pages, place) == NULL)
			programs_add(&c->pages->programs, c->pages->arena, kind,
			    place, source_in(c, f, name, file).file, line);
	}
}

/* True if the folder is one of those it was found in: a link led back. */
static bool
is_circle(const struct level *level, const struct folder *f)
{
	for (; level != NULL; level = level->up)
		if (level->dev == f->dev && level->ino == f->ino)
			return true;
	return false;
}

/* Remember where a folder is; the first place counts. */
static void
add_folder(struct collect *c, struct view real, struct view selector)
{
	struct view *place = arena_alloc(c->pages->arena, sizeof(*place));

	*place = selector;
	(void)hash_put(c->pages->folders, real, place);
}

/* Every file below the folder at path; path and selector end with "/". */
static void
walk(struct collect *c, struct view selector, struct view path,
    const struct level *up, int line)
{
	struct level level = { .up = up,
		.depth = up == NULL ? 1 : up->depth + 1,
		.line = line };
	struct view below;
	struct folder f;
	const char *why;
	size_t i;

	if (level.depth > PAGES_DEPTH_MAX) {
		errno = 0;
		skip_folder(c, selector, path, TOO_DEEP, line);
		return;
	}
	if (folder_read(c->root, path, c->pages->arena, &f, &why) < 0) {
		skip_folder(c, selector, path, why, line);
		return;
	}
	if (is_circle(up, &f)) {
		skip(c, path, VIEW(""), "is a folder that holds it");
		return;
	}
	level.dev = f.dev;
	level.ino = f.ino;
	level.real = f.real;
	level.linked = up != NULL &&
	    (up->linked || !is_name_in(f.real, up->real, pages_name(path)));
	if (!level.linked)
		add_folder(c, f.real, selector);
	mark_programs(c, selector, path, &f, line);
	add_index(c, selector, path, &f, &level);
	for (i = 0; i < f.n && !c->is_full; i++) {
		if (f.names[i].kind == FOLDER_FILE)
			add_walked(c, selector, path, &f, &f.names[i], &level);
		if (f.names[i].kind == FOLDER_OTHER)
			skip(c, path, f.names[i].name, f.names[i].why);
		if (f.names[i].kind != FOLDER_FOLDER)
			continue;
		below = join(c, selector, f.names[i].name, "/");
		/* The longest match wins: what is mapped itself is not here. */
		if (hash_find(c->pages->covers, below) == NULL)
			walk(c, below, join(c, path, f.names[i].name, "/"),
			    &level, line);
	}
}

/* "/x" for each "/x/", so that a forgotten "/" finds its folder. */
static void
add_slashless(struct collect *c)
{
	struct page *page, *last = c->pages->last, *bare;
	struct view selector;

	for (page = c->pages->first; page != NULL; page = page->next) {
		selector = page->selector;
		if (selector.len > 1 && view_has_suffix(selector, VIEW("/"))) {
			selector.len--;
			bare = add(c, selector, PAGE_SLASH, page->line);
			if (bare != NULL) {
				bare->same = page;
				bare->mime = page->mime;
				bare->hidden = true;
			}
		}
		if (page == last)
			break;
	}
}

struct view
pages_folder(struct view selector)
{
	selector.len -= pages_name(selector).len;
	return selector;
}

bool
page_is_listed(const struct page *page)
{
	struct view name = pages_name(page->selector);

	return !page->hidden && name.len > 0 && name.p[0] != '.' &&
	    page->selector.len > 1 &&
	    (page->kind == PAGE_FILE || page->kind == PAGE_LISTING);
}

/* Hang each page below the folder that its selector lies in. */
static void
adopt(struct pages *pages)
{
	struct family *family;
	struct page *page;
	struct view folder;

	for (page = pages->first; page != NULL; page = page->next) {
		if (!page_is_listed(page))
			continue;
		folder = pages_folder(page->selector);
		family = hash_find(pages->families, folder);
		if (family == NULL) {
			family = arena_alloc(pages->arena, sizeof(*family));
			family->first = page;
			(void)hash_put(pages->families, folder, family);
		} else
			family->last->sibling = page;
		family->last = page;
	}
}

struct page *
pages_below(const struct pages *pages, struct view folder)
{
	struct family *family = hash_find(pages->families, folder);

	return family == NULL ? NULL : family->first;
}

const struct conf_pair *
pages_cover(const struct pages *pages, struct view selector)
{
	const struct conf_pair *pair = NULL;

	for (; pair == NULL && selector.len > 0; selector.len--)
		if (view_has_suffix(selector, VIEW("/")))
			pair = hash_find(pages->covers, selector);
	return pair;
}

bool
pages_has_app(const struct pages *pages, struct view selector)
{
	const struct conf_pair *pair;

	if (selector.len == 0)
		return false;
	selector.len--;
	pair = pages_cover(pages, selector);
	return pair != NULL && target_is(pair->value);
}

static struct collect
begin_pages(struct pages *pages, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    struct problems *notes)
{
	struct collect c = { .pages = pages,
		.conf = conf,
		.capsule = capsule,
		.root = root,
		.notes = notes,
		.trouble = { conf, capsule, root, pages->arena, notes, 0,
		    NULL } };
	size_t i;

	c.types_have_maps =
	    map_has_value(&capsule->types, VIEW(MIME_GOPHERMAP));
	for (i = 0; i < capsule->selectors.n; i++)
		add_named(&c, &capsule->selectors.v[i]);
	return c;
}

void
pages_collect_named(struct pages *pages, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root)
{
	struct collect c = begin_pages(pages, conf, capsule, root, NULL);
	const struct conf_pairs *map = &capsule->selectors;
	const char *why;
	struct stat st;
	struct buf name;
	size_t i;

	buf_init(&name, (size_t)BENEATH_PATH_MAX * 2);
	for (i = 0; i < map->n; i++) {
		if (hash_find(pages->covers, map->v[i].key) != &map->v[i] ||
		    beneath_stat(root, map->v[i].value, &st, &why) < 0)
			continue;
		buf_reset(&name);
		beneath_put_name(root, &name);
		add_folder(&c, arena_copy(pages->arena, buf_view(&name)),
		    map->v[i].key);
	}
	buf_fini(&name);
}

void
pages_collect(struct pages *pages, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    struct problems *notes)
{
	const struct conf_pairs *map = &capsule->selectors;
	struct collect c = begin_pages(pages, conf, capsule, root, notes);
	struct page *caps;
	size_t i;

	for (i = 0; i < map->n; i++)
		if (hash_find(pages->covers, map->v[i].key) == &map->v[i] &&
		    !target_is(map->v[i].value))
			walk(&c, map->v[i].key, map->v[i].value, NULL,
			    map->v[i].line);
	add_slashless(&c);
	caps = add(&c, VIEW(PAGES_CAPS), PAGE_CAPS_TXT, 0);
	if (caps != NULL) {
		caps->mime = mime_of(VIEW(PAGES_CAPS));
		caps->hidden = true;
	}
	adopt(pages);
	if (notes != NULL)
		programs_tell(&pages->programs, conf, beneath_root(root),
		    notes);
}
