/*
 * test_search.c - which pages a search finds, in which order, and what both
 * protocols say of it.  Run from the top of the tree; GOLDEN=write writes
 * what is wanted.
 */
#include <sys/time.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "expect.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "golden.h"
#include "place.h"
#include "site/answer.h"
#include "site/catalog.h"

#define HOST "capsule.example.org"

#define SLOW_PAGES 100
#define SLOW_WORDS 20000 /* of each */

static const char conf[] =
    "[capsule]\nhostname = " HOST "\nroot = capsule\nlanguage = en\n"
    "[gopher]\ncolumns = 60\n"
    "[selectors]\n/ = index.gmi\n/search = @search\n/pages/ = pages/\n"
    "/again = pages/history.gmi\n/robots.txt = robots.txt\n"
    "/caf\303\251 = cafe.gmi\n/data = data.bin\n/large.txt = large.txt\n"
    "/club/ = club/\n[access]\n/club/* = any\n";

static struct place place;
static struct search *opened; /* the index of place */

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
	{ "club/in.gmi", "# Closed\nManagement of the club.\n" },
	{ "robots.txt", "Disallow: /secret management\n" },
	{ "pages/.well-known/hidden.txt", "hidden management\n" },
};

static int
set_up(void **state)
{
	static char large[SNAPSHOT_INLINE_MAX + 64];
	const char *why;
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
	opened = catalog_index(&place.s->sites[0], &why);
	if (opened == NULL)
		errx(1, "%s", why);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	search_close(opened);
	place_close(&place);
	return 0;
}

/* Look for what somebody types; what is read of it stays in *q. */
static void
look_for(struct search *s, struct view text, struct search_query *q,
    struct search_found *found)
{
	search_query_read(q, text);
	search_find(s, q, found);
	assert_int_equal(found->end, SEARCH_DONE);
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
	struct search_page page;
	struct search_found found;
	struct search_query q;
	struct buf got, room;
	size_t i;

	buf_init(&got, 4096);
	buf_init(&room, 4096);
	look_for(opened, query, &q, &found);
	buf_puts(&got, found.is_some ? "+" : "");
	for (i = 0; i < found.n; i++) {
		buf_puts(&got, i > 0 ? " " : "");
		assert_true(site_found(&place.s->sites[0], &found.hits[i],
		    &room, &page));
		buf_put(&got, page.selector);
	}
	assert_int_equal(found.total, found.n);
	if (!view_eq(buf_view(&got), view_of(want)))
		fail_msg("%.*s: got \"%.*s\", want \"%s\"", VIEW_ARG(query),
		    VIEW_ARG(buf_view(&got)), want);
	buf_fini(&got);
	buf_fini(&room);
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
	struct search_query q;
	size_t n;

	(void)state;
	for (n = 0; n <= all.len; n++) {
		struct view v = exact((struct view){ all.p, n });

		look_for(opened, v, &q, &found);
		loose(v);
	}
}

static void
limits_of_a_query_are_exact(void **state)
{
	struct search_query q;
	struct buf query;
	int i;

	(void)state;
	buf_init(&query, 65536);
	for (i = 0; i < SEARCH_WORDS_MAX; i++)
		buf_printf(&query, "w%d ", i);
	search_query_read(&q, buf_view(&query));
	assert_int_equal(q.n_words, SEARCH_WORDS_MAX);
	assert_false(q.is_cut);
	buf_puts(&query, "w3 w4"); /* again */
	search_query_read(&q, buf_view(&query));
	assert_false(q.is_cut);
	buf_puts(&query, " more");
	search_query_read(&q, buf_view(&query));
	assert_int_equal(q.n_words, SEARCH_WORDS_MAX);
	assert_true(q.is_cut);

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
open_empty(void)
{
	static const struct search_key origin;
	const char *why;
	struct search *s = search_open(NULL, &origin, &why);

	if (s == NULL)
		fail_msg("%s", why);
	return s;
}

static void
put(struct search *s, size_t number, struct view title, struct view text,
    bool is_gemtext)
{
	static const struct search_stamp stamp;
	struct search_key key = site_found_key(number);

	assert_int_equal(0,
	    search_put(s, &key, &stamp, title, text, is_gemtext));
}

static struct search *
many_pages(size_t n, const char *text)
{
	struct search *s = open_empty();
	struct buf words;
	size_t i;

	buf_init(&words, 4096);
	for (i = 0; i < n; i++) {
		buf_reset(&words);
		buf_printf(&words, "%s number%zu\n", text, i);
		put(s, i, i + 1 == n ? VIEW("About words") : VIEW("A page"),
		    buf_view(&words), true);
	}
	buf_fini(&words);
	assert_int_equal(0, search_commit(s));
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
	struct search_query q;
	struct search_key last;
	struct search *s;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		s = many_pages(cases[i].pages, "words");
		look_for(s, VIEW("words"), &q, &found);
		assert_int_equal(found.n, cases[i].n);
		assert_int_equal(found.total, cases[i].total);
		assert_int_equal(found.is_more, cases[i].is_more);
		/* The page that is about it, though it is the last. */
		if (cases[i].pages > 1) {
			last = site_found_key(cases[i].pages - 1);
			assert_memory_equal(&found.hits[0], &last,
			    sizeof(last));
		}
		search_close(s);
	}
}

