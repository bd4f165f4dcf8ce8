/*
 * fill.c - bring a store up to date with what the map names.
 *
 * Floor site.  The builder renders what differs from what the store has.
 */
#include "site/fill.h"

#include <sys/stat.h>

#include <errno.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "site/beneath.h"
#include "site/build.h"
#include "site/loader.h"
#include "site/protect_walk.h"
#include "site/sink_store.h"

struct fill {
	const struct conf *conf;
	struct snapshot *configured;
	struct beneath **roots; /* NULL: it cannot be opened */
	int *root_errors;       /* why not */
	bool accepts;           /* the next fill_store keeps nothing */
	struct store *store;    /* that of sink and build */
	struct sink_store *sink;
	struct build *build;
	void (*tick)(void *arg);
	void *tick_arg;
	struct buf room;
};

struct fill *
fill_new(const struct conf *conf, struct snapshot *configured)
{
	struct fill *f = xcalloc(1, sizeof(*f));
	size_t i;

	f->conf = conf;
	f->configured = configured;
	f->roots = xcalloc(conf->n_capsules, sizeof(*f->roots));
	f->root_errors = xcalloc(conf->n_capsules, sizeof(*f->root_errors));
	for (i = 0; i < conf->n_capsules; i++) {
		f->roots[i] = loader_open_root(&conf->capsules[i]);
		f->root_errors[i] = errno;
	}
	buf_init(&f->room, STORE_META_MAX);
	return f;
}

void
fill_free(struct fill *f)
{
	size_t i;

	build_free(f->build);
	sink_store_free(f->sink);
	for (i = 0; i < f->conf->n_capsules; i++)
		beneath_free(f->roots[i]);
	xfree(f->roots);
	xfree(f->root_errors);
	buf_fini(&f->room);
	xfree(f);
}

struct beneath *
fill_beneath(const struct fill *f, size_t i)
{
	return f->roots[i];
}

int
fill_root(const struct fill *f, size_t i)
{
	return f->roots[i] == NULL ? -1 : beneath_fd(f->roots[i]);
}

void
fill_set_tick(struct fill *f, void (*tick)(void *arg), void *arg)
{
	f->tick = tick;
	f->tick_arg = arg;
}

/* -- filling -- */

static void
begin_fill(struct fill *f, struct store *s, bool quiet, struct problems *notes)
{
	struct build_options options = { .version = CAPSULED_VERSION,
		.racy_ns = BUILD_RACY_NS,
		.notes = notes,
		.roots = f->roots,
		.root_errors = f->root_errors };
	struct sink *sink;

	if (f->store == s) {
		build_tell(f->build, notes, quiet);
		return;
	}
	build_free(f->build);
	sink_store_free(f->sink);
	f->store = s;
	f->sink = sink_store_new(s, f->configured);
	sink = sink_store_sink(f->sink);
	sink->tick = f->tick;
	sink->tick_arg = f->tick_arg;
	f->build = build_new(f->configured, f->conf, sink, &options);
}

int
fill_store(struct fill *f, struct store *s, bool durable, bool quiet,
    struct problems *notes)
{
	struct site *site;
	size_t i;

	begin_fill(f, s, quiet, notes);
	if (f->accepts)
		build_accept_empty(f->build);
	f->accepts = false;
	if (build_all(f->build) < 0) {
		sink_store_rollback(f->sink);
		return -1;
	}
	if (!quiet)
		protect_walk(f->conf, f->configured, f->roots, notes);
	for (i = 0; i < f->conf->n_capsules; i++) {
		site = &f->configured->sites[i];
		site->n_selectors =
		    hash_count(site->configured) + build_count(f->build, i);
	}
	return sink_store_commit(f->sink, durable);
}

/* -- filling with what changed -- */

struct fill_changes {
	const struct fill *f;
	struct arena *arena;
	struct build_change *v;
	size_t n, room;
	bool have_folder;
};

struct fill_changes *
fill_changes_new(const struct fill *f)
{
	struct fill_changes *c = xcalloc(1, sizeof(*c));

	c->f = f;
	c->arena = arena_new();
	return c;
}

void
fill_changes_free(struct fill_changes *c)
{
	arena_free(c->arena);
	xfree(c->v);
	xfree(c);
}

void
fill_changes_add(struct fill_changes *c, size_t capsule, struct view path)
{
	struct beneath *root = c->f->roots[capsule];
	const char *why;
	struct stat st;

	if (c->n == c->room) {
		c->room = c->room == 0 ? 16 : c->room * 2;
		c->v = xrealloc(c->v, c->room, sizeof(*c->v));
	}
	c->v[c->n++] =
	    (struct build_change){ capsule, arena_copy(c->arena, path) };
	if (root == NULL)
		return;
	beneath_forget(root);
	c->have_folder = c->have_folder || path.len == 0 ||
	    (beneath_stat(root, path, &st, &why) == 0 && S_ISDIR(st.st_mode));
}

bool
fill_changes_have_folder(const struct fill_changes *c)
{
	return c->have_folder;
}

int
fill_some(struct fill *f, const struct fill_changes *c, bool durable,
    struct problems *notes)
{
	build_tell(f->build, notes, true);
	if (build_changed(f->build, c->v, c->n) < 0) {
		sink_store_rollback(f->sink);
		return -1;
	}
	return sink_store_commit(f->sink, durable);
}

void
fill_accept_empty(struct fill *f)
{
	f->accepts = true;
}

size_t
fill_tell_kept(const struct fill *f, struct problems *to)
{
	return f->build == NULL ? 0 : build_tell_kept(f->build, to);
}

size_t
fill_changed(const struct fill *f)
{
	return f->sink == NULL ? 0 : sink_store_changed(f->sink);
}

size_t
fill_expected(const struct fill *f)
{
	return f->build == NULL ? 0 : build_expected(f->build);
}

size_t
fill_skipped(const struct fill *f)
{
	return f->build == NULL ? 0 : build_skipped(f->build);
}

void
fill_doubt(struct fill *f, const struct store_key *key)
{
	if (f->sink != NULL)
		sink_store_doubt(f->sink, key);
}

/* -- large files -- */

int
fill_open(struct fill *f, const struct store_key *key)
{
	struct sink_store_file file;
	const char *why;
	struct stat st;
	int fd;

	if (f->sink == NULL ||
	    !sink_store_file(f->sink, key, &f->room, &file) ||
	    f->roots[file.capsule] == NULL) {
		errno = ENOENT;
		return -1;
	}
	beneath_forget(f->roots[file.capsule]);
	fd =
	    beneath_open(f->roots[file.capsule], file.path, S_IFREG, &st, &why);
	if (fd < 0)
		return -1;
	if ((uint64_t)st.st_dev == file.device &&
	    (uint64_t)st.st_ino == file.inode)
		return fd;
	(void)close(fd);
	errno = ESTALE;
	return -1;
}
