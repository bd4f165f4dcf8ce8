/*
 * main.c - the command line of capsulectl.
 *
 * Floor ctl, its top.  Commands are rows of a table; what they take is said
 * in theirs, so that help and parsing cannot differ.
 */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/problem.h"
#include "base/view.h"
#include "ctl/command.h"
#include "ctl/load.h"

static const struct command *const commands[] = {
	&command_new,
	&command_check,
	&command_show,
	&command_weigh,
	&command_cert,
	&command_status,
	&command_reload,
	&command_log_level,
	&command_stop,
	&command_store,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* -- help -- */

static void
usage(FILE *to)
{
	size_t i;

	fputs("usage: capsulectl [-c FILE] COMMAND [ARGUMENT ...]\n"
	      "       capsulectl COMMAND --help\n\n",
	    to);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-11s%s\n", commands[i]->name,
		    commands[i]->summary);
	fputs("\n"
	      "  -c FILE  the configuration of capsuled; default\n"
	      "           " CAPSULED_CONF "\n"
	      "  -h       print this; also --help\n"
	      "  -V       print the version; also --version\n"
	      "\n"
	      "Exit status: 0 done and nothing found, 1 findings or not done,\n"
	      "2 wrong usage.  The manual: capsulectl(1).\n",
	    to);
}

static void
usage_of(const struct command *command, FILE *to)
{
	const struct command_option *o;
	char name[64];

	fprintf(to, "usage: capsulectl [-c FILE] %s", command->name);
	for (o = command->options; o->name != NULL; o++)
		fprintf(to, " [--%s%s%s]", o->name,
		    o->argument == NULL ? "" : " ",
		    o->argument == NULL ? "" : o->argument);
	fprintf(to, "%s%s\n", command->arguments[0] == '\0' ? "" : " ",
	    command->arguments);
	fprintf(to, "\n%s\n", command->help);
	for (o = command->options; o->name != NULL; o++) {
		snprintf(name, sizeof(name), "--%s%s%s", o->name,
		    o->argument == NULL ? "" : " ",
		    o->argument == NULL ? "" : o->argument);
		fprintf(to, "  %-22s%s\n", name, o->help);
	}
	fprintf(to, "  %-22s%s\n", "-c FILE", "the configuration of capsuled");
}

/* -- what is wrong -- */

enum command_exit
command_fail(const struct call *call, enum command_exit status, const char *fmt,
    ...)
{
	va_list ap;

	fprintf(stderr, "capsulectl%s%s: ", call->command == NULL ? "" : " ",
	    call->command == NULL ? "" : call->command->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
	return status;
}

int
command_load(struct call *call, struct loaded *to)
{
	struct problems *ps = problems_new(), *notes = problems_new();
	size_t i;
	int r;

	term_wait(&call->term, "loading");
	r = load_all(to, call->conf_path, ps, notes);
	term_clear(&call->term);
	for (i = 0; i < problems_count(ps); i++)
		fprintf(stderr, "%s\n", problems_get(ps, i));
	problems_free(notes);
	problems_free(ps);
	return r;
}

/* Print "; nearest: x" for the word that may have been meant, and the end. */
static void
suggest(const char *word, const char *const *names, size_t n,
    const char *dashes)
{
	const char *near = problem_nearest(word, names, n);

	if (near != NULL)
		fprintf(stderr, "; nearest: %s%s", dashes, near);
	putc('\n', stderr);
}

static enum command_exit
unknown_command(const char *word)
{
	const char *names[N_COMMANDS];
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i]->name;
	fprintf(stderr, "capsulectl: \"%s\" is not a command", word);
	suggest(word, names, N_COMMANDS, "");
	fputs("\"capsulectl --help\" lists the commands\n", stderr);
	return COMMAND_USAGE;
}

static enum command_exit
unknown_option(const struct command *command, const char *word)
{
	const char *names[COMMAND_OPTIONS_MAX];
	size_t n = 0;

	while (command->options[n].name != NULL) {
		names[n] = command->options[n].name;
		n++;
	}
	fprintf(stderr, "capsulectl %s: \"%s\" is not an option", command->name,
	    word);
	suggest(word + strspn(word, "-"), names, n, "--");
	fprintf(stderr, "\"capsulectl %s --help\" lists the options\n",
	    command->name);
	return COMMAND_USAGE;
}

/* -- reading the line -- */

/* The words of the command line, one after the other. */
struct words {
	char **v;
	int n, at;
};

static bool
is_one_of(const char *word, const char *brief, const char *lengthy)
{
	return strcmp(word, brief) == 0 || strcmp(word, lengthy) == 0;
}

/*
 * The value of an option called name if word is that option, "--name=VALUE"
 * or "--name" and the next word; NULL if it is another, "" for a switch.
 * Sets *bad, told, if a value is missing or one too many.
 */
