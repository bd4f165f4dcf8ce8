/*
 * master.c - the process that loads, forks and watches, and serves nobody.
 *
 * Floor process.  Workers are forked from here with the generation they
 * serve; the listening sockets live here and outlive both.  A reload builds a
 * new generation, forks its workers, and only then lets the old ones finish:
 * the kernel's queue of visitors is never without an owner.
 *
 * The loop runs on poll(2), because an epoll descriptor would be shared with
 * the children across fork(2).
 */
#include "process/master.h"

#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/quota.h"
#include "format/control.h"
#include "net/conn.h"
#include "net/metrics.h"
#include "net/resume.h"
#include "process/advice.h"
#include "process/channel.h"
#include "process/control_server.h"
#include "process/content_process.h"
#include "process/errand.h"
#include "process/exporter.h"
#include "process/notify.h"
#include "process/search_process.h"
#include "process/ways.h"
#include "process/worker.h"

#define BACKOFF_MIN_MS 100   /* after the first worker that died young */
#define BACKOFF_MAX_MS 10000 /* doubled up to this */
#define YOUNG_MS       5000  /* dying before this age is dying young */
/* A worker, or content process, that says more in a second is none of ours. */
#define MESSAGES_MAX   20000
#define COMPLAINTS_MAX 8    /* a second, of helpers: two of each are honest */
#define SYNC_MS        2000 /* for workers to say that they have a new root */
#define WATCH_SHUT_MS  1000 /* between two looks for sockets shut by workers */
#define WATCH_CONF_MS  2000 /* between two looks at the INI file */
#define ADVICE_MS      (24 * 60 * 60 * 1000) /* between two looks at dates */

struct worker_process {
	struct worker_process *next;
	struct master *master;
	pid_t pid;
	unsigned number; /* from 1; its place in the table of limits */
	int channel;     /* the master's end; -1 once the worker closed it */
	struct event *event;
	unsigned serial;     /* of the generation it serves */
	struct dials *dials; /* its applications; owned together */
	bool ready;
	bool owes_sync; /* it has not said yet that it has the newest root */
	bool accepting; /* as far as it has said */
	struct quota messages, complaints;
	int64_t born_ms;
};

/* The processes beside the workers, each replaced when it dies. */
enum { HELPER_KEYS, HELPER_CONTENT, HELPER_SEARCH, HELPER_METRICS, HELPERS };

struct helper_kind;

/* What the master remembers of one, whichever process it is just now. */
struct helper {
	struct master *master;
	const struct helper_kind *kind;
	struct event *restart, *probed;
	int backoff_ms; /* 0: the last one to die was not young */
};

/*
 * What is to replace what is served, until its content process is ready: the
 * old one has to give the store's lock away first.
 */
struct reload {
	struct generation *next; /* NULL: none is under way */
	struct event *event;     /* of its content process */
	bool yielding;           /* the lock has been asked for */
	int lock;                /* the next one's while it builds; or -1 */
	bool rescanning; /* content alone is looked at, by the one there is */
	bool syncing;    /* it was, and workers are about to have it */
	bool written;    /* it could be */
	bool again;      /* another one was asked for meanwhile */
};

struct master {
	const struct master_options *options;
	struct event_base *base;
	struct generation *now;
	struct reload reload;
	struct content_deaths deaths;
	struct event *content_event; /* of what the content process says */
	struct quota content_messages;
	bool content_ready;       /* it was once, of this generation */
	unsigned long long tried; /* fingerprint of what was refused */
	unsigned serial; /* of now: addresses of generations come again */
	struct logs *logs;
	struct limits *limits;
	struct metrics *metrics;
	struct child *exporter; /* NULL: none, or it died */
	struct helper helpers[HELPERS];
	struct control *control;
	struct worker_process *workers;
	unsigned n_workers;
	struct event **shut_events; /* one for each listening socket */
	size_t n_shut_events;
	struct event *respawn, *drained, *watch, *advice, *relay, *turn,
	    *synced, *rewatch;
	int backoff_ms;   /* 0: the last worker to die was not young */
	unsigned reading; /* files that a content process has read so far; 0: it
			   * is not at it, or has just begun */
	bool served;      /* every listener was served once: we are ready */
	bool stopping;
	int status;
};

static void spawn_missing(struct master *m);
static void look_if_synced(struct master *m);

static int
wanted_workers(const struct master *m)
{
	int n = m->now->conf->workers;

	return n > 0 ? n : os_processors();
}

