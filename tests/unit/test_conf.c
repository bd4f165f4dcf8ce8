/*
 * test_conf.c - the configuration: every key right and wrong, every line that
 * inih would bend, every problem with its line and what matters in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "base/mem.h"
#include "site/conf.h"
#include "sentence.h"
#include "site/conf_table.h"

#define PATH         "capsuled.ini"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A whole configuration, read and written again. */
struct result {
	struct problems *ps;
	struct conf *conf;
	char *told;    /* the problems, each ended by a line end */
	char *printed; /* by conf_print; "" if there were problems */
};

static char *
print_with(void (*print)(const struct conf *, FILE *), const struct conf *conf)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	print(conf, to);
	fclose(to);
	return text;
}

static void
tell(const struct conf *ignored, FILE *to, struct problems *ps)
{
	size_t i;

	(void)ignored;
	for (i = 0; i < problems_count(ps); i++)
		fprintf(to, "%s\n", problems_get(ps, i));
}

static struct result
finish(struct problems *ps, struct conf *conf)
{
	struct result r = { ps, conf, NULL, NULL };
	size_t size;
	FILE *to = open_memstream(&r.told, &size);

	assert_non_null(to);
	tell(conf, to, ps);
	fclose(to);
	r.printed = problems_count(ps) == 0 ? print_with(conf_print, conf)
					    : xstrdup("");
	return r;
}

static struct result
read_bytes(const char *text, size_t len, const char *path)
{
	struct problems *ps = problems_new();
	FILE *file = tmpfile();
	struct conf *conf;

	assert_non_null(file);
	assert_int_equal(len, fwrite(text, 1, len, file));
	rewind(file);
	conf = conf_read(file, path, ps);
	fclose(file);
	return finish(ps, conf);
}

static struct result
read_text(const char *text)
{
	return read_bytes(text, strlen(text), PATH);
}

static void
done(struct result *r)
{
	conf_free(r->conf);
	problems_free(r->ps);
	free(r->told);
	free(r->printed);
}

/* text gives exactly these problems. */
static void
tells(const char *text, size_t len, const char *want)
{
	struct result r = read_bytes(text, len, PATH);

	expect_sentences("a file's problems", r.told, want);
	done(&r);
}

/* A file in which one key has a value, and all else is right; line 2. */
static char *
with(const char *section, const char *name, const char *value)
{
	char *text = xmalloc(4096);
	int is_capsule = strcmp(section, "capsule") == 0;
	int is_root = is_capsule && strcmp(name, "root") == 0;

	snprintf(text, 4096, "[%s]\n%s = %s\n%s%s", section, name, value,
	    is_capsule ? "" : "[capsule]\n", is_root ? "" : "root = r\n");
	return text;
}

/* -- wrong values -- */

#define DURATION "such as 30, 30s, 5m or 1h"
#define LISTEN                                                                 \
	"is not PORT, *:PORT, IPV4:PORT or [IPV6]:PORT with a port from 0 "    \
	"to 65535, nor unix:/PATH of at most 103 bytes, nor off"
#define NETWORK                                                                \
	"is not an address such as 192.0.2.1 or 2001:db8::1, a network such "  \
	"as 10.0.0.0/8 or fd00::/8, unix, or no"
#define INNER "is inside a network: bits are set beyond those after the \"/\""
#define HOST                                                                   \
	"is not a host name (letters, digits, hyphens and dots) or an "        \
	"address"
#define SIZE     "is not a size from 0 to 16m, such as 4096, 64k or 8m"
#define LANGUAGE "is not a language such as en, pt-BR or en,fr"
#define PATH_103                                                               \
	"/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"                \
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
#define NAME_63                                                                \
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"                 \
	"abcdefghijk"

