/*
 * test_store_kill.c - the writer is killed at any moment, and readers have
 * whole states all the same.
 *
 * A child writes batches; it is killed somewhere, and another one goes on.
 * STORE_KILLS says how often.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fork_child.h"
#include "site/store.h"
#include "site/store_format.h"
#include "store_place.h"

#define IDS     40
#define KILLS   60
#define LIFE_US 20000 /* of a writer's work, at most */

static const struct store_limits tiny = { 20000, 7, 30, 20, 3000 };

/* What the child has had committed, and is about to; it may die between. */
static struct progress {
	volatile unsigned committed, tried;
} * progress;

static const char *folder;

static struct store *
open_store(void)
{
	struct store *s;
	struct buf why;

	buf_init(&why, 4096);
	s = store_open(folder, -1, false, &why);
	if (s == NULL || why.len > 0)
		errx(1, "%.*s", VIEW_ARG(buf_view(&why)));
	store_set_limits(s, &tiny);
	buf_fini(&why);
	return s;
}

/*
 * What an entry is as of a batch: every other one changes with each, so that
 * files are half dead and what lives there is copied.
 */
static struct sample
sample_of(unsigned id, unsigned batch)
{
	return (struct sample){ id, id % 2 == 1 ? batch : batch - batch % 4 };
}

/* Write batch after batch until killed. */
static void
write_for_ever(void)
{
	struct store *s = open_store();
	unsigned id, batch = progress->committed;

	for (;;) {
		progress->tried = ++batch;
		for (id = 0; id < IDS; id++)
			if ((id % 2 == 1 || batch % 4 == 0) &&
			    sample_put(s, sample_of(id, batch)) == -1)
				errx(1, "%s", store_why(s));
		if (store_commit(s, batch % 8 == 0) == -1)
			errx(1, "%s", store_why(s));
		progress->committed = batch;
	}
}

/* All entries are of one batch, which this returns. */
static unsigned
batch_of(const struct store_reader *r)
{
	struct store_key key = sample_key(r, 1);
	struct store_entry e;
	unsigned id, batch = 0;

	if (store_find(r, &key, &e) == STORE_FOUND)
		batch = (unsigned)e.stamp.half[0];
	for (id = 0; id < IDS; id++)
		if (!sample_is_right(r, sample_of(id, batch)))
			fail_msg("%u is not as of batch %u", id, batch);
	return batch;
}

/* Give r the file, found by its name as another process would. */
static bool
add_named(struct store_reader *r, const char *kind, uint32_t number)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s.%lu", folder, kind,
	    (unsigned long)number);
	fd = open(path, O_RDONLY);
	return fd != -1 && store_reader_add(r, number, fd) == 0;
}

/* What the folder has now; NULL: a file went away meanwhile. */
static struct store_reader *
read_folder(void)
{
	struct store_reader *r = store_reader_new();
	char path[PATH_MAX];
	struct store_root root;
	const char *reason;
	bool there = true;
	size_t i;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/root", folder);
	fd = open(path, O_RDONLY);
	if (fd == -1 || store_root_read(fd, &root, &reason) == -1)
		fail_msg("there is no root: %s", fd == -1 ? "" : reason);
	for (i = 0; i < root.n_files && there; i++)
		if (root.files[i].kind == STORE_SEGMENT)
			there = add_named(r, "segment", root.files[i].number);
	if (there && root.base != 0)
		there = add_named(r, "base", root.base);
	free(root.files);
	if (there) {
		assert_int_equal(STORE_FOUND, store_reader_attach(r, fd));
		return r;
	}
	close(fd);
	store_reader_free(r);
	return NULL;
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/*
 * Look at one state after the other, while a writer begins and for a while
 * after.
 */
static unsigned long
read_states(void)
{
	const unsigned start = progress->tried;
	int64_t end_us = INT64_MAX;
	struct store_reader *r, *former = NULL;
	unsigned batch, last = 0, former_batch = 0;
	unsigned long n = 0;

	do {
		r = read_folder();
		if (r == NULL)
			continue;
		batch = batch_of(r);
		assert_true(batch >= last && batch <= progress->tried);
		if (former != NULL)
			assert_int_equal(former_batch, batch_of(former));
		store_reader_free(former);
		former = r;
		former_batch = last = batch;
		n++;
		if (end_us == INT64_MAX && progress->tried != start)
			end_us = now_us() + rand() % LIFE_US;
	} while (now_us() < end_us);
	store_reader_free(former);
	return n;
}

/* A writer that takes up what the dead one has left. */
static void
look_after_death(bool all)
{
	struct problems *ps = problems_new();
	struct store_counts counts;
	struct store *s;
	unsigned batch;

	if (all && store_check(folder, ps, &counts) == -1)
		fail_msg("%s", problems_get(ps, 0));
	s = open_store();
	batch = batch_of(store_reader(s));
	assert_true(batch >= progress->committed);
	assert_true(batch <= progress->tried);
	progress->committed = batch;
	store_close(s);
	problems_free(ps);
}

static void
a_killed_writer_leaves_a_whole_state(void **state)
{
	const char *asked = getenv("STORE_KILLS");
	int i, kills = asked == NULL ? KILLS : atoi(asked);
	unsigned long reads = 0;
	pid_t pid;

	(void)state;
	srand((unsigned)kills);
	folder = store_place_new();
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON, -1, 0);
	assert_true(progress != MAP_FAILED);
	store_close(open_store());
	for (i = 0; i < kills; i++) {
		pid = fork_child();
		assert_true(pid != -1);
		if (pid == 0)
			write_for_ever();
		reads += read_states();
		assert_int_equal(0, kill(pid, SIGKILL));
		assert_int_equal(pid, waitpid(pid, NULL, 0));
		look_after_death(i % 10 == 0);
	}
	print_message("%d kills, %lu states read, %u written\n", kills, reads,
	    progress->committed);
	store_place_free(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_writer_leaves_a_whole_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
