/*
 * term.c - colours, progress and bars.
 *
 * Floor ctl.  Everything that depends on who is looking is decided here, so
 * that what a script reads has none of it.
 */
#include "ctl/term.h"

#include <sys/ioctl.h>

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define COLUMNS_MIN 40
#define COLUMNS_MAX 400
#define PROGRESS_MS 100 /* between two lines of progress */

/* The width that COLUMNS or the terminal tells. */
static int
term_width(void)
{
	const char *said = getenv("COLUMNS");
	struct winsize size;
	unsigned long n;

	if (said == NULL || view_to_number(view_of(said), 9999, &n) != 0)
		n = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col
								 : 0;
	if (n == 0)
		return TERM_COLUMNS;
	return n < COLUMNS_MIN ? COLUMNS_MIN
	    : n > COLUMNS_MAX  ? COLUMNS_MAX
			       : (int)n;
}

void
term_init(struct term *t)
{
	const char *kind = getenv("TERM"), *no = getenv("NO_COLOR");
	bool is_dumb = kind == NULL || strcmp(kind, "dumb") == 0;

	*t = (struct term){ .is_dumb = is_dumb, .columns = TERM_COLUMNS };
	t->is_terminal = isatty(STDOUT_FILENO) == 1;
	t->has_colour =
	    t->is_terminal && !is_dumb && (no == NULL || no[0] == '\0');
	t->has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t->has_progress = !is_dumb && isatty(STDERR_FILENO) == 1;
	if (t->is_terminal)
		t->columns = term_width();
}

const char *
term_colour(const struct term *t, enum term_colour colour)
{
	static const char *const codes[] = {
		[TERM_PLAIN] = "\033[0m",
		[TERM_DIM] = "\033[2m",
		[TERM_BOLD] = "\033[1m",
		[TERM_RED] = "\033[31m",
		[TERM_GREEN] = "\033[32m",
		[TERM_YELLOW] = "\033[33m",
	};

	return t->has_colour ? codes[colour] : "";
}

const char *
term_anew(const struct term *t)
{
	return t->is_dumb ? "\n" : "\033[H\033[2J";
}

void
term_wait(struct term *t, const char *what)
{
	if (!t->has_progress)
		return;
	fprintf(stderr, "\r\033[K%s", what);
	t->is_progressing = true;
}

void
term_progress(struct term *t, const char *what, size_t pages)
{
	int64_t now;

	if (!t->has_progress)
		return;
	now = clock_ms();
	if (t->told_ms != 0 && now - t->told_ms < PROGRESS_MS)
		return;
	/* The first call only starts the watch: what is short needs no line. */
	if (t->told_ms != 0) {
		fprintf(stderr, "\r\033[K%s: %zu pages", what, pages);
		t->is_progressing = true;
	}
	t->told_ms = now;
}

void
term_clear(struct term *t)
{
	if (t->is_progressing)
		fputs("\r\033[K", stderr);
	t->is_progressing = false;
	t->told_ms = 0;
}

void
term_bar(const struct term *t, double part, double whole, int columns, char *to)
{
	/* U+2588 is a full block; U+2589 to U+258F are seven eighths to one. */
	static const char *const rests[] = { "", "\u258F", "\u258E", "\u258D",
		"\u258C", "\u258B", "\u258A", "\u2589" };
	int steps = t->has_utf8 ? 8 : 1;
	int n = whole > 0 ? (int)(part / whole * columns * steps + 0.5) : 0;
	int i;

	if (n == 0 && part > 0)
		n = 1;
	if (n > columns * steps)
		n = columns * steps;
	to[0] = '\0';
	for (i = 0; i < n / steps; i++)
		strcat(to, t->has_utf8 ? "\u2588" : "#");
	strcat(to, rests[n % steps]);
}
