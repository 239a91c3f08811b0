/* SPDX-License-Identifier: Apache-2.0 */
/* The nonce memory: recording without locks between processes, and the rare work under one. */
#include "store/nonce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "crypto/keccak.h"
#include "store/nonce_int.h"

enum { SYNC_MS = 1000, BUCKETS = 8, MAX_WIDTH = 1 << 20 };

/* What an attempt under the read lock came to. */
enum attempt { DONE, STALE, NO_ROOM, USED, BELOW_FLOOR, BROKEN };

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a + b, at most UINT64_MAX. */
static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static bool expired(const struct hz_nonce *nm, uint64_t timestamp, uint64_t now)
{
	return plus(timestamp, plus(nm->ttl, NONCE_SKEW)) < now;
}

static bool read_boot_id(struct hz_nonce *nm, const char *given)
{
	int fd;
	ssize_t n;

	if (given != NULL) {
		strncpy(nm->boot_id, given, NONCE_BOOT_ID);
		return true;
	}
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, nm->boot_id, NONCE_BOOT_ID);
	close(fd);
	return n == NONCE_BOOT_ID;
}

CK_RV hz_nonce_new(struct hz_nonce **out, const struct hz_nonce_conf *conf)
{
	struct hz_nonce *nm = calloc(1, sizeof *nm);

	*out = NULL;
	if (nm == NULL || (nm->dir = strdup(conf->dir)) == NULL) {
		free(nm);
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	}
	nm->ttl = conf->ttl;
	nm->dir_fd = nm->state_fd = -1;
	nm->fork_gen = hz_fork_gen();
	if (!read_boot_id(nm, conf->boot_id))
		nm->boot_id[0] = '\0'; /* refused when used */
	pthread_mutex_init(&nm->lock, NULL);
	pthread_rwlock_init(&nm->tables_lock, NULL);
	*out = nm;
	return CKR_OK;
}

static void publish(struct hz_nonce *nm, const struct nonce_disk *d)
{
	atomic_store(&nm->sh->floor, d->floor);
	atomic_store(&nm->sh->mark, d->mark);
	atomic_store(&nm->sh->tables_version, d->tables_version);
}

static struct nonce_table *table_of(const struct hz_nonce *nm, uint64_t number)
{
	for (unsigned i = 0; i < nm->tables; i++)
		if (nm->table[i]->e.number == number)
			return nm->table[i];
	return NULL;
}

/* Put the new list of tables in place and close those that are not in it. */
static void swap_tables(struct hz_nonce *nm, struct nonce_table **list, const struct nonce_disk *d)
{
	struct nonce_table *old[NONCE_MAX_TABLES];
	unsigned olds = 0;

	pthread_rwlock_wrlock(&nm->tables_lock);
	for (unsigned i = 0; i < nm->tables; i++) {
		bool kept = false;

		for (uint32_t k = 0; k < d->count; k++)
			kept |= list[k] == nm->table[i];
		if (!kept)
			old[olds++] = nm->table[i];
	}
	memcpy(nm->table, list, d->count * sizeof list[0]);
	nm->tables = d->count;
	nm->tables_version = d->tables_version;
	pthread_rwlock_unlock(&nm->tables_lock);
	for (unsigned i = 0; i < olds; i++)
		nonce_table_close(old[i]);
}

/* Map what the state lists. nm->lock is held. */
static CK_RV adopt(struct hz_nonce *nm, const struct nonce_disk *d, bool rebuild)
{
	struct nonce_table *list[NONCE_MAX_TABLES];
	uint32_t n;
	CK_RV rv = CKR_OK;

	for (n = 0; n < d->count && rv == CKR_OK; n++) {
		list[n] = table_of(nm, d->entry[n].number);
		if (list[n] == NULL)
			rv = nonce_table_open(nm, &d->entry[n], rebuild, &list[n]);
	}
	if (rv == CKR_OK) {
		swap_tables(nm, list, d);
		return CKR_OK;
	}
	for (uint32_t i = 0; i < n; i++)
		if (list[i] != NULL && table_of(nm, list[i]->e.number) == NULL)
			nonce_table_close(list[i]);
	return rv;
}

