/*
 * conf_value.c - what each kind of value looks like.
 *
 * Floor site.  For every kind one function reads it, one writes it and one
 * says what it accepts; the table below holds them together.
 */
#include "site/conf_value.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/problem.h"
#include "format/utf8.h"
#include "site/conf_types.h"
#include "site/conf_list.h"
#include "site/conf_quote.h"

#define SUBTAG_MAX 8      /* bytes between two hyphens; RFC 5646 2.1 */
#define WORDS_MAX  9      /* words a key may take */
#define NUMBER_MAX 999999 /* of a duration, before its unit */

/* Offsets come from the table: base is what they were taken in. */
static void *
field(const struct conf_key *key, const struct conf_place *place)
{
	return (char *)place->base + key->at;
}

static const void *
field_of(const struct conf_key *key, const void *base)
{
	return (const char *)base + key->at;
}

static int
int_of(const struct conf_key *key, const void *base)
{
	int value;

	memcpy(&value, field_of(key, base), sizeof(value));
	return value;
}

static void
set_int(const struct conf_key *key, const struct conf_place *place, int value)
{
	memcpy(field(key, place), &value, sizeof(value));
}

/* An enum is as wide as an int with every compiler we know; make sure. */
_Static_assert(sizeof(enum log_level) == sizeof(int), "log_level");
_Static_assert(sizeof(enum conf_address) == sizeof(int), "conf_address");
_Static_assert(sizeof(enum utf8_charset) == sizeof(int), "utf8_charset");

/* Words are C strings; text is not one yet. */
static const struct conf_word *
word_of(const struct conf_key *key, struct view text)
{
	char word[32];

	if (text.len >= sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), "%.*s", VIEW_ARG(text));
	return conf_word_find(key->words, word);
}

/* -- numbers, durations, words -- */

static int
set_number(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	const struct conf_word *word = word_of(key, text);
	unsigned long n;

	(void)why;
	if (word != NULL) {
		set_int(key, place, word->value);
		return 0;
	}
	if (view_to_number(text, (unsigned long)key->max, &n) != 0 ||
	    (long)n < key->min)
		return -1;
	set_int(key, place, (int)n);
	return 0;
}

static void
put_number(const struct conf_key *key, const void *base, struct buf *to)
{
	const struct conf_word *word = key->words;
	int value = int_of(key, base);

	if (word != NULL && word->value == value)
		buf_puts(to, word->name);
	else
		buf_printf(to, "%d", value);
}

static void
say_number(const struct conf_key *key, struct buf *why)
{
	buf_printf(why, "a number from %ld to %ld", key->min, key->max);
	if (key->words != NULL)
		buf_printf(why, ", or %s", key->words->name);
}

static int
set_duration(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	static const struct {
		char letter;
		long ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 } };
	const struct conf_word *word = word_of(key, text);
	long long ms = 1000;
	unsigned long n;
	size_t i;

	(void)why;
	if (word != NULL) {
		set_int(key, place, word->value);
		return 0;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text.len > 0 && text.p[text.len - 1] == units[i].letter) {
			ms = units[i].ms;
			text.len--;
			break;
		}
	if (view_to_number(text, NUMBER_MAX, &n) != 0)
		return -1;
	ms *= (long long)n;
	if (ms < key->min || ms > key->max)
		return -1;
	set_int(key, place, (int)(ms / key->unit));
	return 0;
}

/* In the largest unit that leaves no rest. */
static void
put_ms(struct buf *to, long ms)
{
	long s = ms / 1000;

	if (s == 0)
		buf_puts(to, "0");
	else if (s % 3600 == 0)
		buf_printf(to, "%ldh", s / 3600);
	else if (s % 60 == 0)
		buf_printf(to, "%ldm", s / 60);
	else
		buf_printf(to, "%lds", s);
}

static void
put_duration(const struct conf_key *key, const void *base, struct buf *to)
{
	const struct conf_word *word = key->words;
	int value = int_of(key, base);

	if (word != NULL && word->value == value)
		buf_puts(to, word->name);
	else
		put_ms(to, value * key->unit);
}

