/* starter.h - the files of a first capsule, as "new" writes them. */
#ifndef STARTER_H
#define STARTER_H

#include <stddef.h>

#include "base/buf.h"

/* A file: its path below the folder, a word on it, and its text. */
struct starter_file {
	const char *path;
	const char *what; /* for the list that is printed; NULL: not listed */
	const char *text; /* with the marks of starter_write in it */
};

extern const struct starter_file starter_files[];
extern const size_t n_starter_files;

/* Folders that must be there first, each below one before it. */
extern const char *const starter_folders[];
extern const size_t n_starter_folders;

/*
 * Append the text of a file: "@HOSTS@" becomes the names of the capsule and
 * "@DATE@" today, YYYY-MM-DD.
 */
void starter_write(struct buf *to, const struct starter_file *file,
    const char *hosts, const char *date);

#endif
