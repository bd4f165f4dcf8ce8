/*
 * address.c - numeric addresses and paths, never a name: nothing is looked up.
 *
 * Floor base.
 */
#include "base/address.h"

#include <sys/un.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <string.h>

socklen_t
address_fill(struct sockaddr_storage *to, int family, const char *host,
    int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_un *un = (struct sockaddr_un *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = (sa_family_t)family;
	if (family == AF_UNIX) {
		memcpy(un->sun_path, host, strlen(host));
		return sizeof(*un);
	}
	if (family == AF_INET) {
		in->sin_port = htons((in_port_t)port);
		if (host[0] != '\0')
			(void)inet_pton(AF_INET, host, &in->sin_addr);
		return sizeof(*in);
	}
	in6->sin6_port = htons((in_port_t)port);
	if (host[0] != '\0')
		(void)inet_pton(AF_INET6, host, &in6->sin6_addr);
	return sizeof(*in6);
}
