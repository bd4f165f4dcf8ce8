/* template.h - the files of a first capsule, as "new" writes them. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A file: its path below the folder, a word on it, and its text. */
struct template_file {
	const char *path;
	const char *what; /* for the list that is printed; NULL: not listed */
	const char *text; /* with the marks of template_write in it */
};

extern const struct template_file template_files[];
extern const size_t n_starter_files;

/* Folders that must be there first, each below one before it. */
extern const char *const template_folders[];
extern const size_t n_starter_folders;

/* What differs from one capsule to the next; none has a line's end in it. */
struct template_words {
	const char *hosts;  /* the names of the capsule, blanks between them */
	const char *date;   /* today, YYYY-MM-DD */
	const char *root;   /* where the pages are */
	const char *pair;   /* the certificate's file, without ".crt" */
	const char *gopher; /* the port */
	bool is_service;    /* the system starts it, by its own user */
};

/*
 * Append the text of a file: "@HOSTS@" and its like, in capitals, become those
 * words, and lines of [server] that only a service needs stand for "@USER@".
 */
void template_write(struct buf *to, const struct template_file *file,
    const struct template_words *words);

#endif
