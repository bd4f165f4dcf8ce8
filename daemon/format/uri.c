/*
 * uri.c - URIs by the grammar of RFC 3986, appendix A.
 *
 * Floor format.  The strict one: whatever the grammar does not allow is
 * refused here, once, so that nothing behind it has to be afraid of a byte.
 * gemini.c calls it for requests, the renderers for links.
 */
#include "format/uri.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include "format/idn.h"

#define PORT_MAX 65535 /* RFC 3986 sets no limit, TCP does */

/* -- the character classes of the grammar, section 2 -- */

static bool
is_in_set(char c, struct view set)
{
	return memchr(set.p, c, set.len) != NULL;
}

static bool
is_unreserved(char c)
{
	return is_letter(c) || is_digit(c) || is_in_set(c, VIEW("-._~"));
}

static bool
is_sub_delim(char c)
{
	return is_in_set(c, VIEW("!$&'()*+,;="));
}

/* The value of a hex digit, or -1. */
static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that "%HH" at the start of v stands for, or -1. */
static int
decode_escape(struct view v)
{
	if (v.len < 3 || v.p[0] != '%' || hex_value(v.p[1]) < 0 ||
	    hex_value(v.p[2]) < 0)
		return -1;
	return hex_value(v.p[1]) * 16 + hex_value(v.p[2]);
}

/* True if v is *( unreserved / pct-encoded / sub-delims / more ). */
static bool
is_made_of(struct view v, struct view more)
{
	while (v.len > 0) {
		if (v.p[0] == '%') {
			if (decode_escape(v) < 0)
				return false;
			v = view_skip(v, 3);
			continue;
		}
		if (!is_unreserved(v.p[0]) && !is_sub_delim(v.p[0]) &&
		    !is_in_set(v.p[0], more))
			return false;
		v = view_skip(v, 1);
	}
	return true;
}

/* -- parsing -- */

/* The first n bytes of v. */
static struct view
first_bytes(struct view v, size_t n)
{
	return (struct view){ v.p, n };
}

/* How many bytes come before the first one of stops, or all of them. */
static size_t
length_before(struct view v, struct view stops)
{
	size_t n = 0;

	while (n < v.len && !is_in_set(v.p[n], stops))
		n++;
	return n;
}

/*
 * scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
 *
 * A colon in the first segment makes all before it a scheme: a relative
 * reference may not have one there (path-noscheme).
 */
static enum uri_result
take_scheme(struct view *rest, struct view *scheme)
{
	size_t i, n = length_before(*rest, VIEW(":/?#"));

	if (n == rest->len || rest->p[n] != ':')
		return URI_OK;
	if (n == 0 || !is_letter(rest->p[0]))
		return URI_BAD;
	for (i = 1; i < n; i++)
		if (!is_letter(rest->p[i]) && !is_digit(rest->p[i]) &&
		    !is_in_set(rest->p[i], VIEW("+-.")))
			return URI_BAD;
	*scheme = first_bytes(*rest, n);
	*rest = view_skip(*rest, n + 1);
	return URI_OK;
}

/* True if v, without brackets, is an IPv6 address; fills *to. */
static bool
is_ipv6(struct view v, struct in6_addr *to)
{
	char text[INET6_ADDRSTRLEN];

	if (v.len >= sizeof(text) || memchr(v.p, '\0', v.len) != NULL)
		return false;
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	return inet_pton(AF_INET6, text, to) == 1;
}

/* IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool
is_ip_future(struct view v)
{
	size_t n = 1;

	if (v.len == 0 || (v.p[0] != 'v' && v.p[0] != 'V'))
		return false;
	while (n < v.len && hex_value(v.p[n]) >= 0)
		n++;
	if (n == 1 || n + 1 >= v.len || v.p[n] != '.')
		return false;
	v = view_skip(v, n + 1);
	return memchr(v.p, '%', v.len) == NULL && is_made_of(v, VIEW(":"));
}

/* IP-literal = "[" ( IPv6address / IPvFuture ) "]"; cut off *rest. */
static enum uri_result
take_ip_literal(struct view *rest, struct view *host)
{
	const char *end = memchr(rest->p, ']', rest->len);
	struct in6_addr address;
	struct view inside;

	if (end == NULL)
		return URI_BAD;
	inside = (struct view){ rest->p + 1, (size_t)(end - rest->p) - 1 };
	if (!is_ipv6(inside, &address) && !is_ip_future(inside))
		return URI_BAD;
	*host = first_bytes(*rest, inside.len + 2);
	*rest = view_skip(*rest, host->len);
	return URI_OK;
}

