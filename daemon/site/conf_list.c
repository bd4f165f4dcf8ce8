/*
 * conf_list.c - lists of host names, of addresses to listen on, of networks.
 *
 * Floor site.  Addresses are numbers only: looking up a name is not for a
 * program that starts at boot.
 */
#include "site/conf_list.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

#include "format/idn.h"
#include "format/uri.h"
#include "site/conf_quote.h"

#define LABEL_MAX 63    /* bytes between two dots; RFC 1035 2.3.4 */
#define PORT_MAX  65535 /* RFC 9293 3.1 */

#define UNIX "unix:" /* before the path of a socket */

_Static_assert(CONF_LINE_MAX <= URI_HOST_MAX, "a line holds no longer host");

/* The next word of a list, or the empty view after the last. */
static struct view
next_list_word(struct view *rest)
{
	struct view word;
	size_t n;

	*rest = view_trim(*rest);
	for (n = 0; n < rest->len && rest->p[n] != ' ' && rest->p[n] != '\t';)
		n++;
	word = (struct view){ rest->p, n };
	*rest = view_skip(*rest, n);
	return word;
}

static size_t
count_words(struct view rest)
{
	size_t n = 0;

	while (next_list_word(&rest).len > 0)
		n++;
	return n;
}

/* An address, and its binary form for comparing. */
static bool
is_address(int family, struct view text, struct in6_addr *to)
{
	char host[INET6_ADDRSTRLEN];

	memset(to, 0, sizeof(*to));
	if (text.len >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", VIEW_ARG(text));
	return inet_pton(family, host, to) == 1;
}

static bool
is_label(struct view v)
{
	size_t i;

	if (v.len == 0 || v.len > LABEL_MAX || v.p[0] == '-' ||
	    v.p[v.len - 1] == '-')
		return false;
	for (i = 0; i < v.len; i++)
		if (!is_letter(v.p[i]) && !is_digit(v.p[i]) && v.p[i] != '-')
			return false;
	return true;
}

static bool
is_number(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (!is_digit(v.p[i]))
			return false;
	return true;
}

/* RFC 1123 2.1: what ends in a number is an address, not a name. */
static bool
is_host_name(struct view v)
{
	struct view label = VIEW("");
	struct in6_addr ignored;

	if (is_address(AF_INET, v, &ignored))
		return true;
	while (v.p != NULL) {
		label = view_cut(&v, '.');
		if (!is_label(label))
			return false;
	}
	return !is_number(label);
}

struct view
conf_unbracket(struct view v)
{
	if (v.len > 2 && v.p[0] == '[' && v.p[v.len - 1] == ']')
		return (struct view){ v.p + 1, v.len - 2 };
	return v;
}

/* Append a name in other letters than ASCII's, as DNS knows it. */
static int
put_idn(struct buf *to, struct view word)
{
	size_t mark = to->len;

	/* A "%" would be decoded: it is the URL's, not the operator's. */
	if (memchr(word.p, '%', word.len) != NULL ||
	    uri_normalise_host(to, word) != URI_OK)
		return -1;
	return is_host_name(view_skip(buf_view(to), mark)) ? 0 : -1;
}

/* Append a host in the form in which hosts are compared. */
static int
put_compared_host(struct buf *to, struct view word)
{
	char literal[INET6_ADDRSTRLEN + 2];
	struct in6_addr ignored;

	if (view_has_prefix(word, VIEW("*."))) {
		word = view_skip(word, 2);
		if (is_address(AF_INET, word, &ignored) ||
		    is_address(AF_INET6, conf_unbracket(word), &ignored))
			return -1;
		buf_puts(to, "*.");
	}
	if (idn_is_needed(word))
		return put_idn(to, word);
	if (is_address(AF_INET6, conf_unbracket(word), &ignored)) {
		snprintf(literal, sizeof(literal), "[%.*s]",
		    VIEW_ARG(conf_unbracket(word)));
		word = view_of(literal);
	} else if (!is_host_name(word)) {
		return -1;
	}
	return uri_normalise_host(to, word) == URI_OK ? 0 : -1;
}

static bool
list_has(const struct conf_list *list, struct view v)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (view_eq(list->v[i], v))
			return true;
	return false;
}

static int
add_host(struct conf_list *list, struct arena *arena, struct view word,
    struct buf *why)
{
	struct buf host;
	int result = -1;

	buf_init(&host, URI_HOST_MAX * 2);
	if (put_compared_host(&host, word) != 0)
		conf_refuse(why, word,
		    "is not a host name (letters, digits, hyphens and dots) "
		    "or an address");
	else if (list_has(list, buf_view(&host)))
		conf_refuse(why, word, "stands twice");
	else if (list->n == 0 && view_has_prefix(word, VIEW("*")))
		conf_refuse(why, word,
		    "cannot be the first: that is written into menus");
	else {
		list->v[list->n++] = arena_copy(arena, buf_view(&host));
		result = 0;
	}
	buf_fini(&host);
	return result;
}

