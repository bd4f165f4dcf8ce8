/* uri.h - URIs as RFC 3986 has them: parse, normalise, resolve. */
#ifndef URI_H
#define URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

#define URI_HOST_MAX 253 /* bytes of a host name; RFC 1035 2.3.4, less dots */

enum uri_result {
	URI_OK,
	URI_BAD /* not a URI reference, or one that may not be served */
};

/* The parts of a URI reference, as written; views borrow from the input. */
struct uri {
	struct view scheme; /* empty: a relative reference */
	bool has_authority, has_userinfo, has_port, has_query, has_fragment;
	struct view userinfo;
	struct view host; /* an IPv6 literal keeps its brackets */
	struct view port; /* digits, may be empty */
	struct view path;
	struct view query;    /* without the "?" */
	struct view fragment; /* without the "#" */
};

/*
 * Parse a URI reference, absolute or relative, by the grammar of RFC 3986.
 *
 * Every byte is checked: raw bytes over 0x7F, controls, blanks, and a "%"
 * without two hex digits give URI_BAD, as does a malformed host or port.
 * Fills *u on URI_OK and leaves it alone otherwise.  Never allocates.
 * Source: RFC 3986 appendix A.
 */
enum uri_result uri_parse(struct view text, struct uri *u);

/*
 * Append the target URI of ref seen from base, dot segments removed.
 *
 * base and ref as uri_parse filled them; base may itself be without scheme
 * and authority ("/a/b"), and the result then is, too.  Where a path would
 * be misread for want of a host ("//c") or of a scheme ("x:y"), a dot segment
 * stands before it ("/.//c", "./x:y").
 * Source: RFC 3986 5.2.2, 5.2.4, 5.3.
 */
void uri_resolve(struct buf *to, const struct uri *base, const struct uri *ref);

/*
 * Append the selector that an absolute URI path names: percent-decoded once,
 * dot segments removed, "/" for the empty path.
 *
 * Errors: URI_BAD, and *to as it was, for ".." that climbs above the root
 * (encoded or not), and for "%2F" or "%00" in a segment, which would make two
 * names of one or cut it short.
 * Source: RFC 3986 5.2.4, 6.2.2; protocol-specification 0.24.1, requests.
 */
enum uri_result uri_path_to_selector(struct buf *to, struct view path);

/*
 * Append selector with every byte that a URI path cannot hold as %HH.
 * One that starts "//" needs a host before it, or it is read as one.
 */
void uri_encode_path(struct buf *to, struct view selector);

/* Append v with every byte but unreserved ones as %HH; for queries. */
void uri_encode_component(struct buf *to, struct view v);

/*
 * Append v, which is meant to be a URI reference, with every byte that no URI
 * can hold as %HH; what is encoded already stays.
 */
void uri_mend(struct buf *to, struct view v);

/*
 * Append v percent-decoded ("+" stays "+").
 * Errors: URI_BAD for a "%" without two hex digits; *to as it was.
 */
enum uri_result uri_decode(struct buf *to, struct view v);

/*
 * Append a host in the form in which hosts are compared: percent-decoded,
 * UTF-8 turned into A-labels, A-Z lowered, one trailing dot gone, an IPv6
 * literal (brackets kept) in its shortest spelling.
 * Errors: URI_BAD, and *to as it was, for a malformed "%HH", for an empty
 * host or more than URI_HOST_MAX bytes, and for a name that IDNA disallows.
 */
enum uri_result uri_normalise_host(struct buf *to, struct view host);

#endif
