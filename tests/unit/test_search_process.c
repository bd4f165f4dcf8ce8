/* test_search_process.c - the search process: whom it answers, in whose turn,
 * and whom it turns away. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "expect.h"
#include "fork_child.h"
#include "net/search_client.h"
#include "process/search_process.h"
#include "process/ways.h"
#include "site/search_sync.h"
#include "store_place.h"

#define PATIENCE_MS 20000

/* A search for the beginning of all these takes longer than it may. */
#define SLOW_PAGES 100
#define SLOW_WORDS 20000 /* of each */

/* Two capsules: one with pages that are searched slowly, one without search. */
static const struct view names[2] = { VIEW_INIT("a.example.org"),
	VIEW_INIT("") };
static const char *place;
static struct store *store;
static struct sandbox_folder indexes;
static struct child process;
static int content = -1; /* the way of the content process, our end */

static void
put_page(const struct store_seed *seed, size_t i)
{
	struct view parts[STORE_PARTS] = { [STORE_TITLE] = VIEW_INIT("A page"),
		[STORE_META] = VIEW_INIT("") };
	struct store_entry e = { .kind = STORE_PAGE,
		.item = '0',
		.gemini_status = 20,
		.gopher_status = 20 };
	char selector[32];
	struct buf words;
	size_t k;

	buf_init(&words, SEARCH_TEXT_MAX);
	buf_puts(&words, "20 text/plain\r\n");
	for (k = 0; k < SLOW_WORDS; k++)
		buf_printf(&words, "slow%zx ", (i + k * 7) % 500000);
	buf_puts(&words, "quick");
	snprintf(selector, sizeof(selector), "/%zu", i);
	parts[STORE_SELECTOR] = view_of(selector);
	parts[STORE_GEMINI] = buf_view(&words);
	parts[STORE_GOPHER] = VIEW(".");
	e.key = store_key_for(seed, parts[STORE_SELECTOR]);
	assert_int_equal(0, store_put(store, &e, parts));
	buf_fini(&words);
}

static void
on_pause(void *arg)
{
	(void)arg;
}

/* Index it once: processes take that up. */
static void
make_index(void)
{
	struct search_sync *y =
	    search_sync_new(names, 2, indexes.path, on_pause, NULL);
	uint32_t number = 0;
	int fd, ms;

	while ((fd = store_file_after(store, number, &number)) != -1)
		search_sync_add_file(y, number, dup(fd));
	search_sync_root(y, dup(store_root(store)));
	while (search_sync_step(y, 1000, &ms))
		;
	assert_true(search_sync_is_whole(y));
	search_sync_free(y);
}

