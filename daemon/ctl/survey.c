/*
 * survey.c - go through a capsule: each file once, then the whole.
 *
 * Floor ctl.  Links are followed in what is served, so that a generated index
 * counts as a page that links; sentences are about the files that people
 * edit.
 */
#include "ctl/survey.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "site/access.h"
#include "site/folder.h"
#include "site/map.h"
#include "site/prepare.h"

#define REDIRECTS_MAX 5 /* followed in a row; as many as clients do */

/* A folder that is walked, and the one it was found in. */
struct level {
	const struct level *up;
	dev_t dev;
	ino_t ino;
	int depth;
};

/* -- names and places -- */

/* The file to blame for a page: its own, or the line of the map. */
static struct view
blamed(struct survey *s, const struct page *page, int *line)
{
	if (page->kind == PAGE_FILE) {
		*line = 1;
		return load_name(s->l, s->c, page->path);
	}
	*line = page->line;
	return view_of(s->l->conf->path);
}

static bool
find_survey_entry(const struct survey *s, const struct page *page,
    struct entry *to)
{
	return site_find(s->c->site, page->selector, to);
}

/* True for pages that people read: gemtext, gophermaps, indexes. */
static bool
is_page(const struct page *page)
{
	return page->kind == PAGE_LISTING ||
	    (page->kind == PAGE_FILE &&
		(page_is_gemtext(page) || page_is_map(page)));
}

/* What stands behind the header line of an answer of Gemini's. */
static struct view
body_of(const struct answer *a)
{
	struct view rest = a->bytes;

	(void)view_cut(&rest, '\n');
	return rest;
}

/* A key of its own for each of a kind: the bytes that tell them apart. */
static void
put_mark(struct hash *h, struct arena *a, struct view key)
{
	if (hash_find(h, key) == NULL)
		(void)hash_put(h, arena_copy(a, key), h);
}

/* An entry's selector lies in the snapshot once: its place is its name. */
static struct view
key_of(const struct entry *entry)
{
	return (struct view){ (const char *)&entry->selector,
		sizeof(entry->selector) };
}

/* -- each file once -- */

static void
read_file(struct survey *s, struct page *page, struct view path, bool is_text)
{
	struct reader r = { .found = s->found,
		.is_off = s->is_off,
		.columns = s->c->gopher->columns,
		.charset = s->c->gopher->charset,
		.links = &s->links };
	struct buf text;
	const char *why;

	r.file = load_name(s->l, s->c, path);
	s->links.selector = page->selector;
	s->n_files++;
	buf_init(&text, (size_t)LOADER_RENDER_MAX + 1);
	/* What cannot be read any more was there when it was loaded. */
	if (load_read(s->c, path, (size_t)LOADER_RENDER_MAX, &text, &why) ==
	    0) {
		rule_read_bytes(&r, buf_view(&text));
		if (!is_text && path.p == page->path.p &&
		    page_is_gemtext(page)) {
			rule_read_gemtext(&r, buf_view(&text));
			page->title = arena_copy(s->l->arena, r.title);
		} else if (!is_text)
			rule_read_map(&r, buf_view(&text));
	}
	buf_fini(&text);
}

/* True if the page's file was read before, under another selector. */
static bool
is_seen(struct survey *s, struct hash *seen, struct view file)
{
	if (hash_find(seen, file) != NULL)
		return true;
	(void)hash_put(seen, file, s);
	return false;
}

static void
read_files(struct survey *s)
{
	struct hash *seen = hash_new(s->l->arena, s->c->pages.n);
	struct page *page;
	size_t done = 0;
	bool is_text;

	for (page = s->c->pages.first; page != NULL; page = page->next) {
		term_progress(s->term, "reading", done++, s->c->pages.n);
		if (page->kind != PAGE_FILE)
			continue;
		is_text = !is_page(page);
		if (is_text && !view_has_prefix(page->mime.type, VIEW("text/")))
			continue;
		if (!is_seen(s, seen, page->file))
			read_file(s, page, page->path, is_text);
		if (page->map.len > 0 && !is_seen(s, seen, page->map_file))
			read_file(s, page, page->map, false);
	}
}

