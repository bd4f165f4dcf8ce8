/*
 * test_render.c - sources in tests/golden become the bytes that stand beside
 * them, and what holds for any rendering.
 *
 * Run from the top of the source tree.  With GOLDEN=write in the environment
 * the expected files are written instead of compared: read the diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/gemtext.h"
#include "format/gopher.h"
#include "format/render.h"
#include "format/uri.h"
#include "expect.h"

#define GOLDEN      "tests/golden/"
#define OUT_MAX     ((size_t)1 << 20) /* bytes of any result here */
#define PATH_BYTES  256               /* bytes of a golden file's path */
#define ENTRIES_MAX 32                /* in one listing */

/* -- surroundings: a page in a folder of a small capsule -- */

static char
item_of(void *arg, struct view selector)
{
	static const struct {
		const char *selector;
		char item;
	} map[] = { { "/known/page", '1' }, { "/known/notes.txt", '0' },
		{ "/search", '7' } };
	size_t i;

	(void)arg;
	for (i = 0; i < N_OF(map); i++)
		if (view_eq(selector, view_of(map[i].selector)))
			return map[i].item;
	return 0;
}

static bool
is_ours(void *arg, struct view host)
{
	(void)arg;
	return view_eq(host, VIEW("example.org"));
}

static struct render
surroundings(void)
{
	return (struct render){ .selector = VIEW("/folder/page"),
		.host = VIEW("example.org"),
		.port = 70,
		.columns = 67,
		.charset = UTF8_UTF8,
		.item_of = item_of,
		.is_ours = is_ours };
}

/* -- files -- */

static void
read_golden(const char *name, struct buf *to)
{
	char path[PATH_BYTES], piece[4096];
	size_t n;
	FILE *file;

	(void)snprintf(path, sizeof(path), GOLDEN "%.200s", name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s cannot be opened", path);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_put(to, (struct view){ piece, n });
	(void)fclose(file);
	assert_false(to->failed);
}

static void
write_golden(const char *name, struct view v)
{
	char path[PATH_BYTES];
	FILE *file;

	(void)snprintf(path, sizeof(path), GOLDEN "%.200s", name);
	file = fopen(path, "wb");
	if (file == NULL)
		fail_msg("%s cannot be written", path);
	if (v.len > 0)
		assert_int_equal(fwrite(v.p, 1, v.len, file), v.len);
	assert_int_equal(fclose(file), 0);
}

/* Compare out with the file SOURCE.KIND.want, or make it that. */
static void
settle(const char *source, const char *kind, struct buf *out)
{
	char name[PATH_BYTES];
	struct buf want;

	(void)snprintf(name, sizeof(name), "%s.%s.want", source, kind);
	assert_false(out->failed);
	if (getenv("GOLDEN") != NULL) {
		write_golden(name, buf_view(out));
		return;
	}
	buf_init(&want, OUT_MAX);
	read_golden(name, &want);
	if (!view_eq(buf_view(out), buf_view(&want)))
		fail_msg(GOLDEN "%s differs; got:\n%.*s", name,
		    VIEW_ARG(buf_view(out)));
	buf_fini(&want);
}

/* -- listings: "=TITLE", then "TYPE TAB SIZE TAB NAME TAB TITLE" a line -- */

struct listing {
	struct buf text; /* owns every view below */
	struct view title;
	struct render_entry entries[ENTRIES_MAX];
	size_t n;
};

/* Append what v says, its %HH decoded. */
static struct view
decoded(struct listing *l, struct view v)
{
	size_t before = l->text.len;

	assert_int_equal(uri_decode(&l->text, v), URI_OK);
	return (struct view){ l->text.p + before, l->text.len - before };
}

static void
read_entry(struct listing *l, struct view line)
{
	struct render_entry *e = &l->entries[l->n++];
	struct view size;
	char number[32];

	assert_true(l->n <= ENTRIES_MAX);
	e->item = view_cut(&line, '\t').p[0];
	size = view_cut(&line, '\t');
	(void)snprintf(number, sizeof(number), "%.*s", VIEW_ARG(size));
	e->size = (off_t)strtoll(number, NULL, 10);
	e->selector.len = l->text.len;
	buf_puts(&l->text, "/folder/");
	e->name = decoded(l, view_cut(&line, '\t'));
	e->selector = (struct view){ l->text.p + e->selector.len,
		l->text.len - e->selector.len };
	e->title = decoded(l, view_cut(&line, '\t'));
}

static void
read_listing(const char *name, struct listing *l, struct buf *source)
{
	struct view rest;

	read_golden(name, source);
	*l = (struct listing){ 0 };
	/* Room for all at once: the views may not move. */
	buf_init(&l->text, OUT_MAX);
	buf_fill(&l->text, ' ', OUT_MAX);
	buf_reset(&l->text);
	rest = buf_view(source);
	l->title = decoded(l, view_skip(view_cut(&rest, '\n'), 1));
	while (rest.len > 0)
		read_entry(l, view_cut(&rest, '\n'));
}

/* -- golden files -- */

/* What a gemtext source is rendered in, by the name of the file wanted. */
static const struct {
	const char *kind;
	enum utf8_charset charset;
} menus[] = {
	{ "menu", UTF8_UTF8 },
	{ "menu-latin1", UTF8_LATIN1 },
	{ "menu-ascii", UTF8_ASCII },
};

static const struct {
	const char *source;
	size_t n_menus; /* of the table above */
} gemtexts[] = {
	{ "accents.gmi", 3 },
	{ "wide.gmi", 3 },
	{ "inject.gmi", 3 },
	{ "long.gmi", 1 },
	{ "lists.gmi", 1 },
	{ "headings.gmi", 1 },
	{ "pre.gmi", 1 },
	{ "bom.gmi", 1 },
	{ "crlf.gmi", 1 },
	{ "empty.gmi", 1 },
	{ "blank.gmi", 1 },
	{ "nonewline.gmi", 1 },
	{ "oneletter.gmi", 1 },
	{ "trailing.gmi", 1 },
	{ "links.gmi", 1 },
};

static void
gemtext_becomes_the_expected_menu(void **state)
{
	struct render r = surroundings();
	struct buf source, out;
	struct view v;
	size_t i, k;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(gemtexts); i++) {
		buf_reset(&source);
		read_golden(gemtexts[i].source, &source);
		v = exact(buf_view(&source));
		for (k = 0; k < gemtexts[i].n_menus; k++) {
			buf_reset(&out);
			r.charset = menus[k].charset;
			render_gemtext_menu(&out, &r, v);
			settle(gemtexts[i].source, menus[k].kind, &out);
		}
		loose(v);
	}
	buf_fini(&source);
	buf_fini(&out);
}

