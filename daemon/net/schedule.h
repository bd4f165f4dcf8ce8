/* schedule.h - the key schedule of TLS 1.3, without detours. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

/* Contexts with this property query derive their secrets here. */
#define SCHEDULE_PROPERTY "?capsuled.schedule=direct"

#define SCHEDULE_LABEL_MAX   255 /* bytes, prefix included; RFC 8446, 7.1 */
#define SCHEDULE_CONTEXT_MAX 255 /* bytes; the same */

/*
 * Make a KDF known to OpenSSL that gives what its own "TLS13-KDF" gives, and
 * gives it faster where it is asked as TLS asks.  All parameters have to come
 * with EVP_KDF_derive.
 *
 * Before anything forks; for one thread.  0, also if it was known already, or
 * -1 without memory.
 * Source: RFC 8446, 7.1; RFC 5869; RFC 2104.
 */
int schedule_init(void);

#endif
