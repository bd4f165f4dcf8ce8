/*
 * ask.c - the other end of the control socket.
 *
 * Floor ctl.  Whoever listens where the configuration says is asked; that it
 * is capsuled has to show in how it answers.
 */
#include "ctl/ask.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/os.h"
#include "base/problem.h"
#include "format/control.h"

/* One conversation. */
struct talk {
	const char *path;
	int fd;
	int deadline_ms;
	int64_t end_ms; /* by clock_ms */
	struct buf *answer, *why;
};

int
ask_find_socket(const struct call *call, char *path)
{
	struct buf name = { path, 0, CONF_UNIX_MAX, CONF_UNIX_MAX, false };
	struct problems *ps = problems_new();
	struct conf *conf = conf_load(call->conf_path, ps);
	int r = -1;

	if (conf != NULL)
		conf_control_path(conf, &name);
	if (conf == NULL)
		fprintf(stderr, "%s\n", problems_get(ps, 0));
	else if (name.failed)
		(void)command_fail(call, COMMAND_FAILED,
		    "the path of the control socket has more than %d bytes",
		    CONF_UNIX_MAX);
	else if (name.len == 0)
		(void)command_fail(call, COMMAND_FAILED,
		    "[server] control is off in %s", conf->path);
	else {
		path[name.len] = '\0';
		r = 0;
	}
	conf_free(conf);
	problems_free(ps);
	return r;
}

static const char *
hint_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "; root may, who runs capsuled, and control_group";
	case ENOENT:
	case ECONNREFUSED:
		return "; is capsuled running, and with this configuration?";
	default:
		return "";
	}
}

static int
tell_late(const struct talk *t)
{
	buf_printf(t->why, "%s does not answer within %d seconds", t->path,
	    t->deadline_ms / 1000);
	return -1;
}

static int
tell_error(const struct talk *t, int error)
{
	if (error == EAGAIN || error == EWOULDBLOCK)
		return tell_late(t);
	buf_printf(t->why, "cannot speak to capsuled at %s: %s%s", t->path,
	    strerror(error), hint_of(error));
	return -1;
}

/* Wait for something to read; 0, or -1 once the time is over. */
static int
await_answer(const struct talk *t)
{
	struct pollfd of = { t->fd, POLLIN, 0 };
	int64_t left = -1;

	do {
		if (t->deadline_ms != ASK_NO_DEADLINE) {
			left = t->end_ms - clock_ms();
			if (left <= 0)
				return -1;
		}
	} while (poll(&of, 1, (int)left) <= 0);
	return 0;
}

/* Connect and send; 0 or -1, with errno.  Who hangs up may have answered. */
static int
send_request(struct talk *t, const char *line)
{
	struct timeval tv = { .tv_sec = t->deadline_ms / 1000 };
	char room[CONTROL_LINE_MAX];
	struct sockaddr_storage at;
	socklen_t len = address_fill(&at, AF_UNIX, t->path, 0);
	int n = snprintf(room, sizeof(room), "%s\n", line);

	if (t->deadline_ms != ASK_NO_DEADLINE)
		(void)setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
		    sizeof(tv));
	if (connect(t->fd, (struct sockaddr *)&at, len) == -1)
		return -1;
	return os_send(t->fd, room, (size_t)n, false) == n || errno == EPIPE
	    ? 0
	    : -1;
}

/* Read up to the end; 0, or -1 and why not. */
static int
read_answer(struct talk *t)
{
	char room[16384];
	ssize_t n;

	for (;;) {
		if (await_answer(t) == -1)
			return tell_late(t);
		n = recv(t->fd, room, sizeof(room), 0);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		/* A reset behind the last line takes nothing away. */
		if (n == 0 || (n == -1 && errno == ECONNRESET))
			return 0;
		if (n == -1)
			return tell_error(t, errno);
		buf_put(t->answer, (struct view){ room, (size_t)n });
		if (t->answer->failed) {
			buf_printf(t->why,
			    "%s sends more than %zu bytes: it is not capsuled",
			    t->path, CONTROL_ANSWER_MAX);
			return -1;
		}
	}
}

static int
judge_answer(const struct talk *t)
{
	switch (control_judge(buf_view(t->answer))) {
	case CONTROL_DONE:
		return 0;
	case CONTROL_FAILED:
		return 1;
	case CONTROL_FOREIGN:
		buf_printf(t->why, "what answers at %s is not capsuled",
		    t->path);
		return -1;
	default:
		buf_printf(t->why,
		    t->answer->len == 0
			? "%s was closed without an answer: this user may not "
			  "ask, or capsuled has just ended"
			: "%s broke off its answer",
		    t->path);
		return -1;
	}
}

int
ask_daemon(const char *path, const char *line, int deadline_ms,
    struct buf *answer, struct buf *why)
{
	struct talk t = { .path = path,
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		.deadline_ms = deadline_ms,
		.end_ms = clock_ms() + deadline_ms,
		.answer = answer,
		.why = why };
	int r;

	if (t.fd == -1)
		return tell_error(&t, errno);
	r = send_request(&t, line) == 0 ? read_answer(&t)
					: tell_error(&t, errno);
	close(t.fd);
	return r == 0 ? judge_answer(&t) : -1;
}
