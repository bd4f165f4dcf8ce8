/* build.h - keep a sink as the files are: render what differs, and no more. */
#ifndef BUILD_H
#define BUILD_H

#include "base/problem.h"
#include "site/beneath.h"
#include "site/conf.h"
#include "site/pages.h"
#include "site/sink.h"
#include "site/snapshot.h"

/* A file that changed later than so long before it was looked at may change
 * again and look the same: the granularity of time stamps, with a margin. */
#define BUILD_RACY_NS ((int64_t)20 * 1000 * 1000)

/* Pages found by links that are looked at again after each change; where there
 * are more, a change is seen where the file lies, and elsewhere by the next
 * build_all. */
#define BUILD_LINKS_MAX 10000

struct build_options {
	const char *version; /* of the renderer: an entry of another is redone
			      */
	int64_t racy_ns;     /* BUILD_RACY_NS */
	struct problems *notes; /* gets a sentence for each trouble of a file */
	/* For each capsule its root, NULL where it cannot be opened; borrowed.
	 * NULL: build_all opens them. */
	struct beneath *const *roots;
	const int *root_errors; /* with them: errno of those that are NULL */
	/* NULL, or called by build_all of each page once the sink has it. */
	void (*visit)(void *arg, size_t capsule, struct page *page);
	void *visit_arg;
};

struct build;

/*
 * A builder for the content of all capsules.
 *
 * s: has the sites of conf (snapshot_configure); what these answer themselves
 * is not put.  All is borrowed, the notes too.  The caller frees it with
 * build_free.
 */
struct build *build_new(struct snapshot *s, const struct conf *conf,
    struct sink *sink, const struct build_options *options);
void build_free(struct build *b);

/*
 * Make the sink hold what the files are now: walk, compare, render what
 * differs, drop what is gone.
 *
 * A capsule that has entries and whose root is gone, or empty but for names
 * that are never served, keeps them, with a note: but for those that the map
 * or the rules of now speak against.  Returns 0, or -1 if the sink failed.
 */
int build_all(struct build *b);

/* Have the next build_all keep nothing of such a capsule. */
void build_accept_empty(struct build *b);

/* The number of capsules that the last call kept so, each with a sentence in
 * to, unless that is NULL. */
size_t build_tell_kept(const struct build *b, struct problems *to);

/*
 * For a sink that needs no more than a few pages: open the roots, look at none
 * of the pages; then see to it that the sink has the page of one selector, if
 * there is one.
 */
void build_open(struct build *b);
void build_one(struct build *b, size_t capsule, struct view selector);

/* The number of pages of a capsule that the last build_all has met, and of
 * names that it has logged and left out. */
size_t build_count(const struct build *b, size_t capsule);
size_t build_skipped(const struct build *b);

/* The programs in a capsule's folders that the last build_all has met. */
const struct programs *build_programs(const struct build *b, size_t capsule);

/* The selector of a page that shows a file of a capsule, by its one name, and
 * that no link led to; empty if there is none.  From a. */
struct view build_selector_of(const struct build *b, size_t capsule,
    struct view file, struct arena *a);

/* The number of pages that build_all will look at, or about so many; 0 as long
 * as it does not know. */
size_t build_expected(const struct build *b);

/* Where sentences go from now on.  quiet: nothing is logged. */
void build_tell(struct build *b, struct problems *notes, bool quiet);

/* Something that was made, written, moved, or removed. */
struct build_change {
	size_t capsule;
	struct view path; /* below the root, by its one name */
};

/*
 * The same after these changes, looking at what they can have moved, only.
 * build_all was called before, with the same sink.
 *
 * What a folder was moved to, or from, is a change of the folder; nothing has
 * to be told of what lies in it.
 */
int build_changed(struct build *b, const struct build_change *changes,
    size_t n);

#endif
