/*
 * finding.c - collect, sort, write.
 *
 * Floor ctl.
 */
#include "ctl/finding.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "format/utf8.h"

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
	size_t n_added;
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
	f->order = fs->n_added++;
	fs->n++;
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

static bool
is_same_finding(const struct finding *a, const struct finding *b)
{
	return a->line == b->line && a->rule == b->rule &&
	    view_eq(a->file, b->file) && view_eq(a->text, b->text);
}

/* In order, and what was found twice once. */
static void
sort(struct findings *fs)
{
	size_t i, n = 0;

	if (fs->n > 0)
		qsort(fs->v, fs->n, sizeof(*fs->v), by_place);
	for (i = 0; i < fs->n; i++)
		if (n == 0 || !is_same_finding(&fs->v[n - 1], &fs->v[i]))
			fs->v[n++] = fs->v[i];
	fs->n = n;
}

size_t
findings_count(struct findings *fs)
{
	sort(fs);
	return fs->n;
}

/* True for a byte that a terminal would act on, or could not show. */
static bool
is_unsafe(struct view v, size_t i, bool is_text)
{
	unsigned char c = (unsigned char)v.p[i];

	if (c < ' ' || c == 0x7F || (c >= 0x80 && !is_text))
		return true;
	/* U+0080 to U+009F are controls, too: C2 80 to C2 9F. */
	if (c == 0xC2)
		return (unsigned char)v.p[i + 1] < 0xA0;
	return c >= 0x80 && c < 0xA0 && i > 0 &&
	    (unsigned char)v.p[i - 1] == 0xC2;
}

/* A name or a sentence quotes what somebody wrote: bytes as they came. */
static void
put(FILE *to, struct view v)
{
	bool is_text = utf8_is_valid(v);
	size_t i;

	for (i = 0; i < v.len; i++)
		if (is_unsafe(v, i, is_text))
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
