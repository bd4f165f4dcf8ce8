/*
 * prepare.c - read each file once and write down what will be answered.
 *
 * Floor site.  Every answer is one run of bytes in the snapshot's arena, made
 * in a scratch buffer that all pages share and copied at its exact size.
 * Pages made from gemtext and files come first, so that the listings and
 * gophermaps after them know titles and sizes.
 */
#include "site/prepare.h"

#include <sys/stat.h>

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/atom.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "site/catalog.h"
#include "site/content_table.h"
#include "site/map.h"
#include "site/prepare_file.h"

/* -- what a rendering asks -- */

/* The page of the application that answers for a selector without one. */
static const struct page *
app_above(const struct prepare *c, struct view selector)
{
	if (!pages_has_app(c->pages, selector))
		return NULL;
	do
		selector.len--;
	while (!view_has_suffix(selector, VIEW("/")) ||
	    hash_find(c->pages->covers, selector) == NULL);
	return pages_find(c->pages, selector);
}

static char
ask_item(void *arg, struct view selector)
{
	struct prepare *c = arg;

	return c->asks->item_of(c, selector);
}

static char
item_in_pages(struct prepare *c, struct view selector)
{
	const struct page *page = pages_find(c->pages, selector);

	/* Over Gopher a "/" too many is forgiven, so the link works. */
	if (page == NULL && selector.len > 1 &&
	    view_has_suffix(selector, VIEW("/"))) {
		selector.len--;
		page = pages_find(c->pages, selector);
	}
	if (page == NULL)
		page = app_above(c, selector);
	return page == NULL ? 0 : page->mime.item;
}

static bool
is_ours(void *arg, struct view host)
{
	const struct prepare *c = arg;
	char room[URI_HOST_MAX + 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };

	return uri_normalise_host(&name, host) == URI_OK &&
	    snapshot_site(c->s, buf_view(&name)) == c->site;
}

/* -- gophermaps and listings -- */

static int
compare_views(struct view x, struct view y)
{
	int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);

	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

int
prepare_by_name(const void *a, const void *b)
{
	const struct render_entry *x = a, *y = b;

	return compare_views(x->name, y->name);
}

bool
prepare_is_lost(const struct page *page)
{
	return page->kind == PAGE_FILE && page->text.p == NULL &&
	    page->entry->gemini.status == 0 && page->entry->gopher.status == 0;
}

/* True if whoever reads page may read p, too. */
static bool
is_as_open(const struct page *p, const struct page *page)
{
	return p->entry->access == NULL ||
	    p->entry->access == page->entry->access;
}

static struct render_entry *
list_pages(struct prepare *c, const struct page *page, size_t *n)
{
	struct view folder = view_has_suffix(page->selector, VIEW("/"))
	    ? page->selector
	    : pages_folder(page->selector);
	const struct page *first = pages_below(c->pages, folder), *p;
	struct render_entry *entries;
	bool is_folder;

	*n = 0;
	for (p = first; p != NULL; p = p->sibling)
		(*n)++;
	entries = xcalloc(*n + 1, sizeof(*entries));
	*n = 0;
	for (p = first; p != NULL; p = p->sibling) {
		if (p == page || prepare_is_lost(p) || !is_as_open(p, page))
			continue;
		is_folder = view_has_suffix(p->selector, VIEW("/"));
		entries[(*n)++] =
		    (struct render_entry){ pages_name(p->selector), p->title,
			    p->selector, p->mime.item,
			    is_folder ? -1 : p->size };
	}
	qsort(entries, *n, sizeof(*entries), prepare_by_name);
	return entries;
}

/* The file that a page's gophermap is in. */
static struct view
map_of(const struct page *page)
{
	return page->map.len == 0 ? page->path : page->map;
}

/* One that begins as a script is a program, and its source nobody's page. */
static bool
is_script(struct prepare *c, const struct page *page)
{
	if (!view_has_prefix(utf8_skip_bom(page->text), VIEW(PROGRAM_START)))
		return false;
	problems_add(c->trouble.notes, c->conf->path, page->line,
	    "%.*s: \"%.*s\" begins with \"" PROGRAM_START
	    "\": it is a program, no menu; let an application server "
	    "run it (@fastcgi), or give it another type in [types]",
	    VIEW_ARG(page->selector), VIEW_ARG(map_of(page)));
	return true;
}

