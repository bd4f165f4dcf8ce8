/* command.h - what the commands of capsulectl share: a call, a row, an end. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/term.h"

#define COMMAND_OPTIONS_MAX 8 /* of one command; ours */

enum command_exit {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1, /* findings, or it could not be done */
	COMMAND_USAGE = 2
};

/* An option of a command; a list of them ends with a NULL name. */
struct command_option {
	const char *name;     /* without the dashes */
	const char *argument; /* what follows it, such as "NAME"; NULL: none */
	const char *help;     /* one line */
};

/* What was asked for. */
struct call {
	const char *conf_path;
	const struct command *command;
	/* By the rows of command->options: the value, "" for a switch that was
	 * given, NULL for what was not. */
	const char *options[COMMAND_OPTIONS_MAX];
	char **arguments;
	size_t n_arguments;
	struct term term;
};

/* A command: one row of the table in main.c, one file of its own. */
struct command {
	const char *name;
	const char *arguments; /* as the usage line shows them */
	const char *summary;   /* one line, for the list of commands */
	const char *help;      /* paragraphs, each line at most 78 columns */
	struct command_option options[COMMAND_OPTIONS_MAX];
	size_t least, most; /* arguments that it takes */
	enum command_exit (*run)(struct call *call);
};

extern const struct command command_check, command_show, command_weigh,
    command_cert, command_new, command_status, command_reload,
    command_log_level, command_stop, command_store;

struct loaded;

/*
 * Load the configuration of the call and all that it maps; 0, or -1 with every
 * problem told.  The caller frees *to with load_free in both cases.
 */
int command_load(struct call *call, struct loaded *to);

/* Say "capsulectl COMMAND: sentence" on standard error; returns the status. */
enum command_exit command_fail(const struct call *call,
    enum command_exit status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