static const struct {
	const char *section, *name, *value, *want;
} wrong[] = {
	{ "server", "user", "two words",
	    "\"two words\" is not the name of a user" },
	{ "server", "user", "-x", "\"-x\" is not the name of a user" },
	{ "server", "key_user", "two words",
	    "\"two words\" is not the name of a user" },
	{ "server", "data_user", "two words",
	    "\"two words\" is not the name of a user" },
	{ "server", "group", "a:b", "\"a:b\" is not the name of a group" },
	{ "server", "workers", "lots",
	    "\"lots\" is not a number from 1 to 64, or auto" },
	{ "server", "workers", "aut",
	    "\"aut\" is not a number from 1 to 64, or auto; nearest: auto" },
	{ "server", "workers", "-1",
	    "\"-1\" is not a number from 1 to 64, or auto" },
	{ "server", "workers", "2 # two",
	    "\"2 # two\" is not a number from 1 to 64, or auto" },
	{ "server", "workers", "99999999999999999999999",
	    "\"99999999999999999999999\" is not a number from 1 to 64, or "
	    "auto" },
	{ "server", "workers", "",
	    "\"\" is not a number from 1 to 64, or auto" },
	{ "server", "chroot", "a\tb", "\"a\\x09b\" is not a folder" },
	{ "server", "store", "a\tb", "\"a\\x09b\" is not a folder" },
	{ "server", "control", "run/",
	    "\"run/\" is not auto, off, or the name of a file" },
	{ "server", "control", "",
	    "\"\" is not auto, off, or the name of a file" },
	{ "server", "control_group", "two words",
	    "\"two words\" is not the name of a group" },
	{ "server", "max_connections", "many",
	    "\"many\" is not a number from 1 to 1048576" },
	{ "server", "max_connections_per_address", "0",
	    "\"0\" is not a number from 1 to 1048576" },
	{ "server", "rate", "1/s", "\"1/s\" is not a number from 0 to 100000" },
	{ "server", "pid_file", "run/", "\"run/\" is not the name of a file" },
	{ "server", "request_timeout", "soon",
	    "\"soon\" is not a duration from 1s to 1h, " DURATION },
	{ "server", "request_timeout", "s",
	    "\"s\" is not a duration from 1s to 1h, " DURATION },
	{ "server", "request_timeout", "5 s",
	    "\"5 s\" is not a duration from 1s to 1h, " DURATION },
	{ "server", "request_timeout", "999999999999999999999h",
	    "\"999999999999999999999h\" is not a duration from 1s to "
	    "1h, " DURATION },
	{ "server", "idle_timeout", "10ms",
	    "\"10ms\" is not a duration from 1s to 1h, " DURATION },
	{ "server", "drain_timeout", "1d",
	    "\"1d\" is not a duration from 1s to 1h, " DURATION },
	{ "server", "hang_timeout", "2h",
	    "\"2h\" is not a duration from 1s to 1h, " DURATION },
	{ "server", "key_process", "maybe", "\"maybe\" is not yes or no" },
	{ "server", "watch", "no",
	    "\"no\" is not a duration from 0 to 24h, " DURATION ", or auto" },
	{ "server", "rescan", "auto",
	    "\"auto\" is not a duration from 0 to 24h, " DURATION },
	{ "log", "level", "inf",
	    "\"inf\" is not error, warn, info or debug; nearest: info" },
	{ "log", "level", "INFO",
	    "\"INFO\" is not error, warn, info or debug" },
	{ "log", "access", "log/",
	    "\"log/\" is not stderr, syslog, none, or the name of a file" },
	{ "log", "access", "",
	    "\"\" is not stderr, syslog, none, or the name of a file" },
	{ "log", "facility", "mail",
	    "\"mail\" is not daemon, local0, local1, local2, local3, local4, "
	    "local5, local6 or local7" },
	{ "log", "addresses", "truncate",
	    "\"truncate\" is not full, truncated or none; nearest: "
	    "truncated" },
	{ "tls", "versions", "1.2",
	    "\"1.2\" is not 1.2 1.3 or 1.3; nearest: 1.3" },
	{ "tls", "groups", "X25519 caf\xe9",
	    "\"X25519 caf\\xe9\" is not UTF-8" },
	{ "tls", "tickets", "yes", "\"yes\" is not id, sealed or none" },
	{ "tls", "tickets", "seald",
	    "\"seald\" is not id, sealed or none; nearest: sealed" },
	{ "tls", "sessions", "many",
	    "\"many\" is not a number from 1 to 65536" },
	{ "tls", "ticket_keys", "keys/",
	    "\"keys/\" is not the name of a file" },
	{ "gemini", "listen", "",
	    "\"\" is not a list of addresses such as *:1965, or off" },
	{ "gemini", "listen", "1965 of", "\"of\" " LISTEN },
	{ "gemini", "listen", "off 1965", "\"off\" " LISTEN },
	{ "gemini", "listen", "example.org:1965",
	    "\"example.org:1965\" " LISTEN },
	{ "gemini", "listen", "*:70000", "\"*:70000\" " LISTEN },
	{ "gemini", "listen", "*:", "\"*:\" " LISTEN },
	{ "gemini", "listen", ":70", "\":70\" " LISTEN },
	{ "gemini", "listen", "::1:70", "\"::1:70\" " LISTEN },
	{ "gemini", "listen", "[127.0.0.1]:70", "\"[127.0.0.1]:70\" " LISTEN },
	{ "gemini", "listen", "[::1]", "\"[::1]\" " LISTEN },
	{ "gemini", "listen", "[]:70", "\"[]:70\" " LISTEN },
	{ "gemini", "listen", "127.0.0.256:70", "\"127.0.0.256:70\" " LISTEN },
	{ "gemini", "listen", "7 *:7", "\"*:7\" stands twice" },
	{ "gemini", "listen", "*:7 0.0.0.0:7", "\"0.0.0.0:7\" stands twice" },
	{ "gemini", "listen", "0.0.0.0:7 *:7", "\"*:7\" stands twice" },
	{ "gemini", "listen", "[::]:7 *:7", "\"*:7\" stands twice" },
	{ "gemini", "listen", "[::1]:7 [0::0:1]:7",
	    "\"[0::0:1]:7\" stands twice" },
	{ "gemini", "listen", "unix:", "\"unix:\" " LISTEN },
	{ "gemini", "listen", "unix:run/s", "\"unix:run/s\" " LISTEN },
	{ "gemini", "listen", "unix:/run/", "\"unix:/run/\" " LISTEN },
	{ "gemini", "listen", "unix:" PATH_103 "y",
	    "\"unix:" PATH_103 "y\" " LISTEN },
	{ "gemini", "listen", "unix:/s unix:/s", "\"unix:/s\" stands twice" },
	{ "gemini", "clear", "on", "\"on\" " LISTEN },
	{ "gemini", "clear", "",
	    "\"\" is not a list of addresses such as 127.0.0.1:9965, or "
	    "off" },
	{ "gemini", "clear", "7 *:7", "\"*:7\" stands twice" },
	{ "metrics", "listen", "",
	    "\"\" is not a list of addresses such as 127.0.0.1:9965, or "
	    "off" },
	{ "metrics", "listen", "on", "\"on\" " LISTEN },
	{ "gemini", "check_port", "maybe", "\"maybe\" is not yes or no" },
	{ "gemini", "check_port", "nO", "\"nO\" is not yes or no" },
	{ "gemini", "proxy_protocol", "",
	    "\"\" is not a list of addresses and networks, or no" },
	{ "gemini", "proxy_protocol", "yes", "\"yes\" " NETWORK },
	{ "gemini", "proxy_protocol", "no 10.0.0.1", "\"no\" " NETWORK },
	{ "gemini", "proxy_protocol", "10.0.0.1 no", "\"no\" " NETWORK },
	{ "gemini", "proxy_protocol", "proxy.example.org",
	    "\"proxy.example.org\" " NETWORK },
	{ "gemini", "proxy_protocol", "10.0.0.1:1965",
	    "\"10.0.0.1:1965\" " NETWORK },
	{ "gemini", "proxy_protocol", "[::1]", "\"[::1]\" " NETWORK },
	{ "gemini", "proxy_protocol", "10.0.0.1/8", "\"10.0.0.1/8\" " INNER },
	{ "gemini", "proxy_protocol", "fd00::1/8", "\"fd00::1/8\" " INNER },
	{ "gemini", "proxy_protocol", "unix 10.0.0.1 unix",
	    "\"unix\" stands twice" },
	{ "gemini", "proxy_protocol", "10.0.0.1 10.0.0.1/32",
	    "\"10.0.0.1/32\" stands twice" },
	{ "gemini", "proxy_protocol", "::1 10.0.0.1 ::ffff:10.0.0.1",
	    "\"::ffff:10.0.0.1\" stands twice" },
	{ "gopher", "proxy_protocol", "10.0.0.0/8,fd00::/8",
	    "\"10.0.0.0/8,fd00::/8\" " NETWORK },
	{ "gopher", "listen", "localhost:70", "\"localhost:70\" " LISTEN },
	{ "gopher", "tls", "on", "\"on\" is not yes or no" },
	{ "gopher", "host", "a_b", "\"a_b\" " HOST },
	{ "gopher", "host", "a b",
	    "\"a b\" is not one host name or address, or auto" },
	{ "gopher", "host", "",
	    "\"\" is not one host name or address, or auto" },
	{ "gopher", "host", "*.a",
	    "\"*.a\" cannot be the first: that is written into menus" },
	{ "gopher", "port", "0",
	    "\"0\" is not a number from 1 to 65535, or auto" },
	{ "gopher", "columns", "wide",
	    "\"wide\" is not a number from 20 to 998" },
	{ "gopher", "charset", "utf8",
	    "\"utf8\" is not utf-8, latin1 or ascii; nearest: utf-8" },
	{ "gopher", "lastline", "true", "\"true\" is not yes or no" },
	{ "application", "timeout", "0.5s",
	    "\"0.5s\" is not a duration from 1s to 1h, " DURATION },
	{ "application", "max_answer", "64mb",
	    "\"64mb\" is not a size from 1k to 1024m, such as 4096, 64k or "
	    "8m" },
	{ "application", "max_answer", "k",
	    "\"k\" is not a size from 1k to 1024m, such as 4096, 64k or "
	    "8m" },
	{ "capsule", "ask_certificate", "any", "\"any\" is not yes or no" },
	{ "capsule", "hostname", "",
	    "\"\" is not a list of host names or addresses" },
	{ "capsule", "hostname", "a_b", "\"a_b\" " HOST },
	{ "capsule", "hostname", "-a", "\"-a\" " HOST },
	{ "capsule", "hostname", "a-", "\"a-\" " HOST },
	{ "capsule", "hostname", "a..b", "\"a..b\" " HOST },
	{ "capsule", "hostname", "example.org.", "\"example.org.\" " HOST },
	{ "capsule", "hostname", "*.example.org",
	    "\"*.example.org\" cannot be the first: that is written into "
	    "menus" },
	{ "capsule", "hostname", "a *", "\"*\" " HOST },
	{ "capsule", "hostname", "a *.", "\"*.\" " HOST },
	{ "capsule", "hostname", "a *.*.b", "\"*.*.b\" " HOST },
	{ "capsule", "hostname", "a b.*.c", "\"b.*.c\" " HOST },
	{ "capsule", "hostname", "a *b.c", "\"*b.c\" " HOST },
	{ "capsule", "hostname", "a *.1.2.3.4", "\"*.1.2.3.4\" " HOST },
	{ "capsule", "hostname", "a *.::1", "\"*.::1\" " HOST },
	{ "capsule", "hostname", "a *.b *.B", "\"*.B\" stands twice" },
	{ "capsule", "hostname", "b\xfc.example",
	    "\"b\\xfc.example\" is not UTF-8" },
	{ "capsule", "hostname", "b%C3%BC.example",
	    "\"b%C3%BC.example\" " HOST },
	{ "capsule", "hostname", "\xc3\xbc%41.example",
	    "\"\xc3\xbc%41.example\" " HOST },
	{ "capsule", "hostname", "\xe2\x80\x8b.example",
	    "\"\xe2\x80\x8b.example\" " HOST },
	{ "capsule", "hostname",
	    "xn--bcher-kva.example b\xc3\xbc"
	    "cher.example",
	    "\"b\xc3\xbc"
	    "cher.example\" stands twice" },
	{ "capsule", "hostname", "1.2.3", "\"1.2.3\" " HOST },
	{ "capsule", "hostname", "1.2.3.256", "\"1.2.3.256\" " HOST },
	{ "capsule", "hostname", "[1.2.3.4]", "\"[1.2.3.4]\" " HOST },
	{ "capsule", "hostname", "::g", "\"::g\" " HOST },
	{ "capsule", "hostname", "example.org:1965",
	    "\"example.org:1965\" " HOST },
	{ "capsule", "hostname", "ok " NAME_63 "l", "\"" NAME_63 "l\" " HOST },
	{ "capsule", "hostname", "a.org A.ORG", "\"A.ORG\" stands twice" },
	{ "capsule", "hostname", "::1 [0::1]", "\"[0::1]\" stands twice" },
	{ "capsule", "root", "", "\"\" is not a folder" },
	{ "capsule", "symlinks", "follow", "\"follow\" is not yes or no" },
	{ "capsule", "certificate", "", "\"\" is not the name of a file" },
	{ "capsule", "key", "keys/", "\"keys/\" is not the name of a file" },
	{ "capsule", "language", "English!", "\"English!\" " LANGUAGE },
	{ "capsule", "language", "en_GB", "\"en_GB\" " LANGUAGE },
	{ "capsule", "language", "en, fr", "\"en, fr\" " LANGUAGE },
	{ "capsule", "language", "en,", "\"en,\" " LANGUAGE },
	{ "capsule", "language", "x", "\"x\" " LANGUAGE },
	{ "capsule", "language", "1a", "\"1a\" " LANGUAGE },
	{ "capsule", "language", "en-G!", "\"en-G!\" " LANGUAGE },
	{ "capsule", "language", "en-", "\"en-\" " LANGUAGE },
	{ "capsule", "language", "en-abcdefghi", "\"en-abcdefghi\" " LANGUAGE },
	{ "capsule", "title", "caf\xe9", "\"caf\\xe9\" is not UTF-8" },
	{ "capsule", "admin", "\xff@example.org",
	    "\"\\xff@example.org\" is not UTF-8" },
	{ "capsule", "budget", "", "\"\" " SIZE },
	{ "capsule", "budget", "k", "\"k\" " SIZE },
	{ "capsule", "budget", "8 k", "\"8 k\" " SIZE },
	{ "capsule", "budget", "8K", "\"8K\" " SIZE },
	{ "capsule", "budget", "-1", "\"-1\" " SIZE },
	{ "capsule", "budget", "17m", "\"17m\" " SIZE },
	{ "capsule", "budget", "99999999999999999999k",
	    "\"99999999999999999999k\" " SIZE },
};

static void
wrong_values_are_told_with_what_is_accepted(void **state)
{
	char want[4096], *text;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wrong); i++) {
		text = with(wrong[i].section, wrong[i].name, wrong[i].value);
		snprintf(want, sizeof(want), PATH ":2: [%s] %s: %s\n",
		    wrong[i].section, wrong[i].name, wrong[i].want);
		tells(text, strlen(text), want);
		xfree(text);
	}
}

/* -- right values -- */

