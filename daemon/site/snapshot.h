/* snapshot.h - selector to prepared answer: read-only once it is built. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/view.h"
#include "format/render.h"
#include "site/access.h"
#include "site/content.h"
#include "site/search_query.h"
#include "site/target.h"

/* Larger files are streamed from an open descriptor: bytes. */
#define SNAPSHOT_INLINE_MAX ((off_t)256 << 10)

/* An entry that the configuration gives. */
struct configured {
	struct entry entry;
	/* To content of the same selector: what is answered if there is none,
	 * such as "/x" for "/x/". */
	bool yields;
};

/* A line of the map that also answers for all below its selector. */
struct cover {
	struct view selector;      /* ends with "/" */
	const struct entry *entry; /* an application's; NULL: files, which
				    * have entries of their own */
};

/* A file that stays open as long as its snapshot lives. */
struct snapshot_file {
	int fd;
	struct snapshot_file *next;
};

/* What Gemini says of content that cannot be read. */
#define SITE_DAMAGED "40 This cannot be read just now\r\n"

/* One capsule, ready to serve. */
struct site {
	struct view *hosts; /* normalised (uri_normalise_host) */
	size_t n_hosts;
	struct hash *configured;       /* selector -> struct configured */
	const struct content *content; /* NULL: none */
	size_t n_selectors;            /* of both */
	/* Gopher's answers that no selector has: an error item each, the page
	 * for web browsers, and what Gopher+ clients are told. */
	struct answer not_found, bad_request, slow_down, forbidden, damaged;
	struct answer http, plus;
	struct cover *covers; /* the longest first; none without application */
	size_t n_covers;
	struct access *access; /* NULL: nothing is protected */
	bool asks;             /* visitors are asked for a certificate */
	struct view title, admin;
	bool is_searched; /* an entry is a search */
	/* What that may find, by number, where content is in memory. */
	struct search_page *found;
	size_t n_found;
	struct render menu; /* for menus that are made on the spot */
};

struct snapshot {
	struct arena *arena; /* owns everything here, this struct included */
	struct site *sites;
	size_t n_sites;
	struct hash *hosts; /* normalised host, or "*." and one -> struct site
			     */
	size_t n_cas;       /* rules of access by an authority, all sites' */
	bool has_wildcards; /* one of them is of the second kind */
	bool check_port;    /* refuse URLs that name a port not ours */
	bool opens_later;   /* no file is kept open */
	struct target *targets; /* all applications, by ->next */
	unsigned n_targets;
	struct snapshot_file *files; /* closed with the snapshot */
	size_t n_files;
	size_t n_warnings;     /* told of its content while it was loaded */
	struct snapshot *next; /* of all that this process has */
};

/* A snapshot without sites; the caller frees it with snapshot_free. */
struct snapshot *snapshot_new(void);

/* Let s own fd, which is open on a file. */
void snapshot_keep(struct snapshot *s, int fd);

/*
 * The site of a normalised host name, or NULL: the one that has the name, else
 * the one that has "*." and what follows the name's first label.
 */
const struct site *snapshot_site(const struct snapshot *s, struct view host);

/*
 * Fill *to with what selector gives on site; false if that is nothing.  What
 * cannot be read is an entry that says so.  to->selector may be selector.
 */
bool site_find(const struct site *site, struct view selector, struct entry *to);

/*
 * Fill *to with the application that answers for selector, which has no entry,
 * because it lies below the application's own selector and below no longer
 * one; false if none does.
 */
bool site_find_above(const struct site *site, struct view selector,
    struct entry *to);

/*
 * The rule for selector, there or not; NULL if everybody may read it.  What has
 * one is for nobody over Gopher, and not to be told of where everybody looks.
 */
const struct access_rule *site_rule(const struct site *site,
    struct view selector);

/*
 * The rule for the folder that selector, which has no rule, is the name of but
 * for its last "/", there or not; NULL if there is none, or if selector has a
 * page of its own.
 */
const struct access_rule *site_folder_rule(const struct site *site,
    struct view selector);

/*
 * Fill *to with the page of a search's answer, from content or the table above;
 * what is not in memory is read into room, which is reset first, and *to lives
 * as long as that.  False: there is none of that key, or not everybody may read
 * it.
 */
bool site_found(const struct site *site, const struct search_key *key,
    struct buf *room, struct search_page *to);

/* The key of the page of that number in the table. */
struct search_key site_found_key(size_t number);

/* Close the snapshot's files and free all of it; NULL is allowed.
 */
void snapshot_free(struct snapshot *s);

/* From now on snapshots_discard leaves s alone. */
void snapshot_detach(struct snapshot *s);

/*
 * Free every snapshot that this process has: for a child that serves nobody,
 * which would keep what its parent frees alive.
 */
void snapshots_discard(void);

#endif
