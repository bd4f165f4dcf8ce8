/*
 * sentence.h - compare messages by what matters in them, not by their wording.
 *
 * What matters are the file and line, the section and key, what is quoted, and
 * every word that is not plain lower-case prose: "workers:", "64", "IPV4:PORT".
 * All of these must be there.  Of the plain words half must be there, so that a
 * sentence can be worded better, and another message is still another one.
 * Include after cmocka.h.
 */
#ifndef SENTENCE_H
#define SENTENCE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/view.h"

#define PLAIN_LETTERS "abcdefghijklmnopqrstuvwxyz-'"
#define SHORT_WORD    4u /* letters; shorter ones say little */

/* The next word of *at, "..." and [...] being one; empty at the end. */
static inline struct view
next_fact(struct view *at)
{
	size_t n = 0;
	const char *close;

	while (at->len > 0 && strchr(" ,;", at->p[0]) != NULL)
		*at = view_skip(*at, 1);
	close = at->len == 0  ? NULL
	    : at->p[0] == '"' ? "\""
	    : at->p[0] == '[' ? "]"
			      : NULL;
	if (close != NULL) {
		for (n = 1; n < at->len && at->p[n] != close[0]; n++)
			;
		n += n < at->len;
	} else {
		while (n < at->len && strchr(" ,;", at->p[n]) == NULL)
			n++;
	}
	*at = (struct view){ at->p + n, at->len - n };
	return (struct view){ at->p - n, n };
}

static inline bool
is_plain_word(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (strchr(PLAIN_LETTERS, v.p[i]) == NULL)
			return false;
	return true;
}

static inline bool
has_word(struct view line, struct view word)
{
	size_t i;

	for (i = 0; i + word.len <= line.len; i++)
		if (memcmp(line.p + i, word.p, word.len) == 0)
			return true;
	return false;
}

/* The name of what got lacks of want, or NULL; got may have more. */
static inline const char *
lacking_fact(struct view got, struct view want)
{
	static char lacking[256];
	size_t plain = 0, found = 0;
	struct view word;

	while ((word = next_fact(&want)).len > 0) {
		if (is_plain_word(word)) {
			plain += word.len >= SHORT_WORD;
			found += word.len >= SHORT_WORD && has_word(got, word);
		} else if (!has_word(got, word)) {
			snprintf(lacking, sizeof(lacking), "%.*s",
			    VIEW_ARG(word));
			return lacking;
		}
	}
	return found * 2 >= plain ? NULL : "most of its words";
}

/* The line that *at begins with; *at goes behind it. */
static inline struct view
cut_sentence(const char **at)
{
	const char *end = strchr(*at, '\n');
	struct view line = { *at, end ? (size_t)(end - *at) : strlen(*at) };

	*at += line.len + (end != NULL);
	return line;
}

/* Fail unless got has the same lines as want by what matters in them. */
static inline void
expect_sentences(const char *name, const char *got, const char *want)
{
	const char *g = got, *w = want, *lacks;

	while (*g != '\0' && *w != '\0') {
		struct view line = cut_sentence(&g);

		lacks = lacking_fact(line, cut_sentence(&w));
		if (lacks != NULL)
			fail_msg("%s:\nsays:\n%s\nwant:\n%s\nlacks: %s", name,
			    got, want, lacks);
	}
	if (*g != *w)
		fail_msg("%s: another number of lines:\n%s\nwant:\n%s", name,
		    got, want);
}

#endif
