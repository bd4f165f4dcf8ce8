/*
 * search_process.c - the one process that looks for words.
 *
 * Floor process.  Forked by the master, one for each generation.  It hears
 * from the master who the workers are, and from the workers, whom it does not
 * trust, what visitors look for.  Of the content process it gets the store's
 * files.  Nothing but SQLite and the indexes is here: no network, no roots, no
 * keys.
 *
 * A search runs to its end, or until its time is over; meanwhile questions
 * wait in the sockets.  So whoever asks much waits for himself: workers take
 * turns, and addresses of a worker do.  Between two searches, and while there
 * are none, what has changed in the store is indexed.
 */
#include "process/search_process.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/search_client.h"
#include "process/ways.h"
#include "site/search_sync.h"

/* Between two signals that a search's time is over: see search_interrupt. */
#define AGAIN_MS 20

#define STEP_MS 20 /* of indexing, and somebody is heard */

/* Pages have the right of way: indexing takes what nobody else wants. */
#define NICENESS 10

#define PATH_SIZE 4096 /* bytes */

#define TURNS 256 /* addresses that are told apart while they take turns */

/* One question that waits. */
struct waiting {
	bool used;
	nfds_t way;
	int64_t since_ms;
	uint32_t came; /* the how manieth it is */
	struct search_query query;
};

struct searcher {
	struct ways ways;
	struct search_sync *sync;
	size_t n_capsules;
	int content;  /* the way to the content process; -1: there is none */
	bool let_go;  /* another process writes the indexes now */
	int wait_ms;  /* until there is something to index; -1: unknown */
	bool is_busy; /* there is more to index at once */
	struct waiting queue[SEARCH_QUEUE_MAX];
	size_t n;      /* of them in use */
	uint32_t came; /* questions so far */
	/* When each was served last, as a count of searches. */
	uint32_t turn, way_turns[1 + WAYS_MAX], turns[1 + WAYS_MAX][TURNS];
};

/* -- time -- */

static struct search *volatile running;

static void
on_alarm(int signal)
{
	(void)signal;
	if (running != NULL)
		search_interrupt(running);
}

/* From now on, or no more if ms is 0. */
static void
set_alarm(int ms)
{
	struct itimerval tv = { .it_value = { .tv_usec = ms * 1000 },
		.it_interval = { .tv_usec = ms > 0 ? AGAIN_MS * 1000 : 0 } };

	(void)setitimer(ITIMER_REAL, &tv, NULL);
}

static void
find_in_time(struct search *s, const struct search_query *q,
    struct search_found *to)
{
	running = s;
	set_alarm(SEARCH_TIME_MAX_MS);
	search_find(s, q, to);
	set_alarm(0);
	running = NULL;
}

/* -- the queue -- */

/* Answer without having looked. */
static void
refuse_query(const struct search_query *q, enum search_end end,
    struct search_found *to)
{
	memset(to, 0, sizeof(*to));
	to->id = q->id;
	to->end = end;
}

