/*
 * test_content_store.c - requests to a capsule whose content a store has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

#include "format/gemini.h"
#include "site/answer.h"
#include "site/configure.h"
#include "site/content_store.h"
#include "site/search_key.h"

#include "place.h"
#include "store_place.h"

#define A "gemini://a.example.org"
#define B "gemini://b.example.org"

static const int ports[] = { 70 };
static struct place place;
static struct snapshot *s;
static struct store *store;
static struct store_reader *reader;
static struct content_store *contents;
static struct store_key damaged;
static size_t damages;
static char folder[PATH_MAX / 2];
static struct buf why;
static struct reply reply;

static void
open_store(void)
{
	store = store_open(folder, -1, false, &why);
	if (store == NULL)
		fail_msg("%.*s", VIEW_ARG(buf_view(&why)));
}

/* Another store in the same folder. */
static void
make_anew(void)
{
	store_condemn(store);
	store_close(store);
	open_store();
}

/* -- what the store has -- */

static const struct store_entry page = { .kind = STORE_PAGE,
	.item = '1',
	.gemini_status = 20,
	.gopher_status = 20 };

static struct store_key
key_of(size_t site, const char *selector)
{
	struct store_seed seed =
	    store_seed_for(store_reader_seed(store_reader(store)),
		content_capsule(&s->sites[site]));

	return store_key_for(&seed, view_of(selector));
}

static void
put_entry(size_t site, const char *selector, struct store_entry e,
    struct view gemini, struct view gopher)
{
	struct view parts[STORE_PARTS] = { gemini, gopher, view_of(selector),
		VIEW("A title"), VIEW("") };

	e.key = key_of(site, selector);
	assert_int_equal(0, store_put(store, &e, parts));
}

static void
publish(void)
{
	assert_int_equal(0, store_commit(store, false));
	assert_int_equal(STORE_FOUND, store_place_publish(store, reader));
}

/* -- what is asked -- */

static void
ask(const struct protocol *protocol, const char *line)
{
	struct peer peer = { VIEW(""), 1965, protocol == &protocol_gemini };

	reply_fini(&reply);
	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 0);
	protocol->answer(s, &peer, view_of(line), &reply);
}

static void
expect_all(const struct protocol *protocol, const char *line, const char *want)
{
	struct buf got;

	ask(protocol, line);
	buf_init(&got, 1 << 20);
	assert_true(answer_read(&reply.answer, &got));
	if (!view_eq(buf_view(&got), view_of(want)))
		fail_msg("%s: got \"%.*s\"", line, VIEW_ARG(buf_view(&got)));
	buf_fini(&got);
}

static void
expect_gemini(const char *line, const char *want)
{
	expect_all(&protocol_gemini, line, want);
}

static void
expect_gopher(const char *line, const char *want)
{
	expect_all(&protocol_gopher, line, want);
}

static void
on_damage(void *arg, const struct store_key *key)
{
	assert_ptr_equal(arg, &damages);
	damaged = *key;
	damages++;
}

static int
set_up(void **state)
{
	struct problems *ps = problems_new();

	(void)state;
	place_open(&place);
	place_read(&place,
	    "[capsule]\nhostname = a.example.org\nroot = a\n"
	    "[selectors]\n/ = ./\n/old = @redirect /new\n/page = @gone\n"
	    "[access]\n/shut/* = any\n"
	    "[capsule b]\nhostname = b.example.org\nroot = b\n"
	    "[selectors b]\n/ = ./\n");
	s = snapshot_configure(place.conf, ports, ps);
	assert_int_equal(0, problems_count(ps));
	problems_free(ps);
	buf_init(&why, 4096);
	buf_init(&reply.dynamic, 0);
	damages = 0;
	contents = content_store_new(s, on_damage, &damages);
	expect_gemini(A "/x\r\n", SITE_DAMAGED);
	reader = store_reader_new();
	assert_int_equal(0, content_store_use(contents, reader));
	snprintf(folder, sizeof(folder), "%s", store_place_new());
	open_store();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	content_store_free(contents);
	store_close(store);
	store_place_free(folder);
	snapshot_free(s);
	buf_fini(&why);
	reply_fini(&reply);
	place_close(&place);
	return 0;
}

