/*
 * atom.c - read the dated links of a page, write them as Atom or gemtext.
 *
 * Floor format.  Both ways read the page alike, so that a Gopher client is
 * told of the same entries.  Labels and addresses are what an author wrote and
 * are only ever text in the XML.
 */
#include "format/atom.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "format/gemtext.h"
#include "format/html.h"
#include "format/uri.h"
#include "format/utf8.h"

#define DATE_LEN 10           /* bytes of YYYY-MM-DD */
#define NOON     "T12:00:00Z" /* the hour of entries that have none */

struct entry {
	struct view date, title, target; /* as in the page */
	struct view address;             /* absolute */
	size_t number;                   /* of its link, from 0 */
};

/* A page that was read. */
struct feed {
	struct arena *arena;
	const struct atom *about;
	struct hash *seen; /* date and address of each entry */
	struct view title, subtitle;
	struct entry *entries;
	size_t n, cap;
};

/* -- reading -- */

/* True if v has n digits at at; *to is their value. */
static bool
read_digits(struct view v, size_t at, size_t n, unsigned long *to)
{
	return view_to_number((struct view){ v.p + at, n }, 9999, to) == 0;
}

bool
atom_is_dated(struct view v)
{
	static const unsigned long days[] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };
	unsigned long year, month, day;
	bool is_leap;

	if (v.len < DATE_LEN || v.p[4] != '-' || v.p[7] != '-' ||
	    !read_digits(v, 0, 4, &year) || !read_digits(v, 5, 2, &month) ||
	    !read_digits(v, 8, 2, &day) || month < 1 || month > 12 || day < 1)
		return false;
	if (v.len > DATE_LEN && v.p[DATE_LEN] >= '0' && v.p[DATE_LEN] <= '9')
		return false;
	is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (month == 2 && is_leap);
}

/* What follows the date, less what people put between. */
static struct view
entry_title(struct view label)
{
	static const struct view between[] = { VIEW_INIT("-"), VIEW_INIT(":"),
		VIEW_INIT("\xE2\x80\x93"), VIEW_INIT("\xE2\x80\x94") };
	struct view title = view_trim(view_skip(label, DATE_LEN));
	size_t i;

	for (i = 0; i < sizeof(between) / sizeof(between[0]); i++)
		if (view_has_prefix(title, between[i])) {
			title = view_trim(view_skip(title, between[i].len));
			break;
		}
	return title;
}

/* Append gemini://host/selector. */
static void
put_page_uri(struct buf *to, const struct atom *a, struct view selector)
{
	buf_puts(to, "gemini://");
	buf_put(to, a->host);
	uri_encode_path(to, selector);
}

/* The whole address of a target, in the arena; empty if it is none. */
static struct view
resolve_target(struct feed *f, struct view target)
{
	const struct atom *a = f->about;
	struct view address = VIEW("");
	struct buf base_text, mended, whole;
	struct uri base, ref;

	buf_init(&base_text, SIZE_MAX);
	buf_init(&mended, SIZE_MAX);
	buf_init(&whole, SIZE_MAX);
	put_page_uri(&base_text, a, a->page.len > 0 ? a->page : a->selector);
	uri_mend(&mended, target);
	if (uri_parse(buf_view(&base_text), &base) == URI_OK &&
	    uri_parse(buf_view(&mended), &ref) == URI_OK) {
		uri_resolve(&whole, &base, &ref);
		address = arena_copy(f->arena, buf_view(&whole));
	}
	buf_fini(&base_text);
	buf_fini(&mended);
	buf_fini(&whole);
	return address;
}

static bool
is_told(const struct atom *a, struct view address)
{
	struct uri uri;

	return a->may_tell == NULL || uri_parse(address, &uri) != URI_OK ||
	    a->may_tell(a->arg, &uri);
}

/* Keep a link if it is an entry. */
static void
read_entry(struct feed *f, const struct gemtext_line *line)
{
	struct entry e = { .target = line->target, .number = f->n };
	struct buf name;
	bool is_new;

	if (!atom_is_dated(line->text))
		return;
	e.date = (struct view){ line->text.p, DATE_LEN };
	e.title = entry_title(line->text);
	if (e.title.len == 0)
		e.title = e.target;
	e.address = resolve_target(f, line->target);
	if (e.address.len == 0 || !is_told(f->about, e.address))
		return;
	buf_init(&name, SIZE_MAX);
	buf_put(&name, e.date);
	buf_put(&name, e.address);
	is_new =
	    hash_put(f->seen, arena_copy(f->arena, buf_view(&name)), f) == NULL;
	buf_fini(&name);
	if (!is_new)
		return;
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->entries = xrealloc(f->entries, f->cap, sizeof(e));
	}
	f->entries[f->n++] = e;
}

/* The newest first; of one day, in the order of the page. */
static int
by_date(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = memcmp(y->date.p, x->date.p, DATE_LEN);

	if (order != 0)
		return order;
	return (x->number > y->number) - (x->number < y->number);
}

/* Read a page; feed_fini frees what was kept. */
static void
feed_read(struct feed *f, const struct atom *a, struct view gemtext)
{
	struct gemtext at = { gemtext, false, 0 };
	struct gemtext_line line;
	bool is_after_title = false;

	*f = (struct feed){ .arena = arena_new(), .about = a };
	f->seen = hash_new(f->arena, 0);
	while (gemtext_next(&at, &line)) {
		if (line.kind == GEMTEXT_TEXT && line.text.len == 0)
			continue;
		if (line.kind == GEMTEXT_LINK)
			read_entry(f, &line);
		if (line.kind == GEMTEXT_HEADING && line.level == 2 &&
		    is_after_title)
			f->subtitle = line.text;
		is_after_title = line.kind == GEMTEXT_HEADING &&
		    line.level == 1 && f->title.len == 0;
		if (is_after_title)
			f->title = line.text;
	}
	if (f->n > 0)
		qsort(f->entries, f->n, sizeof(*f->entries), by_date);
	if (f->n > ATOM_ENTRIES_MAX)
		f->n = ATOM_ENTRIES_MAX;
}

