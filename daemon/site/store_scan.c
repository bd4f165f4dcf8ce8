/*
 * store_scan.c - read the meta parts of all entries, one after the other.
 *
 * Floor site.  They lie in files of their own, so that nothing else has to be
 * read: a large window goes over each file once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "site/store_writer.h"

#define WINDOW ((size_t)1 << 20) /* bytes; grows for a part that is longer */

struct scan {
	int fd;
	uint64_t at, end; /* of the file: what is not in the window yet */
	unsigned char *window;
	size_t from, to, cap; /* bytes of the window that are to be seen */
};

/* Have the next len bytes in the window; false if they are not there. */
static bool
fill_window(struct scan *scan, size_t len)
{
	size_t have = scan->to - scan->from, n;

	if (have >= len)
		return true;
	if (len - have > scan->end - scan->at)
		return false;
	if (len > scan->cap) {
		scan->window = xrealloc(scan->window, len, 1);
		scan->cap = len;
	}
	memmove(scan->window, scan->window + scan->from, have);
	n = scan->cap - have;
	if (n > scan->end - scan->at)
		n = (size_t)(scan->end - scan->at);
	if (store_pread(scan->fd, scan->window + have, n, scan->at) == -1)
		return false;
	scan->at += n;
	scan->from = 0;
	scan->to = have + n;
	return true;
}

/* The next part of the file, its head before it; NULL if it is damaged. */
static const unsigned char *
next_meta(struct scan *scan, uint64_t seed, struct view *meta)
{
	const unsigned char *head;
	int64_t len;

	if (!fill_window(scan, STORE_META_HEAD))
		return NULL;
	len = store_meta_len(scan->window + scan->from);
	if (len == -1 || !fill_window(scan, STORE_META_HEAD + (size_t)len))
		return NULL;
	head = scan->window + scan->from;
	scan->from += STORE_META_HEAD + (size_t)len;
	*meta =
	    (struct view){ (const char *)head + STORE_META_HEAD, (size_t)len };
	return store_meta_is_whole(head, *meta, seed) ? head : NULL;
}

/* All parts of one file; *more says whether to go on behind it. */
static enum store_result
scan_file(struct scan *scan, uint64_t seed,
    bool (*visit)(void *arg, const struct store_key *key, struct view meta),
    void *arg, bool *more)
{
	const unsigned char *head;
	struct store_key key;
	struct view meta;

	while (*more && (scan->at < scan->end || scan->from < scan->to)) {
		head = next_meta(scan, seed, &meta);
		if (head == NULL)
			return STORE_DAMAGED;
		key = store_entry_key(head);
		*more = visit(arg, &key, meta);
	}
	return STORE_FOUND;
}

enum store_result
store_scan(const struct store *s,
    bool (*visit)(void *arg, const struct store_key *key, struct view meta),
    void *arg)
{
	const struct store_root *root = store_reader_root(s->reader);
	struct scan scan = { .window = xmalloc(WINDOW), .cap = WINDOW };
	enum store_result result = STORE_FOUND;
	bool more = true;
	size_t i;

	for (i = 0; i < root->n_files && result == STORE_FOUND; i++) {
		if (root->files[i].kind != STORE_METAS)
			continue;
		scan.fd = store_reader_file(s->reader, root->files[i].number);
		scan.at = scan.from = scan.to = 0;
		scan.end = root->files[i].length;
		result = scan_file(&scan, s->seed, visit, arg, &more);
	}
	xfree(scan.window);
	return result;
}
