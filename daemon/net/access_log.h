/* access_log.h - one line for each answer, put together when it has ended. */
#ifndef ACCESS_LOG_H
#define ACCESS_LOG_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"
#include "site/conf.h"

#define ACCESS_LOG_MAX      4000 /* bytes of a line; no longer one is logged */
#define ACCESS_LOG_SELECTOR 512  /* bytes of a selector that it shows */
#define ACCESS_LOG_HASH     8    /* bytes of a certificate's SHA-256, too */

/* What a line says; all borrowed. */
struct access_line {
	const char *protocol;
	enum conf_address addresses; /* how much of address is shown */
	sa_family_t family;
	const unsigned char *address; /* 4 or 16 bytes; none if AF_UNIX */
	struct view host, selector;   /* as requested; empty: not known */
	const unsigned char *client;  /* SHA-256 of a certificate, or NULL */
	int status;
	uint64_t bytes;  /* sent */
	int64_t ms;      /* since the connection was accepted */
	const char *tls; /* "1.3", "1.2"; "" in the clear */
	bool resumed;
	const char *end; /* why the answer did not leave whole, or NULL */
};

/* Append an address, or what is shown instead. */
void access_log_put_address(struct buf *to, enum conf_address how,
    sa_family_t family, const unsigned char *address);

/* Append the line. */
void access_log_format(struct buf *to, const struct access_line *line);

/*
 * An answer has to wait, and host and selector borrow from a request that will
 * be gone: let them borrow from a copy, which the caller frees.  NULL without
 * memory.
 */
char *access_log_keep(struct view *host, struct view *selector);

#endif
