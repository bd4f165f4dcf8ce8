/*
 * render.c - one source, two protocols: what each of them gets.
 *
 * Floor format.  Every line goes the same way: a parser's event (gemtext.c,
 * gophermap.c), clean text (utf8.c), then a menu line (gopher.c) or a line of
 * gemtext.  Nothing that a source holds can add a line of its own to a menu
 * or a link to gemtext.  The loader calls in while loading; a rendering is
 * made once and sent many times.
 *
 * How gemtext looks in a menu.  Headings of level 1 and 2 are underlined with
 * "=" and "-", as wide as their text and no wider: that is seen at a glance
 * in every client, none of which shows an info line in bold, and it costs
 * some 30 bytes a heading, 50 ms at 9600 bit/s.  Level 3 stands alone on its
 * line.  A blank line is put before a heading that has none.  List items keep
 * "* ", quotes "> ", on each line of theirs.
 *
 * The text of a link that is longer than a line goes on in info lines below
 * its item: sacc and the UMN client cut a name at the edge of the screen, and
 * lynx breaks it there amid a word.  RFC 1436 wants less than 70 characters.
 */
#include "format/render.h"

#include <stdint.h>

#include "format/gemini.h"
#include "format/gemtext.h"
#include "format/gopher.h"
#include "format/gophermap.h"
#include "format/mime.h"
#include "format/uri.h"

#define PORT_MAX    65535
#define TELNET_PORT 23
#define KILO        1024 /* bytes in a KB, as ls -h counts */

/*
 * Display columns kept free behind the name of an item that is neither a text
 * nor a menu: there the UMN client writes what it is, " <Picture>" at most,
 * and of 80 columns it has 69 for both.
 */
#define MARK_COLUMNS 8

/* A rendering under way, with its memory: grown once, used for every line. */
struct page {
	struct buf *to;
	const struct render *r;
	struct buf clean, folded; /* shown_text() */
	struct buf line;          /* a display line with its prefix */
	struct buf coded;         /* in the charset's bytes */
	struct buf words;         /* a text put together from several */
	struct buf target, whole, selector; /* of a link */
	struct buf base_text;
	struct uri base; /* where relative links start */
	size_t blanks;   /* empty lines that wait for what follows them */
	bool started;    /* something was written */
	bool in_block;   /* of preformatted gemtext */
};

/* Every struct buf of a page, for those who treat them all alike. */
#define SCRATCH(p)                                                             \
	{                                                                      \
		&(p)->clean, &(p)->folded, &(p)->line, &(p)->coded,            \
		    &(p)->words, &(p)->target, &(p)->whole, &(p)->selector,    \
		    &(p)->base_text                                            \
	}

static void
page_init(struct page *p, struct buf *to, const struct render *r)
{
	struct buf *scratch[] = SCRATCH(p);
	size_t i;

	*p = (struct page){ .to = to, .r = r };
	for (i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++)
		buf_init(scratch[i], SIZE_MAX);
}

/* Free p's memory; a line that found none makes the whole rendering fail. */
static void
page_fini(struct page *p)
{
	struct buf *scratch[] = SCRATCH(p);
	size_t i;

	for (i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++) {
		if (scratch[i]->failed)
			p->to->failed = true;
		buf_fini(scratch[i]);
	}
}

/* -- text -- */

/*
 * v as it will be shown: clean, and in the charset's repertoire, but still as
 * UTF-8, because it is now that it has the width it will have.
 */
static struct view
shown_text(struct page *p, struct view v)
{
	buf_reset(&p->clean);
	utf8_clean(&p->clean, v);
	if (p->r->charset == UTF8_UTF8)
		return buf_view(&p->clean);
	buf_reset(&p->folded);
	utf8_fold(&p->folded, buf_view(&p->clean), p->r->charset);
	return buf_view(&p->folded);
}

/* Shown text as bytes of the charset. */
static struct view
to_charset(struct page *p, struct view v)
{
	if (p->r->charset != UTF8_LATIN1)
		return v;
	buf_reset(&p->coded);
	utf8_encode(&p->coded, v, p->r->charset);
	return buf_view(&p->coded);
}

