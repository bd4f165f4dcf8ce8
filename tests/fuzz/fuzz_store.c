/*
 * fuzz_store.c - bytes changed, cut off and put into the files of a store, and
 * then everything that readers and writers do.
 *
 * Nobody reads or writes outside of anything, every walk ends, and what is
 * given out is what was put or is known to be damaged.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/store_place.h"
#include "base/checksum.h"
#include "site/store_format.h"

#define IDS       24
#define NAMES_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct store_limits tiny = { 8000, 7, 30, 10, 2000 };
static struct view in;
static const char *folder;
static char names[NAMES_MAX][64];
static size_t n_names;

static void
must(bool holds_true)
{
	if (!holds_true)
		abort();
}

static uint64_t
eat(size_t bytes)
{
	uint64_t word = 0;

	if (bytes > in.len)
		bytes = in.len;
	if (bytes > 0)
		memcpy(&word, in.p, bytes);
	in = view_skip(in, bytes);
	return word;
}

static struct store *
open_store(void)
{
	struct store *s;
	struct buf why;

	buf_init(&why, 8192);
	s = store_open(folder, -1, false, &why);
	must(s != NULL);
	store_set_limits(s, &tiny);
	buf_fini(&why);
	return s;
}

static int
cmp_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
list_names(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	must(dir != NULL);
	n_names = 0;
	while ((entry = readdir(dir)) != NULL && n_names < NAMES_MAX)
		if (entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "lock") != 0)
			(void)snprintf(names[n_names++], sizeof(names[0]), "%s",
			    entry->d_name);
	closedir(dir);
	qsort(names, n_names, sizeof(names[0]), cmp_names);
}

/* A whole store: entries in the base and in the delta, some removed. */
static void
fill_folder(void)
{
	char path[PATH_MAX];
	struct store *s;
	struct store_key key;
	unsigned id;
	size_t i;

	for (list_names(), i = 0; i < n_names; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	s = open_store();
	for (id = 0; id < IDS; id++)
		must(sample_put(s, (struct sample){ id, 1 }) == 0);
	must(store_commit(s, false) == 0);
	for (id = 0; id < 6; id++)
		must(sample_put(s, (struct sample){ id, 1 }) == 0);
	key = sample_key(store_reader(s), IDS);
	must(store_drop(s, &key) == 0 && store_commit(s, false) == 0);
	store_close(s);
}

/* -- harm -- */

/* Put some of the input there, or numbers that are likely to be too large. */
static void
write_words(int fd, uint64_t len)
{
	static const uint64_t words[] = { 0, 1, UINT32_MAX, UINT64_MAX,
		INT64_MAX, 0x80000000u, STORE_ANSWER_MAX };
	uint64_t at = eat(3), word;
	size_t n = eat(1) % 8 + 1;

	word = eat(1);
	word = word % 2 == 0 ? words[word / 2 % 7] : eat(n);
	(void)!pwrite(fd, &word, n, (off_t)(at % (len + 1)));
}

/* Make the checksum of a root right, so that what it says is looked at. */
static void
bless_root(int fd)
{
	unsigned char head[STORE_HEAD_LEN], list[4096];
	struct store_root root = { 0 };
	uint64_t sum, n;
	size_t i;

	if (store_pread(fd, head, sizeof(head), 0) == -1)
		return;
	memcpy(&n, head + 88, 8);
	memcpy(&i, head + 100, 4);
	root.delta.n = n;
	root.delta.bits = (unsigned)i & 31;
	memcpy(&root.seed, head + 32, sizeof(root.seed));
	root.n_files = head[20];
	if (store_list_len(&root) > sizeof(list) ||
	    store_list_offset(&root) > 1 << 20 ||
	    store_pread(fd, list, store_list_len(&root),
		store_list_offset(&root)) == -1)
		return;
	sum = checksum_bytes((struct view){ (char *)head, sizeof(head) },
	    store_sum_seed(&root.seed));
	sum = checksum_bytes((struct view){ (char *)list,
				 root.n_files * STORE_FILE_LEN },
	    sum);
	(void)!pwrite(fd, &sum, 8,
	    (off_t)(store_list_offset(&root) + root.n_files * STORE_FILE_LEN));
}

/* Make the checksum of one entry in the table right. */
static void
bless_entry(int fd, uint64_t seed)
{
	unsigned char entry[STORE_ENTRY_LEN];
	uint64_t sum, at = eat(2);

	if (store_pread(fd, entry, sizeof(entry), at) == -1)
		return;
	sum = checksum_bytes((struct view){ (char *)entry, 120 }, seed);
	(void)!pwrite(fd, &sum, 8, (off_t)at + 120);
}

static void
harm_file(uint64_t seed)
{
	const char *name = names[eat(1) % n_names];
	char path[PATH_MAX];
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR);
	if (fd == -1 || fstat(fd, &st) == -1)
		return;
	switch (eat(1) % 8) {
	case 0:
		(void)!ftruncate(fd,
		    (off_t)(eat(3) % (uint64_t)(st.st_size + 1)));
		break;
	case 1:
		(void)unlink(path);
		break;
	case 2:
		bless_entry(fd, seed);
		break;
	default:
		write_words(fd, (uint64_t)st.st_size);
	}
	if (strcmp(name, "root") == 0)
		bless_root(fd);
	close(fd);
}

