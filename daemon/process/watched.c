/*
 * watched.c - which folders are watched, and what of it is worth a look.
 *
 * Floor process.
 */
#include "process/watched.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "process/watch.h"
#include "site/folder.h"
#include "site/resolve_walk.h"

/* Where a capsule had a folder when it was last added. */
struct watched_folder {
	struct watched_folder *next; /* the same folder, another capsule's */
	size_t capsule;
	struct beneath *root;
	char
	    path[]; /* its one name below it; empty, or with a "/" at its end */
};

struct watched {
	struct watch *watch;
	struct watched_folder **folders; /* at their numbers; NULL: none */
	size_t room, n, max;
	bool is_partial;
};

struct watched *
watched_new(size_t max)
{
	struct watch *watch = watch_new();
	struct watched *w;

	if (watch == NULL)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->watch = watch;
	w->max = max;
	return w;
}

/* Forget all that a folder is called. */
static void
clear_folder(struct watched *w, size_t number)
{
	struct watched_folder *f;

	if (w->folders[number] != NULL)
		w->n--;
	while ((f = w->folders[number]) != NULL) {
		w->folders[number] = f->next;
		xfree(f);
	}
}

void
watched_free(struct watched *w)
{
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->room; i++)
		clear_folder(w, i);
	xfree(w->folders);
	watch_free(w->watch);
	xfree(w);
}

int
watched_fd(const struct watched *w)
{
	return watch_fd(w->watch);
}

size_t
watched_count(const struct watched *w)
{
	return w->n;
}

bool
watched_is_partial(const struct watched *w)
{
	return w->is_partial;
}

/* Make room for a folder of that number. */
static void
grow_folders(struct watched *w, size_t number)
{
	size_t room = w->room == 0 ? 64 : w->room;

	while (room <= number)
		room *= 2;
	if (room == w->room)
		return;
	w->folders = xrealloc(w->folders, room, sizeof(*w->folders));
	memset(w->folders + w->room, 0, (room - w->room) * sizeof(*w->folders));
	w->room = room;
}

/* The place of a capsule's in a list, or of the NULL at its end. */
static struct watched_folder **
find_capsule(struct watched_folder **at, size_t capsule)
{
	while (*at != NULL && (*at)->capsule != capsule)
		at = &(*at)->next;
	return at;
}

/* Remember where the folder of that number is. */
static void
note_folder_name(struct watched *w, size_t number, size_t capsule,
    struct beneath *root, struct view path)
{
	struct watched_folder **at, *f;

	grow_folders(w, number);
	if (w->folders[number] == NULL)
		w->n++;
	at = find_capsule(&w->folders[number], capsule);
	if (*at != NULL && view_eq(view_of((*at)->path), path))
		return;
	f = xcalloc(1, sizeof(*f) + path.len + 1);
	f->next = *at == NULL ? NULL : (*at)->next;
	f->capsule = capsule;
	f->root = root;
	if (path.len > 0)
		memcpy(f->path, path.p, path.len);
	xfree(*at);
	*at = f;
}

/* Watch an open folder: its number, or -1 with errno if there is no room.  One
 * that is watched already has its room. */
static int
watch_within_limit(struct watched *w, int fd)
{
	int number = watch_folder(w->watch, fd);

	if (number == -1 || w->n < w->max ||
	    ((size_t)number < w->room && w->folders[number] != NULL))
		return number;
	watch_forget(w->watch, number);
	errno = ENOSPC;
	return -1;
}

int
watched_add(struct watched *w, size_t capsule, struct beneath *root,
    struct view path)
{
	char room[BENEATH_PATH_MAX * 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };
	const char *why;
	struct stat st;
	int fd = beneath_open(root, path.len == 0 ? VIEW("./") : path, S_IFDIR,
		&st, &why),
	    number;

	if (fd == -1)
		return -1;
	beneath_put_name(root, &name);
	number = watch_within_limit(w, fd);
	(void)close(fd);
	if (number == -1) {
		w->is_partial = true;
		return -1;
	}
	note_folder_name(w, (size_t)number, capsule, root, buf_view(&name));
	return 0;
}

