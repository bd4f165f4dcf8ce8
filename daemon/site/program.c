/*
 * program.c - tell programs from pages, and say how they are run.
 *
 * Floor site.  Other servers run what lies among their pages, and who comes
 * from there has programs in the root, with passwords in them.  A right to
 * execute is no sign of one: some file systems give it to every file.
 */
#include "site/program.h"

#include <sys/stat.h>

#include <errno.h>
#include <unistd.h>

#include "site/prepare.h"

static bool
has_extension(struct view path, struct view extension)
{
	return path.len > extension.len &&
	    view_eq_nocase(view_skip(path, path.len - extension.len),
		extension);
}

bool
program_is_named(struct view path)
{
	struct view part;

	if (has_extension(path, VIEW(".cgi")) ||
	    has_extension(path, VIEW(".dcgi")))
		return true;
	while (path.p != NULL) {
		part = view_cut(&path, '/');
		if (path.p != NULL && view_eq_nocase(part, VIEW("cgi-bin")))
			return true;
	}
	return false;
}

/* Up to size bytes from the start of a file; none if it cannot be read. */
static struct view
read_beginning(int fd, char *p, size_t size)
{
	ssize_t n;

	do
		n = read(fd, p, size);
	while (n < 0 && errno == EINTR);
	return (struct view){ p, n > 0 ? (size_t)n : 0 };
}

enum program_kind
program_look(struct beneath *root, struct view path, struct arena *a,
    struct view *text)
{
	struct view got;
	enum program_kind kind = PROGRAM_NONE;
	char start[sizeof(PROGRAM_START)];
	const char *why;
	struct stat st;
	int fd = beneath_open(root, path, S_IFREG, &st, &why);

	if (fd < 0)
		return PROGRAM_NONE;
	got = text != NULL && st.st_size <= LOADER_RENDER_MAX
	    ? read_beginning(fd, arena_alloc(a, (size_t)st.st_size),
		  (size_t)st.st_size)
	    : read_beginning(fd, start, sizeof(start));
	if (text != NULL && got.p != start && (off_t)got.len == st.st_size)
		*text = got;
	if (view_has_prefix(got, VIEW(PROGRAM_START)))
		kind = PROGRAM_MAP;
	else if ((st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0)
		kind = PROGRAM_EXECUTABLE;
	(void)close(fd);
	return kind;
}

void
programs_add(struct programs *all, struct arena *a, enum program_kind kind,
    struct view selector, struct view path, int line)
{
	struct program *program = arena_alloc(a, sizeof(*program));

	*program = (struct program){ NULL, kind, selector, path, line };
	if (all->last == NULL)
		all->first = program;
	else
		all->last->next = program;
	all->last = program;
}

/* True if a program before this one is of its kind and line. */
static bool
is_program_told(const struct programs *all, const struct program *program)
{
	const struct program *p;

	for (p = all->first; p != program; p = p->next)
		if (p->kind == program->kind && p->line == program->line)
			return true;
	return false;
}

/* "; so are N more": those of its kind and line behind it. */
static void
put_more(struct buf *to, const struct program *program)
{
	const struct program *p;
	size_t n = 0;

	for (p = program->next; p != NULL; p = p->next)
		n += p->kind == program->kind && p->line == program->line;
	if (n > 0)
		buf_printf(to, " (and %zu more like it)", n);
}

/* The last name in a path, with the "/" that ends it. */
static struct view
last_name(struct view path)
{
	size_t at = path.len;

	while (at > 1 && path.p[at - 2] != '/')
		at--;
	return view_skip(path, at > 0 ? at - 1 : 0);
}

/* A line of the map that runs the program; a folder cgi-bin has nothing else
 * in it, and is given as a whole. */
static void
put_way(struct buf *to, const struct program *program, const char *root)
{
	struct view selector = program->selector, path = program->path;
	size_t name = last_name(path).len;
	struct view folder = { path.p, path.len - name };

	if (view_eq(last_name(folder), VIEW("cgi-bin/")) &&
	    view_eq(last_name(path), last_name(selector))) {
		path = folder;
		selector.len -= name;
	}
	buf_puts(to, "; to run it, let an application server do so: \"");
	buf_put(to, selector);
	buf_printf(to, " = @fastcgi unix:/run/fcgiwrap.socket %s/%.*s\"",
	    root == NULL ? "" : root, VIEW_ARG(path));
}

static void
tell_program(const struct program *program, const struct conf *conf,
    const char *root, struct problems *notes)
{
	static const char *const what[] = {
		[PROGRAM_NAMED] = "is a program by its name: its source is "
				  "served to nobody",
		[PROGRAM_MAP] = "begins with \"#!\": it is a program, no menu, "
				"and its source is served to nobody",
		[PROGRAM_EXECUTABLE] = "is executable, and is served as it "
				       "stands: nothing is run here",
	};
	struct buf more;

	buf_init(&more, BENEATH_PATH_MAX * 4);
	put_more(&more, program);
	buf_printf(&more, " %s", what[program->kind]);
	put_way(&more, program, root);
	if (program->kind == PROGRAM_NAMED)
		buf_puts(&more, "; to show it, give it a type in [types]");
	problems_add(notes, conf->path, program->line, "%.*s%.*s",
	    VIEW_ARG(program->selector), VIEW_ARG(buf_view(&more)));
	buf_fini(&more);
}

void
programs_tell(const struct programs *all, const struct conf *conf,
    const char *root, struct problems *notes)
{
	const struct program *program;

	for (program = all->first; program != NULL; program = program->next)
		if (!is_program_told(all, program))
			tell_program(program, conf, root, notes);
}
