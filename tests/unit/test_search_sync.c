/* test_search_sync.c - what a search finds is what the store holds. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "expect.h"
#include "site/search_key.h"
#include "site/search_key.h"
#include "site/search_sync.h"
#include "store_place.h"

#define HOSTS 3 /* the last has no search */

static const struct view names[HOSTS] = { VIEW_INIT("a.example.org"),
	VIEW_INIT("b.example.org"), VIEW_INIT("") };
static const struct view hosts[HOSTS] = { VIEW_INIT("a.example.org"),
	VIEW_INIT("b.example.org"), VIEW_INIT("c.example.org") };

static const char *place;
static char indexes[4096];
static struct store *store;
static struct search_sync *synced;
static uint32_t given; /* the last file of the store that it has */
static int pauses;

static void
on_pause(void *arg)
{
	(void)arg;
	pauses++;
}

static void
open_store(void)
{
	struct buf why;

	buf_init(&why, 4096);
	store = store_open(place, -1, false, &why);
	if (store == NULL)
		fail_msg("%.*s", VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
}

static void
open_sync(void)
{
	synced = search_sync_new(names, HOSTS, indexes, on_pause, NULL);
	given = 0;
}

static int
set_up(void **state)
{
	(void)state;
	log_to((struct log_sink){ LOG_TO_NONE, -1 },
	    (struct log_sink){ LOG_TO_NONE, -1 });
	place = store_place_new();
	snprintf(indexes, sizeof(indexes), "%s.indexes", place);
	if (mkdir(indexes, 0700) == -1)
		return -1;
	open_store();
	open_sync();
	return 0;
}

/* All files of the indexes; how many there were. */
static int
visit_files(void (*visit)(const char *path))
{
	char pattern[4200];
	glob_t g;
	size_t i;
	int n;

	snprintf(pattern, sizeof(pattern), "%s/*", indexes);
	if (glob(pattern, 0, NULL, &g) != 0)
		return 0;
	for (i = 0; i < g.gl_pathc; i++)
		visit(g.gl_pathv[i]);
	n = (int)g.gl_pathc;
	globfree(&g);
	return n;
}

static void
remove_file(const char *path)
{
	(void)unlink(path);
}

static int
tear_down(void **state)
{
	(void)state;
	search_sync_free(synced);
	store_close(store);
	(void)visit_files(remove_file);
	(void)rmdir(indexes);
	store_place_free(place);
	return 0;
}

/* -- filling the store -- */

static struct store_key
key_of(int host, const char *selector)
{
	struct store_seed seed =
	    store_seed_for(store_reader_seed(store_reader(store)), hosts[host]);

	return store_key_for(&seed, view_of(selector));
}

/* What a test says of a page; what is not said is as of any. */
struct given {
	int host;
	const char *selector, *title, *text, *type;
	unsigned access;
	int status;
	uint64_t large;
};

static void
put(struct given g)
{
	const struct store_seed *seed = store_reader_seed(store_reader(store));
	char gemini[8192];
	struct store_entry e = { .key = key_of(g.host, g.selector),
		.kind = g.large > 0 ? STORE_LARGE : STORE_PAGE,
		.item = '0',
		.gemini_status = g.status == 0 ? 20 : g.status,
		.gopher_status = 20,
		.access = g.access,
		.size = g.large };
	struct view parts[STORE_PARTS] = { [STORE_GEMINI] = view_of(gemini),
		[STORE_GOPHER] = VIEW_INIT("."),
		[STORE_SELECTOR] = view_of(g.selector),
		[STORE_TITLE] = view_of(g.title == NULL ? "Page" : g.title),
		[STORE_META] = VIEW_INIT("") };

	snprintf(gemini, sizeof(gemini), "%d %s\r\n%s", e.gemini_status,
	    g.type == NULL ? "text/gemini" : g.type,
	    g.text == NULL || g.large > 0 ? "" : g.text);
	parts[STORE_GEMINI] = view_of(gemini);
	e.stamp = store_hash(seed, parts[STORE_GEMINI]);
	e.stamp.half[0] ^=
	    store_hash(seed, parts[STORE_TITLE]).half[0] ^ g.access;
	assert_int_equal(0, store_put(store, &e, parts));
}

#define PUT(...) put((struct given){ __VA_ARGS__ })

static void
drop(int host, const char *selector)
{
	struct store_key key = key_of(host, selector);

	assert_int_equal(0, store_drop(store, &key));
}

/* Commit, and let the other side know. */
static void
publish(void)
{
	uint32_t number;
	int fd;

	assert_int_equal(0, store_commit(store, false));
	while ((fd = store_file_after(store, given, &number)) != -1) {
		search_sync_add_file(synced, number, dup(fd));
		given = number;
	}
	search_sync_root(synced, dup(store_root(store)));
}

/* Work off what is to be done; how many entries were looked at. */
static size_t
work(void)
{
	size_t n = search_sync_left(synced);
	int ms;

	while (search_sync_step(synced, 1000, &ms))
		n += search_sync_left(synced);
	assert_int_equal(-1, ms);
	return n;
}

/* -- looking -- */

/* The selectors found, sorted; "" for none. */
static const char *
find(int host, const char *words)
{
	static const char *const all[] = { "/a", "/b", "/c", "/d", "/e" };
	static char told[256];
	struct search *s = search_sync_index(synced, (size_t)host);
	struct search_found found;
	struct search_query q;
	struct store_key key, hit;
	size_t i, k, n = 0;

	told[0] = '\0';
	assert_non_null(s);
	search_query_read(&q, view_of(words));
	search_find(s, &q, &found);
	assert_int_equal(SEARCH_DONE, found.end);
	for (k = 0; k < N_OF(all); k++) {
		key = key_of(host, all[k]);
		for (i = 0; i < found.n; i++) {
			hit = search_key_back(&found.hits[i]);
			if (store_key_cmp(&hit, &key) == 0) {
				strcat(told, all[k]);
				n++;
			}
		}
	}
	assert_int_equal(found.n, n);
	assert_int_equal(found.total, n);
	return told;
}

static void
keys_of_pages_have_the_order_of_the_stores(void **state)
{
	struct store_key a = { { 1, UINT64_MAX } }, b = { { 256, 0 } };
	struct search_key x = search_key_of(&a), y = search_key_of(&b);
	struct store_key back = search_key_back(&x);

	(void)state;
	assert_true(memcmp(&x, &y, sizeof(x)) < 0);
	assert_int_equal(0, store_key_cmp(&a, &back));
}

static void
what_the_store_holds_is_found_in_its_capsule(void **state)
{
	(void)state;
	PUT(0, "/a", "Marmots", "# Marmots\nThey whistle.\n");
	PUT(0, "/b", "Notes", "Plain marmots.\n", "text/plain");
	PUT(1, "/a", "Elsewhere", "Marmots, too.\n");
	PUT(2, "/a", "No search here", "Marmots, too.\n");
	publish();
	assert_false(search_sync_is_whole(synced));
	(void)work();
	assert_true(search_sync_is_whole(synced));
	assert_string_equal("/a/b", find(0, "marmots"));
	assert_string_equal("/a", find(0, "whistle"));
	assert_string_equal("/a", find(1, "marmots"));
	assert_string_equal("", find(1, "whistle"));
	assert_null(search_sync_index(synced, 2));
	assert_null(search_sync_index(synced, 3));
}

static void
what_is_not_for_everybody_or_no_text_is_not_found(void **state)
{
	(void)state;
	PUT(0, "/a", .text = "marmots", .access = 1);
	PUT(0, "/b", .text = "marmots", .title = "");
	PUT(0, "/c", .text = "marmots", .type = "image/png");
	PUT(0, "/d", .text = "marmots", .status = 51);
	PUT(0, "/e", .text = "marmots", .type = "text/markdown; charset=utf-8");
	publish();
	(void)work();
	assert_string_equal("/e", find(0, "marmots"));
}

static void
an_edit_is_found_and_what_it_replaced_is_not(void **state)
{
	(void)state;
	PUT(0, "/a", .text = "marmots");
	PUT(0, "/b", .text = "marmots");
	PUT(0, "/c", .text = "marmots");
	publish();
	(void)work();
	assert_string_equal("/a/b/c", find(0, "marmots"));
	PUT(0, "/a", .text = "okapis");
	drop(0, "/b");
	PUT(0, "/c", .text = "marmots", .access = 2);
	PUT(0, "/d", .text = "marmots");
	publish();
	(void)work();
	assert_string_equal("/d", find(0, "marmots"));
	assert_string_equal("/a", find(0, "okapis"));
	PUT(0, "/c", .text = "marmots");
	publish();
	(void)work();
	assert_string_equal("/c/d", find(0, "marmots"));
}

static void
roots_that_come_while_one_is_worked_off_are_not_lost(void **state)
{
	(void)state;
	PUT(0, "/a", .text = "marmots");
	publish();
	PUT(0, "/b", .text = "marmots");
	publish();
	drop(0, "/a");
	publish();
	(void)work();
	assert_string_equal("/b", find(0, "marmots"));
}

static void
fill_many(int n, const char *word)
{
	char selector[32], text[64];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(selector, sizeof(selector), "/many/%d", i);
		snprintf(text, sizeof(text), "%s number%d", word, i);
		PUT(1, selector, .text = text);
	}
}

