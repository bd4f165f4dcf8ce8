/*
 * sandbox_linux.c - what a process gives up on Linux.
 *
 * Floor process.  Two sandboxes, each enough against most of what is feared: a
 * seccomp filter that knows the few system calls a worker makes, and Landlock
 * without one rule, so that no path can be opened and no TCP address reached
 * even by a call that the filter lets through.  The content process has a list
 * of its own, and rules for the folders that it reads and the one it writes.
 *
 * A call that is not on the list fails with EPERM instead of killing the
 * process: a new libc that tries something first, and falls back, is then no
 * reason for a service to be down.
 */
#include "process/sandbox.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

/* The filter is for one architecture's numbers; 0: none is known. */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCH AUDIT_ARCH_PPC64LE
#else
#define ARCH 0
#endif

/*
 * For tests: a call that is not on the list ends the process, so that no
 * fallback hides it.
 */
#ifndef SANDBOX_KILL
#define SANDBOX_KILL 0
#endif

/* Sanitizers and valgrind look at /proc and make code: they go without. */
#ifndef SANDBOX_ENABLED
#define SANDBOX_ENABLED 1
#endif

/* The calls a worker makes, the most frequent first. */
static const uint16_t worker_calls[] = {
#ifdef __NR_epoll_wait
	__NR_epoll_wait,
#endif
	__NR_epoll_pwait,
	__NR_epoll_ctl,
	__NR_accept4,
	__NR_recvfrom,
	__NR_close,
	__NR_write,
	__NR_read,
	__NR_clock_gettime,
	__NR_getsockopt,
	__NR_sendfile,
	__NR_pread64,
	__NR_fstat,
	__NR_readv, /* these two are the exporter's */
	__NR_writev,
#ifdef __NR_newfstatat
	__NR_newfstatat, /* what fstat(3) is in glibc 2.33 to 2.38 */
#endif
	__NR_recvmsg,
#ifdef __NR_poll
	__NR_poll,
#endif
	__NR_ppoll,
#ifdef __NR_epoll_pwait2
	__NR_epoll_pwait2,
#endif
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_brk,
	__NR_futex,
	__NR_sched_yield,
	__NR_getrandom,
	__NR_gettimeofday,
#ifdef __NR_time
	__NR_time,
#endif
	__NR_getpid,
	__NR_gettid,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_restart_syscall,
	__NR_exit,
	__NR_exit_group,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* And those of the content process. */
static const uint16_t content_calls[] = {
#ifdef __NR_newfstatat
	__NR_newfstatat,
#endif
#ifdef __NR_poll
	__NR_poll,
#endif
	__NR_ppoll,
	__NR_openat,
	__NR_statx,
	__NR_fstat,
	__NR_getdents64,
	__NR_readlinkat,
	__NR_read,
	__NR_pread64,
	__NR_write,
	__NR_pwrite64,
	__NR_writev,
	__NR_pwritev,
	__NR_close,
	__NR_lseek,
	__NR_fcntl,
	__NR_recvfrom,
	__NR_recvmsg,
	__NR_sendmsg,
	__NR_clock_gettime,
	__NR_gettimeofday,
#ifdef __NR_time
	__NR_time,
#endif
	__NR_nanosleep,
	__NR_clock_nanosleep,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_brk,
	__NR_futex,
	__NR_sched_yield,
	__NR_getrandom,
	__NR_sysinfo,
	__NR_uname,
	__NR_getpid,
	__NR_getppid,
	__NR_gettid,
	__NR_getuid,
	__NR_geteuid,
	__NR_getgid,
	__NR_getegid,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_restart_syscall,
	/* The store's: all below its folder, as Landlock has it. */
	__NR_flock,
	__NR_fsync,
	__NR_fdatasync,
	__NR_ftruncate,
	__NR_fallocate,
	__NR_fadvise64,
	__NR_fstatfs,
	__NR_renameat2,
#ifdef __NR_renameat
	__NR_renameat,
#endif
#ifdef __NR_rename
	__NR_rename,
#endif
	__NR_unlinkat,
#ifdef __NR_unlink
	__NR_unlink,
#endif
	/* Changed files tell. */
	__NR_inotify_init1,
	__NR_inotify_add_watch,
	__NR_inotify_rm_watch,
	__NR_exit,
	__NR_exit_group,
};

/* And those of the search process: SQLite's, on files in one folder. */
static const uint16_t search_calls[] = {
#ifdef __NR_poll
	__NR_poll,
#endif
	__NR_ppoll,
	__NR_recvfrom,
	__NR_setitimer,
	__NR_rt_sigreturn,
	__NR_clock_gettime,
	__NR_pread64,
	__NR_pwrite64,
	__NR_fcntl,
	__NR_recvmsg,
	__NR_close,
	__NR_read,
	__NR_write,
	__NR_fstat,
#ifdef __NR_newfstatat
	__NR_newfstatat,
#endif
#ifdef __NR_stat
	__NR_stat,
	__NR_lstat,
#endif
	__NR_statx,
	__NR_openat,
#ifdef __NR_open
	__NR_open,
#endif
	__NR_faccessat,
#ifdef __NR_access
	__NR_access,
#endif
	__NR_readlinkat,
#ifdef __NR_readlink
	__NR_readlink,
#endif
	__NR_getcwd,
	__NR_lseek,
	__NR_ftruncate,
	__NR_fallocate,
	__NR_fsync,
	__NR_fdatasync,
	__NR_unlinkat,
#ifdef __NR_unlink
	__NR_unlink,
#endif
	__NR_renameat2,
#ifdef __NR_renameat
	__NR_renameat,
#endif
#ifdef __NR_rename
	__NR_rename,
#endif
	__NR_geteuid,
	__NR_nanosleep,
	__NR_clock_nanosleep,
	__NR_sysinfo,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_brk,
	__NR_futex,
	__NR_sched_yield,
	__NR_getrandom,
	__NR_gettimeofday,
#ifdef __NR_time
	__NR_time,
#endif
	__NR_getpid,
	__NR_gettid,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_restart_syscall,
	__NR_exit,
	__NR_exit_group,
};

/* What an argument has to be. */
enum condition {
	ANY,
	IS,      /* this number */
	LACKS,   /* a number without any of these bits */
	IS_NULL, /* no address */
	IS_SELF  /* the number of this process */
};

#define CONDITIONS_MAX 2 /* of one row */

/*
 * Calls that are allowed with some arguments alone; a row each, of which one
 * has to fit.
 */
struct rule {
	uint16_t call;
	struct {
		enum condition what;
		unsigned char argument; /* from 0 */
		uint32_t value;
	} is[CONDITIONS_MAX];
};

/* Memory may be had, but never to run what was written into it. */
#define NO_CODE(call)                                                          \
	{                                                                      \
		(call),                                                        \
		{                                                              \
			{                                                      \
				LACKS, 2, PROT_EXEC                            \
			}                                                      \
		}                                                              \
	}

static const struct rule worker_rules[] = {
	/* An address, or the first bytes of a connection to be, would let a
	 * socket that was shut down connect anew.  sendmsg(2) has its address
	 * in memory, which no filter sees: nobody here needs it. */
	{ __NR_sendto, { { IS_NULL, 4, 0 }, { LACKS, 3, MSG_FASTOPEN } } },
#ifdef __NR_send
	{ __NR_send, { { LACKS, 3, MSG_FASTOPEN } } },
#endif
	/* With the other half, a listening socket would hear nobody. */
	{ __NR_shutdown, { { IS, 1, SHUT_WR } } },
	/* For sockets of visitors.  What stays of it on a listening socket,
	 * which all share, the master mends when the worker is gone. */
	{ __NR_setsockopt, { { IS, 1, SOL_SOCKET }, { IS, 2, SO_LINGER } } },
	{ __NR_setsockopt, { { IS, 1, SOL_SOCKET }, { IS, 2, SO_RCVTIMEO } } },
	{ __NR_setsockopt,
	    { { IS, 1, IPPROTO_TCP }, { IS, 2, TCP_QUICKACK } } },
	{ __NR_setsockopt,
	    { { IS, 1, IPPROTO_TCP }, { IS, 2, TCP_NOTSENT_LOWAT } } },
#ifdef __NR_mmap
	NO_CODE(__NR_mmap),
#endif
#ifdef __NR_mmap2
	NO_CODE(__NR_mmap2),
#endif
	NO_CODE(__NR_mprotect),
	/* What has the peer not taken yet, and what is there to be read? */
	{ __NR_ioctl, { { IS, 1, SIOCOUTQ } } },
	{ __NR_ioctl, { { IS, 1, SIOCINQ } } },
	/* abort(3), after an assertion. */
	{ __NR_tgkill, { { IS_SELF, 0, 0 } } },
};

/* Of those that know no network. */
static const struct rule inner_rules[] = {
	{ __NR_sendto, { { IS_NULL, 4, 0 }, { LACKS, 3, MSG_FASTOPEN } } },
#ifdef __NR_send
	{ __NR_send, { { LACKS, 3, MSG_FASTOPEN } } },
#endif
#ifdef __NR_mmap
	NO_CODE(__NR_mmap),
#endif
#ifdef __NR_mmap2
	NO_CODE(__NR_mmap2),
#endif
	NO_CODE(__NR_mprotect),
	{ __NR_tgkill, { { IS_SELF, 0, 0 } } },
};

/* What one kind of process may call. */
struct profile {
	const uint16_t *calls;
	size_t n_calls;
	const struct rule *rules;
	size_t n_rules;
};

static const struct profile worker_profile = { worker_calls,
	COUNT(worker_calls), worker_rules, COUNT(worker_rules) };
static const struct profile content_profile = { content_calls,
	COUNT(content_calls), inner_rules, COUNT(inner_rules) };
static const struct profile search_profile = { search_calls,
	COUNT(search_calls), inner_rules, COUNT(inner_rules) };

/* The halves of an argument; all our architectures but s390x are little. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW  0
#define HIGH 4
#else
#define LOW  4
#define HIGH 0
#endif

#define DENY                                                                   \
	(SANDBOX_KILL ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM)
#define RETURN(action) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (action)))
#define LOAD(field)                                                            \
	((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (field)))

/* Instructions: of a condition, of a rule, and of all that is not listed. */
#define CONDITION_LEN 2
#define RULE_LEN      (3 + 2 * CONDITIONS_MAX * CONDITION_LEN)
#define CALLS_MAX     128
#define RULES_MAX     24
#define PROGRAM_MAX   (6 + 2 * CALLS_MAX + RULES_MAX * RULE_LEN)

_Static_assert(COUNT(worker_calls) <= CALLS_MAX, "all fit");
_Static_assert(COUNT(content_calls) <= CALLS_MAX, "all fit");
_Static_assert(COUNT(worker_rules) <= RULES_MAX, "all fit");
_Static_assert(COUNT(search_calls) <= CALLS_MAX, "all fit");
_Static_assert(COUNT(inner_rules) <= RULES_MAX, "all fit");

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short n;
};