static void
feed_fini(struct feed *f)
{
	xfree(f->entries);
	arena_free(f->arena);
}

/* -- writing -- */

/* Append v as text of XML, which lacks most controls and two characters. */
static void
put_text(struct buf *to, struct view v)
{
	struct buf clean;
	size_t i;

	buf_init(&clean, SIZE_MAX);
	utf8_clean(&clean, v);
	for (i = 0; i + 2 < clean.len; i++)
		/* U+FFFE and U+FFFF become U+FFFD; XML 1.0, 2.2. */
		if (memcmp(clean.p + i, "\xEF\xBF", 2) == 0 &&
		    (unsigned char)clean.p[i + 2] >= 0xBE)
			clean.p[i + 2] = (char)0xBD;
	html_text(to, view_trim(buf_view(&clean)));
	if (clean.failed)
		to->failed = true;
	buf_fini(&clean);
}

static void
put_element(struct buf *to, const char *name, struct view v)
{
	buf_printf(to, "<%s>", name);
	put_text(to, v);
	buf_printf(to, "</%s>\n", name);
}

static void
put_link(struct buf *to, const char *kind, const char *type,
    const struct atom *a, struct view selector)
{
	struct buf address;

	buf_init(&address, SIZE_MAX);
	put_page_uri(&address, a, selector);
	buf_printf(to, "<link rel=\"%s\" type=\"%s\" href=\"", kind, type);
	put_text(to, buf_view(&address));
	buf_puts(to, "\"/>\n");
	buf_fini(&address);
}

/* One name at one place, which is all that RFC 4287 3.2.3 asks of it. */
static bool
is_mail(struct view v)
{
	const char *at = v.len > 0 ? memchr(v.p, '@', v.len) : NULL;

	return at != NULL && at > v.p && at < v.p + v.len - 1 &&
	    memchr(v.p, ' ', v.len) == NULL && memchr(v.p, '<', v.len) == NULL;
}

static void
put_feed_head(struct buf *to, const struct feed *f)
{
	const struct atom *a = f->about;
	struct view rest = a->language, language = view_cut(&rest, ',');
	struct buf id;

	buf_puts(to,
	    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
	    "<feed xmlns=\"http://www.w3.org/2005/Atom\"");
	/* Of pages in several languages there is no one to be told. */
	if (language.len > 0 && rest.p == NULL) {
		buf_puts(to, " xml:lang=\"");
		put_text(to, language);
		buf_putc(to, '"');
	}
	buf_puts(to, ">\n");
	buf_init(&id, SIZE_MAX);
	put_page_uri(&id, a, a->page.len > 0 ? a->page : a->selector);
	put_element(to, "id", buf_view(&id));
	put_element(to, "title", f->title.len > 0 ? f->title : a->host);
	if (f->subtitle.len > 0)
		put_element(to, "subtitle", f->subtitle);
	buf_puts(to, "<updated>");
	buf_put(to, f->entries[0].date);
	buf_puts(to, NOON "</updated>\n<author>\n");
	put_element(to, "name", a->author.len > 0 ? a->author : a->host);
	if (is_mail(a->mail))
		put_element(to, "email", a->mail);
	buf_puts(to, "</author>\n");
	put_link(to, "self", MIME_ATOM, a, a->selector);
	if (a->page.len > 0)
		put_link(to, "alternate", "text/gemini", a, a->page);
	buf_fini(&id);
}

static void
put_entry(struct buf *to, const struct entry *e)
{
	buf_puts(to, "<entry>\n");
	put_element(to, "id", e->address);
	put_element(to, "title", e->title);
	buf_puts(to, "<updated>");
	buf_put(to, e->date);
	buf_puts(to, NOON "</updated>\n<link rel=\"alternate\" href=\"");
	put_text(to, e->address);
	buf_puts(to, "\"/>\n</entry>\n");
}

size_t
atom_write(struct buf *to, const struct atom *a, struct view gemtext)
{
	struct feed f;
	size_t i, n;

	feed_read(&f, a, gemtext);
	if (f.n > 0) {
		put_feed_head(to, &f);
		for (i = 0; i < f.n; i++)
			put_entry(to, &f.entries[i]);
		buf_puts(to, "</feed>\n");
	}
	n = f.n;
	feed_fini(&f);
	return n;
}

size_t
atom_gemtext(struct buf *to, const struct atom *a, struct view gemtext)
{
	struct feed f;
	size_t i, n;

	feed_read(&f, a, gemtext);
	if (f.n > 0 && f.title.len > 0) {
		buf_puts(to, "# ");
		buf_put(to, f.title);
		buf_puts(to, "\n\n");
	}
	if (f.n > 0 && f.subtitle.len > 0) {
		buf_puts(to, "## ");
		buf_put(to, f.subtitle);
		buf_puts(to, "\n\n");
	}
	for (i = 0; i < f.n; i++) {
		buf_puts(to, "=> ");
		buf_put(to, f.entries[i].target);
		buf_putc(to, ' ');
		buf_put(to, f.entries[i].date);
		buf_putc(to, ' ');
		buf_put(to, f.entries[i].title);
		buf_putc(to, '\n');
	}
	n = f.n;
	feed_fini(&f);
	return n;
}
