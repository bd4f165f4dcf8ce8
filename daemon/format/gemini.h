/* gemini.h - the Gemini request line and response header (0.24.1). */
#ifndef GEMINI_H
#define GEMINI_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "format/uri.h"

#define GEMINI_URI_MAX     1024 /* bytes, CRLF not counted; spec, requests */
#define GEMINI_REQUEST_MAX 1026 /* bytes, CRLF included */
#define GEMINI_META_MAX    1024 /* bytes; spec 0.16, which clients enforce */
#define GEMINI_PORT        1965

enum gemini_status {
	GEMINI_INPUT = 10,
	GEMINI_SENSITIVE_INPUT = 11,
	GEMINI_SUCCESS = 20,
	GEMINI_REDIRECT_TEMPORARY = 30,
	GEMINI_REDIRECT_PERMANENT = 31,
	GEMINI_TEMPORARY_FAILURE = 40,
	GEMINI_UNAVAILABLE = 41,
	GEMINI_CGI_ERROR = 42,
	GEMINI_PROXY_ERROR = 43,
	GEMINI_SLOW_DOWN = 44,
	GEMINI_PERMANENT_FAILURE = 50,
	GEMINI_NOT_FOUND = 51,
	GEMINI_GONE = 52,
	GEMINI_PROXY_REFUSED = 53,
	GEMINI_BAD_REQUEST = 59,
	GEMINI_CERTIFICATE_REQUIRED = 60,
	GEMINI_CERTIFICATE_NOT_AUTHORISED = 61,
	GEMINI_CERTIFICATE_NOT_VALID = 62
};

enum gemini_parse {
	GEMINI_OK,   /* a whole request was read */
	GEMINI_MORE, /* no CRLF yet; read and retry */
	GEMINI_BAD   /* can never become a request: answer 59 */
};

struct gemini_request {
	struct view line; /* the URI as sent */
	struct uri uri;   /* absolute: scheme and non-empty host */
};

/*
 * Read one request from the bytes received so far.
 *
 * Fills *req on GEMINI_OK and leaves it alone otherwise; its views borrow
 * from in.  A bare LF ends nothing (R1).  GEMINI_BAD as soon as 1025 bytes
 * came without CRLF (R2), and for a userinfo, a fragment, a byte order mark,
 * no scheme or authority, or any byte that RFC 3986 does not allow (R3-R7,
 * R14).
 * Source: protocol-specification 0.24.1, "Requests".
 */
enum gemini_parse gemini_request_parse(struct view in,
    struct gemini_request *req);

/*
 * The line in in, without its CRLF, for the log; all of in if none ended.
 */
struct view gemini_request_line(struct view in);

/*
 * Read a response header, without its line end, that somebody else wrote: a
 * defined status, one space, and a meta that is UTF-8 without controls, not
 * blank at either end and at most GEMINI_META_MAX bytes; after 4x to 6x it
 * may be missing.  Fills *status and *meta, which borrows from line.
 * Returns 0, or -1 for anything else, with both as they were.
 * Source: protocol-specification 0.24.1, "Responses"; 0.16.1 3.1.
 */
int gemini_response_parse(struct view line, int *status, struct view *meta);

/* True if the specification defines this status: no other may be sent. */
bool gemini_status_is_defined(int status);

/*
 * Append a response header: status, one space, meta, CRLF.
 *
 * meta is cut to GEMINI_META_MAX bytes at a character's end; controls in it
 * become spaces, bytes that are not UTF-8 question marks, blanks around it
 * go.  An empty one is replaced by gemini_status_text, because some clients
 * reject a header without it.  status is a defined one.
 * Source: protocol-specification 0.24.1, "Responses"; 0.16.1 3.1.
 */
void gemini_header(struct buf *to, int status, struct view meta);

/*
 * What a status says when nothing better is known, such as "Not found"; of
 * success a media type and of redirects a reference, since their meta is no
 * text.  Empty for an undefined status.
 */
const char *gemini_status_text(int status);

#endif