static void
without_a_root_only_what_is_configured_is_there(void **state)
{
	(void)state;
	expect_gemini(A "/x\r\n", SITE_DAMAGED);
	expect_gemini(A "/old\r\n", "31 /new\r\n");
	assert_int_equal(0, damages);
	publish();
	expect_gemini(A "/x\r\n", "51 Not found\r\n");
}

static void
each_capsule_answers_from_the_store_with_its_own(void **state)
{
	struct store_entry bare = page;

	(void)state;
	bare.kind = STORE_FOLDER;
	bare.gemini_status = 31;
	bare.gemini_status = 31;
	put_entry(0, "/x", page, VIEW("20 text/gemini\r\nA\n"),
	    VIEW("iA\t\t\t0\r\n.\r\n"));
	put_entry(1, "/x", page, VIEW("20 text/plain\r\nB\n"), VIEW("B\n"));
	put_entry(1, "/y", bare, VIEW("31 /y/\r\n"), VIEW("menu\r\n"));
	put_entry(0, "/page", page, VIEW("20 text/gemini\r\nnot this\n"),
	    VIEW("nor this\n"));
	publish();
	expect_gemini(A "/x\r\n", "20 text/gemini\r\nA\n");
	assert_true(view_eq(reply.selector, VIEW("/x")));
	assert_true(reply.answer.rest.fixed);
	assert_ptr_equal(reply.content, s->sites[0].content);
	expect_gemini(B "/x\r\n", "20 text/plain\r\nB\n");
	expect_gemini(B "/y\r\n", "31 /y/\r\n");
	expect_gemini(A "/y\r\n", "51 Not found\r\n");
	/* What the configuration says itself comes first. */
	expect_gemini(A "/page\r\n", "52 Gone\r\n");
	expect_gopher("/x\r\n", "iA\t\t\t0\r\n.\r\n");
	expect_gopher("x/\r\n", "iA\t\t\t0\r\n.\r\n");
	assert_true(view_eq(reply.selector, VIEW("/x")));
	expect_gopher("/x\t+\r\n", "+-2\r\niA\t\t\t0\r\n.\r\n");
}

static void
what_one_protocol_has_not_is_not_there_for_it(void **state)
{
	struct store_entry half = page;

	(void)state;
	half.gopher_status = 0;
	put_entry(0, "/x", half, VIEW("20 text/gemini\r\nA\n"), VIEW(""));
	publish();
	expect_gemini(A "/x\r\n", "20 text/gemini\r\nA\n");
	expect_gopher("/x\r\n", "3Not found\t\terror.host\t1\r\n.\r\n");
}

static void
rules_are_those_of_the_configuration_by_their_number(void **state)
{
	struct store_entry shut = page;

	(void)state;
	shut.access = 1;
	put_entry(0, "/elsewhere", shut, VIEW("20 text/gemini\r\nA\n"),
	    VIEW("A\n"));
	shut.access = 2; /* there is no such rule */
	put_entry(0, "/wrong", shut, VIEW("20 text/gemini\r\nA\n"),
	    VIEW("A\n"));
	put_entry(1, "/wrong", shut, VIEW("20 text/gemini\r\nA\n"),
	    VIEW("A\n"));
	publish();
	expect_gemini(A "/elsewhere\r\n",
	    "60 A certificate is needed to read this\r\n");
	expect_gopher("/elsewhere\r\n",
	    "3Only over Gemini, with a certificate\t\terror.host\t1\r\n.\r\n");
	assert_int_equal(0, damages);
	expect_gemini(A "/wrong\r\n", SITE_DAMAGED);
	expect_gopher("/wrong\r\n",
	    "3This cannot be read just now\t\terror.host\t1\r\n.\r\n");
	expect_gemini(B "/wrong\r\n", SITE_DAMAGED);
	assert_true(damages >= 3);
}

