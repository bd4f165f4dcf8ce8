/*
 * store_folder.c - the folder of a store and its files.
 *
 * Floor site.  All names are fixed or made of a number; everything is opened
 * relative to the folder's descriptor and follows no link, so a process that
 * is confined to the folder can do all of it.
 */
#include "site/store_folder.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/view.h"
#include "site/store.h"
#include "site/store_format.h"

/* Seconds after which a temporary folder that nobody uses was left behind. */
#define LEFT_S 3600

static int
refuse_folder(struct buf *why, const char *path, const char *reason)
{
	buf_printf(why, "the store's folder %s %s", path, reason);
	return -1;
}

/* A folder of our own, in which nobody else writes. */
static int
open_folder(struct store_folder *f, const char *path, struct buf *why)
{
	struct stat st;

	if (mkdir(path, 0700) == -1 && errno != EEXIST) {
		buf_printf(why, "the store's folder %s cannot be made: %s",
		    path, strerror(errno));
		return -1;
	}
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd == -1 || fstat(f->fd, &st) == -1) {
		buf_printf(why, "the store's folder %s cannot be opened: %s",
		    path, strerror(errno));
		return -1;
	}
	if (st.st_uid != geteuid())
		return refuse_folder(why, path, "belongs to another user");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse_folder(why, path,
		    "is for others to write into, too");
	f->path = xstrdup(path);
	return 0;
}

/* True if nobody uses it: who does holds its lock, from its first moments on.
 */
static bool
is_left_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    st.st_mtime < time(NULL) - LEFT_S &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Remove the empty folders that others like us have left in place. */
static void
sweep_left_folders(const char *place)
{
	DIR *dir = opendir(place);
	const struct dirent *entry;
	int fd;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, STORE_TEMPORARY,
			strlen(STORE_TEMPORARY)) != 0)
			continue;
		fd = openat(dirfd(dir), entry->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd == -1)
			continue;
		if (is_left_folder(fd))
			(void)unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
		close(fd);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Where much may lie; a folder of its own, for a sandbox to name. */
static int
open_temporary(struct store_folder *f, struct buf *why)
{
	const char *places[] = { getenv("TMPDIR"), "/var/tmp", "/tmp",
		"/dev/shm" };
	char path[4096] = "";
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i] == NULL || places[i][0] == '\0' ||
		    strlen(places[i]) > sizeof(path) - 32)
			continue;
		(void)snprintf(path, sizeof(path),
		    "%s/" STORE_TEMPORARY "XXXXXX", places[i]);
		if (mkdtemp(path) == NULL)
			continue;
		f->unnamed = true;
		sweep_left_folders(places[i]);
		if (open_folder(f, path, why) == -1)
			return -1;
		(void)flock(f->fd, LOCK_EX | LOCK_NB);
		return 0;
	}
	buf_printf(why, "no temporary folder can be made for the store: %s",
	    strerror(errno));
	return -1;
}

int
store_folder_open(struct store_folder *f, const char *path, struct buf *why)
{
	int r;

	*f = (struct store_folder){ -1, NULL, false };
	if (path == NULL || path[0] == '\0')
		r = open_temporary(f, why);
	else
		r = open_folder(f, path, why);
	if (r == -1 && f->fd != -1)
		close(f->fd);
	return r;
}

void
store_folder_close(struct store_folder *f)
{
	if (f->unnamed)
		(void)unlinkat(AT_FDCWD, f->path, AT_REMOVEDIR);
	close(f->fd);
	xfree(f->path);
}

void
store_folder_name(char *to, const char *kind, uint32_t number)
{
	(void)snprintf(to, STORE_NAME_MAX, "%s.%lu", kind,
	    (unsigned long)number);
}

int
store_folder_create(const struct store_folder *f, const char *name,
    int *reading)
{
	int fd, saved;

	(void)unlinkat(f->fd, name, 0);
	fd = openat(f->fd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	if (reading != NULL)
		*reading = store_folder_get(f, name, false);
	saved = errno;
	if (f->unnamed || (reading != NULL && *reading == -1))
		(void)unlinkat(f->fd, name, 0);
	if (reading == NULL || *reading != -1)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

int
store_folder_lock(const struct store_folder *f)
{
	return f->unnamed
	    ? store_folder_create(f, STORE_LOCK, NULL)
	    : openat(f->fd, STORE_LOCK,
		  O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Whatever is there: nothing that blocks. */
int
store_folder_get(const struct store_folder *f, const char *name, bool writing)
{
	return openat(f->fd, name,
	    (writing ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC);
}

int
store_folder_rename(const struct store_folder *f, const char *from,
    const char *to)
{
	return f->unnamed ? 0 : renameat(f->fd, from, f->fd, to);
}

void
store_folder_remove(const struct store_folder *f, const char *name)
{
	if (!f->unnamed)
		(void)unlinkat(f->fd, name, 0);
}

/* The number of a file whose name is one of ours, or 0. */
static uint32_t
number_of_file(const char *name)
{
	struct view rest = view_of(name), kind = view_cut(&rest, '.');
	unsigned long n;

	if (!view_eq(kind, VIEW("base")) && !view_eq(kind, VIEW("segment")) &&
	    !view_eq(kind, VIEW("meta")))
		return 0;
	return view_to_number(rest, STORE_NUMBER_MAX - 1, &n) == 0 ? (uint32_t)n
								   : 0;
}

static bool
is_unfinished(const char *name)
{
	return strcmp(name, STORE_FRESH) == 0 ||
	    strcmp(name, STORE_STAGED) == 0 || strcmp(name, STORE_RUNS) == 0;
}

uint32_t
store_folder_clean(const struct store_folder *f,
    bool (*is_named)(void *arg, uint32_t number), void *arg)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	uint32_t number, highest = 0;
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		number = number_of_file(entry->d_name);
		if (number > highest)
			highest = number;
		if (is_named != NULL &&
		    (is_unfinished(entry->d_name) ||
			(number != 0 && !is_named(arg, number))))
			(void)unlinkat(f->fd, entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
	else if (fd != -1)
		close(fd);
	return highest;
}