static int
count_workers(const struct master *m, bool only_ready)
{
	const struct worker_process *w;
	int n = 0;

	for (w = m->workers; w != NULL; w = w->next)
		n += w->serial == m->serial && (w->ready || !only_ready);
	return n;
}

/* Tell who waits for it once what was loaded last is all that is served. */
static void
look_if_served(struct master *m)
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

static void
after(struct event *timer, int64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)evtimer_add(timer, &tv);
}

static enum log_level
level_of(const struct master_options *options, const struct conf *conf)
{
	int level = (int)conf->level + options->extra_verbosity;

	return level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG
				       : (enum log_level)level;
}

/* -- ready -- */

static void
tell_ready(struct master *m)
{
	const struct listeners *ls = &m->now->listeners;
	struct buf line, gemini, gopher, metrics;

	buf_init(&gemini, 4096);
	buf_init(&gopher, 4096);
	buf_init(&metrics, 4096);
	buf_init(&line, 16384);
	listeners_ports(ls, LISTENER_GEMINI, &gemini);
	listeners_ports(ls, LISTENER_GOPHER, &gopher);
	listeners_ports(ls, LISTENER_METRICS, &metrics);
	buf_puts(&line, "ready");
	if (gemini.len > 0)
		buf_printf(&line, " gemini=%.*s", VIEW_ARG(buf_view(&gemini)));
	if (gopher.len > 0)
		buf_printf(&line, " gopher=%.*s", VIEW_ARG(buf_view(&gopher)));
	if (metrics.len > 0)
		buf_printf(&line, " metrics=%.*s",
		    VIEW_ARG(buf_view(&metrics)));
	buf_putc(&line, '\n');
	if (m->options->ready_fd != -1) {
		if (write(m->options->ready_fd, line.p, line.len) !=
		    (ssize_t)line.len)
			log_warn("cannot tell that we are ready");
		close(m->options->ready_fd);
	}
	buf_fini(&line);
	buf_fini(&metrics);
	buf_fini(&gopher);
	buf_fini(&gemini);
}

static void
write_pid_file(const struct conf *conf)
{
	FILE *f;

	if (conf->pid_file.len == 0)
		return;
	f = fopen(conf->pid_file.p, "we");
	if (f == NULL || fprintf(f, "%ld\n", (long)getpid()) < 0)
		log_warn("cannot write %s", conf->pid_file.p);
	if (f != NULL)
		fclose(f);
}

/* Every worker of the first generation serves. */
static void
on_served(struct master *m)
{
	const char *user = m->now->users.worker_name;

	m->served = true;
	errand_set_deadline(ERRAND_SERVING_MS);
	write_pid_file(m->now->conf);
	generation_announce(m->now);
	log_info("ready: %d worker%s%s%s", wanted_workers(m),
	    wanted_workers(m) == 1 ? "" : "s",
	    user == NULL ? "" : " running as ", user == NULL ? "" : user);
	tell_ready(m);
	notify("READY=1");
	if (m->options->on_ready != NULL)
		m->options->on_ready();
	os_forget_code();
}

/* -- listening sockets: a worker that was taken over may shut them -- */

static void
on_shut(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	listeners_mend(&m->now->listeners);
	after(m->rewatch, WATCH_SHUT_MS);
}

static void
on_rewatch(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < m->n_shut_events; i++)
		(void)event_add(m->shut_events[i], NULL);
}

static void
unwatch_listeners(struct master *m)
{
	size_t i;

	for (i = 0; i < m->n_shut_events; i++)
		event_free(m->shut_events[i]);
	xfree(m->shut_events);
	m->shut_events = NULL;
	m->n_shut_events = 0;
}

/* Nobody can write to a socket that listens: one that can be does not. */
static void
watch_listeners(struct master *m)
{
	const struct listeners *ls = &m->now->listeners;
	size_t i;

	m->shut_events = xcalloc(ls->n, sizeof(*m->shut_events));
	for (i = 0; i < ls->n; i++) {
		struct event *e =
		    event_new(m->base, ls->v[i].fd, EV_WRITE, on_shut, m);

		if (ls->v[i].family == AF_UNIX && e != NULL) {
			event_free(e); /* it would stay so */
			continue;
		}
		if (e == NULL || event_add(e, NULL) == -1)
			mem_exhausted(0);
		m->shut_events[m->n_shut_events++] = e;
	}
}

/* -- workers -- */

/* Neither hear it nor speak to it any more. */
static void
close_channel(struct worker_process *w)
{
	if (w->event != NULL)
		event_free(w->event);
	if (w->channel != -1)
		close(w->channel);
	w->event = NULL;
	w->channel = -1;
}

