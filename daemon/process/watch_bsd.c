/*
 * watch_bsd.c - kqueue(2), on all BSDs.  Untried on the real systems.
 *
 * Floor process.  It tells of folders, not of names in them, nor of bytes that
 * are written into a file; and each folder takes a descriptor, so that only so
 * many are watched.  What it does not see a look at all files finds.
 */
#include "process/watch.h"

#include <sys/types.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/mem.h"

#define FOLDERS_MAX 128 /* a descriptor each */

#define EVENTS                                                                 \
	(NOTE_WRITE | NOTE_EXTEND | NOTE_LINK | NOTE_ATTRIB | NOTE_RENAME |    \
	    NOTE_DELETE)

struct watched {
	int fd; /* -1: free */
	dev_t dev;
	ino_t ino;
};

struct watch {
	int fd;
	struct watched
	    folders[FOLDERS_MAX]; /* a folder's number is its place */
};

const char watch_remedy[] = "set \"rescan\" in [server] to a "
			    "shorter time";

struct watch *
watch_new(void)
{
	int fd = kqueue(), i;
	struct watch *w;

	if (fd == -1)
		return NULL;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	for (i = 0; i < FOLDERS_MAX; i++)
		w->folders[i].fd = -1;
	return w;
}

void
watch_free(struct watch *w)
{
	int i;

	if (w == NULL)
		return;
	for (i = 0; i < FOLDERS_MAX; i++)
		watch_forget(w, i);
	(void)close(w->fd);
	xfree(w);
}

int
watch_fd(const struct watch *w)
{
	return w->fd;
}

/* The place of a folder, or a free one; -1 if there is none. */
static int
find_watched(const struct watch *w, const struct stat *st)
{
	int i, place = -1;

	for (i = 0; i < FOLDERS_MAX; i++)
		if (w->folders[i].fd == -1)
			place = i;
		else if (w->folders[i].dev == st->st_dev &&
		    w->folders[i].ino == st->st_ino)
			return i;
	return place;
}

int
watch_folder(struct watch *w, int fd)
{
	struct kevent change;
	struct watched *f;
	struct stat st;
	int place, own;

	if (fstat(fd, &st) == -1)
		return -1;
	place = find_watched(w, &st);
	if (place == -1) {
		errno = EMFILE;
		return -1;
	}
	f = &w->folders[place];
	if (f->fd != -1)
		return place;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own == -1)
		return -1;
	EV_SET(&change, (uintptr_t)own, EVFILT_VNODE, EV_ADD | EV_CLEAR, EVENTS,
	    0, NULL);
	if (kevent(w->fd, &change, 1, NULL, 0, NULL) == -1) {
		(void)close(own);
		return -1;
	}
	*f = (struct watched){ own, st.st_dev, st.st_ino };
	return place;
}

void
watch_forget(struct watch *w, int folder)
{
	if (folder < 0 || folder >= FOLDERS_MAX || w->folders[folder].fd == -1)
		return;
	(void)close(w->folders[folder].fd); /* takes its event along */
	w->folders[folder].fd = -1;
}

/* The number of the folder that has this descriptor, or -1. */
static int
number_of_watched(const struct watch *w, uintptr_t fd)
{
	int i = 0;

	while (i < FOLDERS_MAX && (uintptr_t)w->folders[i].fd != fd)
		i++;
	return i < FOLDERS_MAX ? i : -1;
}

enum watch_event
watch_next(struct watch *w, struct watch_change *to)
{
	static const struct timespec at_once;
	struct kevent e;

	to->folder = -1;
	if (kevent(w->fd, NULL, 0, &e, 1, &at_once) != 1)
		return WATCH_NOTHING;
	to->folder = number_of_watched(w, e.ident);
	if (to->folder == -1 || (e.flags & EV_ERROR) != 0)
		return WATCH_LOST;
	if ((e.fflags & NOTE_DELETE) == 0)
		return WATCH_FOLDER;
	watch_forget(w, to->folder);
	return WATCH_GONE;
}
