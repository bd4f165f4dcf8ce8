/* test_cgi.c - requests to application servers, and their answers in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/cgi.h"
#include "expect.h"

static void
scgi_counts_its_headers(void **state)
{
	struct buf env, b;
	static const char want[] = "37:CONTENT_LENGTH\0000\0SCGI\0001\0A\0b c\0"
				   "EMPTY\0\0,";

	(void)state;
	buf_init(&env, CGI_ENV_MAX);
	buf_init(&b, CGI_ENV_MAX);
	cgi_env_put(&env, "A", VIEW("b c"));
	cgi_env_put(&env, "EMPTY", VIEW(""));
	scgi_request_write(&b, buf_view(&env));
	expect_view("scgi", buf_view(&b), VIEW(want));
	buf_fini(&env);
	buf_fini(&b);
}

static void
a_nul_ends_a_value(void **state)
{
	struct buf env;

	(void)state;
	buf_init(&env, CGI_ENV_MAX);
	cgi_env_put(&env, "A", VIEW("b\0EVIL\0c"));
	cgi_env_put_number(&env, "N", -7);
	expect_view("env", buf_view(&env), VIEW("A\0b\0N\0-7\0"));
	buf_fini(&env);
}

static void
fastcgi_has_begin_params_and_stdin(void **state)
{
	static const char want[] =
	    "\1\1\0\1\0\10\0\0" /* BEGIN_REQUEST, 8 bytes */
	    "\0\1\0\0\0\0\0\0"  /* responder, close afterwards */
	    "\1\4\0\1\0\6\0\0"  /* PARAMS, 6 bytes */
	    "\1\3Ab c"
	    "\1\4\0\1\0\0\0\0" /* PARAMS end */
	    "\1\5\0\1\0\0\0";  /* STDIN end; the literal adds a NUL */
	struct buf env, b;

	(void)state;
	buf_init(&env, CGI_ENV_MAX);
	buf_init(&b, 4 * CGI_ENV_MAX);
	cgi_env_put(&env, "A", VIEW("b c"));
	fastcgi_request_write(&b, buf_view(&env));
	expect_view("fastcgi", buf_view(&b),
	    (struct view){ want, sizeof(want) });
	assert_false(b.failed);
	buf_fini(&env);
	buf_fini(&b);
}

/* 127 bytes have a length of one byte, 128 of four. */
static void
lengths_grow_at_128(void **state)
{
	char value[129];
	struct buf env, b;

	(void)state;
	memset(value, 'x', sizeof(value));
	buf_init(&env, CGI_ENV_MAX);
	buf_init(&b, 4 * CGI_ENV_MAX);
	cgi_env_put(&env, "A", (struct view){ value, 127 });
	fastcgi_request_write(&b, buf_view(&env));
	assert_int_equal(127, (unsigned char)b.p[25]);
	buf_reset(&env);
	buf_reset(&b);
	cgi_env_put(&env, "A", (struct view){ value, 128 });
	fastcgi_request_write(&b, buf_view(&env));
	assert_memory_equal("\1\200\0\0\200A", b.p + 24, 6);
	buf_fini(&env);
	buf_fini(&b);
}

/* More than one record can hold is two records. */
static void
long_environments_are_split(void **state)
{
	struct view value = { NULL, 65530 };
	char *p = malloc(value.len);
	struct buf env, b;

	(void)state;
	assert_non_null(p);
	memset(p, 'x', value.len);
	value.p = p;
	buf_init(&env, 2 * CGI_ENV_MAX);
	buf_init(&b, 4 * CGI_ENV_MAX);
	cgi_env_put(&env, "A", value); /* 1 + 4 + 1 + 65530 is 65536 */
	fastcgi_request_write(&b, buf_view(&env));
	assert_memory_equal("\1\4\0\1\377\377\0\0", b.p + 16, 8);
	assert_memory_equal("\1\4\0\1\0\1\0\0x", b.p + 24 + 65535, 9);
	free(p);
	buf_fini(&env);
	buf_fini(&b);
}

