/* json.h - values as JSON (RFC 8259), for scripts. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "base/view.h"

/* A document under way; start with { to, 0, false }. */
struct json {
	FILE *to;
	int depth;
	bool has_before; /* a value stands before the next one */
};

/*
 * Open an object ('{') or a list ('['), and close it by its other bracket.
 * name is that of a member of an object, NULL in a list and at the top; so it
 * is below.  What closes the outermost one ends the line, too.
 */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);

/* A string; what is not UTF-8 in it becomes U+FFFD. */
void json_string(struct json *j, const char *name, struct view value);
void json_number(struct json *j, const char *name, long long value);
/* A number with two digits after its point. */
void json_real(struct json *j, const char *name, double value);
void json_bool(struct json *j, const char *name, bool value);

#endif
