/* test_folder.c - which names in a folder are nobody's pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "expect.h"
#include "site/folder.h"

static const struct {
	const char *name;
	bool want;
} names[] = {
	{ "", false },
	{ "x", false },
	{ "x~", true },
	{ "~", true },
	{ "~x", false },
	{ "x~.gmi", false },
	{ "x.gmi.swp", true },
	{ "x.swo", true },
	{ "x.swx", true },
	{ "x.swp.gmi", false },
	{ "#", false },
	{ "##", true },
	{ "#x.gmi#", true },
	{ "#x.gmi", false },
	{ "x.gmi#", false },
	{ "sedAbCdEf", true },
	{ "sed000000", true },
	{ "sedabcde1", true },
	{ "sedentary", false },
	{ "sediments", false },
	{ "sedAbCdE", false },
	{ "sedAbCdEfg", false },
	{ "sedAb.dEf", false },
	{ "SedAbCdEf", false },
};

static void
temporary_names_of_editors_are_known(void **state)
{
	struct view name;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(names); i++) {
		name = exact(view_of(names[i].name));
		if (folder_is_temporary(name) != names[i].want)
			fail_msg("\"%s\": not %d", names[i].name,
			    names[i].want);
		loose(name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(temporary_names_of_editors_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
