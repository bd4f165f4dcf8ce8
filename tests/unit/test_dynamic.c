/*
 * test_dynamic.c - what applications are asked, and what becomes of how their
 * answers begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/cgi.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "site/answer.h"
#include "site/dynamic.h"

#include "expect.h"
#include "place.h"

static const char conf[] =
    "[capsule]\nhostname = a.example.org *.a.example.org\nroot = capsule\n"
    "[selectors]\n/ = index.gmi\n/app/ = @fastcgi 127.0.0.1:9000\n"
    "/app/files/ = files/\n/app/inner/ = @scgi [::1]:9000\n"
    "/one = @scgi unix:/run/one.sock /srv/one.php 7\n"
    "/cgi/ = @fastcgi unix:cgi.sock /srv/cgi/\n"
    "/closed/ = @scgi unix:/run/closed.sock\n"
    "[access]\n/closed/* = any\n/app/closed/* = any\n/app/x = any\n";

static struct place place;

static int
set_up(void **state)
{
	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi",
	    VIEW("=> /app/x X\n=> /one One\n=> /cgi/ All\n"));
	place_write(&place, "files/note.txt", VIEW("a\n"));
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

static void
describe(const struct peer *peer, struct peer_details *to)
{
	(void)peer;
	*to = (struct peer_details){ "2001:db8::1", "1.3", "TLS_AES" };
}

static struct peer_certificate shown = { .sha256 = { 0xab, 0x01 },
	.not_before = 0,
	.not_after = 86400,
	.issuer = "CN=issuer",
	.subject = "CN=ada" };

/* Answer one request; the caller frees reply->dynamic. */
static void
ask(const struct protocol *protocol, const char *request, bool identified,
    struct reply *reply)
{
	struct peer peer = { .port = 1965,
		.tls = identified,
		.certificate = identified ? &shown : NULL,
		.describe = describe };

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->dynamic, 4096);
	protocol->answer(place.s, &peer, view_of(request), reply);
}

/* The value of a variable in an environment; a NULL p if it is not there. */
static struct view
get(struct view env, const char *name)
{
	struct view key, value;

	while (env.len > 0) {
		key = view_cut(&env, '\0');
		value = view_cut(&env, '\0');
		if (view_eq(key, view_of(name)))
			return value;
	}
	return (struct view){ NULL, 0 };
}

static const struct {
	const char *name, *path; /* of a.example.org */
	const char *target;      /* who is asked; NULL: nobody */
	int status;              /* of the answer, if so */
	const char *script, *info, *file;
	bool gemini_only;
} places[] = {
	{ "the application", "/app/", "127.0.0.1:9000", 0, "/app", "/", NULL,
	    false },
	{ "below it", "/app/a/b", "127.0.0.1:9000", 0, "/app", "/a/b", NULL,
	    false },
	{ "a slash at the end", "/app/a/", "127.0.0.1:9000", 0, "/app", "/a/",
	    NULL, false },
	{ "a longer one", "/app/inner/x", "[::1]:9000", 0, "/app/inner", "/x",
	    NULL, false },
	{ "a file", "/app/files/note.txt", NULL, 20, NULL, NULL, NULL, false },
	{ "no file", "/app/files/nope", NULL, 51, NULL, NULL, NULL, false },
	{ "two slashes", "/app//a", NULL, 51, NULL, NULL, NULL, false },
	{ "two at the end", "/app/a//", NULL, 51, NULL, NULL, NULL, false },
	{ "one selector", "/one", "unix:/run/one.sock", 0, "/one", "",
	    "/srv/one.php", false },
	{ "nothing below it", "/one/x", NULL, 51, NULL, NULL, NULL, false },
	{ "a script", "/cgi/a", "unix:cgi.sock", 0, "/cgi/a", "", "/srv/cgi/a",
	    false },
	{ "below a script", "/cgi/a/b/c", "unix:cgi.sock", 0, "/cgi/a", "/b/c",
	    "/srv/cgi/a", false },
	{ "right below a script", "/cgi/a/", "unix:cgi.sock", 0, "/cgi/a", "/",
	    "/srv/cgi/a", false },
	{ "no script", "/cgi/", NULL, 51, NULL, NULL, NULL, false },
	{ "a hidden script", "/cgi/.a", NULL, 51, NULL, NULL, NULL, false },
	{ "closed", "/closed/x", NULL, 60, NULL, NULL, NULL, false },
	{ "closed below", "/app/closed/x", NULL, 60, NULL, NULL, NULL, false },
	{ "closed alone", "/app/x", NULL, 60, NULL, NULL, NULL, false },
	{ "beside what is closed", "/app/x/", "127.0.0.1:9000", 0, "/app",
	    "/x/", NULL, false },
	{ "a closed folder without its slash", "/app/closed", NULL, 31, NULL,
	    NULL, NULL, true },
	{ "without its slash", "/app", NULL, 31, NULL, NULL, NULL, true },
	{ "an encoded slash", "/app/a%2Fb", NULL, 59, NULL, NULL, NULL, true },
	{ "decoded", "/app/caf%C3%A9", "127.0.0.1:9000", 0, "/app",
	    "/caf\303\251", NULL, true },
	{ "dots that stay inside", "/x/../app/./a/../b", "127.0.0.1:9000", 0,
	    "/app", "/b", NULL, true },
};