static void
a_restart_indexes_what_differs_alone(void **state)
{
	(void)state;
	PUT(0, "/a", .text = "marmots");
	PUT(0, "/b", .text = "marmots");
	fill_many(3000, "common");
	publish();
	assert_int_equal(3002, work());
	assert_true(pauses > 0);
	search_sync_free(synced);
	open_sync();
	publish();
	assert_int_equal(0, search_sync_left(synced));
	(void)work();
	assert_string_equal("/a/b", find(0, "marmots"));
	search_sync_free(synced);
	drop(0, "/a");
	PUT(0, "/c", .text = "marmots");
	open_sync();
	publish();
	assert_int_equal(2, search_sync_left(synced));
	(void)work();
	assert_string_equal("/b/c", find(0, "marmots"));
	assert_int_equal(3000, search_count(search_sync_index(synced, 1)));
}

/* As at a reload: the one before may commit after the next one has opened. */
static void
what_the_process_before_commits_late_is_found(void **state)
{
	struct search_sync *before, *next;
	uint32_t had;
	int ms;

	(void)state;
	PUT(0, "/a", .text = "marmots");
	publish();
	(void)work();
	PUT(0, "/b", .text = "marmots");
	publish();
	had = given;
	before = synced; /* it has yet to index that */
	open_sync();
	next = synced;
	publish();
	synced = before;
	(void)work();
	search_sync_end(before);
	synced = next;
	while (search_sync_step(synced, 1000, &ms))
		;
	assert_string_equal("/a/b", find(0, "marmots"));
	search_sync_free(before);
	given = had;
}

