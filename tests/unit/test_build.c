/* test_build.c - what is built by what changes is what is built anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "place.h"
#include "wild.h"

#include "site/build.h"
#include "site/pages.h"
#include "site/protect.h"
#include "site/sink_memory.h"
#include "site/sink_store.h"

#define ROUNDS 20 /* more with the variable WILD_ROUNDS */
#define FIRST  40 /* changes before the first build of a round */
#define STEPS  10 /* builds of a round after the first */

/* A capsule and what was built of it. */
struct built {
	struct place place;
	struct wild wild;
	struct sink_memory *sink;
	struct build *build;
	struct build_options options;
	unsigned round, step;
	char text[4096];
	char changes[4096]; /* since the last build, for people */
};

static void
fail_at(const struct built *b, struct view selector, const char *what)
{
	fail_msg("round %u, step %u: %.*s: %s differs\n%s%s", b->round, b->step,
	    VIEW_ARG(selector), what, b->text, b->changes);
}

static void
expect_alike(const struct built *b, struct view selector, const char *what,
    struct view got, struct view want)
{
	if (!view_eq(got, want)) {
		print_message("got:\n%.*s\nwant:\n%.*s\n", VIEW_ARG(got),
		    VIEW_ARG(want));
		fail_at(b, selector, what);
	}
}

static void
expect_answer(const struct built *b, struct view selector, const char *what,
    const struct answer *got, const struct answer *want)
{
	if (got->status != want->status || got->rest.size != want->rest.size) {
		print_message("got %d, want %d\n", got->status, want->status);
		fail_at(b, selector, what);
	}
	expect_alike(b, selector, what, got->bytes, want->bytes);
}

/* -- against what is built anew -- */

struct compared {
	const struct built *b;
	const struct sink_memory *other;
};

static void
compare_entry(void *arg, const struct sink_entry *want)
{
	const struct compared *c = arg;
	const struct built *b = c->b;
	struct view s = want->selector;
	const struct sink_entry *got = sink_memory_get(c->other, 0, s);

	if (got == NULL)
		fail_at(b, s, "being there");
	if (got->kind != want->kind || got->item != want->item ||
	    got->access != want->access || got->is_lost != want->is_lost)
		fail_at(b, s, "kind");
	if (got->n_asks != want->n_asks)
		fail_at(b, s, "what it asks");
	if (!stamp_eq(&got->options, &want->options))
		fail_at(b, s, "options");
	expect_alike(b, s, "title", got->title, want->title);
	expect_alike(b, s, "found title", got->found_title, want->found_title);
	expect_alike(b, s, "path", got->path, want->path);
	expect_alike(b, s, "file", got->file, want->file);
	expect_answer(b, s, "gemini", &got->gemini, &want->gemini);
	expect_answer(b, s, "gopher", &got->gopher, &want->gopher);
}

static void
expect_as_anew(const struct built *b)
{
	struct sink_memory *anew = sink_memory_new();
	struct build *build = build_new(b->place.s, b->place.conf,
	    sink_memory_sink(anew), &b->options);
	struct compared c = { b, b->sink }, back = { b, anew };

	assert_int_equal(0, build_all(build));
	sink_memory_each(anew, compare_entry, &c);
	if (sink_memory_count(anew) != sink_memory_count(b->sink))
		sink_memory_each(b->sink, compare_entry, &back);
	build_free(build);
	sink_memory_free(anew);
}

/* -- against what the loader makes of all pages -- */

static bool
is_of_conf(const struct page *page)
{
	if (page->kind == PAGE_SLASH)
		page = page->same;
	return page->kind == PAGE_REDIRECT || page->kind == PAGE_GONE ||
	    page->kind == PAGE_SEARCH || page->kind == PAGE_APP ||
	    page->kind == PAGE_CAPS_TXT;
}

