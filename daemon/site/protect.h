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

/*
 * Add to notes what the operator should know of a capsule whose pages have
 * their rules: each line of [access] that fits no page, with the nearest name,
 * and each line of the map that shows to everybody what is protected
 * elsewhere in the capsule.
 */
void protect_check(const struct pages *pages, const struct access *access,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct problems *notes);

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

/* What several capsules show and protect of the same files. */
struct claims;

/*
 * Start to compare capsules.  Returns NULL if none of them is protected, or if
 * no two have a root in common or one root within the other; the caller frees
 * it with claims_free.
 */
struct claims *claims_new(const struct conf *conf);
void claims_free(struct claims *claims);

/* Take in a capsule, whose pages have their rules.  NULL is allowed. */
void claims_add(struct claims *claims, const struct conf_capsule *capsule,
    const struct beneath *root, const struct pages *pages);

/* Add to notes each line of the map of a capsule that shows to everybody what
 * another capsule protects.  NULL is allowed. */
void claims_tell(const struct claims *claims, struct problems *notes);

#endif
