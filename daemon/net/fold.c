/*
 * fold.c - objects of a page or two, folded small while nobody needs them.
 *
 * Floor net; tls.c has OpenSSL take its memory here, stream.c says who waits.
 * OpenSSL 3.0 has 7.6 KB for each connection in one object, most of it arrays
 * of zeros, and no way to do with less.  Of thousands that wait for a request
 * few will ever send one.  Nothing here knows what is in an object, only that
 * nobody looks at it between fold_up and fold_open.
 *
 * Folded, it is a list of runs: so many words of zeros, so many that follow.
 */
#include "net/fold.h"

#include <sys/mman.h>

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/os.h"

#define WORDS (FOLD_MAX / sizeof(uint64_t))
#define NONE  0u /* no object: numbers start at 1 */

struct run {
	uint16_t zeros, words; /* the words follow it */
};

struct folded {
	size_t size;          /* bytes of runs */
	unsigned char runs[]; /* without gaps, so not aligned */
};

struct place {
	struct folded *folded; /* NULL: it is open */
	unsigned next;         /* free place of the same list */
};

static struct {
	unsigned char *objects; /* FOLD_MAX bytes each; NULL: there are none */
	struct place *places;   /* one an object, from 1 */
	unsigned used;          /* places that were ever needed */
	unsigned warm, cold;    /* free ones, with and without their memory */
	unsigned n_warm;
} all;

static void *
reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
fold_init(void)
{
	all.places = reserve((FOLD_OBJECTS + 1) * sizeof(*all.places));
	if (all.places != NULL)
		all.objects = reserve((size_t)FOLD_OBJECTS * FOLD_MAX);
}

static unsigned char *
object_of(unsigned n)
{
	return all.objects + (size_t)(n - 1) * FOLD_MAX;
}

bool
fold_is_ours(const void *p)
{
	uintptr_t at = (uintptr_t)p, first = (uintptr_t)all.objects;

	return first != 0 && at >= first &&
	    at - first < (size_t)FOLD_OBJECTS * FOLD_MAX;
}

static unsigned
number_of(const void *object)
{
	size_t at = (size_t)((uintptr_t)object - (uintptr_t)all.objects);

	assert(at % FOLD_MAX == 0);
	return (unsigned)(at / FOLD_MAX) + 1;
}

static unsigned
pop(unsigned *list)
{
	unsigned n = *list;

	if (n != NONE)
		*list = all.places[n].next;
	return n;
}

static void
push(unsigned *list, unsigned n)
{
	all.places[n].next = *list;
	*list = n;
}

void *
fold_alloc(size_t size)
{
	unsigned n;

	if (all.objects == NULL || size <= FOLD_MIN || size > FOLD_MAX)
		return NULL;
	n = pop(&all.warm);
	if (n != NONE)
		all.n_warm--;
	else
		n = pop(&all.cold);
	if (n == NONE && all.used < FOLD_OBJECTS)
		n = ++all.used;
	return n == NONE ? NULL : object_of(n);
}

/* Wiped, because there are keys in it. */
static void
discard(struct place *p)
{
	OPENSSL_cleanse(p->folded->runs, p->folded->size);
	free(p->folded);
	p->folded = NULL;
}

void
fold_free(void *object)
{
	unsigned n = number_of(object);
	bool is_warm = all.places[n].folded == NULL;

	if (!is_warm)
		discard(&all.places[n]);
	else if (all.n_warm >= FOLD_SPARE) {
		os_discard(object, FOLD_MAX);
		is_warm = false;
	}
	push(is_warm ? &all.warm : &all.cold, n);
	all.n_warm += is_warm;
}

/* Write the runs of an object to to, which has room for the worst; length. */
static size_t
pack(const uint64_t *words, unsigned char *to)
{
	size_t i = 0, out = 0, first;
	struct run run;

	while (i < WORDS) {
		for (first = i; i < WORDS && words[i] == 0; i++)
			;
		run.zeros = (uint16_t)(i - first);
		for (first = i; i < WORDS && words[i] != 0; i++)
			;
		run.words = (uint16_t)(i - first);
		memcpy(to + out, &run, sizeof(run));
		out += sizeof(run);
		memcpy(to + out, words + first, run.words * sizeof(*words));
		out += run.words * sizeof(*words);
	}
	return out;
}

void
fold_up(void *object)
{
	/* At worst every other word is zero. */
	static unsigned char runs[FOLD_MAX + WORDS * sizeof(struct run)];
	struct place *p;
	size_t size;

	if (!fold_is_ours(object))
		return;
	p = &all.places[number_of(object)];
	if (p->folded != NULL)
		return;
	size = pack(object, runs);
	p->folded = malloc(sizeof(*p->folded) + size);
	if (p->folded != NULL) {
		p->folded->size = size;
		memcpy(p->folded->runs, runs, size);
		os_discard(object, FOLD_MAX);
	}
	OPENSSL_cleanse(runs, size);
}

void
fold_open(void *object)
{
	unsigned char *to = object;
	const unsigned char *from, *end;
	struct place *p;
	struct run run;

	if (!fold_is_ours(object))
		return;
	p = &all.places[number_of(object)];
	if (p->folded == NULL)
		return;
	/* Zeros are written, too: not every system gives back empty pages. */
	from = p->folded->runs;
	end = from + p->folded->size;
	while (from < end) {
		memcpy(&run, from, sizeof(run));
		from += sizeof(run);
		memset(to, 0, run.zeros * sizeof(uint64_t));
		to += run.zeros * sizeof(uint64_t);
		memcpy(to, from, run.words * sizeof(uint64_t));
		to += run.words * sizeof(uint64_t);
		from += run.words * sizeof(uint64_t);
	}
	assert(to == (unsigned char *)object + FOLD_MAX);
	discard(p);
}
