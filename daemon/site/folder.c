/*
 * folder.c - read one folder, sorted, each name with its kind.
 *
 * Floor site.  Most systems tell a name's kind while listing; only links and
 * what is left unnamed costs a look of its own.
 */
#include "site/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* Names while their number is not known. */
struct names {
	struct folder_name *v;
	size_t n, cap;
};

/* True for "sed" and six random letters and digits; no English word is. */
static bool
is_of_sed(struct view name)
{
	bool odd = false;
	size_t i;

	if (name.len != 9 || !view_has_prefix(name, VIEW("sed")))
		return false;
	for (i = 3; i < name.len; i++) {
		if (isalnum((unsigned char)name.p[i]) == 0)
			return false;
		odd = odd || islower((unsigned char)name.p[i]) == 0;
	}
	return odd;
}

bool
folder_is_temporary(struct view name)
{
	static const struct view ends[] = { VIEW_INIT("~"), VIEW_INIT(".swp"),
		VIEW_INIT(".swo"), VIEW_INIT(".swx") };
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (view_has_suffix(name, ends[i]))
			return true;
	return is_of_sed(name) ||
	    (name.len > 1 && view_has_prefix(name, VIEW("#")) &&
		view_has_suffix(name, VIEW("#")));
}

bool
folder_hides(struct view name)
{
	return folder_is_temporary(name) ||
	    (view_has_prefix(name, VIEW(".")) &&
		!view_eq(name, VIEW(".well-known")));
}

static struct folder_name *
add_folder_name(struct names *names, struct view name)
{
	if (names->n == names->cap) {
		names->cap = names->cap == 0 ? 64 : names->cap * 2;
		names->v = xrealloc(names->v, names->cap, sizeof(*names->v));
	}
	names->v[names->n] = (struct folder_name){ .name = name,
		.kind = FOLDER_OTHER,
		.real = VIEW("") };
	return &names->v[names->n++];
}

/* The name of what b found, from a. */
static struct view
real_name(const struct beneath *b, struct arena *a)
{
	char room[BENEATH_PATH_MAX * 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };

	beneath_put_name(b, &name);
	return arena_copy(a, buf_view(&name));
}

/* Find out what the system did not tell; links are followed. */
static void
look_up_kind(struct beneath *b, struct view path, struct arena *a,
    struct folder_name *f)
{
	const char *why = "";
	struct stat st;
	struct buf whole;

	buf_init(&whole, BENEATH_PATH_MAX);
	buf_put(&whole, path);
	if (path.len > 0 && path.p[path.len - 1] != '/')
		buf_putc(&whole, '/');
	buf_put(&whole, f->name);
	if (whole.failed)
		f->why = "has too long a path";
	else if (beneath_stat(b, buf_view(&whole), &st, &why) < 0)
		f->why = arena_copy(a, view_of(why)).p;
	else {
		f->kind = S_ISDIR(st.st_mode) ? FOLDER_FOLDER : FOLDER_FILE;
		f->real = real_name(b, a);
	}
	buf_fini(&whole);
}

static int
by_name(const void *a, const void *b)
{
	const struct folder_name *x = a, *y = b;

	return strcmp(x->name.p, y->name.p);
}

static int
by_key(const void *key, const void *b)
{
	const struct view *name = key;
	const struct folder_name *y = b;
	size_t n = name->len < y->name.len ? name->len : y->name.len;
	int order = memcmp(name->p, y->name.p, n);

	if (order != 0)
		return order;
	return (name->len > y->name.len) - (name->len < y->name.len);
}

int
folder_read(struct beneath *b, struct view path, struct arena *a,
    struct folder *to, const char **why)
{
	struct names names = { NULL, 0, 0 };
	struct folder_name *f;
	struct dirent *d;
	struct stat st;
	size_t i;
	DIR *dir;
	int fd, failure;

	if ((fd = beneath_open(b, path, S_IFDIR, &st, why)) < 0)
		return -1;
	to->real = real_name(b, a);
	if ((dir = fdopendir(fd)) == NULL) {
		*why = "cannot be listed";
		(void)close(fd);
		return -1;
	}
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		if (folder_hides(view_of(d->d_name)))
			continue;
		f = add_folder_name(&names, arena_copy(a, view_of(d->d_name)));
		if (d->d_type == DT_REG)
			f->kind = FOLDER_FILE;
		else if (d->d_type == DT_DIR)
			f->kind = FOLDER_FOLDER;
	}
	failure = errno;
	(void)closedir(dir);
	if (failure != 0) {
		*why = "cannot be listed";
		xfree(names.v);
		errno = failure;
		return -1;
	}
	for (i = 0; i < names.n; i++)
		if (names.v[i].kind == FOLDER_OTHER)
			look_up_kind(b, path, a, &names.v[i]);
	to->names = arena_alloc(a, names.n * sizeof(*names.v));
	to->n = names.n;
	to->dev = st.st_dev;
	to->ino = st.st_ino;
	if (names.n > 0) {
		memcpy(to->names, names.v, names.n * sizeof(*names.v));
		qsort(to->names, to->n, sizeof(*to->names), by_name);
	}
	xfree(names.v);
	return 0;
}

const struct folder_name *
folder_find(const struct folder *f, struct view name)
{
	return f->n == 0
	    ? NULL
	    : bsearch(&name, f->names, f->n, sizeof(*f->names), by_key);
}

size_t
folder_seek(const struct folder *f, struct view name)
{
	size_t low = 0, high = f->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (by_key(&name, &f->names[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
