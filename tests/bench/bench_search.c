/*
 * bench_search.c - what a search over many pages costs: memory and CPU.
 *
 * usage: bench_search [PAGES]
 *
 * Pages are made of syllables, some words being as frequent as "the" and most
 * of them rare, as in any language (Zipf's law).
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "format/snippet.h"
#include "site/search.h"

#define PAGES      10000
#define PAGE_WORDS 300   /* of a page: 2 KB or so */
#define VOCABULARY 30000 /* words */
#define ROUNDS     20    /* of each search */
#define PAGE_BYTES 16384 /* room for one */
#define WORD_BYTES 32

static char vocabulary[VOCABULARY][WORD_BYTES];
static double heights[VOCABULARY]; /* of all words up to it */
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
look(struct search *s, struct view query, struct search_found *found)
{
	struct snippet_words words;
	char room[SNIPPET_BYTES_MAX * 8];
	struct buf to = { room, 0, sizeof(room), sizeof(room), false };
	size_t i;

	if (search_find(s, query, found) < 0)
		errx(1, "no memory");
	words = (struct snippet_words){ found->words, found->n_words, true };
	for (i = 0; i < found->n; i++) {
		buf_reset(&to);
		snippet_put(&to, found->hits[i]->text, true, &words);
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
	printf("%-28s %7zu%c %8.2f ms %8.2f ms\n", name, found.total,
	    found.is_more ? '+' : ' ', sum / ROUNDS, worst);
	return sum / ROUNDS;
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
	printf("worst mean: %.2f ms of CPU\n", worst);
}

int
main(int argc, char **argv)
{
	size_t i, n = argc > 1 ? strtoul(argv[1], NULL, 10) : PAGES, bytes = 0;
	struct arena *texts = arena_new(), *a = arena_new();
	struct search_builder *b = search_builder_new(a, n);
	struct search_page page = { .is_gemtext = true };
	const char *why = "";
	double began;
	struct search *s;

	make_vocabulary();
	began = cpu_ms();
	for (i = 0; i < n; i++) {
		page.text = make_page(texts);
		page.selector = page.title = page.text;
		page.selector.len = page.title.len = 20;
		bytes += page.text.len;
		search_add(b, &page, page.text);
	}
	if ((s = search_build(b, &why)) == NULL)
		errx(1, "%s", why);
	printf("%zu pages of %zu bytes: built in %.0f ms of CPU,"
	       " index %zu bytes a page, arena %zu KiB\n",
	    n, bytes / n, cpu_ms() - began, search_size(s) / n,
	    arena_size(a) >> 10);
	measure_all(s);
	search_free(s);
	arena_free(a);
	arena_free(texts);
	return 0;
}
