/*
 * snapshot.c - own what was prepared, find it by name.
 *
 * Floor site.  The loader fills one of these; from then on it is only read,
 * by every worker that was forked with it.
 */
#include "site/snapshot.h"

#include <unistd.h>

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
	file->next = s->files;
	s->files = file;
	s->n_files++;
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
	const struct snapshot_file *file;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n_sites; i++)
		search_free(s->sites[i].search);
	for (file = s->files; file != NULL; file = file->next)
		(void)close(file->fd);
	arena_free(s->arena);
}