static const struct {
	const char *section, *name, *value;
	const char *printed; /* NULL: as it was written */
} right[] = {
	{ "server", "user", "_capsuled", NULL },
	{ "server", "user", "www.d$", NULL },
	{ "server", "key_user", "_capsuled_key", NULL },
	{ "server", "data_user", "_capsuled_data", NULL },
	{ "server", "store", "/var/cache/capsuled", NULL },
	{ "server", "group", "www-data", NULL },
	{ "server", "workers", "4", NULL },
	{ "server", "workers", "auto", NULL },
	{ "server", "workers", "004", "4" },
	{ "server", "chroot", "/var/empty", NULL },
	{ "server", "control", "auto", NULL },
	{ "server", "control", "off", NULL },
	{ "server", "control", "run/control", NULL },
	{ "server", "control", "/run/capsuled/control", NULL },
	{ "server", "control_group", "wheel", NULL },
	{ "server", "max_connections", "500", NULL },
	{ "server", "max_connections_per_address", "7", NULL },
	{ "server", "rate", "0", NULL },
	{ "server", "pid_file", "/run/capsuled.pid", NULL },
	{ "server", "pid_file", "run/pid", NULL },
	{ "server", "pid_file", "run/pid ; comment", "run/pid" },
	{ "server", "pid_file", "run/pid;x", NULL },
	{ "server", "request_timeout", "30", "30s" },
	{ "server", "request_timeout", "60s", "1m" },
	{ "server", "request_timeout", "90s", NULL },
	{ "server", "idle_timeout", "5m", NULL },
	{ "server", "drain_timeout", "1h", NULL },
	{ "server", "hang_timeout", "1h", NULL },
	{ "server", "watch", "0s", "0" },
	{ "server", "watch", "24h", NULL },
	{ "server", "watch", "auto", NULL },
	{ "server", "rescan", "30m", NULL },
	{ "server", "key_process", "no", NULL },
	{ "log", "level", "debug", NULL },
	{ "log", "access", "syslog", NULL },
	{ "log", "access", "/var/log/capsuled", NULL },
	{ "log", "access", "a b", NULL },
	{ "log", "facility", "local7", NULL },
	{ "log", "addresses", "none", NULL },
	{ "tls", "versions", "1.3", NULL },
	{ "tls", "versions", "1.2 1.3", NULL },
	{ "tls", "groups", "P-384 ?X25519MLKEM768", NULL },
	{ "tls", "tickets", "sealed", NULL },
	{ "tls", "tickets", "none", NULL },
	{ "tls", "sessions", "1000", NULL },
	{ "tls", "ticket_keys", "", NULL },
	{ "gemini", "listen", "1965", "*:1965" },
	{ "gemini", "listen", "*:0 *:0", NULL },
	{ "gemini", "listen", "127.0.0.1:1 \t [::1]:65535",
	    "127.0.0.1:1 [::1]:65535" },
	{ "gemini", "listen", "off", NULL },
	{ "gemini", "listen", "unix:" PATH_103 " *:0 unix:/run/s", NULL },
	{ "gemini", "clear", "127.0.0.1:1966 [::1]:1966", NULL },
	{ "gemini", "clear", "1966", "*:1966" },
	{ "gemini", "check_port", "no", NULL },
	{ "gopher", "host", "Hole.Example.ORG", "hole.example.org" },
	{ "gopher", "host", "[2001:db8::1]", "2001:db8::1" },
	{ "gopher", "host", "auto", NULL },
	{ "metrics", "listen", "127.0.0.1:9965 [::1]:9965", NULL },
	{ "metrics", "listen", "off", NULL },
	{ "gemini", "proxy_protocol", "no", NULL },
	{ "gemini", "proxy_protocol", "10.0.0.1 \t fd00::/8  192.0.2.0/24",
	    "10.0.0.1 fd00::/8 192.0.2.0/24" },
	{ "gemini", "proxy_protocol", "10.0.0.0/8 10.0.0.0/9", NULL },
	{ "gemini", "proxy_protocol", "unix 10.0.0.1", NULL },
	{ "gopher", "proxy_protocol", "::1:2 ::FFFF:10.0.0.1/128", NULL },
	{ "gopher", "listen", "[2001:db8::1]:7070", NULL },
	{ "gopher", "tls", "no", NULL },
	{ "gopher", "port", "70", NULL },
	{ "gopher", "columns", "72", NULL },
	{ "gopher", "charset", "latin1", NULL },
	{ "gopher", "lastline", "yes", NULL },
	{ "application", "timeout", "120s", "2m" },
	{ "application", "max_answer", "1024k", "1m" },
	{ "application", "max_answer", "4097", NULL },
	{ "capsule", "ask_certificate", "yes", NULL },
	{ "capsule", "hostname", "Example.ORG", "example.org" },
	{ "capsule", "hostname", "a [::1] ::2 127.0.0.1 xn--caf-dma.example",
	    "a ::1 ::2 127.0.0.1 xn--caf-dma.example" },
	{ "capsule", "hostname", NAME_63, NULL },
	{ "capsule", "hostname", "a.org *.a.org *.B.org",
	    "a.org *.a.org *.b.org" },
	{ "capsule", "hostname",
	    "b\xc3\xbc"
	    "cher.example *.B\xc3\x9c"
	    "CHER.example",
	    "xn--bcher-kva.example *.xn--bcher-kva.example" },
	{ "capsule", "root", "../capsule", NULL },
	{ "capsule", "root", "/srv/capsule/", NULL },
	{ "capsule", "symlinks", "no", NULL },
	{ "capsule", "certificate", "a.crt", NULL },
	{ "capsule", "key", ";.key", NULL },
	{ "capsule", "language", "zh-Hant-TW,x-klingon", NULL },
	{ "capsule", "language", "", NULL },
	{ "capsule", "title", "caf\xc3\xa9 = bar: baz #1", NULL },
	{ "capsule", "title", "x;y\t z", NULL },
	{ "capsule", "admin", "webmaster@example.org", NULL },
	{ "capsule", "budget", "0", NULL },
	{ "capsule", "budget", "5000", NULL },
	{ "capsule", "budget", "64k", NULL },
	{ "capsule", "budget", "8192", "8k" },
	{ "capsule", "budget", "3072k", "3m" },
};

static void
right_values_are_printed_as_they_were_understood(void **state)
{
	char want[256], *text;
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(right); i++) {
		const char *value = right[i].printed != NULL ? right[i].printed
							     : right[i].value;

		/* A ";" after the blank would make a comment of it. */
		text = with(right[i].section, right[i].name, right[i].value);
		if (right[i].value[0] == ';')
			memmove(strstr(text, " ;"), strstr(text, " ;") + 1,
			    strlen(strstr(text, " ;")));
		r = read_text(text);
		assert_string_equal("", r.told);
		snprintf(want, sizeof(want), "\n%s%s%s\n", right[i].name,
		    value[0] == '\0'      ? " ="
			: value[0] == ';' ? "="
					  : " = ",
		    value);
		if (strstr(r.printed, want) == NULL)
			fail_msg("%s: not printed:%s%s", text, want, r.printed);
		done(&r);
		xfree(text);
	}
}

/* -- what no key may lack -- */

static void
print_keys(const struct conf *conf, FILE *to)
{
	(void)conf;
	conf_print_keys(to);
}

static bool
has_wrong_value(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(wrong); i++)
		if (strcmp(wrong[i].section, section) == 0 &&
		    strcmp(wrong[i].name, name) == 0)
			return true;
	return false;
}

static bool
has_right_value(const char *section, const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(right); i++)
		if (strcmp(right[i].section, section) == 0 &&
		    strcmp(right[i].name, name) == 0)
			return true;
	return false;
}

static void
every_key_is_tried_with_right_and_wrong_values(void **state)
{
	char section[64], name[64], *keys = print_with(print_keys, NULL);
	char *line, *rest = keys;
	int n = 0;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (sscanf(line, "%63s %63s", section, name) != 2)
			continue;
		n++;
		if (!has_wrong_value(section, name))
			fail_msg("no wrong value for: %s", line);
		if (!has_right_value(section, name))
			fail_msg("no right value for: %s", line);
	}
	assert_true(n > 20);
	free(keys);
}

/* -- limits -- */

static const struct {
	const char *section, *name, *least, *most, *under, *over;
} ranges[] = {
	{ "server", "workers", "1", "64", "0", "65" },
	{ "server", "max_connections", "1", "1048576", "0", "1048577" },
	{ "server", "max_connections_per_address", "1", "1048576", "0",
	    "1048577" },
	{ "server", "rate", "0", "100000", "-1", "100001" },
	{ "server", "request_timeout", "1s", "60m", "0", "3601" },
	{ "server", "idle_timeout", "1s", "1h", "0", "3601s" },
	{ "server", "drain_timeout", "1", "3600", "0", "61m" },
	{ "server", "hang_timeout", "1s", "60m", "0", "3601" },
	{ "server", "watch", "0", "86400", "-1", "86401" },
	{ "server", "rescan", "0", "86400", "-1", "86401" },
	{ "tls", "sessions", "1", "65536", "0", "65537" },
	{ "application", "timeout", "1s", "1h", "0", "3601s" },
	{ "application", "max_answer", "1024", "1024m", "1023", "1073741825" },
	{ "gopher", "port", "1", "65535", "0", "65536" },
	{ "gopher", "columns", "20", "998", "19", "999" },
	{ "capsule", "budget", "0", "16m", "-1", "16777217" },
	{ "capsule", "budget", "0k", "16384k", "-1k", "16385k" },
	{ "gemini", "listen", "0", "65535", "-1", "65536" },
	{ "gemini", "clear", "0", "65535", "-1", "65536" },
	{ "metrics", "listen", "0", "65535", "-1", "65536" },
	{ "gopher", "listen", "*:0", "*:65535", "*:-1", "*:65536" },
	{ "gemini", "proxy_protocol", "0.0.0.0/0", "10.0.0.1/32", "0.0.0.0/-1",
	    "10.0.0.1/33" },
	{ "gopher", "proxy_protocol", "::/0", "::1/128", "::/-1", "::1/129" },
};

static size_t
problems_with(const char *section, const char *name, const char *value)
{
	char *text = with(section, name, value);
	struct result r = read_text(text);
	size_t n = problems_count(r.ps);

	done(&r);
	xfree(text);
	return n;
}

static void
ranges_are_exact_at_both_ends(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ranges); i++) {
		const char *section = ranges[i].section, *name = ranges[i].name;

		assert_int_equal(0,
		    problems_with(section, name, ranges[i].least));
		assert_int_equal(0,
		    problems_with(section, name, ranges[i].most));
		assert_int_equal(1,
		    problems_with(section, name, ranges[i].under));
		assert_int_equal(1,
		    problems_with(section, name, ranges[i].over));
	}
}

/* "[capsule]", root, and a title that makes line 3 len bytes long. */
static size_t
long_title(char *to, size_t len, const char *end)
{
	size_t n = (size_t)sprintf(to, "[capsule]\nroot = r\ntitle=");
	size_t start = n - strlen("title=");

	while (n - start < len)
		to[n++] = 'x';
	n += (size_t)sprintf(to + n, "%sadmin = last", end);
	return n;
}

static void
a_line_may_have_198_bytes_whatever_its_end(void **state)
{
	static const char *const ends[] = { "\n", "\r\n" };
	char text[512];
	struct result r;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(ends); i++) {
		n = long_title(text, CONF_LINE_MAX, ends[i]);
		r = read_bytes(text, n, PATH);
		assert_string_equal("", r.told);
		assert_int_equal(CONF_LINE_MAX - strlen("title="),
		    r.conf->capsules[0].title.len);
		assert_string_equal("last", r.conf->capsules[0].admin.p);
		done(&r);

		n = long_title(text, CONF_LINE_MAX + 1, ends[i]);
		tells(text, n, PATH ":3: a line is longer than 198 bytes\n");
		n = long_title(text, CONF_LINE_MAX + 50, ends[i]);
		tells(text, n, PATH ":3: a line is longer than 198 bytes\n");
	}
}

static void
a_byte_order_mark_does_not_shorten_the_first_line(void **state)
{
	char text[512] = "\xef\xbb\xbf;";
	char *p = text + 4;
	struct result r;

	(void)state;
	memset(p, 'x', CONF_LINE_MAX - 1);
	strcpy(p + CONF_LINE_MAX - 1, "\r\n[capsule]\nroot = r\n");
	r = read_text(text);
	assert_string_equal("", r.told);
	done(&r);

	strcpy(p + CONF_LINE_MAX - 1, "x\r\n[capsule]\nroot = r\n");
	tells(text, strlen(text), PATH ":1: a line is longer than 198 bytes\n");
}

static void
a_section_name_may_have_49_bytes(void **state)
{
	char text[256], x[64];

	(void)state;
	memset(x, 'x', sizeof(x));
	snprintf(text, sizeof(text), "[%.*s]\n[capsule]\nroot = r\n",
	    CONF_SECTION_MAX, x);
	/* Long enough to be whole, though it is none of ours. */
	{
		struct result r = read_text(text);

		assert_non_null(strstr(r.told, "x] is not a section"));
		done(&r);
	}
	snprintf(text, sizeof(text), "[%.*s]\n[capsule]\nroot = r\n",
	    CONF_SECTION_MAX + 1, x);
	tells(text, strlen(text),
	    PATH ":1: a section name is longer than 49 bytes\n");
}

