/*
 * store.c - open a store for writing, put entries, hand it over.
 *
 * Floor site.  Bytes are appended to the newest segment; the entry that leads
 * to them waits (store_batch) until a commit writes a new root (store_commit).
 * Until that root has its name nothing has happened: whoever reads, or opens
 * the store after this process was killed, finds what the last root names, and
 * the next writer cuts off and removes everything else.
 */
#include "site/store.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/os.h"
#include "site/store_writer.h"

static const struct store_limits usual_limits = {
	.file = (uint64_t)256 << 20,
	.run = 1 << 16,
	.runs = STORE_BATCH_MAX >> 16,
	.delta = 1000,
	.worth_copy = 4 << 20,
};

/* -- what went wrong -- */

int
store_fail(struct store *s, const char *what)
{
	int saved = errno;

	(void)snprintf(s->why, sizeof(s->why), "%s: %s", what, strerror(saved));
	errno = saved;
	return -1;
}

static int
refuse_store(struct store *s, int number, const char *sentence)
{
	(void)snprintf(s->why, sizeof(s->why), "%s", sentence);
	errno = number;
	return -1;
}

const char *
store_why(const struct store *s)
{
	return s->why;
}

int
store_folder_fd(const struct store *s)
{
	return s->folder.fd;
}

const char *
store_folder_path(const struct store *s)
{
	return s->folder.path;
}

/* -- files -- */

static const char *
kind_name(enum store_file_kind kind)
{
	return kind == STORE_SEGMENT ? "segment" : "meta";
}

struct store_file *
store_working_file(struct store *s, uint32_t number)
{
	struct store_root root = { .files = s->files, .n_files = s->n_files };

	return store_root_file(&root, number);
}

static struct store_tail *
tail_of(struct store *s, enum store_file_kind kind)
{
	return &s->tails[kind == STORE_SEGMENT ? 0 : 1];
}

static void
close_tail(struct store_tail *tail)
{
	if (tail->fd != -1)
		close(tail->fd);
	tail->fd = -1;
	tail->number = 0;
	store_out_init(&tail->out, -1, 0);
}

uint32_t
store_take_number(struct store *s)
{
	if (s->next >= STORE_NUMBER_MAX) {
		(void)refuse_store(s, EFBIG, "the store has no number left");
		return 0;
	}
	s->has_new_names = true;
	return s->next++;
}

/* Append to a new file from now on. */
static int
begin_tail(struct store *s, struct store_tail *tail)
{
	char name[STORE_NAME_MAX];
	uint32_t number;
	int reading;

	if (s->n_files == STORE_FILES_MAX)
		return refuse_store(s, EFBIG, "the store has too many files");
	number = store_take_number(s);
	if (number == 0)
		return -1;
	store_folder_name(name, kind_name(tail->kind), number);
	tail->fd = store_folder_create(&s->folder, name, &reading);
	if (tail->fd == -1)
		return store_fail(s, name);
	if (store_reader_add(s->reader, number, reading) == -1) {
		close_tail(tail);
		return refuse_store(s, ENOMEM, "the store has no memory");
	}
	tail->number = number;
	store_out_init(&tail->out, tail->fd, 0);
	s->files[s->n_files++] =
	    (struct store_file){ number, tail->kind, 0, 0 };
	return 0;
}

/* Nothing comes after what is in this file now. */
static int
seal_tail(struct store *s, struct store_tail *tail)
{
	struct store_file *file = store_working_file(s, tail->number);

	if (store_out_flush(&tail->out) == -1 ||
	    (!s->folder.unnamed && fsync(tail->fd) == -1))
		return store_fail(s, kind_name(tail->kind));
	file->length = tail->out.at;
	close_tail(tail);
	return 0;
}

struct store_tail *
store_tail_for(struct store *s, enum store_file_kind kind, uint64_t len)
{
	struct store_tail *tail = tail_of(s, kind);

	if (tail->fd != -1 && tail->out.at > 0 &&
	    tail->out.at + len > s->limits.file && seal_tail(s, tail) == -1)
		return NULL;
	if (tail->fd == -1 && begin_tail(s, tail) == -1)
		return NULL;
	return tail;
}

/* -- back to what was committed -- */

static bool
is_in_root(void *arg, uint32_t number)
{
	const struct store_root *root = store_reader_root(arg);

	return root != NULL &&
	    (root->base == number || store_root_file(root, number) != NULL);
}

