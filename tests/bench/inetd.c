/*
 * inetd.c - for servers that take a connection as their standard input: the
 * least that can start them.
 *
 * usage: inetd PORT COMMAND [ARGUMENT...]
 *
 * Prints "port=N" once it serves; port 0 is one that the system chooses.  One
 * process a connection, waited for, so that its time counts as ours.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKLOG      4096
#define CHILDREN_MAX 64 /* at a time */

static int
listen_at(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&at, len) == -1 ||
	    listen(fd, BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		err(1, "port %d", port);
	printf("port=%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

_Noreturn static void
start(int fd, char **command)
{
	if (dup2(fd, STDIN_FILENO) == -1 || dup2(fd, STDOUT_FILENO) == -1)
		_exit(1);
	(void)execv(command[0], command);
	_exit(1);
}

/* Those that have ended; waits for one if there are too many. */
static int
reap(int children)
{
	while (children > 0 &&
	    waitpid(-1, NULL, children < CHILDREN_MAX ? WNOHANG : 0) > 0)
		children--;
	return children;
}

/* Nothing to do: the signal is there to end accept(2). */
static void
on_child(int number)
{
	(void)number;
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_child };
	int door, fd, children = 0;

	if (argc < 3)
		errx(2, "usage: inetd PORT COMMAND [ARGUMENT...]");
	(void)sigaction(SIGCHLD, &action, NULL);
	door = listen_at(atoi(argv[1]));
	for (;;) {
		children = reap(children);
		if ((fd = accept(door, NULL, NULL)) == -1)
			continue;
		switch (fork()) {
		case -1:
			warn("fork");
			break;
		case 0:
			start(fd, argv + 2);
		default:
			children++;
		}
		close(fd);
	}
}