/* -- what is linked -- */

static void
mark(struct survey *s, struct link link)
{
	struct view from = s->links.selector;
	int i;

	for (i = 0; i < REDIRECTS_MAX && link.state == LINK_MOVED; i++) {
		put_mark(s->linked, s->l->arena, key_of(&link.entry));
		s->links.selector = link.entry.selector;
		link = link_of_uri(&s->links, link.moved);
	}
	s->links.selector = from;
	if (link.is_there)
		put_mark(s->linked, s->l->arena, key_of(&link.entry));
}

static void
mark_gemtext(struct survey *s, struct view document)
{
	struct gemtext at = { document, false, 0 };
	struct gemtext_line line;

	while (gemtext_next(&at, &line))
		if (line.kind == GEMTEXT_LINK)
			mark(s, link_of_uri(&s->links, line.target));
}

/* A menu as it is served has the form of a gophermap. */
static void
mark_menu(struct survey *s, struct view menu)
{
	struct gophermap at = { menu, 0, false };
	struct gophermap_line line;

	while (gophermap_next(&at, &line))
		if (line.kind == GOPHERMAP_ITEM)
			mark(s, link_of_item(&s->links, &line));
}

static void
mark_all(struct survey *s)
{
	const struct page *page;
	struct entry entry;
	size_t done = 0;

	for (page = s->c->pages.first; page != NULL; page = page->next) {
		term_progress(s->term, "following links", done++,
		    s->c->pages.n);
		if (!find_survey_entry(s, page, &entry) || !is_page(page) ||
		    entry.gemini.status != GEMINI_SUCCESS)
			continue;
		s->links.selector = page->selector;
		mark_gemtext(s, body_of(&entry.gemini));
		if (entry.access == NULL)
			mark_menu(s, entry.gopher.bytes);
	}
}

/* -- the capsule as a whole -- */

void
survey_titles(struct survey *s, const struct rule *rule)
{
	struct hash *titles = hash_new(s->l->arena, s->c->pages.n);
	struct arena *a = s->l->arena;
	const struct page *page, *other;
	struct view language, key;
	struct buf text;

	buf_init(&text, SIZE_MAX);
	for (page = s->c->pages.first; page != NULL; page = page->next) {
		if (page->kind != PAGE_FILE || page->title.len == 0)
			continue;
		/* One title in two languages is a translation. */
		language = map_language(s->c->conf, page->selector);
		buf_reset(&text);
		buf_put(&text, language);
		buf_putc(&text, '\n');
		buf_put(&text, page->title);
		key = arena_copy(a, buf_view(&text));
		other = hash_put(titles, key, (void *)(uintptr_t)page);
		if (other != NULL)
			findings_add(s->found,
			    load_name(s->l, s->c, page->path), 1, rule->name,
			    "the title \"%.*s\" is that of %.*s, too",
			    VIEW_ARG(page->title), VIEW_ARG(other->path));
	}
	buf_fini(&text);
}

void
survey_weight(struct survey *s, const struct rule *rule)
{
	size_t budget = (size_t)s->c->conf->budget, text, menu;
	const struct page *page;
	struct entry entry;
	struct view file;
	int line;

	for (page = s->c->pages.first; budget > 0 && page != NULL;
	     page = page->next) {
		if (!find_survey_entry(s, page, &entry) || !is_page(page))
			continue;
		text = body_of(&entry.gemini).len;
		menu = entry.access == NULL ? entry.gopher.bytes.len : 0;
		if (text <= budget && menu <= budget)
			continue;
		file = blamed(s, page, &line);
		findings_add(s->found, file, line, rule->name,
		    "%.*s weighs %zu bytes as %s; the budget is %zu",
		    VIEW_ARG(page->selector), text > budget ? text : menu,
		    text > budget ? "gemtext" : "a Gopher menu", budget);
	}
}

