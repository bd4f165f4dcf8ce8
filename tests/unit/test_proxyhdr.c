/* test_proxyhdr.c - the PROXY protocol's header, versions 1 and 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "expect.h"
#include "format/proxyhdr.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BLOCK  "\x0a\0\0\x01\x0a\0\0\x02\x10\x92\0\x46"
#define V6_FROM   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define V6_BLOCK                                                               \
	V6_FROM "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xff\xff\0\x46"
#define MAPPED_BLOCK                                                           \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff" ADDRESS4                                \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02\x10\x92\0\x46"
#define ADDRESS4 "\x0a\0\0\x01"
#define NOTHING  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define X8       "xxxxxxxx"
#define X24      X8 X8 X8
#define X216     X24 X24 X24 X24 X24 X24 X24 X24 X24

#define CASE(name, in, family, address, port)                                  \
	{                                                                      \
		name, VIEW_INIT(in), family, VIEW_INIT(address), port          \
	}

static const struct {
	const char *name;
	struct view in;
	enum proxyhdr_family family;
	struct view address;
	unsigned port;
} good[] = {
	CASE("v1 TCP4", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 1965\r\n",
	    PROXYHDR_IPV4, "\xc0\xa8\0\x01", 56324),
	CASE("v1 TCP4, longest",
	    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	    PROXYHDR_IPV4, "\xff\xff\xff\xff", 65535),
	CASE("v1 port 0", "PROXY TCP4 10.0.0.1 10.0.0.2 0 0\r\n", PROXYHDR_IPV4,
	    "\x0a\0\0\x01", 0),
	CASE("v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 4242 70\r\n",
	    PROXYHDR_IPV6, V6_FROM, 4242),
	CASE("v1 TCP6, longest",
	    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    PROXYHDR_IPV6,
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    65535),
	CASE("v1 TCP6, IPv4 within",
	    "PROXY TCP6 ::ffff:10.0.0.1 ::ffff:10.0.0.2 4242 70\r\n",
	    PROXYHDR_IPV4, ADDRESS4, 4242),
	CASE("v1 UNKNOWN", "PROXY UNKNOWN\r\n", PROXYHDR_NONE, NOTHING, 0),
	CASE("v1 UNKNOWN with a rest",
	    "PROXY UNKNOWN ffff::1 what ever\t65536\r\n", PROXYHDR_NONE,
	    NOTHING, 0),
	CASE("v2 TCP4", SIGNATURE "\x21\x11\0\x0c" V4_BLOCK, PROXYHDR_IPV4,
	    ADDRESS4, 4242),
	CASE("v2 TCP4 and a TLV",
	    SIGNATURE "\x21\x11\0\x10" V4_BLOCK "\x04\0\x01x", PROXYHDR_IPV4,
	    ADDRESS4, 4242),
	CASE("v2 TCP6", SIGNATURE "\x21\x21\0\x24" V6_BLOCK, PROXYHDR_IPV6,
	    V6_FROM, 65535),
	CASE("v2 TCP6, IPv4 within", SIGNATURE "\x21\x21\0\x24" MAPPED_BLOCK,
	    PROXYHDR_IPV4, ADDRESS4, 4242),
	CASE("v2 LOCAL", SIGNATURE "\x20\0\0\0", PROXYHDR_NONE, NOTHING, 0),
	CASE("v2 LOCAL with a block", SIGNATURE "\x20\x11\0\x0c" V4_BLOCK,
	    PROXYHDR_NONE, NOTHING, 0),
	CASE("v2 LOCAL with nonsense", SIGNATURE "\x20\xff\0\x02zz",
	    PROXYHDR_NONE, NOTHING, 0),
	CASE("v2 unspecified", SIGNATURE "\x21\0\0\x04zzzz", PROXYHDR_NONE,
	    NOTHING, 0),
	CASE("v2 UDP4", SIGNATURE "\x21\x12\0\x0c" V4_BLOCK, PROXYHDR_NONE,
	    NOTHING, 0),
	CASE("v2 UDP6", SIGNATURE "\x21\x22\0\x24" V6_BLOCK, PROXYHDR_NONE,
	    NOTHING, 0),
	CASE("v2 UNIX", SIGNATURE "\x21\x31\0\xd8" X216, PROXYHDR_NONE, NOTHING,
	    0),
	CASE("v2 UNIX datagram", SIGNATURE "\x21\x32\0\xd8" X216, PROXYHDR_NONE,
	    NOTHING, 0),
};

static void
expect_header(const char *name, const struct proxyhdr *got, size_t i)
{
	unsigned char whole[sizeof(got->address)] = { 0 };

	memcpy(whole, good[i].address.p, good[i].address.len);
	if (got->family != good[i].family || got->port != good[i].port ||
	    memcmp(got->address, whole, sizeof(whole)) != 0)
		fail_msg("%s: wrong source", name);
	if (got->len != good[i].in.len)
		fail_msg("%s: %zu bytes", name, got->len);
}

static void
finds_who_is_behind_the_proxy(void **state)
{
	struct proxyhdr h;
	struct view in;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(good); i++) {
		in = exact(good[i].in);
		if (proxyhdr_parse(in, &h) != PROXYHDR_OK)
			fail_msg("%s: refused", good[i].name);
		expect_header(good[i].name, &h, i);
		loose(in);
		/* The client's own bytes may come in the same packet. */
		buf_init(&b, 1024);
		buf_put(&b, good[i].in);
		buf_puts(&b, "\x16\x03\x01\r\n");
		assert_int_equal(proxyhdr_parse(buf_view(&b), &h), PROXYHDR_OK);
		expect_header(good[i].name, &h, i);
		buf_fini(&b);
	}
}

