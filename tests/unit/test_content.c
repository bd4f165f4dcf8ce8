/*
 * test_content.c - what the configuration gives, what content gives, and who
 * comes first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/gemini.h"
#include "site/answer.h"
#include "site/configure.h"

#include "place.h"

#define HEAD "[capsule]\nhostname = example.org\nroot = capsule\n[selectors]\n"

static int
set_up(void **state)
{
	static struct place place;

	place_open(&place);
	*state = &place;
	return 0;
}

static int
tear_down(void **state)
{
	place_close(*state);
	return 0;
}

/* The answer to a line of Gopher's; *reply is the caller's to empty. */
static void
ask_gopher(const struct snapshot *s, const char *line, struct reply *reply)
{
	struct peer peer = { VIEW(""), 70, false };

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->dynamic, 0);
	protocol_gopher.answer(s, &peer, view_of(line), reply);
}

static void
expect_gopher(const struct snapshot *s, const char *line, const char *want)
{
	struct reply reply;

	ask_gopher(s, line, &reply);
	if (!view_eq(reply.answer.bytes, view_of(want)))
		fail_msg("%s: got \"%.*s\"", line,
		    VIEW_ARG(reply.answer.bytes));
	reply_fini(&reply);
}

static void
expect_gemini(const struct snapshot *s, const char *line, const char *want)
{
	struct peer peer = { VIEW(""), 1965, true };
	struct reply reply;

	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 0);
	protocol_gemini.answer(s, &peer, view_of(line), &reply);
	if (!view_eq(reply.answer.bytes, view_of(want)))
		fail_msg("%s: got \"%.*s\"", line,
		    VIEW_ARG(reply.answer.bytes));
	reply_fini(&reply);
}

/* -- what is configured -- */

static void
a_configuration_is_answered_for_without_a_root(void **state)
{
	static const int ports[] = { 70 };
	struct place *p = *state;
	struct problems *ps = problems_new();
	struct snapshot *s;

	place_read(p,
	    "[capsule]\nhostname = example.org\nroot = nowhere\n[selectors]\n"
	    "/ = index.gmi\n/old/ = @redirect /new/\n/1998 = @gone\n"
	    "/search = @search\n/app/ = @scgi 127.0.0.1:9000\n");
	s = snapshot_configure(p->conf, ports, ps);
	assert_int_equal(0, problems_count(ps));
	assert_null(s->sites[0].content);
	expect_gemini(s, "gemini://example.org/\r\n", "51 Not found\r\n");
	expect_gemini(s, "gemini://example.org/old/\r\n", "31 /new/\r\n");
	expect_gemini(s, "gemini://example.org/old\r\n", "31 /old/\r\n");
	expect_gemini(s, "gemini://example.org/1998\r\n", "52 Gone\r\n");
	expect_gemini(s, "gemini://example.org/search\r\n",
	    "10 Words to search for\r\n");
	expect_gemini(s, "gemini://example.org/app\r\n", "31 /app/\r\n");
	assert_int_equal(1, s->n_targets);
	snapshot_free(s);
	problems_free(ps);
}

static void
files_come_before_what_is_only_a_name_for_something_else(void **state)
{
	struct place *p = *state;

	place_write(p, "old", VIEW("a file\n"));
	place_write(p, "caps.txt", VIEW("CAPS\n"));
	place_load(p,
	    HEAD "/ = ./\n/old/ = @redirect /\n/bare/ = @gone\n"
		 "[types]\n/old = text/plain\n");
	assert_string_equal("", p->told);
	expect_gopher(p->s, "/old\r\n", "a file\r\n");
	expect_gopher(p->s, "/caps.txt\r\n", "CAPS\r\n");
	expect_gemini(p->s, "gemini://example.org/bare\r\n", "31 /bare/\r\n");
	/* "/old", "/old/", "/bare", "/bare/" and "/caps.txt". */
	assert_int_equal(5, p->s->sites[0].n_selectors);
}

static void
a_menu_for_a_redirect_knows_what_is_there_now(void **state)
{
	struct place *p = *state;

	place_write(p, "a.txt", VIEW("a\n"));
	place_load(p,
	    HEAD "/new/a = a.txt\n/old/ = @redirect ../new/a\n"
		 "/ours = @redirect gemini://example.org/new/a\n");
	assert_string_equal("", p->told);
	expect_gopher(p->s, "/old/\r\n",
	    "iWhat you asked for has moved:\t\t\t0\r\n"
	    "0../new/a\t/new/a\texample.org\t70\r\n.\r\n");
	/* As seen from the folder, whoever forgot its "/". */
	expect_gopher(p->s, "/old\r\n",
	    "iWhat you asked for has moved:\t\t\t0\r\n"
	    "0../new/a\t/new/a\texample.org\t70\r\n.\r\n");
	expect_gopher(p->s, "/ours\r\n",
	    "iWhat you asked for has moved:\t\t\t0\r\n"
	    "0gemini://example.org/new/a\t/new/a\texample.org\t70\r\n.\r\n");
	expect_gopher(p->s, "/old/\t+\r\n",
	    "+-2\r\niWhat you asked for has moved:\t\t\t0\r\n"
	    "0../new/a\t/new/a\texample.org\t70\r\n.\r\n");
	p->s->sites[0].content = NULL;
	expect_gopher(p->s, "/old/\r\n",
	    "iWhat you asked for has moved:\t\t\t0\r\n"
	    "1../new/a\t/new/a\texample.org\t70\r\n.\r\n");
}

