/*
 * prepare_file.c - gemtext, text and other files: what each protocol gets.
 *
 * Floor site.  Each file is opened once.  Gopher shares the bytes of Gemini's
 * answer, less its header, wherever nothing has to be changed for it.
 */
#include "site/prepare_file.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/gemini.h"
#include "format/gemtext.h"
#include "site/map.h"

static void
complain(struct prepare *c, const struct page *page, struct view path,
    const char *why)
{
	trouble_tell_file(&c->trouble, page->line, page->selector, path, why);
}

static void
tell_size(struct prepare *c, const struct page *page, struct view path)
{
	if (trouble_is_new(&c->trouble, page->line, path))
		problems_add(c->trouble.notes, c->conf->path, page->line,
		    "%.*s: \"%.*s\" is larger than %d MiB, the most that a "
		    "page may have; split it, or give it another type in "
		    "[types]",
		    VIEW_ARG(page->selector), VIEW_ARG(path),
		    (int)(LOADER_RENDER_MAX >> 20));
}

int
prepare_open(struct prepare *c, const struct page *page, struct view path,
    struct stat *st)
{
	const char *why;
	int fd = beneath_open(c->root, path, S_IFREG, st, &why);

	if (fd < 0)
		complain(c, page, path, why);
	return fd;
}

int
prepare_read(struct prepare *c, const struct page *page, struct view path,
    int fd, off_t size)
{
	size_t at = c->in.len, end = at + (size_t)size;
	ssize_t n;

	if (size > LOADER_RENDER_MAX) {
		tell_size(c, page, path);
		return -1;
	}
	buf_fill(&c->in, '\0', (size_t)size);
	if (c->in.failed)
		mem_exhausted((size_t)size);
	while (at < end) {
		n = read(fd, c->in.p + at, end - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			errno = EIO;
			complain(c, page, path, "cannot be read");
			return -1;
		}
		if (n == 0)
			break; /* it shrank while we were reading */
		at += (size_t)n;
	}
	c->in.len = at;
	return 0;
}

/* -- pieces of answers -- */

struct answer
prepare_keep(struct prepare *c, const struct page *page, int status,
    struct buf *b)
{
	struct answer a = { .status = 0 };

	if (b->failed)
		problems_add(c->trouble.notes, c->conf->path, page->line,
		    "%.*s: what is made of it is larger than %zu MiB; split "
		    "it",
		    VIEW_ARG(page->selector), LOADER_MENU_MAX >> 20);
	else {
		a.status = status;
		a.bytes = arena_copy(c->keep, buf_view(b));
	}
	buf_reset(b);
	return a;
}

void
prepare_header(struct prepare *c, const struct page *page, struct view type)
{
	struct view language = VIEW("");
	char room[GEMINI_META_MAX];
	struct buf meta = { room, 0, sizeof(room), sizeof(room), false };
	bool is_list;

	if (view_has_prefix(type, VIEW(MIME_GEMTEXT)))
		language = map_language(c->capsule, page->selector);
	is_list =
	    language.len > 0 && memchr(language.p, ',', language.len) != NULL;
	buf_put(&meta, type);
	if (language.len > 0) {
		buf_puts(&meta, is_list ? ";lang=\"" : ";lang=");
		buf_put(&meta, language);
		buf_puts(&meta, is_list ? "\"" : "");
	}
	buf_reset(&c->in);
	gemini_header(&c->in, GEMINI_SUCCESS, buf_view(&meta));
}

/* Drop a byte order mark and the CR of each CRLF, from at to the end. */
static void
normalise(struct buf *b, size_t at)
{
	struct view rest = utf8_skip_bom(view_skip(buf_view(b), at)), run;
	size_t to = at;

	/* Runs without a CR move as a whole; most files are one such run. */
	while (rest.len > 0) {
		run = view_cut(&rest, '\r');
		if (rest.p != NULL && !view_has_prefix(rest, VIEW("\n")))
			run.len++; /* a lone CR stays */
		memmove(b->p + to, run.p, run.len);
		to += run.len;
	}
	b->len = to;
}

