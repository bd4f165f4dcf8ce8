/*
 * conf_types.c - find the capsule of a host.
 *
 * Floor site.
 */
#include "site/conf_types.h"

#include "base/buf.h"
#include "format/uri.h"

static bool
has_host(const struct conf_capsule *capsule, struct view host)
{
	size_t i;

	for (i = 0; i < capsule->hostname.n; i++)
		if (view_eq(capsule->hostname.v[i], host))
			return true;
	return false;
}

static const struct conf_capsule *
capsule_with(const struct conf *conf, struct view host)
{
	size_t i;

	for (i = 0; i < conf->n_capsules; i++)
		if (has_host(&conf->capsules[i], host))
			return &conf->capsules[i];
	return NULL;
}

const struct conf_capsule *
conf_capsule_of(const struct conf *conf, struct view host)
{
	char room[URI_HOST_MAX + 2];
	struct buf wild = { room, 0, sizeof(room), sizeof(room), false };
	const struct conf_capsule *capsule;

	if (view_has_prefix(host, VIEW("*")) ||
	    view_has_prefix(host, VIEW(".")))
		return NULL;
	capsule = capsule_with(conf, host);
	(void)view_cut(&host, '.');
	if (capsule != NULL || host.p == NULL)
		return capsule;
	buf_puts(&wild, "*.");
	buf_put(&wild, host);
	return wild.failed ? NULL : capsule_with(conf, buf_view(&wild));
}
