/*
 * fuzz_conf.c - whatever the file holds, there are problems to tell, or a
 * configuration that is read again as it was printed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/conf.h"

#define FUZZ_MAX 65536 /* bytes of a file; more only costs time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A problem is one line; and what inih refuses, we have refused before. */
static void
check(const char *problem, const char *path)
{
	const char *sentence = problem + strlen(path);

	if (strncmp(problem, path, strlen(path)) != 0 || *sentence != ':' ||
	    strchr(problem, '\n') != NULL)
		abort();
	sentence += strspn(sentence, ":0123456789");
	if (strcmp(sentence, " inih cannot read this") == 0)
		abort();
}

/* Read text as the file that is called path; NULL if there were problems. */
static struct conf *
read_bytes(const void *text, size_t size, const char *path)
{
	struct problems *ps = problems_new();
	/* An empty one may be refused: a line end changes nothing. */
	FILE *file = size == 0 ? fmemopen((char[]){ "\n" }, 1, "r")
			       : fmemopen((void *)(uintptr_t)text, size, "r");
	struct conf *conf;
	size_t i;

	if (file == NULL)
		abort();
	conf = conf_read(file, path, ps);
	for (i = 0; i < problems_count(ps); i++)
		check(problems_get(ps, i), path);
	if (problems_count(ps) > 0) {
		conf_free(conf);
		conf = NULL;
	}
	problems_free(ps);
	fclose(file);
	return conf;
}

static char *
print(const struct conf *conf, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	if (to == NULL)
		abort();
	conf_print(conf, to);
	fclose(to);
	return text;
}

static void
there_and_back(const uint8_t *data, size_t size, const char *path)
{
	struct conf *there = read_bytes(data, size, path), *back;
	char *first, *second;
	size_t n;

	if (there == NULL)
		return;
	first = print(there, &n);
	back = read_bytes(first, n, path);
	if (back == NULL)
		abort();
	second = print(back, &n);
	if (strcmp(first, second) != 0 ||
	    !view_eq(there->capsules[0].root, back->capsules[0].root))
		abort();
	free(first);
	free(second);
	conf_free(there);
	conf_free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > FUZZ_MAX)
		return 0;
	there_and_back(data, size, "conf/x.ini");
	there_and_back(data, size, "/etc/c/x.ini");
	return 0;
}
