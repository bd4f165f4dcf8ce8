/*
 * scrape.c - counts as they were written for Prometheus, read back.
 *
 * Floor format: pure.  The other half of prometheus.c; but what comes is not
 * taken for ours, because anybody may listen where a configuration says.
 */
#include "format/scrape.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void
skip_blanks(struct view *v)
{
	while (v->len > 0 && (v->p[0] == ' ' || v->p[0] == '\t'))
		*v = view_skip(*v, 1);
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*; empty if v does not begin with a name. */
static struct view
take_name(struct view *v)
{
	struct view name = { v->p, 0 };

	while (name.len < v->len &&
	    (is_letter(v->p[name.len]) || v->p[name.len] == ':' ||
		(name.len > 0 && is_digit(v->p[name.len]))))
		name.len++;
	*v = view_skip(*v, name.len);
	return name;
}

static bool
take_byte(struct view *v, char c)
{
	if (v->len == 0 || v->p[0] != c)
		return false;
	*v = view_skip(*v, 1);
	return true;
}

/* A text in quotes, as written, without them; -1 if its end is missing. */
static int
take_text(struct view *v, struct view *to)
{
	size_t i;

	if (!take_byte(v, '"'))
		return -1;
	for (i = 0; i < v->len && v->p[i] != '"'; i++)
		if (v->p[i] == '\\' && ++i < v->len &&
		    memchr("\\\"n", v->p[i], 3) == NULL)
			return -1;
	if (i >= v->len)
		return -1;
	*to = (struct view){ v->p, i };
	*v = view_skip(*v, i + 1);
	return 0;
}

/* One label and the comma behind it; 0, or -1 if there is none. */
static int
take_label(struct view *v, struct view *name, struct view *text)
{
	skip_blanks(v);
	*name = take_name(v);
	skip_blanks(v);
	if (name->len == 0 || !take_byte(v, '='))
		return -1;
	skip_blanks(v);
	if (take_text(v, text) == -1)
		return -1;
	skip_blanks(v);
	/* The last one may have a comma, too; only the last may have none. */
	return take_byte(v, ',') || v->len == 0 || v->p[0] == '}' ? 0 : -1;
}

/* All between the braces, and both of these, if there are any. */
static int
take_labels(struct view *v, struct view *labels)
{
	const char *begin;
	struct view name, text;

	*labels = VIEW("");
	if (!take_byte(v, '{'))
		return 0;
	begin = v->p;
	skip_blanks(v);
	while (v->len > 0 && v->p[0] != '}') {
		if (take_label(v, &name, &text) == -1)
			return -1;
		skip_blanks(v);
	}
	*labels = (struct view){ begin, (size_t)(v->p - begin) };
	return take_byte(v, '}') ? 0 : -1;
}

/* A word up to the next blank, or all that is left. */
static struct view
take_word(struct view *v)
{
	struct view word = { v->p, 0 };

	while (word.len < v->len && v->p[word.len] != ' ' &&
	    v->p[word.len] != '\t')
		word.len++;
	*v = view_skip(*v, word.len);
	return word;
}

/* What strtod(3) takes beyond decimal numbers is not of the format. */
static int
read_number(struct view word, double *to)
{
	char text[SCRAPE_NUMBER_MAX + 1], *end;
	size_t i;

	if (view_eq(word, VIEW("+Inf")) || view_eq(word, VIEW("-Inf"))) {
		*to = word.p[0] == '-' ? -INFINITY : INFINITY;
		return 0;
	}
	if (view_eq(word, VIEW("NaN"))) {
		*to = NAN;
		return 0;
	}
	if (word.len == 0 || word.len > SCRAPE_NUMBER_MAX)
		return -1;
	for (i = 0; i < word.len; i++)
		if (!is_digit(word.p[i]) &&
		    memchr("+-.eE", word.p[i], 5) == NULL)
			return -1;
	memcpy(text, word.p, word.len);
	text[word.len] = '\0';
	*to = strtod(text, &end);
	return *end == '\0' ? 0 : -1;
}

/* Milliseconds since 1970, which nobody here asks for. */
static bool
is_stamp(struct view word)
{
	size_t i;

	if (view_has_prefix(word, VIEW("-")))
		word = view_skip(word, 1);
	for (i = 0; i < word.len; i++)
		if (!is_digit(word.p[i]))
			return false;
	return word.len > 0;
}

/* name [ "{" labels "}" ] value [ stamp ] */
static int
read_line(struct view line, struct scrape_sample *to)
{
	struct scrape_sample s = { take_name(&line), VIEW(""), 0 };

	skip_blanks(&line);
	if (s.name.len == 0 || take_labels(&line, &s.labels) == -1)
		return -1;
	skip_blanks(&line);
	if (read_number(take_word(&line), &s.value) == -1)
		return -1;
	skip_blanks(&line);
	if (line.len > 0 && !is_stamp(take_word(&line)))
		return -1;
	skip_blanks(&line);
	if (line.len > 0)
		return -1;
	*to = s;
	return 0;
}

enum scrape_result
scrape_next(struct scrape *s, struct scrape_sample *to)
{
	struct view line;

	while (s->rest.len > 0) {
		line = view_cut(&s->rest, '\n');
		s->line++;
		if (s->rest.p == NULL)
			return SCRAPE_BAD;
		skip_blanks(&line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		return read_line(line, to) == 0 ? SCRAPE_SAMPLE : SCRAPE_BAD;
	}
	return SCRAPE_END;
}

static void
put_unescaped(struct buf *to, struct view text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.p[i] != '\\') {
			buf_putc(to, text.p[i]);
			continue;
		}
		i++;
		buf_putc(to, text.p[i] == 'n' ? '\n' : text.p[i]);
	}
}

int
scrape_label(const struct scrape_sample *s, const char *name, struct buf *to)
{
	struct view rest = s->labels, found, text;

	while (rest.len > 0 && take_label(&rest, &found, &text) == 0)
		if (view_eq(found, view_of(name))) {
			put_unescaped(to, text);
			return 0;
		}
	return -1;
}

/* -- HTTP -- */

/* "HTTP/1.x 200 ..."; 0 or -1. */
static int
read_status(struct view line, int *to)
{
	unsigned long n;
	struct view number;

	if (!view_has_prefix(line, VIEW("HTTP/1.")) || line.len < 9 ||
	    !is_digit(line.p[7]) || line.p[8] != ' ')
		return -1;
	line = view_skip(line, 9);
	number = take_word(&line);
	if (number.len != 3 || view_to_number(number, 999, &n) != 0)
		return -1;
	*to = (int)n;
	return 0;
}

enum scrape_answer
scrape_page(struct view answer, int *status, struct view *page)
{
	struct view rest = answer, line = view_cut(&rest, '\n'), name;
	unsigned long length = ULONG_MAX;
	int told;

	if (rest.p == NULL || read_status(view_trim(line), &told) == -1)
		return SCRAPE_NO_HTTP;
	for (;;) {
		line = view_cut(&rest, '\n');
		if (rest.p == NULL)
			return SCRAPE_NO_HTTP;
		line = view_trim(line);
		if (line.len == 0)
			break;
		name = view_cut(&line, ':');
		if (view_eq_nocase(name, VIEW("Content-Length")) &&
		    view_to_number(view_trim(line), ULONG_MAX - 1, &length) ==
			-1)
			return SCRAPE_NO_HTTP;
	}
	if (told == 200 && length != ULONG_MAX && length != rest.len)
		return SCRAPE_NO_HTTP;
	*status = told;
	if (told != 200)
		return SCRAPE_NOT_FOUND;
	*page = rest;
	return SCRAPE_FINE;
}
