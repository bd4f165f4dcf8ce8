/*
 * statistics.c - a status answer of the daemon, and what two come to.
 *
 * Floor ctl.  An answer has some hundred lines, and is looked through for each
 * number: nothing is kept that could differ from it.
 */
#include "ctl/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/control.h"

#define NUMBER_MAX (INT64_C(1) << 53)
#define KEY_MAX    128 /* bytes; of keys that are asked for by name */

/* -- one answer -- */

static int64_t
read_number(struct view v)
{
	bool negative = view_has_prefix(v, VIEW("-"));
	int64_t n = 0;
	size_t i;

	for (i = negative; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return 0;
		n = n * 10 + (v.p[i] - '0');
		if (n > NUMBER_MAX)
			n = NUMBER_MAX;
	}
	return negative ? -n : n;
}

struct view
look_text(const struct look *l, const char *key)
{
	struct view rest = buf_view(&l->answer), name, value;

	while (control_next(&rest, &name, &value))
		if (view_eq(name, view_of(key)))
			return value;
	return VIEW("");
}

int64_t
look_number(const struct look *l, const char *key)
{
	return read_number(look_text(l, key));
}

bool
look_next(const struct look *l, const char *name, struct view *at,
    struct view *rest, int64_t *value)
{
	struct view key, text;

	if (at->p == NULL)
		*at = buf_view(&l->answer);
	while (control_next(at, &key, &text)) {
		*rest = view_skip(key, strlen(name));
		if (!view_has_prefix(key, view_of(name)) ||
		    !view_has_prefix(*rest, VIEW(".")))
			continue;
		*rest = view_skip(*rest, 1);
		*value = read_number(text);
		return true;
	}
	return false;
}

int64_t
look_sum(const struct look *l, const char *name)
{
	struct view at = { NULL, 0 }, rest;
	int64_t n, sum = look_number(l, name);

	while (look_next(l, name, &at, &rest, &n))
		sum += n;
	return sum;
}

/* -- two of them -- */

struct statistics
statistics_of(const struct look *now, const struct look *before)
{
	static const char start[] = "start_time_seconds";
	struct statistics s = { now, NULL, 1 };
	int64_t born = look_number(now, start);

	/* A daemon that was started meanwhile began from nothing. */
	if (before != NULL && before->ms < now->ms &&
	    look_number(before, start) == born) {
		s.before = before;
		s.seconds = (double)(now->ms - before->ms) / 1000;
	} else if (now->wall > born)
		s.seconds = (double)(now->wall - born);
	return s;
}

double
statistics_rate(const struct statistics *s, const char *name)
{
	int64_t n = look_sum(s->now, name);

	if (s->before != NULL)
		n -= look_sum(s->before, name);
	return (double)n / s->seconds;
}

double
statistics_rate_of(const struct statistics *s, const char *key)
{
	int64_t n = look_number(s->now, key);

	if (s->before != NULL)
		n -= look_number(s->before, key);
	return (double)n / s->seconds;
}

/* How many answers a bucket has counted, it and those below. */
static int64_t
count_bucket(const struct statistics *s, const char *family, struct view end)
{
	char key[KEY_MAX];
	int64_t n;

	snprintf(key, sizeof(key), "%s.%.*s", family, VIEW_ARG(end));
	n = look_number(s->now, key);
	return s->before == NULL ? n : n - look_number(s->before, key);
}

double
statistics_within(const struct statistics *s, const char *protocol, int tenths,
    bool *beyond)
{
	struct view at = { NULL, 0 }, end;
	char family[KEY_MAX / 2], text[32];
	double seconds = 0;
	int64_t all, n;

	snprintf(family, sizeof(family), "request_duration_seconds_bucket.%s",
	    protocol);
	all = count_bucket(s, family, VIEW("+Inf"));
	*beyond = false;
	while (all > 0 && look_next(s->now, family, &at, &end, &n)) {
		*beyond = view_eq(end, VIEW("+Inf"));
		snprintf(text, sizeof(text), "%.*s", VIEW_ARG(end));
		if (!*beyond)
			seconds = strtod(text, NULL);
		if (count_bucket(s, family, end) * 10 >= all * tenths)
			break;
	}
	return seconds;
}
