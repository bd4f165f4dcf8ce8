/*
 * fuzz_gophermap.c - whatever the map, every line is told once, in order, no
 * field holds a TAB, and nothing follows the end.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/gophermap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
check_inside(struct view v, struct view map)
{
	if (v.len == 0)
		return;
	check(v.p >= map.p && v.p + v.len <= map.p + map.len);
	check(memchr(v.p, '\n', v.len) == NULL);
}

static void
check_field(struct view v)
{
	check(v.len == 0 || memchr(v.p, '\t', v.len) == NULL);
}

static void
check_line(const struct gophermap_line *line)
{
	bool is_item = line->kind == GOPHERMAP_ITEM;

	check(is_item == (line->type != 0));
	check(is_item == line->has_selector);
	check(line->port >= 0 && line->port <= 65535);
	check_field(line->selector);
	check_field(line->host);
	if (is_item) {
		check(line->type > ' ' && line->type <= '~');
		check(line->type != 'i' && line->type != '#' &&
		    line->type != '!');
		check_field(line->text);
	} else
		check(line->host.len == 0 && line->selector.len == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view map = { (const char *)data, size };
	struct gophermap at = { map, 0, false };
	struct gophermap_line line;
	bool ended = false;
	int number = 0;

	while (gophermap_next(&at, &line)) {
		check(!ended);
		check(line.number == ++number);
		check_inside(line.text, map);
		check_inside(line.selector, map);
		check_inside(line.host, map);
		check_line(&line);
		ended = line.kind == GOPHERMAP_END ||
		    line.kind == GOPHERMAP_LISTING;
	}
	check(ended || at.rest.len == 0);
	check(!gophermap_next(&at, &line));
	return 0;
}
