/*
 * protect.c - who may read a page, whatever it is called.
 *
 * Floor site.  A file is known by its one name below the root (page->file), so
 * that no other spelling, link or second line of the map publishes what a line
 * of [access] was written to protect.  Where the map itself says that
 * everybody may read it, that holds, and the operator is told.
 */
#include "site/protect.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* -- which rule -- */

/* The rule for a file by the selector it has in a folder. */
static const struct access_rule *
rule_of_name(const struct access *access, struct view folder, struct view path)
{
	char room[CONF_LINE_MAX + BENEATH_PATH_MAX];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };

	buf_put(&selector, folder);
	buf_put(&selector, pages_name(path));
	return access_find(access, buf_view(&selector));
}

const struct access_rule *
protect_own_rule(const struct access *access, const struct page *page)
{
	const struct access_rule *rule = access_find(access, page->selector);
	struct view folder = view_has_suffix(page->selector, VIEW("/"))
	    ? page->selector
	    : pages_folder(page->selector);

	if (page->kind == PAGE_CAPS_TXT)
		return NULL; /* no content of its own */
	if (rule == NULL && page->walked)
		rule = rule_of_name(access, folder, page->path);
	if (rule == NULL && page->walked && page->map.len > 0)
		rule = rule_of_name(access, folder, page->map);
	return rule;
}

/* Remember that a rule protects a page of the file; the first rule counts. */
static void
close_file(const struct pages *pages, struct hash *closed, struct view file,
    const struct access_rule *rule)
{
	const struct access_rule **first = hash_find(closed, file);

	if (first == NULL) {
		first = arena_alloc(pages->arena, sizeof(*first));
		*first = rule;
		(void)hash_put(closed, file, first);
	} else if (rule < *first)
		*first = rule;
}

/* The rule that protects a page of the same file, or NULL. */
static const struct access_rule *
find_closed(const struct hash *closed, const struct page *page)
{
	const struct access_rule **found = hash_find(closed, page->file);

	if (found == NULL && page->map_file.len > 0)
		found = hash_find(closed, page->map_file);
	return found == NULL ? NULL : *found;
}

/*
 * Append the selector that a file or folder has, or would have if it were
 * served, where it lies in the nearest folder that is; false if none is.
 */
static bool
put_selector_of(const struct pages *pages, struct view file,
    struct buf *selector)
{
	struct view folder = file;
	const struct view *place;

	do {
		folder = pages_folder(folder);
		place = hash_find(pages->folders, folder);
	} while (place == NULL && folder.len > 0);
	if (place == NULL)
		return false;
	buf_put(selector, *place);
	buf_put(selector, view_skip(file, folder.len));
	return true;
}

/* The rule for a file or folder by that selector. */
static const struct access_rule *
rule_of_place(const struct access *access, const struct pages *pages,
    struct view file)
{
	char room[CONF_LINE_MAX + BENEATH_PATH_MAX];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };

	return put_selector_of(pages, file, &selector)
	    ? access_find(access, buf_view(&selector))
	    : NULL;
}

/* Protect what has the content of a protected page and no rule of its own. */
static void
follow_file(const struct access *access, const struct pages *pages,
    const struct hash *closed, struct page *page)
{
	if (page->kind != PAGE_ATOM &&
	    ((page->kind != PAGE_FILE && page->kind != PAGE_LISTING) ||
		!page->linked))
		return;
	page->rule = find_closed(closed, page);
	if (page->rule == NULL)
		page->rule = rule_of_place(access, pages, page->file);
	if (page->rule == NULL && page->map_file.len > 0)
		page->rule = rule_of_place(access, pages, page->map_file);
	page->borrowed = page->rule != NULL;
}

void
protect_pages(struct pages *pages, const struct access *access)
{
	struct hash *closed;
	struct page *page;

	if (access == NULL)
		return;
	closed = hash_new(pages->arena, 0);
	for (page = pages->first; page != NULL; page = page->next) {
		page->rule = protect_own_rule(access, page);
		if (page->kind != PAGE_FILE || page->rule == NULL)
			continue;
		close_file(pages, closed, page->file, page->rule);
		if (page->map_file.len > 0)
			close_file(pages, closed, page->map_file, page->rule);
	}
	for (page = pages->first; page != NULL; page = page->next)
		if (page->rule == NULL)
			follow_file(access, pages, closed, page);
	/* Last, when the page that they name has its own. */
	for (page = pages->first; page != NULL; page = page->next)
		if (page->rule == NULL && page->kind == PAGE_SAME)
			page->rule = page->same->rule;
}

/* -- rules that protect nothing -- */

void
protect_tell_idle(const struct access_rule *rule, const struct conf *conf,
    const struct conf_capsule *capsule, struct view near,
    struct problems *notes)
{
	problems_add(notes, conf->path, rule->line,
	    "[access%s] %.*s%s: protects nothing now: no page fits it%.*s",
	    capsule->tag, VIEW_ARG(rule->pattern), rule->is_prefix ? "*" : "",
	    VIEW_ARG(near));
}

/* -- what is protected here and shown there -- */

/* A page of a file. */
struct claim {
	struct claim *next;
	const struct conf_capsule *capsule;
	struct view file, selector;
	const struct access_rule *rule; /* NULL: everybody may read it */
	bool borrowed;                  /* as in struct page */
	int line;                       /* of the map */
};

struct claims {
	struct arena *arena;
	struct claim *first, *last;
};

/* A line of the map that shows what a rule protects. */
struct exposure {
	const struct claim *shown, *kept;
	struct exposure *next;
	size_t n; /* files */
};

