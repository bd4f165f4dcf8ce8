/*
 * sandbox_openbsd.c - what a process gives up on OpenBSD.  Untried on the real
 * system.
 *
 * Floor process.  After pledge(2) a worker can use the descriptors it holds,
 * accept connections and receive the log's descriptor: no path, no process.
 */
#include "process/sandbox.h"

#include <unistd.h>

#include "base/log.h"

const char *
sandbox_describe(bool *whole)
{
	*whole = true;
	return "pledge";
}

static int
enter_without_paths(const struct sandbox *box, const char *promises)
{
	if (sandbox_drop_user(box) == -1)
		return -1;
	/* Nothing is unveiled: not even a path that pledge(2) would let be. */
	if (unveil("/", "") == -1 || unveil(NULL, NULL) == -1) {
		log_error("cannot unveil nothing");
		return -1;
	}
	if (pledge(promises, NULL) == -1) {
		log_error("cannot pledge");
		return -1;
	}
	return 0;
}

int
sandbox_enter(const struct sandbox *box)
{
	return enter_without_paths(box, "stdio inet recvfd");
}

int
sandbox_enter_search(const struct sandbox_folder *folder)
{
	bool has_folder = folder->fd != -1;
	bool seen = has_folder ? unveil(folder->path, "rwc") == 0
			       : unveil("/", "") == 0;

	if (!seen || unveil(NULL, NULL) == -1) {
		log_error("cannot unveil the folder of indexes");
		return -1;
	}
	if (pledge(has_folder ? "stdio rpath wpath cpath flock recvfd"
			      : "stdio recvfd",
		NULL) == -1) {
		log_error("cannot pledge");
		return -1;
	}
	return 0;
}

int
sandbox_enter_content(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store)
{
	bool seen = unveil(store->path, "rwc") == 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (roots[i].fd != -1)
			seen = seen && unveil(roots[i].path, "r") == 0;
	if (!seen || unveil(NULL, NULL) == -1) {
		log_error("cannot unveil what is served");
		return -1;
	}
	if (pledge("stdio rpath wpath cpath flock sendfd recvfd", NULL) == -1) {
		log_error("cannot pledge");
		return -1;
	}
	return 0;
}
