/*
 * conf_quote.c - sentences about what a value was read as.
 *
 * Floor site.
 */
#include "site/conf_quote.h"

#include "base/log.h"
#include "site/conf_types.h"

void
conf_quote(struct buf *to, struct view v)
{
	buf_putc(to, '"');
	log_escape(to, v, CONF_LINE_MAX);
	buf_putc(to, '"');
}

int
conf_refuse(struct buf *why, struct view read, const char *what)
{
	conf_quote(why, read);
	buf_printf(why, " %s", what);
	return -1;
}
