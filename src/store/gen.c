/* SPDX-License-Identifier: Apache-2.0 */
/* The generation counter and the writers' turn: a file of a few words, mapped and shared by all processes of a token. */
#include "store/gen.h"

#include <fcntl.h>
#include <stddef.h>
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

static int open_sized(const char *path, bool create)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0), 0600);

	/*
	 * Space is reserved, since a hole would become SIGBUS on a full disk. Doing so twice changes nothing, and nobody shrinks the
	 * file: a mapped page does not vanish.
	 */
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
			((size_t)st.st_size < sizeof(struct hz_gen_page) &&
			 (!create || posix_fallocate(fd, 0, (off_t)sizeof(struct hz_gen_page)) != 0)))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static struct hz_gen_page *page_get(struct hz_gen *g, const char *path, bool create)
{
	struct hz_gen_page *p = atomic_load_explicit(&g->page, memory_order_acquire), *expected = NULL;
	void *m;
	int fd;

	if (p != NULL)
		return p;
	fd = open_sized(path, create);
	if (fd < 0)
		return NULL;
	m = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (m == MAP_FAILED)
		return NULL;
	if (atomic_compare_exchange_strong(&g->page, &expected, m))
		return m;
	(void)munmap(m, sizeof *p);
	return expected;
}

bool hz_gen_begin(struct hz_gen *g, const char *path)
{
	struct hz_gen_page *p = page_get(g, path, true);

	if (p == NULL)
		return false;
	atomic_store(&p->since, hz_clock_ms(CLOCK_MONOTONIC));
	(void)atomic_fetch_add(&p->writers, 1);
	(void)atomic_fetch_add(&p->counter, 1);
	return true;
}

void hz_gen_end(struct hz_gen *g)
{
	struct hz_gen_page *p = atomic_load(&g->page);
	uint64_t n;

	if (p == NULL)
		return;
	(void)atomic_fetch_add(&p->counter, 1);
	/* Zero already: a reader took us for dead. */
	n = atomic_load(&p->writers);
	while (n != 0 && !atomic_compare_exchange_weak(&p->writers, &n, n - 1))
		continue;
}

uint64_t hz_gen_read(struct hz_gen *g, const char *path)
{
	struct hz_gen_page *p = page_get(g, path, false);
	uint64_t writers, since, now;

	if (p == NULL)
		return UINT64_C(1) << 63 | atomic_fetch_add(&g->own, 1); /* cannot tell: never the same number twice */
	writers = atomic_load(&p->writers);
	if (writers == 0)
		return atomic_load(&p->counter);
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
	struct hz_gen_page *p = page_get(g, path, false);
	uint64_t turn = p == NULL ? 0 : atomic_load(&p->turn);

	return turn == 0 || began <= turn || turn_is_stale(p);
}

bool hz_gen_queue(struct hz_gen *g, uint64_t began)
{
	struct hz_gen_page *p = atomic_load(&g->page);
	uint64_t turn;

	if (p == NULL)
		return false;
	turn = atomic_load(&p->turn);
	if (turn != began && turn != 0 && turn < began && !turn_is_stale(p))
		return false;
	atomic_store(&p->tried, hz_clock_ms(CLOCK_MONOTONIC)); /* first: a turn taken is never stale */
	return turn == began || atomic_compare_exchange_strong(&p->turn, &turn, began);
}

void hz_gen_leave_queue(struct hz_gen *g, uint64_t began)
{
	struct hz_gen_page *p = atomic_load(&g->page);

	if (p != NULL)
		(void)atomic_compare_exchange_strong(&p->turn, &began, 0);
}

void hz_gen_forget(struct hz_gen *g)
{
	atomic_store(&g->page, NULL);
}

void hz_gen_close(struct hz_gen *g)
{
	struct hz_gen_page *p = atomic_exchange(&g->page, NULL);

	if (p != NULL)
		(void)munmap(p, sizeof *p);
}
