/* test_ticket_keys.c - which files of ticket keys are read, and the ring. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fork_child.h"
#include "net/ticket_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HEX10 "00112233445566778899"
#define HEX80 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10
/* 80 bytes of 0x01: 26 groups of three and two bytes more. */
#define B64_12 "AQEBAQEBAQEB"
#define B64_80                                                                 \
	B64_12 B64_12 B64_12 B64_12 B64_12 B64_12 B64_12 B64_12 "AQEBAQEBAQE="
#define LENGTH                                                                 \
	"a key is 160 characters of hexadecimal or 108 of base64, all on one " \
	"line"
#define NEITHER "neither hexadecimal nor base64"
#define NO_KEY  "there is no key in it; make one with \"openssl rand -hex 80\""

static const struct {
	const char *name, *text;
	size_t n;
	int line;
	const char *why;
} cases[] = {
	{ "hexadecimal", HEX80 "\n", 1, 0, NULL },
	{ "without a line end", HEX80, 1, 0, NULL },
	{ "base64", B64_80 "\n", 1, 0, NULL },
	{ "both, a comment and a gap", "# new\n" B64_80 "\r\n\n" HEX80 " \t\n",
	    2, 0, NULL },
	{ "nothing", "", 0, 0, NO_KEY },
	{ "a comment alone", "# keys\n", 0, 0, NO_KEY },
	{ "a digit short", "\n" HEX10 HEX10, 0, 2, LENGTH },
	{ "a digit too many", HEX80 "0\n", 0, 1, LENGTH },
	{ "what rand -base64 prints",
	    B64_12 B64_12 B64_12 B64_12 B64_12 "AQEB\n", 0, 1, LENGTH },
	{ "a letter that is no digit",
	    "G" HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10
	    "0011223344556677889\n",
	    0, 1, NEITHER },
	{ "twice the same", HEX80 "\n#\n" HEX80 "\n", 0, 3,
	    "that key stands already above" },
};

static struct ticket_keys keys;

static const char *
parse(const char *text, int *line)
{
	return ticket_keys_parse(view_of(text), &keys, line);
}

static void
every_case_is_read_or_refused(void **state)
{
	const char *why;
	size_t i;
	int line;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		why = parse(cases[i].text, &line);
		if ((why == NULL) != (cases[i].why == NULL) ||
		    (why != NULL &&
			(strcmp(why, cases[i].why) != 0 ||
			    line != cases[i].line)) ||
		    (why == NULL && keys.n != cases[i].n))
			fail_msg("%s: %d keys, line %d: %s", cases[i].name,
			    (int)keys.n, line, why == NULL ? "fine" : why);
	}
}

static void
both_spellings_are_the_same_bytes(void **state)
{
	char hex[2 * TICKET_KEY_LEN + 1];
	struct ticket_key first;
	int line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hex) - 1; i++)
		hex[i] = (char)('0' + i % 2);
	hex[i] = '\0';
	assert_null(parse(hex, &line));
	first = keys.v[0];
	assert_null(parse(B64_80, &line));
	assert_memory_equal(&first, &keys.v[0], sizeof(first));
	assert_int_equal(TICKET_KEY_LEN, sizeof(first));
	assert_int_equal(1, first.name[0]);
	assert_null(parse(HEX80, &line));
	assert_int_equal(0x66, keys.v[0].mac[0]); /* the 17th byte */
	assert_int_equal(0x88, keys.v[0].aes[0]); /* the 49th */
}

static void
a_file_may_have_16_keys_and_not_one_more(void **state)
{
	char text[(TICKET_KEYS_MAX + 1) * (2 * TICKET_KEY_LEN + 1) + 1] = "";
	const struct ticket_key *last;
	unsigned char name[TICKET_KEY_NAME_LEN];
	size_t i, len = 0;
	int line;

	(void)state;
	for (i = 0; i <= TICKET_KEYS_MAX; i++) {
		if (i == TICKET_KEYS_MAX) {
			assert_null(parse(text, &line));
			assert_int_equal(TICKET_KEYS_MAX, keys.n);
		}
		len += (size_t)sprintf(text + len, "%0160zx\n", i << 20);
		/* The name is what comes first: let that differ. */
		text[len - 161] = "0123456789abcdef"[i & 15];
		text[len - 160] = i < 16 ? '0' : '1';
	}
	memcpy(name, keys.v[15].name, sizeof(name));
	last = ticket_keys_find(&keys, name);
	assert_ptr_equal(&keys.v[15], last);
	name[5] ^= 1;
	assert_null(ticket_keys_find(&keys, name));
	assert_string_equal("more than 16 keys", parse(text, &line));
	assert_int_equal(17, line);
}

/* -- files -- */

static char folder[] = "/tmp/capsuled-tickets-XXXXXX";
static char path[64];
static struct conf conf = { .path = "x.ini", .ticket_keys_line = 7 };

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/keys", folder);
	conf.ticket_keys = view_of(path);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static void
