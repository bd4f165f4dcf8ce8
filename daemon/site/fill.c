/*
 * fill.c - bring a store up to date with what the map names.
 *
 * Floor site.  All of it is read and rendered by the loader; what is in the
 * store already stays there as it is.
 */
#include "site/fill.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "format/gemini.h"
#include "site/beneath.h"
#include "site/content_store.h"
#include "site/loader.h"
#include "site/pages.h"

#define DOUBTS_MAX 64 /* entries; with more of them, all are written anew */

struct fill {
	const struct conf *conf;
	struct snapshot *configured;
	struct beneath **roots;         /* NULL: it cannot be opened */
	unsigned long long fingerprint; /* of what was read last */
	struct store_key doubts[DOUBTS_MAX];
	size_t n_doubts;
	size_t n_skipped; /* by the last fill_store */
	/* While it is filled. */
	struct store *store;
	struct store_seed seed; /* of the capsule */
	size_t capsule;         /* whose that is; SIZE_MAX: nobody's yet */
	struct buf body, meta;
	int result;
};

/* What is remembered of an entry's file; its path follows. */
struct meta {
	uint64_t capsule, device, inode;
};

struct fill *
fill_new(const struct conf *conf, struct snapshot *configured)
{
	struct fill *f = xcalloc(1, sizeof(*f));
	size_t i;

	f->conf = conf;
	f->configured = configured;
	f->roots = xcalloc(conf->n_capsules, sizeof(*f->roots));
	for (i = 0; i < conf->n_capsules; i++)
		f->roots[i] = loader_open_root(&conf->capsules[i]);
	buf_init(&f->body, STORE_ANSWER_MAX);
	buf_init(&f->meta, STORE_META_MAX);
	return f;
}

void
fill_free(struct fill *f)
{
	size_t i;

	for (i = 0; i < f->conf->n_capsules; i++)
		beneath_free(f->roots[i]);
	xfree(f->roots);
	buf_fini(&f->body);
	buf_fini(&f->meta);
	xfree(f);
}

int
fill_root(const struct fill *f, size_t i)
{
	return f->roots[i] == NULL ? -1 : beneath_fd(f->roots[i]);
}

/* -- entries -- */

/* What of the file of page may be asked for later. */
static void
put_meta(struct fill *f, size_t capsule, struct beneath *root,
    const struct page *page)
{
	struct meta m = { .capsule = capsule };
	const char *why;
	struct stat st;

	buf_reset(&f->meta);
	if (page->path.len > 0 &&
	    beneath_stat(root, page->path, &st, &why) == 0) {
		m.device = (uint64_t)st.st_dev;
		m.inode = (uint64_t)st.st_ino;
	}
	buf_put(&f->meta, (struct view){ (const char *)&m, sizeof(m) });
	buf_put(&f->meta, page->path);
}

