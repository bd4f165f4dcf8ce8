/* address.h - an address that somebody wrote, as sockets want it. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <sys/socket.h>

/*
 * Fill *to with host and port: for AF_INET and AF_INET6 a numeric address,
 * or "" for any; for AF_UNIX a path that fits, and port is ignored.  Bytes that
 * mean nothing are zero, so equal addresses are equal bytes.  Returns the
 * length that bind(2) and connect(2) want.
 */
socklen_t address_fill(struct sockaddr_storage *to, int family,
    const char *host, int port);

#endif
