/*
 * cgi.c - what application servers are asked, and how they answer.
 *
 * Floor format: bytes in, bytes out.  Who is asked, and what becomes of the
 * answer, is decided above; nothing here knows a socket.
 *
 * An environment is one run of name NUL value NUL, which is SCGI's own form;
 * FastCGI's name-value pairs are made from it.
 */
#include "format/cgi.h"

#include <stdio.h>

#define VERSION    1
#define REQUEST_ID 1 /* one request a connection: any number would do */

#define RECORD_HEAD    8     /* bytes */
#define RECORD_CONTENT 65535 /* bytes in one record at the most */
#define END_BODY       8

enum record_type {
	BEGIN_REQUEST = 1,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6,
	STDERR = 7
};

#define RESPONDER        1
#define REQUEST_COMPLETE 0

void
cgi_env_put(struct buf *env, const char *name, struct view value)
{
	struct view rest = value;

	buf_puts(env, name);
	buf_putc(env, '\0');
	buf_put(env, view_cut(&rest, '\0'));
	buf_putc(env, '\0');
}

void
cgi_env_put_number(struct buf *env, const char *name, long value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ld", value);
	cgi_env_put(env, name, view_of(digits));
}

void
scgi_request_write(struct buf *to, struct view env)
{
	static const char first[] = "CONTENT_LENGTH\0000\0SCGI\0001";
	struct view head = { first, sizeof(first) };

	buf_printf(to, "%zu:", head.len + env.len);
	buf_put(to, head);
	buf_put(to, env);
	buf_putc(to, ',');
}

static void
put_record_head(struct buf *to, enum record_type type, size_t content)
{
	char head[RECORD_HEAD] = { VERSION, (char)type, 0, REQUEST_ID,
		(char)(content >> 8), (char)content, 0, 0 };

	buf_put(to, (struct view){ head, sizeof(head) });
}

/* A length of FastCGI 3.4: one byte, or four with the highest bit set. */
static void
put_length(struct buf *to, size_t n)
{
	char wide[4] = { (char)(n >> 24 | 0x80), (char)(n >> 16),
		(char)(n >> 8), (char)n };

	if (n < 128)
		buf_putc(to, (char)n);
	else
		buf_put(to, (struct view){ wide, sizeof(wide) });
}

static void
put_pairs(struct buf *to, struct view env)
{
	struct view name, value;

	while (env.len > 0) {
		name = view_cut(&env, '\0');
		value = view_cut(&env, '\0');
		put_length(to, name.len);
		put_length(to, value.len);
		buf_put(to, name);
		buf_put(to, value);
	}
}

/* A stream is any number of records and an empty one. */
static void
put_stream(struct buf *to, enum record_type type, struct view bytes)
{
	struct view part;

	while (bytes.len > 0) {
		part = bytes;
		if (part.len > RECORD_CONTENT)
			part.len = RECORD_CONTENT;
		put_record_head(to, type, part.len);
		buf_put(to, part);
		bytes = view_skip(bytes, part.len);
	}
	put_record_head(to, type, 0);
}

void
fastcgi_request_write(struct buf *to, struct view env)
{
	static const char begin[8] = { 0, RESPONDER, 0, 0, 0, 0, 0, 0 };
	struct buf pairs;

	buf_init(&pairs, 2 * CGI_ENV_MAX);
	put_pairs(&pairs, env);
	put_record_head(to, BEGIN_REQUEST, sizeof(begin));
	buf_put(to, (struct view){ begin, sizeof(begin) });
	put_stream(to, PARAMS, buf_view(&pairs));
	put_stream(to, STDIN, VIEW(""));
	if (pairs.failed)
		to->failed = true;
	buf_fini(&pairs);
}

/* -- the answer -- */

/* Move up to want bytes from *in into the array to, of which have are there. */
static size_t
fill_array(unsigned char *to, size_t have, size_t want, struct view *in)
{
	size_t n = want - have < in->len ? want - have : in->len;

	if (n > 0)
		memcpy(to + have, in->p, n);
	*in = view_skip(*in, n);
	return have + n;
}

