/*
 * worker.c - the loop that serves.
 *
 * Floor process.  What is configured was inherited when the master forked;
 * what is served comes from the content process, as descriptors of the store.
 * The channel brings the word to drain and, after a rotation, the access log.
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
#include "net/files.h"
#include "net/metrics.h"
#include "net/remote_key.h"
#include "net/search_client.h"
#include "net/upstream.h"
#include "process/channel.h"
#include "site/content_store.h"

struct worker {
	struct event_base *base;
	struct conns *conns;
	struct upstreams *upstreams;
	struct search_client *search;
	struct acceptor *acceptor; /* NULL: draining, or about to */
	const struct worker_start *start;
	struct files *files;
	struct content_store *store;
	struct store_reader *fresh; /* gets what the content process sends */
	bool is_adopted;            /* it is looked into, and owned there */
	int content;                /* the way to its process; -1: none */
	struct event *content_event;
	struct logs *logs;
	const struct conf *conf;
	struct event *channel_event, *term_event, *orphan_timer;
	int channel;
	bool serving; /* it has let visitors in, or never shall */
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
drain_worker(struct worker *w)
{
	struct acceptor *a = w->acceptor;
	bool had_begun = w->serving;

	w->acceptor = NULL;
	w->serving = true; /* it shall not begin any more */
	if (a != NULL)
		acceptor_finish(a, on_last_accepted, w);
	else if (!had_begun)
		on_last_accepted(w);
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
	drain_worker(w);
	upstreams_give_up(w->upstreams);
}

/* -- the content process -- */

static int
ask_content_for_file(void *arg, unsigned number, const unsigned char *name)
{
	struct worker *w = arg;

	return w->content == -1
	    ? -1
	    : channel_send_key(w->content, CHANNEL_OPEN, number, name, -1);
}

/* Something in the store is not as it was written: have it written anew. */
static void
on_damaged(void *arg, const struct store_key *key)
{
	struct worker *w = arg;
	unsigned char bytes[CHANNEL_KEY_SIZE];

	memcpy(bytes, key, sizeof(bytes));
	if (w->content != -1)
		(void)channel_send_key(w->content, CHANNEL_DAMAGED, 0, bytes,
		    -1);
}

/* What is served is there: let visitors in. */
static void
begin_to_serve(struct worker *w)
{
	if (w->acceptor != NULL || w->serving)
		return;
	w->serving = true;
	w->acceptor =
	    acceptor_new(w->base, &w->start->generation->listeners, w->conns);
	(void)channel_send(w->channel, CHANNEL_READY, 0, -1);
}

/* Look into the reader from now on, which the content owns then. */
static void
adopt_reader(struct worker *w)
{
	if (w->is_adopted)
		return;
	w->is_adopted = true;
	if (content_store_use(w->store, w->fresh) == -1) {
		log_errorx("cannot use the store: no memory");
		exit(1);
	}
}

static void
attach_store(struct worker *w, int fd)
{
	enum store_result r = store_reader_attach(w->fresh, fd);

	if (r == STORE_FOUND) {
		adopt_reader(w);
		begin_to_serve(w);
	} else
		log_warnx("cannot use the store: %s",
		    r == STORE_NONE ? "a file is missing" : "it is damaged");
}

static void
forget_content(struct worker *w)
{
	if (w->content_event != NULL)
		event_free(w->content_event);
	if (w->content != -1)
		close(w->content);
	w->content_event = NULL;
	w->content = -1;
	files_give_up(w->files);
}

/* One message of the content process; false if there is none. */
static bool
hear_once(struct worker *w)
{
	unsigned number;
	int passed;

	switch (channel_receive(w->content, &number, &passed)) {
	case CHANNEL_SEGMENT:
		if (passed != -1)
			(void)store_reader_add(w->fresh, number, passed);
		break;
	case CHANNEL_ROOT:
		if (passed != -1)
			attach_store(w, passed);
		break;
	case CHANNEL_OPENED:
		files_opened(w->files, number, passed);
		break;
	case CHANNEL_FAILED:
		files_opened(w->files, number, -1);
		break;
	case CHANNEL_NOTHING:
		return false;
	default:
		if (passed != -1)
			close(passed);
		forget_content(w);
	}
	return w->content != -1;
}

/* All that it has sent. */
static void
hear_content(struct worker *w)
{
	while (w->content != -1 && hear_once(w))
		;
}

static void
on_content(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)hear_once(arg);
}

/* Another process than before, if there was one: its store may be another. */
static void
meet_content(struct worker *w, int fd)
{
	forget_content(w);
	w->content = fd;
	if (!w->is_adopted && w->fresh != NULL)
		store_reader_free(w->fresh);
	w->fresh = store_reader_new();
	w->is_adopted = false;
	w->content_event =
	    event_new(w->base, fd, EV_READ | EV_PERSIST, on_content, w);
	if (w->fresh == NULL || w->content_event == NULL ||
	    event_add(w->content_event, NULL) == -1) {
		log_errorx("cannot hear the content process: no memory");
		exit(1);
	}
}

/* -- the master -- */

static void
on_worker_channel(evutil_socket_t fd, short what, void *arg)
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
		drain_worker(w);
		break;
	case CHANNEL_LEVEL:
		if (number <= LOG_LEVEL_DEBUG)
			log_set_level((enum log_level)number);
		break;
	case CHANNEL_ACCESS:
		if (passed != -1)
			logs_replace_access(w->logs, passed);
		break;
	case CHANNEL_KEY_PROCESS:
		if (passed != -1)
			remote_key_connect(passed, on_key_trouble, w);
		break;
	case CHANNEL_SEARCH:
		search_client_connect(w->search, passed);
		break;
	case CHANNEL_SYNC:
		hear_content(w);
		(void)channel_send(w->channel, CHANNEL_SYNC, 0, -1);
		break;
	case CHANNEL_CONTENT:
		if (passed != -1)
			meet_content(w, passed);
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
		if (passed != -1)
			close(passed);
	}
}

static void
on_term(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	drain_worker(arg);
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
start_worker(struct worker *w, const struct worker_start *s)
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
	w->files = files_new(ask_content_for_file, w);
	w->store = content_store_new(g->snapshot, on_damaged, w);
	w->conns = conns_new(w->base, g->conf, g->snapshot, g->tls, s->limits,
	    w->upstreams, w->search, w->files);
	w->channel_event = event_new(w->base, w->channel, EV_READ | EV_PERSIST,
	    on_worker_channel, w);
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

	w.start = s;
	w.content = -1;
	w.logs = s->logs;
	w.channel = s->channel;
	lock_enter_process();
	os_set_title("capsuled worker");
	ignore_signals();
	logs_enter_worker(s->logs);
	limits_enter_worker(s->limits, s->number);
	metrics_enter(s->metrics, s->number);
	if (s->key_process != -1)
		remote_key_connect(s->key_process, on_key_trouble, &w);
	start_worker(&w, s);
	if (sandbox_enter(&s->generation->users.worker) == -1)
		exit(1);
	if (s->content != -1)
		meet_content(&w, s->content);
	while (!w.done) {
		(void)event_base_loop(w.base, EVLOOP_ONCE);
		flush_log();
	}
	flush_log();
	/* What the master registered to be done at its end is not ours. */
	_exit(0);
}
