/*
 * builtin_answers.c - error menus, the page for browsers, Gopher+ and caps.txt.
 *
 * Floor site.  Prepared once for each capsule while loading, because they
 * carry its name; nothing of a request is ever repeated in them.
 */
#include "site/builtin_answers.h"

#include "format/gemini.h"
#include "format/gopher.h"
#include "format/html.h"

#define NOTICE_MAX ((size_t)64 << 10) /* bytes of one of them */

static struct answer
keep(struct arena *arena, int status, struct buf *text)
{
	struct answer a = { .status = status };

	a.bytes = arena_copy(arena, buf_view(text));
	buf_reset(text);
	return a;
}

static struct answer
error_menu(struct arena *arena, int status, const char *words, struct buf *text)
{
	gopher_error_write(text, view_of(words));
	buf_puts(text, GOPHER_LASTLINE);
	return keep(arena, status, text);
}

/*
 * Browsers that are pointed here speak HTTP, and refuse an answer without a
 * header on this port: so they get the smallest one.
 */
static void
http_page(struct buf *to, const struct site *site, const struct render *r)
{
	struct buf page;

	buf_init(&page, NOTICE_MAX);
	buf_puts(&page,
	    "<!DOCTYPE html><html><head><meta charset=\"utf-8\">"
	    "<title>");
	html_text(&page, site->title);
	buf_puts(&page,
	    "</title></head><body><p>This port speaks Gopher, not "
	    "HTTP. With a Gopher client: gopher://");
	html_text(&page, r->host);
	if (r->port != GOPHER_PORT)
		buf_printf(&page, ":%d", r->port);
	buf_puts(&page, "/ and with a Gemini client: <a href=\"gemini://");
	html_text(&page, r->host);
	buf_puts(&page, "/\">gemini://");
	html_text(&page, r->host);
	buf_puts(&page, "/</a></p></body></html>\r\n");
	buf_printf(to,
	    "HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	    page.len);
	buf_put(to, buf_view(&page));
	buf_fini(&page);
}

/* v as one field of a menu line or of caps.txt: no TAB and no line end. */
static void
put_field(struct buf *to, struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		buf_putc(to, (unsigned char)v.p[i] < ' ' ? ' ' : v.p[i]);
}

/* The one item that has attributes is the capsule, so that people learn whom
 * to write to. */
static void
plus_attributes(struct buf *to, const struct site *site, const struct render *r)
{
	buf_puts(to, "+-2\r\n+INFO: 1");
	put_field(to, site->title);
	buf_puts(to, "\t\t");
	put_field(to, r->host);
	buf_printf(to, "\t%d\r\n+ADMIN:\r\n Admin: ", r->port);
	put_field(to, site->admin);
	buf_puts(to, "\r\n");
}

void
builtin_answers_prepare(struct arena *arena, struct site *site,
    const struct render *r)
{
	struct buf text;

	buf_init(&text, NOTICE_MAX);
	site->not_found =
	    error_menu(arena, GEMINI_NOT_FOUND, "Not found", &text);
	site->bad_request =
	    error_menu(arena, GEMINI_BAD_REQUEST, "Bad request", &text);
	site->slow_down = error_menu(arena, GEMINI_SLOW_DOWN,
	    "Too many requests: wait a second", &text);
	site->damaged = error_menu(arena, GEMINI_TEMPORARY_FAILURE,
	    "This cannot be read just now", &text);
	site->forbidden = error_menu(arena, GEMINI_CERTIFICATE_REQUIRED,
	    "Only over Gemini, with a certificate", &text);
	http_page(&text, site, r);
	site->http = keep(arena, GEMINI_BAD_REQUEST, &text);
	plus_attributes(&text, site, r);
	site->plus = keep(arena, GEMINI_SUCCESS, &text);
	buf_fini(&text);
}

static void
put_cap(struct buf *to, const char *key, struct view value)
{
	if (value.len == 0)
		return;
	buf_printf(to, "%s=", key);
	put_field(to, value);
	buf_putc(to, '\n');
}

void
builtin_answers_caps(struct buf *to, const struct conf_gopher *gopher,
    const struct site *site, const struct render *r)
{
	static const char *const charsets[] = { [UTF8_UTF8] = "UTF-8",
		[UTF8_LATIN1] = "ISO-8859-1",
		[UTF8_ASCII] = "US-ASCII" };

	buf_puts(to,
	    "CAPS\n\nCapsVersion=1\nExpireCapsAfter=3600\n\n"
	    "PathDelimeter=/\nPathIdentity=.\nPathParent=..\n"
	    "PathParentDouble=FALSE\nPathKeepPreDelimeter=FALSE\n\n"
	    "ServerSoftware=capsuled\n");
	put_cap(to, "ServerSoftwareVersion", VIEW(CAPSULED_VERSION));
	put_cap(to, "ServerDescription", site->title);
	put_cap(to, "ServerDefaultEncoding", view_of(charsets[r->charset]));
	put_cap(to, "ServerAdmin", site->admin);
	buf_puts(to, "ServerSupportsStdinScripts=FALSE\n");
	if (gopher->tls)
		buf_printf(to, "ServerTLSPort=%d\n", r->port);
}
