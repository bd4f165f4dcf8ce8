/* words.h - text as a search compares it: plain words, folded. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

#define WORDS_BYTES_MAX 64 /* of a folded word: what follows is left out */

/*
 * Cut up to and with the next word off the front of *rest.
 *
 * Puts its folded form alone into *word, and fills *where with the bytes that
 * it was made of, which borrow from *rest.  Returns false after the last one.
 *
 * A word is a run of letters and digits of any script.  Folded it has no
 * capitals, no marks and no ligatures ("Œuvre" is "oeuvre"); the French
 * articles and pronouns that lose their vowel are gone ("l'université" is
 * "universite"), so is the English possessive, and other apostrophes within
 * it ("aujourd'hui" is "aujourdhui").  Any bytes will do: malformed ones stand
 * between words.  Never allocates beyond *word.
 */
bool words_next(struct view *rest, struct buf *word, struct view *where);

/* Append every word of v folded, with one blank before each. */
void words_fold(struct buf *to, struct view v);

#endif
