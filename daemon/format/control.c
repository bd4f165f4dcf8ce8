/*
 * control.c - read and write the lines of the control socket.
 *
 * Floor format: pure.  process/control_server.c has the socket, ctl/ask.c the
 * other end of it.
 */
#include "format/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LAST_LINES_MAX 256 /* bytes that an answer needs at its end */

static const struct {
	const char *name;
	enum control_word word;
} words[] = {
	{ "status", CONTROL_STATUS },
	{ "reload", CONTROL_RELOAD },
	{ "log-level", CONTROL_LOG_LEVEL },
	{ "stop", CONTROL_STOP },
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

static const char too_long[] = "a request is longer than 256 bytes";
static const char unknown_word[] =
    "unknown request; accepted: status, reload [accept-empty], log-level "
    "LEVEL, stop";
static const char no_argument[] = "this request takes no argument";
static const char bad_reload[] =
    "reload takes nothing, or the word accept-empty";
static const char bad_level[] =
    "log-level takes one level: error, warn, info or debug";

_Static_assert(CONTROL_LINE_MAX == 256, "the sentence above says so");

/* -- requests -- */

/* The argument of to->word; NULL if it is in order. */
static const char *
read_argument(struct view argument, struct control_request *to)
{
	if (to->word == CONTROL_LOG_LEVEL)
		return log_level_find(argument, &to->level) == 0 ? NULL
								 : bad_level;
	if (argument.p == NULL)
		return NULL;
	if (to->word != CONTROL_RELOAD)
		return no_argument;
	to->accept_empty = view_eq(argument, VIEW("accept-empty"));
	return to->accept_empty ? NULL : bad_reload;
}

enum control_parse
control_request_parse(struct view in, struct control_request *to,
    const char **why)
{
	struct view rest = in, line = view_cut(&rest, '\n'), name;
	struct control_request request = { .level = LOG_LEVEL_INFO };
	size_t i;

	*why = too_long;
	if (rest.p == NULL)
		return in.len < CONTROL_LINE_MAX ? CONTROL_MORE : CONTROL_BAD;
	if (line.len >= CONTROL_LINE_MAX)
		return CONTROL_BAD;
	if (view_has_suffix(line, VIEW("\r")))
		line.len--;
	name = view_cut(&line, ' '); /* line is now the argument */
	for (i = 0; i < N_WORDS; i++)
		if (view_eq(name, view_of(words[i].name)))
			break;
	*why = unknown_word;
	if (i == N_WORDS)
		return CONTROL_BAD;
	request.word = words[i].word;
	*why = read_argument(line, &request);
	if (*why != NULL)
		return CONTROL_BAD;
	*to = request;
	return CONTROL_OK;
}

/* -- answers: writing -- */

static bool
is_control_byte(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* Append v, which may not end its line, and with as_key not its word. */
static void
put_safely(struct buf *to, struct view v, bool as_key)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		buf_putc(to,
		    is_control_byte(v.p[i]) || (as_key && v.p[i] == ' ')
			? '?'
			: v.p[i]);
}

void
control_put(struct buf *to, const char *key, struct view value)
{
	put_safely(to, view_of(key), true);
	buf_putc(to, ' ');
	put_safely(to, value, false);
	buf_putc(to, '\n');
}

void
control_put_problems(struct buf *to, const char *key, struct problems *ps,
    size_t n)
{
	char more[64];
	struct view line;
	size_t i;

	for (i = 0; i < problems_count(ps); i++) {
		line = view_of(problems_get(ps, i));
		if (to->len + line.len + LAST_LINES_MAX > to->max)
			break;
		control_put(to, key, line);
	}
	if (i >= n)
		return;
	snprintf(more, sizeof(more), "and %zu more, see the log", n - i);
	control_put(to, key, view_of(more));
}

void
control_put_sample(struct buf *to, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t value)
{
	size_t i;

	buf_printf(to, "%s%s", name, suffix);
	for (i = 0; i < n; i++) {
		buf_putc(to, '.');
		put_safely(to, labels[i].value, true);
	}
	buf_printf(to, " %" PRId64 "\n", value);
}

void
control_put_end(struct buf *to, bool done)
{
	buf_puts(to, done ? "done\n" : "failed\n");
}

/* -- answers: reading -- */

bool
control_next(struct view *rest, struct view *key, struct view *value)
{
	struct view line = view_cut(rest, '\n');

	*key = view_cut(&line, ' ');
	*value = line;
	return line.p != NULL;
}

/* True if a line may stand before the last one. */
static bool
is_pair_line(struct view line)
{
	struct view key;
	size_t i;

	for (i = 0; i < line.len; i++)
		if (is_control_byte(line.p[i]))
			return false;
	key = view_cut(&line, ' ');
	return key.len > 0 && line.p != NULL;
}

enum control_verdict
control_judge(struct view answer)
{
	struct view rest = answer, line;

	while (rest.len > 0) {
		line = view_cut(&rest, '\n');
		if (rest.p == NULL) /* no line end */
			return CONTROL_CUT;
		if (view_eq(line, VIEW("done")))
			return rest.len == 0 ? CONTROL_DONE : CONTROL_FOREIGN;
		if (view_eq(line, VIEW("failed")))
			return rest.len == 0 ? CONTROL_FAILED : CONTROL_FOREIGN;
		if (!is_pair_line(line))
			return CONTROL_FOREIGN;
	}
	return CONTROL_CUT;
}
