/*
 * keyproc.c - the one process that holds the private keys, and signs.
 *
 * Floor process.  Forked by the master, a key process for each generation.  It
 * hears from the master, who the workers are, and from the workers, whom it
 * does not trust: signing.c decides what is signed.  It never waits for any of
 * them, serves one request of each in turn, and outlives the master's interest
 * in it until the last of its workers has finished.
 */
#include "process/keyproc.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/os.h"
#include "net/private_key.h"
#include "net/remote_key.h"
#include "net/signing.h"
#include "process/child.h"
#include "process/child_task.h"
#include "process/ways.h"

/* Its descriptors. */
enum { CHANNEL = CHILD_FIRST, REPORT };

_Static_assert(CHILD_PROBE_MS <= REMOTE_KEY_DOUBT_MS,
    "a dead one is ended while a worker still waits");

/* -- signing -- */

/* Answer one request; false if that worker is gone, or does not listen. */
static bool
answer_signing_request(int fd, EVP_PKEY *const *keys, size_t n)
{
	char record[SIGNING_REQUEST_MAX + 1]; /* + 1: it is too long */
	unsigned char reply[SIGNING_ANSWER_MAX];
	ssize_t len = recv(fd, record, sizeof(record), MSG_DONTWAIT);
	size_t size;

	if (len == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == EINTR;
	if (len == 0)
		return false;
	size = signing_answer((struct view){ record, (size_t)len }, keys, n,
	    reply);
	return send(fd, reply, size, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)size;
}

/*
 * The master is heard before each signature: however many workers wait, it
 * never waits for more than one of them.
 */
void
keyproc_serve(int channel, EVP_PKEY *const *keys, size_t n_keys)
{
	static struct ways w;
	nfds_t i;
	int left;

	ways_begin(&w, channel, CHANNEL_KEY_PROCESS);
	while (w.open > 0) {
		left = poll(w.v, w.n, -1); /* -1: EINTR */
		if (left <= 0)
			continue;
		if (w.v[0].revents != 0)
			(void)ways_hear(&w);
		for (i = 1; i < w.n; i++) {
			if (w.v[i].fd == -1 || w.v[i].revents == 0)
				continue;
			if (!answer_signing_request(w.v[i].fd, keys, n_keys))
				ways_close(&w, i);
			if (--left > 0)
				(void)ways_hear(&w);
		}
	}
}

/* -- in the child -- */

static EVP_PKEY **
load_keys(const struct conf *conf, const struct tls *tls, struct problems *ps)
{
	EVP_PKEY **keys = xcalloc(conf->n_capsules, sizeof(*keys));
	size_t i;

	for (i = 0; i < conf->n_capsules; i++)
		keys[i] = private_key_load(conf, &conf->capsules[i],
		    tls == NULL ? NULL : tls_public_key(tls, i), ps);
	return keys;
}

static void
free_keys(EVP_PKEY **keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		EVP_PKEY_free(keys[i]);
	xfree(keys);
}

/* What a key process is made of. */
struct birth {
	const struct conf *conf;
	const struct tls *tls;
	const struct sandbox *box;
	int report;
};

static void
become_key_process(void *arg, int channel)
{
	const struct birth *how = arg;
	const struct conf *conf = how->conf;
	int keep[] = { channel, how->report };
	struct problems *ps;
	EVP_PKEY **keys;
	bool ready;

	child_begin("capsuled keys", keep, 2);
	ps = problems_new();
	os_hide_memory();
	if (conf->tls_versions == CONF_TLS_13_ALONE)
		signing_forbid_tls12();
	keys = load_keys(conf, how->tls, ps);
	if (problems_count(ps) == 0 && sandbox_enter(how->box) == -1)
		problems_add(ps, NULL, 0,
		    "the process for keys cannot be confined");
	ready = problems_count(ps) == 0;
	child_task_report(REPORT, 0, ps);
	close(REPORT);
	problems_free(ps);
	os_forget_code();
	if (ready)
		keyproc_serve(CHANNEL, keys, conf->n_capsules);
	free_keys(keys, conf->n_capsules);
	_exit(ready ? 0 : 1);
}

/* -- in the master -- */

struct child *
keyproc_new(const struct conf *conf, const struct tls *tls,
    const struct sandbox *box, struct problems *ps)
{
	struct birth how = { conf, tls, box, -1 };
	size_t before = problems_count(ps);
	struct child *k;
	int report[2];

	if (pipe(report) == -1) {
		problems_add(ps, NULL, 0, "cannot make a pipe");
		return NULL;
	}
	how.report = report[1];
	k = child_new(become_key_process, &how);
	close(report[1]);
	if (k == NULL)
		problems_add(ps, NULL, 0, "cannot start the process for keys");
	else
		(void)child_task_receive(report[0], ps);
	close(report[0]);
	if (problems_count(ps) == before)
		return k;
	child_end(k, 0);
	return NULL;
}

/* -- for -n -- */

struct check {
	const struct conf *conf;
	const struct tls *tls;
};

static int
check_keys(void *arg, struct problems *ps)
{
	const struct check *c = arg;

	free_keys(load_keys(c->conf, c->tls, ps), c->conf->n_capsules);
	return 0;
}

void
keyproc_check(const struct conf *conf, const struct tls *tls,
    struct problems *ps)
{
	struct check c = { conf, tls };

	(void)child_task_run(check_keys, &c, ps);
}