static void
add_instruction(struct program *p, struct sock_filter instruction)
{
	p->code[p->n++] = instruction;
}

/* Go on if what was loaded equals value, skip so many instructions if not. */
static void
add_equals(struct program *p, uint32_t value, size_t skip)
{
	add_instruction(p,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0,
		(unsigned char)skip));
}

static uint32_t
offset_of_argument(unsigned char number, int half)
{
	return (uint32_t)offsetof(struct seccomp_data, args) +
	    number * (uint32_t)sizeof(uint64_t) + (uint32_t)half;
}

/* The call fits this row, or the row is left at its end. */
static void
add_rule(struct program *p, const struct rule *r)
{
	/* Jumps count from what follows them, and end is the row's last. */
	size_t i, end = 1;

	for (i = 0; i < CONDITIONS_MAX; i++)
		end += CONDITION_LEN *
		    ((r->is[i].what != ANY) + (r->is[i].what == IS_NULL));
	add_instruction(p, LOAD((uint32_t)offsetof(struct seccomp_data, nr)));
	add_equals(p, r->call, end);
	for (i = 0; i < CONDITIONS_MAX; i++) {
		if (r->is[i].what == ANY)
			continue;
		add_instruction(p,
		    LOAD(offset_of_argument(r->is[i].argument, LOW)));
		end -= CONDITION_LEN;
		switch (r->is[i].what) {
		case LACKS:
			add_instruction(p,
			    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET |
				    BPF_K,
				r->is[i].value, (unsigned char)end, 0));
			break;
		case IS_NULL:
			add_equals(p, 0, end);
			add_instruction(p,
			    LOAD(offset_of_argument(r->is[i].argument, HIGH)));
			end -= CONDITION_LEN;
			add_equals(p, 0, end);
			break;
		case IS_SELF:
			add_equals(p, (uint32_t)getpid(), end);
			break;
		default:
			add_equals(p, r->is[i].value, end);
		}
	}
	add_instruction(p, RETURN(SECCOMP_RET_ALLOW));
}

