/*
 * redirect.c - resolve a redirect against the selector that it stands at.
 *
 * Floor site.
 */
#include "site/redirect.h"

#include "base/buf.h"
#include "format/gemini.h"
#include "format/uri.h"

bool
redirect_lead(const struct snapshot *s, const struct site *site,
    const struct page *page, struct buf *to)
{
	char room[GEMINI_META_MAX * 4], name[URI_HOST_MAX + 2];
	struct buf path = { room, 0, sizeof(room) / 2, sizeof(room) / 2,
		false };
	struct buf whole = { room + path.max, 0, path.max, path.max, false };
	struct buf host = { name, 0, sizeof(name), sizeof(name), false };
	struct uri base, ref, uri;

	uri_encode_path(&path, page->selector);
	if (uri_parse(buf_view(&path), &base) != URI_OK ||
	    uri_parse(page->target, &ref) != URI_OK)
		return false;
	if (ref.has_authority &&
	    (!view_eq_nocase(ref.scheme, VIEW("gemini")) || ref.port.len > 0 ||
		uri_normalise_host(&host, ref.host) != URI_OK ||
		snapshot_site(s, buf_view(&host)) != site))
		return false;
	if (ref.scheme.len > 0 && !ref.has_authority)
		return false;
	uri_resolve(&whole, &base, &ref);
	return uri_parse(buf_view(&whole), &uri) == URI_OK &&
	    uri_path_to_selector(to, uri.path) == URI_OK;
}

void
redirect_tell(const struct conf *conf, const struct page *page,
    struct problems *notes)
{
	problems_add(notes, conf->path, page->line,
	    "[selectors] %.*s: the redirect to \"%.*s\" goes nowhere: there "
	    "is no such file; put it there, or change the line",
	    VIEW_ARG(page->selector), VIEW_ARG(page->target));
}
