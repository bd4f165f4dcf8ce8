/*
 * reaper.c - processes that have ended: say how, and replace them, those that
 * die young after a growing pause.
 *
 * Floor process.
 */
#include "process/reaper.h"

#include <sys/wait.h>

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/child.h"
#include "process/helper.h"
#include "process/reload.h"
#include "process/worker_table.h"

/* Say how a process ended that was not asked to. */
static void
tell_death(const char *what, pid_t pid, int status)
{
	if (status == REAPER_STUCK)
		log_errorx("%s %ld was killed and does not end: it is stuck "
			   "in the system, and left alone",
		    what, (long)pid);
	else if (WIFSIGNALED(status))
		log_errorx("%s %ld died: %s", what, (long)pid,
		    strsignal(WTERMSIG(status)));
	else
		log_errorx("%s %ld ended with status %d", what, (long)pid,
		    WEXITSTATUS(status));
}

/* Nothing is served yet, and nothing can be. */
static void
give_up_start(struct master *m, const char *why)
{
	log_errorx("%s", why);
	m->status = 1;
	m->stopping = true;
	(void)event_base_loopbreak(m->base);
}

/* A worker of the present generation is gone: replace it, not too fast. */
static void
replace_worker(struct master *m, int64_t age_ms)
{
	if (!m->served) {
		give_up_start(m, "a worker could not start");
		return;
	}
	m->backoff_ms = next_backoff(m->backoff_ms, age_ms);
	start_timer(m->respawn, m->backoff_ms);
}

/* The content process of what is served has gone. */
static void
lose_content(struct master *m, int status)
{
	drop_event(&m->content_event);
	if (!m->content_ready && WIFEXITED(status))
		give_up_start(m, "the content process could not start");
	else if (m->reload.yielding)
		start_next_content(m, -1); /* the lock has gone with it */
}

static void
reap_helper(struct helper *h, int status)
{
	struct child **at = h->kind->place(h->master);

	if (h == &h->master->helpers[HELPER_KEYS])
		metrics_count(METRICS_KEY_PROCESS_DIED, 1);
	if (h == &h->master->helpers[HELPER_CONTENT])
		lose_content(h->master, status);
	tell_death(h->kind->name, (*at)->pid, status);
	h->backoff_ms =
	    next_backoff(h->backoff_ms, clock_ms() - (*at)->born_ms);
	child_free(*at);
	*at = NULL;
	start_timer(h->restart, h->backoff_ms);
}

/* What was to replace what is served cannot be: nothing of it was visible. */
static void
reap_next(struct master *m, pid_t pid, int status)
{
	const struct generation *next = m->reload.next;

	if (next == NULL || next->content == NULL || next->content->pid != pid)
		return;
	tell_death("content process", pid, status);
	refuse_reload(m);
}

/* Keep in mind who is stuck; one that is heard of later has ended after all. */
static void
count_stuck(struct master *m, pid_t pid, int status)
{
	size_t i = 0;

	if (status == REAPER_STUCK) {
		if (m->n_stuck < STUCK_MAX)
			m->stuck[m->n_stuck++] = pid;
		return;
	}
	while (i < m->n_stuck && m->stuck[i] != pid)
		i++;
	if (i < m->n_stuck)
		m->stuck[i] = m->stuck[--m->n_stuck];
}

void
reap_process(struct master *m, pid_t pid, int status)
{
	size_t i;

	count_stuck(m, pid, status);
	content_deaths_reap(&m->deaths, pid,
	    status == REAPER_STUCK || WIFSIGNALED(status));
	for (i = 0; i < HELPERS; i++) {
		const struct child *c = helper_child(&m->helpers[i]);

		if (c != NULL && c->pid == pid) {
			reap_helper(&m->helpers[i], status);
			return;
		}
	}
	reap_next(m, pid, status);
}

void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	struct worker_process *w;
	int64_t age;
	bool present;
	int status;
	pid_t pid;

	(void)fd;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (w = m->workers; w != NULL && w->pid != pid; w = w->next)
			;
		if (w == NULL) {
			reap_process(m, pid, status);
			continue;
		}
		limits_reap(m->limits, w->number);
		metrics_reap(m->metrics, w->number);
		age = clock_ms() - w->born_ms;
		present = w->serial == m->serial;
		if (!m->stopping && (present || status != 0)) {
			metrics_count(METRICS_WORKER_DIED, 1);
			tell_death("worker", w->pid, status);
		}
		forget_worker(m, w);
		end_if_synced(m);
		listeners_mend(&m->now->listeners);
		if (!m->stopping && present)
			replace_worker(m, age);
	}
	if (m->stopping && m->workers == NULL)
		(void)event_base_loopbreak(m->base);
}
