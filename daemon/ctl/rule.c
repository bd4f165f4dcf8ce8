/*
 * rule.c - the table of rules, and those that look at one line at a time.
 *
 * Floor ctl.  A rule says what is wrong in one sentence about one line; what
 * to make of it is the author's business.  A new rule is a function, a row,
 * and a line in the manual.
 */
#include "ctl/rule.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/survey.h"
#include "format/atom.h"
#include "format/gemini.h"

#define SHOWN_MAX 60 /* bytes of a target or a text that a sentence quotes */

/* Add a finding about a line of the file that is read. */
#define FIND(...) findings_add(r->found, r->file, __VA_ARGS__)

/* The two arguments of "%.*s%s": v, cut between characters, and the dots. */
#define QUOTE(v) VIEW_ARG(cut(v)), (v).len > SHOWN_MAX ? "..." : ""

static struct view
cut(struct view v)
{
	if (v.len <= SHOWN_MAX)
		return v;
	v.len = SHOWN_MAX;
	while (v.len > 0 && ((unsigned char)v.p[v.len] & 0xC0) == 0x80)
		v.len--;
	return v;
}

/* -- bytes -- */

static void
not_utf8(struct reader *r, const struct rule *rule, struct view line,
    int number)
{
	if (!utf8_is_valid(line))
		FIND(number, rule->name,
		    "is not UTF-8: clients will show it wrong");
}

/* The first control character of v but TAB, C1 included; 0 if none. */
static unsigned
control_in(struct view v)
{
	size_t i;

	for (i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7F)
			return c + 0x100U;
		/* U+0080 to U+009F are two bytes. */
		if (c == 0xC2 && i + 1 < v.len &&
		    (unsigned char)v.p[i + 1] < 0xA0)
			return (unsigned char)v.p[i + 1] + 0x100U;
	}
	return 0;
}

static void
control(struct reader *r, const struct rule *rule, struct view line, int number)
{
	unsigned c = utf8_is_valid(line) ? control_in(line) : 0;

	if (c != 0)
		FIND(number, rule->name, "holds a control character, U+%04X",
		    c - 0x100U);
}

/* -- width -- */

/* Columns that a terminal shows v in, as Gopher gets it. */
static int
shown_width(const struct reader *r, struct view v)
{
	struct buf clean, folded;
	int columns;

	buf_init(&clean, SIZE_MAX);
	buf_init(&folded, SIZE_MAX);
	utf8_clean(&clean, v);
	if (r->charset != UTF8_UTF8)
		utf8_fold(&folded, buf_view(&clean), r->charset);
	columns = utf8_width(
	    r->charset == UTF8_UTF8 ? buf_view(&clean) : buf_view(&folded));
	buf_fini(&clean);
	buf_fini(&folded);
	return columns;
}

/* Most lines need not be measured: no character is wider than its bytes. */
static bool
may_be_wide(const struct reader *r, struct view v)
{
	return v.len > (size_t)r->columns ||
	    memchr(v.p == NULL ? "" : v.p, '\t', v.len) != NULL ||
	    r->charset != UTF8_UTF8;
}

static void
measure(struct reader *r, const struct rule *rule, struct view v, int number)
{
	int columns;

	if (!may_be_wide(r, v) || (columns = shown_width(r, v)) <= r->columns)
		return;
	FIND(number, rule->name,
	    "is %d columns wide; Gopher's text has %d, and this line is not "
	    "wrapped",
	    columns, r->columns);
}

static void
wide_block(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	measure(r, rule, line->text, line->number);
}

static void
wide_map(struct reader *r, const struct rule *rule,
    const struct gophermap_line *line)
{
	measure(r, rule, line->text, line->number);
}

/* -- preformatted blocks -- */

static void
no_alt(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	if (line->text.len == 0)
		FIND(line->number, rule->name,
		    "a preformatted block without alt text: those who hear "
		    "the page learn nothing of it");
}

static void
open_block(struct reader *r, const struct rule *rule)
{
	if (r->block_line > 0)
		FIND(r->block_line, rule->name,
		    "a preformatted block that is not closed: all that "
		    "follows is in it");
}

/* -- headings -- */

static void
skipped_level(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	if (line->level <= r->level + 1)
		return;
	if (r->level == 0)
		FIND(line->number, rule->name,
		    "a heading of level %d before any of level 1", line->level);
	else
		FIND(line->number, rule->name,
		    "a heading of level %d right below one of level %d",
		    line->level, r->level);
}

static void
empty_heading(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	if (line->text.len == 0)
		FIND(line->number, rule->name, "a heading without text");
}

