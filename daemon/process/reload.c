/*
 * reload.c - a reload from its beginning to its end, good or bad.
 *
 * Floor process.  All is built beside what is served, and its content process
 * gets the store's lock from the one before; once that is ready nothing can
 * fail any more.  If nothing but content can have changed, the content process
 * that there is looks again.
 */
#include "process/reload.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "process/child.h"
#include "process/helper.h"
#include "process/listener_watch.h"
#include "process/notify.h"
#include "process/spawn.h"
#include "process/worker_table.h"

#define SYNC_MS       2000 /* for workers to say that they have a new root */
#define WATCH_CONF_MS 2000 /* between two looks at the INI file */

static struct generation *
build_generation(struct master *m, struct problems *ps)
{
	struct conf *conf = conf_load(m->options->conf_path, ps);

	if (conf == NULL)
		return NULL;
	if (problems_count(ps) > 0) {
		conf_free(conf);
		return NULL;
	}
	return generation_new(conf, m->now, ps);
}

void
arm_watch(struct master *m)
{
	int s = m->now->conf->watch_s;

	if (s == CONF_WATCH_AUTO)
		start_timer(m->watch, WATCH_CONF_MS);
	else if (s > 0)
		start_timer(m->watch, (int64_t)s * 1000);
	else
		(void)event_del(m->watch);
}

static void
swap_generations(struct master *m, struct generation *next)
{
	struct generation *old = m->now;
	size_t i;

	m->now = next;
	m->serial++;
	m->backoff_ms = 0;
	for (i = 0; i < HELPERS; i++)
		m->helpers[i].backoff_ms = 0;
	/* Before any fork: a copy of its channel would keep it for ever. */
	child_free(old->key_process);
	child_free(old->search);
	old->key_process = old->search = NULL;
	master_set_level(m->options, next->conf);
	unwatch_listeners(m);
	control_listen(m->control, &next->control);
	/* First, so that new workers do not inherit sockets that shall close.
	 */
	generation_free(old, next);
	watch_listeners(m);
	os_trim_heap();
	child_free(m->exporter);
	helper_start(&m->helpers[HELPER_METRICS]);
	helper_start(&m->helpers[HELPER_SEARCH]);
	spawn_missing_workers(m);
	tell_workers(m, CHANNEL_DRAIN, -1, true);
	generation_announce(next);
}

/* Nobody waits for the reasons: they are in the log. */
void
reload_unasked(struct master *m, bool accept_empty)
{
	struct problems *ps = problems_new();

	(void)begin_reload(m, accept_empty, ps);
	problems_free(ps);
}

/* It has come to its end, good or bad; of nothing but content, or of all. */
static void
end_reload(struct master *m, bool is_fine, bool is_whole)
{
	metrics_set(METRICS_RELOAD_FINE, is_fine);
	if (is_fine) {
		metrics_count(METRICS_RELOADED, 1);
		metrics_set(METRICS_RELOADED_S, (uint64_t)clock_wall());
		log_info("reloaded %s%s", is_whole ? "" : "the content of ",
		    m->options->conf_path);
	} else {
		metrics_count(METRICS_NOT_RELOADED, 1);
		log_errorx("not reloaded: what was served is still served");
	}
	m->reload.accepts = m->reload.hung = false;
	arm_watch(m);
	notify("READY=1");
	os_forget_code();
	if (m->reload.again) {
		m->reload.again = false;
		reload_unasked(m, m->reload.again_accepts);
	} else if (is_fine)
		tell_if_served(m);
}

/* Who has asked for it, and waits, is told. */
static void
tell_refused(struct master *m)
{
	control_refused(m->control,
	    m->reload.hung
		? "not reloaded: the content process did not answer, as on a "
		  "file system that hangs; what was served is still served"
		: "not reloaded: what was served is still served; the log "
		  "tells why");
}

/* The lock goes back to who had it, or to who is started in its place. */
static void
give_lock_back(struct master *m)
{
	struct reload *r = &m->reload;

	if (m->now->content == NULL)
		start_timer(m->helpers[HELPER_CONTENT].restart, 0);
	else if (channel_send(m->now->content->channel, CHANNEL_RESUME, 0,
		     r->lock) == -1)
		child_kill(m->now->content);
	if (r->lock != -1)
		close(r->lock);
	r->lock = -1;
}

