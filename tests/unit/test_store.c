/* test_store.c - a store holds what was put there, whatever happens. */
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
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
	.runs = 60,
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

/* -- limits -- */

static int
put_sized(struct store *s, enum store_part part, size_t len)
{
	static char bytes[STORE_META_MAX + 1];
	struct view parts[STORE_PARTS] = { { NULL, 0 } };
	struct store_entry e =
	    sample_entry(store_reader(s), (struct sample){ 1, 1 });

	assert_true(len <= sizeof(bytes));
	parts[part] = (struct view){ bytes, len };
	return store_put(s, &e, parts);
}

static void
parts_have_exact_limits(void **state)
{
	static const struct {
		enum store_part part;
		size_t max;
	} cases[] = {
		{ STORE_SELECTOR, STORE_SELECTOR_MAX },
		{ STORE_TITLE, STORE_TITLE_MAX },
		{ STORE_META, STORE_META_MAX },
	};
	struct store *s = open_small(-1, false);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(0, put_sized(s, cases[i].part, cases[i].max));
		assert_int_equal(0, store_commit(s, false));
		check_store(1);
		assert_int_equal(-1,
		    put_sized(s, cases[i].part, cases[i].max + 1));
		assert_int_equal(EMSGSIZE, errno);
	}
	store_close(s);
}

static void
answers_have_an_exact_limit(void **state)
{
	struct store *s = open_small(-1, false);
	struct store_entry e =
	    sample_entry(store_reader(s), (struct sample){ 1, 1 });
	struct view parts[STORE_PARTS] = { { NULL, 0 } };
	char *bytes = calloc(1, STORE_ANSWER_MAX + 1);
	size_t part;

	(void)state;
	assert_non_null(bytes);
	for (part = STORE_GEMINI; part <= STORE_GOPHER; part++) {
		parts[part] = (struct view){ bytes, STORE_ANSWER_MAX };
		assert_int_equal(0, store_put(s, &e, parts));
		parts[part].len++;
		assert_int_equal(-1, store_put(s, &e, parts));
		assert_int_equal(EMSGSIZE, errno);
		parts[part].len--;
		bytes[STORE_ANSWER_MAX / 2] = 'x';
	}
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_find(store_reader(s), &e.key, &e));
	assert_true(e.length[STORE_GOPHER] == STORE_ANSWER_MAX);
	check_store(1);
	free(bytes);
	store_close(s);
}

static void
a_rule_has_an_exact_limit(void **state)
{
	struct store *s = open_small(-1, false);
	struct view parts[STORE_PARTS] = { { NULL, 0 } };
	struct store_entry e =
	    sample_entry(store_reader(s), (struct sample){ 1, 1 });

	(void)state;
	e.access = STORE_ACCESS_MAX;
	assert_int_equal(0, store_put(s, &e, parts));
	e.access++;
	assert_int_equal(-1, store_put(s, &e, parts));
	e.access--;
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_find(store_reader(s), &e.key, &e));
	assert_int_equal(STORE_ACCESS_MAX, e.access);
	store_close(s);
}

/* tiny.run entries in memory and tiny.runs times that with the file. */
static void
a_batch_has_an_exact_limit(void **state)
{
	struct store *s = open_small(-1, false);
	struct store_key key = { { 0, 1 } };
	uint32_t i, max = tiny.run * tiny.runs;

	(void)state;
	for (i = 0; i < max; i++, key.half[1]++)
		assert_int_equal(0, store_drop(s, &key));
	assert_int_equal(-1, store_drop(s, &key));
	assert_int_equal(EFBIG, errno);
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(s, false));
	check_store(1);
	store_close(s);
}

/* A store that is nowhere, so that nothing waits for a disk. */
static struct store *
open_temporary(void)
{
	struct store *s;

	assert_int_equal(0, setenv("TMPDIR", folder, 1));
	s = store_open("", -1, false, &why);
	assert_int_equal(0, unsetenv("TMPDIR"));
	assert_non_null(s);
	store_set_limits(s, &tiny);
	return s;
}

