/* store_folder.h - the folder of a store and its files; for the store alone. */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define STORE_NAME_MAX 32 /* bytes of a file's name, with its NUL */

/* The names of files that have no number. */
#define STORE_LOCK   "lock"
#define STORE_ROOT   "root"
#define STORE_STAGED "root.next" /* a root that is not adopted yet */
#define STORE_FRESH  "root.new"  /* a root that is being written */
#define STORE_RUNS   "runs.new"  /* entries that wait for their commit */

struct store_folder {
	int fd;
	char *path;   /* owned */
	bool unnamed; /* files lose their names as soon as they are open */
};

/*
 * Open the folder, or make it; or with a NULL or empty path make a temporary
 * one.  Returns 0, or -1 with a sentence in why.
 */
int store_folder_open(struct store_folder *f, const char *path,
    struct buf *why);
void store_folder_close(struct store_folder *f);

/* "base.12" and its like. */
void store_folder_name(char *to, const char *kind, uint32_t number);

/*
 * Make a file anew, for reading and writing.  Returns that descriptor and
 * sets *reading to a read-only one, unless reading is NULL; -1 with errno.
 */
int store_folder_create(const struct store_folder *f, const char *name,
    int *reading);

/* A descriptor of the lock, which is made if it is not there; -1. */
int store_folder_lock(const struct store_folder *f);

/* Open a file that is there: for reading, or for writing, too; -1. */
int store_folder_get(const struct store_folder *f, const char *name,
    bool writing);

/* Rename, remove.  Files without names have none.  0, or -1 with errno. */
int store_folder_rename(const struct store_folder *f, const char *from,
    const char *to);
void store_folder_remove(const struct store_folder *f, const char *name);

/*
 * Remove files of a store with the number of none that is_named says is
 * needed, and all that is fresh, staged or a run.  Returns the highest number
 * that a file had, 0 if none.  Without is_named nothing is removed.
 */
uint32_t store_folder_clean(const struct store_folder *f,
    bool (*is_named)(void *arg, uint32_t number), void *arg);

#endif