/* Write the empty lines that were put off: none follow the last text. */
static void
flush_blanks(struct page *p)
{
	for (; p->blanks > 0; p->blanks--)
		gopher_info_write(p->to, VIEW(""));
	p->started = true;
}

static void
put_info(struct page *p, struct view text)
{
	flush_blanks(p);
	gopher_info_write(p->to, to_charset(p, text));
}

static void
put_item(struct page *p, const struct gopher_item *it)
{
	flush_blanks(p);
	gopher_item_write(p->to, it);
}

/* An info line of prefix and text; a prefix alone needs no blank at its end. */
static void
put_prefixed(struct page *p, struct view prefix, struct view text)
{
	if (prefix.len == 0) {
		put_info(p, text);
		return;
	}
	if (text.len == 0)
		while (prefix.len > 0 && prefix.p[prefix.len - 1] == ' ')
			prefix.len--;
	buf_reset(&p->line);
	buf_put(&p->line, prefix);
	buf_put(&p->line, text);
	put_info(p, buf_view(&p->line));
}

/*
 * Wrap text to the page's columns, first before its first line and next
 * before the others; both are ASCII.
 */
static void
put_paragraph(struct page *p, struct view first, struct view next,
    struct view text)
{
	struct view rest = shown_text(p, text);
	int room = p->r->columns - (int)first.len;

	do {
		put_prefixed(p, first, utf8_wrap(&rest, room > 0 ? room : 1));
		first = next;
	} while (rest.len > 0);
}

/* An item of that name, which is shown_text() text and may need several lines.
 */
static void
put_named_item(struct page *p, struct gopher_item *it, struct view name)
{
	bool is_plain = it->type == '0' || it->type == '1';
	int room = p->r->columns - (is_plain ? 0 : MARK_COLUMNS);

	it->name = to_charset(p, utf8_wrap(&name, room));
	put_item(p, it);
	while (name.len > 0)
		put_prefixed(p, VIEW("  "),
		    utf8_wrap(&name, p->r->columns - 2));
}

static void
put_heading(struct page *p, int level, struct view text)
{
	struct view rest = shown_text(p, text), line;
	int width, widest = 0;

	if (text.len == 0)
		return;
	if (p->started && p->blanks == 0)
		p->blanks = 1;
	do {
		line = utf8_wrap(&rest, p->r->columns);
		width = utf8_width(line);
		if (width > widest)
			widest = width;
		put_info(p, line);
	} while (rest.len > 0);
	if (level > 2)
		return;
	buf_reset(&p->line);
	buf_fill(&p->line, level == 1 ? '=' : '-', (size_t)widest);
	if (widest > 0)
		put_info(p, buf_view(&p->line));
}

/* -- where a gemtext link leads -- */

/* The part of a selector up to its last slash. */
static struct view
selector_folder(struct view selector)
{
	while (selector.len > 0 && selector.p[selector.len - 1] != '/')
		selector.len--;
	return selector.len > 0 ? selector : VIEW("/");
}

/*
 * v with what no URI can hold as %HH: people write links in their own
 * letters, and clients do the same with them.
 */
static struct view
as_uri(struct page *p, struct view v)
{
	buf_reset(&p->target);
	uri_mend(&p->target, v);
	return buf_view(&p->target);
}

/* Let links start at the page's selector, on host unless that is empty. */
static bool
base_on(struct page *p, struct view host)
{
	buf_reset(&p->base_text);
	if (host.len > 0) {
		buf_puts(&p->base_text, "gemini://");
		buf_put(&p->base_text, host);
	}
	if (!view_has_prefix(p->r->selector, VIEW("/")))
		buf_putc(&p->base_text, '/');
	uri_encode_path(&p->base_text, p->r->selector);
	return uri_parse(buf_view(&p->base_text), &p->base) == URI_OK;
}

/* Let links start at the page's own address; a host that cannot stand in a
 * URI is left out of it. */
