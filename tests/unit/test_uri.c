/* test_uri.c - RFC 3986, byte by byte, and what may be served of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/uri.h"
#include "expect.h"

#define OUT_MAX 4096 /* bytes that any result here may have */

static enum uri_result
parse(const char *text, struct uri *u)
{
	return uri_parse(view_of(text), u);
}

/* NULL: the part is not there; scheme and host have no flag of their own. */
static const struct {
	const char *text;
	const char *scheme, *userinfo, *host, *port, *path, *query, *fragment;
} parts[] = {
	{ "gemini://example.org/a/b?q#f", "gemini", NULL, "example.org", NULL,
	    "/a/b", "q", "f" },
	{ "gemini://example.org", "gemini", NULL, "example.org", NULL, "", NULL,
	    NULL },
	{ "gemini://example.org?q", "gemini", NULL, "example.org", NULL, "",
	    "q", NULL },
	{ "gemini://example.org#f", "gemini", NULL, "example.org", NULL, "",
	    NULL, "f" },
	{ "gemini://h:1965/", "gemini", NULL, "h", "1965", "/", NULL, NULL },
	{ "gemini://h:/", "gemini", NULL, "h", "", "/", NULL, NULL },
	{ "gemini://h:0/", "gemini", NULL, "h", "0", "/", NULL, NULL },
	{ "gemini://h:0070/", "gemini", NULL, "h", "0070", "/", NULL, NULL },
	{ "gemini://u@h/", "gemini", "u", "h", NULL, "/", NULL, NULL },
	{ "gemini://@h/", "gemini", "", "h", NULL, "/", NULL, NULL },
	{ "gemini://u:p%20w@h:1/", "gemini", "u:p%20w", "h", "1", "/", NULL,
	    NULL },
	{ "gemini:///x", "gemini", NULL, "", NULL, "/x", NULL, NULL },
	{ "gemini:/x", "gemini", NULL, NULL, NULL, "/x", NULL, NULL },
	{ "mailto:a@b", "mailto", NULL, NULL, NULL, "a@b", NULL, NULL },
	{ "a+b-c.1:x", "a+b-c.1", NULL, NULL, NULL, "x", NULL, NULL },
	{ "x:", "x", NULL, NULL, NULL, "", NULL, NULL },
	{ "//h/p", "", NULL, "h", NULL, "/p", NULL, NULL },
	{ "/a/b", "", NULL, NULL, NULL, "/a/b", NULL, NULL },
	{ "a/b:c", "", NULL, NULL, NULL, "a/b:c", NULL, NULL },
	{ "./b:c", "", NULL, NULL, NULL, "./b:c", NULL, NULL },
	{ "", "", NULL, NULL, NULL, "", NULL, NULL },
	{ "?", "", NULL, NULL, NULL, "", "", NULL },
	{ "#", "", NULL, NULL, NULL, "", NULL, "" },
	{ "?a?b/c#d?e/f", "", NULL, NULL, NULL, "", "a?b/c", "d?e/f" },
	{ "g://h/a//b//", "g", NULL, "h", NULL, "/a//b//", NULL, NULL },
	{ "g://h//", "g", NULL, "h", NULL, "//", NULL, NULL },
	{ "g://[::1]/", "g", NULL, "[::1]", NULL, "/", NULL, NULL },
	{ "g://[::1]:70/", "g", NULL, "[::1]", "70", "/", NULL, NULL },
	{ "g://[::ffff:192.0.2.1]", "g", NULL, "[::ffff:192.0.2.1]", NULL, "",
	    NULL, NULL },
	{ "g://[2001:db8:1:2:3:4:5:6]", "g", NULL, "[2001:db8:1:2:3:4:5:6]",
	    NULL, "", NULL, NULL },
	{ "g://[v1.a:b]/", "g", NULL, "[v1.a:b]", NULL, "/", NULL, NULL },
	{ "g://[Vf0.~]/", "g", NULL, "[Vf0.~]", NULL, "/", NULL, NULL },
	{ "g://192.0.2.1/", "g", NULL, "192.0.2.1", NULL, "/", NULL, NULL },
	{ "g://999.0.2.1/", "g", NULL, "999.0.2.1", NULL, "/", NULL, NULL },
	{ "g://a%2Fb/", "g", NULL, "a%2Fb", NULL, "/", NULL, NULL },
};

