/*
 * conf_map.c - find what is wrong in a map without looking at any file.
 *
 * Floor site.  A redirect is followed as a client would follow it, so that
 * nobody is ever sent in a circle or to a page that is not there.  A target
 * in a mapped folder is let through: whether the file exists is the loader's
 * to say.
 */
#include "site/conf_map.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/gopher.h"
#include "format/mime.h"
#include "format/uri.h"
#include "format/utf8.h"
#include "site/conf_quote.h"
#include "site/conf_table.h"
#include "site/conf_value.h"
#include "site/target.h"

/* A line is too short for a selector that Gopher could not ask for. */
_Static_assert(CONF_LINE_MAX <= GOPHER_SELECTOR_MAX, "selectors are short");

#define URI_MAX  4096 /* bytes of a resolved target; a line gives fewer */
#define HOPS_MAX 5    /* redirects in a row that clients follow; gemini spec */

#define ACTIONS                                                                \
	"@redirect, @redirect-temporary, @gone, @search, @atom, @fastcgi, "    \
	"@scgi"

/* One section of the map that is being checked. */
struct map {
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct problems *ps;
	const char *section;
	const struct conf_pairs *pairs;
	struct hash *keys; /* key -> struct conf_pair */
};

/* "FILE:LINE: [section] key: sentence", of which why is the last. */
static void
report_map_line(const struct map *m, const struct conf_pair *pair,
    struct buf *why)
{
	struct buf key;

	buf_init(&key, CONF_WHY_MAX);
	log_escape(&key, pair->key, CONF_LINE_MAX);
	problems_add(m->ps, m->conf->path, pair->line, "[%s%s] %.*s: %.*s",
	    m->section, m->capsule->tag, VIEW_ARG(buf_view(&key)),
	    VIEW_ARG(buf_view(why)));
	buf_fini(&key);
}

static void
complain_of(const struct map *m, const struct conf_pair *pair,
    const char *sentence)
{
	struct buf why;

	buf_init(&why, CONF_WHY_MAX);
	buf_puts(&why, sentence);
	report_map_line(m, pair, &why);
	buf_fini(&why);
}

/* "what" is not ... */
static void
complain_value(const struct map *m, const struct conf_pair *pair,
    struct view what, const char *sentence)
{
	struct buf why;

	buf_init(&why, CONF_WHY_MAX);
	conf_quote(&why, what);
	buf_printf(&why, " %s", sentence);
	report_map_line(m, pair, &why);
	buf_fini(&why);
}

/* Complain, and name the key of pairs that was probably meant. */
static void
complain_nearest(const struct map *m, const struct conf_pair *pair,
    struct view wrong, const char *sentence, const struct conf_pairs *pairs)
{
	const char **names = xcalloc(pairs->n + 1, sizeof(*names)), *near;
	struct view word = arena_copy(m->conf->arena, wrong);
	struct buf why;
	size_t i;

	for (i = 0; i < pairs->n; i++)
		names[i] = pairs->v[i].key.p;
	near = problem_nearest(word.p, names, pairs->n);
	buf_init(&why, CONF_WHY_MAX);
	conf_quote(&why, wrong);
	buf_printf(&why, " %s", sentence);
	if (near != NULL) {
		buf_puts(&why, "; nearest: ");
		log_escape(&why, view_of(near), CONF_LINE_MAX);
	}
	report_map_line(m, pair, &why);
	buf_fini(&why);
	xfree(names);
}

static bool
starts(struct view v, const char *part)
{
	return view_has_prefix(v, view_of(part));
}

static bool
ends(struct view v, const char *part)
{
	return view_has_suffix(v, view_of(part));
}

/* Open a section: the first of each key is the one that counts. */
static struct map
open_map(const struct conf *conf, const struct conf_capsule *capsule,
    const char *section, const struct conf_pairs *pairs, struct problems *ps)
{
	struct map m = { conf, capsule, ps, section, pairs, NULL };
	const struct conf_pair *first;
	struct buf why;
	size_t i;

	m.keys = hash_new(conf->arena, pairs->n + 1);
	for (i = 0; i < pairs->n; i++) {
		first = hash_put(m.keys, pairs->v[i].key, &pairs->v[i]);
		if (first == NULL)
			continue;
		buf_init(&why, CONF_WHY_MAX);
		buf_printf(&why, "stands already at line %d", first->line);
		report_map_line(&m, &pairs->v[i], &why);
		buf_fini(&why);
	}
	return m;
}

