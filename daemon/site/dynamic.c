/*
 * dynamic.c - what applications are asked, and how their answers begin.
 *
 * Floor site.  Pure: who is asked, over which socket and for how long, is
 * net/relay.c's business.  Of an answer only the beginning is looked at.
 */
#include "site/dynamic.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "format/cgi.h"
#include "format/gemini.h"
#include "format/gopher.h"

#define REFUSAL_MAX 256 /* bytes of a refusal of ours, header or menu */

/* Bytes that may come before a header's line end: status, blank and meta. */
#define HEADER_MAX (2 + 1 + GEMINI_META_MAX + 1)

/* -- the question -- */

/* Where a selector leads, as CGI has it. */
struct place {
	struct view name; /* SCRIPT_NAME */
	struct view info; /* PATH_INFO */
	struct view part; /* of info: the script, where a folder holds them */
};

/* True if what lies below an application means one thing only. */
static bool
is_clean(struct view below)
{
	struct view part;

	for (below = view_skip(below, 1); below.p != NULL;) {
		part = view_cut(&below, '/');
		if ((part.len == 0 && below.p != NULL) ||
		    view_eq(part, VIEW(".")) || view_eq(part, VIEW("..")))
			return false;
	}
	return true;
}

/*
 * Split the selector: what the map or a folder of scripts knows of it is the
 * script, what follows is for the script to understand.
 */
static bool
find_place(const struct dynamic *d, struct place *to)
{
	struct view mapped = d->app->mapped;

	*to = (struct place){ d->selector, VIEW(""), VIEW("") };
	if (view_has_suffix(mapped, VIEW("/"))) {
		to->name = (struct view){ mapped.p, mapped.len - 1 };
		to->info = view_skip(d->selector, mapped.len - 1);
		if (!is_clean(to->info))
			return false;
	}
	if (!view_has_suffix(d->app->script, VIEW("/")))
		return true;
	to->info = view_skip(to->info, 1);
	while (to->part.len < to->info.len && to->info.p[to->part.len] != '/')
		to->part.len++;
	to->part.p = to->info.p;
	to->info = view_skip(to->info, to->part.len);
	to->name.p = d->selector.p;
	to->name.len = mapped.len + to->part.len;
	/* What starts with a dot was not put there to be run. */
	return to->part.len > 0 && to->part.p[0] != '.';
}

static void
put_env(struct buf *env, const char *name, const char *value)
{
	cgi_env_put(env, name, view_of(value));
}

static void
put_script(struct buf *env, const struct target *app, const struct place *at)
{
	char room[CONF_LINE_MAX + GEMINI_URI_MAX];
	struct buf file = { room, 0, sizeof(room), sizeof(room), false };

	buf_put(&file, app->script);
	buf_put(&file, at->part);
	cgi_env_put(env, "SCRIPT_NAME", at->name);
	cgi_env_put(env, "PATH_INFO", at->info);
	if (file.len > 0)
		cgi_env_put(env, "SCRIPT_FILENAME", buf_view(&file));
	cgi_env_put(env, "DOCUMENT_ROOT", app->root);
	if (file.failed)
		env->failed = true;
}

static void
put_certificate(struct buf *env, const struct peer_certificate *c)
{
	char hash[sizeof("SHA256:") + 2 * ACCESS_HASH_LEN] = "SHA256:";
	char stamp[CLOCK_STAMP_MAX];
	size_t i;

	for (i = 0; i < ACCESS_HASH_LEN; i++)
		snprintf(hash + strlen(hash), 3, "%02X", c->sha256[i]);
	put_env(env, "AUTH_TYPE", "CERTIFICATE");
	put_env(env, "REMOTE_USER", c->subject);
	put_env(env, "TLS_CLIENT_HASH", hash);
	put_env(env, "TLS_CLIENT_SUBJECT", c->subject);
	put_env(env, "TLS_CLIENT_ISSUER", c->issuer);
	put_env(env, "TLS_CLIENT_NOT_BEFORE",
	    clock_stamp(c->not_before, stamp, sizeof(stamp)));
	put_env(env, "TLS_CLIENT_NOT_AFTER",
	    clock_stamp(c->not_after, stamp, sizeof(stamp)));
}

