/*
 * test_loader.c - what the map and the files become, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "site/beneath.h"
#include "site/folder.h"
#include "site/map.h"
#include "site/pages.h"
#include "site/prepare.h"

#include "place.h"
#include "site/catalog.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define NOT_FOUND "3Not found\t\terror.host\t1\r\n.\r\n"

#define HEAD                                                                   \
	"[capsule]\nhostname = capsule.example.org\nroot = capsule\n"          \
	"title = The institute\nadmin = a@example.org\nlanguage = en\n"        \
	"[selectors]\n" /* what follows it stands at line 8 */

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

static const struct entry *
entry(const struct place *p, const char *selector)
{
	if (p->s == NULL)
		fail_msg("not loaded: %s", p->told);
	return place_find(p, selector);
}

static void
expect(const char *what, struct view got, const char *want)
{
	if (!view_eq(got, view_of(want)))
		fail_msg("%s: got \"%.*s\", want \"%s\"", what, VIEW_ARG(got),
		    want);
}

static void
expect_gemini(const struct place *p, const char *selector, const char *want)
{
	const struct entry *e = entry(p, selector);

	if (e == NULL)
		fail_msg("%s: no entry", selector);
	else
		expect(selector, e->gemini.bytes, want);
}

static void
expect_gopher(const struct place *p, const char *selector, const char *want)
{
	const struct entry *e = entry(p, selector);

	if (e == NULL)
		fail_msg("%s: no entry", selector);
	else
		expect(selector, e->gopher.bytes, want);
}

/* What is left out is told, and refuses nothing. */
static void
expect_warned(const struct place *p, const char *want)
{
	if (p->s == NULL)
		fail_msg("not loaded: %s", p->told);
	assert_string_equal(p->told, "");
	assert_string_equal(p->warned, want);
}

/* -- what files become -- */

static void
gemtext_loses_its_mark_and_its_carriage_returns(void **state)
{
	struct place *p = *state;

	place_write(p, "index.gmi", VIEW("\357\273\277# A\r\nb\rc\r\n"));
	place_load(p, HEAD "/ = index.gmi\n");
	expect_gemini(p, "/", "20 text/gemini;lang=en\r\n# A\nb\rc\n");
}

static void
an_empty_page_is_a_page(void **state)
{
	struct place *p = *state;

	place_write(p, "index.gmi", VIEW(""));
	place_load(p, HEAD "/ = index.gmi\n");
	expect_gemini(p, "/", "20 text/gemini;lang=en\r\n");
	expect_gopher(p, "/", ".\r\n");
}

static void
text_is_raw_to_gemini_and_has_line_ends_for_gopher(void **state)
{
	struct place *p = *state;

	place_write(p, "a.txt", VIEW("\357\273\277a\nb\n"));
	place_write(p, "b.txt", VIEW("a\r\nb\r\n"));
	place_load(p, HEAD "/a = a.txt\n/b = b.txt\n");
	expect_gemini(p, "/a", "20 text/plain\r\na\nb\n");
	expect_gopher(p, "/a", "a\r\nb\r\n");
	/* What needs no change is not held twice. */
	expect_gemini(p, "/b", "20 text/plain\r\na\r\nb\r\n");
	assert_ptr_equal(entry(p, "/b")->gopher.bytes.p,
	    entry(p, "/b")->gemini.bytes.p + strlen("20 text/plain\r\n"));
}

static void
items_have_the_type_of_what_they_lead_to(void **state)
{
	struct place *p = *state;

	place_write(p, "index.gmi",
	    VIEW("=> a.txt\n=> /z.png\n=> /files\n=> files/x.gmi/\n"
		 "=> gone\n=> nope\n=> gemini://CAPSULE.example.org/a.txt\n"));
	place_write(p, "a.txt", VIEW("a\n"));
	place_write(p, "z.png", VIEW("z"));
	place_write(p, "files/x.gmi", VIEW("x\n"));
	place_write(p, "files/index.gmi", VIEW("i\n"));
	place_load(p,
	    HEAD "/ = index.gmi\n/a.txt = a.txt\n/z.png = z.png\n"
		 "/files/ = files/\n/gone = @gone\n");
#define AT "\tcapsule.example.org\t70\r\n"
	expect_gopher(p, "/",
	    "0a.txt\t/a.txt" AT "I/z.png\t/z.png" AT "1/files\t/files" AT
	    "1files/x.gmi/\t/files/x.gmi/" AT "1gone\t/gone" AT
	    "1nope\t/nope" AT "0gemini://CAPSULE.example.org/a.txt\t/a.txt" AT
	    ".\r\n");
#undef AT
}

static void
a_gophermap_answers_gopher_and_its_gemtext_gemini(void **state)
{
	static const char *const maps[] = { "/ = x.gmi\n", "/ = x.gophermap\n",
		"/x.gmi = x.gmi\n/ = x.gophermap\n" };
	struct place *p = *state;
	size_t i;

	place_write(p, "x.gmi", VIEW("gemtext\n"));
	place_write(p, "x.gophermap", VIEW("map\n"));
	for (i = 0; i < N_OF(maps); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s%s", HEAD, maps[i]);
		place_load(p, text);
		expect_gemini(p, "/", "20 text/gemini;lang=en\r\ngemtext\n");
		expect_gopher(p, "/", "imap\t\t\t0\r\n.\r\n");
	}
}

static void
a_gophermap_alone_answers_both(void **state)
{
	struct place *p = *state;

	place_write(p, "x.gophermap", VIEW("=> map\n1A\t/a\n"));
	place_write(p, "a.gmi", VIEW("a\n"));
	place_load(p, HEAD "/ = x.gophermap\n/a = a.gmi\n");
	expect_gemini(p, "/",
	    "20 text/gemini;lang=en\r\n```text\n=> map\n```\n=> /a A\n");
	expect_gopher(p, "/",
	    "i=> map\t\t\t0\r\n1A\t/a\tcapsule.example.org\t70\r\n.\r\n");
}

static void
a_star_lists_what_else_the_folder_holds(void **state)
{
	struct place *p = *state;

	place_write(p, "f/index.gophermap", VIEW("*\n"));
	place_write(p, "f/b.txt", VIEW("b\n"));
	place_write(p, "f/a.gmi", VIEW("## The title\n"));
	place_write(p, "f/c.gmi", VIEW("c\n"));
	place_write(p, "f/c.gophermap", VIEW("c\n"));
	place_write(p, "f/.well-known/security.txt", VIEW("s\n"));
	place_write(p, "f/.well-known/index.gmi", VIEW("w\n"));
	place_write(p, "f/.hidden", VIEW("h\n"));
	place_write(p, "f/sub/index.gmi", VIEW("# Below\n"));
	place_write(p, "f/bare/x.txt", VIEW("x\n"));
	place_load(p, HEAD "/f/ = f/\n/f/gone = @gone\n/f/d = f/b.txt\n");
#define AT "\tcapsule.example.org\t70\r\n"
	expect_gopher(p, "/f/",
	    "1The title\t/f/a.gmi" AT "0b.txt\t/f/b.txt" AT
	    "1c.gmi\t/f/c.gmi" AT "0d\t/f/d" AT "1Below\t/f/sub/" AT ".\r\n");
#undef AT
	assert_non_null(entry(p, "/f/.well-known/security.txt"));
	assert_non_null(entry(p, "/f/c.gophermap"));
	assert_non_null(entry(p, "/f/bare/x.txt"));
	assert_null(entry(p, "/f/bare/"));
	assert_null(entry(p, "/f/bare"));
	assert_non_null(entry(p, "/f/.well-known/"));
	assert_null(entry(p, "/f/.hidden"));
}

