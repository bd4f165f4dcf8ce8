/* conf.h - the configuration: from INI text to values, by one table of keys. */
#ifndef CONF_H
#define CONF_H

#include <stdio.h>

#include "base/buf.h"
#include "base/problem.h"
#include "base/view.h"
#include "site/conf_types.h"

/*
 * Read a configuration from file; path is its name for messages and the
 * folder that relative paths start from.
 *
 * Adds every problem found to ps; never touches the system beyond reading
 * file.  Returns a configuration with defaults for what is missing, to be
 * freed with conf_free, even when there were problems: use it only if none
 * was added.
 */
struct conf *conf_read(FILE *file, const char *path, struct problems *ps);

/* conf_read of the file called path; one that cannot be opened is a problem,
 * and the result is then NULL. */
struct conf *conf_load(const char *path, struct problems *ps);

void conf_free(struct conf *conf);

/*
 * Append the path of the control socket, or nothing if it is off.  Where the
 * configuration says auto, it is the system's for the system's configuration
 * (CAPSULED_CONF), else that of the INI file with ".sock" for ".ini".
 */
void conf_control_path(const struct conf *conf, struct buf *to);

/*
 * Write the effective configuration as INI, defaults included; conf_read
 * makes the same of it, given the same path.
 */
void conf_print(const struct conf *conf, FILE *to);

#endif
