/* conf_check.h - what must fit together; for the files of conf alone. */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "base/problem.h"
#include "site/conf_types.h"

/*
 * Let capsules and Gopher services know each other, and add to ps what does
 * not go together: hosts, addresses, and what the maps say.
 */
void conf_check(struct conf *conf, struct problems *ps);

#endif