static void
forget(struct master *m, struct worker_process *gone)
{
	struct worker_process **at = &m->workers;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	metrics_set(METRICS_WORKERS, --m->n_workers);
	close_channel(gone);
	dials_unref(gone->dials);
	xfree(gone);
	look_if_served(m);
}

/* It is not what it was made to be: SIGCHLD tells the rest. */
static void
kill_worker(struct worker_process *w, const char *why)
{
	log_errorx("worker %u (%ld) %s: killed", w->number, (long)w->pid, why);
	(void)kill(w->pid, SIGKILL);
	close_channel(w);
}

/* Say something to a worker, which has room for it if it reads. */
static void
tell_worker(struct worker_process *w, enum channel_message message,
    unsigned number, int fd)
{
	if (w->channel != -1 &&
	    channel_send(w->channel, message, number, fd) == -1 &&
	    errno != EPIPE)
		kill_worker(w, "does not read its channel");
}

/* -- the processes beside the workers -- */

static struct child **
place_of_keeper(struct master *m)
{
	return &m->now->keeper;
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

static void
tell_problems(struct problems *ps)
{
	size_t i;

	for (i = 0; i < problems_count(ps); i++)
		log_errorx("%s", problems_get(ps, i));
}

static bool
start_keeper(struct master *m)
{
	struct generation *g = m->now;
	struct problems *ps;

	if (!g->conf->key_process)
		return true;
	ps = problems_new();
	g->keeper = keeper_new(g->conf, g->tls, &g->users.key, ps);
	if (g->keeper == NULL) {
		tell_problems(ps);
		log_errorx("no process for keys: nobody can be served over "
			   "TLS until keys are as they were, or a reload");
	}
	problems_free(ps);
	return g->keeper != NULL;
}

static void on_content_says(evutil_socket_t fd, short what, void *arg);

/*
 * Start the content process of g, with the store's lock or -1, beside another
 * one or not; what it says is heard by *event.
 */
static bool
start_content_of(struct master *m, struct generation *g, int lock, bool staged,
    struct event **event)
{
	struct content_start start = { .conf = g->conf,
		.configured = g->snapshot,
		.box = &g->users.data,
		.logs = m->logs,
		.deaths = &m->deaths,
		.lock = lock,
		.staged = staged };

	g->content = content_process_new(&start);
	if (g->content == NULL) {
		log_error("cannot start the content process");
		return false;
	}
	*event = event_new(m->base, g->content->channel, EV_READ | EV_PERSIST,
	    on_content_says, m);
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

static bool
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

static void
unhear(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
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
static const struct helper_kind {
	const char *name;
	struct child **(*place)(struct master *m);
	/* False: it has been told why not, and shall be tried again. */
	bool (*start)(struct master *m);
	/* The word, to both, for a worker's way to it; or CHANNEL_NOTHING. */
	enum channel_message way;
} helper_kinds[HELPERS] = {
	[HELPER_KEYS] = { "key process", place_of_keeper, start_keeper,
	    CHANNEL_KEEPER },
	[HELPER_SEARCH] = { "search process", place_of_search,
	    start_search_process, CHANNEL_SEARCH },
	[HELPER_CONTENT] = { "content process", place_of_content, start_content,
	    CHANNEL_CONTENT },
	[HELPER_METRICS] = { "metrics process", place_of_exporter,
	    start_exporter, CHANNEL_NOTHING },
};

static struct child *
child_of(const struct helper *h)
{
	return *h->kind->place(h->master);
}

/* Lead a worker to the helper, which may be dead, or about to be ended. */
static void
lead_to(const struct helper *h, struct worker_process *w)
{
	struct child *c = child_of(h);
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

	if (h->kind->way == CHANNEL_NOTHING || child_of(h) == NULL)
		return;
	for (w = h->master->workers; w != NULL; w = w->next)
		if (w->serial == h->master->serial && w->channel != -1)
			lead_to(h, w);
}

/* Start it, and try again later if that cannot be done. */
static void
start_helper(const struct helper *h)
{
	if (h->kind->start(h->master))
		introduce_all(h);
	else
		after(h->restart, BACKOFF_MAX_MS);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	const struct helper *h = arg;

	(void)fd;
	(void)what;
	if (child_of(h) == NULL) /* a reload was not faster */
		start_helper(h);
}

static void
end_helper(const struct helper *h)
{
	log_errorx("the %s %ld does not answer: killed", h->kind->name,
	    (long)child_of(h)->pid);
	(void)kill(child_of(h)->pid, SIGKILL);
}

static void
on_probed(evutil_socket_t fd, short what, void *arg)
{
	const struct helper *h = arg;
	struct child *c = child_of(h);

	(void)fd;
	(void)what;
	if (c != NULL && child_is_silent(c))
		end_helper(h);
}

/* Somebody has waited for it in vain: whether it lives it says itself. */
static void
probe_helper(const struct helper *h)
{
	struct child *c = child_of(h);

	if (c->probed)
		return;
	if (child_probe(c) == -1)
		end_helper(h);
	else
		after(h->probed, CHILD_PROBE_MS);
}

/* -- what workers say, none of which is believed -- */

/*
 * A worker has waited for an answer of a helper in vain, it says, or has no
 * way to it.
 */
static void
on_complaint(struct worker_process *w, const struct helper *h, bool is_lost)
{
	struct master *m = w->master;
	char why[64];

	if (!quota_take(&w->complaints, COMPLAINTS_MAX)) {
		snprintf(why, sizeof(why), "complains of the %s without end",
		    h->kind->name);
		kill_worker(w, why);
		return;
	}
	if (w->serial != m->serial || child_of(h) == NULL)
		return;
	if (is_lost)
		lead_to(h, w);
	else
		probe_helper(h);
}

/* A worker needs a socket to an application. */
static void
on_dial(struct worker_process *w, unsigned number)
{
	static const enum channel_message answers[] = {
		[DIAL_OK] = CHANNEL_DIALLED,
		[DIAL_BUSY] = CHANNEL_BUSY,
		[DIAL_DOWN] = CHANNEL_DOWN,
	};
	enum dial_result r;
	int fd;

	r = dial(w->dials, number, &fd);
	tell_worker(w, answers[r], 0, fd);
	if (fd != -1)
		close(fd);
}

static void
on_ready(struct master *m, struct worker_process *w)
{
	w->ready = true;
	if (!m->served && !m->stopping &&
	    count_workers(m, true) == wanted_workers(m))
		on_served(m);
	look_if_served(m);
}

/* One message a turn of the loop: all workers are heard alike. */
static void
on_worker_says(evutil_socket_t fd, short what, void *arg)
{
	struct worker_process *w = arg;
	struct master *m = w->master;
	enum channel_message message;
	unsigned number;
	int passed;

	(void)what;
	message = channel_receive((int)fd, &number, &passed);
	if (passed != -1) { /* only we have any to give */
		close(passed);
		message = CHANNEL_FORGED;
	}
	if (!quota_take(&w->messages, MESSAGES_MAX)) {
		kill_worker(w, "floods its channel");
		return;
	}
	switch (message) {
	case CHANNEL_READY:
		on_ready(m, w);
		break;
	case CHANNEL_SYNC:
		w->owes_sync = false;
		look_if_synced(m);
		break;
	case CHANNEL_CLOSED:
		w->accepting = false;
		look_if_served(m);
		break;
	case CHANNEL_KEY_TIMEOUT:
	case CHANNEL_KEY_LOST:
		on_complaint(w, &m->helpers[HELPER_KEYS],
		    message == CHANNEL_KEY_LOST);
		break;
	case CHANNEL_SEARCH_LATE:
	case CHANNEL_SEARCH_LOST:
		on_complaint(w, &m->helpers[HELPER_SEARCH],
		    message == CHANNEL_SEARCH_LOST);
		break;
	case CHANNEL_DIAL:
		on_dial(w, number);
		break;
	case CHANNEL_NOTHING:
		break;
	case CHANNEL_GONE:
		/* At its end, or no more to be told when that shall be. */
		(void)kill(w->pid, SIGKILL);
		close_channel(w);
		break;
	default:
		kill_worker(w, "sends what no worker sends");
	}
}

/* In a child, which would keep these processes. */
static void
close_channels_of(const struct generation *next)
{
	if (next != NULL && next->keeper != NULL)
		close(next->keeper->channel);
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
		.keeper = ways[HELPER_KEYS],
		.content = ways[HELPER_CONTENT],
		.search = ways[HELPER_SEARCH] };
	struct worker_process *w;
	size_t i;

	for (w = m->workers; w != NULL; w = w->next)
		if (w->channel != -1)
			close(w->channel);
	for (i = 0; i < HELPERS; i++)
		if (child_of(&m->helpers[i]) != NULL)
			close(child_of(&m->helpers[i])->channel);
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
	after(m->respawn, BACKOFF_MIN_MS);
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
		*ways++ = h->kind->way == CHANNEL_NOTHING || child_of(h) == NULL
		    ? -1
		    : child_introduce(child_of(h), h->kind->way, number);
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
spawn(struct master *m)
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
	    event_new(m->base, ours, EV_READ | EV_PERSIST, on_worker_says, w);
	if (w->event == NULL || event_add(w->event, NULL) == -1)
		mem_exhausted(sizeof(*w));
	w->next = m->workers;
	m->workers = w;
	metrics_set(METRICS_WORKERS, ++m->n_workers);
	log_debug("worker %ld started", (long)pid);
	return 0;
}

static void
spawn_missing(struct master *m)
{
	int n = wanted_workers(m) - count_workers(m, false);

	for (; n > 0; n--) {
		if (free_number(m) == 0) {
			make_room(m, n);
			return;
		}
		if (spawn(m) == -1) {
			log_error("cannot start a worker");
			after(m->respawn, BACKOFF_MAX_MS);
			return;
		}
	}
}

static void
on_respawn(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	if (!m->stopping)
		spawn_missing(m);
}

/* Say how a process ended that was not asked to. */
static void
tell_death(const char *what, pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_errorx("%s %ld died: %s", what, (long)pid,
		    strsignal(WTERMSIG(status)));
	else
		log_errorx("%s %ld ended with status %d", what, (long)pid,
		    WEXITSTATUS(status));
}

/* The pause before a process is replaced, which lived for so long. */
static int
backoff(int last_ms, int64_t age_ms)
{
	if (age_ms >= YOUNG_MS)
		return 0;
	if (last_ms == 0)
		return BACKOFF_MIN_MS;
	return last_ms < BACKOFF_MAX_MS / 2 ? last_ms * 2 : BACKOFF_MAX_MS;
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
replace(struct master *m, int64_t age_ms)
{
	if (!m->served) {
		give_up_start(m, "a worker could not start");
		return;
	}
	m->backoff_ms = backoff(m->backoff_ms, age_ms);
	after(m->respawn, m->backoff_ms);
}

static void start_next(struct master *m, int lock);

/* The content process of what is served has gone. */
static void
lose_content(struct master *m, int status)
{
	unhear(&m->content_event);
	if (!m->content_ready && WIFEXITED(status))
		give_up_start(m, "the content process could not start");
	else if (m->reload.yielding)
		start_next(m, -1); /* the lock has gone with it */
}

static void
reap_helper(struct helper *h, int status)
{
	struct child **at = h->kind->place(h->master);

	if (h == &h->master->helpers[HELPER_KEYS])
		metrics_count(METRICS_KEEPER_DIED, 1);
	if (h == &h->master->helpers[HELPER_CONTENT])
		lose_content(h->master, status);
	tell_death(h->kind->name, (*at)->pid, status);
	h->backoff_ms = backoff(h->backoff_ms, clock_ms() - (*at)->born_ms);
	child_free(*at);
	*at = NULL;
	after(h->restart, h->backoff_ms);
}

static void refuse_reload(struct master *m);

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

/* A process is gone that was no worker, or one of an old generation. */
static void
reap_other(struct master *m, pid_t pid, int status)
{
	size_t i;

	content_deaths_reap(&m->deaths, pid, WIFSIGNALED(status));
	for (i = 0; i < HELPERS; i++) {
		const struct child *c = child_of(&m->helpers[i]);

		if (c != NULL && c->pid == pid) {
			reap_helper(&m->helpers[i], status);
			return;
		}
	}
	reap_next(m, pid, status);
}

static void
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
			reap_other(m, pid, status);
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
		forget(m, w);
		look_if_synced(m);
		listeners_mend(&m->now->listeners);
		if (!m->stopping && present)
			replace(m, age);
	}
	if (m->stopping && m->workers == NULL)
		(void)event_base_loopbreak(m->base);
}

static void
tell_all(struct master *m, enum channel_message message, int fd, bool only_old)
{
	struct worker_process *w;

	for (w = m->workers; w != NULL; w = w->next)
		if (!only_old || w->serial != m->serial)
			tell_worker(w, message, 0, fd);
}

/* -- reload -- */

static struct generation *
build(struct master *m, struct problems *ps)
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

static void
arm_watch(struct master *m)
{
	int s = m->now->conf->watch_s;

	if (s == CONF_WATCH_AUTO)
		after(m->watch, WATCH_CONF_MS);
	else if (s > 0)
		after(m->watch, (int64_t)s * 1000);
	else
		(void)event_del(m->watch);
}

static void
swap(struct master *m, struct generation *next)
{
	struct generation *old = m->now;
	size_t i;

	m->now = next;
	m->serial++;
	m->backoff_ms = 0;
	for (i = 0; i < HELPERS; i++)
		m->helpers[i].backoff_ms = 0;
	/* Before any fork: a copy of its channel would keep it for ever. */
	child_free(old->keeper);
	child_free(old->search);
	old->keeper = old->search = NULL;
	master_set_level(m->options, next->conf);
	unwatch_listeners(m);
	control_listen(m->control, &next->control);
	/* First, so that new workers do not inherit sockets that shall close.
	 */
	generation_free(old, next);
	watch_listeners(m);
	os_trim_heap();
	child_free(m->exporter);
	start_helper(&m->helpers[HELPER_METRICS]);
	start_helper(&m->helpers[HELPER_SEARCH]);
	spawn_missing(m);
	tell_all(m, CHANNEL_DRAIN, -1, true);
	generation_announce(next);
}

static int begin_reload(struct master *m, struct problems *ps);

/* Nobody waits for the reasons: they are in the log. */
static void
reload_unasked(struct master *m)
{
	struct problems *ps = problems_new();

	(void)begin_reload(m, ps);
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
	arm_watch(m);
	notify("READY=1");
	os_forget_code();
	if (m->reload.again) {
		m->reload.again = false;
		reload_unasked(m);
	} else if (is_fine)
		look_if_served(m);
}

/* Who has asked for it, and waits, is told. */
static void
tell_refused(struct master *m)
{
	control_refused(m->control,
	    "not reloaded: what was served is still served; the log tells why");
}

/* The lock goes back to who had it, or to who is started in its place. */
static void
give_lock_back(struct master *m)
{
	struct reload *r = &m->reload;

	if (m->now->content == NULL)
		after(m->helpers[HELPER_CONTENT].restart, 0);
	else if (channel_send(m->now->content->channel, CHANNEL_RESUME, 0,
		     r->lock) == -1)
		(void)kill(m->now->content->pid, SIGKILL);
	if (r->lock != -1)
		close(r->lock);
	r->lock = -1;
}

static void
refuse_reload(struct master *m)
{
	struct problems *ps = problems_new();

	m->tried = m->reload.next->fingerprint;
	unhear(&m->reload.event);
	generation_free(m->reload.next, m->now);
	m->reload.next = NULL;
	give_lock_back(m);
	if (logs_open(m->logs, m->now->conf, m->options->foreground, ps) == -1)
		tell_problems(ps);
	master_set_level(m->options, m->now->conf);
	problems_free(ps);
	tell_refused(m);
	end_reload(m, false, true);
}

/* The old content process writes no more: let the next one begin. */
static void
start_next(struct master *m, int lock)
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
	unhear(&m->content_event);
	m->content_event = r->event;
	*r = (struct reload){ .lock = -1, .again = r->again };
	swap(m, next);
	end_reload(m, true, true);
}

