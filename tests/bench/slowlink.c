/*
 * slowlink.c - a slow, long link between two network namespaces, made of two
 * TUN devices and patience: no part of the kernel has to know how (Linux).
 *
 * usage: slowlink RATE DELAY NEAR FAR
 *
 * RATE is in bits a second, DELAY in ms, one way; NEAR and FAR are namespaces
 * that ip-netns(8) has made.  Makes a device "slow" in each, prints "ready"
 * and goes on until it is killed; addresses and routes are the caller's.  A
 * packet is serialised at RATE behind those before it, each way on its own,
 * and arrives DELAY after its last bit has left.  On SIGUSR1 it prints what
 * has crossed since the last time, in packets and bytes of IP:
 * "up_packets=N up_bytes=N down_packets=N down_bytes=N", up being from NEAR.
 *
 * Only IPv4 crosses: IPv6 would mix its router solicitations in.  A queue of
 * QUEUE_MAX packets drops nobody's in these measurements, and says so if it
 * does.
 */
#include <sys/ioctl.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX  4096 /* packets on their way */
#define PACKET_MAX 2048 /* bytes; the devices have an MTU of 1500 */
#define IDLE_MS    1000 /* a look around without any packet */

struct packet {
	double due_ms;
	size_t len;
	unsigned char bytes[PACKET_MAX];
};

/* One direction: a ring of packets between two devices. */
struct way {
	struct packet queue[QUEUE_MAX];
	unsigned head, tail; /* of those on their way; never wrapped */
	double free_ms;      /* when the line has sent what it took */
	long packets, n_bytes;
};

static struct way ways[2]; /* up, down */
static volatile sig_atomic_t asked;

static void
on_ask(int number)
{
	(void)number;
	asked = 1;
}

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A device in that namespace; it stays there when we come back. */
static int
open_device(const char *space)
{
	struct ifreq wanted = { .ifr_name = "slow",
		.ifr_flags = IFF_TUN | IFF_NO_PI };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there, fd;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "/run/netns/%s", space);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (home == -1 || there == -1 || setns(there, CLONE_NEWNET) == -1)
		err(1, "namespace %s", space);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || ioctl(fd, TUNSETIFF, &wanted) == -1)
		err(1, "/dev/net/tun");
	if (setns(home, CLONE_NEWNET) == -1)
		err(1, "going back");
	close(there);
	close(home);
	return fd;
}

/* Put on the line what a device has to send. */
static void
take(struct way *w, int fd, double bits_per_ms, double delay_ms)
{
	struct packet *p;
	ssize_t n;
	double now = now_ms();

	while (w->tail - w->head < QUEUE_MAX) {
		p = &w->queue[w->tail % QUEUE_MAX];
		if ((n = read(fd, p->bytes, PACKET_MAX)) <= 0)
			return;
		if (p->bytes[0] >> 4 != 4)
			continue;
		if (w->free_ms < now)
			w->free_ms = now;
		w->free_ms += (double)n * 8 / bits_per_ms;
		p->due_ms = w->free_ms + delay_ms;
		p->len = (size_t)n;
		w->tail++;
		w->packets++;
		w->n_bytes += n;
	}
	warnx("%d packets under way: the line is full", QUEUE_MAX);
}

/* Hand over what has arrived; returns ms until the next does. */
static double
deliver(struct way *w, int fd)
{
	struct packet *p;
	double wait;

	while (w->head != w->tail) {
		p = &w->queue[w->head % QUEUE_MAX];
		if ((wait = p->due_ms - now_ms()) > 0)
			return wait;
		if (write(fd, p->bytes, p->len) == -1)
			warn("a packet is lost");
		w->head++;
	}
	return IDLE_MS;
}

static void
tell(void)
{
	asked = 0;
	printf("up_packets=%ld up_bytes=%ld down_packets=%ld down_bytes=%ld\n",
	    ways[0].packets, ways[0].n_bytes, ways[1].packets, ways[1].n_bytes);
	fflush(stdout);
	ways[0].packets = ways[0].n_bytes = 0;
	ways[1].packets = ways[1].n_bytes = 0;
}

static void
run(const int fds[2], double bits_per_ms, double delay_ms)
{
	struct pollfd ready[2] = { { fds[0], POLLIN, 0 },
		{ fds[1], POLLIN, 0 } };
	struct timespec wait;
	double ms, other;

	for (;;) {
		ms = deliver(&ways[0], fds[1]);
		other = deliver(&ways[1], fds[0]);
		ms = other < ms ? other : ms;
		wait.tv_sec = (time_t)(ms / 1e3);
		wait.tv_nsec = (long)((ms - (double)wait.tv_sec * 1e3) * 1e6);
		(void)ppoll(ready, 2, &wait, NULL);
		if (asked)
			tell();
		take(&ways[0], fds[0], bits_per_ms, delay_ms);
		take(&ways[1], fds[1], bits_per_ms, delay_ms);
	}
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_ask };
	int fds[2];

	if (argc != 5 || atof(argv[1]) <= 0 || atof(argv[2]) < 0)
		errx(2, "usage: slowlink RATE DELAY NEAR FAR");
	fds[0] = open_device(argv[3]);
	fds[1] = open_device(argv[4]);
	(void)sigaction(SIGUSR1, &action, NULL);
	printf("ready\n");
	fflush(stdout);
	run(fds, atof(argv[1]) / 1e3, atof(argv[2]));
}
