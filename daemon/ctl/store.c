/*
 * store.c - the command "store": is a store of rendered pages whole?
 *
 * Floor ctl.  It reads what any reader could, so it may look while the daemon
 * writes.
 */
#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "ctl/command.h"
#include "site/store.h"

static enum command_exit
run_store(struct call *call)
{
	struct store_counts counts = { 0 };
	struct problems *ps;
	size_t i;
	int r;

	if (strcmp(call->arguments[0], "check") != 0)
		return command_fail(call, COMMAND_USAGE,
		    "\"%s\" is nothing it can do; it can: check",
		    call->arguments[0]);
	ps = problems_new();
	term_wait(&call->term, "reading");
	r = store_check(call->arguments[1], ps, &counts);
	term_clear(&call->term);
	for (i = 0; i < problems_count(ps); i++)
		fprintf(stderr, "%s\n", problems_get(ps, i));
	problems_free(ps);
	if (r == -1)
		return COMMAND_FAILED;
	printf("%s is whole: %lu entries, %lu KiB, %lu KiB of them unused\n",
	    call->arguments[1], (unsigned long)counts.entries,
	    (unsigned long)(counts.bytes / 1024),
	    (unsigned long)(counts.dead / 1024));
	return COMMAND_DONE;
}

const struct command command_store = {
	.name = "store",
	.arguments = "check FOLDER",
	.summary = "check the store of rendered pages",
	.help = "Read all of the store of rendered pages in FOLDER, as\n"
		"[server] store names it, and report every part that is not\n"
		"as it was written.  The daemon may run meanwhile.\n"
		"\n"
		"A damaged store loses nothing: stop the daemon, remove the\n"
		"files in FOLDER and start it again, and it renders all pages\n"
		"anew.",
	.least = 2,
	.most = 2,
	.run = run_store,
};
