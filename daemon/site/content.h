/* content.h - what selectors give, as far as files say it. */
#ifndef CONTENT_H
#define CONTENT_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "site/access.h"
#include "site/search_query.h"
#include "site/target.h"

#define FILE_KEY_SIZE 16 /* bytes, of each half */

/* Which file, in which state: another stamp is another file. */
struct file_key {
	unsigned char name[FILE_KEY_SIZE], stamp[FILE_KEY_SIZE];
};

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
	/* What follows; its size is 0: nothing.  Its descriptor is -1: a file
	 * that another process has to open first. */
	struct span rest;
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
	struct file_key file; /* of what a store has */
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

/* A page that a search may find. */
struct search_page {
	struct view selector;
	struct view title; /* clean, never empty */
	struct view text;  /* for snippets; empty: not at hand */
	bool is_gemtext;
};

struct content_kind {
	enum content_result (*find)(const struct content *c,
	    struct view selector, struct entry *to);
	/* NULL: all answers are ready, and all spans stay. */
	enum content_result (*ready)(const struct content *c,
	    const struct entry *entry, bool gopher, struct answer *a,
	    struct buf *head);
	struct content_hold *(*hold)(const struct content *c, int fd);
	void (*release)(struct content_hold *hold, int fd);
	/* See content_found; NULL: nothing is. */
	bool (*found)(const struct content *c, const struct search_key *key,
	    struct buf *room, struct search_page *to);
};

/*
 * Fill *to with what selector gives; a NULL content holds nothing.
 * to->selector lives as long as the content or as selector's bytes; what else
 * *to leads to, as long as the content, or until it is looked into again.
 */
enum content_result content_find(const struct content *c, struct view selector,
    struct entry *to);

/*
 * Make one of the answers of an entry, which was found in c, ready to be sent:
 * *a is its gemini, or its gopher.  Looks whether its bytes are as they were
 * written, if they are few, and reads into head what is sent before a file that
 * another process has to open.  CONTENT_FOUND or CONTENT_DAMAGED.
 */
enum content_result content_ready(const struct content *c,
    const struct entry *entry, bool gopher, struct answer *a, struct buf *head);

/*
 * Keep the descriptor of a span, which was just found in c, until it is
 * released with what is returned, as often as it was held.  Without, it is good
 * until c changes, which is not before the next turn of the loop.  NULL if it
 * stays anyway.
 */
struct content_hold *content_hold(const struct content *c, int fd);
void content_release(const struct content *c, struct content_hold *hold,
    int fd);

/*
 * Fill *to with the page that a search knows by that key; what is read for that
 * is appended to room, and *to lives as long as room.  False: there is none,
 * none that everybody may read, or it cannot be read.
 */
bool content_found(const struct content *c, const struct search_key *key,
    struct buf *room, struct search_page *to);

/*
 * Append all of an answer: its bytes and what follows them.  False if that
 * cannot be read, or is more than to may hold.
 */
bool answer_read(const struct answer *a, struct buf *to);

#endif
