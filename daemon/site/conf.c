/*
 * conf.c - read the INI: lines, sections, keys, and what is missing.
 *
 * Floor site.  inih splits lines into keys and values, but reads lines
 * through our own reader, for inih alone would cut, join or skip what does
 * not suit it and forget the line's number.  A line that inih would bend is
 * reported, and inih gets an empty one in its place: so reading goes on, and
 * the operator sees all problems at once.  What keys there are is
 * conf_table.c's business, what values look like conf_value.c's, what a map
 * may say conf_map.c's, and what must fit together conf_check.c's.
 */
#include "site/conf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <ini.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/utf8.h"
#include "site/conf_check.h"
#include "site/conf_list.h"
#include "site/conf_table.h"
#include "site/conf_value.h"

#define SECTIONS 16 /* room for the table's rows; conf_read makes sure */
#define KEYS     64

/* The lines of a section that maps, while their number is not known yet. */
struct lines {
	struct conf_pair *v;
	size_t n, cap;
};

/*
 * What sections of one name fill together: [capsule NAME], [selectors NAME]
 * and so on a capsule, [gopher NAME] a service, the others the daemon.
 */
struct part {
	char tag[CONF_SECTION_MAX + 2]; /* " NAME", or "" */
	void *values;
	int section_line[SECTIONS]; /* 0: not seen */
	int key_line[KEYS];
	struct lines lines[SECTIONS];
};

/* The first is the plain one, and always there. */
struct parts {
	struct part *v;
	size_t n, cap;
};

/* All there is to know while reading. */
struct reading {
	FILE *file;
	struct problems *ps;
	struct conf *conf;
	struct view folder; /* of the INI file: "" or ending in "/" */
	int line;           /* of the text last handed to inih, from 1 */
	size_t bytes;       /* read so far */
	bool any_section;
	const struct conf_section *section; /* NULL: none, or unknown */
	size_t part; /* the section's, in parts[section->owner] */
	struct parts parts[CONF_OWNERS];
};

/* -- lines: what inih must not see -- */

/*
 * Read a line without its end, of which at most size bytes are kept.
 * Returns its length, or -1 at the end of the file.
 */
static long
get_line(struct reading *r, char *to, size_t size)
{
	long n = 0;
	int c = EOF;

	while (r->bytes < CONF_FILE_MAX && (c = getc(r->file)) != EOF) {
		r->bytes++;
		if (c == '\n')
			break;
		if ((size_t)n < size)
			to[n] = (char)c;
		n++;
	}
	return n == 0 && c != '\n' ? -1 : n;
}

/* True if a comment starts at p: inih wants a blank before it. */
static bool
is_comment(const char *line, const char *p)
{
	return *p == ';' && p > line && (p[-1] == ' ' || p[-1] == '\t');
}

/* The first of the stop bytes in line, the NUL, or where a comment starts. */
static const char *
stop_at(const char *line, const char *stops)
{
	const char *p = line;

	while (*p != '\0' && strchr(stops, *p) == NULL && !is_comment(line, p))
		p++;
	return p;
}

static const char *
section_fault(const char *line)
{
	const char *end = stop_at(line, "]"), *rest;

	if (*end != ']')
		return "a section is not closed by \"]\"";
	if (end - line - 1 > CONF_SECTION_MAX)
		return "a section name is longer than 49 bytes";
	rest = end + 1 + strspn(end + 1, " \t");
	if (*rest != '\0' && !is_comment(line, rest))
		return "something follows the \"]\" of a section";
	return NULL;
}

static const char *
pair_fault(const char *line)
{
	const char *stop = stop_at(line, "=:");

	if (*stop == ':' && *stop_at(line, "=") == '=')
		return "a \":\" stands before the \"=\"; no key holds one";
	if (*stop != '=')
		return "a line is neither [section], key = value nor comment";
	return stop == line ? "no key stands before the \"=\"" : NULL;
}

