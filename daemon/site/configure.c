/*
 * configure.c - what is answered whatever the files say.
 *
 * Floor site.  It is small, and made in one go by the master, who opens no
 * file that authors write.
 */
#include "site/configure.h"

#include <stdlib.h>

#include "base/buf.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "format/mime.h"
#include "format/uri.h"
#include "site/builtin_answers.h"
#include "site/pages.h"
#include "site/results.h"

/* Largest answer that the configuration gives: bytes. */
#define CONFIGURED_MAX ((size_t)64 << 10)

/* What the helpers below share. */
struct configure {
	struct snapshot *s;
	struct site *site;
	const struct conf *conf;
	const struct conf_capsule *capsule;
	struct buf text; /* scratch */
};

/* -- hosts -- */

/* Fill a site's hosts and make them lead to it. */
static void
add_hosts(struct snapshot *s, struct site *site, const struct conf *conf,
    const struct conf_capsule *capsule, struct problems *ps)
{
	const struct conf_list *names = &capsule->hostname;
	char room[URI_HOST_MAX + 2];
	struct buf host = { room, 0, sizeof(room), sizeof(room), false };
	struct site *owner;
	size_t i;

	site->hosts = arena_alloc(s->arena, names->n * sizeof(*site->hosts));
	for (i = 0; i < names->n; i++) {
		buf_reset(&host);
		if (uri_normalise_host(&host, names->v[i]) != URI_OK) {
			problems_add(ps, conf->path, capsule->hostname_line,
			    "\"%.*s\" is not a host name",
			    VIEW_ARG(names->v[i]));
			continue;
		}
		site->hosts[site->n_hosts] =
		    arena_copy(s->arena, buf_view(&host));
		if (view_has_prefix(site->hosts[site->n_hosts], VIEW("*.")))
			s->has_wildcards = true;
		owner = hash_put(s->hosts, site->hosts[site->n_hosts], site);
		site->n_hosts++;
		if (owner != NULL)
			problems_add(ps, conf->path, capsule->hostname_line,
			    "the host \"%.*s\" is named twice",
			    VIEW_ARG(names->v[i]));
	}
}

/* -- menus that are made while serving -- */

/* Whose links they have. */
struct menu_owner {
	const struct snapshot *s;
	const struct site *site;
};

static char
item_of_entry(void *arg, struct view selector)
{
	const struct menu_owner *owner = arg;
	struct entry entry;

	return site_find(owner->site, selector, &entry) ||
		site_find_above(owner->site, selector, &entry)
	    ? entry.item
	    : 0;
}

static bool
is_own_host(void *arg, struct view host)
{
	const struct menu_owner *owner = arg;
	char room[URI_HOST_MAX + 2];
	struct buf name = { room, 0, sizeof(room), sizeof(room), false };

	return uri_normalise_host(&name, host) == URI_OK &&
	    snapshot_site(owner->s, buf_view(&name)) == owner->site;
}

/*
 * What menus call this host.  An address stands there as clients connect to
 * it, without the brackets that only a URL has.
 */
static struct view
menu_host(const struct conf_gopher *gopher, const struct conf_capsule *capsule)
{
	struct view host =
	    gopher->host.len > 0 ? gopher->host : capsule->hostname.v[0];

	if (view_has_prefix(host, VIEW("["))) {
		host = view_skip(host, 1);
		host.len--;
	}
	return host;
}

static void
set_menu(struct configure *c, int gopher_port)
{
	const struct conf_gopher *gopher =
	    &c->conf->gophers[c->capsule->gopher];
	struct menu_owner *owner = arena_alloc(c->s->arena, sizeof(*owner));

	*owner = (struct menu_owner){ c->s, c->site };
	c->site->menu = (struct render){ .selector = VIEW("/"),
		.host = arena_copy(c->s->arena, menu_host(gopher, c->capsule)),
		.port = gopher_port,
		.columns = gopher->columns,
		.charset = gopher->charset,
		.lastline = gopher->lastline,
		.item_of = item_of_entry,
		.is_ours = is_own_host,
		.arg = owner };
}

