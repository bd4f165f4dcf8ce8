/*
 * view.c - comparing and cutting borrowed bytes.
 *
 * Floor base.  Nothing here allocates; every result points into its argument.
 */
#include "base/view.h"

struct view
view_of(const char *s)
{
	return (struct view){ s, s == NULL ? 0 : strlen(s) };
}

bool
view_eq(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ASCII only, whatever the locale says: tolower(3) would not do. */
static char
lower_ascii(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
view_eq_nocase(struct view a, struct view b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (lower_ascii(a.p[i]) != lower_ascii(b.p[i]))
			return false;
	return true;
}

bool
view_has_prefix(struct view v, struct view part)
{
	return v.len >= part.len &&
	    view_eq((struct view){ v.p, part.len }, part);
}

bool
view_has_suffix(struct view v, struct view part)
{
	return v.len >= part.len &&
	    view_eq(view_skip(v, v.len - part.len), part);
}

struct view
view_skip(struct view v, size_t n)
{
	if (n > v.len)
		n = v.len;
	return n == 0 ? v : (struct view){ v.p + n, v.len - n };
}

struct view
view_cut(struct view *rest, char stop)
{
	struct view all = *rest, head;
	const char *end = all.len == 0 ? NULL : memchr(all.p, stop, all.len);

	if (end == NULL) {
		*rest = (struct view){ NULL, 0 };
		return all;
	}
	head = (struct view){ all.p, (size_t)(end - all.p) };
	*rest = (struct view){ end + 1, all.len - head.len - 1 };
	return head;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct view
view_trim(struct view v)
{
	while (v.len > 0 && is_blank(v.p[0]))
		v = view_skip(v, 1);
	while (v.len > 0 && is_blank(v.p[v.len - 1]))
		v.len--;
	return v;
}

int
view_to_number(struct view v, unsigned long max, unsigned long *to)
{
	unsigned long n = 0, digit;
	size_t i;

	if (v.len == 0)
		return -1;
	for (i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return -1;
		digit = (unsigned long)(v.p[i] - '0');
		if (n > (max - digit) / 10 || digit > max)
			return -1;
		n = n * 10 + digit;
	}
	*to = n;
	return 0;
}
