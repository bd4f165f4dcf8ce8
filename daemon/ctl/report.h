/* report.h - tell people and scripts what the daemon is doing. */
#ifndef REPORT_H
#define REPORT_H

#include "ctl/reckon.h"
#include "ctl/term.h"

/* Write to standard output: for people on that terminal, if it is one. */
void report_print(const struct reckoning *r, const struct term *term);

/* The same as JSON, an object. */
void report_json(const struct reckoning *r);

#endif