/* -- content that cannot be read -- */

static enum content_result
find_damaged(const struct content *c, struct view selector, struct entry *to)
{
	(void)c;
	(void)selector;
	(void)to;
	return CONTENT_DAMAGED;
}

static void
what_cannot_be_read_fails_for_those_who_may_read_it(void **state)
{
	static const struct content_kind kind = { find_damaged };
	static const struct content damaged = { &kind };
	struct place *p = *state;

	place_write(p, "shut/x", VIEW("x\n"));
	place_write(p, "a.gmi", VIEW("a\n"));
	place_load(p,
	    HEAD "/a = a.gmi\n/shut/ = shut/\n/old = @redirect /a\n"
		 "[access]\n/shut/* = any\n");
	assert_string_equal("", p->told);
	p->s->sites[0].content = &damaged;
	expect_gemini(p->s, "gemini://example.org/a\r\n",
	    "40 This cannot be read just now\r\n");
	expect_gopher(p->s, "/a\r\n",
	    "3This cannot be read just now\t\terror.host\t1\r\n.\r\n");
	expect_gemini(p->s, "gemini://example.org/shut/x\r\n",
	    "60 A certificate is needed to read this\r\n");
	expect_gopher(p->s, "/shut/x\r\n",
	    "3Only over Gemini, with a certificate\t\terror.host\t1\r\n.\r\n");
	expect_gemini(p->s, "gemini://example.org/old\r\n", "31 /a\r\n");
}

/* -- answers whose bytes are in a file -- */

static int
open_file(struct place *p, const char *name, const char *text)
{
	int fd;

	place_write(p, name, view_of(text));
	fd = open(place_name(p, name), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void
an_answer_is_read_with_what_follows_its_bytes(void **state)
{
	int fd = open_file(*state, "f", "0123456789");
	struct answer a = { 20, VIEW("ab"), { fd, 3, 4, true } };
	struct buf got;

	buf_init(&got, 6);
	assert_true(answer_read(&a, &got));
	assert_true(view_eq(buf_view(&got), VIEW("ab3456")));
	buf_fini(&got);
	/* No room for the last byte; and not as many bytes as there were. */
	buf_init(&got, 5);
	assert_false(answer_read(&a, &got));
	buf_fini(&got);
	buf_init(&got, 100);
	a.rest.size = 8;
	assert_false(answer_read(&a, &got));
	buf_fini(&got);
	close(fd);
}

static enum content_result find_menu(const struct content *c,
    struct view selector, struct entry *to);

static const struct content_kind menus = { find_menu };

/* Content that is one menu in a file. */
static struct {
	struct content content;
	int fd;
	off_t size;
} menu = { .content = { &menus } };

static enum content_result
find_menu(const struct content *c, struct view selector, struct entry *to)
{
	(void)c;
	*to = (struct entry){ .selector = selector,
		.item = '1',
		.gopher = { 20, VIEW_INIT(""),
		    { menu.fd, 0, menu.size, true } } };
	return CONTENT_FOUND;
}

static void
gopher_plus_frames_and_describes_a_menu_in_a_file(void **state)
{
	static const char text[] = "1A\t/a\th\t70\r\n.\r\n";
	struct place *p = *state;
	struct reply reply;

	place_write(p, "a.gmi", VIEW("a\n"));
	place_load(p, HEAD "/a = a.gmi\n");
	menu.fd = open_file(p, "menu", text);
	menu.size = sizeof(text) - 1;
	p->s->sites[0].content = &menu.content;
	expect_gopher(p->s, "/\t$\r\n", "+-2\r\n+INFO: 1A\t/a\th\t70\r\n");
	ask_gopher(p->s, "/\t+\r\n", &reply);
	assert_true(view_eq(reply.answer.bytes, VIEW("+-2\r\n")));
	assert_int_equal(menu.size, reply.answer.rest.size);
	reply_fini(&reply);
	ask_gopher(p->s, "/\r\n", &reply);
	assert_int_equal(0, reply.answer.bytes.len);
	assert_int_equal(menu.size, reply.answer.rest.size);
	reply_fini(&reply);
	/* Cut off meanwhile: as if it had no attributes. */
	menu.size++;
	ask_gopher(p->s, "/\t$\r\n", &reply);
	assert_true(view_eq(reply.answer.bytes, p->s->sites[0].plus.bytes));
	reply_fini(&reply);
	close(menu.fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_configuration_is_answered_for_without_a_root),
		TEST(files_come_before_what_is_only_a_name_for_something_else),
		TEST(a_menu_for_a_redirect_knows_what_is_there_now),
		TEST(what_cannot_be_read_fails_for_those_who_may_read_it),
		TEST(an_answer_is_read_with_what_follows_its_bytes),
		TEST(gopher_plus_frames_and_describes_a_menu_in_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