/* Nothing but content can have changed: no process is forked for that. */
static void
rescan(struct master *m)
{
	m->reload.rescanning = true;
	/* One that has died looks at everything when it is started anew. */
	if (m->now->content != NULL)
		(void)channel_send(m->now->content->channel, CHANNEL_RESCAN, 0,
		    -1);
}

/* Build all but what its content process has to say. */
static struct generation *
build_next(struct master *m, struct problems *ps)
{
	struct generation *next = build(m, ps);

	if (next != NULL &&
	    logs_open(m->logs, next->conf, m->options->foreground, ps) == -1) {
		generation_free(next, m->now);
		next = NULL;
	}
	if (next == NULL)
		tell_problems(ps);
	return next;
}

/* 0: it goes on; -1: it was refused, with the reasons in ps and in the log. */
static int
begin_reload(struct master *m, struct problems *ps)
{
	struct reload *r = &m->reload;

	if (r->next != NULL || r->rescanning) {
		r->again = true;
		return 0;
	}
	notify_reloading();
	if (generation_fingerprint(m->now->conf) == m->now->fingerprint) {
		rescan(m);
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
		start_next(m, -1);
	return 0;
}

/* -- what the content process says, none of which is believed -- */

static void
on_content_ready(struct master *m)
{
	if (!m->content_ready) {
		m->content_ready = true;
		if (!m->stopping)
			spawn_missing(m);
	}
}

/* As the configuration has it, whatever was asked for since. */
static void
reset_level(struct master *m)
{
	struct worker_process *w;

	if (log_get_level() == level_of(m->options, m->now->conf))
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

static void
look_if_synced(struct master *m)
{
	const struct worker_process *w;

	if (!m->reload.syncing)
		return;
	for (w = m->workers; w != NULL; w = w->next)
		if (w->owes_sync && w->channel != -1)
			return;
	end_rescan(m);
}

static void
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
	after(m->synced, SYNC_MS);
	for (w = m->workers; w != NULL; w = w->next) {
		w->owes_sync = w->ready && w->serial == m->serial;
		if (w->owes_sync)
			tell_worker(w, CHANNEL_SYNC, 0, -1);
	}
	look_if_synced(m);
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

/* Hear it no more: SIGCHLD tells the rest.  why is NULL if it ends itself. */
static void
kill_content(struct master *m, bool is_next, const char *why)
{
	struct generation *g = is_next ? m->reload.next : m->now;

	if (why != NULL)
		log_errorx("the content process %ld %s: killed",
		    (long)g->content->pid, why);
	(void)kill(g->content->pid, SIGKILL);
	unhear(is_next ? &m->reload.event : &m->content_event);
}

static void
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
	if (message == CHANNEL_PROGRESS)
		m->reading = number;
	if (message == CHANNEL_READY || message == CHANNEL_BUILT) {
		m->reading = 0;
		content_deaths_forgive(&m->deaths);
	}
	if (message == CHANNEL_READY || message == CHANNEL_BUILT)
		take_warnings(m, is_next ? m->reload.next : m->now, number);
	switch (message) {
	case CHANNEL_READY:
		if (is_next)
			complete_reload(m);
		else {
			on_content_ready(m);
			on_content_built(m, number);
		}
		break;
	case CHANNEL_BUILT:
		if (!is_next)
			on_content_built(m, number);
		break;
	case CHANNEL_YIELDED:
		if (!is_next && m->reload.yielding) {
			start_next(m, passed);
			passed = -1;
		}
		break;
	case CHANNEL_PROGRESS:
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

static void
on_hup(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;

	(void)signal;
	(void)what;
	if (m->served && !m->stopping)
		reload_unasked(m);
}

/* A daemon that runs for months hears of an end that comes near. */
static void
on_advice(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	advice_log(m->now->conf);
	after(m->advice, ADVICE_MS);
}

static void
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
		reload_unasked(m);
	} else
		arm_watch(m);
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
		tell_problems(ps);
	else {
		log_set_level(level);
		if (m->logs->access_fd != -1)
			tell_all(m, CHANNEL_ACCESS, m->logs->access_fd, false);
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
	after(m->turn, RESUME_TURN_S * INT64_C(1000));
}

/* -- the end -- */

/* What was to come will not. */
static void
drop_reload(struct master *m)
{
	unhear(&m->reload.event);
	generation_free(m->reload.next, m->now);
	if (m->reload.lock != -1)
		close(m->reload.lock);
	m->reload = (struct reload){ .lock = -1 };
}

static void
kill_all(struct master *m)
{
	struct worker_process *w;

	for (w = m->workers; w != NULL; w = w->next)
		(void)kill(w->pid, SIGKILL);
}

static void
on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;

	(void)signal;
	(void)what;
	if (m->stopping) {
		log_info("stopping at once");
		kill_all(m);
		(void)event_base_loopbreak(m->base);
		return;
	}
	m->stopping = true;
	drop_reload(m);
	notify("STOPPING=1");
	log_info("stopping: what is in flight has %d s",
	    m->now->conf->drain_timeout_ms / 1000);
	tell_all(m, CHANNEL_DRAIN, -1, false);
	control_listen(m->control, NULL);
	control_socket_close(&m->now->control, NULL);
	/* A visitor is turned away at once instead of waiting for nobody. */
	unwatch_listeners(m);
	listeners_close(&m->now->listeners, NULL);
	after(m->drained, m->now->conf->drain_timeout_ms);
	if (m->workers == NULL)
		(void)event_base_loopbreak(m->base);
}

static void
on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	log_warnx("drain_timeout is over: the rest is cut");
	kill_all(m);
}

