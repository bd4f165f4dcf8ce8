/* notify.h - tell the service manager how we are ($NOTIFY_SOCKET). */
#ifndef NOTIFY_H
#define NOTIFY_H

/*
 * Send state, such as "READY=1", as sd_notify(3) has it; nothing happens
 * without $NOTIFY_SOCKET, and a manager that does not listen is not waited
 * for.
 */
void notify(const char *state);

/* "RELOADING=1" with the monotonic time that it has to carry. */
void notify_reloading(void);

#endif