static void
what_an_editor_leaves_beside_a_page_is_no_page(void **state)
{
	struct place *p = *state;

	place_write(p, "f/a.gmi", VIEW("new\n"));
	place_write(p, "f/a.gmi~", VIEW("old\n"));
	place_write(p, "f/.a.gmi.swp", VIEW("half\n"));
	place_write(p, "f/#a.gmi#", VIEW("half\n"));
	place_write(p, "f/sedQ1w2E3", VIEW("half\n"));
	place_write(p, "f/index.gophermap", VIEW("*\n"));
	place_load(p, HEAD "/f/ = f/\n/kept = f/a.gmi~\n");
	expect_gopher(p, "/f/",
	    "1a.gmi\t/f/a.gmi\tcapsule.example.org\t70\r\n.\r\n");
	assert_null(entry(p, "/f/a.gmi~"));
	assert_null(entry(p, "/f/sedQ1w2E3"));
	/* The map itself may name it. */
	assert_non_null(entry(p, "/kept"));
}

static void
languages_go_by_the_longest_pattern(void **state)
{
	struct place *p = *state;

	place_write(p, "x.gmi", VIEW("x\n"));
	place_write(p, "x.txt", VIEW("x\n"));
	place_load(p,
	    HEAD "/ = x.gmi\n/fr/a = x.gmi\n/fr/oc/a = x.gmi\n"
		 "/fr/mixed = x.gmi\n/fr/t = x.txt\n"
		 "[languages]\n/fr/* = fr\n/fr/oc/* = oc\n/fr/mixed = fr,en\n");
	expect_gemini(p, "/", "20 text/gemini;lang=en\r\nx\n");
	expect_gemini(p, "/fr/a", "20 text/gemini;lang=fr\r\nx\n");
	expect_gemini(p, "/fr/oc/a", "20 text/gemini;lang=oc\r\nx\n");
	expect_gemini(p, "/fr/mixed", "20 text/gemini;lang=\"fr,en\"\r\nx\n");
	expect_gemini(p, "/fr/t", "20 text/plain\r\nx\n");
}

static void
types_of_the_map_come_before_ours(void **state)
{
	struct place *p = *state;

	place_write(p, "a.epub", VIEW("a"));
	place_write(p, "b.EPUB", VIEW("b"));
	place_write(p, "c.log", VIEW("c\n"));
	place_write(p, "d.unknown", VIEW("d"));
	place_load(p,
	    HEAD "/a = a.epub\n/b = b.EPUB\n/c = c.log\n/d = d.unknown\n"
		 "[types]\n.epub = application/x-book d\n.log = text/x-log\n");
	expect_gemini(p, "/a", "20 application/x-book\r\na");
	expect_gemini(p, "/b", "20 application/x-book\r\nb");
	expect_gemini(p, "/c", "20 text/x-log\r\nc\n");
	expect_gemini(p, "/d", "20 application/octet-stream\r\nd");
	assert_int_equal(entry(p, "/a")->item, 'd');
	assert_int_equal(entry(p, "/c")->item, '0');
	assert_int_equal(entry(p, "/d")->item, '9');
	expect_gopher(p, "/c", "c\r\n");
}

static void
a_selector_can_have_a_type_of_its_own(void **state)
{
	struct place *p = *state;

	place_write(p, "a.gmi", VIEW("# A\n"));
	place_write(p, "d/a.gmi", VIEW("# D\n"));
	place_write(p, "d/b.txt", VIEW("b\n"));
	place_write(p, "d/e/c.txt", VIEW("c\n"));
	place_load(p,
	    HEAD "/a = a.gmi\n/d/ = d/\n[types]\n/d/* = text/plain\n"
		 ".txt = text/x-ours\n/d/e/* = text/csv 9\n"
		 "/d/b.txt = application/x-b\n");
	expect_gemini(p, "/a", "20 text/gemini;lang=en\r\n# A\n");
	expect_gemini(p, "/d/a.gmi", "20 text/plain\r\n# D\n");
	expect_gemini(p, "/d/b.txt", "20 application/x-b\r\nb\n");
	expect_gemini(p, "/d/e/c.txt", "20 text/csv\r\nc\n");
	expect_gopher(p, "/d/a.gmi", "# D\r\n");
	assert_int_equal(entry(p, "/d/a.gmi")->item, '0');
	assert_int_equal(entry(p, "/d/b.txt")->item, '9');
	assert_int_equal(entry(p, "/d/e/c.txt")->item, '9');
}

static void
items_of_rare_types_stay_in_a_menu(void **state)
{
	struct place *p = *state;

	place_write(p, "m.gophermap",
	    VIEW("5Archive\t/a.zip\n6Encoded\t/b.uu\n=other.gophermap\n"
		 "1Last line\t/z"));
	place_load(p, HEAD "/m = m.gophermap\n");
	expect_gopher(p, "/m",
	    "5Archive\t/a.zip\tcapsule.example.org\t70\r\n"
	    "6Encoded\t/b.uu\tcapsule.example.org\t70\r\n"
	    "i=other.gophermap\t\t\t0\r\n"
	    "1Last line\t/z\tcapsule.example.org\t70\r\n.\r\n");
}

static void
caps_txt_is_generated_unless_it_is_mapped(void **state)
{
	struct place *p = *state;
	const struct entry *e;

	place_write(p, "caps.txt", VIEW("CAPS\r\nmine\r\n"));
	place_load(p, HEAD "/caps.txt = caps.txt\n");
	expect_gopher(p, "/caps.txt", "CAPS\r\nmine\r\n");
	place_load(p, HEAD "/x = caps.txt\n");
	e = entry(p, "/caps.txt");
	assert_true(view_has_prefix(e->gopher.bytes, VIEW("CAPS\r\n")));
	assert_non_null(strstr(e->gopher.bytes.p, "\r\nCapsVersion=1\r\n"));
	assert_non_null(
	    strstr(e->gopher.bytes.p, "\r\nServerAdmin=a@example.org\r\n"));
	assert_non_null(strstr(e->gopher.bytes.p, "\r\nServerTLSPort=70\r\n"));
	expect("gemini", e->gemini.bytes, "51 Not found\r\n");
}

/* -- folders -- */