/* A file for each entry, and one for what the writer knows of it. */
static void
there_are_so_many_files_and_no_more(void **state)
{
	struct rlimit descriptors;
	struct store_limits limits = tiny;
	struct store *s = open_temporary();
	unsigned id;

	(void)state;
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &descriptors));
	descriptors.rlim_cur = descriptors.rlim_max;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &descriptors));
	limits.file = 1;
	limits.runs = 1000;
	store_set_limits(s, &limits);
	for (id = 0; id < STORE_FILES_MAX / 2; id++)
		if (sample_put(s, (struct sample){ id, 1 }) == -1)
			fail_msg("%u: %s", id, store_why(s));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(-1, sample_put(s, (struct sample){ id, 1 }));
	assert_int_equal(EFBIG, errno);
	for (id = 0; id < STORE_FILES_MAX / 2; id++)
		assert_true(
		    sample_is_right(store_reader(s), (struct sample){ id, 1 }));
	store_close(s);
}

/* -- what is published -- */

static void
the_same_bytes_are_kept_once(void **state)
{
	struct store *s = open_small(-1, false);
	struct view parts[STORE_PARTS] = { VIEW_INIT("20 text\r\nbody"),
		VIEW_INIT("body") };
	struct store_entry e =
	    sample_entry(store_reader(s), (struct sample){ 1, 1 });
	struct store_span gemini, gopher;

	(void)state;
	assert_int_equal(0, store_put(s, &e, parts));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_find(store_reader(s), &e.key, &e));
	assert_int_equal(STORE_FOUND,
	    store_span(store_reader(s), &e, STORE_GEMINI, &gemini));
	assert_int_equal(STORE_FOUND,
	    store_span(store_reader(s), &e, STORE_GOPHER, &gopher));
	assert_true(gopher.offset == gemini.offset + 9 && gopher.len == 4);
	store_close(s);
}

static void
a_reader_that_lacks_a_file_keeps_its_root(void **state)
{
	struct store *s = open_small(-1, false);
	struct store_reader *r = store_reader_new();
	uint32_t number;

	(void)state;
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_NONE,
	    store_reader_attach(r, dup(store_root(s))));
	assert_null(store_reader_seed(r));
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	store_set_limits(s, &(struct store_limits){ 1, 7, 7, 10, 1 });
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 2 }));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_NONE,
	    store_reader_attach(r, dup(store_root(s))));
	assert_true(sample_is_right(r, (struct sample){ 1, 1 }));
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	assert_true(sample_is_right(r, (struct sample){ 1, 2 }));
	/* What the writer alone wants to know is not for others. */
	number = 0;
	while (store_file_after(s, number, &number) != -1)
		assert_int_equal(-1,
		    store_reader_add(r, number, dup(store_root(s))));
	store_reader_free(r);
	store_close(s);
}

static void
meta_parts_are_the_writers(void **state)
{
	struct store *s = open_small(-1, false);
	struct store_reader *r = store_reader_new();
	static struct sample_parts want;
	struct store_key key;
	struct store_entry e;
	char got[SAMPLE_BODY_MAX];

	(void)state;
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 5 }));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	key = sample_key(r, 1);
	assert_int_equal(STORE_FOUND, store_find(r, &key, &e));
	assert_int_equal(STORE_NONE, store_read(r, &e, STORE_META, got));
	assert_int_equal(STORE_FOUND,
	    store_read(store_reader(s), &e, STORE_META, got));
	sample_make((struct sample){ 1, 5 }, &want);
	assert_memory_equal(got, want.parts[STORE_META].p,
	    want.parts[STORE_META].len);
	store_reader_free(r);
	store_close(s);
}

static bool
count_parts(void *arg, const struct store_key *key, struct view meta)
{
	(void)key;
	assert_true(view_has_prefix(meta, VIEW("meta of ")));
	return --*(int *)arg > 0;
}

static void
a_scan_sees_every_meta_part(void **state)
{
	struct store *s = open_small(-1, false);
	unsigned id;
	int left = IDS + 1;

	(void)state;
	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(s, (struct sample){ id, id }));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_scan(s, count_parts, &left));
	assert_int_equal(1, left);
	left = 3;
	assert_int_equal(STORE_FOUND, store_scan(s, count_parts, &left));
	assert_int_equal(0, left);
	store_close(s);
}

