/* http.h - the little of HTTP that it takes to hand out one page. */
#ifndef HTTP_H
#define HTTP_H

#include "base/view.h"

/* Bytes of a request up to the empty line that ends its head, that included. */
#define HTTP_HEAD_MAX 8192

enum http_parse {
	HTTP_REQUEST_OK,
	HTTP_REQUEST_MORE, /* it has not ended yet */
	HTTP_REQUEST_BAD   /* it never will be one */
};

/* Views into what was parsed. */
struct http_request {
	struct view method, path; /* of the path nothing from a "?" on */
	struct view host; /* without its port and brackets; empty: none */
};

/*
 * Parse the head of a request.  Fills *r on HTTP_REQUEST_OK only.  BAD is
 * also a head of more than HTTP_HEAD_MAX bytes, one with two hosts, with a
 * header in several lines, and HTTP/1.1 without a host.
 * Source: RFC 9112, 2.2, 3 and 5.
 */
enum http_parse http_request_parse(struct view in, struct http_request *r);

#endif
