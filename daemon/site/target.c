/*
 * target.c - read the address of an application server.
 *
 * Floor site.  conf_map.c asks what is wrong with a line, pages.c what item
 * its selector is, prepare.c for all of it.  Addresses are numbers or names
 * of sockets: looking up a host is not for a program that starts at boot.
 */
#include "site/target.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <string.h>

#include "format/mime.h"
#include "site/conf_quote.h"

#define PORT_MAX 65535 /* RFC 9293 3.1 */

/* The first word of *rest, which is then what follows; empty after the last. */
static struct view
next_target_word(struct view *rest)
{
	struct view v = view_trim(*rest);
	size_t n = 0;

	while (n < v.len && v.p[n] != ' ' && v.p[n] != '\t')
		n++;
	*rest = view_skip(v, n);
	return (struct view){ v.p, n };
}

bool
target_is(struct view value)
{
	struct view action = next_target_word(&value);

	return view_eq(action, VIEW("@fastcgi")) ||
	    view_eq(action, VIEW("@scgi"));
}

static int
refuse_address(struct view address, struct buf *why)
{
	return conf_refuse(why, address,
	    "is not unix:SOCKET, IPV4:PORT or [IPV6]:PORT with a port from 1 "
	    "to 65535");
}

static int
read_unix(const struct conf *conf, struct view address, struct arena *a,
    struct target *to, struct buf *why)
{
	struct view path = view_skip(address, strlen("unix:"));
	const char *slash = strrchr(conf->path, '/');
	char room[TARGET_PATH_MAX];
	struct buf whole = { room, 0, sizeof(room), sizeof(room), false };

	if (path.len == 0 || view_has_suffix(path, VIEW("/")))
		return refuse_address(address, why);
	if (path.p[0] != '/' && slash != NULL)
		buf_put(&whole,
		    (struct view){ conf->path,
			(size_t)(slash - conf->path) + 1 });
	buf_put(&whole, path);
	if (whole.failed) {
		(void)conf_refuse(why, path, "is too long for a socket: ");
		buf_printf(why, "with its folder it may have %d bytes",
		    TARGET_PATH_MAX);
		return -1;
	}
	to->family = TARGET_UNIX;
	to->host = arena_copy(a, buf_view(&whole));
	return 0;
}

static int
read_inet(struct view address, struct arena *a, struct target *to,
    struct buf *why)
{
	struct in6_addr ignored;
	struct view host, port;
	unsigned long n;
	size_t i;

	for (i = address.len; i > 0 && address.p[i - 1] != ':';)
		i--;
	if (i == 0)
		return refuse_address(address, why);
	host = (struct view){ address.p, i - 1 };
	port = view_skip(address, i);
	to->family = TARGET_IPV4;
	if (view_has_prefix(host, VIEW("[")) &&
	    view_has_suffix(host, VIEW("]"))) {
		to->family = TARGET_IPV6;
		host = (struct view){ host.p + 1, host.len - 2 };
	}
	to->host = arena_copy(a, host);
	if (view_to_number(port, PORT_MAX, &n) != 0 || n == 0 ||
	    inet_pton(to->family == TARGET_IPV4 ? AF_INET : AF_INET6,
		to->host.p, &ignored) != 1)
		return refuse_address(address, why);
	to->port = (int)n;
	return 0;
}

/* What may follow the address: a script, an item type, or both. */
static int
read_rest(struct view selector, struct view rest, struct arena *a,
    struct target *to, struct buf *why)
{
	struct view word = next_target_word(&rest);

	if (view_has_prefix(word, VIEW("/"))) {
		to->script = arena_copy(a, word);
		word = next_target_word(&rest);
	}
	if (view_has_suffix(to->script, VIEW("/")) &&
	    !view_has_suffix(selector, VIEW("/")))
		return conf_refuse(why, to->script,
		    "is a folder of scripts, and needs a selector that ends "
		    "with \"/\"");
	if (word.len == 1) {
		to->item = word.p[0];
		if (!mime_is_item(to->item))
			return conf_refuse(why, word,
			    "is not an item type: a letter or digit, not i "
			    "or 3");
		word = next_target_word(&rest);
	}
	if (word.len > 0)
		return conf_refuse(why, word,
		    "is neither the full path of a script nor an item type, "
		    "or stands too late");
	return 0;
}

int
target_parse(const struct conf *conf, const struct conf_pair *pair,
    struct arena *a, struct target *to, struct buf *why)
{
	struct view rest = pair->value, action = next_target_word(&rest);
	struct view address = next_target_word(&rest);
	struct target got = { .item = '1' };
	int result;

	got.is_scgi = view_eq(action, VIEW("@scgi"));
	got.script = got.mapped = got.root = VIEW("");
	if (address.len == 0) {
		buf_printf(why,
		    "an application needs an address, such as %.*s "
		    "unix:/run/app.sock",
		    VIEW_ARG(action));
		return -1;
	}
	got.name = arena_copy(a, address);
	result = view_has_prefix(address, VIEW("unix:"))
	    ? read_unix(conf, address, a, &got, why)
	    : read_inet(address, a, &got, why);
	if (result == 0)
		result = read_rest(pair->key, rest, a, &got, why);
	if (result == 0)
		*to = got;
	return result;
}
