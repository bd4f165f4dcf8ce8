/*
 * content_process.c - the one process that reads what is served.
 *
 * Floor process.  Forked by the master, one for each generation.  It brings
 * the store up to date, leads workers to the store's files, and opens large
 * files for them.  While it builds, the builder's reading of each file is the
 * occasion to hear who has come: nobody waits for a build to end, and nobody
 * of them is waited for.
 */
#include "process/content_process.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/shared.h"
#include "process/watch.h"
#include "process/watched.h"
#include "process/ways.h"
#include "site/fill.h"
#include "site/store.h"
#include "site/trouble.h"

/* Entries between two words to the master on how far it is. */
#define PROGRESS_EVERY 1000
/* Pages that are looked at between two looks at who has come. */
#define HEAR_EVERY 64
/* Milliseconds between two lines in the log on how far it is, and between two
 * steps of a bar. */
#define PROGRESS_LOG_MS 5000
#define PART_MS         100
#define BAR_COLUMNS     40

/* Its descriptors. */
enum { CHANNEL = CHILD_FIRST, RELAY };

/*
 * What the process writes and the master reads when it has died: memory that
 * both share, of which the master believes nothing.
 */
struct content_notes {
	char reading[2 * BENEATH_PATH_MAX]; /* the file that is being read */
	char folder[BENEATH_PATH_MAX];      /* a temporary store's */
	/* The first warnings of the last build, packed. */
	_Atomic size_t packed;
	char warnings[64 << 10];
};

/* How far a worker is with the store's files. */
struct reader {
	uint32_t sent; /* the highest number of a file that it has */
	bool owed;     /* it has not got the newest root */
};

struct content_process {
	struct ways ways;
	struct reader readers[1 + WAYS_MAX]; /* at the number of their ways */
	const struct content_start *start;
	struct content_notes *notes; /* NULL: none are wanted */
	struct store *store;
	struct fill *fill;
	bool is_durable;         /* the store outlives us */
	bool may_publish;        /* what is in the store may be served */
	bool yielding;           /* asked for, and not done yet */
	bool yielded;            /* another process writes */
	bool rescan;             /* asked for, and not begun yet */
	bool opening;            /* a large file, for a worker */
	unsigned done;           /* files that this build has read */
	unsigned looked;         /* pages that this build has looked at */
	bool is_building;        /* all, for somebody who waits for it */
	int64_t shown_ms;        /* when looked was last shown */
	int64_t heard_ms;        /* when a file was last an occasion to hear */
	int64_t logged_ms;       /* when that was last said */
	int64_t look_ms;         /* when to look for changes; 0: never */
	size_t kept;             /* capsules whose roots are gone or empty */
	int64_t kept_ms;         /* when to warn of them again */
	struct watched *watched; /* NULL: the system tells of none */
	struct settle changes;   /* that it has told of */
};

/* -- what workers are given -- */

/* True if the worker's socket had room. */
static bool
give_reader(struct content_process *c, nfds_t i, enum channel_message message,
    unsigned number, int fd)
{
	int channel = c->ways.v[i].fd;

	if (channel_send(channel, message, number, fd) == 0)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		c->ways.v[i].events = POLLIN | POLLOUT;
	else
		ways_close(&c->ways, i);
	return false;
}

/*
 * Give a worker what it has not got of the store's files, and then the root:
 * always the newest, for what it has no room for is looked up again.
 */
static void
bring_up_to_date(struct content_process *c, nfds_t i)
{
	struct reader *r = &c->readers[i];
	uint32_t number;
	int fd;

	if (!r->owed || c->ways.v[i].fd == -1)
		return;
	if (!c->may_publish)
		return;
	while ((fd = store_file_after(c->store, r->sent, &number)) != -1) {
		if (!give_reader(c, i, CHANNEL_SEGMENT, number, fd))
			return;
		r->sent = number;
	}
	fd = store_root(c->store);
	if (fd != -1 && !give_reader(c, i, CHANNEL_ROOT, 0, fd))
		return;
	r->owed = false;
	c->ways.v[i].events = POLLIN;
}