static bool
has_control(const char *line)
{
	for (; *line != '\0'; line++)
		if (((unsigned char)*line < ' ' && *line != '\t') ||
		    *line == 0x7f)
			return true;
	return false;
}

/*
 * What is wrong with a line, or NULL.  Blanks before a comment are harmless;
 * before anything else they make inih continue the value above.
 */
static const char *
line_fault(const char *line, size_t len)
{
	size_t blank = strspn(line, " \t");

	if (len > CONF_LINE_MAX)
		return "a line is longer than 198 bytes";
	if (strlen(line) < len)
		return "a line holds a NUL byte";
	if (line[blank] == '\0' || line[blank] == ';' || line[blank] == '#')
		return NULL;
	if (blank > 0)
		return "a line starts with a blank";
	if (has_control(line))
		return "a line holds a control byte";
	return line[0] == '[' ? section_fault(line) : pair_fault(line);
}

_Static_assert(CONF_LINE_MAX == 198 && CONF_SECTION_MAX == 49,
    "the sentences above say so");

/* -- parts -- */

/* What a key of another section is never mistaken for. */
static enum conf_owner
owner_of(const struct conf_key *key)
{
	return conf_section_find(key->section)->owner;
}

static void
set_default(struct reading *r, const struct part *part,
    const struct conf_key *key, struct view text)
{
	struct conf_place place = { part->values, r->conf->arena, r->folder };
	struct buf why;
	int result;

	buf_init(&why, CONF_WHY_MAX);
	result = conf_value_set(key, &place, text, &why);
	assert(result == 0);
	buf_fini(&why);
}

/* Defaults are read as values are, so they are as right as those. */
static void
set_defaults(struct reading *r, const struct part *part, enum conf_owner owner)
{
	size_t i;

	for (i = 0; i < conf_n_keys; i++)
		if (owner_of(&conf_keys[i]) == owner &&
		    (conf_keys[i].from == CONF_DEFAULT_TEXT ||
			conf_keys[i].from == CONF_DEFAULT_FIRST))
			set_default(r, part, &conf_keys[i],
			    view_of(conf_keys[i].def));
}

/* A struct for the values of a part, its name filled in. */
static void *
new_values(struct reading *r, enum conf_owner owner, const char *tag)
{
	struct arena *arena = r->conf->arena;
	struct view copy = arena_copy(arena, view_of(tag));
	struct conf_capsule *capsule;
	struct conf_gopher *gopher;

	switch (owner) {
	case CONF_OF_CAPSULE:
		capsule = arena_alloc(arena, sizeof(*capsule));
		capsule->tag = copy.p;
		capsule->name = view_skip(copy, 1);
		return capsule;
	case CONF_OF_GOPHER:
		gopher = arena_alloc(arena, sizeof(*gopher));
		gopher->tag = copy.p;
		gopher->name = view_skip(copy, 1);
		return gopher;
	default:
		return r->conf;
	}
}

/* The number of the part with that tag, a new one if need be; or
 * CONF_NAMED_MAX if there are so many already. */
static size_t
find_part(struct reading *r, enum conf_owner owner, const char *tag)
{
	struct parts *parts = &r->parts[owner];
	struct part *part;
	size_t i;

	for (i = 0; i < parts->n; i++)
		if (strcmp(parts->v[i].tag, tag) == 0)
			return i;
	if (i == CONF_NAMED_MAX)
		return i;
	if (parts->n == parts->cap) {
		parts->cap = parts->cap == 0 ? 1 : parts->cap * 2;
		parts->v = xrealloc(parts->v, parts->cap, sizeof(*parts->v));
	}
	part = &parts->v[parts->n++];
	memset(part, 0, sizeof(*part));
	snprintf(part->tag, sizeof(part->tag), "%s", tag);
	part->values = new_values(r, owner, tag);
	set_defaults(r, part, owner);
	return i;
}

/* The part that the lines now read belong to. */
static struct part *
part_of(const struct reading *r)
{
	return &r->parts[r->section->owner].v[r->part];
}

