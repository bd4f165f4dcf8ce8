/*
 * test_answer.c - request in, exact bytes out, for both protocols over one
 * small capsule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/gemini.h"
#include "format/gopher.h"
#include "site/answer.h"

#include "place.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define HOST   "capsule.example.org"
#define HOME   "20 text/gemini;lang=en\r\n# Home\n=> /about About\n"
#define ABOUT  "20 text/gemini;lang=en\r\nAbout us\n"
#define ABOUT_ "iAbout us\t\t\t0\r\n.\r\n"
#define HOME_                                                                  \
	"iHome\t\t\t0\r\ni====\t\t\t0\r\n"                                     \
	"1About\t/about\t" HOST "\t70\r\n.\r\n"
#define LOST_  "3Not found\t\terror.host\t1\r\n.\r\n"
#define BAD_   "3Bad request\t\terror.host\t1\r\n.\r\n"
#define LOST   "51 Not found\r\n"
#define BAD    "59 Bad request\r\n"
#define ABROAD "53 That host or port is not served here\r\n"

static const char conf[] =
    "[capsule]\nhostname = " HOST " www.example.org\nroot = capsule\n"
    "title = The <institute>\nadmin = webmaster@example.org\n"
    "language = en\n"
    "[selectors]\n/ = index.gmi\n/about = about.gmi\n/files/ = files/\n"
    "/old = @redirect /about\n/soon = @redirect-temporary about\n"
    "/abroad = @redirect https://example.org/\n/1998 = @gone\n"
    "/what? = about.gmi\n/accented-\303\251 = about.gmi\n"
    "/deep/ = about.gmi\n"
    "[listing]\n/files/ = yes\n";

static struct place place;

/* A second capsule beside the first, in the same root. */
static void
add_second(struct conf *c)
{
	static struct conf_capsule both[2];
	static struct view host = VIEW_INIT("two.example.org");
	static struct conf_pair map = { VIEW_INIT("/"), VIEW_INIT("two.txt"),
		1 };

	both[0] = both[1] = c->capsules[0];
	both[1].hostname = (struct conf_list){ &host, 1 };
	both[1].selectors = (struct conf_pairs){ &map, 1 };
	c->capsules = both;
	c->n_capsules = 2;
}

static int
set_up(void **state)
{
	(void)state;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# Home\n=> /about About\n"));
	place_write(&place, "about.gmi", VIEW("About us\n"));
	place_write(&place, "two.txt", VIEW("Two\n"));
	place_write(&place, "files/note.txt", VIEW("a\nb\n"));
	place_write(&place, "files/dot.png", VIEW("\211PNG\r\n\032\n"));
	place_read(&place, conf);
	add_second(place.conf);
	place_load_read(&place);
	if (place.s == NULL)
		errx(1, "%s", place.told);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	place_close(&place);
	return 0;
}

struct example {
	const char *name;
	struct view request;
	int port;
	const char *sni;
	int status;
	struct view want;
	const char *selector; /* as logged; NULL: not looked at */
};

#define CASE(name, request, status, want, selector)                            \
	{                                                                      \
		name, VIEW_INIT(request), 0, "", status, VIEW_INIT(want),      \
		    selector                                                   \
	}
#define CASE_AT(name, port, sni, request, status, want)                        \
	{                                                                      \
		name, VIEW_INIT(request), port, sni, status, VIEW_INIT(want),  \
		    NULL                                                       \
	}

#define G "gemini://" HOST

