/*
 * beneath.c - walk a path one name at a time, following links by hand.
 *
 * Floor site.  The kernel is never given a name with a slash, a ".." or a
 * link in it, so it cannot be led out of the root; this needs nothing but
 * POSIX.  The folder of the last path is kept open: a folder's files then
 * cost one openat(2) each.
 */
#include "site/beneath.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* O_NONBLOCK: a FIFO without a writer must not stop us. */
#define FLAGS (O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW)

/* A folder below the root, by its real name: no link, no dot. */
struct place {
	int fd; /* -1: none */
	size_t len;
	char path[BENEATH_PATH_MAX];
};

struct beneath {
	int root;
	char *real; /* the root's real name, or NULL: for absolute links */
	struct place here;
	char asked[BENEATH_PATH_MAX]; /* the folder that led to here */
	char path[BENEATH_PATH_MAX];  /* of this call */
	char found[NAME_MAX + 1];     /* by it, in here: no link; ".": here */
	bool found_folder;
	bool refuses_links;
	int links;       /* that may still be followed */
	const char *why; /* set: a better reason than errno's */
	char reason[128];
};

/* Who is asked before a file is opened. */
static bool (*guard)(void *arg, const char *root, const char *path);
static void *guard_arg;

static int walk_folders(struct beneath *b, struct place *p, const char *path);

void
beneath_guard(bool (*fn)(void *arg, const char *root, const char *path),
    void *arg)
{
	guard = fn;
	guard_arg = arg;
}

int
beneath_fd(const struct beneath *b)
{
	return b->root;
}

void
beneath_refuse_links(struct beneath *b)
{
	b->refuses_links = true;
}

void
beneath_forget(struct beneath *b)
{
	if (b->here.fd >= 0)
		(void)close(b->here.fd);
	b->here.fd = -1;
}

struct beneath *
beneath_new(const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct beneath *b;

	if (fd < 0)
		return NULL;
	b = xcalloc(1, sizeof(*b));
	b->root = fd;
	b->real = realpath(root, NULL);
	if (b->real != NULL && strcmp(b->real, "/") == 0)
		b->real[0] = '\0';
	b->here.fd = -1;
	return b;
}

void
beneath_free(struct beneath *b)
{
	if (b == NULL)
		return;
	beneath_forget(b);
	(void)close(b->root);
	free(b->real);
	xfree(b);
}

/* Leave for the root itself. */
static int
go_to_root(const struct beneath *b, struct place *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->len = 0;
	p->path[0] = '\0';
	p->fd = openat(b->root, ".", FLAGS | O_DIRECTORY);
	return p->fd < 0 ? -1 : 0;
}