static void
no_heading(struct reader *r, const struct rule *rule)
{
	if (r->level == 0)
		FIND(1, rule->name,
		    "the page has no heading: lists and feeds have no name "
		    "for it");
}

/* -- links -- */

/* The sentence that a link of some state gets, or none; "what" is a link or
 * an item. */
static void
tell_dead(struct reader *r, const struct rule *rule, const char *what, int line)
{
	const struct link *link = &r->link;

	if (link->state == LINK_ABOVE)
		FIND(line, rule->name, "%s to \"%.*s%s\", above the root", what,
		    QUOTE(link->target));
	if (link->state == LINK_DEAD)
		FIND(line, rule->name, "%s to \"%.*s%s\", where nothing is",
		    what, QUOTE(link->target));
}

static void
tell_gone(struct reader *r, const struct rule *rule, const char *what, int line)
{
	if (r->link.state == LINK_GONE)
		FIND(line, rule->name, "%s to \"%.*s%s\", which is gone", what,
		    QUOTE(r->link.target));
}

static void
tell_moved(struct reader *r, const struct rule *rule, const char *what,
    int line)
{
	if (r->link.state == LINK_MOVED &&
	    r->link.entry.gemini.status == GEMINI_REDIRECT_PERMANENT)
		FIND(line, rule->name,
		    "%s to \"%.*s%s\", which has moved to \"%.*s%s\"", what,
		    QUOTE(r->link.target), QUOTE(r->link.moved));
}

#define FOR_BOTH(name)                                                         \
	static void name##_link(struct reader *r, const struct rule *rule,     \
	    const struct gemtext_line *line)                                   \
	{                                                                      \
		tell_##name(r, rule, "a link", line->number);                  \
	}                                                                      \
	static void name##_item(struct reader *r, const struct rule *rule,     \
	    const struct gophermap_line *line)                                 \
	{                                                                      \
		tell_##name(r, rule, "an item", line->number);                 \
	}

FOR_BOTH(dead)
FOR_BOTH(gone)
FOR_BOTH(moved)

static void
bad_link(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	if (r->link.state == LINK_BAD)
		FIND(line->number, rule->name,
		    "a link to \"%.*s%s\", which is no address",
		    QUOTE(line->target));
}

static void
link_without_text(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	if (line->text.len == 0)
		FIND(line->number, rule->name,
		    "a link without text: \"%.*s%s\" is all that readers see",
		    QUOTE(line->target));
}

static void
item_without_text(struct reader *r, const struct rule *rule,
    const struct gophermap_line *line)
{
	if (view_trim(line->text).len == 0)
		FIND(line->number, rule->name,
		    "an item without text: readers see an empty line");
}

static void
in_the_clear(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	struct view start = line->target;

	start.len = start.len < 7 ? start.len : 7;
	if (r->link.state == LINK_AWAY &&
	    view_eq_nocase(start, VIEW("http://")))
		FIND(line->number, rule->name,
		    "a link to the web in the clear; is there one with "
		    "https:?");
}

/* -- words -- */

/* True if part is in v. */
static bool
holds(struct view v, const char *part)
{
	struct view end = view_of(part);

	for (; v.len >= end.len; v = view_skip(v, 1))
		if (view_has_prefix(v, end))
			return true;
	return false;
}

static void
foreign_markup(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	struct view v = line->text;

	if (memchr(v.p == NULL ? "" : v.p, '[', v.len) != NULL &&
	    holds(v, "](") && holds(v, ")"))
		FIND(line->number, rule->name,
		    "a link as Markdown has it, which nobody can follow; here "
		    "it is a line of its own, => ADDRESS TEXT");
	else if (holds(v, "<a href=") || holds(v, "<br>") || holds(v, "</a>") ||
	    holds(v, "<img "))
		FIND(line->number, rule->name,
		    "a tag of HTML, which is shown as it is");
}

/* Cut digits off the front of *v; how many there were. */
static size_t
digits(struct view *v)
{
	size_t n = 0;

	while (n < v->len && v->p[n] >= '0' && v->p[n] <= '9')
		n++;
	*v = view_skip(*v, n);
	return n;
}

/* True for what begins like a date to people: 2026-1-5, 5.1.2026, 1/5/2026. */
static bool
looks_dated(struct view v)
{
	static const char between[] = "-./";
	size_t n[3], i;
	char mark = 0;

	for (i = 0; i < 3; i++) {
		n[i] = digits(&v);
		if (n[i] == 0 || n[i] > 4 || n[i] == 3)
			return false;
		if (i == 2)
			break;
		if (v.len == 0 || strchr(between, v.p[0]) == NULL ||
		    (mark != 0 && v.p[0] != mark))
			return false;
		mark = v.p[0];
		v = view_skip(v, 1);
	}
	return n[1] <= 2 &&
	    ((n[0] == 4 && n[2] <= 2) || (n[0] <= 2 && n[2] == 4));
}