void
refuse_reload(struct master *m)
{
	struct problems *ps = problems_new();

	m->tried = m->reload.next->fingerprint;
	drop_event(&m->reload.event);
	generation_free(m->reload.next, m->now);
	m->reload.next = NULL;
	give_lock_back(m);
	if (logs_open(m->logs, m->now->conf, m->options->foreground, ps) == -1)
		log_problems(ps);
	master_set_level(m->options, m->now->conf);
	problems_free(ps);
	tell_refused(m);
	end_reload(m, false, true);
}

/* The old content process writes no more: let the next one begin. */
void
start_next_content(struct master *m, int lock)
{
	struct reload *r = &m->reload;

	r->yielding = false;
	r->lock = lock;
	if (!start_content_of(m, r->next, lock, lock != -1, &r->event))
		refuse_reload(m);
}

/* The next content process is ready: nothing can fail any more. */
static void
complete_reload(struct master *m)
{
	struct reload *r = &m->reload;
	struct generation *next = r->next;

	if (r->lock != -1)
		close(r->lock);
	drop_event(&m->content_event);
	m->content_event = r->event;
	*r = (struct reload){ .lock = -1,
		.again = r->again,
		.again_accepts = r->again_accepts };
	swap_generations(m, next);
	end_reload(m, true, true);
}

/* Nothing but content can have changed: no process is forked for that. */
static void
rescan_content(struct master *m)
{
	m->reload.rescanning = true;
	m->reload.unheard = m->reload.asked = 0;
	/* One that has died looks at everything when it is started anew. */
	if (m->now->content != NULL &&
	    channel_send(m->now->content->channel,
		m->reload.accepts ? CHANNEL_ACCEPT : CHANNEL_RESCAN, 0,
		-1) == 0)
		m->reload.asked = m->now->content->pid;
}

/* Build all but what its content process has to say. */
static struct generation *
build_next(struct master *m, struct problems *ps)
{
	struct generation *next = build_generation(m, ps);

	if (next != NULL &&
	    logs_open(m->logs, next->conf, m->options->foreground, ps) == -1) {
		generation_free(next, m->now);
		next = NULL;
	}
	if (next == NULL)
		log_problems(ps);
	return next;
}

/* 0: it goes on; -1: it was refused, with the reasons in ps and in the log. */
int
begin_reload(struct master *m, bool accept_empty, struct problems *ps)
{
	struct reload *r = &m->reload;

	if (r->next != NULL || r->rescanning) {
		r->again_accepts =
		    accept_empty || (r->again && r->again_accepts);
		r->again = true;
		return 0;
	}
	r->accepts = accept_empty;
	notify_reloading();
	if (generation_fingerprint(m->now->conf) == m->now->fingerprint) {
		rescan_content(m);
		return 0;
	}
	r->next = build_next(m, ps);
	if (r->next == NULL) {
		end_reload(m, false, true);
		return -1;
	}
	r->yielding = m->now->content != NULL &&
	    channel_send(m->now->content->channel, CHANNEL_YIELD, 0, -1) == 0;
	if (!r->yielding)
		start_next_content(m, -1);
	return 0;
}

static void
on_content_ready(struct master *m)
{
	if (!m->content_ready) {
		m->content_ready = true;
		if (!m->stopping)
			spawn_missing_workers(m);
	}
}

/* As the configuration has it, whatever was asked for since. */
static void
reset_level(struct master *m)
{
	struct worker_process *w;

	if (log_get_level() == master_level(m->options, m->now->conf))
		return;
	master_set_level(m->options, m->now->conf);
	for (w = m->workers; w != NULL; w = w->next)
		tell_worker(w, CHANNEL_LEVEL, (unsigned)log_get_level(), -1);
}

/* All workers have what was built, or will not say so any more. */
static void
end_rescan(struct master *m)
{
	(void)event_del(m->synced);
	m->reload.syncing = m->reload.rescanning = false;
	reset_level(m);
	if (!m->reload.written)
		tell_refused(m);
	end_reload(m, m->reload.written, false);
}

void
end_if_synced(struct master *m)
{
	const struct worker_process *w;

	if (!m->reload.syncing)
		return;
	for (w = m->workers; w != NULL; w = w->next)
		if (w->owes_sync && w->channel != -1)
			return;
	end_rescan(m);
}

void
on_synced(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_rescan(arg);
}

/*
 * Content was looked at, at the master's word or by itself: workers have been
 * sent what there is, and shall use it before it is said to be served.
 */
