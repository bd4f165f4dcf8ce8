/* os.h - what differs between systems, one file each: os_SYSTEM.c. */
#ifndef OS_H
#define OS_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * As accept(2), but the new descriptor is non-blocking and closed on exec.
 */
int os_accept(int fd, struct sockaddr *addr, socklen_t *len);

/*
 * As send(2) without SIGPIPE; with more, the kernel may hold back a packet
 * that is not full, because further bytes or the end follow at once.
 */
ssize_t os_send(int fd, const void *p, size_t len, bool more);

/*
 * Send up to len bytes of the file from offset to the socket, from the
 * system's cache where it can.  Returns bytes sent, 0 at the end of the file,
 * -1 with errno (EAGAIN: the socket is full).
 */
ssize_t os_sendfile(int socket, int file, off_t offset, size_t len, bool more);

/*
 * Much has just been freed, and children will have copies of the heap: give
 * back whole pages of it that hold nothing.
 */
void os_trim_heap(void);

/*
 * Most of the code of program and libraries has run for the last time in a
 * while: let the system have the memory that holds it.  What runs again is
 * fetched again.
 */
void os_forget_code(void);

/*
 * How long packets take to the peer and back, smoothed, in microseconds; -1
 * unknown.
 */
int64_t os_rtt_us(int fd);

/*
 * Acknowledge at once what was received, where the system allows it: the peer
 * may have more to say and wait for just that (RFC 896, RFC 1122 4.2.3.2).
 */
void os_acknowledge(int fd);

/*
 * Bytes given to the socket that the peer has not acknowledged; -1 unknown,
 * which it always is on OpenBSD.  A slow reader is then known by the socket
 * alone, which can be written again once he has taken a good part of it.
 */
int os_unsent(int fd);

/*
 * Fill p with bytes that nobody can guess, from the system's generator.  Waits
 * at most until a system that has just started has gathered enough; works in
 * every sandbox; a system that has no generator ends the process (assert).
 */
void os_random(void *p, size_t len);

/*
 * Let what a connection of this listening socket has not sent yet, and cannot,
 * fill no more than so many bytes of the kernel's memory, where the system
 * knows how without slowing down who reads fast.
 */
void os_bound_queue(int fd, int bytes);

#define OS_GROUPS_MAX 64 /* of one process that are looked at; ours */

/* Whom a process ran as when it connected. */
struct os_peer {
	uid_t uid;
	gid_t groups[OS_GROUPS_MAX]; /* its own first */
	size_t n_groups;
};

/*
 * Ask the kernel who is at the other end of a stream socket of this machine.
 * Who is in more groups than OS_GROUPS_MAX has his own one alone.
 * 0, or -1 with errno and *to as it was.
 */
int os_peer(int fd, struct os_peer *to);

/* How many processors this process may use; at least 1. */
int os_processors(void);

/* Close every descriptor from first on. */
void os_close_from(int first);

/*
 * No core file and, where the system knows how, no debugger of the same user
 * shall get this process's memory: before it has a secret in it.
 */
void os_hide_memory(void);

/* The command that makes a user for a service; a blank and its name follow. */
extern const char os_useradd[];

/* What ps(1) shows beside the program's name, where the system allows it. */
void os_set_title(const char *title);

#endif