static void
a_file_may_have_a_megabyte(void **state)
{
	static const char head[] = "[capsule]\nroot = r\n";
	size_t size = CONF_FILE_MAX, i;
	char *text = xmalloc(size + 1);
	struct result r;

	(void)state;
	memcpy(text, head, sizeof(head) - 1);
	for (i = sizeof(head) - 1; i < size + 1; i++)
		text[i] = i % 128 == 127 ? '\n' : ';';
	r = read_bytes(text, size, PATH);
	assert_string_equal("", r.told);
	done(&r);
	r = read_bytes(text, size + 1, PATH);
	assert_non_null(
	    strstr(r.told, ": the file is longer than 1048576 bytes\n"));
	assert_int_equal(1, problems_count(r.ps));
	done(&r);
	xfree(text);
}

static void
a_list_may_have_16_addresses(void **state)
{
	char sixteen[] = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";
	char *text;

	(void)state;
	assert_int_equal(0, problems_with("gemini", "listen", sixteen));
	text = with("gemini", "listen", "1 2 3 4 5 6 7 8 9 0 0 0 0 0 0 0 0");
	tells(text, strlen(text),
	    PATH ":2: [gemini] listen: 17 addresses are more than 16\n");
	xfree(text);
}

/* So many capsules beside the plain one. */
static struct result
read_capsules(int n)
{
	char *text = xmalloc(64 * (size_t)n + 64);
	size_t len = (size_t)sprintf(text, "[capsule]\nroot = r\n");
	struct result r;
	int i;

	for (i = 0; i < n; i++)
		len += (size_t)sprintf(text + len,
		    "[capsule c%d]\nroot = r\nhostname = h%d\n", i, i);
	r = read_bytes(text, len, PATH);
	xfree(text);
	return r;
}

static void
there_are_at_most_256_capsules(void **state)
{
	struct result r = read_capsules(CONF_NAMED_MAX - 1);

	(void)state;
	assert_string_equal("", r.told);
	assert_int_equal(CONF_NAMED_MAX, r.conf->n_capsules);
	done(&r);
	r = read_capsules(CONF_NAMED_MAX);
	assert_string_equal(PATH ":768: [capsule c255] is one more than 256, "
				 "the most there may be\n",
	    r.told);
	done(&r);
}

/* -- lines -- */

#define GOOD "[capsule]\nroot = r\n"
#define SECTIONS                                                               \
	"[server], [log], [tls], [gemini], [gopher], [application], "          \
	"[metrics], [capsule], [selectors], [listing], [languages], "          \
	"[types], [access]"
#define NAME  "a name is made of letters, digits, \"-\", \"_\" and \".\""
#define ALLOW "is not any, ca:FILE, or the name of a file of fingerprints"
#define CASE(name, in, want)                                                   \
	{                                                                      \
		name, in, sizeof(in) - 1, want                                 \
	}

/* The file's name and colon are left out of what is told. */
static const struct {
	const char *name, *text;
	size_t len;
	const char *want;
} files[] = {
	CASE("nothing", "",
	    " [capsule] root: is missing; it is the folder that holds the "
	    "files\n"),
	CASE("no root", "[server]\n\n[capsule]\ntitle = x\n",
	    "3: [capsule] root: is missing; it is the folder that holds the "
	    "files\n"),
	CASE("the least there is", GOOD, ""),
	CASE("no line end at the end", "[capsule]\nroot = r", ""),
	CASE("CRLF", "[capsule]\r\nroot = r\r\n", ""),
	CASE("byte order mark", "\xef\xbb\xbf" GOOD, ""),
	CASE("byte order mark in the middle", GOOD "\xef\xbb\xbf[log]\n",
	    "3: a line is neither [section], key = value nor comment\n"),
	CASE("comments",
	    "; a\n# b\n  ; c\n\t# d\n \t \n[capsule] ; e\nroot = r ; f\n"
	    "title = a;b ;\n",
	    ""),

	/* What inih would bend without a word. */
	CASE("trap: an indented line continues the value above",
	    GOOD "[server]\nuser = x\n  workers = 5\n",
	    "5: a line starts with a blank\n"),
	CASE("trap: an indented section", " [server]\n" GOOD,
	    "1: a line starts with a blank\n"),
	CASE("trap: a name over 49 bytes is cut to one we know",
	    GOOD "[abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx]\n",
	    "3: a section name is longer than 49 bytes\n"),
	CASE("trap: lines behind a long one keep their numbers",
	    GOOD "; "
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "\n[log]\nlevel = x\n",
	    "3: a line is longer than 198 bytes\n"
	    "5: [log] level: \"x\" is not error, warn, info or debug\n"),
	CASE("trap: inih tells the first bad line only",
	    GOOD "one\n[server]\ntwo\nworkers = x\n\nthree\n",
	    "3: a line is neither [section], key = value nor comment\n"
	    "5: a line is neither [section], key = value nor comment\n"
	    "6: [server] workers: \"x\" is not a number from 1 to 64, or "
	    "auto\n"
	    "8: a line is neither [section], key = value nor comment\n"),
	CASE("trap: a colon ends a key, too", GOOD "[selectors]\n/a:b = x\n",
	    "4: a \":\" stands before the \"=\"; no key holds one\n"),
	CASE("trap: a colon alone", GOOD "[server]\nworkers: 2\n",
	    "4: a line is neither [section], key = value nor comment\n"),
	CASE("trap: a colon, and a \"=\" in the comment",
	    GOOD "[server]\nworkers: 2 ; = 3\n",
	    "4: a line is neither [section], key = value nor comment\n"),
	CASE("trap: a comment before the \"=\"",
	    GOOD "[server]\nworkers ;= 2\n",
	    "4: a line is neither [section], key = value nor comment\n"),
	CASE("trap: a colon in the value is the value's", GOOD "title = a: b\n",
	    ""),
	CASE("trap: what follows a section is skipped",
	    GOOD "[log] level = debug\n",
	    "3: something follows the \"]\" of a section\n"),
	CASE("trap: a key behind a bent section goes nowhere else",
	    "[server]\nworkers = 1\n[log\nworkers = 2\n" GOOD,
	    "3: a section is not closed by \"]\"\n"),
	CASE("trap: the end of a section in a comment", GOOD "[log ;]\n",
	    "3: a section is not closed by \"]\"\n"),
	CASE("NUL", GOOD "tit\0le = x\n", "3: a line holds a NUL byte\n"),
	CASE("NUL in a comment", GOOD ";\0\n", "3: a line holds a NUL byte\n"),
	CASE("control byte", GOOD "title = a\x1b[1m\n",
	    "3: a line holds a control byte\n"),
	CASE("CR alone", GOOD "title = a\radmin = b\n",
	    "3: a line holds a control byte\n"),
	CASE("DEL", GOOD "title = \x7f\n", "3: a line holds a control byte\n"),
	CASE("vertical tab, a blank to inih", GOOD "\vtitle = a\n",
	    "3: a line holds a control byte\n"),
	CASE("no key", GOOD "= x\n", "3: no key stands before the \"=\"\n"),

	/* Sections and keys. */
	CASE("key before any section", "root = r\n" GOOD,
	    "1: a key stands before the first [section]\n"),
	CASE("unknown section, told even if empty", GOOD "[sever]\n",
	    "3: [sever] is not a section; nearest: [server]; "
	    "accepted: " SECTIONS "\n"),
	CASE("unknown section, its keys not told again",
	    GOOD "[trousers]\nlisten = x\n[]\n",
	    "3: [trousers] is not a section; accepted: " SECTIONS "\n"
	    "5: [] is not a section; accepted: " SECTIONS "\n"),
	CASE("section with blanks", GOOD "[ log ]\n",
	    "3: [ log ] is not a section; nearest: [log]; accepted: " SECTIONS
	    "\n"),
	CASE("section in capitals and strange bytes", GOOD "[L\xff]\n",
	    "3: [L\\xff] is not a section; accepted: " SECTIONS "\n"),
	CASE("section twice", GOOD "[log]\n[server]\n[log]\nlevel = x\n",
	    "5: [log] stands already at line 3\n"
	    "6: [log] level: \"x\" is not error, warn, info or debug\n"),
	CASE("name after a section of the daemon", GOOD "[server two]\n",
	    "3: [server] takes no name after it\n"),
	CASE("name that is none",
	    GOOD "[capsule a b]\nroot = s\n[gopher ]\n[selectors caf\xe9]\n",
	    "3: [capsule NAME]: " NAME "\n5: [gopher NAME]: " NAME
	    "\n6: [selectors NAME]: " NAME "\n"),
	CASE("name of no section", GOOD "[capsul b]\n",
	    "3: [capsul] is not a section; nearest: [capsule]; "
	    "accepted: " SECTIONS "\n"),
	CASE("named capsule",
	    GOOD "[capsule b] ; b\nroot = s\nhostname = b.org\n"
		 "[selectors\tb]\n/ = x\n",
	    ""),
	CASE("named section before its capsule",
	    GOOD "[selectors b]\n/ = x\n[capsule b]\nroot = s\n"
		 "hostname = b.org\n",
	    ""),
	CASE("named capsule that lacks what has no default",
	    GOOD "[capsule b]\n[gopher b]\n",
	    "3: [capsule b] hostname: is missing; it is a list; the first "
	    "is written into menus\n"
	    "3: [capsule b] root: is missing; it is the folder that holds "
	    "the files\n"
	    "4: [gopher b] listen: is missing; it is a list, or off; * is "
	    "both families\n"),
	CASE("sections of no capsule",
	    GOOD "[capsule blog]\nroot = s\nhostname = b.org\n"
		 "[selectors blok]\n/ = x\n[listing blok]\n[gopher other]\n"
		 "listen = 71\n",
	    "6: [selectors blok]: there is no [capsule blok]; nearest: "
	    "[capsule blog]\n"
	    "8: [listing blok]: there is no [capsule blok]; nearest: "
	    "[capsule blog]\n"
	    "9: [gopher other]: there is no [capsule other]\n"),
	CASE("named section twice",
	    GOOD "[capsule b]\nroot = s\nhostname = b.org\nroot = t\n"
		 "[capsule b]\n",
	    "6: [capsule b] root: stands already at line 4\n"
	    "7: [capsule b] stands already at line 3\n"),
	CASE("wrong value and key of a named section",
	    GOOD "[capsule b]\nroot = s\nhostname = b.org\nlanguage = !\n"
		 "titel = x\n[selectors b]\nx = y\n",
	    "6: [capsule b] language: \"!\" " LANGUAGE "\n"
	    "7: [capsule b] titel: is not a key; nearest: title; accepted: "
	    "hostname, root, symlinks, certificate, key, language, title, "
	    "admin, ask_certificate, budget\n"
	    "9: [selectors b] x: a selector starts with \"/\"\n"),
	CASE("a host of two capsules",
	    "[capsule]\nroot = r\nhostname = a.org *.a.org\n"
	    "[capsule b]\nroot = s\nhostname = b.org A.org *.A.org\n"
	    "[capsule c]\nroot = s\nhostname = b.org\n",
	    "6: [capsule b] hostname: \"a.org\" belongs to [capsule] "
	    "already\n"
	    "6: [capsule b] hostname: \"*.a.org\" belongs to [capsule] "
	    "already\n"
	    "9: [capsule c] hostname: \"b.org\" belongs to [capsule b] "
	    "already\n"),
	CASE("the default host of two capsules",
	    GOOD "[capsule b]\nroot = s\nhostname = localhost\n",
	    "5: [capsule b] hostname: \"localhost\" belongs to [capsule] "
	    "already\n"),
	CASE("a name and the wildcard above it",
	    "[capsule]\nroot = r\nhostname = a.org *.a.org\n"
	    "[capsule b]\nroot = s\nhostname = b.a.org\n",
	    ""),
	CASE("two Gopher services on one port",
	    GOOD "[capsule b]\nroot = s\nhostname = b.org\n"
		 "[gopher b]\nlisten = 127.0.0.1:7 70\n"
		 "[capsule c]\nroot = s\nhostname = c.org\n"
		 "[gopher c]\nlisten = 127.0.0.1:7 1965\n",
	    "7: [gopher b] listen: an address and port is that of [gopher] "
	    "listen\n"
	    "12: [gopher c] listen: an address and port is that of [gemini] "
	    "listen\n"
	    "12: [gopher c] listen: an address and port is that of "
	    "[gopher b] listen\n"),
	CASE("a further Gopher service alone",
	    GOOD "[gemini]\nlisten = off\n[gopher]\nlisten = off\n"
		 "[capsule b]\nroot = s\nhostname = b.org\n"
		 "[gopher b]\nlisten = 71\n",
	    ""),
	CASE("a redirect to a host of another capsule, and to one's own",
	    "[capsule]\nroot = r\nhostname = a.org *.a.org\n"
	    "[selectors]\n/ = x\n/x = @redirect gemini://b.a.org/gone\n"
	    "/y = @redirect gemini://c.a.org/gone\n"
	    "[capsule b]\nroot = s\nhostname = b.a.org\n",
	    "7: [selectors] /y: \"/gone\" is where it leads, and that goes "
	    "nowhere: no selector maps it\n"),
	CASE("access that says nothing",
	    GOOD "[selectors]\n/ = x\n/staff/ = staff/\n[access]\n/ =\n"
		 "/staff/* = ca:\n/staff/a = b/\n/staff/caf* = caf\xe9\n",
	    "7: [access] /: \"\" " ALLOW "\n"
	    "8: [access] /staff/*: \"ca:\" " ALLOW "\n"
	    "9: [access] /staff/a: \"b/\" " ALLOW "\n"
	    "10: [access] /staff/caf*: \"caf\\xe9\" is not UTF-8\n"),
	CASE("access of what is not there",
	    GOOD "[selectors]\n/ = x\n/staff/ = staff/\n[access]\n"
		 "/staf/* = any\n/private = any\nstaff = any\n"
		 "/*/x = any\n/staff/* = any\n/staff = any\n/* = any\n"
		 "/st* = any\n/staff/* = any\n",
	    "7: [access] /staf/*: \"/staf/*\" protects nothing: no selector "
	    "fits; nearest: /staff/\n"
	    "8: [access] /private: \"/private\" protects nothing: no "
	    "selector fits\n"
	    "9: [access] staff: a selector starts with \"/\"\n"
	    "10: [access] /*/x: a \"*\" stands at the end\n"
	    "12: [access] /staff: \"/staff\" protects nothing: no selector "
	    "fits; nearest: /staff/\n"
	    "15: [access] /staff/*: stands already at line 11\n"),
	CASE("unknown key", GOOD "[gopher]\ncolums = 60\n",
	    "4: [gopher] colums: is not a key; nearest: columns; accepted: "
	    "listen, tls, host, port, columns, charset, lastline, "
	    "proxy_protocol\n"),
	CASE("key of another section", GOOD "[log]\nworkers = 2\n",
	    "4: [log] workers: is not a key; accepted: level, access, "
	    "facility, addresses\n"),
	CASE("ticket keys without tickets that have them",
	    GOOD "[tls]\nticket_keys = k\n",
	    "4: [tls] ticket_keys: only sealed tickets have keys; say "
	    "\"tickets = sealed\", or leave this key out\n"),
	CASE("ticket keys and tickets that have them",
	    GOOD "[tls]\nticket_keys = k\ntickets = sealed\n", ""),
	CASE("key twice", GOOD "[log]\nlevel = info\n\nlevel = warn\n",
	    "6: [log] level: stands already at line 4\n"),
	CASE("key twice, the first one wrong", GOOD "root =\n",
	    "3: [capsule] root: stands already at line 2\n"),

	/* What only makes sense together. */
	CASE("nothing to serve",
	    GOOD "[gemini]\nlisten = off\n[gopher]\nlisten = off\n",
	    "6: [gopher] listen: is off, and so is [gemini] at line 4: "
	    "nothing is left to serve\n"),
	CASE("Gemini alone", GOOD "[gopher]\nlisten = off\n", ""),
	CASE("both on one port",
	    GOOD "[gemini]\nlisten = 127.0.0.1:7 [::1]:8\n"
		 "[gopher]\nlisten = 127.0.0.1:8 [::1]:8\n",
	    "6: [gopher] listen: an address and port is that of [gemini] "
	    "listen\n"),
	CASE("metrics where visitors come to",
	    GOOD "[gemini]\nlisten = *:7\n[metrics]\nlisten = [::]:7\n",
	    "6: [metrics] listen: an address and port is that of [gemini] "
	    "listen\n"),
	CASE("metrics on a further Gopher port",
	    GOOD "[capsule b]\nroot = r\nhostname = b\n[selectors b]\n/ = x\n"
		 "[gopher b]\nlisten = 127.0.0.1:9\n"
		 "[metrics]\nlisten = 127.0.0.1:9\n",
	    "11: [metrics] listen: an address and port is that of [gopher b] "
	    "listen\n"),
	CASE("Gemini on Gopher's default port", GOOD "[gemini]\nlisten = 70\n",
	    "4: [gopher] listen: an address and port is that of [gemini] "
	    "listen\n"),
	CASE("less patience than a proxy's lost packet takes",
	    GOOD "[server]\nrequest_timeout = 2s\n"
		 "[gemini]\nproxy_protocol = ::1\n"
		 "[gopher]\nproxy_protocol = 10.0.0.0/8\n"
		 "[capsule b]\nroot = s\nhostname = b.org\n[gopher b]\n"
		 "listen = 71\nproxy_protocol = ::1\n",
	    "4: [server] request_timeout: 2s is less than the 3s that "
	    "[gemini] proxy_protocol needs\n"
	    "4: [server] request_timeout: 2s is less than the 3s that "
	    "[gopher] proxy_protocol needs\n"
	    "4: [server] request_timeout: 2s is less than the 3s that "
	    "[gopher b] proxy_protocol needs\n"),
	CASE("just enough of it",
	    GOOD "[server]\nrequest_timeout = 3s\n"
		 "[gemini]\nproxy_protocol = ::1\n",
	    ""),
	CASE("as little as one likes without a proxy",
	    GOOD "[server]\nrequest_timeout = 2s\n"
		 "[gemini]\nproxy_protocol = no\n",
	    ""),
	CASE("both on ports of the kernel's choice",
	    GOOD "[gemini]\nlisten = *:0\n[gopher]\nlisten = *:0\n", ""),
};

