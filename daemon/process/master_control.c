/*
 * master_control.c - what the control socket asks for: a status, a reload, a
 * level of the log, the end.
 *
 * Floor process.
 */
#include "process/master_control.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "format/control.h"
#include "net/conn.h"
#include "process/reload.h"
#include "process/stop.h"
#include "process/worker_table.h"

static void
put_warnings(void *arg, struct buf *to)
{
	const struct master *m = arg;

	control_put_problems(to, "warning", m->now->warnings,
	    m->now->n_warnings);
}

static void
put_status(void *arg, struct buf *to)
{
	struct master *m = arg;
	struct metrics_facts facts = m->now->facts;
	const char *states[METRICS_STATES];
	char number[32];
	unsigned s;

	for (s = 0; s < METRICS_STATES; s++)
		states[s] = conns_state_name(s);
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	control_put(to, "version", view_of(CAPSULED_VERSION));
	control_put(to, "pid", view_of(number));
	control_put(to, "configuration", view_of(m->options->conf_path));
	control_put(to, "log_level", view_of(log_level_name(log_get_level())));
	snprintf(number, sizeof(number), "%zu", m->now->n_warnings);
	control_put(to, "warnings", view_of(number));
	put_warnings(m, to);
	snprintf(number, sizeof(number), "%u", m->reading);
	control_put(to, "reading", view_of(number));
	facts.now = clock_wall();
	metrics_lines(m->metrics, states, &facts, to);
}

static int
reload_asked(void *arg, bool accept_empty, struct buf *to)
{
	struct master *m = arg;
	struct problems *ps = problems_new();
	int r = -1;

	if (m->served && !m->stopping)
		r = begin_reload(m, accept_empty, ps);
	else
		problems_add(ps, NULL, 0,
		    "capsuled is %s: there is nothing to reload",
		    m->stopping ? "stopping" : "still starting");
	control_put_problems(to, "problem", ps, problems_count(ps));
	problems_free(ps);
	return r;
}

static void
set_level_asked(void *arg, enum log_level level)
{
	struct master *m = arg;
	struct worker_process *w;

	log_set_level(level);
	for (w = m->workers; w != NULL; w = w->next)
		tell_worker(w, CHANNEL_LEVEL, (unsigned)level, -1);
	log_info("log level: %s, until a reload", log_level_name(level));
}

static void
stop_asked(void *arg)
{
	struct master *m = arg;

	if (!m->stopping)
		on_stop(0, 0, m);
}

const struct control_calls master_control_calls = { put_status, reload_asked,
	set_level_asked, stop_asked, put_warnings };
