/*
 * test_access.c - files of fingerprints, rules, and the decision.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"
#include "sentence.h"
#include "site/access.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define COLONS                                                                 \
	"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:"   \
	"16:17:18:19:1A:1B:1C:1D:1E:1F"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"

static unsigned char counting[ACCESS_HASH_LEN], ones[ACCESS_HASH_LEN];

static struct arena *arena;
static struct problems *ps;

static int
set_up(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ACCESS_HASH_LEN; i++) {
		counting[i] = (unsigned char)i;
		ones[i] = 0x11;
	}
	arena = arena_new();
	ps = problems_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	problems_free(ps);
	return 0;
}

/* -- files of fingerprints -- */

/* Parse text at its exact size; the caller looks at rule and ps. */
static int
parse(struct view text, struct access_rule *rule)
{
	struct view whole = exact(text);
	int result = access_parse(whole, "f", arena, rule, ps);

	loose(whole);
	return result;
}

static const struct {
	const char *text;
	size_t n;
} good[] = {
	{ "", 0 },
	{ "\n \n\t\n", 0 },
	{ "# nobody yet", 0 },
	{ HEX, 1 },
	{ HEX "\r\n", 1 },
	{ COLONS "\n", 1 },
	{ "SHA256:" HEX "\n", 1 },
	{ "sha256: " COLONS " # Ada\n", 1 },
	{ "  " HEX "\t#\n" ONES "\n# end", 2 },
};

static void
a_fingerprint_is_hexadecimal_with_or_without_ornaments(void **state)
{
	struct access_rule rule;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		rule = (struct access_rule){ .n = 99 };
		assert_int_equal(0, parse(view_of(good[i].text), &rule));
		assert_int_equal(good[i].n, rule.n);
		if (rule.n > 0)
			assert_memory_equal(counting, rule.hashes[0],
			    sizeof(counting));
		if (rule.n > 1)
			assert_memory_equal(ones, rule.hashes[1], sizeof(ones));
	}
	assert_int_equal(0, problems_count(ps));
}

#define NO_HEX "is not a fingerprint in hexadecimal digits"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "staff", "f:1: \"staff\" " NO_HEX },
	{ "\n\n" HEX "\nAda " HEX, "f:4: \"Ada " HEX "\" " NO_HEX },
	{ HEX "#Ada", "f:1: \"" HEX "#Ada\" " NO_HEX },
	{ "SHA1:" HEX, "f:1: \"SHA1:" HEX "\" " NO_HEX },
	{ "SHA256:", "f:1: \"SHA256:\" " NO_HEX },
	{ "\x1b[0m", "f:1: \"\\x1b[0m\" " NO_HEX },
	{ HEX "0", "f:1: \"" HEX "0\" has more than the 64 digits of SHA-256" },
	{ HEX HEX, "f:1: \"" HEX "000102030405060708090a0b0c0d0e0f1011..." },
	{ "00", "f:1: \"00\" has fewer than the 64 digits of SHA-256" },
	{ "00:01", "f:1: \"00:01\" has fewer than the 64 digits of SHA-256" },
	{ "00:0102",
	    "f:1: \"00:0102\" has a \":\" between some pairs of digits, but "
	    "not all" },
	{ COLONS ":", "f:1: \"" COLONS ":\" ends with a \":\"" },
};

static void
every_wrong_line_is_told_with_its_number(void **state)
{
	struct access_rule rule = { .n = 99 };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		assert_int_equal(-1, parse(view_of(bad[i].text), &rule));
		assert_int_equal(99, rule.n);
		assert_int_equal(1, problems_count(ps));
		if (strncmp(problems_get(ps, 0), bad[i].want,
			strlen(bad[i].want) -
			    (view_has_suffix(view_of(bad[i].want), VIEW("..."))
				    ? 3
				    : 0)) != 0)
			fail_msg("%s\nwant: %s", problems_get(ps, 0),
			    bad[i].want);
		problems_free(ps);
		ps = problems_new();
	}
	assert_int_equal(-1, parse(VIEW("x\n" HEX "\ny\n"), &rule));
	assert_int_equal(2, problems_count(ps));
}

static void
every_beginning_of_a_file_is_read_within_its_bytes(void **state)
{
	static const char text[] = "SHA256:" COLONS " # Ada\n" ONES "\n";
	struct access_rule rule = { .n = 0 };
	size_t n, whole = 0;

	(void)state;
	for (n = 0; n < sizeof(text); n++)
		if (parse((struct view){ text, n }, &rule) == 0)
			whole++;
	assert_int_equal(2, rule.n);
	/* Nothing, from the whole first line on, and all of the second. */
	assert_int_equal(1 + strlen(" # Ada\n") + 1 + 2, whole);
}

