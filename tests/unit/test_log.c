/* test_log.c - lines that no peer can forge and no reader can hold up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "expect.h"

#define STAMP_LEN 20 /* bytes of "2026-01-31T12:00:00Z" */

static const struct log_sink none = { LOG_TO_NONE, -1 };

/* A pipe to log into, and what came out of it last. */
static int pipe_ends[2];
static char text[1 << 18];

static int
open_pipe(void **state)
{
	(void)state;
	if (pipe(pipe_ends) != 0 ||
	    fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK) != 0)
		return -1;
	log_set_level(LOG_LEVEL_DEBUG);
	return 0;
}

static int
close_pipe(void **state)
{
	(void)state;
	log_to(none, none);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

static void
general_to(enum log_kind kind)
{
	log_to((struct log_sink){ kind, pipe_ends[1] }, none);
}

static void
access_to(enum log_kind kind)
{
	log_to(none, (struct log_sink){ kind, pipe_ends[1] });
}

/* All that waits in the pipe. */
static struct view
read_all(void)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(pipe_ends[0], text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	return (struct view){ text, len };
}

/* Cut "TIME " or "time=TIME " off a line. */
static struct view
after_stamp(struct view line, const char *label)
{
	static const char form[] = "0000-00-00T00:00:00Z ";
	size_t i;

	assert_true(view_has_prefix(line, view_of(label)));
	line = view_skip(line, strlen(label));
	assert_true(line.len > STAMP_LEN);
	for (i = 0; i <= STAMP_LEN; i++)
		if (form[i] == '0')
			assert_in_range(line.p[i], '0', '9');
		else
			assert_int_equal(line.p[i], form[i]);
	return view_skip(line, STAMP_LEN + 1);
}

static void
a_line_has_a_time_a_level_and_a_text(void **state)
{
	(void)state;
	general_to(LOG_TO_FD);
	log_errorx("%s %d", "e", 1);
	expect_view("error", after_stamp(read_all(), ""), VIEW("error e 1\n"));
	log_warnx("w");
	expect_view("warn", after_stamp(read_all(), ""), VIEW("warn w\n"));
	log_info("i");
	expect_view("info", after_stamp(read_all(), ""), VIEW("info i\n"));
	log_debug("d");
	expect_view("debug", after_stamp(read_all(), ""), VIEW("debug d\n"));
}

static void
the_master_gets_a_level_and_a_text(void **state)
{
	(void)state;
	general_to(LOG_TO_MASTER);
	log_errorx("e");
	log_warnx("w");
	log_info("i");
	log_debug("d");
	expect_view("all", read_all(), VIEW("0e\n1w\n2i\n3d\n"));
}

static void
only_error_and_warn_say_what_errno_says(void **state)
{
	char want[128];

	(void)state;
	general_to(LOG_TO_MASTER);
	errno = ENOENT;
	log_error("cannot read %s", "/a");
	snprintf(want, sizeof(want), "0cannot read /a: %s\n", strerror(ENOENT));
	expect_view("error", read_all(), view_of(want));
	errno = EACCES;
	log_warn("cannot read %s", "/b");
	snprintf(want, sizeof(want), "1cannot read /b: %s\n", strerror(EACCES));
	expect_view("warn", read_all(), view_of(want));
	errno = EACCES;
	log_errorx("e");
	log_warnx("w");
	log_info("i");
	log_debug("d");
	expect_view("others", read_all(), VIEW("0e\n1w\n2i\n3d\n"));
}

static void
messages_above_the_level_are_dropped(void **state)
{
	static const char *const want[] = { "0e\n", "0e\n1w\n", "0e\n1w\n2i\n",
		"0e\n1w\n2i\n3d\n" };
	unsigned long dropped = log_dropped();
	int level, other;

	(void)state;
	general_to(LOG_TO_MASTER);
	for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_set_level((enum log_level)level);
		for (other = LOG_LEVEL_ERROR; other <= LOG_LEVEL_DEBUG; other++)
			assert_int_equal(log_is_on((enum log_level)other),
			    other <= level);
		log_errorx("e");
		log_warnx("w");
		log_info("i");
		log_debug("d");
		expect_view("lines", read_all(), view_of(want[level]));
	}
	/* Not wanted is not lost. */
	assert_int_equal(log_dropped(), dropped);
}

