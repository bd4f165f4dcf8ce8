/*
 * ways.c - whom a process that workers ask is connected with.
 *
 * Floor process.  The master introduces workers; a process that is not needed
 * any more outlives the master's interest in it until the last of its workers
 * has closed its way.
 */
#include "process/ways.h"

#include <unistd.h>

void
ways_close(struct ways *w, nfds_t i)
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
		ways_close(w, i);
	for (; w->n <= i; w->n++)
		w->v[w->n] = (struct pollfd){ .fd = -1 };
	w->v[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	w->open++;
}

void
ways_begin(struct ways *w, int channel, enum channel_message introduces)
{
	w->introduces = introduces;
	open_way(w, 0, channel);
}

unsigned
ways_hear_all(struct ways *w, enum channel_message *other, int *fd)
{
	int channel = w->v[0].fd, way;
	unsigned number;

	*other = CHANNEL_NOTHING;
	*fd = -1;
	if (channel == -1)
		return 0;
	*other = channel_receive(channel, &number, fd);
	if (*other == CHANNEL_GONE)
		ways_close(w, 0);
	else if (*other == CHANNEL_ALIVE)
		(void)channel_send(channel, CHANNEL_ALIVE, 0, -1);
	else if (*other == w->introduces && *fd != -1 && number > 0 &&
	    number <= WAYS_MAX) {
		way = *fd;
		*fd = -1;
		*other = CHANNEL_NOTHING;
		open_way(w, number, way);
		return number;
	}
	return 0;
}

unsigned
ways_hear(struct ways *w)
{
	enum channel_message other;
	unsigned number;
	int fd;

	number = ways_hear_all(w, &other, &fd);
	if (fd != -1)
		close(fd);
	return number;
}