static void
expect_page(const struct built *b, const struct page *page)
{
	const struct site *site = &b->place.s->sites[0];
	const struct sink_entry *got =
	    sink_memory_get(b->sink, 0, page->selector);
	struct entry want;

	if (is_of_conf(page)) {
		if (got != NULL)
			fail_at(b, page->selector, "what is configured");
		return;
	}
	if (got == NULL)
		fail_at(b, page->selector, "being there");
	if (content_find(site->content, page->selector, &want) !=
	    CONTENT_FOUND) {
		if (!got->is_lost)
			fail_at(b, page->selector, "being lost");
		return;
	}
	if (got->is_lost || got->item != want.item ||
	    got->access !=
		(want.access == NULL
			? 0
			: 1 + (unsigned)(want.access - site->access->rules)))
		fail_at(b, page->selector, "entry");
	expect_answer(b, page->selector, "gemini", &got->gemini, &want.gemini);
	expect_answer(b, page->selector, "gopher", &got->gopher, &want.gopher);
}

static void
expect_as_loaded(const struct built *b)
{
	const struct conf_capsule *capsule = &b->place.conf->capsules[0];
	struct beneath *root = beneath_new(capsule->root.p);
	struct problems *notes = problems_new();
	struct arena *a = arena_new();
	const struct page *page;
	struct pages pages;
	size_t n = 0;

	if (!capsule->symlinks)
		beneath_refuse_links(root);
	pages_init(&pages, a);
	pages_collect(&pages, b->place.conf, capsule, root, notes);
	for (page = pages.first; page != NULL; page = page->next) {
		expect_page(b, page);
		n += !is_of_conf(page);
	}
	assert_int_equal(n, sink_memory_count(b->sink));
	problems_free(notes);
	beneath_free(root);
	arena_free(a);
}

/* -- rounds -- */

/* Wait until a change gets another time stamp than all before it. */
static void
wait_for_tick(struct built *b)
{
	char path[PATH_MAX];
	struct stat before, now;
	int fd;

	snprintf(path, sizeof(path), "%s/tick", b->place.path);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	assert_true(fd >= 0 && fchmod(fd, 0600) == 0);
	assert_int_equal(0, fstat(fd, &before));
	do
		assert_true(fchmod(fd, 0600) == 0 && fstat(fd, &now) == 0);
	while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	    now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	close(fd);
}

static void
read_configuration(struct built *b)
{
	do {
		wild_configure(&b->wild, b->text, sizeof(b->text));
		place_read(&b->place, b->text);
	} while (problems_count(b->place.ps) > 0);
	place_load_read(&b->place);
	assert_non_null(b->place.s);
}

static void
open_built(struct built *b)
{
	b->options =
	    (struct build_options){ .version = "1", .notes = problems_new() };
	b->sink = sink_memory_new();
	b->build = build_new(b->place.s, b->place.conf,
	    sink_memory_sink(b->sink), &b->options);
	assert_int_equal(0, build_all(b->build));
}

static void
close_built(struct built *b)
{
	build_free(b->build);
	sink_memory_free(b->sink);
	problems_free(b->options.notes);
	place_close(&b->place);
}

static unsigned
rounds(void)
{
	const char *more = getenv("WILD_ROUNDS");

	return more == NULL ? ROUNDS : (unsigned)atoi(more);
}

static void
begin_round(struct built *b)
{
	size_t i;

	place_open(&b->place);
	b->wild = (struct wild){ .state = b->round * 2654435761u + 7,
		.place = &b->place };
	for (i = 0; i < FIRST; i++)
		wild_change(&b->wild);
	read_configuration(b);
	b->changes[0] = '\0';
	open_built(b);
}

static void
the_builder_and_the_loader_agree(void **state)
{
	struct built b = { .round = 0 };
	unsigned n = rounds() * 5;

	(void)state;
	for (; b.round < n; b.round++) {
		begin_round(&b);
		expect_as_loaded(&b);
		close_built(&b);
	}
}

