/*
 * content.c - one way to look into the content, wherever it is kept.
 *
 * Floor site.
 */
#include "site/content.h"

#include <errno.h>
#include <unistd.h>

enum content_result
content_find(const struct content *c, struct view selector, struct entry *to)
{
	return c == NULL ? CONTENT_NONE : c->kind->find(c, selector, to);
}

enum content_result
content_ready(const struct content *c, const struct entry *entry, bool gopher,
    struct answer *a, struct buf *head)
{
	return c == NULL || c->kind->ready == NULL
	    ? CONTENT_FOUND
	    : c->kind->ready(c, entry, gopher, a, head);
}

struct content_hold *
content_hold(const struct content *c, int fd)
{
	return c->kind->hold == NULL ? NULL : c->kind->hold(c, fd);
}

void
content_release(const struct content *c, struct content_hold *hold, int fd)
{
	if (hold != NULL)
		c->kind->release(hold, fd);
}

bool
content_found(const struct content *c, const struct search_key *key,
    struct buf *room, struct search_page *to)
{
	return c != NULL && c->kind->found != NULL &&
	    c->kind->found(c, key, room, to);
}

bool
answer_read(const struct answer *a, struct buf *to)
{
	size_t at;
	ssize_t n;
	off_t offset = a->rest.offset;

	buf_put(to, a->bytes);
	if (a->rest.size > (off_t)(to->max - to->len))
		return false;
	at = to->len;
	buf_fill(to, '\0', (size_t)a->rest.size);
	while (!to->failed && at < to->len) {
		n = pread(a->rest.fd, to->p + at, to->len - at, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
		offset += n;
	}
	return !to->failed;
}
