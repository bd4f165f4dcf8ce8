/*
 * snapshot.c - own what was prepared, find it by name.
 *
 * Floor site.  The loader fills one of these; from then on it is only read,
 * by every worker that was forked with it.
 */
#include "site/snapshot.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "format/gemini.h"
#include "format/uri.h"

static struct snapshot *all; /* at most two, while a reload goes on */

struct snapshot *
snapshot_new(void)
{
	struct arena *a = arena_new();
	struct snapshot *s = arena_alloc(a, sizeof(*s));

	s->arena = a;
	s->hosts = hash_new(a, 0);
	s->next = all;
	all = s;
	return s;
}

void
snapshot_keep(struct snapshot *s, int fd)
{
	struct snapshot_file *file = arena_alloc(s->arena, sizeof(*file));

	file->fd = fd;
	file->next = s->files;
	s->files = file;
	s->n_files++;
}

const struct site *
snapshot_site(const struct snapshot *s, struct view host)
{
	char room[URI_HOST_MAX + 2];
	struct buf wild = { room, 0, sizeof(room), sizeof(room), false };
	const struct site *site;

	/* "*" may stand in a URL: it is a name of nobody.  Nor is no label. */
	if (view_has_prefix(host, VIEW("*")) ||
	    view_has_prefix(host, VIEW(".")))
		return NULL;
	site = hash_find(s->hosts, host);
	(void)view_cut(&host, '.');
	if (site != NULL || host.p == NULL || !s->has_wildcards)
		return site;
	buf_puts(&wild, "*.");
	buf_put(&wild, host);
	return wild.failed ? NULL : hash_find(s->hosts, buf_view(&wild));
}

/* What is answered for what cannot be read; who may read it is as for what is
 * not there. */
static void
set_damaged(const struct site *site, struct view selector, struct entry *to)
{
	*to = (struct entry){ .selector = selector,
		.access = access_find(site->access, selector),
		.gemini = { .status = GEMINI_TEMPORARY_FAILURE,
		    .bytes = VIEW_INIT(SITE_DAMAGED) },
		.gopher = site->damaged };
	if (to->access != NULL)
		to->gopher = site->forbidden;
}

bool
site_find(const struct site *site, struct view selector, struct entry *to)
{
	const struct configured *found = hash_find(site->configured, selector);
	enum content_result r = CONTENT_NONE;

	if (found == NULL || found->yields)
		r = content_find(site->content, selector, to);
	if (r == CONTENT_DAMAGED)
		set_damaged(site, selector, to);
	else if (r == CONTENT_NONE && found != NULL)
		*to = found->entry;
	return r != CONTENT_NONE || found != NULL;
}

bool
site_find_above(const struct site *site, struct view selector, struct entry *to)
{
	const struct cover *cover = site->covers;
	size_t i;

	for (i = 0; i < site->n_covers; i++, cover++) {
		if (!view_has_prefix(selector, cover->selector))
			continue;
		if (cover->entry != NULL)
			*to = *cover->entry;
		return cover->entry != NULL;
	}
	return false;
}

const struct access_rule *
site_rule(const struct site *site, struct view selector)
{
	struct entry entry;

	return site_find(site, selector, &entry) && entry.access != NULL
	    ? entry.access
	    : access_find(site->access, selector);
}

const struct access_rule *
site_folder_rule(const struct site *site, struct view selector)
{
	char room[GEMINI_URI_MAX + 2];
	struct buf folder = { room, 0, sizeof(room), sizeof(room), false };
	struct entry entry;

	if (site->access == NULL || view_has_suffix(selector, VIEW("/")))
		return NULL;
	if (site_find(site, selector, &entry) && entry.kind != ENTRY_FOLDER)
		return NULL;
	buf_put(&folder, selector);
	buf_putc(&folder, '/');
	return folder.failed ? NULL : site_rule(site, buf_view(&folder));
}

struct search_key
site_found_key(size_t number)
{
	struct search_key key = { { 0 } };

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

/* The number of the page in the table; n_found if there is none. */
static size_t
number_of(const struct site *site, const struct search_key *key)
{
	struct search_key same;
	size_t number;

	memcpy(&number, key->bytes, sizeof(number));
	same = site_found_key(number);
	return number < site->n_found && memcmp(&same, key, sizeof(same)) == 0
	    ? number
	    : site->n_found;
}

bool
site_found(const struct site *site, const struct search_key *key,
    struct buf *room, struct search_page *to)
{
	size_t number = number_of(site, key);

	buf_reset(room);
	if (number < site->n_found)
		*to = site->found[number];
	else if (!content_found(site->content, key, room, to))
		return false;
	return site_rule(site, to->selector) == NULL;
}

void
snapshot_detach(struct snapshot *s)
{
	struct snapshot **at = &all;

	while (*at != NULL && *at != s)
		at = &(*at)->next;
	if (*at != NULL)
		*at = s->next;
}

void
snapshot_free(struct snapshot *s)
{
	const struct snapshot_file *file;

	if (s == NULL)
		return;
	snapshot_detach(s);
	for (file = s->files; file != NULL; file = file->next)
		(void)close(file->fd);
	arena_free(s->arena);
}

void
snapshots_discard(void)
{
	while (all != NULL)
		snapshot_free(all);
}