/* Put the file's name before each line of text. */
static void
add_path(char *to, size_t size, const char *text)
{
	size_t n = 0;

	to[0] = '\0';
	while (*text != '\0') {
		size_t len = strcspn(text, "\n") + 1;

		n += (size_t)snprintf(to + n, size - n, PATH ":%.*s", (int)len,
		    text);
		text += len;
	}
}

static void
each_file_is_told_all_its_problems_by_line(void **state)
{
	char want[4096];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(files); i++) {
		add_path(want, sizeof(want), files[i].want);
		tells(files[i].text, files[i].len, want);
	}
}

/* -- maps -- */

#define ACTIONS                                                                \
	"@redirect, @redirect-temporary, @gone, @search, @atom, @fastcgi, "    \
	"@scgi"
#define ADDRESS                                                                \
	"is not unix:SOCKET, IPV4:PORT or [IPV6]:PORT with a port from 1 to "  \
	"65535\n"
#define TOO_LATE                                                               \
	"is neither the full path of a script nor an item type, or stands "    \
	"too "                                                                 \
	"late\n"
/* With a slash before both, as long as the name of a socket may be. */
#define NAME_64_LESS_26 "abcdefghijklmnopqrstuvwxyzabcdefghijkl"
#define NAME_64                                                                \
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

