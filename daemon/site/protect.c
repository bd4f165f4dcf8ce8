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

/* Lines of [access] for which the nearest name is looked for. */
#define NEAREST_TOLD_MAX 16

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

/* True for what can be protected. */
static bool
is_content(const struct page *page)
{
	return page->kind != PAGE_SLASH && page->kind != PAGE_CAPS_TXT;
}

static bool
fits_any_page(const struct pages *pages, const struct access_rule *rule)
{
	const struct page *page;

	/* The application knows its own. */
	if (pages_has_app(pages, rule->pattern))
		return true;
	if (!rule->is_prefix) {
		page = pages_find(pages, rule->pattern);
		return page != NULL && is_content(page);
	}
	for (page = pages->first; page != NULL; page = page->next)
		if (is_content(page) && access_fits(rule, page->selector))
			return true;
	return false;
}

static bool
has_below(const struct pages *pages, struct view folder)
{
	const struct page *page = pages->first;

	while (page != NULL && !view_has_prefix(page->selector, folder))
		page = page->next;
	return page != NULL;
}

/* The first name in path, with the "/" behind it if there is one. */
static struct view
first_name(struct view path)
{
	const char *slash =
	    path.len == 0 ? NULL : memchr(path.p, '/', path.len);

	if (slash != NULL)
		path.len = (size_t)(slash - path.p) + 1;
	return path;
}

/* All names right below a folder, as C strings; the caller frees the list. */
static const char **
names_below(const struct pages *pages, struct view folder, size_t *n)
{
	const char **names = xcalloc(pages->n + 1, sizeof(*names));
	struct view name, last = VIEW("");
	const struct page *page;

	*n = 0;
	for (page = pages->first; page != NULL; page = page->next) {
		if (!is_content(page) ||
		    !view_has_prefix(page->selector, folder))
			continue;
		name = first_name(view_skip(page->selector, folder.len));
		if (name.len == 0 || view_eq(name, last))
			continue;
		last = name;
		names[(*n)++] = arena_copy(pages->arena, name).p;
	}
	return names;
}

/* Append the name that a pattern may have meant; true if there is one. */
static bool
put_nearest_name(struct buf *to, const struct pages *pages, struct view pattern)
{
	struct view folder = pattern;
	const char **names, *near;
	size_t n;

	do
		folder = pages_folder(folder);
	while (folder.len > 1 && !has_below(pages, folder));
	names = names_below(pages, folder, &n);
	near = problem_nearest(arena_copy(pages->arena,
				   first_name(view_skip(pattern, folder.len)))
				   .p,
	    names, n);
	if (near != NULL) {
		buf_put(to, folder);
		buf_puts(to, near);
	}
	xfree(names);
	return near != NULL;
}

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

