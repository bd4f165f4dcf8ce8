/* remote_key.h - keys whose private half is in another process. */
#ifndef REMOTE_KEY_H
#define REMOTE_KEY_H

#include <stddef.h>

/*
 * Milliseconds to wait for a signature; the worker serves nobody meanwhile.
 * Half of them over, it says so: the master has the other half to find out
 * whether the key process lives, and to end it if not.
 */
#define REMOTE_KEY_DEADLINE_MS 1000
#define REMOTE_KEY_DOUBT_MS    (REMOTE_KEY_DEADLINE_MS / 2)

struct evp_pkey_st;

/* Make such keys known to OpenSSL: once, before anything forks; 0 or -1. */
int remote_key_init(void);

/*
 * A key that has public's other half, which is the key process's number index.
 * It can be used for TLS like any other; the caller frees it with
 * EVP_PKEY_free.  NULL without memory.
 */
struct evp_pkey_st *remote_key_new(size_t index, struct evp_pkey_st *public);

enum remote_key_trouble {
	REMOTE_KEY_LATE, /* no answer for REMOTE_KEY_DOUBT_MS, still waiting */
	REMOTE_KEY_LOST  /* closed: there is no way to the key process any more
			  */
};

/*
 * From now on ask the key process at the other end of fd, instead of the one
 * before, if there was one.  fd is a socket that blocks, and is owned.
 *
 * If it is gone, answers nonsense, or does not answer within
 * REMOTE_KEY_DEADLINE_MS, fd is closed and every signature fails until the
 * next call.  on_trouble, which may be NULL, is called within a handshake.
 */
void remote_key_connect(int fd,
    void (*on_trouble)(void *arg, enum remote_key_trouble t), void *arg);

#endif
