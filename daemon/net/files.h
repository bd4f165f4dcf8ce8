/* files.h - large files, which another process opens, kept open for a while. */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>

#include "site/content.h"

#define FILES_KEPT_MAX  64  /* files that nobody uses just now stay open */
#define FILES_ASKED_MAX 256 /* files that are asked for at a time */

struct files;
struct file_use;

/*
 * All files of one worker, which may not open any: ask(arg, number, name) has
 * another process do it, whose answer is given to files_opened with the same
 * number; it returns -1 if just now it cannot.  Never freed: the worker keeps
 * it until it ends.
 */
struct files *files_new(int (*ask)(void *arg, unsigned number,
			    const unsigned char *name),
    void *arg);

/* What was asked for under this number: fd is now owned; -1: it failed. */
void files_opened(struct files *fs, unsigned number, int fd);

/* Nobody is left who would answer: what was asked for has failed. */
void files_give_up(struct files *fs);

/*
 * Use the file of key.  If it is not open yet, ready(arg) is called once it is,
 * or will not be; it may free the use.
 * Returns NULL if it cannot be asked for; else the caller frees the result with
 * file_use_free, at any time.
 */
struct file_use *files_use(struct files *fs, const struct file_key *key,
    void (*ready)(void *arg), void *arg);
void file_use_free(struct file_use *u);

/* The descriptor, to be used until u is freed; or what became of it. */
#define FILE_ASKED  (-1) /* ready will be called */
#define FILE_FAILED (-2)
int file_use_fd(const struct file_use *u);

/* How many are open, for tests. */
size_t files_count(const struct files *fs);

#endif