static void
an_index_answers_for_its_folder(void **state)
{
	struct place *p = *state;

	place_write(p, "f/index.gmi", VIEW("gmi\n"));
	place_write(p, "g/index.gemini", VIEW("gemini\n"));
	place_write(p, "h/index.gophermap", VIEW("map\n"));
	place_load(p, HEAD "/f/ = f/\n/ = ./\n");
	expect_gemini(p, "/f/", "20 text/gemini;lang=en\r\ngmi\n");
	expect_gemini(p, "/f/index.gmi", "20 text/gemini;lang=en\r\ngmi\n");
	assert_ptr_equal(entry(p, "/f/index.gmi")->gemini.bytes.p,
	    entry(p, "/f/")->gemini.bytes.p);
	expect_gemini(p, "/f", "31 /f/\r\n");
	expect_gemini(p, "/g/", "20 text/gemini;lang=en\r\ngemini\n");
	expect_gopher(p, "/h/", "imap\t\t\t0\r\n.\r\n");
	expect_gopher(p, "/h", "imap\t\t\t0\r\n.\r\n");
	assert_null(entry(p, "/"));
}

static void
the_longest_prefix_says_whether_a_folder_is_listed(void **state)
{
	struct place *p = *state;

	place_write(p, "f/a.txt", VIEW("a\n"));
	place_write(p, "f/shut/b.txt", VIEW("b\n"));
	place_write(p, "f/shut/open/c.txt", VIEW("c\n"));
	place_load(p,
	    HEAD "/f/ = f/\n"
		 "[listing]\n/f/ = yes\n/f/shut/ = no\n/f/shut/open/ = yes\n");
	assert_non_null(entry(p, "/f/"));
	assert_null(entry(p, "/f/shut/"));
	assert_non_null(entry(p, "/f/shut/b.txt"));
	assert_non_null(entry(p, "/f/shut/open/"));
	assert_non_null(strstr(entry(p, "/f/")->gemini.bytes.p, "=> a.txt"));
	assert_null(strstr(entry(p, "/f/")->gemini.bytes.p, "shut"));
}

static void
what_is_named_comes_before_what_is_found(void **state)
{
	struct place *p = *state;

	place_write(p, "f/a.txt", VIEW("found\n"));
	place_write(p, "f/sub/b.txt", VIEW("hidden\n"));
	place_write(p, "f/sub/c.txt", VIEW("hidden\n"));
	place_write(p, "g/b.txt", VIEW("mapped\n"));
	place_write(p, "named.txt", VIEW("named\n"));
	place_load(p, HEAD "/f/ = f/\n/f/sub/ = g/\n/f/a.txt = named.txt\n");
	expect_gemini(p, "/f/a.txt", "20 text/plain\r\nnamed\n");
	expect_gemini(p, "/f/sub/b.txt", "20 text/plain\r\nmapped\n");
	/* The longest match is the only one. */
	assert_null(entry(p, "/f/sub/c.txt"));
}

/* -- links, and what is not a file -- */

static void
links_are_followed_below_the_root_and_nowhere_else(void **state)
{
	struct place *p = *state;
	char absolute[PATH_MAX];

	place_write(p, "a/b/file.txt", VIEW("file\n"));
	place_link(p, "near.txt", "a/b/file.txt");
	place_link(p, "a/up.txt", "../a/./b//file.txt");
	place_link(p, "chain.txt", "near.txt");
	place_link(p, "folder", "a/b");
	snprintf(absolute, sizeof(absolute), "%s",
	    place_name(p, "a/b/file.txt"));
	place_link(p, "absolute.txt", absolute);
	place_load(p,
	    HEAD "/1 = near.txt\n/2 = a/up.txt\n/3 = chain.txt\n"
		 "/4 = folder/file.txt\n/5 = folder/../up.txt\n"
		 "/6 = absolute.txt\n/7 = a/../a/b/file.txt\n/8/ = folder/\n");
	expect_gemini(p, "/1", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/2", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/3", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/4", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/5", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/6", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/7", "20 text/plain\r\nfile\n");
	expect_gemini(p, "/8/file.txt", "20 text/plain\r\nfile\n");
}

#define NO_LINKS                                                               \
	"[capsule]\nhostname = capsule.example.org\nroot = capsule\n"          \
	"symlinks = no\n[selectors]\n"

static void
links_are_not_followed_where_they_are_forbidden(void **state)
{
	struct place *p = *state;

	place_write(p, "a/file.txt", VIEW("file\n"));
	place_link(p, "a/link.txt", "file.txt");
	place_link(p, "folder", "a");
	place_load(p, NO_LINKS "/a/ = a/\n[listing]\n/a/ = yes\n");
	expect_gemini(p, "/a/file.txt", "20 text/plain\r\nfile\n");
	assert_null(entry(p, "/a/link.txt"));
	assert_null(strstr(entry(p, "/a/")->gemini.bytes.p, "link.txt"));
	place_load(p, NO_LINKS "/1 = a/link.txt\n/2 = folder/file.txt\n");
	expect_warned(p,
	    "capsuled.ini:6: /1: the file \"a/link.txt\" is a symbolic link "
	    "or behind one, which [capsule] symlinks forbids (in "
	    "\"capsule\")\n"
	    "capsuled.ini:7: /2: the file \"folder/file.txt\" is a symbolic "
	    "link or behind one, which [capsule] symlinks forbids (in "
	    "\"capsule\")\n");
}

static void
links_that_lead_in_a_circle_end(void **state)
{
	struct place *p = *state;

	place_link(p, "a", "b");
	place_link(p, "b", "a");
	place_load(p, HEAD "/a = a\n");
	expect_warned(p,
	    "capsuled.ini:8: /a: the file \"a\" cannot be read: Too many "
	    "levels of symbolic links (in \"capsule\")\n");
}

static void
links_are_followed_up_to_the_limit(void **state)
{
	struct place *p = *state;
	char name[32], target[32], text[512];
	int i;

	place_write(p, "link-0", VIEW("end"));
	for (i = 1; i <= BENEATH_LINKS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "link-%d", i);
		snprintf(target, sizeof(target), "link-%d", i - 1);
		place_link(p, name, target);
	}
	snprintf(text, sizeof(text), "%s/x = link-%d\n", HEAD,
	    BENEATH_LINKS_MAX);
	place_load(p, text);
	assert_non_null(entry(p, "/x"));
	snprintf(text, sizeof(text), "%s/x = link-%d\n", HEAD,
	    BENEATH_LINKS_MAX + 1);
	place_load(p, text);
	assert_null(entry(p, "/x"));
}