static void
set_base(struct page *p)
{
	if (!base_on(p, p->r->host) && !base_on(p, VIEW("")))
		p->base = (struct uri){ .path = VIEW("/") };
}

/* A port written in a URI, or the scheme's own; 0 for what is none. */
static int
uri_port(const struct uri *u, int standard)
{
	unsigned long n;

	if (u->port.len == 0)
		return standard;
	if (view_to_number(u->port, PORT_MAX, &n) != 0)
		return 0;
	return (int)n;
}

static bool
names_own_host(struct page *p, struct view host)
{
	struct buf plain;
	bool ours;

	buf_init(&plain, URI_HOST_MAX);
	ours = uri_normalise_host(&plain, host) == URI_OK &&
	    p->r->is_ours(p->r->arg, buf_view(&plain));
	buf_fini(&plain);
	return ours;
}

/* The item type of a selector, guessed by its name if the map knows none. */
static char
type_of(struct page *p, struct view selector)
{
	struct view name = view_skip(selector, selector_folder(selector).len);
	char type = p->r->item_of(p->r->arg, selector);

	if (type != 0)
		return type;
	if (name.len == 0 || memchr(name.p, '.', name.len) == NULL)
		return '1';
	return mime_of(name).item;
}

/* True for a field that would break the menu line it stands in. */
static bool
breaks_line(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (v.p[i] == '\t' || v.p[i] == '\r' || v.p[i] == '\n' ||
		    v.p[i] == '\0')
			return true;
	return false;
}

/* A page of this capsule: its selector is its path. */
static bool
aim_here(struct page *p, const struct uri *u, struct gopher_item *to)
{
	buf_reset(&p->selector);
	if (uri_path_to_selector(&p->selector, u->path) != URI_OK ||
	    breaks_line(buf_view(&p->selector)))
		return false;
	to->type = type_of(p, buf_view(&p->selector));
	/* Words for a search that were chosen already make it a page. */
	if (to->type == '7' && u->has_query) {
		to->type = '1';
		buf_putc(&p->selector, '?');
		buf_put(&p->selector, u->query);
	}
	to->selector = buf_view(&p->selector);
	to->host = p->r->host;
	to->port = p->r->port;
	return true;
}

/*
 * gopher://host[:port]/[T[selector]] (RFC 4266): "?" is not special there.
 * What a menu has no field for, words of a search, is left to URL:.
 */
static bool
aim_gopher_uri(struct page *p, const struct uri *u, struct gopher_item *to)
{
	struct view path, host = u->host;
	int port = uri_port(u, GOPHER_PORT);

	buf_reset(&p->selector);
	if (port == 0 || host.len == 0 || u->has_userinfo ||
	    uri_decode(&p->selector, view_skip(u->path, 1)) != URI_OK)
		return false;
	if (u->has_query) {
		buf_putc(&p->selector, '?');
		if (uri_decode(&p->selector, u->query) != URI_OK)
			return false;
	}
	path = buf_view(&p->selector);
	if (path.len == 0)
		path = VIEW("1");
	if (breaks_line(path) || path.p[0] <= ' ' || path.p[0] > '~' ||
	    path.p[0] == 'i' || (path.p[0] == '7' && u->has_query))
		return false;
	if (host.p[0] == '[')
		host = (struct view){ host.p + 1, host.len - 2 };
	*to = (struct gopher_item){ .type = path.p[0],
		.selector = view_skip(path, 1),
		.host = host,
		.port = port };
	return true;
}

