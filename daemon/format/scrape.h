/* scrape.h - counts as they were written for Prometheus, read back. */
#ifndef SCRAPE_H
#define SCRAPE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

#define SCRAPE_NUMBER_MAX 63 /* bytes of a value; ours */

enum scrape_result {
	SCRAPE_SAMPLE, /* the next one was read */
	SCRAPE_END,    /* there is none any more */
	SCRAPE_BAD     /* a line is not of the format */
};

/* A page under way; start with { page, 0 }. */
struct scrape {
	struct view rest;
	int line; /* the one read last, from 1 */
};

struct scrape_sample {
	struct view name;
	struct view labels; /* as written between the braces, or empty */
	double value;       /* may be infinite, or no number at all */
};

/*
 * Read the next sample of a page; comments, helps, types and empty lines are
 * passed over.
 *
 * Fills *to on SCRAPE_SAMPLE, its views borrowed from the page, and leaves it
 * alone otherwise.  A last line without its end is SCRAPE_BAD: the page was
 * cut.  So is a value of more than SCRAPE_NUMBER_MAX bytes.
 * Source: Prometheus exposition formats, text format 0.0.4.
 */
enum scrape_result scrape_next(struct scrape *s, struct scrape_sample *to);

/*
 * Append the value of a label, its escapes undone; -1, and nothing appended,
 * if the sample has no label of that name.
 */
int scrape_label(const struct scrape_sample *s, const char *name,
    struct buf *to);

enum scrape_answer {
	SCRAPE_FINE,
	SCRAPE_NO_HTTP,  /* it is no answer of HTTP/1.x, or not all of one */
	SCRAPE_NOT_FOUND /* it is one, but not 200 */
};

/*
 * Find the page in all that came for "GET" by HTTP/1.0: the bytes behind the
 * head.  *status is the answer's, on SCRAPE_FINE and SCRAPE_NOT_FOUND; *page
 * is borrowed from answer and set on SCRAPE_FINE only.  A Content-Length that
 * is not the page's is SCRAPE_NO_HTTP.
 * Source: RFC 1945 6, 7.
 */
enum scrape_answer scrape_page(struct view answer, int *status,
    struct view *page);

#endif