static void
only_the_beginning_of_a_huge_page_is_indexed(void **state)
{
	char *text = malloc(SEARCH_TEXT_MAX + 16);
	struct search *s = open_empty();
	struct search_found found;
	struct search_query q;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', SEARCH_TEXT_MAX + 16);
	memcpy(text + SEARCH_TEXT_MAX - 6, "inside outside", 14);
	put(s, 0, VIEW("Huge"), (struct view){ text, SEARCH_TEXT_MAX + 16 },
	    false);
	look_for(s, VIEW("inside"), &q, &found);
	assert_int_equal(found.n, 1);
	look_for(s, VIEW("outside"), &q, &found);
	assert_int_equal(found.n, 0);
	search_close(s);
	free(text);
}

/* -- time -- */

/*
 * Pages with words that all begin alike: a search for the beginning merges the
 * pages of each, and takes a second or so.
 */
static struct search *
slow_pages(void)
{
	struct search *s = open_empty();
	struct buf words;
	size_t i, k;

	buf_init(&words, SEARCH_TEXT_MAX);
	for (i = 0; i < SLOW_PAGES; i++) {
		buf_reset(&words);
		for (k = 0; k < SLOW_WORDS; k++)
			buf_printf(&words, "slow%zx ", (i + k * 7) % 500000);
		put(s, i, VIEW("Slow"), buf_view(&words), false);
	}
	buf_fini(&words);
	assert_int_equal(0, search_commit(s));
	return s;
}

static struct search *late;

static void
on_alarm(int signal)
{
	(void)signal;
	search_interrupt(late);
}

/* How long it takes; limit_ms is 0: as long as it takes. */
static int
milliseconds_of(struct search *s, int limit_ms, struct search_found *found)
{
	struct itimerval tv = { { 0, limit_ms > 0 ? 5000 : 0 },
		{ limit_ms / 1000, limit_ms % 1000 * 1000 } };
	int64_t began = clock_us();
	struct search_query q;

	late = s;
	(void)signal(SIGALRM, on_alarm);
	(void)setitimer(ITIMER_REAL, &tv, NULL);
	search_query_read(&q, VIEW("slow"));
	search_find(s, &q, found);
	tv = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	(void)setitimer(ITIMER_REAL, &tv, NULL);
	return (int)((clock_us() - began) / 1000);
}

static void
a_search_that_takes_too_long_is_ended(void **state)
{
	struct search *s = slow_pages();
	struct search_found found;
	struct search_query q;
	int whole;

	(void)state;
	whole = milliseconds_of(s, 0, &found);
	assert_int_equal(found.end, SEARCH_DONE);
	assert_int_equal(found.total, SLOW_PAGES);
	assert_true(milliseconds_of(s, whole / 8 + 1, &found) < whole);
	assert_int_equal(found.end, SEARCH_SLOW);
	assert_true(found.total < SLOW_PAGES && found.n <= found.total);
	/* The next one has all of its time. */
	look_for(s, VIEW("slow7"), &q, &found);
	search_close(s);
}

/* -- records that may come from anywhere -- */

/* Something is wrong with each; byte is where, from the record's start. */
static const struct {
	const char *name;
	size_t at;
	unsigned char value;
} forged_queries[] = {
	{ "an unknown word", offsetof(struct search_query, word), 2 },
	{ "a capsule too many", offsetof(struct search_query, capsule), 3 },
	{ "a word too many", offsetof(struct search_query, n_words),
	    SEARCH_WORDS_MAX + 1 },
	{ "words without end", offsetof(struct search_query, n_words) + 1, 1 },
	{ "no flag", offsetof(struct search_query, is_cut), 2 },
	{ "an empty word", offsetof(struct search_query, len), 0 },
	{ "a long word", offsetof(struct search_query, len),
	    WORDS_BYTES_MAX + 1 },
	{ "a quote", offsetof(struct search_query, words) + 1, '"' },
	{ "a blank", offsetof(struct search_query, words), ' ' },
	{ "a capital", offsetof(struct search_query, words), 'A' },
	{ "a NUL", offsetof(struct search_query, words), '\0' },
};

