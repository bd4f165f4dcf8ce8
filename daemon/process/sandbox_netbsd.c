/*
 * sandbox_netbsd.c - what a process gives up on NetBSD.  Untried on the real
 * system.
 *
 * Floor process.  NetBSD has nothing like pledge(2) or capability mode: root
 * is all there is to give up.
 */
#include "process/sandbox.h"

const char *
sandbox_describe(bool *whole)
{
	*whole = false;
	return "their user alone: this system has no more";
}

int
sandbox_enter(const struct sandbox *box)
{
	return sandbox_drop_user(box);
}

int
sandbox_enter_search(const struct sandbox_folder *folder)
{
	(void)folder;
	return 0;
}

int
sandbox_enter_content(const struct sandbox_folder *roots, size_t n,
    const struct sandbox_folder *store)
{
	(void)roots;
	(void)n;
	(void)store;
	return 0;
}