/* reg-name = *( unreserved / pct-encoded / sub-delims ); cut off *rest. */
static enum uri_result
take_reg_name(struct view *rest, struct view *host)
{
	*host = first_bytes(*rest, length_before(*rest, VIEW(":")));
	*rest = view_skip(*rest, host->len);
	return is_made_of(*host, VIEW("")) ? URI_OK : URI_BAD;
}

/* authority = [ userinfo "@" ] host [ ":" port ] */
static enum uri_result
parse_authority(struct view rest, struct uri *u)
{
	size_t n = length_before(rest, VIEW("@"));
	unsigned long port;
	enum uri_result r;

	u->has_authority = true;
	if (n < rest.len) {
		u->has_userinfo = true;
		u->userinfo = first_bytes(rest, n);
		rest = view_skip(rest, n + 1);
		if (!is_made_of(u->userinfo, VIEW(":")))
			return URI_BAD;
	}
	r = rest.len > 0 && rest.p[0] == '[' ? take_ip_literal(&rest, &u->host)
					     : take_reg_name(&rest, &u->host);
	if (r != URI_OK || rest.len == 0)
		return r;
	if (rest.p[0] != ':')
		return URI_BAD;
	u->has_port = true;
	u->port = view_skip(rest, 1);
	if (u->port.len > 0 && view_to_number(u->port, PORT_MAX, &port) != 0)
		return URI_BAD;
	return URI_OK;
}

enum uri_result
uri_parse(struct view text, struct uri *u)
{
	struct uri got = { .scheme = { NULL, 0 } };
	struct view rest = text;
	size_t n;

	if (take_scheme(&rest, &got.scheme) != URI_OK)
		return URI_BAD;
	if (view_has_prefix(rest, VIEW("//"))) {
		rest = view_skip(rest, 2);
		n = length_before(rest, VIEW("/?#"));
		if (parse_authority(first_bytes(rest, n), &got) != URI_OK)
			return URI_BAD;
		rest = view_skip(rest, n);
	}
	got.path = first_bytes(rest, length_before(rest, VIEW("?#")));
	rest = view_skip(rest, got.path.len);
	if (rest.len > 0 && rest.p[0] == '?') {
		got.has_query = true;
		rest = view_skip(rest, 1);
		got.query = first_bytes(rest, length_before(rest, VIEW("#")));
		rest = view_skip(rest, got.query.len);
	}
	if (rest.len > 0) {
		got.has_fragment = true;
		got.fragment = view_skip(rest, 1);
	}
	if (!is_made_of(got.path, VIEW(":@/")) ||
	    !is_made_of(got.query, VIEW(":@/?")) ||
	    !is_made_of(got.fragment, VIEW(":@/?")))
		return URI_BAD;
	*u = got;
	return URI_OK;
}

/* -- resolving -- */

/*
 * remove_dot_segments of section 5.2.4, in place: what is written never
 * overtakes what is read.  Returns the new length.
 */
static size_t
remove_dots(char *p, size_t len)
{
	size_t r = 0, w = 0;

	while (r < len) {
		struct view in = { p + r, len - r };
		bool up = view_has_prefix(in, VIEW("/../")) ||
		    view_eq(in, VIEW("/.."));

		if (view_has_prefix(in, VIEW("../")))
			r += 3;
		else if (view_has_prefix(in, VIEW("./")))
			r += 2;
		else if (view_eq(in, VIEW(".")) || view_eq(in, VIEW("..")))
			break;
		else if (up || view_has_prefix(in, VIEW("/./")) ||
		    view_eq(in, VIEW("/."))) {
			while (up && w > 0 && p[w - 1] != '/')
				w--;
			if (up && w > 0)
				w--;
			/* The slash after the dots begins what is left; at
			 * the end it is all that is left. */
			r += up ? 3 : 2;
			if (r >= len)
				p[w++] = '/';
		} else
			do
				p[w++] = p[r++];
			while (r < len && p[r] != '/');
	}
	return w;
}

/*
 * Without a host before it, a path of "//x" would be read as one, and a
 * relative "a:b" as a scheme; a dot segment in front prevents both.
 */