static void
check_place(size_t i, const struct reply *reply, const char *protocol)
{
	struct view env = buf_view(&reply->dynamic);
	const char *name = places[i].name;

	if (places[i].target == NULL) {
		if (reply->app != NULL ||
		    reply->answer.status != places[i].status)
			fail_msg("%s: %s: %d", protocol, name,
			    reply->answer.status);
		return;
	}
	if (reply->app == NULL)
		fail_msg("%s: %s: nobody is asked", protocol, name);
	expect_view(name, reply->app->name, view_of(places[i].target));
	assert_int_equal(42, reply->answer.status);
	expect_view(name, get(env, "SCRIPT_NAME"), view_of(places[i].script));
	expect_view(name, get(env, "PATH_INFO"), view_of(places[i].info));
	expect_view(name, get(env, "SCRIPT_FILENAME"),
	    view_of(places[i].file == NULL ? "" : places[i].file));
}

static void
each_path_leads_to_its_application_and_is_split_there(void **state)
{
	struct reply reply;
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(line, sizeof(line), "gemini://a.example.org%s\r\n",
		    places[i].path);
		ask(&protocol_gemini, line, false, &reply);
		check_place(i, &reply, "gemini");
		buf_fini(&reply.dynamic);
		if (places[i].gemini_only)
			continue;
		snprintf(line, sizeof(line), "%s\r\n", places[i].path);
		ask(&protocol_gopher, line, false, &reply);
		check_place(i, &reply, "gopher");
		buf_fini(&reply.dynamic);
	}
}

static void
gopher_paths_are_not_normalised_but_refused(void **state)
{
	static const char *const lines[] = { "/app/..\r\n", "/app/../one\r\n",
		"/app/./x\r\n", "/app/a/.\r\n", "app/..\r\n", "/app/..?q\r\n" };
	struct reply reply;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ask(&protocol_gopher, lines[i], false, &reply);
		assert_null(reply.app);
		assert_int_equal(51, reply.answer.status);
		buf_fini(&reply.dynamic);
	}
	/* What people type without slashes is found. */
	ask(&protocol_gopher, "app\r\n", false, &reply);
	expect_view("app", get(buf_view(&reply.dynamic), "PATH_INFO"),
	    VIEW("/"));
	buf_fini(&reply.dynamic);
	ask(&protocol_gopher, "one/?a+b\r\n", false, &reply);
	expect_view("one", get(buf_view(&reply.dynamic), "SCRIPT_NAME"),
	    VIEW("/one"));
	expect_view("one", get(buf_view(&reply.dynamic), "QUERY_STRING"),
	    VIEW("a+b"));
	buf_fini(&reply.dynamic);
}

/* Every variable and nothing else, in any order. */
static void
expect_env(const char *name, struct view env, const char *const *want)
{
	struct view got, key, value;
	size_t n = 0, wanted;

	for (wanted = 0; want[wanted] != NULL; wanted += 2) {
		got = get(env, want[wanted]);
		if (got.p == NULL)
			fail_msg("%s: no %s", name, want[wanted]);
		if (strcmp(want[wanted], "SERVER_SOFTWARE") == 0)
			got.len = strlen("capsuled/"); /* any version */
		expect_view(want[wanted], got, view_of(want[wanted + 1]));
	}
	while (env.len > 0) {
		key = view_cut(&env, '\0');
		value = view_cut(&env, '\0');
		(void)key;
		(void)value;
		n++;
	}
	assert_int_equal(wanted / 2, n);
}