/* -- selectors -- */

/* What is wrong with a selector, or NULL. */
static const char *
fault_of_selector(struct view selector)
{
	struct view part;

	if (!starts(selector, "/"))
		return "a selector starts with \"/\"";
	if (!utf8_is_valid(selector))
		return "a selector is UTF-8";
	if (memchr(selector.p, '\t', selector.len) != NULL)
		return "a selector holds no TAB";
	for (selector = view_skip(selector, 1); selector.p != NULL;) {
		part = view_cut(&selector, '/');
		if (part.len == 0 && selector.p != NULL)
			return "a selector holds no \"//\"";
		if (view_eq(part, VIEW(".")) || view_eq(part, VIEW("..")))
			return "a selector holds no \".\" or \"..\"";
	}
	return NULL;
}

static bool
is_folder(const struct conf_pair *pair)
{
	return ends(pair->key, "/") && ends(pair->value, "/") &&
	    !starts(pair->value, "@");
}

/* True if pair also answers for what lies below its selector. */
static bool
covers(const struct conf_pair *pair)
{
	return is_folder(pair) ||
	    (ends(pair->key, "/") && target_is(pair->value));
}

/* The longest folder or application that selector lies in, or NULL. */
static const struct conf_pair *
folder_of(const struct map *selectors, struct view selector)
{
	const struct conf_pair *pair = NULL;

	while (pair == NULL && selector.len > 0) {
		selector.len--;
		if (!ends(selector, "/"))
			continue;
		pair = hash_find(selectors->keys, selector);
		if (pair != NULL && !covers(pair))
			pair = NULL;
	}
	return pair;
}

/*
 * The pair that answers for selector: itself, a folder around it, or the same
 * with the "/" that people forget.
 */
static const struct conf_pair *
answers_for(const struct map *selectors, struct view selector)
{
	const struct conf_pair *pair = hash_find(selectors->keys, selector);
	struct buf slashed;

	if (pair == NULL)
		pair = folder_of(selectors, selector);
	if (pair != NULL)
		return pair;
	buf_init(&slashed, URI_MAX);
	buf_put(&slashed, selector);
	buf_putc(&slashed, '/');
	pair = hash_find(selectors->keys, buf_view(&slashed));
	buf_fini(&slashed);
	return pair;
}

/* -- actions -- */

/* The first word of an action; *rest is what follows the blanks. */
static struct view
first_word(struct view v, struct view *rest)
{
	size_t n = 0;

	while (n < v.len && v.p[n] != ' ' && v.p[n] != '\t')
		n++;
	*rest = view_trim(view_skip(v, n));
	return (struct view){ v.p, n };
}

/* The target, if pair is a redirect; else the empty view. */
static struct view
target_of(const struct conf_pair *pair)
{
	struct view target, action = first_word(pair->value, &target);

	if (view_eq(action, VIEW("@redirect")) ||
	    view_eq(action, VIEW("@redirect-temporary")))
		return target;
	return VIEW("");
}

static void
check_unknown(const struct map *m, const struct conf_pair *pair,
    struct view action)
{
	static const char *const known[] = { "@redirect", "@redirect-temporary",
		"@gone", "@search", "@atom", "@fastcgi", "@scgi" };
	struct view word = arena_copy(m->conf->arena, action);
	const char *near =
	    problem_nearest(word.p, known, sizeof(known) / sizeof(known[0]));
	struct buf why;

	buf_init(&why, CONF_WHY_MAX);
	conf_quote(&why, action);
	buf_puts(&why, " is not an action");
	if (near != NULL)
		buf_printf(&why, "; nearest: %s", near);
	buf_puts(&why, "; accepted: " ACTIONS);
	report_map_line(m, pair, &why);
	buf_fini(&why);
}

/* What follows @atom is the name of one file of gemtext. */
static void
check_atom(const struct map *m, const struct conf_pair *pair, struct view file)
{
	if (file.len == 0)
		complain_of(m, pair,
		    "a feed needs the page that it is made from, such as "
		    "@atom news.gmi");
	else if (ends(file, "/") || starts(file, "@"))
		complain_value(m, pair, file,
		    "is not a file that a feed can be made from");
}

