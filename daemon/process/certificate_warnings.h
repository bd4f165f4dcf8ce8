/* certificate_warnings.h - what is in order today, and will hurt a visitor all
 * the same. */
#ifndef CERTIFICATE_WARNINGS_H
#define CERTIFICATE_WARNINGS_H

#include <stdint.h>

#include "base/problem.h"
#include "site/conf.h"

/* How long before its end a certificate is spoken of: seconds. */
#define ADVICE_EXPIRY_S (30L * 24 * 60 * 60)

/*
 * Look at the certificates of conf as they are at the time now, and add to
 * notes a sentence for each that is over or soon will be, for each host name
 * that its certificate does not have, and for a kind of key that clients
 * refuse.  A certificate that cannot be read is passed over: it is told of
 * where it is loaded.
 */
void certificate_warnings_collect(const struct conf *conf, int64_t now,
    struct problems *notes);

/* The same of this moment, and what users_advise has to say, as warnings. */
void certificate_warnings_log(const struct conf *conf);

#endif