static void
a_gemini_request_is_told_whole(void **state)
{
	static const char *const want[] = { "GATEWAY_INTERFACE", "CGI/1.1",
		"SERVER_SOFTWARE", "capsuled/", "SERVER_PROTOCOL", "GEMINI",
		"REQUEST_METHOD", "GET", "SERVER_NAME", "x.a.example.org",
		"SERVER_PORT", "1965", "SCRIPT_NAME", "/one", "PATH_INFO", "",
		"SCRIPT_FILENAME", "/srv/one.php", "DOCUMENT_ROOT", "/srv/",
		"REMOTE_ADDR", "2001:db8::1", "REMOTE_HOST", "2001:db8::1",
		"TLS_VERSION", "TLSv1.3", "TLS_CIPHER", "TLS_AES", "AUTH_TYPE",
		"CERTIFICATE", "REMOTE_USER", "CN=ada", "TLS_CLIENT_SUBJECT",
		"CN=ada", "TLS_CLIENT_ISSUER", "CN=issuer", "TLS_CLIENT_HASH",
		"SHA256:AB0100000000000000000000000000000000000000000000"
		"0000000000000000",
		"TLS_CLIENT_NOT_BEFORE", "1970-01-01T00:00:00Z",
		"TLS_CLIENT_NOT_AFTER", "1970-01-02T00:00:00Z", "GEMINI_URL",
		"gemini://X.a.example.org/%6Fne?a%20b%0A", "GEMINI_URL_PATH",
		"/%6Fne", "QUERY_STRING", "a%20b%0A", "GEMINI_SEARCH_STRING",
		"a b\n", NULL };
	struct reply reply;

	(void)state;
	ask(&protocol_gemini, "gemini://X.a.example.org/%6Fne?a%20b%0A\r\n",
	    true, &reply);
	expect_env("gemini", buf_view(&reply.dynamic), want);
	buf_fini(&reply.dynamic);
	/* A form's query is nothing that was searched for. */
	ask(&protocol_gemini, "gemini://a.example.org/one?a=b\r\n", false,
	    &reply);
	assert_null(get(buf_view(&reply.dynamic), "GEMINI_SEARCH_STRING").p);
	assert_null(get(buf_view(&reply.dynamic), "TLS_VERSION").p);
	assert_null(get(buf_view(&reply.dynamic), "AUTH_TYPE").p);
	buf_fini(&reply.dynamic);
}

static void
a_gopher_request_is_told_whole(void **state)
{
	static const char *const want[] = { "GATEWAY_INTERFACE", "CGI/1.1",
		"SERVER_SOFTWARE", "capsuled/", "SERVER_PROTOCOL", "GOPHER",
		"REQUEST_METHOD", "GET", "SERVER_NAME", "a.example.org",
		"SERVER_PORT", "70", "SCRIPT_NAME", "/one", "PATH_INFO", "",
		"SCRIPT_FILENAME", "/srv/one.php", "DOCUMENT_ROOT", "/srv/",
		"REMOTE_ADDR", "2001:db8::1", "REMOTE_HOST", "2001:db8::1",
		"QUERY_STRING", "two%20words", "SEARCHREQUEST", "two words",
		NULL };
	struct reply reply;

	(void)state;
	ask(&protocol_gopher, "/one\ttwo words\r\n", false, &reply);
	expect_env("gopher", buf_view(&reply.dynamic), want);
	buf_fini(&reply.dynamic);
	/* A link with a query, and words on top. */
	ask(&protocol_gopher, "/one?a%20b\tc\r\n", false, &reply);
	expect_view("both", get(buf_view(&reply.dynamic), "QUERY_STRING"),
	    VIEW("a%20b"));
	expect_view("both", get(buf_view(&reply.dynamic), "SEARCHREQUEST"),
	    VIEW("c"));
	expect_view("both", reply.selector, VIEW("/one"));
	buf_fini(&reply.dynamic);
}