/* -- what a map names -- */

/* Whose folders are added. */
struct adding {
	struct watched *w;
	size_t capsule;
	struct beneath *root;
};

static bool
on_place(void *arg, const struct folder_place *place)
{
	const struct adding *a = arg;

	(void)watched_add(a->w, a->capsule, a->root, place->path);
	return true;
}

/* A file that the map names may lie in a folder that nobody walks. */
static bool
add_page_folder(void *arg, struct page *page)
{
	const struct adding *a = arg;

	if (!page->walked &&
	    (page->kind == PAGE_FILE || page->kind == PAGE_ATOM))
		(void)watched_add(a->w, a->capsule, a->root,
		    pages_folder(page->path));
	return true;
}

void
watched_add_mapped(struct watched *w, const struct conf *conf, size_t capsule,
    struct beneath *root)
{
	struct adding adding = { w, capsule, root };
	struct resolve_visit files = { .page = add_page_folder,
		.arg = &adding };
	struct resolve_visit folders = { .folder = on_place, .arg = &adding };
	struct resolver *r =
	    resolver_new(conf, &conf->capsules[capsule], root, NULL);

	(void)resolver_walk_named(r, &files);
	(void)resolver_walk(r, &folders);
	resolver_free(r);
}

/* -- what has happened -- */

/* The folder of that number, or NULL. */
static const struct watched_folder *
watched_folder_of(const struct watched *w, int number)
{
	return number >= 0 && (size_t)number < w->room ? w->folders[number]
						       : NULL;
}

/* True for a regular file with one name, which has just been made: whoever made
 * it is about to write it, and will close it. */
static bool
is_unwritten(const struct watched_folder *f, const char *name)
{
	char room[BENEATH_PATH_MAX + NAME_MAX];
	struct buf path = { room, 0, sizeof(room), sizeof(room), false };
	struct stat st;

	buf_puts(&path, f->path);
	buf_puts(&path, name);
	buf_putc(&path, '\0');
	return !path.failed &&
	    fstatat(beneath_fd(f->root), path.p, &st, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/* Put one change into to. */
static void
collect_change(struct watched *w, enum watch_event event,
    const struct watch_change *change, struct settle *to, int64_t now_ms)
{
	const struct watched_folder *f = watched_folder_of(w, change->folder);

	if (event == WATCH_LOST)
		settle_add_all(to, now_ms);
	else if (f == NULL)
		return; /* it was forgotten before this was told */
	else if (event == WATCH_GONE)
		clear_folder(w, (size_t)change->folder);
	else if (event == WATCH_FOLDER)
		settle_add(to, change->folder, VIEW(""), now_ms);
	else if (!folder_is_temporary(view_of(change->name)) &&
	    (event != WATCH_MADE || !is_unwritten(f, change->name)))
		settle_add(to, change->folder, view_of(change->name), now_ms);
}

void
watched_collect(struct watched *w, struct settle *to, int64_t now_ms)
{
	struct watch_change change;
	enum watch_event event;

	while ((event = watch_next(w->watch, &change)) != WATCH_NOTHING)
		collect_change(w, event, &change, to, now_ms);
}

/* Add one change by one name of its folder. */
static void
tell_name(const struct watched_folder *f, struct view name,
    struct fill_changes *to)
{
	char room[BENEATH_PATH_MAX * 2 + NAME_MAX];
	struct buf path = { room, 0, sizeof(room), sizeof(room), false };

	buf_puts(&path, f->path);
	buf_put(&path, name);
	if (!path.failed)
		fill_changes_add(to, f->capsule, buf_view(&path));
}

void
watched_tell(const struct watched *w, const struct settle *changes,
    struct fill_changes *to)
{
	const struct settle_change *change;
	const struct watched_folder *f;

	for (change = changes->first; change != NULL; change = change->next)
		for (f = watched_folder_of(w, change->folder); f != NULL;
		     f = f->next)
			tell_name(f, change->name, to);
}
