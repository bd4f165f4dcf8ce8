/* test_wire.c - the model of a visit adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/wire.h"

/* As measured: a page of 70 bytes, a certificate of 329, six bytes that say
 * nothing. */
static const struct wire_server server = { 1, 329, 71, 19, false,
	WIRE_TICKET_SEALED };
static const struct wire_answer page = { 38, 70, 0 };

static void
visits_cost_what_was_counted_on_a_wire(void **state)
{
	struct wire_visit v = wire_first(&server, &page);

	(void)state;
	assert_int_equal(1039, v.down);
	/* The hello, a change of cipher, Finished, the request, the end. */
	assert_int_equal(325 + 6 + 58 + 60 + 24, v.up);
	v = wire_again(&server, &page);
	assert_int_equal(580, v.down);
	assert_int_equal(564 + 6 + 58 + 60 + 24, v.up);
}

static void
asking_for_certificates_costs_a_request_and_all_tickets(void **state)
{
	struct wire_server asks = server;
	struct wire_visit first, again;

	(void)state;
	asks.asks = true;
	first = wire_first(&asks, &page);
	again = wire_again(&asks, &page);
	assert_int_equal(855, first.down);
	assert_int_equal(325 + 6 + 30 + 58 + 60 + 24, first.up);
	assert_int_equal(first.down, again.down);
	assert_int_equal(first.up, again.up);
}

static void
a_ticket_travels_both_ways(void **state)
{
	struct wire_server id = server, none = server;
	int less = WIRE_TICKET_SEALED - WIRE_TICKET_ID;
	struct wire_visit sealed = wire_again(&server, &page);

	(void)state;
	id.ticket = WIRE_TICKET_ID;
	assert_int_equal(1039 - less, wire_first(&id, &page).down);
	assert_int_equal(sealed.down - less, wire_again(&id, &page).down);
	assert_int_equal(sealed.up - less, wire_again(&id, &page).up);
	none.ticket = 0;
	/* Nor is there the message that it travels in. */
	assert_int_equal(1039 - WIRE_TICKET_SEALED - 22 - 4 - 21,
	    wire_first(&none, &page).down);
	assert_int_equal(wire_first(&none, &page).up,
	    wire_again(&none, &page).up);
}

static void
answers_travel_in_records_of_16384_bytes(void **state)
{
	struct wire_answer small = { 38, 16384, 0 }, large = { 38, 16385, 0 };
	struct wire_answer file = { 38, 30, 16385 }, none = { 38, 0, 0 };
	uint64_t least = wire_first(&server, &none).down;

	(void)state;
	assert_int_equal(16384 + 22, wire_first(&server, &small).down - least);
	assert_int_equal(16385 + 44, wire_first(&server, &large).down - least);
	assert_int_equal(30 + 22 + 16385 + 44,
	    wire_first(&server, &file).down - least);
	/* Which is more than 32 bits count. */
	file.file = UINT64_C(1) << 32;
	assert_true(wire_first(&server, &file).down - least ==
	    30 + 22 + file.file + (file.file >> 14) * 22);
	assert_true(wire_gopher(&file).down == 30 + file.file);
}

static void
every_certificate_of_a_chain_counts(void **state)
{
	struct wire_server chain = server;

	(void)state;
	chain.n_certificates = 2;
	chain.certificates += 500;
	assert_int_equal(505,
	    wire_first(&chain, &page).down - wire_first(&server, &page).down);
	/* A session that is resumed needs none. */
	assert_int_equal(wire_again(&chain, &page).down,
	    wire_again(&server, &page).down);
}

static void
gopher_is_the_selector_and_the_answer(void **state)
{
	struct wire_answer menu = { 10, 100, 1000 };
	struct wire_visit v = wire_gopher(&menu);

	(void)state;
	assert_int_equal(10, v.up);
	assert_int_equal(1100, v.down);
	assert_int_equal(2, v.round_trips);
}

static void
seconds_are_bytes_headers_and_round_trips(void **state)
{
	/* One packet each way; opening and closing: 4 up and 3 down. */
	struct wire_visit v = { 100, 200, 3 };
	double want =
	    (200 + 3 * 52) * 8 / 9600.0 + (100 + 4 * 52) * 8 / 9600.0 + 3 * 0.1;

	(void)state;
	assert_float_equal(want, wire_seconds(&wire_lines[0], &v), 0.0001);
	/* One byte more than a packet holds is another packet, and every
	 * second one is acknowledged. */
	v.down = 1448;
	want = wire_seconds(&wire_lines[0], &v);
	v.down = 1449;
	assert_float_equal((1 + 52 + 52) * 8 / 9600.0,
	    wire_seconds(&wire_lines[0], &v) - want, 0.0001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(visits_cost_what_was_counted_on_a_wire),
		cmocka_unit_test(
		    asking_for_certificates_costs_a_request_and_all_tickets),
		cmocka_unit_test(a_ticket_travels_both_ways),
		cmocka_unit_test(answers_travel_in_records_of_16384_bytes),
		cmocka_unit_test(every_certificate_of_a_chain_counts),
		cmocka_unit_test(gopher_is_the_selector_and_the_answer),
		cmocka_unit_test(seconds_are_bytes_headers_and_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