/* -- use -- */

static bool
read_parts(void *arg, const struct store_entry *e)
{
	const struct store_reader *r = arg;
	enum store_part part;
	struct store_span span;
	char *to;

	for (part = STORE_GEMINI; part < STORE_PARTS; part++) {
		if (e->length[part] > 1 << 20)
			continue;
		to = malloc(e->length[part] + 1);
		must(to != NULL);
		if (store_read(r, e, part, to) == STORE_FOUND)
			must(store_span(r, e, part, &span) == STORE_FOUND &&
			    span.len == e->length[part]);
		(void)store_verify(r, e, part);
		free(to);
	}
	return true;
}

static bool
see_meta(void *arg, const struct store_key *key, struct view meta)
{
	*(uint64_t *)arg += key->half[0] + meta.len;
	if (meta.len > 0)
		*(uint64_t *)arg += (unsigned char)meta.p[meta.len - 1];
	return true;
}

static void
use_reader(struct store_reader *r)
{
	struct store_counts counts;
	struct store_entry e;
	struct store_key key;
	unsigned id;

	store_count(r, &counts);
	if (store_reader_seed(r) == NULL)
		return;
	for (id = 0; id < IDS + 5; id++) {
		key = sample_key(r, id);
		if (store_find(r, &key, &e) == STORE_FOUND)
			(void)read_parts(r, &e);
	}
	(void)store_walk(r, read_parts, r);
}

static void
use_writer(struct store *s)
{
	struct store_entry e;
	uint64_t sum = 0;
	unsigned i, id;

	(void)store_scan(s, see_meta, &sum);
	for (i = 0; i < 16; i++) {
		id = (unsigned)(eat(1) % IDS);
		e = sample_entry(store_reader(s), (struct sample){ id, 3 });
		switch (eat(1) % 8) {
		case 0:
			(void)store_drop(s, &e.key);
			break;
		case 1:
			(void)store_amend(s, &e);
			break;
		case 2:
			(void)store_commit(s, false);
			break;
		case 3:
			store_sweep_begin(s);
			break;
		case 4:
			(void)store_sweep_end(s);
			break;
		default:
			(void)sample_put(s, (struct sample){ id, 3 });
		}
	}
	(void)store_commit(s, false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems *ps = problems_new();
	struct store_counts counts;
	struct store_reader *r = store_reader_new();
	struct store *s;
	uint64_t seed;
	unsigned n;

	if (folder == NULL)
		folder = store_place_new();
	in = (struct view){ (const char *)data, size };
	fill_folder();
	list_names();
	s = open_store();
	seed = store_sum_seed(store_reader_seed(store_reader(s)));
	for (n = (unsigned)eat(1) % 4 + 1; n > 0; n--)
		harm_file(seed);
	(void)store_place_publish(s, r);
	use_reader(r);
	use_reader(store_reader(s));
	use_writer(s);
	store_close(s);
	for (n = (unsigned)eat(1) % 4; n > 0; n--)
		harm_file(seed);
	(void)store_check(folder, ps, &counts);
	s = open_store();
	use_reader(store_reader(s));
	use_writer(s);
	store_close(s);
	store_reader_free(r);
	problems_free(ps);
	return 0;
}
