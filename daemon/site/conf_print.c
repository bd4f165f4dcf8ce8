/*
 * conf_print.c - the configuration as INI again.
 *
 * Floor site.  What is printed reads back to the same configuration under
 * the same path, whatever the operator wrote: lines stay within what inih
 * takes, and nothing turns into a comment.
 */
#include <string.h>

#include "base/buf.h"
#include "format/utf8.h"
#include "site/conf.h"
#include "site/conf_list.h"
#include "site/conf_table.h"
#include "site/conf_value.h"

#define VALUE_MAX ((size_t)1 << 16) /* bytes; a path's folder may be long */

/* True if "name = value", or without the blanks if tight, fits on a line. */
static bool
pair_fits_line(struct view name, struct view value, bool tight)
{
	return name.len + value.len + (tight ? 1 : 3) <= CONF_LINE_MAX;
}

/* True if v can stand after a "=" and be read back. */
static bool
is_plain(struct view v)
{
	struct view trimmed = view_trim(v);
	size_t i;

	if (trimmed.len < v.len || !utf8_is_valid(v))
		return false;
	for (i = 0; i < v.len; i++)
		if (((unsigned char)v.p[i] < ' ' && v.p[i] != '\t') ||
		    v.p[i] == 0x7f ||
		    (v.p[i] == ';' && i > 0 &&
			(v.p[i - 1] == ' ' || v.p[i - 1] == '\t')))
			return false;
	return true;
}

static void
print_pair(FILE *to, struct view name, struct view value)
{
	/* A ";" after a blank would start a comment. */
	bool tight = !pair_fits_line(name, value, false) ||
	    (value.len > 0 && value.p[0] == ';');

	if (value.len == 0)
		fprintf(to, "%.*s =\n", VIEW_ARG(name));
	else
		fprintf(to, "%.*s%s%.*s\n", VIEW_ARG(name), tight ? "=" : " = ",
		    VIEW_ARG(value));
}

/*
 * A path as it may be written: whole if it is absolute and can stand on a
 * line; else without the folder that reading will put before it again.
 */
static struct view
writable(const struct conf *conf, struct view name, struct view path)
{
	const char *slash = strrchr(conf->path, '/');
	struct view folder = { conf->path, 0 }, rest;

	if (slash != NULL)
		folder.len = (size_t)(slash - conf->path) + 1;
	if (!view_has_prefix(path, folder) ||
	    (path.p[0] == '/' && is_plain(path) &&
		pair_fits_line(name, path, true)))
		return path;
	rest = view_skip(path, folder.len);
	return rest.len == 0 || rest.p[0] == '/' ? path : rest;
}

/* True if leaving the key out gives the same value: see conf_read. */
static bool
is_by_host(const struct conf_key *key, const void *base, struct view file)
{
	const struct conf_capsule *capsule = base;
	struct view host;

	if (key->from != CONF_DEFAULT_BY_HOST)
		return false;
	host = conf_unbracket(capsule->hostname.v[0]);
	return file.len == host.len + strlen(key->def) &&
	    view_has_prefix(file, host) &&
	    view_has_suffix(file, view_of(key->def));
}

static void
print_key(const struct conf *conf, const struct conf_key *key, const void *base,
    FILE *to)
{
	struct view name = view_of(key->name), value;
	struct buf text;

	buf_init(&text, VALUE_MAX);
	conf_value_put(key, base, &text);
	value = buf_view(&text);
	if ((key->kind == CONF_FILE || key->kind == CONF_FOLDER) &&
	    value.len > 0)
		value = writable(conf, name, value);
	fprintf(to, "; %s\n", key->help);
	if (!pair_fits_line(name, value, true) && is_by_host(key, base, value))
		fprintf(to, "; %s: the first hostname and %s\n", key->name,
		    key->def);
	else
		print_pair(to, name, value);
	buf_fini(&text);
}

static void
print_map(const struct conf_section *section,
    const struct conf_capsule *capsule, FILE *to)
{
	const struct conf_pairs *pairs =
	    (const void *)((const char *)capsule + section->at);
	size_t i;

	for (i = 0; i < pairs->n; i++)
		print_pair(to, pairs->v[i].key, pairs->v[i].value);
}

/* A section whose values are at base, called as its header was. */
static void
print_section(const struct conf *conf, const struct conf_section *section,
    const char *tag, const void *base, FILE *to)
{
	size_t i;

	fprintf(to, "%s; %s\n[%s%s]\n", section == conf_sections ? "" : "\n",
	    section->help, section->name, tag);
	if (section->is_map)
		print_map(section, base, to);
	for (i = 0; i < conf_n_keys; i++)
		if (strcmp(conf_keys[i].section, section->name) == 0)
			print_key(conf, &conf_keys[i], base, to);
}

/* The daemon's own sections and the Gopher services, then each capsule. */
void
conf_print(const struct conf *conf, FILE *to)
{
	const struct conf_section *section;
	size_t i, k;

	for (i = 0; i < conf_n_sections; i++) {
		section = &conf_sections[i];
		if (section->owner == CONF_OF_DAEMON)
			print_section(conf, section, "", conf, to);
		for (k = 0;
		     section->owner == CONF_OF_GOPHER && k < conf->n_gophers;
		     k++)
			print_section(conf, section, conf->gophers[k].tag,
			    &conf->gophers[k], to);
	}
	for (k = 0; k < conf->n_capsules; k++)
		for (i = 0; i < conf_n_sections; i++)
			if (conf_sections[i].owner == CONF_OF_CAPSULE)
				print_section(conf, &conf_sections[i],
				    conf->capsules[k].tag, &conf->capsules[k],
				    to);
}