static void
write_program(struct program *p, const struct profile *may)
{
	size_t i;

	add_instruction(p, LOAD((uint32_t)offsetof(struct seccomp_data, arch)));
	add_instruction(p,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1,
		0));
	add_instruction(p, RETURN(SECCOMP_RET_KILL_PROCESS));
	add_instruction(p, LOAD((uint32_t)offsetof(struct seccomp_data, nr)));
	for (i = 0; i < may->n_calls; i++) {
		add_equals(p, may->calls[i], 1);
		add_instruction(p, RETURN(SECCOMP_RET_ALLOW));
	}
	for (i = 0; i < may->n_rules; i++)
		add_rule(p, &may->rules[i]);
	add_instruction(p, RETURN(DENY));
}

static int
fence_calls(const struct profile *may)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.code };

	write_program(&p, may);
	assert(p.n <= PROGRAM_MAX);
	prog.len = p.n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* -- Landlock: landlock(7); older headers do not know all of it -- */

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule       445
#define __NR_landlock_restrict_self  446
#endif

/* Rights of Landlock's. */
#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_TRUNCATE    (UINT64_C(1) << 14)
#define FS_READ        (FS_READ_FILE | FS_READ_DIR)
#define FS_KEEP                                                                \
	(FS_READ | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

#define ABI_QUESTION 1u /* LANDLOCK_CREATE_RULESET_VERSION */

/* struct landlock_ruleset_attr, as long as the newest kernel knows it. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* What a kernel of each version can refuse, and how much it reads of it. */
static const struct {
	uint64_t fs, net, scoped;
	size_t size;
} versions[] = {
	{ 0, 0, 0, 0 }, { (1u << 13) - 1, 0, 0, 8 },
	{ (1u << 14) - 1, 0, 0, 8 },  /* 2: links between folders */
	{ (1u << 15) - 1, 0, 0, 8 },  /* 3: truncate */
	{ (1u << 15) - 1, 3, 0, 16 }, /* 4: TCP bind, connect */
	{ (1u << 16) - 1, 3, 0, 16 }, /* 5: ioctl on devices */
	{ (1u << 16) - 1, 3, 3, 24 }, /* 6: abstract sockets, signals */
};

#define NEWEST ((long)(sizeof(versions) / sizeof(versions[0])) - 1)

static long
landlock_version(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, ABI_QUESTION);

	return abi > NEWEST ? NEWEST : abi;
}