/* -- sections -- */

static void
put_sections(struct buf *to)
{
	size_t i;

	for (i = 0; i < conf_n_sections; i++)
		buf_printf(to, "%s[%s]", i > 0 ? ", " : "",
		    conf_sections[i].name);
}

static void
unknown_section(struct reading *r, const char *name)
{
	const char *names[SECTIONS], *near;
	struct buf why;
	size_t i;

	buf_init(&why, CONF_WHY_MAX);
	buf_putc(&why, '[');
	log_escape(&why, view_of(name), CONF_LINE_MAX);
	buf_puts(&why, "] is not a section");
	for (i = 0; i < conf_n_sections; i++)
		names[i] = conf_sections[i].name;
	near = problem_nearest(name, names, conf_n_sections);
	if (near != NULL)
		buf_printf(&why, "; nearest: [%s]", near);
	buf_puts(&why, "; accepted: ");
	put_sections(&why);
	problems_add(r->ps, r->conf->path, r->line, "%.*s",
	    VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
}

static bool
is_section_name(const char *name)
{
	size_t n = strspn(name,
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n > 0 && name[n] == '\0';
}

/*
 * Find the section called first with name after it, or without if NULL: its
 * part becomes the one that is read.  False, and a problem, if there is none.
 */
static bool
enter_section(struct reading *r, const char *first, const char *name)
{
	const struct conf_section *section = conf_section_find(first);
	char tag[CONF_SECTION_MAX + 2] = "";

	if (section == NULL) {
		unknown_section(r, first);
		return false;
	}
	if (name != NULL && section->owner == CONF_OF_DAEMON) {
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s] takes no name after it", first);
		return false;
	}
	if (name != NULL && !is_section_name(name)) {
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s NAME]: a name is made of letters, digits, \"-\", "
		    "\"_\" and \".\"",
		    first);
		return false;
	}
	if (name != NULL)
		snprintf(tag, sizeof(tag), " %s", name);
	r->part = find_part(r, section->owner, tag);
	if (r->part == CONF_NAMED_MAX) {
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s%s] is one more than %d, the most there may be", first,
		    tag, CONF_NAMED_MAX);
		return false;
	}
	r->section = section;
	return true;
}

static void
open_section(struct reading *r, const char *line)
{
	char header[CONF_SECTION_MAX + 1], *name = NULL;
	size_t n = strcspn(line + 1, "]"), blank;
	int *first;

	memcpy(header, line + 1, n);
	header[n] = '\0';
	blank = strcspn(header, " \t");
	if (header[blank] != '\0' && blank > 0) {
		header[blank] = '\0';
		name = header + blank + 1;
		name += strspn(name, " \t");
	}
	r->any_section = true;
	r->section = NULL;
	if (!enter_section(r, header, name))
		return;
	first = &part_of(r)->section_line[r->section - conf_sections];
	if (*first != 0)
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s%s] stands already at line %d", header, part_of(r)->tag,
		    *first);
	else
		*first = r->line;
}

/* -- keys -- */