static void
publish_store(struct content_process *c)
{
	nfds_t i;

	for (i = 1; i < c->ways.n; i++) {
		c->readers[i].owed = true;
		bring_up_to_date(c, i);
	}
}

/* -- what workers ask for -- */

static void
open_large(struct content_process *c, nfds_t i, unsigned number,
    const unsigned char *bytes)
{
	struct store_key key;
	int fd, r;

	memcpy(&key, bytes, sizeof(key));
	c->opening = true;
	fd = fill_open(c->fill, &key);
	c->opening = false;
	r = channel_send(c->ways.v[i].fd,
	    fd == -1 ? CHANNEL_FAILED : CHANNEL_OPENED, number, fd);
	if (fd != -1)
		close(fd);
	else if (errno == ESTALE)
		c->rescan = true; /* it is another file than it was */
	/* A worker that does not listen gets no answer, and says 40. */
	if (r == -1 && errno == EPIPE)
		ways_close(&c->ways, i);
}

/*
 * A worker says that this entry is damaged: check it.  A key that has no entry
 * is ignored, for a worker could send such keys without end.
 */
static void
check_doubted_entry(struct content_process *c, const unsigned char *bytes)
{
	const struct store_reader *r = store_reader(c->store);
	enum store_result found;
	struct store_entry e;
	struct store_key key;

	memcpy(&key, bytes, sizeof(key));
	found = store_find(r, &key, &e);
	if (found == STORE_NONE)
		return;
	if (found == STORE_FOUND &&
	    store_verify(r, &e, STORE_GEMINI) == STORE_FOUND &&
	    store_verify(r, &e, STORE_GOPHER) == STORE_FOUND &&
	    store_verify(r, &e, STORE_SELECTOR) == STORE_FOUND)
		return;
	if (!c->rescan)
		log_warnx("the store is damaged: it is mended");
	fill_doubt(c->fill, &key);
	c->rescan = true;
}

static void
hear_worker(struct content_process *c, nfds_t i)
{
	unsigned char key[CHANNEL_KEY_SIZE];
	enum channel_message message;
	unsigned number;
	int fd;

	message = channel_receive_key(c->ways.v[i].fd, &number, key, &fd);
	if (fd != -1) /* nobody but us has any to give */
		close(fd);
	if (message == CHANNEL_OPEN && fd == -1)
		open_large(c, i, number, key);
	else if (message == CHANNEL_DAMAGED && fd == -1)
		check_doubted_entry(c, key);
	else if (message != CHANNEL_NOTHING)
		ways_close(&c->ways, i);
}

/* -- what the master says -- */

/* Between two builds: let another process write. */
static void
yield_store(struct content_process *c)
{
	int lock = store_lock(c->store);

	c->yielding = false;
	if (lock != -1)
		lock = fcntl(lock, F_DUPFD_CLOEXEC, 0);
	store_yield(c->store);
	c->yielded = true;
	(void)channel_send(CHANNEL, CHANNEL_YIELDED, 0, lock);
	if (lock != -1)
		close(lock);
}

static void
resume_store(struct content_process *c, int lock)
{
	if (store_resume(c->store, lock) == -1)
		log_warnx("the store: %s", store_why(c->store));
	else
		c->yielded = false;
}

static void
hear_orders(struct content_process *c)
{
	enum channel_message message;
	unsigned number;
	int fd;

	number = ways_hear_all(&c->ways, &message, &fd);
	if (number > 0) {
		c->readers[number] = (struct reader){ 0, true };
		bring_up_to_date(c, number);
	}
	if (message == CHANNEL_RESCAN || message == CHANNEL_ACCEPT)
		c->rescan = true;
	if (message == CHANNEL_ACCEPT)
		fill_accept_empty(c->fill);
	if (message == CHANNEL_YIELD)
		c->yielding = true;
	else if (message == CHANNEL_RESUME && c->yielded) {
		resume_store(c, fd);
		fd = -1;
	}
	if (fd != -1)
		close(fd);
}

/* Put what tells of changed folders behind the ways; how many there are then.
 * Who does not write does not want to know. */
