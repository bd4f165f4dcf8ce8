/* test_record_size.c - how answers begin: pieces and TLS records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/record_size.h"
#include "net/stream_tls.h"

#define HEADERS RECORD_SIZE_HEADERS

/* Microseconds that so many bytes take at so many bits a second. */
static int64_t
takes_us(int64_t bytes, int64_t rate)
{
	return bytes * 8 * 1000000 / rate;
}

/* The first piece over a line of that rate, ms long each way. */
static size_t
over(int64_t rate, int ms, size_t received)
{
	return record_size_first(takes_us((int64_t)received + HEADERS, rate),
	    received, takes_us(112, rate) + 2000 * ms);
}

static void
test_a_slow_line_gets_pieces_that_are_back_in_time(void **state)
{
	static const int rates[] = { 4800, 9600, 14400, 19200 };
	size_t piece, i;
	int64_t rtt;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		piece = over(rates[i], 150, 313);
		rtt = takes_us(112, rates[i]) + 300000;
		assert_in_range(piece, RECORD_SIZE_LEAST,
		    RECORD_SIZE_SEGMENT - 1);
		/* There and back before TCP gives it up. */
		assert_true(
		    takes_us((int64_t)piece + HEADERS - 60, rates[i]) + rtt <
		    2 * rtt);
	}
}

static void
test_what_the_peer_sent_first_does_not_matter(void **state)
{
	size_t small = over(9600, 150, 11), large = over(9600, 150, 1400);

	(void)state;
	assert_in_range(small, large - 2, large + 2);
}

static void
test_a_line_that_carries_a_packet_in_time_gets_whole_ones(void **state)
{
	(void)state;
	assert_int_equal(over(32000, 300, 313), 0);
	assert_int_equal(over(512000, 300, 313), 0);
	/* 1,448 bytes are three quarters of 1,931. */
	assert_int_equal(record_size_first(300000, 1931 - HEADERS, 300000), 0);
	assert_int_equal(record_size_first(300000, 1930 - HEADERS, 300000),
	    1447);
}

static void
test_bytes_that_come_at_once_mean_no_slow_line(void **state)
{
	(void)state;
	assert_int_equal(record_size_first(0, 11, 400000), 0);
	assert_int_equal(record_size_first(RECORD_SIZE_WAIT_US - 1, 1, 400000),
	    0);
	assert_int_not_equal(record_size_first(RECORD_SIZE_WAIT_US * 3, 1,
				 400000),
	    0);
}

static void
test_a_short_way_is_never_a_slow_line(void **state)
{
	(void)state;
	assert_int_equal(record_size_first(100000, 100, RECORD_SIZE_RTT_US - 1),
	    0);
	assert_int_not_equal(record_size_first(100000, 100, RECORD_SIZE_RTT_US),
	    0);
	assert_int_equal(record_size_first(100000, 100, -1), 0);
}

static void
test_a_client_that_thinks_is_not_taken_for_a_slow_line(void **state)
{
	(void)state;
	/* 112 bytes would have taken longer than they have. */
	assert_int_equal(record_size_first(600001, 60, 600000), 0);
	assert_int_not_equal(record_size_first(600000, 60, 600000), 0);
	assert_int_equal(record_size_first(INT64_C(3600) * 1000000, 60, 600000),
	    0);
}

static void
test_a_piece_is_never_most_of_all_headers(void **state)
{
	(void)state;
	assert_int_equal(over(1200, 10, 11), RECORD_SIZE_LEAST);
}

static void
test_each_piece_is_twice_the_one_before(void **state)
{
	(void)state;
	assert_int_equal(record_size_next(200), 400);
	assert_int_equal(record_size_next(723), 1446);
	assert_int_equal(record_size_next(724), 0);
	assert_int_equal(record_size_next(1447), 0);
}

static void
test_an_answer_of_one_flight_is_one_record(void **state)
{
	struct stream s = { 0 };

	(void)state;
	assert_int_equal(stream_record(&s, 2048), STREAM_RECORD_MAX);
	assert_int_equal(stream_record(&s, STREAM_SMALL_ABOVE),
	    STREAM_RECORD_MAX);
	assert_int_equal(stream_record(&s, STREAM_SMALL_ABOVE + 1),
	    STREAM_RECORD_SMALL);
	/* With all that TLS 1.2 puts around it, in a packet of IPv6. */
	assert_true(STREAM_RECORD_SMALL + 29 <= 1500 - 72);
}

static void
test_on_a_slow_line_two_packets_are_one_record_at_most(void **state)
{
	struct stream s = { .first_piece = RECORD_SIZE_LEAST };

	(void)state;
	assert_int_equal(stream_record(&s, 2 * STREAM_RECORD_SMALL),
	    STREAM_RECORD_MAX);
	assert_int_equal(stream_record(&s, 2 * STREAM_RECORD_SMALL + 1),
	    STREAM_RECORD_SMALL);
}

static void
test_records_are_large_for_fast_readers_alone(void **state)
{
	struct stream s = { 0 };

	(void)state;
	s.pace.is_fast = true;
	assert_int_equal(stream_record(&s, 1 << 20), STREAM_RECORD_MAX);
	s.pace.is_fast = false;
	assert_int_equal(stream_record(&s, 1 << 20), STREAM_RECORD_SMALL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_slow_line_gets_pieces_that_are_back_in_time),
		cmocka_unit_test(test_what_the_peer_sent_first_does_not_matter),
		cmocka_unit_test(
		    test_a_line_that_carries_a_packet_in_time_gets_whole_ones),
		cmocka_unit_test(
		    test_bytes_that_come_at_once_mean_no_slow_line),
		cmocka_unit_test(test_a_short_way_is_never_a_slow_line),
		cmocka_unit_test(
		    test_a_client_that_thinks_is_not_taken_for_a_slow_line),
		cmocka_unit_test(test_a_piece_is_never_most_of_all_headers),
		cmocka_unit_test(test_each_piece_is_twice_the_one_before),
		cmocka_unit_test(test_an_answer_of_one_flight_is_one_record),
		cmocka_unit_test(
		    test_on_a_slow_line_two_packets_are_one_record_at_most),
		cmocka_unit_test(test_records_are_large_for_fast_readers_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
