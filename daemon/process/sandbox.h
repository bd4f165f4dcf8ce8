/* sandbox.h - what a worker gives up before it serves; a file per system. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>

/* Whom a worker becomes. */
struct sandbox {
	bool drop; /* started as root: change to these */
	uid_t uid;
	gid_t gid;
};

/*
 * Give up root, capabilities and all new privileges, for good; no core file
 * and no debugger may read the memory that holds the keys.
 * Returns 0, or -1 with a logged reason: the process may then not serve.
 */
int sandbox_enter(const struct sandbox *box);

/* The part that is the same everywhere: groups, group, user, core files. */
int sandbox_drop_user(const struct sandbox *box);

#endif