static const struct {
	const char *source;
	size_t n_menus;
} maps[] = {
	{ "map.gophermap", 1 },
	{ "accents.gophermap", 3 },
	{ "listing.gophermap", 1 },
	{ "end.gophermap", 1 },
	{ "empty.gophermap", 1 },
	{ "bom.gophermap", 1 },
	{ "inject.gophermap", 3 },
};

static void
a_gophermap_becomes_the_expected_menu_and_gemtext(void **state)
{
	struct render r = surroundings();
	struct buf source, files, out;
	struct listing l;
	struct view v;
	size_t i, k;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&files, OUT_MAX);
	buf_init(&out, OUT_MAX);
	read_listing("files.listing", &l, &files);
	for (i = 0; i < N_OF(maps); i++) {
		buf_reset(&source);
		read_golden(maps[i].source, &source);
		v = exact(buf_view(&source));
		for (k = 0; k < maps[i].n_menus; k++) {
			buf_reset(&out);
			r.charset = menus[k].charset;
			render_gophermap_menu(&out, &r, v, l.entries, l.n);
			settle(maps[i].source, menus[k].kind, &out);
		}
		buf_reset(&out);
		render_gophermap_gemtext(&out, &r, v, l.entries, l.n);
		settle(maps[i].source, "gemtext", &out);
		loose(v);
	}
	buf_fini(&l.text);
	buf_fini(&files);
	buf_fini(&source);
	buf_fini(&out);
}