static void
make_socket(const struct place *p, const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = place_name(p, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(to.sun_path))
		errx(1, "%s: too long for a socket", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%s", name);
	close(fd);
}

/* Lines of the map, and what is said of each. */
static const struct refusal {
	const char *line, *told;
} refusals[] = {
	{ "/1 = up.txt", "/1: the file \"up.txt\" leads outside the root" },
	{ "/2 = a/far.txt",
	    "/2: the file \"a/far.txt\" leads outside the root" },
	{ "/3 = passwd", "/3: the file \"passwd\" leads outside the root" },
	{ "/4 = out/x.txt",
	    "/4: the file \"out/x.txt\" leads outside the root" },
	{ "/5 = ../x.txt", "/5: the file \"../x.txt\" leads outside the root" },
	{ "/6 = /etc/passwd",
	    "/6: the file \"/etc/passwd\" leads outside the root" },
	{ "/7/ = out/", "/7/: the folder \"out/\" leads outside the root" },
	{ "/8 = out-and-in",
	    "/8: the file \"out-and-in\" leads outside the root" },
	{ "/9 = a/../../x.txt",
	    "/9: the file \"a/../../x.txt\" leads outside the root" },
	{ "/1 = fifo", "/1: the file \"fifo\" is a FIFO, not a file" },
	{ "/2 = to-fifo", "/2: the file \"to-fifo\" is a FIFO, not a file" },
	{ "/3 = socket", "/3: the file \"socket\" is a socket, not a file" },
	{ "/4 = folder", "/4: the file \"folder\" is a folder, not a file" },
	{ "/5/ = folder/x/",
	    "/5/: the folder \"folder/x/\" is a file, not a folder" },
	{ "/6/ = fifo/", "/6/: the folder \"fifo/\" is a FIFO, not a file" },
};

/* What follows the root's own name there is a path in the root, too. */
static void
a_folder_whose_name_begins_as_the_roots_does_is_outside(void **state)
{
	struct place *p = *state;
	char target[PATH_MAX];

	place_write(p, "../capsulex/file.txt", VIEW("theirs\n"));
	place_write(p, "x/file.txt", VIEW("ours\n"));
	snprintf(target, sizeof(target), "%s/capsulex/file.txt", p->path);
	place_link(p, "link.txt", target);
	place_load(p, HEAD "/1 = link.txt\n");
	expect_warned(p,
	    "capsuled.ini:8: /1: the file \"link.txt\" leads outside the root "
	    "(in \"capsule\")\n");
}

/* Were a FIFO opened for good, the test would hang. */
static void
only_files_below_the_root_are_served(void **state)
{
	struct place *p = *state;
	char text[512], want[512];
	size_t i;

	place_link(p, "up.txt", "../outside.txt");
	place_link(p, "a/far.txt", "../../outside.txt");
	place_link(p, "passwd", "/etc/passwd");
	place_link(p, "out", "..");
	place_link(p, "out-and-in", "../capsule/folder/x");
	place_fifo(p, "fifo");
	place_link(p, "to-fifo", "fifo");
	make_socket(p, "socket");
	place_write(p, "folder/x", VIEW("x"));
	for (i = 0; i < N_OF(refusals); i++) {
		snprintf(text, sizeof(text), "%s%s\n", HEAD, refusals[i].line);
		snprintf(want, sizeof(want),
		    "capsuled.ini:8: %s (in \"capsule\")\n", refusals[i].told);
		place_load(p, text);
		expect_warned(p, want);
	}
}

static void
a_stray_fifo_in_a_folder_stops_nothing(void **state)
{
	struct place *p = *state;

	place_write(p, "f/x.txt", VIEW("x\n"));
	place_fifo(p, "f/fifo");
	place_link(p, "f/to-fifo", "fifo");
	place_link(p, "f/out", "/etc/passwd");
	place_link(p, "f/out-folder", "../..");
	place_link(p, "f/nowhere", "nothing");
	place_link(p, "f/around", ".");
	place_link(p, "f/up", "..");
	make_socket(p, "f/socket");
	place_load(p, HEAD "/f/ = f/\n");
	expect_gemini(p, "/f/x.txt", "20 text/plain\r\nx\n");
	assert_null(entry(p, "/f/fifo"));
	assert_null(entry(p, "/f/to-fifo"));
	assert_null(entry(p, "/f/out"));
	assert_null(entry(p, "/f/socket"));
	assert_null(entry(p, "/f/nowhere"));
	assert_null(entry(p, "/f/around/x.txt"));
	assert_null(entry(p, "/f/up/f/x.txt"));
}

/* -- feeds -- */

static void
a_feed_is_made_of_the_dated_links_of_a_page(void **state)
{
	struct place *p = *state;
	const struct entry *e;

	place_write(p, "news.gmi",
	    VIEW("\357\273\277# News\r\n=> old 2025-01-01 Old\r\n"
		 "=> /new 2026-01-31 New\r\n=> /x Other\r\n"));
	place_write(p, "new.txt", VIEW("x\n"));
	place_load(p,
	    HEAD "/blog/ = news.gmi\n/news.xml = @atom news.gmi\n"
		 "/new = new.txt\n");
	e = entry(p, "/news.xml");
	assert_non_null(e);
	assert_int_equal(e->item, '1');
	assert_int_equal(e->kind, ENTRY_PAGE);
	expect("Gemini", e->gemini.bytes,
	    "20 application/atom+xml\r\n"
	    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
	    "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n"
	    "<id>gemini://capsule.example.org/blog/</id>\n"
	    "<title>News</title>\n<updated>2026-01-31T12:00:00Z</updated>\n"
	    "<author>\n<name>The institute</name>\n"
	    "<email>a@example.org</email>\n</author>\n"
	    "<link rel=\"self\" type=\"application/atom+xml\""
	    " href=\"gemini://capsule.example.org/news.xml\"/>\n"
	    "<link rel=\"alternate\" type=\"text/gemini\""
	    " href=\"gemini://capsule.example.org/blog/\"/>\n"
	    "<entry>\n<id>gemini://capsule.example.org/new</id>\n"
	    "<title>New</title>\n<updated>2026-01-31T12:00:00Z</updated>\n"
	    "<link rel=\"alternate\""
	    " href=\"gemini://capsule.example.org/new\"/>\n</entry>\n"
	    "<entry>\n<id>gemini://capsule.example.org/blog/old</id>\n"
	    "<title>Old</title>\n<updated>2025-01-01T12:00:00Z</updated>\n"
	    "<link rel=\"alternate\""
	    " href=\"gemini://capsule.example.org/blog/old\"/>\n</entry>\n"
	    "</feed>\n");
	expect("Gopher", e->gopher.bytes,
	    "iNews\t\t\t0\r\ni====\t\t\t0\r\ni\t\t\t0\r\n"
	    "02026-01-31 New\t/new\tcapsule.example.org\t70\r\n"
	    "12025-01-01 Old\t/blog/old\tcapsule.example.org\t70\r\n.\r\n");
}

static void
a_feed_that_cannot_be_made_is_told(void **state)
{
	struct place *p = *state;

	place_write(p, "plain.gmi", VIEW("# T\n=> /x 2026-02-30 No\n"));
	place_write(p, "news.txt", VIEW("=> /x 2026-01-31 T\n"));
	place_load(p,
	    HEAD "/a = @atom plain.gmi\n/b = @atom news.txt\n"
		 "/c = @atom nothing.gmi\n");
	expect_warned(p,
	    "capsuled.ini:8: /a: \"plain.gmi\" has no link with a date, such "
	    "as \"=> /x 2026-01-31 Title\", to make a feed of\n"
	    "capsuled.ini:9: /b: \"news.txt\" is not gemtext, which a feed is "
	    "made of\n"
	    "capsuled.ini:10: /c: the file \"nothing.gmi\" does not exist (in "
	    "\"capsule\"); put it there, or change the line\n");
	assert_null(entry(p, "/a"));
	assert_null(entry(p, "/b"));
	assert_null(entry(p, "/c"));
}

/* -- what is wrong, and how it is said -- */

static void
a_missing_file_is_told_with_the_nearest_name(void **state)
{
	struct place *p = *state;

	place_write(p, "history.gmi", VIEW("x\n"));
	place_write(p, "deep/figures.gmi", VIEW("x\n"));
	place_write(p, "fields/x.gmi", VIEW("x\n"));
	place_load(p,
	    HEAD "/a = hitsory.gmi\n/b = deep/figure.gmi\n/c = nothing.pdf\n"
		 "/d = nodir/x.gmi\n/e/ = fildes/\n");
	expect_warned(p,
	    "capsuled.ini:8: /a: the file \"hitsory.gmi\" does not exist (in "
	    "\"capsule\"); did you mean \"history.gmi\"?\n"
	    "capsuled.ini:9: /b: the file \"deep/figure.gmi\" does not exist "
	    "(in \"capsule\"); did you mean \"figures.gmi\"?\n"
	    "capsuled.ini:10: /c: the file \"nothing.pdf\" does not exist (in "
	    "\"capsule\"); put it there, or change the line\n"
	    "capsuled.ini:11: /d: the file \"nodir/x.gmi\" does not exist (in "
	    "\"capsule\"); put it there, or change the line\n"
	    "capsuled.ini:12: /e/: the folder \"fildes/\" does not exist (in "
	    "\"capsule\"); did you mean \"fields\"?\n");
	assert_null(entry(p, "/a"));
	assert_null(entry(p, "/e/"));
	assert_null(entry(p, "/e"));
	assert_int_equal(p->s->n_warnings, 5);
}

static void
a_redirect_into_a_folder_should_meet_a_file(void **state)
{
	struct place *p = *state;

	place_write(p, "f/x.gmi", VIEW("x\n"));
	place_load(p,
	    HEAD "/f/ = f/\n/1 = @redirect /f/x.gmi\n"
		 "/2 = @redirect /f/y.gmi\n/3 = @redirect /f/\n"
		 "/4 = @redirect gemini://capsule.example.org/f/y.gmi\n"
		 "/5 = @redirect gemini://example.net/f/y.gmi\n"
		 "/6 = @redirect f/y.gmi\n");
#define NOWHERE(n, s, to)                                                      \
	"capsuled.ini:" n ": [selectors] " s ": the redirect to \"" to         \
	"\" goes nowhere: there is no such file; put it there, or change the " \
	"line\n"
	expect_warned(p,
	    NOWHERE("10", "/2", "/f/y.gmi") NOWHERE("11", "/3", "/f/")
		NOWHERE("12", "/4", "gemini://capsule.example.org/f/y.gmi")
		    NOWHERE("14", "/6", "f/y.gmi"));
#undef NOWHERE
	expect_gemini(p, "/2", "31 /f/y.gmi\r\n");
}

static void
a_root_that_cannot_be_opened_is_told(void **state)
{
	struct place *p = *state;

	place_load(p,
	    "[capsule]\nhostname = x.example.org\nroot = nowhere\n"
	    "[selectors]\n/ = x.gmi\n");
	expect_warned(p,
	    "capsuled.ini:3: the root \"nowhere\" cannot be opened: No such "
	    "file or directory; until then nothing of the capsule is "
	    "served\n");
	assert_null(entry(p, "/"));
}

static void
a_root_that_is_gone_is_one_capsules_trouble(void **state)
{
	struct place *p = *state;

	place_write(p, "index.gmi", VIEW("here\n"));
	place_load(p,
	    HEAD "/ = index.gmi\n"
		 "[capsule b]\nhostname = b.example.org\nroot = nowhere\n"
		 "[selectors b]\n/ = index.gmi\n/old = @redirect /\n");
	expect_warned(p,
	    "capsuled.ini:11: the root \"nowhere\" cannot be opened: No such "
	    "file or directory; until then nothing of the capsule is "
	    "served\n");
	expect_gemini(p, "/", "20 text/gemini;lang=en\r\nhere\n");
	assert_int_equal(p->s->sites[1].n_selectors, 2);
	expect("notice", p->s->sites[1].not_found.bytes, NOT_FOUND);
}

/* Load as a user whom a mode keeps out; root is let in everywhere. */
static void
load_as_nobody(struct place *p, const char *text)
{
	bool is_root = geteuid() == 0;

	if (is_root && (chmod(p->path, 0755) < 0 || seteuid(65534) < 0))
		err(1, "seteuid");
	place_load(p, text);
	if (is_root && seteuid(0) < 0)
		err(1, "seteuid");
}

static void
set_mode(const struct place *p, const char *name, mode_t mode)
{
	if (chmod(place_name(p, name), mode) < 0)
		err(1, "%s", name);
}

static void
what_may_not_be_read_is_left_out_until_it_may(void **state)
{
	static const char text[] =
	    HEAD "/n = n.gmi\n/f/ = f/\n/old = @redirect /f/a.gmi\n"
		 "[listing]\n/f/ = yes\n";
	struct place *p = *state;

	place_write(p, "n.gmi", VIEW("n\n"));
	place_write(p, "f/a.gmi", VIEW("a\n"));
	place_write(p, "f/b.gophermap", VIEW("ib\n"));
	place_write(p, "f/c.txt", VIEW("c\n"));
	place_write(p, "f/shut/d.txt", VIEW("d\n"));
	place_write(p, "f/i/index.gmi", VIEW("i\n"));
	set_mode(p, "n.gmi", 0);
	set_mode(p, "f/a.gmi", 0);
	set_mode(p, "f/b.gophermap", 0);
	set_mode(p, "f/i/index.gmi", 0);
	set_mode(p, "f/shut", 0);
	load_as_nobody(p, text);
#define SHUT(n, selector, what)                                                \
	"capsuled.ini:" n ": " selector ": the " what                          \
	" cannot be read: Permission denied (in \"capsule\"); let the user "   \
	"that capsuled runs as read it, and enter every folder down to it\n"
	expect_warned(p,
	    SHUT("8", "/n", "file \"n.gmi\"") SHUT("9", "/f/shut/",
		"folder \"f/shut/\"") SHUT("9", "/f/a.gmi", "file \"f/a.gmi\"")
		SHUT("9", "/f/b.gophermap", "file \"f/b.gophermap\"")
		    SHUT("9", "/f/i/", "file \"f/i/index.gmi\""));
	assert_null(entry(p, "/n"));
	assert_null(entry(p, "/f/a.gmi"));
	assert_null(entry(p, "/f/b.gophermap"));
	assert_null(entry(p, "/f/shut/d.txt"));
	assert_null(entry(p, "/f/i/"));
	assert_null(entry(p, "/f/i"));
	assert_null(entry(p, "/f/i/index.gmi"));
	expect_gemini(p, "/f/",
	    "20 text/gemini;lang=en\r\n# /f/\n\n=> c.txt c.txt (2 B)\n");
	set_mode(p, "n.gmi", 0644);
	set_mode(p, "f/a.gmi", 0644);
	set_mode(p, "f/b.gophermap", 0644);
	set_mode(p, "f/i/index.gmi", 0644);
	set_mode(p, "f/shut", 0755);
	load_as_nobody(p, text);
	expect_warned(p, "");
	expect_gemini(p, "/n", "20 text/gemini;lang=en\r\nn\n");
	expect_gemini(p, "/f/shut/d.txt", "20 text/plain\r\nd\n");
	expect_gemini(p, "/f/i/", "20 text/gemini;lang=en\r\ni\n");
}

/* One file's trouble is that file's: its other half is as it was. */
static void
the_other_half_of_a_pair_is_served(void **state)
{
	struct place *p = *state;

	place_write(p, "a.gmi", VIEW("a\n"));
	place_write(p, "a.gophermap", VIEW("#!/bin/sh\n"));
	place_fill(p, "b.gmi", '#', (size_t)LOADER_RENDER_MAX + 1);
	place_write(p, "b.gophermap", VIEW("b\n"));
	place_load(p, HEAD "/a = a.gophermap\n/b = b.gmi\n/f/ = ./\n");
	expect_gemini(p, "/a", "20 text/gemini;lang=en\r\na\n");
	expect_gopher(p, "/a", NOT_FOUND);
	expect_gemini(p, "/b", "51 Not found\r\n");
	expect_gopher(p, "/b", "ib\t\t\t0\r\n.\r\n");
	/* In a folder, a map that is a program is not taken for a half. */
	expect_gopher(p, "/f/a.gmi", "ia\t\t\t0\r\n.\r\n");
	assert_int_equal(p->s->n_warnings, 4);
}

static void
a_search_finds_what_is_there_beside_what_is_not(void **state)
{
	struct place *p = *state;
	struct search_found found;
	struct search_query q;
	struct search *s;
	const char *why;

	place_write(p, "a.gmi", VIEW("# Marmots\n"));
	place_load(p, HEAD "/a = a.gmi\n/b = b.gmi\n/search = @search\n");
	assert_null(entry(p, "/b"));
	s = catalog_index(&p->s->sites[0], &why);
	assert_non_null(s);
	search_query_read(&q, VIEW("marmots"));
	search_find(s, &q, &found);
	assert_int_equal(found.total, 1);
	search_close(s);
}

/* -- what can be told without reading -- */

static void
inspect(struct place *p, const char *text)
{
	struct problems *notes = problems_new();

	place_read(p, text);
	assert_int_equal(problems_count(p->ps), 0);
	p->s = loader_inspect(p->conf, p->ps, notes);
	p->told = place_tell(p, p->ps);
	p->warned = place_tell(p, notes);
	problems_free(notes);
}

static void
what_the_map_names_is_looked_at_and_not_read(void **state)
{
	struct place *p = *state;

	place_write(p, "history.gmi", VIEW("#!"));
	place_write(p, "f/x.gmi", VIEW("x\n"));
	place_fifo(p, "fifo");
	set_mode(p, "history.gmi", 0);
	inspect(p,
	    HEAD "/a = hitsory.gmi\n/b = fifo\n/c = f\n/d/ = fi/\n/f/ = f/\n"
		 "/g/ = history.gmi/\n/h = @atom histroy.gmi\n"
		 "/1 = @redirect /f/x.gmi\n/2 = @redirect /f/y.gmi\n"
		 "/3 = @redirect /f/\n/ok = history.gmi\n");
	expect_warned(p,
	    "capsuled.ini:8: /a: the file \"hitsory.gmi\" does not exist (in "
	    "\"capsule\"); did you mean \"history.gmi\"?\n"
	    "capsuled.ini:9: /b: the file \"fifo\" is a FIFO, not a file (in "
	    "\"capsule\")\n"
	    "capsuled.ini:10: /c: the file \"f\" is a folder, not a file (in "
	    "\"capsule\")\n"
	    "capsuled.ini:11: /d/: the folder \"fi/\" does not exist (in "
	    "\"capsule\"); did you mean \"f\"?\n"
	    "capsuled.ini:13: /g/: the folder \"history.gmi/\" is a file, not "
	    "a folder (in \"capsule\")\n"
	    "capsuled.ini:14: /h: the file \"histroy.gmi\" does not exist (in "
	    "\"capsule\"); did you mean \"history.gmi\"?\n"
	    "capsuled.ini:16: [selectors] /2: the redirect to \"/f/y.gmi\" "
	    "goes nowhere: there is no such file; put it there, or change the "
	    "line\n");
}

/* A folder with so many names takes as long to look at as an empty one. */
static void
a_folder_of_the_map_that_may_not_be_read_is_told(void **state)
{
	struct place *p = *state;

	place_write(p, "f/x.gmi", VIEW("x\n"));
	set_mode(p, "f", 0);
	if (geteuid() == 0 && (chmod(p->path, 0755) < 0 || seteuid(65534) < 0))
		err(1, "seteuid");
	inspect(p, HEAD "/f/ = f/\n");
	if (geteuid() == 65534 && seteuid(0) < 0)
		err(1, "seteuid");
	expect_warned(p,
	    "capsuled.ini:8: /f/: the folder \"f/\" cannot be read: "
	    "Permission denied (in \"capsule\"); let the user that capsuled "
	    "runs as read it, and enter every folder down to it\n");
}

static void
access_that_protects_nothing_is_told_without_reading(void **state)
{
	struct place *p = *state;

	place_write(p, "feed/x.gmi", VIEW("x\n"));
	place_write(p, "log/s.gmi", VIEW("s\n"));
	inspect(p,
	    HEAD "/ = ./\n/open = log/s.gmi\n/shut = feed/x.gmi\n"
		 "[access]\n/fed/* = any\n/feed/y* = any\n/log/* = any\n"
		 "/shut = any\n/feed/z.gmi = any\n");
	expect_warned(p,
	    "capsuled.ini:9: [selectors] /open: shows \"log/s.gmi\" to "
	    "everybody, which [access] /log/* protects as /log/s.gmi\n"
	    "capsuled.ini:12: [access] /fed/*: protects nothing now: no page "
	    "fits it; nearest: /feed/\n"
	    "capsuled.ini:16: [access] /feed/z.gmi: protects nothing now: no "
	    "page fits it; nearest: /feed/x.gmi\n");
}

static void
a_list_that_cannot_be_read_is_a_problem_all_the_same(void **state)
{
	struct place *p = *state;

	place_write(p, "x.gmi", VIEW("x\n"));
	inspect(p, HEAD "/x = x.gmi\n[access]\n/x = nobody.txt\n");
	assert_null(p->s);
	assert_non_null(strstr(p->told, "nobody.txt"));
}

/* -- limits -- */

static void
large_files_are_streamed_from_one_byte_above_the_limit(void **state)
{
	struct place *p = *state;
	const size_t max = (size_t)SNAPSHOT_INLINE_MAX;
	const struct entry *e;

	place_fill(p, "n.bin", 'x', max);
	place_fill(p, "n1.bin", 'x', max + 1);
	place_fill(p, "n1.txt", '\n', max + 1);
	place_load(p, HEAD "/n = n.bin\n/n1 = n1.bin\n/t = n1.txt\n");
	e = entry(p, "/n");
	assert_true(e->gemini.rest.size == 0);
	assert_int_equal(e->gopher.bytes.len, max);
	e = entry(p, "/n1");
	assert_int_equal(e->gemini.rest.size, max + 1);
	assert_false(e->gemini.rest.fixed);
	expect("header", e->gemini.bytes, "20 application/octet-stream\r\n");
	assert_int_equal(e->gopher.rest.fd, e->gemini.rest.fd);
	assert_int_equal(e->gopher.bytes.len, 0);
	/* Text needs its line ends in Gopher only. */
	e = entry(p, "/t");
	assert_int_equal(e->gemini.rest.size, max + 1);
	assert_true(e->gopher.rest.size == 0);
	assert_int_equal(e->gopher.bytes.len, 2 * (max + 1));
	assert_int_equal(p->s->n_files, 2);
}

/* Rather nothing new than pages left out that have no fault. */
static void
large_files_that_take_the_last_descriptors_are_a_problem(void **state)
{
	struct place *p = *state;
	struct rlimit before, few;
	char name[32];
	int i;

	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "f/%d.bin", i);
		place_write(p, name, VIEW("x"));
		assert_int_equal(0,
		    truncate(place_name(p, name), SNAPSHOT_INLINE_MAX + 1));
	}
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
	few = before;
	few.rlim_cur = 40;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	place_load(p, HEAD "/f/ = f/\n");
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	assert_null(p->s);
	assert_non_null(strstr(p->told, "raise the limit of open files"));
	place_load(p, HEAD "/f/ = f/\n");
	assert_non_null(entry(p, "/f/39.bin"));
	assert_int_equal(p->s->n_files, 40);
}

