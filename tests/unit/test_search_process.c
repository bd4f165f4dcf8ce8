/* test_search_process.c - the search process: whom it answers, in whose turn,
 * and whom it turns away. */
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "expect.h"
#include "fork_child.h"
#include "net/search_client.h"
#include "process/search_process.h"
#include "process/ways.h"

#define PATIENCE_MS 20000

/* A search for the beginning of all these takes longer than it may. */
#define SLOW_PAGES 100
#define SLOW_WORDS 20000 /* of each */

/* Two capsules: one with pages that are searched slowly, one without any. */
static struct search *indexes[2];
static struct child process;

static int
set_up(void **state)
{
	struct search_builder *b = search_builder_new(SLOW_PAGES);
	struct search_key key = { { 7 } };
	struct search_index *index;
	struct buf words;
	const char *why;
	size_t i, k;

	(void)state;
	buf_init(&words, SEARCH_TEXT_MAX);
	for (i = 0; i < SLOW_PAGES; i++) {
		buf_reset(&words);
		for (k = 0; k < SLOW_WORDS; k++)
			buf_printf(&words, "slow%zx ", (i + k * 7) % 500000);
		buf_puts(&words, "quick");
		search_add(b, &key, VIEW("A page"), buf_view(&words), false);
	}
	buf_fini(&words);
	index = search_build(b, &why);
	if (index != NULL)
		indexes[0] = search_open(index, &why);
	if (indexes[0] == NULL)
		errx(1, "%s", why);
	return 0;
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
		search_process_serve(theirs, indexes, 2);
		_exit(0);
	}
	close(theirs);
}

/* The channel and all ways are closed: it goes by itself, in good order. */
static void
assert_gone(void)
{
	int status;

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
a_capsule_without_an_index_has_no_search(void **state)
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
		cmocka_unit_test(a_capsule_without_an_index_has_no_search),
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
		cmocka_unit_test(it_says_that_it_lives_while_it_looks),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