/* What follows @fastcgi or @scgi is for target.c to read. */
static void
check_target(const struct map *m, const struct conf_pair *pair)
{
	struct target ignored;
	struct buf why;

	buf_init(&why, CONF_WHY_MAX);
	if (target_parse(m->conf, pair, m->conf->arena, &ignored, &why) == -1)
		report_map_line(m, pair, &why);
	buf_fini(&why);
}

static void
check_action(const struct map *m, const struct conf_pair *pair)
{
	struct view rest, action = first_word(pair->value, &rest);
	struct uri uri;

	if ((view_eq(action, VIEW("@search")) ||
		view_eq(action, VIEW("@atom"))) &&
	    ends(pair->key, "/"))
		complain_of(m, pair,
		    "only the selector of a folder or a page ends with \"/\"");
	if (view_eq(action, VIEW("@gone"))) {
		if (rest.len > 0)
			complain_value(m, pair, rest,
			    "follows @gone, which stands alone");
	} else if (view_eq(action, VIEW("@search"))) {
		if (rest.len > 0)
			complain_value(m, pair, rest,
			    "follows @search, which stands alone");
	} else if (view_eq(action, VIEW("@atom"))) {
		check_atom(m, pair, rest);
	} else if (target_is(pair->value)) {
		check_target(m, pair);
	} else if (!view_eq(action, VIEW("@redirect")) &&
	    !view_eq(action, VIEW("@redirect-temporary"))) {
		check_unknown(m, pair, action);
	} else if (rest.len == 0) {
		complain_of(m, pair,
		    "a redirect needs a target, such as @redirect /new");
	} else if (uri_parse(rest, &uri) != URI_OK) {
		complain_value(m, pair, rest,
		    "is not a URI; other bytes are written as %HH");
	}
}

/* True if this URI is answered by the capsule itself. */
static bool
is_own_uri(const struct map *m, const struct uri *u)
{
	struct buf host;
	bool ours = false;

	if (u->scheme.len == 0 && !u->has_authority)
		return true;
	/* Another port may well be another server; "//host" is Gemini. */
	if (u->port.len > 0 ||
	    (u->scheme.len > 0 && !view_eq_nocase(u->scheme, VIEW("gemini"))))
		return false;
	buf_init(&host, URI_MAX);
	if (uri_normalise_host(&host, u->host) == URI_OK)
		ours = conf_capsule_of(m->conf, buf_view(&host)) == m->capsule;
	buf_fini(&host);
	return ours;
}

enum hop {
	HOP_LOCAL,   /* to a selector of this capsule */
	HOP_FOREIGN, /* elsewhere, or not a URI at all */
	HOP_BAD      /* to what can never be a selector */
};

/* Append the selector that a redirect leads to. */
static enum hop
hop(const struct map *m, const struct conf_pair *pair, struct buf *to)
{
	struct uri base, ref, uri;
	struct buf path, target;
	enum hop result = HOP_FOREIGN;

	buf_init(&path, URI_MAX);
	buf_init(&target, URI_MAX);
	uri_encode_path(&path, pair->key);
	if (uri_parse(buf_view(&path), &base) != URI_OK ||
	    uri_parse(target_of(pair), &ref) != URI_OK)
		goto out;
	uri_resolve(&target, &base, &ref);
	if (uri_parse(buf_view(&target), &uri) != URI_OK ||
	    !is_own_uri(m, &uri))
		goto out;
	result =
	    uri_path_to_selector(to, uri.path) == URI_OK ? HOP_LOCAL : HOP_BAD;
out:
	buf_fini(&target);
	buf_fini(&path);
	return result;
}

/* Where a redirect ends. */
enum end {
	END_GOOD, /* a file, a folder, or another server */
	END_CIRCLE,
	END_LONG, /* after more redirects than clients follow */
	END_NOWHERE,
	END_GONE,
	END_BAD
};

/* Follow pair; *last is the selector that nobody answers for, or is gone. */
static enum end
follow(const struct map *m, const struct conf_pair *pair, struct buf *last)
{
	const struct conf_pair *seen[HOPS_MAX];
	size_t hops, i;

	for (hops = 0; hops < HOPS_MAX; hops++) {
		seen[hops] = pair;
		buf_reset(last);
		switch (hop(m, pair, last)) {
		case HOP_FOREIGN:
			return END_GOOD;
		case HOP_BAD:
			return END_BAD;
		case HOP_LOCAL:
			break;
		}
		pair = answers_for(m, buf_view(last));
		if (pair == NULL)
			return END_NOWHERE;
		if (starts(pair->value, "@gone"))
			return END_GONE;
		if (target_of(pair).len == 0)
			return END_GOOD;
		for (i = 0; i <= hops; i++)
			if (seen[i] == pair)
				return END_CIRCLE;
	}
	return END_LONG;
}

