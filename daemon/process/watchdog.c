/*
 * watchdog.c - processes that live and do nothing any more.
 *
 * Floor process.  Looks are counted, not time: a master that was stopped for a
 * while has as much to hear as it had before.
 */
#include "process/watchdog.h"

#include "base/log.h"
#include "process/child.h"
#include "process/helper.h"
#include "process/reaper.h"
#include "process/reload.h"

void
arm_watchdog(struct master *m)
{
	start_timer(m->watchdog,
	    m->now->conf->hang_timeout_ms / WATCHDOG_LOOKS);
}

/* True if it hangs, and has not been killed for that. */
static bool
looks_hung(struct child *c)
{
	if (c->killed)
		return false;
	if (c->unheard >= WATCHDOG_LOOKS)
		return true;
	c->unheard++;
	/* One whose channel is full does not listen: that is counted. */
	(void)child_probe(c);
	return false;
}

/* What it says is heard by event. */
static void
look_at_content(struct master *m, bool is_next)
{
	struct child *c = is_next ? m->reload.next->content : m->now->content;

	if (c != NULL && looks_hung(c))
		end_hung_content(m, is_next);
}

/* Nobody but us listens to it. */
static void
look_at_exporter(struct master *m)
{
	struct child *c = m->exporter;

	if (c == NULL)
		return;
	if (c->probed && !child_is_silent(c))
		c->unheard = 0;
	if (looks_hung(c)) {
		log_errorx("the metrics process %ld has said nothing for %d s: "
			   "killed",
		    (long)c->pid, m->now->conf->hang_timeout_ms / 1000);
		child_kill(c);
	}
}

/* Those that were killed at the last look, or before. */
static void
give_up_stuck(struct master *m)
{
	const struct child *c;
	size_t i;

	for (i = 0; i < HELPERS; i++) {
		c = helper_child(&m->helpers[i]);
		if (c != NULL && c->killed)
			reap_process(m, c->pid, REAPER_STUCK);
	}
	if (m->reload.next == NULL)
		return;
	c = m->reload.next->content;
	if (c != NULL && c->killed)
		reap_process(m, c->pid, REAPER_STUCK);
}

void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;

	(void)fd;
	(void)what;
	if (m->stopping)
		return;
	give_up_stuck(m);
	look_at_content(m, false);
	if (m->reload.next != NULL)
		look_at_content(m, true);
	look_at_exporter(m);
	/* No process is there to be asked, again and again. */
	if (m->reload.rescanning && !m->reload.syncing &&
	    m->reload.unheard++ >= WATCHDOG_LOOKS)
		refuse_rescan(m);
	arm_watchdog(m);
}