/* Read a page's gophermap; its text stays NULL if that is no menu. */
static void
read_map(struct prepare *c, struct page *page)
{
	struct view path = map_of(page);
	struct stat st;
	int fd = -1;

	if (page->text.p == NULL &&
	    (fd = prepare_open(c, page, path, &st)) >= 0) {
		buf_reset(&c->in);
		if (prepare_read(c, page, path, fd, st.st_size) == 0)
			page->text = arena_copy(c->work, buf_view(&c->in));
		(void)close(fd);
	}
	if (page->text.p != NULL && is_script(c, page))
		page->text = (struct view){ NULL, 0 };
	else if (page->text.p != NULL && page->map.len == 0)
		page->size = (off_t)page->text.len;
}

/* Fill what a gophermap gives: Gopher's answer, and Gemini's if it is alone. */
static void
prepare_map(struct prepare *c, struct page *page)
{
	struct view map = utf8_skip_bom(page->text);
	struct render_entry *entries;
	size_t n;

	if (page->text.p == NULL)
		return;
	entries = c->asks->list(c, page, &n);
	buf_reset(&c->out);
	render_gophermap_menu(&c->out, &c->r, map, entries, n);
	page->entry->gopher = prepare_keep(c, page, GEMINI_SUCCESS, &c->out);
	if (page->map.len == 0) {
		prepare_header(c, page, VIEW(MIME_GEMTEXT));
		render_gophermap_gemtext(&c->in, &c->r, map, entries, n);
		page->entry->gemini =
		    prepare_keep(c, page, GEMINI_SUCCESS, &c->in);
	}
	xfree(entries);
}

static void
prepare_listing(struct prepare *c, struct page *page)
{
	size_t n;
	struct render_entry *entries = c->asks->list(c, page, &n);

	prepare_header(c, page, VIEW(MIME_GEMTEXT));
	render_listing_gemtext(&c->in, &c->r, page->selector, entries, n);
	page->entry->gemini = prepare_keep(c, page, GEMINI_SUCCESS, &c->in);
	buf_reset(&c->out);
	render_listing_menu(&c->out, &c->r, page->selector, entries, n);
	page->entry->gopher = prepare_keep(c, page, GEMINI_SUCCESS, &c->out);
	xfree(entries);
}

/* -- feeds -- */

static struct view
selector_in_pages(struct prepare *c, struct view file)
{
	struct view linked = VIEW("");
	const struct page *page;

	for (page = c->pages->first; page != NULL; page = page->next) {
		if (page->kind != PAGE_FILE || !view_eq(page->file, file))
			continue;
		if (!page->linked)
			return page->selector;
		if (linked.len == 0 ||
		    compare_views(page->selector, linked) < 0)
			linked = page->selector;
	}
	return linked;
}

static const struct access_rule *
rule_in_site(struct prepare *c, struct view selector)
{
	const struct access_rule *rule = site_rule(c->site, selector);

	return rule != NULL ? rule : site_folder_rule(c->site, selector);
}

/* Who reads a feed, and of what. */
struct feed_reader {
	struct prepare *c;
	const struct page *page; /* the feed */
};

/* Append the selector that an address of ours names; false for another's. */
static bool
put_link_selector(const struct prepare *c, const struct uri *address,
    struct buf *selector)
{
	bool is_gopher = view_eq_nocase(address->scheme, VIEW("gopher")) ||
	    view_eq_nocase(address->scheme, VIEW("gophers"));
	struct view path = address->path;

	if ((!is_gopher && !view_eq_nocase(address->scheme, VIEW("gemini"))) ||
	    !is_ours((void *)(uintptr_t)c, address->host))
		return false;
	/* RFC 4266 2.1: the item type stands before the selector. */
	if (is_gopher)
		path = view_skip(path, 2);
	return uri_path_to_selector(selector, path) == URI_OK;
}

/* A feed tells of what its own readers may read. */
static bool
may_tell(void *arg, const struct uri *address)
{
	const struct feed_reader *reader = arg;
	char room[GEMINI_URI_MAX];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };
	const struct access_rule *rule;

	if (!put_link_selector(reader->c, address, &selector))
		return true;
	rule = reader->c->asks->rule_of(reader->c, buf_view(&selector));
	return rule == NULL || rule == reader->page->entry->access;
}

