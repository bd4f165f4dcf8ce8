/*
 * conn_request.h - the states in which a client has yet to say something:
 * proxy_header, first_byte and request.
 */
#ifndef CONN_REQUEST_H
#define CONN_REQUEST_H

#include "net/conn_state.h"

/* Handlers: each does what its state can do now; true: the state changed. */
bool read_proxy_header(struct conn *c);
bool read_first_byte(struct conn *c);
bool read_request(struct conn *c);

#endif
