/*
 * conf_check.c - what can only be told once all of the file is read.
 *
 * Floor site.  conf.c calls this last.
 */
#include "site/conf_check.h"

#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "site/conf_list.h"
#include "site/conf_map.h"

/* -- hosts -- */

/* A host leads to one capsule. */
static void
check_hosts(const struct conf *conf, struct problems *ps)
{
	struct hash *owners = hash_new(conf->arena, conf->n_capsules);
	struct conf_capsule *capsule, *owner;
	struct view host;
	size_t i, k;

	for (i = 0; i < conf->n_capsules; i++) {
		capsule = &conf->capsules[i];
		/* Without the key, which is then told, it has the default. */
		if (i > 0 && capsule->hostname_line == 0)
			continue;
		for (k = 0; k < capsule->hostname.n; k++) {
			host = capsule->hostname.v[k];
			owner = hash_put(owners, host, capsule);
			if (owner != NULL)
				problems_add(ps, conf->path,
				    capsule->hostname_line,
				    "[capsule%s] hostname: \"%.*s\" belongs "
				    "to [capsule%s] already",
				    capsule->tag, VIEW_ARG(host), owner->tag);
		}
	}
}

/* -- addresses -- */

static bool
is_silent(const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->n_gophers; i++)
		if (conf->gophers[i].listen.n > 0)
			return false;
	return conf->gemini_listen.n == 0 && conf->gemini_clear.n == 0;
}

/* The later of two that meet is told, unless only the other was written. */
static void
tell_meeting(const struct conf *conf, const struct conf_gopher *gopher,
    const char *other, const char *tag, int line, struct problems *ps)
{
	problems_add(ps, conf->path,
	    gopher->listen_line > 0 ? gopher->listen_line : line,
	    "[gopher%s] listen: an address and port is that of [%s%s] listen",
	    gopher->tag, other, tag);
}

/* The lists of addresses must make sense together. */
static void
check_listen(const struct conf *conf, struct problems *ps)
{
	const struct conf_gopher *gopher, *other;
	size_t i, k;

	if (is_silent(conf))
		problems_add(ps, conf->path, conf->gophers[0].listen_line,
		    "[gopher] listen: is off, and so is [gemini] at line %d: "
		    "nothing is left to serve",
		    conf->gemini_listen_line);
	for (i = 0; i < conf->n_gophers; i++) {
		gopher = &conf->gophers[i];
		if (conf_listens_meet(&conf->gemini_listen, &gopher->listen))
			tell_meeting(conf, gopher, "gemini", "",
			    conf->gemini_listen_line, ps);
		for (k = 0; k < i; k++) {
			other = &conf->gophers[k];
			/* Both may have the default: then one lacks its own. */
			if (gopher->listen_line > 0 &&
			    conf_listens_meet(&other->listen, &gopher->listen))
				tell_meeting(conf, gopher, "gopher", other->tag,
				    other->listen_line, ps);
		}
	}
}

/* The section whose addresses for visitors, with TLS or Gopher's, meet ls. */
static const char *
neighbour(const struct conf *conf, const struct conf_listens *ls,
    const char **tag)
{
	size_t i;

	*tag = "";
	if (conf_listens_meet(ls, &conf->gemini_listen))
		return "gemini";
	for (i = 0; i < conf->n_gophers; i++)
		if (conf_listens_meet(ls, &conf->gophers[i].listen)) {
			*tag = conf->gophers[i].tag;
			return "gopher";
		}
	return NULL;
}

/* Nobody shall be without TLS who asked for it. */
static void
check_clear(const struct conf *conf, struct problems *ps)
{
	const char *tag, *other = neighbour(conf, &conf->gemini_clear, &tag);

	if (other != NULL)
		problems_add(ps, conf->path, conf->gemini_clear_line,
		    "[gemini] clear: an address and port is that of [%s%s] "
		    "listen",
		    other, tag);
}

/* Prometheus and visitors must not come to one door. */
static void
check_metrics(const struct conf *conf, struct problems *ps)
{
	const char *tag, *other = neighbour(conf, &conf->metrics_listen, &tag);
	bool is_clear =
	    conf_listens_meet(&conf->metrics_listen, &conf->gemini_clear);

	if (other != NULL || is_clear)
		problems_add(ps, conf->path, conf->metrics_listen_line,
		    "[metrics] listen: an address and port is that of [%s%s] "
		    "%s",
		    other == NULL ? "gemini" : other, tag,
		    other == NULL ? "clear" : "listen");
}

/* -- proxies -- */

/*
 * A packet that is lost may be sent again only after three seconds: who closes
 * earlier refuses visitors of a proxy that did nothing wrong.
 * Source: the PROXY protocol, section 2.
 */
#define PROXY_WAIT_MS 3000

static void
check_patience(const struct conf *conf, const char *section, const char *tag,
    const struct conf_networks *proxies, struct problems *ps)
{
	if (proxies->n == 0 || conf->request_timeout_ms >= PROXY_WAIT_MS)
		return;
	problems_add(ps, conf->path, conf->request_timeout_line,
	    "[server] request_timeout: %ds is less than the %ds that "
	    "[%s%s] proxy_protocol needs",
	    conf->request_timeout_ms / 1000, PROXY_WAIT_MS / 1000, section,
	    tag);
}

static void
check_proxies(const struct conf *conf, struct problems *ps)
{
	size_t i;

	check_patience(conf, "gemini", "", &conf->gemini_proxies, ps);
	for (i = 0; i < conf->n_gophers; i++)
		check_patience(conf, "gopher", conf->gophers[i].tag,
		    &conf->gophers[i].proxies, ps);
}

/* -- tickets -- */

static void
check_tickets(const struct conf *conf, struct problems *ps)
{
	if (conf->ticket_keys.len > 0 && conf->tickets != CONF_TICKETS_SEALED)
		problems_add(ps, conf->path, conf->ticket_keys_line,
		    "[tls] ticket_keys: only sealed tickets have keys; say "
		    "\"tickets = sealed\", or leave this key out");
}

/* -- the control socket -- */

static void
check_control(const struct conf *conf, struct problems *ps)
{
	if (conf->control.len > CONF_UNIX_MAX)
		problems_add(ps, conf->path, conf->control_line,
		    "[server] control: the path of the socket has more than "
		    "%d bytes; name another one",
		    CONF_UNIX_MAX);
}

/* -- all of it -- */

/* Each service finds its capsule; a capsule without one has the first. */
static void
introduce(struct conf *conf)
{
	struct conf_gopher *gopher;
	size_t i, k;

	for (i = 1; i < conf->n_gophers; i++) {
		gopher = &conf->gophers[i];
		for (k = 1; k < conf->n_capsules; k++)
			if (view_eq(conf->capsules[k].name, gopher->name)) {
				gopher->capsule = k;
				conf->capsules[k].gopher = i;
			}
	}
}

void
conf_check(struct conf *conf, struct problems *ps)
{
	size_t i;

	introduce(conf);
	check_hosts(conf, ps);
	check_listen(conf, ps);
	check_tickets(conf, ps);
	check_clear(conf, ps);
	check_proxies(conf, ps);
	check_metrics(conf, ps);
	check_control(conf, ps);
	for (i = 0; i < conf->n_capsules; i++)
		/* Sections of no capsule were told as a whole. */
		if (i == 0 || conf->capsules[i].line > 0)
			conf_map_check(conf, &conf->capsules[i], ps);
}
