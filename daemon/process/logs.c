/*
 * logs.c - which line goes where, in the master and in a worker.
 *
 * Floor process.  A worker has no path to a file and no way to syslog once it
 * is confined: it inherits the access log's descriptor, and hands the rest to
 * the master as datagrams, which neither mix nor block.
 */
#include "process/logs.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/system_log.h"

void
logs_init(struct logs *logs)
{
	*logs = (struct logs){
		.general = { LOG_TO_FD, STDERR_FILENO },
		.access = { LOG_TO_FD, STDERR_FILENO },
		.access_fd = -1,
		.relay = { -1, -1 },
	};
}

/* Where the word of [log] access leads; -1 and errno for a file. */
static int
choose_access_sink(struct view access, struct log_sink usual,
    struct log_sink *to)
{
	int fd;

	if (view_eq(access, VIEW("none")))
		*to = (struct log_sink){ LOG_TO_NONE, -1 };
	else if (view_eq(access, VIEW("syslog")))
		*to = (struct log_sink){ LOG_TO_SYSLOG, -1 };
	else if (view_eq(access, VIEW("stderr")))
		*to = usual;
	else {
		/* Not blocking: it may be a pipe that nobody reads. */
		fd = open(access.p,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK |
			O_NOCTTY,
		    0640);
		if (fd == -1)
			return -1;
		*to = (struct log_sink){ LOG_TO_FD, fd };
	}
	return 0;
}

int
logs_open(struct logs *logs, const struct conf *conf, bool foreground,
    struct problems *ps)
{
	struct log_sink general = { LOG_TO_FD, STDERR_FILENO }, access;

	if (!foreground)
		general = (struct log_sink){ LOG_TO_SYSLOG, -1 };
	if (choose_access_sink(conf->access, general, &access) == -1) {
		problems_add(ps, conf->path, conf->access_line,
		    "[log] access: cannot open %s: %s", conf->access.p,
		    strerror(errno));
		return -1;
	}
	system_log_open(NULL, "capsuled", conf->facility);
	if (logs->relay[0] == -1) {
		if (socketpair(AF_UNIX,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			logs->relay) == -1)
			log_error("cannot make the workers' log channel");
	}
	log_set_level(conf->level);
	log_to(general, access);
	if (logs->access_fd != -1)
		close(logs->access_fd);
	logs->general = general;
	logs->access = access;
	logs->access_fd = access.kind == LOG_TO_FD && access.fd != STDERR_FILENO
	    ? access.fd
	    : -1;
	return 0;
}

static struct log_sink
through_master(const struct logs *logs, struct log_sink sink)
{
	return sink.kind == LOG_TO_SYSLOG
	    ? (struct log_sink){ LOG_TO_MASTER, logs->relay[1] }
	    : sink;
}

void
logs_enter_worker(struct logs *logs)
{
	system_log_close();
	logs->general = through_master(logs, logs->general);
	logs->access = through_master(logs, logs->access);
	log_to(logs->general, logs->access);
	close(logs->relay[0]);
}

void
logs_enter_child(struct logs *logs, int relay)
{
	struct log_sink none = { LOG_TO_NONE, -1 };

	system_log_close();
	logs->relay[1] = relay;
	logs->general = through_master(logs, logs->general);
	log_to(logs->general, none); /* no visitor comes here */
}

void
logs_replace_access(struct logs *logs, int fd)
{
	struct log_sink access = { LOG_TO_FD, fd };

	log_to(logs->general, access);
	if (logs->access_fd != -1)
		close(logs->access_fd);
	logs->access = access;
	logs->access_fd = fd;
}

bool
logs_relay(struct logs *logs)
{
	char datagram[LOG_LINE_MAX + 1];
	struct view rest;
	ssize_t n = 1;
	int lines = 0;

	while (n > 0 && lines < LOGS_TURN) {
		n = recv(logs->relay[0], datagram, sizeof(datagram), 0);
		if (n <= 0)
			break;
		rest = (struct view){ datagram, (size_t)n };
		for (; rest.p != NULL; lines++)
			log_relay(view_cut(&rest, '\n'));
	}
	log_flush();
	return n > 0;
}

void
logs_close(struct logs *logs)
{
	log_flush();
	if (logs->relay[0] != -1) {
		close(logs->relay[0]);
		close(logs->relay[1]);
	}
	if (logs->access_fd != -1)
		close(logs->access_fd);
	system_log_close();
}