put(const char *text, size_t padding, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	while ((size_t)ftell(f) < padding)
		fputc('\n', f);
	assert_int_equal(0, fclose(f));
	assert_int_equal(0, chmod(path, mode));
}

/* The file is refused, for a reason that is told with these words. */
static void
is_refused(const char *words)
{
	struct problems *ps = problems_new();

	assert_null(ticket_keys_load(&conf, ps));
	assert_int_equal(1, problems_count(ps));
	if (strncmp(problems_get(ps, 0), "x.ini:7: [tls] ticket_keys: ", 28) !=
		0 ||
	    strstr(problems_get(ps, 0), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", problems_get(ps, 0),
		    words);
	problems_free(ps);
}

static void
is_read(void)
{
	struct problems *ps = problems_new();
	struct ticket_keys *read = ticket_keys_load(&conf, ps);

	assert_int_equal(0, problems_count(ps));
	assert_non_null(read);
	assert_int_equal(1, read->n);
	ticket_keys_free(read);
	problems_free(ps);
}

static void
a_file_is_read_or_refused_with_a_sentence(void **state)
{
	(void)state;
	(void)unlink(path);
	is_refused("/keys: No such file or directory");
	put(HEX80 "\n", 0, 0600);
	is_read();
	put(HEX80 "\n", 0, 0640);
	is_refused("others than its owner can get at ");
	is_refused("(mode 0640): type \"chmod 600 /tmp/");
	put("\n\nx\n", 0, 0600);
	is_refused("line 3 of /tmp/");
	is_refused(LENGTH);
	put("", 0, 0600);
	is_refused("/keys: " NO_KEY);
	(void)unlink(path);
	assert_int_equal(0, mkfifo(path, 0600));
	is_refused("is not a file");
	(void)unlink(path);
}

static void
the_longest_file_is_read_and_one_byte_more_is_not(void **state)
{
	(void)state;
	put(HEX80 "\n", TICKET_KEYS_FILE_MAX, 0600);
	is_read();
	put(HEX80 "\n", TICKET_KEYS_FILE_MAX + 1, 0600);
	is_refused("has more than 16384 bytes");
}

/* -- the ring -- */

static void
a_key_seals_for_one_turn_and_opens_for_another(void **state)
{
	struct ticket_ring *ring = ticket_ring_new();
	struct ticket_key first, second, found;
	int i;

	(void)state;
	for (i = 0; i < 6; i++) { /* more often than it is long */
		ticket_ring_present(ring, &first);
		assert_int_equal(0, ticket_ring_find(ring, first.name, &found));
		assert_memory_equal(&first, &found, sizeof(first));
		ticket_ring_turn(ring);
		ticket_ring_present(ring, &second);
		assert_memory_not_equal(&first, &second, sizeof(first));
		assert_int_equal(0, ticket_ring_find(ring, first.name, &found));
		assert_memory_equal(&first, &found, sizeof(first));
		ticket_ring_turn(ring);
		assert_int_equal(-1,
		    ticket_ring_find(ring, first.name, &found));
		assert_int_equal(0,
		    ticket_ring_find(ring, second.name, &found));
	}
	ticket_ring_free(ring);
}

static void
no_key_is_made_of_zeros(void **state)
{
	static const unsigned char zeros[TICKET_KEY_NAME_LEN];
	struct ticket_ring *ring = ticket_ring_new();
	struct ticket_key found;
	int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		assert_int_equal(-1, ticket_ring_find(ring, zeros, &found));
		ticket_ring_turn(ring);
	}
	ticket_ring_free(ring);
}

static void
a_turn_is_seen_by_processes_that_are_there_already(void **state)
{
	struct ticket_ring *ring = ticket_ring_new();
	struct ticket_key before, after;
	int go[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(0, pipe(go));
	ticket_ring_present(ring, &before);
	pid = fork_child();
	if (pid == 0) {
		close(go[1]);
		(void)!read(go[0], &byte, 1);
		ticket_ring_present(ring, &after);
		_exit(memcmp(&before, &after, sizeof(after)) != 0 ? 0 : 1);
	}
	ticket_ring_turn(ring);
	close(go[0]);
	close(go[1]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	ticket_ring_free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_read_or_refused),
		cmocka_unit_test(both_spellings_are_the_same_bytes),
		cmocka_unit_test(a_file_may_have_16_keys_and_not_one_more),
		cmocka_unit_test(a_file_is_read_or_refused_with_a_sentence),
		cmocka_unit_test(
		    the_longest_file_is_read_and_one_byte_more_is_not),
		cmocka_unit_test(
		    a_key_seals_for_one_turn_and_opens_for_another),
		cmocka_unit_test(no_key_is_made_of_zeros),
		cmocka_unit_test(
		    a_turn_is_seen_by_processes_that_are_there_already),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