static void
every_prefix_wants_more(void **state)
{
	struct proxyhdr h;
	struct view part;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(good); i++)
		for (n = 0; n < good[i].in.len; n++) {
			part = exact((struct view){ good[i].in.p, n });
			if (proxyhdr_parse(part, &h) != PROXYHDR_MORE)
				fail_msg("%s: after %zu bytes", good[i].name,
				    n);
			loose(part);
		}
}

#define BAD(in) VIEW_INIT(in)

static const struct view bad[] = {
	/* no header at all; known from the first byte that differs */
	BAD("x"),
	BAD("/about\r\n"),
	BAD("\x16\x03\x01"),
	BAD("\r\n\r\nQ"),
	BAD("proxy "),
	BAD("PROXY\t"),
	BAD("PROXYTCP4"),
	/* version 1 */
	BAD("PROXY \r\n"),
	BAD("PROXY  TCP4 10.0.0.1 10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP4\r\n"),
	BAD("PROXY TCP4 \r\n"),
	BAD("PROXY TCP4 10.0.0.1\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 \r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 2 \r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3\r\n"),
	BAD("PROXY TCP4 10.0.0.1  10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 01 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 02\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 00 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 65536 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 -1 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 2x\r\n"),
	BAD("PROXY TCP4 10.0.0.256 10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.256 1 2\r\n"),
	BAD("PROXY TCP4 10.0.0 10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP4 10.0.0.01 10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP4 ::1 ::2 1 2\r\n"),
	BAD("PROXY TCP6 10.0.0.1 10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP6 ::g ::2 1 2\r\n"),
	/* as long as the longest spelling and its NUL */
	BAD("PROXY TCP6 0000:0000:0000:0000:0000:ffff:255.255.255.2555 ::2 1 "
	    "2\r\n"),
	BAD("PROXY TCP6 [::1] [::2] 1 2\r\n"),
	BAD("PROXY TCP6 ::1%lo ::2 1 2\r\n"),
	BAD("PROXY TCP4 10.0.0.1\0 10.0.0.2 1 2\r\n"),
	BAD("PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n"),
	BAD("PROXY TCP5 10.0.0.1 10.0.0.2 1 2\r\n"),
	BAD("PROXY tcp4 10.0.0.1 10.0.0.2 1 2\r\n"),
	BAD("PROXY UNKNOWNS\r\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n"),
	BAD("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\r\n"),
	BAD("PROXY TCP4 10.0.0.1\r10.0.0.2 1 2\r\n"),
	BAD("PROXY UNKNOWN\n"),
	BAD("PROXY UNKNOWN\rx"),
	/* version 2 */
	BAD(SIGNATURE "\x11\x11\0\x0c"),
	BAD(SIGNATURE "\x31\x11\0\x0c"),
	BAD(SIGNATURE "\x22\x11\0\x0c"),
	BAD(SIGNATURE "\x2f\x11\0\x0c"),
	BAD(SIGNATURE "\x01\x11\0\x0c"),
	BAD(SIGNATURE "\x21\x10\0\x0c" V4_BLOCK),
	BAD(SIGNATURE "\x21\x13\0\x0c" V4_BLOCK),
	BAD(SIGNATURE "\x21\x01\0\x0c" V4_BLOCK),
	BAD(SIGNATURE "\x21\x41\0\x0c" V4_BLOCK),
	BAD(SIGNATURE "\x21\x11\0\0"),
	BAD(SIGNATURE "\x21\x11\0\x0b" V4_BLOCK),
	BAD(SIGNATURE "\x21\x12\0\x0b" V4_BLOCK),
	BAD(SIGNATURE "\x21\x21\0\x23" V6_BLOCK),
	BAD(SIGNATURE "\x21\x31\0\xd7" X216),
	BAD(SIGNATURE "\x21\x11\xff\xff" V4_BLOCK),
	BAD(SIGNATURE "\x20\0\xff\xff"),
};

