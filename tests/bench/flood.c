/*
 * flood.c - visitors over TLS who shake hands and then never ask: without an
 * end they say what keeps a server busy.
 *
 * usage: flood keyupdate|hello -p PORT [-a ADDRESS] [-s SNI] [-c CLIENTS]
 *            [-d SECONDS]
 *
 * keyupdate: TLS 1.3, a new key for every record (RFC 8446 4.6.3); hello: TLS
 * 1.2, asking for another handshake (RFC 5246 7.4.1.2).  CLIENTS processes do
 * that for SECONDS, each beginning anew when it is dropped; prints one line of
 * key=value: floods, how many of them the server ended, bytes sent, and for
 * how long the longest one went on, ms.  Exit status 1 if there was none.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include "dial.h"

#define CIPHER_12  "ECDHE-ECDSA-AES128-GCM-SHA256"
#define GROUPS_12  DIAL_GROUPS ":P-256"
#define BATCH      20  /* messages between two looks at the clock */
#define LOOK_MS    100 /* that a full socket is waited for */
#define MASTER_LEN 48  /* bytes; RFC 5246 8.1 */
#define RANDOM_LEN 32
#define KEY_LEN    16 /* AES-128, for each side; then 4 of IV for each */
#define SALT_LEN   4
#define NONCE_LEN  12
#define TAG_LEN    16
#define HEAD_LEN   5 /* a record's */
#define HELLO_LEN  4 /* the least that is one: its own head, and nothing */
#define RECORD_LEN (HEAD_LEN + 8 + HELLO_LEN + TAG_LEN)

struct tally {
	_Atomic long floods, dropped, failed, sent, longest_ms;
};

/* What seals a client's records of TLS 1.2 by ourselves: RFC 5288. */
struct seal {
	EVP_CIPHER_CTX *cipher;
	unsigned char nonce[NONCE_LEN];
	uint64_t sequence;
};

static struct tally *tally;
static struct dial dial = { "127.0.0.1", NULL, 0, 0, true };
static bool hellos;
static double until_ms;
static char local_name[] = "localhost";

/* Derive the client's key as RFC 5246 6.3 has it. */
static bool
seal_init(struct seal *s, SSL *ssl)
{
	unsigned char secret[MASTER_LEN], seed[2 * RANDOM_LEN];
	unsigned char block[2 * KEY_LEN + 2 * SALT_LEN];
	static char digest[] = "SHA256", label[] = "key expansion";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret,
		    sizeof(secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label,
		    sizeof(label) - 1),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed,
		    sizeof(seed)),
		OSSL_PARAM_construct_end(),
	};
	bool good;

	(void)SSL_SESSION_get_master_key(SSL_get_session(ssl), secret,
	    sizeof(secret));
	(void)SSL_get_server_random(ssl, seed, RANDOM_LEN);
	(void)SSL_get_client_random(ssl, seed + RANDOM_LEN, RANDOM_LEN);
	s->cipher = EVP_CIPHER_CTX_new();
	s->sequence = 1; /* 0 was the handshake's end */
	good = EVP_KDF_derive(ctx, block, sizeof(block), params) == 1 &&
	    EVP_EncryptInit_ex(s->cipher, EVP_aes_128_gcm(), NULL, block,
		NULL) == 1;
	memcpy(s->nonce, block + sizeof(block) - 2 * SALT_LEN, SALT_LEN);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return good;
}

/* A record with a hello in it; RECORD_LEN bytes. */
static void
seal_hello(struct seal *s, unsigned char *to)
{
	static const unsigned char head[HEAD_LEN] = { 22, 3, 3, 0,
		RECORD_LEN - HEAD_LEN };
	static const unsigned char hello[HELLO_LEN] = { 1, 0, 0, 0 };
	unsigned char about[8 + HEAD_LEN];
	unsigned char *body = to + HEAD_LEN + 8;
	int i, n;

	memcpy(to, head, HEAD_LEN);
	for (i = 0; i < 8; i++)
		to[HEAD_LEN + i] = (unsigned char)(s->sequence >> (56 - 8 * i));
	s->sequence++;
	memcpy(s->nonce + SALT_LEN, to + HEAD_LEN, 8);
	memcpy(about, to + HEAD_LEN, 8);
	memcpy(about + 8, head, HEAD_LEN);
	about[8 + HEAD_LEN - 1] = HELLO_LEN;
	(void)EVP_EncryptInit_ex(s->cipher, NULL, NULL, NULL, s->nonce);
	(void)EVP_EncryptUpdate(s->cipher, NULL, &n, about, sizeof(about));
	(void)EVP_EncryptUpdate(s->cipher, body, &n, hello, HELLO_LEN);
	(void)EVP_EncryptFinal_ex(s->cipher, body + HELLO_LEN, &n);
	(void)EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_GCM_GET_TAG, TAG_LEN,
	    body + HELLO_LEN);
}

