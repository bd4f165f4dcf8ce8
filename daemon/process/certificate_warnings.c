/*
 * certificate_warnings.c - warn of certificates before visitors do.
 *
 * Floor process; the master calls in at start, at each reload and once a day,
 * -n when a configuration is checked.
 */
#include "process/certificate_warnings.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/certificate.h"
#include "process/users.h"

#define DAY_S (24L * 60 * 60)

static void
note_dates(const struct conf *conf, const struct conf_capsule *c,
    const struct certificate *cert, int64_t now, struct problems *notes)
{
	int64_t left = cert->not_after - now;
	long days = (long)(left / DAY_S);

	if (cert->not_before > now)
		problems_add(notes, conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s is not valid yet: clients "
		    "refuse it",
		    c->tag, c->certificate.p);
	if (left < 0)
		problems_add(notes, conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s has expired: every client "
		    "refuses it",
		    c->tag, c->certificate.p);
	else if (left <= ADVICE_EXPIRY_S)
		problems_add(notes, conf->path, c->certificate_line,
		    "[capsule%s] certificate: %s expires in %ld day%s; renew "
		    "it with the same key",
		    c->tag, c->certificate.p, days, days == 1 ? "" : "s");
}

static void
note_names(const struct conf *conf, const struct conf_capsule *c,
    struct problems *notes)
{
	size_t i;

	for (i = 0; i < c->hostname.n; i++)
		if (!certificate_names(c->certificate.p, c->hostname.v[i].p))
			problems_add(notes, conf->path, c->certificate_line,
			    "[capsule%s] certificate: %s does not name %s: "
			    "strict clients refuse it",
			    c->tag, c->certificate.p, c->hostname.v[i].p);
}

void
certificate_warnings_collect(const struct conf *conf, int64_t now,
    struct problems *notes)
{
	const struct conf_capsule *c;
	struct certificate cert;
	size_t i;

	for (i = 0; i < conf->n_capsules; i++) {
		c = &conf->capsules[i];
		if (certificate_read(c->certificate.p, &cert) == -1)
			continue;
		note_dates(conf, c, &cert, now, notes);
		note_names(conf, c, notes);
		if (cert.is_rare)
			problems_add(notes, conf->path, c->certificate_line,
			    "[capsule%s] certificate: %s has a key of Ed25519, "
			    "which many clients cannot check; P-256 suits all",
			    c->tag, c->certificate.p);
	}
}

void
certificate_warnings_log(const struct conf *conf)
{
	struct problems *notes = problems_new();
	size_t i;

	users_advise(conf, notes);
	certificate_warnings_collect(conf, clock_wall(), notes);
	for (i = 0; i < problems_count(notes); i++)
		log_warnx("%s", problems_get(notes, i));
	problems_free(notes);
}
