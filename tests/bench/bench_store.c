/*
 * bench_store.c - what the store costs: to build, open, read and change.
 *
 * usage: bench_store [ENTRIES [FOLDER]]
 *
 * Entries have 2,100 bytes for Gemini and 2,400 for Gopher.  The store stays
 * in FOLDER, if one is named.
 */
#include <sys/resource.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "site/store.h"

#define ENTRIES      100000
#define GEMINI_BYTES 2100
#define GOPHER_BYTES 2400
#define META_BYTES   160 /* paths and a few links */
#define LOOKS        200000
#define EDITS        50 /* of one page */
#define BATCH        1000

static uint64_t state = 88172645463325252ULL;
static struct view parts[STORE_PARTS];
static char gemini[GEMINI_BYTES], gopher[GOPHER_BYTES], meta[META_BYTES];
static char selector[32];

static uint64_t
next_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double
seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How long something took; by the clock on the wall and by the processor's. */
static double wall, cpu;

static void
start_clocks(void)
{
	wall = seconds_of(CLOCK_MONOTONIC);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void
print_clocks(const char *what, double n, double scale, const char *unit)
{
	struct rusage usage;

	wall = seconds_of(CLOCK_MONOTONIC) - wall;
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	getrusage(RUSAGE_SELF, &usage);
	printf("%-34s %10.2f %s, %10.2f of CPU, %6ld KiB at most\n", what,
	    wall / n * scale, unit, cpu / n * scale, usage.ru_maxrss);
	fflush(stdout);
}

static struct store_key
make_key(const struct store_reader *r, uint64_t id)
{
	int n = snprintf(selector, sizeof(selector), "/folder/page-%lu.gmi",
	    (unsigned long)id);

	parts[STORE_SELECTOR] = (struct view){ selector, (size_t)n };
	return store_key_for(store_reader_seed(r), parts[STORE_SELECTOR]);
}

static void
put_page(struct store *s, uint64_t id, unsigned version)
{
	struct store_entry e = {
		.key = make_key(store_reader(s), id),
		.stamp = { { id, version } },
		.item = '1',
		.gemini_status = 20,
		.gopher_status = 20,
	};

	memset(gemini, 'a' + (int)(id % 26), 64);
	memset(gopher, 'A' + (int)(version % 26), 64);
	if (store_put(s, &e, parts) == -1)
		errx(1, "%s", store_why(s));
}

static void
commit(struct store *s, bool durable)
{
	if (store_commit(s, durable) == -1)
		errx(1, "%s", store_why(s));
}

static void
bench_build(struct store *s, uint64_t n)
{
	uint64_t id;

	start_clocks();
	for (id = 0; id < n; id++)
		put_page(s, id, 0);
	print_clocks("put them", 1, 1, "s");
	start_clocks();
	commit(s, true);
	print_clocks("commit, synced", 1, 1, "s");
}

static struct store *
bench_open(struct store *s, const char *folder)
{
	struct buf why;

	buf_init(&why, 4096);
	store_close(s);
	start_clocks();
	s = store_open(folder, -1, false, &why);
	if (s == NULL)
		errx(1, "%.*s", VIEW_ARG(buf_view(&why)));
	print_clocks("open for writing", 1, 1e6, "us");
	buf_fini(&why);
	return s;
}

static void
bench_look(const struct store_reader *r, uint64_t n, bool with_bytes,
    const char *what)
{
	static char bytes[GOPHER_BYTES];
	struct store_entry e;
	struct store_key key;
	int i;

	start_clocks();
	for (i = 0; i < LOOKS; i++) {
		key = make_key(r, next_number() % n);
		if (store_find(r, &key, &e) != STORE_FOUND ||
		    (with_bytes &&
			store_read(r, &e, STORE_GOPHER, bytes) != STORE_FOUND))
			errx(1, "a page is not there");
	}
	print_clocks(what, LOOKS, 1e6, "us");
}

static void
bench_absent(const struct store_reader *r, uint64_t n)
{
	struct store_entry e;
	struct store_key key;
	int i;

	start_clocks();
	for (i = 0; i < LOOKS; i++) {
		key = make_key(r, n + next_number() % n);
		if (store_find(r, &key, &e) != STORE_NONE)
			errx(1, "a page is there");
	}
	print_clocks("look for what is not there", LOOKS, 1e6, "us");
}

static void
bench_edits(struct store *s, uint64_t n, bool durable, const char *what)
{
	unsigned i;

	start_clocks();
	for (i = 0; i < EDITS; i++) {
		put_page(s, next_number() % n, i + 1);
		commit(s, durable);
	}
	print_clocks(what, EDITS, 1e3, "ms");
}

static void
bench_batches(struct store *s, uint64_t n, uint64_t size, int times,
    const char *what)
{
	uint64_t i;
	int t;

	start_clocks();
	for (t = 0; t < times; t++) {
		for (i = 0; i < size; i++)
			put_page(s, next_number() % n, 1);
		commit(s, true);
	}
	print_clocks(what, times, 1e3, "ms");
}

static bool
count_entry(void *arg, const struct store_entry *e)
{
	(void)e;
	++*(uint64_t *)arg;
	return true;
}

static bool
count_meta(void *arg, const struct store_key *key, struct view bytes)
{
	(void)key;
	(void)bytes;
	++*(uint64_t *)arg;
	return true;
}

static void
bench_walks(struct store *s, const char *folder)
{
	struct problems *ps = problems_new();
	struct store_counts counts;
	uint64_t n = 0;

	start_clocks();
	(void)store_walk(store_reader(s), count_entry, &n);
	print_clocks("walk all entries", 1, 1, "s");
	start_clocks();
	(void)store_scan(s, count_meta, &n);
	print_clocks("scan all meta parts", 1, 1, "s");
	start_clocks();
	if (store_check(folder, ps, &counts) == -1)
		errx(1, "%s", problems_get(ps, 0));
	print_clocks("check all of it", 1, 1, "s");
	printf("%lu entries, %.2f GiB, %.3f of it dead\n",
	    (unsigned long)counts.entries,
	    (double)counts.bytes / (1024.0 * 1024 * 1024),
	    (double)counts.dead / (double)counts.bytes);
	problems_free(ps);
}

int
main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : ENTRIES;
	char made[] = "/var/tmp/bench_store.XXXXXX", command[64];
	const char *folder = argc > 2 ? argv[2] : mkdtemp(made);
	struct buf why;
	struct store *s;

	buf_init(&why, 4096);
	parts[STORE_GEMINI] = (struct view){ gemini, GEMINI_BYTES };
	parts[STORE_GOPHER] = (struct view){ gopher, GOPHER_BYTES };
	parts[STORE_TITLE] = VIEW("A page of many");
	parts[STORE_META] = (struct view){ meta, META_BYTES };
	s = folder == NULL ? NULL : store_open(folder, -1, false, &why);
	if (s == NULL || n == 0)
		errx(1, "%.*s", VIEW_ARG(buf_view(&why)));
	printf("%lu entries\n", (unsigned long)n);
	bench_build(s, n);
	s = bench_open(s, folder);
	bench_look(store_reader(s), n, false, "look up");
	bench_look(store_reader(s), n, true, "look up and read");
	bench_absent(store_reader(s), n);
	bench_edits(s, n, false, "change 1, not synced");
	bench_edits(s, n, true, "change 1, synced");
	bench_batches(s, n, BATCH, 5, "change 1,000, synced");
	bench_edits(s, n, true, "change 1 under a delta of thousands");
	bench_look(store_reader(s), n, true, "look up and read, with a delta");
	bench_batches(s, n, n / 100, 1, "change a hundredth: a new base");
	bench_walks(s, folder);
	store_close(s);
	if (argc <= 2) {
		(void)snprintf(command, sizeof(command), "rm -r %s", folder);
		return system(command) == 0 ? 0 : 1;
	}
	return 0;
}
