/*
 * sandbox_linux.c - what a worker gives up on Linux.
 *
 * Floor process.  Two fences, each enough against most of what is feared: a
 * seccomp filter that knows the few system calls a worker makes, and Landlock
 * without one rule, so that no path can be opened and no TCP address reached
 * even by a call that the filter lets through.
 *
 * A call that is not on the list fails with EPERM instead of killing the
 * process: a new libc that tries something first, and falls back, is then no
 * reason for a service to be down.
 */
#include "process/sandbox.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
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
#ifndef SANDBOX_FENCES
#define SANDBOX_FENCES 1
#endif

/* The calls a worker makes, the most frequent first. */
static const uint16_t allowed[] = {
#ifdef __NR_epoll_wait
	__NR_epoll_wait,
#endif
	__NR_epoll_pwait,
	__NR_epoll_ctl,
	__NR_accept4,
	__NR_recvfrom,
	__NR_sendto,
	__NR_shutdown,
	__NR_close,
	__NR_write,
	__NR_read,
	__NR_clock_gettime,
	__NR_setsockopt,
	__NR_getsockopt,
	__NR_sendfile,
	__NR_pread64,
	__NR_fstat,
	__NR_readv, /* these two are the exporter's */
	__NR_writev,
#ifdef __NR_newfstatat
	__NR_newfstatat, /* what fstat(3) is in glibc 2.33 to 2.38 */
#endif
	__NR_lseek,
	__NR_recvmsg,
	__NR_sendmsg,
	__NR_readv,
	__NR_writev,
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
	__NR_fcntl,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_restart_syscall,
	__NR_tgkill, /* abort(3), after an assertion */
	__NR_exit,
	__NR_exit_group,
};

#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))
#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument; all our architectures but s390x are little. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW 0
#else
#define LOW 4
#endif
#define LOAD_ARG(n)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                     \
	    offsetof(struct seccomp_data, args[n]) + LOW)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define IF_NOT(value, skip)                                                    \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define DENY                                                                   \
	(SANDBOX_KILL ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM)

/* Memory may be had, but never to run what was written into it. */
#define NO_EXEC(nr)                                                            \
	IF_NOT((nr), 4), LOAD_ARG(2),                                          \
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),             \
	    RETURN(DENY), RETURN(SECCOMP_RET_ALLOW)

static const struct sock_filter before[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
};

static const struct sock_filter after[] = {
#ifdef __NR_mmap
	NO_EXEC(__NR_mmap),
#endif
#ifdef __NR_mmap2
	NO_EXEC(__NR_mmap2),
#endif
	NO_EXEC(__NR_mprotect),
	/* Two questions: what has the peer not taken yet, and what is there
	 * to be read? */
	IF_NOT(__NR_ioctl, 6),
	LOAD_ARG(1),
	IF_NOT(SIOCOUTQ, 1),
	RETURN(SECCOMP_RET_ALLOW),
	IF_NOT(SIOCINQ, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(DENY),
	RETURN(DENY),
};

#define N_BEFORE (sizeof(before) / sizeof(before[0]))
#define N_AFTER  (sizeof(after) / sizeof(after[0]))

static int
fence_calls(void)
{
	struct sock_filter code[N_BEFORE + 2 * N_ALLOWED + N_AFTER];
	struct sock_fprog prog = { .filter = code };
	unsigned short n = 0;
	size_t i;

	for (i = 0; i < N_BEFORE; i++)
		code[n++] = before[i];
	for (i = 0; i < N_ALLOWED; i++) {
		code[n++] = (struct sock_filter)IF_NOT(allowed[i], 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	for (i = 0; i < N_AFTER; i++)
		code[n++] = after[i];
	prog.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* -- Landlock: landlock(7); older headers do not know all of it -- */

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_restrict_self  446
#endif

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

static int
fence_paths(void)
{
	long abi = landlock_version();
	struct ruleset rules;
	int fd, r;

	if (abi < 1)
		return 0; /* said at start: sandbox_describe */
	rules = (struct ruleset){ versions[abi].fs, versions[abi].net,
		versions[abi].scoped };
	fd = (int)syscall(__NR_landlock_create_ruleset, &rules,
	    versions[abi].size, 0);
	if (fd == -1)
		return -1;
	r = (int)syscall(__NR_landlock_restrict_self, fd, 0);
	close(fd);
	return r;
}

static bool
has_seccomp(void)
{
	/* EFAULT: the kernel would read a filter, if there were one. */
	return ARCH != 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 &&
	    errno == EFAULT;
}

const char *
sandbox_describe(bool *whole)
{
	bool calls, paths;

	*whole = false;
	if (!SANDBOX_FENCES)
		return "their user alone: built without fences";
	calls = has_seccomp();
	paths = landlock_version() >= 1;
	*whole = calls && paths;
	if (*whole)
		return "seccomp and Landlock";
	if (calls)
		return "seccomp; this system has no Landlock";
	return paths ? "Landlock; this system has no seccomp filters"
		     : "their user alone: this system has neither seccomp "
		       "filters nor Landlock";
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

int
sandbox_enter(const struct sandbox *box)
{
	bool calls;

	if (sandbox_drop_user(box) == -1)
		return -1;
	if (drop_capabilities() == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) {
		log_error("cannot give up privileges");
		return -1;
	}
	if (!SANDBOX_FENCES)
		return 0;
	calls = has_seccomp();
	if (fence_paths() == -1 || (calls && fence_calls() == -1)) {
		log_error("cannot confine this worker");
		return -1;
	}
	return 0;
}
