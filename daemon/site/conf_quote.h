/* conf_quote.h - sentences about values; for the files of conf alone. */
#ifndef CONF_QUOTE_H
#define CONF_QUOTE_H

#include "base/buf.h"
#include "base/view.h"

/* Append v in quotes, escaped so that it stays on its line. */
void conf_quote(struct buf *to, struct view v);

/* Append: "read" what.  Returns -1. */
int conf_refuse(struct buf *why, struct view read, const char *what);

#endif