static void
unknown_key(struct reading *r, const char *name)
{
	const char *names[KEYS], *near;
	struct buf why;
	size_t i, n = 0;

	for (i = 0; i < conf_n_keys; i++)
		if (strcmp(conf_keys[i].section, r->section->name) == 0)
			names[n++] = conf_keys[i].name;
	near = problem_nearest(name, names, n);
	buf_init(&why, CONF_WHY_MAX);
	log_escape(&why, view_of(name), CONF_LINE_MAX);
	buf_puts(&why, ": is not a key");
	if (near != NULL)
		buf_printf(&why, "; nearest: %s", near);
	buf_puts(&why, "; accepted:");
	for (i = 0; i < n; i++)
		buf_printf(&why, "%s %s", i > 0 ? "," : "", names[i]);
	problems_add(r->ps, r->conf->path, r->line, "[%s%s] %.*s",
	    r->section->name, part_of(r)->tag, VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
}

static void
keep_line(struct reading *r, const struct conf_key *key)
{
	struct part *part = part_of(r);

	part->key_line[key - conf_keys] = r->line;
	if (key->line_at != 0)
		memcpy((char *)part->values + key->line_at, &r->line,
		    sizeof(r->line));
}

static void
set_key(struct reading *r, const char *name, const char *value)
{
	const struct conf_key *key = conf_key_find(r->section->name, name);
	struct part *part = part_of(r);
	struct conf_place place = { part->values, r->conf->arena, r->folder };
	struct buf why;

	if (key == NULL) {
		unknown_key(r, name);
		return;
	}
	if (part->key_line[key - conf_keys] != 0) {
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s%s] %s: stands already at line %d", key->section,
		    part->tag, key->name, part->key_line[key - conf_keys]);
		return;
	}
	keep_line(r, key);
	buf_init(&why, CONF_WHY_MAX);
	if (conf_value_set(key, &place, view_of(value), &why) != 0)
		problems_add(r->ps, r->conf->path, r->line, "[%s%s] %s: %.*s",
		    key->section, part->tag, key->name,
		    VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
}

static void
add_pair(struct reading *r, const char *name, const char *value)
{
	struct lines *lines = &part_of(r)->lines[r->section - conf_sections];

	if (lines->n == lines->cap) {
		lines->cap = lines->cap == 0 ? 16 : lines->cap * 2;
		lines->v = xrealloc(lines->v, lines->cap, sizeof(*lines->v));
	}
	lines->v[lines->n++] = (struct conf_pair){
		arena_copy(r->conf->arena, view_of(name)),
		arena_copy(r->conf->arena, view_of(value)),
		r->line,
	};
}

/* -- what inih calls -- */

/* An ini_reader in the manner of fgets(3); see line_fault. */
static char *
on_line(char *to, int size, void *arg)
{
	char line[CONF_LINE_MAX + 3 + 1 + 1 + 1];
	struct reading *r = arg;
	struct view text;
	const char *fault;
	long n;

	/* inih must take whole what we promise to take. */
	assert(size >= CONF_LINE_MAX + 2);
	n = get_line(r, line, sizeof(line) - 1);
	if (n < 0)
		return NULL;
	r->line++;
	text.p = line;
	text.len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
	if (r->line == 1)
		text = utf8_skip_bom(text);
	if (text.len > 0 && text.p[text.len - 1] == '\r')
		text.len--;
	line[text.p + text.len - line] = '\0';

	fault = line_fault(text.p, text.len);
	if (fault != NULL) {
		problems_add(r->ps, r->conf->path, r->line, "%s", fault);
		/* What follows a bent header belongs to no section. */
		if (text.p[0] == '[') {
			r->any_section = true;
			r->section = NULL;
		}
		text.p = "";
	} else if (text.p[0] == '[')
		open_section(r, text.p);
	snprintf(to, (size_t)size, "%s\n", text.p);
	return to;
}

/* An ini_handler.  Its section is inih's; ours is known line by line. */
static int
on_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;

	(void)section;
	if (!r->any_section)
		problems_add(r->ps, r->conf->path, r->line,
		    "a key stands before the first [section]");
	else if (r->section != NULL && r->section->is_map)
		add_pair(r, name, value);
	else if (r->section != NULL)
		set_key(r, name, value);
	return 1;
}

/* -- the end -- */

/* The line of the header that a part is named after; 0: there is none. */
static int
header_line(const struct part *part, const char *section)
{
	return part->section_line[conf_section_find(section) - conf_sections];
}

/* What has no default must be there; a file that is not read has nothing. */
static void
check_required(struct reading *r, const struct part *part,
    const struct conf_key *key)
{
	if (!ferror(r->file))
		problems_add(r->ps, r->conf->path,
		    header_line(part, key->section),
		    "[%s%s] %s: is missing; it is %s", key->section, part->tag,
		    key->name, key->help);
}

