/*
 * sink_memory.c - a table of entries, each in one piece of memory.
 *
 * Floor site.
 */
#include "site/sink_memory.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define BUCKETS_MIN ((size_t)64)

struct node {
	struct node *next;
	struct node *newer, *older; /* by when they were last used */
	uint64_t hash;
	size_t size;
	struct sink_entry e;
	char bytes[]; /* that e leads to, the asks first */
};

struct sink_memory {
	struct sink sink;
	struct hash_seed seed;
	struct node **buckets;
	size_t n, cap; /* cap is a power of two */
	struct node *newest, *oldest;
	size_t size, max; /* bytes of entries; max is 0: no limit */
};

static uint64_t
hash_selector(const struct sink_memory *m, size_t capsule, struct view selector)
{
	struct hash_seed seed = m->seed;

	seed.k1 ^= capsule;
	return hash_bytes(selector, seed);
}

/* Where the node of a selector hangs, or would. */
static struct node **
node_at(const struct sink_memory *m, size_t capsule, struct view selector)
{
	uint64_t hash = hash_selector(m, capsule, selector);
	struct node **at = &m->buckets[hash & (m->cap - 1)];

	while (*at != NULL &&
	    ((*at)->hash != hash || (*at)->e.capsule != capsule ||
		!view_eq((*at)->e.selector, selector)))
		at = &(*at)->next;
	return at;
}

static void
grow_buckets(struct sink_memory *m)
{
	struct node **old = m->buckets, *node, *next;
	size_t i, n = m->cap;

	m->cap *= 2;
	m->buckets = xcalloc(m->cap, sizeof(struct node *));
	for (i = 0; i < n; i++)
		for (node = old[i]; node != NULL; node = next) {
			next = node->next;
			node->next = m->buckets[node->hash & (m->cap - 1)];
			m->buckets[node->hash & (m->cap - 1)] = node;
		}
	xfree(old);
}

/* Move v's bytes to *at, which goes on. */
static struct view
move_bytes(char **at, struct view v)
{
	char *p = *at;

	if (v.len > 0)
		memcpy(p, v.p, v.len);
	*at += v.len;
	return (struct view){ p, v.len };
}

/* Make a node the one that was used last. */
static void
link_newest_node(struct sink_memory *m, struct node *node)
{
	node->newer = NULL;
	node->older = m->newest;
	if (m->newest == NULL)
		m->oldest = node;
	else
		m->newest->newer = node;
	m->newest = node;
}

static void
unlink_used(struct sink_memory *m, struct node *node)
{
	if (node->newer == NULL)
		m->newest = node->older;
	else
		node->newer->older = node->older;
	if (node->older == NULL)
		m->oldest = node->newer;
	else
		node->older->newer = node->newer;
}

static struct node *
copy_entry(const struct sink_entry *e)
{
	size_t asks = e->n_asks * sizeof(*e->asks);
	size_t size = sizeof(struct node) + asks + e->selector.len +
	    e->title.len + e->found_title.len + e->path.len + e->file.len +
	    e->gemini.bytes.len + e->gopher.bytes.len;
	struct node *node = xmalloc(size);
	char *at = node->bytes;

	node->size = size;
	node->e = *e;
	(void)move_bytes(&at, (struct view){ (const char *)e->asks, asks });
	node->e.asks = (const uint64_t *)(const void *)node->bytes;
	node->e.selector = move_bytes(&at, e->selector);
	node->e.title = move_bytes(&at, e->title);
	node->e.found_title = move_bytes(&at, e->found_title);
	node->e.path = move_bytes(&at, e->path);
	node->e.file = move_bytes(&at, e->file);
	node->e.gemini.bytes = move_bytes(&at, e->gemini.bytes);
	node->e.gopher.bytes = move_bytes(&at, e->gopher.bytes);
	return node;
}

static bool
find_in_memory(void *arg, size_t capsule, struct view selector, struct arena *a,
    struct sink_entry *to)
{
	struct sink_memory *m = arg;
	struct node *node = *node_at(m, capsule, selector);

	if (node == NULL)
		return false;
	unlink_used(m, node);
	link_newest_node(m, node);
	*to = node->e;
	to->title = a == NULL ? VIEW("") : arena_copy(a, node->e.title);
	return true;
}

static bool
is_same_answer(const struct answer *a, const struct answer *b)
{
	return a->status == b->status && view_eq(a->bytes, b->bytes) &&
	    a->rest.size == b->rest.size;
}

