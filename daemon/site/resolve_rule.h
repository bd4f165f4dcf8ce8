/* resolve_rule.h - who may read a page, by all names of its files. */
#ifndef RESOLVE_RULE_H
#define RESOLVE_RULE_H

#include <stddef.h>

#include "site/resolve.h"

/* The number of lines of the map that name folders, and the folder of the one
 * of that number, which is as folders_find leaves it. */
size_t resolver_count_mapped(const struct resolver *r);
struct folder_place *resolver_mapped(struct resolver *r, size_t i);

/*
 * The folder of that one name where the line of that number has it by no link;
 * NULL if it does not.  As folders_find leaves it.
 */
struct folder_place *resolver_place_of(struct resolver *r, size_t i,
    struct view real);

/* The selector of a page that shows a file, by its one name: one that no link
 * led to; empty if there is none.  From a. */
struct view resolver_selector_of(struct resolver *r, struct view file,
    struct arena *a);

/*
 * The rule for a page that was found here, by all names of its files, as
 * protect_pages sets it; sets ->borrowed, too.
 *
 * Pages found by links count once resolver_learn_links has seen them.
 */
const struct access_rule *resolver_rule(struct resolver *r, struct page *page);

/* The rule of any page that shows the file, by its one name, and has one by its
 * own names; or NULL. */
const struct access_rule *resolver_file_rule(struct resolver *r,
    struct view file);

/*
 * Remember which files are found by links that a rule protects: forget what
 * was remembered, take in pages, and let what was taken in count.
 */
void resolver_links_begin(struct resolver *r);
void resolver_links_add(struct resolver *r, const struct page *page);
void resolver_links_end(struct resolver *r);

/* All of this by a walk; in a capsule without rules, nothing. */
void resolver_learn_links(struct resolver *r);

#endif
