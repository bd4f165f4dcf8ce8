/*
 * child.c - start, probe and end processes that are no workers.
 *
 * Floor process.
 */
#include "process/child.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/shared.h"
#include "base/system_log.h"
#include "site/snapshot.h"
#include "net/metrics.h"
#include "net/resume.h"

pid_t
child_fork(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	log_flush();
	pid = fork();
	if (pid != 0)
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Copy all descriptors to numbers above both the old and the new ones first,
 * so that no dup2 closes one that is still to be moved. */
static bool
keep_only(const int *keep, size_t n)
{
	int copies[CHILD_KEEP_MAX], top = CHILD_FIRST + (int)n;
	size_t i;

	for (i = 0; i < n; i++)
		if (keep[i] >= top)
			top = keep[i] + 1;
	for (i = 0; i < n; i++) {
		copies[i] = fcntl(keep[i], F_DUPFD, top);
		if (copies[i] == -1)
			return false;
	}
	for (i = 0; i < n; i++)
		if (dup2(copies[i], CHILD_FIRST + (int)i) == -1)
			return false;
	system_log_close(); /* the next line would open another one */
	os_close_from(CHILD_FIRST + (int)n);
	return true;
}

static void
ignore_signals_of_master(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1,
		SIGUSR2, SIGPIPE };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
child_begin(const char *title, const int *keep, size_t n)
{
	assert(n <= CHILD_KEEP_MAX);
	snapshots_discard(); /* first: it closes files by their numbers */
	if (!keep_only(keep, n))
		_exit(1);
	os_set_title(title);
	ignore_signals_of_master();
	resume_leave();
	metrics_leave();
	shared_leave();
}

/* Wait at most ms until pid has ended; false if it has not. */
static bool
await_end(pid_t pid, int ms)
{
	int64_t end = clock_ms() + ms;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_ms() >= end)
			return false;
		(void)poll(NULL, 0, 1);
	}
	return true;
}

void
child_stop(pid_t pid, int ms)
{
	if (await_end(pid, ms))
		return;
	(void)kill(pid, SIGKILL);
	(void)await_end(pid, CHILD_KILL_MS);
}

struct child *
child_new(void (*run)(void *arg, int channel), void *arg)
{
	int ours, theirs;
	struct child *c;
	pid_t pid;

	if (channel_open(&ours, &theirs) == -1)
		return NULL;
	pid = child_fork();
	if (pid == 0)
		run(arg, theirs);
	close(theirs);
	if (pid == -1) {
		close(ours);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){ .pid = pid,
		.channel = ours,
		.born_ms = clock_ms() };
	return c;
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	close(c->channel);
	xfree(c);
}

void
child_end(struct child *c, int ms)
{
	pid_t pid;

	if (c == NULL)
		return;
	pid = c->pid;
	child_free(c);
	child_stop(pid, ms);
}

int
child_introduce(const struct child *c, enum channel_message message,
    unsigned number)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (channel_send(c->channel, message, number, pair[1]) == -1) {
		close(pair[0]);
		pair[0] = -1;
	}
	close(pair[1]);
	return pair[0];
}

void
child_kill(struct child *c)
{
	c->killed = true;
	(void)kill(c->pid, SIGKILL);
}

int
child_probe(struct child *c)
{
	if (channel_send(c->channel, CHANNEL_ALIVE, 0, -1) == -1)
		return -1;
	c->probed = true;
	return 0;
}

bool
child_is_silent(struct child *c)
{
	unsigned number;
	int fd;

	if (!c->probed)
		return false;
	if (channel_receive(c->channel, &number, &fd) == CHANNEL_ALIVE)
		c->probed = false;
	if (fd != -1)
		close(fd);
	return c->probed;
}