static bool
has_bytes_in_memory(void *arg, const struct sink_entry *e)
{
	const struct sink_entry *old =
	    sink_memory_get(arg, e->capsule, e->selector);

	return old != NULL && is_same_answer(&old->gemini, &e->gemini) &&
	    is_same_answer(&old->gopher, &e->gopher);
}

static int
drop_in_memory(void *arg, size_t capsule, struct view selector)
{
	struct sink_memory *m = arg;
	struct node **at = node_at(m, capsule, selector), *node = *at;

	if (node != NULL) {
		*at = node->next;
		m->n--;
		m->size -= node->size;
		unlink_used(m, node);
		xfree(node);
	}
	return 0;
}

static void
keep_limit(struct sink_memory *m)
{
	const struct sink_entry *e;

	while (m->max > 0 && m->size > m->max && m->n > 1) {
		e = &m->oldest->e;
		(void)drop_in_memory(m, e->capsule, e->selector);
	}
}

static int
put_in_memory(void *arg, const struct sink_entry *e)
{
	struct sink_memory *m = arg;
	struct node *node = copy_entry(e), **at;

	/* What e leads to may be the entry's that goes. */
	(void)drop_in_memory(m, node->e.capsule, node->e.selector);
	if (m->n >= m->cap)
		grow_buckets(m);
	node->hash = hash_selector(m, node->e.capsule, node->e.selector);
	at = &m->buckets[node->hash & (m->cap - 1)];
	node->next = *at;
	*at = node;
	m->n++;
	m->size += node->size;
	link_newest_node(m, node);
	keep_limit(m);
	return 0;
}

static uint64_t
ask_in_memory(void *arg, size_t capsule, struct view selector)
{
	return hash_selector(arg, capsule, selector);
}

static int
scan_memory(void *arg,
    void (*visit)(void *visitor, size_t capsule, struct view selector,
	const uint64_t *asks, size_t n_asks),
    void *visitor)
{
	const struct sink_memory *m = arg;
	const struct node *node;
	size_t i;

	for (i = 0; i < m->cap; i++)
		for (node = m->buckets[i]; node != NULL; node = node->next)
			visit(visitor, node->e.capsule, node->e.selector,
			    node->e.asks, node->e.n_asks);
	return 0;
}

static bool
tell_memory(void *arg,
    void (*visit)(void *visitor, uint64_t ask, const struct sink_entry *e),
    void *visitor)
{
	const struct sink_memory *m = arg;
	const struct node *node;
	size_t i;

	for (i = 0; i < m->cap; i++)
		for (node = m->buckets[i]; node != NULL; node = node->next)
			visit(visitor, node->hash, &node->e);
	return true;
}

struct sink_memory *
sink_memory_new(void)
{
	struct sink_memory *m = xcalloc(1, sizeof(*m));

	m->sink = (struct sink){ .arg = m,
		.find = find_in_memory,
		.has_bytes = has_bytes_in_memory,
		.put = put_in_memory,
		.drop = drop_in_memory,
		.ask = ask_in_memory,
		.scan = scan_memory,
		.each = tell_memory };
	m->seed = hash_seed_draw();
	m->cap = BUCKETS_MIN;
	m->buckets = xcalloc(m->cap, sizeof(struct node *));
	return m;
}

void
sink_memory_free(struct sink_memory *m)
{
	struct node *node, *next;
	size_t i;

	if (m == NULL)
		return;
	for (i = 0; i < m->cap; i++)
		for (node = m->buckets[i]; node != NULL; node = next) {
			next = node->next;
			xfree(node);
		}
	xfree(m->buckets);
	xfree(m);
}

void
sink_memory_limit(struct sink_memory *m, size_t max)
{
	m->max = max;
	keep_limit(m);
}

struct sink *
sink_memory_sink(struct sink_memory *m)
{
	return &m->sink;
}

const struct sink_entry *
sink_memory_get(const struct sink_memory *m, size_t capsule,
    struct view selector)
{
	const struct node *node = *node_at(m, capsule, selector);

	return node == NULL ? NULL : &node->e;
}

size_t
sink_memory_count(const struct sink_memory *m)
{
	return m->n;
}

void
sink_memory_each(const struct sink_memory *m,
    void (*visit)(void *arg, const struct sink_entry *e), void *arg)
{
	const struct node *node;
	size_t i;

	for (i = 0; i < m->cap; i++)
		for (node = m->buckets[i]; node != NULL; node = node->next)
			visit(arg, &node->e);
}
