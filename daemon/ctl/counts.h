/* counts.h - what a running daemon has counted, and how fast. */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/scrape.h"

/* All samples of a page, in its order; start with { 0 }. */
struct counts {
	struct scrape_sample *v; /* views borrow from the page */
	size_t n, cap;
};

/*
 * Read a page, which has to outlive *to; 0, or -1 with the number of the line
 * that is not of the format in *line.  The caller frees *to with counts_free
 * in both cases.
 */
int counts_read(struct counts *to, struct view page, int *line);
void counts_free(struct counts *c);

/*
 * The sum of all samples called name, or of those of them whose label is
 * value (label NULL: any), as a whole number: no number counts as 0, and what
 * is larger than 2^53, where whole numbers end to be exact, as that.
 */
int64_t counts_sum(const struct counts *c, const char *name, const char *label,
    const char *value);

/* True if the page has a sample of that name. */
bool counts_have(const struct counts *c, const char *name);

/*
 * Append a label of a sample for people to see: without controls, nothing if
 * it has no such label.
 */
void counts_label(const struct scrape_sample *s, const char *label,
    struct buf *to);

/* A sample's own value, as counts_sum has it. */
int64_t counts_whole(const struct scrape_sample *s);

/*
 * Estimate the q-quantile, 0 < q < 1, in seconds, of the histogram called
 * name, without "_bucket", where label is value: its buckets by now, less
 * those that were before, unless that is NULL.  Within a bucket values are
 * taken to be spread evenly; what lies above the last end is that end, and
 * *beyond, and negative means that there were none.
 * Source: Prometheus, histogram_quantile().
 */
double counts_quantile(const struct counts *now, const struct counts *before,
    const char *name, const char *label, const char *value, double q,
    bool *beyond);

#endif
