/* test_cidr.c - addresses and networks of them. */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/cidr.h"

static struct cidr
net(const char *text)
{
	struct cidr got;
	struct view in = exact(view_of(text));

	if (cidr_parse(in, &got) != CIDR_OK)
		fail_msg("\"%s\" was refused", text);
	loose(in);
	return got;
}

static bool
has(const char *network, const char *address)
{
	struct cidr one = net(network), other = net(address);

	return cidr_has(&one, other.family, other.address);
}

static const struct {
	const char *network, *in, *out;
} edges[] = {
	{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
	{ "192.0.2.7", "192.0.2.7", "192.0.2.8" },
	{ "192.0.2.6/31", "192.0.2.7", "192.0.2.8" },
	{ "192.0.2.6/31", "192.0.2.6", "192.0.2.5" },
	{ "10.0.0.0/8", "10.255.255.255", "11.0.0.0" },
	{ "10.0.0.0/8", "10.0.0.0", "9.255.255.255" },
	{ "172.16.0.0/12", "172.31.255.255", "172.32.0.0" },
	{ "172.16.0.0/12", "172.16.0.0", "172.15.255.255" },
	{ "128.0.0.0/1", "255.255.255.255", "127.255.255.255" },
	{ "0.0.0.0/0", "203.0.113.9", "::" },
	{ "2001:db8::1", "2001:db8::1", "2001:db8::2" },
	{ "2001:db8::/32", "2001:db8:ffff::", "2001:db9::" },
	{ "fd00::/8", "fdff:ffff::1", "fe00::" },
	{ "fc00::/7", "fdff::", "fbff:ffff::" },
	{ "2001:db8::4/127", "2001:db8::5", "2001:db8::6" },
	{ "::/0", "2001:db8::1", "192.0.2.1" },
	{ "::1", "::1", "0.0.0.1" },
	/* IPv4 in the words of IPv6 is IPv4, on either side */
	{ "::ffff:10.0.0.0/104", "10.9.8.7", "11.0.0.0" },
	{ "::ffff:192.0.2.7", "192.0.2.7", "192.0.2.6" },
	{ "192.0.2.0/24", "::ffff:192.0.2.9", "::ffff:192.0.3.0" },
	{ "::ffff:0:0/96", "203.0.113.9", "::1" },
	{ "::fffe:0:0/95", "::fffe:0:1", "192.0.2.1" },
};

static void
a_network_ends_where_its_bits_do(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(edges); i++) {
		if (!has(edges[i].network, edges[i].in))
			fail_msg("%s lacks %s", edges[i].network, edges[i].in);
		if (has(edges[i].network, edges[i].out))
			fail_msg("%s has %s", edges[i].network, edges[i].out);
	}
}

static void
another_family_is_not_read(void **state)
{
	struct cidr everybody = net("::/0");

	(void)state;
	assert_false(cidr_has(&everybody, AF_UNIX, NULL));
	assert_false(cidr_has(&everybody, AF_INET, NULL));
}

static void
spellings_of_one_network_are_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{ "192.0.2.1", "192.0.2.1/32", true },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "10.0.0.0/8", "::ffff:a00:0/104", true },
		{ "2001:db8::1", "2001:0DB8:0:0::1/128", true },
		{ "10.0.0.0/8", "10.0.0.0/9", false },
		{ "10.0.0.0/9", "10.0.0.0/8", false },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "0.0.0.0/0", "::/0", false },
		{ "0.0.0.0/32", "::/32", false },
	};
	struct cidr a, b;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(pairs); i++) {
		a = net(pairs[i].a);
		b = net(pairs[i].b);
		assert_int_equal(pairs[i].same, cidr_eq(&a, &b));
	}
}

static void
refuse(struct view text, enum cidr_parse want)
{
	struct cidr to = { .bits = 77 };
	struct view in = exact(text);

	if (cidr_parse(in, &to) != want)
		fail_msg("\"%.*s\" was not refused as it should", VIEW_ARG(in));
	assert_int_equal(77, to.bits);
	loose(in);
}

static void
refuses_what_is_no_address_or_network(void **state)
{
	static const struct view bad[] = {
		VIEW_INIT(""),
		VIEW_INIT("/"),
		VIEW_INIT("/8"),
		VIEW_INIT("no"),
		VIEW_INIT("localhost"),
		VIEW_INIT("10.0.0.0/"),
		VIEW_INIT("10.0.0.0/33"),
		VIEW_INIT("10.0.0.0/-1"),
		VIEW_INIT("10.0.0.0/+8"),
		VIEW_INIT("10.0.0.0/ 8"),
		VIEW_INIT("10.0.0.0/8/8"),
		VIEW_INIT("10.0.0.0/255.0.0.0"),
		VIEW_INIT("10.0.0.0/99999999999999999999"),
		VIEW_INIT("10.0.0/8"),
		VIEW_INIT("10/8"),
		VIEW_INIT("10.0.0.256"),
		VIEW_INIT("10.0.0.1:70"),
		VIEW_INIT("10.0.0.1\0"),
		VIEW_INIT("::/129"),
		VIEW_INIT("::g"),
		VIEW_INIT("[::1]"),
		VIEW_INIT("fe80::1%lo"),
		VIEW_INIT("0000:0000:0000:0000:0000:ffff:255.255.255.2555"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++)
		refuse(bad[i], CIDR_BAD);
}

static void
refuses_an_address_inside_a_network(void **state)
{
	(void)state;
	refuse(VIEW("10.0.0.1/8"), CIDR_INNER);
	refuse(VIEW("10.128.0.0/8"), CIDR_INNER);
	refuse(VIEW("192.0.2.1/31"), CIDR_INNER);
	refuse(VIEW("128.0.0.0/0"), CIDR_INNER);
	refuse(VIEW("::1/127"), CIDR_INNER);
	refuse(VIEW("fd00::1/8"), CIDR_INNER);
	refuse(VIEW("::ffff:10.0.0.1/104"), CIDR_INNER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_ends_where_its_bits_do),
		cmocka_unit_test(another_family_is_not_read),
		cmocka_unit_test(spellings_of_one_network_are_equal),
		cmocka_unit_test(refuses_what_is_no_address_or_network),
		cmocka_unit_test(refuses_an_address_inside_a_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