static void
nowhere_means_not_a_byte(void **state)
{
	unsigned long dropped = log_dropped();

	(void)state;
	log_to(none, none);
	log_errorx("e");
	log_access(VIEW("proto=gemini"));
	log_flush();
	assert_int_equal(read_all().len, 0);
	assert_int_equal(log_dropped(), dropped);
	assert_false(log_access_is_on());
	access_to(LOG_TO_FD);
	assert_true(log_access_is_on());
}

/* -- escaping -- */

static bool
is_kept(int byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void
every_byte_is_kept_or_escaped(void **state)
{
	char byte, want[8];
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 64);
	for (i = 0; i < 256; i++) {
		byte = (char)i;
		snprintf(want, sizeof(want), is_kept(i) ? "%c" : "\\x%02x",
		    (unsigned)i);
		log_escape(&b, (struct view){ &byte, 1 }, 64);
		expect_written(want, &b, want);
	}
	buf_fini(&b);
}

static const char *const sequences[][2] = {
	{ "caf\xc3\xa9", "caf\xc3\xa9" },
	{ "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "\xf0\x9f\x90\xbf", "\xf0\x9f\x90\xbf" },
	{ "\xc2\xa0", "\xc2\xa0" },
	/* C1 controls: U+009B begins a command to a terminal */
	{ "\xc2\x9b", "\\xc2\\x9b" },
	{ "\xc2\x80", "\\xc2\\x80" },
	/* U+2028 and U+2029 end a line for some readers */
	{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
	{ "\xe2\x80\xa9", "\\xe2\\x80\\xa9" },
	/* cut short, overlong, surrogate, beyond U+10FFFF */
	{ "\xc3", "\\xc3" },
	{ "\xe2\x82", "\\xe2\\x82" },
	{ "\xf0\x9f\x90", "\\xf0\\x9f\\x90" },
	{ "\xc3 ", "\\xc3 " },
	{ "\xc0\xaf", "\\xc0\\xaf" },
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
	{ "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
	{ "\x1b[2J", "\\x1b[2J" },
	{ "a\r\nb", "a\\x0d\\x0ab" },
	{ "a\" status=20", "a\\x22 status=20" },
	{ "\\x22", "\\x5cx22" },
};

static void
only_clean_text_is_kept(void **state)
{
	struct buf b;
	struct view v;
	size_t i;

	(void)state;
	buf_init(&b, 256);
	for (i = 0; i < N_OF(sequences); i++) {
		v = exact(view_of(sequences[i][0]));
		log_escape(&b, v, 64);
		expect_written(sequences[i][1], &b, sequences[i][1]);
		loose(v);
	}
	buf_fini(&b);
}

static void
at_most_max_bytes_are_shown(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	log_escape(&b, VIEW("12345678"), 8);
	expect_written("N", &b, "12345678");
	log_escape(&b, VIEW("123456789"), 8);
	expect_written("N+1", &b, "12345678...");
	log_escape(&b, VIEW("a\xc3\xa9"), 2);
	expect_written("inside a character", &b, "a\\xc3...");
	log_escape(&b, VIEW("a"), 0);
	expect_written("none", &b, "...");
	log_escape(&b, (struct view){ NULL, 0 }, 0);
	expect_written("nothing", &b, "");
	buf_fini(&b);
}

static void
no_argument_can_forge_a_line(void **state)
{
	(void)state;
	general_to(LOG_TO_MASTER);
	log_info("cannot parse \"%s\"", "x\n0all is lost\r\x1b[2J\x7f\xff");
	expect_view("one line", read_all(),
	    VIEW("2cannot parse \"x\\x0a0all is lost\\x0d\\x1b[2J\\x7f\\xff\""
		 "\n"));
}

/* -- limits -- */

static void
no_line_is_longer_than_a_pipe_takes_at_once(void **state)
{
	static const enum log_kind kinds[] = { LOG_TO_FD, LOG_TO_MASTER };
	static char longest[3 * LOG_LINE_MAX];
	struct view got;
	size_t i, len;

	(void)state;
	for (i = 0; i < N_OF(kinds); i++)
		for (len = LOG_LINE_MAX - 100; len < sizeof(longest);
		     len += 13) {
			memset(longest, 'x', len);
			longest[len] = '\0';
			general_to(kinds[i]);
			log_info("%s", longest);
			got = read_all();
			assert_in_range(got.len, LOG_LINE_MAX - 100,
			    LOG_LINE_MAX);
			assert_int_equal(got.p[got.len - 1], '\n');
			assert_null(memchr(got.p, '\n', got.len - 1));

			access_to(kinds[i]);
			log_access((struct view){ longest, len });
			log_flush();
			got = read_all();
			assert_in_range(got.len, LOG_LINE_MAX - 100,
			    LOG_LINE_MAX);
			assert_int_equal(got.p[got.len - 1], '\n');
		}
}

/* -- the access log -- */

#define ACCESS "proto=gemini from=192.0.2.0 selector=\"/\" status=20"

static void
an_access_line_waits_until_it_is_flushed(void **state)
{
	(void)state;
	access_to(LOG_TO_FD);
	log_access(VIEW(ACCESS));
	assert_int_equal(read_all().len, 0);
	log_flush();
	expect_view("one", after_stamp(read_all(), "time="), VIEW(ACCESS "\n"));
	log_flush();
	assert_int_equal(read_all().len, 0);
	/* A change of sinks loses none either. */
	log_access(VIEW(ACCESS));
	log_to(none, none);
	expect_view("changed", after_stamp(read_all(), "time="),
	    VIEW(ACCESS "\n"));
}

static void
the_general_log_does_not_wait(void **state)
{
	(void)state;
	log_to((struct log_sink){ LOG_TO_MASTER, pipe_ends[1] },
	    (struct log_sink){ LOG_TO_MASTER, pipe_ends[1] });
	log_access(VIEW("a=1"));
	log_info("now");
	expect_view("before", read_all(), VIEW("2now\n"));
	log_flush();
	expect_view("after", read_all(), VIEW("aa=1\n"));
}

static void
many_access_lines_come_whole_and_in_order(void **state)
{
	enum { N = 500 };
	struct view rest, line;
	char want[64];
	int i;

	(void)state;
	access_to(LOG_TO_MASTER);
	for (i = 0; i < N; i++) {
		snprintf(want, sizeof(want), "selector=\"/page/%d\"", i);
		log_access(view_of(want));
	}
	log_flush();
	rest = read_all();
	for (i = 0; i < N; i++) {
		line = view_cut(&rest, '\n');
		snprintf(want, sizeof(want), "aselector=\"/page/%d\"", i);
		expect_view("line", line, view_of(want));
	}
	assert_int_equal(rest.len, 0);
}

/* -- the way through the master -- */

static void
what_a_worker_sends_the_master_writes(void **state)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[] = "0what happened", want[64];
	int level;

	(void)state;
	general_to(LOG_TO_FD);
	for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		line[0] = (char)('0' + level);
		log_relay(view_of(line));
		snprintf(want, sizeof(want), "%s what happened\n",
		    names[level]);
		expect_view(names[level], after_stamp(read_all(), ""),
		    view_of(want));
	}
	access_to(LOG_TO_FD);
	log_relay(VIEW("a" ACCESS));
	log_flush();
	expect_view("access", after_stamp(read_all(), "time="),
	    VIEW(ACCESS "\n"));
}

/* And nothing that was escaped before is escaped again. */
static void
what_a_worker_did_not_escape_the_master_does(void **state)
{
	(void)state;
	general_to(LOG_TO_FD);
	log_relay(VIEW("1bell \a\x1b[31m \\x1b \"q\" caf\xe9"));
	expect_view("general", after_stamp(read_all(), ""),
	    VIEW("warn bell \\x07\\x1b[31m \\x1b \"q\" caf\\xe9\n"));
	access_to(LOG_TO_FD);
	log_relay(VIEW("aselector=\"\r\""));
	log_flush();
	expect_view("access", after_stamp(read_all(), "time="),
	    VIEW("selector=\"\\x0d\"\n"));
}

static void
what_no_worker_sends_is_not_written(void **state)
{
	static const char *const lines[] = { "", "4x", "/x", "x", "A", "\n" };
	size_t i;

	(void)state;
	log_to((struct log_sink){ LOG_TO_FD, pipe_ends[1] },
	    (struct log_sink){ LOG_TO_FD, pipe_ends[1] });
	for (i = 0; i < N_OF(lines); i++)
		log_relay(view_of(lines[i]));
	log_flush();
	assert_int_equal(read_all().len, 0);
}

/* -- a reader that does not read -- */

/* With a descriptor that would block, too: the service may never wait. */
static void
a_full_pipe_drops_and_counts_but_never_blocks(void **state)
{
	enum { N = 2000 };
	static char line[1000];
	unsigned long before = log_dropped(), lost;
	struct view rest, got;
	int blocking, i, read_back;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	for (blocking = 0; blocking < 2; blocking++) {
		assert_int_equal(fcntl(pipe_ends[1], F_SETFL,
				     blocking ? 0 : O_NONBLOCK),
		    0);
		general_to(LOG_TO_MASTER);
		alarm(60); /* what would block is killed, and that is seen */
		before = log_dropped();
		for (i = 0; i < N; i++)
			log_info("%s", line);
		alarm(0);
		lost = log_dropped() - before;
		assert_in_range(lost, 1, N - 1);
		read_back = 0;
		for (rest = read_all(); rest.len > 0; read_back++) {
			got = view_cut(&rest, '\n');
			assert_int_equal(got.len, sizeof(line));
		}
		assert_int_equal(read_back + (int)lost, N);
		/* Once there is room again, lines come again. */
		log_info("again");
		expect_view("again", read_all(), VIEW("2again\n"));
	}
}

static void
a_reader_that_went_away_is_counted(void **state)
{
	unsigned long before = log_dropped();
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	general_to(LOG_TO_FD);
	close(pipe_ends[0]);
	log_info("into the void");
	assert_int_equal(log_dropped(), before + 1);
	pipe_ends[0] = -1;
	(void)signal(SIGPIPE, old);
}

static void
a_closed_descriptor_is_counted(void **state)
{
	unsigned long before = log_dropped();

	(void)state;
	general_to(LOG_TO_FD);
	close(pipe_ends[1]);
	log_info("into the void");
	assert_int_equal(log_dropped(), before + 1);
	pipe_ends[1] = -1;
}

/* Both ends of a terminal, as test programs have none. */
static void
open_terminal(int *above, int *below)
{
	struct termios raw;

	*above = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(*above != -1);
	assert_int_equal(0, grantpt(*above));
	assert_int_equal(0, unlockpt(*above));
	*below = open(ptsname(*above), O_RDWR | O_NOCTTY);
	assert_true(*below != -1);
	assert_int_equal(0, tcgetattr(*below, &raw));
	raw.c_oflag &= ~(tcflag_t)OPOST;
	assert_int_equal(0, tcsetattr(*below, TCSANOW, &raw));
}

static const char *
read_terminal(int above)
{
	ssize_t n = read(above, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
progress_stands_below_messages_on_a_terminal(void **state)
{
	char long_line[LOG_PROGRESS_MAX + 2];
	int above, below;

	(void)state;
	open_terminal(&above, &below);
	(void)setenv("TERM", "xterm", 1);
	log_to((struct log_sink){ LOG_TO_FD, below }, none);
	log_show_progress(VIEW("10 %"));
	assert_string_equal("\r\033[K10 %\r", read_terminal(above));
	log_info("a message");
	(void)read_terminal(above);
	assert_memory_equal("\r\033[K", text, 4);
	assert_non_null(strstr(text, " info a message\n"));
	log_info("another");
	assert_null(strchr(read_terminal(above), '\r'));
	log_show_progress(VIEW("20 %"));
	log_show_progress(VIEW(""));
	assert_string_equal("\r\033[K20 %\r\r\033[K\r", read_terminal(above));
	log_show_progress(VIEW(""));
	assert_string_equal("", read_terminal(above));

	memset(long_line, 'x', sizeof(long_line));
	log_show_progress((struct view){ long_line, LOG_PROGRESS_MAX });
	assert_int_equal(5 + LOG_PROGRESS_MAX, strlen(read_terminal(above)));
	log_show_progress((struct view){ long_line, LOG_PROGRESS_MAX + 1 });
	assert_int_equal(5 + LOG_PROGRESS_MAX, strlen(read_terminal(above)));
	log_to(none, none);
	close(above);
	close(below);
}

static void
progress_goes_nowhere_but_to_a_capable_terminal(void **state)
{
	int above, below;

	(void)state;
	(void)setenv("TERM", "xterm", 1);
	general_to(LOG_TO_FD);
	log_show_progress(VIEW("10 %"));
	log_show_progress(VIEW(""));
	general_to(LOG_TO_MASTER);
	log_show_progress(VIEW("10 %"));
	assert_int_equal(-1, read(pipe_ends[0], text, sizeof(text)));
	open_terminal(&above, &below);
	(void)setenv("TERM", "dumb", 1);
	log_to((struct log_sink){ LOG_TO_FD, below }, none);
	log_show_progress(VIEW("10 %"));
	(void)unsetenv("TERM");
	log_to((struct log_sink){ LOG_TO_FD, below }, none);
	log_show_progress(VIEW("10 %"));
	assert_string_equal("", read_terminal(above));
	log_to(none, none);
	close(above);
	close(below);
}

static void
levels_have_names_and_back(void **state)
{
	enum log_level level, found;

	(void)state;
	for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_set_level(level);
		assert_int_equal(level, log_get_level());
		assert_int_equal(0,
		    log_level_find(view_of(log_level_name(level)), &found));
		assert_int_equal(level, found);
	}
	found = LOG_LEVEL_WARN;
	assert_int_equal(-1, log_level_find(VIEW("Debug"), &found));
	assert_int_equal(-1, log_level_find(VIEW("inf"), &found));
	assert_int_equal(-1, log_level_find((struct view){ NULL, 0 }, &found));
	assert_int_equal(LOG_LEVEL_WARN, found);
	log_set_level(LOG_LEVEL_INFO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pipe, close_pipe)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_has_a_time_a_level_and_a_text),
		TEST(the_master_gets_a_level_and_a_text),
		TEST(only_error_and_warn_say_what_errno_says),
		TEST(messages_above_the_level_are_dropped),
		TEST(nowhere_means_not_a_byte),
		TEST(every_byte_is_kept_or_escaped),
		TEST(only_clean_text_is_kept),
		TEST(at_most_max_bytes_are_shown),
		TEST(no_argument_can_forge_a_line),
		TEST(no_line_is_longer_than_a_pipe_takes_at_once),
		TEST(an_access_line_waits_until_it_is_flushed),
		TEST(the_general_log_does_not_wait),
		TEST(many_access_lines_come_whole_and_in_order),
		TEST(what_a_worker_sends_the_master_writes),
		TEST(what_a_worker_did_not_escape_the_master_does),
		TEST(what_no_worker_sends_is_not_written),
		TEST(a_full_pipe_drops_and_counts_but_never_blocks),
		TEST(a_reader_that_went_away_is_counted),
		TEST(a_closed_descriptor_is_counted),
		TEST(progress_stands_below_messages_on_a_terminal),
		TEST(progress_goes_nowhere_but_to_a_capable_terminal),
		TEST(levels_have_names_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