/* Step into the folder called name, which is no link. */
static int
enter_folder(struct place *p, const char *name)
{
	size_t len = strlen(name);
	int fd = openat(p->fd, name, FLAGS | O_DIRECTORY);

	if (fd < 0)
		return -1;
	(void)close(p->fd);
	p->fd = fd;
	if (p->len + len + 2 > sizeof(p->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (p->len > 0)
		p->path[p->len++] = '/';
	memcpy(p->path + p->len, name, len + 1);
	p->len += len;
	return 0;
}

static int
outside(struct beneath *b)
{
	b->why = "leads outside the root";
	errno = EPERM;
	return -1;
}

/* Step up by walking down again: the kernel's ".." might be elsewhere. */
static int
leave(struct beneath *b, struct place *p)
{
	char path[BENEATH_PATH_MAX], *end;

	if (p->len == 0)
		return outside(b);
	memcpy(path, p->path, p->len + 1);
	end = strrchr(path, '/');
	*(end == NULL ? path : end) = '\0';
	return go_to_root(b, p) < 0 ? -1 : walk_folders(b, p, path);
}

/* The target of the link called name, or -1 and errno as it was. */
static int
read_link(struct beneath *b, const struct place *p, const char *name,
    char *target)
{
	int saved = errno;
	ssize_t n = readlinkat(p->fd, name, target, BENEATH_PATH_MAX);

	errno = saved;
	if (n < 0)
		return -1;
	if (b->refuses_links) {
		b->why = "is a symbolic link or behind one, which [capsule] "
			 "symlinks forbids";
		errno = ELOOP;
		return -1;
	}
	if (n == BENEATH_PATH_MAX || b->links-- == 0) {
		errno = n == BENEATH_PATH_MAX ? ENAMETOOLONG : ELOOP;
		return -1;
	}
	target[n] = '\0';
	return 0;
}

/* One component of a path: a folder, or a link to one. */
static int
step(struct beneath *b, struct place *p, const char *name)
{
	char target[BENEATH_PATH_MAX];

	if (name[0] == '\0' || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return leave(b, p);
	if (enter_folder(p, name) == 0)
		return 0;
	if (read_link(b, p, name, target) < 0)
		return -1;
	return walk_folders(b, p, target);
}

/* What follows the root's own name in an absolute path, or NULL. */
static const char *
below_real(const struct beneath *b, const char *path)
{
	size_t len;

	if (b->real == NULL)
		return NULL;
	len = strlen(b->real);
	if (strncmp(path, b->real, len) != 0 ||
	    (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

/* Move p through every component of path, all of them folders. */
static int
walk_folders(struct beneath *b, struct place *p, const char *path)
{
	char name[NAME_MAX + 1];
	size_t n;

	if (path[0] == '/') {
		if ((path = below_real(b, path)) == NULL)
			return outside(b);
		if (go_to_root(b, p) < 0)
			return -1;
	}
	for (;; path += n + 1) {
		n = strcspn(path, "/");
		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		if (step(b, p, name) < 0)
			return -1;
		if (path[n] == '\0')
			return 0;
	}
}

/* The last name in path, with *folder what comes before it, "" if nothing. */
static const char *
split(const char *path, char *folder)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t len = slash == NULL ? 0 : (size_t)(name - path);

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    name[0] == '\0') {
		len = strlen(path);
		name = ".";
	}
	memcpy(folder, path, len);
	folder[len] = '\0';
	return name;
}

/* Open name in p, or what it links to; p moves along the links. */
static int
open_name(struct beneath *b, struct place *p, const char *name)
{
	char target[BENEATH_PATH_MAX], folder[BENEATH_PATH_MAX];
	int fd;

	while ((fd = openat(p->fd, name, FLAGS)) < 0) {
		if (read_link(b, p, name, target) < 0)
			return -1;
		name = split(target, folder);
		if (walk_folders(b, p, folder) < 0)
			return -1;
	}
	snprintf(b->found, sizeof(b->found), "%s", name);
	return fd;
}

/* Have b->here be the folder, unless it is already. */
static int
go_to(struct beneath *b, const char *folder)
{
	if (b->here.fd >= 0 && strcmp(b->asked, folder) == 0)
		return 0;
	if (folder[0] == '/')
		return outside(b);
	if (go_to_root(b, &b->here) < 0)
		return -1;
	if (walk_folders(b, &b->here, folder) < 0) {
		(void)close(b->here.fd);
		b->here.fd = -1;
		return -1;
	}
	memcpy(b->asked, folder, strlen(folder) + 1);
	return 0;
}

/* Go to the folder of path; returns the name to open there, or NULL. */
static const char *
start_in_folder(struct beneath *b, struct view path)
{
	char folder[BENEATH_PATH_MAX];
	const char *name;

	b->links = BENEATH_LINKS_MAX;
	b->why = NULL;
	if (path.len >= sizeof(b->path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	while (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	if (path.len > 0)
		memcpy(b->path, path.p, path.len);
	b->path[path.len] = '\0';
	name = split(b->path, folder);
	return go_to(b, folder) < 0 ? NULL : name;
}

static const char *
kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "is a file, not a folder";
	case S_IFDIR:
		return "is a folder, not a file";
	case S_IFIFO:
		return "is a FIFO, not a file";
	case S_IFSOCK:
		return "is a socket, not a file";
	case S_IFBLK:
	case S_IFCHR:
		return "is a device, not a file";
	default:
		return "is neither a file nor a folder";
	}
}

/* The reason, from errno where nothing better is known. */
static const char *
reason_of_refusal(struct beneath *b)
{
	int saved = errno;

	if (b->why != NULL)
		return b->why;
	if (saved == ENOENT || saved == ENOTDIR)
		return "does not exist";
	snprintf(b->reason, sizeof(b->reason), "cannot be read: %s",
	    strerror(saved));
	errno = saved;
	return b->reason;
}

/* Say what stands in the way, with errno as it was. */
static int
say_why_not(struct beneath *b, const char *name, const char **why)
{
	struct stat st;
	int saved = errno;

	/* A socket cannot be opened: say so rather than "No such device". */
	if (b->why == NULL && name != NULL && b->here.fd >= 0 &&
	    fstatat(b->here.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) &&
	    !S_ISLNK(st.st_mode))
		b->why = kind(st.st_mode);
	errno = saved;
	*why = reason_of_refusal(b);
	errno = saved;
	return -1;
}

/* A link moved us out of the folder that was asked for. */
static void
forget_place(struct beneath *b)
{
	if (b->links == BENEATH_LINKS_MAX || b->here.fd < 0)
		return;
	(void)close(b->here.fd);
	b->here.fd = -1;
}

/* Open path, whatever it is. */
static int
open_any(struct beneath *b, struct view path, struct stat *st, const char **why)
{
	const char *name = start_in_folder(b, path);
	int fd;

	if (name == NULL)
		return say_why_not(b, NULL, why);
	fd = open_name(b, &b->here, name);
	if (fd < 0)
		(void)say_why_not(b, name, why);
	else if (fstat(fd, st) < 0) {
		(void)say_why_not(b, NULL, why);
		(void)close(fd);
		fd = -1;
	} else
		b->found_folder = S_ISDIR(st->st_mode);
	forget_place(b);
	return fd;
}

static bool
is_refused(const struct beneath *b, struct view path, const char **why)
{
	char name[BENEATH_PATH_MAX];

	if (guard == NULL || path.len >= sizeof(name))
		return false;
	memcpy(name, path.p, path.len);
	name[path.len] = '\0';
	if (guard(guard_arg, b->real == NULL ? "" : b->real, name))
		return false;
	*why = "has ended the process that read it";
	errno = EPERM;
	return true;
}

int
beneath_open(struct beneath *b, struct view path, mode_t want, struct stat *st,
    const char **why)
{
	struct stat got;
	int fd;

	if (want == S_IFREG && is_refused(b, path, why))
		return -1;
	fd = open_any(b, path, &got, why);
	if (fd < 0)
		return -1;
	if ((got.st_mode & S_IFMT) != want) {
		*why = kind(got.st_mode);
		(void)close(fd);
		errno = EINVAL;
		return -1;
	}
	*st = got;
	return fd;
}

int
beneath_stat(struct beneath *b, struct view path, struct stat *st,
    const char **why)
{
	const char *name = start_in_folder(b, path);
	struct stat got;
	int fd;

	if (name == NULL ||
	    fstatat(b->here.fd, name, &got, AT_SYMLINK_NOFOLLOW) < 0)
		return say_why_not(b, NULL, why);
	snprintf(b->found, sizeof(b->found), "%s", name);
	b->found_folder = S_ISDIR(got.st_mode);
	if (S_ISLNK(got.st_mode)) {
		if ((fd = open_any(b, path, &got, why)) < 0)
			return -1;
		(void)close(fd);
	}
	if (!S_ISREG(got.st_mode) && !S_ISDIR(got.st_mode)) {
		*why = kind(got.st_mode);
		errno = EINVAL;
		return -1;
	}
	*st = got;
	return 0;
}

void
beneath_put_name(const struct beneath *b, struct buf *to)
{
	buf_put(to, (struct view){ b->here.path, b->here.len });
	if (b->here.len > 0)
		buf_putc(to, '/');
	if (strcmp(b->found, ".") == 0)
		return;
	buf_puts(to, b->found);
	if (b->found_folder)
		buf_putc(to, '/');
}

const char *
beneath_root(const struct beneath *b)
{
	return b->real;
}