/* Copying takes the file away under a slow reader; not if it is held. */
static void
a_span_that_is_held_stays_open(void **state)
{
	struct store *s = open_small(-1, false);
	struct store_reader *r = store_reader_new();
	struct store_span span;
	struct store_entry e;
	struct store_key key;
	char byte;
	unsigned i;

	(void)state;
	store_set_limits(s, &(struct store_limits){ 1, 7, 7, 10, 1 });
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	key = sample_key(r, 1);
	assert_int_equal(STORE_FOUND, store_find(r, &key, &e));
	assert_int_equal(STORE_FOUND, store_span(r, &e, STORE_GEMINI, &span));
	store_hold(r, span.fd);
	store_hold(r, span.fd);
	for (i = 2; i < 5; i++) {
		assert_int_equal(0, sample_put(s, (struct sample){ 1, i }));
		assert_int_equal(0, store_commit(s, false));
		assert_int_equal(STORE_FOUND, store_place_publish(s, r));
		assert_int_equal(1, pread(span.fd, &byte, 1, span.offset));
	}
	assert_int_equal(STORE_DAMAGED, store_read(r, &e, STORE_GEMINI, &byte));
	store_release(r, span.fd);
	assert_int_equal(1, pread(span.fd, &byte, 1, span.offset));
	store_release(r, span.fd);
	assert_int_equal(-1, pread(span.fd, &byte, 1, span.offset));
	store_reader_free(r);
	store_close(s);
}

/* -- lives -- */

static void
there_is_one_writer(void **state)
{
	struct store *s = open_small(-1, false);

	(void)state;
	assert_null(store_open(folder, -1, false, &why));
	assert_non_null(strstr(why.p, "another process writes the store"));
	buf_reset(&why);
	store_close(s);
	store_close(open_small(-1, false));
}

/* A reload that fails leaves nothing of its own. */
static void
a_staged_store_that_is_closed_was_never_there(void **state)
{
	struct store *old = open_small(-1, false), *new;
	unsigned id;

	(void)state;
	assert_int_equal(0, sample_put(old, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(old, true));
	assert_int_equal(0, sample_put(old, (struct sample){ 1, 2 }));
	new = open_small(dup(store_lock(old)), true);
	store_yield(old);
	assert_int_equal(-1, sample_put(old, (struct sample){ 1, 3 }));
	assert_true(
	    sample_is_right(store_reader(new), (struct sample){ 1, 1 }));
	for (id = 1; id < IDS; id++)
		assert_int_equal(0, sample_put(new, (struct sample){ id, 9 }));
	assert_int_equal(0, store_commit(new, true));
	assert_true(
	    sample_is_right(store_reader(new), (struct sample){ 5, 9 }));
	check_store(1);
	store_close(new);
	assert_int_equal(0, store_resume(old, -1));
	assert_true(
	    sample_is_right(store_reader(old), (struct sample){ 1, 1 }));
	assert_int_equal(0, sample_put(old, (struct sample){ 2, 1 }));
	assert_int_equal(0, store_commit(old, true));
	check_store(2);
	store_close(old);
	old = open_small(-1, false);
	assert_true(
	    sample_is_right(store_reader(old), (struct sample){ 2, 1 }));
	store_close(old);
}

static void
a_staged_store_is_there_once_adopted(void **state)
{
	struct store *old = open_small(-1, false), *new;
	unsigned id;

	(void)state;
	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(old, (struct sample){ id, 1 }));
	assert_int_equal(0, store_commit(old, true));
	new = open_small(dup(store_lock(old)), true);
	store_yield(old);
	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(new, (struct sample){ id, 2 }));
	assert_int_equal(0, store_commit(new, true));
	assert_int_equal(0, store_adopt(new));
	check_store(IDS);
	/* The old process goes on for those who are still with it. */
	for (id = 0; id < IDS; id++)
		assert_true(sample_is_right(store_reader(old),
		    (struct sample){ id, 1 }));
	assert_int_equal(-1, store_resume(old, -1));
	store_close(old);
	assert_int_equal(0, sample_put(new, (struct sample){ 1, 3 }));
	assert_int_equal(0, store_commit(new, true));
	store_close(new);
	new = open_small(-1, false);
	assert_true(
	    sample_is_right(store_reader(new), (struct sample){ 1, 3 }));
	store_close(new);
}

