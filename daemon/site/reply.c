/*
 * reply.c - let go of what a reply owns.
 *
 * Floor site.
 */
#include "site/reply.h"

void
reply_fini(struct reply *reply)
{
	results_free(reply->search);
	reply->search = NULL;
	buf_fini(&reply->dynamic);
}
