/*
 * log.c - messages for the operator and one line a request.
 *
 * Floor base.  Nothing here may ever hold up the service: a sink that does
 * not take a line at once loses it, and the loss is counted.  Access lines
 * are gathered and written when the loop has nothing else to do, so that a
 * busy worker pays one system call for many of them.
 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/system_log.h"

#define ACCESS_MARK 'a' /* first byte of a relayed access line */

/* One row per level: its word, and what syslog(3) calls it. */
static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warn", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static struct log_sink general = { LOG_TO_FD, STDERR_FILENO };
static struct log_sink access_log = { LOG_TO_FD, STDERR_FILENO };
static enum log_level threshold = LOG_LEVEL_INFO;
static unsigned long dropped;
static bool on_terminal;    /* general leads to one that can clear a line */
static bool is_looked_at;   /* whether it does */
static bool shows_progress; /* in its last line */

/* Access lines that wait; a pipe takes up to LOG_LINE_MAX bytes as one. */
static char waiting[LOG_LINE_MAX];
static size_t n_waiting;
static unsigned waiting_lines;

static bool
is_terminal(const struct log_sink *sink)
{
	const char *kind = getenv("TERM");

	return sink->kind == LOG_TO_FD && isatty(sink->fd) == 1 &&
	    kind != NULL && strcmp(kind, "dumb") != 0;
}

void
log_to(struct log_sink new_general, struct log_sink new_access)
{
	bool is_same = is_looked_at && new_general.kind == general.kind &&
	    new_general.fd == general.fd;

	log_flush();
	general = new_general;
	access_log = new_access;
	/* A worker that gets another access log may ask no terminal. */
	if (!is_same)
		on_terminal = is_terminal(&general);
	is_looked_at = true;
	shows_progress = false;
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_is_on(enum log_level level)
{
	return level <= threshold;
}

enum log_level
log_get_level(void)
{
	return threshold;
}

const char *
log_level_name(enum log_level level)
{
	return levels[level].name;
}

int
log_level_find(struct view name, enum log_level *to)
{
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (view_eq(name, view_of(levels[i].name))) {
			*to = (enum log_level)i;
			return 0;
		}
	return -1;
}

unsigned long
log_dropped(void)
{
	return dropped;
}

/*
 * Write whole lines at once or not at all.  poll(2) first: standard error may
 * be a terminal or a pipe that others share, so it cannot be made
 * non-blocking; a pipe that polls writable takes PIPE_BUF bytes.
 */
static void
write_lines(int fd, const char *p, size_t len, unsigned lines)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	if (poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLOUT) == 0) {
		dropped += lines;
		return;
	}
	do
		n = write(fd, p, len);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)len)
		dropped += lines;
}