/* -- which rule -- */

#define RULE(text, star)                                                       \
	{                                                                      \
		.pattern = VIEW_INIT(text), .is_prefix = star                  \
	}

static void
the_longest_pattern_holds_and_an_exact_one_before_a_prefix(void **state)
{
	static struct access_rule rules[] = { RULE("/staff/", true),
		RULE("/staff/", false), RULE("/staff/private/", true),
		RULE("/staff/private/a", false), RULE("/st", true) };
	static const struct access access = { rules, 5 };
	static const struct {
		const char *selector;
		int want;
	} table[] = { { "/", -1 }, { "/sta", 4 }, { "/staff", 4 },
		{ "/staff/", 1 }, { "/staff/x", 0 }, { "/staff/private", 0 },
		{ "/staff/private/", 2 }, { "/staff/private/a", 3 },
		{ "/staff/private/ab", 2 }, { "/STAFF/", -1 }, { "", -1 } };
	const struct access_rule *got;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(table); i++) {
		got = access_find(&access, view_of(table[i].selector));
		if ((got == NULL ? -1 : (int)(got - rules)) != table[i].want)
			fail_msg("\"%s\": another rule", table[i].selector);
	}
	assert_null(access_find(NULL, VIEW("/staff/")));
}

/* Whichever of the two stands first in the file. */
static void
of_equal_length_the_exact_one_holds_in_either_order(void **state)
{
	static struct access_rule exact_last[] = { RULE("/staff/", true),
		RULE("/staff/", false) };
	static struct access_rule exact_first[] = { RULE("/staff/", false),
		RULE("/staff/", true) };
	static const struct access last = { exact_last, 2 },
				   first = { exact_first, 2 };

	(void)state;
	assert_ptr_equal(&exact_last[1], access_find(&last, VIEW("/staff/")));
	assert_ptr_equal(&exact_first[0], access_find(&first, VIEW("/staff/")));
	assert_ptr_equal(&exact_last[0], access_find(&last, VIEW("/staff/x")));
	assert_ptr_equal(&exact_first[1],
	    access_find(&first, VIEW("/staff/x")));
}

/* -- the decision -- */

#define NOW     INT64_C(1767225600) /* 2026-01-01 */
#define DAY     INT64_C(86400)
#define NEEDED  "A certificate is needed to read this"
#define REFUSED "This certificate may not read this"

static bool
is_vouched(const struct peer_certificate *c, const struct access_rule *rule)
{
	return c->arg == &ones && rule->ca == 3;
}

static const struct {
	const char *name;
	enum access_kind kind;
	size_t ca;
	const unsigned char *hash; /* NULL: no certificate */
	int64_t from, until;
	bool vouched;
	int status;
	const char *why;
} cases[] = {
	{ "any, none shown", ACCESS_ANY, 0, NULL, 0, 0, false, 60, NEEDED },
	{ "listed, none shown", ACCESS_LISTED, 0, NULL, 0, 0, false, 60,
	    NEEDED },
	{ "authority, none shown", ACCESS_CA, 3, NULL, 0, 0, false, 60,
	    NEEDED },
	{ "any", ACCESS_ANY, 0, ones, NOW - 1, NOW + 1, false, 20, "" },
	{ "any, the first second", ACCESS_ANY, 0, ones, NOW, NOW + DAY, false,
	    20, "" },
	{ "any, the last second", ACCESS_ANY, 0, ones, NOW - DAY, NOW, false,
	    20, "" },
	{ "any, a second early", ACCESS_ANY, 0, ones, NOW + 1, NOW + DAY, false,
	    62, "This certificate is not valid before 2026-01-01" },
	{ "any, a second late", ACCESS_ANY, 0, ones, NOW - DAY, NOW - 1, false,
	    62, "This certificate has expired on 2025-12-31" },
	{ "any, longer than 32 bits count", ACCESS_ANY, 0, ones, NOW,
	    INT64_C(253402300799), false, 20, "" },
	{ "any, not before 2050", ACCESS_ANY, 0, ones, INT64_C(2524608000),
	    INT64_C(253402300799), false, 62,
	    "This certificate is not valid before 2050-01-01" },
	{ "listed", ACCESS_LISTED, 0, counting, NOW, NOW, false, 20, "" },
	{ "a stranger", ACCESS_LISTED, 0, ones, NOW, NOW, true, 61, REFUSED },
	{ "listed and late", ACCESS_LISTED, 0, counting, 0, NOW - 1, false, 62,
	    "This certificate has expired on 2025-12-31" },
	{ "a stranger and late", ACCESS_LISTED, 0, ones, 0, DAY, false, 62,
	    "This certificate has expired on 1970-01-02" },
	{ "vouched for", ACCESS_CA, 3, ones, NOW, NOW, true, 20, "" },
	{ "vouched for by another", ACCESS_CA, 2, ones, NOW, NOW, true, 61,
	    REFUSED },
	{ "not vouched for", ACCESS_CA, 3, ones, NOW, NOW, false, 61, REFUSED },
};

