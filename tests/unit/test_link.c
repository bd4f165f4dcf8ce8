/* test_link.c - where links lead is what is served there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/link.h"

#include "expect.h"
#include "place.h"

static struct place place;
static struct links links;

static int
set_up(void **state)
{
	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# A\n"));
	place_write(&place, "d/x.txt", VIEW("x\n"));
	place_write(&place, "d/a b.txt", VIEW("x\n"));
	place_write(&place, "d/index.gmi", VIEW("# D\n"));
	place_load(&place,
	    "[capsule]\nhostname = a.example.org localhost\nroot = capsule\n"
	    "[selectors]\n/ = index.gmi\n/d/ = d/\n/old = @redirect /d/\n"
	    "/now = @redirect-temporary /\n/gone = @gone\n"
	    "/search = @search\n/app/ = @scgi 127.0.0.1:4000\n"
	    "/one = @fastcgi 127.0.0.1:4000\n"
	    "[capsule b]\nhostname = b.example.org\nroot = capsule\n"
	    "[selectors b]\n/only = index.gmi\n");
	if (place.s == NULL)
		return 1;
	link_init(&links, place.s, &place.s->sites[0], 70);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	link_fini(&links);
	place_close(&place);
	return 0;
}

static const struct {
	const char *page, *target;
	enum link_state state;
	const char *to; /* NULL: not looked at */
} uris[] = {
	{ "/", "/", LINK_FINE, "/" },
	{ "/", "", LINK_FINE, "/" },
	{ "/", "?words", LINK_FINE, "/" },
	{ "/d/", "x.txt", LINK_FINE, "/d/x.txt" },
	{ "/d/index.gmi", "x.txt", LINK_FINE, "/d/x.txt" },
	{ "/", "x.txt", LINK_DEAD, "/x.txt" },
	{ "/d/", "../d/./x.txt", LINK_FINE, "/d/x.txt" },
	{ "/d/", "../../../d/x.txt", LINK_FINE, "/d/x.txt" },
	{ "/d/", "%2e%2e/%2e%2e/x", LINK_ABOVE, NULL },
	{ "/d/", "a%20b.txt", LINK_FINE, "/d/a b.txt" },
	{ "/", "/d", LINK_MOVED, "/d" },
	{ "/", "/old", LINK_MOVED, "/old" },
	{ "/", "/now", LINK_MOVED, "/now" },
	{ "/", "/gone", LINK_GONE, "/gone" },
	{ "/", "/caps.txt", LINK_DEAD, "/caps.txt" },
	{ "/", "/search?x", LINK_FINE, "/search" },
	{ "/", "/app", LINK_MOVED, "/app" },
	{ "/", "/app/", LINK_FINE, "/app/" },
	{ "/", "/app/some/where?words", LINK_FINE, "/app/some/where" },
	{ "/", "/apple", LINK_DEAD, "/apple" },
	{ "/", "/one", LINK_FINE, "/one" },
	{ "/", "/one/below", LINK_DEAD, "/one/below" },
	{ "/", "gopher://a.example.org/1/app/x", LINK_FINE, "/app/x" },
	{ "/", "//A.example.org./d/", LINK_FINE, "/d/" },
	{ "/", "gemini://localhost:1965/d/", LINK_FINE, "/d/" },
	{ "/", "gemini://localhost:1966/n", LINK_AWAY, NULL },
	{ "/", "gemini://u@localhost/n", LINK_AWAY, NULL },
	{ "/", "gemini://elsewhere.example.org/n", LINK_AWAY, NULL },
	{ "/", "gemini://b.example.org/only", LINK_FINE, "/only" },
	{ "/", "gemini://b.example.org/d/", LINK_DEAD, "/d/" },
	{ "/", "https://a.example.org/n", LINK_AWAY, NULL },
	{ "/", "mailto:a@example.org", LINK_AWAY, NULL },
	{ "/", "gopher://a.example.org/0/d/x.txt", LINK_FINE, "/d/x.txt" },
	{ "/", "gopher://a.example.org/1/d", LINK_FINE, "/d" },
	{ "/", "gopher://a.example.org/0caps.txt", LINK_FINE, "/caps.txt" },
	{ "/", "gopher://a.example.org/1/n", LINK_DEAD, "/n" },
	{ "/", "gopher://a.example.org:71/1/n", LINK_AWAY, NULL },
	{ "/", "gopher://b.example.org/1/n", LINK_AWAY, NULL },
	{ "/", "gemini:///x", LINK_BAD, NULL },
	{ "/", "http://[", LINK_BAD, NULL },
};