static void
check_redirect(const struct map *m, const struct conf_pair *pair)
{
	struct view target = target_of(pair);
	struct buf last;

	buf_init(&last, URI_MAX);
	switch (follow(m, pair, &last)) {
	case END_GOOD:
		break;
	case END_CIRCLE:
		complain_value(m, pair, target, "leads in a circle");
		break;
	case END_LONG:
		complain_value(m, pair, target,
		    "leads through more than 5 redirects, and clients give "
		    "up");
		break;
	case END_NOWHERE:
		complain_nearest(m, pair, buf_view(&last),
		    "is where it leads, and that goes nowhere: no selector "
		    "maps it",
		    m->pairs);
		break;
	case END_GONE:
		complain_value(m, pair, buf_view(&last),
		    "is where it leads, and that is @gone");
		break;
	case END_BAD:
		complain_value(m, pair, target,
		    "can never name a selector: it holds %2F or %00");
		break;
	}
	buf_fini(&last);
}

static void
check_selectors(const struct map *m)
{
	const struct conf_pair *pair;
	const char *wrong;
	size_t i;

	for (i = 0; i < m->pairs->n; i++) {
		pair = &m->pairs->v[i];
		wrong = fault_of_selector(pair->key);
		if (wrong != NULL)
			complain_of(m, pair, wrong);
		if (!utf8_is_valid(pair->value))
			complain_value(m, pair, pair->value, "is not UTF-8");
		else if (pair->value.len == 0)
			complain_of(m, pair,
			    "it needs a file, a folder/ or an "
			    "action: " ACTIONS);
		else if (starts(pair->value, "@"))
			check_action(m, pair);
		else if (ends(pair->value, "/") && !ends(pair->key, "/"))
			complain_of(m, pair,
			    "a folder's selector ends with \"/\"");
		if (wrong == NULL && target_of(pair).len > 0)
			check_redirect(m, pair);
	}
}

/* -- the other sections -- */

static void
check_listing(const struct map *m, const struct map *selectors)
{
	const struct conf_pair *pair, *folder;
	size_t i;

	for (i = 0; i < m->pairs->n; i++) {
		pair = &m->pairs->v[i];
		folder = answers_for(selectors, pair->key);
		if (!ends(pair->key, "/"))
			complain_of(m, pair,
			    "a folder's selector ends with \"/\"");
		else if (folder == NULL || !is_folder(folder))
			complain_nearest(m, pair, pair->key,
			    "is not a folder of [selectors]", selectors->pairs);
		if (conf_word_find(conf_switch, pair->value.p) == NULL)
			complain_value(m, pair, pair->value,
			    "is not yes or no");
	}
}

/* What is wrong with a selector, or the beginning of some and "*"; or NULL. */
static const char *
pattern_fault(struct view pattern)
{
	const char *wrong;

	if (ends(pattern, "*"))
		pattern.len--;
	wrong = fault_of_selector(pattern);
	if (wrong == NULL && memchr(pattern.p, '*', pattern.len) != NULL)
		wrong = "a \"*\" stands at the end";
	return wrong;
}

static void
check_languages(const struct map *m)
{
	const struct conf_pair *pair;
	const char *wrong;
	size_t i;

	for (i = 0; i < m->pairs->n; i++) {
		pair = &m->pairs->v[i];
		wrong = pattern_fault(pair->key);
		if (wrong != NULL)
			complain_of(m, pair, wrong);
		if (!conf_is_language(pair->value))
			complain_value(m, pair, pair->value,
			    "is not a language such as en, pt-BR or en,fr");
	}
}

/* True if a selector of the map, or below a folder of it, fits pattern. */
static bool
is_met(const struct map *selectors, struct view pattern)
{
	size_t i;

	/* "/x" is not "/x/" here: it would protect a redirect. */
	if (!ends(pattern, "*"))
		return hash_find(selectors->keys, pattern) != NULL ||
		    folder_of(selectors, pattern) != NULL;
	pattern.len--;
	for (i = 0; i < selectors->pairs->n; i++)
		if (view_has_prefix(selectors->pairs->v[i].key, pattern))
			return true;
	return folder_of(selectors, pattern) != NULL;
}