static void
refuses_what_can_be_no_header(void **state)
{
	struct proxyhdr h = { .len = 12345 };
	struct view in;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		in = exact(bad[i]);
		if (proxyhdr_parse(in, &h) != PROXYHDR_BAD)
			fail_msg("row %zu, \"%s\", was taken", i, bad[i].p);
		assert_int_equal(h.len, 12345);
		loose(in);
	}
}

/* A version 1 line of n bytes in all, or n bytes without an end. */
static enum proxyhdr_parse
parse_line(size_t n, const char *end)
{
	struct proxyhdr h;
	struct view in;
	struct buf b;
	enum proxyhdr_parse r;

	buf_init(&b, 1024);
	buf_puts(&b, "PROXY UNKNOWN ");
	buf_fill(&b, 'x', n - b.len - strlen(end));
	buf_puts(&b, end);
	in = exact(buf_view(&b));
	r = proxyhdr_parse(in, &h);
	loose(in);
	buf_fini(&b);
	return r;
}

static void
a_line_has_at_most_107_bytes(void **state)
{
	const size_t max = PROXYHDR_V1_MAX;

	(void)state;
	assert_int_equal(max, 107);
	assert_int_equal(parse_line(max, "\r\n"), PROXYHDR_OK);
	assert_int_equal(parse_line(max + 1, "\r\n"), PROXYHDR_BAD);
	assert_int_equal(parse_line(max - 1, ""), PROXYHDR_MORE);
	assert_int_equal(parse_line(max - 1, "\r"), PROXYHDR_MORE);
	assert_int_equal(parse_line(max, ""), PROXYHDR_BAD);
	assert_int_equal(parse_line(max, "\r"), PROXYHDR_BAD);
}

static void
a_block_has_at_most_536_bytes(void **state)
{
	struct view in = { NULL, PROXYHDR_V2_MAX };
	struct proxyhdr h;
	struct buf b;

	(void)state;
	assert_int_equal(PROXYHDR_V2_MAX, 536);
	buf_init(&b, 1024);
	/* 16 + 0x0208 is 536 */
	buf_put(&b, VIEW(SIGNATURE "\x21\x11\x02\x08" V4_BLOCK));
	buf_fill(&b, 'x', PROXYHDR_V2_MAX - b.len);
	in.p = b.p;
	assert_int_equal(proxyhdr_parse(in, &h), PROXYHDR_OK);
	assert_int_equal(h.len, PROXYHDR_V2_MAX);
	in.len--;
	assert_int_equal(proxyhdr_parse(in, &h), PROXYHDR_MORE);
	/* One more is refused before it has come. */
	b.p[15] = '\x09';
	in.len = 16;
	assert_int_equal(proxyhdr_parse(in, &h), PROXYHDR_BAD);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_who_is_behind_the_proxy),
		cmocka_unit_test(every_prefix_wants_more),
		cmocka_unit_test(refuses_what_can_be_no_header),
		cmocka_unit_test(a_line_has_at_most_107_bytes),
		cmocka_unit_test(a_block_has_at_most_536_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