static bool
is_plain_ascii(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* Length of the well-formed UTF-8 sequence at p, or 0; no C1 controls. */
static size_t
sequence_length(const unsigned char *p, size_t len)
{
	static const struct {
		unsigned char mask, lead;
		unsigned long least;
	} forms[] = {
		{ 0, 0, 0 },
		{ 0, 0, 0 },
		{ 0xe0, 0xc0, 0xa0 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	unsigned long code;
	size_t n, i;

	for (n = 2; n <= 4; n++) {
		if ((p[0] & forms[n].mask) != forms[n].lead || n > len)
			continue;
		code = p[0] & (unsigned char)~forms[n].mask;
		for (i = 1; i < n && (p[i] & 0xc0) == 0x80; i++)
			code = code << 6 | (p[i] & 0x3f);
		if (i == n && code >= forms[n].least && code <= 0x10ffff &&
		    (code < 0xd800 || code > 0xdfff) && code != 0x2028 &&
		    code != 0x2029)
			return n;
	}
	return 0;
}

/* Append v; controls and broken bytes as \xHH, and so is every byte of also. */
static void
append_escaped(struct buf *to, struct view v, const char *also)
{
	const unsigned char *p = (const unsigned char *)v.p;
	size_t i = 0, n;

	while (i < v.len) {
		n = is_plain_ascii(p[i]) && strchr(also, p[i]) == NULL
		    ? 1
		    : sequence_length(p + i, v.len - i);
		if (n > 0)
			buf_put(to, (struct view){ v.p + i, n });
		else
			buf_printf(to, "\\x%02x", p[i]);
		i += n > 0 ? n : 1;
	}
}

void
log_escape(struct buf *to, struct view v, size_t max)
{
	bool cut = v.len > max;

	if (cut)
		v.len = max;
	append_escaped(to, v, "\"\\");
	if (cut)
		buf_puts(to, "...");
}

#define CLEAR_LINE "\r\033[K"

void
log_show_progress(struct view text)
{
	char line[LOG_LINE_MAX];
	int len;

	if (!on_terminal || (text.len == 0 && !shows_progress))
		return;
	/* Back to its beginning, for a line of another process. */
	len = snprintf(line, sizeof(line), CLEAR_LINE "%.*s\r",
	    text.len < LOG_PROGRESS_MAX ? (int)text.len : LOG_PROGRESS_MAX,
	    text.p);
	write_lines(general.fd, line, (size_t)len, 0);
	shows_progress = text.len > 0;
}

/* Send one finished text of a level to the general sink. */
static void
log_send(enum log_level level, struct view text)
{
	char line[LOG_LINE_MAX], stamp[CLOCK_STAMP_MAX];
	int len = 0;

	log_show_progress(VIEW(""));
	if (text.len > LOG_LINE_MAX - 64)
		text.len = LOG_LINE_MAX - 64;
	switch (general.kind) {
	case LOG_TO_NONE:
		return;
	case LOG_TO_SYSLOG:
		if (!system_log_write(levels[level].priority, text))
			dropped++;
		return;
	case LOG_TO_FD:
		len = snprintf(line, sizeof(line), "%s %s %.*s\n",
		    clock_stamp(clock_wall(), stamp, sizeof(stamp)),
		    levels[level].name, VIEW_ARG(text));
		break;
	case LOG_TO_MASTER:
		len = snprintf(line, sizeof(line), "%d%.*s\n", (int)level,
		    VIEW_ARG(text));
		break;
	}
	write_lines(general.fd, line, (size_t)len, 1);
}

static void log_message(enum log_level level, int error, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

static void
log_message(enum log_level level, int error, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];
	struct buf clean;

	if (!log_is_on(level))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	buf_init(&clean, 4 * LOG_LINE_MAX);
	append_escaped(&clean, view_of(text), "");
	if (error != 0)
		buf_printf(&clean, ": %s", strerror(error));
	/* Without memory the raw text would be a hole: say nothing instead. */
	if (!clean.failed)
		log_send(level, buf_view(&clean));
	buf_fini(&clean);
}

#define MESSAGE(level, error)                                                  \
	do {                                                                   \
		int error_ = (error);                                          \
		va_list ap;                                                    \
		va_start(ap, fmt);                                             \
		log_message(level, error_, fmt, ap);                           \
		va_end(ap);                                                    \
	} while (0)

void
log_error(const char *fmt, ...)
{
	MESSAGE(LOG_LEVEL_ERROR, errno);
}

void
log_errorx(const char *fmt, ...)
{
	MESSAGE(LOG_LEVEL_ERROR, 0);
}

void
log_warn(const char *fmt, ...)
{
	MESSAGE(LOG_LEVEL_WARN, errno);
}

void
log_warnx(const char *fmt, ...)
{
	MESSAGE(LOG_LEVEL_WARN, 0);
}

void
log_info(const char *fmt, ...)
{
	MESSAGE(LOG_LEVEL_INFO, 0);
}

void
log_debug(const char *fmt, ...)
{
	MESSAGE(LOG_LEVEL_DEBUG, 0);
}

bool
log_access_is_on(void)
{
	return access_log.kind != LOG_TO_NONE;
}

void
log_flush(void)
{
	if (n_waiting > 0)
		write_lines(access_log.fd, waiting, n_waiting, waiting_lines);
	n_waiting = 0;
	waiting_lines = 0;
}

void
log_access(struct view line)
{
	char stamp[CLOCK_STAMP_MAX], head[CLOCK_STAMP_MAX + 8];
	int n;

	if (access_log.kind == LOG_TO_NONE)
		return;
	if (line.len > LOG_LINE_MAX - sizeof(head) - 1)
		line.len = LOG_LINE_MAX - sizeof(head) - 1;
	if (access_log.kind == LOG_TO_SYSLOG) {
		if (!system_log_write(LOG_INFO, line))
			dropped++;
		return;
	}
	if (access_log.kind == LOG_TO_MASTER)
		n = snprintf(head, sizeof(head), "%c", ACCESS_MARK);
	else
		n = snprintf(head, sizeof(head), "time=%s ",
		    clock_stamp(clock_wall(), stamp, sizeof(stamp)));
	if (n_waiting + (size_t)n + line.len + 1 > sizeof(waiting))
		log_flush();
	memcpy(waiting + n_waiting, head, (size_t)n);
	n_waiting += (size_t)n;
	if (line.len > 0)
		memcpy(waiting + n_waiting, line.p, line.len);
	n_waiting += line.len;
	waiting[n_waiting++] = '\n';
	waiting_lines++;
}

/* What was escaped before stays as it is: who sent it may not have done so. */
void
log_relay(struct view line)
{
	struct view text = view_skip(line, 1);
	struct buf clean;
	unsigned level;

	if (line.len == 0)
		return;
	level = (unsigned)(line.p[0] - '0');
	buf_init(&clean, 4 * LOG_LINE_MAX);
	append_escaped(&clean, text, "");
	if (clean.failed)
		dropped++;
	else if (line.p[0] == ACCESS_MARK)
		log_access(buf_view(&clean));
	else if (level <= LOG_LEVEL_DEBUG)
		log_send((enum log_level)level, buf_view(&clean));
	buf_fini(&clean);
}
