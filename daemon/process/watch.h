/* watch.h - be told by the system what changes in folders. */
#ifndef WATCH_H
#define WATCH_H

#include <limits.h>

/* What has happened. */
enum watch_event {
	WATCH_NOTHING, /* that was all for now */
	WATCH_NAME,    /* a name in a folder: there, gone, or another file */
	WATCH_MADE,    /* a name is new: a regular file that has no other is
			* yet to be written, and will be told of again */
	WATCH_FOLDER,  /* some name in a folder; which one is not known */
	WATCH_GONE,    /* the folder was removed, and is watched no more */
	WATCH_LOST     /* more than the system could hold: look at everything */
};

struct watch_change {
	int folder; /* as watch_folder numbered it; -1 with WATCH_LOST */
	char name[NAME_MAX + 1]; /* with WATCH_NAME and WATCH_MADE */
};

struct watch;

/*
 * Watch nothing yet.  Free it with watch_free.  Returns NULL, with errno, if
 * the system has no way or no room.
 */
struct watch *watch_new(void);
void watch_free(struct watch *w);

/* Readable when watch_next has something to tell; w's own. */
int watch_fd(const struct watch *w);

/*
 * Watch what becomes of the names in a folder, not of those below it.
 *
 * fd: the folder, open; borrowed for the call.  A regular file that is being
 * written is told of when it is closed or renamed, where the system knows.
 * Returns the folder's number, not negative: the same one if it is watched
 * already, by whatever path.  Returns -1, with errno, if the system has no room
 * for it: ENOSPC is inotify's limit (fs.inotify.max_user_watches), EMFILE that
 * of descriptors.
 */
int watch_folder(struct watch *w, int fd);

/* What an administrator does about too few folders: a part of a sentence. */
extern const char watch_remedy[];

/* Watch a folder no more; its number may be used again. */
void watch_forget(struct watch *w, int folder);

/* Fill *to with the next change, without waiting. */
enum watch_event watch_next(struct watch *w, struct watch_change *to);

#endif
