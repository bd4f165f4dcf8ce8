/*
 * counts.c - what a running daemon has counted, and how fast.
 *
 * Floor ctl.  A page has a few hundred samples and is looked through for a few
 * dozen: a list will do.
 */
#include "ctl/counts.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/utf8.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53 */
#define LABEL_MAX 4096               /* bytes; a host has at most 255 */
#define ENDS_MAX  64                 /* buckets of one histogram; ours has 10 */

int
counts_read(struct counts *to, struct view page, int *line)
{
	struct scrape at = { page, 0 };
	struct scrape_sample sample;
	enum scrape_result r;

	while ((r = scrape_next(&at, &sample)) == SCRAPE_SAMPLE) {
		if (to->n == to->cap) {
			to->cap = to->cap == 0 ? 128 : to->cap * 2;
			to->v = xrealloc(to->v, to->cap, sizeof(*to->v));
		}
		to->v[to->n++] = sample;
	}
	*line = at.line;
	return r == SCRAPE_END ? 0 : -1;
}

void
counts_free(struct counts *c)
{
	xfree(c->v);
	*c = (struct counts){ 0 };
}

int64_t
counts_whole(const struct scrape_sample *s)
{
	if (isnan(s->value))
		return 0;
	return (int64_t)fmax(-EXACT_MAX, fmin(s->value, EXACT_MAX));
}

/* True if the label of a sample is value. */
static bool
has_label(const struct scrape_sample *s, const char *label, const char *value)
{
	struct buf text;
	bool is_so;

	if (label == NULL)
		return true;
	buf_init(&text, LABEL_MAX);
	is_so = scrape_label(s, label, &text) == 0 &&
	    view_eq(buf_view(&text), view_of(value));
	buf_fini(&text);
	return is_so;
}

int64_t
counts_sum(const struct counts *c, const char *name, const char *label,
    const char *value)
{
	struct scrape_sample sum = { .value = 0 };
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, view_of(name)) &&
		    has_label(&c->v[i], label, value))
			sum.value += (double)counts_whole(&c->v[i]);
	return counts_whole(&sum);
}

bool
counts_have(const struct counts *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (view_eq(c->v[i].name, view_of(name)))
			return true;
	return false;
}

void
counts_label(const struct scrape_sample *s, const char *label, struct buf *to)
{
	struct buf text;

	buf_init(&text, LABEL_MAX);
	if (scrape_label(s, label, &text) == 0)
		utf8_clean(to, buf_view(&text));
	buf_fini(&text);
}

/* -- quantiles -- */

struct bucket {
	double end;    /* seconds; the last one's is infinite */
	double number; /* of values up to there */
};

/* What was counted before up to that end, told by its label. */
static int64_t
count_before(const struct counts *before, const char *bucket, const char *label,
    const char *value, struct view le)
{
	size_t i;
	struct buf text;
	int64_t n = 0;

	buf_init(&text, LABEL_MAX);
	for (i = 0; before != NULL && i < before->n; i++) {
		buf_reset(&text);
		if (view_eq(before->v[i].name, view_of(bucket)) &&
		    has_label(&before->v[i], label, value) &&
		    scrape_label(&before->v[i], "le", &text) == 0 &&
		    view_eq(buf_view(&text), le))
			n += counts_whole(&before->v[i]);
	}
	buf_fini(&text);
	return n;
}

static double
end_of(struct view le)
{
	char text[SCRAPE_NUMBER_MAX + 1];

	if (le.len == 0 || le.len > SCRAPE_NUMBER_MAX ||
	    view_eq(le, VIEW("+Inf")))
		return INFINITY;
	memcpy(text, le.p, le.len);
	text[le.len] = '\0';
	return strtod(text, NULL);
}

/* The buckets of a histogram, in the order of the page; their number. */
static size_t
collect(const struct counts *now, const struct counts *before,
    const char *bucket, const char *label, const char *value,
    struct bucket to[ENDS_MAX])
{
	struct buf le;
	size_t i, n = 0;

	buf_init(&le, LABEL_MAX);
	for (i = 0; i < now->n && n < ENDS_MAX; i++) {
		buf_reset(&le);
		if (!view_eq(now->v[i].name, view_of(bucket)) ||
		    !has_label(&now->v[i], label, value) ||
		    scrape_label(&now->v[i], "le", &le) == -1)
			continue;
		to[n].end = end_of(buf_view(&le));
		to[n++].number = (double)(counts_whole(&now->v[i]) -
		    count_before(before, bucket, label, value, buf_view(&le)));
	}
	buf_fini(&le);
	return n;
}

double
counts_quantile(const struct counts *now, const struct counts *before,
    const char *name, const char *label, const char *value, double q,
    bool *beyond)
{
	struct bucket ends[ENDS_MAX];
	struct buf bucket;
	double rank, start, below, at;
	size_t i, n;

	*beyond = false;
	buf_init(&bucket, LABEL_MAX);
	buf_printf(&bucket, "%s_bucket", name);
	buf_putc(&bucket, '\0');
	n = collect(now, before, bucket.p, label, value, ends);
	buf_fini(&bucket);
	if (n < 2 || !(ends[n - 1].number > 0))
		return -1;
	rank = q * ends[n - 1].number;
	for (i = 0; i < n - 1 && ends[i].number < rank; i++)
		continue;
	*beyond = i == n - 1;
	start = i == 0 ? 0 : ends[i - 1].end;
	below = i == 0 ? 0 : ends[i - 1].number;
	at = *beyond ? start
		     : start +
		(ends[i].end - start) * (rank - below) /
		    (ends[i].number - below);
	return isfinite(at) ? at : -1;
}
