/* rule.h - what a careful editor asks of a page: one table. */
#ifndef RULE_H
#define RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"
#include "ctl/finding.h"
#include "ctl/link.h"
#include "format/gemtext.h"
#include "format/gophermap.h"
#include "format/utf8.h"
#include "site/pages.h"

struct survey;

/* A file as it is read, and what the rules remember of it. */
struct reader {
	struct findings *found;
	const bool *is_off; /* by row of the table: not asked for; or NULL */
	struct view file;   /* its name, for findings */
	int columns;        /* that Gopher's text is wrapped at */
	enum utf8_charset charset;
	struct links *links; /* its selector is that of the page */

	/* Filled while reading. */
	struct view raw;   /* the line at hand, as it stands there */
	struct link link;  /* where it leads, if it is a link */
	struct view title; /* the first heading */
	int level;         /* of the last heading; 0: there was none */
	int block_line;    /* where the open preformatted block began, or 0 */
};

/* One rule; what it does not look at is 0. */
struct rule {
	const char *name, *help;
	/* Lines of gemtext: 1 << kind for each that is looked at. */
	unsigned gemtext;
	void (*on_gemtext)(struct reader *r, const struct rule *rule,
	    const struct gemtext_line *line);
	/* The end of a page of gemtext. */
	void (*on_end)(struct reader *r, const struct rule *rule);
	/* Lines of a gophermap, likewise. */
	unsigned map;
	void (*on_map)(struct reader *r, const struct rule *rule,
	    const struct gophermap_line *line);
	/* Lines of any text, as bytes. */
	void (*on_bytes)(struct reader *r, const struct rule *rule,
	    struct view line, int number);
	/* See survey.h: a page, what lies in a root, all capsules. */
	void (*on_page)(struct survey *s, const struct rule *rule,
	    const struct page *page);
	void (*on_root)(struct survey *s, const struct rule *rule);
	void (*on_all)(struct survey *s, const struct rule *rule);
};

/* Every rule; "configuration" and "warning" have only their names. */
extern const struct rule rules[];
extern const size_t n_rules;

/* What the loader finds wrong or unwise has no rule of its own: its names. */
#define RULE_CONFIGURATION "configuration"
#define RULE_WARNING       "warning"

/*
 * Read a whole document by the rules for its kind, and add what is found.
 * The bytes of any text; then gemtext, or a gophermap.
 */
void rule_read_bytes(struct reader *r, struct view document);
void rule_read_gemtext(struct reader *r, struct view document);
void rule_read_map(struct reader *r, struct view document);

/* True if the rule was not left out. */
bool rule_is_on(const bool *is_off, const struct rule *rule);

#endif
