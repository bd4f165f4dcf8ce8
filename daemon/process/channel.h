/* channel.h - what the master and a process of its own say to each other. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>

#define CHANNEL_KEY_SIZE 16 /* bytes */

/*
 * A record each over a socket pair that keeps records apart: a byte that says
 * what it is, a number, a key, and with some of them a descriptor.
 */
enum channel_message {
	CHANNEL_GONE = 0,     /* the other end has closed */
	CHANNEL_READY = 'R',  /* worker: I serve */
	CHANNEL_DRAIN = 'D',  /* master: accept no more, finish, go */
	CHANNEL_CLOSED = 'c', /* worker: I accept no more */
	CHANNEL_LEVEL = 'v',  /* master: log up to the level of that number */
	CHANNEL_ACCESS = 'A', /* master: here is the access log's descriptor */
	/* master, to a worker: here is the way to the key process, to be used
	 * from now on; and to the key process: here is the one to the worker
	 * of that number, in place of any that it had */
	CHANNEL_KEY_PROCESS = 'K',
	CHANNEL_KEY_TIMEOUT = 'S', /* worker: a signature is overdue */
	CHANNEL_KEY_LOST = 'L', /* worker: I have no way to the key process */
	CHANNEL_ALIVE = 'P',    /* master: do you live?  key process: I do */
	/* worker: I need a socket to the application of that number; and what
	 * the master answers, in the order of such asking: here it is, it is
	 * busy, it is not there */
	CHANNEL_DIAL = 'C',
	CHANNEL_DIALLED = 'U',
	CHANNEL_BUSY = 'B',
	CHANNEL_DOWN = 'X',
	/* master, to a worker: here is the way to the content process, to be
	 * used from now on; and to that: here is the one to a worker */
	CHANNEL_CONTENT = 'T',
	/* the same of the search process; and from a worker: an answer of it is
	 * overdue, I have no way to it */
	CHANNEL_SEARCH = 'W',
	CHANNEL_SEARCH_LATE = 'Y',
	CHANNEL_SEARCH_LOST = 'M',
	CHANNEL_RESCAN = 'H', /* master: look at all content again */
	/* master: and keep nothing of roots that are gone or empty */
	CHANNEL_ACCEPT = 'E',
	CHANNEL_WARNED = 'w', /* content process: unasked, I warned so often */
	/* master, to a worker: use what the content process has sent you; and
	 * the worker: I do */
	CHANNEL_SYNC = 'z',
	/* content process, to the master: so many files were read; it is done,
	 * and warned so often */
	CHANNEL_PROGRESS = 'I',
	CHANNEL_BUILT = 'J',
	/* master: write no more, and give me the lock of the store; content
	 * process: here it is, if there is one; master: here you have it back
	 */
	CHANNEL_YIELD = 'y',
	CHANNEL_YIELDED = 'e',
	CHANNEL_RESUME = 'r',
	/* content process, to a worker: the store's file of that number; the
	 * root, after all files that it names */
	CHANNEL_SEGMENT = 'G',
	CHANNEL_ROOT = 'O',
	/* worker: open the file of the entry with this key; and what the
	 * content process answers to the question of that number */
	CHANNEL_OPEN = 'Q',
	CHANNEL_DAMAGED = 'd', /* worker: what the store has of this key is not
				* as it was written */
	CHANNEL_OPENED = 'V',
	CHANNEL_FAILED = 'Z',
	CHANNEL_NOTHING = 'N', /* nothing to read just now */
	CHANNEL_FORGED = 'F'   /* what nobody of ours sends */
};

/* Make both ends, closed on exec, not blocking; 0 or -1 with errno. */
int channel_open(int *master, int *worker);

/*
 * Send one message with its number, 0 where it has none, and a descriptor
 * unless fd is -1.  Never waits.  0 or -1 with errno.
 */
int channel_send(int channel, enum channel_message m, unsigned number, int fd);

/* The same with a key, where the message has one. */
int channel_send_key(int channel, enum channel_message m, unsigned number,
    const unsigned char *key, int fd);

/*
 * Receive one, without waiting.  This is the only function that receives
 * descriptors, and every one that arrives is closed or handed over: *fd is the
 * one that came with a message that has one, now owned, or -1 if none came or
 * this process had no room for it.
 *
 * CHANNEL_FORGED is a record of another length, an unknown word, one of those
 * above that are never sent, or more descriptors than the message has.
 */
enum channel_message channel_receive(int channel, unsigned *number, int *fd);

/* The same, with the key, which is zeros where the message has none. */
enum channel_message channel_receive_key(int channel, unsigned *number,
    unsigned char key[CHANNEL_KEY_SIZE], int *fd);

#endif