/* Cut off what was appended after the last commit, and append there. */
static int
reopen_tail(struct store *s, const struct store_file *file)
{
	struct store_tail *tail = tail_of(s, file->kind);
	char name[STORE_NAME_MAX];

	if (tail->number != file->number) {
		close_tail(tail);
		store_folder_name(name, kind_name(file->kind), file->number);
		tail->fd = store_folder_get(&s->folder, name, true);
		if (tail->fd == -1)
			return -1;
		tail->number = file->number;
	}
	store_out_init(&tail->out, tail->fd, file->length);
	return ftruncate(tail->fd, (off_t)file->length);
}

/* The newest file of each kind; if it cannot be had, a new one will do. */
static void
reopen_tails(struct store *s)
{
	const struct store_file *newest[2] = { NULL, NULL };
	size_t i;

	for (i = 0; i < s->n_files; i++)
		newest[tail_of(s, s->files[i].kind) - s->tails] = &s->files[i];
	for (i = 0; i < 2; i++)
		if (newest[i] == NULL || newest[i]->length >= s->limits.file ||
		    reopen_tail(s, newest[i]) == -1)
			close_tail(&s->tails[i]);
}

void
store_forget(struct store *s)
{
	const struct store_root *root = store_reader_root(s->reader);
	char name[STORE_NAME_MAX];
	size_t i;

	store_batch_clear(s);
	s->is_sweeping = s->mends = false;
	store_marks_fini(&s->seen_base);
	store_marks_fini(&s->seen_delta);
	for (i = 0; i < s->n_files; i++) {
		if (is_in_root(s->reader, s->files[i].number))
			continue;
		store_folder_name(name, kind_name(s->files[i].kind),
		    s->files[i].number);
		store_folder_remove(&s->folder, name);
		store_reader_remove(s->reader, s->files[i].number);
	}
	s->n_files = root == NULL ? 0 : root->n_files;
	if (s->n_files > 0)
		memcpy(s->files, root->files, s->n_files * sizeof(s->files[0]));
	reopen_tails(s);
}

/* -- the lock -- */

static int
lock_store(struct store *s, int lock)
{
	s->lock = lock;
	if (s->lock == -1)
		s->lock = store_folder_lock(&s->folder);
	if (s->lock == -1)
		return store_fail(s, "the store's lock cannot be opened");
	if (s->folder.unnamed)
		(void)unlinkat(s->folder.fd, STORE_LOCK, 0);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK
		    ? refuse_store(s, EWOULDBLOCK,
			  "another process writes the store")
		    : store_fail(s, "the store cannot be locked");
	return 0;
}

static void
drop_lock(struct store *s)
{
	if (s->lock != -1)
		close(s->lock);
	s->lock = -1;
}

/* -- opening -- */

/* How a look for what is there ended. */
enum taken {
	TAKEN,       /* it is there */
	TAKEN_NONE,  /* there is nothing, or nothing whole */
	TAKEN_FAILED /* nobody knows: told */
};

/* A file cannot be opened: has it gone, or is it of no use for the moment? */
static enum taken
note_missing(struct store *s, const char *name, const char **damage)
{
	if (errno != ENOENT && errno != ELOOP) {
		(void)store_fail(s, name);
		return TAKEN_FAILED;
	}
	*damage = "a file has gone";
	return TAKEN_NONE;
}

static enum taken
open_file(struct store *s, const char *kind, uint32_t number,
    const char **damage)
{
	char name[STORE_NAME_MAX];
	int fd;

	store_folder_name(name, kind, number);
	fd = store_folder_get(&s->folder, name, false);
	if (fd == -1)
		return note_missing(s, name, damage);
	if (store_reader_add(s->reader, number, fd) == 0)
		return TAKEN;
	(void)refuse_store(s, ENOMEM, "the store has no memory");
	return TAKEN_FAILED;
}

static enum taken
open_files(struct store *s, const struct store_root *root, const char **damage)
{
	enum taken taken = TAKEN;
	size_t i;

	for (i = 0; i < root->n_files && taken == TAKEN; i++)
		taken = open_file(s, kind_name(root->files[i].kind),
		    root->files[i].number, damage);
	if (root->base != 0 && taken == TAKEN)
		taken = open_file(s, "base", root->base, damage);
	return taken;
}

/* Take up what "root" names; *damage says why there is nothing, NULL if there
 * never was. */
static enum taken
take_up_root(struct store *s, const char **damage)
{
	int fd = store_folder_get(&s->folder, STORE_ROOT, false);
	struct store_root root;
	enum taken taken;

	if (fd == -1) {
		taken = note_missing(s, STORE_ROOT, damage);
		*damage = NULL;
		return taken;
	}
	if (store_root_read(fd, &root, damage) == -1) {
		close(fd);
		return TAKEN_NONE;
	}
	s->next = root.next;
	taken = open_files(s, &root, damage);
	free(root.files);
	if (taken != TAKEN) {
		close(fd);
		return taken;
	}
	if (store_reader_attach(s->reader, fd) == STORE_FOUND)
		return TAKEN;
	*damage = "a file is shorter than it was";
	return TAKEN_NONE;
}