/* -- entries -- */

/* An answer of the text, which is then empty. */
static struct answer
keep_text(struct configure *c, int status)
{
	struct answer a = { .status = status };

	a.bytes = arena_copy(c->s->arena, buf_view(&c->text));
	buf_reset(&c->text);
	return a;
}

static struct answer
keep_answer_header(struct configure *c, int status, struct view meta)
{
	gemini_header(&c->text, status, meta);
	return keep_text(c, status);
}

static struct answer
keep_error(struct configure *c, int status, const char *words)
{
	gopher_error_write(&c->text, view_of(words));
	buf_puts(&c->text, GOPHER_LASTLINE);
	return keep_text(c, status);
}

/* Gopher has no redirects: a menu with the new place says it in words. */
static void
configure_redirect(struct configure *c, const struct page *line,
    struct entry *entry)
{
	int status = line->temporary ? GEMINI_REDIRECT_TEMPORARY
				     : GEMINI_REDIRECT_PERMANENT;
	struct notice *notice = arena_alloc(c->s->arena, sizeof(*notice));

	entry->gemini = keep_answer_header(c, status, line->target);
	buf_puts(&c->text,
	    line->temporary ? "What you asked for is elsewhere for now:\n=> "
			    : "What you asked for has moved:\n=> ");
	buf_put(&c->text, line->target);
	buf_putc(&c->text, '\n');
	notice->selector = entry->selector;
	notice->gemtext = keep_text(c, status).bytes;
	entry->gopher = (struct answer){ .status = status };
	entry->notice = notice;
}

static void
configure_gone(struct configure *c, const struct page *line,
    struct entry *entry)
{
	(void)line;
	entry->gemini = keep_answer_header(c, GEMINI_GONE, VIEW(""));
	entry->gopher = keep_error(c, GEMINI_GONE, "Gone");
}

/* What is answered before there is anything to look for. */
static void
configure_search(struct configure *c, const struct page *line,
    struct entry *entry)
{
	struct render menu = c->site->menu;
	struct view gemtext;

	(void)line;
	c->site->is_searched = true;
	entry->kind = ENTRY_SEARCH;
	entry->gemini =
	    keep_answer_header(c, GEMINI_INPUT, VIEW(RESULTS_PROMPT));
	results_explain(&c->text, entry->selector);
	gemtext = keep_text(c, GEMINI_SUCCESS).bytes;
	menu.selector = entry->selector;
	render_gemtext_menu(&c->text, &menu, gemtext);
	entry->gopher = keep_text(c, GEMINI_SUCCESS);
}

/* Where the files lie that an application may look for. */
static struct view
document_root(const struct configure *c, const struct target *target)
{
	struct view script = target->script, root;
	char *whole;

	if (view_has_suffix(script, VIEW("/")))
		return script;
	if (script.len > 0) {
		script.len -= pages_name(script).len;
		return arena_copy(c->s->arena, script);
	}
	whole = realpath(c->capsule->root.p, NULL);
	root = arena_copy(c->s->arena,
	    whole == NULL ? c->capsule->root : view_of(whole));
	free(whole);
	return root;
}

/* Nothing can be said beforehand, except by who never asks it. */
static void
configure_app(struct configure *c, const struct page *line, struct entry *entry)
{
	struct conf_pair pair = { entry->selector, line->target, line->line };
	struct target *app = arena_alloc(c->s->arena, sizeof(*app));
	struct buf why;
	bool failed;

	buf_init(&why, CONFIGURED_MAX);
	failed = target_parse(c->conf, &pair, c->s->arena, app, &why) == -1;
	buf_fini(&why);
	if (failed)
		return; /* the configuration's check has told */
	app->mapped = entry->selector;
	app->root = document_root(c, app);
	app->number = c->s->n_targets++;
	app->next = c->s->targets;
	c->s->targets = app;
	entry->kind = ENTRY_APP;
	entry->item = app->item;
	entry->app = app;
	entry->gemini = keep_answer_header(c, GEMINI_PROXY_ERROR,
	    VIEW("An application answers here"));
	entry->gopher =
	    keep_error(c, GEMINI_PROXY_ERROR, "An application answers here");
}