/* Where a length of 32 bits, with and without a sign, begins anew. */
static void
files_of_gibibytes_keep_their_size(void **state)
{
	struct place *p = *state;
	const off_t sizes[] = { ((off_t)2 << 30) + 5, ((off_t)4 << 30) + 5 };
	size_t i;

	for (i = 0; i < N_OF(sizes); i++) {
		place_write(p, i == 0 ? "2.bin" : "4.bin", VIEW("x"));
		assert_int_equal(0,
		    truncate(place_name(p, i == 0 ? "2.bin" : "4.bin"),
			sizes[i]));
	}
	place_load(p, HEAD "/0 = 2.bin\n/1 = 4.bin\n");
	assert_true(entry(p, "/0")->gemini.rest.size == sizes[0]);
	assert_true(entry(p, "/1")->gemini.rest.size == sizes[1]);
	assert_int_equal(entry(p, "/1")->gopher.rest.fd,
	    entry(p, "/1")->gemini.rest.fd);
}

static void
gemtext_is_held_in_memory_up_to_its_limit(void **state)
{
	struct place *p = *state;
	const size_t max = (size_t)LOADER_RENDER_MAX;

	place_fill(p, "a.gmi", 'x', (size_t)SNAPSHOT_INLINE_MAX + 1);
	place_load(p, HEAD "/a = a.gmi\n");
	assert_true(entry(p, "/a")->gemini.rest.size == 0);
	/* Line ends are the largest: a menu line for each would be too much. */
	place_fill(p, "b.gophermap", '#', max + 1);
	place_fill(p, "b2.gmi", '#', max + 1);
	place_load(p, HEAD "/b = b.gophermap\n/b2 = b2.gmi\n");
	expect_warned(p,
	    "capsuled.ini:8: /b: \"b.gophermap\" is larger than 16 MiB, the "
	    "most that a page may have; split it, or give it another type in "
	    "[types]\n"
	    "capsuled.ini:9: /b2: \"b2.gmi\" is larger than 16 MiB, the most "
	    "that a page may have; split it, or give it another type in "
	    "[types]\n");
	assert_null(entry(p, "/b"));
	assert_null(entry(p, "/b2"));
	place_fill(p, "b.gophermap", '#', max);
	place_load(p, HEAD "/b = b.gophermap\n");
	assert_non_null(entry(p, "/b"));
}