/*
 * An address may be longer in its normal form, "::1:2" being "::0.1.0.2":
 * a full line of those could not be printed and read again.
 */
static bool
list_fits_line(const struct conf_list *list)
{
	struct buf text;
	bool result;

	buf_init(&text, CONF_LINE_MAX - strlen("hostname="));
	conf_hosts_put(list, &text);
	result = !text.failed;
	buf_fini(&text);
	return result;
}

int
conf_hosts_set(struct conf_list *to, struct arena *arena, struct view text,
    struct buf *why)
{
	struct conf_list list = { NULL, 0 };
	size_t n = count_words(text);

	if (n == 0)
		return -1;
	list.v = arena_alloc(arena, n * sizeof(*list.v));
	while (n-- > 0)
		if (add_host(&list, arena, next_list_word(&text), why) != 0)
			return -1;
	if (!list_fits_line(&list)) {
		buf_printf(why, "the list is too long for a line");
		return -1;
	}
	*to = list;
	return 0;
}

/* Without brackets, so that the line does not outgrow what was read. */
void
conf_hosts_put(const struct conf_list *list, struct buf *to)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (i > 0)
			buf_putc(to, ' ');
		buf_put(to, conf_unbracket(list->v[i]));
	}
}

/* -- addresses to listen on -- */

/* A socket of this machine; no control byte gets as far as here. */
static int
parse_unix(struct view path, struct conf_listen *to)
{
	if (!view_has_prefix(path, VIEW("/")) ||
	    view_has_suffix(path, VIEW("/")) || path.len > CONF_UNIX_MAX)
		return -1;
	*to = (struct conf_listen){ .host = path, .family = AF_UNIX };
	return 0;
}

/*
 * Cut a word into host and port.
 *
 *	word = [ host ":" ] port / "unix:" path
 *	host = "*" / IPv4 / "[" IPv6 "]"
 */
static int
parse_listen(struct view word, struct conf_listen *to)
{
	struct view host = VIEW("*"), port = word;
	struct in6_addr ignored;
	unsigned long n;
	size_t i;

	if (view_has_prefix(word, VIEW(UNIX)))
		return parse_unix(view_skip(word, strlen(UNIX)), to);
	for (i = word.len; i > 0 && word.p[i - 1] != ':';)
		i--;
	if (i > 0) {
		host = (struct view){ word.p, i - 1 };
		port = view_skip(word, i);
	}
	if (view_to_number(port, PORT_MAX, &n) != 0)
		return -1;
	memset(to, 0, sizeof(*to));
	to->port = (int)n;
	to->optional = view_eq(host, VIEW("*"));
	to->host = to->optional ? VIEW("") : conf_unbracket(host);
	to->family = to->host.len < host.len ? AF_INET6 : AF_INET;
	if (!to->optional && !is_address(to->family, to->host, &ignored))
		return -1;
	return 0;
}

/* The binary form of where l listens; an empty host is all zeros, as any. */
static struct in6_addr
address_of(const struct conf_listen *l)
{
	struct in6_addr address;

	(void)is_address(l->family, l->host, &address);
	return address;
}

/* Port 0 is a new one each time. */
static bool
listen_eq(const struct conf_listen *a, const struct conf_listen *b)
{
	struct in6_addr one, other;

	if (a->family == AF_UNIX || b->family == AF_UNIX)
		return a->family == b->family && view_eq(a->host, b->host);
	one = address_of(a);
	other = address_of(b);
	return a->family == b->family && a->port == b->port && a->port != 0 &&
	    memcmp(&one, &other, sizeof(one)) == 0;
}

static bool
listens_have(const struct conf_listens *ls, const struct conf_listen *l)
{
	size_t i;

	for (i = 0; i < ls->n; i++)
		if (listen_eq(&ls->v[i], l))
			return true;
	return false;
}

bool
conf_listens_meet(const struct conf_listens *a, const struct conf_listens *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (listens_have(a, &b->v[i]))
			return true;
	return false;
}

/* Add a word: one address, or for "*" one in each family. */
static int
add_listen(struct conf_listens *ls, struct arena *arena,
    const struct conf_listen *l)
{
	struct conf_listen one = *l;

	one.host = arena_copy(arena, l->host);
	if (one.optional)
		one.family = AF_INET6;
	if (listens_have(ls, &one))
		return -1;
	ls->v[ls->n++] = one;
	if (!one.optional)
		return 0;
	one.family = AF_INET;
	if (listens_have(ls, &one))
		return -1;
	ls->v[ls->n++] = one;
	return 0;
}

