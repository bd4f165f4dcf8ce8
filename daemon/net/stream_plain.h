/* stream_plain.h - the transport of a connection in the clear. */
#ifndef STREAM_PLAIN_H
#define STREAM_PLAIN_H

#include "net/stream.h"

extern const struct transport stream_plain;

#endif