/* Some changes, and what they are for the builder. */
static void
change_files(struct built *b, struct build_change *to, size_t *n,
    char (*names)[PLACE_FILE_MAX])
{
	size_t i, k, changes = 1 + wild_number(&b->wild, 3);

	*n = 0;
	for (i = 0; i < changes; i++) {
		wild_change(&b->wild);
		for (k = 0; k < b->wild.n_changed; k++) {
			memcpy(names[*n], b->wild.changed[k], PLACE_FILE_MAX);
			to[*n].capsule = 0;
			to[*n].path = view_of(names[*n]);
			snprintf(b->changes + strlen(b->changes),
			    sizeof(b->changes) - strlen(b->changes),
			    "changed: %s\n", names[*n]);
			(*n)++;
		}
	}
}

static void
what_follows_changes_is_what_is_built_anew(void **state)
{
	struct built b = { .round = 0 };
	struct build_change changes[8];
	char names[8][PLACE_FILE_MAX];
	unsigned n_rounds = rounds();
	size_t n;

	(void)state;
	for (; b.round < n_rounds; b.round++) {
		begin_round(&b);
		for (b.step = 0; b.step < STEPS; b.step++) {
			wait_for_tick(&b);
			b.changes[0] = '\0';
			change_files(&b, changes, &n, names);
			assert_int_equal(0,
			    b.step % 4 == 3
				? build_all(b.build)
				: build_changed(b.build, changes, n));
			expect_as_anew(&b);
		}
		close_built(&b);
		b.step = 0;
	}
}

/* -- in a store -- */

struct stored {
	const struct built *b;
	const struct sink *sink;
};

static void
expect_stored(void *arg, const struct sink_entry *want)
{
	const struct stored *stored = arg;
	const struct built *b = stored->b;
	const struct sink *sink = stored->sink;
	struct view s = want->selector;
	struct arena *a = arena_new();
	struct sink_entry got;

	if (!sink->find(sink->arg, 0, s, a, &got))
		fail_at(b, s, "being in the store");
	if (got.kind != want->kind || got.item != want->item ||
	    got.access != want->access || got.is_lost != want->is_lost ||
	    !stamp_eq(&got.options, &want->options))
		fail_at(b, s, "what the store says");
	expect_alike(b, s, "title", got.title, want->title);
	if (!sink->has_bytes(sink->arg, want))
		fail_at(b, s, "bytes");
	arena_free(a);
}

static bool
count_entry(void *arg, const struct store_entry *e)
{
	size_t *n = arg;

	(void)e;
	(*n)++;
	return true;
}

/* Compare what is in a store with what is built anew. */
static void
expect_store_as_anew(const struct built *b, const struct store *store,
    const struct sink *sink)
{
	struct sink_memory *anew = sink_memory_new();
	struct build *build = build_new(b->place.s, b->place.conf,
	    sink_memory_sink(anew), &b->options);
	struct stored stored = { b, sink };
	size_t n = 0;

	assert_int_equal(0, build_all(build));
	sink_memory_each(anew, expect_stored, &stored);
	assert_int_equal(STORE_FOUND,
	    store_walk(store_reader((struct store *)(uintptr_t)store),
		count_entry, &n));
	assert_int_equal(sink_memory_count(anew), n);
	build_free(build);
	sink_memory_free(anew);
}

/* The same changes, into a store, with another builder and another sink now
 * and then, as after a start. */
static void
a_store_is_kept_as_it_would_be_built_anew(void **state)
{
	struct built b = { .round = 0 };
	struct build_change changes[8];
	char names[8][PLACE_FILE_MAX];
	unsigned n_rounds = rounds();
	struct sink_store *sink;
	struct store *store;
	struct build *build;
	struct buf why;
	size_t n;

	(void)state;
	buf_init(&why, 4096);
	for (; b.round < n_rounds; b.round++) {
		begin_round(&b);
		store = store_open(NULL, -1, false, &why);
		assert_non_null(store);
		sink = sink_store_new(store, b.place.s);
		build = build_new(b.place.s, b.place.conf,
		    sink_store_sink(sink), &b.options);
		assert_int_equal(0, build_all(build));
		assert_int_equal(0, sink_store_commit(sink, false));
		for (b.step = 0; b.step < STEPS; b.step++) {
			wait_for_tick(&b);
			b.changes[0] = '\0';
			change_files(&b, changes, &n, names);
			if (b.step % 4 == 3) {
				build_free(build);
				sink_store_free(sink);
				sink = sink_store_new(store, b.place.s);
				build = build_new(b.place.s, b.place.conf,
				    sink_store_sink(sink), &b.options);
				assert_int_equal(0, build_all(build));
			} else
				assert_int_equal(0,
				    build_changed(build, changes, n));
			assert_int_equal(0, sink_store_commit(sink, false));
			expect_store_as_anew(&b, store, sink_store_sink(sink));
		}
		build_free(build);
		sink_store_free(sink);
		store_close(store);
		close_built(&b);
		b.step = 0;
	}
	buf_fini(&why);
}

