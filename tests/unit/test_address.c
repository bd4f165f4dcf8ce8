/* test_address.c - what is written becomes what the kernel wants. */
#include <sys/un.h>

#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"

static void
every_family_has_its_address_and_length(void **state)
{
	static const unsigned char local[] = { 127, 0, 0, 2 };
	struct sockaddr_storage ss;
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;
	struct sockaddr_un *un = (void *)&ss;

	(void)state;
	assert_int_equal(sizeof(*in),
	    address_fill(&ss, AF_INET, "127.0.0.2", 1965));
	assert_int_equal(AF_INET, in->sin_family);
	assert_int_equal(1965, ntohs(in->sin_port));
	assert_memory_equal(local, &in->sin_addr, sizeof(local));

	assert_int_equal(sizeof(*in6), address_fill(&ss, AF_INET6, "::1", 70));
	assert_int_equal(AF_INET6, in6->sin6_family);
	assert_int_equal(70, ntohs(in6->sin6_port));
	assert_memory_equal(&in6addr_loopback, &in6->sin6_addr, 16);

	assert_int_equal(sizeof(*un), address_fill(&ss, AF_UNIX, "/run/x", 70));
	assert_int_equal(AF_UNIX, un->sun_family);
	assert_string_equal("/run/x", un->sun_path);
}

static void
no_host_is_any(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;

	(void)state;
	(void)address_fill(&ss, AF_INET, "", 70);
	assert_int_equal(INADDR_ANY, in->sin_addr.s_addr);
	(void)address_fill(&ss, AF_INET6, "", 70);
	assert_memory_equal(&in6addr_any, &in6->sin6_addr, 16);
}

static void
equal_addresses_are_equal_bytes(void **state)
{
	struct sockaddr_storage a, b;

	(void)state;
	memset(&a, 0xff, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	(void)address_fill(&a, AF_INET6, "2001:db8::1", 70);
	(void)address_fill(&b, AF_INET6, "2001:DB8:0::1", 70);
	assert_memory_equal(&a, &b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_family_has_its_address_and_length),
		cmocka_unit_test(no_host_is_any),
		cmocka_unit_test(equal_addresses_are_equal_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
