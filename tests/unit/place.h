/*
 * place.h - a temporary folder with a configuration and a capsule in it.
 *
 * For tests of what reads files.  What cannot be set up ends the process:
 * a test of nothing must not pass.
 */
#ifndef PLACE_H
#define PLACE_H

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/problem.h"
#include "site/conf.h"
#include "site/loader.h"

#define PLACE_FILE_MAX 400 /* bytes of a name below the place */

struct place {
	char path[PATH_MAX / 2];
	struct problems *ps;
	struct conf *conf;
	struct snapshot *s;
	char *told; /* every problem, a line each; the place's path left out */
	char *warned; /* likewise, what is unwise */
};

/* The whole name of what is called name in the capsule. */
static inline const char *
place_name(const struct place *p, const char *name)
{
	static char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/capsule/%s", p->path, name);
	return whole;
}

static inline void
place_open(struct place *p)
{
	const char *tmp = getenv("TMPDIR");

	memset(p, 0, sizeof(*p));
	snprintf(p->path, sizeof(p->path), "%s/capsuled.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(p->path) == NULL || mkdir(place_name(p, ""), 0755) < 0)
		err(1, "%s", p->path);
	log_to((struct log_sink){ LOG_TO_NONE, -1 },
	    (struct log_sink){ LOG_TO_NONE, -1 });
}

/* Make every folder that name, below the capsule, lies in. */
static inline void
place_make_folders(const struct place *p, const char *name)
{
	char part[PLACE_FILE_MAX];
	const char *slash = name;

	while ((slash = strchr(slash, '/')) != NULL) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (mkdir(place_name(p, part), 0755) < 0 && errno != EEXIST)
			err(1, "%s", part);
		slash++;
	}
}

static inline void
place_write(const struct place *p, const char *name, struct view text)
{
	FILE *file;

	place_make_folders(p, name);
	if ((file = fopen(place_name(p, name), "w")) == NULL ||
	    fwrite(text.p, 1, text.len, file) != text.len || fclose(file) != 0)
		err(1, "%s", name);
}

/* A file of size bytes, the same letter over and over. */
static inline void
place_fill(const struct place *p, const char *name, char c, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		err(1, "%s", name);
	memset(text, c, size);
	place_write(p, name, (struct view){ text, size });
	free(text);
}

static inline void
place_link(const struct place *p, const char *name, const char *target)
{
	place_make_folders(p, name);
	if (symlink(target, place_name(p, name)) < 0)
		err(1, "%s", name);
}

static inline void
place_fifo(const struct place *p, const char *name)
{
	place_make_folders(p, name);
	if (mkfifo(place_name(p, name), 0644) < 0)
		err(1, "%s", name);
}

/* What the first capsule has at selector, or NULL; four live at a time. */
static inline const struct entry *
place_find(const struct place *p, const char *selector)
{
	static struct entry found[4];
	static unsigned next;
	struct entry *to = &found[next++ % 4];

	return site_find(&p->s->sites[0], view_of(selector), to) ? to : NULL;
}

/* Forget what was loaded, keep the files. */
static inline void
place_unload(struct place *p)
{
	snapshot_free(p->s);
	conf_free(p->conf);
	problems_free(p->ps);
	free(p->told);
	free(p->warned);
	p->warned = NULL;
	p->s = NULL;
	p->conf = NULL;
	p->ps = NULL;
	p->told = NULL;
}

/* Read a configuration from text; p->conf is only for use without problems. */
static inline void
place_read(struct place *p, const char *text)
{
	char path[PATH_MAX], *writable = strdup(text);
	FILE *file;

	place_unload(p);
	snprintf(path, sizeof(path), "%s/capsuled.ini", p->path);
	if (writable == NULL ||
	    (file = fmemopen(writable, strlen(text), "r")) == NULL)
		err(1, "configuration");
	p->ps = problems_new();
	p->conf = conf_read(file, path, p->ps);
	fclose(file);
	free(writable);
}

static inline char *
place_tell(const struct place *p, struct problems *ps)
{
	size_t i, len = strlen(p->path), size;
	const char *at;
	char *text;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		err(1, "problems");
	for (i = 0; i < problems_count(ps); i++) {
		for (at = problems_get(ps, i); *at != '\0'; at++)
			if (strncmp(at, p->path, len) == 0 && at[len] == '/')
				at += len;
			else
				fputc(*at, to);
		fputc('\n', to);
	}
	fclose(to);
	return text;
}

/* Load what was read; p->s is NULL if there were problems. */
static inline void
place_load_read(struct place *p)
{
	/* 70, 71 and so on. */
	static const int ports[] = { 70, 71, 72, 73 };
	struct problems *notes = problems_new();

	if (problems_count(p->ps) == 0)
		p->s = loader_load(p->conf, ports, p->ps, notes);
	p->told = place_tell(p, p->ps);
	p->warned = place_tell(p, notes);
	problems_free(notes);
}

static inline void
place_load(struct place *p, const char *text)
{
	place_read(p, text);
	place_load_read(p);
}

static inline int
place_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* Remove the files; what was loaded stays. */
static inline void
place_clear(const struct place *p)
{
	(void)nftw(p->path, place_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void
place_close(struct place *p)
{
	place_unload(p);
	place_clear(p);
}

#endif
