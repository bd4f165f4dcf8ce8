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

#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

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
static const struct rule {
	uint16_t call;
	struct {
		enum condition what;
		unsigned char argument; /* from 0 */
		uint32_t value;
	} is[CONDITIONS_MAX];
} call_rules[] = {
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
/* Memory may be had, but never to run what was written into it. */
#ifdef __NR_mmap
	{ __NR_mmap, { { LACKS, 2, PROT_EXEC } } },
#endif
#ifdef __NR_mmap2
	{ __NR_mmap2, { { LACKS, 2, PROT_EXEC } } },
#endif
	{ __NR_mprotect, { { LACKS, 2, PROT_EXEC } } },
	/* What has the peer not taken yet, and what is there to be read? */
	{ __NR_ioctl, { { IS, 1, SIOCOUTQ } } },
	{ __NR_ioctl, { { IS, 1, SIOCINQ } } },
	/* abort(3), after an assertion. */
	{ __NR_tgkill, { { IS_SELF, 0, 0 } } },
};

#define N_RULES (sizeof(call_rules) / sizeof(call_rules[0]))

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
#define PROGRAM_MAX   (6 + 2 * N_ALLOWED + N_RULES * RULE_LEN)

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
argument(unsigned char number, int half)
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
		add_instruction(p, LOAD(argument(r->is[i].argument, LOW)));
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
			    LOAD(argument(r->is[i].argument, HIGH)));
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
write_program(struct program *p)
{
	size_t i;

	add_instruction(p, LOAD((uint32_t)offsetof(struct seccomp_data, arch)));
	add_instruction(p,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1,
		0));
	add_instruction(p, RETURN(SECCOMP_RET_KILL_PROCESS));
	add_instruction(p, LOAD((uint32_t)offsetof(struct seccomp_data, nr)));
	for (i = 0; i < N_ALLOWED; i++) {
		add_equals(p, allowed[i], 1);
		add_instruction(p, RETURN(SECCOMP_RET_ALLOW));
	}
	for (i = 0; i < N_RULES; i++)
		add_rule(p, &call_rules[i]);
	add_instruction(p, RETURN(DENY));
}

static int
fence_calls(void)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.code };

	write_program(&p);
	assert(p.n <= PROGRAM_MAX);
	prog.len = p.n;
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
	if (!SANDBOX_FENCES)
		return "their user alone: built without fences";
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
	calls = lacks_seccomp() == NULL;
	if (fence_paths() == -1 || (calls && fence_calls() == -1)) {
		log_error("cannot confine this worker");
		return -1;
	}
	return 0;
}
