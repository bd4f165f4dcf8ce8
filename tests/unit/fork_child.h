/* fork_child.h - processes of a unit test, none of which outlives it. */
#ifndef FORK_CHILD_H
#define FORK_CHILD_H

#include <sys/types.h>

#include <unistd.h>

/* Seconds after which a child is killed; a test takes a few of them. */
#define CHILD_SECONDS 60

/*
 * As fork(2), but the child ends after CHILD_SECONDS by SIGALRM, so that one
 * whose parent died before it could end it does not go on for ever.
 */
static inline pid_t
fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		(void)alarm(CHILD_SECONDS);
	return pid;
}

#endif
