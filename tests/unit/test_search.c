/*
 * test_search.c - which pages a search finds, in which order, and what both
 * protocols say of it.  Run from the top of the tree; GOLDEN=write writes
 * what is wanted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "golden.h"
#include "place.h"
#include "site/answer.h"
#include "site/search.h"

#define HOST "capsule.example.org"

static const char conf[] =
    "[capsule]\nhostname = " HOST "\nroot = capsule\nlanguage = en\n"
    "[gopher]\ncolumns = 60\n"
    "[selectors]\n/ = index.gmi\n/search = @search\n/pages/ = pages/\n"
    "/again = pages/history.gmi\n/robots.txt = robots.txt\n"
    "/caf\303\251 = cafe.gmi\n/data = data.bin\n/large.txt = large.txt\n";

static struct place place;

static const struct {
	const char *name, *text;
} files[] = {
	{ "index.gmi",
	    "# Home of the institute\n=> /pages/history History\nWelcome.\n" },
	{ "cafe.gmi", "# Le caf\303\251\nOn y boit du caf\303\251.\n" },
	{ "data.bin", "binary words\n" },
	{ "pages/history.gmi",
	    "# History\nIt began in 1996.\n## Management since then\n"
	    "Public management is what the institute teaches, and the "
	    "universit\303\251 agrees.\n" },
	{ "pages/management.gmi",
	    "# Management\nManagement of management: what managers do.\n" },
	{ "pages/mention.gmi",
	    "# Something else\nA long text that speaks of many other things "
	    "before it mentions management once, and then goes on about "
	    "gardens, boats, and the weather in the south.\n" },
	{ "pages/ecole.gmi",
	    "# L'\303\251cole d'\303\251t\303\251\nL\342\200\231"
	    "UNIVERSIT\303\211 d'\303\251t\303\251 ; l'\305\223uvre est "
	    "finie. Aujourd'hui.\n" },
	{ "pages/words.txt",
	    "and or not near\nquote \"inside\" a star * and col:on\n" },
	{ "pages/menu.gophermap",
	    "!A map of gophers\nBurrows everywhere\n1Next\t/pages/history\n" },
	{ "robots.txt", "Disallow: /secret management\n" },
	{ "pages/.well-known/hidden.txt", "hidden management\n" },
};

static int
set_up(void **state)
{
	static char large[SNAPSHOT_INLINE_MAX + 64];
	size_t i;

	(void)state;
	place_open(&place);
	for (i = 0; i < N_OF(files); i++)
		place_write(&place, files[i].name, view_of(files[i].text));
	/* Too large for the snapshot: it is found all the same. */
	memset(large, '\n', sizeof(large));
	memcpy(large, "giant", 5);
	place_write(&place, "large.txt", (struct view){ large, sizeof(large) });
	place_load(&place, conf);
	if (place.s == NULL)
		errx(1, "%s", place.told);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	place_close(&place);
	return 0;
}

static struct search *
index_of_place(void)
{
	return place.s->sites[0].search;
}

/* What is found, in its order; "+" before it if none has all words. */
static const struct {
	const char *query, *want;
} searches[] = {
	{ "management", "/pages/management.gmi /again /pages/mention.gmi" },
	{ "MANAGEMENT", "/pages/management.gmi /again /pages/mention.gmi" },
	{ "  management\t\r\n",
	    "/pages/management.gmi /again /pages/mention.gmi" },
	{ "manag", "/pages/management.gmi /again /pages/mention.gmi" },
	{ "managers", "/pages/management.gmi" },
	{ "manag public", "+/again" },
	{ "public manag", "/again" },
	{ "gardens weather", "/pages/mention.gmi" },
	{ "weather gardens", "/pages/mention.gmi" },
	{ "universite", "/pages/ecole.gmi /again" },
	{ "universit\303\251", "/pages/ecole.gmi /again" },
	{ "UNIVERSITE\314\201", "/pages/ecole.gmi /again" },
	{ "l'universit\303\251", "/pages/ecole.gmi /again" },
	{ "l\342\200\231Universit\303\251", "/pages/ecole.gmi /again" },
	{ "ecole d'ete", "/pages/ecole.gmi" },
	{ "oeuvre", "/pages/ecole.gmi" },
	{ "\305\222UVRE", "/pages/ecole.gmi" },
	{ "aujourd'hui", "/pages/ecole.gmi" },
	{ "cafe", "/caf\303\251" },
	{ "1996", "/again" },
	{ "19", "/again" },
	{ "gophers", "/pages/menu.gophermap" },
	{ "burrows every", "/pages/menu.gophermap" },
	{ "home institute", "/" },
	{ "AND", "/pages/words.txt /pages/mention.gmi /again" },
	{ "OR NOT", "/pages/words.txt" },
	{ "near(and or)", "/pages/words.txt" },
	{ "\"inside\"", "/pages/words.txt" },
	{ "\"\"\" inside", "/pages/words.txt" },
	{ "star*", "/pages/words.txt" },
	{ "^quote", "/pages/words.txt" },
	{ "body:col", "+/pages/words.txt" },
	{ "-quote", "/pages/words.txt" },
	{ "(quote", "/pages/words.txt" },
	{ "quote;DROP TABLE pages", "+/pages/words.txt" },
	{ "gardens zzz", "+/pages/mention.gmi" },
	{ "zzz", "" },
	{ "zzz yyy", "+" },
	{ "disallow", "" },
	{ "hidden", "" },
	{ "binary", "" },
	{ "giant", "/large.txt" },
	{ "", "" },
	{ " \t ", "" },
	{ "*^:-()\"'.,;", "" },
	{ "\377\376\200", "" },
	{ "g", "" },
	{ "a", "/pages/menu.gophermap /pages/words.txt /pages/mention.gmi" },
};

