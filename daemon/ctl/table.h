/* table.h - columns of text, aligned as a terminal shows them. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/view.h"
#include "ctl/term.h"

struct table_column {
	const char *head;
	bool is_number; /* stands at the right edge */
};

struct table;

/* An empty table; columns, n of them, are borrowed.  Free it by table_free. */
struct table *table_new(const struct table_column *columns, size_t n);
void table_free(struct table *t);

/*
 * Put text, which is copied, into the next cell: from left to right, row
 * after row.  Malformed bytes and controls are shown as utf8_clean has them.
 */
void table_put(struct table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Columns that all rows of the table together take, as of now, and two blanks
 * between each two.
 */
int table_width(const struct table *t);

/* Write the heads and all whole rows; no line ends in a blank. */
void table_print(const struct table *t, const struct term *term, FILE *to);

#endif
