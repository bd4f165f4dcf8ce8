/* users.h - whom the daemon's processes become when root has started it. */
#ifndef USERS_H
#define USERS_H

#include "base/problem.h"
#include "process/sandbox.h"
#include "site/conf.h"

/*
 * The master stays root and the others are three users, so that the kernel
 * keeps the key process from workers, and both from what is served, even if
 * every fence of theirs fell.  Started by another user, all are that user.
 */
struct users {
	struct sandbox worker; /* of workers, and of the exporter */
	struct sandbox key;    /* of the key process */
	struct sandbox data;   /* of the content process */
	/* For the log, borrowed from conf; NULL: no change. */
	const char *worker_name, *key_name, *data_name;
};

/*
 * Look up user, group, key_user, data_user and chroot of [server].  Where root
 * has started us and conf names nobody, these are _capsuled (or nobody),
 * _capsuled_key and _capsuled_data (or the workers' user, which users_advise
 * warns of).
 *
 * Adds to ps what there is not, what is root, and a chroot that this process
 * may not make; in the last case after an attempt in a child.
 */
void users_resolve(const struct conf *conf, struct users *u,
    struct problems *ps);

/* The same for -n, which anybody may ask: a chroot is for root to judge. */
void users_check(const struct conf *conf, struct users *u, struct problems *ps);

/*
 * Add to notes, where root has started us, a sentence if the key process or the
 * content process would be the same user as workers, and one for each private
 * key that is not root's own: with no more rights than the systemd unit grants,
 * root reads no others.  Nothing otherwise, and nothing of what users_resolve
 * tells.
 */
void users_advise(const struct conf *conf, struct problems *notes);

#endif
