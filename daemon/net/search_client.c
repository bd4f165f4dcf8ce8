/*
 * search_client.c - ask the search process, and go on serving meanwhile.
 *
 * Floor net; conn.c asks.  A question has a place in a table, and its id says
 * which, and how often the place was used: an answer to what was cancelled
 * finds nobody, and one to what was never asked ends the connection.
 */
#include "net/search_client.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/metrics.h"

/* One question; its number in the table is the low part of its id. */
struct search_wait {
	struct search_client *all;
	bool waits;
	uint32_t id;
	int64_t since_ms;
	void (*ready)(void *, const struct search_found *);
	void *arg;
};

struct search_client {
	struct event_base *base;
	int fd; /* -1: there is nobody */
	struct event *event, *doubt;
	bool heard; /* since doubt was set */
	size_t n;   /* who wait */
	struct search_wait waits[SEARCH_CLIENT_MAX];
	void (*on_trouble)(void *, enum search_trouble);
	void *arg;
};

static void
watch_for_silence(struct search_client *sc)
{
	struct timeval tv = { .tv_sec = SEARCH_CLIENT_DOUBT_MS / 1000,
		.tv_usec = SEARCH_CLIENT_DOUBT_MS % 1000 * 1000 };

	sc->heard = false;
	(void)evtimer_add(sc->doubt, &tv);
}

static void
on_doubt(evutil_socket_t fd, short what, void *arg)
{
	struct search_client *sc = arg;

	(void)fd;
	(void)what;
	if (sc->n == 0)
		return;
	if (!sc->heard)
		sc->on_trouble(sc->arg, SEARCH_LATE);
	watch_for_silence(sc);
}

struct search_client *
search_client_new(struct event_base *base,
    void (*on_trouble)(void *, enum search_trouble), void *arg)
{
	struct search_client *sc = xcalloc(1, sizeof(*sc));
	size_t i;

	sc->base = base;
	sc->fd = -1;
	sc->on_trouble = on_trouble;
	sc->arg = arg;
	sc->doubt = evtimer_new(base, on_doubt, sc);
	if (sc->doubt == NULL)
		mem_exhausted(0);
	for (i = 0; i < SEARCH_CLIENT_MAX; i++) {
		sc->waits[i].all = sc;
		sc->waits[i].id = (uint32_t)i;
	}
	return sc;
}

static void
count_search(uint32_t end)
{
	static const enum metrics_event events[] = {
		[SEARCH_DONE] = METRICS_SEARCH_DONE,
		[SEARCH_SLOW] = METRICS_SEARCH_SLOW,
		[SEARCH_BUSY] = METRICS_SEARCH_BUSY,
		[SEARCH_FAILED] = METRICS_SEARCH_FAILED,
	};

	metrics_count(events[end], 1);
}

/* Give its answer, or none, to who waits. */
static void
end_wait(struct search_wait *w, const struct search_found *found)
{
	count_search(found == NULL ? SEARCH_FAILED : found->end);
	metrics_count(METRICS_SEARCH_MS, (uint64_t)(clock_ms() - w->since_ms));
	w->waits = false;
	w->id += SEARCH_CLIENT_MAX;
	w->all->n--;
	w->ready(w->arg, found);
}

/* Close the way; whoever waits hears that there is no answer. */
static void
close_search_way(struct search_client *sc)
{
	size_t i;

	if (sc->fd == -1)
		return;
	event_free(sc->event);
	sc->event = NULL;
	close(sc->fd);
	sc->fd = -1;
	for (i = 0; i < SEARCH_CLIENT_MAX; i++)
		if (sc->waits[i].waits)
			end_wait(&sc->waits[i], NULL);
}

static void
lose_search_process(struct search_client *sc, const char *why)
{
	log_warnx("no search: the search process %s", why);
	close_search_way(sc);
	sc->on_trouble(sc->arg, SEARCH_LOST);
}

/* Who is meant by the id of an answer; NULL: it was never given. */
static struct search_wait *
find_wait(struct search_client *sc, uint32_t id)
{
	struct search_wait *w = &sc->waits[id % SEARCH_CLIENT_MAX];

	/* Those before it were cancelled; they come again after 2^26. */
	return w->id - id <= UINT32_MAX / 2 && (w->waits || w->id != id) ? w
									 : NULL;
}

/* One answer a turn of the loop: connections have their turns, too. */
static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct search_client *sc = arg;
	char record[sizeof(struct search_found) + 1]; /* + 1: too long */
	ssize_t n = recv((int)fd, record, sizeof(record), MSG_DONTWAIT);
	struct search_found found;
	struct search_wait *w;

	(void)what;
	if (n == -1 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		lose_search_process(sc, "is gone");
		return;
	}
	if (!search_found_take(&found, record, (size_t)n) ||
	    (w = find_wait(sc, found.id)) == NULL) {
		lose_search_process(sc, "answers nonsense");
		return;
	}
	sc->heard = true;
	if (w->waits && w->id == found.id)
		end_wait(w, &found);
}

void
search_client_connect(struct search_client *sc, int fd)
{
	close_search_way(sc);
	if (fd == -1)
		return;
	sc->event =
	    event_new(sc->base, fd, EV_READ | EV_PERSIST, on_answer, sc);
	if (sc->event == NULL || event_add(sc->event, NULL) == -1)
		mem_exhausted(0);
	sc->fd = fd;
}

static bool
send_query(const struct search_client *sc, const struct search_query *q)
{
	return send(sc->fd, q, sizeof(*q), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)sizeof(*q);
}

static struct search_wait *
find_free_wait(struct search_client *sc)
{
	size_t i;

	for (i = 0; i < SEARCH_CLIENT_MAX; i++)
		if (!sc->waits[i].waits)
			return &sc->waits[i];
	return NULL;
}

struct search_wait *
search_client_ask(struct search_client *sc, struct search_query *q,
    void (*ready)(void *, const struct search_found *), void *arg,
    enum search_end *end)
{
	struct search_wait *w = find_free_wait(sc);

	*end = sc->fd == -1 ? SEARCH_FAILED : SEARCH_BUSY;
	if (sc->fd == -1 || w == NULL) {
		count_search(*end);
		return NULL;
	}
	q->word = SEARCH_FIND;
	q->id = w->id;
	if (!send_query(sc, q)) {
		/* If it is gone the loop says so. */
		*end = errno == EAGAIN || errno == EWOULDBLOCK ? SEARCH_BUSY
							       : SEARCH_FAILED;
		count_search(*end);
		return NULL;
	}
	w->waits = true;
	w->since_ms = clock_ms();
	w->ready = ready;
	w->arg = arg;
	if (sc->n++ == 0)
		watch_for_silence(sc);
	return w;
}

void
search_client_cancel(struct search_wait *w)
{
	struct search_query q = { .word = SEARCH_CANCEL };

	if (w == NULL || !w->waits)
		return;
	q.id = w->id;
	w->waits = false;
	w->id += SEARCH_CLIENT_MAX;
	w->all->n--;
	/* If there is no room for it, the answer will find nobody. */
	(void)send_query(w->all, &q);
}
