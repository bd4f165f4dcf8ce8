/*
 * lock.c - a lock between processes.
 *
 * Floor base.  Processes may be killed at any instruction, inside a section
 * too.  The lock names its holder, so that the master, who learns of deaths,
 * can break it at once; all others break it when it is held for longer than
 * any section takes.  The table in shared memory that builds on this knows how
 * to mend itself.
 *
 * A lock of the kernel's would need two system calls a section, and one of the
 * C library's lies in the same memory and believes what stands there.
 */
#include "base/lock.h"

#include <sys/wait.h>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#define YIELDS 100 /* before the first nap: a section is shorter than that */

static int me; /* this process; 0: not asked yet */

void
lock_enter_process(void)
{
	me = (int)getpid();
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

/* Once dead it cannot have given the lock to a third. */
static bool
is_gone(int holder, pid_t dead)
{
	return dead != 0 && (holder == (int)dead || is_zombie(holder));
}

/* dead is 0 for all but the parent. */
static bool
take_lock(struct lock *l, pid_t dead)
{
	int held, seen = 0, looks, since = 0;

	if (me == 0)
		lock_enter_process();
	for (looks = 0; looks < YIELDS + LOCK_WAIT_NAPS; looks++) {
		held = 0;
		if (atomic_compare_exchange_strong_explicit(&l->holder, &held,
			me, memory_order_acquire, memory_order_relaxed))
			return false;
		if (held != seen)
			since = looks < YIELDS ? YIELDS : looks;
		seen = held;
		if ((is_gone(held, dead) || looks - since >= LOCK_HELD_NAPS) &&
		    atomic_compare_exchange_strong(&l->holder, &held, me))
			return true;
		if (looks < YIELDS)
			(void)sched_yield();
		else
			(void)poll(NULL, 0, 1);
	}
	atomic_store(&l->holder, me);
	return true;
}

bool
lock_take(struct lock *l)
{
	return take_lock(l, 0);
}

bool
lock_take_after(struct lock *l, pid_t dead)
{
	return take_lock(l, dead);
}

void
lock_give(struct lock *l)
{
	int held = me;

	(void)atomic_compare_exchange_strong_explicit(&l->holder, &held, 0,
	    memory_order_release, memory_order_relaxed);
}