static nfds_t
watch_one_more(struct content_process *c)
{
	if (c->watched == NULL || c->yielded)
		return c->ways.n;
	c->ways.v[c->ways.n] =
	    (struct pollfd){ watched_fd(c->watched), POLLIN, 0 };
	return c->ways.n + 1;
}

/* Hear everybody once, for at most ms. */
static void
hear_readers(struct content_process *c, int ms)
{
	nfds_t i, n = watch_one_more(c);

	if (poll(c->ways.v, n, ms) <= 0)
		return;
	if (n > c->ways.n && c->ways.v[c->ways.n].revents != 0)
		watched_collect(c->watched, &c->changes, clock_ms());
	if (c->ways.v[0].fd != -1 && c->ways.v[0].revents != 0)
		hear_orders(c);
	for (i = 1; i < c->ways.n; i++) {
		if (c->ways.v[i].fd == -1 || c->ways.v[i].revents == 0)
			continue;
		if (c->ways.v[i].revents & POLLOUT)
			bring_up_to_date(c, i);
		if (c->ways.v[i].fd != -1 && c->ways.v[i].revents & ~POLLOUT)
			hear_worker(c, i);
	}
}

/* -- building -- */

/* True if the file ended others too often, lately, and is as it was then. */
static bool
is_poison(const struct content_deaths *d, const char *path)
{
	struct stat st;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->v[i].deaths >= CONTENT_DEATHS_MAX &&
		    strcmp(d->v[i].path, path) == 0)
			return time(NULL) - d->v[i].last < CONTENT_POISON_S &&
			    (stat(path, &st) == -1 ||
				st.st_ctime <= d->v[i].last);
	return false;
}

/* Before each file is read: remember which, and hear who has come. */
static bool
on_file_read(void *arg, const char *root, const char *path)
{
	struct content_process *c = arg;
	char whole[sizeof(c->notes->reading)];
	int64_t now;

	(void)snprintf(whole, sizeof(whole), "%s/%s", root, path);
	if (is_poison(c->start->deaths, whole))
		return false;
	if (c->opening)
		return true; /* nothing of it is read here */
	memcpy(c->notes->reading, whole, strlen(whole) + 1);
	log_debug("reading %s", whole);
	now = clock_ms();
	if (++c->done % PROGRESS_EVERY == 0) {
		(void)channel_send(CHANNEL, CHANNEL_PROGRESS, c->done, -1);
		if (now - c->logged_ms >= PROGRESS_LOG_MS) {
			log_info("content: %u files read so far", c->done);
			c->logged_ms = now;
		}
	}
	if (now == c->heard_ms)
		return true; /* within a millisecond nobody has waited */
	c->heard_ms = now;
	hear_readers(c, 0);
	if (c->ways.open == 0)
		_exit(0); /* nobody is left who would want it */
	return true;
}

/* Let the master know what was said first. */
static void
share_warnings(struct content_process *c, struct problems *notes)
{
	struct problems *first = problems_new();
	struct buf packed;
	size_t i;

	for (i = 0; i < problems_count(notes) && i < CONTENT_WARNINGS_MAX; i++)
		problems_add(first, NULL, 0, "%s", problems_get(notes, i));
	buf_init(&packed, sizeof(c->notes->warnings));
	problems_pack(first, &packed);
	if (packed.failed)
		buf_reset(&packed);
	if (packed.len > 0)
		memcpy(c->notes->warnings, packed.p, packed.len);
	SHARED_STORE(&c->notes->packed, packed.len);
	buf_fini(&packed);
	problems_free(first);
}

/* Show on a terminal which part of a build is done. */
static void
show_part(struct content_process *c)
{
	char bar[BAR_COLUMNS + 1], line[2 * LOG_PROGRESS_MAX];
	size_t whole = fill_expected(c->fill), part, full;
	int64_t now = clock_ms();
	int len;

	if (!c->is_building || whole == 0 || now - c->shown_ms < PART_MS)
		return;
	c->shown_ms = now;
	part = c->looked < whole ? c->looked : whole;
	full = (size_t)((uint64_t)part * BAR_COLUMNS / whole);
	memset(bar, '.', BAR_COLUMNS);
	memset(bar, '#', full);
	bar[BAR_COLUMNS] = '\0';
	len = snprintf(line, sizeof(line), "content: %s %u %%, %u files read",
	    bar, (unsigned)((uint64_t)part * 100 / whole), c->done);
	log_show_progress((struct view){ line, (size_t)len });
}