static int
set_up(void **state)
{
	static char path[4096];
	struct store_seed seed;
	struct buf why;
	size_t i;

	(void)state;
	log_to((struct log_sink){ LOG_TO_NONE, -1 },
	    (struct log_sink){ LOG_TO_NONE, -1 });
	place = store_place_new();
	buf_init(&why, 4096);
	store = store_open(place, -1, false, &why);
	if (store == NULL)
		errx(1, "%.*s", VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
	snprintf(path, sizeof(path), "%s/search", place);
	if (mkdir(path, 0700) == -1)
		err(1, "%s", path);
	indexes = (struct sandbox_folder){ path, open(path, O_RDONLY) };
	seed = store_seed_for(store_reader_seed(store_reader(store)), names[0]);
	for (i = 0; i < SLOW_PAGES; i++)
		put_page(&seed, i);
	assert_int_equal(0, store_commit(store, false));
	make_index();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(store);
	close(indexes.fd);
	store_place_free(place);
	return 0;
}

/* As the content process does. */
static void
give_store(void)
{
	uint32_t number = 0;
	int pair[2], fd;

	assert_int_equal(0, channel_open(&pair[0], &pair[1]));
	assert_int_equal(0,
	    channel_send(process.channel, CHANNEL_CONTENT, 0, pair[1]));
	close(pair[1]);
	content = pair[0];
	while ((fd = store_file_after(store, number, &number)) != -1)
		assert_int_equal(0,
		    channel_send(content, CHANNEL_SEGMENT, number, fd));
	assert_int_equal(0,
	    channel_send(content, CHANNEL_ROOT, 0, store_root(store)));
}

static void
start(void)
{
	int theirs;

	assert_int_equal(0, channel_open(&process.channel, &theirs));
	process.pid = fork_child();
	assert_true(process.pid >= 0);
	if (process.pid == 0) {
		close(process.channel);
		_exit(search_process_serve(theirs, names, 2, &indexes, false));
	}
	close(theirs);
	give_store();
}

/* The channel and all ways are closed: it goes by itself, in good order. */
static void
assert_gone(void)
{
	int status;

	close(content);
	assert_int_equal(process.pid, waitpid(process.pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

static void
stop(void)
{
	close(process.channel);
	assert_gone();
}

/* What has been asked stays in the sockets meanwhile. */
static void
pause_process(void)
{
	int status;

	assert_int_equal(0, kill(process.pid, SIGSTOP));
	assert_int_equal(process.pid, waitpid(process.pid, &status, WUNTRACED));
}

static void
go_on(void)
{
	assert_int_equal(0, kill(process.pid, SIGCONT));
}

static void
put(int fd, const char *words, uint32_t id, uint32_t from)
{
	struct search_query q;

	search_query_read(&q, view_of(words));
	q.id = id;
	q.from = from;
	assert_int_equal(sizeof(q), send(fd, &q, sizeof(q), MSG_NOSIGNAL));
}

/* The next answer; its end, or -1 if the way was closed. */
static int
take(int fd, uint32_t *id)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char record[sizeof(struct search_found) + 1];
	struct search_found found;
	ssize_t n;

	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	n = recv(fd, record, sizeof(record), 0);
	if (n <= 0)
		return -1;
	assert_true(search_found_take(&found, record, (size_t)n));
	*id = found.id;
	return (int)found.end;
}

/* A way that is known at the other end. */
static int
introduce(unsigned number)
{
	int fd = child_introduce(&process, CHANNEL_SEARCH, number);
	uint32_t id;

	assert_true(fd >= 0);
	put(fd, "quick", 4711, 1);
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	assert_int_equal(4711, id);
	return fd;
}

static void
a_forged_record_closes_that_way_alone(void **state)
{
	struct search_query q;
	uint32_t id;
	int fd, other;

	(void)state;
	start();
	other = introduce(2);
	fd = introduce(1);
	assert_int_equal(3, send(fd, "abc", 3, MSG_NOSIGNAL));
	assert_int_equal(-1, take(fd, &id));
	close(fd);
	fd = introduce(1);
	search_query_read(&q, VIEW("quick"));
	q.capsule = 2;
	assert_int_equal(sizeof(q), send(fd, &q, sizeof(q), MSG_NOSIGNAL));
	assert_int_equal(-1, take(fd, &id));
	close(fd);
	put(other, "quick", 1, 1);
	assert_int_equal(SEARCH_DONE, take(other, &id));
	close(other);
	stop();
}

static void
a_capsule_without_a_search_has_no_index(void **state)
{
	struct search_query q;
	uint32_t id;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	search_query_read(&q, VIEW("quick"));
	q.capsule = 1;
	assert_int_equal(sizeof(q), send(fd, &q, sizeof(q), MSG_NOSIGNAL));
	assert_int_equal(SEARCH_FAILED, take(fd, &id));
	close(fd);
	stop();
}

static void
it_stays_until_the_last_worker_has_gone(void **state)
{
	uint32_t id;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	close(process.channel);
	put(fd, "quick", 1, 1);
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	assert_int_equal(0, waitpid(process.pid, NULL, WNOHANG));
	close(fd);
	assert_gone();
}

static void
a_search_has_its_time_and_no_more(void **state)
{
	uint32_t id;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	put(fd, "slow", 1, 1);
	assert_int_equal(SEARCH_SLOW, take(fd, &id));
	put(fd, "quick", 2, 1);
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	close(fd);
	stop();
}

static void
an_address_has_so_many_questions_and_others_have_theirs(void **state)
{
	uint32_t id, i;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	pause_process();
	for (i = 0; i <= SEARCH_ADDRESS_MAX; i++)
		put(fd, "quick", i, 1);
	put(fd, "quick", 100, 2);
	go_on();
	assert_int_equal(SEARCH_BUSY, take(fd, &id));
	assert_int_equal(SEARCH_ADDRESS_MAX, id);
	for (i = 0; i <= SEARCH_ADDRESS_MAX; i++)
		assert_int_equal(SEARCH_DONE, take(fd, &id));
	put(fd, "quick", 5, 1); /* and all is well again */
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	close(fd);
	stop();
}

static void
addresses_take_turns(void **state)
{
	uint32_t ids[4], i;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	pause_process();
	for (i = 0; i < SEARCH_ADDRESS_MAX; i++)
		put(fd, "quick", i, 2);
	put(fd, "quick", 100, 3);
	put(fd, "quick", 101, 3);
	go_on();
	for (i = 0; i < 4; i++)
		assert_int_equal(SEARCH_DONE, take(fd, &ids[i]));
	assert_int_equal(0, ids[0]);
	assert_int_equal(100, ids[1]);
	assert_int_equal(1, ids[2]);
	assert_int_equal(101, ids[3]);
	close(fd);
	stop();
}

/* How many answers are there to be read. */
static int
count_answers(int fd)
{
	char record[sizeof(struct search_found)];
	int n = 0;

	while (recv(fd, record, sizeof(record), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static void
a_flood_of_one_worker_holds_up_no_other(void **state)
{
	uint32_t id, i;
	int flood, other;

	(void)state;
	start();
	other = introduce(2);
	flood = introduce(1);
	pause_process();
	for (i = 0; i < SEARCH_CLIENT_MAX; i++)
		put(flood, "slow", i, i); /* of as many addresses, it says */
	put(other, "quick", 1, 1);
	go_on();
	assert_int_equal(SEARCH_DONE, take(other, &id));
	assert_true(count_answers(flood) <= 2);
	close(other);
	close(flood);
	stop();
}

static void
a_worker_has_so_many_questions_and_so_has_the_process(void **state)
{
	int fd[SEARCH_QUEUE_MAX / SEARCH_CLIENT_MAX + 1];
	uint32_t id, i, way;

	(void)state;
	start();
	for (way = 0; way < N_OF(fd); way++)
		fd[way] = introduce(way + 1);
	pause_process();
	for (way = 0; way < N_OF(fd) - 1; way++)
		for (i = 0; i < SEARCH_CLIENT_MAX; i++)
			put(fd[way], "quick", i, i);
	put(fd[0], "quick", 100, 100);
	put(fd[way], "quick", 100, 100);
	go_on();
	assert_int_equal(SEARCH_BUSY, take(fd[0], &id));
	assert_int_equal(100, id);
	assert_int_equal(SEARCH_BUSY, take(fd[way], &id));
	for (way = 0; way < N_OF(fd) - 1; way++)
		for (i = 0; i < SEARCH_CLIENT_MAX; i++)
			assert_int_equal(SEARCH_DONE, take(fd[way], &id));
	for (way = 0; way < N_OF(fd); way++)
		close(fd[way]);
	stop();
}

static void
what_was_cancelled_is_not_looked_for(void **state)
{
	struct search_query cancel = { .word = SEARCH_CANCEL, .id = 1 };
	uint32_t id;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	pause_process();
	put(fd, "slow", 1, 1);
	assert_int_equal(sizeof(cancel),
	    send(fd, &cancel, sizeof(cancel), MSG_NOSIGNAL));
	put(fd, "quick", 2, 1);
	go_on();
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	assert_int_equal(2, id);
	close(fd);
	stop();
}

static void
a_worker_that_takes_no_answer_stops_nobody(void **state)
{
	struct search_query q;
	int deaf, fd;
	uint32_t id;

	(void)state;
	start();
	deaf = introduce(2);
	fd = introduce(1);
	search_query_read(&q, VIEW("quick"));
	while (send(deaf, &q, sizeof(q), MSG_NOSIGNAL | MSG_DONTWAIT) != -1 ||
	    errno == EAGAIN)
		;
	put(fd, "quick", 1, 1);
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	close(deaf);
	close(fd);
	stop();
}

static void
it_goes_on_without_a_content_process(void **state)
{
	uint32_t id;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	close(content);
	content = dup(fd); /* for it to be closed in the end */
	put(fd, "quick", 1, 1);
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	close(content);
	give_store(); /* another one */
	put(fd, "quick", 2, 1);
	assert_int_equal(SEARCH_DONE, take(fd, &id));
	close(fd);
	stop();
}

static void
it_says_that_it_lives_while_it_looks(void **state)
{
	struct pollfd p = { .events = POLLIN };
	uint32_t i;
	int fd;

	(void)state;
	start();
	fd = introduce(1);
	for (i = 0; i < SEARCH_ADDRESS_MAX; i++)
		put(fd, "slow", i, 1);
	process.probed = false;
	assert_int_equal(0, child_probe(&process));
	p.fd = process.channel;
	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	assert_false(child_is_silent(&process));
	assert_true(count_answers(fd) <= 2);
	close(fd);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forged_record_closes_that_way_alone),
		cmocka_unit_test(a_capsule_without_a_search_has_no_index),
		cmocka_unit_test(it_stays_until_the_last_worker_has_gone),
		cmocka_unit_test(a_search_has_its_time_and_no_more),
		cmocka_unit_test(
		    an_address_has_so_many_questions_and_others_have_theirs),
		cmocka_unit_test(addresses_take_turns),
		cmocka_unit_test(a_flood_of_one_worker_holds_up_no_other),
		cmocka_unit_test(
		    a_worker_has_so_many_questions_and_so_has_the_process),
		cmocka_unit_test(what_was_cancelled_is_not_looked_for),
		cmocka_unit_test(a_worker_that_takes_no_answer_stops_nobody),
		cmocka_unit_test(it_goes_on_without_a_content_process),
		cmocka_unit_test(it_says_that_it_lives_while_it_looks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
