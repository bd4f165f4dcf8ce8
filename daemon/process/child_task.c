/*
 * child_task.c - run a function in a child process and read its report.
 *
 * Floor process.  The master never reads private keys itself: a child does,
 * and its memory ends with it.  The master receives a report alone: the value
 * that the function returned, one byte, and the problems, packed.
 */
#include "process/child_task.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/os.h"
#include "process/child.h"

static int deadline_ms = CHILD_TASK_START_MS;

void
child_task_set_deadline(int ms)
{
	deadline_ms = ms;
}

void
child_task_report(int fd, int value, struct problems *ps)
{
	struct buf report;
	size_t off = 0;
	ssize_t n;

	buf_init(&report, CHILD_TASK_REPORT_MAX);
	buf_putc(&report, (char)value);
	problems_pack(ps, &report);
	while (!report.failed && off < report.len) {
		n = write(fd, report.p + off, report.len - off);
		if (n == -1 && errno != EINTR)
			break;
		off += n > 0 ? (size_t)n : 0;
	}
	buf_fini(&report);
}

/* Read a report up to its end; 0, or -1 if that does not come in time. */
static int
read_report(int fd, struct buf *to)
{
	int64_t end = clock_ms() + deadline_ms, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char piece[4096];
	ssize_t n;

	while ((left = end - clock_ms()) > 0) {
		if (poll(&p, 1, (int)left) != 1)
			continue;
		n = read(fd, piece, sizeof(piece));
		if (n == 0)
			return 0;
		if (n > 0)
			buf_put(to, (struct view){ piece, (size_t)n });
	}
	return -1;
}

int
child_task_receive(int fd, struct problems *ps)
{
	struct buf report;
	int value = -1;

	buf_init(&report, CHILD_TASK_REPORT_MAX);
	if (read_report(fd, &report) == -1)
		problems_add(ps, NULL, 0,
		    "a process that reads keys has not answered in %d s",
		    deadline_ms / 1000);
	else if (report.failed || report.len == 0 ||
	    problems_unpack(ps, view_skip(buf_view(&report), 1)) == -1)
		problems_add(ps, NULL, 0,
		    "a process that reads keys has died over it");
	else
		value = (signed char)report.p[0];
	buf_fini(&report);
	return value;
}

/* In the child, which uses no descriptor but that of its report. */
static void
run_and_report(int (*fn)(void *arg, struct problems *ps), void *arg, int report)
{
	struct problems *ps = problems_new();
	int value;

	os_hide_memory();
	value = fn(arg, ps);
	child_task_report(report, value, ps);
	problems_free(ps);
	_exit(0);
}

int
child_task_run(int (*fn)(void *arg, struct problems *ps), void *arg,
    struct problems *ps)
{
	int ends[2], value = -1;
	sigset_t all, before;
	pid_t pid = -1;

	if (pipe(ends) == -1) {
		problems_add(ps, NULL, 0, "cannot make a pipe");
		return -1;
	}
	/* Blocked in the child for good: no handler of ours may run there. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	log_flush();
	pid = fork();
	if (pid == 0)
		run_and_report(fn, arg, ends[1]);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid == -1)
		problems_add(ps, NULL, 0, "cannot make a process");
	else {
		value = child_task_receive(ends[0], ps);
		child_stop(pid, 0); /* if it came to no end */
	}
	close(ends[0]);
	return value;
}