static void
expect_part(const char *text, bool has, struct view got, const char *want)
{
	if (has != (want != NULL))
		fail_msg("\"%s\": a part is %sthere", text, has ? "" : "not ");
	expect_view(text, got, view_of(want));
}

static void
takes_a_reference_apart(void **state)
{
	struct view text;
	struct uri u;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(parts); i++) {
		const char *name = parts[i].text;

		text = exact(view_of(name));
		if (uri_parse(text, &u) != URI_OK)
			fail_msg("\"%s\" was refused", name);
		expect_part(name, true, u.scheme, parts[i].scheme);
		expect_part(name, u.has_userinfo, u.userinfo,
		    parts[i].userinfo);
		expect_part(name, u.has_authority, u.host, parts[i].host);
		expect_part(name, u.has_port, u.port, parts[i].port);
		expect_part(name, true, u.path, parts[i].path);
		expect_part(name, u.has_query, u.query, parts[i].query);
		expect_part(name, u.has_fragment, u.fragment,
		    parts[i].fragment);
		loose(text);
	}
}

static const char *const malformed[] = {
	":",
	":a",
	"://h/",
	"1a:b",
	"-a:b",
	"a_b:c",
	"a b:c",
	"a%20:b",
	"a:b c",
	" gemini://h/",
	"gemini://h/ ",
	"gemini://h/\t",
	"gemini://h/\r",
	"gemini://h/\n",
	"gemini://h/\x7f",
	"gemini://h/\x80",
	"gemini://h/\xc3\xa9",
	"gemini://h\xc3\xa9/",
	"\xef\xbb\xbfgemini://h/",
	"gemini://h/%",
	"gemini://h/%2",
	"gemini://h/%zz",
	"gemini://h/%2g",
	"gemini://h/%g2",
	"gemini://h/%%20",
	"gemini://h/?%",
	"gemini://h/?%2",
	"gemini://h/#%",
	"gemini://h%/",
	"gemini://h%2/",
	"gemini://u%@h/",
	"gemini://h/?a b",
	"gemini://h/#a#b",
	"gemini://h/a[b",
	"gemini://h/a]b",
	"gemini://h/a\\b",
	"gemini://h/a^b",
	"gemini://h/a`b",
	"gemini://h/a{b",
	"gemini://h/a|b",
	"gemini://h/a}b",
	"gemini://h/a\"b",
	"gemini://h/<a>",
	"gemini://a@b@c/",
	"gemini://u[@h/",
	"gemini://h:70a/",
	"gemini://h:-1/",
	"gemini://h:+1/",
	"gemini://h:1:2/",
	"gemini://h: 1/",
	"gemini://h:%37%30/",
	"gemini://::1/",
	"gemini://[/",
	"gemini://]/",
	"gemini://[]/",
	"gemini://[::1/",
	"gemini://::1]/",
	"gemini://[::1]x/",
	"gemini://[::1]]/",
	"gemini://x[::1]/",
	"gemini://[[::1]]/",
	"gemini://[::1%25lo]/",
	"gemini://[::1%lo]/",
	"gemini://[1:2:3:4:5:6:7]/",
	"gemini://[1:2:3:4:5:6:7:8:9]/",
	"gemini://[1::2::3]/",
	"gemini://[12345::]/",
	"gemini://[::192.0.2.256]/",
	"gemini://[::192.0.2]/",
	"gemini://[192.0.2.1]/",
	"gemini://[1111:2222:3333:4444:5555:6666:7777:8888:192.0.2.100]/",
	/* as long as the longest spelling and its NUL */
	"gemini://[0000:0000:0000:0000:0000:ffff:255.255.255.2555]/",
	"gemini://[v1]/",
	"gemini://[v1.]/",
	"gemini://[v.a]/",
	"gemini://[vg.a]/",
	"gemini://[v1.a/b]/",
	"gemini://[v1.%41]/",
};

