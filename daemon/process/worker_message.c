/*
 * worker_message.c - what workers say, none of which is believed; once all of
 * them have said that they serve, the master says so.
 *
 * Floor process.
 */
#include "process/worker_message.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/os.h"
#include "process/child_task.h"
#include "process/helper.h"
#include "process/notify.h"
#include "process/reload.h"
#include "process/worker_table.h"

#define COMPLAINTS_MAX 8 /* a second, of helpers: two of each are honest */

static void
tell_ready(struct master *m)
{
	const struct listeners *ls = &m->now->listeners;
	struct buf line, gemini, gopher, metrics;

	buf_init(&gemini, 4096);
	buf_init(&gopher, 4096);
	buf_init(&metrics, 4096);
	buf_init(&line, 16384);
	listeners_ports(ls, LISTENER_GEMINI, &gemini);
	listeners_ports(ls, LISTENER_GOPHER, &gopher);
	listeners_ports(ls, LISTENER_METRICS, &metrics);
	buf_puts(&line, "ready");
	if (gemini.len > 0)
		buf_printf(&line, " gemini=%.*s", VIEW_ARG(buf_view(&gemini)));
	if (gopher.len > 0)
		buf_printf(&line, " gopher=%.*s", VIEW_ARG(buf_view(&gopher)));
	if (metrics.len > 0)
		buf_printf(&line, " metrics=%.*s",
		    VIEW_ARG(buf_view(&metrics)));
	buf_putc(&line, '\n');
	if (m->options->ready_fd != -1) {
		if (write(m->options->ready_fd, line.p, line.len) !=
		    (ssize_t)line.len)
			log_warn("cannot tell that we are ready");
		close(m->options->ready_fd);
	}
	buf_fini(&line);
	buf_fini(&metrics);
	buf_fini(&gopher);
	buf_fini(&gemini);
}

static void
write_pid_file(const struct conf *conf)
{
	FILE *f;

	if (conf->pid_file.len == 0)
		return;
	f = fopen(conf->pid_file.p, "we");
	if (f == NULL || fprintf(f, "%ld\n", (long)getpid()) < 0)
		log_warn("cannot write %s", conf->pid_file.p);
	if (f != NULL)
		fclose(f);
}

/* Every worker of the first generation serves. */
static void
on_served(struct master *m)
{
	const char *user = m->now->users.worker_name;

	m->served = true;
	child_task_set_deadline(CHILD_TASK_SERVING_MS);
	write_pid_file(m->now->conf);
	generation_announce(m->now);
	log_info("ready: %d worker%s%s%s", wanted_workers(m),
	    wanted_workers(m) == 1 ? "" : "s",
	    user == NULL ? "" : " running as ", user == NULL ? "" : user);
	tell_ready(m);
	notify("READY=1");
	if (m->options->on_ready != NULL)
		m->options->on_ready();
	os_forget_code();
}

/*
 * A worker has waited for an answer of a helper in vain, it says, or has no
 * way to it.
 */
static void
on_complaint(struct worker_process *w, const struct helper *h, bool is_lost)
{
	struct master *m = w->master;
	char why[64];

	if (!quota_take(&w->complaints, COMPLAINTS_MAX)) {
		snprintf(why, sizeof(why), "complains of the %s without end",
		    h->kind->name);
		kill_worker(w, why);
		return;
	}
	if (w->serial != m->serial || helper_child(h) == NULL)
		return;
	if (is_lost)
		helper_lead(h, w);
	else
		helper_probe(h);
}

/* A worker needs a socket to an application. */
static void
on_dial(struct worker_process *w, unsigned number)
{
	static const enum channel_message answers[] = {
		[DIAL_OK] = CHANNEL_DIALLED,
		[DIAL_BUSY] = CHANNEL_BUSY,
		[DIAL_DOWN] = CHANNEL_DOWN,
	};
	enum dial_result r;
	int fd;

	r = dial(w->dials, number, &fd);
	tell_worker(w, answers[r], 0, fd);
	if (fd != -1)
		close(fd);
}

static void
on_worker_ready(struct master *m, struct worker_process *w)
{
	w->ready = true;
	if (!m->served && !m->stopping &&
	    count_workers(m, true) == wanted_workers(m))
		on_served(m);
	tell_if_served(m);
}

/* One message a turn of the loop: all workers are heard alike. */
void
on_worker_says(evutil_socket_t fd, short what, void *arg)
{
	struct worker_process *w = arg;
	struct master *m = w->master;
	enum channel_message message;
	unsigned number;
	int passed;

	(void)what;
	message = channel_receive((int)fd, &number, &passed);
	if (passed != -1) { /* only we have any to give */
		close(passed);
		message = CHANNEL_FORGED;
	}
	if (!quota_take(&w->messages, MESSAGES_MAX)) {
		kill_worker(w, "floods its channel");
		return;
	}
	switch (message) {
	case CHANNEL_READY:
		on_worker_ready(m, w);
		break;
	case CHANNEL_SYNC:
		w->owes_sync = false;
		end_if_synced(m);
		break;
	case CHANNEL_CLOSED:
		w->accepting = false;
		tell_if_served(m);
		break;
	case CHANNEL_KEY_TIMEOUT:
	case CHANNEL_KEY_LOST:
		on_complaint(w, &m->helpers[HELPER_KEYS],
		    message == CHANNEL_KEY_LOST);
		break;
	case CHANNEL_SEARCH_LATE:
	case CHANNEL_SEARCH_LOST:
		on_complaint(w, &m->helpers[HELPER_SEARCH],
		    message == CHANNEL_SEARCH_LOST);
		break;
	case CHANNEL_DIAL:
		on_dial(w, number);
		break;
	case CHANNEL_NOTHING:
		break;
	case CHANNEL_GONE:
		/* At its end, or no more to be told when that shall be. */
		(void)kill(w->pid, SIGKILL);
		close_worker_channel(w);
		break;
	default:
		kill_worker(w, "sends what no worker sends");
	}
}