static void
a_lock_that_came_back_lets_write_again(void **state)
{
	struct store *s = open_small(-1, false);
	int lock = dup(store_lock(s));

	(void)state;
	store_yield(s);
	assert_null(store_open(folder, -1, false, &why));
	buf_reset(&why);
	assert_int_equal(0, store_resume(s, lock));
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(s, true));
	check_store(1);
	store_close(s);
}

/* No folder, no names: all else is the same. */
static void
a_temporary_store_leaves_nothing(void **state)
{
	struct store_reader *r = store_reader_new();
	struct store *s;
	unsigned id;

	(void)state;
	s = open_temporary();
	for (id = 0; id < 3 * IDS; id++) {
		if (sample_put(s, (struct sample){ id % IDS, 1 + id / IDS }) ==
		    -1)
			fail_msg("%s", store_why(s));
		if (id % 50 == 0)
			assert_int_equal(0, store_commit(s, true));
		if (id % 70 == 0)
			store_rollback(s);
	}
	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(s, (struct sample){ id, 9 }));
	assert_int_equal(0, store_commit(s, true));
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	store_close(s);
	assert_int_equal(0, rmdir(folder));
	for (id = 0; id < IDS; id++)
		assert_true(sample_is_right(r, (struct sample){ id, 9 }));
	store_reader_free(r);
	assert_int_equal(0, mkdir(folder, 0700));
}

static void
a_folder_of_others_is_refused(void **state)
{
	(void)state;
	assert_int_equal(0, chmod(folder, 0770));
	assert_null(store_open(folder, -1, false, &why));
	assert_non_null(strstr(why.p, "for others to write"));
	assert_int_equal(0, chmod(folder, 0700));
}

/* -- trouble -- */

static const char *
file_of_kind(const char *kind)
{
	static char path[PATH_MAX];
	glob_t found;

	(void)snprintf(path, sizeof(path), "%s/%s*", folder, kind);
	if (glob(path, 0, NULL, &found) != 0)
		fail_msg("no %s", path);
	(void)snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
	globfree(&found);
	return path;
}

/* A store of so many entries with a base and a delta. */
static void
fill_folder(void)
{
	struct store *s = open_small(-1, false);
	unsigned id;

	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(s, (struct sample){ id, 1 }));
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 1 }));
	assert_int_equal(0, store_commit(s, false));
	store_close(s);
}

/* Whatever is not as it was: the right bytes, or known to be damaged. */
static void
look_at_damage(const struct store_reader *r, unsigned id)
{
	char got[SAMPLE_BODY_MAX];
	struct store_key key = sample_key(r, id);
	enum store_result result;
	struct store_entry e;
	enum store_part part;

	result = store_find(r, &key, &e);
	assert_int_not_equal(STORE_NONE, result);
	for (part = STORE_GEMINI; part < STORE_META; part++)
		if (result == STORE_DAMAGED ||
		    store_read(r, &e, part, got) == STORE_DAMAGED)
			return;
	assert_true(sample_is_right(r, (struct sample){ id, 1 }));
}

static void
flip_bit(int fd, off_t at, unsigned bit)
{
	char byte;

	assert_int_equal(1, pread(fd, &byte, 1, at));
	byte ^= (char)(1 << bit);
	assert_int_equal(1, pwrite(fd, &byte, 1, at));
}

static void
a_flipped_bit_is_noticed(void **state)
{
	static const char *const kinds[] = { "root", "base", "segment" };
	struct store *s;
	unsigned id, i;
	off_t at;
	int fd;

	(void)state;
	fill_folder();
	s = open_small(-1, false);
	for (i = 0; i < 600; i++) {
		fd = open(file_of_kind(kinds[i % 3]), O_RDWR);
		at = rand() % lseek(fd, 0, SEEK_END);
		flip_bit(fd, at, i % 8);
		for (id = i % 7; id < IDS; id += 7)
			look_at_damage(store_reader(s), id);
		flip_bit(fd, at, i % 8);
		close(fd);
	}
	store_close(s);
	check_store(IDS);
}