static void
refuses_what_the_grammar_does_not_have(void **state)
{
	struct uri u = { .path = VIEW_INIT("kept") };
	struct view text;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(malformed); i++) {
		text = exact(view_of(malformed[i]));
		if (uri_parse(text, &u) != URI_BAD)
			fail_msg("\"%s\" was taken", malformed[i]);
		expect_view(malformed[i], u.path, VIEW("kept"));
		loose(text);
	}
}

#define LETTERS                                                                \
	"abcdefghijklmnopqrstuvwxyz"                                           \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define UNRESERVED LETTERS "0123456789-._~"
#define SUB_DELIMS "!$&'()*+,;="

/* Where a byte is put, and the ones that leave a reference valid there. */
static const struct {
	const char *before, *after, *valid;
} places[] = {
	{ "", ":x", LETTERS "/?#" },
	/* A ":" in front is an end of the scheme, "@" would be a path's. */
	{ "a", "b:x", LETTERS "0123456789+-.:/?#" },
	{ "g://a", "b/", UNRESERVED SUB_DELIMS "@/?#" },
	{ "g://a", "b@h/", UNRESERVED SUB_DELIMS ":/?#" },
	{ "g://h:1", "2/", "0123456789/?#@" },
	{ "g://[v1.", "]/", UNRESERVED SUB_DELIMS ":" },
	{ "g://h/a", "b", UNRESERVED SUB_DELIMS ":@/?#" },
	{ "/a", "b", UNRESERVED SUB_DELIMS ":@/?#" },
	{ "a", "b", UNRESERVED SUB_DELIMS ":@/?#" },
	{ "g://h/?a", "b", UNRESERVED SUB_DELIMS ":@/?#" },
	{ "g://h/#a", "b", UNRESERVED SUB_DELIMS ":@/?" },
};

static void
every_byte_is_right_or_wrong_in_its_place(void **state)
{
	char text[64];
	struct uri u;
	size_t i, len;
	int byte;
	bool valid;

	(void)state;
	for (i = 0; i < N_OF(places); i++)
		for (byte = 0; byte < 256; byte++) {
			len = (size_t)snprintf(text, sizeof(text), "%s?%s",
			    places[i].before, places[i].after);
			text[strlen(places[i].before)] = (char)byte;
			valid =
			    byte != 0 && strchr(places[i].valid, byte) != NULL;
			if ((uri_parse((struct view){ text, len }, &u) ==
				URI_OK) != valid)
				fail_msg("%s[0x%02x]%s is wrongly %s",
				    places[i].before, (unsigned)byte,
				    places[i].after,
				    valid ? "refused" : "taken");
		}
}

static void
a_percent_wants_two_hex_digits(void **state)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	char text[] = "/%..";
	struct uri u;
	int a, b;
	bool valid;

	(void)state;
	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			text[2] = (char)a;
			text[3] = (char)b;
			valid = a != 0 && b != 0 && strchr(hex, a) != NULL &&
			    strchr(hex, b) != NULL;
			if ((uri_parse((struct view){ text, 4 }, &u) ==
				URI_OK) != valid)
				fail_msg("%%%02x%02x", (unsigned)a,
				    (unsigned)b);
		}
}

static void
a_port_is_at_most_65535(void **state)
{
	struct uri u;

	(void)state;
	assert_int_equal(parse("g://h:65535/", &u), URI_OK);
	assert_int_equal(parse("g://h:65536/", &u), URI_BAD);
	assert_int_equal(parse("g://h:00000065535/", &u), URI_OK);
	assert_int_equal(parse("g://h:99999999999999999999/", &u), URI_BAD);
}

/* -- resolving -- */

#define BASE "http://a/b/c/d;p?q"

