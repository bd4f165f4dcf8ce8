/* test_resolve.c - the resolver and the list of all pages agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"
#include "wild.h"

#include "site/pages.h"
#include "site/protect.h"
#include "site/resolve_rule.h"
#include "site/resolve_walk.h"

#define ROUNDS  60  /* more with the variable WILD_ROUNDS */
#define CHANGES 60  /* of the files of a round */
#define STRAYS  300 /* selectors that may be there or not, a round */

/* One capsule, known in both ways. */
struct both {
	struct place place;
	struct wild wild;
	struct arena *arena;
	struct beneath *root;
	struct access *access;
	struct pages pages;
	struct resolver *resolver;
	size_t walked; /* pages that the walk visited */
	struct hash *seen;
	unsigned round;
	char text[4096];
};

static void
expect_same_view(const struct both *b, const char *what, struct view selector,
    struct view got, struct view want)
{
	if (!view_eq(got, want))
		fail_msg("round %u: %.*s: %s is \"%.*s\", want \"%.*s\"\n%s",
		    b->round, VIEW_ARG(selector), what, VIEW_ARG(got),
		    VIEW_ARG(want), b->text);
}

static void
expect_same_number(const struct both *b, const char *what, struct view selector,
    long got, long want)
{
	if (got != want)
		fail_msg("round %u: %.*s: %s is %ld, want %ld\n%s", b->round,
		    VIEW_ARG(selector), what, got, want, b->text);
}

static void
expect_same_page(const struct both *b, const struct page *got,
    const struct page *want)
{
	struct view s = want->selector;

	expect_same_view(b, "selector", s, got->selector, want->selector);
	expect_same_number(b, "kind", s, got->kind, want->kind);
	expect_same_view(b, "path", s, got->path, want->path);
	expect_same_view(b, "map", s, got->map, want->map);
	expect_same_view(b, "file", s, got->file, want->file);
	expect_same_view(b, "map_file", s, got->map_file, want->map_file);
	expect_same_view(b, "target", s, got->target, want->target);
	expect_same_view(b, "type", s, got->mime.type, want->mime.type);
	expect_same_number(b, "item", s, got->mime.item, want->mime.item);
	expect_same_number(b, "line", s, got->line, want->line);
	expect_same_number(b, "walked", s, got->walked, want->walked);
	expect_same_number(b, "linked", s, got->linked, want->linked);
	expect_same_number(b, "hidden", s, got->hidden, want->hidden);
	expect_same_number(b, "temporary", s, got->temporary, want->temporary);
	expect_same_number(b, "same", s, got->same != NULL, want->same != NULL);
	if (want->same != NULL)
		expect_same_view(b, "same", s, got->same->selector,
		    want->same->selector);
}

static void
expect_same_rule(const struct both *b, struct page *got,
    const struct page *want)
{
	const struct access_rule *rule = resolver_rule(b->resolver, got);

	expect_same_number(b, "rule", want->selector,
	    rule == NULL ? 0 : rule->line,
	    want->rule == NULL ? 0 : want->rule->line);
	expect_same_number(b, "borrowed", want->selector, got->borrowed,
	    want->borrowed);
}

/* What a rendering was told before there was a resolver. */
static char
item_in_list(const struct pages *pages, struct view selector)
{
	const struct page *page = pages_find(pages, selector);

	if (page == NULL && selector.len > 1 &&
	    view_has_suffix(selector, VIEW("/"))) {
		selector.len--;
		page = pages_find(pages, selector);
	}
	if (page == NULL && pages_has_app(pages, selector)) {
		do
			selector.len--;
		while (!view_has_suffix(selector, VIEW("/")) ||
		    hash_find(pages->covers, selector) == NULL);
		page = pages_find(pages, selector);
	}
	return page == NULL ? 0 : page->mime.item;
}

static bool
is_walked_page(void *arg, struct page *page)
{
	struct both *b = arg;
	const struct page *want = pages_find(&b->pages, page->selector);

	if (want == NULL)
		fail_msg("round %u: the walk visits %.*s\n%s", b->round,
		    VIEW_ARG(page->selector), b->text);
	expect_same_page(b, page, want);
	if (hash_put(b->seen, want->selector, page) != NULL)
		fail_msg("round %u: the walk visits %.*s twice", b->round,
		    VIEW_ARG(page->selector));
	b->walked++;
	return true;
}

static bool
is_child(void *arg, struct page *page)
{
	struct both *b = arg;
	struct page *want = pages_find(&b->pages, page->selector);

	if (want == NULL || !page_is_listed(want))
		fail_msg("round %u: a listing shows %.*s\n%s", b->round,
		    VIEW_ARG(page->selector), b->text);
	expect_same_page(b, page, want);
	b->walked++;
	return true;
}

static void
compare_listing(struct both *b, struct view folder)
{
	const struct page *page;
	size_t n = 0;

	b->walked = 0;
	assert_true(resolver_children(b->resolver, folder, true, is_child, b));
	for (page = pages_below(&b->pages, folder); page != NULL;
	     page = page->sibling)
		n++;
	expect_same_number(b, "children", folder, (long)b->walked, (long)n);
}

/* A selector that may be there or not. */
static void
compare_stray(struct both *b, struct view selector)
{
	struct arena *a = arena_new();
	const struct page *want = pages_find(&b->pages, selector);
	const struct page *app = resolve_app(b->resolver, selector);
	struct page got;

	expect_same_number(b, "being there", selector,
	    resolve_selector(b->resolver, selector, a, &got), want != NULL);
	expect_same_number(b, "item", selector,
	    resolve_item(b->resolver, selector),
	    item_in_list(&b->pages, selector));
	expect_same_number(b, "application", selector, app != NULL,
	    pages_has_app(&b->pages, selector));
	arena_free(a);
}

