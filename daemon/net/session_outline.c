/*
 * session_outline.c - look at a stored session before OpenSSL parses it.
 *
 * Floor net.  Bytes in, yes or no out; resume.c asks.
 */
#include "net/session_outline.h"

#include <string.h>

#include "net/sessions.h"

#define INTEGER  0x02
#define OCTETS   0x04
#define SEQUENCE 0x30
#define FIELD    0xa0 /* [n], explicit: n is added */

#define INTEGER_MAX 9 /* bytes; 64 bits and a sign */

/* What may stand in [n]; 0: nothing that we store. */
static const unsigned char fields[] = {
	[1] = INTEGER,  /* time */
	[2] = INTEGER,  /* timeout */
	[4] = OCTETS,   /* session id context */
	[5] = INTEGER,  /* verify result */
	[6] = OCTETS,   /* host name */
	[9] = INTEGER,  /* ticket lifetime hint */
	[10] = OCTETS,  /* ticket */
	[13] = INTEGER, /* flags */
	[14] = INTEGER, /* ticket age add */
	[15] = INTEGER, /* most early data */
	[16] = OCTETS,  /* ALPN */
	[17] = INTEGER, /* fragment length */
	[18] = OCTETS,  /* application data of the ticket */
	[19] = INTEGER, /* group of the key exchange */
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static unsigned
byte_at(struct view v, size_t i)
{
	return (unsigned char)v.p[i];
}

/* Cut an element of that tag off the front of in; false if there is none. */
static bool
cut_element(struct view *in, unsigned tag, struct view *content)
{
	size_t head = 2, len;

	if (in->len < 2 || byte_at(*in, 0) != tag)
		return false;
	len = byte_at(*in, 1);
	if (len == 0x81 && in->len > 2) { /* none has more than 255 bytes */
		len = byte_at(*in, 2);
		head = 3;
		if (len < 0x80)
			return false;
	} else if (len >= 0x80)
		return false;
	if (len > in->len - head)
		return false;
	*content = (struct view){ in->p + head, len };
	*in = view_skip(*in, head + len);
	return true;
}

/* The same for an element of a length within bounds. */
static bool
cut_bounded(struct view *in, unsigned tag, size_t least, size_t most,
    struct view *content)
{
	return cut_element(in, tag, content) && content->len >= least &&
	    content->len <= most;
}

/* What every session begins with. */
static bool
cut_beginning(struct view *in, const unsigned char *id)
{
	struct view v;

	if (!cut_bounded(in, INTEGER, 1, 1, &v) || byte_at(v, 0) != 1)
		return false;
	if (!cut_bounded(in, INTEGER, 2, 2, &v) || byte_at(v, 0) != 3 ||
	    (byte_at(v, 1) != 3 && byte_at(v, 1) != 4)) /* TLS 1.2, 1.3 */
		return false;
	if (!cut_bounded(in, OCTETS, 2, 2, &v)) /* cipher */
		return false;
	if (!cut_bounded(in, OCTETS, SESSIONS_ID_LEN, SESSIONS_ID_LEN, &v) ||
	    memcmp(v.p, id, SESSIONS_ID_LEN) != 0)
		return false;
	return cut_bounded(in, OCTETS, 1, SESSION_SECRET_MAX, &v);
}

/* One of the fields that may follow, later than *last. */
static bool
cut_field(struct view *in, unsigned *last)
{
	unsigned n = byte_at(*in, 0) - FIELD;
	struct view field, v;

	if (n >= N_FIELDS || n <= *last || fields[n] == 0)
		return false;
	*last = n;
	if (!cut_element(in, FIELD + n, &field))
		return false;
	if (fields[n] == INTEGER)
		return cut_bounded(&field, INTEGER, 1, INTEGER_MAX, &v) &&
		    field.len == 0;
	return cut_element(&field, OCTETS, &v) && field.len == 0;
}

bool
session_outline_is_ours(struct view der, const unsigned char *id)
{
	unsigned last = 0;
	struct view in;

	if (!cut_element(&der, SEQUENCE, &in) || der.len > 0 ||
	    !cut_beginning(&in, id))
		return false;
	while (in.len > 0)
		if (!cut_field(&in, &last))
			return false;
	return true;
}
