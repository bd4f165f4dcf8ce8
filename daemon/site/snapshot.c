/*
 * snapshot.c - own what was prepared, find it by name.
 *
 * Floor site.  The loader fills one of these; from then on it is only read,
 * by every worker that was forked with it.
 */
#include "site/snapshot.h"

#include <unistd.h>

#include "base/mem.h"

struct snapshot *
snapshot_new(void)
{
	struct arena *a = arena_new();
	struct snapshot *s = arena_alloc(a, sizeof(*s));

	s->arena = a;
	s->hosts = hash_new(a, 0);
	return s;
}

struct snapshot_file *
snapshot_keep(struct snapshot *s, int fd, off_t size)
{
	struct snapshot_file *file = arena_alloc(s->arena, sizeof(*file));

	file->fd = fd;
	file->size = size;
	/* Room doubles whenever the number is a power of two. */
	if ((s->n_files & (s->n_files - 1)) == 0)
		s->files = xrealloc(s->files,
		    s->n_files == 0 ? 1 : s->n_files * 2, sizeof(*s->files));
	s->files[s->n_files++] = file;
	return file;
}

const struct site *
snapshot_site(const struct snapshot *s, struct view host)
{
	return hash_find(s->hosts, host);
}

const struct entry *
snapshot_find(const struct site *site, struct view selector)
{
	return hash_find(site->entries, selector);
}

void
snapshot_free(struct snapshot *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n_sites; i++)
		search_free(s->sites[i].search);
	for (i = 0; i < s->n_files; i++)
		(void)close(s->files[i]->fd);
	xfree(s->files);
	arena_free(s->arena);
}