/* The words of a list, one after the other. */
static int
add_words(struct conf_listens *ls, struct arena *arena, struct view text,
    struct buf *why)
{
	struct conf_listen l;
	struct view word;
	int pair = 0;

	while ((word = next_list_word(&text)).len > 0) {
		if (parse_listen(word, &l) != 0)
			return conf_refuse(why, word,
			    "is not PORT, *:PORT, IPV4:PORT or [IPV6]:PORT "
			    "with a port from 0 to 65535, nor unix:/PATH of "
			    "at most 103 bytes, nor off");
		l.pair = pair++;
		if (add_listen(ls, arena, &l) != 0)
			return conf_refuse(why, word, "stands twice");
	}
	return 0;
}

int
conf_listens_set(struct conf_listens *to, struct arena *arena, struct view text,
    struct buf *why)
{
	struct conf_listens ls = { NULL, 0 };
	size_t n = count_words(text);

	if (n == 0)
		return -1;
	if (n > CONF_LISTEN_MAX) {
		buf_printf(why, "%zu addresses are more than %d", n,
		    CONF_LISTEN_MAX);
		return -1;
	}
	ls.v = arena_alloc(arena, 2 * n * sizeof(*ls.v));
	if (!view_eq(view_trim(text), VIEW("off")) &&
	    add_words(&ls, arena, text, why) != 0)
		return -1;
	*to = ls;
	return 0;
}

static void
put_one(const struct conf_listen *l, struct buf *to)
{
	if (l->family == AF_UNIX) {
		buf_printf(to, UNIX "%s", l->host.p);
		return;
	}
	if (l->optional)
		buf_puts(to, "*");
	else
		buf_printf(to, l->family == AF_INET6 ? "[%s]" : "%s",
		    l->host.p);
	buf_printf(to, ":%d", l->port);
}

void
conf_listens_put(const struct conf_listens *ls, struct buf *to)
{
	size_t i;

	if (ls->n == 0)
		buf_puts(to, "off");
	for (i = 0; i < ls->n; i++) {
		/* The other half of a "*" is said already. */
		if (i > 0 && ls->v[i].pair == ls->v[i - 1].pair)
			continue;
		if (i > 0)
			buf_putc(to, ' ');
		put_one(&ls->v[i], to);
	}
}

/* -- addresses and networks -- */

static bool
networks_have(const struct conf_networks *nets, const struct cidr *net)
{
	size_t i;

	for (i = 0; i < nets->n; i++)
		if (cidr_eq(&nets->v[i], net))
			return true;
	return false;
}

static int
add_network(struct conf_networks *nets, struct arena *arena, struct view word,
    struct buf *why)
{
	/* Whoever comes by a socket of this machine: no bit has to agree. */
	struct cidr net = { .family = AF_UNIX };
	bool is_unix = view_eq(word, VIEW("unix"));

	switch (is_unix ? CIDR_OK : cidr_parse(word, &net)) {
	case CIDR_OK:
		break;
	case CIDR_INNER:
		return conf_refuse(why, word,
		    "is inside a network: bits are set beyond those after "
		    "the \"/\"");
	default:
		return conf_refuse(why, word,
		    "is not an address such as 192.0.2.1 or 2001:db8::1, a "
		    "network such as 10.0.0.0/8 or fd00::/8, unix, or no");
	}
	if (networks_have(nets, &net))
		return conf_refuse(why, word, "stands twice");
	nets->text[nets->n] = arena_copy(arena, word);
	nets->v[nets->n++] = net;
	return 0;
}

int
conf_networks_set(struct conf_networks *to, struct arena *arena,
    struct view text, struct buf *why)
{
	struct conf_networks nets = { .n = 0 };
	size_t n = count_words(text);

	if (n == 0)
		return -1;
	if (view_eq(view_trim(text), VIEW("no")))
		n = 0;
	nets.v = arena_alloc(arena, (n + 1) * sizeof(*nets.v));
	nets.text = arena_alloc(arena, (n + 1) * sizeof(*nets.text));
	while (n-- > 0)
		if (add_network(&nets, arena, next_list_word(&text), why) != 0)
			return -1;
	*to = nets;
	return 0;
}

/* As they were written: another spelling could be too long for the line. */
void
conf_networks_put(const struct conf_networks *nets, struct buf *to)
{
	size_t i;

	if (nets->n == 0)
		buf_puts(to, "no");
	for (i = 0; i < nets->n; i++) {
		if (i > 0)
			buf_putc(to, ' ');
		buf_put(to, nets->text[i]);
	}
}