static void close_tables(struct hz_nonce *nm)
{
	for (unsigned i = 0; i < nm->tables; i++)
		nonce_table_close(nm->table[i]);
	nm->tables = 0;
}

/* The first use in this process; nm->lock is held, nonce_open_folder has locked the state. */
static CK_RV start(struct hz_nonce *nm)
{
	struct nonce_disk d;
	bool fresh, same_boot, shared;
	CK_RV rv = nonce_read_state(nm, &d, &fresh);

	if (rv != CKR_OK)
		return rv;
	memcpy(nm->salt, d.salt, 32);
	same_boot = memcmp(d.boot_id, nm->boot_id, NONCE_BOOT_ID) == 0;
	shared = same_boot && !fresh && atomic_load(&nm->sh->ready) == NONCE_READY &&
		 memcmp(nm->sh->boot_id, nm->boot_id, NONCE_BOOT_ID) == 0;
	if (!same_boot && !d.clean)
		d.floor = later(d.floor, plus(d.mark, 2));
	if (!shared)
		atomic_store(&nm->sh->ready, 0);
	nonce_sweep(nm, &d);
	rv = adopt(nm, &d, !shared);
	if (rv == CKR_OK && (fresh || !same_boot || d.clean)) {
		memcpy(d.boot_id, nm->boot_id, NONCE_BOOT_ID);
		d.clean = false;
		rv = nonce_write_state(nm, &d);
	}
	if (rv != CKR_OK)
		return rv;
	publish(nm, &d);
	if (!shared) {
		atomic_store(&nm->sh->last_sync_ms, hz_clock_ms(CLOCK_BOOTTIME));
		memcpy(nm->sh->boot_id, nm->boot_id, NONCE_BOOT_ID);
		atomic_store(&nm->sh->ready, NONCE_READY);
	}
	return CKR_OK;
}

static CK_RV first_use(struct hz_nonce *nm)
{
	CK_RV rv = CKR_OK;

	if (nm->boot_id[0] == '\0')
		return hz_fail(CKR_DEVICE_ERROR, "the kernel's boot id cannot be read");
	pthread_mutex_lock(&nm->lock);
	if (!atomic_load(&nm->open)) {
		rv = nonce_open_folder(nm);
		if (rv == CKR_OK)
			rv = start(nm);
		if (rv == CKR_OK) {
			nonce_unlock_state(nm);
			atomic_store(&nm->open, true);
		} else {
			close_tables(nm);
			nonce_close_folder(nm);
		}
	}
	pthread_mutex_unlock(&nm->lock);
	return rv;
}

static CK_RV ready(struct hz_nonce *nm)
{
	if (nm->fork_gen != hz_fork_gen())
		return hz_fail(CKR_GENERAL_ERROR, "the nonce memory belongs to the parent process");
	return atomic_load(&nm->open) ? CKR_OK : first_use(nm);
}

/*
 * Begin work on the state: both locks, the state as it is on the disk, our tables brought up to it. What a process that died in
 * the middle had written but not told the others is told now. *got false (with CKR_OK): somebody else is at it and wait was false.
 */
static CK_RV enter(struct hz_nonce *nm, bool wait, struct nonce_disk *d, bool *got)
{
	bool fresh = false;
	CK_RV rv;

	*got = false;
	if (!wait && pthread_mutex_trylock(&nm->lock) != 0)
		return CKR_OK;
	if (wait)
		pthread_mutex_lock(&nm->lock);
	rv = nonce_lock_state(nm, wait, got);
	if (!*got) {
		pthread_mutex_unlock(&nm->lock);
		return rv;
	}
	rv = nonce_read_state(nm, d, &fresh);
	if (rv == CKR_OK && (fresh || memcmp(d->salt, nm->salt, 32) != 0))
		rv = hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: the state was replaced", nm->dir);
	if (rv == CKR_OK && d->tables_version != nm->tables_version)
		rv = adopt(nm, d, false);
	if (rv == CKR_OK && d->clean) { /* who took himself for the last did not see us: the application had closed our lock */
		d->clean = false;
		rv = nonce_write_state(nm, d);
	}
	if (rv == CKR_OK) {
		publish(nm, d);
		return CKR_OK;
	}
	nonce_unlock_state(nm);
	pthread_mutex_unlock(&nm->lock);
	*got = false;
	return rv;
}