static const struct {
	const char *base, *ref, *want;
} resolutions[] = {
	/* RFC 3986 5.4.1, normal examples */
	{ BASE, "g:h", "g:h" },
	{ BASE, "g", "http://a/b/c/g" },
	{ BASE, "./g", "http://a/b/c/g" },
	{ BASE, "g/", "http://a/b/c/g/" },
	{ BASE, "/g", "http://a/g" },
	{ BASE, "//g", "http://g" },
	{ BASE, "?y", "http://a/b/c/d;p?y" },
	{ BASE, "g?y", "http://a/b/c/g?y" },
	{ BASE, "#s", "http://a/b/c/d;p?q#s" },
	{ BASE, "g#s", "http://a/b/c/g#s" },
	{ BASE, "g?y#s", "http://a/b/c/g?y#s" },
	{ BASE, ";x", "http://a/b/c/;x" },
	{ BASE, "g;x", "http://a/b/c/g;x" },
	{ BASE, "g;x?y#s", "http://a/b/c/g;x?y#s" },
	{ BASE, "", "http://a/b/c/d;p?q" },
	{ BASE, ".", "http://a/b/c/" },
	{ BASE, "./", "http://a/b/c/" },
	{ BASE, "..", "http://a/b/" },
	{ BASE, "../", "http://a/b/" },
	{ BASE, "../g", "http://a/b/g" },
	{ BASE, "../..", "http://a/" },
	{ BASE, "../../", "http://a/" },
	{ BASE, "../../g", "http://a/g" },
	/* RFC 3986 5.4.2, abnormal examples */
	{ BASE, "../../../g", "http://a/g" },
	{ BASE, "../../../../g", "http://a/g" },
	{ BASE, "/./g", "http://a/g" },
	{ BASE, "/../g", "http://a/g" },
	{ BASE, "g.", "http://a/b/c/g." },
	{ BASE, ".g", "http://a/b/c/.g" },
	{ BASE, "g..", "http://a/b/c/g.." },
	{ BASE, "..g", "http://a/b/c/..g" },
	{ BASE, "./../g", "http://a/b/g" },
	{ BASE, "./g/.", "http://a/b/c/g/" },
	{ BASE, "g/./h", "http://a/b/c/g/h" },
	{ BASE, "g/../h", "http://a/b/c/h" },
	{ BASE, "g;x=1/./y", "http://a/b/c/g;x=1/y" },
	{ BASE, "g;x=1/../y", "http://a/b/c/y" },
	{ BASE, "g?y/./x", "http://a/b/c/g?y/./x" },
	{ BASE, "g?y/../x", "http://a/b/c/g?y/../x" },
	{ BASE, "g#s/./x", "http://a/b/c/g#s/./x" },
	{ BASE, "g#s/../x", "http://a/b/c/g#s/../x" },
	{ BASE, "http:g", "http:g" },
	/* an authority without a path, 5.2.3 */
	{ "gemini://h", "g", "gemini://h/g" },
	{ "gemini://h?q", "../g", "gemini://h/g" },
	{ "gemini://h?q", "", "gemini://h?q" },
	{ "gemini://u@h:70/a", "b", "gemini://u@h:70/b" },
	{ "gemini://@h:/a", "b", "gemini://@h:/b" },
	{ "gemini://h/a", "//[::1]:70/b", "gemini://[::1]:70/b" },
	{ "gemini://h/a", "x://i/../b?c#d", "x://i/b?c#d" },
	/* empty segments stay */
	{ "gemini://h/a//b", "c", "gemini://h/a//c" },
	{ "gemini://h/a//b", "../c", "gemini://h/a/c" },
	{ "gemini://h/", "/a//./b//..//", "gemini://h/a//b//" },
	/* a base that is only a path */
	{ "/a/b", "c", "/a/c" },
	{ "/a/b", "../../c?d", "/c?d" },
	{ "/a/b", "//h/c", "//h/c" },
	{ "/a/b", "gemini://h/c", "gemini://h/c" },
	{ "/a/b", "#c", "/a/b#c" },
	{ "/", "..", "/" },
	/* what would be misread without a dot segment in front */
	{ "/a/b", "..//c", "/.//c" },
	{ "x:/a", ".//c", "x:/.//c" },
	{ "a/b", "./x:y", "a/x:y" },
	{ "b", "./x:y/z", "./x:y/z" },
	{ "b", "./y/x:z", "y/x:z" },
	{ "b", ".", "" },
	{ "b", "..", "" },
	{ "x:b", "..", "x:" },
	{ "x:b", "./y:z", "x:y:z" },
};