static void
expect_found(struct view query, const char *want)
{
	struct search_found found;
	struct buf got;
	size_t i;

	buf_init(&got, 4096);
	assert_int_equal(search_find(index_of_place(), query, &found), 0);
	buf_puts(&got, found.is_some ? "+" : "");
	for (i = 0; i < found.n; i++) {
		buf_puts(&got, i > 0 ? " " : "");
		buf_put(&got, found.hits[i]->selector);
	}
	assert_int_equal(found.total, found.n);
	if (!view_eq(buf_view(&got), view_of(want)))
		fail_msg("%.*s: got \"%.*s\", want \"%s\"", VIEW_ARG(query),
		    VIEW_ARG(buf_view(&got)), want);
	buf_fini(&got);
}

static void
the_best_page_comes_first(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(searches); i++) {
		struct view v = exact(view_of(searches[i].query));

		expect_found(v, searches[i].want);
		loose(v);
	}
}

static void
every_prefix_of_a_query_is_one(void **state)
{
	struct view all =
	    VIEW("l'\303\251cole AND \"a b\"* NEAR(x, 3) col:on \305\223uvre");
	struct search_found found;
	size_t n;

	(void)state;
	for (n = 0; n <= all.len; n++) {
		struct view v = exact((struct view){ all.p, n });

		assert_int_equal(search_find(index_of_place(), v, &found), 0);
		loose(v);
	}
}

static void
limits_of_a_query_are_exact(void **state)
{
	struct search_found found;
	struct buf query;
	int i;

	(void)state;
	buf_init(&query, 65536);
	for (i = 0; i < SEARCH_WORDS_MAX; i++)
		buf_printf(&query, "w%d ", i);
	assert_int_equal(search_find(index_of_place(), buf_view(&query),
			     &found),
	    0);
	assert_int_equal(found.n_words, SEARCH_WORDS_MAX);
	assert_false(found.is_cut);
	buf_puts(&query, "w3 w4"); /* again */
	assert_int_equal(search_find(index_of_place(), buf_view(&query),
			     &found),
	    0);
	assert_false(found.is_cut);
	buf_puts(&query, " more");
	assert_int_equal(search_find(index_of_place(), buf_view(&query),
			     &found),
	    0);
	assert_int_equal(found.n_words, SEARCH_WORDS_MAX);
	assert_true(found.is_cut);

	buf_reset(&query);
	buf_fill(&query, ' ', SEARCH_QUERY_MAX - 1);
	buf_puts(&query, "1996");
	expect_found(buf_view(&query), "/again");
	buf_reset(&query);
	buf_fill(&query, ' ', SEARCH_QUERY_MAX);
	buf_puts(&query, "1996");
	expect_found(buf_view(&query), "");

	buf_reset(&query);
	while (query.len < 10240)
		buf_puts(&query, "management ");
	expect_found(buf_view(&query),
	    "/pages/management.gmi /again /pages/mention.gmi");
	buf_fini(&query);
}

/* -- an index of many pages -- */

static struct search *
many_pages(struct arena *a, size_t n, const char *text)
{
	struct search_builder *b = search_builder_new(a, n);
	struct search_page page = { .is_gemtext = true };
	struct search *s;
	struct buf words;
	const char *why;
	size_t i;

	buf_init(&words, 4096);
	for (i = 0; i < n; i++) {
		buf_reset(&words);
		buf_printf(&words, "/%zu", i);
		page.selector = arena_copy(a, buf_view(&words));
		page.title = i + 1 == n ? VIEW("About words") : VIEW("A page");
		buf_reset(&words);
		buf_printf(&words, "%s number%zu\n", text, i);
		page.text = arena_copy(a, buf_view(&words));
		search_add(b, &page, page.text);
	}
	buf_fini(&words);
	s = search_build(b, &why);
	if (s == NULL)
		fail_msg("%s", why);
	return s;
}