static void
a_menu_too_large_is_not_there_for_gopher(void **state)
{
	struct place *p = *state;

	char *text = malloc((size_t)LOADER_RENDER_MAX);
	size_t i;

	if (text == NULL)
		err(1, "text");
	/* Each of these lines takes four times as much in a menu. */
	for (i = 0; i < (size_t)LOADER_RENDER_MAX; i++)
		text[i] = i % 2 == 0 ? 'x' : '\n';
	place_write(p, "a.gmi",
	    (struct view){ text, (size_t)LOADER_RENDER_MAX });
	free(text);
	place_load(p, HEAD "/a = a.gmi\n");
	expect_warned(p,
	    "capsuled.ini:8: /a: what is made of it is larger than 64 MiB; "
	    "split it\n");
	/* Gemini needs no menu. */
	assert_int_equal(entry(p, "/a")->gemini.status, 20);
	expect_gopher(p, "/a", NOT_FOUND);
}

static void
text_above_the_limit_goes_raw_to_both(void **state)
{
	struct place *p = *state;
	const size_t max = (size_t)LOADER_RENDER_MAX;

	place_fill(p, "n.txt", '\n', max);
	place_fill(p, "n1.txt", '\n', max + 1);
	place_load(p, HEAD "/n = n.txt\n/n1 = n1.txt\n");
	assert_int_equal(entry(p, "/n")->gopher.bytes.len, 2 * max);
	assert_true(entry(p, "/n1")->gopher.rest.size > 0);
}

