/*
 * conn_response.h - what is answered, and the states response and linger.
 */
#ifndef CONN_RESPONSE_H
#define CONN_RESPONSE_H

#include "net/conn_state.h"

/* Handlers: each does what its state can do now; true: the state changed. */
bool write_response(struct conn *c);
bool drain_input(struct conn *c);

/* Decide what is answered to the request in, and change the state. */
void choose_response(struct conn *c, struct view in);

#endif