/* Fill both answers of a feed from its page's text. */
static void
write_feed(struct prepare *c, struct page *page, struct view text)
{
	struct feed_reader reader = { c, page };
	struct atom feed = { .host = c->capsule->hostname.v[0],
		.selector = page->selector,
		.page = c->asks->selector_of(c, page->file),
		.author = c->capsule->title,
		.mail = c->capsule->admin,
		.may_tell = may_tell,
		.arg = &reader };

	if (feed.page.len > 0)
		c->r.selector = feed.page; /* its links start there */
	feed.language = map_language(c->capsule, c->r.selector);
	buf_reset(&c->out);
	gemini_header(&c->out, GEMINI_SUCCESS, VIEW(MIME_ATOM));
	if (atom_write(&c->out, &feed, text) == 0) {
		problems_add(c->trouble.notes, c->conf->path, page->line,
		    "%.*s: \"%.*s\" has no link with a date, such as "
		    "\"=> /x 2026-01-31 Title\", to make a feed of%s",
		    VIEW_ARG(page->selector), VIEW_ARG(page->path),
		    c->site->access == NULL ? "" : ", but to protected pages");
		return;
	}
	page->entry->gemini = prepare_keep(c, page, GEMINI_SUCCESS, &c->out);
	(void)atom_gemtext(&c->out, &feed, text);
	text = arena_copy(c->work, buf_view(&c->out));
	buf_reset(&c->out);
	render_gemtext_menu(&c->out, &c->r, text);
	page->entry->gopher = prepare_keep(c, page, GEMINI_SUCCESS, &c->out);
}

static void
prepare_atom(struct prepare *c, struct page *page)
{
	struct mime mime = map_type(c->capsule, VIEW(""), page->path);
	struct stat st;
	int fd = prepare_open(c, page, page->path, &st);

	if (fd < 0)
		return;
	if (!view_has_prefix(mime.type, VIEW(MIME_GEMTEXT)))
		problems_add(c->trouble.notes, c->conf->path, page->line,
		    "%.*s: \"%.*s\" is not gemtext, which a feed is made of",
		    VIEW_ARG(page->selector), VIEW_ARG(page->path));
	else {
		buf_reset(&c->in);
		if (prepare_read(c, page, page->path, fd, st.st_size) == 0)
			write_feed(c, page, buf_view(&c->in));
	}
	(void)close(fd);
}

/* Over Gopher the folder itself, which saves a round trip. */
static void
prepare_slash(struct prepare *c, struct page *page)
{
	buf_reset(&c->out);
	uri_encode_path(&c->out, page->same->selector);
	buf_reset(&c->in);
	gemini_header(&c->in, GEMINI_REDIRECT_PERMANENT, buf_view(&c->out));
	page->entry->gemini =
	    prepare_keep(c, page, GEMINI_REDIRECT_PERMANENT, &c->in);
	page->entry->gopher = page->same->entry->gopher;
}

static void
prepare_same(struct prepare *c, struct page *page)
{
	(void)c;
	page->entry->gemini = page->same->entry->gemini;
	page->entry->gopher = page->same->entry->gopher;
}

/* -- all of them, in an order in which each finds what it needs -- */

bool
page_is_from_files(const struct page *page)
{
	if (page->kind == PAGE_SLASH)
		page = page->same;
	return page->kind == PAGE_FILE || page->kind == PAGE_LISTING ||
	    page->kind == PAGE_ATOM || page->kind == PAGE_SAME;
}

bool
page_has_map(const struct page *page)
{
	return page->kind == PAGE_FILE &&
	    (page_is_map(page) || page->map.len > 0);
}

static void
prepare_first(struct prepare *c, struct page *page)
{
	if (page->kind == PAGE_ATOM)
		prepare_atom(c, page);
	else if (page->kind == PAGE_FILE && !page_is_map(page))
		prepare_file(c, page);
	if (page_has_map(page))
		read_map(c, page);
}

static void
prepare_second(struct prepare *c, struct page *page)
{
	if (page->kind == PAGE_LISTING)
		prepare_listing(c, page);
	else if (page_has_map(page))
		prepare_map(c, page);
}

static void
prepare_third(struct prepare *c, struct page *page)
{
	if (page->kind == PAGE_SAME)
		prepare_same(c, page);
	else if (page->kind == PAGE_SLASH && page_is_from_files(page))
		prepare_slash(c, page);
}

/* -- entries -- */

/* Gopher knows no certificates: there, what is protected is closed. */
static void
close_gopher(struct prepare *c)
{
	const struct page *page;

	for (page = c->pages->first; page != NULL; page = page->next)
		if (page->entry != NULL &&
		    (page->entry->access != NULL ||
			(page->kind == PAGE_SLASH &&
			    page->same->entry->access != NULL)))
			page->entry->gopher = c->site->forbidden;
}

