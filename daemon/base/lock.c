/*
 * lock.c - a lock between processes.
 *
 * Floor base.  Processes may be killed at any instruction, inside a section
 * too.  The lock names its holder, so that the master, who alone learns of
 * deaths, can break it.  The tables in shared memory build on this, and each
 * knows how to mend itself.
 */
#include "base/lock.h"

#include <sys/wait.h>

#include <sched.h>
#include <signal.h>
#include <unistd.h>

static int me; /* this process; 0: not asked yet */

void
lock_enter_process(void)
{
	me = (int)getpid();
}

void
lock_take(struct lock *l)
{
	int nobody = 0;

	if (me == 0)
		lock_enter_process();
	while (!atomic_compare_exchange_weak_explicit(&l->holder, &nobody, me,
	    memory_order_acquire, memory_order_relaxed)) {
		nobody = 0;
		(void)sched_yield();
	}
}

void
lock_give(struct lock *l)
{
	atomic_store_explicit(&l->holder, 0, memory_order_release);
}

/* True if the child has ended and was not waited for yet. */
static bool
is_zombie(int child)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) ==
	    0 &&
	    info.si_pid != 0;
}

bool
lock_take_after(struct lock *l, pid_t dead)
{
	int held;

	if (me == 0)
		lock_enter_process();
	for (;;) {
		held = 0;
		if (atomic_compare_exchange_strong(&l->holder, &held, me))
			return false;
		/* Once dead it cannot have given the lock to a third. */
		if ((held == (int)dead || is_zombie(held)) &&
		    atomic_compare_exchange_strong(&l->holder, &held, me))
			return true;
		(void)sched_yield();
	}
}
