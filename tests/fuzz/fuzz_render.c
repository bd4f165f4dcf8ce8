/*
 * fuzz_render.c - whatever the source, a menu is a menu, and gemtext made
 * from a map has its links and no others.
 *
 * The first byte chooses the charset and lastline, the second the columns,
 * the third how long a file's name is: it is cut off the front of the rest.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/gemtext.h"
#include "format/gopher.h"
#include "format/gophermap.h"
#include "format/render.h"

#define OUT_MAX  ((size_t)1 << 26) /* bytes; more than any input here gives */
#define N_HEAD   3                 /* bytes that choose */
#define HOST_FIT 200               /* bytes that are a host name for sure */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static char
item_of(void *arg, struct view selector)
{
	(void)arg;
	if (view_eq(selector, VIEW("/search")))
		return '7';
	return view_has_prefix(selector, VIEW("/known")) ? '0' : 0;
}

static bool
is_ours(void *arg, struct view host)
{
	(void)arg;
	return view_eq(host, VIEW("example.org"));
}

static void
check_bytes(struct view v, enum utf8_charset charset)
{
	size_t i;

	for (i = 0; i < v.len; i++) {
		if (charset != UTF8_UTF8)
			check((uint8_t)v.p[i] < 0x7F ||
			    (charset == UTF8_LATIN1 &&
				(uint8_t)v.p[i] >= 0xA0));
		else
			check((uint8_t)v.p[i] >= ' ' && v.p[i] != 0x7F);
	}
	if (charset == UTF8_UTF8)
		check(utf8_is_valid(v));
}

/* Type, four fields, CRLF; then the dot line.  Returns the links. */
static size_t
check_menu(const struct buf *out, const struct render *r)
{
	struct view rest = buf_view(out), line, field[4];
	size_t i, links = 0;

	check(!out->failed);
	for (;;) {
		line = view_cut(&rest, '\n');
		check(line.len > 0 && line.p[line.len - 1] == '\r');
		line.len--;
		check(memchr(line.p, '\0', line.len) == NULL);
		check(memchr(line.p, '\r', line.len) == NULL);
		if (view_eq(line, VIEW(".")))
			break;
		for (i = 0; i < 4; i++)
			field[i] = view_cut(&line, '\t');
		check(line.p == NULL && field[3].p != NULL);
		check(field[0].len > 0);
		check_bytes(view_skip(field[0], 1), r->charset);
		links += field[0].p[0] != 'i';
	}
	check(rest.len == 0);
	return links;
}

static void
check_widths(const struct buf *out, const struct render *r)
{
	struct view rest = buf_view(out), line;

	if (r->charset != UTF8_ASCII)
		return;
	while (rest.len > 0) {
		line = view_cut(&rest, '\n');
		if (line.p[0] == 'i')
			check(view_cut(&line, '\t').len <=
			    (size_t)r->columns + 1);
	}
}

/* Links, and lines of preformatted text, which may be as wide as they like. */
static size_t
count_links(struct view gemtext, bool *pre)
{
	struct gemtext at = { gemtext, false, 0 };
	struct gemtext_line line;
	size_t n = 0;

	*pre = false;
	while (gemtext_next(&at, &line)) {
		n += line.kind == GEMTEXT_LINK;
		*pre = *pre || line.kind == GEMTEXT_PRE_START;
	}
	return n;
}

static void
try_gemtext(struct buf *out, const struct render *r, struct view source)
{
	size_t links, items;
	bool pre;

	buf_reset(out);
	render_gemtext_menu(out, r, source);
	items = check_menu(out, r);
	links = count_links(source, &pre);
	/* A link to nowhere is text; text is never a link. */
	check(items <= links);
	if (!pre && links == items)
		check_widths(out, r);
}

