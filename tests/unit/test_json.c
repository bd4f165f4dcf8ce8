/* test_json.c - what scripts are given is JSON, whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/json.h"

static char *text;
static size_t size;
static struct json json;

static int
set_up(void **state)
{
	(void)state;
	json = (struct json){ open_memstream(&text, &size), 0, false };
	return json.to == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static void
expect(const char *want)
{
	fclose(json.to);
	assert_string_equal(text, want);
}

static void
an_empty_list_is_a_line(void **state)
{
	(void)state;
	json_open(&json, NULL, '[');
	json_close(&json, ']');
	expect("[]\n");
}

static void
members_are_separated_and_indented(void **state)
{
	(void)state;
	json_open(&json, NULL, '{');
	json_number(&json, "n", -5);
	json_real(&json, "r", 1.5);
	json_bool(&json, "b", true);
	json_open(&json, "l", '[');
	json_bool(&json, NULL, false);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_close(&json, ']');
	json_close(&json, '}');
	expect("{\n  \"n\": -5,\n  \"r\": 1.50,\n  \"b\": true,\n"
	       "  \"l\": [\n    false,\n    {}\n  ]\n}\n");
}

static void
strings_are_escaped(void **state)
{
	static const char bytes[] = "a\"b\\c\n\t\x1b\x7f\0z";

	(void)state;
	json_string(&json, NULL, (struct view){ bytes, sizeof(bytes) - 1 });
	expect("\"a\\\"b\\\\c\\u000a\\u0009\\u001b\\u007f\\u0000z\"");
}

static void
utf8_stays_and_what_is_none_is_replaced(void **state)
{
	(void)state;
	json_open(&json, NULL, '[');
	json_string(&json, NULL, VIEW("caf\xc3\xa9"));
	json_string(&json, NULL, VIEW("caf\xe9\xff"));
	json_string(&json, NULL, VIEW(""));
	json_close(&json, ']');
	expect("[\n  \"caf\xc3\xa9\",\n"
	       "  \"caf\xef\xbf\xbd\xef\xbf\xbd\",\n  \"\"\n]\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_list_is_a_line, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    members_are_separated_and_indented, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strings_are_escaped, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    utf8_stays_and_what_is_none_is_replaced, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
