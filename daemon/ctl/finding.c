/*
 * finding.c - collect, sort, write.
 *
 * Floor ctl.
 */
#include "ctl/finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

#define SENTENCE_MAX 4096 /* bytes */

struct finding {
	struct view file, text;
	const char *rule;
	int line;
	size_t order;
};

struct findings {
	struct arena *arena;
	struct finding *v;
	size_t n, cap;
};

struct findings *
findings_new(void)
{
	struct findings *fs = xcalloc(1, sizeof(*fs));

	fs->arena = arena_new();
	return fs;
}

void
findings_free(struct findings *fs)
{
	if (fs == NULL)
		return;
	arena_free(fs->arena);
	xfree(fs->v);
	xfree(fs);
}

void
findings_add(struct findings *fs, struct view file, int line, const char *rule,
    const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	struct finding *f;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fs->n == fs->cap) {
		fs->cap = fs->cap == 0 ? 16 : fs->cap * 2;
		fs->v = xrealloc(fs->v, fs->cap, sizeof(*fs->v));
	}
	f = &fs->v[fs->n];
	f->file = arena_copy(fs->arena, file);
	f->text = arena_copy(fs->arena, view_of(text));
	f->rule = rule;
	f->line = line;
	f->order = fs->n++;
}

size_t
findings_count(const struct findings *fs)
{
	return fs->n;
}

static int
by_place(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = strcmp(x->file.p, y->file.p);

	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
sort(struct findings *fs)
{
	if (fs->n > 0)
		qsort(fs->v, fs->n, sizeof(*fs->v), by_place);
}

/* A name or a sentence may quote bytes that would act on a terminal. */
static void
put(FILE *to, struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7F)
			fprintf(to, "\\x%02x", (unsigned char)v.p[i]);
		else
			putc(v.p[i], to);
}

void
findings_print(struct findings *fs, const struct term *t, FILE *to)
{
	const struct finding *f;

	sort(fs);
	for (f = fs->v; f < fs->v + fs->n; f++) {
		fputs(term_colour(t, TERM_BOLD), to);
		put(to, f->file);
		if (f->line > 0)
			fprintf(to, ":%d", f->line);
		fprintf(to, ":%s ", term_colour(t, TERM_PLAIN));
		put(to, f->text);
		fprintf(to, " %s[%s]%s\n", term_colour(t, TERM_DIM), f->rule,
		    term_colour(t, TERM_PLAIN));
	}
}

void
findings_json(struct findings *fs, struct json *to, const char *name)
{
	const struct finding *f;

	sort(fs);
	json_open(to, name, '[');
	for (f = fs->v; f < fs->v + fs->n; f++) {
		json_open(to, NULL, '{');
		json_string(to, "file", f->file);
		json_number(to, "line", f->line);
		json_string(to, "rule", view_of(f->rule));
		json_string(to, "text", f->text);
		json_close(to, '}');
	}
	json_close(to, ']');
}
