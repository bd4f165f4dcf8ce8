/*
 * control_socket.h - the socket file that capsulectl connects to, and who may.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/os.h"
#include "base/problem.h"
#include "site/conf.h"

#define CONTROL_BACKLOG 8 /* clients that the kernel holds; ours */

/* All zero: none. */
struct control_socket {
	bool is_open;
	int fd;
	char path[CONF_UNIX_MAX + 1];
	dev_t dev; /* of the file, to know it again */
	ino_t ino;
	bool has_group;
	gid_t group;
};

/*
 * Open the socket that [server] control of conf asks for: for root and this
 * user alone (0600), or for control_group, too (0660), from the first moment
 * on.  The one of old, which may be NULL, is taken over where it has the same
 * path.  A file left by a daemon that was killed is replaced; one on which
 * somebody answers never is.
 *
 * Returns 0, or -1 with a sentence added to ps.  Where conf leaves the place
 * to us, a socket that cannot be had is a warning in the log, and *to is none.
 */
int control_socket_open(struct control_socket *to,
    const struct control_socket *old, const struct conf *conf,
    struct problems *ps);

/* Add what -n can know to be wrong to ps. */
void control_socket_check(const struct conf *conf, struct problems *ps);

/* Close it and remove its file, unless kept, which may be NULL, has it. */
void control_socket_close(struct control_socket *s,
    const struct control_socket *kept);

/* May who connected speak?  Root, this process's own user, the group. */
bool control_socket_admits(const struct control_socket *s,
    const struct os_peer *who);

#endif
