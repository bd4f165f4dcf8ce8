/*
 * wild.h - capsules that nobody would write: random files, links and maps.
 *
 * For tests that compare two ways to the same answer.  The same seed makes the
 * same capsule.  Include after place.h.
 */
#ifndef WILD_H
#define WILD_H

#include <stdint.h>

struct wild {
	uint64_t state;
	struct place *place;
	unsigned long serial; /* no two texts are alike */
	/* What the last change changed: names below the capsule. */
	char changed[2][PLACE_FILE_MAX];
	size_t n_changed;
};

static inline unsigned
wild_number(struct wild *w, unsigned below)
{
	w->state ^= w->state << 13;
	w->state ^= w->state >> 7;
	w->state ^= w->state << 17;
	return (unsigned)(w->state >> 33) % below;
}

#define WILD_OF(w, table) ((table)[wild_number(w, N_OF(table))])

static const char *const wild_folders[] = { "", "a/", "b/", "a/b/", "a/c/",
	"b/b/", "a/b/c/", "a/b/d/", "cgi-bin/", ".well-known/", ".git/",
	"b/cgi-bin/" };

static const char *const wild_names[] = { "index.gmi", "index.gmi",
	"index.gemini", "index.gophermap", "gophermap", "x.gmi", "x.gemini",
	"x.gophermap", "x.txt", "y.gmi", "y.gophermap", "z.cgi", "q", "b", "c",
	"caps.txt", ".hid.gmi", "menu.txt", "pic.png" };

static const char *const wild_links[] = { "x.gmi", "y.gophermap", "../a",
	"../x.gmi", "b", "../b/", "a/b", ".", "..", "/etc", "../../..",
	"index.gmi", "a/x.gmi", "../a/b/x.gmi", "nowhere", "a/b/c", "x.txt",
	"../q", "cgi-bin", "../z.cgi", ".git", "../.git/x.gmi", "c", "b/b" };

/* A name of a file below the capsule, which may be there or not. */
static inline const char *
wild_path(struct wild *w)
{
	static char path[PLACE_FILE_MAX];

	snprintf(path, sizeof(path), "%s%s", WILD_OF(w, wild_folders),
	    WILD_OF(w, wild_names));
	return path;
}

/* A selector that may be there or not. */
static inline const char *
wild_selector(struct wild *w)
{
	static char selector[PLACE_FILE_MAX];
	static const char *const starts[] = { "/", "/", "/", "/m/", "/a/",
		"/k/", "/app/" };
	static const char *const ends[] = { "", "", "", "", "/" };
	const char *path =
	    wild_number(w, 4) == 0 ? WILD_OF(w, wild_folders) : wild_path(w);

	snprintf(selector, sizeof(selector), "%s%s%s", WILD_OF(w, starts), path,
	    WILD_OF(w, ends));
	if (wild_number(w, 6) == 0 && strlen(selector) > 1)
		selector[strlen(selector) - 1] = '\0';
	return selector;
}

/* Whatever a file of that name may hold: links, lists, dates. */
static inline void
wild_write(struct wild *w, const char *path)
{
	static const char *const lines[] = { "=> /a/ A folder\n", "*\n",
		"=> x.gmi Relative\n", "=> ../b/ Above\n", "* item\n",
		"=> /m/x.gmi 2026-01-02 Mapped\n", "=> y.gmi 2026-02-03 Why\n",
		"=> a/b/x.gmi 2026-03-04 Deep\n", "1Menu\t/a/b/\n",
		"0Text\tx.txt\n", "Plain text\n", "=> /q Q\n",
		"=> gemini://localhost/a/x.gmi 2026-01-05 Us\n",
		"=> /app/below App\n", "=> /caps.txt Caps\n", "\xef\xbb\xbf",
		"\xc3\xa4\r\n", "=> /k/q Key\n" };
	char text[2048];
	size_t i, n = wild_number(w, 6);

	snprintf(text, sizeof(text), "%s# Title %lu\n",
	    wild_number(w, 8) == 0 ? "#!/bin/sh\n" : "", ++w->serial);
	for (i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
		    WILD_OF(w, lines));
	place_write(w->place, path, view_of(text));
}

/* Remove what is called so, whatever it is and holds. */
static inline void
wild_remove(struct wild *w, const char *path)
{
	(void)nftw(place_name(w->place, path), place_remove, 8,
	    FTW_DEPTH | FTW_PHYS);
}

static inline void
wild_rename(struct wild *w, const char *from, const char *to)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s", place_name(w->place, from));
	(void)rename(whole, place_name(w->place, to));
}

/*
 * Note that what is called path is about to change, or what of the folders
 * that it lies in is not there yet.  False if a link lies on the way, or what
 * is no folder: a test changes its own place only.
 */
static inline bool
wild_note(struct wild *w, const char *path)
{
	char *to = w->changed[w->n_changed];
	struct stat st;
	size_t i;

	for (i = 1; path[i - 1] != '\0'; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(to, PLACE_FILE_MAX, "%.*s", (int)i, path);
		if (lstat(place_name(w->place, to), &st) < 0)
			break;
		if (path[i] == '/' && !S_ISDIR(st.st_mode))
			return false;
		if (path[i] == '\0' || path[i + 1] == '\0')
			break;
	}
	w->n_changed++;
	return true;
}

