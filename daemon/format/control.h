/*
 * control.h - what capsulectl and the master say to each other.
 *
 * A line in: a word, or a word and its argument.  Lines out: a key, a blank
 * and a value each; the last line is a word alone, "done" or "failed".
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/problem.h"
#include "base/view.h"
#include "format/prometheus.h"

#define CONTROL_LINE_MAX 256 /* bytes of a request, its line end included */
#define CONTROL_ANSWER_MAX                                                     \
	((size_t)2 << 20) /* bytes; a status of 256 capsules takes a tenth */

enum control_word {
	CONTROL_STATUS,    /* what the daemon counts */
	CONTROL_RELOAD,    /* as HUP, with the result; "accept-empty" or nothing
			    * is its argument */
	CONTROL_LOG_LEVEL, /* its argument is the level */
	CONTROL_STOP       /* as TERM */
};

struct control_request {
	enum control_word word;
	enum log_level level; /* of CONTROL_LOG_LEVEL */
	bool accept_empty;    /* of CONTROL_RELOAD: what roots that are gone or
			       * empty had goes, too */
};

enum control_parse {
	CONTROL_OK,   /* a whole request was read */
	CONTROL_MORE, /* no line end yet; read and try again */
	CONTROL_BAD   /* can never become a request */
};

/*
 * Read one request from the bytes received so far; what follows its line is
 * not looked at.  The line ends with LF or CRLF.
 *
 * Fills *to on CONTROL_OK, and *why, a sentence that lives for ever, on
 * CONTROL_BAD: a line over CONTROL_LINE_MAX, an unknown word, an argument that
 * is none or one too many.  Never logs, never allocates.
 */
enum control_parse control_request_parse(struct view in,
    struct control_request *to, const char **why);

/*
 * Append "KEY VALUE\n".  A byte that no line may hold becomes a "?", in the
 * key a blank, too: whatever is told, it is one line.
 */
void control_put(struct buf *to, const char *key, struct view value);

/*
 * Append a line of that key for each of ps, and one that says how many more
 * there are if there is no room for all, or n, which counts those that are not
 * in ps, too, is larger.
 */
void control_put_problems(struct buf *to, const char *key, struct problems *ps,
    size_t n);

/*
 * Append a count: its key is the name, suffix and the labels' values with
 * dots between, as "requests_total.gemini.20".
 */
void control_put_sample(struct buf *to, const char *name, const char *suffix,
    const struct prometheus_label *labels, size_t n, int64_t value);

/* Append the last line. */
void control_put_end(struct buf *to, bool done);

enum control_verdict {
	CONTROL_DONE,
	CONTROL_FAILED,
	CONTROL_CUT,    /* the last line is missing, or half of it */
	CONTROL_FOREIGN /* that is no answer of capsuled */
};

/* Look at all of an answer: every line, and how it ends. */
enum control_verdict control_judge(struct view answer);

/*
 * Cut the next line off the front of a whole answer; false at its last line.
 * Views borrow from answer.
 */
bool control_next(struct view *rest, struct view *key, struct view *value);

#endif