static void
resolves_as_the_rfc_says(void **state)
{
	struct uri base, ref;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(resolutions); i++) {
		assert_int_equal(parse(resolutions[i].base, &base), URI_OK);
		assert_int_equal(parse(resolutions[i].ref, &ref), URI_OK);
		uri_resolve(&out, &base, &ref);
		expect_written(resolutions[i].ref, &out, resolutions[i].want);
	}
	buf_fini(&out);
}

static void
resolving_appends_and_respects_the_cap(void **state)
{
	static const char want[] = "=> http://a/b/g?y#s";
	struct uri base, ref;
	struct buf out;
	size_t max;

	(void)state;
	assert_int_equal(parse(BASE, &base), URI_OK);
	assert_int_equal(parse("../g?y#s", &ref), URI_OK);
	for (max = 0; max < 40; max++) {
		buf_init(&out, max);
		buf_puts(&out, "=> ");
		uri_resolve(&out, &base, &ref);
		assert_true(out.len <= max);
		if (!out.failed)
			expect_view("whole", buf_view(&out), view_of(want));
		/* Dots are removed at the end, so some more is needed. */
		if (max < strlen(want))
			assert_true(out.failed);
		if (max >= strlen(want) + 5)
			assert_false(out.failed);
		buf_fini(&out);
	}
}

/* -- selectors -- */

static const struct {
	const char *path, *want; /* NULL: refused */
} selectors[] = {
	{ "", "/" },
	{ "/", "/" },
	{ "/a", "/a" },
	{ "/a/", "/a/" },
	{ "/a/b", "/a/b" },
	{ "//", "//" },
	{ "//a", "//a" },
	{ "/a//b", "/a//b" },
	{ "/a///", "/a///" },
	{ "/.", "/" },
	{ "/./", "/" },
	{ "/a/.", "/a/" },
	{ "/a/./b", "/a/b" },
	{ "/a/..", "/" },
	{ "/a/../", "/" },
	{ "/a/../b", "/b" },
	{ "/a/b/../../c", "/c" },
	{ "/a/b/..", "/a/" },
	{ "/a//..", "/a/" },
	{ "//..", "/" },
	{ "/...", "/..." },
	{ "/.a", "/.a" },
	{ "/a..", "/a.." },
	{ "/%2e", "/" },
	{ "/a/%2E%2e", "/" },
	{ "/a/.%2e/b", "/b" },
	{ "/a/%2e%2e/b", "/b" },
	{ "/%252e%252e", "/%2e%2e" },
	{ "/a%20b", "/a b" },
	{ "/a+b", "/a+b" },
	{ "/%C3%A9", "/\xc3\xa9" },
	{ "/%09%0a%0d", "/\t\n\r" },
	{ "/%5c..%5c", "/\\..\\" },
	{ "/%25", "/%" },
	{ "/%252F", "/%2F" },
	{ "/%7e", "/~" },
	{ "/a;b=c,d", "/a;b=c,d" },
	{ "/..", NULL },
	{ "/../", NULL },
	{ "/../../", NULL },
	{ "/../a", NULL },
	{ "/a/../..", NULL },
	{ "/a/../../a", NULL },
	{ "/./..", NULL },
	{ "/%2e%2e", NULL },
	{ "/%2e%2e/a", NULL },
	{ "/.%2E", NULL },
	{ "/a/%2e%2e/%2e%2e/", NULL },
	{ "/%2F", NULL },
	{ "/a%2fb", NULL },
	{ "/..%2f", NULL },
	{ "/a/..%2f..", NULL },
	{ "/%00", NULL },
	{ "/a%00", NULL },
	{ "/a/%00/../b", NULL },
	{ "/a%2f/../b", NULL },
	{ "/%", NULL },
	{ "/%2", NULL },
	{ "/%zz", NULL },
	{ "/%zz/../a", NULL },
	{ "a", NULL },
	{ "..", NULL },
	{ "%2fa", NULL },
};