static void
put_peer(struct buf *env, const struct peer *peer)
{
	struct peer_details details = { "", "", "" };
	char version[32];

	if (peer->describe != NULL)
		peer->describe(peer, &details);
	put_env(env, "REMOTE_ADDR", details.address);
	put_env(env, "REMOTE_HOST", details.address);
	if (peer->tls) {
		snprintf(version, sizeof(version), "TLSv%s",
		    details.tls_version);
		put_env(env, "TLS_VERSION", version);
		put_env(env, "TLS_CIPHER", details.tls_cipher);
	}
	if (peer->certificate != NULL)
		put_certificate(env, peer->certificate);
}

/* Words typed at a prompt come encoded; forms of a kind hold a "=". */
static void
put_words(struct buf *env, const char *name, const struct dynamic *d)
{
	char room[GEMINI_URI_MAX];
	struct buf words = { room, 0, sizeof(room), sizeof(room), false };

	if (d->query.len == 0 || memchr(d->query.p, '=', d->query.len) != NULL)
		return;
	if (uri_decode(&words, d->query) == URI_OK)
		cgi_env_put(env, name, buf_view(&words));
}

static void
put_gemini(struct buf *env, const struct dynamic *d)
{
	cgi_env_put(env, "GEMINI_URL", d->line);
	cgi_env_put(env, "GEMINI_URL_PATH", d->uri->path);
	cgi_env_put(env, "QUERY_STRING", d->query);
	put_words(env, "GEMINI_SEARCH_STRING", d);
}

/* A menu's link carries an encoded query, and a search words as they are. */
static void
put_gopher(struct buf *env, const struct dynamic *d)
{
	char room[3 * GOPHER_REQUEST_MAX];
	struct buf query = { room, 0, sizeof(room), sizeof(room), false };

	if (d->query.len == 0)
		uri_encode_component(&query, d->words);
	else
		buf_put(&query, d->query);
	cgi_env_put(env, "QUERY_STRING", buf_view(&query));
	if (d->words.len > 0)
		cgi_env_put(env, "SEARCHREQUEST", d->words);
	else
		put_words(env, "SEARCHREQUEST", d);
}

bool
dynamic_ask(const struct dynamic *d, struct reply *reply)
{
	struct buf *env = &reply->dynamic;
	struct place at;

	if (!find_place(d, &at))
		return false;
	buf_reset(env);
	env->max = CGI_ENV_MAX;
	put_env(env, "GATEWAY_INTERFACE", "CGI/1.1");
	put_env(env, "SERVER_SOFTWARE", "capsuled/" CAPSULED_VERSION);
	put_env(env, "SERVER_PROTOCOL", d->protocol);
	put_env(env, "REQUEST_METHOD",
	    "GET"); /* PHP and others insist on one */
	cgi_env_put(env, "SERVER_NAME", d->host);
	cgi_env_put_number(env, "SERVER_PORT", d->port);
	put_script(env, d->app, &at);
	put_peer(env, d->peer);
	if (d->uri != NULL)
		put_gemini(env, d);
	else
		put_gopher(env, d);
	if (env->failed) {
		buf_reset(env);
		return false;
	}
	reply->app = d->app;
	/* Until it says something better. */
	reply->answer = (struct answer){ .status = GEMINI_CGI_ERROR };
	reply->answer.bytes = VIEW("");
	return true;
}

/* -- refusals -- */

static const struct {
	int status;
	const char *words;
} failures[ANSWER_FAILURES] = {
	[ANSWER_BROKEN] = { GEMINI_CGI_ERROR, "The application failed" },
	[ANSWER_SLOW] = { GEMINI_CGI_ERROR, "The application is too slow" },
	[ANSWER_DOWN] = { GEMINI_PROXY_ERROR, "The application is not there" },
	[ANSWER_MISSING] = { GEMINI_NOT_FOUND, "Not found" },
	[ANSWER_CLOSED] = { GEMINI_TEMPORARY_FAILURE,
	    "This file cannot be opened just now" },
};