static void
a_query_is_taken_as_it_was_read_or_not_at_all(void **state)
{
	unsigned char record[sizeof(struct search_query) + 1] = { 0 };
	struct search_query q, got;
	size_t i, n;

	(void)state;
	search_query_read(&q, VIEW("Some words d'\303\251t\303\251 1996"));
	q.capsule = 2;
	assert_int_equal(q.n_words, 4);
	assert_true(search_query_take(&got, &q, sizeof(q), 3));
	assert_memory_equal(&got, &q, sizeof(q));
	assert_false(search_query_take(&got, &q, sizeof(q), 2));
	memcpy(record, &q, sizeof(q));
	for (n = 0; n <= sizeof(record); n++)
		assert_int_equal(n == sizeof(q),
		    search_query_take(&got, record, n, 3));
	for (i = 0; i < N_OF(forged_queries); i++) {
		memcpy(record, &q, sizeof(q));
		record[forged_queries[i].at] = forged_queries[i].value;
		if (search_query_take(&got, record, sizeof(q), 3))
			fail_msg("%s: taken", forged_queries[i].name);
	}
	q.n_words = SEARCH_WORDS_MAX; /* those that are not there are empty */
	assert_false(search_query_take(&got, &q, sizeof(q), 3));
}

static const struct {
	const char *name;
	size_t at;
	unsigned char value;
} forged_finds[] = {
	{ "an unknown end", offsetof(struct search_found, end),
	    SEARCH_FAILED + 1 },
	{ "a hit too many", offsetof(struct search_found, n),
	    SEARCH_HITS_MAX + 1 },
	{ "more hits than pages", offsetof(struct search_found, total), 2 },
	{ "no flag", offsetof(struct search_found, is_more), 2 },
	{ "nor is this", offsetof(struct search_found, is_some), 255 },
	{ "nor this", offsetof(struct search_found, is_partial), 2 },
};

static void
what_was_found_is_taken_or_not_at_all(void **state)
{
	unsigned char record[sizeof(struct search_found) + 1] = { 0 };
	struct search_found found = { .n = 3, .total = 600, .is_more = 1 }, got;
	size_t i, n;

	(void)state;
	memcpy(record, &found, sizeof(found));
	for (n = 0; n <= sizeof(record); n++)
		assert_int_equal(n == sizeof(found),
		    search_found_take(&got, record, n));
	found.n = found.total = SEARCH_HITS_MAX;
	assert_true(search_found_take(&got, &found, sizeof(found)));
	found.n = found.total = 3;
	for (i = 0; i < N_OF(forged_finds); i++) {
		memcpy(record, &found, sizeof(found));
		record[forged_finds[i].at] = forged_finds[i].value;
		if (search_found_take(&got, record, sizeof(found)))
			fail_msg("%s: taken", forged_finds[i].name);
	}
}

/* Who looked may be anybody: it can choose among pages that all may read. */
static void
a_forged_hit_shows_nothing(void **state)
{
	const struct site *site = &place.s->sites[0];
	struct search_key key = site_found_key(0), no_key = { { 0 } };
	struct search_page kept = site->found[0], page;
	struct buf room;
	size_t i;

	(void)state;
	buf_init(&room, 4096);
	assert_true(site_found(site, &key, &room, &page));
	expect_view("page", page.selector, site->found[0].selector);
	key = site_found_key(site->n_found - 1);
	assert_true(site_found(site, &key, &room, &page));
	key = site_found_key(site->n_found);
	assert_false(site_found(site, &key, &room, &page));
	key = site_found_key(SIZE_MAX);
	assert_false(site_found(site, &key, &room, &page));
	for (i = sizeof(size_t); i < sizeof(no_key); i++) {
		no_key.bytes[i] = 1;
		assert_false(site_found(site, &no_key, &room, &page));
		no_key.bytes[i] = 0;
	}
	/* As if a rule had come later than the index. */
	key = site_found_key(0);
	site->found[0].selector = VIEW("/club/in.gmi");
	assert_false(site_found(site, &key, &room, &page));
	buf_fini(&room);
	site->found[0] = kept;
}

/* -- on the wire -- */

static void
ask(const struct protocol *p, struct view request, struct reply *reply)
{
	struct peer peer = { VIEW(""), p == &protocol_gemini ? 1965 : 70,
		p == &protocol_gemini };
	struct view in = exact(request);
	struct search_found found;

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->dynamic, 1);
	assert_true(p->is_ready(in));
	p->answer(place.s, &peer, in, reply);
	if (reply->search != NULL) {
		search_find(opened, &reply->search->query, &found);
		p->found(&found, reply);
	}
	assert_null(reply->search);
	assert_int_equal(reply->host.len, strlen(HOST));
	loose(in);
	expect_view("log", reply->selector, VIEW("/search"));
}

