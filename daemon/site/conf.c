/*
 * conf.c - read the INI: lines, sections, keys, and what is missing.
 *
 * Floor site.  inih splits lines into keys and values, but reads lines
 * through our own reader, for inih alone would cut, join or skip what does
 * not suit it and forget the line's number.  A line that inih would bend is
 * reported, and inih gets an empty one in its place: so reading goes on, and
 * the operator sees all problems at once.  What keys there are is
 * conf_table.c's business, what values look like conf_value.c's, and what a
 * map may say conf_map.c's.
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
#include "site/conf_list.h"
#include "site/conf_map.h"
#include "site/conf_table.h"
#include "site/conf_value.h"

#define SECTIONS 16 /* room for the table's rows; conf_read makes sure */
#define KEYS     64

/* The lines of a section that maps, while their number is not known yet. */
struct lines {
	struct conf_pair *v;
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
	int section_line[SECTIONS];         /* 0: not seen */
	int key_line[KEYS];
	struct lines lines[SECTIONS];
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

/* The section whose name stands before a blank and more, or NULL. */
static const struct conf_section *
section_before_name(const char *name)
{
	char first[CONF_SECTION_MAX + 1];
	size_t n = strcspn(name, " \t");

	if (name[n] == '\0')
		return NULL;
	memcpy(first, name, n);
	first[n] = '\0';
	return conf_section_find(first);
}

static void
open_section(struct reading *r, const char *line)
{
	char name[CONF_SECTION_MAX + 1];
	const struct conf_section *section;
	size_t n = strcspn(line + 1, "]");
	int *first;

	memcpy(name, line + 1, n);
	name[n] = '\0';
	r->any_section = true;
	r->section = conf_section_find(name);
	if (r->section == NULL) {
		section = section_before_name(name);
		if (section == NULL)
			unknown_section(r, name);
		else
			problems_add(r->ps, r->conf->path, r->line,
			    "[%s] takes no name after it", section->name);
		return;
	}
	first = &r->section_line[r->section - conf_sections];
	if (*first != 0)
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s] stands already at line %d", name, *first);
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
	problems_add(r->ps, r->conf->path, r->line, "[%s] %.*s",
	    r->section->name, VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
}

/* Where the values of a section live: there is one capsule so far. */
static struct conf_place
place_of(const struct reading *r, const struct conf_section *section)
{
	return (struct conf_place){
		section->named ? (void *)r->conf->capsules : (void *)r->conf,
		r->conf->arena,
		r->folder,
	};
}

static void
keep_line(struct reading *r, const struct conf_key *key)
{
	struct conf_place place = place_of(r, r->section);

	r->key_line[key - conf_keys] = r->line;
	if (key->line_at != 0)
		memcpy((char *)place.base + key->line_at, &r->line,
		    sizeof(r->line));
}

static void
set_key(struct reading *r, const char *name, const char *value)
{
	const struct conf_key *key = conf_key_find(r->section->name, name);
	struct conf_place place = place_of(r, r->section);
	struct buf why;

	if (key == NULL) {
		unknown_key(r, name);
		return;
	}
	if (r->key_line[key - conf_keys] != 0) {
		problems_add(r->ps, r->conf->path, r->line,
		    "[%s] %s: stands already at line %d", key->section,
		    key->name, r->key_line[key - conf_keys]);
		return;
	}
	keep_line(r, key);
	buf_init(&why, CONF_WHY_MAX);
	if (conf_value_set(key, &place, view_of(value), &why) != 0)
		problems_add(r->ps, r->conf->path, r->line, "[%s] %s: %.*s",
		    key->section, key->name, VIEW_ARG(buf_view(&why)));
	buf_fini(&why);
}

static void
add_pair(struct reading *r, const char *name, const char *value)
{
	struct lines *lines = &r->lines[r->section - conf_sections];

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

/* -- before and after -- */

static void
set_default(struct reading *r, const struct conf_key *key, struct view text)
{
	struct conf_place place = place_of(r, conf_section_find(key->section));
	struct buf why;
	int result;

	buf_init(&why, CONF_WHY_MAX);
	result = conf_value_set(key, &place, text, &why);
	assert(result == 0);
	buf_fini(&why);
}

/* Defaults are read as values are, so they are as right as those. */
static void
set_defaults(struct reading *r)
{
	size_t i;

	for (i = 0; i < conf_n_keys; i++)
		if (conf_keys[i].from == CONF_DEFAULT_TEXT)
			set_default(r, &conf_keys[i],
			    view_of(conf_keys[i].def));
}

/* What has no default must be there; a file that is not read has nothing. */
static void
check_required(struct reading *r, const struct conf_key *key)
{
	if (!ferror(r->file))
		problems_add(r->ps, r->conf->path, r->conf->capsules[0].line,
		    "[%s] %s: is missing; it is %s", key->section, key->name,
		    key->help);
}

/* A file beside the INI that is called after the first host. */
static void
set_by_host(struct reading *r, const struct conf_key *key)
{
	struct view host = r->conf->capsules[0].hostname.v[0];
	struct buf file;

	buf_init(&file, CONF_WHY_MAX);
	buf_put(&file, conf_unbracket(host));
	buf_puts(&file, key->def);
	set_default(r, key, buf_view(&file));
	buf_fini(&file);
}

/* What could not be known before the end. */
static void
set_late_defaults(struct reading *r)
{
	size_t i;

	for (i = 0; i < conf_n_keys; i++) {
		if (r->key_line[i] != 0)
			continue;
		if (conf_keys[i].from == CONF_DEFAULT_REQUIRED)
			check_required(r, &conf_keys[i]);
		else if (conf_keys[i].from == CONF_DEFAULT_BY_HOST)
			set_by_host(r, &conf_keys[i]);
	}
}

/* Move the lines of maps to where they stay. */
static void
keep_pairs(struct reading *r)
{
	struct conf_pairs *pairs;
	size_t i;

	for (i = 0; i < conf_n_sections; i++) {
		if (!conf_sections[i].is_map)
			continue;
		pairs =
		    (void *)((char *)r->conf->capsules + conf_sections[i].at);
		pairs->n = r->lines[i].n;
		pairs->v = arena_alloc(r->conf->arena,
		    (pairs->n + 1) * sizeof(*pairs->v));
		if (pairs->n > 0)
			memcpy(pairs->v, r->lines[i].v,
			    pairs->n * sizeof(*pairs->v));
		xfree(r->lines[i].v);
	}
}

static int
line_of(const struct reading *r, const char *section, const char *name)
{
	return r->key_line[conf_key_find(section, name) - conf_keys];
}

/* The two lists of addresses must make sense together. */
static void
check_listen(struct reading *r)
{
	const struct conf *conf = r->conf;
	int gemini = line_of(r, "gemini", "listen"),
	    gopher = line_of(r, "gopher", "listen");

	if (conf->gemini_listen.n == 0 && conf->gopher_listen.n == 0)
		problems_add(r->ps, conf->path, gopher,
		    "[gopher] listen: is off, and so is [gemini] at line %d: "
		    "nothing is left to serve",
		    gemini);
	if (conf_listens_meet(&conf->gemini_listen, &conf->gopher_listen))
		problems_add(r->ps, conf->path, gopher > 0 ? gopher : gemini,
		    "[gopher] listen: an address and port is that of "
		    "[gemini] listen");
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
	conf->n_capsules = 1;
	conf->capsules = arena_alloc(arena, sizeof(*conf->capsules));
	return conf;
}

struct conf *
conf_read(FILE *file, const char *path, struct problems *ps)
{
	struct reading r = { .file = file, .ps = ps };
	const char *slash = strrchr(path, '/');
	size_t capsule = (size_t)(conf_section_find("capsule") - conf_sections);
	int result;

	assert(conf_n_sections <= SECTIONS && conf_n_keys <= KEYS);
	r.conf = new_conf(path);
	r.folder.p = r.conf->path;
	r.folder.len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	set_defaults(&r);
	errno = 0;
	result = ini_parse_stream(on_line, &r, on_pair, &r);
	check_read(&r, result);
	r.conf->capsules[0].line = r.section_line[capsule];
	keep_pairs(&r);
	set_late_defaults(&r);
	check_listen(&r);
	conf_map_check(r.conf, &r.conf->capsules[0], ps);
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
conf_free(struct conf *conf)
{
	if (conf != NULL)
		arena_free(conf->arena);
}