static void
a_large_file_is_found_and_what_is_doubted_is_put_anew(void **state)
{
	struct built b = { .round = 0 };
	struct sink_store_file file;
	struct sink_store *sink;
	struct sink_entry e;
	struct store_seed seed;
	struct store_key key;
	struct store *store;
	struct build *build;
	struct buf room;

	(void)state;
	buf_init(&room, 8192);
	place_open(&b.place);
	place_fill(&b.place, "d/large.bin", 'x',
	    (size_t)SNAPSHOT_INLINE_MAX + 1);
	place_load(&b.place,
	    "[capsule]\nroot = capsule\n[selectors]\n/ = ./\n");
	wait_for_tick(&b);
	b.options =
	    (struct build_options){ .version = "1", .notes = problems_new() };
	store = store_open(NULL, -1, false, &room);
	assert_non_null(store);
	sink = sink_store_new(store, b.place.s);
	build = build_new(b.place.s, b.place.conf, sink_store_sink(sink),
	    &b.options);
	assert_int_equal(0, build_all(build));
	assert_int_equal(0, sink_store_commit(sink, false));
	seed = store_seed_for(store_reader_seed(store_reader(store)),
	    b.place.s->sites[0].hosts[0]);
	key = store_key_for(&seed, VIEW("/d/large.bin"));
	assert_true(sink_store_file(sink, &key, &room, &file));
	assert_int_equal(0, file.capsule);
	assert_true(view_has_suffix(file.path, VIEW("d/large.bin")));
	sink_store_doubt(sink, &key);
	assert_false(sink_store_sink(sink)->find(sink, 0, VIEW("/d/large.bin"),
	    NULL, &e));
	assert_int_equal(0, build_all(build));
	assert_int_equal(0, sink_store_commit(sink, false));
	assert_true(sink_store_sink(sink)->find(sink, 0, VIEW("/d/large.bin"),
	    NULL, &e));
	assert_int_equal(SINK_LARGE, e.kind);
	build_free(build);
	sink_store_free(sink);
	store_close(store);
	problems_free(b.options.notes);
	place_close(&b.place);
	buf_fini(&room);
}

/* -- single promises -- */

#define ALL    "[capsule]\nroot = capsule\n[selectors]\n/ = ./\n"
#define LISTED ALL "[listing]\n/ = yes\n"

/* A sink that counts what is put, and may fail. */
struct counting {
	struct sink sink;
	struct sink *behind;
	size_t puts, ticks, left;
};

static int
count_put(void *arg, const struct sink_entry *e)
{
	struct counting *c = arg;

	c->puts++;
	return c->left-- == 0 ? -1 : c->behind->put(c->behind->arg, e);
}

static bool
find_behind(void *arg, size_t capsule, struct view selector, struct arena *a,
    struct sink_entry *to)
{
	const struct counting *c = arg;

	return c->behind->find(c->behind->arg, capsule, selector, a, to);
}

static bool
has_bytes_behind(void *arg, const struct sink_entry *e)
{
	const struct counting *c = arg;

	return c->behind->has_bytes(c->behind->arg, e);
}

static int
drop_behind(void *arg, size_t capsule, struct view selector)
{
	const struct counting *c = arg;

	return c->behind->drop(c->behind->arg, capsule, selector);
}

static uint64_t
ask_behind(void *arg, size_t capsule, struct view selector)
{
	const struct counting *c = arg;

	return c->behind->ask(c->behind->arg, capsule, selector);
}

