/*
 * conn_deadline.c - that no state lasts for ever.
 *
 * Floor net.
 */
#include "net/conn_deadline.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "net/conn_wait.h"
#include "net/metrics.h"

/*
 * True if the peer has taken bytes since we last looked, or may have: what
 * the kernel holds for a slow reader is progress, too.
 */
static bool
has_taken_bytes(struct conn *c)
{
	int unsent = os_unsent(c->stream.fd);
	bool taking = unsent >= 0 && unsent < c->unsent;

	c->unsent = unsent;
	return taking;
}

/*
 * See whether the peer is taking its answer.  What it took by the first look
 * may be what its kernel took.
 */
static bool
update_progress(struct conn *c)
{
	bool taking = has_taken_bytes(c);

	c->is_reading = c->is_reading || (taking && c->was_checked);
	c->was_checked = true;
	return taking;
}

/* The deadline of c has passed; true if it gets another. */
static bool
made_progress(struct conn *c, int64_t now)
{
	int64_t most = c->all->deadlines.duration_ms[LIMIT_IDLE];

	if (c->state == CONN_RESPONSE)
		return update_progress(c);
	if (c->state != CONN_LINGER)
		return false;
	/* While the answer is still on its way the linger has not begun. */
	if (update_progress(c) || c->taken_ms == 0)
		c->taken_ms = now;
	if (c->is_reading)
		most = c->all->deadlines.duration_ms[LIMIT_PATIENT];
	return c->unsent > 0 && now - c->taken_ms < most;
}

/* End c, which waits, at once. */
static void
end_waiting(struct conn *c, const char *why)
{
	if (c->state == CONN_RESPONSE)
		conn_log_end(c, why);
	/* The kernel would go on for minutes with what is never taken. */
	c->cut = c->state == CONN_LINGER && os_unsent(c->stream.fd) > 0;
	conn_move(c, CONN_CLOSED);
	conn_free(c);
}

static void
expire_deadline(struct conn *c, int64_t now)
{
	if (made_progress(c, now)) {
		deadline_set(&c->all->deadlines, &c->deadline,
		    c->state == CONN_RESPONSE && c->is_reading
			? LIMIT_PATIENT
			: conn_state_limit(c->state),
		    now);
		return;
	}
	metrics_expired(c->state);
	log_debug("fd %d: %s for too long", c->stream.fd,
	    conn_state_name(c->state));
	if (c->state == CONN_UPSTREAM)
		expire_upstream(c);
	else if (c->state == CONN_SEARCH)
		expire_search(c);
	else if (c->state == CONN_FILE)
		expire_file(c);
	else
		end_waiting(c, "timeout");
}

static struct conn *
conn_of_deadline(struct deadline *d)
{
	return (void *)((char *)d - offsetof(struct conn, deadline));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conns *cs = arg;
	int64_t now = clock_ms();
	struct deadline *d;
	int i;

	(void)fd;
	(void)what;
	/* Those who came together end together; others have their turn. */
	for (i = 0; i < CONN_EXPIRED_MAX &&
	     (d = deadlines_expired(&cs->deadlines, now)) != NULL;
	     i++)
		expire_deadline(conn_of_deadline(d), now);
	if (cs->n == 0 && cs->done != NULL)
		cs->done(cs->done_arg);
	else
		conn_arm_timer(cs);
}

void
conn_deadlines_init(struct conns *cs, const struct conf *conf)
{
	int64_t *ms = cs->deadlines.duration_ms;

	ms[LIMIT_REQUEST] = conf->request_timeout_ms;
	ms[LIMIT_UPSTREAM] = conf->application_timeout_ms;
	ms[LIMIT_SEARCH] = CONN_SEARCH_MS;
	ms[LIMIT_FILE] = CONN_FILE_MS;
	ms[LIMIT_IDLE] = conf->idle_timeout_ms;
	ms[LIMIT_PATIENT] = (int64_t)conf->idle_timeout_ms * CONN_PATIENCE;
	ms[LIMIT_LINGER] = CONN_LINGER_MS;
	cs->timer = evtimer_new(cs->base, on_timer, cs);
	if (cs->timer == NULL)
		mem_exhausted(sizeof(struct event));
}

/* -- room for others -- */

/*
 * Bytes a second that the reader c took since it was last looked at; INT64_MAX
 * if that cannot be told yet, or if it has nothing to take.
 */
static int64_t
reader_speed(const struct conn *c, int64_t now)
{
	int64_t ms = now - conn_deadline_set_ms(c);
	int unsent = os_unsent(c->stream.fd);

	if (ms < CONN_YOUNG_MS || (c->state == CONN_LINGER && unsent <= 0))
		return INT64_MAX;
	return unsent < c->unsent ? (c->unsent - unsent) * INT64_C(1000) / ms
				  : 0;
}

/* The slowest of those in this queue who were left alone for longest. */
static void
find_slowest(struct conns *cs, unsigned limit, int64_t now, int64_t *least,
    struct conn **slowest)
{
	struct deadline *d = cs->deadlines.first[limit];
	int64_t speed;
	int i;

	for (i = 0; d != NULL && i < CONN_LOOKS; i++, d = d->next) {
		speed = reader_speed(conn_of_deadline(d), now);
		if (speed < *least) {
			*least = speed;
			*slowest = conn_of_deadline(d);
		}
	}
}

bool
conn_end_slowest(struct conns *cs)
{
	struct deadline *oldest = cs->deadlines.first[LIMIT_REQUEST];
	int64_t now = clock_ms(), least = CONN_SLOW;
	struct conn *c = NULL;

	if (oldest != NULL &&
	    now - conn_deadline_set_ms(conn_of_deadline(oldest)) >=
		CONN_YOUNG_MS)
		c = conn_of_deadline(oldest);
	else {
		find_slowest(cs, LIMIT_IDLE, now, &least, &c);
		find_slowest(cs, LIMIT_PATIENT, now, &least, &c);
		find_slowest(cs, LIMIT_LINGER, now, &least, &c);
	}
	if (c == NULL)
		return false;
	log_debug("fd %d: %s, and has to go for another", c->stream.fd,
	    conn_state_name(c->state));
	metrics_count(METRICS_FULL, 1);
	metrics_expired(c->state);
	end_waiting(c, "room");
	return true;
}
