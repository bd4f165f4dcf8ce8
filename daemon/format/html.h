/* html.h - the little HTML that Gopher needs. */
#ifndef HTML_H
#define HTML_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

/* Append text so that it is only text in HTML, between quotes as well. */
void html_text(struct buf *to, struct view text);

/*
 * Append a page that takes a browser to url, which may come from anybody.
 *
 * Returns false, with nothing written, unless url is clean UTF-8 of a scheme
 * that names a place: "javascript:" and "data:" would run in the page.
 */
bool html_redirect(struct buf *to, struct view url);

#endif