/* Collect the pages of a folder mapped at /f/, with a limit. */
static size_t
collect(struct place *p, size_t max, size_t *warnings)
{
	struct arena *a = arena_new();
	struct beneath *root = beneath_new(p->conf->capsules[0].root.p);
	struct problems *ps = problems_new();
	struct pages pages;
	size_t n;

	pages_init(&pages, a);
	pages.max = max;
	pages_collect(&pages, p->conf, &p->conf->capsules[0], root, ps);
	n = pages.n;
	*warnings = problems_count(ps);
	problems_free(ps);
	beneath_free(root);
	arena_free(a);
	return n;
}

static void
so_many_selectors_and_no_more(void **state)
{
	struct place *p = *state;
	size_t warnings;

	place_write(p, "f/a.txt", VIEW("a\n"));
	place_write(p, "f/b.txt", VIEW("b\n"));
	place_write(p, "f/c.txt", VIEW("c\n"));
	place_read(p, HEAD "/f/ = f/\n");
	/* Three files and caps.txt. */
	assert_int_equal(collect(p, 4, &warnings), 4);
	assert_int_equal(warnings, 0);
	assert_int_equal(collect(p, 3, &warnings), 3);
	assert_int_equal(warnings, 1);
	assert_int_equal(collect(p, 0, &warnings), 0);
	assert_int_equal(warnings, 1);
}

