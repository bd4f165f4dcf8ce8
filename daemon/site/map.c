/*
 * map.c - patterns, prefixes and extensions of the configuration's maps.
 *
 * Floor site.  What the lines may say was checked with the configuration.  The
 * lists are written by hand and so are short: each look-up reads them through.
 */
#include "site/map.h"

#include <stddef.h>

/*
 * "type/subtype", or "type/subtype X" with the item type X, which else follows
 * from the type.
 */
static struct mime
read_type(struct view value)
{
	struct view type = value;

	if (value.len > 2 &&
	    (value.p[value.len - 2] == ' ' || value.p[value.len - 2] == '\t')) {
		type.len--;
		return (struct mime){ view_trim(type), value.p[value.len - 1] };
	}
	return (struct mime){ type, mime_item(type) };
}

/* The line whose pattern fits selector, the longest such; or NULL. */
static const struct conf_pair *
longest(const struct conf_pairs *pairs, struct view selector)
{
	const struct conf_pair *best = NULL;
	size_t i, len = 0;
	struct view key;
	bool fits;

	for (i = 0; i < pairs->n; i++) {
		key = pairs->v[i].key;
		if (view_has_suffix(key, VIEW("*"))) {
			key.len--;
			fits = view_has_prefix(selector, key);
		} else
			fits = view_eq(selector, key);
		if (fits && key.len >= len) {
			len = key.len;
			best = &pairs->v[i];
		}
	}
	return best;
}

/* The line of [types] for a file, or NULL. */
static const struct conf_pair *
find_type(const struct conf_capsule *capsule, struct view selector,
    struct view name)
{
	const struct conf_pairs *types = &capsule->types;
	const struct conf_pair *best = longest(types, selector);
	size_t i, key;

	for (i = 0; best == NULL && i < types->n; i++) {
		key = types->v[i].key.len;
		if (name.len > key &&
		    view_eq_nocase(view_skip(name, name.len - key),
			types->v[i].key))
			best = &types->v[i];
	}
	return best;
}

bool
map_has_type(const struct conf_capsule *capsule, struct view selector,
    struct view name)
{
	return find_type(capsule, selector, name) != NULL;
}

struct mime
map_type(const struct conf_capsule *capsule, struct view selector,
    struct view name)
{
	const struct conf_pair *pair = find_type(capsule, selector, name);

	return pair == NULL ? mime_of(name) : read_type(pair->value);
}

bool
map_has_value(const struct conf_pairs *pairs, struct view start)
{
	size_t i;

	for (i = 0; i < pairs->n; i++)
		if (view_has_prefix(pairs->v[i].value, start))
			return true;
	return false;
}

struct view
map_language(const struct conf_capsule *capsule, struct view selector)
{
	const struct conf_pair *best = longest(&capsule->languages, selector);

	return best != NULL ? best->value : capsule->language;
}

bool
map_has_listing(const struct conf_capsule *capsule, struct view folder)
{
	const struct conf_pairs *pairs = &capsule->listing;
	size_t i, len = 0;
	bool has = false;

	for (i = 0; i < pairs->n; i++)
		if (view_has_prefix(folder, pairs->v[i].key) &&
		    pairs->v[i].key.len > len) {
			len = pairs->v[i].key.len;
			has = view_eq(pairs->v[i].value, VIEW("yes"));
		}
	return has;
}
