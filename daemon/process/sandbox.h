/* sandbox.h - what a worker gives up before it serves; a file per system. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>

/* Whom a worker becomes, and what it may still see. */
struct sandbox {
	bool drop; /* started as root: change to these */
	uid_t uid;
	gid_t gid;
	const char *chroot; /* borrowed; NULL: the whole tree */
};

/*
 * Give up root, capabilities and all new privileges, for good; no core file
 * and no debugger may read the memory that holds the keys.  What the system
 * offers beyond that (see sandbox_describe) follows: afterwards the process
 * can use the descriptors it holds and accept connections, and nothing else.
 * Returns 0, or -1 with a logged reason: the process may then not serve.
 */
int sandbox_enter(const struct sandbox *box);

/*
 * What confines workers on this system, in words for the log, such as
 * "seccomp and Landlock"; *whole is false if the system lacks some of it.
 */
const char *sandbox_describe(bool *whole);

/* The part that is the same everywhere: root folder, groups, user, core. */
int sandbox_drop_user(const struct sandbox *box);

#endif