static const struct {
	const char *source;
	const char *kind;
	bool lastline;
	enum utf8_charset charset;
} texts[] = {
	{ "plain.txt", "gopher", false, UTF8_UTF8 },
	{ "plain.txt", "lastline", true, UTF8_UTF8 },
	{ "plain.txt", "latin1", false, UTF8_LATIN1 },
	{ "plain.txt", "ascii", false, UTF8_ASCII },
	{ "crlf.txt", "gopher", false, UTF8_UTF8 },
	{ "crlf.txt", "lastline", true, UTF8_UTF8 },
	{ "latin1.txt", "gopher", false, UTF8_ASCII },
	{ "latin1.txt", "lastline", true, UTF8_UTF8 },
	{ "empty.txt", "gopher", false, UTF8_UTF8 },
	{ "empty.txt", "lastline", true, UTF8_UTF8 },
};

static void
text_becomes_the_expected_item(void **state)
{
	struct render r = surroundings();
	struct buf source, out;
	struct view v;
	size_t i;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(texts); i++) {
		buf_reset(&source);
		buf_reset(&out);
		read_golden(texts[i].source, &source);
		v = exact(buf_view(&source));
		r.lastline = texts[i].lastline;
		r.charset = texts[i].charset;
		render_text(&out, &r, v);
		settle(texts[i].source, texts[i].kind, &out);
		loose(v);
	}
	buf_fini(&source);
	buf_fini(&out);
}

static void
a_listing_becomes_the_expected_menu_and_gemtext(void **state)
{
	static const char *const sources[] = { "files.listing", "names.listing",
		"empty.listing", "untitled.listing" };
	struct render r = surroundings();
	struct buf source, out;
	struct listing l;
	size_t i;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(sources); i++) {
		buf_reset(&source);
		read_listing(sources[i], &l, &source);
		buf_reset(&out);
		render_listing_menu(&out, &r, l.title, l.entries, l.n);
		settle(sources[i], "menu", &out);
		buf_reset(&out);
		render_listing_gemtext(&out, &r, l.title, l.entries, l.n);
		settle(sources[i], "gemtext", &out);
		buf_fini(&l.text);
	}
	buf_fini(&source);
	buf_fini(&out);
}

/* -- what holds for any source -- */

/* Every line has a type and four fields, and the last one is the dot. */
static void
expect_menu(const char *name, struct view menu)
{
	struct view rest = menu, line;
	size_t i, tabs;

	for (;;) {
		line = view_cut(&rest, '\n');
		if (line.len < 2 || line.p[line.len - 1] != '\r')
			fail_msg("%s: a line without CRLF", name);
		if (view_eq(line, VIEW(".\r")))
			break;
		for (i = tabs = 0; i < line.len; i++)
			tabs += line.p[i] == '\t';
		if (tabs != 3)
			fail_msg("%s: %zu TABs in \"%.*s\"", name, tabs,
			    VIEW_ARG(line));
	}
	if (rest.len > 0)
		fail_msg("%s: bytes after the dot line", name);
}

static void
every_prefix_of_a_source_makes_a_menu(void **state)
{
	struct render r = surroundings();
	struct buf source, out;
	size_t i, n;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	for (i = 0; i < N_OF(gemtexts) + N_OF(maps); i++) {
		const char *name = i < N_OF(gemtexts)
		    ? gemtexts[i].source
		    : maps[i - N_OF(gemtexts)].source;

		buf_reset(&source);
		read_golden(name, &source);
		for (n = 0; n <= source.len; n++) {
			struct view v = exact((struct view){ source.p, n });

			buf_reset(&out);
			if (i < N_OF(gemtexts))
				render_gemtext_menu(&out, &r, v);
			else
				render_gophermap_menu(&out, &r, v, NULL, 0);
			expect_menu(name, buf_view(&out));
			loose(v);
		}
	}
	buf_fini(&source);
	buf_fini(&out);
}

/*
 * Whatever the columns, nothing is wider; and the text of a link is there
 * whole, its first line an item and the others below it.
 */