/* Send all of it; false once nobody is there to take it, or time is over. */
static bool
pour(int fd, const void *p, size_t len)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	const char *at = p;
	ssize_t n;

	while (len > 0 && dial_now_ms() < until_ms) {
		n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			tally->sent += n;
			at += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN)
			return false;
		else
			(void)poll(&wait, 1, LOOK_MS);
	}
	return len == 0;
}

static bool
pour_hellos(struct seal *s, int fd)
{
	unsigned char records[BATCH * RECORD_LEN];
	size_t i;

	for (i = 0; i < BATCH; i++)
		seal_hello(s, records + i * RECORD_LEN);
	return pour(fd, records, sizeof(records));
}

/* ssl writes into memory by now. */
static bool
pour_updates(SSL *ssl, int fd)
{
	char *records;
	long len;
	int i;
	bool good;

	for (i = 0; i < BATCH; i++)
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(ssl) != 1)
			errx(1, "no key update");
	len = BIO_get_mem_data(SSL_get_wbio(ssl), &records);
	good = pour(fd, records, (size_t)len);
	(void)BIO_reset(SSL_get_wbio(ssl));
	return good;
}

/* True if the peer has ended it, in whatever way. */
static bool
is_over(int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		;
	return n == 0 || errno != EAGAIN;
}

static void
flood(SSL *ssl, int fd)
{
	double began = dial_now_ms(), ms;
	struct seal seal = { 0 };
	bool dropped = false;
	long longest;

	if (hellos && !seal_init(&seal, ssl))
		errx(1, "no key");
	if (!hellos)
		SSL_set0_wbio(ssl, BIO_new(BIO_s_mem()));
	tally->floods++;
	while (!dropped && dial_now_ms() < until_ms)
		dropped = (hellos ? !pour_hellos(&seal, fd)
				  : !pour_updates(ssl, fd)) ||
		    is_over(fd);
	if (dial_now_ms() < until_ms)
		tally->dropped++;
	ms = dial_now_ms() - began;
	longest = tally->longest_ms;
	while ((long)ms > longest &&
	    !atomic_compare_exchange_weak(&tally->longest_ms, &longest,
		(long)ms))
		;
	EVP_CIPHER_CTX_free(seal.cipher);
}

static void
be_client(unsigned number)
{
	SSL_CTX *ctx = dial_context(false, NULL);
	int version = hellos ? TLS1_2_VERSION : TLS1_3_VERSION, fd;
	SSL *ssl;

	(void)SSL_CTX_set_min_proto_version(ctx, version);
	(void)SSL_CTX_set_max_proto_version(ctx, version);
	(void)SSL_CTX_set_cipher_list(ctx, CIPHER_12);
	/* That of the certificate's key, too: TLS 1.2 wants to see it. */
	(void)SSL_CTX_set1_groups_list(ctx, GROUPS_12);
	while (dial_now_ms() < until_ms) {
		fd = dial_connect(&dial, number);
		if (fd == -1)
			continue;
		ssl = dial_tls(ctx, &dial, fd);
		if (SSL_connect(ssl) == 1)
			flood(ssl, fd);
		else
			tally->failed++;
		SSL_free(ssl);
		ERR_clear_error();
		dial_reset(fd);
	}
	SSL_CTX_free(ctx);
	exit(0);
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: flood keyupdate|hello -p PORT [-a ADDRESS] [-s SNI]\n"
	    "             [-c CLIENTS] [-d SECONDS]\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	double seconds = 5;
	int option, clients = 1, i;

	dial.sni = local_name;
	if (argc < 2)
		usage();
	hellos = strcmp(argv[1], "hello") == 0;
	if (!hellos && strcmp(argv[1], "keyupdate") != 0)
		usage();
	while ((option = getopt(argc - 1, argv + 1, DIAL_OPTIONS "c:d:")) != -1)
		if (option == 'c')
			clients = atoi(optarg);
		else if (option == 'd')
			seconds = atof(optarg);
		else if (!dial_option(&dial, option, optarg))
			usage();
	if (optind != argc - 1 || dial.port <= 0)
		usage();
	(void)signal(SIGPIPE, SIG_IGN);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		err(1, "mmap");
	until_ms = dial_now_ms() + seconds * 1e3;
	for (i = 0; i < clients; i++)
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			be_client((unsigned)i);
		}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("floods=%ld dropped=%ld failed=%ld sent=%ld longest_ms=%ld\n",
	    tally->floods, tally->dropped, tally->failed, tally->sent,
	    tally->longest_ms);
	return tally->floods > 0 ? 0 : 1;
}
