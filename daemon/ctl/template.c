/*
 * template.c - the text of a first capsule.
 *
 * Floor ctl.  It is served and checked by a test, so every rule of "check" is
 * kept here; what a page says of how to go on is true of this configuration.
 */
#include "ctl/template.h"

#include <string.h>

#define SERVICE_USERS                                                          \
	"user = _capsuled\nkey_user = _capsuled_key\n"                         \
	"data_user = _capsuled_data\nstore = /var/cache/capsuled\n"

const struct template_file template_files[] = {
	{ "capsuled.ini", "what is served, and where: begin here",
	    "# capsuled.ini - the configuration of this capsule.\n"
	    "#\n"
	    "# Sections stand in brackets, then \"key = value\". A comment\n"
	    "# starts with # or ; at the start of a line, or with a blank\n"
	    "# and ; after a value. Relative paths start from the folder of\n"
	    "# this file. capsuled.ini(5) describes all keys.\n"
	    "\n"
	    "[server]\n"
	    "@USER@\n"
	    "watch = auto              ; edit a page, see it within a "
	    "second\n"
	    "\n"
	    "[gemini]\n"
	    "listen = *:1965           ; the port that every client assumes\n"
	    "\n"
	    "[gopher]\n"
	    "# Gopher's own port is 70, which needs root or a service.\n"
	    "listen = *:@GOPHER@\n"
	    "\n"
	    "[capsule]\n"
	    "# The first name is written into Gopher menus. Put the name that\n"
	    "# visitors use there before you let anybody in: the certificate\n"
	    "# is made for these names.\n"
	    "hostname = @HOSTS@\n"
	    "# All files lie below this folder.\n"
	    "root = @ROOT@\n"
	    "# Both are made at the first start. Keep the key, and a copy of\n"
	    "# it: visitors' clients remember it.\n"
	    "certificate = @PAIR@.crt\n"
	    "key = @PAIR@.key\n"
	    "language = en\n"
	    "title = A new capsule\n"
	    "admin =                   ; a mail address, if you want letters\n"
	    "budget = 8k               ; \"capsulectl check\" tells of "
	    "heavier pages\n"
	    "\n"
	    "# The map: address = file, folder/ or @action. What it does not\n"
	    "# name is never served.\n"
	    "[selectors]\n"
	    "/ = index.gmi\n"
	    "/about = about.gmi\n"
	    "# A folder, with everything below it: a new file is a new page.\n"
	    "/notes/ = notes/\n"
	    "/files/ = files/\n"
	    "# The dated links of that page, for those who subscribe to them.\n"
	    "/feed.xml = @atom notes/index.gmi\n"
	    "# Words in, pages out.\n"
	    "/search = @search\n"
	    "# Programs that collect pages ask for this first.\n"
	    "/robots.txt = robots.txt\n"
	    "# When a page moves, its old address can say where to:\n"
	    "# /old = @redirect /about\n"
	    "\n"
	    "[listing]\n"
	    "/files/ = yes             ; shows what is in there\n" },
	{ "pages/index.gmi", "the front page",
	    "# A new capsule\n"
	    "\n"
	    "Welcome. This page is a file, pages/index.gmi: change a line of "
	    "it, save it and look again.\n"
	    "\n"
	    "=> /about About this capsule\n"
	    "=> /notes/ Notes, the newest first\n"
	    "=> /files/ Files to take away\n"
	    "=> /search Search these pages\n"
	    "=> /feed.xml Subscribe to the notes\n" },
	{ "pages/about.gmi", "how a page is written",
	    "# About this capsule\n"
	    "\n"
	    "Say here who writes, about what, and how to answer.\n"
	    "\n"
	    "## How a page is written\n"
	    "\n"
	    "A page is plain text. A line is a paragraph, however long, and "
	    "clients wrap it; some lines begin with a mark:\n"
	    "\n"
	    "* one to three number signs make a heading\n"
	    "* an asterisk and a blank make an item like this one\n"
	    "* a greater-than sign makes a quotation\n"
	    "* an equals sign and a greater-than sign make a link: the "
	    "address, a blank, and what readers see\n"
	    "* three backquotes begin and end a block that is shown as it is\n"
	    "\n"
	    "> What is simple is read everywhere.\n"
	    "\n"
	    "A block should say in words what it shows, right behind its "
	    "first backquotes, for those who hear the page:\n"
	    "\n"
	    "```A drawing of one page that goes to both Gemini and Gopher.\n"
	    "             +--> Gemini\n"
	    "  one page --+\n"
	    "             +--> Gopher\n"
	    "```\n"
	    "\n"
	    "=> / Front page\n" },
	{ "pages/notes/index.gmi", "the list of notes, and so the feed",
	    "# Notes\n"
	    "\n"
	    "A link that begins with a date is also an entry of the feed.\n"
	    "\n"
	    "=> first.gmi @DATE@ The first note\n"
	    "\n"
	    "=> / Front page\n" },
	{ "pages/notes/first.gmi", "a first note: copy it for the next",
	    "# The first note\n"
	    "\n"
	    "@DATE@\n"
	    "\n"
	    "This file lies in pages/notes/. For the next note, put another "
	    "one beside it and a link with its date into index.gmi there. "
	    "Then \"capsulectl check\" says whether anything was forgotten.\n"
	    "\n"
	    "=> / Front page\n"
	    "=> ./ All notes\n" },
	{ "pages/files/hello.txt", "a file to take away",
	    "Hello.\n"
	    "\n"
	    "What lies in pages/files/ is listed by itself: texts, pictures,\n"
	    "anything. Text is sent as it is, so keep its lines short.\n" },
	{ "pages/robots.txt", NULL,
	    "# Everybody may read everything. To keep a kind of visitor out:\n"
	    "# User-agent: archiver\n"
	    "# Disallow: /\n"
	    "User-agent: *\n"
	    "Disallow:\n" },
};

const size_t n_starter_files =
    sizeof(template_files) / sizeof(template_files[0]);

const char *const template_folders[] = { "pages", "pages/notes",
	"pages/files" };
const size_t n_starter_folders =
    sizeof(template_folders) / sizeof(template_folders[0]);

/* What a service says of itself: its users, and what its script looks for. */
static const char *
user_of(const struct template_words *words)
{
	if (!words->is_service)
		return "";
	return CAPSULED_PIDFILE[0] == '\0' ? SERVICE_USERS
					   : SERVICE_USERS
	    "pid_file = " CAPSULED_PIDFILE "\n";
}

void
template_write(struct buf *to, const struct template_file *file,
    const struct template_words *words)
{
	const struct {
		const char *mark, *text;
	} marks[] = {
		{ "@HOSTS@", words->hosts },
		{ "@DATE@", words->date },
		{ "@ROOT@", words->root },
		{ "@PAIR@", words->pair },
		{ "@GOPHER@", words->gopher },
		{ "@USER@\n", user_of(words) },
	};
	const size_t n = sizeof(marks) / sizeof(marks[0]);
	struct view rest = view_of(file->text);
	size_t i;

	while (rest.len > 0) {
		for (i = 0; i < n; i++)
			if (view_has_prefix(rest, view_of(marks[i].mark)))
				break;
		if (i < n)
			buf_puts(to, marks[i].text);
		else
			buf_putc(to, rest.p[0]);
		rest = view_skip(rest, i < n ? strlen(marks[i].mark) : 1);
	}
}