static void
on_content_built(struct master *m, unsigned warnings)
{
	struct worker_process *w;

	if (!m->reload.rescanning || m->reload.syncing)
		return;
	m->reload.written = warnings != CONTENT_NOT_WRITTEN;
	m->reload.syncing = true;
	start_timer(m->synced, SYNC_MS);
	for (w = m->workers; w != NULL; w = w->next) {
		w->owes_sync = w->ready && w->serial == m->serial;
		if (w->owes_sync)
			tell_worker(w, CHANNEL_SYNC, 0, -1);
	}
	end_if_synced(m);
}

/* What it has left out, of which it warned so often. */
static void
take_warnings(struct master *m, struct generation *g, unsigned n)
{
	if (n == CONTENT_NOT_WRITTEN)
		return;
	problems_free(g->warnings);
	g->warnings = problems_new();
	content_deaths_warnings(&m->deaths, g->content->pid, g->warnings);
	g->n_warnings = n;
}

/* It lives. */
static void
note_heard(struct master *m, bool is_next)
{
	struct generation *g = is_next ? m->reload.next : m->now;

	if (g->content != NULL)
		g->content->unheard = 0;
	m->reload.unheard = 0;
}

/* Hear it no more: SIGCHLD tells the rest.  why is NULL if it ends itself. */
static void
kill_content(struct master *m, bool is_next, const char *why)
{
	struct generation *g = is_next ? m->reload.next : m->now;

	if (why != NULL)
		log_errorx("the content process %ld %s: killed",
		    (long)g->content->pid, why);
	child_kill(g->content);
	drop_event(is_next ? &m->reload.event : &m->content_event);
}

void
refuse_rescan(struct master *m)
{
	m->reload.rescanning = false;
	tell_refused(m);
	end_reload(m, false, false);
}

void
end_hung_content(struct master *m, bool is_next)
{
	char why[64];

	(void)snprintf(why, sizeof(why), "has said nothing for %d s",
	    m->now->conf->hang_timeout_ms / 1000);
	kill_content(m, is_next, why);
	if (is_next)
		m->reload.hung = true; /* it is refused with its end */
	else if (m->reload.rescanning && !m->reload.syncing) {
		m->reload.hung = true;
		refuse_rescan(m);
	}
}

void
on_content_says(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	const struct generation *next = m->reload.next;
	bool is_next = next != NULL && next->content != NULL &&
	    next->content->channel == (int)fd;
	enum channel_message message;
	unsigned number;
	int passed;

	(void)what;
	message = channel_receive((int)fd, &number, &passed);
	if (!quota_take(&m->content_messages, MESSAGES_MAX))
		message = CHANNEL_FORGED;
	if (message != CHANNEL_NOTHING)
		note_heard(m, is_next);
	if (message == CHANNEL_PROGRESS)
		m->reading = number;
	if (message == CHANNEL_READY || message == CHANNEL_BUILT) {
		m->reading = 0;
		content_deaths_forgive(&m->deaths);
	}
	if (message == CHANNEL_READY || message == CHANNEL_BUILT ||
	    message == CHANNEL_WARNED)
		take_warnings(m, is_next ? m->reload.next : m->now, number);
	switch (message) {
	case CHANNEL_READY:
		if (is_next)
			complete_reload(m);
		else {
			on_content_ready(m);
			/* It had begun before it was asked: it looks again. */
			if (m->now->content->pid != m->reload.asked)
				on_content_built(m, number);
		}
		break;
	case CHANNEL_BUILT:
		if (!is_next)
			on_content_built(m, number);
		break;
	case CHANNEL_YIELDED:
		if (!is_next && m->reload.yielding) {
			start_next_content(m, passed);
			passed = -1;
		}
		break;
	case CHANNEL_ALIVE:
	case CHANNEL_PROGRESS:
	case CHANNEL_WARNED:
	case CHANNEL_NOTHING:
		break;
	case CHANNEL_GONE:
		kill_content(m, is_next, NULL);
		break;
	default:
		kill_content(m, is_next, "says what it never says");
	}
	if (passed != -1)
		close(passed);
}

void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	unsigned long long f;

	(void)fd;
	(void)what;
	if (m->stopping)
		return;
	f = generation_fingerprint(m->now->conf);
	if (f != m->now->fingerprint && f != m->tried) {
		/* A set that cannot be built is not tried again unchanged. */
		m->tried = f;
		log_info("files have changed");
		reload_unasked(m, false);
	} else
		arm_watch(m);
}

/* What was to come will not. */
void
drop_reload(struct master *m)
{
	drop_event(&m->reload.event);
	generation_free(m->reload.next, m->now);
	if (m->reload.lock != -1)
		close(m->reload.lock);
	m->reload = (struct reload){ .lock = -1 };
}