static void
a_large_file_is_named_for_who_opens_it(void **state)
{
	struct store_entry large = page;

	(void)state;
	large.kind = STORE_LARGE;
	large.size = (uint64_t)5 << 32;
	large.stamp.half[1] = 77;
	large.item = '9';
	put_entry(0, "/l", large, VIEW("20 image/png\r\n"), VIEW(""));
	publish();
	large.key = key_of(0, "/l");
	ask(&protocol_gemini, A "/l\r\n");
	assert_true(view_eq(reply.answer.bytes, VIEW("20 image/png\r\n")));
	assert_int_equal(-1, reply.answer.rest.fd);
	assert_true(reply.answer.rest.size == (off_t)5 << 32);
	assert_false(reply.answer.rest.fixed);
	assert_null(reply.content);
	assert_memory_equal(reply.file.name, &large.key, FILE_KEY_SIZE);
	assert_memory_equal(reply.file.stamp, &large.stamp, FILE_KEY_SIZE);
	ask(&protocol_gopher, "/l\r\n");
	assert_int_equal(0, reply.answer.bytes.len);
	assert_true(reply.answer.rest.size == (off_t)5 << 32);
	ask(&protocol_gopher, "/l\t+\r\n");
	assert_true(view_eq(reply.answer.bytes, VIEW("+-2\r\n")));
	assert_int_equal(-1, reply.answer.rest.fd);
}

/* -- damage -- */

/* Change each letter c that stands in the segments of the store. */
static void
spoil(char c)
{
	char name[PATH_MAX], chunk[4096];
	struct dirent *entry;
	DIR *dir = opendir(folder);
	ssize_t n, i;
	off_t at;
	int fd;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "segment", 7) != 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		assert_int_equal(0, chmod(name, 0600));
		fd = open(name, O_RDWR);
		assert_true(fd >= 0);
		for (at = 0; (n = pread(fd, chunk, sizeof(chunk), at)) > 0;
		     at += n) {
			for (i = 0; i < n; i++)
				if (chunk[i] == c)
					chunk[i] = '!';
			assert_int_equal(n, pwrite(fd, chunk, (size_t)n, at));
		}
		close(fd);
	}
	closedir(dir);
}

static void
bytes_that_changed_are_not_sent_up_to_the_limit(void **state)
{
	static char text[CONTENT_CHECK_MAX + 1];
	const struct view head = VIEW("20 text/gemini\r\n");
	struct store_key key;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, head.p, head.len);
	text[sizeof(text) - 2] = 'Q';
	put_entry(0, "/n", page, (struct view){ text, CONTENT_CHECK_MAX },
	    VIEW("menu of Q\r\n"));
	put_entry(0, "/n1", page, (struct view){ text, sizeof(text) },
	    VIEW("another\r\n"));
	publish();
	ask(&protocol_gemini, A "/n\r\n");
	assert_int_equal(CONTENT_CHECK_MAX, reply.answer.rest.size);
	spoil('Q');
	expect_gemini(A "/n\r\n", SITE_DAMAGED);
	expect_gopher("/n\r\n",
	    "3This cannot be read just now\t\terror.host\t1\r\n.\r\n");
	expect_gopher("/n\t+\r\n",
	    "3This cannot be read just now\t\terror.host\t1\r\n.\r\n");
	assert_int_equal(3, damages);
	key = key_of(0, "/n");
	assert_int_equal(0, store_key_cmp(&damaged, &key));
	expect_gopher("/n1\r\n", "another\r\n");
	ask(&protocol_gemini, A "/n1\r\n");
	assert_int_equal(CONTENT_CHECK_MAX + 1, reply.answer.rest.size);
}

static void
a_header_that_changed_is_not_sent(void **state)
{
	struct store_entry large = page;

	(void)state;
	large.kind = STORE_LARGE;
	large.size = 1 << 20;
	put_entry(0, "/l", large, VIEW("20 image/Q\r\n"), VIEW(""));
	publish();
	spoil('Q');
	expect_gemini(A "/l\r\n", SITE_DAMAGED);
}

/* -- another store, another root -- */

static void
a_store_that_was_made_anew_has_its_own_keys(void **state)
{
	(void)state;
	put_entry(0, "/x", page, VIEW("20 text/gemini\r\nold\n"), VIEW("o\n"));
	publish();
	expect_gemini(A "/x\r\n", "20 text/gemini\r\nold\n");
	make_anew();
	put_entry(0, "/x", page, VIEW("20 text/gemini\r\nnew\n"), VIEW("n\n"));
	publish();
	expect_gemini(A "/x\r\n", "20 text/gemini\r\nnew\n");
}

