/* child_task.h - run a function in a child process and read its report. */
#ifndef CHILD_TASK_H
#define CHILD_TASK_H

#include "base/problem.h"

/* Milliseconds from the start of a child task to the end of its report: before
 * the daemon serves, and while clients wait for the master. */
#define CHILD_TASK_START_MS   60000
#define CHILD_TASK_SERVING_MS 2000
#define CHILD_TASK_REPORT_MAX                                                  \
	(1 << 20) /* bytes; more is cut to one problem                         \
		   */

/* From now on a child task has ms; CHILD_TASK_START_MS until called. */
void child_task_set_deadline(int ms);

/*
 * Run fn in a child process and wait for it.  The problems that it found are
 * added to ps, and what it returned is returned.  If it did not end in time,
 * -1 is returned with a problem added: the child is killed and not waited for,
 * for it may be stuck in the kernel.
 */
int child_task_run(int (*fn)(void *arg, struct problems *ps), void *arg,
    struct problems *ps);

/*
 * The same for a child that goes on afterwards: child_task_report writes its
 * report to fd, a pipe, and child_task_receive reads it up to its end.  It
 * returns the value that was reported, or -1 with a problem added if no whole
 * report came in time.
 */
void child_task_report(int fd, int value, struct problems *ps);
int child_task_receive(int fd, struct problems *ps);

#endif