/* While nothing is read: hear who has come, now and then. */
static void
on_page_looked(void *arg)
{
	struct content_process *c = arg;

	if (++c->looked % HEAR_EVERY != 0)
		return;
	show_part(c);
	hear_readers(c, 0);
	if (c->ways.open == 0)
		_exit(0); /* nobody is left who would want it */
}

static void
look_again_later(struct content_process *c)
{
	const struct conf *conf = c->start->conf;
	int s =
	    conf->watch_s == CONF_WATCH_AUTO ? conf->rescan_s : conf->watch_s;

	c->look_ms = s == 0 ? 0 : clock_ms() + (int64_t)s * 1000;
}

/* Some folders are not watched: say what finds their changes instead. */
static void
warn_of_unwatched(const struct content_process *c)
{
	log_warnx("only %zu folders are watched, the system allows no more: a "
		  "change in another folder is found by the rescan every %d s; "
		  "%s",
	    watched_count(c->watched), c->start->conf->rescan_s, watch_remedy);
}

/*
 * Have the system tell of changes in every folder, from before it is read.
 * What was told so far the build that follows sees.
 */
static void
watch_folders(struct content_process *c)
{
	bool was_partial = c->watched == NULL || watched_is_partial(c->watched);
	size_t i;

	if (c->watched == NULL)
		return;
	watched_collect(c->watched, &c->changes, clock_ms());
	settle_reset(&c->changes);
	for (i = 0; i < c->start->conf->n_capsules; i++)
		if (fill_beneath(c->fill, i) != NULL)
			watched_add_mapped(c->watched, c->start->conf, i,
			    fill_beneath(c->fill, i));
	if (!was_partial && watched_is_partial(c->watched))
		warn_of_unwatched(c);
}

/* How many capsules are kept whose roots are gone or empty; a warning of them,
 * just now, is repeated after a while. */
static void
note_kept_roots(struct content_process *c, size_t n)
{
	c->kept = n;
	c->kept_ms = n == 0 ? 0 : clock_ms() + CONTENT_KEPT_MS;
}

static void
warn_of_kept(struct content_process *c)
{
	struct problems *notes = problems_new();
	size_t i;

	note_kept_roots(c, fill_tell_kept(c->fill, notes));
	for (i = 0; i < problems_count(notes); i++)
		log_warnx("%s", problems_get(notes, i));
	problems_free(notes);
}

/* Log what was noted; how many warnings that makes. */
static size_t
tell_notes(const struct content_process *c, struct problems *notes)
{
	size_t i, n = problems_count(notes);

	for (i = 0; i < n; i++)
		log_warnx("%s", problems_get(notes, i));
	n += fill_skipped(c->fill);
	if (n > 0)
		log_info("content: %zu warnings above; \"capsulectl check\" "
			 "has all that is to be mended",
		    n);
	return n;
}

/*
 * Bring the store up to date, and tell the master by message; false if it
 * cannot be written: what was served stays.
 */
static bool
build_content(struct content_process *c, enum channel_message message)
{
	struct problems *notes = problems_new();
	size_t n;
	int r;

	c->rescan = false;
	c->done = c->looked = 0;
	/* What is short needs no bar. */
	c->logged_ms = c->shown_ms = clock_ms();
	watch_folders(c);
	c->is_building = true;
	r = fill_store(c->fill, c->store, c->is_durable, false, notes);
	c->is_building = false;
	log_show_progress(VIEW(""));
	c->notes->reading[0] = '\0';
	n = tell_notes(c, notes);
	share_warnings(c, notes);
	problems_free(notes);
	note_kept_roots(c, fill_tell_kept(c->fill, NULL));
	if (r == -1)
		log_errorx("the store: %s", store_why(c->store));
	else {
		c->may_publish = true;
		publish_store(c);
	}
	look_again_later(c);
	(void)channel_send(CHANNEL, message,
	    r == -1 ? CONTENT_NOT_WRITTEN : (unsigned)n, -1);
	os_trim_heap();
	return r == 0;
}

