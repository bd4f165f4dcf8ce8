/*
 * idn.c - host names that are not ASCII, by libidn2.
 *
 * Floor format.  The library allocates, but is only asked for names in other
 * letters: an ordinary request never comes here.
 */
#include "format/idn.h"

#include <string.h>

#include <idn2.h>

#include "format/utf8.h"

#define DNS_NAME_MAX 253 /* bytes; RFC 1035 2.3.4, less dots */
/* Longest name in UTF-8 that is looked at: each byte of DNS from four. */
#define NAME_MAX_UTF8 (DNS_NAME_MAX * 4)

bool
idn_is_needed(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++)
		if ((unsigned char)v.p[i] >= 0x80)
			return true;
	return false;
}

/*
 * Wide forms of "/", ":" and the like are mapped to these.  The library's own
 * flag against them would leave them out, and make one name of two.
 */
static bool
is_ascii_name(const char *ascii)
{
	return ascii[strspn(ascii, "abcdefghijklmnopqrstuvwxyz0123456789-.")] ==
	    '\0';
}

int
idn_to_ascii(struct buf *to, struct view host)
{
	char name[NAME_MAX_UTF8 + 1], *ascii = NULL;
	bool is_good;

	if (host.len > NAME_MAX_UTF8 || !utf8_is_valid(host) ||
	    memchr(host.p, '\0', host.len) != NULL)
		return -1;
	memcpy(name, host.p, host.len);
	name[host.len] = '\0';
	if (idn2_to_ascii_8z(name, &ascii,
		IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return -1;
	is_good = ascii[0] != '\0' && is_ascii_name(ascii);
	if (is_good)
		buf_puts(to, ascii);
	idn2_free(ascii);
	return is_good ? 0 : -1;
}
