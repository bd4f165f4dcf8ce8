/* test_access_log.c - the line of an answer, and what of it has to wait. */
#include <netinet/in.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "net/access_log.h"

static unsigned char ipv4[16], ipv6[16], sha256[32];

static struct access_line
plain_line(void)
{
	return (struct access_line){ .protocol = "gopher",
		.addresses = CONF_ADDRESS_FULL,
		.family = AF_INET,
		.address = ipv4,
		.host = VIEW(""),
		.selector = VIEW("/a"),
		.status = 20,
		.bytes = 5,
		.ms = 7,
		.tls = "" };
}

static void
expect_line(const struct access_line *line, const char *want)
{
	struct buf to;

	buf_init(&to, ACCESS_LOG_MAX);
	access_log_format(&to, line);
	expect_written("line", &to, want);
	buf_fini(&to);
}

static void
a_line_says_what_is_known_and_no_more(void **state)
{
	struct access_line line = plain_line();

	(void)state;
	expect_line(&line,
	    "proto=gopher from=192.0.2.9 host=- selector=\"/a\" status=20 "
	    "bytes=5 ms=7 tls=- resumed=0");
	line.protocol = "gemini";
	line.host = VIEW("example.org");
	line.status = 43;
	line.tls = "1.3";
	line.resumed = true;
	line.client = sha256;
	line.end = "timeout";
	expect_line(&line,
	    "proto=gemini from=192.0.2.9 host=example.org selector=\"/a\" "
	    "status=43 client=abababababababab bytes=5 ms=7 tls=1.3 resumed=1 "
	    "end=timeout");
}

static void
what_a_client_wrote_forges_no_field(void **state)
{
	struct access_line line = plain_line();

	(void)state;
	line.selector = VIEW("/\" status=20\n");
	expect_line(&line,
	    "proto=gopher from=192.0.2.9 host=- "
	    "selector=\"/\\x22 status=20\\x0a\" status=20 bytes=5 ms=7 tls=- "
	    "resumed=0");
}

static void
a_selector_is_shown_up_to_the_limit(void **state)
{
	static char all[ACCESS_LOG_SELECTOR + 1];
	struct access_line line = plain_line();
	struct buf to;

	(void)state;
	memset(all, 'x', sizeof(all));
	buf_init(&to, ACCESS_LOG_MAX);
	line.selector = (struct view){ all, ACCESS_LOG_SELECTOR };
	access_log_format(&to, &line);
	buf_putc(&to, '\0');
	assert_non_null(strstr(to.p, "x\" status"));
	buf_reset(&to);
	line.selector.len++;
	access_log_format(&to, &line);
	buf_putc(&to, '\0');
	assert_non_null(strstr(to.p, "x...\" status"));
	buf_fini(&to);
}

static const struct {
	enum conf_address how;
	sa_family_t family;
	const unsigned char *address;
	const char *want;
} addresses[] = {
	{ CONF_ADDRESS_FULL, AF_INET, ipv4, "192.0.2.9" },
	{ CONF_ADDRESS_FULL, AF_INET6, ipv6, "2001:db8:1:2::9" },
	{ CONF_ADDRESS_TRUNCATED, AF_INET, ipv4, "192.0.2.0" },
	{ CONF_ADDRESS_TRUNCATED, AF_INET6, ipv6, "2001:db8:1::" },
	{ CONF_ADDRESS_TRUNCATED, AF_UNIX, ipv6, "unix" },
	{ CONF_ADDRESS_NONE, AF_INET, ipv4, "-" },
	{ CONF_ADDRESS_NONE, AF_INET6, ipv6, "-" },
	{ CONF_ADDRESS_NONE, AF_UNIX, ipv6, "-" },
};

static void
an_address_is_shown_as_far_as_it_shall_be(void **state)
{
	struct buf to;
	size_t i;

	(void)state;
	buf_init(&to, ACCESS_LOG_MAX);
	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		buf_reset(&to);
		access_log_put_address(&to, addresses[i].how,
		    addresses[i].family, addresses[i].address);
		expect_written("address", &to, addresses[i].want);
	}
	buf_fini(&to);
}

/* The request is gone by the time the line is written. */
static void
what_is_kept_outlives_the_request(void **state)
{
	char request[] = "example.org/a";
	struct view host = { request, 11 }, selector = { request + 11, 2 };
	char *kept = access_log_keep(&host, &selector);

	(void)state;
	assert_non_null(kept);
	memset(request, '?', sizeof(request));
	assert_int_equal(11, host.len);
	assert_memory_equal("example.org", host.p, host.len);
	assert_int_equal(2, selector.len);
	assert_memory_equal("/a", selector.p, selector.len);
	free(kept);

	host = selector = (struct view){ NULL, 0 };
	kept = access_log_keep(&host, &selector);
	assert_non_null(kept);
	assert_int_equal(0, host.len + selector.len);
	free(kept);
}

static int
set_up(void **state)
{
	(void)state;
	memset(sha256, 0xab, sizeof(sha256));
	return inet_pton(AF_INET, "192.0.2.9", ipv4) == 1 &&
		inet_pton(AF_INET6, "2001:db8:1:2::9", ipv6) == 1
	    ? 0
	    : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_what_is_known_and_no_more),
		cmocka_unit_test(what_a_client_wrote_forges_no_field),
		cmocka_unit_test(a_selector_is_shown_up_to_the_limit),
		cmocka_unit_test(an_address_is_shown_as_far_as_it_shall_be),
		cmocka_unit_test(what_is_kept_outlives_the_request),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