/* Under [selectors] from line 4; the file's name is left out. */
static const struct {
	const char *name, *text, *want;
} maps[] = {
	{ "all that is right",
	    "/ = index.gmi\n/a = a b=c:d.gmi ; comment\n/f/ = f/\n"
	    "/caf\xc3\xa9 = caf\xc3\xa9.gmi\n/h/.x =;x\n/g = @gone\n"
	    "/r = @redirect /a\n/r/s = @redirect-temporary ../f/x?q\n"
	    "/t = @redirect  caf%C3%A9\n/u = @redirect gopher://example.org/\n"
	    "/v = @redirect gemini://localhost:1966/nothing\n"
	    "[listing]\n/f/ = yes\n/f/sub/ = no\n"
	    "[languages]\n/f/* = fr\n/a = en,fr\n/* = pt-BR\n"
	    "[types]\n.epub = application/epub+zip 9\n.log = text/plain\n"
	    ".x = text/plain; charset=latin1 0\n",
	    "" },
	{ "no slash", "history = history.gmi\n",
	    "4: [selectors] history: a selector starts with \"/\"\n" },
	{ "two slashes", "/a//b = x\n",
	    "4: [selectors] /a//b: a selector holds no \"//\"\n" },
	{ "two slashes at the end", "/a// = x/\n",
	    "4: [selectors] /a//: a selector holds no \"//\"\n" },
	{ "two slashes alone", "// = x/\n",
	    "4: [selectors] //: a selector holds no \"//\"\n" },
	{ "dot", "/a/./b = x\n",
	    "4: [selectors] /a/./b: a selector holds no \".\" or \"..\"\n" },
	{ "two dots at the end", "/.. = x\n",
	    "4: [selectors] /..: a selector holds no \".\" or \"..\"\n" },
	{ "TAB", "/a\tb = x\n",
	    "4: [selectors] /a\\x09b: a selector holds no TAB\n" },
	{ "not UTF-8", "/\xff = x\n/x = \xfe\n",
	    "4: [selectors] /\\xff: a selector is UTF-8\n"
	    "5: [selectors] /x: \"\\xfe\" is not UTF-8\n" },
	{ "twice", "/a = x\n/b = y\n/a = z\n",
	    "6: [selectors] /a: stands already at line 4\n" },
	{ "no value", "/a =\n/b = ; comment\n",
	    "4: [selectors] /a: it needs a file, a folder/ or an "
	    "action: " ACTIONS "\n"
	    "5: [selectors] /b: it needs a file, a folder/ or an "
	    "action: " ACTIONS "\n" },

	{ "unknown action", "/a = @redirct /\n/ = x\n/s = @seek\n/t = @\n",
	    "4: [selectors] /a: \"@redirct\" is not an action; nearest: "
	    "@redirect; accepted: " ACTIONS "\n"
	    "6: [selectors] /s: \"@seek\" is not an action; "
	    "accepted: " ACTIONS "\n"
	    "7: [selectors] /t: \"@\" is not an action; accepted: " ACTIONS
	    "\n" },
	{ "redirect without a target", "/a = @redirect\n",
	    "4: [selectors] /a: a redirect needs a target, such as "
	    "@redirect /new\n" },
	{ "redirect to no URI",
	    "/a = @redirect /b c\n/b = @redirect /\xc3\xa9"
	    "\n/c = @redirect %zz\n",
	    "4: [selectors] /a: \"/b c\" is not a URI; other bytes are "
	    "written as %HH\n"
	    "5: [selectors] /b: \"/\xc3\xa9\" is not a URI; other bytes are "
	    "written as %HH\n"
	    "6: [selectors] /c: \"%zz\" is not a URI; other bytes are "
	    "written as %HH\n" },
	{ "words after @gone", "/a = @gone fishing\n",
	    "4: [selectors] /a: \"fishing\" follows @gone, which stands "
	    "alone\n" },
	{ "a search and feeds",
	    "/s = @search\n/n.xml = @atom  a b.gmi ; comment\n"
	    "/t = @redirect /s?words\n",
	    "" },
	{ "words after @search", "/s = @search here\n",
	    "4: [selectors] /s: \"here\" follows @search, which stands "
	    "alone\n" },
	{ "a feed of nothing, a folder, an action",
	    "/a = @atom\n/b = @atom news/\n/c = @atom @search\n",
	    "4: [selectors] /a: a feed needs the page that it is made from, "
	    "such as @atom news.gmi\n"
	    "5: [selectors] /b: \"news/\" is not a file that a feed can be "
	    "made from\n"
	    "6: [selectors] /c: \"@search\" is not a file that a feed can be "
	    "made from\n" },
	{ "a search and a feed that look like folders",
	    "/s/ = @search\n/n/ = @atom news.gmi\n",
	    "4: [selectors] /s/: only the selector of a folder or a page ends "
	    "with \"/\"\n"
	    "5: [selectors] /n/: only the selector of a folder or a page ends "
	    "with \"/\"\n" },

	{ "applications",
	    "/a/ = @fastcgi unix:/run/a.sock /srv/a/ 7\n"
	    "/b = @scgi 127.0.0.1:1 \t /srv/b\n/c = @scgi [::1]:65535 p\n"
	    "/ = @fastcgi unix:a.sock ; comment\n/old = @redirect /a/x/y\n"
	    "/u = @scgi unix:/" NAME_64 NAME_64_LESS_26 "\n"
	    "[access]\n/a/x/* = any\n/a/one = any\n",
	    "" },
	{ "applications at no address",
	    "/a = @fastcgi\n/b = @scgi localhost:9000\n/c = @scgi unix:\n"
	    "/d = @scgi unix:/run/\n/e = @scgi 127.0.0.1:0\n"
	    "/f = @scgi 127.0.0.1:65536\n/g = @scgi ::1:1\n"
	    "/h = @scgi [127.0.0.1]:1\n/i = @scgi /run/a.sock\n"
	    "/j = @scgi unix:/" NAME_64 NAME_64_LESS_26 "x\n",
	    "4: [selectors] /a: an application needs an address, such as "
	    "@fastcgi unix:/run/app.sock\n"
	    "5: [selectors] /b: \"localhost:9000\" " ADDRESS
	    "6: [selectors] /c: \"unix:\" " ADDRESS
	    "7: [selectors] /d: \"unix:/run/\" " ADDRESS
	    "8: [selectors] /e: \"127.0.0.1:0\" " ADDRESS
	    "9: [selectors] /f: \"127.0.0.1:65536\" " ADDRESS
	    "10: [selectors] /g: \"::1:1\" " ADDRESS
	    "11: [selectors] /h: \"[127.0.0.1]:1\" " ADDRESS
	    "12: [selectors] /i: \"/run/a.sock\" " ADDRESS
	    "13: [selectors] /j: \"/" NAME_64 NAME_64_LESS_26 "x\" is too "
	    "long for a socket: with its folder it may have 103 bytes\n" },
	{ "applications with too many words",
	    "/a = @scgi 127.0.0.1:1 /srv/a/\n/b = @scgi 127.0.0.1:1 i\n"
	    "/c = @scgi 127.0.0.1:1 7 /srv/c\n/d = @scgi 127.0.0.1:1 77\n"
	    "/e = @scgi 127.0.0.1:1 srv/e\n/f = @fastgci 127.0.0.1:1\n"
	    "/g/ = @scgi 127.0.0.1:1\n[listing]\n/g/ = yes\n",
	    "4: [selectors] /a: \"/srv/a/\" is a folder of scripts, and needs "
	    "a selector that ends with \"/\"\n"
	    "5: [selectors] /b: \"i\" is not an item type: a letter or digit, "
	    "not i or 3\n"
	    "6: [selectors] /c: \"/srv/c\" " TOO_LATE
	    "7: [selectors] /d: \"77\" " TOO_LATE
	    "8: [selectors] /e: \"srv/e\" " TOO_LATE
	    "9: [selectors] /f: \"@fastgci\" is not an action; nearest: "
	    "@fastcgi; accepted: " ACTIONS "\n"
	    "12: [listing] /g/: \"/g/\" is not a folder of [selectors]; "
	    "nearest: /g/\n" },

	{ "nowhere", "/history = h.gmi\n/a = @redirect /hystory\n",
	    "5: [selectors] /a: \"/hystory\" is where it leads, and that "
	    "goes nowhere: no selector maps it; nearest: /history\n" },
	{ "nowhere, after another", "/a = @redirect b\n/b = @redirect c/\n",
	    "4: [selectors] /a: \"/c/\" is where it leads, and that goes "
	    "nowhere: no selector maps it; nearest: /a\n"
	    "5: [selectors] /b: \"/c/\" is where it leads, and that goes "
	    "nowhere: no selector maps it; nearest: /a\n" },
	{ "without a folder's slash", "/f/ = f/\n/a = @redirect /f\n", "" },
	{ "in a circle but for the slash", "/f/ = @redirect /f\n",
	    "4: [selectors] /f/: \"/f\" leads in a circle\n" },
	{ "folder without its slash", "/f = f/\n/g/ = g.gmi\n",
	    "4: [selectors] /f: a folder's selector ends with \"/\"\n" },
	{ "below what is no folder", "/f/ = f.gmi\n/a = @redirect /f/x\n",
	    "5: [selectors] /a: \"/f/x\" is where it leads, and that goes "
	    "nowhere: no selector maps it; nearest: /f/\n" },
	{ "nowhere by our own name", "/a = @redirect gemini://LOCALHOST/x\n",
	    "4: [selectors] /a: \"/x\" is where it leads, and that goes "
	    "nowhere: no selector maps it; nearest: /a\n" },
	{ "to what is gone", "/a = @redirect /b\n/b = @gone\n",
	    "4: [selectors] /a: \"/b\" is where it leads, and that is "
	    "@gone\n" },
	{ "to itself",
	    "/a = @redirect a\n/b = @redirect ?q\n"
	    "/c/ = @redirect ./\n/d = @redirect #top\n",
	    "4: [selectors] /a: \"a\" leads in a circle\n"
	    "5: [selectors] /b: \"?q\" leads in a circle\n"
	    "6: [selectors] /c/: \"./\" leads in a circle\n"
	    "7: [selectors] /d: \"#top\" leads in a circle\n" },
	{ "in a circle of three, and into it",
	    "/a = @redirect /b\n/b = @redirect-temporary /c\n"
	    "/c = @redirect //localhost/a\n/d = @redirect /%61\n",
	    "4: [selectors] /a: \"/b\" leads in a circle\n"
	    "5: [selectors] /b: \"/c\" leads in a circle\n"
	    "6: [selectors] /c: \"//localhost/a\" leads in a circle\n"
	    "7: [selectors] /d: \"/%61\" leads in a circle\n" },
	{ "to a folder that is a redirect below a folder",
	    "/ = root/\n/f/ = @redirect /f/x\n", "" },
	{ "five redirects",
	    "/a = @redirect /b\n/b = @redirect /c\n"
	    "/c = @redirect /d\n/d = @redirect /e\n"
	    "/e = @redirect /f\n/f = f.gmi\n",
	    "" },
	{ "six redirects",
	    "/a = @redirect /b\n/b = @redirect /c\n"
	    "/c = @redirect /d\n/d = @redirect /e\n"
	    "/e = @redirect /f\n/f = @redirect /g\n"
	    "/g = g.gmi\n",
	    "4: [selectors] /a: \"/b\" leads through more than 5 redirects, "
	    "and clients give up\n" },
	{ "to no selector at all", "/ = r/\n/a = @redirect /x%2Fy\n",
	    "5: [selectors] /a: \"/x%2Fy\" can never name a selector: it "
	    "holds %2F or %00\n" },

	{ "listing of what is no folder",
	    "/f/ = f/\n/x = x.gmi\n[listing]\n/f = yes\n/g/ = yes\n"
	    "/f/ = on\n/f/ = no\n",
	    "7: [listing] /f: a folder's selector ends with \"/\"\n"
	    "8: [listing] /g/: \"/g/\" is not a folder of [selectors]; "
	    "nearest: /f/\n"
	    "9: [listing] /f/: \"on\" is not yes or no\n"
	    "10: [listing] /f/: stands already at line 9\n" },
	{ "languages",
	    "[languages]\nfr* = fr\n/*/x = fr\n/a//b = fr\n/a = French!\n"
	    "/b* =\n/c* = fr\n/c* = en\n* = en\n",
	    "5: [languages] fr*: a selector starts with \"/\"\n"
	    "6: [languages] /*/x: a \"*\" stands at the end\n"
	    "7: [languages] /a//b: a selector holds no \"//\"\n"
	    "8: [languages] /a: \"French!\" is not a language such as en, "
	    "pt-BR or en,fr\n"
	    "9: [languages] /b*: \"\" is not a language such as en, pt-BR "
	    "or en,fr\n"
	    "11: [languages] /c*: stands already at line 10\n"
	    "12: [languages] *: a selector starts with \"/\"\n" },
	{ "types",
	    "[types]\nepub = a/b\n.tar.gz = a/b\n. = a/b\n.a b = a/b\n"
	    ".a/b = a/b\n.\xff = a/b\n.c = text\n.d = a/b 10\n.e = a/b i\n"
	    ".f = a/b 3\n.g =\n.h = 9\n.i = a/b +\n.J = a/b\n.j = a/b\n",
	    "5: [types] epub: an extension starts with \".\", such as "
	    ".epub, and a selector with \"/\"\n"
	    "7: [types] .: an extension starts with \".\", such as "
	    ".epub, and a selector with \"/\"\n"
	    "8: [types] .a b: an extension holds no blank\n"
	    "9: [types] .a/b: an extension holds no \"/\"\n"
	    "10: [types] .\\xff: an extension is UTF-8\n"
	    "11: [types] .c: \"text\" is not a media type, such as "
	    "application/epub+zip 9\n"
	    "12: [types] .d: \"a/b 10\" is not a media type, such as "
	    "application/epub+zip 9\n"
	    "13: [types] .e: \"i\" is not an item type of a file: a letter "
	    "or digit, not i or 3\n"
	    "14: [types] .f: \"3\" is not an item type of a file: a letter "
	    "or digit, not i or 3\n"
	    "15: [types] .g: \"\" is not a media type, such as "
	    "application/epub+zip 9\n"
	    "16: [types] .h: \"9\" is not a media type, such as "
	    "application/epub+zip 9\n"
	    "17: [types] .i: \"+\" is not an item type of a file: a letter "
	    "or digit, not i or 3\n"
	    "19: [types] .j: stands already at line 18\n" },
};

