/*
 * search_query.c - the words of a search, and the records that carry them.
 *
 * Floor site.  A worker cuts and folds what a visitor has typed, so that what
 * the search process gets is letters and digits; that process believes none of
 * it, for a worker may have been taken over, and the worker believes it no
 * more: both have their own copy of a record before they look at it.
 */
#include "site/search_query.h"

#include <string.h>

#include "base/buf.h"

/* A word of one letter begins too many others. */
#define PREFIX_MIN 2 /* bytes */

static bool
has_word(const struct search_query *q, struct view word)
{
	size_t i;

	for (i = 0; i < q->n_words; i++)
		if (view_eq(search_query_word(q, i), word))
			return true;
	return false;
}

void
search_query_read(struct search_query *q, struct view text)
{
	char room[WORDS_BYTES_MAX];
	struct buf word = { room, 0, sizeof(room), sizeof(room), false };
	const char *start = text.p;
	struct view where;

	memset(q, 0, sizeof(*q));
	while (words_next(&text, &word, &where)) {
		if (where.p - start >= SEARCH_QUERY_MAX) {
			q->is_cut = 1;
			return;
		}
		if (word.len == 0 || has_word(q, buf_view(&word)))
			continue;
		if (q->n_words == SEARCH_WORDS_MAX) {
			q->is_cut = 1;
			return;
		}
		memcpy(q->words[q->n_words], word.p, word.len);
		q->len[q->n_words++] = (unsigned char)word.len;
	}
}

struct view
search_query_word(const struct search_query *q, size_t i)
{
	return (struct view){ q->words[i], q->len[i] };
}

bool
search_query_is_prefix(const struct search_query *q)
{
	return q->n_words > 0 && q->len[q->n_words - 1] >= PREFIX_MIN;
}

/* Small letters and digits of ASCII, and whatever is beyond it. */
static bool
is_folded(struct view word)
{
	size_t i;

	for (i = 0; i < word.len; i++) {
		unsigned char c = (unsigned char)word.p[i];

		if (c < 0x80 && !(c >= 'a' && c <= 'z') &&
		    !(c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

static bool
are_words_good(const struct search_query *q)
{
	size_t i;

	if (q->n_words > SEARCH_WORDS_MAX)
		return false;
	for (i = 0; i < q->n_words; i++)
		if (q->len[i] == 0 || q->len[i] > WORDS_BYTES_MAX ||
		    !is_folded(search_query_word(q, i)))
			return false;
	return true;
}

bool
search_query_take(struct search_query *to, const void *record, size_t len,
    size_t n_capsules)
{
	if (len != sizeof(*to))
		return false;
	memcpy(to, record, sizeof(*to));
	return to->word <= SEARCH_CANCEL && to->capsule < n_capsules &&
	    to->is_cut <= 1 && are_words_good(to);
}

bool
search_found_take(struct search_found *to, const void *record, size_t len)
{
	if (len != sizeof(*to))
		return false;
	memcpy(to, record, sizeof(*to));
	return to->end <= SEARCH_FAILED && to->n <= SEARCH_HITS_MAX &&
	    to->n <= to->total && to->is_more <= 1 && to->is_some <= 1 &&
	    to->is_partial <= 1;
}