static void
so_many_folders_deep_and_no_deeper(void **state)
{
	struct place *p = *state;
	char name[PLACE_FILE_MAX] = "";
	int i;

	for (i = 0; i < PAGES_DEPTH_MAX; i++)
		strcat(name, "d/");
	strcat(name, "x.txt");
	place_write(p, name, VIEW("x\n"));
	place_load(p, HEAD "/d/ = d/\n");
	assert_non_null(p->s);
	assert_string_equal(p->warned, "");
	memmove(name + 2, name, strlen(name) + 1);
	memcpy(name, "d/", 2);
	place_write(p, name, VIEW("x\n"));
	place_write(p, "d/y.txt", VIEW("y\n"));
	place_load(p, HEAD "/d/ = d/\n");
	assert_non_null(entry(p, "/d/y.txt"));
	assert_non_null(strstr(p->warned, " lies more than 32 folders deep"));
	assert_int_equal(p->s->n_warnings, 1);
}

static void
ten_thousand_files_load(void **state)
{
	struct place *p = *state;
	char name[64];
	int i;

	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "f/%d.gmi", i);
		place_write(p, name, VIEW("# A page\n=> 1.gmi\n"));
	}
	place_load(p, HEAD "/f/ = f/\n[listing]\n/f/ = yes\n");
	assert_non_null(entry(p, "/f/9999.gmi"));
	assert_int_equal(entry(p, "/f/9999.gmi")->item, '1');
	/* Ten thousand pages, their folder with and without slash, caps.txt. */
	assert_int_equal(p->s->sites[0].n_selectors, 10003);
}

/* -- what is left behind -- */

static size_t
open_files(void)
{
	size_t n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
no_descriptor_outlives_its_snapshot(void **state)
{
	struct place *p = *state;
	size_t before = open_files();

	place_fill(p, "big.bin", 'x', (size_t)SNAPSHOT_INLINE_MAX + 1);
	place_link(p, "link.txt", "f/a.txt");
	place_write(p, "f/a.txt", VIEW("a\n"));
	place_fifo(p, "f/fifo");
	place_load(p, HEAD "/a = big.bin\n/b = link.txt\n/f/ = f/\n");
	assert_int_equal(open_files(), before + 1);
	assert_true(
	    fcntl(entry(p, "/a")->gemini.rest.fd, F_GETFD) & FD_CLOEXEC);
	place_unload(p);
	assert_int_equal(open_files(), before);
	place_load(p, HEAD "/a = nothing\n/b = f\n/c = f/fifo\n");
	assert_null(entry(p, "/a"));
	assert_int_equal(open_files(), before);
}

/* The configuration may go once its snapshot is there. */
static void
a_snapshot_needs_its_configuration_no_more(void **state)
{
	struct place *p = *state;

	place_write(p, "index.gmi", VIEW("hello\n"));
	place_load(p, HEAD "/ = index.gmi\n/old = @redirect /\n");
	conf_free(p->conf);
	p->conf = NULL;
	expect_gemini(p, "/", "20 text/gemini;lang=en\r\nhello\n");
	expect_gemini(p, "/old", "31 /\r\n");
	expect("title", p->s->sites[0].title, "The institute");
	assert_ptr_equal(snapshot_site(p->s, VIEW("capsule.example.org")),
	    &p->s->sites[0]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gemtext_loses_its_mark_and_its_carriage_returns),
		TEST(an_empty_page_is_a_page),
		TEST(text_is_raw_to_gemini_and_has_line_ends_for_gopher),
		TEST(items_have_the_type_of_what_they_lead_to),
		TEST(a_gophermap_answers_gopher_and_its_gemtext_gemini),
		TEST(a_gophermap_alone_answers_both),
		TEST(a_star_lists_what_else_the_folder_holds),
		TEST(what_an_editor_leaves_beside_a_page_is_no_page),
		TEST(languages_go_by_the_longest_pattern),
		TEST(types_of_the_map_come_before_ours),
		TEST(a_selector_can_have_a_type_of_its_own),
		TEST(items_of_rare_types_stay_in_a_menu),
		TEST(caps_txt_is_generated_unless_it_is_mapped),
		TEST(an_index_answers_for_its_folder),
		TEST(the_longest_prefix_says_whether_a_folder_is_listed),
		TEST(what_is_named_comes_before_what_is_found),
		TEST(links_are_followed_below_the_root_and_nowhere_else),
		TEST(links_are_not_followed_where_they_are_forbidden),
		TEST(links_that_lead_in_a_circle_end),
		TEST(links_are_followed_up_to_the_limit),
		TEST(a_folder_whose_name_begins_as_the_roots_does_is_outside),
		TEST(only_files_below_the_root_are_served),
		TEST(a_stray_fifo_in_a_folder_stops_nothing),
		TEST(a_feed_is_made_of_the_dated_links_of_a_page),
		TEST(a_feed_that_cannot_be_made_is_told),
		TEST(a_missing_file_is_told_with_the_nearest_name),
		TEST(a_redirect_into_a_folder_should_meet_a_file),
		TEST(a_root_that_cannot_be_opened_is_told),
		TEST(a_root_that_is_gone_is_one_capsules_trouble),
		TEST(what_may_not_be_read_is_left_out_until_it_may),
		TEST(the_other_half_of_a_pair_is_served),
		TEST(a_search_finds_what_is_there_beside_what_is_not),
		TEST(what_the_map_names_is_looked_at_and_not_read),
		TEST(a_folder_of_the_map_that_may_not_be_read_is_told),
		TEST(access_that_protects_nothing_is_told_without_reading),
		TEST(a_list_that_cannot_be_read_is_a_problem_all_the_same),
		TEST(large_files_are_streamed_from_one_byte_above_the_limit),
		TEST(large_files_that_take_the_last_descriptors_are_a_problem),
		TEST(files_of_gibibytes_keep_their_size),
		TEST(gemtext_is_held_in_memory_up_to_its_limit),
		TEST(a_menu_too_large_is_not_there_for_gopher),
		TEST(text_above_the_limit_goes_raw_to_both),
		TEST(so_many_selectors_and_no_more),
		TEST(so_many_folders_deep_and_no_deeper),
		TEST(ten_thousand_files_load),
		TEST(no_descriptor_outlives_its_snapshot),
		TEST(a_snapshot_needs_its_configuration_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