static void
menus_have_the_applications_item_types(void **state)
{
	struct reply reply;

	(void)state;
	ask(&protocol_gopher, "/\r\n", false, &reply);
	expect_view("menu", reply.answer.bytes,
	    VIEW("1X\t/app/x\ta.example.org\t70\r\n"
		 "7One\t/one\ta.example.org\t70\r\n"
		 "1All\t/cgi/\ta.example.org\t70\r\n.\r\n"));
	buf_fini(&reply.dynamic);
}

/* -- how answers begin -- */

#define FAILED  "42 The application failed\r\n"
#define FAILED_ "3The application failed\t\terror.host\t1\r\n.\r\n"

static const struct {
	const char *name;
	struct view said;
	int status; /* Gemini's */
	const char *gemini;
	struct view gopher; /* what is passed on, or the refusal */
	int gopher_status;
} answers[] = {
	{ "a page", VIEW_INIT("20 text/plain\r\nbody"), 20, "20 text/plain\r\n",
	    VIEW_INIT("20 text/plain\r\nbody"), 20 },
	{ "LF alone", VIEW_INIT("20 text/plain\nbody"), 20, "20 text/plain\r\n",
	    VIEW_INIT("20 text/plain\nbody"), 20 },
	{ "no words", VIEW_INIT("51\r\n"), 51, "51 Not found\r\n",
	    VIEW_INIT("51\r\n"), 20 },
	{ "no end", VIEW_INIT("20 text/plain"), 42, FAILED,
	    VIEW_INIT("20 text/plain"), 20 },
	{ "nothing", VIEW_INIT(""), 42, FAILED, VIEW_INIT(FAILED_), 42 },
	{ "fields", VIEW_INIT("Content-Type: x\n\n20 text/plain\nbody"), 20,
	    "20 text/plain\r\n", VIEW_INIT("20 text/plain\nbody"), 20 },
	{ "fields alone", VIEW_INIT("Content-Type: x\n\n"), 42, FAILED,
	    VIEW_INIT(""), 20 },
	{ "fields without end", VIEW_INIT("Content-Type: x\n"), 42, FAILED,
	    VIEW_INIT("Content-Type: x\n"), 20 },
	{ "a status", VIEW_INIT("Status: 20 text/plain\n\nbody"), 20,
	    "20 text/plain\r\n", VIEW_INIT("body"), 20 },
	{ "a question", VIEW_INIT("Status: 10 Who?\n\n"), 10, "10 Who?\r\n",
	    VIEW_INIT(FAILED_), 42 },
	{ "of the web", VIEW_INIT("Status: 200 OK\n\n20 text/plain\nx"), 20,
	    "20 text/plain\r\n", VIEW_INIT("20 text/plain\nx"), 20 },
	{ "not there", VIEW_INIT("Status: 404 No\n\n20 text/plain\nx"), 51,
	    "51 Not found\r\n",
	    VIEW_INIT("3Not found\t\terror.host\t1\r\n.\r\n"), 51 },
	{ "399 is no failure", VIEW_INIT("Status: 399 x\n\n20 a/b\n"), 20,
	    "20 a/b\r\n", VIEW_INIT("20 a/b\n"), 20 },
	{ "400 is one", VIEW_INIT("Status: 400 x\n\n20 a/b\n"), 42, FAILED,
	    VIEW_INIT(FAILED_), 42 },
	{ "1000 is no status", VIEW_INIT("Status: 1000 x\n\n20 a/b\n"), 20,
	    "20 a/b\r\n", VIEW_INIT("20 a/b\n"), 20 },
};

/* Feed in what is said up to each byte; what is begun is written to out. */
static enum answer_head
feed(const struct protocol *protocol, struct view said, struct reply *reply,
    size_t *used)
{
	enum answer_head r = ANSWER_MORE;
	struct view part = { said.p, 0 };

	for (; part.len <= said.len && r == ANSWER_MORE; part.len++)
		r = protocol->head(part, false, reply, used);
	return r != ANSWER_MORE ? r : protocol->head(said, true, reply, used);
}

