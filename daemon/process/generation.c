/*
 * generation.c - build new, then swap.
 *
 * Floor process; the master calls in at start and at each reload.  A reload
 * that fails leaves no trace but its sentences.
 */
#include "process/generation.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "net/certificate.h"
#include "process/certificate_warnings.h"
#include "process/child_task.h"
#include "site/configure.h"
#include "site/loader.h"
#include "site/trouble.h"

static unsigned long long
mix_file(const char *path, unsigned long long seed)
{
	struct stat st;
	struct {
		long long size, s, ns, inode, changed_s, changed_ns;
	} what = { 0, 0, 0, 0, 0, 0 };

	if (stat(path, &st) == 0) {
		what.size = st.st_size;
		what.s = st.st_mtim.tv_sec;
		what.ns = st.st_mtim.tv_nsec;
		what.inode = (long long)st.st_ino;
		what.changed_s = st.st_ctim.tv_sec; /* its mode, too */
		what.changed_ns = st.st_ctim.tv_nsec;
	}
	return hash_append(seed,
	    (struct view){ (const char *)&what, sizeof(what) });
}

/* The files that say who may read what. */
static unsigned long long
mix_access(const struct conf *conf, const struct conf_capsule *c,
    unsigned long long seed)
{
	struct arena *work = arena_new();
	enum access_kind kind;
	struct view file;
	size_t i;

	for (i = 0; i < c->access.n; i++) {
		file = access_file(conf, &c->access.v[i], work, &kind);
		if (kind != ACCESS_ANY)
			seed = mix_file(file.p, seed);
	}
	arena_free(work);
	return seed;
}

/* Which folder a root is, not what lies in it. */
static unsigned long long
mix_root(const char *path, unsigned long long seed)
{
	struct stat st;
	struct {
		long long device, inode;
	} what = { 0, 0 };

	if (stat(path, &st) == 0) {
		what.device = (long long)st.st_dev;
		what.inode = (long long)st.st_ino;
	}
	return hash_append(seed,
	    (struct view){ (const char *)&what, sizeof(what) });
}

unsigned long long
generation_fingerprint(const struct conf *conf)
{
	unsigned long long f = mix_file(conf->path, 0);
	size_t i;

	if (conf->ticket_keys.len > 0)
		f = mix_file(conf->ticket_keys.p, f);
	for (i = 0; i < conf->n_capsules; i++) {
		f = mix_file(conf->capsules[i].certificate.p, f);
		f = mix_file(conf->capsules[i].key.p, f);
		f = mix_access(conf, &conf->capsules[i], f);
		f = mix_root(conf->capsules[i].root.p, f);
	}
	return f;
}

/* In a child: the master shall never have held a key. */
static int
make_certificates(void *arg, struct problems *ps)
{
	const struct conf *conf = arg;
	bool ok = true;
	size_t i;
	int r;

	for (i = 0; i < conf->n_capsules; i++) {
		r = certificate_ensure(conf, &conf->capsules[i], false, ps);
		if (r == 1)
			log_info("made a certificate and its key: %s, %s",
			    conf->capsules[i].certificate.p,
			    conf->capsules[i].key.p);
		ok = ok && r != -1;
	}
	return ok ? 0 : -1;
}

static bool
ensure_certificates(struct conf *conf, struct problems *ps)
{
	bool missing = false, ok = true;
	size_t i;

	for (i = 0; i < conf->n_capsules; i++)
		switch (
		    certificate_ensure(conf, &conf->capsules[i], true, ps)) {
		case 0:
			break;
		case 1:
			missing = true;
			break;
		default:
			ok = false;
		}
	return ok &&
	    (!missing || child_task_run(make_certificates, conf, ps) == 0);
}

/* Certificates, and keys where they shall be. */
static void
load_tls(struct generation *g, struct problems *ps)
{
	const struct conf *conf = g->conf;

	if (!conf->key_process) {
		os_hide_memory();
		g->tls = tls_new(conf, g->snapshot, TLS_KEYS_HERE, ps);
		return;
	}
	g->tls = tls_new(conf, g->snapshot, TLS_KEYS_REMOTE, ps);
	if (problems_count(ps) == 0)
		g->key_process = keyproc_new(conf, g->tls, &g->users.key, ps);
	else
		keyproc_check(conf, g->tls, ps); /* all in one go */
}

