/*
 * check.c - the command "check": read the capsule as a careful reader would.
 *
 * Floor ctl.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/finding.h"
#include "ctl/json.h"
#include "ctl/load.h"
#include "ctl/rule.h"
#include "ctl/survey.h"

enum { JSON, WITHOUT };

/* Leave out the rules that a list names; false, and told, for an unknown. */
static bool
leave_out(const struct call *call, bool *is_off)
{
	struct view rest = view_of(call->options[WITHOUT]), name;
	const char **names = xcalloc(n_rules, sizeof(*names)), *near;
	bool ok = true;
	size_t i;
	char *word;

	for (i = 0; i < n_rules; i++)
		names[i] = rules[i].name;
	while (ok && rest.p != NULL) {
		name = view_trim(view_cut(&rest, ','));
		for (i = 0; i < n_rules; i++)
			if (view_eq(name, view_of(names[i])))
				break;
		if (i < n_rules)
			is_off[i] = true;
		else {
			word = xstrndup(name.p, name.len);
			near = problem_nearest(word, names, n_rules);
			(void)command_fail(call, COMMAND_USAGE,
			    "--without: there is no rule \"%s\"%s%s", word,
			    near == NULL ? "" : "; nearest: ",
			    near == NULL ? "" : near);
			xfree(word);
			ok = false;
		}
	}
	xfree(names);
	return ok;
}

static bool
is_left_out(const bool *is_off, const char *name)
{
	size_t i = 0;

	while (strcmp(rules[i].name, name) != 0)
		i++;
	return is_off[i];
}

/* What the daemon itself would tell, each with its file and line. */
static void
adopt_capsule(struct findings *found, struct problems *ps, const char *path,
    const char *rule)
{
	size_t i, len = strlen(path);
	const char *text;
	char *after;
	long line;

	for (i = 0; i < problems_count(ps); i++) {
		text = problems_get(ps, i);
		line = 0;
		if (strncmp(text, path, len) == 0 && text[len] == ':') {
			text += len + 1;
			line = strtol(text, &after, 10);
			if (line > 0 && *after == ':')
				text = after + 1;
			text += *text == ' ';
		}
		findings_add(found, view_of(path), (int)line, rule, "%s", text);
	}
}

static void
report(const struct call *call, struct findings *found, size_t n_files)
{
	struct json json = { stdout, 0, false };
	size_t n = findings_count(found);

	if (call->options[JSON] != NULL) {
		json_open(&json, NULL, '{');
		json_number(&json, "files", (long long)n_files);
		findings_json(found, &json, "findings");
		json_close(&json, '}');
		return;
	}
	findings_print(found, &call->term, stdout);
	(void)fflush(stdout);
	if (n == 0)
		printf("%s: %zu files read, %snothing to mend%s\n",
		    call->conf_path, n_files,
		    term_colour(&call->term, TERM_GREEN),
		    term_colour(&call->term, TERM_PLAIN));
	else
		fprintf(stderr, "%s: %zu files read, %zu to mend\n",
		    call->conf_path, n_files, n);
}

static enum command_exit
run_check(struct call *call)
{
	struct findings *found;
	struct problems *ps, *notes;
	struct loaded l;
	bool *is_off = xcalloc(n_rules, sizeof(*is_off));
	enum command_exit status;
	size_t n_files = 0;

	if (call->options[WITHOUT] != NULL && !leave_out(call, is_off)) {
		xfree(is_off);
		return COMMAND_USAGE;
	}
	found = findings_new();
	ps = problems_new();
	notes = problems_new();
	term_wait(&call->term, "loading");
	if (load_all(&l, call->conf_path, ps, notes) == 0 &&
	    survey_all(&l, found, is_off, &call->term, &n_files) == -1)
		problems_add(ps, call->conf_path, 0,
		    "no room for temporary files: %s", strerror(errno));
	term_clear(&call->term);
	adopt_capsule(found, ps, call->conf_path, RULE_CONFIGURATION);
	if (!is_left_out(is_off, RULE_WARNING))
		adopt_capsule(found, notes, call->conf_path, RULE_WARNING);
	report(call, found, n_files);
	status = findings_count(found) == 0 ? COMMAND_DONE : COMMAND_FAILED;
	load_free(&l);
	problems_free(notes);
	problems_free(ps);
	findings_free(found);
	xfree(is_off);
	return status;
}

const struct command command_check = {
	"check",
	"",
	"read the capsule as a careful reader would",
	"Reads every page that the configuration maps, and all that lies "
	"beside\n"
	"them, and prints what an editor would mend, a line each:\n"
	"\n"
	"    FILE:LINE: sentence [rule]\n"
	"\n"
	"Links that lead nowhere, files that no selector reaches, "
	"preformatted\n"
	"blocks without alt text, lines too wide for Gopher, headings that "
	"skip\n"
	"a level, pages over the weight budget and more: all rules are in\n"
	"capsulectl(1). Exits with 0 if nothing was found, else with 1.\n",
	{ { "json", NULL, "write JSON, for scripts" },
	    { "without", "RULE,...", "leave these rules out" } },
	0,
	0,
	run_check,
};
