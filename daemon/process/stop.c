/*
 * stop.c - the end of a daemon that was told to stop.
 *
 * Floor process.
 */
#include "process/stop.h"

#include "base/log.h"
#include "process/listener_watch.h"
#include "process/notify.h"
#include "process/reload.h"
#include "process/worker_table.h"

void
on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;

	(void)signal;
	(void)what;
	if (m->stopping) {
		log_info("stopping at once");
		kill_workers(m);
		(void)event_base_loopbreak(m->base);
		return;
	}
	m->stopping = true;
	drop_reload(m);
	notify("STOPPING=1");
	log_info("stopping: what is in flight has %d s",
	    m->now->conf->drain_timeout_ms / 1000);
	tell_workers(m, CHANNEL_DRAIN, -1, false);
	control_listen(m->control, NULL);
	control_socket_close(&m->now->control, NULL);
	/* A visitor is turned away at once instead of waiting for nobody. */
	unwatch_listeners(m);
	listeners_close(&m->now->listeners, NULL);
	start_timer(m->drained, m->now->conf->drain_timeout_ms);
	if (m->workers == NULL)
		(void)event_base_loopbreak(m->base);
}

void
on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	log_warnx("drain_timeout is over: the rest is cut");
	kill_workers(m);
}
