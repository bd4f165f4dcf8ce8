/*
 * sandbox_linux.c - what a worker gives up on Linux.
 *
 * Floor process.
 */
#include "process/sandbox.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <unistd.h>

#include "base/log.h"

/* Changing from root drops capabilities; started otherwise, some may stay. */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};

	return (int)syscall(SYS_capset, &head, none);
}

int
sandbox_enter(const struct sandbox *box)
{
	if (sandbox_drop_user(box) == -1)
		return -1;
	if (drop_capabilities() == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) {
		log_error("cannot give up privileges");
		return -1;
	}
	return 0;
}