/* -- when there are no results -- */

static void
expect_refusal(const struct protocol *p, struct view request,
    const struct search_found *found, int status, const char *want)
{
	struct peer peer = { VIEW(""), 70, p == &protocol_gemini };
	struct reply reply = { .search = NULL };

	buf_init(&reply.dynamic, 1);
	p->answer(place.s, &peer, request, &reply);
	assert_non_null(reply.search);
	p->found(found, &reply);
	assert_null(reply.search);
	assert_int_equal(reply.answer.status, status);
	expect_view("refusal", reply.answer.bytes, view_of(want));
	reply_fini(&reply);
}

static void
without_results_both_protocols_say_why(void **state)
{
	struct search_found busy = { .end = SEARCH_BUSY },
			    failed = { .end = SEARCH_FAILED };
	struct view gemini = VIEW("gemini://" HOST "/search?a\r\n");
	static const char *const requests[] = { "/search\ta\r\n",
		"/search\ta\t+\r\n" };
	size_t i;

	(void)state;
	expect_refusal(&protocol_gemini, gemini, &busy, 44, "44 1\r\n");
	expect_refusal(&protocol_gemini, gemini, &failed, 40,
	    "40 The search is not available just now\r\n");
	expect_refusal(&protocol_gemini, gemini, NULL, 40,
	    "40 The search is not available just now\r\n");
	for (i = 0; i < N_OF(requests); i++) {
		expect_refusal(&protocol_gopher, view_of(requests[i]), &busy,
		    44,
		    "3Too many searches just now: try again in a moment"
		    "\t\terror.host\t1\r\n.\r\n");
		expect_refusal(&protocol_gopher, view_of(requests[i]), NULL, 40,
		    "3The search is not available just now"
		    "\t\terror.host\t1\r\n.\r\n");
	}
}

static void
a_search_that_was_ended_says_so(void **state)
{
	struct search_found slow = { .end = SEARCH_SLOW };
	struct results *r =
	    results_new(&place.s->sites[0], VIEW("/search"), VIEW("slow"));
	struct buf got;

	(void)state;
	assert_non_null(r);
	buf_init(&got, RESULTS_MAX);
	assert_int_equal(0, results_gemini(&got, r, &slow));
	buf_putc(&got, '\0');
	assert_non_null(strstr(got.p, "\nThis search took too long"));
	assert_null(strstr(got.p, "No page"));
	slow.n = slow.total = slow.is_more = 1;
	slow.hits[0] = site_found_key(0);
	buf_reset(&got);
	assert_int_equal(0, results_gemini(&got, r, &slow));
	buf_putc(&got, '\0');
	assert_non_null(
	    strstr(got.p, "\nOne page found:\nThe search was ended"));
	buf_fini(&got);
	results_free(r);
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
	reply_fini(&reply);
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
		reply_fini(&got);
	}
	reply_fini(&want);
	/* A plus is a plus, and words in Latin-1 are words. */
	ask(&protocol_gemini, VIEW(G "?universit%E9\r\n"), &got);
	ask(&protocol_gemini, VIEW(G "?universit%C3%A9\r\n"), &want);
	expect_view("Latin-1", got.answer.bytes, want.answer.bytes);
	reply_fini(&got);
	reply_fini(&want);
	ask(&protocol_gemini, VIEW(G "?a+b\r\n"), &got);
	assert_true(view_has_prefix(got.answer.bytes,
	    VIEW("20 text/gemini\r\n# Search: a+b\n")));
	reply_fini(&got);
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
	reply_fini(&plain);
	reply_fini(&plus);
	ask(&protocol_gopher, VIEW("/search\tmanagement\t!\r\n"), &plus);
	assert_true(view_has_prefix(plus.answer.bytes, VIEW("+-2\r\n+INFO")));
	reply_fini(&plus);
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
	assert_false(other.s->sites[0].is_searched);
	assert_int_equal(other.s->sites[0].n_found, 0);
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
		cmocka_unit_test(a_search_that_takes_too_long_is_ended),
		cmocka_unit_test(a_query_is_taken_as_it_was_read_or_not_at_all),
		cmocka_unit_test(what_was_found_is_taken_or_not_at_all),
		cmocka_unit_test(a_forged_hit_shows_nothing),
		cmocka_unit_test(without_results_both_protocols_say_why),
		cmocka_unit_test(a_search_that_was_ended_says_so),
		cmocka_unit_test(results_are_told_in_both_protocols),
		cmocka_unit_test(a_search_has_several_spellings),
		cmocka_unit_test(a_search_for_nothing_explains_itself),
		cmocka_unit_test(gopher_plus_gets_its_header),
		cmocka_unit_test(a_capsule_without_a_search_has_no_index),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
