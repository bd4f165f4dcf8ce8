/*
 * catalog.c - which pages a search finds, and what they are called.
 *
 * Floor site.  It reads the finished answers of Gemini: their bytes are clean,
 * they are there anyway, and a gophermap is gemtext in them.
 */
#include "site/catalog.h"

#include <unistd.h>

#include "base/buf.h"
#include "format/gemini.h"
#include "format/gemtext.h"
#include "format/utf8.h"
#include "site/search.h"

#define TITLE_MAX 160                /* bytes of a title that are shown */
#define START_MAX ((size_t)64 << 10) /* bytes of a file that may have one */

/* What the helpers below share. */
struct catalog {
	struct snapshot *s;
	struct site *site;
	struct arena *work;
	struct buf text, title; /* scratch */
};

/* What programs ask for is no page; neither is what a dot hides. */
static bool
is_for_programs(struct view selector)
{
	static const struct view names[] = { VIEW_INIT("/robots.txt"),
		VIEW_INIT("/favicon.txt"), VIEW_INIT(PAGES_CAPS) };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (view_eq(selector, names[i]))
			return true;
	for (i = 0; i + 1 < selector.len; i++)
		if (selector.p[i] == '/' && selector.p[i + 1] == '.')
			return true;
	return false;
}

bool
catalog_is_text(const struct page *page)
{
	return page->kind == PAGE_FILE && !is_for_programs(page->selector) &&
	    (page_is_map(page) ||
		view_has_prefix(page->mime.type, VIEW("text/")));
}

/* The beginning of a file that stays on disk, if it is open. */
static struct view
read_start(struct catalog *c, const struct span *file)
{
	ssize_t n = -1;

	buf_reset(&c->text);
	buf_fill(&c->text, '\0', START_MAX);
	if (!c->text.failed && !c->s->opens_later)
		n = pread(file->fd, c->text.p, c->text.len, file->offset);
	c->text.len = n > 0 ? (size_t)n : 0;
	return buf_view(&c->text);
}

/* The body of a prepared answer. */
static struct view
body_of(struct catalog *c, const struct answer *a)
{
	struct view body = a->bytes;

	if (a->rest.size > 0)
		return read_start(c, &a->rest);
	(void)view_cut(&body, '\n');
	return body;
}

/* A title as it is shown: the first heading, or the name of the file. */
static struct view
title_of(struct catalog *c, const struct page *page, struct view gemtext)
{
	struct view title = gemtext_first_heading(gemtext);

	buf_reset(&c->title);
	utf8_clean(&c->title,
	    title.len > 0 ? title : pages_name(page->selector));
	title = view_trim(buf_view(&c->title));
	if (title.len == 0)
		title = page->selector;
	if (title.len > TITLE_MAX) {
		title.len = TITLE_MAX;
		while (((unsigned char)title.p[title.len] & 0xC0) == 0x80)
			title.len--;
	}
	return arena_copy(c->work, title);
}

/* For content in memory: a page by its number. */
static void
keep_page(struct catalog *c, const struct page *page, struct view text,
    bool is_gemtext)
{
	const struct answer *a = &page->entry->gemini;

	c->site->found[c->site->n_found++] = (struct search_page){
		.selector = page->entry->selector,
		.title = arena_copy(c->s->arena, page->found_title),
		.text = a->rest.size == 0 ? text : VIEW(""),
		.is_gemtext = is_gemtext,
	};
}

struct view
catalog_title(const struct page *page, struct arena *a)
{
	struct catalog c = { .work = a };
	struct view title, text = page->entry->gemini.bytes;

	(void)view_cut(&text, '\n');
	buf_init(&c.title, START_MAX * 16);
	title = title_of(&c, page,
	    page_is_gemtext(page) || page_is_map(page) ? text : VIEW(""));
	buf_fini(&c.title);
	return title;
}

static void
add_page(struct catalog *c, struct page *page)
{
	bool is_gemtext = page_is_gemtext(page) || page_is_map(page);
	struct view text = body_of(c, &page->entry->gemini);

	page->found_title = title_of(c, page, is_gemtext ? text : VIEW(""));
	if (!c->s->opens_later)
		keep_page(c, page, text, is_gemtext);
}

/*
 * Add each file once, by the first of its selectors.  A protected page is not
 * in the index at all: whoever searches may not even find out from how much
 * was found that it is there.
 */
static void
add_pages(struct catalog *c, const struct pages *pages)
{
	struct hash *files = hash_new(pages->arena, pages->n);
	struct page *page;

	for (page = pages->first; page != NULL; page = page->next)
		if (catalog_is_text(page) && page->entry->access == NULL &&
		    page->entry->gemini.status == GEMINI_SUCCESS &&
		    hash_put(files, page->file, page->entry) == NULL)
			add_page(c, page);
}

void
catalog_fill(struct snapshot *s, struct site *site, const struct pages *pages)
{
	struct catalog c = { .s = s, .site = site, .work = pages->arena };

	if (!site->is_searched)
		return;
	if (!s->opens_later)
		site->found =
		    arena_alloc(s->arena, pages->n * sizeof(*site->found));
	buf_init(&c.text, START_MAX);
	buf_init(&c.title, START_MAX * 16);
	add_pages(&c, pages);
	buf_fini(&c.text);
	buf_fini(&c.title);
}

/* Put the page of that number of the table. */
static int
index_page(struct search *s, const struct site *site, size_t number,
    struct buf *room)
{
	static const struct search_stamp stamp;
	const struct search_page *page = &site->found[number];
	struct search_key key = site_found_key(number);
	struct view text = VIEW("");
	struct entry entry;

	buf_reset(room);
	if (site_find(site, page->selector, &entry)) {
		if (entry.gemini.rest.size > (off_t)SEARCH_TEXT_MAX)
			entry.gemini.rest.size = (off_t)SEARCH_TEXT_MAX;
		(void)answer_read(&entry.gemini, room);
		text = buf_view(room);
		(void)view_cut(&text, '\n');
	}
	return search_put(s, &key, &stamp, page->title, text, page->is_gemtext);
}

struct search *
catalog_index(const struct site *site, const char **why)
{
	static const struct search_key origin;
	struct search *s = search_open(NULL, &origin, why);
	struct buf room;
	size_t i;
	int r = 0;

	buf_init(&room, 2 * SEARCH_TEXT_MAX);
	for (i = 0; s != NULL && i < site->n_found && r == 0; i++)
		r = index_page(s, site, i, &room);
	buf_fini(&room);
	if (s == NULL || (r == 0 && search_commit(s) == 0))
		return s;
	*why = search_why(s);
	search_close(s);
	return NULL;
}
