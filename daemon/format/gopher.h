/* gopher.h - the Gopher request line and menu lines (RFC 1436). */
#ifndef GOPHER_H
#define GOPHER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

#define GOPHER_REQUEST_MAX  1024 /* bytes, line end included; ours */
#define GOPHER_SELECTOR_MAX 255  /* bytes; RFC 1436, appendix */
#define GOPHER_PORT         70

/* The end of every menu; RFC 1436 3.1, Lastline. */
#define GOPHER_LASTLINE ".\r\n"

enum gopher_parse {
	GOPHER_OK,   /* a whole request was read */
	GOPHER_MORE, /* no line end yet; read and retry */
	GOPHER_BAD   /* can never become a request */
};

struct gopher_request {
	struct view selector; /* as sent; empty means the root menu */
	struct view query;    /* after the first TAB; empty without one */
	bool has_query;       /* a TAB and words, maybe none, were sent: more
			       * than a Gopher+ mark */
	char plus;            /* Gopher+: '+', '!', '$' after a TAB, or 0 */
};

/*
 * Read one request line from the bytes received so far.
 *
 * Fills *req on GOPHER_OK and leaves it alone otherwise; views borrow from
 * in.  CRLF and a bare LF both end it.  "sel TAB +", "sel TAB !",
 * "sel TAB $" and their "sel TAB words TAB +" forms fill plus and leave the
 * mark out of query.  A mark may be followed by what it is about, a view as
 * in "+text/plain" or attributes as in "!+ABSTRACT"; "+word" is no mark but
 * something to search for.
 * Errors: GOPHER_BAD for a line over GOPHER_REQUEST_MAX, a selector over
 * GOPHER_SELECTOR_MAX unless it starts "URL:" or "/URL:" or "GET ", or a NUL.
 * Source: RFC 1436 3.6, 3.7; Gopher+ 1993, "Client transmissions".
 */
enum gopher_parse gopher_request_parse(struct view in,
    struct gopher_request *req);

/* The line in in, without its end, for the log; all of in if none ended. */
struct view gopher_request_line(struct view in);

/* An item of a menu. */
struct gopher_item {
	char type;
	struct view name, selector, host;
	int port;
};

/*
 * Append a menu line: type, name TAB selector TAB host TAB port CRLF.
 *
 * No control byte can stand in a field: in a name each becomes a space, and
 * elsewhere the item is written as an info line instead of a link that would
 * lead astray or act on a terminal.  An item of type i is written as
 * gopher_info_write does.
 */
void gopher_item_write(struct buf *to, const struct gopher_item *item);

/* Append text as an info line, its dummy fields as short as clients allow. */
void gopher_info_write(struct buf *to, struct view text);

/* Append an error item (type 3) with these words. */
void gopher_error_write(struct buf *to, struct view words);

#endif