static const struct example gemini[] = {
	CASE("the root", G "/\r\n", 20, HOME, "/"),
	CASE("an empty path is the root", G "\r\n", 20, HOME, "/"),
	CASE("a query alone", G "?q\r\n", 20, HOME, "/"),
	CASE("a query on a file", G "/about?a=b\r\n", 20, ABOUT, "/about"),
	CASE("a page", G "/about\r\n", 20, ABOUT, "/about"),
	CASE("scheme and host in capitals",
	    "GEMINI://CAPSULE.Example.ORG/about\r\n", 20, ABOUT, "/about"),
	CASE("a dot after the host", G "./about\r\n", 20, ABOUT, "/about"),
	CASE("an encoded host", "gemini://capsule%2Eexample.org/about\r\n", 20,
	    ABOUT, "/about"),
	CASE("another name of the capsule",
	    "gemini://www.example.org/about\r\n", 20, ABOUT, "/about"),
	CASE("another capsule", "gemini://two.example.org/\r\n", 20,
	    "20 text/plain\r\nTwo\n", "/"),
	CASE("dot segments", G "/x/.././about\r\n", 20, ABOUT, "/about"),
	CASE("encoded letters", G "/%61bout\r\n", 20, ABOUT, "/about"),
	CASE("an encoded question mark", G "/what%3F\r\n", 20, ABOUT, "/what?"),
	CASE("an encoded accent", G "/accented-%C3%A9\r\n", 20, ABOUT,
	    "/accented-\303\251"),
	CASE("plus is plus", G "/a+b\r\n", 51, LOST, "/a+b"),
	CASE("bytes after the request", G "/about\r\nmore", 20, ABOUT,
	    "/about"),
	CASE("not found", G "/nope\r\n", 51, LOST, "/nope"),
	CASE("a slash too many", G "/about/\r\n", 51, LOST, "/about/"),
	CASE("two slashes", G "//about\r\n", 51, LOST, "//about"),
	CASE("caps.txt is Gopher's", G "/caps.txt\r\n", 51, LOST, "/caps.txt"),
	CASE("moved", G "/old\r\n", 31, "31 /about\r\n", "/old"),
	CASE("moved for now", G "/soon\r\n", 30, "30 about\r\n", "/soon"),
	CASE("moved abroad", G "/abroad\r\n", 31, "31 https://example.org/\r\n",
	    "/abroad"),
	CASE("gone", G "/1998\r\n", 52, "52 Gone\r\n", "/1998"),
	CASE("a folder without its slash", G "/files\r\n", 31, "31 /files/\r\n",
	    "/files"),
	CASE("no query gets into that redirect", G "/files?x\r\n", 31,
	    "31 /files/\r\n", "/files"),
	CASE("a file's folder name without its slash", G "/deep\r\n", 31,
	    "31 /deep/\r\n", "/deep"),
	CASE("a file", G "/files/note.txt\r\n", 20, "20 text/plain\r\na\nb\n",
	    "/files/note.txt"),
	CASE("an image", G "/files/dot.png\r\n", 20,
	    "20 image/png\r\n\211PNG\r\n\032\n", "/files/dot.png"),
	CASE("above the root", G "/../x\r\n", 59,
	    "59 Bad path: it leads outside\r\n", "/../x"),
	CASE("above the root, encoded", G "/%2e%2e/x\r\n", 59,
	    "59 Bad path: it leads outside\r\n", "/%2e%2e/x"),
	CASE("an encoded slash", G "/files%2Fnote.txt\r\n", 59,
	    "59 Bad path: it leads outside\r\n", NULL),
	CASE("an encoded NUL", G "/%00\r\n", 59,
	    "59 Bad path: it leads outside\r\n", NULL),
	CASE("userinfo", "gemini://u@" HOST "/\r\n", 59, BAD,
	    "gemini://u@" HOST "/"),
	CASE("empty userinfo", "gemini://@" HOST "/\r\n", 59, BAD, NULL),
	CASE("a fragment", G "/#\r\n", 59, BAD, NULL),
	CASE("a byte order mark", "\357\273\277" G "/\r\n", 59, BAD, NULL),
	CASE("no scheme", "//" HOST "/\r\n", 59, BAD, NULL),
	CASE("a path alone", "/about\r\n", 59, BAD, "/about"),
	CASE("an empty line", "\r\n", 59, BAD, ""),
	CASE("words", "Hello Gemini!\r\n", 59, BAD, NULL),
	CASE("no authority", "gemini:/x\r\n", 59, BAD, NULL),
	CASE("an empty host", "gemini:///x\r\n", 59, BAD, NULL),
	CASE("a raw byte", G "/\334\r\n", 59, BAD, NULL),
	CASE("a blank", G "/a b\r\n", 59, BAD, NULL),
	CASE("half a percent", G "/%zz\r\n", 59, BAD, NULL),
	CASE("an https URL", "https://" HOST "/\r\n", 53,
	    "53 Only gemini is spoken here\r\n", "https://" HOST "/"),
	CASE("a gopher URL", "gopher://" HOST "/\r\n", 53,
	    "53 Only gemini is spoken here\r\n", NULL),
	CASE("an upload", "titan://" HOST "/x;size=1;mime=text/plain\r\nx", 50,
	    "50 Uploads are not accepted\r\n", NULL),
	CASE("another host", "gemini://wikipedia.org/\r\n", 53, ABROAD, NULL),
	CASE("an address", "gemini://192.0.2.1/\r\n", 53, ABROAD, NULL),
	CASE("an IPv6 address", "gemini://[2001:db8::1]/\r\n", 53, ABROAD,
	    NULL),
	CASE("another port", G ":443/\r\n", 53, ABROAD, NULL),
	CASE("a port that is none", G ":65536/\r\n", 59, BAD, NULL),
	CASE("the port", G ":1965/about\r\n", 20, ABOUT, NULL),
	CASE("an empty port", G ":/about\r\n", 20, ABOUT, NULL),
	CASE_AT("the local port", 1966, "", G ":1966/about\r\n", 20, ABOUT),
	CASE_AT("1965 is ours on any port", 1966, "", G ":1965/about\r\n", 20,
	    ABOUT),
	CASE_AT("no port on any port", 1966, "", G "/about\r\n", 20, ABOUT),
	CASE_AT("greeted by the same name", 0, HOST, G "/about\r\n", 20, ABOUT),
	CASE_AT("greeted by another name of it", 0, "WWW.example.org.",
	    G "/about\r\n", 20, ABOUT),
	CASE_AT("greeted by another capsule's name", 0, "two.example.org",
	    G "/about\r\n", 53, ABROAD),
	CASE_AT("greeted by a foreign name", 0, "example.net", G "/about\r\n",
	    20, ABOUT),
	CASE_AT("greeted by no name at all", 0, "..\1", G "/about\r\n", 20,
	    ABOUT),
};

