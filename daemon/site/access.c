/*
 * access.c - rules, fingerprints, and the decision.
 *
 * Floor site.  Files are read while loading; the decision is made on every
 * request from what was read then and from the certificate of the connection.
 */
#include "site/access.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/gemini.h"

#define DIGITS    ((size_t)2 * ACCESS_HASH_LEN) /* of a fingerprint */
#define QUOTE_MAX 100 /* bytes of a wrong line that are shown */

/* -- files of fingerprints -- */

/* The value of a hexadecimal digit, or -1. */
static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A line without its comment and the blanks around it. */
static struct view
strip(struct view line)
{
	size_t i;

	for (i = 0; i < line.len; i++)
		if (line.p[i] == '#' &&
		    (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			break;
	line.len = i;
	return view_trim(line);
}

/* Read a fingerprint; NULL, or what is wrong with it. */
static const char *
read_hash(struct view v, unsigned char *to)
{
	bool parted = v.len > 2 && v.p[2] == ':';
	size_t i, n = 0;
	int value;

	for (i = 0; i < v.len; i++) {
		if (parted && i % 3 == 2) {
			if (v.p[i] != ':')
				return "has a \":\" between some pairs of "
				       "digits, but not all";
			continue;
		}
		value = digit(v.p[i]);
		if (value < 0)
			return "is not a fingerprint in hexadecimal digits";
		if (n == DIGITS)
			return "has more than the 64 digits of SHA-256";
		to[n / 2] = (unsigned char)(n % 2 == 0 ? value << 4
						       : to[n / 2] | value);
		n++;
	}
	if (n < DIGITS)
		return "has fewer than the 64 digits of SHA-256";
	return v.p[v.len - 1] == ':' ? "ends with a \":\"" : NULL;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, ACCESS_HASH_LEN);
}

static void
report_list_line(struct problems *ps, const char *path, int line,
    struct view what, const char *why)
{
	struct buf quoted;

	buf_init(&quoted, QUOTE_MAX * 8);
	log_escape(&quoted, what, QUOTE_MAX);
	problems_add(ps, path, line, "\"%.*s\" %s", VIEW_ARG(buf_view(&quoted)),
	    why);
	buf_fini(&quoted);
}

static size_t
count_lines(struct view text)
{
	size_t n = 0;

	while (text.p != NULL) {
		(void)view_cut(&text, '\n');
		n++;
	}
	return n;
}

int
access_parse(struct view text, const char *path, struct arena *a,
    struct access_rule *rule, struct problems *ps)
{
	unsigned char(*hashes)[ACCESS_HASH_LEN] =
	    arena_alloc(a, count_lines(text) * sizeof(*hashes) + 1);
	struct view line, prefix = VIEW("SHA256:");
	const char *wrong;
	size_t n = 0;
	int number = 0, result = 0;

	while (text.p != NULL) {
		line = strip(view_cut(&text, '\n'));
		number++;
		if (line.len == 0)
			continue;
		if (line.len > prefix.len &&
		    view_eq_nocase((struct view){ line.p, prefix.len }, prefix))
			line = view_trim(view_skip(line, prefix.len));
		wrong = read_hash(line, hashes[n]);
		if (wrong == NULL)
			n++;
		else {
			report_list_line(ps, path, number, line, wrong);
			result = -1;
		}
	}
	if (result == 0) {
		qsort(hashes, n, sizeof(*hashes), compare);
		rule->hashes = hashes;
		rule->n = n;
	}
	return result;
}

/* Append all of a file to to; NULL, or why that cannot be. */
static const char *
read_list_file(const char *path, struct buf *to)
{
	/* Whatever it is, opening it must not wait. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const char *why = NULL;
	char part[4096];
	struct stat st;
	ssize_t n;

	if (fd == -1)
		return strerror(errno);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		why = "it is not a file";
	while (why == NULL && (n = read(fd, part, sizeof(part))) != 0) {
		if (n == -1 && errno != EINTR)
			why = strerror(errno);
		if (n > 0)
			buf_put(to, (struct view){ part, (size_t)n });
		if (to->failed)
			why = "it is larger than a megabyte";
	}
	close(fd);
	return why;
}

/* -- rules -- */

struct view
access_file(const struct conf *conf, const struct conf_pair *pair,
    struct arena *a, enum access_kind *kind)
{
	const char *slash = strrchr(conf->path, '/');
	struct view folder = { conf->path, 0 }, name = pair->value;
	char *path;

	*kind = ACCESS_LISTED;
	if (view_eq(name, VIEW("any"))) {
		*kind = ACCESS_ANY;
		return VIEW("");
	}
	if (view_has_prefix(name, VIEW("ca:"))) {
		*kind = ACCESS_CA;
		name = view_trim(view_skip(name, 3));
	}
	if (slash != NULL && !view_has_prefix(name, VIEW("/")))
		folder.len = (size_t)(slash - conf->path) + 1;
	path = arena_alloc(a, folder.len + name.len + 1);
	memcpy(path, folder.p, folder.len);
	memcpy(path + folder.len, name.p, name.len);
	return (struct view){ path, folder.len + name.len };
}

static void
load_list(struct access_rule *rule, const struct conf *conf,
    const struct conf_capsule *capsule, const struct conf_pair *pair,
    struct arena *a, struct problems *ps)
{
	struct buf text;
	const char *why;

	buf_init(&text, ACCESS_FILE_MAX);
	why = read_list_file(rule->file.p, &text);
	if (why != NULL)
		problems_add(ps, conf->path, pair->line,
		    "[access%s] %s: cannot read the fingerprints in %s: %s",
		    capsule->tag, pair->key.p, rule->file.p, why);
	else
		(void)access_parse(buf_view(&text), rule->file.p, a, rule, ps);
	buf_fini(&text);
}

struct access *
access_load(const struct conf *conf, const struct conf_capsule *capsule,
    struct arena *a, size_t *n_cas, struct problems *ps)
{
	const struct conf_pairs *pairs = &capsule->access;
	struct access *access;
	struct access_rule *rule;
	size_t i;

	if (pairs->n == 0)
		return NULL;
	access = arena_alloc(a, sizeof(*access));
	access->n = pairs->n;
	access->rules = arena_alloc(a, pairs->n * sizeof(*access->rules));
	for (i = 0; i < pairs->n; i++) {
		rule = &access->rules[i];
		rule->pattern = arena_copy(a, pairs->v[i].key);
		rule->is_prefix = view_has_suffix(rule->pattern, VIEW("*"));
		if (rule->is_prefix)
			rule->pattern.len--;
		rule->line = pairs->v[i].line;
		rule->file = access_file(conf, &pairs->v[i], a, &rule->kind);
		if (rule->kind == ACCESS_CA)
			rule->ca = (*n_cas)++;
		if (rule->kind == ACCESS_LISTED)
			load_list(rule, conf, capsule, &pairs->v[i], a, ps);
	}
	return access;
}

bool
access_fits(const struct access_rule *rule, struct view selector)
{
	return rule->is_prefix ? view_has_prefix(selector, rule->pattern)
			       : view_eq(selector, rule->pattern);
}

const struct access_rule *
access_find(const struct access *access, struct view selector)
{
	const struct access_rule *best = NULL, *rule;
	size_t i;

	for (i = 0; access != NULL && i < access->n; i++) {
		rule = &access->rules[i];
		if (!access_fits(rule, selector))
			continue;
		if (best == NULL || rule->pattern.len > best->pattern.len ||
		    (rule->pattern.len == best->pattern.len &&
			!rule->is_prefix))
			best = rule;
	}
	return best;
}

/* -- the decision -- */

static bool
is_allowed(const struct access_rule *rule, const struct peer_certificate *c)
{
	switch (rule->kind) {
	case ACCESS_ANY:
		return true;
	case ACCESS_LISTED:
		return rule->n > 0 &&
		    bsearch(c->sha256, rule->hashes, rule->n,
			sizeof(*rule->hashes), compare) != NULL;
	case ACCESS_CA:
		return c->is_vouched != NULL && c->is_vouched(c, rule);
	}
	return false;
}

static void
put_date(struct buf *to, int64_t t)
{
	char stamp[CLOCK_STAMP_MAX];

	buf_printf(to, "%.10s", clock_stamp(t, stamp, sizeof(stamp)));
}

int
access_decide(const struct access_rule *rule,
    const struct peer_certificate *certificate, int64_t now, struct buf *why)
{
	if (certificate == NULL) {
		buf_puts(why, "A certificate is needed to read this");
		return GEMINI_CERTIFICATE_REQUIRED;
	}
	if (now < certificate->not_before) {
		buf_puts(why, "This certificate is not valid before ");
		put_date(why, certificate->not_before);
		return GEMINI_CERTIFICATE_NOT_VALID;
	}
	if (now > certificate->not_after) {
		buf_puts(why, "This certificate has expired on ");
		put_date(why, certificate->not_after);
		return GEMINI_CERTIFICATE_NOT_VALID;
	}
	if (!is_allowed(rule, certificate)) {
		buf_puts(why, "This certificate may not read this");
		return GEMINI_CERTIFICATE_NOT_AUTHORISED;
	}
	return GEMINI_SUCCESS;
}
