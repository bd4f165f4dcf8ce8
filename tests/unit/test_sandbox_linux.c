/* test_sandbox_linux.c - what a confined worker can still do, and what not. */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "process/sandbox.h"

#ifndef SANDBOX_FENCES
#define SANDBOX_FENCES 1
#endif

/* Processors whose system calls are on no list: there is Landlock alone. */
#if defined(__i386__) || defined(__arm__)
#define LISTED 0
#else
#define LISTED 1
#endif

#define LANDLOCK_CREATE_RULESET 444 /* older headers do not know it */
#define ABI_QUESTION            1u

static int pair[2]; /* opened before the fences went up */
static int file;

/* -- what has to fail: each returns -1 when it does -- */

static int
open_to_read(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
open_to_write(void)
{
	return open("/tmp/capsuled-sandbox-test", O_WRONLY | O_CREAT, 0600);
}

static int
remove_a_file(void)
{
	return unlink("/tmp/capsuled-sandbox-none") == -1 && errno == ENOENT
	    ? 0
	    : -1;
}

static int
start_a_program(void)
{
	char *argv[] = { NULL };

	return execve("/bin/true", argv, argv);
}

static int
make_a_process(void)
{
#ifdef SYS_fork
	int pid = (int)syscall(SYS_fork);
#else
	int pid = (int)fork(); /* clone(2), where that is all there is */
#endif

	if (pid == 0)
		_exit(0);
	return pid;
}

static int
make_a_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
make_a_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
connect_what_is_there(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	/* Without the fence this pair would say EISCONN or EINVAL. */
	return connect(pair[0], (struct sockaddr *)&to, sizeof(to)) == -1 &&
		errno == EPERM
	    ? -1
	    : 0;
}

static int
signal_the_parent(void)
{
	return kill(getppid(), 0);
}

static int
trace_the_parent(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANON,
		   -1, 0) == MAP_FAILED
	    ? -1
	    : 0;
}

static int
become_root(void)
{
	return (int)syscall(SYS_setuid, 0);
}

static int
leave_the_tree(void)
{
	return (int)syscall(SYS_chroot, "/tmp");
}

static int
type_into_the_terminal(void)
{
	return (int)syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static const struct {
	const char *name;
	int (*attempt)(void);
} forbidden[] = {
	{ "read a file", open_to_read },
	{ "write a file", open_to_write },
	{ "remove a file", remove_a_file },
	{ "start a program", start_a_program },
	{ "make a process", make_a_process },
	{ "make a TCP socket", make_a_tcp_socket },
	{ "make a unix socket", make_a_unix_socket },
	{ "connect", connect_what_is_there },
	{ "signal the parent", signal_the_parent },
	{ "trace the parent", trace_the_parent },
	{ "map code", map_code },
	{ "become root", become_root },
	{ "chroot", leave_the_tree },
	{ "type into the terminal", type_into_the_terminal },
};

/* Run f in a confined process; what it exits with. */
static int
confined(int (*f)(size_t), size_t arg)
{
	struct sandbox box = { .drop = geteuid() == 0,
		.uid = 65534,
		.gid = 65534 };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(&box) == -1 ? 99 : f(arg));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
try_forbidden(size_t i)
{
	return forbidden[i].attempt() == -1 ? 0 : 1;
}

static void
a_worker_can_do_nothing_to_the_machine(void **state)
{
	size_t i;
	int r;

	(void)state;
	if (!LISTED)
		skip();
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		r = confined(try_forbidden, i);
		if (r != 0)
			fail_msg("%s: %s", forbidden[i].name,
			    r == 99 ? "could not be confined" : "succeeded");
	}
}

static int
use_what_it_holds(size_t unused)
{
	struct stat st;
	char byte;
	void *p;

	(void)unused;
	if (write(pair[0], "x", 1) != 1 || recv(pair[1], &byte, 1, 0) != 1 ||
	    os_send(pair[0], "y", 1, false) != 1 || os_unsent(pair[0]) < 0)
		return 1;
	if (pread(file, &byte, 1, 0) != 1 || fstat(file, &st) == -1)
		return 2;
	p = malloc(1 << 20);
	if (p == NULL)
		return 3;
	free(p);
	return 0;
}

static void
a_worker_can_use_what_it_holds(void **state)
{
	(void)state;
	assert_int_equal(0, confined(use_what_it_holds, 0));
}

static int
is_still_root(size_t unused)
{
	(void)unused;
	return getuid() == 0 || geteuid() == 0 || getgid() == 0;
}

static void
a_worker_is_not_root(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skip: needs root\n");
		skip();
	}
	assert_int_equal(0, confined(is_still_root, 0));
}

static void
the_fences_of_this_kernel_are_named(void **state)
{
	bool whole,
	    paths = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, ABI_QUESTION) > 0;

	(void)state;
	if (!LISTED)
		skip();
	/* Containers may lack what the kernel has. */
	assert_string_equal(paths ? "seccomp and Landlock"
				  : "seccomp; this system has no Landlock",
	    sandbox_describe(&whole));
	assert_int_equal(paths, whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_can_do_nothing_to_the_machine),
		cmocka_unit_test(a_worker_can_use_what_it_holds),
		cmocka_unit_test(a_worker_is_not_root),
		cmocka_unit_test(the_fences_of_this_kernel_are_named),
	};

	/* Sanitizers need what the fences forbid. */
	if (!SANDBOX_FENCES) {
		printf("built without fences: nothing to test\n");
		return 0;
	}
	file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (file == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