static void
compare_pages(struct both *b)
{
	struct resolve_visit visit = { .page = is_walked_page, .arg = b };
	struct arena *a = arena_new();
	const struct page *page;
	struct page got;
	size_t i;

	for (page = b->pages.first; page != NULL; page = page->next) {
		if (!resolve_selector(b->resolver, page->selector, a, &got))
			fail_msg("round %u: %.*s is not found\n%s", b->round,
			    VIEW_ARG(page->selector), b->text);
		expect_same_page(b, &got, page);
		expect_same_rule(b, &got, page);
		if (view_has_suffix(page->selector, VIEW("/")))
			compare_listing(b, page->selector);
		compare_stray(b, page->selector);
	}
	b->walked = 0;
	b->seen = hash_new(a, 0);
	assert_true(resolver_walk(b->resolver, &visit));
	assert_int_equal(b->pages.n, b->walked);
	for (i = 0; i < STRAYS; i++)
		compare_stray(b, view_of(wild_selector(&b->wild)));
	arena_free(a);
}

static void
open_both(struct both *b)
{
	const struct conf_capsule *capsule = &b->place.conf->capsules[0];
	struct problems *ignored = problems_new();
	size_t n_cas = 0;

	b->arena = arena_new();
	b->root = beneath_new(capsule->root.p);
	assert_non_null(b->root);
	if (!capsule->symlinks)
		beneath_refuse_links(b->root);
	b->access =
	    access_load(b->place.conf, capsule, b->arena, &n_cas, ignored);
	pages_init(&b->pages, b->arena);
	pages_collect(&b->pages, b->place.conf, capsule, b->root, ignored);
	protect_pages(&b->pages, b->access);
	b->resolver = resolver_new(b->place.conf, capsule, b->root, b->access);
	resolver_learn_links(b->resolver);
	problems_free(ignored);
}

static void
close_both(struct both *b)
{
	resolver_free(b->resolver);
	beneath_free(b->root);
	arena_free(b->arena);
}

static unsigned
rounds(unsigned n)
{
	const char *more = getenv("WILD_ROUNDS");

	return more == NULL ? n : (unsigned)atoi(more);
}

/* Read a random configuration that has nothing wrong in itself. */
static void
read_wild(struct both *b)
{
	do {
		wild_configure(&b->wild, b->text, sizeof(b->text));
		place_read(&b->place, b->text);
	} while (problems_count(b->place.ps) > 0);
}

static void
the_list_of_all_pages_and_the_resolver_agree(void **state)
{
	struct both b = { .round = 0 };
	unsigned n = rounds(ROUNDS);
	size_t i;

	(void)state;
	for (; b.round < n; b.round++) {
		place_open(&b.place);
		b.wild =
		    (struct wild){ b.round * 2654435761u + 1, &b.place, 0 };
		for (i = 0; i < CHANGES; i++)
			wild_change(&b.wild);
		read_wild(&b);
		open_both(&b);
		compare_pages(&b);
		close_both(&b);
		place_close(&b.place);
	}
}

/* Compare what was placed, with every folder mapped. */
static void
compare_placed(struct both *b, const char *text)
{
	snprintf(b->text, sizeof(b->text), "%s", text);
	b->wild = (struct wild){ .state = 1, .place = &b->place };
	place_read(&b->place, text);
	assert_int_equal(0, problems_count(b->place.ps));
	open_both(b);
	compare_pages(b);
	close_both(b);
	place_close(&b->place);
}

#define ALL "[capsule]\nroot = capsule\n[selectors]\n/ = ./\n"

static void
more_folders_than_are_kept_are_found_all_the_same(void **state)
{
	struct both b = { .round = 0 };
	char path[64];
	size_t i;

	(void)state;
	place_open(&b.place);
	for (i = 0; i <= FOLDERS_KEPT_MAX; i++) {
		snprintf(path, sizeof(path), "%zu/%zu/page.gmi", i / 16, i);
		place_write(&b.place, path, VIEW("# Page\n"));
	}
	compare_placed(&b, ALL "[listing]\n/ = yes\n");
}

static void
folders_are_followed_down_to_the_deepest_that_counts(void **state)
{
	struct both b = { .round = 0 };
	char path[FOLDERS_DEPTH_MAX * 2 + 16] = "", page[sizeof(path) + 8];
	size_t i;

	(void)state;
	place_open(&b.place);
	for (i = 0; i < FOLDERS_DEPTH_MAX + 2; i++) {
		snprintf(page, sizeof(page), "%sp.gmi", path);
		place_write(&b.place, page, VIEW("# Page\n"));
		snprintf(path + strlen(path), sizeof(path) - strlen(path),
		    "d/");
	}
	compare_placed(&b, ALL);
}

static void
a_link_that_leads_back_ends_where_it_began(void **state)
{
	struct both b = { .round = 0 };

	(void)state;
	place_open(&b.place);
	place_write(&b.place, "a/b/page.gmi", VIEW("# Page\n"));
	place_link(&b.place, "a/b/back", "..");
	place_link(&b.place, "a/b/other", "../../c");
	place_write(&b.place, "c/page.gmi", VIEW("# Page\n"));
	place_link(&b.place, "c/again", "../a");
	compare_placed(&b, ALL "[listing]\n/ = yes\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_of_all_pages_and_the_resolver_agree),
		cmocka_unit_test(
		    more_folders_than_are_kept_are_found_all_the_same),
		cmocka_unit_test(
		    folders_are_followed_down_to_the_deepest_that_counts),
		cmocka_unit_test(a_link_that_leads_back_ends_where_it_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
