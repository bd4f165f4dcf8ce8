/* test_store.c - a store holds what was put there, whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "site/store.h"
#include "site/store_reader.h"
#include "store_place.h"

#define IDS     300
#define READERS 4

/* So small that everything happens: new files, runs, bases, copying. */
static const struct store_limits tiny = {
	.file = 20000,
	.run = 7,
	.runs = 40,
	.delta = 10,
	.worth_copy = 3000,
};

static const char *folder;
static struct buf why;

static int
set_up(void **state)
{
	(void)state;
	folder = store_place_new();
	buf_init(&why, 4096);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_place_free(folder);
	buf_fini(&why);
	return 0;
}

static struct store *
open_small(int lock, bool staged)
{
	struct store *s = store_open(folder, lock, staged, &why);

	if (s == NULL)
		fail_msg("%.*s", VIEW_ARG(buf_view(&why)));
	store_set_limits(s, &tiny);
	return s;
}

static void
check_store(uint64_t entries)
{
	struct problems *ps = problems_new();
	struct store_counts counts;

	if (store_check(folder, ps, &counts) == -1)
		fail_msg("%s", problems_get(ps, 0));
	assert_true(counts.entries == entries);
	problems_free(ps);
}

/* -- a model -- */

struct model {
	unsigned version[IDS]; /* 0: there is none */
};

static uint64_t
count_model(const struct model *m)
{
	uint64_t n = 0;
	unsigned id;

	for (id = 0; id < IDS; id++)
		n += m->version[id] != 0;
	return n;
}

static void
compare_all(const struct store_reader *r, const struct model *m)
{
	unsigned id;

	for (id = 0; id < IDS; id++)
		if (!sample_is_right(r, (struct sample){ id, m->version[id] }))
			fail_msg("%u is not version %u", id, m->version[id]);
}

struct tally {
	const struct store_reader *r;
	struct store_key last;
	uint64_t n, bytes;
};

static bool
count_entry(void *arg, const struct store_entry *e)
{
	struct tally *t = arg;
	size_t i;

	assert_true(t->n == 0 || store_key_cmp(&t->last, &e->key) < 0);
	t->last = e->key;
	t->n++;
	for (i = 0; i < STORE_PARTS; i++)
		if (i != STORE_GOPHER || !e->shared)
			t->bytes += e->length[i];
	t->bytes += STORE_META_HEAD;
	return true;
}

/* All entries in order, and not one byte whose death nobody has noticed. */
static void
compare_counts(struct store *s, const struct model *m)
{
	struct tally t = { store_reader(s), { { 0, 0 } }, 0, 0 };
	const struct store_root *root;
	uint64_t alive = 0;
	size_t i;

	assert_int_equal(STORE_FOUND, store_walk(t.r, count_entry, &t));
	root = store_reader_root(t.r);
	for (i = 0; i < root->n_files; i++)
		alive += root->files[i].length - root->files[i].dead;
	assert_true(t.n == count_model(m));
	assert_true(root->entries == t.n);
	assert_true(alive == t.bytes);
}

struct run {
	struct store *s;
	struct model now, committed;
	unsigned last_version;
	bool sweeping;
	bool seen[IDS];
	/* Readers that stay behind, and what they have to go on seeing. */
	struct store_reader *readers[READERS];
	struct model models[READERS];
};

static void
change_one(struct run *run)
{
	unsigned id = (unsigned)rand() % IDS;
	struct store_entry e;
	struct store_key key = sample_key(store_reader(run->s), id);

	if (rand() % 4 == 0) {
		assert_int_equal(0, store_drop(run->s, &key));
		run->now.version[id] = 0;
		return;
	}
	run->now.version[id] = ++run->last_version;
	run->seen[id] = true;
	if (rand() % 4 != 0 || run->committed.version[id] == 0) {
		assert_int_equal(0,
		    sample_put(run->s,
			(struct sample){ id, run->last_version }));
		return;
	}
	/* The same bytes under another access, twice. */
	run->now.version[id] = run->committed.version[id];
	e = sample_entry(store_reader(run->s),
	    (struct sample){ id, run->committed.version[id] });
	e.access = 77;
	assert_int_equal(0, store_amend(run->s, &e));
	e.access = run->committed.version[id] % 5;
	assert_int_equal(0, store_amend(run->s, &e));
}

static void
check_commit(struct run *run)
{
	size_t i = (size_t)rand() % READERS;

	run->committed = run->now;
	compare_all(store_reader(run->s), &run->now);
	compare_counts(run->s, &run->now);
	if (rand() % 3 == 0) {
		store_reader_free(run->readers[i]);
		run->readers[i] = store_reader_new();
	}
	assert_int_equal(STORE_FOUND,
	    store_place_publish(run->s, run->readers[i]));
	run->models[i] = run->now;
	for (i = 0; i < READERS; i++)
		if (store_reader_seed(run->readers[i]) != NULL)
			compare_all(run->readers[i], &run->models[i]);
}

static void
commit_run(struct run *run)
{
	if (store_commit(run->s, rand() % 10 == 0) == -1)
		fail_msg("%s", store_why(run->s));
	check_commit(run);
}

/* Keep some, drop the others. */
static void
sweep_run(struct run *run)
{
	struct store_entry e;
	struct store_key key;
	unsigned id;

	store_sweep_begin(run->s);
	memset(run->seen, 0, sizeof(run->seen));
	for (id = 0; id < IDS; id++) {
		if (rand() % 40 == 0)
			change_one(run);
		if (rand() % 60 == 0)
			commit_run(run);
		key = sample_key(store_reader(run->s), id);
		if (rand() % 10 == 0 ||
		    store_find(store_reader(run->s), &key, &e) != STORE_FOUND)
			continue;
		store_keep(run->s, &e);
		run->seen[id] = true;
	}
	assert_int_equal(0, store_sweep_end(run->s));
	for (id = 0; id < IDS; id++)
		if (!run->seen[id])
			run->now.version[id] = 0;
	commit_run(run);
}

static void
reopen_run(struct run *run)
{
	store_close(run->s);
	run->s = open_small(-1, false);
	assert_int_equal(0, why.len);
	run->now = run->committed;
	compare_all(store_reader(run->s), &run->now);
	check_store(count_model(&run->now));
}

static void
step_run(struct run *run)
{
	int n;

	switch (rand() % 12) {
	case 0:
		store_rollback(run->s);
		run->now = run->committed;
		break;
	case 1:
		reopen_run(run);
		break;
	case 2:
		sweep_run(run);
		break;
	case 3:
		for (n = rand() % 200; n > 0; n--)
			change_one(run);
		break;
	default:
		for (n = rand() % 8; n > 0; n--)
			change_one(run);
	}
	commit_run(run);
}

static void
every_root_is_what_was_committed(void **state)
{
	static struct run run;
	int i,
	    rounds = getenv("STORE_ROUNDS") == NULL
	    ? 40
	    : atoi(getenv("STORE_ROUNDS"));

	(void)state;
	srand(1);
	memset(&run, 0, sizeof(run));
	run.s = open_small(-1, false);
	for (i = 0; i < READERS; i++)
		run.readers[i] = store_reader_new();
	for (i = 0; i < rounds; i++)
		step_run(&run);
	for (i = 0; i < READERS; i++)
		store_reader_free(run.readers[i]);
	store_close(run.s);
}

int
main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		STORE_TEST(every_root_is_what_was_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