static void
each_map_is_told_all_its_problems_by_line(void **state)
{
	char text[4096], want[4096];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(maps); i++) {
		snprintf(text, sizeof(text), GOOD "[selectors]\n%s",
		    maps[i].text);
		add_path(want, sizeof(want), maps[i].want);
		tells(text, strlen(text), want);
	}
}

static void
a_map_keeps_its_pairs_and_their_lines(void **state)
{
	struct result r = read_text(GOOD "[selectors]\n/ = a b ; c\n\n"
					 "/x/ = x/\n[types]\n.EPUB = a/b 9\n");
	const struct conf_capsule *c = r.conf->capsules;

	(void)state;
	assert_string_equal("", r.told);
	assert_int_equal(1, r.conf->n_capsules);
	assert_int_equal(1, c->line);
	assert_int_equal(2, c->root_line);
	assert_int_equal(0, c->hostname_line);
	assert_int_equal(2, c->selectors.n);
	assert_string_equal("/", c->selectors.v[0].key.p);
	assert_string_equal("a b", c->selectors.v[0].value.p);
	assert_int_equal(4, c->selectors.v[0].line);
	assert_int_equal(6, c->selectors.v[1].line);
	assert_int_equal(1, c->types.n);
	assert_string_equal(".epub", c->types.v[0].key.p);
	assert_string_equal("a/b 9", c->types.v[0].value.p);
	assert_int_equal(0, c->listing.n);
	assert_int_equal(0, c->languages.n);
	done(&r);
}

/* -- values in the struct -- */

static void
defaults_fill_what_is_missing(void **state)
{
	struct result r = read_text(GOOD);
	const struct conf *c = r.conf;

	(void)state;
	assert_string_equal("", r.told);
	assert_string_equal("", c->user.p);
	assert_string_equal("", c->pid_file.p);
	assert_int_equal(0, c->workers);
	assert_int_equal(10000, c->request_timeout_ms);
	assert_int_equal(30000, c->idle_timeout_ms);
	assert_int_equal(30000, c->drain_timeout_ms);
	assert_int_equal(300000, c->hang_timeout_ms);
	assert_int_equal(0, c->watch_s);
	assert_true(c->key_process);
	assert_int_equal(LOG_LEVEL_INFO, c->level);
	assert_string_equal("stderr", c->access.p);
	assert_int_equal(CONF_ADDRESS_TRUNCATED, c->addresses);
	assert_int_equal(CONF_TLS_12_AND_13, c->tls_versions);
	assert_int_equal(CONF_TICKETS_ID, c->tickets);
	assert_int_equal(4096, c->sessions);
	assert_int_equal(0, c->ticket_keys.len);
	assert_int_equal(2, c->gemini_listen.n);
	assert_int_equal(1965, c->gemini_listen.v[0].port);
	assert_true(c->check_port);
	assert_int_equal(0, c->gemini_proxies.n);
	assert_int_equal(0, c->gophers[0].proxies.n);
	assert_int_equal(70, c->gophers[0].listen.v[1].port);
	assert_true(c->gophers[0].tls);
	assert_int_equal(0, c->gophers[0].port);
	assert_int_equal(67, c->gophers[0].columns);
	assert_int_equal(UTF8_UTF8, c->gophers[0].charset);
	assert_false(c->gophers[0].lastline);
	assert_int_equal(1, c->capsules[0].hostname.n);
	assert_string_equal("localhost", c->capsules[0].hostname.v[0].p);
	assert_string_equal("r", c->capsules[0].root.p);
	assert_string_equal("localhost.crt", c->capsules[0].certificate.p);
	assert_string_equal("localhost.key", c->capsules[0].key.p);
	assert_string_equal("", c->capsules[0].language.p);
	done(&r);
}

static void
a_watch_is_counted_in_seconds_and_timeouts_in_ms(void **state)
{
	struct result r =
	    read_text(GOOD "[server]\nwatch = 2m\nidle_timeout = 2m\n");

	(void)state;
	assert_int_equal(120, r.conf->watch_s);
	assert_int_equal(120000, r.conf->idle_timeout_ms);
	done(&r);
}

static void
a_star_listens_in_both_families(void **state)
{
	struct result r =
	    read_text(GOOD "[gemini]\nlisten = 1 *:2 127.0.0.1:3 [::1]:4\n");
	const struct conf_listen *l = r.conf->gemini_listen.v;
	size_t i;

	(void)state;
	assert_int_equal(6, r.conf->gemini_listen.n);
	for (i = 0; i < 4; i++) {
		assert_int_equal(0, l[i].host.len);
		assert_true(l[i].optional);
		assert_int_equal(i / 2, l[i].pair);
		assert_int_equal(i / 2 + 1, l[i].port);
		assert_int_equal(i % 2 == 0 ? AF_INET6 : AF_INET, l[i].family);
	}
	assert_string_equal("127.0.0.1", l[4].host.p);
	assert_int_equal(AF_INET, l[4].family);
	assert_false(l[4].optional);
	assert_int_equal(2, l[4].pair);
	assert_string_equal("::1", l[5].host.p);
	assert_int_equal(AF_INET6, l[5].family);
	assert_int_equal(4, l[5].port);
	done(&r);
}

static void
a_host_is_kept_in_the_form_in_which_hosts_are_compared(void **state)
{
	struct result r =
	    read_text(GOOD "hostname = WWW.Example.org 0::1 [0::2]\n");
	const struct conf_list *hosts = &r.conf->capsules[0].hostname;

	(void)state;
	assert_int_equal(3, hosts->n);
	assert_string_equal("www.example.org", hosts->v[0].p);
	assert_string_equal("[::1]", hosts->v[1].p);
	assert_string_equal("[::2]", hosts->v[2].p);
	done(&r);
}

static void
a_proxy_is_an_address_or_a_network(void **state)
{
	struct result r =
	    read_text(GOOD "[gemini]\nproxy_protocol = 10.0.0.0/8 fd00::/8\n"
			   "[gopher]\nproxy_protocol = 192.0.2.1\n");
	const struct conf_networks *gemini = &r.conf->gemini_proxies;
	const struct conf_networks *gopher = &r.conf->gophers[0].proxies;
	unsigned char address[16] = { 10, 9, 8, 7 };

	(void)state;
	assert_string_equal("", r.told);
	assert_int_equal(2, gemini->n);
	assert_true(cidr_has(&gemini->v[0], AF_INET, address));
	assert_false(cidr_has(&gemini->v[1], AF_INET, address));
	address[0] = 0xfd;
	assert_true(cidr_has(&gemini->v[1], AF_INET6, address));
	assert_int_equal(1, gopher->n);
	assert_int_equal(32, gopher->v[0].bits);
	done(&r);
}

static void
a_wrong_value_leaves_the_default(void **state)
{
	struct result r =
	    read_text(GOOD "hostname = a a\n[gemini]\nlisten = 1 x\n");

	(void)state;
	assert_int_equal(2, problems_count(r.ps));
	assert_string_equal("localhost", r.conf->capsules[0].hostname.v[0].p);
	assert_int_equal(1965, r.conf->gemini_listen.v[0].port);
	done(&r);
}

/* -- paths -- */

static const struct {
	const char *ini, *written, *stored, *printed;
} paths[] = {
	{ "x.ini", "run/pid", "run/pid", "run/pid" },
	{ "x.ini", "/run/pid", "/run/pid", "/run/pid" },
	{ "conf/x.ini", "../pid", "conf/../pid", "../pid" },
	{ "conf/x.ini", "conf/pid", "conf/conf/pid", "conf/pid" },
	{ "conf/x.ini", "/pid", "/pid", "/pid" },
	{ "/etc/c/x.ini", "pid", "/etc/c/pid", "/etc/c/pid" },
	{ "/x.ini", "pid", "/pid", "/pid" },
	/* Folders that no value could name. */
	{ "/a ;b/x.ini", "pid", "/a ;b/pid", "pid" },
	{ "/a\nb/x.ini", "pid", "/a\nb/pid", "pid" },
	{ "/\xff/x.ini", "pid", "/\xff/pid", "pid" },
	{ "/a ;b/x.ini", "/pid", "/pid", "/pid" },
};

static void
paths_start_from_the_folder_of_the_file(void **state)
{
	char text[256], want[256];
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(paths); i++) {
		snprintf(text, sizeof(text), GOOD "[server]\npid_file = %s\n",
		    paths[i].written);
		snprintf(want, sizeof(want), "\npid_file = %s\n",
		    paths[i].printed);
		r = read_bytes(text, strlen(text), paths[i].ini);
		assert_string_equal("", r.told);
		assert_string_equal(paths[i].stored, r.conf->pid_file.p);
		assert_non_null(strstr(r.printed, want));
		done(&r);
	}
}

