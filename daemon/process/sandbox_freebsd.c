/*
 * sandbox_freebsd.c - what a process gives up on FreeBSD.  Untried on the real
 * system.
 *
 * Floor process.  In capability mode a worker can use the descriptors it
 * holds and accept from its listening sockets: no path, no new address.
 */
#include "process/sandbox.h"

#include <sys/capsicum.h>
#include <sys/procctl.h>

#include <unistd.h>

#include "base/log.h"

const char *
sandbox_describe(bool *whole)
{
	*whole = true;
	return "Capsicum";
}

static int
enter_capability_mode(void)
{
	int off = PROC_TRACE_CTL_DISABLE;

	(void)procctl(P_PID, 0, PROC_TRACE_CTL, &off);
	if (cap_enter() == -1) {
		log_error("cannot enter capability mode");
		return -1;
	}
	return 0;
}

int
sandbox_enter(const struct sandbox *box)
{
	return sandbox_drop_user(box) == -1 ? -1 : enter_capability_mode();
}

int
sandbox_enter_search(const struct sandbox_folder *folder)
{
	(void)folder;
	return enter_capability_mode();
}

int
sandbox_enter_content(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store)
{
	cap_rights_t rights;
	size_t i;

	(void)store;
	cap_rights_init(&rights, CAP_LOOKUP, CAP_READ, CAP_SEEK, CAP_FSTAT,
	    CAP_FCNTL);
	for (i = 0; i < n; i++)
		if (roots[i].fd != -1 &&
		    cap_rights_limit(roots[i].fd, &rights) == -1) {
			log_error("cannot make %s read-only", roots[i].path);
			return -1;
		}
	return enter_capability_mode();
}
