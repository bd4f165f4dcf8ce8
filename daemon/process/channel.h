/* channel.h - what the master and a process of its own say to each other. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>

/* One byte each, over a stream socket pair; its end means the other is gone. */
enum channel_message {
	CHANNEL_GONE = 0,     /* the other end has closed */
	CHANNEL_READY = 'R',  /* worker: I serve */
	CHANNEL_DRAIN = 'D',  /* master: accept no more, finish, go */
	CHANNEL_ACCESS = 'A', /* master: here is the access log's descriptor */
	/* master, to a worker: here is the way to the keeper, to be used from
	 * now on; and to the keeper: here is one to a further worker */
	CHANNEL_KEEPER = 'K',
	CHANNEL_SILENT = 'S', /* worker: the keeper does not answer */
	/* worker: I need a socket to the application of a number, which
	 * follows; and what the master answers, in the order of such asking:
	 * here it is, it is busy, it is not there */
	CHANNEL_DIAL = 'C',
	CHANNEL_DIALLED = 'U',
	CHANNEL_BUSY = 'B',
	CHANNEL_DOWN = 'X',
	CHANNEL_NOTHING = 'N' /* nothing to read just now */
};

/* Make both ends, closed on exec, not blocking; 0 or -1 with errno. */
int channel_open(int *master, int *worker);

/* Send one message, with a descriptor unless fd is -1; 0 or -1 with errno. */
int channel_send(int channel, enum channel_message m, int fd);

/* Send CHANNEL_DIAL and the number; 0 or -1 with errno. */
int channel_dial(int channel, unsigned number);

/* After CHANNEL_DIAL was received: its number.  0, or -1 if there is none. */
int channel_number(int channel, unsigned *number);

/* Receive one; *fd is the descriptor that came with it, now owned, or -1. */
enum channel_message channel_receive(int channel, int *fd);

#endif