#define MOVED_ "iWhat you asked for has moved:\t\t\t0\r\n"
#define FILES_                                                                 \
	"i/files/\t\t\t0\r\ni=======\t\t\t0\r\ni\t\t\t0\r\n"                   \
	"Idot.png\t/files/dot.png\t" HOST "\t70\r\n"                           \
	"0note.txt\t/files/note.txt\t" HOST "\t70\r\n.\r\n"
#define PLUS_                                                                  \
	"+-2\r\n+INFO: 1The <institute>\t\t" HOST                              \
	"\t70\r\n+ADMIN:\r\n Admin: webmaster@example.org\r\n"
#define HTTP_PAGE                                                              \
	"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>"           \
	"The &lt;institute&gt;</title></head><body><p>This port speaks "       \
	"Gopher, not HTTP. With a Gopher client: gopher://" HOST               \
	"/ and with a Gemini client: <a href=\"gemini://" HOST                 \
	"/\">gemini://" HOST "/</a></p></body></html>\r\n"
#define HTTP_                                                                  \
	"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"        \
	"Content-Length: 307\r\nConnection: close\r\n\r\n" HTTP_PAGE
#define URL_PAGE(url)                                                          \
	"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta "            \
	"http-equiv=\"refresh\" content=\"2;url=" url                          \
	"\"><title>Elsewhere</title></head><body><p>This link leads out of "   \
	"Gopher, to <a href=\"" url "\">" url "</a></p></body></html>\r\n"