static void
a_target_in_gemtext_is_resolved_and_looked_up(void **state)
{
	struct link link;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(uris); i++) {
		links.selector = view_of(uris[i].page);
		link = link_of_uri(&links, view_of(uris[i].target));
		if (link.state != uris[i].state)
			fail_msg("%s: state %d, want %d", uris[i].target,
			    (int)link.state, (int)uris[i].state);
		if (uris[i].to != NULL)
			expect_view(uris[i].target, link.target,
			    view_of(uris[i].to));
		assert_int_equal(link.is_there && link.site != NULL,
		    link.is_there);
	}
}

static const struct {
	const char *page, *line;
	enum link_state state;
	const char *to;
} items[] = {
	{ "/", "1A\t/d/", LINK_FINE, "/d/" },
	{ "/", "1A\td/", LINK_FINE, "/d/" },
	{ "/d/", "0x.txt\t", LINK_FINE, "/d/x.txt" },
	{ "/d/index.gmi", "0x.txt\t", LINK_FINE, "/d/x.txt" },
	{ "/d/", "0A\ta b.txt", LINK_FINE, "/d/a b.txt" },
	{ "/d/", "1A\t..", LINK_FINE, "/" },
	{ "/d/", "1A\t../../x", LINK_ABOVE, NULL },
	{ "/", "1A\t/d", LINK_FINE, "/d" },
	{ "/", "0A\t/d/x.txt/", LINK_FINE, "/d/x.txt" },
	{ "/", "1A\t/n", LINK_DEAD, "/n" },
	{ "/", "1A\t/old", LINK_MOVED, "/old" },
	{ "/", "1A\t/gone", LINK_GONE, "/gone" },
	{ "/", "1A\t/search?x", LINK_FINE, "/search" },
	{ "/", "1A\t/d/?x", LINK_DEAD, "/d/?x" },
	{ "/", "1A\t/app/x", LINK_FINE, "/app/x" },
	{ "/", "1A\tapp/x", LINK_FINE, "/app/x" },
	{ "/", "1A\t/app", LINK_FINE, "/app" },
	{ "/", "1A\t/app?x", LINK_FINE, "/app" },
	{ "/", "1A\t/one?x", LINK_FINE, "/one" },
	{ "/", "1A\t/n\ta.example.org", LINK_DEAD, "/n" },
	{ "/", "1A\tn\tA.example.org\t70", LINK_DEAD, "/n" },
	{ "/", "1A\t/n\ta.example.org\t71", LINK_AWAY, NULL },
	{ "/", "1A\t/n\tb.example.org", LINK_AWAY, NULL },
	{ "/", "8A\tguest", LINK_AWAY, NULL },
	{ "/", "hA\tURL:https://example.org/", LINK_AWAY, NULL },
	{ "/", "hA\t/URL:gemini://localhost/n", LINK_DEAD, "/n" },
};

static void
an_item_of_a_gophermap_is_completed_and_looked_up(void **state)
{
	struct gophermap_line line;
	struct gophermap at;
	struct link link;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(items); i++) {
		at = (struct gophermap){ view_of(items[i].line), 0, false };
		assert_true(gophermap_next(&at, &line));
		links.selector = view_of(items[i].page);
		link = link_of_item(&links, &line);
		if (link.state != items[i].state)
			fail_msg("%s: state %d, want %d", items[i].line,
			    (int)link.state, (int)items[i].state);
		if (items[i].to != NULL)
			expect_view(items[i].line, link.target,
			    view_of(items[i].to));
	}
}

static void
a_redirect_says_where_to(void **state)
{
	struct link link;

	(void)state;
	links.selector = VIEW("/");
	link = link_of_uri(&links, VIEW("/old"));
	expect_view("/old", link.moved, VIEW("/d/"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_in_gemtext_is_resolved_and_looked_up),
		cmocka_unit_test(
		    an_item_of_a_gophermap_is_completed_and_looked_up),
		cmocka_unit_test(a_redirect_says_where_to),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
