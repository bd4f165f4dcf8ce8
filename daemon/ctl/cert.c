/*
 * cert.c - the command "cert": look at certificates, make and renew them.
 *
 * Floor ctl.  How a certificate is made is net/certificate.h's business; here
 * is what people are told of it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/problem.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "format/uri.h"
#include "net/certificate.h"

enum { JSON };

#define DAY_S        86400L
#define EXPIRES_SOON 30   /* days; as capsuled warns in its log */
#define HEX_MAX      65   /* bytes: SHA-256 without colons, and its NUL */
#define GEMINI_PORT  1965 /* where no listen says otherwise */

/* What a deed is done with. */
struct job {
	const struct call *call;
	const struct conf *conf;
	struct problems *ps;
	struct json json;
	bool is_well; /* nothing was found wrong */
};

/* -- show -- */

/* "AA:BB" as "aabb", which is how TLSA records have it. */
static void
bare(const char *hash, char to[HEX_MAX])
{
	size_t n = 0;

	for (; *hash != '\0' && n < HEX_MAX - 1; hash++)
		if (*hash != ':')
			to[n++] = *hash >= 'A' && *hash <= 'F'
			    ? (char)(*hash - 'A' + 'a')
			    : *hash;
	to[n] = '\0';
}

/* True for a name that DNS can have a record for: no address, no pattern. */
static bool
has_record(struct view host)
{
	size_t i;

	if (view_has_prefix(host, VIEW("[")) ||
	    view_has_prefix(host, VIEW("*.")))
		return false;
	for (i = 0; i < host.len; i++)
		if ((host.p[i] < '0' || host.p[i] > '9') && host.p[i] != '.')
			return true;
	return false;
}

/* The port that visitors come to, and that a TLSA record names. */
static int
port_of(const struct conf *conf)
{
	int port =
	    conf->gemini_listen.n > 0 ? conf->gemini_listen.v[0].port : 0;

	return port == 0 ? GEMINI_PORT : port;
}

/* RFC 6698: usage 3 (this key), selector 1 (the key), matching 1 (SHA-256). */
static void
put_tlsa(struct buf *to, const struct conf *conf, struct view host,
    const char *hash)
{
	buf_printf(to, "_%d._tcp.%.*s. IN TLSA 3 1 1 %s", port_of(conf),
	    VIEW_ARG(host), hash);
}

/* What is wrong with a certificate, in a sentence each. */
static void
judge(struct job *job, const struct conf_capsule *c,
    const struct certificate *cert, struct buf *to)
{
	long days = (long)((cert->not_after - clock_wall()) / DAY_S);
	size_t i;

	if (cert->not_after < clock_wall())
		buf_puts(to, "it has expired: every client refuses it\n");
	else if (days < EXPIRES_SOON)
		buf_printf(to, "it expires in %ld days\n", days);
	if (cert->not_before > clock_wall())
		buf_puts(to, "it is not valid yet\n");
	for (i = 0; i < c->hostname.n; i++)
		if (!certificate_names(c->certificate.p, c->hostname.v[i].p))
			buf_printf(to,
			    "it does not name %s: strict clients refuse it\n",
			    c->hostname.v[i].p);
	if (to->len > 0)
		job->is_well = false;
}

static void
print_lines(const char *head, struct view text, enum term_colour colour,
    const struct term *term)
{
	struct view line;

	while (text.len > 0) {
		line = view_cut(&text, '\n');
		printf("  %-12s%s%.*s%s\n", head, term_colour(term, colour),
		    VIEW_ARG(line), term_colour(term, TERM_PLAIN));
		head = "";
	}
}

/* All that there is to say, in the order in which people need it. */
struct facts {
	struct buf names, tlsa, wrong;
	char from[CLOCK_STAMP_MAX], until[CLOCK_STAMP_MAX];
};

static void
gather(struct job *job, const struct conf_capsule *c,
    const struct certificate *cert, struct facts *f)
{
	char hash[HEX_MAX];
	size_t i;

	(void)certificate_list_names(c->certificate.p, &f->names);
	clock_stamp(cert->not_before, f->from, sizeof(f->from));
	clock_stamp(cert->not_after, f->until, sizeof(f->until));
	bare(cert->key_sha256, hash);
	for (i = 0; i < c->hostname.n; i++) {
		if (!has_record(c->hostname.v[i]))
			continue;
		put_tlsa(&f->tlsa, job->conf, c->hostname.v[i], hash);
		buf_putc(&f->tlsa, '\n');
	}
	judge(job, c, cert, &f->wrong);
}