static void leave(struct hz_nonce *nm)
{
	nonce_unlock_state(nm);
	pthread_mutex_unlock(&nm->lock);
}

/* Take tables off the list that nobody may sign into any more. */
static bool drop_expired(const struct hz_nonce *nm, struct nonce_disk *d, uint64_t now)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		if (expired(nm, d->entry[i].end, now))
			d->floor = later(d->floor, d->entry[i].end);
		else
			d->entry[kept++] = d->entry[i];
	}
	if (kept == d->count)
		return false;
	d->count = kept;
	d->tables_version++;
	return true;
}

/* Write the state and let everybody know; `swept`: tables went off the list. */
static CK_RV commit(struct hz_nonce *nm, struct nonce_disk *d, bool swept)
{
	CK_RV rv = nonce_write_state(nm, d);

	if (rv == CKR_OK && d->tables_version != nm->tables_version)
		rv = adopt(nm, d, false);
	if (rv != CKR_OK)
		return rv;
	publish(nm, d);
	if (swept)
		nonce_sweep(nm, d);
	return CKR_OK;
}

static CK_RV sync_all(struct hz_nonce *nm, struct nonce_disk *d, uint64_t timestamp, uint64_t now)
{
	uint64_t began = hz_clock_ms(CLOCK_BOOTTIME);
	bool swept;
	CK_RV rv = CKR_OK;

	for (unsigned i = 0; i < nm->tables && rv == CKR_OK; i++)
		rv = nonce_table_sync(nm->table[i]);
	if (rv != CKR_OK)
		return rv;
	d->mark = later(d->mark, later(now, timestamp));
	swept = drop_expired(nm, d, now);
	rv = commit(nm, d, swept);
	if (rv == CKR_OK)
		atomic_store(&nm->sh->last_sync_ms, began);
	return rv;
}

static bool sync_due(const struct hz_nonce *nm)
{
	return hz_clock_ms(CLOCK_BOOTTIME) - atomic_load(&nm->sh->last_sync_ms) >= SYNC_MS;
}

/* What the disk must know before a signature with this timestamp may go out; see the header. */
static CK_RV settle(struct hz_nonce *nm, uint64_t timestamp, uint64_t now)
{
	bool must = timestamp > plus(atomic_load(&nm->sh->mark), 1), got;
	struct nonce_disk d;
	CK_RV rv;

	if (!must && !sync_due(nm))
		return CKR_OK;
	rv = enter(nm, must, &d, &got);
	if (rv != CKR_OK || !got)
		return rv;
	if (timestamp > plus(d.mark, 1) || sync_due(nm))
		rv = sync_all(nm, &d, timestamp, now);
	leave(nm);
	return rv;
}

/* The newest table for a timestamp, or NULL. */
static struct nonce_table *current(const struct hz_nonce *nm, uint64_t timestamp)
{
	struct nonce_table *best = NULL;

	for (unsigned i = 0; i < nm->tables; i++) {
		struct nonce_table *t = nm->table[i];

		if (timestamp >= t->e.start && timestamp < t->e.end && (best == NULL || t->e.number > best->e.number))
			best = t;
	}
	return best;
}

static uint64_t records(const struct nonce_table *t)
{
	uint64_t n = atomic_load(&t->head->count);

	return n < t->room ? n : t->room;
}

/* The size for the first table of a bucket: that of the fullest bucket so far, with a quarter to spare. */
static uint8_t first_log2(const struct hz_nonce *nm)
{
	uint64_t most = 0;
	uint8_t log2 = NONCE_MIN_LOG2;

	for (unsigned i = 0; i < nm->tables; i++) {
		uint64_t sum = 0;

		for (unsigned k = 0; k < nm->tables; k++)
			if (nm->table[k]->e.start == nm->table[i]->e.start)
				sum += records(nm->table[k]);
		most = later(most, sum);
	}
	while (log2 < NONCE_MAX_LOG2 && nonce_table_room(log2) < most + most / 4)
		log2++;
	return log2;
}