/* What menus name, for each service of ls; freed by the caller. */
static int *
choose_ports(const struct conf *conf, const struct listeners *ls)
{
	int *ports = xcalloc(conf->n_gophers, sizeof(*ports));
	size_t i;

	for (i = 0; i < conf->n_gophers; i++)
		ports[i] = conf->gophers[i].port != 0
		    ? conf->gophers[i].port
		    : listeners_gopher_port(ls, i);
	return ports;
}

/* What is told of certificates: read once, while all is loaded. */
static void
learn_certificates(struct generation *g)
{
	const struct conf *conf = g->conf;
	struct metrics_certificate *v = xcalloc(conf->n_capsules, sizeof(*v));
	struct certificate cert;
	size_t i, n = 0;

	for (i = 0; i < conf->n_capsules; i++) {
		if (certificate_read(conf->capsules[i].certificate.p, &cert) ==
		    -1)
			continue;
		v[n].host = conf->capsules[i].hostname.v[0];
		v[n++].not_after = cert.not_after;
	}
	g->certificates = v;
	g->facts = (struct metrics_facts){ .version = CAPSULED_VERSION,
		.certificates = v,
		.n_certificates = n };
}

struct generation *
generation_new(struct conf *conf, const struct generation *old,
    struct problems *ps)
{
	const struct listeners *had = old == NULL ? NULL : &old->listeners;
	struct generation *g = xcalloc(1, sizeof(*g));
	int *ports;

	g->conf = conf;
	g->warnings = problems_new();
	users_resolve(conf, &g->users, ps);
	(void)control_socket_open(&g->control,
	    old == NULL ? NULL : &old->control, conf, ps);
	/* Sockets first: menus name the port that the kernel chose. */
	if (listeners_open(&g->listeners, had, conf, ps) == 0) {
		/* Before: a change in between is seen next time. */
		g->fingerprint = generation_fingerprint(conf);
		ports = choose_ports(conf, &g->listeners);
		g->snapshot = snapshot_configure(conf, ports, ps);
		xfree(ports);
	}
	if (g->snapshot != NULL && ensure_certificates(conf, ps)) {
		g->fingerprint = generation_fingerprint(conf);
		load_tls(g, ps);
		learn_certificates(g);
		g->dials =
		    dials_new(g->snapshot->targets, g->snapshot->n_targets);
	}
	if (problems_count(ps) == 0)
		return g;
	generation_free(g, old);
	return NULL;
}

void
generation_free(struct generation *g, const struct generation *kept)
{
	if (g == NULL)
		return;
	child_free(g->key_process);
	child_free(g->search);
	child_free(g->content);
	tls_free(g->tls);
	dials_unref(g->dials);
	snapshot_free(g->snapshot);
	control_socket_close(&g->control, kept == NULL ? NULL : &kept->control);
	xfree(g->certificates);
	if (g->warnings != NULL)
		problems_free(g->warnings);
	if (g->listeners.v != NULL)
		listeners_close(&g->listeners,
		    kept == NULL ? NULL : &kept->listeners);
	conf_free(g->conf);
	xfree(g);
}

/* What a child task looks at, as the user that reads pages. */
struct look_task {
	const struct conf *conf;
	struct snapshot *configured;
	const struct sandbox *box;
};

/* In a child, which ends right after. */
static int
look_as_user(void *arg, struct problems *notes)
{
	const struct look_task *e = arg;

	if (sandbox_drop_user(e->box) == -1)
		return -1;
	trouble_name_user(e->box->drop ? e->box->groups_of : NULL);
	loader_look(e->conf, e->configured, notes);
	return 0;
}

/* What is configured, and a look at the content with the rights of the process
 * that will read it; NULL if there are problems. */
static struct snapshot *
check_content_as_user(const struct conf *conf, const struct users *users,
    struct problems *ps, struct problems *notes)
{
	size_t before = problems_count(ps);
	struct look_task task = { conf, snapshot_configure(conf, NULL, ps),
		&users->data };

