/* master_control.h - what the control socket asks the master for. */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include "process/control_server.h"

/* For control_new, with the struct master as arg. */
extern const struct control_calls master_control_calls;

#endif