/* The items of a map that must become links, and those that may. */
static void
count_items(struct view map, size_t n_entries, size_t *must, size_t *may)
{
	struct gophermap at = { map, 0, false };
	struct gophermap_line line;

	*must = *may = 0;
	while (gophermap_next(&at, &line)) {
		if (line.kind == GOPHERMAP_LISTING)
			*must += n_entries;
		if (line.kind != GOPHERMAP_ITEM)
			continue;
		if (line.host.len > HOST_FIT ||
		    view_has_prefix(line.selector, VIEW("URL:")) ||
		    view_has_prefix(line.selector, VIEW("/URL:")) ||
		    view_has_prefix(line.text, VIEW("URL:")) ||
		    view_has_prefix(line.text, VIEW("/URL:")))
			++*may;
		else
			++*must;
	}
	*may += *must;
}

/* Only a title is a heading, and every block is closed. */
static void
check_gemtext(struct view gemtext)
{
	struct gemtext at = { gemtext, false, 0 };
	struct gemtext_line line;

	check(utf8_is_valid(gemtext));
	while (gemtext_next(&at, &line))
		switch (line.kind) {
		case GEMTEXT_TEXT:
			check(line.text.len == 0);
			break;
		case GEMTEXT_HEADING:
			check(line.level == 1);
			break;
		case GEMTEXT_LIST:
		case GEMTEXT_QUOTE:
			check(false);
			break;
		default:
			break;
		}
	check(!at.pre);
}

static void
try_map(struct buf *out, const struct render *r, struct view source,
    const struct render_entry *entry)
{
	size_t must, may, links;
	bool pre;

	count_items(source, 1, &must, &may);
	buf_reset(out);
	render_gophermap_menu(out, r, source, entry, 1);
	check(check_menu(out, r) <= may);

	buf_reset(out);
	render_gophermap_gemtext(out, r, source, entry, 1);
	check(!out->failed);
	check_gemtext(buf_view(out));
	links = count_links(buf_view(out), &pre);
	check(links >= must && links <= may);
}

static void
try_listing(struct buf *out, const struct render *r,
    const struct render_entry *entry)
{
	bool pre;

	buf_reset(out);
	render_listing_menu(out, r, entry->name, entry, 1);
	check(check_menu(out, r) <= 1);
	buf_reset(out);
	render_listing_gemtext(out, r, entry->name, entry, 1);
	check_gemtext(buf_view(out));
	check(count_links(buf_view(out), &pre) == 1);
}

static void
try_text(struct buf *out, const struct render *r, struct view source)
{
	struct view rest, line = { NULL, 0 };

	buf_reset(out);
	render_text(out, r, source);
	check(!out->failed);
	for (rest = buf_view(out); rest.len > 0;) {
		check(!view_eq(line, VIEW(".\r")));
		line = view_cut(&rest, '\n');
		check(line.len > 0 && line.p[line.len - 1] == '\r');
		if (!r->lastline)
			line.len = 0;
	}
	if (r->lastline)
		check(view_eq(line, VIEW(".\r")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view source, name;
	struct render_entry entry = { .item = '0', .size = 1234 };
	struct render r = { .selector = VIEW("/folder/page"),
		.host = VIEW("example.org"),
		.port = 70,
		.item_of = item_of,
		.is_ours = is_ours };
	struct buf out, selector;

	if (size < N_HEAD)
		return 0;
	r.charset = data[0] % 3;
	r.lastline = (data[0] & 0x80) != 0;
	r.columns = RENDER_COLUMNS_MIN + data[1] % 80;
	source = (struct view){ (const char *)data + N_HEAD, size - N_HEAD };
	name = (struct view){ source.p,
		data[2] < source.len ? data[2] : source.len };
	source = view_skip(source, name.len);

	buf_init(&out, OUT_MAX);
	buf_init(&selector, OUT_MAX);
	buf_puts(&selector, "/folder/");
	buf_put(&selector, name);
	entry.name = name;
	entry.selector = buf_view(&selector);
	try_gemtext(&out, &r, source);
	try_map(&out, &r, source, &entry);
	try_listing(&out, &r, &entry);
	try_text(&out, &r, source);
	/* A page may be anywhere, on a host of any name. */
	r.selector = r.host = name;
	try_gemtext(&out, &r, source);
	buf_fini(&out);
	buf_fini(&selector);
	return 0;
}