static void
print_certificate(const struct job *job, const struct conf_capsule *c,
    const struct certificate *cert, const struct facts *f)
{
	const struct term *term = &job->call->term;

	printf("%s%s%s\n", term_colour(term, TERM_BOLD), c->certificate.p,
	    term_colour(term, TERM_PLAIN));
	printf("  %-12s%.*s\n", "names", VIEW_ARG(buf_view(&f->names)));
	printf("  %-12s%.10s to %.10s, %ld days left\n", "valid", f->from,
	    f->until, (long)((cert->not_after - clock_wall()) / DAY_S));
	printf("  %-12s%s\n", "signed by",
	    cert->is_own ? "itself" : "an authority");
	printf("  %-12s%zu bytes", "size", cert->len);
	if (cert->n > 1)
		printf(", a chain of %zu", cert->n);
	printf("\n  %-12s%s\n", "SHA-256", cert->sha256);
	printf("  %-12s%s\n", "of the key", cert->key_sha256);
	print_lines("TLSA", buf_view(&f->tlsa), TERM_PLAIN, term);
	print_lines("wrong", buf_view(&f->wrong), TERM_RED, term);
}

/* A list of the lines of text. */
static void
put_list(struct json *json, const char *name, struct view text, char stop)
{
	json_open(json, name, '[');
	while (text.len > 0)
		json_string(json, NULL, view_cut(&text, stop));
	json_close(json, ']');
}

static void
print_certificate_json(struct job *job, const struct conf_capsule *c,
    const struct certificate *cert, const struct facts *f)
{
	struct json *json = &job->json;

	json_open(json, NULL, '{');
	json_string(json, "capsule", c->name);
	json_string(json, "file", c->certificate);
	put_list(json, "names", buf_view(&f->names), ' ');
	json_string(json, "not_before", view_of(f->from));
	json_string(json, "not_after", view_of(f->until));
	json_number(json, "days_left",
	    (long long)(cert->not_after - clock_wall()) / DAY_S);
	json_bool(json, "self_signed", cert->is_own);
	json_number(json, "bytes", (long long)cert->len);
	json_number(json, "chain", (long long)cert->n);
	json_string(json, "sha256", view_of(cert->sha256));
	json_string(json, "key_sha256", view_of(cert->key_sha256));
	put_list(json, "tlsa", buf_view(&f->tlsa), '\n');
	put_list(json, "wrong", buf_view(&f->wrong), '\n');
	json_close(json, '}');
}

static void
show_certificates(struct job *job, const struct conf_capsule *c)
{
	struct certificate cert;
	struct facts f;

	if (certificate_read(c->certificate.p, &cert) == -1) {
		problems_add(job->ps, job->conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s %s", c->tag, c->certificate.p,
		    access(c->certificate.p, F_OK) == 0
			? "is no certificate that can be read"
			: "is not there; \"capsulectl cert new\" makes it, as "
			  "does the first start of capsuled");
		return;
	}
	buf_init(&f.names, SIZE_MAX);
	buf_init(&f.tlsa, SIZE_MAX);
	buf_init(&f.wrong, SIZE_MAX);
	gather(job, c, &cert, &f);
	if (job->call->options[JSON] != NULL)
		print_certificate_json(job, c, &cert, &f);
	else
		print_certificate(job, c, &cert, &f);
	buf_fini(&f.names);
	buf_fini(&f.tlsa);
	buf_fini(&f.wrong);
}

/* -- new and renew -- */

/*
 * Root makes files for somebody else: whoever owns the folder shall be able
 * to read them, or capsuled could not be started as that user.
 */
static void
hand_over(struct job *job, const char *path)
{
	char *folder = xstrdup(path), *slash = strrchr(folder, '/');
	struct stat st;
	int r;

	if (slash != NULL)
		slash[slash == folder] = '\0';
	r = geteuid() == 0 ? stat(slash == NULL ? "." : folder, &st) : 1;
	if (r == 0)
		r = lchown(path, st.st_uid, st.st_gid);
	if (r == -1)
		problems_add(job->ps, path, 0,
		    "it cannot be given to the owner of its folder: %s",
		    strerror(errno));
	xfree(folder);
}

static void
make_pair(struct job *job, const struct conf_capsule *c)
{
	switch (certificate_ensure(job->conf, c, false, job->ps)) {
	case 1:
		hand_over(job, c->certificate.p);
		hand_over(job, c->key.p);
		show_certificates(job, c);
		break;
	case 0:
		problems_add(job->ps, job->conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s and its key are there; "
		    "\"capsulectl cert renew\" keeps the key, which visitors "
		    "know.  To begin anew, remove both files first",
		    c->tag, c->certificate.p);
		break;
	default:
		break; /* told */
	}
}