static void (*const deeds[])(struct configure *, const struct page *,
    struct entry *) = {
	[PAGE_REDIRECT] = configure_redirect,
	[PAGE_GONE] = configure_gone,
	[PAGE_SEARCH] = configure_search,
	[PAGE_APP] = configure_app,
};

/* A new entry; NULL if the selector has one. */
static struct entry *
add_entry(struct configure *c, struct view selector, char item, bool yields)
{
	struct arena *a = c->s->arena;
	struct configured *new = arena_alloc(a, sizeof(*new));

	new->yields = yields;
	new->entry.selector = arena_copy(a, selector);
	new->entry.item = item;
	return hash_put(c->site->configured, new->entry.selector, new) == NULL
	    ? &new->entry
	    : NULL;
}

/* Gopher knows no certificates: there, what is protected is closed. */
static void
protect_entry(const struct site *site, struct entry *entry)
{
	entry->access = access_find(site->access, entry->selector);
	if (entry->access == NULL)
		return;
	entry->gopher = site->forbidden;
	entry->notice = NULL;
}

/* "/x" for "/x/"; over Gopher "/x/" itself, which saves a round trip. */
static void
add_slashless_entry(struct configure *c, const struct entry *whole)
{
	struct view selector = whole->selector;
	struct entry *entry;

	if (selector.len <= 1 || !view_has_suffix(selector, VIEW("/")))
		return;
	selector.len--;
	entry = add_entry(c, selector, whole->item, true);
	if (entry == NULL)
		return;
	entry->kind = ENTRY_FOLDER;
	uri_encode_path(&c->text, whole->selector);
	entry->gemini = keep_answer_header(c, GEMINI_REDIRECT_PERMANENT,
	    keep_text(c, GEMINI_REDIRECT_PERMANENT).bytes);
	entry->gopher = whole->gopher;
	entry->notice = whole->notice;
	entry->app = whole->access == NULL ? whole->app : NULL;
	protect_entry(c->site, entry);
	if (entry->access != NULL)
		entry->app = NULL;
}

/* True for what a line of the map says without any file. */
static bool
read_map_line(const struct conf_pair *pair, struct page *line)
{
	*line = (struct page){ .line = pair->line };
	return view_has_prefix(pair->key, VIEW("/")) &&
	    view_has_prefix(pair->value, VIEW("@")) &&
	    pages_read_action(pair->value, line) && line->kind != PAGE_ATOM;
}

static void
add_map_line(struct configure *c, const struct conf_pair *pair)
{
	struct entry *entry;
	struct page line;

	if (!read_map_line(pair, &line))
		return;
	if (line.kind == PAGE_APP)
		line.target = pair->value; /* with the name: target_parse */
	entry = add_entry(c, pair->key, line.mime.item, false);
	if (entry == NULL)
		return;
	deeds[line.kind](c, &line, entry);
	protect_entry(c->site, entry);
}

static void
add_lines(struct configure *c)
{
	const struct conf_pairs *map = &c->capsule->selectors;
	const struct configured *found;
	size_t i;

	for (i = 0; i < map->n; i++)
		add_map_line(c, &map->v[i]);
	/* Later: a line of its own comes before another's lack of a "/". */
	for (i = 0; i < map->n; i++) {
		found = hash_find(c->site->configured, map->v[i].key);
		if (found != NULL && !found->yields)
			add_slashless_entry(c, &found->entry);
	}
}

