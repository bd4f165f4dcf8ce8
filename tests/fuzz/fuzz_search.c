/*
 * fuzz_search.c - whatever is looked for, no word of it is syntax to SQLite,
 * and what is answered has only the links that are there.  Nor does anything
 * else come of a record that was made up, by a worker or by who answers it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "site/results.h"
#include "site/search.h"

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

static struct configured search = {
	{ .selector = VIEW_INIT("/search"), .kind = ENTRY_SEARCH, .item = '7' }
};

static struct search *opened;

/* A capsule of a few pages, made once. */
static struct site *
make_site(void)
{
	static const char *const texts[] = { "and or not near a b c",
		"# Universit\303\251\nL'\303\251cole de l'universit\303\251\n",
		"# Management\n## Public\n=> /x management\n" };
	static struct search_page pages[3];
	static struct site site;
	static const struct search_key origin;
	static const struct search_stamp stamp;
	struct search_key key;
	const char *why;
	size_t i;

	opened = search_open(NULL, &origin, &why);
	check(opened != NULL);
	for (i = 0; i < 3; i++) {
		pages[i] = (struct search_page){ VIEW("/page"), VIEW("Page"),
			view_of(texts[i]), true };
		key = site_found_key(i);
		check(search_put(opened, &key, &stamp, pages[i].title,
			  pages[i].text, true) == 0);
	}
	check(search_commit(opened) == 0);
	site.found = pages;
	site.n_found = 3;
	site.configured = hash_new(arena_new(), 1);
	(void)hash_put(site.configured, VIEW("/search"), &search);
	site.menu = (struct render){ .host = VIEW("example.org"),
		.port = 70,
		.columns = 67,
		.item_of = item_of,
		.is_ours = is_ours };
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

/* What is found is shown, by either protocol. */
static void
show(const struct results *r, const struct search_found *found)
{
	struct buf out;

	buf_init(&out, RESULTS_MAX);
	check(results_gemini(&out, r, found) == 0);
	check_gemtext(buf_view(&out));
	buf_reset(&out);
	check(results_gopher(&out, r, found) == 0);
	check_menu(buf_view(&out));
	buf_fini(&out);
}

/* A record of the right size, of what there is. */
static void
forge(const uint8_t *data, size_t size, void *to, size_t len)
{
	memset(to, 0, len);
	memcpy(to, data, size < len ? size : len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct site *site;
	struct view query = { (const char *)data, size };
	struct search_query q, forged_query;
	struct search_found found, forged;
	struct results *r;

	if (site == NULL)
		site = make_site();
	r = results_new(site, search.entry.selector, query);
	check(r != NULL);
	check(search_query_take(&q, &r->query, sizeof(r->query), 1));
	search_find(opened, &q, &found);
	check(found.end == SEARCH_DONE);
	check(search_found_take(&forged, &found, sizeof(found)));
	check(found.n <= 3 && found.n == found.total);
	show(r, &found);
	forge(data, size, &forged, sizeof(forged));
	if (search_found_take(&found, &forged, sizeof(forged)))
		show(r, &found);
	results_free(r);
	forge(data, size, &forged_query, sizeof(forged_query));
	if (search_query_take(&q, &forged_query, sizeof(q), 1)) {
		search_find(opened, &q, &found);
		check(found.end == SEARCH_DONE && found.n <= 3);
	}
	return 0;
}
