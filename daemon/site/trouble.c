/*
 * trouble.c - say what is wrong with a file, and what to do about it.
 *
 * Floor site.  The loader says it of what it reads, and the check of what the
 * map names of what it looks at, in the same words.
 */
#include "site/trouble.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "site/folder.h"
#include "site/pages.h"

static char user_name[64]; /* who reads pages, or "" */

const char *
trouble_nearest(struct trouble *t, struct view path)
{
	struct view name = pages_name(path);
	const char **names, *found, *why;
	struct folder f;
	size_t i;

	if (t->looked++ >= TROUBLE_NEAREST_MAX ||
	    folder_read(t->root, pages_folder(path), t->arena, &f, &why) < 0)
		return NULL;
	if (view_has_suffix(name, VIEW("/")))
		name.len--;
	names = xcalloc(f.n + 1, sizeof(*names));
	for (i = 0; i < f.n; i++)
		names[i] = f.names[i].name.p;
	found = problem_nearest(arena_copy(t->arena, name).p, names, f.n);
	xfree(names);
	return found;
}

bool
trouble_is_new(struct trouble *t, int line, struct view path)
{
	char *key = arena_alloc(t->arena, sizeof(line) + path.len);
	struct view whole = { key, sizeof(line) + path.len };

	if (t->told == NULL)
		t->told = hash_new(t->arena, 0);
	memcpy(key, &line, sizeof(line));
	memcpy(key + sizeof(line), path.p, path.len);
	return hash_put(t->told, whole, t) == NULL;
}

/* Append what mends it, if that is known. */
static void
put_remedy(struct trouble *t, struct buf *to, struct view path, int error)
{
	const char *near = error == ENOENT ? trouble_nearest(t, path) : NULL;

	if (near != NULL)
		buf_printf(to, "; did you mean \"%s\"?", near);
	else if (error == ENOENT || error == ENOTDIR)
		buf_puts(to, "; put it there, or change the line");
	else if (error == EACCES)
		buf_printf(to,
		    "; let %s%s read it, and enter every folder down to it",
		    user_name[0] == '\0' ? "the user that capsuled runs as"
					 : "user ",
		    user_name);
}

static void
report_trouble(struct trouble *t, int line, struct view selector,
    const char *what, struct view path, const char *why)
{
	int error = errno;
	struct buf remedy;

	if (!trouble_is_new(t, line, path))
		return;
	buf_init(&remedy, BENEATH_PATH_MAX);
	put_remedy(t, &remedy, path, error);
	problems_add(t->notes, t->conf->path, line,
	    "%.*s: the %s \"%.*s\" %s (in \"%.*s\")%.*s", VIEW_ARG(selector),
	    what, VIEW_ARG(path), why, VIEW_ARG(t->capsule->root),
	    VIEW_ARG(buf_view(&remedy)));
	buf_fini(&remedy);
}

void
trouble_tell_file(struct trouble *t, int line, struct view selector,
    struct view path, const char *why)
{
	report_trouble(t, line, selector, "file", path, why);
}

void
trouble_tell_folder(struct trouble *t, int line, struct view selector,
    struct view path, const char *why)
{
	report_trouble(t, line, selector, "folder", path, why);
}

/* -- roots -- */

void
trouble_name_user(const char *name)
{
	(void)snprintf(user_name, sizeof(user_name), "%s",
	    name == NULL ? "" : name);
}

/* True if we may not enter a folder. */
static bool
is_closed(const char *folder)
{
	char inside[BENEATH_PATH_MAX + 2];
	struct stat st;

	(void)snprintf(inside, sizeof(inside), "%s/.", folder);
	return stat(inside, &st) == -1 && errno == EACCES;
}

/* Append the first folder on the way to a root that we may not enter, or the
 * root, which we may not list. */
static void
put_closed_folder(struct buf *to, struct view root)
{
	char here[BENEATH_PATH_MAX] = "", path[BENEATH_PATH_MAX];
	bool is_entered = true;
	size_t i, len;

	/* A relative name begins where we are. */
	if (!view_has_prefix(root, VIEW("/")) &&
	    getcwd(here, sizeof(here)) == NULL)
		return;
	len = (size_t)snprintf(path, sizeof(path), "%s%s%.*s", here,
	    here[0] == '\0' ? "" : "/", VIEW_ARG(root));
	for (i = 1; i <= len && len < sizeof(path) && is_entered; i++) {
		char after = path[i];

		if (i < len && after != '/')
			continue;
		path[i] = '\0';
		is_entered = !is_closed(path);
		if (is_entered)
			path[i] = after;
	}
	buf_printf(to,
	    "; every folder down to it must let in %s%s, which may not %s "
	    "\"%s\": type \"chmod %s %s\"",
	    user_name[0] == '\0' ? "the user that capsuled runs as" : "user ",
	    user_name, is_entered ? "list" : "enter", path,
	    is_entered ? "o+rx" : "o+x", path);
}

void
trouble_tell_root(const struct conf *conf, const struct conf_capsule *capsule,
    struct problems *notes)
{
	int error = errno;
	struct buf way;

	buf_init(&way, BENEATH_PATH_MAX * 3);
	if (error == EACCES)
		put_closed_folder(&way, capsule->root);
	problems_add(notes, conf->path, capsule->root_line,
	    "the root \"%.*s\" cannot be opened: %s%.*s; until then nothing "
	    "of the capsule is served",
	    VIEW_ARG(capsule->root), strerror(error), VIEW_ARG(buf_view(&way)));
	buf_fini(&way);
}