static void
each_certificate_meets_each_rule_as_the_table_says(void **state)
{
	unsigned char list[1][ACCESS_HASH_LEN];
	struct peer_certificate shown;
	struct access_rule rule;
	struct buf why;
	size_t i;
	int status;

	(void)state;
	memcpy(list[0], counting, sizeof(list[0]));
	buf_init(&why, 4096);
	for (i = 0; i < N_OF(cases); i++) {
		rule = (struct access_rule){ .kind = cases[i].kind,
			.hashes = list,
			.n = 1,
			.ca = cases[i].ca };
		memset(&shown, 0, sizeof(shown));
		if (cases[i].hash != NULL)
			memcpy(shown.sha256, cases[i].hash,
			    sizeof(shown.sha256));
		shown.not_before = cases[i].from;
		shown.not_after = cases[i].until;
		shown.is_vouched = is_vouched;
		shown.arg = cases[i].vouched ? (void *)ones : NULL;
		status = access_decide(&rule,
		    cases[i].hash == NULL ? NULL : &shown, NOW, &why);
		if (status != cases[i].status)
			fail_msg("%s: %d, want %d", cases[i].name, status,
			    cases[i].status);
		expect_written(cases[i].name, &why, cases[i].why);
	}
	buf_fini(&why);
}

static void
an_empty_list_lets_nobody_in(void **state)
{
	struct peer_certificate shown = { .not_after = NOW };
	struct access_rule rule = { .kind = ACCESS_LISTED };
	struct buf why;

	(void)state;
	buf_init(&why, 4096);
	assert_int_equal(61, access_decide(&rule, &shown, NOW, &why));
	buf_fini(&why);
}

/* -- loading: what is protected, by all of its names -- */

static struct place place;

#define CONF                                                                   \
	"[capsule]\nroot = capsule\n[selectors]\n/ = index.gmi\n"              \
	"/staff/ = staff/\n/named = staff/named.gmi\n"                         \
	"[listing]\n/staff/ = yes\n[access]\n"

static int
set_up_place(void **state)
{
	set_up(state);
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# Home\n"));
	place_write(&place, "staff/plain.txt", VIEW("plain\n"));
	place_write(&place, "staff/pair.gmi", VIEW("# Pair\n"));
	place_write(&place, "staff/pair.gophermap", VIEW("Pair\n"));
	place_write(&place, "staff/named.gmi", VIEW("# Named\n"));
	place_write(&place, "staff/sub/index.gmi", VIEW("# Sub\n"));
	place_write(&place, "../list", VIEW(HEX "\n"));
	place_write(&place, "../broken", VIEW(HEX "\nx\n"));
	return 0;
}

static int
tear_down_place(void **state)
{
	place_close(&place);
	return tear_down(state);
}

/* The lines of [access], and which selectors they protect. */
static const struct {
	const char *rules, *closed, *open;
} maps[] = {
	{ "/staff/* = any\n",
	    "/staff/ /staff/plain.txt /staff/pair.gmi /staff/pair.gophermap "
	    "/staff/sub/ /staff/sub/index.gmi /staff/not-there",
	    "/ /named /caps.txt /staf" },
	{ "/staff/sub/ = list\n", "/staff/sub/ /staff/sub/index.gmi",
	    "/staff/ /staff/plain.txt" },
	{ "/staff/sub/index.gmi = list\n", "/staff/sub/ /staff/sub/index.gmi",
	    "/staff/ /staff/plain.txt" },
	{ "/staff/pair.gmi = list\n", "/staff/pair.gmi /staff/pair.gophermap",
	    "/staff/ /staff/plain.txt" },
	{ "/staff/pair.gophermap = list\n",
	    "/staff/pair.gmi /staff/pair.gophermap",
	    "/staff/ /staff/plain.txt" },
	{ "/* = any\n", "/ /named /staff/ /staff/plain.txt", "/caps.txt" },
};

