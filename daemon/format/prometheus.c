/*
 * prometheus.c - the text format that Prometheus scrapes.
 *
 * Floor format: pure.  What is counted is decided in net/metrics.c.
 */
#include "format/prometheus.h"

#include <inttypes.h>

/* Append v, with what would end a help line or a label's quotes escaped. */
static void
put_escaped(struct buf *to, struct view v, bool quoted)
{
	size_t i;

	for (i = 0; i < v.len; i++) {
		if (v.p[i] == '\n') {
			buf_puts(to, "\\n");
			continue;
		}
		if (v.p[i] == '\\' || (quoted && v.p[i] == '"'))
			buf_putc(to, '\\');
		buf_putc(to, v.p[i]);
	}
}

void
prometheus_family(struct buf *to, const char *name, enum prometheus_kind kind,
    const char *help)
{
	static const char *const words[] = { "counter", "gauge", "histogram" };

	buf_printf(to, "# HELP %s ", name);
	put_escaped(to, view_of(help), false);
	buf_printf(to, "\n# TYPE %s %s\n", name, words[kind]);
}

/* All of a sample that stands before its value. */
static void
begin_sample(struct buf *to, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n)
{
	size_t i;

	buf_printf(to, "%s%s", name, suffix);
	for (i = 0; i < n; i++) {
		buf_printf(to, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
		put_escaped(to, labels[i].value, true);
		buf_putc(to, '"');
	}
	if (n > 0)
		buf_putc(to, '}');
	buf_putc(to, ' ');
}

void
prometheus_sample(struct buf *to, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t value)
{
	begin_sample(to, name, suffix, labels, n);
	buf_printf(to, "%" PRId64 "\n", value);
}

void
prometheus_sample_micro(struct buf *to, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t millionths)
{
	uint64_t size =
	    millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;

	begin_sample(to, name, suffix, labels, n);
	buf_printf(to, "%s%" PRIu64 ".%06" PRIu64 "\n",
	    millionths < 0 ? "-" : "", size / 1000000, size % 1000000);
}
