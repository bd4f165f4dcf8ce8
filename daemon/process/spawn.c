/*
 * spawn.c - fork workers, and give them what they need and nothing else.
 *
 * Floor process.
 */
#include "process/spawn.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "process/child.h"
#include "process/helper.h"
#include "process/worker.h"
#include "process/worker_table.h"

/* In a child, which would keep these processes. */
static void
close_channels_of(const struct generation *next)
{
	if (next != NULL && next->key_process != NULL)
		close(next->key_process->channel);
	if (next != NULL && next->content != NULL)
		close(next->content->channel);
}

/* In the child: let go of what is the master's alone. */
static void
become_worker(struct master *m, unsigned number, int channel, const int *ways)
{
	struct worker_start start = { .generation = m->now,
		.logs = m->logs,
		.limits = m->limits,
		.metrics = m->metrics,
		.number = number,
		.channel = channel,
		.key_process = ways[HELPER_KEYS],
		.content = ways[HELPER_CONTENT],
		.search = ways[HELPER_SEARCH] };
	struct worker_process *w;
	size_t i;

	for (w = m->workers; w != NULL; w = w->next)
		if (w->channel != -1)
			close(w->channel);
	for (i = 0; i < HELPERS; i++)
		if (helper_child(&m->helpers[i]) != NULL)
			close(helper_child(&m->helpers[i])->channel);
	control_let_go(m->control);
	if (m->options->ready_fd != -1 && !m->served)
		close(m->options->ready_fd);
	if (m->reload.lock != -1)
		close(m->reload.lock);
	close_channels_of(m->reload.next);
	content_deaths_leave(&m->deaths);
	event_base_free(m->base);
	worker_run(&start);
}

/* The least number that no living worker has; 0 if there are too many. */
static unsigned
free_number(const struct master *m)
{
	bool taken[LIMITS_WORKERS_MAX + 1] = { false };
	const struct worker_process *w;
	unsigned n;

	for (w = m->workers; w != NULL; w = w->next)
		taken[w->number] = true;
	for (n = 1; n <= LIMITS_WORKERS_MAX; n++)
		if (!taken[n])
			return n;
	errno = EAGAIN;
	return 0;
}

/*
 * Every place for a worker is taken, most of them by old ones that drain for
 * readers who may take for ever: the oldest n have had their time.
 */
static void
make_room(struct master *m, int n)
{
	struct worker_process *w;
	int old = 0;

	log_warnx("making room for new workers: the oldest are cut");
	for (w = m->workers; w != NULL; w = w->next)
		old += w->serial != m->serial;
	for (w = m->workers; w != NULL; w = w->next) /* newest first */
		if (w->serial != m->serial && --old < n)
			(void)kill(w->pid, SIGKILL);
	start_timer(m->respawn, BACKOFF_MIN_MS);
}

/*
 * The ways of a new worker to each helper.  If there is none that helper is
 * dead, or not needed: the way to the next one comes by channel.
 */
static void
open_ways(struct master *m, unsigned number, int *ways)
{
	const struct helper *h;

	for (h = m->helpers; h < m->helpers + HELPERS; h++)
		*ways++ =
		    h->kind->way == CHANNEL_NOTHING || helper_child(h) == NULL
		    ? -1
		    : child_introduce(helper_child(h), h->kind->way, number);
}

static void
close_ways(const int *ways)
{
	size_t i;

	for (i = 0; i < HELPERS; i++)
		if (ways[i] != -1)
			close(ways[i]);
}

static int
spawn_worker(struct master *m)
{
	unsigned number = free_number(m);
	struct worker_process *w;
	int ours, theirs, ways[HELPERS];
	sigset_t all, before;
	pid_t pid;

	if (number == 0 || channel_open(&ours, &theirs) == -1)
		return -1;
	open_ways(m, number, ways);
	/* No handler of ours may run in the child before it has its own. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	log_flush();
	pid = fork();
	if (pid == 0) {
		close(ours);
		become_worker(m, number, theirs, ways);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(theirs);
	close_ways(ways);
	if (pid == -1) {
		close(ours);
		return -1;
	}
	w = xcalloc(1, sizeof(*w));
	w->master = m;
	w->pid = pid;
	w->number = number;
	w->channel = ours;
	w->serial = m->serial;
	w->dials = dials_ref(m->now->dials);
	w->born_ms = clock_ms();
	w->accepting = true;
	limits_add_worker(m->limits, number, pid);
	metrics_add_worker(m->metrics, number);
	w->event =
	    event_new(m->base, ours, EV_READ | EV_PERSIST, m->worker_says, w);
	if (w->event == NULL || event_add(w->event, NULL) == -1)
		mem_exhausted(sizeof(*w));
	w->next = m->workers;
	m->workers = w;
	metrics_set(METRICS_WORKERS, ++m->n_workers);
	log_debug("worker %ld started", (long)pid);
	return 0;
}

void
spawn_missing_workers(struct master *m)
{
	int n = wanted_workers(m) - count_workers(m, false);

	for (; n > 0; n--) {
		if (free_number(m) == 0) {
			make_room(m, n);
			return;
		}
		if (spawn_worker(m) == -1) {
			log_error("cannot start a worker");
			start_timer(m->respawn, BACKOFF_MAX_MS);
			return;
		}
	}
}

void
on_respawn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	if (!m->stopping)
		spawn_missing_workers(m);
}