/* A new last entry of d for this timestamp: a bucket of its own, or the next, larger table of one that is full. */
static void add_entry(const struct hz_nonce *nm, struct nonce_disk *d, const struct nonce_table *full, uint64_t timestamp)
{
	struct nonce_entry *e = &d->entry[d->count++];
	uint64_t width = plus(nm->ttl, 2 * NONCE_SKEW) / BUCKETS + 1;

	if (width > MAX_WIDTH)
		width = MAX_WIDTH;
	e->number = d->next_number++;
	if (full != NULL) {
		e->start = full->e.start;
		e->end = full->e.end;
		e->log2 = full->e.log2 + 3 < NONCE_MAX_LOG2 ? (uint8_t)(full->e.log2 + 3) : NONCE_MAX_LOG2;
	} else {
		e->start = timestamp - timestamp % width;
		e->end = plus(e->start, width);
		e->log2 = first_log2(nm);
	}
	d->tables_version++;
}

/* Room for a record with this timestamp. */
static CK_RV grow(struct hz_nonce *nm, uint64_t timestamp, uint64_t now)
{
	const struct nonce_table *t;
	struct nonce_disk d;
	bool got, swept;
	CK_RV rv = enter(nm, true, &d, &got);

	if (rv != CKR_OK)
		return rv;
	t = current(nm, timestamp);
	if (t != NULL && atomic_load(&t->head->count) < t->room)
		goto out; /* another thread or process was faster */
	swept = drop_expired(nm, &d, now);
	if (timestamp < d.floor || d.count == NONCE_MAX_TABLES) {
		rv = hz_fail(CKR_DEVICE_MEMORY, "the nonce memory has no room for another table");
		goto out;
	}
	add_entry(nm, &d, t, timestamp);
	rv = nonce_table_create(nm, &d.entry[d.count - 1]);
	if (rv == CKR_OK)
		rv = commit(nm, &d, swept);
out:
	leave(nm);
	return rv;
}

static CK_RV refresh(struct hz_nonce *nm)
{
	struct nonce_disk d;
	bool got;
	CK_RV rv = enter(nm, true, &d, &got);

	if (rv == CKR_OK)
		leave(nm);
	return rv;
}

/* In all tables but one. */
static enum nonce_find search(const struct hz_nonce *nm, const struct nonce_id *id, uint64_t oldest, uint64_t but)
{
	for (unsigned i = 0; i < nm->tables; i++)
		__builtin_prefetch((const void *)&nm->table[i]->word[id->a & (((uint64_t)1 << nm->table[i]->e.log2) - 1)]);
	for (unsigned i = 0; i < nm->tables; i++) {
		enum nonce_find found;

		if (nm->table[i]->e.number == but)
			continue;
		found = nonce_table_find(nm->table[i], id, oldest);
		if (found != NONCE_ABSENT)
			return found;
	}
	return NONCE_ABSENT;
}

static enum attempt searched(enum nonce_find found)
{
	return found == NONCE_ABSENT ? DONE : found == NONCE_HELD ? USED : BROKEN;
}

/* First half: not held anywhere, then into the current table, whose number becomes *mine. */
static enum attempt put(struct hz_nonce *nm, const struct nonce_id *id, uint64_t timestamp, uint64_t oldest, uint64_t *mine)
{
	struct nonce_table *t = current(nm, timestamp);
	enum attempt a = searched(search(nm, id, oldest, 0));

	if (a != DONE)
		return a;
	switch (t != NULL ? nonce_table_put(t, id, timestamp, oldest) : NONCE_FULL) {
	case NONCE_PUT:
		*mine = t->e.number;
		return DONE;
	case NONCE_USED:
		return USED;
	case NONCE_FULL:
		return NO_ROOM;
	case NONCE_PUT_DAMAGED:
		break;
	}
	return BROKEN;
}

/*
 * One attempt under the read lock. After the record is in, the list of tables and the others' contents are looked at once more:
 * whoever puts the same id elsewhere at the same time either sees ours or is seen here, because both have put before looking.
 */
