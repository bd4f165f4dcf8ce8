/* redirect.h - where a redirect of the map leads to. */
#ifndef REDIRECT_H
#define REDIRECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/problem.h"
#include "site/conf.h"
#include "site/pages.h"
#include "site/snapshot.h"

/* Append the selector of site that page, a redirect, leads to; false if that
 * is another server's. */
bool redirect_lead(const struct snapshot *s, const struct site *site,
    const struct page *page, struct buf *to);

/* Tell that page, a redirect, leads to what is not there. */
void redirect_tell(const struct conf *conf, const struct page *page,
    struct problems *notes);

#endif
