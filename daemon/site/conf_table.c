/*
 * conf_table.c - the one table of keys.
 *
 * Floor site.  Parsing, range checks, defaults, the printed configuration and
 * the check of the manual all come from here: a new key is a new row, a line
 * in the manual and a line in the sample.
 */
#include "site/conf_table.h"

#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "format/render.h"
#include "format/utf8.h"
#include "site/conf_types.h"

#define S 1000L       /* a second in ms */
#define H (3600L * S) /* an hour in ms */

#define GLOBAL(field)     offsetof(struct conf, field)
#define OF_CAPSULE(field) offsetof(struct conf_capsule, field)
#define OF_GOPHER(field)  offsetof(struct conf_gopher, field)
#define COUNT(array)      (sizeof(array) / sizeof((array)[0]))

const struct conf_word conf_switch[] = { { "yes", 1 }, { "no", 0 }, { NULL } };

static const struct conf_word auto_word[] = { { "auto", 0 }, { NULL } };

static const struct conf_word watch_words[] = { { "auto", CONF_WATCH_AUTO },
	{ NULL } };

static const struct conf_word off_word[] = { { "off", 0 }, { NULL } };

static const struct conf_word control_words[] = {
	{ "auto", 0 },
	{ "off", 0 },
	{ NULL },
};

static const struct conf_word levels[] = {
	{ "error", LOG_LEVEL_ERROR },
	{ "warn", LOG_LEVEL_WARN },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
	{ NULL },
};

static const struct conf_word sinks[] = {
	{ "stderr", 0 },
	{ "syslog", 0 },
	{ "none", 0 },
	{ NULL },
};

