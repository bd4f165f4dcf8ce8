/*
 * fuzz_uri.c - what is parsed can be put together again; what is resolved is
 * a reference; what is decoded comes back from its encoding.
 *
 * An input is BASE LF REFERENCE; without LF the base is "gemini://h/a/b".
 */
#include <stdint.h>
#include <stdlib.h>

#include "format/uri.h"

#define OUT_MAX (1 << 20) /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Section 5.3: the parts of a reference, put together, are the reference. */
static void
recompose(struct view text, const struct uri *u)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
	buf_put(&b, u->scheme);
	buf_puts(&b, u->scheme.len > 0 ? ":" : "");
	buf_puts(&b, u->has_authority ? "//" : "");
	buf_put(&b, u->userinfo);
	buf_puts(&b, u->has_userinfo ? "@" : "");
	buf_put(&b, u->host);
	buf_puts(&b, u->has_port ? ":" : "");
	buf_put(&b, u->port);
	buf_put(&b, u->path);
	buf_puts(&b, u->has_query ? "?" : "");
	buf_put(&b, u->query);
	buf_puts(&b, u->has_fragment ? "#" : "");
	buf_put(&b, u->fragment);
	must(view_eq(buf_view(&b), text));
	buf_fini(&b);
}

static void
resolve(const struct uri *base, const struct uri *ref)
{
	struct uri target;
	struct buf b;

	buf_init(&b, OUT_MAX);
	uri_resolve(&b, base, ref);
	must(!b.failed);
	must(uri_parse(buf_view(&b), &target) == URI_OK);
	recompose(buf_view(&b), &target);
	if (ref->scheme.len > 0 || base->scheme.len > 0)
		must(target.scheme.len > 0);
	if (ref->has_authority || (ref->scheme.len == 0 && base->has_authority))
		must(target.has_authority);
	else
		must(!target.has_authority);
	buf_fini(&b);
}

static void
selector(struct view path)
{
	struct buf once, encoded, twice;
	struct view v;

	buf_init(&once, OUT_MAX);
	buf_init(&encoded, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	if (uri_path_to_selector(&once, path) == URI_OK) {
		v = buf_view(&once);
		must(v.len > 0 && v.p[0] == '/');
		must(memchr(v.p, '\0', v.len) == NULL);
		uri_encode_path(&encoded, v);
		must(
		    uri_path_to_selector(&twice, buf_view(&encoded)) == URI_OK);
		must(view_eq(buf_view(&twice), v));
		/* No segment leads upwards any more. */
		for (v = view_skip(v, 1); v.p != NULL;)
			must(!view_eq(view_cut(&v, '/'), VIEW("..")));
	} else
		must(once.len == 0);
	buf_fini(&once);
	buf_fini(&encoded);
	buf_fini(&twice);
}

/* The form in which hosts are compared is its own form. */
static void
host(struct view h)
{
	struct buf once, twice;

	buf_init(&once, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	if (uri_normalise_host(&once, h) == URI_OK) {
		must(once.len > 0 && once.len <= URI_HOST_MAX);
		if (memchr(once.p, '%', once.len) == NULL &&
		    once.p[once.len - 1] != '.') {
			must(uri_normalise_host(&twice, buf_view(&once)) ==
			    URI_OK);
			must(view_eq(buf_view(&once), buf_view(&twice)));
		}
	} else
		must(once.len == 0);
	buf_fini(&once);
	buf_fini(&twice);
}

static void
component(struct view v)
{
	struct buf encoded, back;

	buf_init(&encoded, OUT_MAX);
	buf_init(&back, OUT_MAX);
	uri_encode_component(&encoded, v);
	must(uri_decode(&back, buf_view(&encoded)) == URI_OK);
	must(view_eq(buf_view(&back), v));
	buf_fini(&encoded);
	buf_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = { (const char *)data, size };
	struct view text = view_cut(&rest, '\n');
	struct uri base, ref;

	component(text);
	host(text);
	selector(text);
	if (rest.p == NULL) {
		rest = text;
		text = VIEW("gemini://h/a/b");
	}
	if (uri_parse(text, &base) != URI_OK || uri_parse(rest, &ref) != URI_OK)
		return 0;
	recompose(text, &base);
	recompose(rest, &ref);
	resolve(&base, &ref);
	selector(ref.path);
	if (ref.has_authority)
		host(ref.host);
	return 0;
}