/* A pattern that is misspelt would protect nothing, and nobody would notice. */
static void
check_access(const struct map *m, const struct map *selectors)
{
	const struct conf_pair *pair;
	const char *wrong;
	size_t i;

	for (i = 0; i < m->pairs->n; i++) {
		pair = &m->pairs->v[i];
		wrong = pattern_fault(pair->key);
		if (wrong != NULL)
			complain_of(m, pair, wrong);
		else if (!is_met(selectors, pair->key))
			complain_nearest(m, pair, pair->key,
			    "protects nothing: no selector fits",
			    selectors->pairs);
		if (!utf8_is_valid(pair->value))
			complain_value(m, pair, pair->value, "is not UTF-8");
		else if (pair->value.len == 0 || ends(pair->value, "/") ||
		    view_eq(pair->value, VIEW("ca:")))
			complain_value(m, pair, pair->value,
			    "is not any, ca:FILE, or the name of a file of "
			    "fingerprints");
	}
}

/* What is wrong with an extension, or NULL. */
static const char *
extension_fault(struct view v)
{
	size_t i;

	if (v.len < 2 || v.p[0] != '.')
		return "an extension starts with \".\", such as .epub, "
		       "and a selector with \"/\"";
	if (memchr(v.p, '/', v.len) != NULL)
		return "an extension holds no \"/\"";
	for (i = 0; i < v.len; i++)
		if (v.p[i] == ' ' || v.p[i] == '\t')
			return "an extension holds no blank";
	return utf8_is_valid(v) ? NULL : "an extension is UTF-8";
}

static void
check_type(const struct map *m, const struct conf_pair *pair)
{
	struct view type = pair->value;
	char item = '9';

	/* The item type is a last word of one byte. */
	if (type.len > 2 &&
	    (type.p[type.len - 2] == ' ' || type.p[type.len - 2] == '\t')) {
		item = type.p[type.len - 1];
		type = view_trim((struct view){ type.p, type.len - 1 });
	}
	if (!mime_is_valid(type))
		complain_value(m, pair, pair->value,
		    "is not a media type, such as application/epub+zip 9");
	else if (!mime_is_item(item))
		complain_value(m, pair, (struct view){ &item, 1 },
		    "is not an item type of a file: a letter or digit, "
		    "not i or 3");
}

static void
check_types(const struct map *m)
{
	const char *wrong;
	struct view key;
	size_t i;

	for (i = 0; i < m->pairs->n; i++) {
		key = m->pairs->v[i].key;
		wrong = starts(key, "/") ? pattern_fault(key)
					 : extension_fault(key);
		if (wrong != NULL)
			complain_of(m, &m->pairs->v[i], wrong);
		check_type(m, &m->pairs->v[i]);
	}
}

/* Extensions are looked up without regard to case; so are duplicates. */
static void
lower_keys(struct arena *arena, struct conf_pairs *pairs)
{
	size_t i, j;
	char *lower;

	for (i = 0; i < pairs->n; i++) {
		struct view *key = &pairs->v[i].key;

		if (starts(*key, "/"))
			continue;
		lower = arena_alloc(arena, key->len + 1);

		for (j = 0; j < key->len; j++)
			lower[j] = key->p[j] >= 'A' && key->p[j] <= 'Z'
			    ? (char)(key->p[j] - 'A' + 'a')
			    : key->p[j];
		key->p = lower;
	}
}

void
conf_map_check(const struct conf *conf, struct conf_capsule *capsule,
    struct problems *ps)
{
	struct map selectors, other;

	selectors =
	    open_map(conf, capsule, "selectors", &capsule->selectors, ps);
	check_selectors(&selectors);
	other = open_map(conf, capsule, "listing", &capsule->listing, ps);
	check_listing(&other, &selectors);
	other = open_map(conf, capsule, "languages", &capsule->languages, ps);
	check_languages(&other);
	other = open_map(conf, capsule, "access", &capsule->access, ps);
	check_access(&other, &selectors);
	lower_keys(conf->arena, &capsule->types);
	other = open_map(conf, capsule, "types", &capsule->types, ps);
	check_types(&other);
}
