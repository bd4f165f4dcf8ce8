/* answer.h - from a request to an answer: the only place that decides. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"
#include "site/reply.h"
#include "site/results.h"
#include "site/snapshot.h"

/* What a peer that was too fast is told to wait: seconds. */
#define ANSWER_WAIT_S 1

/* A protocol: how a request ends, and what is said to it. */
struct protocol {
	const char *name;
	size_t request_max; /* bytes that may have to be kept for one request */
	/* True once in holds a whole request, or can never become one. */
	bool (*is_ready)(struct view in);
	/* Fill *reply; in is ready.  reply->dynamic was initialised. */
	void (*answer)(const struct snapshot *s, const struct peer *peer,
	    struct view in, struct reply *reply);
	/*
	 * Look at what reply->app has said so far; ended: it will say no
	 * more.  *used is how many bytes of it are done with.
	 */
	enum answer_head (*head)(struct view so_far, bool ended,
	    struct reply *reply, size_t *used);
	/* Answer reply->search, which is freed; found, which is not trusted,
	 * is NULL if nobody could look. */
	void (*found)(const struct search_found *found, struct reply *reply);
	/* Make a refusal of reply, of which nothing was sent. */
	void (*refuse)(enum answer_failure why, struct reply *reply);
};

extern const struct protocol protocol_gemini, protocol_gopher;

#endif
