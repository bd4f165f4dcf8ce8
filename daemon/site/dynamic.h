/* dynamic.h - what applications are asked, and how their answers begin. */
#ifndef DYNAMIC_H
#define DYNAMIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"
#include "format/uri.h"
#include "site/reply.h"
#include "site/target.h"

/* A request that an application answers; all borrowed. */
struct dynamic {
	const struct peer *peer;
	const struct target *app;
	const char *protocol;  /* "GEMINI" or "GOPHER" */
	struct view selector;  /* the application's, or below that */
	struct view host;      /* as it is asked for, or written in menus */
	long port;             /* likewise */
	struct view query;     /* percent-encoded, without "?" */
	struct view line;      /* Gemini: the whole URL */
	const struct uri *uri; /* Gemini: its parts; NULL: Gopher */
	struct view words;     /* Gopher: what is searched for, decoded */
};

/*
 * Put the question of d into reply: app, and its environment in dynamic.
 *
 * Returns false, with reply as it was, if nothing can be there: an empty
 * name, "." or ".." below the application's selector, a hidden script, or more
 * than CGI_ENV_MAX bytes of all that.
 * Source: RFC 3875 4.1; names of the rest as other Gemini servers have them.
 */
bool dynamic_ask(const struct dynamic *d, struct reply *reply);

/* For struct protocol: see answer.h. */
enum answer_head dynamic_gemini_head(struct view so_far, bool ended,
    struct reply *reply, size_t *used);
enum answer_head dynamic_gopher_head(struct view so_far, bool ended,
    struct reply *reply, size_t *used);
void dynamic_gemini_refuse(enum answer_failure why, struct reply *reply);
void dynamic_gopher_refuse(enum answer_failure why, struct reply *reply);

#endif