static void
on_relay(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	(void)logs_relay(m->logs);
}

/* -- what the control socket asks for -- */

static void
put_warnings(void *arg, struct buf *to)
{
	const struct master *m = arg;

	control_put_problems(to, "warning", m->now->warnings,
	    m->now->n_warnings);
}

static void
put_status(void *arg, struct buf *to)
{
	struct master *m = arg;
	struct metrics_facts facts = m->now->facts;
	const char *states[METRICS_STATES];
	char number[32];
	unsigned s;

	for (s = 0; s < METRICS_STATES; s++)
		states[s] = conns_state_name(s);
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	control_put(to, "version", view_of(CAPSULED_VERSION));
	control_put(to, "pid", view_of(number));
	control_put(to, "configuration", view_of(m->options->conf_path));
	control_put(to, "log_level", view_of(log_level_name(log_get_level())));
	snprintf(number, sizeof(number), "%zu", m->now->n_warnings);
	control_put(to, "warnings", view_of(number));
	put_warnings(m, to);
	snprintf(number, sizeof(number), "%u", m->reading);
	control_put(to, "reading", view_of(number));
	facts.now = clock_wall();
	metrics_lines(m->metrics, states, &facts, to);
}

static int
reload_asked(void *arg, struct buf *to)
{
	struct master *m = arg;
	struct problems *ps = problems_new();
	int r = -1;

	if (m->served && !m->stopping)
		r = begin_reload(m, ps);
	else
		problems_add(ps, NULL, 0,
		    "capsuled is %s: there is nothing to reload",
		    m->stopping ? "stopping" : "still starting");
	control_put_problems(to, "problem", ps, problems_count(ps));
	problems_free(ps);
	return r;
}

