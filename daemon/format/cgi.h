/* cgi.h - requests to application servers: FastCGI 1.0 and SCGI. */
#ifndef CGI_H
#define CGI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

#define CGI_ENV_MAX  (64 << 10) /* bytes of one environment; ours */
#define CGI_HEAD_MAX (8 << 10)  /* bytes of fields before an answer; ours */

/*
 * Append one variable to an environment: name NUL value NUL, as SCGI wants
 * it.  A NUL in value ends it there: no language could tell the rest.
 */
void cgi_env_put(struct buf *env, const char *name, struct view value);

/* The same for a number. */
void cgi_env_put_number(struct buf *env, const char *name, long value);

/*
 * Append a whole SCGI request without a body: CONTENT_LENGTH 0, SCGI 1, then
 * env.  Source: SCGI, "Request Format".
 */
void scgi_request_write(struct buf *to, struct view env);

/*
 * Append a whole FastCGI request without a body: one BEGIN for a responder
 * that closes afterwards, env as PARAMS, an empty STDIN.
 * Source: FastCGI 1.0, 3.3, 3.4, 5.1 to 5.3.
 */
void fastcgi_request_write(struct buf *to, struct view env);

/* What a piece of a FastCGI answer is. */
enum fastcgi_kind {
	FASTCGI_MORE,   /* all of the input is used up; read and retry */
	FASTCGI_STDOUT, /* bytes of the answer */
	FASTCGI_STDERR, /* bytes for the log */
	FASTCGI_END,    /* the application is done, and says it went well */
	FASTCGI_FAILED, /* it is done and says it did not, or is overloaded */
	FASTCGI_BAD     /* not FastCGI, or not an answer to our request */
};

/* A place in a stream of records; zeroed at its start. */
struct fastcgi {
	unsigned char head[8]; /* of the record under way */
	size_t n_head;
	size_t content, padding; /* bytes of it still to come */
	unsigned char end[8];    /* the body of END_REQUEST */
	size_t n_end;
};

/*
 * Take the next piece from the front of *in, however the network cut it.
 *
 * *piece borrows from *in, for STDOUT and STDERR; it is never empty then.
 * After END, FAILED or BAD nothing more may be read.
 * Source: FastCGI 1.0, 3.3, 5.5, 6.2.
 */
enum fastcgi_kind fastcgi_next(struct fastcgi *at, struct view *in,
    struct view *piece);

enum cgi_parse {
	CGI_OK,   /* the fields of a CGI answer, all of them */
	CGI_MORE, /* perhaps; read and retry */
	CGI_NONE  /* something else */
};

/* The fields before an answer that was meant for a web server. */
struct cgi_head {
	size_t len;         /* bytes, the blank line at their end included */
	struct view status; /* of "Status:", borrowed; empty: none */
};

/*
 * Read the header fields that CGI/1.1 puts before an answer, as PHP does
 * unasked: "Name: value" lines, one of which is Content-Type or Status, and a
 * blank line.  Lines end in CRLF or LF; a TAB or another control makes it
 * something else, since menus of Gopher could look alike.
 *
 * Fills *to on CGI_OK and leaves it alone otherwise.  CGI_NONE for more than
 * CGI_HEAD_MAX bytes.
 * Source: RFC 3875 6.2, 6.3.
 */
enum cgi_parse cgi_head_parse(struct view in, struct cgi_head *to);

#endif