static void
text_and_links_are_wrapped_to_the_columns(void **state)
{
	static const int columns[] = { RENDER_COLUMNS_MIN,
		RENDER_COLUMNS_MIN + 1, 67, RENDER_COLUMNS_MAX };
	struct view label = VIEW("a label that is much wider than 20 columns");
	struct render r = surroundings();
	struct buf source, out, words;
	struct view rest, line, name;
	size_t i;

	(void)state;
	buf_init(&source, OUT_MAX);
	buf_init(&out, OUT_MAX);
	buf_init(&words, OUT_MAX);
	for (i = 0; i < 40; i++)
		buf_puts(&source, "# \u00e9t\u00e9 ");
	buf_puts(&source, "\n* ");
	buf_fill(&source, 'x', 3000);
	buf_puts(&source, "\n> ");
	for (i = 0; i < 300; i++)
		buf_puts(&source, "\u4e2d ");
	buf_puts(&source, "\n=> /a ");
	buf_put(&source, label);
	for (i = 0; i < N_OF(columns); i++) {
		r.columns = columns[i];
		buf_reset(&out);
		buf_reset(&words);
		render_gemtext_menu(&out, &r, buf_view(&source));
		expect_menu("columns", buf_view(&out));
		for (rest = buf_view(&out); rest.len > 3;) {
			line = view_cut(&rest, '\n');
			name = view_skip(view_cut(&line, '\t'), 1);
			assert_in_range(utf8_width(name), 0, columns[i]);
			if (line.p[0] == '/')
				buf_put(&words, name);
			else if (words.len > 0)
				buf_put(&words, view_skip(name, 1));
		}
		expect_view("label", buf_view(&words), label);
	}
	buf_fini(&source);
	buf_fini(&out);
	buf_fini(&words);
}

/* A buffer one byte too small fails, whatever was being written then. */
static void
a_rendering_that_does_not_fit_fails(void **state)
{
	struct view gemtext = VIEW("# Title\n=> /a A\n* b\n");
	struct view map = VIEW("text\n1A\t/a\th\t71\n!T\n8B\tb\th h\t1\nc");
	struct render r = surroundings();
	size_t max, fits[2];
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	render_gemtext_menu(&out, &r, gemtext);
	fits[0] = out.len;
	buf_reset(&out);
	render_gophermap_gemtext(&out, &r, map, NULL, 0);
	fits[1] = out.len;
	buf_fini(&out);
	for (max = 0; max <= fits[0] || max <= fits[1]; max++) {
		buf_init(&out, max);
		render_gemtext_menu(&out, &r, gemtext);
		assert_int_equal(out.failed, max < fits[0]);
		buf_reset(&out);
		render_gophermap_gemtext(&out, &r, map, NULL, 0);
		assert_int_equal(out.failed, max < fits[1]);
		buf_fini(&out);
	}
}

/* A host that no URI can hold still leaves the page its own links. */
static void
links_work_whatever_the_host_is_called(void **state)
{
	struct render r = surroundings();
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	r.host = VIEW("::1");
	render_gemtext_menu(&out, &r, VIEW("=> a A\n=> /%2F B\n"));
	expect_written("no URI host", &out,
	    "1A\t/folder/a\t::1\t70\r\n"
	    "iB (/%2F)\t\t\t0\r\n"
	    ".\r\n");
	r.host = VIEW("[::1]");
	render_gemtext_menu(&out, &r, VIEW("=> a A\n"));
	expect_written("literal", &out, "1A\t/folder/a\t[::1]\t70\r\n.\r\n");
	buf_fini(&out);
}

/* Renderings are appended: what stands in the buffer stays as it is. */
static void
renderings_are_appended(void **state)
{
	struct render r = surroundings();
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	buf_puts(&out, "header\n");
	render_listing_gemtext(&out, &r, VIEW(""), NULL, 0);
	expect_written("nothing", &out, "header\n");
	buf_puts(&out, "header\n");
	render_gemtext_menu(&out, &r, VIEW("## A\n"));
	expect_written("menu", &out, "header\niA\t\t\t0\r\ni-\t\t\t0\r\n.\r\n");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gemtext_becomes_the_expected_menu),
		cmocka_unit_test(
		    a_gophermap_becomes_the_expected_menu_and_gemtext),
		cmocka_unit_test(text_becomes_the_expected_item),
		cmocka_unit_test(
		    a_listing_becomes_the_expected_menu_and_gemtext),
		cmocka_unit_test(every_prefix_of_a_source_makes_a_menu),
		cmocka_unit_test(text_and_links_are_wrapped_to_the_columns),
		cmocka_unit_test(a_rendering_that_does_not_fit_fails),
		cmocka_unit_test(links_work_whatever_the_host_is_called),
		cmocka_unit_test(renderings_are_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
