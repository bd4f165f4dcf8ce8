/*
 * worker_table.c - the workers that the master has: count them, speak to them.
 *
 * Floor process.  Who starts them is spawn, who hears them worker_message, who
 * finds them dead reaper.
 */
#include "process/worker_table.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

int
wanted_workers(const struct master *m)
{
	int n = m->now->conf->workers;

	return n > 0 ? n : os_processors();
}

int
count_workers(const struct master *m, bool only_ready)
{
	const struct worker_process *w;
	int n = 0;

	for (w = m->workers; w != NULL; w = w->next)
		n += w->serial == m->serial && (w->ready || !only_ready);
	return n;
}

/* Tell who waits for it once what was loaded last is all that is served. */
void
tell_if_served(struct master *m)
{
	const struct worker_process *w;

	if (!m->served || m->stopping || m->reload.next != NULL ||
	    m->reload.rescanning || count_workers(m, true) != wanted_workers(m))
		return;
	for (w = m->workers; w != NULL; w = w->next)
		if (w->serial != m->serial && w->accepting)
			return;
	control_served(m->control);
}

/* Neither hear it nor speak to it any more. */
void
close_worker_channel(struct worker_process *w)
{
	if (w->event != NULL)
		event_free(w->event);
	if (w->channel != -1)
		close(w->channel);
	w->event = NULL;
	w->channel = -1;
}

void
forget_worker(struct master *m, struct worker_process *gone)
{
	struct worker_process **at = &m->workers;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	metrics_set(METRICS_WORKERS, --m->n_workers);
	close_worker_channel(gone);
	dials_unref(gone->dials);
	xfree(gone);
	tell_if_served(m);
}

/* It is not what it was made to be: SIGCHLD tells the rest. */
void
kill_worker(struct worker_process *w, const char *why)
{
	log_errorx("worker %u (%ld) %s: killed", w->number, (long)w->pid, why);
	(void)kill(w->pid, SIGKILL);
	close_worker_channel(w);
}

/* Say something to a worker, which has room for it if it reads. */
void
tell_worker(struct worker_process *w, enum channel_message message,
    unsigned number, int fd)
{
	if (w->channel != -1 &&
	    channel_send(w->channel, message, number, fd) == -1 &&
	    errno != EPIPE)
		kill_worker(w, "does not read its channel");
}

void
tell_workers(struct master *m, enum channel_message message, int fd,
    bool only_old)
{
	struct worker_process *w;

	for (w = m->workers; w != NULL; w = w->next)
		if (!only_old || w->serial != m->serial)
			tell_worker(w, message, 0, fd);
}

void
kill_workers(struct master *m)
{
	struct worker_process *w;

	for (w = m->workers; w != NULL; w = w->next)
		(void)kill(w->pid, SIGKILL);
}