static void
another_store_empties_the_indexes(void **state)
{
	(void)state;
	PUT(0, "/a", .text = "marmots");
	publish();
	(void)work();
	search_sync_free(synced);
	store_close(store);
	store_place_free(place);
	place = store_place_new();
	open_store();
	PUT(0, "/b", .text = "marmots");
	open_sync();
	publish();
	(void)work();
	assert_string_equal("/b", find(0, "marmots"));
	assert_int_equal(1, search_count(search_sync_index(synced, 0)));
}

static void
a_large_text_is_found_once_it_was_opened(void **state)
{
	FILE *file = tmpfile();
	struct store_key key, want = key_of(0, "/a");
	int ms;

	(void)state;
	assert_non_null(file);
	assert_true(fputs("a giant marmot", file) >= 0 && fflush(file) == 0);
	PUT(0, "/a", .type = "text/plain", .large = 14);
	PUT(0, "/b", .text = "marmot");
	PUT(0, "/c", .type = "video/mp4", .large = 14);
	publish();
	while (search_sync_step(synced, 1000, &ms))
		;
	assert_true(search_sync_wants(synced, &key));
	assert_int_equal(0, store_key_cmp(&key, &want));
	assert_false(search_sync_wants(synced, &key));
	assert_false(search_sync_step(synced, 1000, &ms));
	search_sync_opened(synced, dup(fileno(file)));
	search_sync_opened(synced, -1); /* nobody asked for it */
	(void)work();
	assert_string_equal("/a/b", find(0, "marmot"));
	fclose(file);
}

