/* lock.h - a lock between processes, which outlives whoever dies with it. */
#ifndef LOCK_H
#define LOCK_H

#include <sys/types.h>

#include <stdatomic.h>
#include <stdbool.h>

/*
 * In memory that a process shares with those it forked; zeroed, it is free.
 * For sections of a few dozen instructions: who has to wait spins.
 */
struct lock {
	atomic_int holder; /* its process; 0: nobody */
};

/*
 * First thing in a process that was forked: from now on it is itself who
 * takes locks, not its parent.
 */
void lock_enter_process(void);

void lock_take(struct lock *l);
void lock_give(struct lock *l);

/*
 * In the parent of all who take it, and that parent is alone in calling this:
 * take the lock although its child dead, which was waited for, may have died
 * with it; or another child may have, which was not waited for yet.  True if
 * one of them did: what the lock guards may be half changed.
 */
bool lock_take_after(struct lock *l, pid_t dead);

#endif