static const struct example gopher[] = {
	CASE("the root", "\r\n", 20, HOME_, "/"),
	CASE("the root, with a slash", "/\r\n", 20, HOME_, "/"),
	CASE("bare LF", "/about\n", 20, ABOUT_, "/about"),
	CASE("a page", "/about\r\n", 20, ABOUT_, "/about"),
	CASE("a page without its slash", "about\r\n", 20, ABOUT_, "/about"),
	CASE("a page with a slash too many", "/about/\r\n", 20, ABOUT_,
	    "/about"),
	CASE("two slashes too many", "/about//\r\n", 51, LOST_, "/about//"),
	CASE("words to search for", "/about\twords\r\n", 20, ABOUT_, "/about"),
	CASE("a question mark is a byte", "/about?x\r\n", 51, LOST_,
	    "/about?x"),
	CASE("and may stand in a name", "/what?\r\n", 20, ABOUT_, "/what?"),
	CASE("nothing is decoded", "/%61bout\r\n", 51, LOST_, "/%61bout"),
	CASE("no dot segments", "/x/../about\r\n", 51, LOST_, NULL),
	CASE("UTF-8", "/accented-\303\251\r\n", 20, ABOUT_, NULL),
	CASE("a byte that is none", "/accented-\351\r\n", 51, LOST_, NULL),
	CASE("bytes after the request", "/about\r\nmore", 20, ABOUT_, NULL),
	CASE("a folder", "/files/\r\n", 20, FILES_, "/files/"),
	CASE("a folder without its slash", "/files\r\n", 20, FILES_, "/files"),
	CASE("a folder without any", "files\r\n", 20, FILES_, "/files"),
	CASE("a text", "/files/note.txt\r\n", 20, "a\r\nb\r\n",
	    "/files/note.txt"),
	CASE("an image", "/files/dot.png\r\n", 20, "\211PNG\r\n\032\n",
	    "/files/dot.png"),
	CASE("moved", "/old\r\n", 31,
	    MOVED_ "1/about\t/about\t" HOST "\t70\r\n.\r\n", "/old"),
	CASE("moved for now", "/soon\r\n", 30,
	    "iWhat you asked for is elsewhere for now:\t\t\t0\r\n1about\t"
	    "/about\t" HOST "\t70\r\n.\r\n",
	    "/soon"),
	CASE("moved abroad", "/abroad\r\n", 31,
	    MOVED_ "hhttps://example.org/\tURL:https://example.org/\t" HOST
		   "\t70\r\n.\r\n",
	    "/abroad"),
	CASE("gone", "/1998\r\n", 52, "3Gone\t\terror.host\t1\r\n.\r\n",
	    "/1998"),
	CASE("not found", "/nope\r\n", 51, LOST_, "/nope"),
	CASE("TLS without TLS", "\026\003\001\n", 51, LOST_, NULL),
	CASE("a NUL", "/a\0b\r\n", 59, BAD_, NULL),
	CASE("a URL", "URL:https://example.org/?a&b\r\n", 20,
	    URL_PAGE("https://example.org/?a&amp;b"), NULL),
	CASE("a URL with a slash", "/URL:gemini://example.org/\r\n", 20,
	    URL_PAGE("gemini://example.org/"), NULL),
	CASE("a URL that is markup", "URL:http://x/\"'<b>\r\n", 20,
	    URL_PAGE("http://x/&quot;&#39;&lt;b&gt;"), NULL),
	CASE("a scheme in capitals", "URL:MAILTO:a@example.org\r\n", 20,
	    URL_PAGE("MAILTO:a@example.org"), NULL),
	CASE("a script", "URL:javascript:alert(1)\r\n", 59, BAD_, NULL),
	CASE("a script with a blank", "URL: javascript:alert(1)\r\n", 59, BAD_,
	    NULL),
	CASE("data", "URL:data:text/html,x\r\n", 59, BAD_, NULL),
	CASE("a URL with a blank", "URL:http://x/ y\r\n", 59, BAD_, NULL),
	CASE("a URL that is not UTF-8", "URL:http://x/\351\r\n", 59, BAD_,
	    NULL),
	CASE("a scheme alone", "URL:http:\r\n", 59, BAD_, NULL),
	CASE("no URL", "URL:\r\n", 51, LOST_, NULL),
	CASE("a browser", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 59, HTTP_,
	    "GET / HTTP/1.1"),
	CASE("a browser that posts", "POST /x HTTP/1.1\r\n", 59, HTTP_, NULL),
	CASE("a browser that looks", "HEAD / HTTP/1.1\r\n", 59, HTTP_, NULL),
	CASE("the menu's attributes", "\t$\r\n", 20,
	    "+-2\r\n+INFO: iHome\t\t\t0\r\n+INFO: i====\t\t\t0\r\n"
	    "+INFO: 1About\t/about\t" HOST "\t70\r\n",
	    "/"),
	CASE("the root's attributes", "\t!\r\n", 20, PLUS_, "/"),
	CASE("a text's attributes", "/files/note.txt\t!\r\n", 20, PLUS_, NULL),
	CASE("a text is no menu", "/files/note.txt\t$\r\n", 20, PLUS_, NULL),
	CASE("a framed answer", "/files/note.txt\t+\r\n", 20,
	    "+-2\r\na\r\nb\r\n", NULL),
	CASE("a view of it", "/files/note.txt\t+text/plain\r\n", 20,
	    "+-2\r\na\r\nb\r\n", NULL),
	CASE("a framed menu", "/about\tx\t+\r\n", 20, "+-2\r\n" ABOUT_, NULL),
	CASE("attributes of nothing", "/nope\t!\r\n", 51, LOST_, "/nope"),
	CASE_AT("greeted by name", 0, "two.example.org", "\r\n", 20, "Two\r\n"),
	CASE_AT("greeted by a foreign name", 0, "example.net", "/about\r\n", 20,
	    ABOUT_),
};