/* Fill *to but its name; false for what is no URI reference at all. */
static bool
aim_item(struct page *p, struct view target, struct gopher_item *to)
{
	struct view written = as_uri(p, target);
	struct uri ref, u;
	bool here;

	buf_reset(&p->whole);
	if (uri_parse(written, &ref) != URI_OK)
		return false;
	uri_resolve(&p->whole, &p->base, &ref);
	if (uri_parse(buf_view(&p->whole), &u) != URI_OK)
		return false;
	here = ref.scheme.len == 0 && !ref.has_authority;
	if (!here && view_eq_nocase(u.scheme, VIEW("gemini")) &&
	    !u.has_userinfo && uri_port(&u, GEMINI_PORT) == GEMINI_PORT &&
	    names_own_host(p, u.host))
		here = true;
	if (here && aim_here(p, &u, to))
		return true;
	if (view_eq_nocase(u.scheme, VIEW("gopher")) &&
	    aim_gopher_uri(p, &u, to))
		return true;
	if (u.scheme.len == 0)
		return false;
	buf_reset(&p->selector);
	buf_puts(&p->selector, "URL:");
	buf_put(&p->selector,
	    ref.scheme.len > 0 ? written : buf_view(&p->whole));
	*to = (struct gopher_item){ .type = 'h',
		.selector = buf_view(&p->selector),
		.host = p->r->host,
		.port = p->r->port };
	return true;
}

/* A target to be read by people: percent-decoded if that gives clean text. */
static struct view
readable_target(struct page *p, struct view target)
{
	struct view v;
	size_t i;

	buf_reset(&p->words);
	if (uri_decode(&p->words, target) != URI_OK)
		return target;
	v = buf_view(&p->words);
	if (!utf8_is_valid(v))
		return target;
	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.p[i] <= ' ' || v.p[i] == 0x7F)
			return target;
	return v;
}

/* -- gemtext to menu -- */

static void
gemtext_link(struct page *p, const struct gemtext_line *line)
{
	struct gopher_item it = { 0 };
	struct view name;

	if (!aim_item(p, line->target, &it)) {
		buf_reset(&p->words);
		buf_put(&p->words, line->text);
		buf_puts(&p->words, line->text.len > 0 ? " (" : "");
		buf_put(&p->words, line->target);
		buf_puts(&p->words, line->text.len > 0 ? ")" : "");
		put_paragraph(p, VIEW(""), VIEW(""), buf_view(&p->words));
		return;
	}
	name = view_trim(shown_text(p, line->text));
	if (name.len == 0)
		name = shown_text(p, readable_target(p, line->target));
	put_named_item(p, &it, name);
}

static void
gemtext_line(struct page *p, const struct gemtext_line *line)
{
	struct view v;

	switch (line->kind) {
	case GEMTEXT_TEXT:
		if (line->text.len == 0)
			p->blanks++;
		else
			put_paragraph(p, VIEW(""), VIEW(""), line->text);
		break;
	case GEMTEXT_LINK:
		gemtext_link(p, line);
		break;
	case GEMTEXT_PRE_LINE:
		v = shown_text(p, line->text);
		if (v.len == 0)
			p->blanks++;
		else
			put_info(p, v);
		break;
	case GEMTEXT_HEADING:
		put_heading(p, line->level, line->text);
		break;
	case GEMTEXT_LIST:
		put_paragraph(p, VIEW("* "), VIEW("  "), line->text);
		break;
	case GEMTEXT_QUOTE:
		put_paragraph(p, VIEW("> "), VIEW("> "), line->text);
		break;
	case GEMTEXT_PRE_START:
	case GEMTEXT_PRE_END:
		break;
	}
}

void
render_gemtext_menu(struct buf *to, const struct render *r, struct view gemtext)
{
	struct gemtext at = { gemtext, false, 0 };
	struct gemtext_line line;
	struct page p;

	page_init(&p, to, r);
	set_base(&p);
	while (gemtext_next(&at, &line))
		gemtext_line(&p, &line);
	buf_puts(to, GOPHER_LASTLINE);
	page_fini(&p);
}

/* -- entries of a folder -- */

static void
entry_items(struct page *p, const struct render_entry *entries, size_t n)
{
	struct gopher_item it;
	size_t i;

	for (i = 0; i < n; i++) {
		it = (struct gopher_item){ .type = entries[i].item,
			.selector = entries[i].selector,
			.host = p->r->host,
			.port = p->r->port };
		if (entries[i].title.len > 0) {
			put_named_item(p, &it, shown_text(p, entries[i].title));
			continue;
		}
		/* A file's name in one piece: clients save under it. */
		it.name = to_charset(p, shown_text(p, entries[i].name));
		put_item(p, &it);
	}
}

