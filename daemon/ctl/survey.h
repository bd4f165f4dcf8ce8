/* survey.h - all the files of a capsule, and the rules that take all of it. */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "ctl/finding.h"
#include "ctl/load.h"
#include "ctl/rule.h"
#include "ctl/tally.h"
#include "ctl/term.h"

/* A survey under way: one capsule of those that were loaded. */
struct survey {
	struct loaded *l;
	struct capsule *c;
	struct findings *found;
	const bool *is_off; /* by row of rules */
	struct term *term;  /* progress is told there */
	struct links links; /* from the pages of c */
	size_t capsule;     /* which c is; no other yet: SIZE_MAX */
	struct hash *seen;  /* files of c that links alone lead to */
	struct view title;  /* of the page at hand; lives until the next one */
	struct buf text, name, key; /* scratch */
	/* Of all capsules together: */
	struct tally *titles;
	struct tally *linked; /* selectors: pages, and links to them */
	struct tally *known;  /* files that lie there, and those in use */
	size_t n_files;       /* read so far */
	size_t n_pages;
	bool has_failed;
};

/*
 * Render every page, read every file that is served by every rule that is not
 * off, and add what is found to found.  A page at a time is in memory.
 *
 * *n_files: how many files were read.  Returns 0, or -1 with errno if there is
 * no room for temporary files.
 */
int survey_all(struct loaded *l, struct findings *found, const bool *is_off,
    struct term *term, size_t *n_files);

/* The rules that look at more than lines; for the table. */
void survey_titles(struct survey *s, const struct rule *rule);
void survey_weight(struct survey *s, const struct rule *rule,
    const struct page *page);
void survey_selectors(struct survey *s, const struct rule *rule,
    const struct page *page);
void survey_root(struct survey *s, const struct rule *rule);
void survey_unreached(struct survey *s, const struct rule *rule);
void survey_unserved(struct survey *s, const struct rule *rule);
void survey_unlinked(struct survey *s, const struct rule *rule);

#endif