static void
the_number_of_results_is_limited_and_told(void **state)
{
	static const struct {
		size_t pages, n, total;
		bool is_more;
	} cases[] = { { 0, 0, 0, false }, { 1, 1, 1, false },
		{ SEARCH_HITS_MAX, SEARCH_HITS_MAX, SEARCH_HITS_MAX, false },
		{ SEARCH_HITS_MAX + 1, SEARCH_HITS_MAX, SEARCH_HITS_MAX + 1,
		    false },
		{ SEARCH_WEIGHED_MAX, SEARCH_HITS_MAX, SEARCH_WEIGHED_MAX,
		    false },
		{ SEARCH_WEIGHED_MAX + 1, SEARCH_HITS_MAX, SEARCH_WEIGHED_MAX,
		    true } };
	struct search_found found;
	struct search *s;
	struct arena *a;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		a = arena_new();
		s = many_pages(a, cases[i].pages, "words");
		assert_int_equal(search_find(s, VIEW("words"), &found), 0);
		assert_int_equal(found.n, cases[i].n);
		assert_int_equal(found.total, cases[i].total);
		assert_int_equal(found.is_more, cases[i].is_more);
		/* The page that is about it, though it is the last. */
		if (cases[i].pages > 1)
			expect_view("title", found.hits[0]->title,
			    VIEW("About words"));
		search_free(s);
		arena_free(a);
	}
}

static void
only_the_beginning_of_a_huge_page_is_indexed(void **state)
{
	char *text = malloc(SEARCH_TEXT_MAX + 16);
	struct search_page page = { .title = VIEW("Huge"),
		.selector = VIEW("/huge") };
	struct arena *a = arena_new();
	struct search_builder *b = search_builder_new(a, 2);
	struct search_found found;
	const char *why;
	struct search *s;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', SEARCH_TEXT_MAX + 16);
	memcpy(text + SEARCH_TEXT_MAX - 6, "inside outside", 14);
	search_add(b, &page, (struct view){ text, SEARCH_TEXT_MAX + 16 });
	s = search_build(b, &why);
	assert_non_null(s);
	assert_int_equal(search_find(s, VIEW("inside"), &found), 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(search_find(s, VIEW("outside"), &found), 0);
	assert_int_equal(found.n, 0);
	search_free(s);
	arena_free(a);
	free(text);
}

/* -- on the wire -- */

static void
ask(const struct protocol *p, struct view request, struct reply *reply)
{
	struct peer peer = { VIEW(""), p == &protocol_gemini ? 1965 : 70,
		p == &protocol_gemini };
	struct view in = exact(request);

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->dynamic, 1);
	assert_true(p->is_ready(in));
	p->answer(place.s, &peer, in, reply);
	assert_int_equal(reply->host.len, strlen(HOST));
	loose(in);
	expect_view("log", reply->selector, VIEW("/search"));
}

static void
expect_answer(const struct protocol *p, struct view request, const char *golden)
{
	struct reply reply;
	struct buf got;

	ask(p, request, &reply);
	assert_int_equal(reply.answer.status, 20);
	assert_true(reply.answer.rest.size == 0);
	buf_init(&got, 1 << 20);
	buf_put(&got, reply.answer.bytes);
	golden_settle(golden, &got);
	buf_fini(&got);
	buf_fini(&reply.dynamic);
}

#define G "gemini://" HOST "/search"

/* The same page in both protocols; tests/golden/search-NAME has it. */
static const struct {
	const char *name, *gemini, *gopher;
} pages[] = {
	{ "several", G "?management\r\n", "/search\tmanagement\r\n" },
	{ "one", G "?l'universit%C3%A9%20agrees\r\n",
	    "search\tl'universit\303\251 agrees\r\n" },
	{ "some", G "?gardens%0Azzz\r\n", "/search\tgardens\tzzz\r\n" },
	{ "none", G "?zzz\r\n", "/search\tzzz\r\n" },
	{ "noword", G "?%2A%22\r\n", "/search?%2A%22\r\n" },
	{ "forged",
	    G "?%0D%0A=%3E%20/evil%20Evil%0A%23%20Evil%09%1B%5B31m%C2%85\r\n",
	    "/search?%0D%0A1Evil%09/evil%09evil.example.org%0970%00\r\n" },
};