/* -- files: gemtext, text, and the rest -- */

/* As much of a heading as a listing shows. */
static struct view
cut_title(struct view title)
{
	if (title.len > PREPARE_TITLE_MAX) {
		title.len = PREPARE_TITLE_MAX;
		while (title.len > 0 &&
		    ((unsigned char)title.p[title.len] & 0xC0) == 0x80)
			title.len--;
	}
	return title;
}

static void
prepare_gemtext(struct prepare *c, struct page *page, int fd, off_t size)
{
	size_t head = c->in.len;
	struct view body;

	if (prepare_read(c, page, page->path, fd, size) < 0)
		return;
	normalise(&c->in, head);
	page->entry->gemini = prepare_keep(c, page, GEMINI_SUCCESS, &c->in);
	body = view_skip(page->entry->gemini.bytes, head);
	page->title = cut_title(gemtext_first_heading(body));
	if (page->map.len > 0)
		return; /* the gophermap beside it comes later */
	buf_reset(&c->out);
	render_gemtext_menu(&c->out, &c->r, body);
	page->entry->gopher = prepare_keep(c, page, GEMINI_SUCCESS, &c->out);
}

/* Answer from the file, after the header in c->in; *fd is then kept, unless
 * it is for others to open. */
static void
stream(struct prepare *c, struct page *page, int *fd, off_t size)
{
	page->entry->gemini = prepare_keep(c, page, GEMINI_SUCCESS, &c->in);
	page->entry->gemini.rest = (struct span){ .fd = *fd, .size = size };
	c->asks->keep_file(c, *fd);
	*fd = -1;
}

/* Gopher gets the same bytes, less the header. */
static void
share(struct entry *e, size_t head)
{
	e->gopher = e->gemini;
	e->gopher.bytes = view_skip(e->gemini.bytes, head);
}

static void
prepare_raw(struct prepare *c, struct page *page, int *fd, off_t size)
{
	size_t head = c->in.len;

	if (size > SNAPSHOT_INLINE_MAX)
		stream(c, page, fd, size);
	else if (prepare_read(c, page, page->path, *fd, size) == 0)
		page->entry->gemini =
		    prepare_keep(c, page, GEMINI_SUCCESS, &c->in);
	share(page->entry, head);
}

static void
prepare_text(struct prepare *c, struct page *page, int *fd, off_t size)
{
	size_t head = c->in.len;
	struct view body, clean;
	bool is_same;

	if (size > LOADER_RENDER_MAX) {
		prepare_raw(c, page, fd, size);
		return;
	}
	if (prepare_read(c, page, page->path, *fd, size) < 0)
		return;
	body = view_skip(buf_view(&c->in), head);
	clean = utf8_skip_bom(body);
	buf_reset(&c->out);
	render_text(&c->out, &c->r, clean);
	is_same = view_eq(buf_view(&c->out), clean);
	if (size > SNAPSHOT_INLINE_MAX && clean.len == body.len) {
		c->in.len = head;
		stream(c, page, fd, size);
	} else {
		if (clean.len < body.len) {
			memmove(c->in.p + head, clean.p, clean.len);
			c->in.len = head + clean.len;
		}
		page->entry->gemini =
		    prepare_keep(c, page, GEMINI_SUCCESS, &c->in);
	}
	if (is_same)
		share(page->entry, head);
	else
		page->entry->gopher =
		    prepare_keep(c, page, GEMINI_SUCCESS, &c->out);
}

void
prepare_file(struct prepare *c, struct page *page)
{
	struct stat st;
	int fd = prepare_open(c, page, page->path, &st);

	if (fd < 0)
		return;
	page->size = st.st_size;
	prepare_header(c, page, page->mime.type);
	if (page_is_gemtext(page))
		prepare_gemtext(c, page, fd, st.st_size);
	else if (view_has_prefix(page->mime.type, VIEW("text/")))
		prepare_text(c, page, &fd, st.st_size);
	else
		prepare_raw(c, page, &fd, st.st_size);
	if (fd >= 0)
		(void)close(fd);
}