static int
scan_behind(void *arg,
    void (*visit)(void *visitor, size_t capsule, struct view selector,
	const uint64_t *asks, size_t n_asks),
    void *visitor)
{
	const struct counting *c = arg;

	return c->behind->scan(c->behind->arg, visit, visitor);
}

static void
count_tick(void *arg)
{
	struct counting *c = arg;

	c->ticks++;
}

static struct counting counting;

/* Prepare to build what was placed, through a sink that counts. */
static void
open_counted(struct built *b, const char *text, int64_t racy_ns)
{
	snprintf(b->text, sizeof(b->text), "%s", text);
	b->round = b->step = 0;
	b->changes[0] = '\0';
	place_load(&b->place, text);
	assert_string_equal("", b->place.told);
	wait_for_tick(b);
	b->options = (struct build_options){ .version = "1",
		.racy_ns = racy_ns,
		.notes = problems_new() };
	b->sink = sink_memory_new();
	counting = (struct counting){ .behind = sink_memory_sink(b->sink),
		.left = SIZE_MAX };
	counting.sink = (struct sink){ &counting, find_behind, has_bytes_behind,
		count_put, drop_behind, ask_behind, scan_behind, NULL,
		count_tick, &counting };
	b->build =
	    build_new(b->place.s, b->place.conf, &counting.sink, &b->options);
}

static void
one_edit_renders_what_shows_it_and_no_more(void **state)
{
	struct built b;
	struct build_change change = { 0, VIEW_INIT("d/7.gmi") };
	char path[64];
	size_t i;

	(void)state;
	place_open(&b.place);
	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "d/%zu.gmi", i);
		place_write(&b.place, path, VIEW("# Page\n=> 7.gmi\n"));
	}
	open_counted(&b, LISTED, 0);
	assert_int_equal(0, build_all(b.build));
	/* The pages, "/", "/d/" and "/d". */
	assert_int_equal(103, counting.puts);
	assert_true(counting.ticks >= 103);
	counting.puts = 0;
	assert_int_equal(0, build_all(b.build));
	assert_int_equal(0, counting.puts);
	wait_for_tick(&b);
	place_write(&b.place, "d/7.gmi", VIEW("# Other\n"));
	assert_int_equal(0, build_changed(b.build, &change, 1));
	/* The page, "/d/" and "/d". */
	assert_int_equal(3, counting.puts);
	expect_as_anew(&b);
	close_built(&b);
}

/* Pages that an edit of one in a folder without a listing may look at. */
#define LOOKED_MAX 10

static void
an_edit_looks_at_no_other_page_now_or_later(void **state)
{
	struct built b;
	struct build_change change = { 0, VIEW_INIT("d/7.gmi") };
	char path[64];
	size_t i;

	(void)state;
	place_open(&b.place);
	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "d/%zu.gmi", i);
		place_write(&b.place, path, VIEW("# Page\n"));
	}
	open_counted(&b, ALL, 0);
	assert_int_equal(0, build_all(b.build));
	for (i = 0; i < 3; i++) {
		wait_for_tick(&b);
		snprintf(path, sizeof(path), "# Edition %zu\n", i);
		place_write(&b.place, "d/7.gmi", view_of(path));
		counting.puts = counting.ticks = 0;
		assert_int_equal(0, build_changed(b.build, &change, 1));
		assert_int_equal(1, counting.puts);
		assert_in_range(counting.ticks, 1, LOOKED_MAX);
	}
	expect_as_anew(&b);
	close_built(&b);
}

static void
a_page_is_rendered_again_when_a_link_of_it_comes_alive(void **state)
{
	struct built b;
	struct build_change change = { 0, VIEW_INIT("b.png") };
	const struct sink_entry *e;

	(void)state;
	place_open(&b.place);
	place_write(&b.place, "a.gmi", VIEW("=> b.png B\n"));
	open_counted(&b, ALL "[types]\n.png = text/plain\n", 0);
	assert_int_equal(0, build_all(b.build));
	assert_int_equal(1, counting.puts);
	place_write(&b.place, "b.png", VIEW("PNG"));
	assert_int_equal(0, build_changed(b.build, &change, 1));
	assert_int_equal(3, counting.puts);
	e = sink_memory_get(b.sink, 0, VIEW("/a.gmi"));
	assert_int_equal('0', e->gopher.bytes.p[0]);
	expect_as_anew(&b);
	close_built(&b);
}