/* "950 B", "1.2 KB", "48 MB": three digits at most. */
static void
put_short_size(struct buf *to, off_t size)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB",
		"EB" };
	double n = (double)size;
	size_t i = 0;

	while (n >= 999.5) {
		n /= KILO;
		i++;
	}
	buf_printf(to, i > 0 && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[i]);
}

/*
 * What stands after "=>" for a selector of ours: a path, encoded.  "//x"
 * would name a host; "/.//x" means the same path and does not.
 */
static void
put_selector_path(struct buf *to, struct view selector)
{
	if (view_has_prefix(selector, VIEW("//")))
		buf_puts(to, "/.");
	else if (!view_has_prefix(selector, VIEW("/")))
		buf_putc(to, '/');
	uri_encode_path(to, selector);
}

/* A link to an entry, by its name alone where that leads to the same. */
static void
put_entry_target(struct page *p, const struct render_entry *e)
{
	struct view folder = selector_folder(p->r->selector);

	if (e->name.len > 0 && e->selector.len == folder.len + e->name.len &&
	    view_has_prefix(e->selector, folder) &&
	    view_has_suffix(e->selector, e->name) &&
	    memchr(e->name.p, ':', e->name.len) == NULL && e->name.p[0] != '/')
		uri_encode_path(p->to, e->name);
	else
		put_selector_path(p->to, e->selector);
}

static void
entry_links(struct page *p, const struct render_entry *entries, size_t n)
{
	struct view name;
	size_t i;

	for (i = 0; i < n; i++) {
		buf_puts(p->to, "=> ");
		put_entry_target(p, &entries[i]);
		name = entries[i].title.len > 0 ? entries[i].title
						: entries[i].name;
		buf_reset(&p->clean);
		utf8_clean(&p->clean, name);
		name = view_trim(buf_view(&p->clean));
		if (name.len > 0)
			buf_putc(p->to, ' ');
		buf_put(p->to, name);
		if (entries[i].size >= 0) {
			buf_puts(p->to, " (");
			put_short_size(p->to, entries[i].size);
			buf_putc(p->to, ')');
		}
		buf_putc(p->to, '\n');
	}
}

/* -- gophermap -- */

static bool
is_url(struct view selector)
{
	return view_has_prefix(selector, VIEW("URL:")) ||
	    view_has_prefix(selector, VIEW("/URL:"));
}

/* Their selector, if they have one, is a login name. */
static bool
is_telnet(char type)
{
	return type == '8' || type == 'T';
}

/* A relative selector seen from the folder that the map is for. */
static struct view
resolve_relative_selector(struct page *p, struct view selector)
{
	struct view folder = selector_folder(p->r->selector);

	buf_reset(&p->whole);
	uri_encode_path(&p->whole, folder);
	uri_encode_path(&p->whole, selector);
	buf_reset(&p->selector);
	if (uri_path_to_selector(&p->selector, buf_view(&p->whole)) == URI_OK)
		return buf_view(&p->selector);
	buf_put(&p->selector, folder);
	buf_put(&p->selector, selector);
	return buf_view(&p->selector);
}

/* Fill in what a line of a map left out. */
static void
complete_item(struct page *p, const struct gophermap_line *line,
    struct gopher_item *to)
{
	struct view selector = line->selector;
	bool here = line->host.len == 0;

	if (here && selector.len == 0 && !is_telnet(line->type))
		selector = line->text;
	if (here && !is_url(selector) && !is_telnet(line->type) &&
	    !view_has_prefix(selector, VIEW("/")))
		selector = resolve_relative_selector(p, selector);
	*to = (struct gopher_item){ .type = line->type,
		.selector = selector,
		.host = here ? p->r->host : line->host,
		.port = line->port };
	if (to->port == 0)
		to->port = here || names_own_host(p, line->host) ? p->r->port
								 : GOPHER_PORT;
}

static void
map_item(struct page *p, const struct gophermap_line *line)
{
	struct gopher_item it;

	complete_item(p, line, &it);
	it.name = to_charset(p, shown_text(p, line->text));
	put_item(p, &it);
}