static struct view
take_content(struct view *in, size_t *left)
{
	struct view part = *in;

	if (part.len > *left)
		part.len = *left;
	*in = view_skip(*in, part.len);
	*left -= part.len;
	return part;
}

/* A record has begun: what it says of itself. */
static bool
read_head(struct fastcgi *at)
{
	const unsigned char *h = at->head;

	at->content = (size_t)(h[4] << 8 | h[5]);
	at->padding = h[6];
	if (h[0] != VERSION || h[2] != 0 || h[3] != REQUEST_ID)
		return false;
	if (h[1] == END_REQUEST)
		return at->content == END_BODY;
	return h[1] == STDOUT || h[1] == STDERR;
}

static enum fastcgi_kind
read_end(struct fastcgi *at, struct view *in)
{
	size_t had = at->n_end;

	at->n_end = fill_array(at->end, had, END_BODY, in);
	at->content -= at->n_end - had;
	if (at->n_end < END_BODY)
		return FASTCGI_MORE;
	/* The application's own status is its exit code: 0 is success. */
	return at->end[4] == REQUEST_COMPLETE &&
		(at->end[0] | at->end[1] | at->end[2] | at->end[3]) == 0
	    ? FASTCGI_END
	    : FASTCGI_FAILED;
}

enum fastcgi_kind
fastcgi_next(struct fastcgi *at, struct view *in, struct view *piece)
{
	while (in->len > 0) {
		if (at->n_head < RECORD_HEAD) {
			at->n_head =
			    fill_array(at->head, at->n_head, RECORD_HEAD, in);
			if (at->n_head == RECORD_HEAD && !read_head(at))
				return FASTCGI_BAD;
			continue;
		}
		if (at->content > 0 && at->head[1] == END_REQUEST)
			return read_end(at, in);
		if (at->content > 0) {
			*piece = take_content(in, &at->content);
			return at->head[1] == STDOUT ? FASTCGI_STDOUT
						     : FASTCGI_STDERR;
		}
		(void)take_content(in, &at->padding);
		if (at->padding == 0)
			at->n_head = 0;
	}
	/* A record without content or padding ends with its head. */
	if (at->n_head == RECORD_HEAD && at->content + at->padding == 0)
		at->n_head = 0;
	return FASTCGI_MORE;
}

/* -- fields before it -- */

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-';
}

/* How many bytes of line may begin a field: all, or it is none. */
static bool
may_be_field(struct view line)
{
	size_t n = 0;

	while (n < line.len && is_name_byte(line.p[n]))
		n++;
	if (n == line.len)
		return true;
	if (n == 0 || line.p[n] != ':')
		return false;
	for (; n < line.len; n++)
		if ((unsigned char)line.p[n] < ' ' || line.p[n] == 0x7f)
			return false;
	return true;
}

/* Cut a whole line off *rest, without its end; false if none is whole. */
static bool
take_line(struct view *rest, struct view *line)
{
	struct view after = *rest;

	*line = view_cut(&after, '\n');
	if (after.p == NULL)
		return false;
	if (view_has_suffix(*line, VIEW("\r")))
		line->len--;
	*rest = after;
	return true;
}

enum cgi_parse
cgi_head_parse(struct view in, struct cgi_head *to)
{
	struct view rest = in, line, name;
	struct view status = VIEW("");
	bool is_cgi = false;

	while (take_line(&rest, &line)) {
		if (line.len == 0 && is_cgi &&
		    in.len - rest.len <= CGI_HEAD_MAX) {
			*to = (struct cgi_head){ in.len - rest.len, status };
			return CGI_OK;
		}
		if (line.len == 0 || !may_be_field(line) ||
		    memchr(line.p, ':', line.len) == NULL)
			return CGI_NONE;
		name = view_cut(&line, ':');
		if (view_eq_nocase(name, VIEW("Status")))
			status = view_trim(line);
		is_cgi = is_cgi || view_eq_nocase(name, VIEW("Status")) ||
		    view_eq_nocase(name, VIEW("Content-Type"));
	}
	if (view_has_suffix(line, VIEW("\r")))
		line.len--;
	return may_be_field(line) && in.len < CGI_HEAD_MAX ? CGI_MORE
							   : CGI_NONE;
}