/* A file beside the INI that is called after the first host. */
static void
set_by_host(struct reading *r, const struct part *part,
    const struct conf_key *key)
{
	const struct conf_capsule *capsule = part->values;
	struct buf file;

	buf_init(&file, CONF_WHY_MAX);
	buf_put(&file, conf_unbracket(capsule->hostname.v[0]));
	buf_puts(&file, key->def);
	set_default(r, part, key, buf_view(&file));
	buf_fini(&file);
}

/* What could not be known before the end. */
static void
set_late_defaults(struct reading *r, const struct part *part,
    enum conf_owner owner)
{
	const struct conf_key *key;
	size_t i;

	for (i = 0; i < conf_n_keys; i++) {
		key = &conf_keys[i];
		if (owner_of(key) != owner || part->key_line[i] != 0)
			continue;
		if (key->from == CONF_DEFAULT_REQUIRED ||
		    (key->from == CONF_DEFAULT_FIRST && part->tag[0] != '\0'))
			check_required(r, part, key);
		else if (key->from == CONF_DEFAULT_BY_HOST)
			set_by_host(r, part, key);
	}
}

/* Move the lines of maps to where they stay. */
static void
keep_pairs(struct reading *r, struct part *part)
{
	struct conf_pairs *pairs;
	size_t i;

	for (i = 0; i < conf_n_sections; i++) {
		if (!conf_sections[i].is_map)
			continue;
		pairs = (void *)((char *)part->values + conf_sections[i].at);
		pairs->n = part->lines[i].n;
		pairs->v = arena_alloc(r->conf->arena,
		    (pairs->n + 1) * sizeof(*pairs->v));
		if (pairs->n > 0)
			memcpy(pairs->v, part->lines[i].v,
			    pairs->n * sizeof(*pairs->v));
		xfree(part->lines[i].v);
	}
}

/* True if a [capsule] of that tag stands in the file; the plain one need not,
 * for what it lacks is told key by key. */
static bool
has_capsule(const struct reading *r, const char *tag)
{
	const struct parts *capsules = &r->parts[CONF_OF_CAPSULE];
	size_t i;

	for (i = 0; i < capsules->n; i++)
		if (strcmp(capsules->v[i].tag, tag) == 0)
			return i == 0 ||
			    header_line(&capsules->v[i], "capsule") != 0;
	return false;
}

/* The name of a capsule that may have been meant, or NULL. */
static const char *
nearest_capsule(const struct reading *r, const char *name)
{
	const struct parts *capsules = &r->parts[CONF_OF_CAPSULE];
	const char *names[CONF_NAMED_MAX];
	size_t i, n = 0;

	for (i = 1; i < capsules->n && n < CONF_NAMED_MAX; i++)
		if (header_line(&capsules->v[i], "capsule") != 0)
			names[n++] = capsules->v[i].tag + 1;
	return problem_nearest(name, names, n);
}

/* A part of no capsule: every header in it is one too many. */
static void
check_orphan(struct reading *r, const struct part *part)
{
	const char *near = nearest_capsule(r, part->tag + 1);
	size_t i;

	for (i = 0; i < conf_n_sections; i++)
		if (part->section_line[i] != 0)
			problems_add(r->ps, r->conf->path,
			    part->section_line[i],
			    "[%s%s]: there is no [capsule%s]%s%s%s",
			    conf_sections[i].name, part->tag, part->tag,
			    near == NULL ? "" : "; nearest: [capsule ",
			    near == NULL ? "" : near, near == NULL ? "" : "]");
}

static void
finish_capsules(struct reading *r)
{
	struct parts *parts = &r->parts[CONF_OF_CAPSULE];
	struct conf *conf = r->conf;
	struct conf_capsule *capsule;
	size_t i;

	conf->n_capsules = parts->n;
	conf->capsules =
	    arena_alloc(conf->arena, parts->n * sizeof(*conf->capsules));
	for (i = 0; i < parts->n; i++) {
		keep_pairs(r, &parts->v[i]);
		if (has_capsule(r, parts->v[i].tag))
			set_late_defaults(r, &parts->v[i], CONF_OF_CAPSULE);
		else
			check_orphan(r, &parts->v[i]);
		capsule = parts->v[i].values;
		capsule->line = header_line(&parts->v[i], "capsule");
		conf->capsules[i] = *capsule;
	}
}