static void
say_duration(const struct conf_key *key, struct buf *why)
{
	buf_puts(why, "a duration from ");
	put_ms(why, key->min);
	buf_puts(why, " to ");
	put_ms(why, key->max);
	buf_puts(why, ", such as 30, 30s, 5m or 1h");
	if (key->words != NULL)
		buf_printf(why, ", or %s", key->words->name);
}

/* What one of the letter after a size counts: bytes. */
static const struct {
	char letter;
	int shift;
} sizes[] = { { 'm', 20 }, { 'k', 10 } };

static int
set_size(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	unsigned long n;
	size_t i;
	int shift = 0;

	(void)why;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (text.len > 0 && text.p[text.len - 1] == sizes[i].letter) {
			shift = sizes[i].shift;
			text.len--;
			break;
		}
	if (view_to_number(text, (unsigned long)key->max >> shift, &n) != 0 ||
	    (long)(n << shift) < key->min)
		return -1;
	set_int(key, place, (int)(n << shift));
	return 0;
}

/* In the largest unit that leaves no rest. */
static void
put_size_value(struct buf *to, long n)
{
	size_t i;

	for (i = 0; n > 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (n % (1L << sizes[i].shift) == 0) {
			buf_printf(to, "%ld%c", n >> sizes[i].shift,
			    sizes[i].letter);
			return;
		}
	buf_printf(to, "%ld", n);
}

static void
put_size(const struct conf_key *key, const void *base, struct buf *to)
{
	put_size_value(to, int_of(key, base));
}

static void
say_size(const struct conf_key *key, struct buf *why)
{
	buf_puts(why, "a size from ");
	put_size_value(why, key->min);
	buf_puts(why, " to ");
	put_size_value(why, key->max);
	buf_puts(why, ", such as 4096, 64k or 8m");
}

static int
set_switch(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	const struct conf_word *word = word_of(key, text);

	(void)why;
	if (word == NULL)
		return -1;
	*(bool *)field(key, place) = word->value != 0;
	return 0;
}

static void
put_switch(const struct conf_key *key, const void *base, struct buf *to)
{
	buf_puts(to, *(const bool *)field_of(key, base) ? "yes" : "no");
}

static int
set_word(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	const struct conf_word *word = word_of(key, text);

	(void)why;
	if (word == NULL)
		return -1;
	set_int(key, place, word->value);
	return 0;
}

static void
put_word(const struct conf_key *key, const void *base, struct buf *to)
{
	const struct conf_word *word = key->words;

	while (word->value != int_of(key, base))
		word++;
	buf_puts(to, word->name);
}

/* "a, b or c" */
static void
say_word(const struct conf_key *key, struct buf *why)
{
	const struct conf_word *word;

	for (word = key->words; word->name != NULL; word++) {
		if (word != key->words)
			buf_puts(why, word[1].name == NULL ? " or " : ", ");
		buf_puts(why, word->name);
	}
}

/* -- text and paths -- */

static void
set_view(const struct conf_key *key, const struct conf_place *place,
    struct view text)
{
	*(struct view *)field(key, place) = arena_copy(place->arena, text);
}

static void
put_view(const struct conf_key *key, const void *base, struct buf *to)
{
	buf_put(to, *(const struct view *)field_of(key, base));
}

static int
set_text(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	(void)why;
	set_view(key, place, text);
	return 0;
}

static bool
is_char_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* What useradd(8) of the systems we know lets pass; or empty. */
static int
set_user(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	size_t i;

	(void)why;
	for (i = 0; i < text.len; i++)
		if (!is_letter(text.p[i]) && !is_digit(text.p[i]) &&
		    text.p[i] != '_' &&
		    (i == 0 || !is_char_of(text.p[i], "-.$")))
			return -1;
	set_view(key, place, text);
	return 0;
}

static void
say_user(const struct conf_key *key, struct buf *why)
{
	const char *rest = strchr(key->name, '_'); /* of key_user */

	buf_printf(why, "the name of a %s",
	    rest == NULL ? key->name : rest + 1);
}

static bool
is_subtag(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if (!is_letter(v.p[i]) && !is_digit(v.p[i]))
			return false;
	return v.len > 0 && v.len <= SUBTAG_MAX;
}

static bool
is_tag(struct view v)
{
	struct view part = view_cut(&v, '-');
	size_t i;

	for (i = 0; i < part.len; i++)
		if (!is_letter(part.p[i]))
			return false;
	/* One letter first is x-... or i-..., which must go on. */
	if (!is_subtag(part) || (part.len == 1 && v.p == NULL))
		return false;
	while (v.p != NULL)
		if (!is_subtag(view_cut(&v, '-')))
			return false;
	return true;
}

bool
conf_is_language(struct view v)
{
	if (v.len == 0)
		return false;
	while (v.p != NULL)
		if (!is_tag(view_cut(&v, ',')))
			return false;
	return true;
}

static int
set_language(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	(void)why;
	if (text.len > 0 && !conf_is_language(text))
		return -1;
	set_view(key, place, text);
	return 0;
}

static void
say_language(const struct conf_key *key, struct buf *why)
{
	(void)key;
	buf_puts(why, "a language such as en, pt-BR or en,fr");
}

/* Store text seen from the folder of the INI file. */
static void
set_path(const struct conf_key *key, const struct conf_place *place,
    struct view text)
{
	struct view folder = place->folder;
	char *path;

	if (text.p[0] == '/')
		folder.len = 0;
	path = arena_alloc(place->arena, folder.len + text.len + 1);
	if (folder.len > 0)
		memcpy(path, folder.p, folder.len);
	memcpy(path + folder.len, text.p, text.len);
	*(struct view *)field(key, place) =
	    (struct view){ path, folder.len + text.len };
}

/* True if a path may be left out: where the default is none. */
static bool
is_optional(const struct conf_key *key)
{
	return key->from == CONF_DEFAULT_TEXT && key->def[0] == '\0';
}

static int
set_folder(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	size_t i;

	(void)why;
	if (text.len == 0 && is_optional(key)) {
		set_view(key, place, text);
		return 0;
	}
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] < ' ')
			return -1;
	if (text.len == 0)
		return -1;
	set_path(key, place, text);
	return 0;
}

