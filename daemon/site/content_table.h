/* content_table.h - content that is held in memory. */
#ifndef CONTENT_TABLE_H
#define CONTENT_TABLE_H

#include <stddef.h>

#include "base/arena.h"
#include "site/content.h"

struct content_table;

/* A table for about so many entries; it lives as long as a. */
struct content_table *content_table_new(struct arena *a, size_t expected);

/* Put an entry, by its selector, which must be another one than those there;
 * it is borrowed, and may yet be changed. */
void content_table_put(struct content_table *t, struct entry *entry);

size_t content_table_count(const struct content_table *t);

/* The table as content: as long as it lives. */
const struct content *content_of_table(const struct content_table *t);

#endif
