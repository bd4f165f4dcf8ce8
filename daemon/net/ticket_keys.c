/*
 * ticket_keys.c - the keys that seal TLS session tickets.
 *
 * Floor net.  From a file, for several machines that shall open each other's
 * tickets; the master reads it, as it reads all of the configuration.  Or
 * random ones in shared memory, which the master turns.
 */
#include "net/ticket_keys.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/mem.h"
#include "base/shared.h"

#define HEX_LEN    (2 * TICKET_KEY_LEN) /* characters of a key */
#define BASE64_LEN 108                  /* the same, with its padding */

/* Two are in use; one is what the next turn fills, and the last just left. */
#define RING 4

/* -- text -- */

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)((at - digits) & 15);
}

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Both: len digits of bits each become TICKET_KEY_LEN bytes; 0 or -1. */
static int
decode_digits(const char *p, size_t len, unsigned bits, int (*digit)(char),
    unsigned char *to)
{
	unsigned held = 0, n = 0;
	size_t i, out = 0;
	int d;

	for (i = 0; i < len; i++) {
		d = digit(p[i]);
		if (d == -1)
			return -1;
		held = held << bits | (unsigned)d;
		n += bits;
		if (n >= 8) {
			n -= 8;
			to[out++] = (unsigned char)(held >> n);
		}
	}
	return 0;
}

static const char *
parse_line(struct view line, struct ticket_key *key)
{
	unsigned char raw[TICKET_KEY_LEN];
	int r = -1;

	if (line.len == HEX_LEN)
		r = decode_digits(line.p, HEX_LEN, 4, hex_digit, raw);
	else if (line.len == BASE64_LEN && line.p[BASE64_LEN - 1] == '=')
		r = decode_digits(line.p, BASE64_LEN - 1, 6, base64_digit, raw);
	else
		return "a key is 160 characters of hexadecimal or 108 of "
		       "base64, all on one line";
	if (r == 0) {
		memcpy(key->name, raw, sizeof(key->name));
		memcpy(key->mac, raw + 16, sizeof(key->mac));
		memcpy(key->aes, raw + 48, sizeof(key->aes));
	}
	OPENSSL_cleanse(raw, sizeof(raw));
	return r == 0 ? NULL : "neither hexadecimal nor base64";
}

static struct view
trim_end(struct view line)
{
	while (line.len > 0 && memchr(" \t\r", line.p[line.len - 1], 3) != NULL)
		line.len--;
	return line;
}

const char *
ticket_keys_parse(struct view text, struct ticket_keys *to, int *line)
{
	struct ticket_key key;
	const char *why = NULL;
	struct view one;

	to->n = 0;
	*line = 0;
	while (text.len > 0 && why == NULL) {
		++*line;
		one = trim_end(view_cut(&text, '\n'));
		if (one.len == 0 || one.p[0] == '#')
			continue;
		why = parse_line(one, &key);
		if (why == NULL && ticket_keys_find(to, key.name) != NULL)
			why = "that key stands already above";
		else if (why == NULL && to->n == TICKET_KEYS_MAX)
			why = "more than 16 keys";
		else if (why == NULL)
			to->v[to->n++] = key;
	}
	OPENSSL_cleanse(&key, sizeof(key));
	if (why == NULL && to->n == 0) {
		*line = 0;
		why = "there is no key in it; make one with \"openssl rand "
		      "-hex 80\"";
	}
	return why;
}

const struct ticket_key *
ticket_keys_find(const struct ticket_keys *keys, const unsigned char *name)
{
	size_t i;

	for (i = 0; i < keys->n; i++)
		if (memcmp(keys->v[i].name, name, TICKET_KEY_NAME_LEN) == 0)
			return &keys->v[i];
	return NULL;
}

/* -- the file -- */

/* A sentence about the file, in the words of the configuration. */
#define REFUSE(...)                                                            \
	problems_add(ps, conf->path, conf->ticket_keys_line, __VA_ARGS__)

static bool
is_private_ticket_file(int fd, const struct conf *conf, struct problems *ps)
{
	const char *path = conf->ticket_keys.p;
	struct stat st;

	if (fstat(fd, &st) == -1)
		REFUSE("[tls] ticket_keys: cannot look at %s: %s", path,
		    strerror(errno));
	else if (!S_ISREG(st.st_mode))
		REFUSE("[tls] ticket_keys: %s is not a file", path);
	else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		REFUSE("[tls] ticket_keys: others than its owner can get at "
		       "%s (mode %04o): type \"chmod 600 %s\"",
		    path, (unsigned)st.st_mode & 07777, path);
	else if (st.st_size > TICKET_KEYS_FILE_MAX)
		REFUSE("[tls] ticket_keys: %s has more than %d bytes", path,
		    TICKET_KEYS_FILE_MAX);
	else
		return true;
	return false;
}