/* A store without entries, whose numbers were never a file's. */
static int
make_store(struct store *s)
{
	uint32_t highest = store_folder_clean(&s->folder,
	    s->staged ? NULL : is_in_root, s->reader);
	int64_t now = clock_wall();

	if (now > s->next && now < UINT32_MAX)
		s->next = (uint32_t)now;
	if (highest >= s->next)
		s->next = highest + 1;
	return store_commit_batch(s, false);
}

/* Begin where the last writer ended. */
static void
go_on(struct store *s)
{
	if (!s->staged)
		(void)store_folder_clean(&s->folder, is_in_root, s->reader);
	s->seed = store_sum_seed(store_reader_seed(s->reader));
	s->writing = true;
	store_forget(s);
}

static int
open_content(struct store *s, struct buf *why)
{
	const char *damage = NULL;
	enum taken taken = take_up_root(s, &damage);

	if (taken == TAKEN_FAILED)
		return -1;
	if (taken == TAKEN_NONE) {
		store_reader_free(s->reader);
		s->reader = store_reader_new();
		if (s->reader == NULL)
			return refuse_store(s, ENOMEM,
			    "the store has no memory");
		if (make_store(s) == -1)
			return -1;
	}
	if (damage != NULL)
		buf_printf(why,
		    "the store in %s is damaged and is made anew: %s",
		    s->folder.path, damage);
	go_on(s);
	return 0;
}

static struct store *
new_store(bool staged)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->limits = usual_limits;
	s->lock = -1;
	s->runs_fd = -1;
	s->staged = staged;
	s->next = 1;
	s->tails[0].kind = STORE_SEGMENT;
	s->tails[1].kind = STORE_METAS;
	s->tails[0].fd = s->tails[1].fd = -1;
	s->reader = store_reader_new();
	if (s->reader == NULL)
		mem_exhausted(1);
	return s;
}

struct store *
store_open(const char *folder, int lock, bool staged, struct buf *why)
{
	struct store *s = new_store(staged);

	if (store_folder_open(&s->folder, folder, why) == -1) {
		if (lock != -1)
			close(lock);
		store_reader_free(s->reader);
		xfree(s);
		return NULL;
	}
	if (lock_store(s, lock) == -1 || open_content(s, why) == -1) {
		buf_printf(why, "%s: %s", s->folder.path, store_why(s));
		store_close(s);
		return NULL;
	}
	return s;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->writing)
		store_forget(s);
	if (s->writing && s->staged)
		store_folder_remove(&s->folder, STORE_STAGED);
	close_tail(&s->tails[0]);
	close_tail(&s->tails[1]);
	store_reader_free(s->reader);
	drop_lock(s);
	store_folder_close(&s->folder);
	xfree(s->runs);
	xfree(s->pending);
	xfree(s);
}

struct store_reader *
store_reader(struct store *s)
{
	return s->reader;
}

void
store_set_limits(struct store *s, const struct store_limits *limits)
{
	s->limits = *limits;
	reopen_tails(s);
}

/* -- entries -- */

static bool
is_within_limits(const struct store_entry *e, const struct view *parts)
{
	return parts[STORE_GEMINI].len <= STORE_ANSWER_MAX &&
	    parts[STORE_GOPHER].len <= STORE_ANSWER_MAX &&
	    parts[STORE_SELECTOR].len <= STORE_SELECTOR_MAX &&
	    parts[STORE_TITLE].len <= STORE_TITLE_MAX &&
	    parts[STORE_META].len <= STORE_META_MAX &&
	    e->access <= STORE_ACCESS_MAX && e->size <= INT64_MAX;
}

static int
refuse_unless_writing(struct store *s)
{
	return s->writing
	    ? 0
	    : refuse_store(s, EPERM, "the store is another process's to write");
}

/* The lengths and sums of an entry's parts. */
static void
measure_parts(struct store *s, struct store_entry *e, const struct view *parts)
{
	size_t i;

	for (i = 0; i < STORE_PARTS; i++)
		e->length[i] = parts[i].len;
	e->shared = view_has_suffix(parts[STORE_GEMINI], parts[STORE_GOPHER]);
	e->sum[0] = store_sum(s->seed, parts[STORE_GEMINI]);
	e->sum[1] = store_sum(s->seed, parts[STORE_GOPHER]);
}