static void
what_may_change_and_look_the_same_is_looked_at_again(void **state)
{
	struct built b;
	struct sink_entry half;

	(void)state;
	place_open(&b.place);
	place_write(&b.place, "a.gmi", VIEW("# A\n"));
	open_counted(&b, LISTED, (int64_t)3600 * 1000000000);
	assert_int_equal(0, build_all(b.build));
	/* As if it had been read while it was written. */
	half = *sink_memory_get(b.sink, 0, VIEW("/a.gmi"));
	half.gemini.bytes.len--;
	assert_int_equal(0, counting.behind->put(counting.behind->arg, &half));
	assert_int_equal(0, build_all(b.build));
	expect_as_anew(&b);
	close_built(&b);
}

static void
a_capsule_without_its_root_keeps_what_it_has(void **state)
{
	struct built b;
	char away[PATH_MAX], root[PATH_MAX];

	(void)state;
	place_open(&b.place);
	place_write(&b.place, "a.gmi", VIEW("# A\n"));
	open_counted(&b, LISTED, 0);
	assert_int_equal(0, build_all(b.build));
	snprintf(root, sizeof(root), "%s/capsule", b.place.path);
	snprintf(away, sizeof(away), "%s/away", b.place.path);
	assert_int_equal(0, rename(root, away));
	assert_int_equal(0, build_all(b.build));
	assert_non_null(sink_memory_get(b.sink, 0, VIEW("/a.gmi")));
	assert_int_equal(1, problems_count(b.options.notes));
	assert_int_equal(1, build_tell_kept(b.build, NULL));
	assert_int_equal(0, rename(away, root));
	assert_int_equal(0, build_all(b.build));
	assert_int_equal(0, build_tell_kept(b.build, NULL));
	expect_as_anew(&b);
	build_accept_empty(b.build); /* nothing is lost of what is there */
	assert_int_equal(0, build_all(b.build));
	expect_as_anew(&b);
	assert_int_equal(0, rename(root, away));
	build_accept_empty(b.build);
	assert_int_equal(0, build_all(b.build));
	assert_int_equal(0, sink_memory_count(b.sink));
	assert_int_equal(0, build_tell_kept(b.build, NULL));
	assert_int_equal(0, rename(away, root));
	close_built(&b);
}

/* Remove the only file of the root, and say so or not. */
static void
empty_root(struct built *b, bool is_told)
{
	struct build_change change = { 0, VIEW_INIT("a.gmi") };

	assert_int_equal(0, unlink(place_name(&b->place, "a.gmi")));
	place_write(&b->place, ".hidden", VIEW("x"));
	assert_int_equal(0,
	    is_told ? build_changed(b->build, &change, 1)
		    : build_all(b->build));
}

static void
a_root_that_was_full_and_is_empty_is_as_if_gone(void **state)
{
	struct build_change change = { 0, VIEW_INIT("a.gmi") };
	bool is_told = false;
	struct built b;

	(void)state;
	do {
		place_open(&b.place);
		place_write(&b.place, "a.gmi", VIEW("# A\n"));
		open_counted(&b, LISTED, 0);
		assert_int_equal(0, build_all(b.build));
		empty_root(&b, is_told);
		assert_non_null(sink_memory_get(b.sink, 0, VIEW("/a.gmi")));
		assert_int_equal(1, build_tell_kept(b.build, b.options.notes));
		place_write(&b.place, "b.gmi", VIEW("# B\n"));
		assert_int_equal(0, build_changed(b.build, &change, 1));
		assert_int_equal(0, build_tell_kept(b.build, NULL));
		expect_as_anew(&b);
		assert_null(sink_memory_get(b.sink, 0, VIEW("/a.gmi")));
		assert_int_equal(0, unlink(place_name(&b.place, "b.gmi")));
		assert_int_equal(0, build_all(b.build));
		assert_int_equal(1, build_tell_kept(b.build, NULL));
		build_accept_empty(b.build);
		assert_int_equal(0, build_all(b.build));
		assert_int_equal(0, build_tell_kept(b.build, NULL));
		expect_as_anew(&b);
		close_built(&b);
	} while ((is_told = !is_told));
}

