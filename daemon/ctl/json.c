/*
 * json.c - write JSON, indented so that people can read it as well.
 *
 * Floor ctl.
 */
#include "ctl/json.h"

#include "base/buf.h"
#include "format/utf8.h"

#define INDENT 2

static void
put_string(FILE *to, struct view v)
{
	size_t i;

	putc('"', to);
	for (i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ' || c == 0x7F)
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

/* What stands before every value: comma, indent and name. */
static void
begin(struct json *j, const char *name)
{
	if (j->has_before)
		putc(',', j->to);
	if (j->depth > 0)
		fprintf(j->to, "\n%*s", j->depth * INDENT, "");
	if (name != NULL) {
		put_string(j->to, view_of(name));
		fputs(": ", j->to);
	}
	j->has_before = true;
}

void
json_open(struct json *j, const char *name, char bracket)
{
	begin(j, name);
	putc(bracket, j->to);
	j->depth++;
	j->has_before = false;
}

void
json_close(struct json *j, char bracket)
{
	j->depth--;
	if (j->has_before)
		fprintf(j->to, "\n%*s", j->depth * INDENT, "");
	putc(bracket, j->to);
	if (j->depth == 0)
		putc('\n', j->to);
	j->has_before = true;
}

void
json_string(struct json *j, const char *name, struct view value)
{
	struct buf clean;

	begin(j, name);
	if (utf8_is_valid(value)) {
		put_string(j->to, value);
		return;
	}
	buf_init(&clean, value.len * 8 + 1);
	utf8_clean(&clean, value);
	put_string(j->to, buf_view(&clean));
	buf_fini(&clean);
}

void
json_number(struct json *j, const char *name, long long value)
{
	begin(j, name);
	fprintf(j->to, "%lld", value);
}

void
json_real(struct json *j, const char *name, double value)
{
	begin(j, name);
	fprintf(j->to, "%.2f", value);
}

void
json_bool(struct json *j, const char *name, bool value)
{
	begin(j, name);
	fputs(value ? "true" : "false", j->to);
}