static void
renew(struct job *job, const struct conf_capsule *c)
{
	if (certificate_renew(job->conf, c, job->ps) == -1)
		return;
	hand_over(job, c->certificate.p);
	show_certificates(job, c);
	if (job->call->options[JSON] == NULL)
		printf("  %-12sreload capsuled (HUP), and it is used\n", "now");
}

/* -- the command -- */

static const struct verb {
	const char *name;
	void (*deed)(struct job *job, const struct conf_capsule *c);
	bool takes_all;    /* capsules, if none is named */
	bool takes_shared; /* once for each capsule that has the certificate */
} verbs[] = {
	{ "show", show_certificates, true, true },
	{ "new", make_pair, true, false },
	{ "renew", renew, false, false },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *
find_verb(const struct call *call)
{
	const char *word = call->arguments[0], *names[N_VERBS], *near;
	size_t i;

	for (i = 0; i < N_VERBS; i++) {
		if (strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
		names[i] = verbs[i].name;
	}
	near = problem_nearest(word, names, N_VERBS);
	(void)command_fail(call, COMMAND_USAGE,
	    "\"%s\" is not show, new or renew%s%s", word,
	    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
	return NULL;
}

/* Do the deed for the capsule that answers to the host which is named. */
static void
do_one(struct job *job, const struct verb *verb, const char *name)
{
	char room[URI_HOST_MAX + 2];
	struct buf host = { room, 0, sizeof(room), sizeof(room), false };
	const struct conf_capsule *c = NULL;

	if (uri_normalise_host(&host, view_of(name)) == URI_OK)
		c = conf_capsule_of(job->conf, buf_view(&host));
	if (c == NULL)
		problems_add(job->ps, job->conf->path, 0,
		    "no capsule is called \"%s\"", name);
	else
		verb->deed(job, c);
}

/* True if an earlier capsule has the same certificate. */
static bool
is_done(const struct conf *conf, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (certificate_is_shared(&conf->capsules[i],
			&conf->capsules[k]))
			return true;
	return false;
}

static void
do_all(struct job *job, const struct verb *verb)
{
	size_t i, n = job->conf->n_capsules;

	if (!verb->takes_all && n > 1) {
		problems_add(job->ps, job->conf->path, 0,
		    "there are %zu capsules: name one by its host, such as "
		    "%s",
		    n, job->conf->capsules[0].hostname.v[0].p);
		return;
	}
	for (i = 0; i < n; i++)
		if (verb->takes_shared || !is_done(job->conf, i))
			verb->deed(job, &job->conf->capsules[i]);
}

static enum command_exit
finish(struct job *job)
{
	size_t i;

	(void)fflush(stdout);
	for (i = 0; i < problems_count(job->ps); i++)
		fprintf(stderr, "%s\n", problems_get(job->ps, i));
	return problems_count(job->ps) == 0 && job->is_well ? COMMAND_DONE
							    : COMMAND_FAILED;
}

static enum command_exit
run_cert(struct call *call)
{
	const struct verb *verb = find_verb(call);
	enum command_exit status;
	struct conf *conf;
	struct job job;

	if (verb == NULL)
		return COMMAND_USAGE;
	job = (struct job){ .call = call,
		.ps = problems_new(),
		.json = { stdout, 0, false },
		.is_well = true };
	job.conf = conf = conf_load(call->conf_path, job.ps);
	if (conf != NULL && problems_count(job.ps) == 0) {
		if (call->options[JSON] != NULL)
			json_open(&job.json, NULL, '[');
		if (call->n_arguments == 2)
			do_one(&job, verb, call->arguments[1]);
		else
			do_all(&job, verb);
		if (call->options[JSON] != NULL)
			json_close(&job.json, ']');
	}
	status = finish(&job);
	conf_free(conf);
	problems_free(job.ps);
	return status;
}

const struct command command_cert = {
	"cert",
	"show|new|renew [HOST]",
	"look at certificates, make them, renew them",
	"show   tells names, dates, fingerprints and the TLSA records for "
	"DNS,\n"
	"       and what is wrong: exits with 1 if something is.\n"
	"new    makes a certificate and its key for each capsule that has\n"
	"       neither, as the first start of capsuled does.\n"
	"renew  makes the certificate anew with the names of the "
	"configuration,\n"
	"       valid to 2099. The key stays: visitors' clients know it.\n"
	"\n"
	"With HOST, only for the capsule that is called so.\n",
	{ { "json", NULL, "write JSON, for scripts" } },
	1,
	2,
	run_cert,
};
