/*
 * gemini.c - read the Gemini request line, write the response header.
 *
 * Floor format: bytes in, bytes out.  Which host, port or path is served is
 * decided in site/answer.c; here is only what makes a line a request at all.
 */
#include "format/gemini.h"

#include <assert.h>

#include "format/utf8.h"

/*
 * Every status that the specification defines, and what each says by itself.
 * Meta of 20 is a media type and of 3x a reference, so those rows hold one.
 */
static const struct status {
	int code;
	const char *text;
} statuses[] = {
	{ GEMINI_INPUT, "Input" },
	{ GEMINI_SENSITIVE_INPUT, "Sensitive input" },
	{ GEMINI_SUCCESS, "text/gemini" },
	{ GEMINI_REDIRECT_TEMPORARY, "/" },
	{ GEMINI_REDIRECT_PERMANENT, "/" },
	{ GEMINI_TEMPORARY_FAILURE, "Temporary failure" },
	{ GEMINI_UNAVAILABLE, "Server unavailable" },
	{ GEMINI_CGI_ERROR, "CGI error" },
	{ GEMINI_PROXY_ERROR, "Proxy error" },
	{ GEMINI_SLOW_DOWN, "Slow down" },
	{ GEMINI_PERMANENT_FAILURE, "Permanent failure" },
	{ GEMINI_NOT_FOUND, "Not found" },
	{ GEMINI_GONE, "Gone" },
	{ GEMINI_PROXY_REFUSED, "Proxy request refused" },
	{ GEMINI_BAD_REQUEST, "Bad request" },
	{ GEMINI_CERTIFICATE_REQUIRED, "Client certificate required" },
	{ GEMINI_CERTIFICATE_NOT_AUTHORISED, "Certificate not authorised" },
	{ GEMINI_CERTIFICATE_NOT_VALID, "Certificate not valid" },
};

#define N_STATUSES (sizeof(statuses) / sizeof(statuses[0]))

/* -- the request -- */

/* How many bytes come before the first CRLF, or all of them. */
static size_t
line_length(struct view in)
{
	size_t n;

	for (n = 0; n + 1 < in.len; n++)
		if (in.p[n] == '\r' && in.p[n + 1] == '\n')
			return n;
	return in.len;
}

/* request = absolute-URI CRLF, and of those the ones that name a host. */
static bool
is_request(const struct uri *u)
{
	return u->scheme.len > 0 && u->has_authority && u->host.len > 0 &&
	    !u->has_userinfo && !u->has_fragment;
}

enum gemini_parse
gemini_request_parse(struct view in, struct gemini_request *req)
{
	struct gemini_request got;

	if (in.len > GEMINI_REQUEST_MAX)
		in.len = GEMINI_REQUEST_MAX;
	got.line = (struct view){ in.p, line_length(in) };
	if (got.line.len == in.len) {
		/* The longest URI may have only half its CRLF here. */
		if (in.len <= GEMINI_URI_MAX ||
		    (in.len == GEMINI_URI_MAX + 1 &&
			in.p[GEMINI_URI_MAX] == '\r'))
			return GEMINI_MORE;
		return GEMINI_BAD;
	}
	if (uri_parse(got.line, &got.uri) != URI_OK || !is_request(&got.uri))
		return GEMINI_BAD;
	*req = got;
	return GEMINI_OK;
}

struct view
gemini_request_line(struct view in)
{
	return (struct view){ in.p, line_length(in) };
}

/* -- the response -- */

static const struct status *
find_status(int code)
{
	size_t i;

	for (i = 0; i < N_STATUSES; i++)
		if (statuses[i].code == code)
			return &statuses[i];
	return NULL;
}

bool
gemini_status_is_defined(int status)
{
	return find_status(status) != NULL;
}

const char *
gemini_status_text(int status)
{
	const struct status *s = find_status(status);

	return s == NULL ? "" : s->text;
}

/* The first character of v, well-formed or a single stray byte. */
static struct view
first_character(struct view v)
{
	unsigned char lead = (unsigned char)v.p[0];
	struct view c = { v.p, 1 };

	if (lead >= 0xc2)
		c.len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (c.len > v.len || !utf8_is_valid(c))
		c.len = 1;
	return c;
}

/*
 * What VCHAR leaves out: C0, DEL, and C1, which are two bytes in UTF-8.  They
 * become blanks, and a stray byte a question mark: a header is UTF-8.
 */
static struct view
make_printable(struct view c)
{
	unsigned char lead = (unsigned char)c.p[0];

	if (lead < 0x20 || lead == 0x7f ||
	    (c.len == 2 && lead == 0xc2 && (unsigned char)c.p[1] < 0xa0))
		return VIEW(" ");
	if (c.len == 1 && lead >= 0x80)
		return VIEW("?");
	return c;
}

void
gemini_header(struct buf *to, int status, struct view meta)
{
	const struct status *s = find_status(status);
	struct view c, shown;
	size_t start;

	assert(s != NULL);
	buf_printf(to, "%d ", status);
	start = to->len;
	for (; meta.len > 0; meta = view_skip(meta, c.len)) {
		c = first_character(meta);
		shown = make_printable(c);
		if (to->len + shown.len - start > GEMINI_META_MAX)
			break;
		/* One space stands after the status, and exactly one. */
		if (to->len > start || shown.p[0] != ' ')
			buf_put(to, shown);
	}
	while (to->len > start && to->p[to->len - 1] == ' ')
		to->len--;
	if (to->len == start)
		buf_puts(to, s->text);
	buf_puts(to, "\r\n");
}

/* True if all of v may stand in a header. */
static bool
is_printable(struct view v)
{
	struct view c;

	for (; v.len > 0; v = view_skip(v, c.len)) {
		c = first_character(v);
		if (!view_eq(make_printable(c), c))
			return false;
	}
	return true;
}

int
gemini_response_parse(struct view line, int *status, struct view *meta)
{
	struct view rest = view_skip(line, 2);
	unsigned long n;

	if (line.len < 2 ||
	    view_to_number((struct view){ line.p, 2 }, 99, &n) != 0 ||
	    !gemini_status_is_defined((int)n))
		return -1;
	if (rest.len > 0 && rest.p[0] != ' ')
		return -1;
	rest = view_skip(rest, 1);
	if ((rest.len == 0 && n / 10 < 4) || rest.len > GEMINI_META_MAX ||
	    rest.len != view_trim(rest).len || !is_printable(rest))
		return -1;
	*status = (int)n;
	*meta = rest;
	return 0;
}
