/* ask.h - one request to the running daemon, over its control socket. */
#ifndef ASK_H
#define ASK_H

#include "base/buf.h"
#include "ctl/command.h"
#include "site/conf.h"

#define ASK_DEADLINE_MS 5000 /* of what the daemon can answer at once */
#define ASK_NO_DEADLINE (-1)

/*
 * Find the control socket of the configuration that call names, even if that
 * has problems: the daemon tells them.  Fills path, of CONF_UNIX_MAX + 1 bytes;
 * 0, or -1 with the reason on standard error.
 */
int ask_find_socket(const struct call *call, char *path);

/*
 * Send line, which has no end of line, and put the whole answer into *answer,
 * which the caller has initialised with CONTROL_ANSWER_MAX.  All of it takes
 * at most deadline_ms, unless that is ASK_NO_DEADLINE.
 *
 * Returns 0 if the answer ends with "done" and 1 if it ends with "failed";
 * or -1, and a sentence is appended to why.
 */
int ask_daemon(const char *path, const char *line, int deadline_ms,
    struct buf *answer, struct buf *why);

#endif