static void
a_span_that_is_held_outlives_its_root(void **state)
{
	const struct content *content = s->sites[0].content;
	struct content_hold *hold;
	struct answer held;
	struct buf got;

	(void)state;
	put_entry(0, "/x", page, VIEW("20 text/gemini\r\nold\n"), VIEW("o\n"));
	publish();
	ask(&protocol_gemini, A "/x\r\n");
	held = reply.answer;
	hold = content_hold(content, held.rest.fd);
	assert_non_null(hold);
	make_anew();
	publish();
	expect_gemini(A "/x\r\n", "51 Not found\r\n");
	buf_init(&got, 100);
	assert_true(answer_read(&held, &got));
	assert_true(view_eq(buf_view(&got), VIEW("20 text/gemini\r\nold\n")));
	buf_fini(&got);
	content_release(content, hold, held.rest.fd);
	assert_int_equal(-1, fcntl(held.rest.fd, F_GETFD));
}

static void
a_replaced_reader_lives_while_it_is_held(void **state)
{
	const struct content *content = s->sites[0].content;
	struct content_hold *holds[2];
	struct answer held;
	struct buf got;
	int i;

	(void)state;
	put_entry(0, "/x", page, VIEW("20 text/gemini\r\nold\n"), VIEW("o\n"));
	publish();
	ask(&protocol_gemini, A "/x\r\n");
	held = reply.answer;
	for (i = 0; i < 2; i++)
		holds[i] = content_hold(content, held.rest.fd);
	reader = store_reader_new();
	assert_int_equal(0, content_store_use(contents, reader));
	expect_gemini(A "/x\r\n", SITE_DAMAGED);
	publish();
	expect_gemini(A "/x\r\n", "20 text/gemini\r\nold\n");
	for (i = 0; i < 2; i++) {
		buf_init(&got, 100);
		assert_true(answer_read(&held, &got));
		assert_true(
		    view_eq(buf_view(&got), VIEW("20 text/gemini\r\nold\n")));
		buf_fini(&got);
		content_release(content, holds[i], held.rest.fd);
	}
	assert_int_equal(-1, fcntl(held.rest.fd, F_GETFD));
}

/* -- searches -- */

static bool
is_found(const struct store_key *key, struct buf *room,
    struct search_page *found)
{
	struct search_key same = search_key_of(key);

	buf_reset(room);
	return content_found(s->sites[0].content, &same, room, found);
}

static void
a_search_shows_what_everybody_may_read(void **state)
{
	struct store_entry shut = page, bare = page;
	struct search_page found;
	struct store_key key;
	struct buf room;

	(void)state;
	shut.access = 1;
	bare.kind = STORE_FOLDER;
	bare.gemini_status = 31;
	put_entry(0, "/x", page, VIEW("20 text/gemini;lang=en\r\n# A\n"),
	    VIEW("A\n"));
	put_entry(0, "/t", page, VIEW("20 text/plain\r\nB\n"), VIEW("B\n"));
	put_entry(0, "/shut", shut, VIEW("20 text/gemini\r\nA\n"), VIEW("A\n"));
	put_entry(0, "/bare", bare, VIEW("31 /bare/\r\n"), VIEW("A\n"));
	publish();
	buf_init(&room, 100);
	key = key_of(0, "/x");
	assert_true(is_found(&key, &room, &found));
	assert_true(view_eq(found.selector, VIEW("/x")));
	assert_true(view_eq(found.title, VIEW("A title")));
	assert_true(view_eq(found.text, VIEW("# A\n")));
	assert_true(found.is_gemtext);
	key = key_of(0, "/t");
	assert_true(is_found(&key, &room, &found));
	assert_false(found.is_gemtext);
	key = key_of(0, "/shut");
	assert_false(is_found(&key, &room, &found));
	key = key_of(0, "/bare");
	assert_false(is_found(&key, &room, &found));
	key.half[0]++;
	assert_false(is_found(&key, &room, &found));
	buf_fini(&room);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_root_only_what_is_configured_is_there),
		TEST(each_capsule_answers_from_the_store_with_its_own),
		TEST(what_one_protocol_has_not_is_not_there_for_it),
		TEST(rules_are_those_of_the_configuration_by_their_number),
		TEST(a_large_file_is_named_for_who_opens_it),
		TEST(bytes_that_changed_are_not_sent_up_to_the_limit),
		TEST(a_header_that_changed_is_not_sent),
		TEST(a_store_that_was_made_anew_has_its_own_keys),
		TEST(a_span_that_is_held_outlives_its_root),
		TEST(a_replaced_reader_lives_while_it_is_held),
		TEST(a_search_shows_what_everybody_may_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