static void
ask(const struct protocol *protocol, const struct example *e)
{
	bool is_gemini = protocol == &protocol_gemini;
	int port = e->port != 0 ? e->port : is_gemini ? 1965 : 70;
	struct peer peer = { view_of(e->sni), port, is_gemini };
	struct reply reply;

	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 1);
	if (!protocol->is_ready(e->request))
		fail_msg("%s: not ready", e->name);
	protocol->answer(place.s, &peer, e->request, &reply);
	if (reply.answer.status != e->status)
		fail_msg("%s: status %d, not %d", e->name, reply.answer.status,
		    e->status);
	if (!view_eq(reply.answer.bytes, e->want))
		fail_msg("%s: got \"%.*s\", want \"%.*s\"", e->name,
		    VIEW_ARG(reply.answer.bytes), VIEW_ARG(e->want));
	if (e->selector != NULL &&
	    !view_eq(reply.selector, view_of(e->selector)))
		fail_msg("%s: logged as \"%.*s\"", e->name,
		    VIEW_ARG(reply.selector));
	buf_fini(&reply.dynamic);
}

static void
gemini_says_exactly_this(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(gemini); i++)
		ask(&protocol_gemini, &gemini[i]);
}

static void
gopher_says_exactly_this(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(gopher); i++)
		ask(&protocol_gopher, &gopher[i]);
}

/* However the network cuts a request, nothing is decided before its end. */
static void
no_prefix_of_a_request_is_ready(void **state)
{
	struct view g = VIEW(G "/about?x\r\n"), m = VIEW("/about\tx\t+\r\n");
	size_t n;

	(void)state;
	for (n = 0; n < g.len; n++)
		assert_false(protocol_gemini.is_ready((struct view){ g.p, n }));
	for (n = 0; n < m.len - 1; n++)
		assert_false(protocol_gopher.is_ready((struct view){ m.p, n }));
	assert_true(protocol_gemini.is_ready(g));
	assert_true(protocol_gopher.is_ready(m));
}