static void
say_folder(const struct conf_key *key, struct buf *why)
{
	(void)key;
	buf_puts(why, "a folder");
}

static int
set_file_value(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	(void)why;
	if (word_of(key, text) != NULL || (text.len == 0 && is_optional(key))) {
		set_view(key, place, text);
		return 0;
	}
	if (text.len == 0 || text.p[text.len - 1] == '/')
		return -1;
	set_path(key, place, text);
	return 0;
}

static void
say_file(const struct conf_key *key, struct buf *why)
{
	const struct conf_word *word = key->words;

	for (; word != NULL && word->name != NULL; word++)
		buf_printf(why, "%s, ", word->name);
	buf_printf(why, "%sthe name of a file",
	    key->words != NULL ? "or " : "");
}

/* -- lists -- */

static int
set_hosts(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	return conf_hosts_set(field(key, place), place->arena, text, why);
}

static void
put_hosts_value(const struct conf_key *key, const void *base, struct buf *to)
{
	conf_hosts_put(field_of(key, base), to);
}

static void
say_hosts(const struct conf_key *key, struct buf *why)
{
	(void)key;
	buf_puts(why, "a list of host names or addresses");
}

static int
set_host(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	struct conf_list list;

	if (word_of(key, text) != NULL) {
		*(struct view *)field(key, place) = VIEW("");
		return 0;
	}
	if (conf_hosts_set(&list, place->arena, text, why) != 0 || list.n != 1)
		return -1;
	*(struct view *)field(key, place) = list.v[0];
	return 0;
}

