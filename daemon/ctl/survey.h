/* survey.h - all the files of a capsule, and the rules that take all of it. */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "ctl/finding.h"
#include "ctl/load.h"
#include "ctl/rule.h"
#include "ctl/term.h"

/* A survey under way: one capsule of those that were loaded. */
struct survey {
	struct loaded *l;
	struct capsule *c;
	struct findings *found;
	const bool *is_off; /* by row of rules */
	struct term *term;  /* progress is told there */
	struct links links; /* from the pages of c */
	/* Of all capsules together: */
	struct hash *linked; /* entries that something leads to */
	struct hash *known;  /* files that are used, by device and inode */
	size_t n_files;      /* read so far */
};

/*
 * Read every file that is served by every rule that is not off, and add what
 * is found to found.  Returns how many files were read.
 */
size_t survey_all(struct loaded *l, struct findings *found, const bool *is_off,
    struct term *term);

/* The rules that look at a capsule as a whole; for the table. */
void survey_titles(struct survey *s, const struct rule *rule);
void survey_weight(struct survey *s, const struct rule *rule);
void survey_selectors(struct survey *s, const struct rule *rule);
void survey_unreached(struct survey *s, const struct rule *rule);
void survey_unserved(struct survey *s, const struct rule *rule);
void survey_unlinked(struct survey *s, const struct rule *rule);

#endif
