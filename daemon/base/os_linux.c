/*
 * os_linux.c - what Linux does its own way.
 *
 * Floor base.  Needs Linux 3.17 or newer for what the project relies on.
 */
#include "base/os.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define FD_END (1 << 20) /* as many as the kernel gives by default */

const char os_useradd[] = "useradd -r -s /usr/sbin/nologin";

int
os_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t
os_send(int fd, const void *p, size_t len, bool more)
{
	return send(fd, p, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

/* sendfile(2) corks by itself; what more adds is not worth a second call. */
ssize_t
os_sendfile(int socket, int file, off_t offset, size_t len, bool more)
{
	(void)more;
	return sendfile(socket, file, &offset, len);
}

void
os_trim_heap(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

static int
forget(struct dl_phdr_info *info, size_t size, void *page)
{
	uintptr_t mask = *(uintptr_t *)page - 1, begin, end;
	const ElfW(Phdr) * h;

	(void)size;
	for (h = info->dlpi_phdr; h < info->dlpi_phdr + info->dlpi_phnum; h++) {
		if (h->p_type != PT_LOAD || (h->p_flags & PF_W))
			continue;
		begin = (info->dlpi_addr + h->p_vaddr) & ~mask;
		end =
		    (info->dlpi_addr + h->p_vaddr + h->p_memsz + mask) & ~mask;
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

/* They are files' pages that nobody has written to: a fault maps them again. */
void
os_forget_code(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)dl_iterate_phdr(forget, &page);
}

int64_t
os_rtt_us(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return -1;
	return info.tcpi_rtt;
}

void
os_acknowledge(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

int
os_unsent(int fd)
{
	int n;

	return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : -1;
}

void
os_random(void *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p = (char *)p + n, len -= (size_t)n) {
		n = getrandom(p, len, 0);
		if (n == -1 && errno == EINTR)
			n = 0;
		assert(n >= 0); /* Linux before 3.17 */
	}
}

/* What is on its way to a fast reader does not count: that may be megabytes. */
void
os_bound_queue(int fd, int bytes)
{
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes,
	    sizeof(bytes));
}

int
os_peer(int fd, struct os_peer *to)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	gid_t more[OS_GROUPS_MAX - 1];
	size_t n = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1)
		return -1;
#ifdef SO_PEERGROUPS
	len = sizeof(more); /* Linux before 4.13 does not tell */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, more, &len) == 0)
		n = len / sizeof(more[0]);
#endif
	to->uid = who.uid;
	to->groups[0] = who.gid;
	memcpy(to->groups + 1, more, n * sizeof(more[0]));
	to->n_groups = 1 + n;
	return 0;
}

int
os_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == -1 ||
	    CPU_COUNT(&set) < 1)
		return 1;
	return CPU_COUNT(&set);
}

void
os_set_title(const char *title)
{
	/* The thread's name: ps -o comm, top and /proc show it. */
	(void)prctl(PR_SET_NAME, title);
}

void
os_close_from(int first)
{
	struct rlimit r;
	int fd, end;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	/* Linux before 5.9: one by one. */
	end = getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < FD_END
	    ? (int)r.rlim_cur
	    : FD_END;
	for (fd = first; fd < end; fd++)
		(void)close(fd);
}

void
os_hide_memory(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