/* Answer a URI of len bytes; returns the status. */
static int
status_of_length(size_t len)
{
	char request[GEMINI_REQUEST_MAX + 8];
	struct peer peer = { VIEW(""), 1965, true };
	struct reply reply;

	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 1);
	memset(request, 'x', sizeof(request));
	memcpy(request, G "/", sizeof(G "/") - 1);
	memcpy(request + len, "\r\n", 2);
	protocol_gemini.answer(place.s, &peer,
	    (struct view){ request, len + 2 }, &reply);
	return reply.answer.status;
}

static void
the_longest_uri_is_looked_up_and_a_longer_one_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of_length(GEMINI_URI_MAX), 51);
	assert_int_equal(status_of_length(GEMINI_URI_MAX + 1), 59);
}

static int
gopher_status_of_length(size_t len)
{
	char request[GOPHER_REQUEST_MAX];
	struct peer peer = { VIEW(""), 70, false };
	struct reply reply;

	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 1);
	memset(request, 'x', sizeof(request));
	memcpy(request + len, "\r\n", 2);
	protocol_gopher.answer(place.s, &peer,
	    (struct view){ request, len + 2 }, &reply);
	return reply.answer.status;
}

static void
the_longest_selector_is_looked_up_and_a_longer_one_refused(void **state)
{
	(void)state;
	assert_int_equal(gopher_status_of_length(GOPHER_SELECTOR_MAX), 51);
	assert_int_equal(gopher_status_of_length(GOPHER_SELECTOR_MAX + 1), 59);
}

static void
any_port_passes_without_the_check(void **state)
{
	struct example e =
	    CASE_AT("another port", 0, "", G ":443/about\r\n", 20, ABOUT);

	(void)state;
	place.s->check_port = false;
	ask(&protocol_gemini, &e);
	place.s->check_port = true;
}

/* What is prepared must not cost anything when it is sent. */
static void
an_ordinary_answer_allocates_nothing(void **state)
{
	struct peer peer = { VIEW(""), 70, false };
	struct reply reply;

	(void)state;
	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 1);
	protocol_gopher.answer(place.s, &peer, VIEW("/about\r\n"), &reply);
	assert_null(reply.dynamic.p);
	assert_ptr_equal(reply.answer.bytes.p,
	    place_find(&place, "/about")->gopher.bytes.p);
}

/* -- several capsules -- */

static const char many[] =
    "[capsule]\nhostname = a.org *.a.org\nroot = capsule\n"
    "[selectors]\n/ = index.gmi\n"
    "[capsule b]\nhostname = b.org x.a.org *.y.a.org\nroot = capsule\n"
    "[selectors b]\n/ = about.gmi\n/staff/ = files/\n"
    "[listing b]\n/staff/ = yes\n[access b]\n/staff/* = any\n"
    "[gopher b]\nlisten = 71\n"
    "[capsule c]\nhostname = b\303\274cher.example "
    "*.b\303\274cher.example\nroot = capsule\n[selectors c]\n"
    "/ = two.txt\n";

static const struct {
	const char *host;
	int site; /* -1: none */
} hosts[] = {
	{ "a.org", 0 }, { "w.a.org", 0 }, { "x.a.org", 1 }, { "y.a.org", 0 },
	{ "z.y.a.org", 1 }, { "z.x.a.org", -1 }, { "w.w.a.org", -1 },
	{ "b.org", 1 }, { "w.b.org", -1 }, { "org", -1 }, { "*.a.org", -1 },
	{ ".a.org", -1 }, { "*", -1 }, { ".", -1 }, { "", -1 },
	{ "xn--bcher-kva.example", 2 }, { "www.xn--bcher-kva.example", 2 },
	{ "b.a.org.", -1 }, /* not in normal form */
};

static void
a_host_leads_to_the_capsule_that_names_it_best(void **state)
{
	const struct site *site;
	const struct conf_capsule *capsule;
	size_t i;
	int got;

	(void)state;
	place_load(&place, many);
	assert_string_equal("", place.told);
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		site = snapshot_site(place.s, view_of(hosts[i].host));
		got = site == NULL ? -1 : (int)(site - place.s->sites);
		if (got != hosts[i].site)
			fail_msg("%s: %d", hosts[i].host, got);
		capsule = conf_capsule_of(place.conf, view_of(hosts[i].host));
		got = capsule == NULL ? -1
				      : (int)(capsule - place.conf->capsules);
		if (got != hosts[i].site)
			fail_msg("%s in conf: %d", hosts[i].host, got);
	}
}

