/*
 * results.c - the page that a search gets, as gemtext and as a menu.
 *
 * Floor site.  It is written once, as gemtext; Gopher's menu is rendered from
 * that as any page is, so that item types, charset and columns are right
 * without being thought of here.  What the visitor typed is repeated inside
 * lines that begin with words of ours.
 */
#include "site/results.h"

#include <stdlib.h>
#include <string.h>

#include "format/gemini.h"
#include "format/mime.h"
#include "format/snippet.h"
#include "format/uri.h"
#include "format/utf8.h"

#define PAGE_MAX ((size_t)2 << 20) /* bytes of a page that was found */

#define TIPS                                                                   \
	"Capitals, accents and the order of words make no difference. The "    \
	"last word may be the beginning of a longer one.\n"

void
results_explain(struct buf *to, struct view selector)
{
	buf_puts(to,
	    "# Search\n\nType a few words to find the pages that have "
	    "them. " TIPS "\n=> ");
	uri_encode_path(to, selector);
	buf_puts(to, " Search\n");
}

bool
results_is_blank(struct view query)
{
	size_t i;

	for (i = 0; i < query.len; i++)
		if ((unsigned char)query.p[i] > ' ' && query.p[i] != 0x7F)
			return false;
	return true;
}

/* Append query as clean text of one line; Latin-1 if it is not UTF-8. */
static void
put_query(struct buf *to, struct view query)
{
	char room[SEARCH_QUERY_MAX * 2];
	struct buf utf8 = { room, 0, sizeof(room), sizeof(room), false };
	size_t i;

	if (query.len > SEARCH_QUERY_MAX) {
		query.len = SEARCH_QUERY_MAX;
		/* Not amid a character, or all would be taken for Latin-1. */
		while (query.len > 0 &&
		    ((unsigned char)query.p[query.len] & 0xC0) == 0x80)
			query.len--;
	}
	for (i = 0; i < query.len; i++) {
		unsigned char c = (unsigned char)query.p[i];

		if (c >= 0x80)
			buf_putc(&utf8, (char)(0xC0 | c >> 6));
		buf_putc(&utf8, c < 0x80 ? (char)c : (char)(0x80 | (c & 0x3F)));
	}
	utf8_clean(to, utf8_is_valid(query) ? query : buf_view(&utf8));
}

static void
put_count(struct buf *to, const struct search_found *found)
{
	const char *more = found->is_more ? "more than " : "";
	unsigned total = found->total;

	if (found->is_some)
		buf_printf(to,
		    total == 1
			? "No page has all of these words. One has some:\n"
			: "No page has all of these words. %s%u have some:\n",
		    found->is_more ? "More than " : "", total);
	else if (total == 1)
		buf_puts(to, "One page found:\n");
	else if (total > found->n)
		buf_printf(to,
		    "The best %u of %s%u pages. One word more would find "
		    "fewer:\n",
		    (unsigned)found->n, more, total);
	else
		buf_printf(to, "%u pages found, the best first:\n", total);
}

/* Why there is nothing, and what to do about it. */
static void
put_nothing(struct buf *to, const struct results *r,
    const struct search_found *found)
{
	if (found->end == SEARCH_SLOW) {
		buf_puts(to,
		    "This search took too long, and was ended. Whole words, "
		    "and rare ones, are found faster.\n");
		return;
	}
	if (r->query.n_words == 0) {
		buf_puts(to,
		    "There is no word in this: words are letters and "
		    "digits.\n");
		return;
	}
	buf_puts(to,
	    r->query.n_words == 1 ? "No page here has this word.\n"
				  : "No page here has any of these words.\n");
	buf_puts(to,
	    "\n* Other words may find it, or the beginning of one: \"manag\" "
	    "finds \"management\".\n* " TIPS
	    "* The search knows the pages of this capsule and no others.\n");
}

static void
put_hit(struct buf *to, const struct search_page *page,
    const struct snippet_words *words)
{
	size_t before;

	buf_puts(to, "\n=> ");
	uri_encode_path(to, page->selector);
	buf_putc(to, ' ');
	buf_put(to, page->title);
	before = to->len;
	buf_puts(to, "\n> ");
	snippet_put(to, page->text, page->is_gemtext, words);
	if (view_has_suffix(buf_view(to), VIEW("\n> ")))
		to->len = before;
	buf_putc(to, '\n');
}

static void
put_hits(struct buf *to, const struct results *r,
    const struct search_found *found)
{
	struct view words[SEARCH_WORDS_MAX];
	struct snippet_words looked_for = { words, r->query.n_words,
		search_query_is_prefix(&r->query) };
	struct search_page page;
	struct buf room;
	size_t i;

	buf_init(&room, PAGE_MAX);
	for (i = 0; i < r->query.n_words; i++)
		words[i] = search_query_word(&r->query, i);
	for (i = 0; i < found->n; i++)
		if (site_found(r->site, &found->hits[i], &room, &page))
			put_hit(to, &page, &looked_for);
	buf_fini(&room);
}

/* Append the gemtext. */
static void
put_results_page(struct buf *to, const struct results *r,
    const struct search_found *found)
{
	struct entry home;

	buf_puts(to, "# Search: ");
	buf_put(to, r->text);
	buf_puts(to, "\n\n");
	if (found->is_partial)
		buf_puts(to,
		    "The pages are being looked through just now: there may "
		    "be more.\n");
	if (found->n == 0)
		put_nothing(to, r, found);
	else
		put_count(to, found);
	if (found->n > 0 && found->end == SEARCH_SLOW)
		buf_puts(to,
		    "The search was ended before its end: there may be "
		    "better ones.\n");
	if (r->query.is_cut)
		buf_puts(to, "Only the first words were looked for.\n");
	put_hits(to, r, found);
	buf_puts(to, "\n=> ");
	uri_encode_path(to, r->selector);
	buf_puts(to, " Search again\n");
	if (site_find(r->site, VIEW("/"), &home))
		buf_puts(to, "=> / Home\n");
}

struct results *
results_new(const struct site *site, struct view selector, struct view query)
{
	/* Cleaning makes eight blanks of a TAB at most. */
	char room[SEARCH_QUERY_MAX * 8];
	struct buf utf8 = { room, 0, sizeof(room), sizeof(room), false };
	struct view text;
	struct results *r;
	char *copy;

	put_query(&utf8, query);
	text = view_trim(buf_view(&utf8));
	r = malloc(sizeof(*r) + text.len);
	if (r == NULL)
		return NULL;
	copy = (char *)(r + 1);
	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	*r = (struct results){ .site = site,
		.selector = selector,
		.text = { copy, text.len } };
	search_query_read(&r->query, text);
	return r;
}

void
results_free(struct results *r)
{
	free(r);
}

int
results_gemini(struct buf *to, const struct results *r,
    const struct search_found *found)
{
	gemini_header(to, GEMINI_SUCCESS, VIEW(MIME_GEMTEXT));
	put_results_page(to, r, found);
	return to->failed ? -1 : 0;
}

int
results_gopher(struct buf *to, const struct results *r,
    const struct search_found *found)
{
	struct render menu = r->site->menu;
	struct buf gemtext;
	bool failed;

	buf_init(&gemtext, RESULTS_MAX);
	put_results_page(&gemtext, r, found);
	failed = gemtext.failed;
	menu.selector = r->selector;
	if (!failed)
		render_gemtext_menu(to, &menu, buf_view(&gemtext));
	buf_fini(&gemtext);
	return failed || to->failed ? -1 : 0;
}