/* struct landlock_path_beneath_attr: all below a folder, with these rights. */
struct rule_beneath {
	uint64_t rights;
	int32_t folder;
} __attribute__((packed));

#define RULE_PATH_BENEATH 1 /* LANDLOCK_RULE_PATH_BENEATH */

/* Allow what the kernel of this version can refuse of these rights. */
static int
allow_below(int ruleset, long abi, int folder, uint64_t rights)
{
	struct rule_beneath rule = { rights & versions[abi].fs, folder };

	return folder == -1 ? 0
			    : (int)syscall(__NR_landlock_add_rule, ruleset,
				  RULE_PATH_BENEATH, &rule, 0);
}

/* No path but below n folders, to read, and below store, to write, too. */
static int
fence_paths(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store)
{
	long abi = landlock_version();
	struct ruleset rules;
	int fd, r = 0;
	size_t i;

	if (abi < 1)
		return 0; /* said at start: sandbox_describe */
	rules = (struct ruleset){ versions[abi].fs, versions[abi].net,
		versions[abi].scoped };
	fd = (int)syscall(__NR_landlock_create_ruleset, &rules,
	    versions[abi].size, 0);
	if (fd == -1)
		return -1;
	for (i = 0; i < n; i++)
		if (allow_below(fd, abi, roots[i].fd, FS_READ) == -1)
			r = -1;
	if (store != NULL && allow_below(fd, abi, store->fd, FS_KEEP) == -1)
		r = -1;
	if (syscall(__NR_landlock_restrict_self, fd, 0) == -1)
		r = -1;
	close(fd);
	return r;
}