#define SWEPT (IDS - 20) /* entries that a sweep sees; the others go */

/* As a builder does: keep what is found and right, put the rest. */
static void
sweep_store(struct store *s)
{
	struct store_entry e;
	struct store_key key;
	unsigned id;

	store_sweep_begin(s);
	for (id = 0; id < SWEPT; id++) {
		key = sample_key(store_reader(s), id);
		if (store_find(store_reader(s), &key, &e) == STORE_FOUND)
			store_keep(s, &e);
		else
			assert_int_equal(0,
			    sample_put(s, (struct sample){ id, 1 }));
	}
	if (store_sweep_end(s) == -1 || store_commit(s, false) == -1)
		fail_msg("%s", store_why(s));
}

/* Damage in a table; not in answers, which whoever reads them has put anew. */
static void
a_sweep_mends_what_is_damaged(void **state)
{
	static const char *const kinds[] = { "root", "base" };
	struct store *s;
	unsigned id, i, n;
	off_t len;
	int fd;

	(void)state;
	for (i = 0; i < 60; i++) {
		fill_folder();
		s = open_small(-1, false);
		fd = open(file_of_kind(kinds[i % 2]), O_RDWR);
		len = lseek(fd, 0, SEEK_END);
		for (n = 0; n < 1 + i / 10; n++)
			flip_bit(fd, rand() % len, n % 8);
		if (i % 8 == 7)
			assert_int_equal(0, ftruncate(fd, rand() % len));
		close(fd);
		sweep_store(s);
		for (id = 0; id < IDS; id++)
			if (!sample_is_right(store_reader(s),
				(struct sample){ id, id < SWEPT ? 1 : 0 }))
				fail_msg("%u in round %u", id, i);
		check_store(SWEPT);
		store_condemn(s);
		store_close(s);
	}
}

/* Edits go on as long as no new base is needed; then there is no root. */
static void
what_no_sweep_mends_is_made_anew(void **state)
{
	struct store *s;
	unsigned id;
	int fd;

	(void)state;
	fill_folder();
	s = open_small(-1, false);
	fd = open(file_of_kind("base"), O_RDWR);
	flip_bit(fd, lseek(fd, 0, SEEK_END) - 20, 1);
	close(fd);
	assert_int_equal(0, sample_put(s, (struct sample){ 1, 2 }));
	assert_int_equal(0, store_commit(s, false));
	for (id = 0; id < 50; id++)
		assert_int_equal(0, sample_put(s, (struct sample){ id, 3 }));
	assert_int_equal(-1, store_commit(s, false));
	assert_int_equal(EIO, errno);
	assert_true(sample_is_right(store_reader(s), (struct sample){ 1, 2 }));
	store_close(s);
	s = open_small(-1, false);
	assert_true(sample_is_right(store_reader(s), (struct sample){ 1, 0 }));
	store_close(s);
	check_store(0);
}

static void
a_store_without_its_files_is_made_anew(void **state)
{
	static const char *const kinds[] = { "root", "base", "segment",
		"meta" };
	struct store *s;
	unsigned i, cut;

	(void)state;
	for (i = 0; i < 8; i++) {
		fill_folder();
		cut = i / 4;
		if (cut == 0)
			assert_int_equal(0, unlink(file_of_kind(kinds[i])));
		else
			assert_int_equal(0,
			    truncate(file_of_kind(kinds[i % 4]), 50));
		s = open_small(-1, false);
		assert_true(i == 0 ||
		    strstr(why.p, "is damaged and is made anew") != NULL);
		buf_reset(&why);
		assert_true(
		    sample_is_right(store_reader(s), (struct sample){ 1, 0 }));
		check_store(0);
		store_close(s);
	}
}

/* Numbers go on, so that no reader takes an old file for a new one. */
static void
a_condemned_store_is_made_anew(void **state)
{
	struct store_reader *r = store_reader_new();
	struct store *s;
	unsigned id;

	(void)state;
	fill_folder();
	s = open_small(-1, false);
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	store_condemn(s);
	store_close(s);
	s = open_small(-1, false);
	for (id = 0; id < IDS; id++) {
		assert_true(sample_is_right(r, (struct sample){ id, 1 }));
		assert_int_equal(0, sample_put(s, (struct sample){ id, 2 }));
	}
	assert_int_equal(0, store_commit(s, false));
	assert_int_equal(STORE_FOUND, store_place_publish(s, r));
	for (id = 0; id < IDS; id++)
		assert_true(sample_is_right(r, (struct sample){ id, 2 }));
	store_reader_free(r);
	store_close(s);
}

