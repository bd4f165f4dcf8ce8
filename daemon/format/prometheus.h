/* prometheus.h - counts as Prometheus reads them: text format 0.0.4. */
#ifndef PROMETHEUS_H
#define PROMETHEUS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* How a family of samples behaves. */
enum prometheus_kind {
	PROMETHEUS_COUNTER,  /* only grows; its name ends in _total */
	PROMETHEUS_GAUGE,    /* goes up and down */
	PROMETHEUS_HISTOGRAM /* cumulative buckets, a sum and a count */
};

/* One label of a sample. */
struct prometheus_label {
	const char *name;
	struct view value; /* any UTF-8; escaped when it is written */
};

/*
 * Append the two lines that come before the samples of a family; help is one
 * sentence, any text.
 * Source: Prometheus exposition formats, "Comments, help text, and type
 * information".
 */
void prometheus_family(struct buf *to, const char *name,
    enum prometheus_kind kind, const char *help);

/*
 * Append one sample: name and suffix ("" or "_bucket" and so on), n labels,
 * and a whole number.
 */
void prometheus_sample(struct buf *to, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t value);

/* The same for a number of millionths, written with a point. */
void prometheus_sample_micro(struct buf *to, const char *name,
    const char *suffix, const struct prometheus_label *labels, size_t n,
    int64_t millionths);

#endif