static void
a_path_names_one_selector_or_none(void **state)
{
	struct buf out;
	struct view path;
	enum uri_result got;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(selectors); i++) {
		path = exact(view_of(selectors[i].path));
		buf_puts(&out, "before");
		got = uri_path_to_selector(&out, path);
		if ((got == URI_OK) != (selectors[i].want != NULL))
			fail_msg("\"%s\": wrong result", selectors[i].path);
		expect_view(selectors[i].path, view_skip(buf_view(&out), 6),
		    view_of(selectors[i].want));
		expect_view("before", (struct view){ out.p, 6 },
		    VIEW("before"));
		buf_reset(&out);
		loose(path);
	}
	buf_fini(&out);
}

static void
every_selector_survives_its_encoding(void **state)
{
	char selector[] = "/a ?b";
	struct buf encoded, back;
	struct uri u;
	int byte;

	(void)state;
	buf_init(&encoded, OUT_MAX);
	buf_init(&back, OUT_MAX);
	for (byte = 1; byte < 256; byte++) {
		selector[3] = (char)byte;
		uri_encode_path(&encoded, view_of(selector));
		assert_int_equal(uri_parse(buf_view(&encoded), &u), URI_OK);
		expect_view("all of it is path", u.path, buf_view(&encoded));
		assert_int_equal(uri_path_to_selector(&back, u.path), URI_OK);
		expect_written("round trip", &back, selector);
		buf_reset(&encoded);
	}
	buf_fini(&encoded);
	buf_fini(&back);
}

static void
a_path_is_encoded_only_where_it_must(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	uri_encode_path(&out, VIEW("/a-._~!$&'()*+,;=:@/z09AZ"));
	expect_written("kept", &out, "/a-._~!$&'()*+,;=:@/z09AZ");
	uri_encode_path(&out, VIEW("/ \"#%<>?[\\]^`{|}\x7f\xc3\xa9"));
	expect_written("encoded", &out,
	    "/%20%22%23%25%3C%3E%3F%5B%5C%5D%5E%60%7B%7C%7D%7F%C3%A9");
	uri_encode_path(&out, VIEW("/a\0b\t"));
	expect_written("controls", &out, "/a%00b%09");
	buf_fini(&out);
}

/* -- components -- */

static void
a_component_decodes_to_what_it_was(void **state)
{
	char all[256];
	struct buf encoded, back;
	struct uri u;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	buf_init(&encoded, OUT_MAX);
	buf_init(&back, OUT_MAX);
	buf_putc(&encoded, '?');
	uri_encode_component(&encoded, (struct view){ all, sizeof(all) });
	assert_int_equal(uri_parse(buf_view(&encoded), &u), URI_OK);
	assert_int_equal(encoded.len, 1 + 66 + (256 - 66) * 3);
	assert_int_equal(uri_decode(&back, u.query), URI_OK);
	expect_view("all bytes", buf_view(&back),
	    (struct view){ all, sizeof(all) });
	buf_fini(&encoded);
	buf_fini(&back);
}

static void
decoding_is_strict_and_done_once(void **state)
{
	static const char *const bad[] = { "%", "a%", "%a", "%a%", "%zz",
		"ok%20%2", "%%41" };
	struct view text;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(uri_decode(&out, VIEW("a+b%20%2B%2520%c3%A9")),
	    URI_OK);
	expect_written("good", &out, "a+b +%20\xc3\xa9");
	for (i = 0; i < N_OF(bad); i++) {
		text = exact(view_of(bad[i]));
		buf_puts(&out, "kept");
		assert_int_equal(uri_decode(&out, text), URI_BAD);
		expect_written(bad[i], &out, "kept");
		loose(text);
	}
	buf_fini(&out);
}

