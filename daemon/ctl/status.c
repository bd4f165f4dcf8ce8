/*
 * status.c - the command "status": what the running daemon is doing.
 *
 * Floor ctl.  It knows nothing but the counts of [metrics], which Prometheus
 * gets as well: whoever may read these may ask, and nothing can be asked that
 * could disturb the daemon.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/look.h"
#include "ctl/reckon.h"
#include "ctl/report.h"

enum { JSON, WATCH };

#define WATCH_MAX 3600L /* seconds between two looks */
#define WORDS_MAX 4096  /* bytes of one sentence */

static enum command_exit
once(const struct call *call, const struct conf *conf)
{
	enum command_exit exit = COMMAND_DONE;
	struct reckoning r;
	struct buf why;
	struct look now;

	buf_init(&why, WORDS_MAX);
	if (look(&now, conf, &why) == -1)
		exit = command_fail(call, COMMAND_FAILED, "%.*s",
		    VIEW_ARG(buf_view(&why)));
	else {
		r = reckon(&now, NULL);
		if (call->options[JSON] != NULL)
			report_json(&r);
		else
			report_print(&r, &call->term);
	}
	look_fini(&now);
	buf_fini(&why);
	return exit;
}

/* Nothing has to be put back, so nobody has to wait for it. */
static void
on_interrupt(int number)
{
	(void)number;
	_exit(COMMAND_DONE);
}

/* Draw one look; false if there was none to draw. */
static bool
draw(const struct call *call, const struct conf *conf, struct look *now,
    const struct look *before)
{
	struct reckoning r;
	struct buf why;
	bool seen;

	buf_init(&why, WORDS_MAX);
	seen = look(now, conf, &why) == 0;
	fputs(term_anew(&call->term), stdout);
	if (seen) {
		r = reckon(now, before);
		report_print(&r, &call->term);
	} else
		printf("%.*s\n", VIEW_ARG(buf_view(&why)));
	(void)fflush(stdout);
	buf_fini(&why);
	return seen;
}

/* Until ^C; a daemon that is away may come back meanwhile. */
static enum command_exit
watch(const struct call *call, const struct conf *conf, unsigned long seconds)
{
	struct look looks[2];
	bool has_before = false;
	int which = 0;

	(void)signal(SIGINT, on_interrupt);
	/* A screen at a time, not a line. */
	(void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ * 8);
	while (!ferror(stdout)) {
		if (draw(call, conf, &looks[which],
			has_before ? &looks[1 - which] : NULL)) {
			if (has_before)
				look_fini(&looks[1 - which]);
			has_before = true;
			which = 1 - which;
		} else
			look_fini(&looks[which]);
		(void)poll(NULL, 0, (int)seconds * 1000);
	}
	return COMMAND_FAILED;
}

static enum command_exit
with_conf(const struct call *call, const struct conf *conf,
    unsigned long seconds)
{
	if (conf->metrics_listen.n == 0)
		return command_fail(call, COMMAND_FAILED,
		    "[metrics] is off in %s: say \"listen = 127.0.0.1:9965\" "
		    "there, and reload capsuled (HUP)",
		    conf->path);
	return seconds > 0 ? watch(call, conf, seconds) : once(call, conf);
}

/* Seconds of --watch, 0 without it; -1, and told, if they are none. */
static int
read_watch(const struct call *call, unsigned long *seconds)
{
	const char *said = call->options[WATCH];

	*seconds = 0;
	if (said == NULL)
		return 0;
	if (view_to_number(view_of(said), WATCH_MAX, seconds) == -1 ||
	    *seconds == 0)
		(void)command_fail(call, COMMAND_USAGE,
		    "--watch: \"%s\" is not a number of seconds from 1 to %ld",
		    said, WATCH_MAX);
	else if (call->options[JSON] != NULL)
		(void)command_fail(call, COMMAND_USAGE,
		    "--json and --watch do not go together");
	else if (!call->term.is_terminal)
		(void)command_fail(call, COMMAND_USAGE,
		    "--watch is for terminals; scripts ask with --json");
	else
		return 0;
	return -1;
}

static enum command_exit
run(struct call *call)
{
	enum command_exit status = COMMAND_FAILED;
	unsigned long seconds;
	struct problems *ps;
	struct conf *conf;
	size_t i;

	if (read_watch(call, &seconds) == -1)
		return COMMAND_USAGE;
	ps = problems_new();
	conf = conf_load(call->conf_path, ps);
	for (i = 0; i < problems_count(ps); i++)
		fprintf(stderr, "%s\n", problems_get(ps, i));
	if (conf != NULL && problems_count(ps) == 0)
		status = with_conf(call, conf, seconds);
	conf_free(conf);
	problems_free(ps);
	return status;
}

const struct command command_status = {
	"status",
	"",
	"tell what the running daemon is doing",
	"Asks the capsuled that runs with this configuration, at the address\n"
	"of [metrics], and tells since when it runs, what it has answered and\n"
	"how fast, who is connected, which limits were in somebody's way, and\n"
	"when certificates expire. Rates are since the start of capsuled.\n"
	"Exits with 1 if there is no answer.\n",
	{ { "json", NULL, "write JSON, for scripts" },
	    { "watch", "SECONDS",
		"again and again, with rates of the time between; ^C ends" } },
	0,
	0,
	run,
};
