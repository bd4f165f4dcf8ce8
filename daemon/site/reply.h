/* reply.h - who asks, and what is said: what answers are made from and into. */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"
#include "site/access.h"
#include "site/results.h"
#include "site/snapshot.h"

#define PEER_ADDRESS_MAX 46 /* bytes; INET6_ADDRSTRLEN */

/* What takes work to find out, and so is only if it is asked for. */
struct peer_details {
	char address[PEER_ADDRESS_MAX]; /* in full, whatever is logged */
	const char *tls_version;        /* "1.3", "1.2"; "" in the clear */
	const char *tls_cipher;         /* as OpenSSL names it; or "" */
};

/* What is known of a connection before its request is read; borrowed. */
struct peer {
	struct view sni; /* as the client sent it; empty: none, or no TLS */
	int port;        /* the local port */
	bool tls;
	bool too_fast; /* it has used up its rate: tell it to wait */
	size_t site;   /* of the snapshot: who answers if no host is named */
	/* Shown in this connection's own handshake; NULL: none, or the
	 * capsule that was greeted does not ask. */
	const struct peer_certificate *certificate;
	/* Tell what only applications are told; NULL: nothing is known. */
	void (*describe)(const struct peer *peer, struct peer_details *to);
	void *arg; /* describe's own */
};

/* The outcome: what to send, and what to log about it. */
struct reply {
	struct answer answer;
	struct view host;     /* for the log; empty: not known */
	struct view selector; /* for the log; borrows from the request or the
			       * snapshot, or is there until the next one */
	bool identified;      /* the peer's certificate decided */
	struct buf dynamic;   /* owned: answer.bytes when nothing was prepared;
			       * its max is set by answer */
	/* Whose answer.rest is, to be held while it is sent; or NULL. */
	const struct content *content;
	struct file_key file; /* what answer.rest is, if it is not open yet */
	/* Not NULL: it has to be asked, with the environment in dynamic;
	 * what it says goes through the protocol's head. */
	const struct target *app;
	/* Not NULL: its query has to be put to the search process, and what
	 * is found to the protocol's found.  Owned; see reply_fini. */
	struct results *search;
};

/* Free what reply owns. */
void reply_fini(struct reply *reply);

/* What became of the beginning of an application's answer. */
enum answer_head {
	ANSWER_MORE,  /* too little to tell */
	ANSWER_BEGUN, /* reply has a status, and dynamic how it begins */
	ANSWER_FAILED /* reply is a refusal, and whole */
};

/* Why an application's answer is none. */
enum answer_failure {
	ANSWER_BROKEN,  /* not an answer, or not all of one */
	ANSWER_SLOW,    /* its time was over before it began */
	ANSWER_DOWN,    /* nobody is there to be asked */
	ANSWER_MISSING, /* it says that there is no such thing */
	ANSWER_CLOSED,  /* the file that follows cannot be opened just now */
	ANSWER_FAILURES
};

#endif
