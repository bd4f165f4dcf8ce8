/*
 * system_log.c - lines to the system's log, which may not read them.
 *
 * Floor base.  Where Linux is, syslog(3) waits for as long as the log's queue
 * is full: a log that hangs would stop who writes, the master.  So the datagram
 * is sent from here, as syslog(3) would send it: RFC 3164 without the host.
 */
#include "base/system_log.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#ifndef _PATH_LOG
#define _PATH_LOG "/dev/log"
#endif

#define HEAD_MAX 128 /* bytes before the text */

static struct sockaddr_un log_address;
static const char *log_name = "";
static int log_facility = LOG_USER, log_socket = -1;

/* How long was waited since when. */
static int64_t span_begin_ms;
static int waited_ms;

static void
connect_log(void)
{
	log_socket =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (log_socket != -1 &&
	    connect(log_socket, (struct sockaddr *)&log_address,
		sizeof(log_address)) == -1)
		system_log_close();
}

void
system_log_open(const char *path, const char *name, int facility)
{
	system_log_close();
	log_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(log_address.sun_path, sizeof(log_address.sun_path), "%s",
	    path == NULL ? _PATH_LOG : path);
	log_name = name;
	log_facility = facility;
	tzset();
	connect_log();
}

void
system_log_close(void)
{
	if (log_socket != -1)
		close(log_socket);
	log_socket = -1;
}

/* "<PRIORITY>Nov 28 06:00:00 name[pid]: "; its length. */
static size_t
write_head(char *to, size_t size, int priority)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)clock_wall();
	struct tm tm = { .tm_mday = 1 };
	int n;

	(void)localtime_r(&now, &tm);
	n = snprintf(to, size,
	    "<%d>%.3s %2d %02d:%02d:%02d %.32s[%ld]: ", log_facility | priority,
	    months + 3 * (tm.tm_mon % 12), tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, log_name, (long)getpid());
	return n < (int)size ? (size_t)n : size - 1;
}

/* Wait for room as long as it may be waited; false if there is none. */
static bool
await_room(void)
{
	struct pollfd p = { .fd = log_socket, .events = POLLOUT };
	int64_t begin = clock_ms();
	int n;

	if (begin - span_begin_ms >= SYSTEM_LOG_SPAN_MS) {
		span_begin_ms = begin;
		waited_ms = 0;
	}
	if (waited_ms >= SYSTEM_LOG_WAIT_MS)
		return false;
	n = poll(&p, 1, SYSTEM_LOG_WAIT_MS - waited_ms);
	waited_ms += (int)(clock_ms() - begin);
	return n == 1;
}

static bool
is_full(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

static bool
send_line(struct iovec *line, size_t n)
{
	struct msghdr msg = { .msg_iov = line, .msg_iovlen = n };

	return sendmsg(log_socket, &msg, MSG_NOSIGNAL) != -1;
}

bool
system_log_write(int priority, struct view text)
{
	char head[HEAD_MAX];
	struct iovec line[] = {
		{ head, write_head(head, sizeof(head), priority) },
		{ (void *)(uintptr_t)text.p, text.len },
	};

	if (log_socket != -1) {
		if (send_line(line, 2))
			return true;
		if (is_full(errno))
			return await_room() && send_line(line, 2);
		system_log_close(); /* another one may be there by now */
	}
	connect_log();
	return log_socket != -1 && send_line(line, 2);
}