/* All of Gemini's answer, with what follows in the file; false: not now. */
static bool
read_whole(struct fill *f, struct beneath *root, const struct page *page,
    const struct answer *a)
{
	size_t at = a->bytes.len, end;
	const char *why;
	struct stat st;
	ssize_t n;
	int fd = beneath_open(root, page->path, S_IFREG, &st, &why);

	if (fd < 0)
		return false;
	buf_reset(&f->body);
	buf_put(&f->body, a->bytes);
	buf_fill(&f->body, '\0', (size_t)a->rest.size);
	end = f->body.len;
	while (at < end) {
		n = pread(fd, f->body.p + at, end - at,
		    (off_t)(at - a->bytes.len));
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	(void)close(fd);
	return !f->body.failed && at == end;
}

static bool
is_doubted(const struct fill *f, const struct store_key *key)
{
	size_t i;

	for (i = 0; i < f->n_doubts && i < DOUBTS_MAX; i++)
		if (store_key_cmp(&f->doubts[i], key) == 0)
			return true;
	return f->n_doubts > DOUBTS_MAX;
}

/* The digest of all that is put. */
static struct store_key
digest(struct fill *f, const struct store_entry *e, const struct view *parts)
{
	struct store_key sums[STORE_PARTS + 1];
	struct {
		uint64_t kind, item, gemini, gopher, access, size;
	} fields = { (uint64_t)e->kind, (uint64_t)(unsigned char)e->item,
		(uint64_t)e->gemini_status, (uint64_t)e->gopher_status,
		e->access, e->size };
	size_t i;

	for (i = 0; i < STORE_PARTS; i++)
		sums[i] = store_hash(&f->seed, parts[i]);
	sums[i] = store_hash(&f->seed,
	    (struct view){ (const char *)&fields, sizeof(fields) });
	return store_hash(&f->seed,
	    (struct view){ (const char *)sums, sizeof(sums) });
}

/* Put it, unless that is what is there. */
static int
put_or_keep(struct fill *f, struct store_entry *e, const struct view *parts)
{
	struct store_entry there;

	e->stamp = digest(f, e, parts);
	if (!is_doubted(f, &e->key) &&
	    store_find(store_reader(f->store), &e->key, &there) ==
		STORE_FOUND &&
	    store_key_cmp(&there.stamp, &e->stamp) == 0) {
		store_keep(f->store, &there);
		return 0;
	}
	return store_put(f->store, e, parts);
}

/* -- what the loader gives -- */

static bool
follows(const struct answer *a)
{
	return a->rest.size > 0;
}

/* The number of a rule in an entry, which is 0 without one. */
static unsigned
number_of(const struct site *site, const struct access_rule *rule)
{
	return rule == NULL ? 0 : 1 + (unsigned)(rule - site->access->rules);
}

/*
 * Fill *e and parts from page, whose file is that of page file; false if it
 * cannot be read just now.
 */
static bool
describe(struct fill *f, const struct site *site, struct beneath *root,
    const struct page *page, const struct page *file, struct store_entry *e,
    struct view *parts)
{
	const struct entry *from = page->entry;
	/* Not if one protocol has the file and the other something else that
	 * was made of it: then both are kept whole. */
	bool is_large = follows(&from->gemini) &&
	    (follows(&from->gopher) || from->gopher.status != GEMINI_SUCCESS);

	*e = (struct store_entry){
		.key = store_key_for(&f->seed, page->selector),
		.kind = is_large                 ? STORE_LARGE
		    : from->kind == ENTRY_FOLDER ? STORE_FOLDER
						 : STORE_PAGE,
		.item = from->item,
		.gemini_status = from->gemini.status,
		.gopher_status = from->gopher.status,
		.access = number_of(site, from->access),
		.size = is_large ? (uint64_t)from->gemini.rest.size : 0,
	};
	parts[STORE_GEMINI] = from->gemini.bytes;
	parts[STORE_GOPHER] = from->gopher.bytes;
	parts[STORE_SELECTOR] = page->selector;
	parts[STORE_TITLE] = page->found_title;
	parts[STORE_META] = buf_view(&f->meta);
	if (follows(&from->gemini) && !is_large) {
		if (!read_whole(f, root, file, &from->gemini))
			return false;
		parts[STORE_GEMINI] = buf_view(&f->body);
	}
	return true;
}

static void
begin_capsule(struct fill *f, size_t capsule, const struct site *site)
{
	if (f->capsule == capsule)
		return;
	f->capsule = capsule;
	f->seed = store_seed_for(store_reader_seed(store_reader(f->store)),
	    content_capsule(site));
}

/* One page of the loader's, to be put into the store. */
static void
put_page(void *arg, size_t capsule, const struct site *site,
    struct beneath *root, const struct page *page)
{
	const struct page *file = page->same == NULL ? page : page->same;
	struct view parts[STORE_PARTS];
	struct fill *f = arg;
	struct store_entry e;

	if (f->result == -1)
		return;
	begin_capsule(f, capsule, site);
	put_meta(f, capsule, root, file);
	if (describe(f, site, root, page, file, &e, parts))
		f->result = put_or_keep(f, &e, parts);
}

/* -- all of it -- */

int
fill_store(struct fill *f, struct store *s, bool durable,
    struct problems *notes)
{
	struct loader_sink sink = { put_page, f };

	f->store = s;
	f->capsule = SIZE_MAX;
	f->result = 0;
	f->fingerprint = loader_fingerprint(f->conf, f->roots);
	store_sweep_begin(s);
	f->n_skipped =
	    loader_fill(f->conf, f->configured, f->roots, &sink, notes);
	if (f->result == -1 || store_sweep_end(s) == -1)
		return -1;
	f->n_doubts = 0;
	return store_commit(s, durable);
}

size_t
fill_skipped(const struct fill *f)
{
	return f->n_skipped;
}

void
fill_doubt(struct fill *f, const struct store_key *key)
{
	if (is_doubted(f, key))
		return;
	if (f->n_doubts < DOUBTS_MAX)
		f->doubts[f->n_doubts] = *key;
	f->n_doubts++;
}

bool
fill_has_changed(struct fill *f)
{
	return f->fingerprint != loader_fingerprint(f->conf, f->roots);
}

/* -- large files -- */

/* The meta part of e as numbers and a path; false if it is none of ours. */
static bool
read_meta(struct fill *f, const struct store_reader *r,
    const struct store_entry *e, struct meta *m, struct view *path)
{
	size_t len = e->length[STORE_META];

	buf_reset(&f->meta);
	buf_fill(&f->meta, '\0', len);
	if (f->meta.failed || len < sizeof(*m) ||
	    store_read(r, e, STORE_META, f->meta.p) != STORE_FOUND)
		return false;
	memcpy(m, f->meta.p, sizeof(*m));
	*path = view_skip(buf_view(&f->meta), sizeof(*m));
	return m->capsule < f->conf->n_capsules &&
	    f->roots[m->capsule] != NULL && path->len > 0;
}

int
fill_open(struct fill *f, const struct store_reader *r,
    const struct store_key *key)
{
	struct store_entry e;
	struct view path;
	const char *why;
	struct meta m;
	struct stat st;
	int fd;

	if (store_find(r, key, &e) != STORE_FOUND || e.kind != STORE_LARGE ||
	    !read_meta(f, r, &e, &m, &path)) {
		errno = ENOENT;
		return -1;
	}
	beneath_forget(f->roots[m.capsule]);
	fd = beneath_open(f->roots[m.capsule], path, S_IFREG, &st, &why);
	if (fd < 0)
		return -1;
	if ((uint64_t)st.st_dev == m.device && (uint64_t)st.st_ino == m.inode)
		return fd;
	(void)close(fd);
	errno = ESTALE;
	return -1;
}
