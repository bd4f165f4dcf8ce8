/*
 * bench_search.c - what a search over many pages costs: memory and CPU.
 *
 * usage: bench_search [PAGES [FILE]]
 *
 * Pages are made of syllables, some words being as frequent as "the" and most
 * of them rare, as in any language (Zipf's law).
 */
#include <sys/stat.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/snippet.h"
#include "base/arena.h"
#include "site/search.h"

#define PAGES      10000
#define PAGE_WORDS 300   /* of a page: 2 KB or so */
#define VOCABULARY 30000 /* words */
#define ROUNDS     20    /* of each search */
#define PAGE_BYTES 16384 /* room for one */
#define WORD_BYTES 32
#define KEPT       1000 /* pages, for snippets */
#define MIX        1000 /* different searches */
#define REPLACED   800  /* pages, one by one */
#define BATCH      1000 /* pages between two commits */

static char vocabulary[VOCABULARY][WORD_BYTES];
static double heights[VOCABULARY]; /* of all words up to it */
static struct view pages[KEPT];    /* the first ones */
static uint64_t state = 88172645463325252ULL;

static uint64_t
next_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void
make_vocabulary(void)
{
	static const char *const syllables[] = { "con", "ma", "ri", "te", "pu",
		"blic", "ge", "\303\251s", "o", "ter", "u", "ni", "ver", "si",
		"t\303\251", "pro", "gramme", "la", "re", "cher", "che", "in",
		"sti", "tu", "tion", "de", "nage", "ment", "gou", "nan" };
	double sum = 0;
	size_t i, k, n;

	for (i = 0; i < VOCABULARY; i++) {
		n = 1 + next_number() % 4;
		for (k = 0; k < n; k++)
			strcat(vocabulary[i], syllables[next_number() % 30]);
		sum += 1.0 / (double)(i + 3);
		heights[i] = sum;
	}
}