static void
every_kind_of_damage_is_reported(void **state)
{
	static const char *const kinds[] = { "root", "base", "segment",
		"meta" };
	struct problems *ps;
	struct store_counts counts;
	unsigned i;
	int fd;

	(void)state;
	for (i = 0; i < 4; i++) {
		fill_folder();
		check_store(IDS);
		fd = open(file_of_kind(kinds[i]), O_RDWR);
		assert_int_equal(6, pwrite(fd, "broken", 6, 400));
		close(fd);
		ps = problems_new();
		assert_int_equal(-1, store_check(folder, ps, &counts));
		assert_true(problems_count(ps) > 0);
		problems_free(ps);
		fd = open(folder, O_RDONLY | O_DIRECTORY);
		assert_int_equal(0, unlinkat(fd, "root", 0));
		close(fd);
	}
}

/* As on a full disk: what was committed stays, and goes on afterwards. */
static void
a_full_disk_leaves_the_old_state(void **state)
{
	struct rlimit usual, small;
	struct store *s = open_small(-1, false);
	unsigned id, version;

	(void)state;
	assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &usual));
	(void)signal(SIGXFSZ, SIG_IGN);
	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(s, (struct sample){ id, 1 }));
	assert_int_equal(0, store_commit(s, true));
	for (small = usual, small.rlim_cur = 0; small.rlim_cur < 20000;
	     small.rlim_cur += 400) {
		assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
		for (id = version = 0; id < IDS && version == 0; id++)
			if (sample_put(s, (struct sample){ id, 2 }) == -1)
				version = 1;
		if (version == 0 && store_commit(s, true) == -1)
			version = 1;
		assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &usual));
		assert_true(version == 0 || store_why(s)[0] != '\0');
		check_store(IDS);
		for (id = 0; id < IDS; id++)
			assert_true(sample_is_right(store_reader(s),
			    (struct sample){ id, version == 0 ? 2 : 1 }));
		if (version == 0)
			break;
	}
	for (id = 0; id < IDS; id++)
		assert_int_equal(0, sample_put(s, (struct sample){ id, 3 }));
	assert_int_equal(0, store_commit(s, true));
	check_store(IDS);
	store_close(s);
}

int
main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		STORE_TEST(every_root_is_what_was_committed),
		STORE_TEST(parts_have_exact_limits),
		STORE_TEST(answers_have_an_exact_limit),
		STORE_TEST(a_rule_has_an_exact_limit),
		STORE_TEST(a_batch_has_an_exact_limit),
		STORE_TEST(there_are_so_many_files_and_no_more),
		STORE_TEST(the_same_bytes_are_kept_once),
		STORE_TEST(a_reader_that_lacks_a_file_keeps_its_root),
		STORE_TEST(meta_parts_are_the_writers),
		STORE_TEST(a_scan_sees_every_meta_part),
		STORE_TEST(a_span_that_is_held_stays_open),
		STORE_TEST(there_is_one_writer),
		STORE_TEST(a_staged_store_that_is_closed_was_never_there),
		STORE_TEST(a_staged_store_is_there_once_adopted),
		STORE_TEST(a_lock_that_came_back_lets_write_again),
		STORE_TEST(a_temporary_store_leaves_nothing),
		STORE_TEST(a_folder_of_others_is_refused),
		STORE_TEST(a_flipped_bit_is_noticed),
		STORE_TEST(a_sweep_mends_what_is_damaged),
		STORE_TEST(what_no_sweep_mends_is_made_anew),
		STORE_TEST(a_store_without_its_files_is_made_anew),
		STORE_TEST(a_condemned_store_is_made_anew),
		STORE_TEST(every_kind_of_damage_is_reported),
		STORE_TEST(a_full_disk_leaves_the_old_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
