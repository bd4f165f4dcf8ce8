/* content.h - what selectors give, as far as files say it. */
#ifndef CONTENT_H
#define CONTENT_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "site/access.h"
#include "site/target.h"

/* Bytes in an open file, whose descriptor is somebody else's. */
struct span {
	int fd;
	off_t offset, size;
	/* Nobody writes there any more.  If not, the span is the file from
	 * offset to its end, as that is when the span is read. */
	bool fixed;
};

/* All that is sent for one request, finished before it was asked for. */
struct answer {
	int status;        /* a Gemini status; Gopher uses it for the log */
	struct view bytes; /* what is sent first: all of it, or a header */
	struct span rest;  /* what follows; its size is 0: nothing */
};

/* How an entry is answered. */
enum entry_kind {
	ENTRY_PAGE,   /* by what was prepared, whatever is asked */
	ENTRY_FOLDER, /* likewise: a folder's selector without its last "/" */
	ENTRY_SEARCH, /* by what was prepared, or by results for a query */
	ENTRY_APP     /* by an application, which is asked each time */
};

/* What is said in gemtext, with links as on the page at selector. */
struct notice {
	struct view selector, gemtext;
};

/* What one selector gives, in each protocol. */
struct entry {
	struct view selector;
	enum entry_kind kind;
	char item;                        /* Gopher item type of what is here */
	const struct access_rule *access; /* NULL: anybody may read it */
	struct answer gemini, gopher;
	/* Who answers over Gopher, and over Gemini if kind says so; or NULL. */
	const struct target *app;
	/* Not NULL: gopher is a menu of this, made when it is asked for, since
	 * only then it is known what its link leads to. */
	const struct notice *notice;
};

/* What became of looking into the content. */
enum content_result {
	CONTENT_FOUND,
	CONTENT_NONE,
	CONTENT_DAMAGED /* it may be there, but cannot be read just now */
};

/* The content of one capsule; begins with how it is looked into. */
struct content {
	const struct content_kind *kind;
};

struct content_kind {
	enum content_result (*find)(const struct content *c,
	    struct view selector, struct entry *to);
};

/*
 * Fill *to with what selector gives; a NULL content holds nothing.
 * to->selector lives as long as the content or as selector's bytes; what else
 * *to leads to, as long as the content, or until it is looked into again.
 */
enum content_result content_find(const struct content *c, struct view selector,
    struct entry *to);

/*
 * Append all of an answer: its bytes and what follows them.  False if that
 * cannot be read, or is more than to may hold.
 */
bool answer_read(const struct answer *a, struct buf *to);

#endif
