/*
 * catalog.c - which pages a search finds, and what they are called.
 *
 * Floor site.  It reads the finished answers of Gemini: their bytes are clean,
 * they are there anyway, and a gophermap is gemtext in them.
 */
#include "site/catalog.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/gemini.h"
#include "format/gemtext.h"
#include "format/utf8.h"
#include "site/search.h"

#define TITLE_MAX 160 /* bytes of a title that are shown */

/* What the helpers below share. */
struct catalog {
	struct arena *arena;
	struct site *site;
	struct search_builder *builder;
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

static bool
is_text(const struct page *page)
{
	return page->kind == PAGE_FILE && !is_for_programs(page->selector) &&
	    (page_is_map(page) ||
		view_has_prefix(page->mime.type, VIEW("text/")));
}

/* The start of a file that stays on disk, into c->text. */
static struct view
read_start(struct catalog *c, const struct span *file)
{
	ssize_t n;

	buf_reset(&c->text);
	buf_fill(&c->text, '\0', SEARCH_TEXT_MAX);
	if (c->text.failed)
		mem_exhausted(SEARCH_TEXT_MAX);
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
	return arena_copy(c->arena, title);
}

static void
add_page(struct catalog *c, const struct page *page)
{
	const struct answer *a = &page->entry->gemini;
	struct view text = body_of(c, a);
	struct search_key key = site_found_key(c->site->n_found);
	struct search_page *found = &c->site->found[c->site->n_found++];

	*found = (struct search_page){ .selector = page->entry->selector,
		.text = a->rest.size == 0 ? text : VIEW(""),
		.is_gemtext = page_is_gemtext(page) || page_is_map(page) };
	found->title = title_of(c, page, found->is_gemtext ? text : VIEW(""));
	search_add(c->builder, &key, found->title, text, found->is_gemtext);
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
	const struct page *page;

	for (page = pages->first; page != NULL; page = page->next)
		if (is_text(page) && page->entry->access == NULL &&
		    page->entry->gemini.status == GEMINI_SUCCESS &&
		    hash_put(files, page->file, page->entry) == NULL)
			add_page(c, page);
}

/* The first page that is a search, or NULL. */
static const struct page *
first_search(const struct pages *pages)
{
	const struct page *page = pages->first;

	while (page != NULL && page->kind != PAGE_SEARCH)
		page = page->next;
	return page;
}

void
catalog_fill(struct snapshot *s, struct site *site, const struct conf *conf,
    const struct pages *pages, struct problems *notes)
{
	const struct page *search = first_search(pages);
	struct catalog c = { .arena = s->arena, .site = site };
	const char *why;

	if (search == NULL)
		return;
	site->found = arena_alloc(s->arena, pages->n * sizeof(*site->found));
	c.builder = search_builder_new(pages->n);
	buf_init(&c.text, SEARCH_TEXT_MAX);
	buf_init(&c.title, SEARCH_TEXT_MAX * 16);
	add_pages(&c, pages);
	buf_fini(&c.text);
	buf_fini(&c.title);
	site->index = search_build(c.builder, &why);
	if (site->index == NULL)
		problems_add(notes, conf->path, search->line,
		    "%.*s: no index can be made for the search: %s; it is "
		    "tried again at the next reload",
		    VIEW_ARG(search->selector), why);
}
