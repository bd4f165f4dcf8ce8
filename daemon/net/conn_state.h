/*
 * conn_state.h - a connection, its states, and what all of them need.
 *
 * For the files of the state machine alone: conn.h is for everybody else.  The
 * names of states are those of the log, of metrics and of the documents.
 *
 *	proxy_header -> first_byte -> request -> response -> linger -> closed
 *
 * Where somebody else has to be waited for, upstream, search or file stands
 * between request and response; upstream and response take turns.
 */
#ifndef CONN_STATE_H
#define CONN_STATE_H

#include <sys/socket.h>

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/hash.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "net/deadline.h"
#include "net/limits.h"
#include "net/listener.h"
#include "net/stream.h"
#include "site/answer.h"
#include "site/conf.h"
#include "site/snapshot.h"

struct content_hold;
struct file_use;
struct files;
struct relay;
struct search_client;
struct search_wait;
struct tls;
struct upstreams;

enum conn_state {
	CONN_PROXY_HEADER, /* the proxy has not said yet whose it is */
	CONN_FIRST_BYTE,   /* nothing has come yet */
	CONN_REQUEST,      /* handshake, then the request */
	CONN_UPSTREAM,     /* an application has yet to say something */
	CONN_SEARCH,       /* the search process has not answered yet */
	CONN_FILE,         /* the file that is sent is yet to be opened */
	CONN_RESPONSE,     /* the answer is on its way */
	CONN_LINGER,       /* all is sent; what still comes is dropped */
	CONN_CLOSED,       /* to be freed at the end of this turn */
	CONN_STATES
};

/* Durations; one queue of deadlines each. */
enum {
	LIMIT_REQUEST,  /* from accept to the end of the request */
	LIMIT_UPSTREAM, /* no answer, or no more of it, of an application */
	LIMIT_SEARCH,   /* no answer of the search process */
	LIMIT_FILE,     /* nobody opens the file */
	LIMIT_IDLE,     /* no byte taken by the client */
	LIMIT_PATIENT,  /* the same, of one who has taken some late */
	LIMIT_LINGER,   /* the client does not close */
	LIMIT_NONE
};

struct conn {
	struct event event;
	struct deadline deadline;
	struct conns *all;
	const struct listener *listener;
	enum conn_state state;
	unsigned ticket; /* for limits_leave */
	struct stream stream;

	/* The request, or the proxy's header, in pieces; owned. */
	char *partial;
	size_t partial_len;

	/* The answer: what is left of it. */
	struct reply reply;
	struct relay *relay; /* where more of it comes from, or NULL; owned */
	struct search_wait *wait; /* for what is found, or NULL; owned */
	struct view left;
	struct content_hold *hold; /* of the answer's span, or NULL; owned */
	struct file_use *file;     /* what rest is read from, or NULL; owned */
	off_t file_offset, file_left;
	struct timespec file_mtime;

	bool resets_on_close;   /* a reset follows if this process dies now */
	bool handshake_counted; /* the handshake is over, and counted */
	bool cut; /* the end shall be a reset, not an end in good order */
	bool was_checked; /* a deadline of the answer has passed */
	bool is_reading;  /* some of the answer was taken late, so it is read */
	int unsent;       /* bytes the peer had not taken when we last looked */
	int64_t accepted_us, taken_ms;
	uint64_t bytes; /* of the answer, sent */
	char *kept;     /* what the log says of the request, if the answer
			 * has to wait; owned */
	unsigned char addr[sizeof(struct in6_addr)];
	sa_family_t family;
};

/* Does what a state can do now; true: the state changed, go on. */
typedef bool conn_handler(struct conn *c);

struct conns {
	struct event_base *base;
	conn_handler *const *handlers; /* one a state; NULL for the last */
	const struct conf *conf;
	const struct snapshot *snapshot;
	struct tls *tls;
	struct limits *limits;
	struct upstreams *upstreams;
	struct search_client *search;
	struct hash_seed seed; /* of addresses, for the search process */
	struct files *files;
	struct limits_rules rules;
	struct deadlines deadlines;
	struct event *timer;
	int64_t timer_ms; /* when it fires, while it is set */
	struct stream_scratch scratch;
	char line[GEMINI_REQUEST_MAX > GOPHER_REQUEST_MAX ? GEMINI_REQUEST_MAX
							  : GOPHER_REQUEST_MAX];
	struct buf log;
	int64_t warned_ms; /* of a proxy without header; 0: never */
	size_t n;
	void (*done)(void *);
	void *done_arg;
};

/* The state's name and the kind of its deadline, which its row says. */
const char *conn_state_name(enum conn_state state);
unsigned conn_state_limit(enum conn_state state);

/*
 * Change the state, which has to be allowed, and its deadline with it.  The
 * connection is freed by conn_run_states when its turn is over.
 */
void conn_move(struct conn *c, enum conn_state to);

/* Wait for these events of libevent; false, as a handler returns. */
bool conn_watch(struct conn *c, short what);

/* Wait until the socket can be read or written, as result asks; false. */
bool conn_wait(struct conn *c, enum stream_result result);

/* Let c do all that it can now; if it is closed then, it is freed. */
void conn_run_states(struct conn *c);

/* Free c; its state is CONN_CLOSED. */
void conn_free(struct conn *c);

/* Set the one timer of all deadlines for the earliest, if it is not. */
void conn_arm_timer(struct conns *cs);

/* When the deadline of c was set: so long ago somebody last looked at it. */
int64_t conn_deadline_set_ms(const struct conn *c);

/*
 * Count and log an answer that has ended; end is NULL if it left whole, else
 * why it did not.
 */
void conn_log_end(struct conn *c, const char *end);

/*
 * The answer has to wait: what the log will say of the request waits with it.
 * False without memory.
 */
bool conn_keep_log(struct conn *c);

/*
 * While there is more to send than the kernel takes, the death of this process
 * shall not look like the end of the answer: with on, a reset follows it.
 */
void conn_set_reset_on_close(struct conn *c, bool on);

#endif