static void
answers_begin_alike_however_they_are_cut(void **state)
{
	struct reply reply;
	enum answer_head r;
	size_t i, used;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		reply = (struct reply){ .identified = false };
		buf_init(&reply.dynamic, 4096);
		used = 0;
		r = feed(&protocol_gemini, answers[i].said, &reply, &used);
		assert_true(r == ANSWER_FAILED || r == ANSWER_BEGUN);
		assert_int_equal(answers[i].status, reply.answer.status);
		expect_view(answers[i].name, buf_view(&reply.dynamic),
		    view_of(answers[i].gemini));

		buf_reset(&reply.dynamic);
		reply.answer = (struct answer){ .status = 42 };
		used = 0;
		r = protocol_gopher.head(answers[i].said, true, &reply, &used);
		if (r == ANSWER_BEGUN)
			buf_put(&reply.dynamic,
			    view_skip(answers[i].said, used));
		assert_int_equal(answers[i].gopher_status, reply.answer.status);
		expect_view(answers[i].name, buf_view(&reply.dynamic),
		    answers[i].gopher);
		buf_fini(&reply.dynamic);
	}
}

static void
a_header_is_waited_for_up_to_its_longest(void **state)
{
	char said[GEMINI_META_MAX + 8] = "20 ";
	struct reply reply = { .identified = false };
	size_t used, n = 3 + GEMINI_META_MAX + 1;

	(void)state;
	memset(said + 3, 'x', sizeof(said) - 3);
	said[n - 1] = '\r'; /* its LF is yet to come */
	buf_init(&reply.dynamic, 4096);
	assert_int_equal(ANSWER_MORE,
	    protocol_gemini.head((struct view){ said, n }, false, &reply,
		&used));
	assert_int_equal(ANSWER_FAILED,
	    protocol_gemini.head((struct view){ said, n + 1 }, false, &reply,
		&used));
	buf_fini(&reply.dynamic);
}

static void
gopher_plus_has_its_line_before_the_answer(void **state)
{
	struct reply reply;
	size_t used;

	(void)state;
	ask(&protocol_gopher, "/one\t+\r\n", false, &reply);
	assert_non_null(reply.app);
	buf_reset(&reply.dynamic);
	assert_int_equal(ANSWER_BEGUN,
	    protocol_gopher.head(VIEW("x\n"), false, &reply, &used));
	expect_view("plus", buf_view(&reply.dynamic), VIEW("+-2\r\n"));
	buf_fini(&reply.dynamic);
	ask(&protocol_gopher, "/one\t!\r\n", false, &reply);
	assert_null(reply.app);
	buf_fini(&reply.dynamic);
}

static void
every_failure_has_words_in_both_protocols(void **state)
{
	static const int want[] = { 42, 42, 43, 51, 40 };
	struct reply reply = { .identified = false };
	int i;

	(void)state;
	buf_init(&reply.dynamic, 4096);
	for (i = 0; i < ANSWER_FAILURES; i++) {
		buf_puts(&reply.dynamic, "what was gathered so far");
		protocol_gemini.refuse((enum answer_failure)i, &reply);
		assert_int_equal(want[i], reply.answer.status);
		assert_true(view_has_suffix(reply.answer.bytes, VIEW("\r\n")));
		protocol_gopher.refuse((enum answer_failure)i, &reply);
		assert_int_equal(want[i], reply.answer.status);
		assert_true(view_has_prefix(reply.answer.bytes, VIEW("3")));
		assert_true(
		    view_has_suffix(reply.answer.bytes, VIEW("\t1\r\n.\r\n")));
	}
	buf_fini(&reply.dynamic);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_path_leads_to_its_application_and_is_split_there),
		cmocka_unit_test(gopher_paths_are_not_normalised_but_refused),
		cmocka_unit_test(a_gemini_request_is_told_whole),
		cmocka_unit_test(a_gopher_request_is_told_whole),
		cmocka_unit_test(menus_have_the_applications_item_types),
		cmocka_unit_test(answers_begin_alike_however_they_are_cut),
		cmocka_unit_test(a_header_is_waited_for_up_to_its_longest),
		cmocka_unit_test(gopher_plus_has_its_line_before_the_answer),
		cmocka_unit_test(every_failure_has_words_in_both_protocols),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
