/* protect.h - which rule of [access] holds for each page, by all its names. */
#ifndef PROTECT_H
#define PROTECT_H

#include "base/problem.h"
#include "site/access.h"
#include "site/conf.h"
#include "site/pages.h"

/*
 * Set the rule of every page.
 *
 * It is that of its selector, or of another name of the same content: a
 * folder's index is also a file in it, and so are both halves of a pair.  A
 * page that is found by a link is as protected as what the link leads to, and
 * a feed as what it is made from, wherever these are protected; of several
 * rules, the first line of [access] counts.
 */
void protect_pages(struct pages *pages, const struct access *access);

/* The rule for a page by the names that it has where it was found; or NULL. */
const struct access_rule *protect_own_rule(const struct access *access,
    const struct page *page);

/* The note for a line of [access] that fits no page; near follows it. */
void protect_tell_idle(const struct access_rule *rule, const struct conf *conf,
    const struct conf_capsule *capsule, struct view near,
    struct problems *notes);

/*
 * Add to notes each line of the map that names a file and shows it to
 * everybody, while a folder of the map has it, protected.
 *
 * pages: what pages_collect_named found.  Nothing is read.
 */
void protect_check_named(struct pages *pages, const struct access *access,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct problems *notes);

/* A line of a map that shows to everybody what a rule protects. */
struct protect_exposure {
	const struct conf_capsule *shown_by, *kept_by;
	struct view shown, file; /* the first file, and its selector there */
	struct view kept;        /* a selector that is protected */
	const struct access_rule *rule;
	int line; /* of the map */
	size_t n; /* files */
};

/* The note for it. */
void protect_tell_exposure(const struct protect_exposure *e,
    const struct conf *conf, struct problems *notes);

#endif
