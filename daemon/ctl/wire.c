/*
 * wire.c - add up records.
 *
 * Floor ctl.
 */
#include "ctl/wire.h"

/* TLS 1.3: record header, type byte and tag around what is encrypted. */
#define RECORD     22
#define RECORD_MAX 16384 /* bytes of plain text in one; RFC 8446 5.1 */
#define HEADER     4     /* of a handshake message */

/* From capsuled, each a record of its own. */
#define SERVER_HELLO         127 /* in the clear, session id echoed */
#define SERVER_HELLO_PSK     6   /* more, if a session is resumed */
#define ENCRYPTED_EXTENSIONS (RECORD + HEADER + 2)
#define CERTIFICATE_REQUEST  (RECORD + HEADER + 29)
#define CERTIFICATE          (RECORD + HEADER + 4)
#define CERTIFICATE_EACH     5 /* its length, and no extensions */
#define CERTIFICATE_VERIFY   (RECORD + HEADER + 4)
#define FINISHED             (RECORD + HEADER + 32)
#define TICKET               (RECORD + HEADER + 21) /* and the ticket */
#define CLOSE_NOTIFY         (RECORD + 2)

/* From both. */
#define CHANGE_CIPHER_SPEC 6 /* that old middleboxes like; RFC 8446, D.4 */

/* From the client. */
#define CLIENT_HELLO     306 /* without the host name, not padded */
#define CLIENT_HELLO_PSK 47  /* binder, and the ticket */
#define NO_CERTIFICATE   (RECORD + HEADER + 4)

/* Of our own certificate: all but its names; measured. */
#define OWN_CERTIFICATE      299
#define OWN_CERTIFICATE_NAME 2 /* and its bytes */

/* TCP over IPv4, with timestamps as Linux and the BSDs send them. */
#define PACKET_HEADER 52
#define PACKET_MAX    1448 /* bytes that one carries over Ethernet */

const struct wire_line wire_lines[WIRE_LINES] = {
	{ "9600 bit/s", "9600", 9600, 9600, 100 },
	/* GPRS with four time slots down and one up. */
	{ "GPRS", "gprs", 40000, 10000, 700 },
	{ "56 kbit/s", "56k", 56000, 33600, 150 },
};

/* Bytes of records that carry so many. */
static uint64_t
in_records(uint64_t bytes)
{
	return bytes + (bytes + RECORD_MAX - 1) / RECORD_MAX * RECORD;
}

size_t
wire_hello(const struct wire_server *server)
{
	return CLIENT_HELLO + server->host;
}

/* What is the same for both kinds of visit. */
static struct wire_visit
common(const struct wire_server *server, const struct wire_answer *answer)
{
	struct wire_visit v = { .round_trips = 3 }; /* TCP, TLS, request */

	v.down = SERVER_HELLO + CHANGE_CIPHER_SPEC + ENCRYPTED_EXTENSIONS +
	    FINISHED + in_records(answer->bytes) + in_records(answer->file) +
	    CLOSE_NOTIFY;
	v.up = wire_hello(server) + CHANGE_CIPHER_SPEC + FINISHED +
	    in_records(answer->request) + CLOSE_NOTIFY;
	return v;
}

struct wire_visit
wire_first(const struct wire_server *server, const struct wire_answer *answer)
{
	struct wire_visit v = common(server, answer);

	v.down += CERTIFICATE + CERTIFICATE_EACH * server->n_certificates +
	    server->certificates + CERTIFICATE_VERIFY + server->signature;
	if (server->asks) {
		v.down += CERTIFICATE_REQUEST;
		v.up += NO_CERTIFICATE;
	} else if (server->ticket > 0)
		v.down += TICKET + server->ticket;
	return v;
}

struct wire_visit
wire_again(const struct wire_server *server, const struct wire_answer *answer)
{
	struct wire_visit v;

	if (server->asks || server->ticket == 0)
		return wire_first(server, answer);
	v = common(server, answer);
	v.down += SERVER_HELLO_PSK + TICKET + server->ticket;
	v.up += CLIENT_HELLO_PSK + server->ticket;
	return v;
}

struct wire_visit
wire_gopher(const struct wire_answer *answer)
{
	return (struct wire_visit){ answer->request,
		answer->bytes + answer->file, 2 };
}

size_t
wire_own_certificate(size_t n, size_t bytes)
{
	return OWN_CERTIFICATE + n * OWN_CERTIFICATE_NAME + bytes;
}

static uint64_t
packets(uint64_t bytes)
{
	return (bytes + PACKET_MAX - 1) / PACKET_MAX;
}

double
wire_seconds(const struct wire_line *line, const struct wire_visit *visit)
{
	uint64_t down = packets(visit->down), up = packets(visit->up);

	/* Opening and closing, and an acknowledgement for every second. */
	up += 3 + down / 2;
	down += 2;
	return (double)(visit->down + down * PACKET_HEADER) * 8 /
	    (double)line->down +
	    (double)(visit->up + up * PACKET_HEADER) * 8 / (double)line->up +
	    visit->round_trips * line->round_trip_ms / 1000.0;
}