static void
guard_path(struct buf *to, size_t mark, bool has_scheme)
{
	struct view path = view_skip(buf_view(to), mark);
	size_t n = length_before(path, VIEW(":/"));
	const char *guard;

	if (view_has_prefix(path, VIEW("//")))
		guard = "/.";
	else if (!has_scheme && n < path.len && path.p[n] == ':')
		guard = "./";
	else
		return;
	buf_puts(to, guard);
	if (to->failed)
		return;
	memmove(to->p + mark + 2, to->p + mark, to->len - mark - 2);
	memcpy(to->p + mark, guard, 2);
}

/* Append dir, path, dot segments removed. */
static void
put_merged_path(struct buf *to, struct view dir, struct view path,
    bool has_scheme, bool has_authority)
{
	size_t mark = to->len;

	buf_put(to, dir);
	buf_put(to, path);
	if (to->failed || to->len == mark)
		return;
	to->len = mark + remove_dots(to->p + mark, to->len - mark);
	if (!has_authority)
		guard_path(to, mark, has_scheme);
}

/* Section 5.2.3: what of base's path stands before a relative one. */
static struct view
base_directory(const struct uri *base)
{
	size_t n = base->path.len;

	if (base->has_authority && n == 0)
		return VIEW("/");
	while (n > 0 && base->path.p[n - 1] != '/')
		n--;
	return first_bytes(base->path, n);
}

static void
put_uri_authority(struct buf *to, const struct uri *u)
{
	if (!u->has_authority)
		return;
	buf_puts(to, "//");
	if (u->has_userinfo) {
		buf_put(to, u->userinfo);
		buf_putc(to, '@');
	}
	buf_put(to, u->host);
	if (u->has_port) {
		buf_putc(to, ':');
		buf_put(to, u->port);
	}
}

void
uri_resolve(struct buf *to, const struct uri *base, const struct uri *ref)
{
	const struct uri *scheme = ref->scheme.len > 0 ? ref : base;
	const struct uri *authority =
	    ref->scheme.len > 0 || ref->has_authority ? ref : base;
	const struct uri *query = ref;
	bool has_scheme = scheme->scheme.len > 0;

	if (has_scheme) {
		buf_put(to, scheme->scheme);
		buf_putc(to, ':');
	}
	put_uri_authority(to, authority);
	if (authority == ref || view_has_prefix(ref->path, VIEW("/")))
		put_merged_path(to, VIEW(""), ref->path, has_scheme,
		    authority->has_authority);
	else if (ref->path.len > 0)
		put_merged_path(to, base_directory(base), ref->path, has_scheme,
		    authority->has_authority);
	else {
		buf_put(to, base->path);
		query = ref->has_query ? ref : base;
	}
	if (query->has_query) {
		buf_putc(to, '?');
		buf_put(to, query->query);
	}
	if (ref->has_fragment) {
		buf_putc(to, '#');
		buf_put(to, ref->fragment);
	}
}

/* -- decoding and encoding -- */

enum uri_result
uri_decode(struct buf *to, struct view v)
{
	size_t mark = to->len;
	int byte;

	while (v.len > 0) {
		if (v.p[0] != '%') {
			buf_putc(to, v.p[0]);
			v = view_skip(v, 1);
			continue;
		}
		byte = decode_escape(v);
		if (byte < 0) {
			to->len = mark;
			return URI_BAD;
		}
		buf_putc(to, (char)byte);
		v = view_skip(v, 3);
	}
	return URI_OK;
}

/* Append one segment, decoded; a slash or a NUL inside it is URI_BAD. */
static enum uri_result
put_segment(struct buf *to, struct view segment)
{
	size_t mark = to->len;
	struct view got;

	if (uri_decode(to, segment) != URI_OK)
		return URI_BAD;
	got = view_skip(buf_view(to), mark);
	return got.len > 0 &&
		(memchr(got.p, '/', got.len) != NULL ||
		    memchr(got.p, '\0', got.len) != NULL)
	    ? URI_BAD
	    : URI_OK;
}

/* Take the last segment and its slash off; URI_BAD if there is none. */
static enum uri_result
drop_segment(struct buf *to, size_t root)
{
	if (to->len == root)
		return URI_BAD;
	while (to->p[--to->len] != '/')
		continue;
	return URI_OK;
}

/*
 * Each segment is decoded before it is looked at, and only once: "%2e%2e" is
 * a "..", and "%252e" is no dot.
 */