static void
set_level_asked(void *arg, enum log_level level)
{
	struct master *m = arg;
	struct worker_process *w;

	log_set_level(level);
	for (w = m->workers; w != NULL; w = w->next)
		tell_worker(w, CHANNEL_LEVEL, (unsigned)level, -1);
	log_info("log level: %s, until a reload", log_level_name(level));
}

static void
stop_asked(void *arg)
{
	struct master *m = arg;

	if (!m->stopping)
		on_stop(0, 0, m);
}

static const struct control_calls control_calls = { put_status, reload_asked,
	set_level_asked, stop_asked, put_warnings };

/* -- set up -- */

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

void
master_set_level(const struct master_options *options, const struct conf *conf)
{
	log_set_level(level_of(options, conf));
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

static void
set_up_helpers(struct master *m)
{
	size_t i;

	for (i = 0; i < HELPERS; i++) {
		struct helper *h = &m->helpers[i];

		h->master = m;
		h->kind = &helper_kinds[i];
		h->restart = evtimer_new(m->base, on_restart, h);
		h->probed = evtimer_new(m->base, on_probed, h);
		if (h->restart == NULL || h->probed == NULL)
			mem_exhausted(0);
	}
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
	m.relay = event_new(m.base, logs->relay[0], EV_READ | EV_PERSIST,
	    on_relay, &m);
	if (m.respawn == NULL || m.drained == NULL || m.watch == NULL ||
	    m.advice == NULL || m.turn == NULL || m.synced == NULL ||
	    m.rewatch == NULL || m.relay == NULL ||
	    event_add(m.relay, NULL) == -1)
		mem_exhausted(0);
	set_up_helpers(&m);
	m.control = control_new(m.base, &control_calls, &m);
	control_listen(m.control, &g->control);
	arm_watch(&m);
	after(m.advice, ADVICE_MS);
	after(m.turn, RESUME_TURN_S * INT64_C(1000));
	start_counting(&m);
	start_helper(&m.helpers[HELPER_METRICS]);
	watch_listeners(&m);
	/* Workers follow once it is ready. */
	if (start_content(&m)) {
		/* Its folder lies in that of the store, which is there now. */
		start_helper(&m.helpers[HELPER_SEARCH]);
		(void)event_base_dispatch(m.base);
	} else
		m.status = 1;

	kill_all(&m);
	while (m.workers != NULL)
		forget(&m, m.workers);
	while (logs_relay(logs))
		;
	if (m.served && m.now->conf->pid_file.len > 0)
		(void)unlink(m.now->conf->pid_file.p);
	if (m.status == 0)
		log_info("stopped");
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		event_free(signals[i]);
	event_free(m.respawn);
	for (i = 0; i < HELPERS; i++) {
		event_free(m.helpers[i].restart);
		event_free(m.helpers[i].probed);
	}
	unwatch_listeners(&m);
	event_free(m.rewatch);
	event_free(m.drained);
	event_free(m.watch);
	event_free(m.turn);
	event_free(m.synced);
	event_free(m.advice);
	event_free(m.relay);
	unhear(&m.content_event);
	drop_reload(&m);
	child_end(m.exporter, EXPORTER_STOP_MS);
	metrics_free(m.metrics);
	limits_free(m.limits);
	child_end(m.now->keeper, KEEPER_STOP_MS);
	child_end(m.now->search, SEARCH_STOP_MS);
	m.now->keeper = m.now->search = NULL;
	child_free(m.now->content);
	m.now->content = NULL;
	content_deaths_end(&m.deaths);
	generation_free(m.now, NULL);
	/* Last: who asked to stop waits for it. */
	control_free(m.control);
	event_base_free(m.base);
	return m.status;
}
