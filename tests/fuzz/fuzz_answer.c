/*
 * fuzz_answer.c - whatever is asked, the answer is one that the protocol
 * knows, and nothing that was sent comes back as markup.
 *
 * The first byte of the input chooses protocol, SNI and port.
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/cgi.h"
#include "format/gemini.h"
#include "format/gopher.h"
#include "site/answer.h"

#include "../unit/place.h"

/* Tags in a page that html_redirect makes of any URL. */
#define URL_PAGE_TAGS 15

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static const struct snapshot *
snapshot(void)
{
	/* The leak check does not look for pointers in arenas. */
	static struct arena *volatile arenas[2];
	static struct place place;

	if (place.s != NULL)
		return place.s;
	place_open(&place);
	place_write(&place, "index.gmi", VIEW("# Home\n=> /about About\n"));
	place_write(&place, "about.gmi", VIEW("About us\n"));
	place_write(&place, "files/note.txt", VIEW("a\nb\n"));
	place_write(&place, "files/dot.png", VIEW("\211PNG\r\n\032\n"));
	place_fill(&place, "files/large.bin", 'x',
	    (size_t)SNAPSHOT_INLINE_MAX + 1);
	place_load(&place,
	    "[capsule]\nhostname = a.example.org b.example.org\n"
	    "root = capsule\ntitle = A\nadmin = a@example.org\n"
	    "[selectors]\n/ = index.gmi\n/about = about.gmi\n"
	    "/files/ = files/\n/old = @redirect /about\n/1998 = @gone\n"
	    "/app/ = @fastcgi 127.0.0.1:9000\n"
	    "/cgi/ = @scgi unix:/a.sock /srv/cgi/\n"
	    "[listing]\n/files/ = yes\n");
	place_clear(&place);
	must(place.s != NULL);
	arenas[0] = place.s->arena;
	arenas[1] = place.conf->arena;
	return place.s;
}

static size_t
count(struct view v, char c)
{
	size_t i, n = 0;

	for (i = 0; i < v.len; i++)
		n += v.p[i] == c;
	return n;
}

/* A header as A2 of the specification has it, and no body but after 2x. */
static void
check_gemini(const struct answer *a)
{
	const char *end = memchr(a->bytes.p, '\n', a->bytes.len);
	size_t len;

	must(gemini_status_is_defined(a->status));
	must(end != NULL && end > a->bytes.p && end[-1] == '\r');
	len = (size_t)(end - a->bytes.p) + 1;
	must(len > 5 && len <= 3 + GEMINI_META_MAX + 2);
	must(a->bytes.p[0] == '0' + a->status / 10);
	must(a->bytes.p[1] == '0' + a->status % 10);
	must(a->bytes.p[2] == ' ' && a->bytes.p[3] != ' ');
	must(a->status / 10 == 2 || (len == a->bytes.len && a->rest.size == 0));
}

static void
check_gopher(const struct answer *a, const struct reply *reply)
{
	must(gemini_status_is_defined(a->status));
	must(a->rest.size > 0 || a->bytes.len > 0);
	/* Only pages for URLs, menus for redirects and Gopher+ are made on the
	 * spot. */
	if (reply->dynamic.len == 0 || a->bytes.p != reply->dynamic.p)
		return;
	must(a->status / 10 != 4);
	if (view_has_prefix(a->bytes, VIEW("<!DOCTYPE html>")))
		must(count(a->bytes, '<') == URL_PAGE_TAGS &&
		    count(a->bytes, '>') == URL_PAGE_TAGS);
	else
		must(a->status / 10 == 3 ||
		    view_has_prefix(a->bytes, VIEW("+-2\r\n")));
}

static void
describe(const struct peer *peer, struct peer_details *to)
{
	(void)peer;
	*to = (struct peer_details){ "192.0.2.1", "1.3", "AES" };
}

/*
 * Every variable has a name, none stands twice, and no path leads anywhere but
 * down; then the request is taken for the beginning of an answer.
 */
static void
check_question(struct reply *reply, struct view in,
    const struct protocol *protocol)
{
	struct view env = buf_view(&reply->dynamic), name, value;
	bool has_info = false;
	size_t used = 0;

	must(!reply->dynamic.failed && env.len <= CGI_ENV_MAX);
	while (env.len > 0) {
		name = view_cut(&env, '\0');
		must(name.len > 0 && env.p != NULL);
		value = view_cut(&env, '\0');
		must(env.p != NULL);
		if (!view_eq(name, VIEW("PATH_INFO")))
			continue;
		must(!has_info);
		has_info = true;
		must(value.len == 0 || value.p[0] == '/');
		must(!view_has_prefix(value, VIEW("/../")) &&
		    !view_eq(value, VIEW("/..")) &&
		    !view_has_prefix(value, VIEW("//")));
	}
	must(has_info);
	buf_reset(&reply->dynamic);
	reply->dynamic.max = CGI_HEAD_MAX;
	switch (protocol->head(in, true, reply, &used)) {
	case ANSWER_MORE:
		abort();
	case ANSWER_FAILED:
		if (protocol == &protocol_gemini)
			check_gemini(&reply->answer);
		break;
	case ANSWER_BEGUN:
		must(used <= in.len);
		must(gemini_status_is_defined(reply->answer.status));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "", "a.example.org",
		"B.Example.org.", "example.net" };
	const struct snapshot *s = snapshot();
	struct view in =
	    view_skip((struct view){ (const char *)data, size }, 1);
	const struct protocol *protocol;
	struct peer peer = { .site = 0 };
	struct reply reply;

	if (size == 0)
		return 0;
	peer.describe = describe;
	protocol = data[0] & 1 ? &protocol_gopher : &protocol_gemini;
	peer.sni = view_of(names[data[0] >> 1 & 3]);
	peer.port = data[0] & 8 ? 1966 : 1965;
	peer.tls = peer.sni.len > 0;
	peer.too_fast = data[0] & 16;
	memset(&reply, 0, sizeof(reply));
	buf_init(&reply.dynamic, 0);
	must(protocol->is_ready(in) || in.len < protocol->request_max);
	if (protocol->is_ready(in)) {
		protocol->answer(s, &peer, in, &reply);
		if (reply.app != NULL)
			check_question(&reply, in, protocol);
		else if (protocol == &protocol_gemini)
			check_gemini(&reply.answer);
		else
			check_gopher(&reply.answer, &reply);
	}
	buf_fini(&reply.dynamic);
	return 0;
}
