/* test_sandbox_content_linux.c - the fences of who reads roots. */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <dirent.h>
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

#include "process/channel.h"
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

#define USER 65534

/* Opened before it is confined. */
static int root, store, beside, ours, theirs;
static char folder[] = "/tmp/capsuled-content-XXXXXX";

/* -- what has to fail: each returns -1 when it does -- */

static int
read_outside(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
list_outside(void)
{
	return open("/etc", O_RDONLY | O_DIRECTORY);
}

static int
climb_out_of_the_root(void)
{
	return openat(root, "../beside/secret", O_RDONLY);
}

static int
follow_a_link_out_of_the_root(void)
{
	return openat(root, "out", O_RDONLY);
}

static int
read_by_a_folder_of_before(void)
{
	return openat(beside, "secret", O_RDONLY);
}

static int
write_to_the_root(void)
{
	return openat(root, "new", O_WRONLY | O_CREAT, 0600);
}

static int
change_a_page(void)
{
	return openat(root, "page", O_WRONLY);
}

static int
cut_a_page(void)
{
	return openat(root, "page", O_RDONLY | O_TRUNC);
}

static int
remove_a_page(void)
{
	return unlinkat(root, "page", 0);
}

static int
move_a_page_into_the_store(void)
{
	return renameat(root, "page", store, "page");
}

static int
link_a_page(void)
{
	return linkat(root, "page", store, "page", 0);
}

static int
make_a_folder(void)
{
	return mkdirat(store, "folder", 0700);
}

static int
make_a_link(void)
{
	return symlinkat("/etc/passwd", store, "link");
}

static int
make_a_fifo(void)
{
	return mknodat(store, "fifo", S_IFIFO | 0600, 0);
}

static int
open_a_page_to_others(void)
{
	return fchmodat(root, "page", 0777, 0);
}

static int
write_elsewhere(void)
{
	return open("/tmp/capsuled-content-none", O_WRONLY | O_CREAT, 0600);
}

static int
read_a_process(void)
{
	return open("/proc/self/environ", O_RDONLY);
}

static int
start_a_program(void)
{
	char *argv[] = { NULL };

	return execve("/bin/true", argv, argv);
}

static int
start_an_open_program(void)
{
	char *argv[] = { NULL };

	return (int)syscall(SYS_execveat, root, "page", argv, argv, 0);
}

static int
make_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return (int)pid;
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
connect_anywhere(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	return connect(ours, (struct sockaddr *)&to, sizeof(to)) == -1 &&
		errno == EPERM
	    ? -1
	    : 0;
}

static int
listen_anywhere(void)
{
	return listen(ours, 1) == -1 && errno == EPERM ? -1 : 0;
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
make_a_namespace(void)
{
	return (int)syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static const struct {
	const char *name;
	bool by_landlock; /* and by nothing else */
	int (*attempt)(void);
} forbidden[] = {
	{ "read outside", true, read_outside },
	{ "list outside", true, list_outside },
	{ "climb out of the root", true, climb_out_of_the_root },
	{ "follow a link out of the root", true,
	    follow_a_link_out_of_the_root },
	{ "read in a folder that was open", true, read_by_a_folder_of_before },
	{ "write to the root", true, write_to_the_root },
	{ "change a page", true, change_a_page },
	{ "cut a page", true, cut_a_page },
	{ "remove a page", true, remove_a_page },
	{ "move a page into the store", true, move_a_page_into_the_store },
	{ "link a page", false, link_a_page },
	{ "make a folder", false, make_a_folder },
	{ "make a link", false, make_a_link },
	{ "make a FIFO", false, make_a_fifo },
	{ "open a page to others", false, open_a_page_to_others },
	{ "write elsewhere", true, write_elsewhere },
	{ "read a process", true, read_a_process },
	{ "start a program", false, start_a_program },
	{ "start an open program", false, start_an_open_program },
	{ "make a process", false, make_a_process },
	{ "make a TCP socket", false, make_a_tcp_socket },
	{ "make a unix socket", false, make_a_unix_socket },
	{ "connect", false, connect_anywhere },
	{ "listen", false, listen_anywhere },
	{ "signal the parent", false, signal_the_parent },
	{ "trace the parent", false, trace_the_parent },
	{ "map code", false, map_code },
	{ "become root", false, become_root },
	{ "chroot", false, leave_the_tree },
	{ "make a namespace", false, make_a_namespace },
};

/* Run f in a confined process; what it exits with. */
static int
confined(int (*f)(size_t), size_t arg)
{
	struct sandbox box = { .drop = geteuid() == 0,
		.uid = USER,
		.gid = USER };
	struct sandbox_folder roots[] = { { "root", root }, { "none", -1 } };
	struct sandbox_folder kept = { "store", store };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_drop_user(&box) == -1 ||
			    sandbox_enter_content(roots, 2, &kept) == -1
			? 99
			: f(arg));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
try_forbidden(size_t i)
{
	return forbidden[i].attempt() == -1 ? 0 : 1;
}

static bool
has_landlock(void)
{
	return syscall(LANDLOCK_CREATE_RULESET, NULL, 0, ABI_QUESTION) > 0;
}

static void
it_can_do_nothing_but_read_roots_and_write_the_store(void **state)
{
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		if (forbidden[i].by_landlock ? !has_landlock() : !LISTED)
			continue;
		r = confined(try_forbidden, i);
		if (r != 0)
			fail_msg("%s: %s", forbidden[i].name,
			    r == 99 ? "could not be confined" : "succeeded");
	}
}

static int
read_pages(size_t unused)
{
	int fd = openat(root, "page", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fdopendir(openat(root, ".", O_RDONLY | O_DIRECTORY));
	struct stat st;
	char byte, to[64];

	(void)unused;
	if (fd == -1 || pread(fd, &byte, 1, 0) != 1 || fstat(fd, &st) == -1)
		return 1;
	if (d == NULL || readdir(d) == NULL || closedir(d) == -1)
		return 2;
	if (fstatat(root, "page", &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 3;
	return readlinkat(root, "out", to, sizeof(to)) > 0 ? 0 : 4;
}

static void
it_can_read_and_list_below_the_roots(void **state)
{
	(void)state;
	assert_int_equal(0, confined(read_pages, 0));
}

static int
write_the_store(size_t unused)
{
	int fd = openat(store, "new", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)unused;
	if (fd == -1 || write(fd, "one", 3) != 3 || pwrite(fd, "t", 1, 0) != 1)
		return 1;
	if (fsync(fd) == -1 || fdatasync(fd) == -1 || ftruncate(fd, 2) == -1 ||
	    lseek(fd, 0, SEEK_END) != 2)
		return 2;
	if (renameat(store, "new", store, "named") == -1 ||
	    unlinkat(store, "named", 0) == -1)
		return 3;
	return 0;
}

static void
it_can_write_rename_and_remove_in_the_store(void **state)
{
	(void)state;
	assert_int_equal(0, confined(write_the_store, 0));
}

static int
pass_a_page(size_t unused)
{
	int fd = openat(root, "page", O_RDONLY | O_CLOEXEC);

	(void)unused;
	return channel_send(theirs, CHANNEL_OPENED, 7, fd) == 0 ? 0 : 1;
}

static void
it_can_pass_on_what_it_opened(void **state)
{
	unsigned number;
	char byte;
	int fd;

	(void)state;
	assert_int_equal(0, confined(pass_a_page, 0));
	assert_int_equal(CHANNEL_OPENED, channel_receive(ours, &number, &fd));
	assert_int_equal(1, pread(fd, &byte, 1, 0));
	close(fd);
}

/* -- the folders: root/page, root/out -> ../beside/secret, store -- */

static int
make_folder(int in, const char *name, mode_t mode)
{
	return mkdirat(in, name, mode) == -1 || fchmodat(in, name, mode, 0)
	    ? -1
	    : openat(in, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
make_file(int in, const char *name)
{
	int fd = openat(in, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	return fd == -1 || fchmod(fd, 0777) == -1 ? -1 : close(fd);
}

static int
make_all(void)
{
	int top = -1;

	if (mkdtemp(folder) != NULL && chmod(folder, 0755) == 0)
		top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root = make_folder(top, "root", 0777);
	store = make_folder(top, "store", 0777);
	beside = make_folder(top, "beside", 0777);
	if (root == -1 || store == -1 || beside == -1)
		return -1;
	if (make_file(root, "page") == -1 || make_file(beside, "secret") ||
	    symlinkat("../beside/secret", root, "out") == -1)
		return -1;
	top = openat(root, "page", O_WRONLY | O_CLOEXEC);
	if (write(top, "page", 4) != 4)
		return -1;
	close(top);
	return channel_open(&ours, &theirs);
}

static void
remove_all(void)
{
	(void)unlinkat(root, "page", 0);
	(void)unlinkat(root, "out", 0);
	(void)unlinkat(beside, "secret", 0);
	(void)unlinkat(store, "new", 0);
	(void)unlinkat(root, "../root", AT_REMOVEDIR);
	(void)unlinkat(root, "../store", AT_REMOVEDIR);
	(void)unlinkat(root, "../beside", AT_REMOVEDIR);
	(void)rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    it_can_do_nothing_but_read_roots_and_write_the_store),
		cmocka_unit_test(it_can_read_and_list_below_the_roots),
		cmocka_unit_test(it_can_write_rename_and_remove_in_the_store),
		cmocka_unit_test(it_can_pass_on_what_it_opened),
	};
	int failed;

	/* Sanitizers need what the fences forbid. */
	if (!SANDBOX_ENABLED) {
		printf("built without a sandbox: nothing to test\n");
		return 0;
	}
	if (make_all() == -1)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_all();
	return failed;
}
