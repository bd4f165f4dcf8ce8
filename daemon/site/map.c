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

struct mime
map_type(const struct conf_capsule *capsule, struct view selector,
    struct view name)
{
	const struct conf_pairs *types = &capsule->types;
	const struct conf_pair *best = longest(types, selector);
	size_t i, key;

	if (best != NULL)
		return read_type(best->value);
	for (i = 0; i < types->n; i++) {
		key = types->v[i].key.len;
		if (name.len > key &&
		    view_eq_nocase(view_skip(name, name.len - key),
			types->v[i].key))
			return read_type(types->v[i].value);
	}
	return mime_of(name);
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