void
survey_selectors(struct survey *s, const struct rule *rule)
{
	const struct page *page;
	struct view file;
	int line;

	for (page = s->c->pages.first; page != NULL; page = page->next) {
		if (page->selector.len <= GOPHER_SELECTOR_MAX || page->hidden)
			continue;
		file = blamed(s, page, &line);
		findings_add(s->found, file, line, rule->name,
		    "the selector has %zu bytes; Gopher can ask for %d",
		    page->selector.len, GOPHER_SELECTOR_MAX);
	}
}

/* True if programs ask for it by its name, without any link. */
static bool
is_asked_for(struct view selector)
{
	static const struct view names[] = { VIEW_INIT("/"),
		VIEW_INIT("/robots.txt"), VIEW_INIT("/favicon.txt"),
		VIEW_INIT("/caps.txt"), VIEW_INIT("/security.txt") };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (view_eq(selector, names[i]))
			return true;
	return view_has_prefix(selector, VIEW("/.well-known/"));
}

static bool
is_linked(const struct survey *s, const struct page *page)
{
	struct entry entry;

	return !find_survey_entry(s, page, &entry) ||
	    hash_find(s->linked, key_of(&entry)) != NULL;
}

/* A file that is linked under one of its selectors is found. */
void
survey_unlinked(struct survey *s, const struct rule *rule)
{
	struct hash *paths = hash_new(s->l->arena, s->c->pages.n);
	const struct page *page, *of;
	struct entry entry;
	struct view file;
	int line;

	for (page = s->c->pages.first; page != NULL; page = page->next) {
		of = page->kind == PAGE_SAME ? page->same : page;
		if (of->kind == PAGE_FILE &&
		    (is_linked(s, page) || is_asked_for(page->selector)))
			(void)hash_put(paths, of->file, s);
	}
	for (page = s->c->pages.first; page != NULL; page = page->next) {
		if ((page->kind != PAGE_FILE && page->kind != PAGE_LISTING &&
			page->kind != PAGE_SEARCH && page->kind != PAGE_ATOM) ||
		    page->hidden || is_asked_for(page->selector) ||
		    !find_survey_entry(s, page, &entry) ||
		    entry.access != NULL || is_linked(s, page) ||
		    (page->kind == PAGE_FILE &&
			hash_find(paths, page->file) != NULL))
			continue;
		file = blamed(s, page, &line);
		findings_add(s->found, file, line, rule->name,
		    "no page links to %.*s", VIEW_ARG(page->selector));
	}
}

/* -- what lies in the root -- */

/* What tells a file from all others, whatever its names. */
struct identity {
	unsigned long long dev, ino;
};

static struct identity
identify(const struct stat *st)
{
	struct identity id;

	memset(&id, 0, sizeof(id));
	id.dev = (unsigned long long)st->st_dev;
	id.ino = (unsigned long long)st->st_ino;
	return id;
}

static struct view
view_of_identity(const struct identity *id)
{
	return (struct view){ (const char *)id, sizeof(*id) };
}

/* Files with a purpose need no selector. */
static void
know(struct survey *s, const char *path)
{
	struct identity id;
	struct stat st;

	if (path == NULL || path[0] == '\0' || stat(path, &st) == -1)
		return;
	id = identify(&st);
	put_mark(s->known, s->l->arena, view_of_identity(&id));
}

static void
know_below(struct survey *s, struct view path)
{
	struct identity id;
	const char *why;
	struct stat st;

	if (path.len == 0 || beneath_stat(s->c->root, path, &st, &why) == -1)
		return;
	id = identify(&st);
	put_mark(s->known, s->l->arena, view_of_identity(&id));
}

/* All that a capsule uses. */
static void
know_capsule(struct survey *s)
{
	const struct conf_capsule *conf = s->c->conf;
	const struct program *program;
	const struct page *page;
	enum access_kind kind;
	size_t i;

	know(s, s->l->conf->path);
	know(s, conf->certificate.p);
	know(s, conf->key.p);
	for (i = 0; i < conf->access.n; i++)
		know(s,
		    access_file(s->l->conf, &conf->access.v[i], s->l->arena,
			&kind)
			.p);
	for (page = s->c->pages.first; page != NULL; page = page->next) {
		know_below(s, page->path);
		know_below(s, page->map);
	}
	/* The loader has warned of these. */
	for (program = s->c->pages.programs.first; program != NULL;
	     program = program->next)
		know_below(s, program->path);
}