void
render_gophermap_menu(struct buf *to, const struct render *r, struct view map,
    const struct render_entry *entries, size_t n)
{
	struct gophermap at = { map, 0, false };
	struct gophermap_line line;
	struct page p;

	page_init(&p, to, r);
	while (gophermap_next(&at, &line)) {
		if (line.kind == GOPHERMAP_ITEM)
			map_item(&p, &line);
		else if (line.kind == GOPHERMAP_LISTING)
			entry_items(&p, entries, n);
		else if (line.kind == GOPHERMAP_TITLE ||
		    line.kind == GOPHERMAP_INFO)
			put_info(&p, shown_text(&p, line.text));
	}
	buf_puts(to, GOPHER_LASTLINE);
	page_fini(&p);
}

/* -- gophermap to gemtext -- */

/* Write the empty lines that were put off. */
static void
put_blanks(struct page *p)
{
	buf_fill(p->to, '\n', p->blanks);
	p->blanks = 0;
}

/* End the block of text, if one is open; the empty lines after its text
 * stand outside of it. */
static void
close_block(struct page *p)
{
	if (p->in_block)
		buf_puts(p->to, "```\n");
	p->in_block = false;
	put_blanks(p);
}

static void
map_text(struct page *p, struct view text)
{
	buf_reset(&p->clean);
	utf8_clean(&p->clean, text);
	text = buf_view(&p->clean);
	while (text.len > 0 && text.p[text.len - 1] == ' ')
		text.len--;
	if (text.len == 0) {
		p->blanks++;
		return;
	}
	put_blanks(p);
	if (!p->in_block)
		buf_puts(p->to, "```text\n");
	p->in_block = true;
	/* It may not end the block. */
	if (view_has_prefix(text, VIEW("```")))
		buf_putc(p->to, ' ');
	buf_put(p->to, text);
	buf_putc(p->to, '\n');
}

static void
map_title(struct page *p, struct view text)
{
	buf_reset(&p->clean);
	utf8_clean(&p->clean, text);
	text = view_trim(buf_view(&p->clean));
	if (text.len == 0)
		return;
	close_block(p);
	buf_puts(p->to, "# ");
	buf_put(p->to, text);
	buf_putc(p->to, '\n');
}

/* "//host[:port]"; a host that is none is encoded until it can be one. */
static void
put_gemini_authority(struct buf *to, struct view host, int port, int standard)
{
	bool is_address = host.len > 0 && memchr(host.p, ':', host.len) != NULL;
	size_t before = to->len;
	struct uri u;

	buf_puts(to, is_address ? "//[" : "//");
	buf_put(to, host);
	buf_puts(to, is_address ? "]" : "");
	if (to->failed)
		return;
	if (uri_parse(view_skip(buf_view(to), before), &u) != URI_OK ||
	    u.path.len > 0 || u.has_userinfo || u.has_port || u.has_query ||
	    u.has_fragment) {
		to->len = before;
		buf_puts(to, "//");
		uri_encode_component(to, host);
	}
	if (port != standard)
		buf_printf(to, ":%d", port);
}

/* telnet://[login@]host[:port] (RFC 4248). */
static void
put_telnet(struct page *p, const struct gopher_item *it)
{
	buf_reset(&p->whole);
	put_gemini_authority(&p->whole, it->host, it->port, TELNET_PORT);
	buf_puts(&p->words, "telnet://");
	if (it->selector.len > 0) {
		uri_encode_component(&p->words, it->selector);
		buf_putc(&p->words, '@');
	}
	buf_put(&p->words, view_skip(buf_view(&p->whole), 2));
}

/*
 * A selector of ours as a path.  "?" begins a query only behind a search:
 * that is what aim_here makes of one.
 */
static void
put_local(struct page *p, struct view selector)
{
	struct view rest = selector, path = view_cut(&rest, '?');

	if (rest.p != NULL && p->r->item_of(p->r->arg, selector) == 0 &&
	    p->r->item_of(p->r->arg, path) == '7') {
		put_selector_path(&p->words, path);
		buf_putc(&p->words, '?');
		buf_put(&p->words, as_uri(p, rest));
	} else
		put_selector_path(&p->words, selector);
}

