/* sandbox.h - what a process gives up before it serves; a file per system. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* Whom a worker becomes, and what it may still see. */
struct sandbox {
	bool drop; /* started as root: change to these */
	uid_t uid;
	gid_t gid;
	/* Borrowed; NULL: no group but gid.  Else the user whose further groups
	 * in the system's list of them are kept. */
	const char *groups_of;
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

/* A folder that is still needed by a confined process. */
struct sandbox_folder {
	const char *path;
	int fd; /* open on it; -1: it could not be opened, and will not be */
};

/*
 * The same for the content process, which has become its user already and
 * opened these folders.  Afterwards it can read what lies below the n folders
 * of roots, read and write below store, use the descriptors it holds and pass
 * them on, and nothing else: it connects to nobody and starts no process.
 * Returns 0, or -1 with a logged reason.
 */
int sandbox_enter_content(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store);

/*
 * The same for the search process, which has become its user already: it can
 * use the descriptors it holds, be woken by a timer, and read and write below
 * folder, if its fd is not -1.
 */
int sandbox_enter_search(const struct sandbox_folder *folder);

/*
 * What confines workers on this system, in words for the log, such as
 * "seccomp and Landlock"; *whole is false if the system lacks some of it.
 */
const char *sandbox_describe(bool *whole);

/* The part that is the same everywhere: root folder, groups, user, core. */
int sandbox_drop_user(const struct sandbox *box);

#endif