static void
check_rules(const struct pages *pages, const struct access *access,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct problems *notes)
{
	const struct access_rule *rule;
	size_t told = 0;
	struct buf near;

	buf_init(&near, BENEATH_PATH_MAX * 2);
	for (rule = access->rules; rule < access->rules + access->n; rule++) {
		if (fits_any_page(pages, rule))
			continue;
		buf_reset(&near);
		buf_puts(&near, "; nearest: ");
		if (told++ >= NEAREST_TOLD_MAX ||
		    !put_nearest_name(&near, pages, rule->pattern))
			buf_reset(&near);
		protect_tell_idle(rule, conf, capsule, buf_view(&near), notes);
	}
	buf_fini(&near);
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
	const struct conf *conf;
	struct claim *first, *last;
	bool *meets; /* for each capsule: its root and another's do */
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

static void
tell_exposure(const struct exposure *e, const struct conf *conf,
    struct problems *notes)
{
	const struct claim *shown = e->shown, *kept = e->kept;
	char more[64] = "";

	if (e->n > 1)
		snprintf(more, sizeof(more), " (and %zu more files)", e->n - 1);
	problems_add(notes, conf->path, shown->line,
	    "[selectors%s] %.*s: shows \"%.*s\"%s to everybody, which "
	    "[access%s] %.*s%s protects as %.*s",
	    shown->capsule->tag, VIEW_ARG(shown->selector),
	    VIEW_ARG(shown->file), more, kept->capsule->tag,
	    VIEW_ARG(kept->rule->pattern), kept->rule->is_prefix ? "*" : "",
	    VIEW_ARG(kept->selector));
}

/* Compare all claims; across: only those of different capsules. */
static void
tell_claims(const struct claims *claims, bool across, const struct conf *conf,
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
		if (across == (claim->capsule != other->capsule))
			count_exposure(claims->arena, known, &end, claim,
			    other);
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

void
protect_check(const struct pages *pages, const struct access *access,
    const struct conf *conf, const struct conf_capsule *capsule,
    struct problems *notes)
{
	struct claims claims = { .arena = pages->arena };

	if (access == NULL)
		return;
	check_rules(pages, access, conf, capsule, notes);
	add_claims(&claims, capsule, pages);
	tell_claims(&claims, false, conf, notes);
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
	tell_claims(&claims, false, conf, notes);
}

/* -- capsules that share files -- */

/* True if one folder is the other, or lies in it; real names. */
static bool
roots_meet(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b), n = x < y ? x : y;

	return strncmp(a, b, n) == 0 &&
	    (x == y || n == 1 || (x > y ? a[n] : b[n]) == '/');
}

/* Mark the capsules whose roots meet another's, if either is protected. */
static bool
mark_meetings(const struct conf *conf, char **roots, bool *meets)
{
	bool any = false;
	size_t i, k;

	for (i = 0; i < conf->n_capsules; i++)
		for (k = 0; k < i; k++) {
			if (roots[i] == NULL || roots[k] == NULL ||
			    (conf->capsules[i].access.n == 0 &&
				conf->capsules[k].access.n == 0) ||
			    !roots_meet(roots[i], roots[k]))
				continue;
			any = meets[i] = meets[k] = true;
		}
	return any;
}

struct claims *
claims_new(const struct conf *conf)
{
	size_t i, n = conf->n_capsules;
	char **roots = xcalloc(n, sizeof(*roots));
	struct claims *claims = xcalloc(1, sizeof(*claims));

	claims->meets = xcalloc(n, sizeof(*claims->meets));
	for (i = 0; i < n && n > 1; i++)
		roots[i] = realpath(conf->capsules[i].root.p, NULL);
	claims->arena = arena_new();
	claims->conf = conf;
	if (!mark_meetings(conf, roots, claims->meets)) {
		claims_free(claims);
		claims = NULL;
	}
	for (i = 0; i < n; i++)
		free(roots[i]);
	xfree(roots);
	return claims;
}

void
claims_free(struct claims *claims)
{
	if (claims == NULL)
		return;
	arena_free(claims->arena);
	xfree(claims->meets);
	xfree(claims);
}

/* The whole name of a file, which outlives the capsule's pages. */
static struct view
whole_name(struct arena *a, const char *root, struct view file)
{
	size_t len = strlen(root);
	char *name = arena_alloc(a, len + file.len + 2);

	memcpy(name, root, len);
	name[len] = '/';
	memcpy(name + len + 1, file.p, file.len);
	return (struct view){ name, len + 1 + file.len };
}

void
claims_add(struct claims *claims, const struct conf_capsule *capsule,
    const struct beneath *root, const struct pages *pages)
{
	const char *name = root == NULL ? NULL : beneath_root(root);
	const struct page *page;
	struct view selector;
	struct arena *a;

	if (claims == NULL || name == NULL ||
	    !claims->meets[capsule - claims->conf->capsules])
		return;
	a = claims->arena;
	for (page = pages->first; page != NULL; page = page->next) {
		if (!has_file(page))
			continue;
		selector = arena_copy(a, page->selector);
		add_claim(claims, capsule, page, selector,
		    whole_name(a, name, page->file));
		if (page->map_file.len > 0)
			add_claim(claims, capsule, page, selector,
			    whole_name(a, name, page->map_file));
	}
}

void
claims_tell(const struct claims *claims, struct problems *notes)
{
	if (claims != NULL)
		tell_claims(claims, true, claims->conf, notes);
}
