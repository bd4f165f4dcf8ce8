/* control_server.h - capsulectl's requests, in the master: a line in, lines
 * out. */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <stdbool.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/log.h"
#include "process/control_socket.h"

#define CONTROL_CLIENTS_MAX 8     /* at a time; others wait in the kernel */
#define CONTROL_REQUEST_MS  5000  /* from connecting to the end of the line */
#define CONTROL_ANSWER_MS   10000 /* until the answer is taken */
#define CONTROL_RELOAD_MS   60000 /* until what was reloaded is served */

struct control;

/* What the master does when it is asked to; arg is control_new's. */
struct control_calls {
	/* Append lines of format/control.h. */
	void (*status)(void *arg, struct buf *to);
	/*
	 * Load anew, and append lines with what is wrong.  0: control_served
	 * follows once all of it is served, or control_refused; -1: refused.
	 * accept_empty: nothing is kept of roots that are gone or empty.
	 */
	int (*reload)(void *arg, bool accept_empty, struct buf *to);
	void (*set_level)(void *arg, enum log_level level);
	void (*stop)(void *arg);
	/* NULL, or append lines with what the load has left out: it is served.
	 */
	void (*served)(void *arg, struct buf *to);
};

/*
 * Clients are served from the loop of base, each in a bounded time and with
 * bounded memory: none can hold up the master.  One that may not speak gets
 * not a byte.  calls outlives the result, which the caller frees with
 * control_free.
 */
struct control *control_new(struct event_base *base,
    const struct control_calls *calls, void *arg);

/*
 * From now on clients come from s, which is borrowed until called again; NULL
 * or one that is not open: from nowhere.  Those who are there stay.
 */
void control_listen(struct control *c, const struct control_socket *s);

/* What was loaded last is served, and nothing else any more. */
void control_served(struct control *c);

/* It will not be: what was served before is served on. */
void control_refused(struct control *c, const char *why);

/* In a child: close what is the master's, free nothing. */
void control_let_go(const struct control *c);

/*
 * Cut those who are there: who waits for a reload is told, and who asked to
 * stop learns by it that we have.
 */
void control_free(struct control *c);

#endif