static const char *
pick(void)
{
	double at =
	    (double)(next_number() % 1000000) / 1e6 * heights[VOCABULARY - 1];
	size_t low = 0, high = VOCABULARY - 1, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (heights[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return vocabulary[low];
}

static struct view
make_page(struct arena *a)
{
	char room[PAGE_BYTES];
	struct buf text = { room, 0, sizeof(room), sizeof(room), false };
	int i;

	buf_printf(&text, "# %s %s %s\n", pick(), pick(), pick());
	for (i = 0; i < PAGE_WORDS; i++) {
		if (i % 100 == 99)
			buf_printf(&text, "\n\n## %s %s\n", pick(), pick());
		buf_printf(&text, i % 40 == 39 ? "%s.\n" : "%s ", pick());
	}
	buf_putc(&text, '\n');
	return arena_copy(a, buf_view(&text));
}

static double
cpu_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A search and the snippets of what it found, as results.c makes them. */
static void
look(struct search *s, struct view text, struct search_found *found)
{
	struct view words[SEARCH_WORDS_MAX];
	char room[SNIPPET_BYTES_MAX * 8];
	struct buf to = { room, 0, sizeof(room), sizeof(room), false };
	struct snippet_words looked_for = { words, 0, true };
	struct search_query q;
	size_t i, number;

	search_query_read(&q, text);
	search_find(s, &q, found);
	if (found->end != SEARCH_DONE)
		errx(1, "the search failed");
	for (; looked_for.n < q.n_words; looked_for.n++)
		words[looked_for.n] = search_query_word(&q, looked_for.n);
	for (i = 0; i < found->n; i++) {
		memcpy(&number, found->hits[i].bytes, sizeof(number));
		buf_reset(&to);
		if (pages[number % KEPT].len > 0)
			snippet_put(&to, pages[number % KEPT], true,
			    &looked_for);
	}
}

static double
measure(struct search *s, const char *name, const char *query)
{
	struct search_found found;
	double began, mean, worst = 0, sum = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		began = cpu_ms();
		look(s, view_of(query), &found);
		mean = cpu_ms() - began;
		sum += mean;
		worst = mean > worst ? mean : worst;
	}
	printf("%-28s %7u%c %8.2f ms %8.2f ms\n", name, found.total,
	    found.is_more ? '+' : ' ', sum / ROUNDS, worst);
	return sum / ROUNDS;
}

/* A word as people look for it: seldom one of those that every page has. */
static const char *
pick_wanted(void)
{
	size_t at;

	do
		at = (size_t)(next_number() % VOCABULARY);
	while (next_number() % 10 > 0 && at > VOCABULARY / 10);
	return vocabulary[at < 50 ? at + 50 : at];
}

/*
 * Different ones, as people ask: one word, two, now and then three, and the
 * beginning of one.
 */
static void
measure_mix(struct search *s)
{
	double began, ms, sum = 0, worst = 0;
	char query[SEARCH_QUERY_MAX];
	struct search_found found;
	unsigned kind;
	int i;

	for (i = 0; i < MIX; i++) {
		kind = next_number() % 20;
		snprintf(query, sizeof(query), "%s", pick_wanted());
		if (kind >= 10 && kind < 19)
			strcat(strcat(query, " "), pick_wanted());
		if (kind >= 16 && kind < 19)
			strcat(strcat(query, " "), pick_wanted());
		if (kind == 19)
			query[4] = '\0';
		began = cpu_ms();
		look(s, view_of(query), &found);
		ms = cpu_ms() - began;
		sum += ms;
		worst = ms > worst ? ms : worst;
	}
	printf("%-28s %8s %8.2f ms %8.2f ms\n", "as people ask", "", sum / MIX,
	    worst);
}

static void
measure_all(struct search *s)
{
	char many[SEARCH_QUERY_MAX] = "";
	double worst = 0, ms;
	size_t i;
	const struct {
		const char *name, *query;
	} searches[] = {
		{ "the most frequent word", vocabulary[0] },
		{ "a frequent word", vocabulary[100] },
		{ "a rare word", vocabulary[20000] },
		{ "two letters", "co" },
		{ "three letters", "con" },
		{ "one letter", "o" },
		{ "no such word", "zzz" },
		{ "a sentence",
		    "the universit\303\251 de la recherche in con" },
		{ "16 frequent words", many },
		{ "16 words, one unknown", many },
	};

	for (i = 0; i < SEARCH_WORDS_MAX; i++)
		strcat(strcat(many, i > 0 ? " " : ""), vocabulary[i]);
	printf("%-28s %8s %11s %11s\n", "search", "pages", "mean CPU", "worst");
	for (i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		if (i == sizeof(searches) / sizeof(searches[0]) - 1)
			memcpy(many, "zz", 2);
		ms = measure(s, searches[i].name, searches[i].query);
		worst = ms > worst ? ms : worst;
	}
	measure_mix(s);
	printf("worst mean: %.2f ms of CPU\n", worst);
}

/* Put page i, and remember its text if it is one of the first. */
static size_t
put_page(struct search *s, size_t i)
{
	static const struct search_stamp stamp;
	struct search_key key = { { 0 } };
	struct arena *a = arena_new();
	struct view text = make_page(a);
	size_t len = text.len;

	memcpy(key.bytes, &i, sizeof(i));
	if (search_put(s, &key, &stamp, (struct view){ text.p, 20 }, text,
		true) == -1)
		errx(1, "%s", search_why(s));
	if (i < KEPT)
		pages[i] = text;
	else
		arena_free(a);
	return len;
}

static void
build(struct search *s, size_t n)
{
	double began = cpu_ms();
	size_t i, bytes = 0;

	for (i = 0; i < n; i++) {
		bytes += put_page(s, i);
		if ((i + 1) % BATCH == 0 && search_commit(s) == -1)
			errx(1, "%s", search_why(s));
	}
	if (search_commit(s) == -1)
		errx(1, "%s", search_why(s));
	printf("%zu pages of %zu bytes: built in %.0f ms of CPU\n", n,
	    bytes / n, cpu_ms() - began);
}

static void
replace_some(struct search *s, size_t n)
{
	double began = cpu_ms();
	size_t i;

	for (i = 0; i < REPLACED; i++)
		if ((void)put_page(s, next_number() % n),
		    search_commit(s) == -1)
			errx(1, "%s", search_why(s));
	printf("one page replaced: %.2f ms of CPU\n",
	    (cpu_ms() - began) / REPLACED);
}

int
main(int argc, char **argv)
{
	static const struct search_key origin;
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : PAGES;
	const char *path = argc > 2 ? argv[2] : NULL, *why = "";
	struct search *s;
	struct stat st;
	double began;

	make_vocabulary();
	began = cpu_ms();
	if ((s = search_open(path, &origin, &why)) == NULL)
		errx(1, "%s", why);
	if (search_count(s) > 0)
		printf("%zu pages: opened in %.0f ms of CPU\n", search_count(s),
		    cpu_ms() - began);
	else
		build(s, n);
	if (path != NULL && stat(path, &st) == 0)
		printf("index: %lld bytes a page\n",
		    (long long)st.st_size / (long long)n);
	measure_all(s);
	replace_some(s, n);
	measure_all(s);
	search_close(s);
	return 0;
}