/* Put where an item leads into p->words; nothing if it leads nowhere. */
static void
put_target(struct page *p, const struct gophermap_line *line)
{
	struct gopher_item it;
	struct view url;

	complete_item(p, line, &it);
	buf_reset(&p->words);
	if (is_url(it.selector)) {
		url = it.selector;
		(void)view_cut(&url, ':');
		buf_put(&p->words, as_uri(p, view_trim(url)));
	} else if (is_telnet(it.type))
		put_telnet(p, &it);
	else if (line->host.len == 0 ||
	    (it.port == p->r->port && names_own_host(p, it.host)))
		put_local(p, it.selector);
	else {
		buf_puts(&p->words, "gopher:");
		put_gemini_authority(&p->words, it.host, it.port, GOPHER_PORT);
		buf_putc(&p->words, '/');
		uri_encode_component(&p->words, (struct view){ &it.type, 1 });
		uri_encode_path(&p->words, it.selector);
	}
}

static void
map_link(struct page *p, const struct gophermap_line *line)
{
	struct view label;

	put_target(p, line);
	if (p->words.len == 0) {
		map_text(p, line->text);
		return;
	}
	close_block(p);
	buf_puts(p->to, "=> ");
	buf_put(p->to, buf_view(&p->words));
	buf_reset(&p->clean);
	utf8_clean(&p->clean, line->text);
	label = view_trim(buf_view(&p->clean));
	if (label.len > 0)
		buf_putc(p->to, ' ');
	buf_put(p->to, label);
	buf_putc(p->to, '\n');
}

void
render_gophermap_gemtext(struct buf *to, const struct render *r,
    struct view map, const struct render_entry *entries, size_t n)
{
	struct gophermap at = { map, 0, false };
	struct gophermap_line line;
	struct page p;

	page_init(&p, to, r);
	while (gophermap_next(&at, &line)) {
		if (line.kind == GOPHERMAP_ITEM)
			map_link(&p, &line);
		else if (line.kind == GOPHERMAP_INFO)
			map_text(&p, line.text);
		else if (line.kind == GOPHERMAP_TITLE)
			map_title(&p, line.text);
		else if (line.kind == GOPHERMAP_LISTING) {
			close_block(&p);
			entry_links(&p, entries, n);
		}
	}
	p.blanks = 0;
	close_block(&p);
	page_fini(&p);
}

/* -- text and listings -- */

void
render_text(struct buf *to, const struct render *r, struct view text)
{
	struct view rest = utf8_skip_bom(text), line;
	bool valid = utf8_is_valid(text);

	if (!valid)
		rest = text;
	while (rest.len > 0) {
		line = view_cut(&rest, '\n');
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		/* RFC 1436 3.1: a line that begins with a dot gets another. */
		if (r->lastline && view_has_prefix(line, VIEW(".")))
			buf_putc(to, '.');
		if (valid)
			utf8_encode(to, line, r->charset);
		else
			buf_put(to, line);
		buf_puts(to, "\r\n");
	}
	if (r->lastline)
		buf_puts(to, GOPHER_LASTLINE);
}

void
render_listing_gemtext(struct buf *to, const struct render *r,
    struct view title, const struct render_entry *entries, size_t n)
{
	struct page p;
	size_t before = to->len;

	page_init(&p, to, r);
	map_title(&p, title);
	if (to->len > before && n > 0)
		buf_putc(to, '\n');
	entry_links(&p, entries, n);
	page_fini(&p);
}

void
render_listing_menu(struct buf *to, const struct render *r, struct view title,
    const struct render_entry *entries, size_t n)
{
	struct page p;

	page_init(&p, to, r);
	if (view_trim(title).len > 0) {
		put_heading(&p, 1, title);
		p.blanks = 1;
	}
	entry_items(&p, entries, n);
	buf_puts(to, GOPHER_LASTLINE);
	page_fini(&p);
}