static void
finish_gophers(struct reading *r)
{
	struct parts *parts = &r->parts[CONF_OF_GOPHER];
	struct conf *conf = r->conf;
	struct conf_gopher *gopher;
	size_t i;

	conf->n_gophers = parts->n;
	conf->gophers =
	    arena_alloc(conf->arena, parts->n * sizeof(*conf->gophers));
	for (i = 0; i < parts->n; i++) {
		set_late_defaults(r, &parts->v[i], CONF_OF_GOPHER);
		if (!has_capsule(r, parts->v[i].tag))
			check_orphan(r, &parts->v[i]);
		gopher = parts->v[i].values;
		gopher->line = header_line(&parts->v[i], "gopher");
		conf->gophers[i] = *gopher;
	}
}

static void
check_read(struct reading *r, int result)
{
	if (ferror(r->file))
		problems_add(r->ps, r->conf->path, 0, "cannot read: %s",
		    strerror(errno));
	else if (r->bytes == CONF_FILE_MAX && getc(r->file) != EOF)
		problems_add(r->ps, r->conf->path, r->line,
		    "the file is longer than %d bytes", CONF_FILE_MAX);
	else if (result != 0) /* an inih that was built with other rules */
		problems_add(r->ps, r->conf->path, r->line,
		    "inih cannot read this");
}

static struct conf *
new_conf(const char *path)
{
	struct arena *arena = arena_new();
	struct conf *conf = arena_alloc(arena, sizeof(*conf));

	conf->arena = arena;
	conf->path = arena_copy(arena, view_of(path)).p;
	return conf;
}

struct conf *
conf_read(FILE *file, const char *path, struct problems *ps)
{
	struct reading r = { .file = file, .ps = ps };
	const char *slash = strrchr(path, '/');
	size_t i;
	int result;

	assert(conf_n_sections <= SECTIONS && conf_n_keys <= KEYS);
	r.conf = new_conf(path);
	r.folder.p = r.conf->path;
	r.folder.len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	for (i = 0; i < CONF_OWNERS; i++)
		(void)find_part(&r, (enum conf_owner)i, "");
	errno = 0;
	result = ini_parse_stream(on_line, &r, on_pair, &r);
	check_read(&r, result);
	set_late_defaults(&r, r.parts[CONF_OF_DAEMON].v, CONF_OF_DAEMON);
	finish_capsules(&r);
	finish_gophers(&r);
	for (i = 0; i < CONF_OWNERS; i++)
		xfree(r.parts[i].v);
	conf_check(r.conf, ps);
	return r.conf;
}

struct conf *
conf_load(const char *path, struct problems *ps)
{
	FILE *file = fopen(path, "r");
	struct conf *conf;

	if (file == NULL) {
		problems_add(ps, path, 0, "cannot open: %s", strerror(errno));
		return NULL;
	}
	conf = conf_read(file, path, ps);
	fclose(file);
	return conf;
}

void
conf_control_path(const struct conf *conf, struct buf *to)
{
	struct view path = view_of(conf->path);

	if (view_eq(conf->control, VIEW("off")))
		return;
	if (!view_eq(conf->control, VIEW("auto")))
		buf_put(to, conf->control);
	else if (view_eq(path, VIEW(CAPSULED_CONF)))
		buf_puts(to, CAPSULED_CONTROL);
	else {
		if (view_has_suffix(path, VIEW(".ini")))
			path.len -= strlen(".ini");
		buf_put(to, path);
		buf_puts(to, ".sock");
	}
}

void
conf_free(struct conf *conf)
{
	if (conf != NULL)
		arena_free(conf->arena);
}