/* A worker that does not listen is none of ours. */
static void
send_found(struct searcher *s, nfds_t way, const struct search_found *found)
{
	if (send(s->ways.v[way].fd, found, sizeof(*found),
		MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(*found))
		ways_close(&s->ways, way);
}

static void
drop_waiting(struct searcher *s, struct waiting *w)
{
	w->used = false;
	s->n--;
}

/* Forget what came by a way that is closed, or is another one now. */
static void
drop_way(struct searcher *s, nfds_t way)
{
	size_t i;

	for (i = 0; i < SEARCH_QUEUE_MAX && s->n > 0; i++)
		if (s->queue[i].used && s->queue[i].way == way)
			drop_waiting(s, &s->queue[i]);
}

static void
cancel_query(struct searcher *s, nfds_t way, uint32_t id)
{
	size_t i;

	for (i = 0; i < SEARCH_QUEUE_MAX; i++)
		if (s->queue[i].used && s->queue[i].way == way &&
		    s->queue[i].query.id == id)
			drop_waiting(s, &s->queue[i]);
}

/* A place for a question of this address by this way; NULL: too many. */
static struct waiting *
find_queue_room(struct searcher *s, nfds_t way, uint32_t from)
{
	size_t i, of_way = 0, of_address = 0;
	struct waiting *room = NULL, *w;

	for (i = 0; i < SEARCH_QUEUE_MAX; i++) {
		w = &s->queue[i];
		if (!w->used)
			room = w;
		else if (w->way == way) {
			of_way++;
			of_address += w->query.from == from;
		}
	}
	return of_way < SEARCH_CLIENT_MAX && of_address < SEARCH_ADDRESS_MAX
	    ? room
	    : NULL;
}

static void
add_query(struct searcher *s, nfds_t way, const struct search_query *q)
{
	struct waiting *w = find_queue_room(s, way, q->from);
	struct search_found busy;

	if (w == NULL) {
		refuse_query(q, SEARCH_BUSY, &busy);
		send_found(s, way, &busy);
		return;
	}
	*w = (struct waiting){ true, way, clock_ms(), s->came++, *q };
	s->n++;
}

static uint32_t *
turn_of(struct searcher *s, const struct waiting *w)
{
	return &s->turns[w->way][w->query.from % TURNS];
}

/* True if it is a's turn before b's; counts of 32 bits may have wrapped. */
static bool
is_before(struct searcher *s, const struct waiting *a, const struct waiting *b)
{
	uint32_t x = s->turn - s->way_turns[a->way],
		 y = s->turn - s->way_turns[b->way];

	if (a->way != b->way)
		return x != y ? x > y : a->way < b->way;
	x = s->turn - *turn_of(s, a);
	y = s->turn - *turn_of(s, b);
	return x != y ? x > y : s->came - a->came > s->came - b->came;
}

static struct waiting *
choose_question(struct searcher *s)
{
	struct waiting *best = NULL, *w;
	size_t i;

	for (i = 0; i < SEARCH_QUEUE_MAX; i++) {
		w = &s->queue[i];
		if (w->used && (best == NULL || is_before(s, w, best)))
			best = w;
	}
	return best;
}

/* Look for what is next. */
static void
serve_next(struct searcher *s)
{
	struct waiting *w = choose_question(s);
	size_t capsule = w->query.capsule;
	struct search *index = search_sync_index(s->sync, capsule);
	struct search_found found;

	if (index == NULL)
		refuse_query(&w->query, SEARCH_FAILED, &found);
	else if (clock_ms() - w->since_ms > SEARCH_WAIT_MAX_MS)
		refuse_query(&w->query, SEARCH_BUSY, &found);
	else {
		find_in_time(index, &w->query, &found);
		found.is_partial = !search_sync_is_whole(s->sync);
	}
	s->way_turns[w->way] = *turn_of(s, w) = ++s->turn;
	drop_waiting(s, w);
	send_found(s, w->way, &found);
	if (index != NULL && found.end == SEARCH_FAILED && !s->let_go)
		search_sync_renew(s->sync, capsule);
}

/*
 * True if a search is to be served now: at the beginning those that have just
 * come wait until all is indexed, for that may be soon.
 */
static bool
is_search_due(const struct searcher *s)
{
	size_t i;

	if (s->n == 0 || s->let_go || search_sync_is_whole(s->sync))
		return s->n > 0;
	for (i = 0; i < SEARCH_QUEUE_MAX; i++)
		if (s->queue[i].used &&
		    clock_ms() - s->queue[i].since_ms >= SEARCH_PATIENCE_MS)
			return true;
	return false;
}

/* -- the store -- */

static void
leave_content(struct searcher *s)
{
	if (s->content != -1)
		close(s->content);
	s->content = -1;
	/* Nobody else can open it. */
	search_sync_opened(s->sync, -1);
}

static void
take_content_way(struct searcher *s, int fd)
{
	leave_content(s);
	s->content = fd;
}

/* One message of the content process. */
static void
hear_of_content(struct searcher *s)
{
	unsigned number;
	int fd;

	switch (channel_receive(s->content, &number, &fd)) {
	case CHANNEL_SEGMENT:
		if (fd != -1)
			search_sync_add_file(s->sync, number, fd);
		return;
	case CHANNEL_ROOT:
		if (fd != -1)
			search_sync_root(s->sync, fd);
		s->wait_ms = 0;
		return;
	case CHANNEL_OPENED:
	case CHANNEL_FAILED:
		search_sync_opened(s->sync, fd);
		s->wait_ms = 0;
		return;
	case CHANNEL_NOTHING:
		return;
	default:
		leave_content(s);
	}
	if (fd != -1)
		close(fd);
}

/* Have a large file opened, if one is wanted. */
static void
hand_out_file(struct searcher *s)
{
	unsigned char bytes[CHANNEL_KEY_SIZE];
	struct store_key key;

	_Static_assert(sizeof(bytes) == sizeof(key), "a key is a key");
	if (!search_sync_wants(s->sync, &key))
		return;
	memcpy(bytes, &key, sizeof(bytes));
	if (s->content == -1 ||
	    channel_send_key(s->content, CHANNEL_OPEN, 0, bytes, -1) == -1)
		search_sync_opened(s->sync, -1);
}

/* Index for a while. */
static void
keep_in_step(struct searcher *s)
{
	if (s->let_go)
		return;
	s->is_busy = search_sync_step(s->sync, s->n > 0 ? STEP_MS / 4 : STEP_MS,
	    &s->wait_ms);
	hand_out_file(s);
}

/*
 * The master has no more use for us: the next one writes the indexes.  Workers
 * that have not finished can look into them all the same.
 */
static void
let_go_of_asker(struct searcher *s)
{
	s->let_go = true;
	s->is_busy = false;
	s->wait_ms = -1;
	leave_content(s);
	search_sync_end(s->sync);
}

/* -- the loop -- */

/* Take one record; false if that was none, or nothing is left. */
static bool
take_query(struct searcher *s, nfds_t way)
{
	char record[sizeof(struct search_query) + 1]; /* + 1: it is too long */
	ssize_t n =
	    recv(s->ways.v[way].fd, record, sizeof(record), MSG_DONTWAIT);
	struct search_query q;

	if (n == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n <= 0 ||
	    !search_query_take(&q, record, (size_t)n, s->n_capsules)) {
		ways_close(&s->ways, way);
		return false;
	}
	if (q.word == SEARCH_CANCEL)
		cancel_query(s, way, q.id);
	else
		add_query(s, way, &q);
	return s->ways.v[way].fd != -1;
}

/* As many as an honest worker may have sent; it may send more meanwhile. */
static void
take_queries(struct searcher *s, nfds_t way)
{
	int i;

	for (i = 0; i < 2 * SEARCH_CLIENT_MAX && take_query(s, way); i++)
		;
}

/* Forget the questions of those who have left. */
static void
drop_closed(struct searcher *s)
{
	size_t i;

	for (i = 0; i < SEARCH_QUEUE_MAX && s->n > 0; i++)
		if (s->queue[i].used &&
		    (s->queue[i].way >= s->ways.n ||
			s->ways.v[s->queue[i].way].fd == -1))
			drop_waiting(s, &s->queue[i]);
}

static void
hear_introduction(struct searcher *s)
{
	enum channel_message other;
	unsigned number;
	int fd;

	number = ways_hear_all(&s->ways, &other, &fd);
	if (number > 0)
		drop_way(s, number);
	if (other == CHANNEL_CONTENT && fd != -1 && !s->let_go) {
		take_content_way(s, fd);
		fd = -1;
	}
	if (fd != -1)
		close(fd);
}

static void
hear_workers(struct searcher *s)
{
	nfds_t i;

	for (i = 1; i < s->ways.n; i++)
		if (s->ways.v[i].fd != -1 && s->ways.v[i].revents != 0)
			take_queries(s, i);
	drop_closed(s);
}

/* Between two steps of what takes long: nothing of the store may change. */
static void
on_pause(void *arg)
{
	struct searcher *s = arg;

	if (poll(s->ways.v, s->ways.n, 0) > 0) {
		hear_workers(s);
		if (s->ways.v[0].fd != -1 && s->ways.v[0].revents != 0)
			hear_introduction(s);
	}
	if (is_search_due(s))
		serve_next(s);
}

static int
patience_of(const struct searcher *s)
{
	if (is_search_due(s) || s->is_busy)
		return 0;
	if (s->n > 0 && (s->wait_ms == -1 || s->wait_ms > SEARCH_PATIENCE_MS))
		return SEARCH_PATIENCE_MS;
	return s->wait_ms;
}

static void
hear_askers(struct searcher *s)
{
	struct ways *w = &s->ways;
	nfds_t n = w->n;

	/* Behind all ways, where it is in nobody's. */
	w->v[n] = (struct pollfd){ .fd = s->content, .events = POLLIN };
	if (poll(w->v, n + 1, patience_of(s)) <= 0) { /* -1: EINTR */
		w->v[n].fd = -1;
		return;
	}
	if (w->v[n].revents != 0 && s->content != -1)
		hear_of_content(s);
	w->v[n].fd = -1;
	hear_workers(s);
	if (w->v[0].fd != -1 && w->v[0].revents != 0)
		hear_introduction(s);
}

int
search_process_serve(int channel, const struct view *names, size_t n,
    const struct sandbox_folder *folder, bool confined)
{
	static struct searcher s;
	struct sigaction act = { .sa_handler = on_alarm,
		.sa_flags = SA_RESTART };

	s.content = -1;
	s.wait_ms = -1;
	s.n_capsules = n;
	/* First: files without a name have to be opened before all is shut. */
	s.sync = search_sync_new(names, n,
	    folder->fd == -1 ? NULL : folder->path, on_pause, &s);
	if (confined && sandbox_enter_search(folder) == -1)
		return -1;
	sigemptyset(&act.sa_mask);
	(void)sigaction(SIGALRM, &act, NULL);
	ways_begin(&s.ways, channel, CHANNEL_SEARCH);
	while (s.ways.open > 0) {
		hear_askers(&s);
		if (is_search_due(&s))
			serve_next(&s);
		if (s.ways.v[0].fd == -1 && !s.let_go)
			let_go_of_asker(&s);
		keep_in_step(&s);
	}
	return 0;
}

/* -- in the child -- */

/* What it is made of. */
struct birth {
	const struct snapshot *snapshot;
	const struct conf *conf;
	struct logs *logs;
	const struct sandbox *box;
};

/* What capsules are called in the store, those with a search; a copy. */
static struct view *
name_capsules(const struct snapshot *s)
{
	struct view *names = xcalloc(s->n_sites, sizeof(*names));
	const struct site *site;
	size_t i;

	for (i = 0; i < s->n_sites; i++) {
		site = &s->sites[i];
		if (site->is_searched)
			names[i] = view_of(
			    xstrndup(site->hosts[0].p, site->hosts[0].len));
	}
	return names;
}

/* Make the folder and open it; -1, and logged, if that fails. */
static int
open_index_folder(const char *store, const char *path)
{
	int fd;

	(void)mkdir(store, 0700); /* the content process may not be so far */
	(void)mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		log_warn("cannot keep the indexes of searches in %s", path);
	return fd;
}

static void become_search_process(void *arg, int channel)
    __attribute__((noreturn));

static void
become_search_process(void *arg, int channel)
{
	const struct birth *how = arg;
	struct sandbox_folder folder = { NULL, -1 };
	int keep[] = { channel, how->logs->relay[1] };
	size_t n = how->snapshot->n_sites;
	struct view *names = name_capsules(how->snapshot);
	char path[PATH_SIZE];

	child_begin("capsuled search", keep, 2);
	logs_enter_child(how->logs, CHILD_FIRST + 1);
	if (sandbox_drop_user(how->box) == -1)
		_exit(1);
	if (how->conf->store.len > 0) {
		snprintf(path, sizeof(path), "%s/search", how->conf->store.p);
		folder = (struct sandbox_folder){ path,
			open_index_folder(how->conf->store.p, path) };
	}
	(void)setpriority(PRIO_PROCESS, 0, NICENESS);
	_exit(search_process_serve(CHILD_FIRST, names, n, &folder, true) == -1);
}

/* -- in the master -- */

bool
search_process_is_wanted(const struct snapshot *s)
{
	size_t i;

	for (i = 0; i < s->n_sites; i++)
		if (s->sites[i].is_searched)
			return true;
	return false;
}

struct child *
search_process_new(const struct snapshot *s, const struct conf *conf,
    struct logs *logs, const struct sandbox *box)
{
	struct birth how = { s, conf, logs, box };

	return child_new(become_search_process, &how);
}
