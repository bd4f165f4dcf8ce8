/*
 * master_options.c - how much is logged, with the configuration and -v.
 *
 * Floor process.
 */
#include "process/master_options.h"

enum log_level
master_level(const struct master_options *options, const struct conf *conf)
{
	int level = (int)conf->level + options->extra_verbosity;

	return level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG
				       : (enum log_level)level;
}

void
master_set_level(const struct master_options *options, const struct conf *conf)
{
	log_set_level(master_level(options, conf));
}