static void
add_caps(struct configure *c)
{
	const struct conf_gopher *gopher =
	    &c->conf->gophers[c->capsule->gopher];
	struct entry *entry = add_entry(c, VIEW(PAGES_CAPS),
	    mime_of(VIEW(PAGES_CAPS)).item, true);
	struct view caps;

	if (entry == NULL)
		return;
	entry->gemini = keep_answer_header(c, GEMINI_NOT_FOUND, VIEW(""));
	builtin_answers_caps(&c->text, gopher, c->site, &c->site->menu);
	caps = keep_text(c, GEMINI_SUCCESS).bytes;
	render_text(&c->text, &c->site->menu, caps);
	entry->gopher = keep_text(c, GEMINI_SUCCESS);
}

/* -- whose is what has no entry -- */

/* True if a line of the map answers for all that lies below its selector. */
static bool
is_cover(const struct conf_pair *pair)
{
	if (!view_has_prefix(pair->key, VIEW("/")) || pair->value.len == 0)
		return false;
	return view_has_prefix(pair->value, VIEW("@"))
	    ? target_is(pair->value) && view_has_suffix(pair->key, VIEW("/"))
	    : view_has_suffix(pair->value, VIEW("/"));
}

static int
by_length(const void *a, const void *b)
{
	const struct cover *x = a, *y = b;

	return (x->selector.len < y->selector.len) -
	    (x->selector.len > y->selector.len);
}

/* The entry of the application that answers at selector itself, or NULL. */
static const struct entry *
app_at(const struct site *site, struct view selector)
{
	const struct configured *found = hash_find(site->configured, selector);

	return found != NULL && found->entry.kind == ENTRY_APP ? &found->entry
							       : NULL;
}

/* Only with an application it matters. */
static void
set_covers(struct configure *c)
{
	const struct conf_pairs *map = &c->capsule->selectors;
	struct site *site = c->site;
	struct cover *cover;
	bool any = false;
	size_t i;

	site->covers = arena_alloc(c->s->arena, (map->n + 1) * sizeof(*cover));
	for (i = 0; i < map->n; i++) {
		if (!is_cover(&map->v[i]))
			continue;
		cover = &site->covers[site->n_covers++];
		cover->selector = arena_copy(c->s->arena, map->v[i].key);
		cover->entry = app_at(site, map->v[i].key);
		any = any || cover->entry != NULL;
	}
	if (!any)
		site->n_covers = 0;
	qsort(site->covers, site->n_covers, sizeof(*cover), by_length);
}

/* -- all of it -- */

static void
configure_site(struct configure *c, int gopher_port, struct problems *ps)
{
	struct arena *a = c->s->arena;
	struct site *site = c->site;

	site->title = arena_copy(a, c->capsule->title);
	site->admin = arena_copy(a, c->capsule->admin);
	site->access = access_load(c->conf, c->capsule, a, &c->s->n_cas, ps);
	site->asks = site->access != NULL || c->capsule->ask_certificate;
	site->configured = hash_new(a, c->capsule->selectors.n);
	set_menu(c, gopher_port);
	builtin_answers_prepare(a, site, &site->menu);
	add_lines(c);
	add_caps(c);
	set_covers(c);
}

struct snapshot *
snapshot_configure(const struct conf *conf, const int *gopher_ports,
    struct problems *ps)
{
	struct snapshot *s = snapshot_new();
	struct configure c = { .s = s, .conf = conf };
	size_t i, n = conf->n_capsules;

	s->check_port = conf->check_port;
	s->sites = arena_alloc(s->arena, n * sizeof(*s->sites));
	s->n_sites = n;
	for (i = 0; i < n; i++)
		add_hosts(s, &s->sites[i], conf, &conf->capsules[i], ps);
	buf_init(&c.text, CONFIGURED_MAX);
	for (i = 0; i < n; i++) {
		c.site = &s->sites[i];
		c.capsule = &conf->capsules[i];
		configure_site(&c,
		    gopher_ports == NULL ? 0 : gopher_ports[c.capsule->gopher],
		    ps);
	}
	buf_fini(&c.text);
	return s;
}
