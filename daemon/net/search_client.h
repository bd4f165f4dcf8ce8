/* search_client.h - a worker's questions to the search process. */
#ifndef SEARCH_CLIENT_H
#define SEARCH_CLIENT_H

#include "site/search_query.h"

/* Questions of one worker that wait at a time; for more it is busy. */
#define SEARCH_CLIENT_MAX 64

/* Milliseconds without an answer to anything after which the master is told
 * that the process may hang: a search has 250 ms. */
#define SEARCH_CLIENT_DOUBT_MS 1000

struct event_base;
struct search_client;
struct search_wait;

enum search_trouble {
	SEARCH_LATE, /* no answer for SEARCH_CLIENT_DOUBT_MS, still waiting */
	SEARCH_LOST  /* closed: there is no way to the process any more */
};

/*
 * All questions of one worker, without a way to the process yet; the worker
 * keeps the result until it ends.  on_trouble is called from the loop.
 */
struct search_client *search_client_new(struct event_base *base,
    void (*on_trouble)(void *arg, enum search_trouble t), void *arg);

/*
 * From now on ask the process at the other end of fd, which is owned, instead
 * of the one before: what that one was asked gets no answer.  -1: nobody.
 */
void search_client_connect(struct search_client *sc, int fd);

/*
 * Ask what is in *q, whose id is set here.  ready(arg, found) is called once,
 * from the loop and not from within this call; found, borrowed for the call,
 * is what came, or NULL if the process is gone or does not speak our language.
 * Returns what waits, until then or until it is cancelled.  NULL: *end says
 * whether there is nobody to be asked (SEARCH_FAILED) or too much is
 * (SEARCH_BUSY).
 */
struct search_wait *search_client_ask(struct search_client *sc,
    struct search_query *q,
    void (*ready)(void *arg, const struct search_found *found), void *arg,
    enum search_end *end);

/* Nobody wants to know any more; NULL is fine. */
void search_client_cancel(struct search_wait *w);

#endif
