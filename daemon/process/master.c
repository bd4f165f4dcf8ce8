/*
 * master.c - the process that loads, forks and watches, and serves nobody.
 *
 * Floor process.  Workers are forked from here with the generation they
 * serve; the listening sockets live here and outlive both.  A reload builds a
 * new generation, forks its workers, and only then lets the old ones finish:
 * the kernel's queue of visitors is never without an owner.  What it remembers
 * is in master_state; what it does is in the files that are named there.
 *
 * The loop runs on poll(2), because an epoll descriptor would be shared with
 * the children across fork(2).
 */
#include "process/master.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/resume.h"
#include "process/certificate_warnings.h"
#include "process/child.h"
#include "process/exporter.h"
#include "process/helper.h"
#include "process/keyproc.h"
#include "process/listener_watch.h"
#include "process/master_control.h"
#include "process/master_state.h"
#include "process/reaper.h"
#include "process/reload.h"
#include "process/search_process.h"
#include "process/spawn.h"
#include "process/stop.h"
#include "process/watchdog.h"
#include "process/worker_message.h"
#include "process/worker_table.h"

#define ADVICE_MS (24 * 60 * 60 * 1000) /* between two looks at dates */

static void
on_hup(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;

	(void)signal;
	(void)what;
	if (m->served && !m->stopping)
		reload_unasked(m, false);
}

/* A daemon that runs for months hears of an end that comes near. */
static void
on_advice(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	certificate_warnings_log(m->now->conf);
	start_timer(m->advice, ADVICE_MS);
}

static void
on_usr1(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;
	struct problems *ps = problems_new();
	enum log_level level = log_get_level();

	(void)signal;
	(void)what;
	if (logs_open(m->logs, m->now->conf, m->options->foreground, ps) == -1)
		log_problems(ps);
	else {
		log_set_level(level);
		if (m->logs->access_fd != -1)
			tell_workers(m, CHANNEL_ACCESS, m->logs->access_fd,
			    false);
		log_info("logs reopened");
	}
	problems_free(ps);
}

/* For as long as we live, whether or not tickets are sealed just now. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	resume_turn();
	start_timer(m->turn, RESUME_TURN_S * INT64_C(1000));
}

static void
on_relay(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	(void)logs_relay(m->logs);
}

static struct event_base *
poll_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c != NULL && event_config_avoid_method(c, "epoll") == 0 &&
	    event_config_avoid_method(c, "kqueue") == 0)
		base = event_base_new_with_config(c);
	if (c != NULL)
		event_config_free(c);
	return base;
}

static struct event *
add_signal(struct master *m, int signal, event_callback_fn fn)
{
	struct event *e = evsignal_new(m->base, signal, fn, m);

	if (e == NULL || event_add(e, NULL) == -1)
		mem_exhausted(0);
	return e;
}

static void
start_counting(struct master *m)
{
	uint64_t now = (uint64_t)clock_wall();

	metrics_enter(m->metrics, 0);
	metrics_set(METRICS_STARTED_S, now);
	metrics_set(METRICS_RELOADED_S, now);
	metrics_set(METRICS_RELOAD_FINE, 1);
}

int
master_run(const struct master_options *options, struct generation *g,
    struct logs *logs)
{
	static const struct {
		int signal;
		event_callback_fn fn;
	} handled[] = { { SIGHUP, on_hup }, { SIGUSR1, on_usr1 },
		{ SIGTERM, on_stop }, { SIGINT, on_stop },
		{ SIGCHLD, on_child } };
	struct event *signals[sizeof(handled) / sizeof(handled[0])];
	struct master m = { .options = options,
		.worker_says = on_worker_says,
		.content_says = on_content_says,
		.now = g,
		.reload = { .lock = -1 },
		.logs = logs,
		.limits = limits_new(),
		.metrics = metrics_new() };
	size_t i;

	m.base = poll_base();
	if (m.base == NULL)
		mem_exhausted(0);
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		signals[i] = add_signal(&m, handled[i].signal, handled[i].fn);
	m.respawn = evtimer_new(m.base, on_respawn, &m);
	m.rewatch = evtimer_new(m.base, on_rewatch, &m);
	m.drained = evtimer_new(m.base, on_drained, &m);
	m.watch = evtimer_new(m.base, on_watch, &m);
	m.advice = evtimer_new(m.base, on_advice, &m);
	m.turn = evtimer_new(m.base, on_turn, &m);
	m.synced = evtimer_new(m.base, on_synced, &m);
	m.watchdog = evtimer_new(m.base, on_watchdog, &m);
	m.relay = event_new(m.base, logs->relay[0], EV_READ | EV_PERSIST,
	    on_relay, &m);
	if (m.respawn == NULL || m.drained == NULL || m.watch == NULL ||
	    m.advice == NULL || m.turn == NULL || m.synced == NULL ||
	    m.rewatch == NULL || m.watchdog == NULL || m.relay == NULL ||
	    event_add(m.relay, NULL) == -1)
		mem_exhausted(0);
	helpers_init(&m);
	m.control = control_new(m.base, &master_control_calls, &m);
	control_listen(m.control, &g->control);
	arm_watch(&m);
	arm_watchdog(&m);
	start_timer(m.advice, ADVICE_MS);
	start_timer(m.turn, RESUME_TURN_S * INT64_C(1000));
	start_counting(&m);
	helper_start(&m.helpers[HELPER_METRICS]);
	watch_listeners(&m);
	/* Workers follow once it is ready. */
	if (start_content(&m)) {
		/* Its folder lies in that of the store, which is there now. */
		helper_start(&m.helpers[HELPER_SEARCH]);
		(void)event_base_dispatch(m.base);
	} else
		m.status = 1;

	kill_workers(&m);
	while (m.workers != NULL)
		forget_worker(&m, m.workers);
	while (logs_relay(logs))
		;
	if (m.served && m.now->conf->pid_file.len > 0)
		(void)unlink(m.now->conf->pid_file.p);
	if (m.status == 0)
		log_info("stopped");
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		event_free(signals[i]);
	event_free(m.respawn);
	helpers_fini(&m);
	unwatch_listeners(&m);
	event_free(m.rewatch);
	event_free(m.drained);
	event_free(m.watch);
	event_free(m.turn);
	event_free(m.synced);
	event_free(m.watchdog);
	event_free(m.advice);
	event_free(m.relay);
	drop_event(&m.content_event);
	drop_reload(&m);
	child_end(m.exporter, EXPORTER_STOP_MS);
	metrics_free(m.metrics);
	limits_free(m.limits);
	child_end(m.now->key_process, KEYPROC_STOP_MS);
	child_end(m.now->search, SEARCH_STOP_MS);
	m.now->key_process = m.now->search = NULL;
	child_free(m.now->content);
	m.now->content = NULL;
	content_deaths_end(&m.deaths);
	generation_free(m.now, NULL);
	/* Last: who asked to stop waits for it. */
	control_free(m.control);
	event_base_free(m.base);
	return m.status;
}
