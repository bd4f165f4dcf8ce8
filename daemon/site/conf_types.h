/* conf_types.h - the values of a configuration, which all who read it see. */
#ifndef CONF_TYPES_H
#define CONF_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/view.h"
#include "format/cidr.h"
#include "format/utf8.h"

#define CONF_LINE_MAX    198        /* bytes; inih splits longer lines */
#define CONF_SECTION_MAX 49         /* bytes; inih cuts longer names */
#define CONF_FILE_MAX    (1 << 20)  /* bytes; ours, against endless files */
#define CONF_BUDGET_MAX  (16 << 20) /* bytes; what a page may have */
#define CONF_NAMED_MAX   256        /* capsules, and Gopher services; ours */
#define CONF_UNIX_MAX    103 /* bytes; sun_path of the BSDs less its NUL */

#define CONF_WATCH_AUTO   (-1)      /* of watch_s: the system tells */
#define CONF_SESSIONS_MAX (1 << 16) /* 256 bytes of memory each */

/* Every string below is also a C string: arena_copy ends it with a NUL. */
struct conf_list {
	struct view *v;
	size_t n;
};

/* An address to listen on; "*:70" is two of them, one a family. */
struct conf_listen {
	struct view host; /* an address without brackets; empty: any; or the
			   * path of a socket of this machine */
	int family;       /* AF_INET, AF_INET6 or AF_UNIX */
	int port;         /* 0: the kernel chooses; AF_UNIX has none */
	bool optional;    /* half of a "*": a family the system lacks is fine */
	int pair;         /* which word of the list it came from, from 0 */
};

struct conf_listens {
	struct conf_listen *v;
	size_t n;
};

/* Networks, and each as it was written; single addresses among them. */
struct conf_networks {
	struct cidr *v;
	struct view *text;
	size_t n; /* 0: no */
};

/* A line of a section that maps: selector, pattern or extension = value. */
struct conf_pair {
	struct view key, value;
	int line;
};

struct conf_pairs {
	struct conf_pair *v;
	size_t n;
};

enum conf_address {
	CONF_ADDRESS_FULL,
	CONF_ADDRESS_TRUNCATED,
	CONF_ADDRESS_NONE
};

/* Which versions of TLS are spoken. */
enum conf_tls_versions { CONF_TLS_12_AND_13, CONF_TLS_13_ALONE };

/* How TLS sessions are resumed. */
enum conf_tickets {
	CONF_TICKETS_ID,     /* we remember them, the client has a number */
	CONF_TICKETS_SEALED, /* the client has them, encrypted by us */
	CONF_TICKETS_NONE
};

/* One named site: [capsule] and its [selectors], [listing] and so on. */
struct conf_capsule {
	struct view name;          /* empty for the first, plain [capsule] */
	const char *tag;           /* as headers have it: " NAME", or "" */
	int line;                  /* of its section header */
	size_t gopher;             /* which of conf->gophers its menus name */
	struct conf_list hostname; /* as uri_normalise_host leaves them, and
				    * "*." before it for all names below */
	/* Paths: absolute, or behind the folder of conf->path. */
	struct view root, certificate, key;
	struct view language; /* BCP 47 tags, commas between; empty: unknown */
	struct view title, admin; /* empty: not said */
	bool symlinks;            /* are followed, below the root */
	bool ask_certificate;     /* even if no rule of access does */
	int budget; /* bytes that a page should not exceed; 0: any weight */
	int hostname_line, root_line, certificate_line, key_line;
	struct conf_pairs selectors, listing, languages, types, access;
};

/* [gopher], which serves the first capsule, or [gopher NAME], which serves
 * capsule NAME. */
struct conf_gopher {
	struct view name;
	const char *tag; /* as that of a capsule */
	int line;
	size_t capsule; /* which of conf->capsules it serves */
	struct conf_listens listen;
	int listen_line;
	bool tls;
	struct view host; /* written into menus; empty: the capsule's first */
	int port;         /* 0: the one listened on */
	int columns;
	enum utf8_charset charset;
	bool lastline;
	struct conf_networks proxies; /* from whom a PROXY header comes */
};

struct conf {
	struct arena *arena; /* owns everything below, this struct included */
	const char *path;    /* of the INI file, for messages */

	/* [server] */
	struct view user, group, key_user, data_user; /* empty: none */
	struct view chroot, pid_file, store;          /* empty: none */
	int user_line, group_line, key_user_line, data_user_line, chroot_line;
	struct view control;       /* "auto", "off", or a path */
	struct view control_group; /* empty: none */
	int control_line, control_group_line;
	int workers; /* 0: one per processor */
	int max_connections, max_connections_per_address;
	int rate; /* requests a second per address; 0: off */
	int request_timeout_ms, idle_timeout_ms, drain_timeout_ms;
	int hang_timeout_ms;
	int request_timeout_line;
	int watch_s;  /* 0: off; or CONF_WATCH_AUTO */
	int rescan_s; /* with that; 0: off */
	bool key_process;

	/* [log] */
	enum log_level level;
	struct view access; /* "stderr", "syslog", "none", or a path */
	int access_line;
	int facility; /* of syslog(3) */
	enum conf_address addresses;

	/* [tls] */
	enum conf_tls_versions tls_versions;
	struct view groups; /* names with blanks between */
	int groups_line;
	enum conf_tickets tickets;
	int sessions;
	struct view ticket_keys; /* path; empty: random ones */
	int ticket_keys_line;

	/* [gemini] */
	struct conf_listens gemini_listen;
	int gemini_listen_line;
	struct conf_listens gemini_clear; /* the same without TLS */
	int gemini_clear_line;
	bool check_port;
	struct conf_networks gemini_proxies; /* as those of conf_gopher */

	/* [application] */
	int application_timeout_ms;
	int application_max; /* bytes of an answer */

	/* [metrics] */
	struct conf_listens metrics_listen;
	int metrics_listen_line;

	struct conf_gopher *gophers; /* at least one: plain [gopher] */
	size_t n_gophers;
	struct conf_capsule *capsules; /* at least one: plain [capsule] */
	size_t n_capsules;
};

/*
 * The capsule that a normalised host name leads to, or NULL: one that names
 * it, else one that names "*." and what follows its first label.
 */
const struct conf_capsule *conf_capsule_of(const struct conf *conf,
    struct view host);

#endif