	(void)child_task_run(look_as_user, &task, notes);
	if (problems_count(ps) == before)
		return task.configured;
	snapshot_free(task.configured);
	return NULL;
}

void
generation_check(const struct conf *conf, struct problems *ps,
    struct problems *notes)
{
	struct users users;
	struct snapshot *s;
	struct tls *tls;
	bool made = false;
	size_t i;

	users_check(conf, &users, ps);
	control_socket_check(conf, ps);
	s = check_content_as_user(conf, &users, ps, notes);
	for (i = 0; i < conf->n_capsules; i++)
		if (certificate_ensure(conf, &conf->capsules[i], true, ps) != 0)
			made = true;
	/* What is yet to be made, or half missing, cannot be loaded. */
	if (!made) {
		tls = tls_new(conf, s, TLS_KEYS_REMOTE, ps);
		keyproc_check(conf, tls, ps);
		tls_free(tls);
	} else
		tls_check(conf, ps);
	snapshot_free(s);
}

/* -- announcing -- */

static void
announce_certificate(const struct conf_capsule *c)
{
	struct certificate cert;
	char until[CLOCK_STAMP_MAX];

	if (certificate_read(c->certificate.p, &cert) == -1)
		return;
	clock_stamp(cert.not_after, until, sizeof(until));
	log_info("certificate %s until %.10s, SHA-256 %s, key SHA-256 %s",
	    c->certificate.p, until, cert.sha256, cert.key_sha256);
}

static void
announce_sandbox(const struct generation *g)
{
	bool whole;
	const char *means = sandbox_describe(&whole);
	const char *key_user = g->users.key_name;

	if (whole)
		log_info("workers are confined by %s", means);
	else
		log_warnx("workers are confined by %s", means);
	if (g->key_process != NULL)
		log_info("private keys are held by process %ld alone%s%s",
		    (long)g->key_process->pid,
		    key_user == NULL ? "" : ", which runs as ",
		    key_user == NULL ? "" : key_user);
	if (g->users.worker.chroot != NULL)
		log_info("workers are locked into %s", g->users.worker.chroot);
}

/* Visitors from elsewhere come by a listener that is not the machine's own. */
static bool
is_public(const struct listener *l)
{
	struct view host = view_of(l->host);

	return l->family != AF_UNIX && !view_has_prefix(host, VIEW("127.")) &&
	    !view_eq(host, VIEW("::1"));
}

/* A name with addresses of both families leads half its visitors astray. */
static void
announce_family(const struct listeners *ls, enum listener_kind kind)
{
	const struct listener *l, *one = NULL;
	bool v4 = false, v6 = false;

	for (l = ls->v; l < ls->v + ls->n; l++)
		if (l->kind == kind && is_public(l)) {
			one = l;
			v4 = v4 || l->family == AF_INET;
			v6 = v6 || l->family == AF_INET6;
		}
	if (one != NULL && v4 != v6)
		log_info("%s is served over %s alone: let no name of a capsule "
			 "have an %s record",
		    one->protocol->name, v4 ? "IPv4" : "IPv6",
		    v4 ? "AAAA" : "A");
}

void
generation_announce(const struct generation *g)
{
	const struct listener *l;
	struct buf name;
	size_t i;

	for (i = 0; i < g->conf->n_capsules; i++)
		announce_certificate(&g->conf->capsules[i]);
	certificate_warnings_log(g->conf);
	announce_sandbox(g);
	buf_init(&name, 256);
	for (i = 0; i < g->listeners.n; i++) {
		l = &g->listeners.v[i];
		buf_reset(&name);
		listener_name(l, &name);
		log_info("listening on %.*s: %s%s%s%s%s%s",
		    VIEW_ARG(buf_view(&name)),
		    l->protocol == NULL ? "metrics" : l->protocol->name,
		    l->clear && l->tls ? ", also over TLS" : "",
		    l->handed ? ", opened by the service manager" : "",
		    l->proxies->n > 0 ? ", behind proxies" : "",
		    l->site == 0 ? "" : ", for capsule",
		    g->conf->capsules[l->site].tag);
	}
	buf_fini(&name);
	announce_family(&g->listeners, LISTENER_GEMINI);
	announce_family(&g->listeners, LISTENER_GOPHER);
}
