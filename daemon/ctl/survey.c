/*
 * survey.c - go through a capsule: a page at a time, then what is left of all.
 *
 * Floor ctl.  Links are followed in what is served, so that a generated index
 * counts as a page that links; sentences are about the files that people
 * edit.  What takes all pages to tell is noted in tallies, which are sorted on
 * disk: memory does not grow with the number of pages.
 */
#include "ctl/survey.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "site/access.h"
#include "site/folder.h"
#include "site/loader.h"
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

/* The file to blame for a page: its own, or the line of the map.  Good until
 * the next name. */
static struct view
blamed(struct survey *s, const struct page *page, int *line)
{
	if (page->kind == PAGE_FILE) {
		*line = 1;
		return load_name(s->c, page->path, &s->name);
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
answer_body(const struct answer *a)
{
	struct view rest = a->bytes;

	(void)view_cut(&rest, '\n');
	return rest;
}

/* A capsule and a word of it as the key of a tally. */
static struct view
put_tally_key(struct buf *to, size_t capsule, struct view word)
{
	buf_reset(to);
	buf_put(to, (struct view){ (const char *)&capsule, sizeof(capsule) });
	buf_put(to, word);
	return buf_view(to);
}

/* -- each file once -- */

static void
read_file(struct survey *s, const struct page *page, struct view path,
    bool is_text)
{
	struct reader r = { .found = s->found,
		.is_off = s->is_off,
		.columns = s->c->gopher->columns,
		.charset = s->c->gopher->charset,
		.links = &s->links };
	struct buf text, name;
	const char *why;

	buf_init(&name, SIZE_MAX);
	buf_init(&text, (size_t)LOADER_RENDER_MAX + 1);
	r.file = load_name(s->c, path, &name);
	s->links.selector = page->selector;
	s->n_files++;
	/* What cannot be read any more was there when it was rendered. */
	if (load_read(s->c, path, (size_t)LOADER_RENDER_MAX, &text, &why) ==
	    0) {
		rule_read_bytes(&r, buf_view(&text));
		if (!is_text && path.p == page->path.p &&
		    page_is_gemtext(page)) {
			rule_read_gemtext(&r, buf_view(&text));
			buf_reset(&s->text);
			buf_put(&s->text, r.title);
			s->title = buf_view(&s->text);
		} else if (!is_text)
			rule_read_map(&r, buf_view(&text));
	}
	buf_fini(&text);
	buf_fini(&name);
}

/* True if the file is to be read under another selector than this, or was. */
static bool
is_seen(struct survey *s, const struct page *page, struct view file)
{
	struct arena *a = arena_new();
	struct view selector =
	    build_selector_of(live_build(s->l->live), s->capsule, file, a);
	bool is_elsewhere =
	    selector.len > 0 && !view_eq(selector, page->selector);

	arena_free(a);
	if (selector.len > 0)
		return is_elsewhere;
	if (hash_find(s->seen, file) != NULL)
		return true;
	(void)hash_put(s->seen, arena_copy(s->l->arena, file), s);
	return false;
}

static void
read_files(struct survey *s, const struct page *page)
{
	bool is_text = !is_page(page);

	s->title = VIEW("");
	if (page->kind != PAGE_FILE ||
	    (is_text && !view_has_prefix(page->mime.type, VIEW("text/"))))
		return;
	if (is_seen(s, page, page->file))
		return;
	read_file(s, page, page->path, is_text);
	if (page->map.len > 0)
		read_file(s, page, page->map, false);
}

/* -- what is linked -- */

static void
put_linked(struct survey *s, const struct site *site, struct view selector)
{
	size_t capsule = (size_t)(site - s->l->snapshot->sites);

	tally_put(s->linked, put_tally_key(&s->key, capsule, selector),
	    VIEW("L"));
}

static void
mark(struct survey *s, struct link link)
{
	struct view from = s->links.selector;
	struct buf selector;
	int i;

	buf_init(&selector, SIZE_MAX);
	for (i = 0; i < REDIRECTS_MAX && link.state == LINK_MOVED; i++) {
		put_linked(s, link.site, link.entry.selector);
		buf_reset(&selector);
		buf_put(&selector, link.entry.selector);
		s->links.selector = buf_view(&selector);
		link = link_of_uri(&s->links, link.moved);
	}
	s->links.selector = from;
	if (link.is_there)
		put_linked(s, link.site, link.entry.selector);
	buf_fini(&selector);
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

/* Follow the links of a page, whose bytes go when others are looked for. */
static void
mark_page(struct survey *s, const struct page *page)
{
	struct buf gemtext, menu;
	struct entry entry;

	if (!find_survey_entry(s, page, &entry) || !is_page(page) ||
	    entry.gemini.status != GEMINI_SUCCESS)
		return;
	buf_init(&gemtext, SIZE_MAX);
	buf_init(&menu, SIZE_MAX);
	buf_put(&gemtext, answer_body(&entry.gemini));
	if (entry.access == NULL)
		buf_put(&menu, entry.gopher.bytes);
	s->links.selector = page->selector;
	mark_gemtext(s, buf_view(&gemtext));
	mark_menu(s, buf_view(&menu));
	buf_fini(&menu);
	buf_fini(&gemtext);
}

/* -- titles -- */

/* One title in two languages is a translation. */
static void
put_title(struct survey *s, const struct page *page)
{
	struct buf value;

	if (s->title.len == 0)
		return;
	(void)put_tally_key(&s->key, s->capsule,
	    map_language(s->c->conf, page->selector));
	buf_putc(&s->key, '\n');
	buf_put(&s->key, s->title);
	buf_init(&value, SIZE_MAX);
	buf_putc(&value, 'P');
	buf_put(&value, page->path);
	tally_put(s->titles, buf_view(&s->key), buf_view(&value));
	buf_fini(&value);
}

/* The capsule of a record, whose key loses it. */
static struct capsule *
capsule_of(struct survey *s, struct view *key)
{
	size_t capsule;

	memcpy(&capsule, key->p, sizeof(capsule));
	*key = view_skip(*key, sizeof(capsule));
	return &s->l->capsules[capsule];
}

/* True if a record is of another group than the last; group is then its key. */
static bool
starts_group(struct buf *group, struct view key)
{
	if (group->p != NULL && view_eq(buf_view(group), key))
		return false;
	buf_reset(group);
	buf_put(group, key);
	return true;
}

void
survey_titles(struct survey *s, const struct rule *rule)
{
	struct buf group, first;
	const struct capsule *c;
	struct view key, path;

	buf_init(&group, SIZE_MAX);
	buf_init(&first, SIZE_MAX);
	while (tally_next(s->titles, &key, &path)) {
		path = view_skip(path, 1);
		if (starts_group(&group, key)) {
			buf_reset(&first);
			buf_put(&first, path);
			continue;
		}
		c = capsule_of(s, &key);
		(void)view_cut(&key, '\n');
		findings_add(s->found, load_name(c, path, &s->name), 1,
		    rule->name, "the title \"%.*s\" is that of %.*s, too",
		    VIEW_ARG(key), VIEW_ARG(buf_view(&first)));
	}
	buf_fini(&first);
	buf_fini(&group);
}

/* -- a page by itself -- */

void
survey_weight(struct survey *s, const struct rule *rule,
    const struct page *page)
{
	size_t budget = (size_t)s->c->conf->budget, text, menu;
	struct entry entry;
	struct view file;
	int line;

	if (budget == 0 || !is_page(page) ||
	    !find_survey_entry(s, page, &entry))
		return;
	text = answer_body(&entry.gemini).len;
	menu = entry.access == NULL ? entry.gopher.bytes.len : 0;
	if (text <= budget && menu <= budget)
		return;
	file = blamed(s, page, &line);
	findings_add(s->found, file, line, rule->name,
	    "%.*s weighs %zu bytes as %s; the budget is %zu",
	    VIEW_ARG(page->selector), text > budget ? text : menu,
	    text > budget ? "gemtext" : "a Gopher menu", budget);
}

void
survey_selectors(struct survey *s, const struct rule *rule,
    const struct page *page)
{
	struct view file;
	int line;

	if (page->selector.len <= GOPHER_SELECTOR_MAX || page->hidden)
		return;
	file = blamed(s, page, &line);
	findings_add(s->found, file, line, rule->name,
	    "the selector has %zu bytes; Gopher can ask for %d",
	    page->selector.len, GOPHER_SELECTOR_MAX);
}

/* -- pages that nothing links to -- */

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

/* True if somebody should be able to find the page. */
static bool
is_to_be_found(const struct page *page, const struct entry *entry)
{
	return !page->hidden && entry->access == NULL &&
	    (page->kind == PAGE_FILE || page->kind == PAGE_LISTING ||
		page->kind == PAGE_SEARCH || page->kind == PAGE_ATOM);
}

/* Append a field that a zero byte ends. */
static void
put_tally_field(struct buf *to, struct view field)
{
	buf_put(to, field);
	buf_putc(to, '\0');
}

static struct view
take_field(struct view *from)
{
	return view_cut(from, '\0');
}

/*
 * Note a page by its selector: "P", and then its file, if it is one, and if it
 * is to be found, whom to blame, where, and what it is called.
 */
static void
put_page(struct survey *s, const struct page *page)
{
	const struct page *of = page->kind == PAGE_SAME ? page->same : page;
	struct entry entry;
	struct buf value;
	struct view file;
	bool is_there = find_survey_entry(s, page, &entry);
	int line;

	buf_init(&value, SIZE_MAX);
	buf_putc(&value, 'P');
	put_tally_field(&value, of->kind == PAGE_FILE ? of->file : VIEW(""));
	file = blamed(s, page, &line);
	if (is_there && is_to_be_found(page, &entry)) {
		put_tally_field(&value, file);
		buf_printf(&value, "%d", line);
		put_tally_field(&value, VIEW(""));
		put_tally_field(&value, page->selector);
	}
	tally_put(s->linked, put_tally_key(&s->key, s->capsule, page->selector),
	    buf_view(&value));
	if (!is_there || is_asked_for(page->selector))
		put_linked(s, s->c->site, page->selector);
	buf_fini(&value);
}

/* Tell of a page, whose fields after its file these are. */
static void
tell_unlinked(struct survey *s, const struct rule *rule, struct view fields)
{
	struct view file = take_field(&fields);
	struct view line = take_field(&fields);
	struct view selector = take_field(&fields);

	findings_add(s->found, file, (int)strtol(line.p, NULL, 10), rule->name,
	    "no page links to %.*s", VIEW_ARG(selector));
}

/* From selectors to files: what is found under one of its selectors is. */
static void
regroup_by_file(struct survey *s, const struct rule *rule, struct tally *files)
{
	bool is_linked = false;
	struct view key, value, file;
	struct buf group, room;

	buf_init(&group, SIZE_MAX);
	buf_init(&room, SIZE_MAX);
	while (tally_next(s->linked, &key, &value)) {
		if (starts_group(&group, key))
			is_linked = false;
		if (view_eq(value, VIEW("L"))) {
			is_linked = true;
			continue;
		}
		value = view_skip(value, 1);
		file = take_field(&value);
		buf_reset(&room);
		buf_put(&room, (struct view){ key.p, sizeof(size_t) });
		buf_put(&room, file);
		if (file.len > 0 && is_linked)
			tally_put(files, buf_view(&room), VIEW("L"));
		else if (file.len > 0 && value.len > 0) {
			buf_reset(&s->text);
			buf_putc(&s->text, 'P');
			buf_put(&s->text, value);
			tally_put(files, buf_view(&room), buf_view(&s->text));
		} else if (!is_linked && value.len > 0)
			tell_unlinked(s, rule, value);
	}
	buf_fini(&room);
	buf_fini(&group);
}

void
survey_unlinked(struct survey *s, const struct rule *rule)
{
	struct tally *files = tally_new();
	bool is_linked = false;
	struct view key, value;
	struct buf group;

	regroup_by_file(s, rule, files);
	buf_init(&group, SIZE_MAX);
	while (tally_next(files, &key, &value)) {
		if (starts_group(&group, key))
			is_linked = false;
		if (view_eq(value, VIEW("L")))
			is_linked = true;
		else if (!is_linked)
			tell_unlinked(s, rule, view_skip(value, 1));
	}
	s->has_failed = s->has_failed || tally_has_failed(files);
	buf_fini(&group);
	tally_free(files);
}

/* -- what lies in the root -- */

/* What tells a file from all others, whatever its names. */
struct identity {
	unsigned long long dev, ino;
};

static void
put_identity(struct survey *s, const struct stat *st, struct view value)
{
	struct identity id;

	memset(&id, 0, sizeof(id));
	id.dev = (unsigned long long)st->st_dev;
	id.ino = (unsigned long long)st->st_ino;
	tally_put(s->known, (struct view){ (const char *)&id, sizeof(id) },
	    value);
}

/* Files with a purpose need no selector. */
static void
know(struct survey *s, const char *path)
{
	struct stat st;

	if (path != NULL && path[0] != '\0' && stat(path, &st) == 0)
		put_identity(s, &st, VIEW("K"));
}

static void
know_below(struct survey *s, struct view path)
{
	const char *why;
	struct stat st;

	if (path.len > 0 && beneath_stat(s->c->root, path, &st, &why) == 0)
		put_identity(s, &st, VIEW("K"));
}

/* All that a capsule uses but its pages. */
static void
know_capsule(struct survey *s)
{
	const struct conf_capsule *conf = s->c->conf;
	const struct program *program;
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
	/* The builder has warned of these. */
	program = build_programs(live_build(s->l->live), s->capsule)->first;
	for (; program != NULL; program = program->next)
		know_below(s, program->path);
}

static bool
leads_in_circle(const struct level *level, const struct folder *f)
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
walk_files(struct survey *s, const struct rule *rule, look_fn *look,
    struct view folder, const struct level *up)
{
	struct level level = { up, 0, 0, up == NULL ? 1 : up->depth + 1 };
	struct arena *a = arena_new();
	struct folder f = { .n = 0 };
	struct buf path;
	const char *why;
	size_t i;

	buf_init(&path, BENEATH_PATH_MAX);
	if (level.depth > PAGES_DEPTH_MAX ||
	    folder_read(s->c->root, folder.len > 0 ? folder : VIEW("./"), a, &f,
		&why) < 0 ||
	    leads_in_circle(up, &f))
		f.n = 0;
	level.dev = f.dev;
	level.ino = f.ino;
	for (i = 0; i < f.n; i++) {
		buf_reset(&path);
		buf_put(&path, folder);
		buf_put(&path, f.names[i].name);
		if (f.names[i].kind != FOLDER_FOLDER)
			look(s, rule, buf_view(&path), &f.names[i]);
		else {
			buf_putc(&path, '/');
			walk_files(s, rule, look, buf_view(&path), &level);
		}
	}
	buf_fini(&path);
	arena_free(a);
}

static void
look_reached(struct survey *s, const struct rule *rule, struct view path,
    const struct folder_name *name)
{
	const char *why;
	struct stat st;

	(void)rule;
	if (name->kind != FOLDER_FILE ||
	    beneath_stat(s->c->root, path, &st, &why) == -1)
		return;
	buf_reset(&s->text);
	buf_putc(&s->text, 'N');
	buf_put(&s->text, load_name(s->c, path, &s->name));
	put_identity(s, &st, buf_view(&s->text));
}

void
survey_root(struct survey *s, const struct rule *rule)
{
	walk_files(s, rule, look_reached, VIEW(""), NULL);
}

void
survey_unreached(struct survey *s, const struct rule *rule)
{
	bool is_known = false;
	struct view key, value;
	struct buf group;

	buf_init(&group, SIZE_MAX);
	while (tally_next(s->known, &key, &value)) {
		if (starts_group(&group, key))
			is_known = false;
		if (view_eq(value, VIEW("K")))
			is_known = true;
		else if (!is_known)
			findings_add(s->found, view_skip(value, 1), 1,
			    rule->name, "no selector reaches this file");
	}
	buf_fini(&group);
}

static void
look_served(struct survey *s, const struct rule *rule, struct view path,
    const struct folder_name *name)
{
	if (name->kind == FOLDER_OTHER)
		findings_add(s->found, load_name(s->c, path, &s->name), 1,
		    rule->name, "%s, and is not served", name->why);
}

void
survey_unserved(struct survey *s, const struct rule *rule)
{
	walk_files(s, rule, look_served, VIEW(""), NULL);
}

/* -- all of it -- */

/* Be in a capsule. */
static void
enter_capsule(struct survey *s, size_t capsule)
{
	if (s->capsule == capsule)
		return;
	if (s->c != NULL)
		link_fini(&s->links);
	s->capsule = capsule;
	s->c = &s->l->capsules[capsule];
	s->seen = hash_new(s->l->arena, 0);
	link_init(&s->links, s->l->snapshot, s->c->site,
	    load_gopher_port(s->c->gopher));
}

static void
survey_page(void *arg, size_t capsule, struct page *page)
{
	const struct rule *rule;
	struct survey *s = arg;

	term_progress(s->term, "reading", s->n_pages++);
	enter_capsule(s, capsule);
	read_files(s, page);
	put_title(s, page);
	for (rule = rules; rule < rules + n_rules; rule++)
		if (rule->on_page != NULL && rule_is_on(s->is_off, rule))
			rule->on_page(s, rule, page);
	mark_page(s, page);
	put_page(s, page);
	know_below(s, page->path);
	know_below(s, page->map);
}

static void
ask_rules(struct survey *s)
{
	const struct rule *rule;
	size_t i;

	for (i = 0; i < s->l->n_capsules; i++) {
		if (s->l->capsules[i].root == NULL)
			continue;
		enter_capsule(s, i);
		know_capsule(s);
		for (rule = rules; rule < rules + n_rules; rule++)
			if (rule->on_root != NULL &&
			    rule_is_on(s->is_off, rule))
				rule->on_root(s, rule);
	}
	for (rule = rules; rule < rules + n_rules; rule++)
		if (rule->on_all != NULL && rule_is_on(s->is_off, rule))
			rule->on_all(s, rule);
}

static void
begin_survey(struct survey *s)
{
	s->capsule = SIZE_MAX;
	buf_init(&s->text, SIZE_MAX);
	buf_init(&s->name, SIZE_MAX);
	buf_init(&s->key, SIZE_MAX);
	s->titles = tally_new();
	s->linked = tally_new();
	s->known = tally_new();
}

static int
end_survey(struct survey *s)
{
	bool has_failed = s->has_failed || tally_has_failed(s->titles) ||
	    tally_has_failed(s->linked) || tally_has_failed(s->known);

	if (s->c != NULL)
		link_fini(&s->links);
	tally_free(s->titles);
	tally_free(s->linked);
	tally_free(s->known);
	buf_fini(&s->text);
	buf_fini(&s->name);
	buf_fini(&s->key);
	return has_failed ? -1 : 0;
}

int
survey_all(struct loaded *l, struct findings *found, const bool *is_off,
    struct term *term, size_t *n_files)
{
	struct survey s = { .l = l,
		.found = found,
		.is_off = is_off,
		.term = term };

	begin_survey(&s);
	live_walk(l->live, survey_page, &s);
	ask_rules(&s);
	term_clear(term);
	*n_files = s.n_files;
	return end_survey(&s);
}