/* Those that are for daemons and for sites to choose from. */
static const struct conf_word facilities[] = {
	{ "daemon", LOG_DAEMON },
	{ "local0", LOG_LOCAL0 },
	{ "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 },
	{ "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 },
	{ "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 },
	{ "local7", LOG_LOCAL7 },
	{ NULL },
};

static const struct conf_word addresses[] = {
	{ "full", CONF_ADDRESS_FULL },
	{ "truncated", CONF_ADDRESS_TRUNCATED },
	{ "none", CONF_ADDRESS_NONE },
	{ NULL },
};

static const struct conf_word tickets[] = {
	{ "id", CONF_TICKETS_ID },
	{ "sealed", CONF_TICKETS_SEALED },
	{ "none", CONF_TICKETS_NONE },
	{ NULL },
};

static const struct conf_word tls_versions[] = {
	{ "1.2 1.3", CONF_TLS_12_AND_13 },
	{ "1.3", CONF_TLS_13_ALONE },
	{ NULL },
};

static const struct conf_word charsets[] = {
	{ "utf-8", UTF8_UTF8 },
	{ "latin1", UTF8_LATIN1 },
	{ "ascii", UTF8_ASCII },
	{ NULL },
};

const struct conf_section conf_sections[] = {
	{ "server", .help = "the processes" },
	{ "log", .help = "what is written down" },
	{ "tls", .help = "versions, handshakes, clients that come again" },
	{ "gemini", .help = "the Gemini side" },
	{ "gopher", CONF_OF_GOPHER, .help = "the Gopher side" },
	{ "application", .help = "what FastCGI and SCGI servers are granted" },
	{ "metrics", .help = "counts for Prometheus" },
	{ "capsule", CONF_OF_CAPSULE, .help = "the site" },
	{ "selectors", CONF_OF_CAPSULE, .is_map = true,
	    .at = OF_CAPSULE(selectors),
	    .help = "selector = file, folder/ or @action" },
	{ "listing", CONF_OF_CAPSULE, .is_map = true, .at = OF_CAPSULE(listing),
	    .help = "folder's selector = yes for a generated index" },
	{ "languages", CONF_OF_CAPSULE, .is_map = true,
	    .at = OF_CAPSULE(languages),
	    .help = "selector, or its beginning and * = language" },
	{ "types", CONF_OF_CAPSULE, .is_map = true, .at = OF_CAPSULE(types),
	    .help = ".extension = media type and Gopher item type" },
	{ "access", CONF_OF_CAPSULE, .is_map = true, .at = OF_CAPSULE(access),
	    .help = "selector, or its beginning and * = who may read it" },
};

const size_t conf_n_sections = COUNT(conf_sections);

const struct conf_key conf_keys[] = {
	{ "server", "user", CONF_USER, GLOBAL(user), GLOBAL(user_line),
	    .def = "",
	    .help = "whom workers become from root; empty: _capsuled, nobody" },
	{ "server", "group", CONF_USER, GLOBAL(group), GLOBAL(group_line),
	    .def = "", .help = "empty: the user's own" },
	{ "server", "key_user", CONF_USER, GLOBAL(key_user),
	    GLOBAL(key_user_line), .def = "",
	    .help = "whom the key process becomes; empty: _capsuled_key" },
	{ "server", "data_user", CONF_USER, GLOBAL(data_user),
	    GLOBAL(data_user_line), .def = "",
	    .help = "whom the content process becomes; empty: _capsuled_data" },
	{ "server", "chroot", CONF_FOLDER, GLOBAL(chroot), GLOBAL(chroot_line),
	    .def = "", .help = "an empty folder to lock workers into" },
	{ "server", "workers", CONF_NUMBER, GLOBAL(workers), .min = 1,
	    .max = 64, .words = auto_word, .def = "auto",
	    .help = "processes; auto is one per processor" },
	{ "server", "pid_file", CONF_FILE, GLOBAL(pid_file), .def = "",
	    .help = "empty: none is written" },
	{ "server", "control", CONF_FILE, GLOBAL(control), GLOBAL(control_line),
	    .words = control_words, .def = "auto",
	    .help = "the socket of capsulectl: auto, off or a file" },
	{ "server", "control_group", CONF_USER, GLOBAL(control_group),
	    GLOBAL(control_group_line), .def = "",
	    .help = "who may use it besides root and the daemon's user" },
	{ "server", "store", CONF_FOLDER, GLOBAL(store), .def = "",
	    .help = "a folder for finished answers; empty: a temporary one" },
	{ "server", "max_connections", CONF_NUMBER, GLOBAL(max_connections),
	    .min = 1, .max = 1 << 20, .def = "10000",
	    .help = "over all workers; above it visitors wait" },
	{ "server", "max_connections_per_address", CONF_NUMBER,
	    GLOBAL(max_connections_per_address), .min = 1, .max = 1 << 20,
	    .def = "100", .help = "IPv4 /32, IPv6 /64" },
	{ "server", "rate", CONF_NUMBER, GLOBAL(rate), .min = 0, .max = 100000,
	    .def = "50", .help = "requests a second per address; 0 is off" },
	{ "server", "request_timeout", CONF_DURATION,
	    GLOBAL(request_timeout_ms), GLOBAL(request_timeout_line), .min = S,
	    .max = H, .unit = 1, .def = "10s",
	    .help = "from accept to the end of the request" },
	{ "server", "idle_timeout", CONF_DURATION, GLOBAL(idle_timeout_ms),
	    .min = S, .max = H, .unit = 1, .def = "30s",
	    .help = "no byte taken by the client while answering" },
	{ "server", "drain_timeout", CONF_DURATION, GLOBAL(drain_timeout_ms),
	    .min = S, .max = H, .unit = 1, .def = "30s",
	    .help = "for what is in flight when stopping" },
	{ "server", "hang_timeout", CONF_DURATION, GLOBAL(hang_timeout_ms),
	    .min = S, .max = H, .unit = 1, .def = "5m",
	    .help = "a process that reads pages or shows counts and says "
		    "nothing for so long is replaced" },
	{ "server", "watch", CONF_DURATION, GLOBAL(watch_s), .min = 0,
	    .max = 24 * H, .unit = S, .words = watch_words, .def = "0",
	    .help = "between two looks for changed files; 0 is off; auto: the "
		    "system tells of changes" },
	{ "server", "rescan", CONF_DURATION, GLOBAL(rescan_s), .min = 0,
	    .max = 24 * H, .unit = S, .def = "15m",
	    .help = "with watch = auto, between two looks for what the system "
		    "does not tell; 0 is off" },
	{ "server", "key_process", CONF_SWITCH, GLOBAL(key_process),
	    .words = conf_switch, .def = "yes",
	    .help = "private keys in a process of their own" },

	{ "log", "level", CONF_WORD, GLOBAL(level), .words = levels,
	    .def = "info", .help = "error, warn, info or debug" },
	{ "log", "access", CONF_FILE, GLOBAL(access), GLOBAL(access_line),
	    .words = sinks, .def = "stderr",
	    .help = "stderr, syslog, none or a file" },
	{ "log", "facility", CONF_WORD, GLOBAL(facility), .words = facilities,
	    .def = "daemon", .help = "of syslog: daemon, or local0 to local7" },
	{ "log", "addresses", CONF_WORD, GLOBAL(addresses), .words = addresses,
	    .def = "truncated", .help = "full, truncated (/24, /48) or none" },

	{ "tls", "versions", CONF_WORD, GLOBAL(tls_versions),
	    .words = tls_versions, .def = "1.2 1.3",
	    .help = "1.2 1.3, or 1.3 alone" },
	{ "tls", "groups", CONF_TEXT, GLOBAL(groups), GLOBAL(groups_line),
	    .def = "X25519 P-256 P-384 ?X25519MLKEM768",
	    .help = "of key exchange, the best first; ?: if it is known" },
	{ "tls", "tickets", CONF_WORD, GLOBAL(tickets), .words = tickets,
	    .def = "id", .help = "id, sealed or none" },
	{ "tls", "sessions", CONF_NUMBER, GLOBAL(sessions), .min = 1,
	    .max = CONF_SESSIONS_MAX, .def = "4096",
	    .help = "remembered for id, over all workers" },
	{ "tls", "ticket_keys", CONF_FILE, GLOBAL(ticket_keys),
	    GLOBAL(ticket_keys_line), .def = "",
	    .help = "of sealed, for several machines; empty: random" },

	{ "gemini", "listen", CONF_LISTEN, GLOBAL(gemini_listen),
	    GLOBAL(gemini_listen_line), .min = 0, .max = 65535,
	    .words = off_word, .def = "*:1965",
	    .help = "a list, or off; * is both families" },
	{ "gemini", "clear", CONF_LISTEN, GLOBAL(gemini_clear),
	    GLOBAL(gemini_clear_line), .min = 0, .max = 65535,
	    .words = off_word, .def = "off",
	    .help = "a list of addresses without TLS, or off" },
	{ "gemini", "check_port", CONF_SWITCH, GLOBAL(check_port),
	    .words = conf_switch, .def = "yes",
	    .help = "refuse URLs that name another port" },
	{ "gemini", "proxy_protocol", CONF_NETWORKS, GLOBAL(gemini_proxies),
	    .def = "no",
	    .help = "no, or a list of the proxies that must send it" },

	{ "gopher", "listen", CONF_LISTEN, OF_GOPHER(listen),
	    OF_GOPHER(listen_line), .min = 0, .max = 65535, .words = off_word,
	    .from = CONF_DEFAULT_FIRST, .def = "*:70",
	    .help = "a list, or off; * is both families" },
	{ "gopher", "tls", CONF_SWITCH, OF_GOPHER(tls), .words = conf_switch,
	    .def = "yes", .help = "answer TLS on the same port, too" },
	{ "gopher", "host", CONF_HOST, OF_GOPHER(host), .words = auto_word,
	    .def = "auto",
	    .help = "written into menus; auto is the capsule's first" },
	{ "gopher", "port", CONF_NUMBER, OF_GOPHER(port), .min = 1,
	    .max = 65535, .words = auto_word, .def = "auto",
	    .help = "written into menus; auto is the one listened on" },
	{ "gopher", "columns", CONF_NUMBER, OF_GOPHER(columns),
	    .min = RENDER_COLUMNS_MIN, .max = RENDER_COLUMNS_MAX, .def = "67",
	    .help = "text is wrapped at so many" },
	{ "gopher", "charset", CONF_WORD, OF_GOPHER(charset), .words = charsets,
	    .def = "utf-8", .help = "utf-8, latin1 or ascii" },
	{ "gopher", "lastline", CONF_SWITCH, OF_GOPHER(lastline),
	    .words = conf_switch, .def = "no",
	    .help = "end text items with a dot, as RFC 1436 has it" },
	{ "gopher", "proxy_protocol", CONF_NETWORKS, OF_GOPHER(proxies),
	    .def = "no",
	    .help = "no, or a list of the proxies that must send it" },

	{ "application", "timeout", CONF_DURATION,
	    GLOBAL(application_timeout_ms), .min = S, .max = H, .unit = 1,
	    .def = "30s",
	    .help = "until its answer begins, and between two parts of it" },
	{ "application", "max_answer", CONF_SIZE, GLOBAL(application_max),
	    .min = 1 << 10, .max = 1 << 30, .def = "64m",
	    .help = "a longer answer is cut" },

	{ "metrics", "listen", CONF_LISTEN, GLOBAL(metrics_listen),
	    GLOBAL(metrics_listen_line), .min = 0, .max = 65535,
	    .words = off_word, .def = "off",
	    .help = "a list, such as 127.0.0.1:9965, or off" },

	{ "capsule", "hostname", CONF_HOSTS, OF_CAPSULE(hostname),
	    OF_CAPSULE(hostname_line), .from = CONF_DEFAULT_FIRST,
	    .def = "localhost",
	    .help = "a list; the first is written into menus" },
	{ "capsule", "root", CONF_FOLDER, OF_CAPSULE(root),
	    OF_CAPSULE(root_line), .from = CONF_DEFAULT_REQUIRED, .def = "",
	    .help = "the folder that holds the files" },
	{ "capsule", "symlinks", CONF_SWITCH, OF_CAPSULE(symlinks),
	    .words = conf_switch, .def = "yes",
	    .help = "follow symbolic links below the root" },
	{ "capsule", "certificate", CONF_FILE, OF_CAPSULE(certificate),
	    OF_CAPSULE(certificate_line), .from = CONF_DEFAULT_BY_HOST,
	    .def = ".crt", .help = "made at start if neither file exists" },
	{ "capsule", "key", CONF_FILE, OF_CAPSULE(key), OF_CAPSULE(key_line),
	    .from = CONF_DEFAULT_BY_HOST, .def = ".key",
	    .help = "of the certificate" },
	{ "capsule", "language", CONF_LANGUAGE, OF_CAPSULE(language), .def = "",
	    .help = "such as en or pt-BR; empty: not said" },
	{ "capsule", "title", CONF_TEXT, OF_CAPSULE(title), .def = "",
	    .help = "what the site is called" },
	{ "capsule", "admin", CONF_TEXT, OF_CAPSULE(admin), .def = "",
	    .help = "whom to write to" },
	{ "capsule", "ask_certificate", CONF_SWITCH,
	    OF_CAPSULE(ask_certificate), .words = conf_switch, .def = "no",
	    .help = "for applications that know their visitors by it" },
	{ "capsule", "budget", CONF_SIZE, OF_CAPSULE(budget), .min = 0,
	    .max = CONF_BUDGET_MAX, .def = "8k",
	    .help = "capsulectl check tells of heavier pages; 0 is off" },
};

const size_t conf_n_keys = COUNT(conf_keys);

const struct conf_section *
conf_section_find(const char *name)
{
	size_t i;

	for (i = 0; i < conf_n_sections; i++)
		if (strcmp(conf_sections[i].name, name) == 0)
			return &conf_sections[i];
	return NULL;
}

const struct conf_key *
conf_key_find(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < conf_n_keys; i++)
		if (strcmp(conf_keys[i].section, section) == 0 &&
		    strcmp(conf_keys[i].name, name) == 0)
			return &conf_keys[i];
	return NULL;
}

const struct conf_word *
conf_word_find(const struct conf_word *words, const char *text)
{
	for (; words != NULL && words->name != NULL; words++)
		if (strcmp(words->name, text) == 0)
			return words;
	return NULL;
}

void
conf_print_keys(FILE *to)
{
	size_t i, k;

	for (i = 0; i < conf_n_sections; i++) {
		if (conf_sections[i].is_map)
			fprintf(to, "%s\n", conf_sections[i].name);
		for (k = 0; k < conf_n_keys; k++)
			if (strcmp(conf_keys[k].section,
				conf_sections[i].name) == 0)
				fprintf(to, "%s %s\n", conf_keys[k].section,
				    conf_keys[k].name);
	}
}