static const char *
option_value(const struct call *call, const struct command_option *o,
    const char *word, struct words *words, bool *bad)
{
	size_t len = strlen(o->name);

	if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, o->name, len) != 0)
		return NULL;
	word += 2 + len;
	if (*word != '\0' && *word != '=')
		return NULL;
	if (o->argument == NULL) {
		*bad = *word == '=';
		if (*bad)
			(void)command_fail(call, COMMAND_USAGE,
			    "--%s takes no value", o->name);
		return "";
	}
	if (*word == '=')
		return word + 1;
	*bad = words->at == words->n;
	if (*bad)
		(void)command_fail(call, COMMAND_USAGE, "--%s needs %s",
		    o->name, o->argument);
	return *bad ? "" : words->v[words->at++];
}

/* Take an option of the command; -1 once something is wrong, and told. */
static int
take_option(struct call *call, const char *word, struct words *words)
{
	const struct command_option *options = call->command->options;
	const char *value;
	bool bad = false;
	size_t i;

	for (i = 0; options[i].name != NULL; i++) {
		value = option_value(call, &options[i], word, words, &bad);
		if (bad)
			return -1;
		if (value != NULL) {
			call->options[i] = value;
			return 0;
		}
	}
	(void)unknown_option(call->command, word);
	return -1;
}

/* "-c FILE" or "-cFILE"; -1 if the file is missing. */
static int
take_conf(struct call *call, const char *word, struct words *words)
{
	if (word[2] != '\0')
		call->conf_path = word + 2;
	else if (words->at < words->n)
		call->conf_path = words->v[words->at++];
	else {
		(void)command_fail(call, COMMAND_USAGE, "-c needs FILE");
		return -1;
	}
	return 0;
}

/* The words behind the command: options, and arguments between them. */
static int
take_words(struct call *call, struct words *words)
{
	bool only_arguments = false;
	char *word;

	while (words->at < words->n) {
		word = words->v[words->at++];
		if (only_arguments || word[0] != '-' || word[1] == '\0')
			/* In front of what is left to be read: never over it.
			 */
			call->arguments[call->n_arguments++] = word;
		else if (strcmp(word, "--") == 0)
			only_arguments = true;
		else if (is_one_of(word, "-h", "--help")) {
			usage_of(call->command, stdout);
			exit(COMMAND_DONE);
		} else if (strncmp(word, "-c", 2) == 0) {
			if (take_conf(call, word, words) == -1)
				return -1;
		} else if (take_option(call, word, words) == -1)
			return -1;
	}
	return 0;
}

static enum command_exit
run_command(struct call *call, struct words *words)
{
	const struct command *command = call->command;

	call->arguments = words->v + words->at;
	if (take_words(call, words) == -1)
		return COMMAND_USAGE;
	if (call->n_arguments < command->least ||
	    call->n_arguments > command->most) {
		if (call->n_arguments > command->most)
			(void)command_fail(call, COMMAND_USAGE,
			    "\"%s\" is one argument too many",
			    call->arguments[command->most]);
		else
			(void)command_fail(call, COMMAND_USAGE, "it needs %s",
			    command->arguments);
		fprintf(stderr, "\"capsulectl %s --help\" explains it\n",
		    command->name);
		return COMMAND_USAGE;
	}
	term_init(&call->term);
	return command->run(call);
}

static const struct command *
find(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* "help" and "help COMMAND" are what people try first. */
static enum command_exit
help(const struct words *words)
{
	const struct command *command;

	if (words->at == words->n) {
		usage(stdout);
		return COMMAND_DONE;
	}
	command = find(words->v[words->at]);
	if (command == NULL)
		return unknown_command(words->v[words->at]);
	usage_of(command, stdout);
	return COMMAND_DONE;
}

/* Options before the command; then the command and the rest. */
static enum command_exit
dispatch(struct words *words)
{
	struct call call = { .conf_path = CAPSULED_CONF };
	const char *word;

	while (words->at < words->n) {
		word = words->v[words->at++];
		if (is_one_of(word, "-h", "--help") ||
		    strcmp(word, "help") == 0)
			return help(words);
		if (is_one_of(word, "-V", "--version")) {
			puts("capsulectl " CAPSULED_VERSION);
			return COMMAND_DONE;
		}
		if (strncmp(word, "-c", 2) == 0) {
			if (take_conf(&call, word, words) == -1)
				return COMMAND_USAGE;
			continue;
		}
		if (word[0] == '-') {
			fprintf(stderr, "capsulectl: \"%s\" is not an option\n",
			    word);
			break;
		}
		call.command = find(word);
		return call.command == NULL ? unknown_command(word)
					    : run_command(&call, words);
	}
	usage(stderr);
	return COMMAND_USAGE;
}

int
main(int argc, char **argv)
{
	struct words words = { argv, argc, 1 };
	enum command_exit status;

	/* Only what characters are: numbers stay as scripts read them. */
	(void)setlocale(LC_CTYPE, "");
	tzset();
	status = dispatch(&words);
	/* What could not be written was not done. */
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("capsulectl: standard output");
		return COMMAND_FAILED;
	}
	return (int)status;
}