static enum attempt attempt(struct hz_nonce *nm, const struct nonce_id *id, uint64_t timestamp, uint64_t oldest, uint64_t *mine)
{
	enum attempt a;

	if (atomic_load(&nm->sh->tables_version) != nm->tables_version)
		return STALE;
	if (timestamp < atomic_load(&nm->sh->floor))
		return BELOW_FLOOR;
	if (*mine == 0) {
		a = put(nm, id, timestamp, oldest, mine);
		if (a != DONE)
			return a;
	}
	if (atomic_load(&nm->sh->tables_version) != nm->tables_version)
		return STALE;
	a = searched(search(nm, id, oldest, *mine));
	if (a == DONE && timestamp < atomic_load(&nm->sh->floor))
		return BELOW_FLOOR;
	return a;
}

static CK_RV result(const struct hz_nonce *nm, enum attempt a)
{
	switch (a) {
	case DONE:
		return CKR_OK;
	case USED:
		return hz_fail(CKR_FUNCTION_REJECTED, "already signed once");
	case BELOW_FLOOR:
		return hz_fail(CKR_FUNCTION_REJECTED, "the timestamp lies before what the nonce memory still knows");
	default:
		return hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: an index word or its record", nm->dir);
	}
}

static void make_id(const struct hz_nonce *nm, const uint8_t scope[32], const uint8_t once[32], struct nonce_id *id)
{
	uint8_t in[96], h[32];

	memcpy(in, nm->salt, 32);
	memcpy(in + 32, scope, 32);
	memcpy(in + 64, once, 32);
	hz_keccak256(in, sizeof in, h);
	memcpy(&id->a, h, sizeof id->a);
	memcpy(&id->b, h + sizeof id->a, sizeof id->b);
}

CK_RV hz_nonce_record(struct hz_nonce *nm, const uint8_t scope[32], const uint8_t once[32], uint64_t timestamp, uint64_t now)
{
	uint64_t span = plus(nm->ttl, NONCE_SKEW), oldest = now > span ? now - span : 0, mine = 0;
	struct nonce_id id;
	enum attempt a;
	CK_RV rv = ready(nm);

	if (rv != CKR_OK)
		return rv;
	make_id(nm, scope, once, &id);
	for (;;) {
		pthread_rwlock_rdlock(&nm->tables_lock);
		a = attempt(nm, &id, timestamp, oldest, &mine);
		pthread_rwlock_unlock(&nm->tables_lock);
		if (a == STALE)
			rv = refresh(nm);
		else if (a == NO_ROOM)
			rv = grow(nm, timestamp, now);
		else
			break;
		if (rv != CKR_OK)
			return rv;
	}
	rv = result(nm, a);
	return rv == CKR_OK ? settle(nm, timestamp, now) : rv;
}

/* Sync, and mark clean when the folder can be had alone. Failures leave it unclean, which is safe. */
static void finish(struct hz_nonce *nm)
{
	struct nonce_disk d;
	bool got;

	if (enter(nm, true, &d, &got) != CKR_OK)
		return;
	if (sync_all(nm, &d, 0, 0) == CKR_OK && flock(nm->dir_fd, LOCK_EX | LOCK_NB) == 0) {
		d.clean = true;
		(void)nonce_write_state(nm, &d);
	}
	leave(nm);
}

void hz_nonce_free(struct hz_nonce *nm)
{
	if (nm == NULL)
		return;
	if (nm->fork_gen != hz_fork_gen()) {
		hz_nonce_abandon(nm);
		return;
	}
	if (atomic_load(&nm->open))
		finish(nm);
	close_tables(nm);
	nonce_close_folder(nm);
	pthread_mutex_destroy(&nm->lock);
	pthread_rwlock_destroy(&nm->tables_lock);
	free(nm->dir);
	free(nm);
}

/* Closing our copies of the descriptors releases no lock: those belong to the open files, which the parent still has. */
void hz_nonce_abandon(struct hz_nonce *nm)
{
	if (nm == NULL)
		return;
	close_tables(nm);
	nonce_close_folder(nm);
	free(nm->dir);
	free(nm);
}
