/*
 * request.c - the commands that have the running daemon do something: a line
 * to it, and its answer.
 *
 * Floor ctl.
 */
#include <stdio.h>

#include "base/log.h"
#include "ctl/ask.h"
#include "ctl/command.h"
#include "format/control.h"
#include "format/utf8.h"

#define SENTENCE_MAX 8192 /* bytes that are shown of one line */

/* What the daemon says, a sentence a line, as a terminal may have it. */
static void
print_sentences(struct view answer)
{
	struct view key, value;
	struct buf clean;

	buf_init(&clean, SENTENCE_MAX);
	while (control_next(&answer, &key, &value)) {
		buf_reset(&clean);
		utf8_clean(&clean, value);
		if (view_eq(key, VIEW("warning")))
			fputs("warning: ", stderr);
		if (view_eq(key, VIEW("warning")) ||
		    view_eq(key, VIEW("problem")))
			fprintf(stderr, "%.*s\n", VIEW_ARG(buf_view(&clean)));
	}
	buf_fini(&clean);
}

/* Have it done; failed is what is said if the daemon has its reasons. */
static enum command_exit
have_done(struct call *call, const char *line, int deadline_ms,
    const char *failed)
{
	enum command_exit status = COMMAND_DONE;
	char path[CONF_UNIX_MAX + 1];
	struct buf answer, why;
	int r;

	if (ask_find_socket(call, path) == -1)
		return COMMAND_FAILED;
	buf_init(&answer, CONTROL_ANSWER_MAX);
	buf_init(&why, SENTENCE_MAX);
	r = ask_daemon(path, line, deadline_ms, &answer, &why);
	term_clear(&call->term);
	if (r == -1)
		status = command_fail(call, COMMAND_FAILED, "%.*s",
		    VIEW_ARG(buf_view(&why)));
	else {
		print_sentences(buf_view(&answer));
		if (r == 1)
			status =
			    command_fail(call, COMMAND_FAILED, "%s", failed);
	}
	buf_fini(&why);
	buf_fini(&answer);
	return status;
}

static enum command_exit
run_reload(struct call *call)
{
	term_wait(&call->term, "reloading");
	return have_done(call,
	    call->options[0] == NULL ? "reload" : "reload accept-empty",
	    ASK_NO_DEADLINE, "not reloaded: what was served is still served");
}

static enum command_exit
run_log_level(struct call *call)
{
	enum log_level level;
	char line[64];

	if (log_level_find(view_of(call->arguments[0]), &level) == -1)
		return command_fail(call, COMMAND_USAGE,
		    "\"%s\" is not a level: error, warn, info or debug",
		    call->arguments[0]);
	snprintf(line, sizeof(line), "log-level %s", log_level_name(level));
	return have_done(call, line, ASK_DEADLINE_MS, "refused");
}

static enum command_exit
run_stop(struct call *call)
{
	return have_done(call, "stop", ASK_NO_DEADLINE, "not stopped");
}

const struct command command_reload = {
	"reload",
	"",
	"have the running daemon load all anew",
	"Has the capsuled that runs with this configuration read it, the\n"
	"content and the certificates anew, and returns when all workers "
	"serve\n"
	"that.  Otherwise every problem is told, what was served is still\n"
	"served, and the exit status is 1.\n"
	"A capsule whose root is gone or empty keeps what it served, unless\n"
	"--accept-empty says that this is meant.\n",
	{ { "accept-empty", NULL, "drop what such capsules served" },
	    { NULL } },
	0,
	0,
	run_reload,
};

const struct command command_log_level = {
	"log-level",
	"LEVEL",
	"have it log more or less",
	"Has the running capsuled log up to LEVEL: error, warn, info or "
	"debug.\n"
	"That holds until it is reloaded or started anew.\n",
	{ { NULL } },
	1,
	1,
	run_log_level,
};

const struct command command_stop = {
	"stop",
	"",
	"have it finish what is in flight and end",
	"Has the running capsuled accept no more, finish what is in flight\n"
	"within drain_timeout, and end; returns when it has.\n",
	{ { NULL } },
	0,
	0,
	run_stop,
};
