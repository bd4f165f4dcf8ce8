/*
 * fuzz_search.c - whatever is looked for, no word of it is syntax to SQLite,
 * and what is answered has only the links that are there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/lsan_interface.h>

#include "base/arena.h"
#include "base/hash.h"
#include "site/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static char
item_of(void *arg, struct view selector)
{
	(void)arg;
	return view_eq(selector, VIEW("/search")) ? '7' : '1';
}

static bool
is_ours(void *arg, struct view host)
{
	(void)arg;
	(void)host;
	return false;
}

static struct entry search = { .selector = VIEW_INIT("/search"),
	.kind = ENTRY_SEARCH,
	.item = '7' };

/* A capsule of a few pages, made once. */
static struct site *
make_site(void)
{
	static const char *const texts[] = { "and or not near a b c",
		"# Universit\303\251\nL'\303\251cole de l'universit\303\251\n",
		"# Management\n## Public\n=> /x management\n" };
	static struct site site;
	struct arena *a;
	struct search_builder *b;
	struct search_page page = { .is_gemtext = true };
	const char *why;
	size_t i;

	a = arena_new();
	b = search_builder_new(a, 3);
	for (i = 0; i < 3; i++) {
		page.selector = VIEW("/page");
		page.title = VIEW("Page");
		page.text = view_of(texts[i]);
		search_add(b, &page, page.text);
	}
	site.search = search_build(b, &why);
	site.entries = hash_new(a, 1);
	(void)hash_put(site.entries, VIEW("/search"), &search);
	site.menu = (struct render){ .host = VIEW("example.org"),
		.port = 70,
		.columns = 67,
		.item_of = item_of,
		.is_ours = is_ours };
	check(site.search != NULL);
	/* It lies in mapped memory, where no leak checker looks for pointers:
	 * its first one is SQLite's. */
	__lsan_register_root_region(site.search, sizeof(void *));
	return &site;
}

/* Each line of a menu has four fields, and links lead to what there is. */
static void
check_menu(struct view menu)
{
	struct view line, name, selector;

	check(view_has_suffix(menu, VIEW("\r\n.\r\n")));
	while (!view_eq(menu, VIEW(".\r\n"))) {
		line = view_cut(&menu, '\n');
		check(view_has_suffix(line, VIEW("\r")));
		name = view_cut(&line, '\t');
		selector = view_cut(&line, '\t');
		check(name.len > 0);
		if (name.p[0] == 'i')
			continue;
		check(name.p[0] == '1' || name.p[0] == '7');
		check(view_eq(selector, VIEW("/page")) ||
		    view_eq(selector, VIEW("/search")));
		check(view_eq(view_cut(&line, '\t'), VIEW("example.org")));
		check(view_eq(line, VIEW("70\r")));
	}
}

static void
check_gemtext(struct view text)
{
	struct view line;

	check(view_has_prefix(text, VIEW("20 text/gemini\r\n# Search: ")));
	(void)view_cut(&text, '\n');
	while (text.len > 0) {
		line = view_cut(&text, '\n');
		if (view_has_prefix(line, VIEW("=>")))
			check(view_has_prefix(line, VIEW("=> /page Page")) ||
			    view_eq(line, VIEW("=> /search Search again")));
		check(!view_has_prefix(line, VIEW("```")));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site *site;
	struct view query = { (const char *)data, size };
	struct search_found found;
	struct buf out;

	if (site == NULL)
		site = make_site();
	check(search_find(site->search, query, &found) == 0);
	check(found.n <= 3 && found.n == found.total);
	check(found.n_words <= SEARCH_WORDS_MAX);
	buf_init(&out, RESULTS_MAX);
	check(results_gemini(&out, site, &search, query) == 0);
	check_gemtext(buf_view(&out));
	buf_reset(&out);
	check(results_gopher(&out, site, &search, query) == 0);
	check_menu(buf_view(&out));
	buf_fini(&out);
	return 0;
}
