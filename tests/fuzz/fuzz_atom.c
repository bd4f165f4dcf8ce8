/*
 * fuzz_atom.c - whatever the page, a feed is text that XML can hold with tags
 * that match, and both renderings have the same entries.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/atom.h"
#include "format/utf8.h"

#define OUT_MAX ((size_t)1 << 26) /* bytes; more than any input here gives */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static size_t
count(struct view v, const char *part)
{
	size_t n = 0, len = strlen(part);

	for (; v.len >= len; v = view_skip(v, 1))
		n += memcmp(v.p, part, len) == 0;
	return n;
}

static void
check_feed(struct view xml, size_t entries)
{
	size_t i;

	check(utf8_is_valid(xml));
	for (i = 0; i < xml.len; i++)
		check((uint8_t)xml.p[i] >= ' ' || xml.p[i] == '\n');
	check(count(xml, "\xEF\xBF\xBE") == 0);
	check(count(xml, "\xEF\xBF\xBF") == 0);
	check(count(xml, "<entry>") == entries);
	check(count(xml, "</entry>") == entries);
	check(count(xml, "<id>") == entries + 1);
	check(count(xml, "<title>") == entries + 1);
	check(count(xml, "<updated>") == entries + 1);
	check(count(xml, "<") == count(xml, ">"));
	check(view_has_suffix(xml, VIEW("</feed>\n")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { (const char *)data, size }, rest = text;
	struct atom a = { .host = VIEW("example.org"),
		.selector = VIEW("/news.xml"),
		.page = VIEW("/a/news") };
	struct buf xml, gemtext;
	size_t n;

	a.mail = view_cut(&rest, '\n');
	a.author = view_cut(&rest, '\n');
	buf_init(&xml, OUT_MAX);
	buf_init(&gemtext, OUT_MAX);
	n = atom_write(&xml, &a, text);
	check(!xml.failed && n <= ATOM_ENTRIES_MAX);
	check(atom_gemtext(&gemtext, &a, text) == n && !gemtext.failed);
	if (n > 0)
		check_feed(buf_view(&xml), n);
	else
		check(xml.len == 0 && gemtext.len == 0);
	/* A feed of the menu's text has the same entries again. */
	buf_reset(&xml);
	check(atom_write(&xml, &a, buf_view(&gemtext)) == n);
	buf_fini(&xml);
	buf_fini(&gemtext);
	return 0;
}
