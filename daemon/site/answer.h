/* answer.h - from a request to an answer: the only place that decides. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"
#include "site/snapshot.h"

/* What a peer that was too fast is told to wait: seconds. */
#define ANSWER_WAIT_S 1

/* What is known of a connection before its request is read; borrowed. */
struct peer {
	struct view sni; /* as the client sent it; empty: none, or no TLS */
	int port;        /* the local port */
	bool tls;
	bool too_fast; /* it has used up its rate: tell it to wait */
};

/* The outcome: what to send, and what to log about it. */
struct reply {
	struct answer answer;
	struct view host;     /* for the log; empty: not known */
	struct view selector; /* for the log; borrows from the request or the
			       * snapshot */
	struct buf dynamic;   /* owned: answer.bytes when nothing was prepared;
			       * its max is set by answer */
};

/* A protocol: how a request ends, and what is said to it. */
struct protocol {
	const char *name;
	size_t request_max; /* bytes that may have to be kept for one request */
	/* True once in holds a whole request, or can never become one. */
	bool (*is_ready)(struct view in);
	/* Fill *reply; in is ready.  reply->dynamic was initialised. */
	void (*answer)(const struct snapshot *s, const struct peer *peer,
	    struct view in, struct reply *reply);
};

extern const struct protocol protocol_gemini, protocol_gopher;

#endif
