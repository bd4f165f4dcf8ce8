/*
 * watch_linux.c - inotify(7).
 *
 * Floor process.  The number of a folder is inotify's own: one for each
 * folder, whatever the path.
 */
#include "process/watch.h"

#include <sys/inotify.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

/* Bytes of events read at a time; some hundred of them. */
#define EVENTS_MAX (16 << 10)

#define EVENTS                                                                 \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |            \
	    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |            \
	    IN_ONLYDIR | IN_EXCL_UNLINK)

struct watch {
	int fd;
	size_t len, at; /* of the events that were read */
	char events[EVENTS_MAX]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
};

const char watch_remedy[] = "to watch more, type \"sysctl "
			    "fs.inotify.max_user_watches=1048576\"";

struct watch *
watch_new(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *w;

	if (fd == -1)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	(void)close(w->fd);
	xfree(w);
}

int
watch_fd(const struct watch *w)
{
	return w->fd;
}

int
watch_folder(struct watch *w, int fd)
{
	char path[sizeof("/proc/self/fd/-2147483648")];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(w->fd, path, EVENTS);
}

void
watch_forget(struct watch *w, int folder)
{
	(void)inotify_rm_watch(w->fd, folder);
}

static enum watch_event
tell_event(const struct inotify_event *e, struct watch_change *to)
{
	to->folder = e->wd;
	if ((e->mask & IN_Q_OVERFLOW) != 0)
		return WATCH_LOST;
	if ((e->mask & IN_IGNORED) != 0)
		return WATCH_GONE;
	if (e->len == 0) /* of the folder itself: its mode, or its own name */
		return WATCH_FOLDER;
	(void)snprintf(to->name, sizeof(to->name), "%s", e->name);
	return (e->mask & (IN_CREATE | IN_ISDIR)) == IN_CREATE ? WATCH_MADE
							       : WATCH_NAME;
}

/* True if there are events to look at. */
static bool
has_events(struct watch *w)
{
	ssize_t n;

	if (w->at < w->len)
		return true;
	do
		n = read(w->fd, w->events, sizeof(w->events));
	while (n == -1 && errno == EINTR);
	w->at = 0;
	w->len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

enum watch_event
watch_next(struct watch *w, struct watch_change *to)
{
	const struct inotify_event *e;

	to->folder = -1;
	if (!has_events(w))
		return WATCH_NOTHING;
	/* The kernel aligns each and writes no part of one. */
	e = (const void *)(w->events + w->at);
	w->at += sizeof(*e) + e->len;
	return tell_event(e, to);
}
