/*
 * keeper.c - the one process that holds the private keys, and signs.
 *
 * Floor process.  Forked by the master, a keeper for each generation.  It
 * hears from the master, who the workers are, and from the workers, whom it
 * does not trust: signing.c decides what is signed.  It never waits for any of
 * them, serves one request of each in turn, and outlives the master's interest
 * in it until the last of its workers has finished.
 */
#include "process/keeper.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/os.h"
#include "net/private_key.h"
#include "net/signing.h"
#include "process/channel.h"
#include "process/child.h"
#include "process/errand.h"

#define STOP_MS 2000 /* for a keeper to go when no worker is left */

/* Its descriptors. */
enum { CHANNEL = CHILD_FIRST, REPORT };

/* -- signing -- */

/* Answer one request; false if that worker is gone, or does not listen. */
static bool
answer(int fd, EVP_PKEY *const *keys, size_t n)
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

/* The channel, and behind it the way to each worker at its number. */
struct ways {
	struct pollfd v[1 + KEEPER_WORKERS_MAX];
	nfds_t n;    /* up to the last that is open */
	size_t open; /* how many are */
};

static void
close_way(struct ways *w, nfds_t i)
{
	close(w->v[i].fd);
	w->v[i] = (struct pollfd){ .fd = -1 };
	w->open--;
	while (w->n > 0 && w->v[w->n - 1].fd == -1)
		w->n--;
}

