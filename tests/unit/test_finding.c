/* test_finding.c - findings come in the order of files and lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/finding.h"

static const struct term plain = { .columns = 80 };

static void
expect(struct findings *fs, const struct term *term, const char *want)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	findings_print(fs, term, to);
	fclose(to);
	assert_string_equal(text, want);
	free(text);
}

static void
files_lines_and_then_the_order_they_came(void **state)
{
	struct findings *fs = findings_new();
	int i;

	(void)state;
	findings_add(fs, VIEW("b"), 2, "r", "%s", "one");
	findings_add(fs, VIEW("b"), 10, "r", "two");
	findings_add(fs, VIEW("a"), 0, "s", "three");
	findings_add(fs, VIEW("b"), 2, "s", "four");
	assert_int_equal(4, findings_count(fs));
	for (i = 0; i < 2; i++) /* printing changes nothing */
		expect(fs, &plain,
		    "a: three [s]\nb:2: one [r]\nb:2: four [s]\n"
		    "b:10: two [r]\n");
	findings_free(fs);
}

static void
nothing_found_is_nothing_said(void **state)
{
	struct findings *fs = findings_new();

	(void)state;
	expect(fs, &plain, "");
	findings_free(fs);
	findings_free(NULL);
}

static void
no_byte_acts_on_a_terminal(void **state)
{
	struct findings *fs = findings_new();

	(void)state;
	findings_add(fs, VIEW("\xe9\x1b"), 1, "r", "\n\x7f\xc2\x9b\xc2\xa0");
	findings_add(fs, VIEW("caf\xc3\xa9"), 1, "r", "\xc3\x9c x");
	expect(fs, &plain,
	    "caf\xc3\xa9:1: \xc3\x9c x [r]\n"
	    "\\xe9\\x1b:1: \\x0a\\x7f\\xc2\\x9b\xc2\xa0 [r]\n");
	findings_free(fs);
}

static void
json_has_the_same(void **state)
{
	struct findings *fs = findings_new();
	struct json json;
	char *text;
	size_t size;

	(void)state;
	findings_add(fs, VIEW("b"), 2, "r", "x");
	json = (struct json){ open_memstream(&text, &size), 0, false };
	findings_json(fs, &json, NULL);
	fclose(json.to);
	assert_string_equal(text,
	    "[\n  {\n    \"file\": \"b\",\n    \"line\": 2,\n"
	    "    \"rule\": \"r\",\n    \"text\": \"x\"\n  }\n]\n");
	free(text);
	findings_free(fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_lines_and_then_the_order_they_came),
		cmocka_unit_test(nothing_found_is_nothing_said),
		cmocka_unit_test(no_byte_acts_on_a_terminal),
		cmocka_unit_test(json_has_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