static int
append_answers(struct store *s, struct store_entry *e, const struct view *parts)
{
	char names[STORE_SELECTOR_MAX + STORE_TITLE_MAX];
	size_t len = parts[STORE_SELECTOR].len;
	struct store_tail *tail;

	if (len > 0)
		memcpy(names, parts[STORE_SELECTOR].p, len);
	if (parts[STORE_TITLE].len > 0)
		memcpy(names + len, parts[STORE_TITLE].p,
		    parts[STORE_TITLE].len);
	len += parts[STORE_TITLE].len;
	e->sum[2] = store_sum(s->seed, (struct view){ names, len });
	tail = store_tail_for(s, STORE_SEGMENT, store_record_len(e));
	if (tail == NULL)
		return -1;
	e->body = (struct store_place){ tail->number, (uint32_t)tail->out.at };
	store_out_put(&tail->out, parts[STORE_GEMINI].p,
	    parts[STORE_GEMINI].len);
	if (!e->shared)
		store_out_put(&tail->out, parts[STORE_GOPHER].p,
		    parts[STORE_GOPHER].len);
	store_out_put(&tail->out, names, len);
	errno = tail->out.error;
	return errno == 0 ? 0 : store_fail(s, "segment");
}

static int
append_meta(struct store *s, struct store_entry *e, struct view meta)
{
	unsigned char head[STORE_META_HEAD];
	struct store_tail *tail;

	tail = store_tail_for(s, STORE_METAS, sizeof(head) + meta.len);
	if (tail == NULL)
		return -1;
	e->meta = (struct store_place){ tail->number, (uint32_t)tail->out.at };
	store_meta_pack(&e->key, meta, s->seed, head);
	store_out_put(&tail->out, head, sizeof(head));
	store_out_put(&tail->out, meta.p, meta.len);
	errno = tail->out.error;
	return errno == 0 ? 0 : store_fail(s, "meta");
}

/* All since the last commit is forgotten; r and errno as they were. */
static int
abandon_batch(struct store *s)
{
	int saved = errno;

	store_forget(s);
	errno = saved;
	return -1;
}

/* A sweep has seen the entry of this key, or cannot know where it was. */
static void
note_seen(struct store *s, const struct store_key *key)
{
	enum store_result result = STORE_NONE;
	struct store_entry e;

	if (s->is_sweeping)
		result = store_find(s->reader, key, &e);
	if (result == STORE_FOUND)
		store_keep(s, &e);
	if (result == STORE_DAMAGED)
		s->mends = true;
}

int
store_put(struct store *s, const struct store_entry *e,
    const struct view *parts)
{
	struct store_entry made = *e;

	if (refuse_unless_writing(s) == -1)
		return -1;
	if (!is_within_limits(e, parts))
		return refuse_store(s, EMSGSIZE, "an entry is too large");
	measure_parts(s, &made, parts);
	if (append_answers(s, &made, parts) == -1 ||
	    append_meta(s, &made, parts[STORE_META]) == -1 ||
	    store_batch_add(s, &made, false) == -1)
		return abandon_batch(s);
	note_seen(s, &e->key);
	return 0;
}

int
store_amend(struct store *s, const struct store_entry *e)
{
	struct store_entry made;

	if (refuse_unless_writing(s) == -1)
		return -1;
	if (e->access > STORE_ACCESS_MAX || e->size > INT64_MAX)
		return refuse_store(s, EMSGSIZE, "an entry is too large");
	if (store_find(s->reader, &e->key, &made) != STORE_FOUND)
		return refuse_store(s, ENOENT, "there is no such entry");
	made.stamp = e->stamp;
	made.options = e->options;
	made.kind = e->kind;
	made.item = e->item;
	made.gemini_status = e->gemini_status;
	made.gopher_status = e->gopher_status;
	made.access = e->access;
	made.size = e->size;
	if (store_batch_add(s, &made, false) == -1)
		return abandon_batch(s);
	if (s->is_sweeping)
		store_keep(s, &made);
	return 0;
}

int
store_drop(struct store *s, const struct store_key *key)
{
	struct store_entry e = { .key = *key };

	if (refuse_unless_writing(s) == -1)
		return -1;
	return store_batch_add(s, &e, true) == -1 ? abandon_batch(s) : 0;
}

int
store_commit(struct store *s, bool durable)
{
	if (refuse_unless_writing(s) == -1)
		return -1;
	if (store_batch_count(s) == 0 && !s->mends &&
	    (s->is_durable || !durable))
		return 0;
	if (store_commit_batch(s, durable) == -1)
		return abandon_batch(s);
	if (!s->is_sweeping)
		store_compact(s, durable);
	return 0;
}