/* Make entries for what is there, with the names of files and their rules, and
 * let them be found. */
static void
add_entries(struct prepare *c)
{
	struct arena *a = c->s->arena;
	struct content_table *table = content_table_new(a, c->pages->n);
	struct entry *entries = arena_alloc(a, c->pages->n * sizeof(*entries));
	struct page *page;

	for (page = c->pages->first; page != NULL; page = page->next) {
		if (!page_is_from_files(page))
			continue;
		entries->selector = arena_copy(a, page->selector);
		entries->item = page->mime.item;
		entries->access = page->rule;
		entries->kind =
		    page->kind == PAGE_SLASH ? ENTRY_FOLDER : ENTRY_PAGE;
		page->entry = entries++;
		content_table_put(table, page->entry);
	}
	c->site->content = content_of_table(table);
}

/* True if there is anything to answer. */
static bool
is_served(const struct page *page)
{
	if (page->same != NULL)
		page = page->same;
	return page->entry->gemini.status != 0 ||
	    page->entry->gopher.status != 0;
}

void
prepare_fill_gap(const struct site *site, struct entry *entry)
{
	if (entry->gemini.status == 0)
		entry->gemini = (struct answer){ .status = GEMINI_NOT_FOUND,
			.bytes = VIEW("51 Not found\r\n") };
	if (entry->gopher.status == 0)
		entry->gopher = site->not_found;
}

/* Forget the entries of pages of which nothing can be served. */
static void
drop_entries(struct prepare *c)
{
	struct content_table *kept = content_table_new(c->s->arena, 0);
	const struct page *page;

	for (page = c->pages->first; page != NULL; page = page->next)
		if (page->entry != NULL && is_served(page))
			content_table_put(kept, page->entry);
	c->site->content = content_of_table(kept);
}

static void
settle_entries(struct prepare *c)
{
	size_t n = 0, served = 0, hidden = 0;
	const struct page *page;

	for (page = c->pages->first; page != NULL; page = page->next) {
		if (page->entry == NULL)
			continue;
		n++;
		if (!is_served(page))
			continue;
		served++;
		if (hash_find(c->site->configured, page->selector) != NULL)
			hidden++;
		prepare_fill_gap(c->site, page->entry);
	}
	if (served < n)
		drop_entries(c);
	c->site->n_selectors =
	    hash_count(c->site->configured) + served - hidden;
}

void
prepare_page(struct prepare *c, struct page *page, int turn)
{
	static void (*const turns[PREPARE_TURNS])(struct prepare *,
	    struct page *) = { prepare_first, prepare_second, prepare_third };

	c->r.selector = page->selector;
	turns[turn](c, page);
}

void
prepare_begin(struct prepare *c)
{
	c->r = c->site->menu;
	c->r.item_of = ask_item;
	c->r.is_ours = is_ours;
	c->r.arg = c;
	buf_init(&c->in, LOADER_MENU_MAX);
	buf_init(&c->out, LOADER_MENU_MAX);
}

void
prepare_end(struct prepare *c)
{
	buf_fini(&c->in);
	buf_fini(&c->out);
}

static void
keep_in_snapshot(struct prepare *c, int fd)
{
	if (c->s->opens_later)
		(void)close(fd);
	else
		snapshot_keep(c->s, fd);
}

void
prepare_site(struct snapshot *s, struct site *site, const struct conf *conf,
    const struct conf_capsule *capsule, struct beneath *root,
    struct pages *pages, struct problems *notes)
{
	static const struct prepare_asks asks = { item_in_pages, list_pages,
		rule_in_site, selector_in_pages, keep_in_snapshot };
	struct prepare c = { s, site, conf, capsule, root, pages,
		.trouble = { conf, capsule, root, pages->arena, notes, 0,
		    NULL },
		.asks = &asks, .keep = s->arena, .work = pages->arena };
	struct page *page;
	int turn;

	prepare_begin(&c);
	add_entries(&c);
	for (turn = 0; turn < PREPARE_TURNS; turn++)
		for (page = pages->first; page != NULL; page = page->next)
			prepare_page(&c, page, turn);
	catalog_fill(s, site, pages);
	settle_entries(&c);
	close_gopher(&c);
	prepare_end(&c);
}