/* -- hosts -- */

static const struct {
	const char *host, *want; /* NULL: refused */
} hosts[] = {
	{ "example.org", "example.org" },
	{ "EXAMPLE.Org", "example.org" },
	{ "example.org.", "example.org" },
	{ "example.org..", "example.org." },
	{ "ex%41mple.org%2E", "example.org" },
	{ "%c3%89cole.example", "xn--cole-9oa.example" },
	{ "XN--cole-9OA.example.", "xn--cole-9oa.example" },
	{ "\xc3\xa9"
	  "cole.example",
	    "xn--cole-9oa.example" },
	{ "%c3cole.example", NULL },
	{ "%c3%a9%00.example", NULL },
	{ "%c3%a9%2f.example", NULL },
	{ "192.0.2.1", "192.0.2.1" },
	{ "[::1]", "[::1]" },
	{ "[0:0:0:0:0:0:0:1]", "[::1]" },
	{ "[2001:DB8::A]", "[2001:db8::a]" },
	{ "[2001:0db8:0:0::a]", "[2001:db8::a]" },
	{ "[V1.A]", "[v1.a]" },
	{ "[", "[" },
	{ "", NULL },
	{ ".", NULL },
	{ "%2e", NULL },
	{ "a%", NULL },
	{ "a%4", NULL },
};

static void
hosts_compare_in_one_form(void **state)
{
	struct buf out;
	struct view host;
	size_t i;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(hosts); i++) {
		host = exact(view_of(hosts[i].host));
		buf_puts(&out, "//");
		if ((uri_normalise_host(&out, host) == URI_OK) !=
		    (hosts[i].want != NULL))
			fail_msg("\"%s\": wrong result", hosts[i].host);
		expect_view(hosts[i].host, view_skip(buf_view(&out), 2),
		    view_of(hosts[i].want));
		buf_reset(&out);
		loose(host);
	}
	buf_fini(&out);
}

static void
a_host_is_at_most_253_bytes(void **state)
{
	char host[URI_HOST_MAX + 3];
	struct buf out;

	(void)state;
	memset(host, 'h', sizeof(host));
	buf_init(&out, OUT_MAX);
	assert_int_equal(uri_normalise_host(&out,
			     (struct view){ host, URI_HOST_MAX }),
	    URI_OK);
	assert_int_equal(out.len, URI_HOST_MAX);
	buf_reset(&out);
	assert_int_equal(uri_normalise_host(&out,
			     (struct view){ host, URI_HOST_MAX + 1 }),
	    URI_BAD);
	assert_int_equal(out.len, 0);
	host[URI_HOST_MAX] = '.';
	assert_int_equal(uri_normalise_host(&out,
			     (struct view){ host, URI_HOST_MAX + 1 }),
	    URI_OK);
	assert_int_equal(out.len, URI_HOST_MAX);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_reference_apart),
		cmocka_unit_test(refuses_what_the_grammar_does_not_have),
		cmocka_unit_test(every_byte_is_right_or_wrong_in_its_place),
		cmocka_unit_test(a_percent_wants_two_hex_digits),
		cmocka_unit_test(a_port_is_at_most_65535),
		cmocka_unit_test(resolves_as_the_rfc_says),
		cmocka_unit_test(resolving_appends_and_respects_the_cap),
		cmocka_unit_test(a_path_names_one_selector_or_none),
		cmocka_unit_test(every_selector_survives_its_encoding),
		cmocka_unit_test(a_path_is_encoded_only_where_it_must),
		cmocka_unit_test(a_component_decodes_to_what_it_was),
		cmocka_unit_test(decoding_is_strict_and_done_once),
		cmocka_unit_test(hosts_compare_in_one_form),
		cmocka_unit_test(a_host_is_at_most_253_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
