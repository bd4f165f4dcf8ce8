/*
 * listen_fds.h - listening sockets that a service manager has opened for us.
 *
 * The protocol is sd_listen_fds(3)'s: $LISTEN_FDS sockets from descriptor 3 on
 * for the process $LISTEN_PID.
 */
#ifndef LISTEN_FDS_H
#define LISTEN_FDS_H

#include "base/problem.h"
#include "net/listener.h"

/*
 * Take the sockets that were handed over, ready to be given to listeners_open
 * as old ones: it finds what each is for by its address and port.  To be
 * called once, by the process that was started, before it forks or opens
 * anything; the variables are taken out of the environment.
 *
 * Adds to ps what is no listening TCP socket of one family.  Returns 0, *to
 * being filled, with nothing in it if nobody handed anything over; or -1, *to
 * being empty.  The caller frees *to with listeners_close.
 */
int listen_fds_take(struct listeners *to, struct problems *ps);

#endif
