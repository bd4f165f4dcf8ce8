/*
 * pages.c - the first pass over a capsule: which selectors are there?
 *
 * Floor site.  A link's item type depends on the page it leads to, so every
 * page must be known before the first is rendered.  No file is opened here;
 * folders are listed.
 */
#include "site/pages.h"

#include <sys/stat.h>

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "format/gopher.h"
#include "site/folder.h"
#include "site/map.h"
#include "site/target.h"

/* What the helpers below share. */
struct collect {
	struct pages *pages;
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct beneath *root;
	struct problems *ps;
	bool is_loud;
	bool is_full; /* the limit was reached, and told */
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

/* A page of its own for selector; NULL if there is one, or no room. */
static struct page *
add(struct collect *c, struct view selector, enum page_kind kind, int line)
{
	struct pages *pages = c->pages;
	struct page *page;

	if (pages_find(pages, selector) != NULL || c->is_full)
		return NULL;
	if (pages->n == pages->max) {
		problems_add(c->ps, c->conf->path, line,
		    "the map leads to more than %zu selectors: \"%.*s\" is one "
		    "too many",
		    pages->max, VIEW_ARG(selector));
		c->is_full = true;
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

/* path without its extension, which starts with the last dot of its name. */
static struct view
stem(struct view path)
{
	size_t len = path.len;

	while (len > 0 && path.p[len - 1] != '.' && path.p[len - 1] != '/')
		len--;
	return len > 0 && path.p[len - 1] == '.'
	    ? (struct view){ path.p, len - 1 }
	    : path;
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

/*
 * The file beside path that differs only in its extension; or empty.
 * f: the folder's list, if it is at hand.
 */
static struct view
beside(struct collect *c, struct view path, const char *extension,
    const struct folder *f)
{
	char room[BENEATH_PATH_MAX];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };
	const struct folder_name *found;

	buf_put(&name, stem(path));
	buf_puts(&name, extension);
	if (name.failed)
		return VIEW("");
	if (f != NULL) {
		found = folder_find(f, pages_name(buf_view(&name)));
		if (found == NULL || found->kind != FOLDER_FILE)
			return VIEW("");
	} else if (!is_file(c, buf_view(&name)))
		return VIEW("");
	return arena_copy(c->pages->arena, buf_view(&name));
}

/* Say what the page is made from: x.gmi, x.gophermap, or both. */
static void
set_file(struct collect *c, struct page *page, struct view path,
    const struct folder *f)
{
	static const char *const gemtexts[] = { ".gmi", ".gemini" };
	struct view found;
	size_t i;

	page->path = path;
	page->mime = map_type(c->capsule, page->selector, path);
	if (page_is_gemtext(page))
		page->map = beside(c, path, ".gophermap", f);
	for (i = 0; page_is_map(page) && i < 2; i++) {
		found = beside(c, path, gemtexts[i], f);
		if (found.len == 0)
			continue;
		page->map = path;
		page->path = found;
		page->mime = map_type(c->capsule, page->selector, found);
	}
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

static void
add_action(struct collect *c, const struct conf_pair *pair)
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
	struct view v = pair->value;
	size_t n = 0, i;
	struct page *page;

	while (n < v.len && v.p[n] != ' ' && v.p[n] != '\t')
		n++;
	v.len = n;
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (view_eq(v, actions[i].name))
			break;
	if (i == sizeof(actions) / sizeof(actions[0]))
		return; /* the configuration's check has told */
	page = add(c, pair->key, actions[i].kind, pair->line);
	if (page == NULL)
		return;
	page->mime.item = actions[i].item;
	v = view_trim(view_skip(pair->value, n));
	if (page->kind == PAGE_APP)
		set_app(c, page, pair);
	else if (page->kind == PAGE_ATOM)
		page->path = v;
	else
		page->target = v;
	page->temporary =
	    view_has_prefix(pair->value, VIEW("@redirect-temporary"));
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
			set_file(c, page, pair->value, NULL);
	}
}

static void
skip(struct collect *c, struct view path, struct view name, const char *why)
{
	if (c->is_loud)
		log_warnx("skipping \"%.*s%.*s\" in \"%.*s\": it %s",
		    VIEW_ARG(path), VIEW_ARG(name), VIEW_ARG(c->capsule->root),
		    why);
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
		set_file(c, page, join(c, path, names[i], ""), f);
		alias = add(c, join(c, selector, names[i], ""), PAGE_SAME,
		    level->line);
		if (alias != NULL) {
			alias->same = page;
			alias->mime = page->mime;
			alias->hidden = true;
		}
		return;
	}
	if (map_has_listing(c->capsule, selector))
		(void)add(c, selector, PAGE_LISTING, level->line);
}

static void
add_walked(struct collect *c, struct view selector, struct view path,
    const struct folder *f, const struct folder_name *name, int line)
{
	struct view file = join(c, path, name->name, "");
	struct page *page =
	    add(c, join(c, selector, name->name, ""), PAGE_FILE, line);

	if (page == NULL)
		return;
	page->walked = true;
	set_file(c, page, file, f);
	/* A pair is listed once, by the name of its gemtext. */
	page->hidden = view_eq(page->map, file);
	if (page->selector.len > GOPHER_SELECTOR_MAX && c->is_loud)
		log_warnx(
		    "\"%.*s\" is longer than the %d bytes that Gopher can "
		    "ask for",
		    VIEW_ARG(page->selector), GOPHER_SELECTOR_MAX);
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

/* Every file below the folder at path; path and selector end with "/". */
static void
walk(struct collect *c, struct view selector, struct view path,
    const struct level *up, int line)
{
	struct level level = { up, 0, 0, up == NULL ? 1 : up->depth + 1, line };
	struct view below;
	struct folder f;
	const char *why;
	size_t i;

	if (level.depth > PAGES_DEPTH_MAX) {
		problems_add(c->ps, c->conf->path, line,
		    "\"%.*s\" lies more than %d folders deep", VIEW_ARG(path),
		    PAGES_DEPTH_MAX);
		return;
	}
	if (folder_read(c->root, path, c->pages->arena, &f, &why) < 0) {
		problems_add(c->ps, c->conf->path, line,
		    "the folder \"%.*s\" %s (in \"%.*s\")", VIEW_ARG(path), why,
		    VIEW_ARG(c->capsule->root));
		return;
	}
	if (is_circle(up, &f)) {
		skip(c, path, VIEW(""), "is a folder that holds it");
		return;
	}
	level.dev = f.dev;
	level.ino = f.ino;
	add_index(c, selector, path, &f, &level);
	for (i = 0; i < f.n && !c->is_full; i++) {
		if (f.names[i].kind == FOLDER_FILE)
			add_walked(c, selector, path, &f, &f.names[i], line);
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

static bool
is_listed(const struct page *page)
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
		if (!is_listed(page))
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

bool
pages_has_app(const struct pages *pages, struct view selector)
{
	const struct conf_pair *pair = NULL;

	while (pair == NULL && selector.len > 0) {
		selector.len--;
		if (view_has_suffix(selector, VIEW("/")))
			pair = hash_find(pages->covers, selector);
	}
	return pair != NULL && target_is(pair->value);
}

void
pages_collect(struct pages *pages, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    struct problems *ps, bool is_loud)
{
	const struct conf_pairs *map = &capsule->selectors;
	struct collect c = { pages, conf, capsule, root, ps, is_loud, false };
	struct page *caps;
	size_t i;

	for (i = 0; i < map->n; i++)
		add_named(&c, &map->v[i]);
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
}
