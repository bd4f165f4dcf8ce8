/*
 * look.c - ask the daemon that runs with a configuration what it counts.
 *
 * Floor ctl.  Whoever listens where the configuration says is asked; that it
 * is capsuled has to show in what it says.
 */
#include "ctl/look.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/fetch.h"
#include "format/scrape.h"

#define WORDS_MAX 4096 /* bytes of one sentence */

static void
look_init(struct look *l)
{
	*l = (struct look){ .ms = 0 };
	buf_init(&l->answer, FETCH_ANSWER_MAX);
}

void
look_fini(struct look *l)
{
	counts_free(&l->counts);
	buf_fini(&l->answer);
}

/* Why there is no answer from an address. */
static void
tell_silence(enum fetch_result r, const char *at, struct buf *why)
{
	switch (r) {
	case FETCH_NOBODY:
		buf_printf(why,
		    "nobody answers at %s: %s; is capsuled running, and with "
		    "this configuration?",
		    at, strerror(errno));
		break;
	case FETCH_SLOW:
		buf_printf(why, "%s does not answer within %d seconds", at,
		    FETCH_DEADLINE_MS / 1000);
		break;
	case FETCH_TOO_LONG:
		buf_printf(why,
		    "%s sends more than %zu bytes: it is not "
		    "capsuled",
		    at, FETCH_ANSWER_MAX);
		break;
	default:
		buf_printf(why, "%s broke off its answer: %s", at,
		    strerror(errno));
		break;
	}
}

/* Read what came; 0, or -1 and why not. */
static int
understand(struct look *l, const char *at, struct buf *why)
{
	struct view page;
	int status, line;

	switch (scrape_page(buf_view(&l->answer), &status, &page)) {
	case SCRAPE_NO_HTTP:
		buf_printf(why,
		    "what answers at %s does not speak HTTP, or broke off", at);
		return -1;
	case SCRAPE_NOT_FOUND:
		buf_printf(why,
		    "what answers at %s has no /metrics (HTTP says %d): it is "
		    "not capsuled",
		    at, status);
		return -1;
	case SCRAPE_FINE:
		break;
	}
	if (counts_read(&l->counts, page, &line) == -1) {
		buf_printf(why,
		    "line %d of what %s answers is not Prometheus' text format",
		    line, at);
		return -1;
	}
	if (!counts_have(&l->counts, "capsuled_build_info") ||
	    !counts_have(&l->counts, "capsuled_start_time_seconds")) {
		buf_printf(why, "what answers at %s is not capsuled", at);
		return -1;
	}
	return 0;
}

/* Ask one listener; 0, or -1 and a sentence why not. */
static int
look_at(struct look *l, const struct conf_listen *at, struct buf *why)
{
	char room[CONF_UNIX_MAX + 64];
	struct buf name = { room, 0, sizeof(room) - 1, sizeof(room) - 1,
		false };
	enum fetch_result r;

	fetch_name(at, &name);
	room[name.len] = '\0';
	if (at->family != AF_UNIX && at->port == 0) {
		buf_printf(why,
		    "the port of %s is chosen anew at each start: [metrics] "
		    "has to name one",
		    room);
		return -1;
	}
	r = fetch(at, &l->answer);
	l->ms = clock_ms();
	l->wall = clock_wall();
	if (r == FETCH_DONE)
		return understand(l, room, why);
	tell_silence(r, room, why);
	return -1;
}

int
look(struct look *l, const struct conf *conf, struct buf *why)
{
	struct buf another;
	size_t i;
	int r = -1;

	look_init(l);
	buf_init(&another, WORDS_MAX);
	for (i = 0; r == -1 && i < conf->metrics_listen.n; i++) {
		if (i > 0) {
			look_fini(l);
			look_init(l);
		}
		r = look_at(l, &conf->metrics_listen.v[i],
		    i == 0 ? why : &another);
	}
	buf_fini(&another);
	return r;
}