#define OUT(n)  "\1\6\0\1\0" n "\0\0"
#define ERR(n)  "\1\7\0\1\0" n "\0\0"
#define END_OK  "\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0"
#define END_BAD "\1\3\0\1\0\10\0\0\0\0\0\1\0\0\0\0"
#define FULL    "\1\3\0\1\0\10\0\0\0\0\0\0\2\0\0\0"

static const struct {
	const char *name;
	struct view in;
	const char *out, *err;
	enum fastcgi_kind end;
} answers[] = {
	{ "one record", VIEW_INIT(OUT("\5") "hello" END_OK), "hello", "",
	    FASTCGI_END },
	{ "two, and an empty one",
	    VIEW_INIT(OUT("\2") "he" OUT("\3") "llo" OUT("\0") END_OK), "hello",
	    "", FASTCGI_END },
	{ "padding", VIEW_INIT("\1\6\0\1\0\2\3\0hixxx" END_OK), "hi", "",
	    FASTCGI_END },
	{ "padding alone", VIEW_INIT("\1\6\0\1\0\0\3\0xxx" END_OK), "", "",
	    FASTCGI_END },
	{ "errors beside", VIEW_INIT(ERR("\3") "bad" OUT("\1") "x" END_OK), "x",
	    "bad", FASTCGI_END },
	{ "exit code", VIEW_INIT(OUT("\1") "x" END_BAD), "x", "",
	    FASTCGI_FAILED },
	{ "overloaded", VIEW_INIT(FULL), "", "", FASTCGI_FAILED },
	{ "cut", VIEW_INIT(OUT("\5") "hel"), "hel", "", FASTCGI_MORE },
	{ "nothing", VIEW_INIT(""), "", "", FASTCGI_MORE },
	{ "version 2", VIEW_INIT("\2\6\0\1\0\1\0\0x"), "", "", FASTCGI_BAD },
	{ "another's", VIEW_INIT("\1\6\0\2\0\1\0\0x"), "", "", FASTCGI_BAD },
	{ "a request", VIEW_INIT("\1\1\0\1\0\10\0\0"), "", "", FASTCGI_BAD },
	{ "short end", VIEW_INIT("\1\3\0\1\0\7\0\0"), "", "", FASTCGI_BAD },
	{ "not FastCGI", VIEW_INIT("HTTP/1.0 400 Bad"), "", "", FASTCGI_BAD },
};

/* Feed in so many bytes at a time; what came out, and how it ended. */
static enum fastcgi_kind
read_all(struct view in, size_t step, struct buf *out, struct buf *err)
{
	struct fastcgi at = { .n_head = 0 };
	struct view part, piece;
	enum fastcgi_kind kind = FASTCGI_MORE;

	while (in.len > 0) {
		part = in;
		if (part.len > step)
			part.len = step;
		in = view_skip(in, part.len);
		part = exact(part);
		piece = part;
		for (struct view v = part;;) {
			kind = fastcgi_next(&at, &v, &piece);
			if (kind == FASTCGI_STDOUT)
				buf_put(out, piece);
			else if (kind == FASTCGI_STDERR)
				buf_put(err, piece);
			else
				break;
			assert_true(piece.len > 0);
		}
		loose(part);
		if (kind != FASTCGI_MORE)
			return kind;
	}
	return kind;
}

static void
answers_are_read_however_they_are_cut(void **state)
{
	struct buf out, err;
	size_t i, step;

	(void)state;
	buf_init(&out, 1000);
	buf_init(&err, 1000);
	for (i = 0; i < N_OF(answers); i++)
		for (step = 1; step <= answers[i].in.len + 1; step++) {
			assert_int_equal(answers[i].end,
			    read_all(answers[i].in, step, &out, &err));
			expect_written(answers[i].name, &out, answers[i].out);
			expect_written(answers[i].name, &err, answers[i].err);
		}
	buf_fini(&out);
	buf_fini(&err);
}

#define PHP "X-Powered-By: PHP\r\nContent-type: text/html\r\n\r\n"