/* What is missing for a filter of calls; NULL: nothing. */
static const char *
lacks_seccomp(void)
{
	if (ARCH == 0)
		return "no list of system calls for this processor";
	/* EFAULT: the kernel would read a filter, if there were one. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 &&
	    errno == EFAULT)
		return NULL;
	return "no seccomp filter in this kernel";
}

const char *
sandbox_describe(bool *whole)
{
	static char words[128];
	const char *calls;
	bool paths;

	*whole = false;
	if (!SANDBOX_ENABLED)
		return "their user alone: built without a sandbox";
	calls = lacks_seccomp();
	paths = landlock_version() >= 1;
	*whole = calls == NULL && paths;
	if (*whole)
		return "seccomp and Landlock";
	if (calls == NULL)
		return "seccomp; this system has no Landlock";
	snprintf(words, sizeof(words),
	    paths ? "Landlock; there is %s"
		  : "their user alone: there is no Landlock, and %s",
	    calls);
	return words;
}

/* Changing from root drops capabilities; started otherwise, some may stay. */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};

	return (int)syscall(SYS_capset, &head, none);
}

static int
drop_rights(void)
{
	if (drop_capabilities() == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		return 0;
	log_error("cannot give up privileges");
	return -1;
}

/* Enter both sandboxes; if store is NULL, no path remains. */
static int
enter_linux_sandbox(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store, const struct profile *may,
    const char *who)
{
	bool calls;

	if (drop_rights() == -1)
		return -1;
	if (!SANDBOX_ENABLED)
		return 0;
	calls = lacks_seccomp() == NULL;
	if (fence_paths(roots, n, store) == -1 ||
	    (calls && fence_calls(may) == -1)) {
		log_error("cannot confine %s", who);
		return -1;
	}
	return 0;
}

int
sandbox_enter(const struct sandbox *box)
{
	return sandbox_drop_user(box) == -1
	    ? -1
	    : enter_linux_sandbox(NULL, 0, NULL, &worker_profile,
		  "this worker");
}

int
sandbox_enter_search(const struct sandbox_folder *folder)
{
	return enter_linux_sandbox(NULL, 0, folder->fd == -1 ? NULL : folder,
	    &search_profile, "the search process");
}

int
sandbox_enter_content(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store)
{
	return enter_linux_sandbox(roots, n, store, &content_profile,
	    "the content process");
}
