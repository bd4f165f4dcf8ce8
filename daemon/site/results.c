/*
 * results.c - the page that a search gets, as gemtext and as a menu.
 *
 * Floor site.  It is written once, as gemtext; Gopher's menu is rendered from
 * that as any page is, so that item types, charset and columns are right
 * without being thought of here.  What the visitor typed is repeated inside
 * lines that begin with words of ours.
 */
#include "site/results.h"

#include "format/gemini.h"
#include "format/mime.h"
#include "format/snippet.h"
#include "format/uri.h"
#include "format/utf8.h"

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

	if (found->is_some)
		buf_printf(to,
		    found->total == 1
			? "No page has all of these words. One has some:\n"
			: "No page has all of these words. %s%zu have some:\n",
		    found->is_more ? "More than " : "", found->total);
	else if (found->total == 1)
		buf_puts(to, "One page found:\n");
	else if (found->total > found->n)
		buf_printf(to,
		    "The best %zu of %s%zu pages. One word more would find "
		    "fewer:\n",
		    found->n, more, found->total);
	else
		buf_printf(to, "%zu pages found, the best first:\n",
		    found->total);
}

/* Why there is nothing, and what to do about it. */
static void
put_nothing(struct buf *to, const struct search_found *found)
{
	if (found->n_words == 0) {
		buf_puts(to,
		    "There is no word in this: words are letters and "
		    "digits.\n");
		return;
	}
	buf_puts(to,
	    found->n_words == 1 ? "No page here has this word.\n"
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

/* The whole page; utf8 is the query in clean UTF-8. */
static void
put_page(struct buf *to, const struct site *site, const struct entry *entry,
    struct view utf8, const struct search_found *found)
{
	struct snippet_words words = { found->words, found->n_words,
		found->is_prefix };
	struct entry home;
	size_t i;

	buf_puts(to, "# Search: ");
	buf_put(to, utf8);
	buf_puts(to, "\n\n");
	if (found->n == 0)
		put_nothing(to, found);
	else
		put_count(to, found);
	if (found->is_cut)
		buf_puts(to, "Only the first words were looked for.\n");
	for (i = 0; i < found->n; i++)
		put_hit(to, found->hits[i], &words);
	buf_puts(to, "\n=> ");
	uri_encode_path(to, entry->selector);
	buf_puts(to, " Search again\n");
	if (site_find(site, VIEW("/"), &home))
		buf_puts(to, "=> / Home\n");
}

/* Look, and append the gemtext. */
static int
put_results(struct buf *to, const struct site *site, const struct entry *entry,
    struct view query)
{
	/* Cleaning makes eight blanks of a TAB at most. */
	char room[SEARCH_QUERY_MAX * 8];
	struct buf utf8 = { room, 0, sizeof(room), sizeof(room), false };
	struct search_found found;
	struct view clean;

	put_query(&utf8, query);
	clean = view_trim(buf_view(&utf8));
	if (search_find(site->search, clean, &found) < 0)
		return -1;
	put_page(to, site, entry, clean, &found);
	return to->failed ? -1 : 0;
}

int
results_gemini(struct buf *to, const struct site *site,
    const struct entry *entry, struct view query)
{
	gemini_header(to, GEMINI_SUCCESS, VIEW(MIME_GEMTEXT));
	return put_results(to, site, entry, query);
}

int
results_gopher(struct buf *to, const struct site *site,
    const struct entry *entry, struct view query)
{
	struct render menu = site->menu;
	struct buf gemtext;
	int result;

	buf_init(&gemtext, RESULTS_MAX);
	result = put_results(&gemtext, site, entry, query);
	menu.selector = entry->selector;
	if (result == 0)
		render_gemtext_menu(to, &menu, buf_view(&gemtext));
	buf_fini(&gemtext);
	return result < 0 || to->failed ? -1 : 0;
}