/* What tells one exposure from another. */
struct exposure_key {
	const struct access_rule *rule;
	long line;
};

static void
add_claim(struct claims *claims, const struct conf_capsule *capsule,
    const struct page *page, struct view selector, struct view file)
{
	struct claim *claim = arena_alloc(claims->arena, sizeof(*claim));

	*claim = (struct claim){ .capsule = capsule,
		.file = file,
		.selector = selector,
		.rule = page->rule,
		.borrowed = page->borrowed,
		.line = page->line };
	if (claims->last == NULL)
		claims->first = claim;
	else
		claims->last->next = claim;
	claims->last = claim;
}

/* True if the answer is made of a file. */
static bool
has_file(const struct page *page)
{
	return page->kind == PAGE_FILE || page->kind == PAGE_ATOM;
}

/* The files that are protected, each with the first page that is. */
static struct hash *
hash_kept(const struct claims *claims)
{
	struct hash *kept = hash_new(claims->arena, 0);
	struct claim *claim;

	for (claim = claims->first; claim != NULL; claim = claim->next)
		if (claim->rule != NULL && !claim->borrowed)
			(void)hash_put(kept, claim->file, claim);
	return kept;
}

/* Count another file of an exposure, which is put at the end of a list if it
 * is new. */
static void
count_exposure(struct arena *a, struct hash *known, struct exposure ***end,
    const struct claim *shown, const struct claim *kept)
{
	struct exposure_key key;
	struct exposure *e;

	memset(&key, 0, sizeof(key));
	key.rule = kept->rule;
	key.line = shown->line;
	e = hash_find(known, (struct view){ (const char *)&key, sizeof(key) });
	if (e == NULL) {
		e = arena_alloc(a, sizeof(*e));
		e->shown = shown;
		e->kept = kept;
		(void)hash_put(known,
		    arena_copy(a,
			(struct view){ (const char *)&key, sizeof(key) }),
		    e);
		**end = e;
		*end = &e->next;
	}
	e->n++;
}

void
protect_tell_exposure(const struct protect_exposure *e, const struct conf *conf,
    struct problems *notes)
{
	char more[64] = "";

	if (e->n > 1)
		snprintf(more, sizeof(more), " (and %zu more files)", e->n - 1);
	problems_add(notes, conf->path, e->line,
	    "[selectors%s] %.*s: shows \"%.*s\"%s to everybody, which "
	    "[access%s] %.*s%s protects as %.*s",
	    e->shown_by->tag, VIEW_ARG(e->shown), VIEW_ARG(e->file), more,
	    e->kept_by->tag, VIEW_ARG(e->rule->pattern),
	    e->rule->is_prefix ? "*" : "", VIEW_ARG(e->kept));
}

static void
tell_exposure(const struct exposure *e, const struct conf *conf,
    struct problems *notes)
{
	const struct claim *shown = e->shown, *kept = e->kept;
	struct protect_exposure told = { shown->capsule, kept->capsule,
		shown->selector, shown->file, kept->selector, kept->rule,
		shown->line, e->n };

	protect_tell_exposure(&told, conf, notes);
}

/* Compare all claims. */
static void
tell_claims(const struct claims *claims, const struct conf *conf,
    struct problems *notes)
{
	struct hash *kept = hash_kept(claims), *known;
	struct exposure *first = NULL, **end = &first, *e;
	const struct claim *claim, *other;

	known = hash_new(claims->arena, 0);
	for (claim = claims->first; claim != NULL; claim = claim->next) {
		if (claim->rule != NULL ||
		    (other = hash_find(kept, claim->file)) == NULL)
			continue;
		count_exposure(claims->arena, known, &end, claim, other);
	}
	for (e = first; e != NULL; e = e->next)
		tell_exposure(e, conf, notes);
}

static void
add_claims(struct claims *claims, const struct conf_capsule *capsule,
    const struct pages *pages)
{
	const struct page *page;

	for (page = pages->first; page != NULL; page = page->next) {
		if (!has_file(page))
			continue;
		add_claim(claims, capsule, page, page->selector, page->file);
		if (page->map_file.len > 0)
			add_claim(claims, capsule, page, page->selector,
			    page->map_file);
	}
}

/* What a named file is in the folder of the map that it lies in. */
static void
claim_place(struct claims *claims, const struct conf_capsule *capsule,
    const struct access *access, const struct pages *pages, struct view file)
{
	char room[CONF_LINE_MAX + BENEATH_PATH_MAX];
	struct buf selector = { room, 0, sizeof(room), sizeof(room), false };
	struct page page = { .rule = NULL };

	if (!put_selector_of(pages, file, &selector))
		return;
	page.rule = access_find(access, buf_view(&selector));
	if (page.rule != NULL)
		add_claim(claims, capsule, &page,
		    arena_copy(claims->arena, buf_view(&selector)), file);
}

void
protect_check_named(struct pages *pages, const struct access *access,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct problems *notes)
{
	struct claims claims = { .arena = pages->arena };
	const struct page *page;

	if (access == NULL)
		return;
	protect_pages(pages, access);
	add_claims(&claims, capsule, pages);
	for (page = pages->first; page != NULL; page = page->next) {
		if (!has_file(page))
			continue;
		claim_place(&claims, capsule, access, pages, page->file);
		if (page->map_file.len > 0)
			claim_place(&claims, capsule, access, pages,
			    page->map_file);
	}
	tell_claims(&claims, conf, notes);
}
