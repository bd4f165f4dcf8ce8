/* store_place.h - a store in a temporary folder, and entries to put there. */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include <sys/stat.h>

#include <err.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/store.h"

/* What makes an entry: everything of it follows from these two. */
struct sample {
	unsigned id, version;
};

#define SAMPLE_BODY_MAX 4096 /* bytes of a sample's longest part */

struct sample_parts {
	char room[STORE_PARTS][SAMPLE_BODY_MAX];
	struct view parts[STORE_PARTS];
};

static inline const char *
store_place_new(void)
{
	static char path[PATH_MAX / 2];
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(path, sizeof(path), "%s/capsuled-store.XXXXXX",
	    tmp != NULL                         ? tmp
		: access("/dev/shm", W_OK) == 0 ? "/dev/shm"
						: "/tmp");
	if (mkdtemp(path) == NULL)
		err(1, "%s", path);
	return path;
}

static inline int
store_place_unlink(const char *path, const struct stat *st, int flag,
    struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void
store_place_free(const char *path)
{
	if (nftw(path, store_place_unlink, 8, FTW_DEPTH | FTW_PHYS) == -1)
		err(1, "%s", path);
}

/* The key of a sample. */
static inline struct store_key
sample_key(const struct store_reader *r, unsigned id)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "/page/%u", id);
	return store_key_for(store_reader_seed(r), view_of(name));
}

/* A part that is long or short as id and version have it, never alike. */
static inline void
sample_fill(struct sample_parts *to, enum store_part part, const char *name,
    struct sample s, size_t len)
{
	char *p = to->room[part];
	size_t n;

	(void)snprintf(p, SAMPLE_BODY_MAX, "%s of %u.%u ", name, s.id,
	    s.version);
	n = strlen(p);
	if (len < n)
		len = n;
	memset(p + n, 'a' + (int)(s.id % 26), len - n);
	to->parts[part] = (struct view){ p, len };
}

/* Every third has one body for both protocols. */
static inline void
sample_make(struct sample s, struct sample_parts *to)
{
	size_t len = s.id * 7 % 900;

	sample_fill(to, STORE_GEMINI, "gemini", s, len);
	sample_fill(to, STORE_GOPHER, "gopher", s, len / 2);
	sample_fill(to, STORE_SELECTOR, "selector", s, 0);
	sample_fill(to, STORE_TITLE, "title", s, s.version % 40);
	sample_fill(to, STORE_META, "meta", s, s.version * 31 % 300);
	if (s.id % 3 == 0)
		to->parts[STORE_GOPHER] = view_skip(to->parts[STORE_GEMINI], 5);
}

static inline struct store_entry
sample_entry(const struct store_reader *r, struct sample s)
{
	return (struct store_entry){
		.key = sample_key(r, s.id),
		.stamp = { { s.version, s.id } },
		.options = { { 7, 8 } },
		.kind = (enum store_kind)(s.id % 3),
		.item = '1',
		.gemini_status = 20,
		.gopher_status = 51,
		.access = s.version % 5,
		.size = s.id % 3 == STORE_LARGE ? (uint64_t)1 << 40 : 0,
	};
}

static inline int
sample_put(struct store *store, struct sample s)
{
	static struct sample_parts parts;
	struct store_entry e = sample_entry(store_reader(store), s);

	sample_make(s, &parts);
	return store_put(store, &e, parts.parts);
}

/* Is what r has for id this version of it, bytes and all?  Version 0: none. */
static inline bool
sample_is_right(const struct store_reader *r, struct sample s)
{
	static struct sample_parts want;
	static char got[SAMPLE_BODY_MAX];
	struct store_key key = sample_key(r, s.id);
	struct store_entry e;
	enum store_result result = store_find(r, &key, &e);
	enum store_part part;

	if (result != STORE_FOUND || s.version == 0)
		return result == STORE_NONE && s.version == 0;
	sample_make(s, &want);
	if (e.stamp.half[0] != s.version || e.access != s.version % 5)
		return false;
	for (part = STORE_GEMINI; part < STORE_META; part++)
		if (e.length[part] != want.parts[part].len ||
		    store_read(r, &e, part, got) != STORE_FOUND ||
		    memcmp(got, want.parts[part].p, e.length[part]) != 0)
			return false;
	return true;
}

/* Give r all files of the last commit that it may lack, and its root. */
static inline enum store_result
store_place_publish(const struct store *store, struct store_reader *r)
{
	uint32_t number = 0;
	int fd;

	while ((fd = store_file_after(store, number, &number)) != -1)
		(void)store_reader_add(r, number, dup(fd));
	return store_reader_attach(r, dup(store_root(store)));
}

#endif
