/*
 * content_table.c - a hash table of entries.
 *
 * Floor site.
 */
#include "site/content_table.h"

#include "base/hash.h"

struct content_table {
	struct content content; /* the first: a content is cast to its table */
	struct hash *entries;   /* selector -> struct entry */
};

static enum content_result
find_in_table(const struct content *c, struct view selector, struct entry *to)
{
	const struct content_table *t = (const void *)c;
	const struct entry *entry = hash_find(t->entries, selector);

	if (entry == NULL)
		return CONTENT_NONE;
	*to = *entry;
	return CONTENT_FOUND;
}

static const struct content_kind in_memory = { .find = find_in_table };

struct content_table *
content_table_new(struct arena *a, size_t expected)
{
	struct content_table *t = arena_alloc(a, sizeof(*t));

	t->content.kind = &in_memory;
	t->entries = hash_new(a, expected);
	return t;
}

void
content_table_put(struct content_table *t, struct entry *entry)
{
	(void)hash_put(t->entries, entry->selector, entry);
}

size_t
content_table_count(const struct content_table *t)
{
	return hash_count(t->entries);
}

const struct content *
content_of_table(const struct content_table *t)
{
	return &t->content;
}