static void
put_host_value(const struct conf_key *key, const void *base, struct buf *to)
{
	const struct view *host = field_of(key, base);

	if (host->len == 0)
		buf_puts(to, key->words->name);
	else
		buf_put(to, conf_unbracket(*host));
}

static void
say_host(const struct conf_key *key, struct buf *why)
{
	buf_printf(why, "one host name or address, or %s", key->words->name);
}

static int
set_listen(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	return conf_listens_set(field(key, place), place->arena, text, why);
}

static void
put_listen(const struct conf_key *key, const void *base, struct buf *to)
{
	conf_listens_put(field_of(key, base), to);
}

static void
say_listen(const struct conf_key *key, struct buf *why)
{
	bool is_off = conf_word_find(key->words, key->def) != NULL;

	buf_printf(why, "a list of addresses such as %s, or off",
	    is_off ? "127.0.0.1:9965" : key->def);
}

static int
set_networks(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	return conf_networks_set(field(key, place), place->arena, text, why);
}

static void
put_networks(const struct conf_key *key, const void *base, struct buf *to)
{
	conf_networks_put(field_of(key, base), to);
}

static void
say_networks(const struct conf_key *key, struct buf *why)
{
	(void)key;
	buf_puts(why, "a list of addresses and networks, or no");
}

/* -- all kinds -- */

static const struct {
	/* 0, or -1; a sentence in why if the usual one does not fit. */
	int (*set)(const struct conf_key *key, const struct conf_place *place,
	    struct view text, struct buf *why);
	void (
	    *put)(const struct conf_key *key, const void *base, struct buf *to);
	/* Ends the sentence: "x" is not ...; NULL if set never fails. */
	void (*say)(const struct conf_key *key, struct buf *why);
} kinds[] = {
	[CONF_NUMBER] = { set_number, put_number, say_number },
	[CONF_DURATION] = { set_duration, put_duration, say_duration },
	[CONF_SIZE] = { set_size, put_size, say_size },
	[CONF_SWITCH] = { set_switch, put_switch, say_word },
	[CONF_WORD] = { set_word, put_word, say_word },
	[CONF_USER] = { set_user, put_view, say_user },
	[CONF_TEXT] = { set_text, put_view, NULL },
	[CONF_LANGUAGE] = { set_language, put_view, say_language },
	[CONF_FOLDER] = { set_folder, put_view, say_folder },
	[CONF_FILE] = { set_file_value, put_view, say_file },
	[CONF_HOST] = { set_host, put_host_value, say_host },
	[CONF_HOSTS] = { set_hosts, put_hosts_value, say_hosts },
	[CONF_LISTEN] = { set_listen, put_listen, say_listen },
	[CONF_NETWORKS] = { set_networks, put_networks, say_networks },
};

/* Append the word that was meant, if there is one near enough. */
static void
put_nearest(const struct conf_key *key, struct view text, struct buf *why)
{
	const char *names[WORDS_MAX], *near;
	char read[CONF_LINE_MAX + 1];
	size_t n;

	for (n = 0; key->words != NULL && key->words[n].name != NULL; n++)
		names[n] = key->words[n].name;
	snprintf(read, sizeof(read), "%.*s", VIEW_ARG(text));
	near = problem_nearest(read, names, n);
	if (near != NULL)
		buf_printf(why, "; nearest: %s", near);
}

int
conf_value_set(const struct conf_key *key, const struct conf_place *place,
    struct view text, struct buf *why)
{
	size_t mark = why->len;

	if (!utf8_is_valid(text))
		return conf_refuse(why, text, "is not UTF-8");
	if (kinds[key->kind].set(key, place, text, why) == 0)
		return 0;
	if (why->len == mark) {
		conf_quote(why, text);
		buf_puts(why, " is not ");
		kinds[key->kind].say(key, why);
		/* "on" is near to "no" and means the other. */
		if (key->kind != CONF_SWITCH)
			put_nearest(key, text, why);
	}
	return -1;
}

void
conf_value_put(const struct conf_key *key, const void *base, struct buf *to)
{
	kinds[key->kind].put(key, base, to);
}
