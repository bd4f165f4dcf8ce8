/* finding.h - what a check found, in the order of files and lines. */
#ifndef FINDING_H
#define FINDING_H

#include <stddef.h>
#include <stdio.h>

#include "base/view.h"
#include "ctl/json.h"
#include "ctl/term.h"

struct findings;

/* An empty list; the caller frees it with findings_free. */
struct findings *findings_new(void);
void findings_free(struct findings *fs);

/*
 * Add a sentence about a line of a file; line 0 is for what no line is to
 * blame for.  rule, borrowed, is the name of the rule that it breaks; file is
 * copied.
 */
void findings_add(struct findings *fs, struct view file, int line,
    const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* How many there are; what was found twice in one place counts once. */
size_t findings_count(struct findings *fs);

/* Write "FILE:LINE: sentence" for each, or one list of objects as JSON. */
void findings_print(struct findings *fs, const struct term *t, FILE *to);
void findings_json(struct findings *fs, struct json *to, const char *name);

#endif