void
store_rollback(struct store *s)
{
	if (s->writing)
		store_forget(s);
}

/* -- sweeps -- */

void
store_sweep_begin(struct store *s)
{
	const struct store_root *root = store_reader_root(s->reader);

	if (!s->writing)
		return;
	store_marks_fini(&s->seen_base);
	store_marks_fini(&s->seen_delta);
	store_marks_init(&s->seen_base, root->base_table.n);
	store_marks_init(&s->seen_delta, root->delta.n);
	s->is_sweeping = true;
}

void
store_keep(struct store *s, const struct store_entry *e)
{
	store_mark(e->in_delta ? &s->seen_delta : &s->seen_base, e->at);
}

struct sweep {
	struct store *s;
	int r;
};

static bool
drop_if_unseen(void *arg, const struct store_entry *e)
{
	struct sweep *sweep = arg;
	struct store *s = sweep->s;

	if (!store_is_marked(e->in_delta ? &s->seen_delta : &s->seen_base,
		e->at))
		sweep->r = store_batch_add(s, e, true);
	return sweep->r == 0;
}

int
store_sweep_end(struct store *s)
{
	struct sweep sweep = { s, 0 };

	if (refuse_unless_writing(s) == -1)
		return -1;
	if (!s->is_sweeping)
		return 0;
	/* A removal would come after what was put under the same key. */
	if (!s->mends &&
	    store_walk(s->reader, drop_if_unseen, &sweep) == STORE_DAMAGED)
		s->mends = true;
	if (sweep.r == -1)
		return abandon_batch(s);
	s->is_sweeping = false;
	if (s->mends)
		return 0;
	store_marks_fini(&s->seen_base);
	store_marks_fini(&s->seen_delta);
	return 0;
}

/* -- what to publish -- */

int
store_file_after(const struct store *s, uint32_t after, uint32_t *number)
{
	const struct store_root *root = store_reader_root(s->reader);
	uint32_t found = root->base > after ? root->base : 0;
	size_t i;

	for (i = 0; i < root->n_files; i++)
		if (root->files[i].kind == STORE_SEGMENT &&
		    root->files[i].number > after) {
			if (found == 0 || root->files[i].number < found)
				found = root->files[i].number;
			break;
		}
	if (found == 0)
		return -1;
	*number = found;
	return store_reader_file(s->reader, found);
}

int
store_root(const struct store *s)
{
	return store_reader_fd(s->reader);
}

/* -- handing over -- */

int
store_lock(const struct store *s)
{
	return s->lock;
}

void
store_yield(struct store *s)
{
	if (!s->writing)
		return;
	store_forget(s);
	close_tail(&s->tails[0]);
	close_tail(&s->tails[1]);
	drop_lock(s);
	s->writing = false;
}

/* Is the root with that name still the one that is read here? */
static bool
is_our_root(struct store *s)
{
	int fd = store_folder_get(&s->folder, STORE_ROOT, false);
	struct stat ours, theirs;
	bool same;

	same = fd != -1 && fstat(fd, &theirs) == 0 &&
	    fstat(store_root(s), &ours) == 0 && ours.st_dev == theirs.st_dev &&
	    ours.st_ino == theirs.st_ino;
	if (fd != -1)
		close(fd);
	return same;
}

int
store_resume(struct store *s, int lock)
{
	assert(!s->writing);
	if (lock_store(s, lock) == -1) {
		drop_lock(s);
		return -1;
	}
	if (!s->folder.unnamed && !is_our_root(s)) {
		drop_lock(s);
		return refuse_store(s, ESTALE,
		    "another process has committed to the store");
	}
	(void)store_folder_clean(&s->folder, is_in_root, s->reader);
	s->writing = true;
	store_forget(s);
	return 0;
}

int
store_adopt(struct store *s)
{
	if (refuse_unless_writing(s) == -1)
		return -1;
	if (!s->staged)
		return 0;
	if (store_folder_rename(&s->folder, STORE_STAGED, STORE_ROOT) == -1)
		return store_fail(s, STORE_ROOT);
	s->staged = false;
	if (!s->folder.unnamed)
		(void)fsync(s->folder.fd);
	/* What waits is in files that no root names: they stay for now. */
	if (store_batch_count(s) == 0)
		(void)store_folder_clean(&s->folder, is_in_root, s->reader);
	return 0;
}

void
store_condemn(struct store *s)
{
	if (s->writing)
		store_folder_remove(&s->folder,
		    s->staged ? STORE_STAGED : STORE_ROOT);
}