/* Log what each capsule serves. */
static void
log_capsules(const struct content_process *c)
{
	const struct conf *conf = c->start->conf;
	const struct conf_capsule *capsule;
	struct buf hosts;
	size_t i, k;

	buf_init(&hosts, 4096);
	for (i = 0; i < conf->n_capsules; i++) {
		capsule = &conf->capsules[i];
		buf_reset(&hosts);
		for (k = 0; k < capsule->hostname.n; k++)
			buf_printf(&hosts, "%s%s", k == 0 ? "" : " ",
			    capsule->hostname.v[k].p);
		log_info("capsule %.*s: %zu selectors from %s",
		    VIEW_ARG(buf_view(&hosts)),
		    c->start->configured->sites[i].n_selectors,
		    capsule->root.p);
	}
	buf_fini(&hosts);
}

/*
 * Bring the store up to date, with all there is or, with some, what these
 * changes can have moved; say so if anything was not.
 */
static void
look_for_changes(struct content_process *c, const struct fill_changes *some)
{
	struct problems *notes = problems_new();
	int r;

	c->done = 0;
	c->logged_ms = clock_ms();
	r = some == NULL
	    ? fill_store(c->fill, c->store, c->is_durable, true, notes)
	    : fill_some(c->fill, some, c->is_durable, notes);
	if (r == -1)
		log_errorx("the store: %s", store_why(c->store));
	else if (fill_changed(c->fill) > 0) {
		log_info("files have changed");
		(void)tell_notes(c, notes);
		share_warnings(c, notes);
		publish_store(c);
	}
	c->notes->reading[0] = '\0';
	problems_free(notes);
	os_trim_heap();
	/* A root went or came: have all warnings of now, for the status, too.
	 */
	if (fill_tell_kept(c->fill, NULL) != c->kept)
		(void)build_content(c, CHANNEL_WARNED);
}

static void
look_at_all(struct content_process *c)
{
	watch_folders(c);
	look_for_changes(c, NULL);
	look_again_later(c);
}

/* What the system has told of, once it has come to rest. */
static void
look_at_changes(struct content_process *c, int64_t now)
{
	int64_t due = settle_due(&c->changes);
	struct fill_changes *some;

	if (due == -1 || due > now)
		return;
	if (c->changes.all) {
		look_at_all(c);
		return;
	}
	some = fill_changes_new(c->fill);
	watched_tell(c->watched, &c->changes, some);
	/* A folder that came brings others, which nobody watches yet. */
	if (fill_changes_have_folder(some))
		watch_folders(c);
	else
		settle_reset(&c->changes);
	look_for_changes(c, some);
	fill_changes_free(some);
}

/* The earlier of two times, of which 0 and less is never. */
static int64_t
earlier_time(int64_t a, int64_t b)
{
	return b <= 0 || (a > 0 && a < b) ? a : b;
}

/* How long there is nothing to do, in milliseconds; -1: until somebody says
 * something. */