static void
finish_refusal(enum answer_failure why, struct reply *reply)
{
	reply->answer = (struct answer){ .status = failures[why].status };
	reply->answer.bytes = buf_view(&reply->dynamic);
}

void
dynamic_gemini_refuse(enum answer_failure why, struct reply *reply)
{
	buf_reset(&reply->dynamic);
	reply->dynamic.max = REFUSAL_MAX;
	gemini_header(&reply->dynamic, failures[why].status,
	    view_of(failures[why].words));
	finish_refusal(why, reply);
}

void
dynamic_gopher_refuse(enum answer_failure why, struct reply *reply)
{
	buf_reset(&reply->dynamic);
	reply->dynamic.max = REFUSAL_MAX;
	gopher_error_write(&reply->dynamic, view_of(failures[why].words));
	buf_puts(&reply->dynamic, GOPHER_LASTLINE);
	finish_refusal(why, reply);
}

/* -- how answers begin -- */

/*
 * What a "Status:" meant for the web says: nothing if it went well, else why
 * not.  What may not be run is not there for visitors.
 */
static bool
is_web_failure(struct view status, enum answer_failure *why)
{
	struct view number = view_cut(&status, ' ');
	unsigned long n;

	if (number.len != 3 || view_to_number(number, 999, &n) != 0 || n < 400)
		return false;
	*why =
	    n == 403 || n == 404 || n == 410 ? ANSWER_MISSING : ANSWER_BROKEN;
	return true;
}

/* Begin a Gemini answer with line, whose end is taken off already. */
static enum answer_head
begin_gemini(struct view line, struct reply *reply)
{
	struct view meta;
	int status;

	if (gemini_response_parse(line, &status, &meta) == -1) {
		dynamic_gemini_refuse(ANSWER_BROKEN, reply);
		return ANSWER_FAILED;
	}
	reply->answer.status = status;
	/* Written anew: the line's end and an empty meta are mended. */
	gemini_header(&reply->dynamic, status, meta);
	return ANSWER_BEGUN;
}

enum answer_head
dynamic_gemini_head(struct view so_far, bool ended, struct reply *reply,
    size_t *used)
{
	struct cgi_head cgi = { 0, VIEW("") };
	enum cgi_parse parsed = cgi_head_parse(so_far, &cgi);
	struct view rest = view_skip(so_far, cgi.len), line;
	enum answer_failure why = ANSWER_BROKEN;
	struct view meta;
	int status;

	if (parsed == CGI_MORE && !ended)
		return ANSWER_MORE;
	*used = cgi.len;
	if (gemini_response_parse(cgi.status, &status, &meta) == 0)
		return begin_gemini(cgi.status, reply);
	line = view_cut(&rest, '\n');
	if (!is_web_failure(cgi.status, &why) && rest.p == NULL && !ended &&
	    line.len <= HEADER_MAX)
		return ANSWER_MORE;
	if (is_web_failure(cgi.status, &why) || rest.p == NULL) {
		dynamic_gemini_refuse(why, reply);
		return ANSWER_FAILED;
	}
	*used = so_far.len - rest.len;
	if (view_has_suffix(line, VIEW("\r")))
		line.len--;
	return begin_gemini(line, reply);
}

enum answer_head
dynamic_gopher_head(struct view so_far, bool ended, struct reply *reply,
    size_t *used)
{
	struct cgi_head cgi = { 0, VIEW("") };
	enum cgi_parse parsed = cgi_head_parse(so_far, &cgi);
	enum answer_failure why = ANSWER_BROKEN;
	bool failed = is_web_failure(cgi.status, &why);
	struct view meta;
	int status;

	if (parsed == CGI_MORE && !ended)
		return ANSWER_MORE;
	if (gemini_response_parse(cgi.status, &status, &meta) == 0)
		failed = status / 10 != 2;
	if (failed || so_far.len == 0) {
		dynamic_gopher_refuse(why, reply);
		return ANSWER_FAILED;
	}
	*used = cgi.len;
	reply->answer.status = GEMINI_SUCCESS;
	buf_put(&reply->dynamic, reply->answer.bytes); /* of Gopher+ */
	return ANSWER_BEGUN;
}
