/*
 * link.c - resolve, then ask the snapshot: what it says is what is served.
 *
 * Floor ctl.
 */
#include "ctl/link.h"

#include <stdint.h>

#include "format/gemini.h"
#include "format/gopher.h"
#include "format/uri.h"
#include "site/pages.h"

/* What each of the three texts of a struct links is for. */
enum { BASE, WHOLE, SELECTOR };

void
link_init(struct links *l, const struct snapshot *s, const struct site *site,
    int gopher_port)
{
	size_t i;

	*l = (struct links){ s, site, VIEW("/"), gopher_port };
	for (i = 0; i < sizeof(l->text) / sizeof(l->text[0]); i++)
		buf_init(&l->text[i], SIZE_MAX);
}

void
link_fini(struct links *l)
{
	size_t i;

	for (i = 0; i < sizeof(l->text) / sizeof(l->text[0]); i++)
		buf_fini(&l->text[i]);
}

/* The text, emptied for another use. */
static struct buf *
anew(struct links *l, int which)
{
	buf_reset(&l->text[which]);
	return &l->text[which];
}

/* The capsule of this daemon that has the host, or NULL. */
static const struct site *
site_of(const struct links *l, struct view host)
{
	char room[URI_HOST_MAX + 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };

	return uri_normalise_host(&name, host) == URI_OK
	    ? snapshot_site(l->snapshot, buf_view(&name))
	    : NULL;
}

/* What is to be said of a selector, whose bytes stay, on a site of ours. */
static struct link
look(const struct site *site, struct view selector)
{
	struct link link = { .state = LINK_DEAD,
		.target = selector,
		.moved = VIEW(""),
		.site = site };
	const struct answer *gemini = &link.entry.gemini;

	/* What lies below an application is its own to know. */
	link.is_there = site_find(site, selector, &link.entry) ||
	    site_find_above(site, selector, &link.entry);
	if (!link.is_there)
		return link;
	link.state = LINK_FINE;
	if (gemini->status == GEMINI_NOT_FOUND)
		link.state = LINK_DEAD; /* Gopher's alone */
	else if (gemini->status == GEMINI_GONE)
		link.state = LINK_GONE;
	else if (gemini->status / 10 == 3) {
		link.state = LINK_MOVED;
		/* "31 " and CRLF stand around it. */
		link.moved = view_trim(view_skip(gemini->bytes, 3));
	}
	return link;
}

/* Gopher forgives a "/" that is missing before or one too many behind. */
static struct link
look_gopher(struct links *l, const struct site *site, struct view selector)
{
	struct buf *whole = anew(l, SELECTOR);
	struct link link;

	if (!view_has_prefix(selector, VIEW("/")))
		buf_putc(whole, '/');
	buf_put(whole, selector);
	selector = buf_view(whole);
	link = look(site, selector);
	if (!link.is_there && memchr(selector.p, '?', selector.len)) {
		/* Words for a search, or an application, chosen already. */
		link = look(site, view_cut(&selector, '?'));
		if (!link.is_there ||
		    (link.entry.kind != ENTRY_SEARCH && link.entry.app == NULL))
			link = look(site, buf_view(whole));
	}
	selector = buf_view(whole);
	if (!link.is_there && selector.len > 1 &&
	    view_has_suffix(selector, VIEW("/"))) {
		selector.len--;
		link = look(site, selector);
	}
	/* There, a folder without its "/" is the folder; so with applications.
	 */
	if (link.is_there &&
	    (link.entry.gopher.status == GEMINI_SUCCESS ||
		link.entry.app != NULL))
		link.state = LINK_FINE;
	return link;
}

static struct link
away(struct view target)
{
	return (struct link){ .state = LINK_AWAY, .target = target };
}

static struct link
above(struct view path, const struct site *site)
{
	return (
	    struct link){ .state = LINK_ABOVE, .target = path, .site = site };
}

static bool
is_port(struct view port, unsigned long want)
{
	unsigned long n;

	return view_to_number(port, 65535, &n) == 0 && n == want;
}

/* gopher://host[:port]/Tselector (RFC 4266), if it is ours. */
static struct link
aim_gopher(struct links *l, const struct uri *u)
{
	const struct site *site = site_of(l, u->host);
	struct buf *path = anew(l, BASE);
	struct view port = u->port.len > 0 ? u->port : VIEW("70");

	if (site != l->site || !is_port(port, (unsigned long)l->gopher_port) ||
	    uri_decode(path, view_skip(u->path, 1)) != URI_OK)
		return away(buf_view(&l->text[WHOLE]));
	return look_gopher(l, site, view_skip(buf_view(path), 1));
}

static struct link
aim_gemini(struct links *l, const struct uri *u)
{
	const struct site *site = site_of(l, u->host);
	struct buf *selector = anew(l, SELECTOR);

	if (site == NULL || u->has_userinfo ||
	    (u->port.len > 0 && !is_port(u->port, GEMINI_PORT)))
		return away(buf_view(&l->text[WHOLE]));
	if (uri_path_to_selector(selector, u->path) != URI_OK)
		return above(u->path, site);
	return look(site, buf_view(selector));
}

struct link
link_of_uri(struct links *l, struct view target)
{
	struct buf *base = anew(l, BASE), *mended = anew(l, SELECTOR);
	struct buf *whole = anew(l, WHOLE);
	struct uri from, ref, u;
	bool is_gemini;

	buf_puts(base, "gemini://");
	buf_put(base, l->site->hosts[0]);
	uri_encode_path(base, l->selector);
	/* People write links in their own letters; so do clients. */
	uri_mend(mended, target);
	if (uri_parse(buf_view(base), &from) != URI_OK ||
	    uri_parse(buf_view(mended), &ref) != URI_OK)
		return (struct link){ .state = LINK_BAD, .target = target };
	uri_resolve(whole, &from, &ref);
	if (uri_parse(buf_view(whole), &u) != URI_OK)
		return (struct link){ .state = LINK_BAD, .target = target };
	is_gemini = view_eq_nocase(u.scheme, VIEW("gemini"));
	if (is_gemini || view_eq_nocase(u.scheme, VIEW("gopher"))) {
		if (u.host.len == 0)
			return (
			    struct link){ .state = LINK_BAD, .target = target };
		return is_gemini ? aim_gemini(l, &u) : aim_gopher(l, &u);
	}
	return away(buf_view(whole));
}

/* A relative selector as it is seen from the folder of the map. */
static struct link
from_folder(struct links *l, struct view selector)
{
	struct buf *path = anew(l, BASE), *whole = anew(l, WHOLE);

	uri_encode_path(path,
	    view_has_suffix(l->selector, VIEW("/"))
		? l->selector
		: pages_folder(l->selector));
	uri_encode_path(path, selector);
	if (uri_path_to_selector(whole, buf_view(path)) != URI_OK)
		return above(selector, l->site);
	return look_gopher(l, l->site, buf_view(whole));
}

struct link
link_of_item(struct links *l, const struct gophermap_line *line)
{
	struct view selector = line->selector, url;
	bool here = line->host.len == 0;

	url = view_skip(selector, view_has_prefix(selector, VIEW("/")));
	if (view_has_prefix(url, VIEW("URL:")))
		return link_of_uri(l, view_skip(url, 4));
	if (line->type == '8' || line->type == 'T' ||
	    (!here && site_of(l, line->host) != l->site) ||
	    (line->port != 0 && line->port != l->gopher_port))
		return away(selector);
	if (here && selector.len == 0)
		selector = line->text;
	if (here && !view_has_prefix(selector, VIEW("/")))
		return from_folder(l, selector);
	return look_gopher(l, l->site, selector);
}
