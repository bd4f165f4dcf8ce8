/* test_http.c - which heads of requests are read, and which are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/http.h"

static const struct {
	const char *in;
	enum http_parse want;
	const char *method, *path, *host;
} cases[] = {
	{ "GET /metrics HTTP/1.1\r\nHost: a.example.org\r\n\r\n",
	    HTTP_REQUEST_OK, "GET", "/metrics", "a.example.org" },
	{ "GET / HTTP/1.0\r\n\r\n", HTTP_REQUEST_OK, "GET", "/", "" },
	{ "GET /m?x=/y HTTP/1.0\n\n", HTTP_REQUEST_OK, "GET", "/m", "" },
	{ "POST /m HTTP/1.1\nhOST:a:9965\nX: y\n\nbody", HTTP_REQUEST_OK,
	    "POST", "/m", "a" },
	{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", HTTP_REQUEST_OK, "GET",
	    "/", "::1" },
	{ "GET / HTTP/1.1\r\nHost: \t127.0.0.1 \r\n\r\n", HTTP_REQUEST_OK,
	    "GET", "/", "127.0.0.1" },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_REQUEST_OK, "GET", "/", "" },
	{ "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET / HTTP/1.1\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HTTP_REQUEST_BAD, "",
	    "", "" },
	{ "GET / HTTP/1.0\r\nX: a\r\n b\r\n\r\n", HTTP_REQUEST_BAD, "", "",
	    "" },
	{ "GET / HTTP/1.0\r\nno colon\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET / HTTP/1.0\r\n: no name\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET / HTTP/1.0\r\nX: a\rb\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET / HTTP/2.0\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET /\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET  / HTTP/1.0\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
	{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST_BAD, "", "",
	    "" },
	{ "\r\nGET / HTTP/1.0\r\n\r\n", HTTP_REQUEST_BAD, "", "", "" },
};

static void
parses_each_case(void **state)
{
	struct http_request r;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		if (http_request_parse(view_of(cases[i].in), &r) !=
		    cases[i].want)
			fail_msg("%s", cases[i].in);
		if (cases[i].want != HTTP_REQUEST_OK)
			continue;
		if (!view_eq(r.method, view_of(cases[i].method)) ||
		    !view_eq(r.path, view_of(cases[i].path)) ||
		    !view_eq(r.host, view_of(cases[i].host)))
			fail_msg("%s", cases[i].in);
	}
}

static void
every_prefix_wants_more(void **state)
{
	struct view whole =
	    VIEW("GET /metrics HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
	struct http_request r;
	size_t n;

	(void)state;
	for (n = 0; n < whole.len; n++)
		assert_int_equal(HTTP_REQUEST_MORE,
		    http_request_parse((struct view){ whole.p, n }, &r));
}

/* A head that takes n bytes. */
static enum http_parse
parse_long(size_t n)
{
	static char text[HTTP_HEAD_MAX + 16];
	static const char begin[] = "GET / HTTP/1.0\r\nX: ";
	struct http_request r;

	memset(text, 'x', sizeof(text));
	memcpy(text, begin, sizeof(begin) - 1);
	memcpy(text + n - 4, "\r\n\r\n", 4);
	return http_request_parse((struct view){ text, n }, &r);
}

static void
a_head_has_its_limit(void **state)
{
	static char endless[HTTP_HEAD_MAX + 1];
	struct http_request r;

	(void)state;
	assert_int_equal(HTTP_REQUEST_OK, parse_long(HTTP_HEAD_MAX));
	assert_int_equal(HTTP_REQUEST_BAD, parse_long(HTTP_HEAD_MAX + 1));
	memset(endless, 'x', sizeof(endless));
	assert_int_equal(HTTP_REQUEST_MORE,
	    http_request_parse((struct view){ endless, HTTP_HEAD_MAX }, &r));
	assert_int_equal(HTTP_REQUEST_BAD,
	    http_request_parse((struct view){ endless, HTTP_HEAD_MAX + 1 },
		&r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_each_case),
		cmocka_unit_test(every_prefix_wants_more),
		cmocka_unit_test(a_head_has_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
