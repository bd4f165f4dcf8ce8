/* conf_table.h - every section and key there is; for the files of conf alone.
 */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How the text of a value is read, what it may be, and where it goes. */
enum conf_kind {
	CONF_NUMBER,   /* min to max, or one of words; int */
	CONF_DURATION, /* min to max ms; int that counts units of unit ms */
	CONF_SIZE,     /* min to max bytes; int */
	CONF_SWITCH,   /* one of words; bool */
	CONF_WORD,     /* one of words; an enum */
	CONF_USER,     /* name of a user or group; struct view */
	CONF_TEXT,     /* anything; struct view */
	CONF_LANGUAGE, /* language tags with commas between; struct view */
	CONF_FOLDER,   /* path; struct view */
	CONF_FILE,     /* path of a file, or one of words; struct view */
	CONF_HOST,     /* a name or address, or one of words; struct view */
	CONF_HOSTS,    /* names and addresses; struct conf_list */
	CONF_LISTEN,   /* address:port each, or one of words; conf_listens */
	CONF_NETWORKS  /* address or network each, or "no"; conf_networks */
};

/* A word that stands for a value; a list of them ends with a NULL name. */
struct conf_word {
	const char *name;
	int value;
};

/* Where a key's default comes from, when it is not a text of its own. */
enum conf_default {
	CONF_DEFAULT_TEXT,     /* def, read as a value is */
	CONF_DEFAULT_FIRST,    /* the same, but required in [section NAME] */
	CONF_DEFAULT_REQUIRED, /* nowhere: the key must be there */
	CONF_DEFAULT_BY_HOST   /* the first hostname with def after it */
};

/* Whose section it is, and so which struct holds its values. */
enum conf_owner {
	CONF_OF_DAEMON,  /* struct conf; takes no name */
	CONF_OF_GOPHER,  /* struct conf_gopher */
	CONF_OF_CAPSULE, /* struct conf_capsule */
	CONF_OWNERS
};

/* All there is to know about a key. */
struct conf_key {
	const char *section, *name;
	enum conf_kind kind;
	size_t at;      /* in the struct of its section's owner */
	size_t line_at; /* there too: an int for the line; 0: not kept */
	long min, max;
	long unit;
	const struct conf_word *words;
	enum conf_default from;
	const char *def;
	const char *help; /* one line, for whoever reads the printed INI */
};

struct conf_section {
	const char *name;
	enum conf_owner owner;
	bool is_map; /* any key: lines are kept as struct conf_pairs */
	size_t at;   /* of those, in struct conf_capsule */
	const char *help;
};

extern const struct conf_section conf_sections[];
extern const size_t conf_n_sections;

/* In the order of the sections; keys of one section stand together. */
extern const struct conf_key conf_keys[];
extern const size_t conf_n_keys;

/* yes and no. */
extern const struct conf_word conf_switch[];

/* The section, or the key in a section, of that name; or NULL. */
const struct conf_section *conf_section_find(const char *name);
const struct conf_key *conf_key_find(const char *section, const char *name);

/* The word called text in words, which may be NULL; or NULL. */
const struct conf_word *conf_word_find(const struct conf_word *words,
    const char *text);

/*
 * Write every "section key" of the table, one a line, and the name alone of
 * each section that takes any key: for the lint.
 */
void conf_print_keys(FILE *to);

#endif