static void
a_missing_file_or_a_folder_is_told_by_name(void **state)
{
	struct problems *ps = problems_new();
	struct conf *conf = conf_load("tests/no such.ini", ps);

	(void)state;
	assert_null(conf);
	assert_int_equal(1, problems_count(ps));
	assert_string_equal(
	    "tests/no such.ini: cannot open: No such file or directory",
	    problems_get(ps, 0));
	problems_free(ps);

	ps = problems_new();
	conf = conf_load(".", ps);
	assert_non_null(conf);
	assert_int_equal(1, problems_count(ps));
	assert_string_equal(".: cannot read: Is a directory",
	    problems_get(ps, 0));
	problems_free(ps);
	conf_free(conf);
	conf_free(NULL);
}

/* -- there and back -- */

static void
assert_same_lists(const struct conf_listens *a, const struct conf_listens *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		assert_true(view_eq(a->v[i].host, b->v[i].host));
		assert_int_equal(a->v[i].family, b->v[i].family);
		assert_int_equal(a->v[i].port, b->v[i].port);
		assert_int_equal(a->v[i].optional, b->v[i].optional);
		assert_int_equal(a->v[i].pair, b->v[i].pair);
	}
}

/* What the printed text alone could hide. */
static void
assert_same_conf(const struct conf *a, const struct conf *b)
{
	const struct conf_capsule *c = a->capsules, *d = b->capsules;

	assert_same_lists(&a->gemini_listen, &b->gemini_listen);
	assert_same_lists(&a->gophers[0].listen, &b->gophers[0].listen);
	assert_true(view_eq(a->pid_file, b->pid_file));
	assert_true(view_eq(a->access, b->access));
	assert_true(view_eq(c->root, d->root));
	assert_true(view_eq(c->certificate, d->certificate));
	assert_true(view_eq(c->key, d->key));
	assert_true(view_eq(c->title, d->title));
	assert_int_equal(c->selectors.n, d->selectors.n);
}

static void
comes_back(const char *text, size_t len, const char *path)
{
	struct result there = read_bytes(text, len, path), back;

	if (problems_count(there.ps) == 0) {
		back = read_bytes(there.printed, strlen(there.printed), path);
		assert_string_equal("", back.told);
		assert_string_equal(there.printed, back.printed);
		assert_same_conf(there.conf, back.conf);
		done(&back);
	}
	done(&there);
}

static void
what_is_printed_reads_back_the_same(void **state)
{
	char *text;
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(right); i++) {
		text = with(right[i].section, right[i].name, right[i].value);
		for (k = 0; k < COUNT(paths); k++)
			comes_back(text, strlen(text), paths[k].ini);
		xfree(text);
	}
	for (i = 0; i < COUNT(maps); i++) {
		text = xmalloc(4096);
		snprintf(text, 4096, GOOD "[selectors]\n%s", maps[i].text);
		comes_back(text, strlen(text), PATH);
		xfree(text);
	}
}

/* Lines with no room left for the blanks, the brackets or the folder. */
static void
the_fullest_lines_read_back_the_same(void **state)
{
	static const char *const starts[] = { "title=", "root=/etc/c/",
		"certificate=/", "key=", "hostname=::1 ", "hostname=" };
	char text[1024], folder[512];
	struct result r;
	size_t i, n;

	(void)state;
	memset(folder, 'f', sizeof(folder));
	memcpy(folder, "/etc/c/", 7);
	strcpy(folder + 400, "/x.ini");
	for (i = 0; i < COUNT(starts); i++) {
		size_t from, dot = 0;

		n = (size_t)sprintf(text, "[capsule]\n%s",
		    strncmp(starts[i], "root", 4) == 0 ? "" : "root=r\n");
		from = n;
		n += (size_t)sprintf(text + n, "%s", starts[i]);
		for (; n - from < CONF_LINE_MAX; n++)
			text[n] = ++dot % 50 == 0 ? '.' : 'x';
		r = read_bytes(text, n, PATH);
		assert_string_equal("", r.told);
		done(&r);
		comes_back(text, n, PATH);
		comes_back(text, n, "/etc/c/x.ini");
		comes_back(text, n, "conf/x.ini");
		comes_back(text, n, folder);
	}
}

static void
a_list_that_grows_too_long_for_a_line_is_told(void **state)
{
	char text[1024] = GOOD "hostname = ";
	int i;

	(void)state;
	/* Each becomes "::0.1.0.N", which takes two bytes more and more. */
	for (i = 1; strlen(text) + 8 < sizeof(GOOD) - 1 + CONF_LINE_MAX; i++)
		sprintf(text + strlen(text), "::1:%x ", i);
	tells(text, strlen(text),
	    PATH ":3: [capsule] hostname: the list is too long for a line\n");
}

static void
every_prefix_is_told_or_reads_back_the_same(void **state)
{
	char text[4096];
	size_t n, len;

	(void)state;
	len = (size_t)snprintf(text, sizeof(text),
	    "\xef\xbb\xbf[capsule] ; c\r\nhostname = a.org [::1]\nroot = r\n"
	    "title = caf\xc3\xa9\n[gemini]\nlisten = 7 [::1]:8\n"
	    "[selectors]\n%s",
	    maps[0].text);
	for (n = 0; n <= len; n++)
		comes_back(text, n, PATH);
}

/* -- the files that come with it -- */

static void
the_sample_and_the_demo_have_no_problems(void **state)
{
	static const char *const names[] = { "conf/capsuled.ini",
		"conf/demo.ini" };
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		struct problems *ps = problems_new();

		r = finish(ps, conf_load(names[i], ps));
		assert_string_equal("", r.told);
		comes_back(r.printed, strlen(r.printed), names[i]);
		done(&r);
	}
}

/* Keys to which a sample that tells nothing of the site would be no use. */
static bool
is_of_the_site(const char *line)
{
	static const char *const keys[] = { "user ", "pid_file ", "hostname ",
		"root ", "certificate ", "key ", "language ", "title ",
		"admin ", "/" };
	size_t i;

	for (i = 0; i < COUNT(keys); i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

static void
the_sample_shows_the_defaults(void **state)
{
	struct problems *ps = problems_new();
	struct result sample = finish(ps, conf_load("conf/capsuled.ini", ps));
	struct result plain = read_text(GOOD);
	char *line, *rest = sample.printed;

	(void)state;
	assert_string_equal("", sample.told);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (!is_of_the_site(line) &&
		    strstr(plain.printed, line) == NULL)
			fail_msg("not a default: %s", line);
	done(&sample);
	done(&plain);
}

static void
the_control_socket_has_one_path(void **state)
{
	static const struct {
		const char *control, *path, *want;
	} rows[] = {
		{ "auto", "capsuled.ini", "capsuled.sock" },
		{ "auto", "/srv/my.capsule/x.ini", "/srv/my.capsule/x.sock" },
		{ "auto", "/etc/capsuled.conf", "/etc/capsuled.conf.sock" },
		{ "auto", CAPSULED_CONF, CAPSULED_CONTROL },
		{ "off", CAPSULED_CONF, "" },
		{ "off", "capsuled.ini", "" },
		{ "run/x", "/srv/x.ini", "/srv/run/x" },
		{ "/run/x", CAPSULED_CONF, "/run/x" },
	};
	char text[128];
	struct result r;
	struct buf path;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text), "[server]\ncontrol = %s\n",
		    rows[i].control);
		r = read_bytes(text, strlen(text), rows[i].path);
		buf_init(&path, CONF_UNIX_MAX);
		conf_control_path(r.conf, &path);
		if (!view_eq(buf_view(&path), view_of(rows[i].want)))
			fail_msg("row %zu: %.*s", i, VIEW_ARG(buf_view(&path)));
		buf_fini(&path);
		done(&r);
	}
}

/* Other facts are another sentence, other words are not. */
static void
a_sentence_is_compared_by_what_matters(void **state)
{
	static const char want[] = "f:2: [server] workers: \"0\" is not a "
				   "number from 1 to 64, or auto";
	static const struct {
		const char *got;
		bool is_same;
	} cases[] = {
		{ want, true },
		{ "f:2: [server] workers: \"0\" is no whole number from 1 to "
		  "64 "
		  "or auto; write one",
		    true },
		{ "f:3: [server] workers: \"0\" is not a number from 1 to 64, "
		  "or auto",
		    false },
		{ "f:2: [gemini] workers: \"0\" is not a number from 1 to 64, "
		  "or auto",
		    false },
		{ "f:2: [server] workers: \"1\" is not a number from 1 to 64, "
		  "or auto",
		    false },
		{ "f:2: [server] workers: \"0\" is not a number from 1 to 65, "
		  "or auto",
		    false },
		{ "f:2: [server] workers: \"0\" is bad: 1 to 64", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		if ((lacking_fact(view_of(cases[i].got), view_of(want)) ==
			NULL) != cases[i].is_same)
			fail_msg("%s", cases[i].got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_is_compared_by_what_matters),
		cmocka_unit_test(wrong_values_are_told_with_what_is_accepted),
		cmocka_unit_test(
		    right_values_are_printed_as_they_were_understood),
		cmocka_unit_test(
		    every_key_is_tried_with_right_and_wrong_values),
		cmocka_unit_test(ranges_are_exact_at_both_ends),
		cmocka_unit_test(a_line_may_have_198_bytes_whatever_its_end),
		cmocka_unit_test(
		    a_byte_order_mark_does_not_shorten_the_first_line),
		cmocka_unit_test(a_section_name_may_have_49_bytes),
		cmocka_unit_test(a_file_may_have_a_megabyte),
		cmocka_unit_test(a_list_may_have_16_addresses),
		cmocka_unit_test(each_file_is_told_all_its_problems_by_line),
		cmocka_unit_test(each_map_is_told_all_its_problems_by_line),
		cmocka_unit_test(a_map_keeps_its_pairs_and_their_lines),
		cmocka_unit_test(defaults_fill_what_is_missing),
		cmocka_unit_test(
		    a_watch_is_counted_in_seconds_and_timeouts_in_ms),
		cmocka_unit_test(a_star_listens_in_both_families),
		cmocka_unit_test(
		    a_host_is_kept_in_the_form_in_which_hosts_are_compared),
		cmocka_unit_test(a_proxy_is_an_address_or_a_network),
		cmocka_unit_test(a_wrong_value_leaves_the_default),
		cmocka_unit_test(paths_start_from_the_folder_of_the_file),
		cmocka_unit_test(a_missing_file_or_a_folder_is_told_by_name),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(the_fullest_lines_read_back_the_same),
		cmocka_unit_test(a_list_that_grows_too_long_for_a_line_is_told),
		cmocka_unit_test(every_prefix_is_told_or_reads_back_the_same),
		cmocka_unit_test(the_sample_and_the_demo_have_no_problems),
		cmocka_unit_test(the_sample_shows_the_defaults),
		cmocka_unit_test(there_are_at_most_256_capsules),
		cmocka_unit_test(the_control_socket_has_one_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
