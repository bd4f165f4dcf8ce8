/* sink.h - where finished pages go, and what is known of those that went. */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/view.h"
#include "site/content.h"

/* 128 bits that differ if what they were made from does. */
struct stamp {
	uint64_t half[2];
};

enum sink_kind {
	SINK_PAGE,   /* both answers are whole */
	SINK_FOLDER, /* likewise: a folder's selector without its last "/" */
	SINK_LARGE   /* both begin with bytes, and go on with the file */
};

/* The page of a selector; each selector of the content has one. */
struct sink_entry {
	size_t capsule; /* which of the configuration */
	struct view selector;
	enum sink_kind kind;
	char item;       /* Gopher item type */
	unsigned access; /* 0: everybody may read it; else 1 + the rule's index
			  */
	bool is_lost;    /* nothing could be read of it: it is there for links
			  * alone, and has no answers, but status 0 */
	struct stamp stamp;      /* of the files that it was made from */
	struct stamp options;    /* of all else that its bytes depend on */
	struct view title;       /* that listings show; or empty */
	struct view found_title; /* that searches show; empty: none finds it */
	struct view path;        /* of its file, from the root; or empty */
	struct view file;        /* the one name of that; or empty */
	off_t size;              /* of that file, or -1 */
	uint64_t device, inode;  /* which file that is */
	struct answer gemini, gopher; /* rest has the size of a large file, and
				       * no descriptor */
	const uint64_t *asks; /* sink->ask of each selector whose being there,
			       * or item type, the bytes depend on; sorted */
	size_t n_asks;
};

/* A way to keep entries.  What returns int returns -1 if nothing can be
 * written any more: whoever builds then ends. */
struct sink {
	void *arg;
	/* Fill *to but for its answers, path, file, size and asks; the title
	 * comes from a, and is left out if a is NULL.  False: it is not there.
	 */
	bool (*find)(void *arg, size_t capsule, struct view selector,
	    struct arena *a, struct sink_entry *to);
	/* True if the answers of e are those that its selector has already. */
	bool (*has_bytes)(void *arg, const struct sink_entry *e);
	/* Put an entry in place of the one of its selector, which find then
	 * finds; all is borrowed for the call. */
	int (*put)(void *arg, const struct sink_entry *e);
	int (*drop)(void *arg, size_t capsule, struct view selector);
	/* A number for a selector, the same as long as the sink is kept. */
	uint64_t (*ask)(void *arg, size_t capsule, struct view selector);
	/*
	 * Visit entries, as they are needed to find those that asks concern.
	 * Some that are gone already may come, and some twice.  Nothing may be
	 * put or dropped meanwhile.
	 */
	int (*scan)(void *arg,
	    void (*visit)(void *visitor, size_t capsule, struct view selector,
		const uint64_t *asks, size_t n_asks),
	    void *visitor);

	/*
	 * NULL, or tell of every entry that find finds, with what that fills
	 * in but for the selector and the title.  False: some may be missing.
	 */
	bool (*each)(void *arg,
	    void (*visit)(void *visitor, uint64_t ask,
		const struct sink_entry *e),
	    void *visitor);

	/* NULL, or called before each page: there is time for other things. */
	void (*tick)(void *tick_arg);
	void *tick_arg;
};

/* Make *stamp depend on v, too. */
void stamp_add(struct stamp *stamp, struct view v);
bool stamp_eq(const struct stamp *a, const struct stamp *b);

#endif
