/*
 * relay.c - between an application and a connection.
 *
 * Floor net; conn.c calls in.  What an answer has to look like is decided by
 * the protocol's head (site/dynamic.h).  What comes while it is being read is
 * gathered, so that a short answer leaves as a prepared one does: all in one
 * flight, its end riding on it.
 */
#include "net/relay.h"

#include <stdlib.h>

#include "base/log.h"
#include "format/cgi.h"
#include "format/gemini.h"
#include "net/metrics.h"

/* A piece may be gathered and one more read come on top. */
#define GATHER_MAX                                                             \
	(RELAY_PIECE + UPSTREAM_READ_MAX + CGI_HEAD_MAX + GEMINI_META_MAX + 64)

struct relay {
	struct upstream *upstream;
	const struct protocol *protocol;
	struct reply *reply;
	struct buf head; /* what came before it was known to be an answer */
	bool begun;      /* it is one */
	bool sent;       /* bytes of it were given */
	size_t total, max;
	int turns;
	enum metrics_event outcome; /* as it is counted in the end */
};

/* How the refusals of our own are counted. */
static const enum metrics_event outcomes[ANSWER_FAILURES] = {
	[ANSWER_BROKEN] = METRICS_APP_BAD,
	[ANSWER_SLOW] = METRICS_APP_LATE,
	[ANSWER_DOWN] = METRICS_APP_DOWN,
	[ANSWER_MISSING] = METRICS_APP_DONE,
};

struct relay *
relay_new(struct upstreams *us, const struct protocol *protocol,
    struct reply *reply, size_t max, void (*ready)(void *), void *arg)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->upstream =
	    upstream_new(us, reply->app, buf_view(&reply->dynamic), ready, arg);
	if (r->upstream == NULL) {
		free(r);
		return NULL;
	}
	r->protocol = protocol;
	r->reply = reply;
	r->max = max;
	r->outcome = METRICS_APP_LEFT;
	buf_init(&r->head, GATHER_MAX);
	/* The question may be long, and this shall wait for a while. */
	buf_fini(&reply->dynamic);
	buf_init(&reply->dynamic, GATHER_MAX);
	return r;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	metrics_count(r->outcome, 1);
	upstream_free(r->upstream);
	buf_fini(&r->head);
	free(r);
}

/* The application has not answered, or has broken off its answer. */
static enum relay_result
fail_relay(struct relay *r, enum answer_failure why)
{
	r->outcome = outcomes[why];
	if (r->sent)
		return RELAY_CUT;
	r->protocol->refuse(why, r->reply);
	return RELAY_DONE;
}

static enum relay_result
pass_answer(struct relay *r, enum relay_result result)
{
	r->reply->answer.bytes = buf_view(&r->reply->dynamic);
	r->sent = true;
	if (result == RELAY_DONE)
		r->outcome = METRICS_APP_DONE;
	return result;
}

/*
 * Look at what has come of the beginning.  RELAY_BYTES: it is an answer, and
 * goes on; RELAY_WAIT: too little to tell.
 */
static enum relay_result
begin_relayed_answer(struct relay *r, bool ended)
{
	struct buf *out = &r->reply->dynamic;
	size_t used = 0;

	switch (r->protocol->head(buf_view(&r->head), ended, r->reply, &used)) {
	case ANSWER_MORE:
		return RELAY_WAIT;
	case ANSWER_FAILED:
		/* That it has no such thing is an answer. */
		r->outcome = r->reply->answer.status == GEMINI_NOT_FOUND
		    ? METRICS_APP_DONE
		    : METRICS_APP_BAD;
		return RELAY_DONE;
	case ANSWER_BEGUN:
		break;
	}
	r->begun = true;
	/* Only success has a body. */
	if (r->reply->answer.status / 10 != GEMINI_SUCCESS / 10)
		return pass_answer(r, RELAY_DONE);
	r->total = r->head.len - used;
	buf_put(out, view_skip(buf_view(&r->head), used));
	buf_fini(&r->head);
	return out->failed ? fail_relay(r, ANSWER_BROKEN) : RELAY_BYTES;
}

/* Read once, and see whether there is more to tell than that. */
static enum relay_result
read_once(struct relay *r, enum upstream_result *from)
{
	struct buf *to = r->begun ? &r->reply->dynamic : &r->head;
	size_t had = to->len;
	enum relay_result result = RELAY_BYTES;

	*from = upstream_read(r->upstream, to);
	if (*from == UPSTREAM_DOWN)
		return fail_relay(r, ANSWER_DOWN);
	if (*from == UPSTREAM_FAILED)
		return fail_relay(r, ANSWER_BROKEN);
	if (r->begun)
		r->total += to->len - had;
	else if (*from == UPSTREAM_END || r->head.len > had)
		result = begin_relayed_answer(r, *from == UPSTREAM_END);
	if (r->total <= r->max)
		return result;
	log_warnx("the answer of the application at %s is longer than "
		  "max_answer: cut",
	    r->reply->app->name.p);
	return fail_relay(r, ANSWER_BROKEN);
}

enum relay_result
relay_read(struct relay *r)
{
	struct buf *out = &r->reply->dynamic;
	enum upstream_result from = UPSTREAM_MORE;
	enum relay_result result;

	if (r->begun)
		buf_reset(out);
	if (++r->turns > RELAY_TURNS) {
		r->turns = 0;
		upstream_again(r->upstream);
		return RELAY_WAIT;
	}
	while (from == UPSTREAM_MORE && out->len < RELAY_PIECE) {
		result = read_once(r, &from);
		if (result == RELAY_DONE || result == RELAY_CUT)
			return result;
	}
	if (from == UPSTREAM_END)
		return pass_answer(r, RELAY_DONE);
	if (from == UPSTREAM_WAIT)
		r->turns = 0;
	return r->begun && out->len > 0 ? pass_answer(r, RELAY_BYTES)
					: RELAY_WAIT;
}

enum relay_result
relay_expire(struct relay *r)
{
	return fail_relay(r,
	    upstream_is_asked(r->upstream) ? ANSWER_SLOW : ANSWER_DOWN);
}
