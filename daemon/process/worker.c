/*
 * worker.c - the loop that serves.
 *
 * Floor process.  Everything served was inherited when the master forked; the
 * channel brings the word to drain and, after a rotation, the access log.
 */
#include "process/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "net/acceptor.h"
#include "net/conn.h"
#include "net/metrics.h"
#include "net/remote_key.h"
#include "net/search_client.h"
#include "net/upstream.h"
#include "process/channel.h"

struct worker {
	struct event_base *base;
	struct conns *conns;
	struct upstreams *upstreams;
	struct search_client *search;
	struct acceptor *acceptor; /* NULL: draining, or about to */
	struct logs *logs;
	const struct conf *conf;
	struct event *channel_event, *term_event, *orphan_timer;
	int channel;
	bool done;
};

static void
on_empty(void *arg)
{
	struct worker *w = arg;

	w->done = true;
}

static void
on_last_accepted(void *arg)
{
	struct worker *w = arg;

	log_debug("draining, %zu connections are open", conns_count(w->conns));
	(void)channel_send(w->channel, CHANNEL_CLOSED, 0, -1);
	conns_drain(w->conns, on_empty, w);
}

static void
drain(struct worker *w)
{
	struct acceptor *a = w->acceptor;

	w->acceptor = NULL;
	if (a != NULL)
		acceptor_finish(a, on_last_accepted, w);
}

/* Within a handshake: the master finds out what is the matter. */
static void
on_key_trouble(void *arg, enum remote_key_trouble t)
{
	struct worker *w = arg;

	(void)channel_send(w->channel,
	    t == REMOTE_KEY_LATE ? CHANNEL_KEY_TIMEOUT : CHANNEL_KEY_LOST, 0,
	    -1);
}

static void
on_search_trouble(void *arg, enum search_trouble t)
{
	struct worker *w = arg;

	(void)channel_send(w->channel,
	    t == SEARCH_LATE ? CHANNEL_SEARCH_LATE : CHANNEL_SEARCH_LOST, 0,
	    -1);
}

/* Workers connect nowhere: the master does, to what the map names. */
static int
ask_for_socket(void *arg, unsigned number)
{
	struct worker *w = arg;

	return channel_send(w->channel, CHANNEL_DIAL, number, -1);
}

static void
on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	log_warnx("drain_timeout is over: the rest is cut");
	w->done = true;
}

/*
 * Nobody is left to replace us, reload us or stop us: end as if we had been
 * told to, and no later than the master would have seen to.
 */
static void
on_orphaned(struct worker *w)
{
	int ms = w->conf->drain_timeout_ms;
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	log_warnx("the master is gone: finishing");
	(void)event_del(w->channel_event);
	(void)evtimer_add(w->orphan_timer, &tv);
	drain(w);
	upstreams_give_up(w->upstreams);
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	unsigned number;
	int passed;

	(void)what;
	switch (channel_receive((int)fd, &number, &passed)) {
	case CHANNEL_GONE:
		on_orphaned(w);
		break;
	case CHANNEL_DRAIN:
		drain(w);
		break;
	case CHANNEL_LEVEL:
		if (number <= LOG_LEVEL_DEBUG)
			log_set_level((enum log_level)number);
		break;
	case CHANNEL_ACCESS:
		if (passed != -1)
			logs_replace_access(w->logs, passed);
		break;
	case CHANNEL_KEEPER:
		if (passed != -1)
			remote_key_connect(passed, on_key_trouble, w);
		break;
	case CHANNEL_SEARCH:
		search_client_connect(w->search, passed);
		break;
	case CHANNEL_DIALLED:
		upstreams_dialled(w->upstreams, DIAL_OK, passed);
		break;
	case CHANNEL_BUSY:
		upstreams_dialled(w->upstreams, DIAL_BUSY, -1);
		break;
	case CHANNEL_DOWN:
		upstreams_dialled(w->upstreams, DIAL_DOWN, -1);
		break;
	default:
		break;
	}
}

static void
on_term(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	drain(arg);
}

/* The master acts on these; ^C at a terminal reaches all of us. */
static void
ignore_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGUSR1, SIGUSR2,
		SIGPIPE };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
start(struct worker *w, const struct worker_start *s)
{
	const struct generation *g = s->generation;

	w->base = event_base_new();
	if (w->base == NULL) {
		log_errorx("cannot make an event loop");
		exit(1);
	}
	w->conf = g->conf;
	w->upstreams = upstreams_new(w->base, ask_for_socket, w);
	w->search = search_client_new(w->base, on_search_trouble, w);
	search_client_connect(w->search, s->search);
	w->conns = conns_new(w->base, g->conf, g->snapshot, g->tls, s->limits,
	    w->upstreams, w->search);
	w->acceptor = acceptor_new(w->base, &g->listeners, w->conns);
	w->channel_event =
	    event_new(w->base, w->channel, EV_READ | EV_PERSIST, on_channel, w);
	w->term_event = evsignal_new(w->base, SIGTERM, on_term, w);
	w->orphan_timer = evtimer_new(w->base, on_overdue, w);
	if (w->channel_event == NULL || w->term_event == NULL ||
	    w->orphan_timer == NULL ||
	    event_add(w->channel_event, NULL) == -1 ||
	    event_add(w->term_event, NULL) == -1) {
		log_errorx("cannot wait for events");
		exit(1);
	}
}

/* Write what waits, and count what could not be written. */
static void
flush_log(void)
{
	static unsigned long counted;
	unsigned long dropped;

	log_flush();
	dropped = log_dropped();
	if (dropped != counted) {
		metrics_count(METRICS_LOG_DROPPED, dropped - counted);
		counted = dropped;
	}
}

void
worker_run(const struct worker_start *s)
{
	static struct worker w; /* zeroed, and never freed: the process ends */

	w.logs = s->logs;
	w.channel = s->channel;
	lock_enter_process();
	snapshot_free_indexes(s->generation->snapshot);
	os_set_title("capsuled worker");
	ignore_signals();
	logs_enter_worker(s->logs);
	limits_enter_worker(s->limits, s->number);
	metrics_enter(s->metrics, s->number);
	if (s->keeper != -1)
		remote_key_connect(s->keeper, on_key_trouble, &w);
	start(&w, s);
	if (sandbox_enter(&s->generation->users.worker) == -1)
		exit(1);
	(void)channel_send(s->channel, CHANNEL_READY, 0, -1);
	while (!w.done) {
		(void)event_base_loop(w.base, EVLOOP_ONCE);
		flush_log();
	}
	flush_log();
	/* What the master registered to be done at its end is not ours. */
	_exit(0);
}
