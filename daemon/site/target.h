/* target.h - an application server, as a line of the map names it. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/view.h"
#include "site/conf_types.h"

/* Bytes of a socket's name; sockaddr_un of the BSDs, less the NUL. */
#define TARGET_PATH_MAX 103

enum target_family { TARGET_UNIX, TARGET_IPV4, TARGET_IPV6 };

/* Every view is a C string, too. */
struct target {
	struct target *next; /* of all those of a snapshot */
	unsigned number;     /* from 0; no other of the snapshot has it */
	bool is_scgi;        /* else FastCGI */
	enum target_family family;
	struct view host; /* name of the socket, or address without brackets */
	int port;         /* 0 for a socket of the file system */
	struct view name; /* the address as written: for messages */
	struct view script; /* SCRIPT_FILENAME; ending in "/", the folder that
			     * holds the scripts; or empty */
	char item;          /* Gopher's type of links to it */

	/* Filled by who prepares the answers. */
	struct view mapped; /* the selector of the map */
	struct view root;   /* DOCUMENT_ROOT */
};

/* True if what a selector is mapped to is an application server. */
bool target_is(struct view value);

/*
 * Read what pair maps its selector to into *to, with memory from a:
 *
 *	value   = ( "@fastcgi" / "@scgi" ) address [ script ] [ item ]
 *	address = "unix:" path / IPv4 ":" port / "[" IPv6 "]:" port
 *
 * A relative path starts from the folder of conf->path.  Looks at no file and
 * connects nowhere.  Returns 0; or -1 with a sentence appended to why.
 */
int target_parse(const struct conf *conf, const struct conf_pair *pair,
    struct arena *a, struct target *to, struct buf *why);

#endif