static enum uri_result
put_selector(struct buf *to, struct view rest)
{
	size_t root = to->len, mark;
	struct view segment;

	while (rest.p != NULL && !to->failed) {
		mark = to->len;
		buf_putc(to, '/');
		if (put_segment(to, view_cut(&rest, '/')) != URI_OK)
			return URI_BAD;
		segment = view_skip(buf_view(to), mark + 1);
		if (view_eq(segment, VIEW("."))) {
			to->len = mark;
		} else if (view_eq(segment, VIEW(".."))) {
			to->len = mark;
			if (drop_segment(to, root) != URI_OK)
				return URI_BAD;
		} else
			continue;
		if (rest.p == NULL)
			buf_putc(to, '/');
	}
	return URI_OK;
}

enum uri_result
uri_path_to_selector(struct buf *to, struct view path)
{
	size_t mark = to->len;

	if (path.len == 0)
		path = VIEW("/");
	if (path.p[0] == '/' &&
	    put_selector(to, (struct view){ path.p + 1, path.len - 1 }) ==
		URI_OK)
		return URI_OK;
	to->len = mark;
	return URI_BAD;
}

static void
put_encoded(struct buf *to, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;

	buf_putc(to, '%');
	buf_putc(to, digits[byte >> 4]);
	buf_putc(to, digits[byte & 15]);
}

void
uri_encode_path(struct buf *to, struct view selector)
{
	size_t i;

	for (i = 0; i < selector.len; i++) {
		char c = selector.p[i];

		if (is_unreserved(c) || is_sub_delim(c) ||
		    is_in_set(c, VIEW(":@/")))
			buf_putc(to, c);
		else
			put_encoded(to, c);
	}
}

void
uri_encode_component(struct buf *to, struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (is_unreserved(v.p[i]))
			buf_putc(to, v.p[i]);
		else
			put_encoded(to, v.p[i]);
}

/* -- hosts -- */

/* Replace an IPv6 literal after mark by its shortest spelling. */
static void
shorten_ipv6(struct buf *to, size_t mark)
{
	struct view host = view_skip(buf_view(to), mark);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (host.len < 2 || host.p[0] != '[' || host.p[host.len - 1] != ']' ||
	    !is_ipv6((struct view){ host.p + 1, host.len - 2 }, &address))
		return;
	(void)inet_ntop(AF_INET6, &address, text, sizeof(text));
	to->len = mark;
	buf_putc(to, '[');
	buf_puts(to, text);
	buf_putc(to, ']');
}

/* Replace a name in other letters after mark by its A-labels; 0 or -1. */
static int
spell_ascii(struct buf *to, size_t mark)
{
	struct view name = view_skip(buf_view(to), mark);
	char room[URI_HOST_MAX + 2];
	struct buf ascii = { room, 0, sizeof(room), sizeof(room), false };

	if (!idn_is_needed(name))
		return 0;
	to->len = mark;
	if (idn_to_ascii(&ascii, name) != 0 || ascii.failed)
		return -1;
	buf_put(to, buf_view(&ascii));
	return 0;
}

enum uri_result
uri_normalise_host(struct buf *to, struct view host)
{
	size_t i, mark = to->len;

	if (uri_decode(to, host) != URI_OK)
		return URI_BAD;
	if (spell_ascii(to, mark) != 0) {
		to->len = mark;
		return URI_BAD;
	}
	for (i = mark; i < to->len; i++)
		if (to->p[i] >= 'A' && to->p[i] <= 'Z')
			to->p[i] = (char)(to->p[i] - 'A' + 'a');
	if (to->len > mark && to->p[to->len - 1] == '.')
		to->len--;
	if (to->len == mark || to->len - mark > URI_HOST_MAX) {
		to->len = mark;
		return to->failed ? URI_OK : URI_BAD;
	}
	shorten_ipv6(to, mark);
	return URI_OK;
}

/* True for what may stand in a URI as it is. */
static bool
is_uri_byte(char c)
{
	switch (c) {
	case '"':
	case '<':
	case '>':
	case '\\':
	case '^':
	case '`':
	case '{':
	case '|':
	case '}':
		return false;
	default:
		return c > ' ' && c <= '~';
	}
}

void
uri_mend(struct buf *to, struct view v)
{
	size_t i, run = 0;

	for (i = 0; i < v.len; i++) {
		if (is_uri_byte(v.p[i]))
			continue;
		buf_put(to, (struct view){ v.p + run, i - run });
		buf_printf(to, "%%%02X", (unsigned)(unsigned char)v.p[i]);
		run = i + 1;
	}
	buf_put(to, view_skip(v, run));
}