static void
expect_each(const char *list, bool want)
{
	char *words = strdup(list), *word;
	const struct entry *entry;
	const struct site *site = &place.s->sites[0];

	for (word = strtok(words, " "); word != NULL;
	     word = strtok(NULL, " ")) {
		entry = place_find(&place, word);
		if (strcmp(word, "/caps.txt") == 0) {
			assert_int_equal(20, entry->gopher.status);
			continue;
		}
		if ((site_rule(site, view_of(word)) != NULL) != want)
			fail_msg("%s: protected: %d", word, !want);
		if (entry != NULL && (entry->gopher.status == 60) != want)
			fail_msg("%s over Gopher: %d", word,
			    entry->gopher.status);
	}
	free(words);
}

static void
a_page_is_protected_by_every_name_it_has(void **state)
{
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(maps); i++) {
		snprintf(text, sizeof(text), CONF "%s", maps[i].rules);
		place_load(&place, text);
		assert_string_equal("", place.told);
		expect_each(maps[i].closed, true);
		expect_each(maps[i].open, false);
	}
}

static bool
shows(const char *selector, const char *text)
{
	const struct entry *entry = place_find(&place, selector);
	struct view bytes = entry->gemini.bytes;

	return memmem(bytes.p, bytes.len, text, strlen(text)) != NULL;
}

static void
a_listing_shows_what_its_readers_may_read(void **state)
{
	(void)state;
	place_load(&place, CONF "/staff/pair.gmi = any\n");
	assert_string_equal("", place.told);
	assert_true(shows("/staff/", "plain.txt"));
	assert_false(shows("/staff/", "pair"));
	place_load(&place, CONF "/staff/* = any\n/staff/pair.gmi = list\n");
	assert_string_equal("", place.told);
	assert_true(shows("/staff/", "plain.txt"));
	assert_false(shows("/staff/", "pair"));
	place_load(&place, CONF "/* = any\n");
	assert_true(shows("/staff/", "pair"));
}

static void
over_gopher_a_forgotten_slash_opens_nothing(void **state)
{
	(void)state;
	place_load(&place, CONF "/staff/* = any\n");
	assert_int_equal(60, place_find(&place, "/staff")->gopher.status);
	assert_int_equal(31, place_find(&place, "/staff")->gemini.status);
	assert_null(place_find(&place, "/staff")->access);
}

static const struct {
	const char *rules, *want;
} wrong[] = {
	{ "/staff/* = nowhere\n",
	    "capsuled.ini:10: [access] /staff/*: cannot read the "
	    "fingerprints in nowhere: No such file or directory\n" },
	{ "/staff/* = capsule\n",
	    "capsuled.ini:10: [access] /staff/*: cannot read the "
	    "fingerprints in capsule: it is not a file\n" },
	{ "/staff/* = capsule/fifo\n",
	    "capsuled.ini:10: [access] /staff/*: cannot read the "
	    "fingerprints in capsule/fifo: it is not a file\n" },
	{ "/staff/* = broken\n",
	    "broken:2: \"x\" is not a fingerprint in hexadecimal digits\n" },
	{ "/staff/* = big\n",
	    "capsuled.ini:10: [access] /staff/*: cannot read the "
	    "fingerprints in big: it is larger than a megabyte\n" },
};

static void
what_cannot_be_read_is_told(void **state)
{
	char text[1024];
	size_t i;

	(void)state;
	place_fifo(&place, "fifo");
	place_fill(&place, "../big", '\n', ACCESS_FILE_MAX + 1);
	for (i = 0; i < N_OF(wrong); i++) {
		snprintf(text, sizeof(text), CONF "%s", wrong[i].rules);
		place_load(&place, text);
		expect_sentences(wrong[i].want, place.told, wrong[i].want);
	}
	place_fill(&place, "../big", '\n', ACCESS_FILE_MAX);
	place_load(&place, CONF "/staff/* = big\n");
	assert_string_equal("", place.told);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define PLACED(f)                                                              \
	cmocka_unit_test_setup_teardown(f, set_up_place, tear_down_place)
	const struct CMUnitTest tests[] = {
		TEST(a_fingerprint_is_hexadecimal_with_or_without_ornaments),
		TEST(every_wrong_line_is_told_with_its_number),
		TEST(every_beginning_of_a_file_is_read_within_its_bytes),
		TEST(
		    the_longest_pattern_holds_and_an_exact_one_before_a_prefix),
		TEST(of_equal_length_the_exact_one_holds_in_either_order),
		TEST(each_certificate_meets_each_rule_as_the_table_says),
		TEST(an_empty_list_lets_nobody_in),
		PLACED(a_page_is_protected_by_every_name_it_has),
		PLACED(a_listing_shows_what_its_readers_may_read),
		PLACED(over_gopher_a_forgotten_slash_opens_nothing),
		PLACED(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
