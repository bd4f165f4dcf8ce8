/*
 * html.c - escaped text and the page behind "URL:" selectors.
 *
 * Floor format.  What goes into the page was sent by whoever made the link, so
 * it is written as text and never as markup.
 */
#include "format/html.h"

#include <stddef.h>

#include "format/utf8.h"

/* Schemes that lead to a place or a person. */
static const struct view schemes[] = { VIEW_INIT("http"), VIEW_INIT("https"),
	VIEW_INIT("gemini"), VIEW_INIT("gopher"), VIEW_INIT("gophers"),
	VIEW_INIT("finger"), VIEW_INIT("spartan"), VIEW_INIT("nex"),
	VIEW_INIT("ftp"), VIEW_INIT("ftps"), VIEW_INIT("sftp"),
	VIEW_INIT("ssh"), VIEW_INIT("telnet"), VIEW_INIT("mailto"),
	VIEW_INIT("news"), VIEW_INIT("nntp"), VIEW_INIT("irc"),
	VIEW_INIT("ircs"), VIEW_INIT("xmpp"), VIEW_INIT("sip"),
	VIEW_INIT("tel"), VIEW_INIT("magnet") };

void
html_text(struct buf *to, struct view text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		switch (text.p[i]) {
		case '&':
			buf_puts(to, "&amp;");
			break;
		case '<':
			buf_puts(to, "&lt;");
			break;
		case '>':
			buf_puts(to, "&gt;");
			break;
		case '"':
			buf_puts(to, "&quot;");
			break;
		case '\'':
			buf_puts(to, "&#39;");
			break;
		default:
			buf_putc(to, text.p[i]);
		}
}

static bool
has_known_scheme(struct view url)
{
	struct view rest = url, scheme = view_cut(&rest, ':');
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (rest.len > 0 && view_eq_nocase(scheme, schemes[i]))
			return true;
	return false;
}

/* True if url holds no blank and no control: neither belongs in one. */
static bool
is_clean_url(struct view url)
{
	size_t i;

	for (i = 0; i < url.len; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f)
			return false;
	return utf8_is_valid(url);
}

bool
html_redirect(struct buf *to, struct view url)
{
	if (!has_known_scheme(url) || !is_clean_url(url))
		return false;
	buf_puts(to,
	    "<!DOCTYPE html><html><head><meta charset=\"utf-8\">"
	    "<meta http-equiv=\"refresh\" content=\"2;url=");
	html_text(to, url);
	buf_puts(to,
	    "\"><title>Elsewhere</title></head><body><p>"
	    "This link leads out of Gopher, to <a href=\"");
	html_text(to, url);
	buf_puts(to, "\">");
	html_text(to, url);
	buf_puts(to, "</a></p></body></html>\r\n");
	return true;
}
