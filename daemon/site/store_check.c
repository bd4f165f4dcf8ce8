/*
 * store_check.c - read all of a store, and say what is wrong.
 *
 * Floor site.  Takes no lock: it sees what a reader would see, while the
 * writer goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "site/store_folder.h"
#include "site/store_reader.h"

#define TRIES_MAX 8   /* the writer may remove files between two looks */
#define TOLD_MAX  100 /* sentences about entries; the rest are counted */

static const char *const part_names[STORE_PARTS] = { "Gemini answer",
	"Gopher answer", "selector", "title", "meta part" };

struct check {
	const char *path;
	struct store_folder folder;
	struct store_reader *reader;
	struct problems *ps;
	uint64_t entries, bad;
};

static int
report_damage(struct check *c, const char *name, const char *sentence)
{
	problems_add(c->ps, NULL, 0, "%s/%s: %s", c->path, name, sentence);
	return -1;
}

/* Give the reader a file; -1 with errno and name. */
static int
open_numbered(struct check *c, const char *kind, uint32_t number, char *name)
{
	int fd;

	store_folder_name(name, kind, number);
	fd = store_folder_get(&c->folder, name, false);
	if (fd == -1)
		return -1;
	(void)store_reader_add(c->reader, number, fd);
	return 0;
}

static int
open_root_files(struct check *c, const struct store_root *root, char *name)
{
	size_t i;

	for (i = 0; i < root->n_files; i++)
		if (open_numbered(c,
			root->files[i].kind == STORE_SEGMENT ? "segment"
							     : "meta",
			root->files[i].number, name) == -1)
			return -1;
	return root->base == 0 ? 0 : open_numbered(c, "base", root->base, name);
}

/* Take up a root whose files are open. */
static int
attach_checked(struct check *c, int fd)
{
	enum store_result result = store_reader_attach(c->reader, fd);

	return result == STORE_FOUND
	    ? 0
	    : report_damage(c, STORE_ROOT,
		  "it names more than there is in its files");
}

/* 0; -1, told; or 1: a file has gone, which a newer root may not name. */
static int
attach_root(struct check *c, bool is_last_try)
{
	int r, fd = store_folder_get(&c->folder, STORE_ROOT, false);
	char name[STORE_NAME_MAX];
	struct store_root root;
	const char *why;

	if (fd == -1)
		return report_damage(c, STORE_ROOT, strerror(errno));
	if (store_root_read(fd, &root, &why) == -1) {
		close(fd);
		return report_damage(c, STORE_ROOT, why);
	}
	r = open_root_files(c, &root, name);
	free(root.files);
	if (r == 0)
		return attach_checked(c, fd);
	close(fd);
	return is_last_try ? report_damage(c, name, strerror(errno)) : 1;
}

/* Which selector it is, if that can be read. */
static void
report_part(struct check *c, const struct store_entry *e, enum store_part part)
{
	char selector[STORE_SELECTOR_MAX];
	struct buf name;

	if (c->bad++ >= TOLD_MAX)
		return;
	buf_init(&name, 4 * STORE_SELECTOR_MAX);
	if (store_read(c->reader, e, STORE_SELECTOR, selector) == STORE_FOUND)
		log_escape(&name,
		    (struct view){ selector, e->length[STORE_SELECTOR] },
		    STORE_SELECTOR_MAX);
	else
		buf_puts(&name, "an entry");
	problems_add(c->ps, NULL, 0, "%s: the %s of %.*s is damaged", c->path,
	    part_names[part], VIEW_ARG(buf_view(&name)));
	buf_fini(&name);
}

static bool
check_entry(void *arg, const struct store_entry *e)
{
	struct check *c = arg;
	enum store_part part;

	c->entries++;
	for (part = STORE_GEMINI; part < STORE_PARTS; part++)
		if (store_verify(c->reader, e, part) != STORE_FOUND)
			report_part(c, e, part);
	return true;
}

static void
check_content(struct check *c)
{
	const struct store_root *root = store_reader_root(c->reader);
	struct store_index delta = store_reader_delta(c->reader),
			   base = store_reader_base(c->reader);

	if (store_index_check(&delta) != STORE_FOUND)
		(void)report_damage(c, STORE_ROOT, "its delta is damaged");
	if (root->base != 0 && store_index_check(&base) != STORE_FOUND)
		(void)report_damage(c, "base", "it is damaged");
	if (problems_count(c->ps) > 0)
		return;
	(void)store_walk(c->reader, check_entry, c);
	if (c->bad > TOLD_MAX)
		problems_add(c->ps, NULL, 0, "%s: and %lu more are damaged",
		    c->path, (unsigned long)(c->bad - TOLD_MAX));
	if (c->entries != root->entries)
		(void)report_damage(c, STORE_ROOT,
		    "it has another number of entries than it says");
}

int
store_check(const char *folder, struct problems *ps, struct store_counts *to)
{
	struct check c = { .path = folder, .ps = ps };
	size_t before = problems_count(ps);
	int try, r = 1;

	c.folder.fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.folder.fd == -1) {
		problems_add(ps, NULL, 0, "%s: %s", folder, strerror(errno));
		return -1;
	}
	for (try = 1; r == 1 && try <= TRIES_MAX; try++) {
		store_reader_free(c.reader);
		c.reader = store_reader_new();
		r = c.reader == NULL
		    ? report_damage(&c, STORE_ROOT, "no memory")
		    : attach_root(&c, try == TRIES_MAX);
	}
	if (r == 0) {
		check_content(&c);
		store_count(c.reader, to);
	}
	store_reader_free(c.reader);
	close(c.folder.fd);
	return problems_count(ps) == before ? 0 : -1;
}
