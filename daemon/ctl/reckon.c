/*
 * reckon.c - what a look at the daemon comes to, since another or the start.
 *
 * Floor ctl.
 */
#include "ctl/reckon.h"

#define STAMP_MAX INT64_C(253402300799) /* the last second of 9999 */

struct reckoning
reckon(const struct look *now, const struct look *before)
{
	struct reckoning r = { now, NULL, 1 };
	const char *start = RECKON_PREFIX "start_time_seconds";
	int64_t born = reckon_moment(&r, start);

	/* A daemon that was started meanwhile began from nothing. */
	if (before != NULL && before->ms < now->ms &&
	    counts_sum(&before->counts, start, NULL, NULL) == born) {
		r.before = &before->counts;
		r.seconds = (double)(now->ms - before->ms) / 1000;
	} else if (now->wall > born)
		r.seconds = (double)(now->wall - born);
	return r;
}

int64_t
reckon_sum(const struct reckoning *r, const char *name, const char *label,
    const char *value)
{
	return counts_sum(&r->now->counts, name, label, value);
}

int64_t
reckon_get(const struct reckoning *r, const char *name)
{
	return reckon_sum(r, name, NULL, NULL);
}

double
reckon_rate(const struct reckoning *r, const char *name, const char *label,
    const char *value)
{
	int64_t n = reckon_sum(r, name, label, value);

	if (r->before != NULL)
		n -= counts_sum(r->before, name, label, value);
	return (double)n / r->seconds;
}

/* True if the label of a sample is value. */
static bool
is_of(const struct scrape_sample *sample, const char *label, const char *value)
{
	char room[64];
	struct buf b = { room, 0, sizeof(room), sizeof(room), false };

	counts_label(sample, label, &b);
	return view_eq(buf_view(&b), view_of(value));
}

static int64_t
requests(const struct counts *c, const char *protocol, const char *status)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name,
			VIEW(RECKON_PREFIX "requests_total")) &&
		    is_of(&c->v[i], "protocol", protocol) &&
		    is_of(&c->v[i], "status", status))
			n += counts_whole(&c->v[i]);
	return n;
}

double
reckon_requests(const struct reckoning *r, const char *protocol,
    const char *status)
{
	int64_t n = requests(&r->now->counts, protocol, status);

	if (r->before != NULL)
		n -= requests(r->before, protocol, status);
	return (double)n / r->seconds;
}

int64_t
reckon_moment(const struct reckoning *r, const char *name)
{
	int64_t t = reckon_get(r, name);

	return t < 0 ? 0 : t > STAMP_MAX ? STAMP_MAX : t;
}

double
reckon_quantile(const struct reckoning *r, const char *protocol, double q,
    bool *beyond)
{
	return counts_quantile(&r->now->counts, r->before,
	    RECKON_PREFIX "request_duration_seconds", "protocol", protocol, q,
	    beyond);
}