static bool
is_circle(const struct level *level, const struct folder *f)
{
	for (; level != NULL; level = level->up)
		if (level->dev == f->dev && level->ino == f->ino)
			return true;
	return false;
}

/* What a walk looks for: one of two rules. */
typedef void look_fn(struct survey *s, const struct rule *rule,
    struct view path, const struct folder_name *name);

static void
walk(struct survey *s, const struct rule *rule, look_fn *look,
    struct view folder, const struct level *up)
{
	struct level level = { up, 0, 0, up == NULL ? 1 : up->depth + 1 };
	struct folder f;
	struct buf path;
	const char *why;
	size_t i;

	if (level.depth > PAGES_DEPTH_MAX ||
	    folder_read(s->c->root, folder.len > 0 ? folder : VIEW("./"),
		s->l->arena, &f, &why) < 0 ||
	    is_circle(up, &f))
		return;
	level.dev = f.dev;
	level.ino = f.ino;
	buf_init(&path, BENEATH_PATH_MAX);
	for (i = 0; i < f.n; i++) {
		buf_reset(&path);
		buf_put(&path, folder);
		buf_put(&path, f.names[i].name);
		if (f.names[i].kind != FOLDER_FOLDER)
			look(s, rule, buf_view(&path), &f.names[i]);
		else {
			buf_putc(&path, '/');
			walk(s, rule, look, buf_view(&path), &level);
		}
	}
	buf_fini(&path);
}

static void
look_reached(struct survey *s, const struct rule *rule, struct view path,
    const struct folder_name *name)
{
	struct identity id;
	const char *why;
	struct stat st;

	if (name->kind != FOLDER_FILE ||
	    beneath_stat(s->c->root, path, &st, &why) == -1)
		return;
	id = identify(&st);
	if (hash_find(s->known, view_of_identity(&id)) == NULL)
		findings_add(s->found, load_name(s->l, s->c, path), 1,
		    rule->name, "no selector reaches this file");
}

void
survey_unreached(struct survey *s, const struct rule *rule)
{
	walk(s, rule, look_reached, VIEW(""), NULL);
}

static void
look_served(struct survey *s, const struct rule *rule, struct view path,
    const struct folder_name *name)
{
	if (name->kind == FOLDER_OTHER)
		findings_add(s->found, load_name(s->l, s->c, path), 1,
		    rule->name, "%s, and is not served", name->why);
}

void
survey_unserved(struct survey *s, const struct rule *rule)
{
	walk(s, rule, look_served, VIEW(""), NULL);
}

/* -- all of it -- */

static void
each(struct survey *s, void (*deed)(struct survey *))
{
	size_t i;

	for (i = 0; i < s->l->n_capsules; i++) {
		s->c = &s->l->capsules[i];
		if (s->c->root == NULL)
			continue;
		link_init(&s->links, s->l->snapshot, s->c->site,
		    load_gopher_port(s->c->gopher));
		deed(s);
		link_fini(&s->links);
	}
}

static void
ask_rules(struct survey *s)
{
	const struct rule *rule;

	for (rule = rules; rule < rules + n_rules; rule++)
		if (rule->on_capsule != NULL && rule_is_on(s->is_off, rule))
			rule->on_capsule(s, rule);
}

size_t
survey_all(struct loaded *l, struct findings *found, const bool *is_off,
    struct term *term)
{
	struct survey s = { .l = l,
		.found = found,
		.is_off = is_off,
		.term = term };

	s.linked = hash_new(l->arena, 0);
	s.known = hash_new(l->arena, 0);
	each(&s, read_files);
	each(&s, mark_all);
	each(&s, know_capsule);
	each(&s, ask_rules);
	term_clear(term);
	return s.n_files;
}
