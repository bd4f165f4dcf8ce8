/* view.h - borrowed bytes: a pointer and a length, never a terminator. */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes that somebody else owns; p may be NULL only when len is 0. */
struct view {
	const char *p;
	size_t len;
};

/* A view of a string literal, usable in static initialisers with VIEW_INIT. */
#define VIEW(s) ((struct view){ (s), sizeof(s) - 1 })
#define VIEW_INIT(s)                                                           \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

/* For "%.*s": the two arguments that print a view. */
#define VIEW_ARG(v) (int)(v).len, (v).p != NULL ? (v).p : ""

/* The bytes of a C string, without its NUL; NULL gives the empty view. */
struct view view_of(const char *s);

/* True if both hold the same bytes. */
bool view_eq(struct view a, struct view b);

/* True if both hold the same bytes, A-Z and a-z being the same letters. */
bool view_eq_nocase(struct view a, struct view b);

/* True for a letter, or a digit, of ASCII, whatever the locale. */
static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* True if v begins, or ends, with the bytes of part. */
bool view_has_prefix(struct view v, struct view part);
bool view_has_suffix(struct view v, struct view part);

/* What is left of v after its first n bytes; n may exceed v.len. */
struct view view_skip(struct view v, size_t n);

/*
 * Cut the bytes before the first stop byte off the front of *rest.
 *
 * Returns them; *rest is then what follows the stop byte.  Without a stop
 * byte all of *rest is returned and *rest becomes empty with a NULL p, so
 * that "while (rest.p != NULL)" visits every field, the empty last included.
 */
struct view view_cut(struct view *rest, char stop);

/* v without the blanks (SP, TAB) and line ends (CR, LF) around it. */
struct view view_trim(struct view v);

/*
 * Read v as a decimal number from 0 to max, digits only.
 *
 * Returns 0 and fills *to, or -1 (empty, another byte, or over max) and
 * leaves *to alone.
 */
int view_to_number(struct view v, unsigned long max, unsigned long *to);

#endif
