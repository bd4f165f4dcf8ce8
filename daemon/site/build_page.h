/* build_page.h - one page into the sink, if it is not as it shall be. */
#ifndef BUILD_PAGE_H
#define BUILD_PAGE_H

#include "base/problem.h"
#include "site/build.h"
#include "site/build_known.h"
#include "site/prepare_file.h"
#include "site/program.h"
#include "site/resolve.h"
#include "site/sink.h"

/* Numbers, any of them once. */
struct numbers {
	uint64_t *v;
	size_t n, cap;
};

/* Selectors of capsules, any of them once, in the order they came. */
struct selectors {
	struct arena *arena;
	struct hash *known;
	struct selector_of {
		struct selector_of *next;
		size_t capsule;
		struct view selector;
		/* Of a link, once it is known: of all that it led to. */
		uint64_t sum;
		bool is_summed;
	} * first, **end;
	size_t n;
};

/* What a page looks like without being opened. */
struct look {
	struct stamp stamp;
	bool is_racy; /* a file may change and look the same: look again */
	off_t size;   /* of its own file; -1 */
	uint64_t device, inode;
};

/* What the folder that was last listed shows. */
struct shown {
	struct arena *arena; /* NULL: none was */
	struct view folder;
	struct look look; /* of all of it */
	struct shown_page {
		struct shown_page *next;
		struct view selector, title;
		const struct access_rule *rule;
		char item;
		off_t size;
		bool is_lost;
	} * first, **end, *at;
	size_t n;
	bool has_titles; /* and sizes; else the look alone is known */
};

/* How a root is whose capsule has entries. */
enum root_state {
	ROOT_THERE, /* or there is nothing to lose */
	ROOT_GONE,  /* it cannot be opened, or not be read */
	ROOT_EMPTY  /* nothing in it can be served */
};

/* A capsule. */
struct build_site {
	struct build *build;
	size_t capsule;
	struct beneath *root;
	struct resolver *resolver;
	struct prepare c;
	struct stamp options; /* what all pages have in common */
	struct numbers *asks; /* of the page at hand */
	struct shown shown;
	/* Where links are that are followed, and other names, which may be such
	 * links later. */
	struct selectors links;
	struct selectors linking; /* the folders in which they are */
	struct view last_link;    /* the folder of them that is walked */
	uint64_t sum;             /* of what a walk has visited */
	size_t n_pages;           /* that walks have met */
	struct programs programs; /* in the folders that were walked */
	bool is_executable;       /* a gophermap of the page at hand is */
	struct mapped_state *mapped;
	enum root_state kept; /* not ROOT_THERE: its entries stay as they are */
	int kept_errno;       /* why the root is gone */
	bool is_sifted;       /* what must not be kept was dropped */
};

struct build {
	const struct conf *conf;
	struct sink *sink;
	struct build_options options;
	struct build_site *sites;
	size_t n_sites;
	struct arena *arena;
	struct arena *spare; /* an empty one for the next page, or NULL */
	size_t n_skipped;    /* names that the last build_all has logged */
	bool is_loud;        /* such names are logged */
	bool is_quiet;       /* nothing is */
	bool accepts;        /* the next build_all keeps nothing */
	/* Of the call at hand. */
	bool is_first;        /* the sink was empty */
	bool has_failed;      /* the sink did */
	size_t expected;      /* pages to look at, about */
	struct known *known;  /* what the sink had, of build_all, or NULL */
	struct numbers seen;  /* else: asks of selectors that are there */
	struct numbers dirty; /* of those that came, went, or changed type */
	struct selectors touched; /* folders whose listings may differ */
	struct selectors trees;   /* folders of which all may be gone */
};

void numbers_add(struct numbers *to, uint64_t number);
void numbers_sort(struct numbers *to); /* and drop what is there twice */
bool numbers_have(const struct numbers *in, uint64_t number);
void numbers_reset(struct numbers *to);

void selectors_init(struct selectors *to);
void selectors_add(struct selectors *to, size_t capsule, struct view selector);
void selectors_fini(struct selectors *to);
/* True if selector is, or lies below, one that ends with "/". */
bool selectors_hold(const struct selectors *in, size_t capsule,
    struct view selector);

/* Start and end what a capsule's pages have in common.  The rest of *t is
 * set. */
void build_page_begin(struct build_site *t, struct snapshot *s,
    const struct conf_capsule *capsule);
void build_page_end(struct build_site *t);

/* What was known of folders is not any more. */
void build_page_forget(struct build_site *t);

/* The selector of a page that a link led to and that shows the file, from a;
 * empty if there is none. */
struct view build_linked_selector(struct build_site *t, struct view file,
    struct arena *a);

/*
 * See to it that the sink has the page as it is now.
 *
 * anew: render it, whatever it looks like.  Remembers in the build that it was
 * seen, and what differs.
 */
void build_check(struct build_site *t, struct page *page, bool anew);

/* The same for a selector, whose page is dropped if it is not there. */
void build_check_selector(struct build_site *t, struct view selector,
    bool anew);

#endif
