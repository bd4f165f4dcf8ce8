/* log.h - levels, sinks and the escaping of what came from a peer. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

/* Longest line written, "\n" included: bytes; one atomic write(2) on a pipe. */
#define LOG_LINE_MAX 4096

/* Longest text of log_show_progress: ASCII, less than a line of a terminal. */
#define LOG_PROGRESS_MAX 78

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Where lines go. */
enum log_kind {
	LOG_TO_NONE,   /* nowhere */
	LOG_TO_FD,     /* a file, a pipe or a terminal: "TIME level text\n" */
	LOG_TO_SYSLOG, /* system_log.h */
	LOG_TO_MASTER  /* a pipe to the master: "<priority>text\n" */
};

struct log_sink {
	enum log_kind kind;
	int fd; /* borrowed; -1 unless LOG_TO_FD or LOG_TO_MASTER */
};

/* Where the general log and the access log go; until then standard error. */
void log_to(struct log_sink general, struct log_sink access);

/* Messages above this level are dropped; LOG_LEVEL_INFO until set. */
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warn", "info" or "debug"; and back: 0, or -1 for another word. */
const char *log_level_name(enum log_level level);
int log_level_find(struct view name, enum log_level *to);

/*
 * One message: what happened and to what.  error and warn add errno's text,
 * errorx and warnx do not.  A line that cannot be written at once is dropped
 * and counted: a full disk or a stuck reader never stops the service.
 */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_errorx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One line of the access log; line has no end of line, all of it is escaped. */
void log_access(struct view line);

/*
 * Show text, which is no message and is not kept, below the messages of this
 * process on the terminal that they go to, until its next one or until the text
 * is empty.  Nothing happens if they do not go to a terminal.
 */
void log_show_progress(struct view text);

/* True if an access line would go anywhere: spare the work if not. */
bool log_access_is_on(void);

/* Write out access lines that wait in memory; the loop calls it when idle. */
void log_flush(void);

/*
 * A line a worker sent by LOG_TO_MASTER, to be written by the master's sinks;
 * escaped, whether or not the worker has done it.
 */
void log_relay(struct view line);

/* Lines dropped so far by this process. */
unsigned long log_dropped(void);

/*
 * Append v so that no byte of it can end a line, forge a field or move a
 * terminal's cursor: controls, DEL, quote, backslash and bytes that are not
 * valid UTF-8 become \xHH, at most max bytes of v are shown and then "...".
 */
void log_escape(struct buf *to, struct view v, size_t max);

#endif
