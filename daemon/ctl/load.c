/*
 * load.c - what is served, and the folders that it comes from.
 *
 * Floor ctl.  The snapshot is the daemon's own and its content is made by the
 * same builder, so that nothing said here can differ from what visitors get.
 */
#include "ctl/load.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "format/gopher.h"
#include "site/configure.h"
#include "site/loader.h"

int
load_gopher_port(const struct conf_gopher *gopher)
{
	size_t i;

	if (gopher->port != 0)
		return gopher->port;
	for (i = 0; i < gopher->listen.n; i++)
		if (gopher->listen.v[i].port != 0)
			return gopher->listen.v[i].port;
	return GOPHER_PORT; /* the daemon learns it when it binds */
}

/* path without the folder that we are in, which nobody needs to be told. */
static struct view
shorten(struct arena *a, struct view path)
{
	char whole[PATH_MAX], here[PATH_MAX];
	size_t len;

	if (realpath(path.p, whole) == NULL ||
	    getcwd(here, sizeof(here) - 1) == NULL)
		return path;
	len = strlen(here);
	if (strcmp(whole, here) == 0)
		return VIEW("");
	if (strcmp(here, "/") != 0 && strncmp(whole, here, len) == 0 &&
	    whole[len] == '/')
		return arena_copy(a, view_of(whole + len + 1));
	return path.p[0] == '/' ? path : arena_copy(a, view_of(whole));
}

struct view
load_name(const struct capsule *c, struct view path, struct buf *to)
{
	buf_reset(to);
	buf_put(to, c->folder);
	if (c->folder.len > 0 && !view_has_suffix(c->folder, VIEW("/")))
		buf_putc(to, '/');
	buf_put(to, path);
	return buf_view(to);
}

static struct snapshot *
configure(const struct conf *conf, struct problems *ps)
{
	int *ports = xcalloc(conf->n_gophers, sizeof(*ports));
	struct snapshot *s;
	size_t i;

	for (i = 0; i < conf->n_gophers; i++)
		ports[i] = load_gopher_port(&conf->gophers[i]);
	s = snapshot_configure(conf, ports, ps);
	xfree(ports);
	return s;
}

static void
fill_capsule(struct loaded *l, size_t i)
{
	struct capsule *c = &l->capsules[i];

	c->conf = &l->conf->capsules[i];
	c->gopher = &l->conf->gophers[c->conf->gopher];
	c->site = &l->snapshot->sites[i];
	c->folder = shorten(l->arena, c->conf->root);
	c->root = live_root(l->live, i);
}

int
load_all(struct loaded *to, const char *path, struct problems *ps,
    struct problems *notes)
{
	size_t i;

	*to = (struct loaded){ .arena = arena_new() };
	/* What the loader would log of a folder, check tells in its own way. */
	log_set_level(LOG_LEVEL_ERROR);
	to->conf = conf_load(path, ps);
	if (to->conf == NULL || problems_count(ps) > 0)
		return -1;
	to->snapshot = configure(to->conf, ps);
	if (problems_count(ps) > 0)
		return -1;
	to->live = live_new(to->snapshot, to->conf, notes);
	to->n_capsules = to->conf->n_capsules;
	to->capsules =
	    arena_alloc(to->arena, to->n_capsules * sizeof(*to->capsules));
	for (i = 0; i < to->n_capsules; i++)
		fill_capsule(to, i);
	return 0;
}

void
load_free(struct loaded *l)
{
	live_free(l->live);
	snapshot_free(l->snapshot);
	conf_free(l->conf);
	arena_free(l->arena);
}

int
load_read(const struct capsule *c, struct view path, size_t max, struct buf *to,
    const char **why)
{
	struct stat st;
	ssize_t n = 1;
	size_t at = to->len;
	int fd = beneath_open(c->root, path, S_IFREG, &st, why);

	if (fd < 0)
		return -1;
	if (st.st_size < 0 || (size_t)st.st_size > max) {
		*why = "is too large to be looked at";
		(void)close(fd);
		return -1;
	}
	buf_fill(to, '\0', (size_t)st.st_size);
	while (!to->failed && at < to->len && n != 0) {
		n = read(fd, to->p + at, to->len - at);
		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd);
	to->len = to->failed ? to->len : at;
	*why = "cannot be read";
	return n < 0 || to->failed ? -1 : 0;
}
