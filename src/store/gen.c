/* SPDX-License-Identifier: Apache-2.0 */
/* The generation counter and the writers' turn: a file of a few words, mapped and shared by all processes of a token. */
#include "store/gen.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

struct hz_gen_page {
	_Atomic uint64_t counter;
	_Atomic uint64_t writers; /* between begin and end */
	_Atomic uint64_t since;   /* when the last of them began, ms of the monotonic clock */
	_Atomic uint64_t turn;    /* the call that has waited longest: when it began, ns of the monotonic clock; 0: nobody waits */
	_Atomic uint64_t tried;   /* when that call last tried, ms */
};

/* A writer that has not ended after this was killed: transactions are shorter. */
#define WRITER_LIFE_MS 60000u

/* A waiting call that has not tried for so long was killed or gave up: it tries every millisecond, and an attempt is refused at once. */
#define TURN_LIFE_MS 500u

/* How long the name is taken for ours after a look at it; a signature takes some ten microseconds, a look half of one. */
#define LOOK_MS 10u

/*
 * A mapping, and the file that it is of. One that was given up stays mapped until the store is closed, for threads that still look
 * at it.
 */
struct hz_gen_map {
	struct hz_gen_page *page;
	dev_t dev;
	ino_t ino;
	struct hz_gen_map *next; /* given up before this one */
};