static void
bad_date(struct reader *r, const struct rule *rule,
    const struct gemtext_line *line)
{
	if (looks_dated(line->text) && !atom_is_dated(line->text))
		FIND(line->number, rule->name,
		    "the date of \"%.*s%s\" is not one that feeds understand: "
		    "they take days of the calendar as 2026-01-31",
		    QUOTE(line->text));
}

/* -- gophermaps -- */

/* True if an item of type may lead to what is of type there. */
static bool
goes_with(char type, char there)
{
	if (type == there || type == '+')
		return true;
	/* Clients treat these alike, but for how they show them. */
	if (strchr("9gIs:;dpPMrc", type) != NULL &&
	    strchr("9gIs", there) != NULL)
		return true;
	/* What is text can be taken for bytes, and a page for its text. */
	return (type == '9' || type == 'h') && there == '0';
}

static void
item_type(struct reader *r, const struct rule *rule,
    const struct gophermap_line *line)
{
	const struct entry *there = &r->link.entry;

	/* A search whose words are chosen already is a page. */
	if (r->link.is_there && there->kind == ENTRY_SEARCH &&
	    memchr(line->selector.p, '?', line->selector.len) != NULL)
		return;
	/* What an application has below its own selector is of any type. */
	if (r->link.is_there && there->kind == ENTRY_APP &&
	    !view_eq(r->link.target, there->selector))
		return;
	if (r->link.state == LINK_FINE && r->link.is_there &&
	    !goes_with(line->type, there->item))
		FIND(line->number, rule->name,
		    "an item of type %c, but \"%.*s%s\" is of type %c",
		    line->type, QUOTE(r->link.target), there->item);
}

/* What follows the TAB of a line that was meant as an item, but is text. */
static void
map_port(struct reader *r, const struct rule *rule,
    const struct gophermap_line *line)
{
	struct view rest = r->raw, port;
	int i;

	if (line->kind == GOPHERMAP_INFO) {
		if (view_has_prefix(rest, VIEW("i")))
			return; /* clients ignore the fields of text */
		for (i = 0; i < 3; i++)
			(void)view_cut(&rest, '\t');
		port = view_trim(view_cut(&rest, '\t'));
		if (port.len > 0)
			FIND(line->number, rule->name,
			    "\"%.*s%s\" is no port from 1 to 65535, so the "
			    "line is shown as text",
			    QUOTE(port));
	} else if (line->port != 0 && line->port != r->links->gopher_port &&
	    snapshot_site(r->links->snapshot, line->host) == r->links->site)
		FIND(line->number, rule->name,
		    "an item of this capsule at port %d, but its menus name "
		    "port %d; leave host and port out",
		    line->port, r->links->gopher_port);
}

/* -- the table -- */

#define ON(kind) (1u << GEMTEXT_##kind)
#define PROSE    (ON(TEXT) | ON(HEADING) | ON(LIST) | ON(QUOTE))
#define IN(kind) (1u << GOPHERMAP_##kind)

