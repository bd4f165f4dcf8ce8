/* lock.h - a lock between processes, which outlives whoever dies with it. */
#ifndef LOCK_H
#define LOCK_H

#include <sys/types.h>

#include <stdatomic.h>
#include <stdbool.h>

/* Naps of 1 ms before a lock is taken from its holder, and from anybody. */
#define LOCK_HELD_NAPS 250
#define LOCK_WAIT_NAPS 1000

/*
 * In memory that a process shares with those it forked; zeroed, it is free.
 * For sections of a few dozen instructions.
 *
 * Nothing that stands in it is believed.  Who has to wait sleeps, and takes
 * the lock by force from one that has held it for LOCK_HELD_NAPS: that one is
 * dead, or was never there, or is stopped.  After LOCK_WAIT_NAPS it is taken
 * whoever holds it.  So what a lock guards may be half changed, and even be
 * changed by two at once: no content of it may harm who reads it, and it must
 * be possible to make it anew.
 */
struct lock {
	atomic_int holder; /* its process; 0: nobody */
};

/*
 * First thing in a process that was forked: from now on it is itself who
 * takes locks, not its parent.
 */
void lock_enter_process(void);

/* True: by force; what the lock guards may be half changed. */
bool lock_take(struct lock *l);

/* Nothing happens if it was taken from us meanwhile. */
void lock_give(struct lock *l);

/*
 * In the parent of all who take it: the same, without waiting for its child
 * dead, which was waited for, or for a child that has ended and was not.
 */
bool lock_take_after(struct lock *l, pid_t dead);

#endif
