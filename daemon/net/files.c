/*
 * files.c - large files, which another process opens, kept open for a while.
 *
 * Floor net.  All files are in one list, the last used first.  A file that
 * nobody uses stays at its place until others push it out.
 */
#include "net/files.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct file {
	struct file_key key;
	unsigned number; /* it was asked for under */
	int fd;          /* or FILE_ASKED, or FILE_FAILED */
	struct file_use *uses;
	struct file *next;
};

struct file_use {
	struct files *all;
	struct file *file;
	void (*ready)(void *arg); /* NULL once it was called */
	void *arg;
	struct file_use *next; /* of this file's */
};

struct files {
	int (*ask)(void *arg, unsigned number, const unsigned char *name);
	void *arg;
	unsigned number; /* of the last that was asked for */
	struct file *first;
	size_t n_asked;
};

struct files *
files_new(int (*ask)(void *arg, unsigned number, const unsigned char *name),
    void *arg)
{
	struct files *fs = xcalloc(1, sizeof(*fs));

	fs->ask = ask;
	fs->arg = arg;
	return fs;
}

/* -- the list -- */

static void
unlist_file(struct files *fs, struct file *f)
{
	struct file **at = &fs->first;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
}

static void
put_first(struct files *fs, struct file *f)
{
	f->next = fs->first;
	fs->first = f;
}

static void
drop_file(struct files *fs, struct file *f)
{
	unlist_file(fs, f);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

/* Close what was not used for longest, if too much is unused. */
static void
push_out(struct files *fs)
{
	struct file *f, *last = NULL;
	size_t unused = 0;

	for (f = fs->first; f != NULL; f = f->next)
		if (f->uses == NULL && f->fd >= 0) {
			unused++;
			last = f;
		}
	if (unused > FILES_KEPT_MAX)
		drop_file(fs, last);
}

/* The file of key, unless it failed: it may be there by now. */
static struct file *
find_file(struct files *fs, const struct file_key *key)
{
	struct file *f = fs->first;

	while (f != NULL &&
	    (f->fd == FILE_FAILED || memcmp(&f->key, key, sizeof(*key)) != 0))
		f = f->next;
	return f;
}

static struct file *
ask_for(struct files *fs, const struct file_key *key)
{
	struct file *f;

	if (fs->n_asked >= FILES_ASKED_MAX ||
	    (f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	f->key = *key;
	f->fd = FILE_ASKED;
	f->number = ++fs->number;
	if (fs->ask(fs->arg, f->number, f->key.name) == -1) {
		free(f);
		return NULL;
	}
	fs->n_asked++;
	put_first(fs, f);
	return f;
}

/* -- who uses them -- */

struct file_use *
files_use(struct files *fs, const struct file_key *key,
    void (*ready)(void *arg), void *arg)
{
	struct file_use *u = calloc(1, sizeof(*u));
	struct file *f = u == NULL ? NULL : find_file(fs, key);

	if (u != NULL && f == NULL)
		f = ask_for(fs, key);
	if (f == NULL) {
		free(u);
		return NULL;
	}
	*u = (struct file_use){ fs, f, f->fd == FILE_ASKED ? ready : NULL, arg,
		f->uses };
	f->uses = u;
	unlist_file(fs, f);
	put_first(fs, f);
	return u;
}

void
file_use_free(struct file_use *u)
{
	struct file_use **at;
	struct file *f;

	if (u == NULL)
		return;
	f = u->file;
	for (at = &f->uses; *at != u; at = &(*at)->next)
		;
	*at = u->next;
	if (f->uses == NULL && f->fd == FILE_FAILED)
		drop_file(u->all, f);
	else if (f->uses == NULL)
		push_out(u->all);
	free(u);
}

int
file_use_fd(const struct file_use *u)
{
	return u->file->fd;
}

/* -- answers -- */

/* A use that has not heard of its file yet; NULL: none is left. */
static struct file_use *
next_to_tell(const struct file *f)
{
	struct file_use *u = f->uses;

	while (u != NULL && u->ready == NULL)
		u = u->next;
	return u;
}

/*
 * Tell all who wait.  Each may free its use, and the last one the file: a use
 * of our own keeps it.
 */
static void
tell_uses(struct files *fs, struct file *f)
{
	struct file_use own = { fs, f, NULL, NULL, f->uses }, **at, *u;
	void (*ready)(void *);

	f->uses = &own;
	while ((u = next_to_tell(f)) != NULL) {
		ready = u->ready;
		u->ready = NULL;
		ready(u->arg);
	}
	for (at = &f->uses; *at != &own; at = &(*at)->next)
		;
	*at = own.next;
	if (f->uses == NULL && f->fd == FILE_FAILED)
		drop_file(fs, f);
	else if (f->uses == NULL)
		push_out(fs);
}

static void
settle_file(struct files *fs, struct file *f, int fd)
{
	assert(f->fd == FILE_ASKED);
	f->fd = fd >= 0 ? fd : FILE_FAILED;
	fs->n_asked--;
	tell_uses(fs, f);
}

void
files_opened(struct files *fs, unsigned number, int fd)
{
	struct file *f = fs->first;

	while (f != NULL && (f->fd != FILE_ASKED || f->number != number))
		f = f->next;
	if (f != NULL)
		settle_file(fs, f, fd);
	else if (fd >= 0)
		close(fd);
}

void
files_give_up(struct files *fs)
{
	struct file *f;

	do {
		f = fs->first;
		while (f != NULL && f->fd != FILE_ASKED)
			f = f->next;
		if (f != NULL)
			settle_file(fs, f, -1);
	} while (f != NULL);
}

size_t
files_count(const struct files *fs)
{
	const struct file *f;
	size_t n = 0;

	for (f = fs->first; f != NULL; f = f->next)
		n += f->fd >= 0;
	return n;
}
