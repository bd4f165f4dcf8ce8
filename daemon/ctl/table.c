/*
 * table.c - align by display columns: names may be in any script.
 *
 * Floor ctl.
 */
#include "ctl/table.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "format/utf8.h"

#define GAP      2    /* columns between two columns */
#define CELL_MAX 8192 /* bytes of one; a selector has at most half of that */

struct cell {
	struct view text;
	int width;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct arena *arena; /* of the texts */
	struct cell *cells;
	size_t n, cap;
	int *widths; /* of the widest cell of each column */
};

struct table *
table_new(const struct table_column *columns, size_t n)
{
	struct table *t = xcalloc(1, sizeof(*t));
	size_t i;

	t->columns = columns;
	t->n_columns = n;
	t->arena = arena_new();
	t->widths = xcalloc(n, sizeof(*t->widths));
	for (i = 0; i < n; i++)
		t->widths[i] = utf8_width(view_of(columns[i].head));
	return t;
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	arena_free(t->arena);
	xfree(t->cells);
	xfree(t->widths);
	xfree(t);
}

void
table_put(struct table *t, const char *fmt, ...)
{
	char text[CELL_MAX];
	struct buf clean;
	struct cell *cell;
	int *width = &t->widths[t->n % t->n_columns];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = xrealloc(t->cells, t->cap, sizeof(*t->cells));
	}
	buf_init(&clean, CELL_MAX * 8);
	utf8_clean(&clean, view_of(text));
	cell = &t->cells[t->n++];
	cell->text = arena_copy(t->arena, buf_view(&clean));
	cell->width = utf8_width(cell->text);
	if (cell->width > *width)
		*width = cell->width;
	buf_fini(&clean);
}

int
table_width(const struct table *t)
{
	int width = GAP * ((int)t->n_columns - 1);
	size_t i;

	for (i = 0; i < t->n_columns; i++)
		width += t->widths[i];
	return width;
}

static void
print_row(const struct table *t, const struct cell *row, FILE *to)
{
	int blanks = 0; /* that wait for what follows them */
	size_t i;

	for (i = 0; i < t->n_columns; i++) {
		int rest = t->widths[i] - row[i].width;

		if (t->columns[i].is_number)
			blanks += rest;
		if (row[i].text.len > 0) {
			fprintf(to, "%*s%.*s", blanks, "",
			    VIEW_ARG(row[i].text));
			blanks = 0;
		}
		if (!t->columns[i].is_number)
			blanks += rest;
		blanks += GAP;
	}
	putc('\n', to);
}

void
table_print(const struct table *t, const struct term *term, FILE *to)
{
	struct cell *heads = xcalloc(t->n_columns, sizeof(*heads));
	size_t i;

	for (i = 0; i < t->n_columns; i++) {
		heads[i].text = view_of(t->columns[i].head);
		heads[i].width = utf8_width(heads[i].text);
	}
	fputs(term_colour(term, TERM_BOLD), to);
	print_row(t, heads, to);
	fputs(term_colour(term, TERM_PLAIN), to);
	for (i = 0; i + t->n_columns <= t->n; i += t->n_columns)
		print_row(t, &t->cells[i], to);
	xfree(heads);
}