const struct rule rules[] = {
	{ "dead-link", "a link to where nothing is", .gemtext = ON(LINK),
	    .on_gemtext = dead_link, .map = IN(ITEM), .on_map = dead_item },
	{ "gone-link", "a link to what was withdrawn", .gemtext = ON(LINK),
	    .on_gemtext = gone_link, .map = IN(ITEM), .on_map = gone_item },
	{ "moved-link", "a link to what has moved for good",
	    .gemtext = ON(LINK), .on_gemtext = moved_link, .map = IN(ITEM),
	    .on_map = moved_item },
	{ "bad-link", "a link whose target is no address", .gemtext = ON(LINK),
	    .on_gemtext = bad_link },
	{ "link-text", "a link without text", .gemtext = ON(LINK),
	    .on_gemtext = link_without_text, .map = IN(ITEM),
	    .on_map = item_without_text },
	{ "web-clear", "a link to http: where https: may do",
	    .gemtext = ON(LINK), .on_gemtext = in_the_clear },
	{ "date", "a link with a date that no feed understands",
	    .gemtext = ON(LINK), .on_gemtext = bad_date },
	{ "alt-text", "a preformatted block without alt text",
	    .gemtext = ON(PRE_START), .on_gemtext = no_alt },
	{ "open-block", "a preformatted block that is not closed",
	    .on_end = open_block },
	{ "wide", "a line that is not wrapped and wider than Gopher's columns",
	    .gemtext = ON(PRE_LINE), .on_gemtext = wide_block,
	    .map = IN(INFO) | IN(TITLE), .on_map = wide_map },
	{ "level", "a heading that skips a level", .gemtext = ON(HEADING),
	    .on_gemtext = skipped_level },
	{ "heading-text", "a heading without text", .gemtext = ON(HEADING),
	    .on_gemtext = empty_heading },
	{ "no-heading", "a page without a heading", .on_end = no_heading },
	{ "markup", "a link or a tag in Markdown or HTML", .gemtext = PROSE,
	    .on_gemtext = foreign_markup },
	{ "utf-8", "text that is not UTF-8", .on_bytes = not_utf8 },
	{ "control", "text with a control character", .on_bytes = control },
	{ "item-type", "an item of another type than what it leads to",
	    .map = IN(ITEM), .on_map = item_type },
	{ "port", "an item with a wrong port", .map = IN(ITEM) | IN(INFO),
	    .on_map = map_port },
	{ "same-title", "two pages with one title", .on_all = survey_titles },
	{ "weight", "a page over the weight budget", .on_page = survey_weight },
	{ "long-selector", "a selector longer than Gopher can ask for",
	    .on_page = survey_selectors },
	{ "no-selector", "a file that no selector reaches",
	    .on_root = survey_root, .on_all = survey_unreached },
	{ "not-served", "what lies in a mapped folder and cannot be served",
	    .on_root = survey_unserved },
	{ "no-link", "a page that no page links to",
	    .on_all = survey_unlinked },
	{ RULE_WARNING, "what capsuled warns of when it starts" },
	{ RULE_CONFIGURATION, "what keeps capsuled from starting" },
};

const size_t n_rules = sizeof(rules) / sizeof(rules[0]);

/* -- reading -- */

bool
rule_is_on(const bool *is_off, const struct rule *rule)
{
	return is_off == NULL || !is_off[rule - rules];
}

void
rule_read_bytes(struct reader *r, struct view document)
{
	struct view rest = utf8_skip_bom(document), line;
	const struct rule *rule;
	int number = 0;

	while (rest.len > 0) {
		line = view_cut(&rest, '\n');
		number++;
		if (view_has_suffix(line, VIEW("\r")))
			line.len--;
		for (rule = rules; rule < rules + n_rules; rule++)
			if (rule->on_bytes != NULL &&
			    rule_is_on(r->is_off, rule))
				rule->on_bytes(r, rule, line, number);
	}
}

/* What later lines and the end are judged by. */
static void
remember(struct reader *r, const struct gemtext_line *line)
{
	if (line->kind == GEMTEXT_HEADING) {
		if (r->level == 0)
			r->title = line->text;
		r->level = line->level;
	}
	if (line->kind == GEMTEXT_PRE_START)
		r->block_line = line->number;
	if (line->kind == GEMTEXT_PRE_END)
		r->block_line = 0;
}

void
rule_read_gemtext(struct reader *r, struct view document)
{
	struct gemtext at = { document, false, 0 };
	struct gemtext_line line;
	const struct rule *rule;

	r->level = r->block_line = 0;
	r->title = VIEW("");
	while (gemtext_next(&at, &line)) {
		if (line.kind == GEMTEXT_LINK)
			r->link = link_of_uri(r->links, line.target);
		for (rule = rules; rule < rules + n_rules; rule++)
			if ((rule->gemtext & (1u << line.kind)) != 0 &&
			    rule_is_on(r->is_off, rule))
				rule->on_gemtext(r, rule, &line);
		remember(r, &line);
	}
	for (rule = rules; rule < rules + n_rules; rule++)
		if (rule->on_end != NULL && rule_is_on(r->is_off, rule))
			rule->on_end(r, rule);
}

void
rule_read_map(struct reader *r, struct view document)
{
	struct gophermap at = { document, 0, false };
	struct gophermap_line line;
	const struct rule *rule;
	struct view rest;

	for (;;) {
		rest = at.rest;
		if (!gophermap_next(&at, &line))
			break;
		r->raw = view_cut(&rest, '\n');
		if (line.kind == GOPHERMAP_ITEM)
			r->link = link_of_item(r->links, &line);
		for (rule = rules; rule < rules + n_rules; rule++)
			if ((rule->map & (1u << line.kind)) != 0 &&
			    rule_is_on(r->is_off, rule))
				rule->on_map(r, rule, &line);
	}
}