/* Ask in plain Gopher at the port of that capsule. */
static void
expect_gopher(size_t site, const char *sni, const char *line, const char *want)
{
	struct peer peer = { .sni = view_of(sni), .port = 70, .site = site };
	struct reply reply = { .identified = false };

	buf_init(&reply.dynamic, 4096);
	protocol_gopher.answer(place.s, &peer, view_of(line), &reply);
	if (!view_eq(reply.answer.bytes, view_of(want)))
		fail_msg("%s: \"%.*s\"", line, VIEW_ARG(reply.answer.bytes));
	buf_fini(&reply.dynamic);
}

static void
gopher_gets_the_capsule_of_its_port_or_of_its_sni(void **state)
{
	(void)state;
	place_load(&place, many);
	expect_gopher(1, "", "\r\n", ABOUT_);
	expect_gopher(0, "b.org", "\r\n", ABOUT_);
	expect_gopher(2, "z.y.a.org", "\r\n", ABOUT_);
	expect_gopher(1, "xn--bcher-kva.example", "\r\n", "Two\r\n");
	expect_gopher(1, "elsewhere.example", "\r\n", ABOUT_);
	expect_gopher(1, "", "staff\r\n",
	    "3Only over Gemini, with a certificate\t\terror.host\t1\r\n"
	    ".\r\n");
	expect_gopher(1, "", "/nope\r\n", LOST_);
}

static const struct {
	const char *path;
	bool shown, valid;
	int status;
	bool identified;
} doors[] = {
	{ "/", true, true, 20, false },
	{ "/staff", true, true, 31, false },
	{ "/staff/note.txt", false, false, 60, false },
	{ "/staff/note.txt", true, false, 62, true },
	{ "/staff/note.txt", true, true, 20, true },
	{ "/staff/nope", false, false, 60, false },
	{ "/staff/nope", true, true, 51, true },
	{ "/nope", true, true, 51, false },
};

static void
a_certificate_is_looked_at_where_a_rule_holds(void **state)
{
	struct peer_certificate shown = { .not_before = 0 };
	struct peer peer = { .sni = VIEW("b.org"), .port = 1965, .tls = true };
	struct reply reply;
	char line[64];
	size_t i;

	(void)state;
	place_load(&place, many);
	for (i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		shown.not_after = doors[i].valid ? 4102444800 : 0;
		peer.certificate = doors[i].shown ? &shown : NULL;
		reply = (struct reply){ .identified = false };
		buf_init(&reply.dynamic, 4096);
		snprintf(line, sizeof(line), "gemini://b.org%s\r\n",
		    doors[i].path);
		protocol_gemini.answer(place.s, &peer, view_of(line), &reply);
		if (reply.answer.status != doors[i].status ||
		    reply.identified != doors[i].identified)
			fail_msg("%s: %d", doors[i].path, reply.answer.status);
		buf_fini(&reply.dynamic);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gemini_says_exactly_this),
		cmocka_unit_test(gopher_says_exactly_this),
		cmocka_unit_test(no_prefix_of_a_request_is_ready),
		cmocka_unit_test(
		    the_longest_uri_is_looked_up_and_a_longer_one_refused),
		cmocka_unit_test(
		    the_longest_selector_is_looked_up_and_a_longer_one_refused),
		cmocka_unit_test(any_port_passes_without_the_check),
		cmocka_unit_test(an_ordinary_answer_allocates_nothing),
		cmocka_unit_test(
		    a_host_leads_to_the_capsule_that_names_it_best),
		cmocka_unit_test(
		    gopher_gets_the_capsule_of_its_port_or_of_its_sni),
		cmocka_unit_test(a_certificate_is_looked_at_where_a_rule_holds),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
