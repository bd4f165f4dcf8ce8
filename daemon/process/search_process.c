/*
 * search_process.c - the one process that looks for words.
 *
 * Floor process.  Forked by the master, one for each generation.  It hears
 * from the master who the workers are, and from the workers, whom it does not
 * trust, what visitors look for.  Nothing but SQLite and the indexes is here:
 * no network, no files, no keys.
 *
 * A search runs to its end, or until its time is over; meanwhile questions
 * wait in the sockets.  So whoever asks much waits for himself: workers take
 * turns, and addresses of a worker do.
 */
#include "process/search_process.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "net/search_client.h"
#include "process/ways.h"

/* Between two signals that a search's time is over: see search_interrupt. */
#define AGAIN_MS 20

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
	struct search *const *indexes;
	size_t n_indexes;
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
drop(struct searcher *s, struct waiting *w)
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
			drop(s, &s->queue[i]);
}

static void
cancel_query(struct searcher *s, nfds_t way, uint32_t id)
{
	size_t i;

	for (i = 0; i < SEARCH_QUEUE_MAX; i++)
		if (s->queue[i].used && s->queue[i].way == way &&
		    s->queue[i].query.id == id)
			drop(s, &s->queue[i]);
}

/* A place for a question of this address by this way; NULL: too many. */
static struct waiting *
find_room(struct searcher *s, nfds_t way, uint32_t from)
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
	struct waiting *w = find_room(s, way, q->from);
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
choose(struct searcher *s)
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
	struct waiting *w = choose(s);
	struct search *index = s->indexes[w->query.capsule];
	struct search_found found;

	if (index == NULL)
		refuse_query(&w->query, SEARCH_FAILED, &found);
	else if (clock_ms() - w->since_ms > SEARCH_WAIT_MAX_MS)
		refuse_query(&w->query, SEARCH_BUSY, &found);
	else
		find_in_time(index, &w->query, &found);
	s->way_turns[w->way] = *turn_of(s, w) = ++s->turn;
	drop(s, w);
	send_found(s, w->way, &found);
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
	if (n <= 0 || !search_query_take(&q, record, (size_t)n, s->n_indexes)) {
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
			drop(s, &s->queue[i]);
}

static void
hear_all(struct searcher *s)
{
	struct ways *w = &s->ways;
	nfds_t i;

	if (poll(w->v, w->n, s->n > 0 ? 0 : -1) <= 0) /* -1: EINTR */
		return;
	if (w->v[0].revents != 0) {
		i = ways_hear(w);
		if (i > 0)
			drop_way(s, i);
	}
	for (i = 1; i < w->n; i++)
		if (w->v[i].fd != -1 && w->v[i].revents != 0)
			take_queries(s, i);
	drop_closed(s);
}

void
search_process_serve(int channel, struct search *const *indexes, size_t n)
{
	static struct searcher s;
	struct sigaction act = { .sa_handler = on_alarm,
		.sa_flags = SA_RESTART };

	s.indexes = indexes;
	s.n_indexes = n;
	sigemptyset(&act.sa_mask);
	(void)sigaction(SIGALRM, &act, NULL);
	ways_begin(&s.ways, channel, CHANNEL_SEARCH);
	while (s.ways.open > 0) {
		hear_all(&s);
		if (s.n > 0)
			serve_next(&s);
	}
}

/* -- in the child -- */

/* What it is made of. */
struct birth {
	struct snapshot *snapshot;
	const struct sandbox *box;
};

/* Open each index, which is the caller's from now on. */
static struct search **
open_indexes(struct search_index *const *indexes, size_t n)
{
	struct search **to = xcalloc(n, sizeof(*to));
	const char *why;
	size_t i;

	for (i = 0; i < n; i++) {
		if (indexes[i] == NULL)
			continue;
		to[i] = search_open(indexes[i], &why);
		if (to[i] == NULL) {
			log_errorx("an index cannot be opened: %s", why);
			_exit(1);
		}
	}
	return to;
}

/* The snapshot goes, all but its indexes. */
static struct search_index **
take_indexes(struct snapshot *s)
{
	struct search_index **to = xcalloc(s->n_sites, sizeof(*to));
	size_t i;

	for (i = 0; i < s->n_sites; i++) {
		to[i] = s->sites[i].index;
		s->sites[i].index = NULL;
	}
	return to;
}

static void
become_search_process(void *arg, int channel)
{
	const struct birth *how = arg;
	size_t n = how->snapshot->n_sites;
	struct search_index **indexes = take_indexes(how->snapshot);
	struct search **opened;

	child_begin("capsuled search", &channel, 1);
	opened = open_indexes(indexes, n);
	if (sandbox_enter_search(how->box) == -1)
		_exit(1);
	os_forget_code();
	search_process_serve(CHILD_FIRST, opened, n);
	_exit(0);
}

/* -- in the master -- */

bool
search_process_is_wanted(const struct snapshot *s)
{
	size_t i;

	for (i = 0; i < s->n_sites; i++)
		if (s->sites[i].index != NULL)
			return true;
	return false;
}

struct child *
search_process_new(struct snapshot *s, const struct sandbox *box)
{
	struct birth how = { s, box };

	return child_new(become_search_process, &how);
}
