/* idn.h - host names that are not ASCII (IDNA2008). */
#ifndef IDN_H
#define IDN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

/* True if v holds a byte that only a name in other letters has. */
bool idn_is_needed(struct view v);

/*
 * Append the form of a host name that DNS and certificates know: each label
 * in other letters than ASCII's as its A-label ("xn--..."), lower case.
 *
 * host is UTF-8, composed or not, capitals or not.
 * Errors: -1, and *to as it was, for what is not UTF-8, for what IDNA2008
 * disallows, and for what would hold other bytes than a name may.
 * Source: RFC 5891 5, with the mapping of Unicode TR46, not transitional.
 */
int idn_to_ascii(struct buf *to, struct view host);

#endif
