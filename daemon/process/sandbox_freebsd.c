/*
 * sandbox_freebsd.c - what a worker gives up on FreeBSD.  Untried on the real
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

int
sandbox_enter(const struct sandbox *box)
{
	int off = PROC_TRACE_CTL_DISABLE;

	if (sandbox_drop_user(box) == -1)
		return -1;
	(void)procctl(P_PID, 0, PROC_TRACE_CTL, &off);
	if (cap_enter() == -1) {
		log_error("cannot enter capability mode");
		return -1;
	}
	return 0;
}