static void
a_large_text_that_cannot_be_opened_has_its_title(void **state)
{
	struct store_key key;
	int ms;

	(void)state;
	PUT(0, "/a", .title = "Giants", .type = "text/plain", .large = 14);
	publish();
	assert_false(search_sync_step(synced, 1000, &ms));
	assert_true(search_sync_wants(synced, &key));
	search_sync_opened(synced, -1);
	(void)work();
	assert_string_equal("/a", find(0, "giants"));
}

static void
a_worn_index_is_made_anew_and_searched_meanwhile(void **state)
{
	char word[32];
	int i;

	(void)state;
	PUT(0, "/a", .text = "marmots");
	for (i = 0; i < 8; i++) {
		snprintf(word, sizeof(word), "round%d", i);
		fill_many(300, word);
		publish();
		(void)work();
		assert_string_equal("/a", find(0, "marmots"));
	}
	assert_false(search_is_worn(search_sync_index(synced, 1)));
	assert_int_equal(300, search_count(search_sync_index(synced, 1)));
}

static void
write_junk(const char *path)
{
	FILE *f = fopen(path, "r+");
	int i;

	assert_non_null(f);
	for (i = 0; i < 20000; i++)
		fputs("junk", f);
	fclose(f);
}

static void
a_damaged_index_is_made_anew(void **state)
{
	(void)state;
	PUT(0, "/a", .text = "marmots");
	publish();
	(void)work();
	search_sync_free(synced);
	assert_true(visit_files(write_junk) > 0);
	open_sync();
	publish();
	(void)work();
	assert_string_equal("/a", find(0, "marmots"));
	search_sync_renew(synced, 0);
	(void)work();
	assert_string_equal("/a", find(0, "marmots"));
}

/* However it came to be: the index is that of the store. */
static void
after_any_edits_the_index_is_as_a_new_one_would_be(void **state)
{
	static const char *const words[] = { "marmots", "okapis", "newts" };
	char want[32];
	int now[5], round, i, k;
	char selector[3] = "/a";

	(void)state;
	srand(4711);
	memset(now, -1, sizeof(now));
	for (round = 0; round < 300; round++) {
		i = rand() % 5;
		k = rand() % 4 - 1;
		selector[1] = (char)('a' + i);
		now[i] = k;
		if (k == -1)
			drop(0, selector);
		else
			PUT(0, selector, .text = words[k]);
		if (rand() % 3 > 0)
			continue;
		publish();
		if (rand() % 20 == 0) {
			search_sync_free(synced);
			open_sync();
			publish();
		}
		if (rand() % 3 == 0)
			continue; /* it has not come to that yet */
		(void)work();
		for (k = 0; k < 3; k++) {
			want[0] = '\0';
			for (i = 0; i < 5; i++)
				if (now[i] == k)
					snprintf(want + strlen(want), 4, "/%c",
					    'a' + i);
			assert_string_equal(want, find(0, words[k]));
		}
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_of_pages_have_the_order_of_the_stores),
		TEST(what_the_store_holds_is_found_in_its_capsule),
		TEST(what_is_not_for_everybody_or_no_text_is_not_found),
		TEST(an_edit_is_found_and_what_it_replaced_is_not),
		TEST(roots_that_come_while_one_is_worked_off_are_not_lost),
		TEST(a_restart_indexes_what_differs_alone),
		TEST(what_the_process_before_commits_late_is_found),
		TEST(another_store_empties_the_indexes),
		TEST(a_large_text_is_found_once_it_was_opened),
		TEST(a_large_text_that_cannot_be_opened_has_its_title),
		TEST(a_worn_index_is_made_anew_and_searched_meanwhile),
		TEST(a_damaged_index_is_made_anew),
		TEST(after_any_edits_the_index_is_as_a_new_one_would_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