static int
idle_ms(const struct content_process *c)
{
	int64_t next = earlier_time(c->look_ms, settle_due(&c->changes)), left;

	next = earlier_time(next, c->kept_ms);
	if (c->yielded)
		return -1;
	if (c->rescan)
		return 0;
	if (next <= 0)
		return -1;
	left = next - clock_ms();
	return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static void
serve_workers(struct content_process *c)
{
	int64_t now;

	while (c->ways.open > 0) {
		hear_readers(c, idle_ms(c));
		if (c->yielding)
			yield_store(c);
		if (c->yielded || c->ways.v[0].fd == -1)
			continue;
		now = clock_ms();
		look_at_changes(c, now);
		if (c->look_ms != 0 && now >= c->look_ms)
			look_at_all(c);
		if (c->rescan)
			(void)build_content(c, CHANNEL_BUILT);
		if (c->kept_ms != 0 && now >= c->kept_ms)
			warn_of_kept(c);
	}
}

/* -- beginning -- */

/* The store where it shall be, or a temporary one. */
static bool
open_store(struct content_process *c)
{
	const struct content_start *s = c->start;
	const char *folder = s->conf->store.p;
	struct buf why;

	buf_init(&why, 4096);
	if (s->conf->store.len > 0) {
		c->store = store_open(folder, s->lock, s->staged, &why);
		if (why.len > 0)
			log_warnx("%.*s%s", VIEW_ARG(buf_view(&why)),
			    c->store == NULL
				? ": a temporary store is used instead"
				: "");
		buf_reset(&why);
	}
	if (c->store == NULL) {
		c->store = store_open(NULL, -1, false, &why);
		if (c->store == NULL)
			log_errorx("%.*s", VIEW_ARG(buf_view(&why)));
		else
			(void)snprintf(c->notes->folder,
			    sizeof(c->notes->folder), "%s",
			    store_folder_path(c->store));
	}
	buf_fini(&why);
	return c->store != NULL;
}

static bool
confine_content(struct content_process *c)
{
	const struct conf *conf = c->start->conf;
	struct sandbox_folder *roots =
	    xcalloc(conf->n_capsules, sizeof(*roots));
	struct sandbox_folder store = { store_folder_path(c->store),
		store_folder_fd(c->store) };
	size_t i;
	int r;

	for (i = 0; i < conf->n_capsules; i++)
		roots[i] = (struct sandbox_folder){ conf->capsules[i].root.p,
			fill_root(c->fill, i) };
	r = sandbox_enter_content(roots, conf->n_capsules, &store);
	xfree(roots);
	return r == 0;
}

/* Before it is confined: not every sandbox permits this. */
static void
begin_watching(struct content_process *c)
{
	settle_init(&c->changes);
	if (c->start->conf->watch_s != CONF_WATCH_AUTO)
		return;
	c->watched = watched_new(WATCHED_MAX);
	if (c->watched == NULL)
		log_warn("the system cannot tell of changes: they are seen "
			 "every %d s",
		    c->start->conf->rescan_s);
}

static void become_content(void *arg, int channel) __attribute__((noreturn));

/* What the child is given. */
struct birth {
	const struct content_start *start;
	struct content_notes *notes;
};

static void
become_content(void *arg, int channel)
{
	static struct content_process c; /* zeroed, and never freed */
	const struct birth *birth = arg;
	const struct content_start *start = birth->start;
	int keep[] = { channel, start->logs->relay[1], start->lock };
	struct content_start own = *start;
	struct store_counts counts;

	shared_keep(birth->notes);
	snapshot_detach(start->configured);
	child_begin("capsuled content", keep, start->lock == -1 ? 2 : 3);
	if (start->lock != -1)
		own.lock = RELAY + 1;
	logs_enter_child(start->logs, RELAY);
	(void)umask(S_IRWXG | S_IRWXO);
	c.start = &own;
	c.notes = birth->notes;
	if (sandbox_drop_user(start->box) == -1)
		_exit(1);
	trouble_name_user(start->box->drop ? start->box->groups_of : NULL);
	c.fill = fill_new(start->conf, start->configured);
	fill_set_tick(c.fill, on_page_looked, &c);
	if (start->accept_empty)
		fill_accept_empty(c.fill);
	begin_watching(&c);
	if (!open_store(&c) || !confine_content(&c))
		_exit(1);
	beneath_guard(on_file_read, &c);
	ways_begin(&c.ways, CHANNEL, CHANNEL_CONTENT);
	store_count(store_reader(c.store), &counts);
	c.may_publish = counts.entries > 0;
	if (!build_content(&c, CHANNEL_READY))
		_exit(1);
	log_capsules(&c);
	serve_workers(&c);
	store_close(c.store);
	_exit(0);
}

/* -- in the master -- */

/*
 * Make the store's folder for the user that the process becomes, who may not
 * do it himself; one that is there is left as it is.
 */
static void
make_folder(const struct content_start *start)
{
	const char *path = start->conf->store.p;

	if (start->conf->store.len > 0 && start->box->drop &&
	    mkdir(path, 0700) == 0 &&
	    lchown(path, start->box->uid, start->box->gid) == -1)
		(void)rmdir(path); /* it is for nobody, then */
}

struct child *
content_process_new(const struct content_start *start)
{
	struct content_life *life = xcalloc(1, sizeof(*life));
	struct birth birth = { start, shared_map(sizeof(*life->notes)) };
	struct child *c;

	make_folder(start);
	c = child_new(become_content, &birth);
	if (c == NULL) {
		shared_unmap(birth.notes, sizeof(*birth.notes));
		xfree(life);
		return NULL;
	}
	*life =
	    (struct content_life){ start->deaths->lives, c->pid, birth.notes };
	start->deaths->lives = life;
	return c;
}

static void
forget_life(struct content_life **at)
{
	struct content_life *gone = *at;

	*at = gone->next;
	shared_unmap(gone->notes, sizeof(*gone->notes));
	xfree(gone);
}

void
content_deaths_leave(struct content_deaths *d)
{
	while (d->lives != NULL)
		forget_life(&d->lives);
}

/* A copy of what the process wrote, whatever that is. */
static void
take_note(char *to, const char *from, size_t size)
{
	memcpy(to, from, size);
	to[size - 1] = '\0';
}

/* Whatever it says, no folder but an empty one of a store is removed. */
static void
remove_folder(const struct content_notes *notes)
{
	char path[sizeof(notes->folder)];
	const char *name;

	take_note(path, notes->folder, sizeof(path));
	name = strrchr(path, '/');
	if (name != NULL &&
	    strncmp(name + 1, STORE_TEMPORARY, strlen(STORE_TEMPORARY)) == 0)
		(void)rmdir(path);
}

/* Count one more death over this file; how many that makes. */
static unsigned
count_death(struct content_deaths *d, const char *path)
{
	size_t i = 0;

	while (i < d->n && strcmp(d->v[i].path, path) != 0)
		i++;
	if (i == CONTENT_POISON_MAX)
		return 0;
	if (i == d->n)
		memcpy(d->v[d->n++].path, path, strlen(path) + 1);
	d->v[i].last = time(NULL);
	return ++d->v[i].deaths;
}

void
content_deaths_forgive(struct content_deaths *d)
{
	size_t i, n = 0;

	for (i = 0; i < d->n; i++)
		if (d->v[i].deaths >= CONTENT_DEATHS_MAX)
			d->v[n++] = d->v[i];
	memset(&d->v[n], 0, (d->n - n) * sizeof(d->v[0]));
	d->n = n;
}

void
content_deaths_reap(struct content_deaths *d, pid_t pid, bool killed)
{
	struct content_life **at = &d->lives;
	char path[sizeof((*at)->notes->reading)];

	while (*at != NULL && (*at)->pid != pid)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	remove_folder((*at)->notes);
	take_note(path, (*at)->notes->reading, sizeof(path));
	forget_life(at);
	if (killed && path[0] != '\0')
		log_warnx("the content process was killed while it read %s%s",
		    path,
		    count_death(d, path) < CONTENT_DEATHS_MAX
			? ""
			: ": it is left out until it changes");
}

void
content_deaths_end(struct content_deaths *d)
{
	pid_t pid;

	while (d->lives != NULL) {
		pid = d->lives->pid;
		child_stop(pid, CONTENT_STOP_MS);
		content_deaths_reap(d, pid, false);
	}
}

void
content_deaths_warnings(const struct content_deaths *d, pid_t pid,
    struct problems *ps)
{
	const struct content_life *life = d->lives;
	struct problems *all = problems_new();
	size_t i, len;
	char *copy;

	while (life != NULL && life->pid != pid)
		life = life->next;
	len = life == NULL ? 0 : SHARED_LOAD(&life->notes->packed);
	if (len > 0 && len <= sizeof(life->notes->warnings)) {
		/* A copy of our own: the process may write on. */
		copy = xmalloc(len);
		memcpy(copy, life->notes->warnings, len);
		if (problems_unpack(all, (struct view){ copy, len }) == 0)
			for (i = 0; i < problems_count(all) &&
			     i < CONTENT_WARNINGS_MAX;
			     i++)
				problems_add(ps, NULL, 0, "%s",
				    problems_get(all, i));
		xfree(copy);
	}
	problems_free(all);
}