static void
a_root_that_was_always_empty_is_in_order(void **state)
{
	struct built b;

	(void)state;
	place_open(&b.place);
	open_counted(&b, ALL, 0);
	assert_int_equal(0, build_all(b.build));
	assert_int_equal(0, build_all(b.build));
	assert_int_equal(0, build_tell_kept(b.build, NULL));
	close_built(&b);
}

/* Have another configuration for what was built, as a reload has. */
static void
load_another(struct built *b, const char *text)
{
	build_free(b->build);
	place_load(&b->place, text);
	assert_string_equal("", b->place.told);
	b->build = build_new(b->place.s, b->place.conf,
	    sink_memory_sink(b->sink), &b->options);
	assert_int_equal(0, build_all(b->build));
}

static void
what_is_kept_obeys_map_and_rules_of_now(void **state)
{
	char away[PATH_MAX], root[PATH_MAX];
	struct built b;

	(void)state;
	place_open(&b.place);
	place_write(&b.place, "a/x.gmi", VIEW("# A\n"));
	place_write(&b.place, "b/x.gmi", VIEW("# B\n"));
	place_write(&b.place, "c/x.gmi", VIEW("# C\n"));
	open_counted(&b, ALL, 0);
	assert_int_equal(0, build_all(b.build));
	snprintf(root, sizeof(root), "%s/capsule", b.place.path);
	snprintf(away, sizeof(away), "%s/away", b.place.path);
	assert_int_equal(0, rename(root, away));
	load_another(&b,
	    "[capsule]\nroot = capsule\n[selectors]\n/a/ = a/\n"
	    "/b/ = b/\n[access]\n/b/* = any\n");
	assert_non_null(sink_memory_get(b.sink, 0, VIEW("/a/x.gmi")));
	assert_null(sink_memory_get(b.sink, 0, VIEW("/b/x.gmi")));
	assert_null(sink_memory_get(b.sink, 0, VIEW("/c/x.gmi")));
	assert_int_equal(0, rename(away, root));
	close_built(&b);
}

static void
a_sink_that_fails_ends_the_build(void **state)
{
	struct built b;

	(void)state;
	place_open(&b.place);
	place_write(&b.place, "a.gmi", VIEW("# A\n"));
	place_write(&b.place, "b.gmi", VIEW("# B\n"));
	open_counted(&b, ALL, 0);
	counting.left = 1;
	assert_int_equal(-1, build_all(b.build));
	assert_int_equal(2, counting.puts);
	counting.left = SIZE_MAX;
	assert_int_equal(0, build_all(b.build));
	expect_as_anew(&b);
	close_built(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_builder_and_the_loader_agree),
		cmocka_unit_test(what_follows_changes_is_what_is_built_anew),
		cmocka_unit_test(a_store_is_kept_as_it_would_be_built_anew),
		cmocka_unit_test(
		    a_large_file_is_found_and_what_is_doubted_is_put_anew),
		cmocka_unit_test(one_edit_renders_what_shows_it_and_no_more),
		cmocka_unit_test(an_edit_looks_at_no_other_page_now_or_later),
		cmocka_unit_test(
		    a_page_is_rendered_again_when_a_link_of_it_comes_alive),
		cmocka_unit_test(
		    what_may_change_and_look_the_same_is_looked_at_again),
		cmocka_unit_test(a_capsule_without_its_root_keeps_what_it_has),
		cmocka_unit_test(
		    a_root_that_was_full_and_is_empty_is_as_if_gone),
		cmocka_unit_test(a_root_that_was_always_empty_is_in_order),
		cmocka_unit_test(what_is_kept_obeys_map_and_rules_of_now),
		cmocka_unit_test(a_sink_that_fails_ends_the_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
