/* test_sandbox_linux.c - what a confined worker can still do, and what not. */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#ifndef SANDBOX_ENABLED
#define SANDBOX_ENABLED 1
#endif

/* Processors whose system calls are on no list: there is Landlock alone. */
#if defined(__i386__) || defined(__arm__)
#define LISTED 0
#else
#define LISTED 1
#endif

#define LANDLOCK_CREATE_RULESET 444 /* older headers do not know it */
#define ABI_QUESTION            1u

/* Opened before the fences went up. */
static int pair[2];
static int file;
static int listening; /* as all workers share it */
static int victim;    /* a service of somebody else's, and where it is */
static struct sockaddr_in victims;
static int logged; /* a file that is added to, as a worker holds it */
static int reader; /* the same, to look into it */

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
send_to_an_address(void)
{
	return (int)sendto(listening, "x", 1, 0, (struct sockaddr *)&victims,
	    sizeof(victims));
}

static int
open_fast(void)
{
	return (int)sendto(listening, "x", 1, MSG_FASTOPEN,
	    (struct sockaddr *)&victims, sizeof(victims));
}

static int
open_fast_without_an_address(void)
{
	return send(listening, "x", 1, MSG_FASTOPEN) == -1 && errno == EPERM
	    ? -1
	    : 0;
}

static int
send_a_message(void)
{
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return (int)sendmsg(pair[0], &msg, 0);
}

static int
shut_what_all_listen_on(void)
{
	return shutdown(listening, SHUT_RDWR);
}

static int
shut_half_of_it(void)
{
	return shutdown(listening, SHUT_RD);
}

/* Every packet of whoever comes would be dropped. */
static int
filter_what_all_listen_on(void)
{
	int one = 1;

	return setsockopt(listening, SOL_SOCKET, SO_LOCK_FILTER, &one,
	    sizeof(one));
}

static int
make_what_all_listen_on_block(void)
{
	return fcntl(listening, F_SETFL, 0);
}

static int
write_anywhere_into_the_log(void)
{
	return fcntl(logged, F_SETFL, 0);
}

static int
cut_the_log(void)
{
	return ftruncate(logged, 0);
}

static int
map_the_log(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, logged,
		   0) == MAP_FAILED
	    ? -1
	    : 0;
}

static int
signal_a_thread_of_the_parent(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
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
	{ "send to an address", send_to_an_address },
	{ "open a connection with data", open_fast },
	{ "the same without an address", open_fast_without_an_address },
	{ "send a message whose address no filter sees", send_a_message },
	{ "shut the listening socket", shut_what_all_listen_on },
	{ "shut half of it", shut_half_of_it },
	{ "put a filter on it", filter_what_all_listen_on },
	{ "make it block", make_what_all_listen_on_block },
	{ "write anywhere into the log", write_anywhere_into_the_log },
	{ "cut the log", cut_the_log },
	{ "map the log", map_the_log },
	{ "signal a thread of the parent", signal_a_thread_of_the_parent },
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

/* All that a worker has to connect with. */
static int
try_to_connect(size_t unused)
{
	(void)unused;
	(void)shutdown(listening, SHUT_RDWR);
	(void)connect(listening, (struct sockaddr *)&victims, sizeof(victims));
	(void)open_fast();
	(void)send_to_an_address();
	return 0;
}

static bool
is_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
a_worker_connects_to_nobody_with_a_listening_socket(void **state)
{
	(void)state;
	assert_int_equal(0, confined(try_to_connect, 0));
	assert_false(is_ready(victim));
	/* And others still hear who comes. */
	assert_int_equal(0, listen(listening, 1));
}

/* Wherever it says that it writes, and whatever it tries before. */
static int
rewrite_the_log(size_t unused)
{
	(void)unused;
	(void)fcntl(logged, F_SETFL, 0);
	(void)lseek(logged, 0, SEEK_SET);
	(void)!write(logged, "forged\n", 7);
	(void)!pwrite(logged, "forged\n", 7, 0);
	return 0;
}

static void
a_worker_adds_to_the_log_and_changes_nothing_in_it(void **state)
{
	char begin[6];

	(void)state;
	assert_int_equal(5, write(logged, "first", 5));
	assert_int_equal(0, confined(rewrite_the_log, 0));
	assert_int_equal(5, pread(reader, begin, 5, 0));
	assert_memory_equal("first", begin, 5);
}

static int
abort_itself(size_t unused)
{
	struct rlimit none = { 0, 0 };

	(void)unused;
	(void)setrlimit(RLIMIT_CORE, &none);
	return syscall(SYS_tgkill, getpid(), getpid(), 0) == 0 ? 0 : 1;
}

static void
a_worker_can_abort(void **state)
{
	(void)state;
	assert_int_equal(0, confined(abort_itself, 0));
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

static int
listen_somewhere(struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*at);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)at, len) == -1 || listen(fd, 1) == -1 ||
	    getsockname(fd, (struct sockaddr *)at, &len) == -1)
		return -1;
	return fd;
}

static int
open_a_log(void)
{
	char path[] = "/tmp/capsuled-sandbox-log-XXXXXX";

	reader = mkostemp(path, O_CLOEXEC);
	logged = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	(void)unlink(path);
	return reader == -1 ? -1 : logged;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_can_do_nothing_to_the_machine),
		cmocka_unit_test(a_worker_can_use_what_it_holds),
		cmocka_unit_test(
		    a_worker_connects_to_nobody_with_a_listening_socket),
		cmocka_unit_test(
		    a_worker_adds_to_the_log_and_changes_nothing_in_it),
		cmocka_unit_test(a_worker_can_abort),
		cmocka_unit_test(a_worker_is_not_root),
		cmocka_unit_test(the_fences_of_this_kernel_are_named),
	};

	/* Sanitizers need what the fences forbid. */
	if (!SANDBOX_ENABLED) {
		printf("built without a sandbox: nothing to test\n");
		return 0;
	}
	file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	listening = listen_somewhere(&(struct sockaddr_in){ 0 });
	victim = listen_somewhere(&victims);
	if (file == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    listening == -1 || victim == -1 || open_a_log() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