static void
results_are_told_in_both_protocols(void **state)
{
	char name[64];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(pages); i++) {
		snprintf(name, sizeof(name), "search-%s.gemtext.want",
		    pages[i].name);
		expect_answer(&protocol_gemini, view_of(pages[i].gemini), name);
		snprintf(name, sizeof(name), "search-%s.menu.want",
		    pages[i].name);
		expect_answer(&protocol_gopher, view_of(pages[i].gopher), name);
	}
}

/* "/search?" is what links with words become in menus. */
static void
a_search_has_several_spellings(void **state)
{
	static const char *const spellings[] = { "/search?management\r\n",
		"search?management\r\n", "/search\tmanagement\n",
		"/search/\tmanagement\r\n", "/search?m%61nagement\r\n" };
	struct reply want, got;
	size_t i;

	(void)state;
	ask(&protocol_gopher, VIEW("/search\tmanagement\r\n"), &want);
	for (i = 0; i < N_OF(spellings); i++) {
		ask(&protocol_gopher, view_of(spellings[i]), &got);
		expect_view(spellings[i], got.answer.bytes, want.answer.bytes);
		buf_fini(&got.dynamic);
	}
	buf_fini(&want.dynamic);
	/* A plus is a plus, and words in Latin-1 are words. */
	ask(&protocol_gemini, VIEW(G "?universit%E9\r\n"), &got);
	ask(&protocol_gemini, VIEW(G "?universit%C3%A9\r\n"), &want);
	expect_view("Latin-1", got.answer.bytes, want.answer.bytes);
	buf_fini(&got.dynamic);
	buf_fini(&want.dynamic);
	ask(&protocol_gemini, VIEW(G "?a+b\r\n"), &got);
	assert_true(view_has_prefix(got.answer.bytes,
	    VIEW("20 text/gemini\r\n# Search: a+b\n")));
	buf_fini(&got.dynamic);
}

static void
a_search_for_nothing_explains_itself(void **state)
{
	static const char *const gemini[] = { G "\r\n", G "?\r\n", G "?%20\r\n",
		G "?%0D%0A%09\r\n" };
	static const char *const gopher[] = { "/search\r\n", "/search\t\r\n",
		"/search\t  \r\n", "/search?\r\n", "/search?%20\r\n" };
	struct reply reply;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(gemini); i++) {
		ask(&protocol_gemini, view_of(gemini[i]), &reply);
		assert_int_equal(reply.answer.status, GEMINI_INPUT);
		expect_view(gemini[i], reply.answer.bytes,
		    VIEW("10 Words to search for\r\n"));
		assert_null(reply.dynamic.p);
	}
	for (i = 0; i < N_OF(gopher); i++) {
		ask(&protocol_gopher, view_of(gopher[i]), &reply);
		assert_int_equal(reply.answer.status, 20);
		assert_true(view_has_suffix(reply.answer.bytes,
		    VIEW("7Search\t/search\t" HOST "\t70\r\n.\r\n")));
		assert_null(reply.dynamic.p);
	}
}

static void
gopher_plus_gets_its_header(void **state)
{
	struct reply plain, plus;

	(void)state;
	ask(&protocol_gopher, VIEW("/search\tmanagement\r\n"), &plain);
	ask(&protocol_gopher, VIEW("/search\tmanagement\t+\r\n"), &plus);
	assert_true(view_has_prefix(plus.answer.bytes, VIEW("+-2\r\n")));
	expect_view("after it", view_skip(plus.answer.bytes, 5),
	    plain.answer.bytes);
	buf_fini(&plain.dynamic);
	buf_fini(&plus.dynamic);
	ask(&protocol_gopher, VIEW("/search\tmanagement\t!\r\n"), &plus);
	assert_true(view_has_prefix(plus.answer.bytes, VIEW("+-2\r\n+INFO")));
	buf_fini(&plus.dynamic);
}

static void
a_capsule_without_a_search_has_no_index(void **state)
{
	struct place other;

	(void)state;
	place_open(&other);
	place_write(&other, "index.gmi", VIEW("# Home\n"));
	place_load(&other,
	    "[capsule]\nroot = capsule\n[selectors]\n/ = index.gmi\n");
	assert_non_null(other.s);
	assert_null(other.s->sites[0].search);
	place_close(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_page_comes_first),
		cmocka_unit_test(every_prefix_of_a_query_is_one),
		cmocka_unit_test(limits_of_a_query_are_exact),
		cmocka_unit_test(the_number_of_results_is_limited_and_told),
		cmocka_unit_test(only_the_beginning_of_a_huge_page_is_indexed),
		cmocka_unit_test(results_are_told_in_both_protocols),
		cmocka_unit_test(a_search_has_several_spellings),
		cmocka_unit_test(a_search_for_nothing_explains_itself),
		cmocka_unit_test(gopher_plus_gets_its_header),
		cmocka_unit_test(a_capsule_without_a_search_has_no_index),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
