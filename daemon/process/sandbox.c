/*
 * sandbox.c - the part of giving up that POSIX knows.
 *
 * Floor process.  sandbox_SYSTEM.c calls in and adds what its system can do.
 */
#include "process/sandbox.h"

#include <sys/resource.h>

#include <grp.h>
#include <unistd.h>

#include "base/log.h"

static int
drop_groups(const struct sandbox *box)
{
	return box->groups_of == NULL ? setgroups(1, &box->gid)
				      : initgroups(box->groups_of, box->gid);
}

int
sandbox_drop_user(const struct sandbox *box)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	if (box->chroot != NULL &&
	    (chroot(box->chroot) == -1 || chdir("/") == -1)) {
		log_error("cannot chroot to %s", box->chroot);
		return -1;
	}
	if (!box->drop)
		return 0;
	/* Groups first: without root they could not be changed any more. */
	if (drop_groups(box) == -1 || setgid(box->gid) == -1 ||
	    setuid(box->uid) == -1) {
		log_error("cannot become user %d", (int)box->uid);
		return -1;
	}
	if (box->uid != 0 && (setuid(0) == 0 || geteuid() == 0)) {
		log_errorx("root could be had back");
		return -1;
	}
	return 0;
}