static int open_sized(const char *path, bool create, struct stat *st)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0), 0600);

	/* Space is reserved, since a hole would become SIGBUS on a full disk. Doing so twice changes nothing. */
	if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode) || st->st_uid != geteuid() ||
			((size_t)st->st_size < sizeof(struct hz_gen_page) &&
			 (!create || (errno = posix_fallocate(fd, 0, (off_t)sizeof(struct hz_gen_page))) != 0)))) {
		int why = errno;

		(void)close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static struct hz_gen_map *map_file(const char *path, bool create)
{
	struct hz_gen_map *m = NULL;
	void *page = MAP_FAILED;
	struct stat st;
	int fd = open_sized(path, create, &st);

	if (fd < 0)
		return NULL;
	page = mmap(NULL, sizeof *m->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (page == MAP_FAILED)
		return NULL;
	m = malloc(sizeof *m);
	if (m == NULL)
		(void)munmap(page, sizeof *m->page);
	else
		*m = (struct hz_gen_map){ page, st.st_dev, st.st_ino, NULL };
	return m;
}

static void map_free(struct hz_gen_map *m)
{
	(void)munmap(m->page, sizeof *m->page);
	free(m);
}

/* Is the file still under its name, and as long as it was? */
static bool in_place(const struct hz_gen_map *m, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == m->dev && st.st_ino == m->ino && (size_t)st.st_size >= sizeof *m->page;
}

static void give_up(struct hz_gen *g, struct hz_gen_map *m)
{
	struct hz_gen_map *expected = m;

	if (!atomic_compare_exchange_strong(&g->map, &expected, NULL))
		return; /* another thread did */
	m->next = atomic_load(&g->given_up);
	while (!atomic_compare_exchange_weak(&g->given_up, &m->next, m))
		continue;
}

static struct hz_gen_page *map_anew(struct hz_gen *g, const char *path, bool create)
{
	struct hz_gen_map *m = map_file(path, create), *expected = NULL;

	if (m == NULL)
		return NULL;
	if (atomic_compare_exchange_strong(&g->map, &expected, m))
		return m->page;
	map_free(m);
	return expected->page;
}

/*
 * The page of the file that is under the name now. The name is looked up with each call that `look`s and after LOOK_MS: the file may
 * have been removed, and a writer have made another one that our mapping never hears of, or cut, which turns the page into SIGBUS.
 */
static struct hz_gen_page *page_get(struct hz_gen *g, const char *path, bool create, bool look)
{
	struct hz_gen_map *m = atomic_load_explicit(&g->map, memory_order_acquire);
	uint64_t now;

	if (m == NULL)
		return map_anew(g, path, create);
	now = hz_clock_ms(CLOCK_MONOTONIC_COARSE);
	if (!look && now - atomic_load_explicit(&g->looked, memory_order_relaxed) < LOOK_MS)
		return m->page;
	if (in_place(m, path)) {
		atomic_store_explicit(&g->looked, now, memory_order_relaxed);
		return m->page;
	}
	give_up(g, m);
	return map_anew(g, path, create);
}

/*
 * Never a number that was there before, not even in a file that was made anew or put back from a backup: where the counter is behind
 * the clock it goes on from the clock (ns since 1970).
 */
static void raise_counter(struct hz_gen_page *p)
{
	uint64_t old = atomic_load(&p->counter), now = hz_clock_ns(CLOCK_REALTIME);

	while (!atomic_compare_exchange_weak(&p->counter, &old, old < now ? now : old + 1))
		continue;
}

bool hz_gen_begin(struct hz_gen *g, const char *path)
{
	struct hz_gen_page *p = page_get(g, path, true, true);

	if (p == NULL)
		return false;
	atomic_store(&p->since, hz_clock_ms(CLOCK_MONOTONIC));
	(void)atomic_fetch_add(&p->writers, 1);
	raise_counter(p);
	return true;
}

/* A file that vanished meanwhile is made again: those who still look at it see a writer at work, and trust no number of it. */
void hz_gen_end(struct hz_gen *g, const char *path)
{
	struct hz_gen_page *p = page_get(g, path, true, true);
	uint64_t n;

	if (p == NULL)
		return;
	raise_counter(p);
	/* Zero already: a reader took us for dead, or the file is another one. */
	n = atomic_load(&p->writers);
	while (n != 0 && !atomic_compare_exchange_weak(&p->writers, &n, n - 1))
		continue;
}

/* The same number is never given twice. */
static uint64_t cannot_tell(struct hz_gen *g)
{
	return UINT64_C(1) << 63 | atomic_fetch_add(&g->own, 1);
}

uint64_t hz_gen_read(struct hz_gen *g, const char *path)
{
	struct hz_gen_page *p = page_get(g, path, false, false);
	uint64_t writers, since, now, n;

	if (p == NULL)
		return cannot_tell(g);
	writers = atomic_load(&p->writers);
	if (writers == 0) {
		n = atomic_load(&p->counter);
		return n != 0 ? n : cannot_tell(g); /* 0: the file is new, or was cut and grew again */
	}
	since = atomic_load(&p->since);
	now = hz_clock_ms(CLOCK_MONOTONIC);
	if (now < since || now - since > WRITER_LIFE_MS) /* earlier: the machine was restarted */
		(void)atomic_compare_exchange_strong(&p->writers, &writers, 0);
	return atomic_fetch_add(&p->counter, 1) + 1;
}

static bool turn_is_stale(struct hz_gen_page *p)
{
	uint64_t tried = atomic_load(&p->tried), now = hz_clock_ms(CLOCK_MONOTONIC);

	return now < tried || now - tried > TURN_LIFE_MS;
}

bool hz_gen_my_turn(struct hz_gen *g, const char *path, uint64_t began)
{
	struct hz_gen_page *p = page_get(g, path, false, false);
	uint64_t turn = p == NULL ? 0 : atomic_load(&p->turn);

	return turn == 0 || began <= turn || turn_is_stale(p);
}

bool hz_gen_queue(struct hz_gen *g, const char *path, uint64_t began)
{
	struct hz_gen_page *p = page_get(g, path, false, false);
	uint64_t turn;

	if (p == NULL)
		return false;
	turn = atomic_load(&p->turn);
	if (turn != began && turn != 0 && turn < began && !turn_is_stale(p))
		return false;
	atomic_store(&p->tried, hz_clock_ms(CLOCK_MONOTONIC)); /* first: a turn taken is never stale */
	return turn == began || atomic_compare_exchange_strong(&p->turn, &turn, began);
}

void hz_gen_leave_queue(struct hz_gen *g, const char *path, uint64_t began)
{
	struct hz_gen_page *p = page_get(g, path, false, false);

	if (p != NULL)
		(void)atomic_compare_exchange_strong(&p->turn, &began, 0);
}

void hz_gen_look(struct hz_gen *g, const char *path)
{
	(void)page_get(g, path, false, true);
}

void hz_gen_close(struct hz_gen *g)
{
	struct hz_gen_map *m = atomic_exchange(&g->map, NULL), *next = atomic_exchange(&g->given_up, NULL);

	if (m != NULL)
		map_free(m);
	for (; next != NULL; next = m) {
		m = next->next;
		map_free(next);
	}
}