/* True if what is called path is no folder. */
static inline bool
wild_is_free(const struct wild *w, const char *path)
{
	struct stat st;

	return lstat(place_name(w->place, path), &st) < 0 ||
	    !S_ISDIR(st.st_mode);
}

/* Something of that name, or another. */
static inline void
wild_move(struct wild *w, const char *from, const char *to)
{
	if (!wild_note(w, from) || !wild_note(w, to))
		return;
	place_make_folders(w->place, to);
	wild_rename(w, from, to);
}

/* One change of the files: mostly another file, now and then a link, a name
 * less, another name, another mode. */
static inline void
wild_change(struct wild *w)
{
	char from[PLACE_FILE_MAX], path[PLACE_FILE_MAX];
	unsigned what = wild_number(w, 20);

	w->n_changed = 0;
	snprintf(path, sizeof(path), "%s", wild_path(w));
	snprintf(from, sizeof(from), "%s",
	    wild_number(w, 5) == 0 ? WILD_OF(w, wild_folders) : wild_path(w));
	if (what < 2) {
		if (from[0] != '\0' && wild_note(w, from))
			wild_remove(w, from);
	} else if (what < 4) {
		if (from[0] != '\0')
			wild_move(w, from, path);
	} else if (!wild_is_free(w, path) || !wild_note(w, path)) {
		w->n_changed = 0;
	} else if (what < 7) {
		place_make_folders(w->place, path);
		(void)unlink(place_name(w->place, path));
		place_link(w->place, path, WILD_OF(w, wild_links));
	} else if (what < 8) {
		/* Never what a link leads to, which may be "/". */
		if (fchmodat(AT_FDCWD, place_name(w->place, path),
			wild_number(w, 2) == 0 ? 0755 : 0644,
			AT_SYMLINK_NOFOLLOW) < 0)
			return;
	} else {
		/* Not through a link, which may lead anywhere. */
		place_make_folders(w->place, path);
		if (wild_number(w, 2) == 0)
			(void)unlink(place_name(w->place, path));
		else if (lstat(place_name(w->place, path),
			     &(struct stat){ 0 }) == 0 &&
		    readlink(place_name(w->place, path), from, 1) >= 0)
			return;
		wild_write(w, path);
	}
}

/* The lines of a capsule: a map, and what else decides about pages. */
static inline void
wild_configure(struct wild *w, char *to, size_t size)
{
	static const char *const lines[] = { "/m/ = a/", "/a/b/ = b/",
		"/k/ = a/b/", "/q = a/x.gmi", "/a/x.gmi = b/x.gmi",
		"/feed = @atom a/x.gmi", "/feed2 = @atom x.gmi",
		"/find = @search", "/old = @redirect /a/x.gmi",
		"/a/y.gmi = @gone", "/app/ = @fastcgi unix:/run/none.sock",
		"/a/c/ = @gone", "/away/ = @redirect-temporary /b/",
		"/a/index.gmi = b/index.gmi", "/m/b/c/ = ./b/",
		"/x.gophermap = x.txt", "/caps.txt = a/x.txt",
		"/a/b/app/ = @scgi unix:/run/none.sock", "/b = a/menu.txt" };
	static const char *const listings[] = { "/ = yes", "/a/ = yes",
		"/m/ = yes", "/b/ = yes", "/k/ = yes" };
	static const char *const types[] = { "menu.txt = text/gophermap",
		".cgi = text/plain", "/a/x.gmi = text/plain",
		"/m/* = text/x-other", "q = text/gemini" };
	static const char *const rules[] = { "/a/* = any", "/a/x.gmi = any",
		"/x.gmi = any", "/m/* = any", "/k/* = any", "/b/* = any",
		"/a/b/x.gophermap = any", "/b/b/ = any", "/feed = any",
		"/m/b/* = any" };
	static const struct {
		const char *head;
		const char *const *lines;
		size_t n;
		unsigned odds;
	} sections[] = { { "", lines, N_OF(lines), 4 },
		{ "[listing]\n", listings, N_OF(listings), 2 },
		{ "[types]\n", types, N_OF(types), 4 },
		{ "[access]\n", rules, N_OF(rules), 4 } };
	size_t i, k;

	snprintf(to, size,
	    "[capsule]\nroot = capsule\nsymlinks = %s\n[selectors]\n%s",
	    wild_number(w, 8) == 0 ? "no" : "yes",
	    wild_number(w, 4) == 0 ? "" : "/ = ./\n");
	for (i = 0; i < N_OF(sections); i++) {
		if (i == 3 && wild_number(w, 3) == 0)
			break;
		snprintf(to + strlen(to), size - strlen(to), "%s",
		    sections[i].head);
		for (k = 0; k < sections[i].n; k++)
			if (wild_number(w, sections[i].odds) == 0)
				snprintf(to + strlen(to), size - strlen(to),
				    "%s\n", sections[i].lines[k]);
	}
}

#endif