static void
open_way(struct ways *w, nfds_t i, int fd)
{
	if (i < w->n && w->v[i].fd != -1)
		close_way(w, i);
	for (; w->n <= i; w->n++)
		w->v[w->n] = (struct pollfd){ .fd = -1 };
	w->v[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	w->open++;
}

/* Hear what the master says, if it says anything. */
static void
hear_master(struct ways *w)
{
	int channel = w->v[0].fd, fd;
	unsigned number;

	switch (channel_receive(channel, &number, &fd)) {
	case CHANNEL_GONE:
		close_way(w, 0);
		break;
	case CHANNEL_ALIVE:
		(void)channel_send(channel, CHANNEL_ALIVE, 0, -1);
		break;
	case CHANNEL_KEEPER:
		if (fd != -1 && number > 0 && number <= KEEPER_WORKERS_MAX) {
			open_way(w, number, fd);
			fd = -1;
		}
		break;
	default:
		break;
	}
	if (fd != -1)
		close(fd);
}

/*
 * The master is heard before each signature: however many workers wait, it
 * never waits for more than one of them.
 */
void
keeper_serve(int channel, EVP_PKEY *const *keys, size_t n_keys)
{
	static struct ways w;
	nfds_t i;
	int left;

	open_way(&w, 0, channel);
	while (w.open > 0) {
		left = poll(w.v, w.n, -1); /* -1: EINTR */
		if (left <= 0)
			continue;
		if (w.v[0].fd != -1 && w.v[0].revents != 0)
			hear_master(&w);
		for (i = 1; i < w.n; i++) {
			if (w.v[i].fd == -1 || w.v[i].revents == 0)
				continue;
			if (!answer(w.v[i].fd, keys, n_keys))
				close_way(&w, i);
			if (--left > 0 && w.v[0].fd != -1)
				hear_master(&w);
		}
	}
}

/* -- in the child -- */

static EVP_PKEY **
load(const struct conf *conf, const struct tls *tls, struct problems *ps)
{
	EVP_PKEY **keys = xcalloc(conf->n_capsules, sizeof(*keys));
	size_t i;

	for (i = 0; i < conf->n_capsules; i++)
		keys[i] = private_key_load(conf, &conf->capsules[i],
		    tls == NULL ? NULL : tls_public_key(tls, i), ps);
	return keys;
}

static void
wipe(EVP_PKEY **keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		EVP_PKEY_free(keys[i]);
	xfree(keys);
}

static void become_keeper(const struct conf *conf, const struct tls *tls,
    const struct sandbox *box) __attribute__((noreturn));

static void
become_keeper(const struct conf *conf, const struct tls *tls,
    const struct sandbox *box)
{
	struct problems *ps = problems_new();
	EVP_PKEY **keys;
	bool ready;

	os_hide_memory();
	if (conf->tls_versions == CONF_TLS_13_ALONE)
		signing_forbid_tls12();
	keys = load(conf, tls, ps);
	if (problems_count(ps) == 0 && sandbox_enter(box) == -1)
		problems_add(ps, NULL, 0,
		    "the process for keys cannot be confined");
	ready = problems_count(ps) == 0;
	errand_tell(REPORT, 0, ps);
	close(REPORT);
	problems_free(ps);
	os_forget_code();
	if (ready)
		keeper_serve(CHANNEL, keys, conf->n_capsules);
	wipe(keys, conf->n_capsules);
	_exit(ready ? 0 : 1);
}

/* -- in the master -- */

/* Fork; the process id, or -1 with errno. */
static pid_t
start(const struct conf *conf, const struct tls *tls, const struct sandbox *box,
    int channel, int report)
{
	int keep[] = { channel, report };
	pid_t pid = child_fork();

	if (pid == 0) {
		child_begin("capsuled keeper", keep, 2);
		become_keeper(conf, tls, box);
	}
	return pid;
}

struct keeper *
keeper_new(const struct conf *conf, const struct tls *tls,
    const struct sandbox *box, struct problems *ps)
{
	size_t before = problems_count(ps);
	int ours, theirs, report[2];
	struct keeper *k;
	pid_t pid;

	if (channel_open(&ours, &theirs) == -1) {
		problems_add(ps, NULL, 0, "cannot make a socket pair");
		return NULL;
	}
	if (pipe(report) == -1) {
		problems_add(ps, NULL, 0, "cannot make a pipe");
		close(ours);
		close(theirs);
		return NULL;
	}
	pid = start(conf, tls, box, theirs, report[1]);
	close(theirs);
	close(report[1]);
	if (pid == -1)
		problems_add(ps, NULL, 0, "cannot start the process for keys");
	else
		(void)errand_hear(report[0], ps);
	close(report[0]);
	if (problems_count(ps) == before) {
		k = xcalloc(1, sizeof(*k));
		*k = (struct keeper){ pid, ours, clock_ms(), false };
		return k;
	}
	close(ours);
	if (pid != -1)
		child_stop(pid, 0);
	return NULL;
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	close(k->channel);
	xfree(k);
}

void
keeper_stop(struct keeper *k)
{
	pid_t pid;

	if (k == NULL)
		return;
	pid = k->pid;
	keeper_free(k);
	child_stop(pid, STOP_MS);
}

int
keeper_introduce(const struct keeper *k, unsigned number)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (channel_send(k->channel, CHANNEL_KEEPER, number, pair[1]) == -1) {
		close(pair[0]);
		pair[0] = -1;
	}
	close(pair[1]);
	return pair[0];
}

int
keeper_probe(struct keeper *k)
{
	if (channel_send(k->channel, CHANNEL_ALIVE, 0, -1) == -1)
		return -1;
	k->probed = true;
	return 0;
}

bool
keeper_is_silent(struct keeper *k)
{
	unsigned number;
	int fd;

	if (!k->probed)
		return false;
	if (channel_receive(k->channel, &number, &fd) == CHANNEL_ALIVE)
		k->probed = false;
	if (fd != -1)
		close(fd);
	return k->probed;
}

/* -- for -n -- */

struct check {
	const struct conf *conf;
	const struct tls *tls;
};

static int
check(void *arg, struct problems *ps)
{
	const struct check *c = arg;

	wipe(load(c->conf, c->tls, ps), c->conf->n_capsules);
	return 0;
}

void
keeper_check(const struct conf *conf, const struct tls *tls,
    struct problems *ps)
{
	struct check c = { conf, tls };

	(void)errand_run(check, &c, ps);
}
