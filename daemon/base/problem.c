/*
 * problem.c - collect what is wrong, then tell it in the order of the file.
 *
 * Floor base.  The configuration, the certificates and the content all add to
 * one list, so that the operator repairs everything after one look.
 */
#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NEAREST_MAX 63 /* bytes; longer words are not compared */

struct problem {
	char *text;
	int line;
	size_t order;
};

struct problems {
	struct problem *list;
	size_t n, cap;
	int sorted;
};

struct problems *
problems_new(void)
{
	return xcalloc(1, sizeof(struct problems));
}

void
problems_free(struct problems *ps)
{
	size_t i;

	if (ps == NULL)
		return;
	for (i = 0; i < ps->n; i++)
		xfree(ps->list[i].text);
	xfree(ps->list);
	xfree(ps);
}

/* By line; what has the same line, or none, stays in the order it came. */
static int
by_line(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
add_problem(struct problems *ps, int line, const char *where,
    const char *sentence)
{
	size_t size = strlen(where) + strlen(sentence) + 1;
	struct problem *p;

	if (ps->n == ps->cap) {
		ps->cap = ps->cap == 0 ? 8 : ps->cap * 2;
		ps->list = xrealloc(ps->list, ps->cap, sizeof(*ps->list));
	}
	p = &ps->list[ps->n];
	p->text = xmalloc(size);
	snprintf(p->text, size, "%s%s", where, sentence);
	p->line = line;
	p->order = ps->n++;
	ps->sorted = 0;
}

void
problems_add(struct problems *ps, const char *file, int line, const char *fmt,
    ...)
{
	char where[512] = "", sentence[2048];
	va_list ap;

	if (file != NULL && line > 0)
		snprintf(where, sizeof(where), "%s:%d: ", file, line);
	else if (file != NULL)
		snprintf(where, sizeof(where), "%s: ", file);
	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);

	add_problem(ps, line, where, sentence);
}

size_t
problems_count(const struct problems *ps)
{
	return ps->n;
}

const char *
problems_get(struct problems *ps, size_t i)
{
	if (!ps->sorted) {
		qsort(ps->list, ps->n, sizeof(*ps->list), by_line);
		ps->sorted = 1;
	}
	return ps->list[i].text;
}

/* Each as its line's number, its text and a NUL. */
void
problems_pack(struct problems *ps, struct buf *to)
{
	size_t i;

	for (i = 0; i < ps->n; i++) {
		buf_printf(to, "%d %s", ps->list[i].line, ps->list[i].text);
		buf_putc(to, '\0');
	}
}

int
problems_unpack(struct problems *ps, struct view packed)
{
	const char *text;
	char *after;
	long line;

	if (packed.len > 0 && packed.p[packed.len - 1] != '\0')
		return -1;
	while (packed.len > 0) {
		text = packed.p;
		line = strtol(text, &after, 10);
		packed = view_skip(packed, strlen(text) + 1);
		add_problem(ps, (int)line, "",
		    *after == ' ' ? after + 1 : after);
	}
	return 0;
}

static int
least_of_three(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Damerau's distance, restricted: a letter changed, dropped, added, swapped. */
static int
edit_distance(const char *a, const char *b)
{
	int d[NEAREST_MAX + 1][NEAREST_MAX + 1];
	int i, j, same, la = (int)strlen(a), lb = (int)strlen(b);

	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++)
		for (j = 1; j <= lb; j++) {
			same = a[i - 1] == b[j - 1];
			d[i][j] = least_of_three(d[i - 1][j] + 1,
			    d[i][j - 1] + 1, d[i - 1][j - 1] + !same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[la][lb];
}

const char *
problem_nearest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	int far, least_far;
	size_t i, len = strlen(word);

	if (len > NEAREST_MAX)
		return NULL;
	/* A third of the letters may be wrong; more is another word. */
	least_far = (int)len / 3 + 2;
	for (i = 0; i < n; i++) {
		if (strlen(candidates[i]) > NEAREST_MAX)
			continue;
		far = edit_distance(word, candidates[i]);
		if (far < least_far) {
			least_far = far;
			best = candidates[i];
		}
	}
	return best;
}