static const struct {
	const char *name;
	struct view in;
	enum cgi_parse want;
	size_t left; /* bytes after the fields */
	const char *status;
} heads[] = {
	{ "PHP's", VIEW_INIT(PHP "20 x"), CGI_OK, 4, "" },
	{ "LF alone", VIEW_INIT("content-type: a\n\nx"), CGI_OK, 1, "" },
	{ "a status", VIEW_INIT("A: b\nSTATUS:  404 Not Found \n\n"), CGI_OK, 0,
	    "404 Not Found" },
	{ "no field that counts", VIEW_INIT("Subject: x\n\nx"), CGI_NONE, 0,
	    "" },
	{ "a status line", VIEW_INIT("20 text/gemini\r\n"), CGI_NONE, 0, "" },
	{ "a blank line", VIEW_INIT("\r\nContent-Type: a\r\n\r\n"), CGI_NONE, 0,
	    "" },
	{ "an item of a menu", VIEW_INIT("iNote: x\t\t\t0\r\n"), CGI_NONE, 0,
	    "" },
	{ "a word on a line", VIEW_INIT("Content-Type\n"), CGI_NONE, 0, "" },
	{ "no name", VIEW_INIT(": x\n"), CGI_NONE, 0, "" },
	{ "a blank in a name", VIEW_INIT("Content Type: x\n"), CGI_NONE, 0,
	    "" },
	{ "an escape", VIEW_INIT("Status: 20 \033[31m\n\n"), CGI_NONE, 0, "" },
	{ "a NUL", VIEW_INIT("Status: 2\0\n\n"), CGI_NONE, 0, "" },
	{ "nothing yet", VIEW_INIT(""), CGI_MORE, 0, "" },
	{ "half a name", VIEW_INIT("Content-Ty"), CGI_MORE, 0, "" },
	{ "half a line", VIEW_INIT("A: b\r\nContent-Type: te"), CGI_MORE, 0,
	    "" },
	{ "half an end", VIEW_INIT("Content-Type: a\r\n\r"), CGI_MORE, 0, "" },
};

static void
fields_before_an_answer_are_told_from_the_answer(void **state)
{
	struct cgi_head head;
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(heads); i++) {
		in = exact(heads[i].in);
		if (cgi_head_parse(in, &head) != heads[i].want)
			fail_msg("%s", heads[i].name);
		if (heads[i].want == CGI_OK) {
			assert_int_equal(in.len - heads[i].left, head.len);
			expect_view(heads[i].name, head.status,
			    view_of(heads[i].status));
		}
		loose(in);
	}
}

static void
no_prefix_of_fields_is_taken_for_an_answer(void **state)
{
	struct view whole = VIEW(PHP), part = { whole.p, 0 };
	struct cgi_head head;

	(void)state;
	for (; part.len < whole.len; part.len++)
		assert_int_equal(CGI_MORE, cgi_head_parse(part, &head));
	assert_int_equal(CGI_OK, cgi_head_parse(whole, &head));
}

static void
fields_may_have_8_kilobytes(void **state)
{
	char in[CGI_HEAD_MAX + 1] = "Content-Type: a\r\nX: ";
	size_t at = strlen(in);
	struct cgi_head head;

	(void)state;
	memset(in + at, 'x', sizeof(in) - at);
	memcpy(in + CGI_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(CGI_MORE,
	    cgi_head_parse((struct view){ in, CGI_HEAD_MAX - 1 }, &head));
	assert_int_equal(CGI_OK,
	    cgi_head_parse((struct view){ in, CGI_HEAD_MAX }, &head));
	assert_int_equal(CGI_HEAD_MAX, head.len);
	memcpy(in + CGI_HEAD_MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(CGI_NONE,
	    cgi_head_parse((struct view){ in, CGI_HEAD_MAX }, &head));
	assert_int_equal(CGI_NONE,
	    cgi_head_parse((struct view){ in, CGI_HEAD_MAX + 1 }, &head));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scgi_counts_its_headers),
		cmocka_unit_test(a_nul_ends_a_value),
		cmocka_unit_test(fastcgi_has_begin_params_and_stdin),
		cmocka_unit_test(lengths_grow_at_128),
		cmocka_unit_test(long_environments_are_split),
		cmocka_unit_test(answers_are_read_however_they_are_cut),
		cmocka_unit_test(
		    fields_before_an_answer_are_told_from_the_answer),
		cmocka_unit_test(no_prefix_of_fields_is_taken_for_an_answer),
		cmocka_unit_test(fields_may_have_8_kilobytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
