/*
 * test_reach_linux.c - a confined process reaches no other process of its own
 * user, while one that is not confined does: where all of the daemon is one
 * user, this is what keeps its processes apart.
 */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/sandbox.h"

#ifndef SANDBOX_ENABLED
#define SANDBOX_ENABLED 1
#endif

#define USER 65534 /* whom all of them become, if root runs this */

static pid_t other; /* sleeps, and has nothing to hide */
static char secret[8] = "before";

/* -- what reaches another process: each returns -1 if it does not -- */

static int
signal_it(void)
{
	return kill(other, SIGCONT);
}

static int
signal_its_thread(void)
{
	return (int)syscall(SYS_tgkill, other, other, SIGCONT);
}

static int
trace_it(void)
{
	return (int)ptrace(PTRACE_SEIZE, other, NULL, NULL);
}

static int
read_its_memory(void)
{
	char to[sizeof(secret)];
	struct iovec here = { to, sizeof(to) };
	struct iovec there = { secret, sizeof(secret) };

	return process_vm_readv(other, &here, 1, &there, 1, 0) == -1 ? -1 : 0;
}

static int
write_its_memory(void)
{
	char from[sizeof(secret)] = "after";
	struct iovec here = { from, sizeof(from) };
	struct iovec there = { secret, sizeof(secret) };

	return process_vm_writev(other, &here, 1, &there, 1, 0) == -1 ? -1 : 0;
}

static int
open_of_it(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)other, name);
	return open(path, O_RDONLY);
}

static int
open_its_memory(void)
{
	return open_of_it("mem");
}

static int
open_its_environment(void)
{
	return open_of_it("environ");
}

static int
limit_it(void)
{
	struct rlimit none = { 0, 0 };

	return prlimit(other, RLIMIT_CORE, &none, NULL);
}

static const struct {
	const char *name;
	int (*attempt)(void);
} reaches[] = {
	{ "signal it", signal_it },
	{ "signal its thread", signal_its_thread },
	{ "trace it", trace_it },
	{ "read its memory", read_its_memory },
	{ "write its memory", write_its_memory },
	{ "open its memory", open_its_memory },
	{ "open its environment", open_its_environment },
	{ "limit it", limit_it },
};

#define N_REACHES (sizeof(reaches) / sizeof(reaches[0]))

/* -- the processes -- */

static void
become_user(void)
{
	struct sandbox box = { .drop = geteuid() == 0,
		.uid = USER,
		.gid = USER };

	/* To be traced or not is the other's own choice: this one may be. */
	if (sandbox_drop_user(&box) == -1 ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1)
		_exit(99);
	/* Where there is no Yama this fails, and need not be said. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

static int
start_other(void **state)
{
	int ready[2];
	char byte;
	bool is_ready;

	(void)state;
	if (pipe(ready) == -1)
		return -1;
	other = fork();
	if (other == 0) {
		become_user();
		(void)!write(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	close(ready[1]);
	is_ready = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	return is_ready ? 0 : -1;
}

static int
end_other(void **state)
{
	(void)state;
	(void)kill(other, SIGKILL);
	return waitpid(other, NULL, 0) == other ? 0 : -1;
}

/* What a process of the same user gets from attempt i: 1 if it succeeds. */
static int
attempt(size_t i, bool confined)
{
	struct sandbox box = { .drop = false };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		become_user();
		if (confined && sandbox_enter(&box) == -1)
			_exit(99);
		_exit(reaches[i].attempt() == -1 ? 0 : 1);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
a_confined_process_reaches_no_other_of_its_user(void **state)
{
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < N_REACHES; i++) {
		r = attempt(i, true);
		if (r != 0)
			fail_msg("%s: %s", reaches[i].name,
			    r == 99 ? "could not be confined" : "succeeded");
	}
}

/* That each of these attempts can succeed at all. */
static void
one_that_is_not_confined_reaches_it(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_REACHES; i++)
		if (attempt(i, false) != 1)
			fail_msg("%s: failed", reaches[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_confined_process_reaches_no_other_of_its_user,
		    start_other, end_other),
		cmocka_unit_test_setup_teardown(
		    one_that_is_not_confined_reaches_it, start_other,
		    end_other),
	};

	/* Sanitizers need what the sandbox forbids. */
	if (!SANDBOX_ENABLED) {
		printf("built without a sandbox: nothing to test\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