/* Read and parse; 0, or -1 with a sentence. */
static int
read_keys(int fd, struct ticket_keys *keys, const struct conf *conf,
    struct problems *ps)
{
	/* Read with read(2): the buffer of a FILE would not be wiped. */
	char *text = xmalloc(TICKET_KEYS_FILE_MAX);
	size_t len = 0;
	const char *why = NULL;
	ssize_t n;
	int line = 0;

	while ((n = read(fd, text + len, TICKET_KEYS_FILE_MAX - len)) > 0)
		len += (size_t)n;
	if (n == -1)
		why = strerror(errno);
	else
		why =
		    ticket_keys_parse((struct view){ text, len }, keys, &line);
	OPENSSL_cleanse(text, TICKET_KEYS_FILE_MAX);
	xfree(text);
	if (why != NULL && line > 0)
		REFUSE("[tls] ticket_keys: line %d of %s: %s", line,
		    conf->ticket_keys.p, why);
	else if (why != NULL)
		REFUSE("[tls] ticket_keys: cannot use %s: %s",
		    conf->ticket_keys.p, why);
	return why == NULL ? 0 : -1;
}

struct ticket_keys *
ticket_keys_load(const struct conf *conf, struct problems *ps)
{
	/* Not blocking: it may be a FIFO. */
	int fd = open(conf->ticket_keys.p,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct ticket_keys *keys;
	int r = -1;

	if (fd == -1) {
		REFUSE("[tls] ticket_keys: cannot read %s: %s",
		    conf->ticket_keys.p, strerror(errno));
		return NULL;
	}
	keys = xcalloc(1, sizeof(*keys));
	if (is_private_ticket_file(fd, conf, ps))
		r = read_keys(fd, keys, conf, ps);
	close(fd);
	if (r == 0)
		return keys;
	ticket_keys_free(keys);
	return NULL;
}

void
ticket_keys_free(struct ticket_keys *keys)
{
	if (keys == NULL)
		return;
	OPENSSL_cleanse(keys, sizeof(*keys));
	xfree(keys);
}

/* -- the ring -- */

/* Workers can write it, too: which one is present is fetched once, and cut
 * down to a place in the ring. */
struct ticket_ring {
	atomic_uint now;
	struct ticket_key v[RING];
};

/* Fresh bytes for one key. */
static void
draw_ticket_key(struct ticket_key *key)
{
	if (RAND_bytes((unsigned char *)key, sizeof(*key)) != 1)
		mem_exhausted(sizeof(*key));
}

struct ticket_ring *
ticket_ring_new(void)
{
	struct ticket_ring *r = shared_map(sizeof(*r));

	/* The one before the first has a name, too: not that of zeros. */
	draw_ticket_key(&r->v[RING - 1]);
	draw_ticket_key(&r->v[0]);
	return r;
}

void
ticket_ring_free(struct ticket_ring *r)
{
	shared_unmap(r, sizeof(*r));
}

void
ticket_ring_turn(struct ticket_ring *r)
{
	unsigned now = atomic_load(&r->now);

	draw_ticket_key(&r->v[(now + 1) % RING]);
	atomic_store(&r->now, (now + 1) % RING);
	/*
	 * What is over is overwritten, so that nobody finds it later; not with
	 * zeros, which a worker that reads it right now could be offered.
	 */
	draw_ticket_key(&r->v[(now + RING - 1) % RING]);
}

void
ticket_ring_present(const struct ticket_ring *r, struct ticket_key *to)
{
	*to = r->v[atomic_load(&r->now) % RING];
}

int
ticket_ring_find(const struct ticket_ring *r, const unsigned char *name,
    struct ticket_key *to)
{
	unsigned now = atomic_load(&r->now), i;

	for (i = 0; i < 2; i++) {
		*to = r->v[(now + RING - i) % RING];
		if (memcmp(to->name, name, TICKET_KEY_NAME_LEN) == 0)
			return 0;
	}
	return -1;
}
