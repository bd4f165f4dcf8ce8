/*
 * access_log.c - one line for each answer.
 *
 * Floor net; pure but for access_log_keep's memory.
 */
#include "net/access_log.h"

#include <netinet/in.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define KEPT_OF_IPV4 3 /* bytes of a truncated address: /24 and /48 are a */
#define KEPT_OF_IPV6 6 /* neighbourhood, not a person */

void
access_log_put_address(struct buf *to, enum conf_address how,
    sa_family_t family, const unsigned char *address)
{
	unsigned char shown[sizeof(struct in6_addr)] = { 0 };
	char text[INET6_ADDRSTRLEN];
	bool is_ipv4 = family == AF_INET;
	size_t len = is_ipv4 ? sizeof(struct in_addr) : sizeof(shown);

	if (how == CONF_ADDRESS_NONE) {
		buf_putc(to, '-');
		return;
	}
	if (family == AF_UNIX) {
		buf_puts(to, "unix");
		return;
	}
	if (how == CONF_ADDRESS_TRUNCATED)
		len = is_ipv4 ? KEPT_OF_IPV4 : KEPT_OF_IPV6;
	memcpy(shown, address, len);
	if (inet_ntop(family, shown, text, sizeof(text)) == NULL)
		buf_putc(to, '-');
	else
		buf_puts(to, text);
}

static void
put_client(struct buf *to, const unsigned char *sha256)
{
	size_t i;

	buf_puts(to, " client=");
	for (i = 0; i < ACCESS_LOG_HASH; i++)
		buf_printf(to, "%02x", sha256[i]);
}

void
access_log_format(struct buf *to, const struct access_line *line)
{
	buf_printf(to, "proto=%s from=", line->protocol);
	access_log_put_address(to, line->addresses, line->family,
	    line->address);
	buf_puts(to, " host=");
	if (line->host.len == 0)
		buf_putc(to, '-');
	log_escape(to, line->host, ACCESS_LOG_SELECTOR);
	buf_puts(to, " selector=\"");
	log_escape(to, line->selector, ACCESS_LOG_SELECTOR);
	buf_printf(to, "\" status=%d", line->status);
	if (line->client != NULL)
		put_client(to, line->client);
	buf_printf(to, " bytes=%llu ms=%lld tls=%s resumed=%d",
	    (unsigned long long)line->bytes, (long long)line->ms,
	    line->tls[0] == '\0' ? "-" : line->tls, line->resumed);
	if (line->end != NULL)
		buf_printf(to, " end=%s", line->end);
}

char *
access_log_keep(struct view *host, struct view *selector)
{
	char *kept = malloc(host->len + selector->len + 1);

	if (kept == NULL)
		return NULL;
	if (host->len > 0)
		memcpy(kept, host->p, host->len);
	if (selector->len > 0)
		memcpy(kept + host->len, selector->p, selector->len);
	host->p = kept;
	selector->p = kept + host->len;
	return kept;
}
