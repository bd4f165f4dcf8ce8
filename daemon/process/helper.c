/*
 * helper.c - the processes beside the workers: start, probe, lead workers
 * there.
 *
 * Floor process.
 */
#include "process/helper.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "process/child.h"
#include "process/exporter.h"
#include "process/keyproc.h"
#include "process/search_process.h"
#include "process/ways.h"
#include "process/worker_table.h"

static struct child **
place_of_key_process(struct master *m)
{
	return &m->now->key_process;
}

static struct child **
place_of_search(struct master *m)
{
	return &m->now->search;
}

static struct child **
place_of_content(struct master *m)
{
	return &m->now->content;
}

static struct child **
place_of_exporter(struct master *m)
{
	return &m->exporter;
}

static bool
start_key_process(struct master *m)
{
	struct generation *g = m->now;
	struct problems *ps;

	if (!g->conf->key_process)
		return true;
	ps = problems_new();
	g->key_process = keyproc_new(g->conf, g->tls, &g->users.key, ps);
	if (g->key_process == NULL) {
		log_problems(ps);
		log_errorx("no process for keys: nobody can be served over "
			   "TLS until keys are as they were, or a reload");
	}
	problems_free(ps);
	return g->key_process != NULL;
}

/*
 * Start the content process of g, with the store's lock or -1, beside another
 * one or not; what it says is heard by *event.
 */
bool
start_content_of(struct master *m, struct generation *g, int lock, bool staged,
    struct event **event)
{
	struct content_start start = { .conf = g->conf,
		.configured = g->snapshot,
		.box = &g->users.data,
		.logs = m->logs,
		.deaths = &m->deaths,
		.lock = lock,
		.staged = staged,
		.accept_empty = m->reload.accepts };

	if (m->n_stuck == STUCK_MAX) {
		log_errorx("no further content process: %d are stuck in the "
			   "system, as on a file system that does not answer",
		    STUCK_MAX);
		return false;
	}
	g->content = content_process_new(&start);
	if (g->content == NULL) {
		log_error("cannot start the content process");
		return false;
	}
	*event = event_new(m->base, g->content->channel, EV_READ | EV_PERSIST,
	    m->content_says, m);
	if (*event == NULL || event_add(*event, NULL) == -1)
		mem_exhausted(0);
	return true;
}

/* The search process reads the store as a worker does. */
static void
lead_search(struct master *m)
{
	const struct generation *g = m->now;
	int fd;

	if (g->search == NULL || g->content == NULL)
		return;
	fd = child_introduce(g->content, CHANNEL_CONTENT, WAYS_SEARCH);
	if (fd == -1 ||
	    channel_send(g->search->channel, CHANNEL_CONTENT, 0, fd) == -1)
		log_warn("cannot lead the search process to the content "
			 "process");
	if (fd != -1)
		close(fd);
}

bool
start_content(struct master *m)
{
	/* The one that is to come would wait for the store in vain. */
	if (m->reload.next != NULL)
		return true;
	if (!start_content_of(m, m->now, -1, false, &m->content_event))
		return false;
	lead_search(m);
	return true;
}

static bool
start_search_process(struct master *m)
{
	struct generation *g = m->now;

	if (!search_process_is_wanted(g->snapshot))
		return true;
	g->search =
	    search_process_new(g->snapshot, g->conf, m->logs, &g->users.data);
	if (g->search == NULL) {
		log_error("cannot start the search process");
		return false;
	}
	lead_search(m);
	return true;
}

static bool
start_exporter(struct master *m)
{
	const struct generation *g = m->now;
	struct exporter_start start = { .conf = g->conf,
		.listeners = &g->listeners,
		.metrics = m->metrics,
		.facts = &g->facts,
		.box = &g->users.worker };

	if (m->stopping)
		return true;
	m->exporter = exporter_new(&start);
	return true;
}

/* A row each: what it is called, where the master has it, how it begins. */
static const struct helper_kind helper_kinds[HELPERS] = {
	[HELPER_KEYS] = { "key process", place_of_key_process,
	    start_key_process, CHANNEL_KEY_PROCESS },
	[HELPER_SEARCH] = { "search process", place_of_search,
	    start_search_process, CHANNEL_SEARCH },
	[HELPER_CONTENT] = { "content process", place_of_content, start_content,
	    CHANNEL_CONTENT },
	[HELPER_METRICS] = { "metrics process", place_of_exporter,
	    start_exporter, CHANNEL_NOTHING },
};

struct child *
helper_child(const struct helper *h)
{
	return *h->kind->place(h->master);
}

/* Lead a worker to the helper, which may be dead, or about to be ended. */
void
helper_lead(const struct helper *h, struct worker_process *w)
{
	struct child *c = helper_child(h);
	int fd = c == NULL ? -1 : child_introduce(c, h->kind->way, w->number);

	if (fd == -1) {
		log_warn("cannot lead worker %u to the %s", w->number,
		    h->kind->name);
		return;
	}
	tell_worker(w, h->kind->way, 0, fd);
	close(fd);
}

static void
introduce_all(const struct helper *h)
{
	struct worker_process *w;

	if (h->kind->way == CHANNEL_NOTHING || helper_child(h) == NULL)
		return;
	for (w = h->master->workers; w != NULL; w = w->next)
		if (w->serial == h->master->serial && w->channel != -1)
			helper_lead(h, w);
}

/* Start it, and try again later if that cannot be done. */
void
helper_start(const struct helper *h)
{
	if (h->kind->start(h->master))
		introduce_all(h);
	else
		start_timer(h->restart, BACKOFF_MAX_MS);
}

static void
on_helper_restart(evutil_socket_t fd, short what, void *arg)
{
	const struct helper *h = arg;

	(void)fd;
	(void)what;
	if (helper_child(h) == NULL) /* a reload was not faster */
		helper_start(h);
}

static void
end_helper(const struct helper *h)
{
	log_errorx("the %s %ld does not answer: killed", h->kind->name,
	    (long)helper_child(h)->pid);
	child_kill(helper_child(h));
}

static void
on_helper_probed(evutil_socket_t fd, short what, void *arg)
{
	const struct helper *h = arg;
	struct child *c = helper_child(h);

	(void)fd;
	(void)what;
	if (c != NULL && child_is_silent(c))
		end_helper(h);
}

/* Somebody has waited for it in vain: whether it lives it says itself. */
void
helper_probe(const struct helper *h)
{
	struct child *c = helper_child(h);

	if (c->probed)
		return;
	if (child_probe(c) == -1)
		end_helper(h);
	else
		start_timer(h->probed, CHILD_PROBE_MS);
}

void
helpers_init(struct master *m)
{
	size_t i;

	for (i = 0; i < HELPERS; i++) {
		struct helper *h = &m->helpers[i];

		h->master = m;
		h->kind = &helper_kinds[i];
		h->restart = evtimer_new(m->base, on_helper_restart, h);
		h->probed = evtimer_new(m->base, on_helper_probed, h);
		if (h->restart == NULL || h->probed == NULL)
			mem_exhausted(0);
	}
}

void
helpers_fini(struct master *m)
{
	size_t i;

	for (i = 0; i < HELPERS; i++) {
		event_free(m->helpers[i].restart);
		event_free(m->helpers[i].probed);
	}
}
