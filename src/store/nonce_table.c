/* SPDX-License-Identifier: Apache-2.0 */
/* One table of the nonce memory: an append-only log of records and a hash index over it, both mapped and shared. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "store/nonce_int.h"

enum { NAME_ROOM = 32, HEADER = 8 + 8 + 8 + 8 + 1 + 32 };

static void file_name(char out[NAME_ROOM], uint64_t number, const char *ext)
{
	snprintf(out, NAME_ROOM, "%016llx.%s", (unsigned long long)number, ext);
}

uint64_t nonce_table_room(uint8_t log2)
{
	return ((uint64_t)5 << log2) / 8;
}

static size_t log_size(uint8_t log2)
{
	return NONCE_PAGE + (size_t)nonce_table_room(log2) * 16;
}

static size_t idx_size(uint8_t log2)
{
	return NONCE_PAGE + ((size_t)8 << log2);
}

/* The header of a log: what the state says of the table, bound to this memory by the salt. */
static bool header(const struct hz_nonce *nm, const struct nonce_entry *e, uint8_t out[HEADER])
{
	struct hz_buf b = HZ_BUF_INIT;
	bool ok;

	hz_buf_add(&b, "HZNLOG01", 8);
	hz_buf_be64(&b, e->number);
	hz_buf_be64(&b, e->start);
	hz_buf_be64(&b, e->end);
	hz_buf_u8(&b, e->log2);
	hz_buf_add(&b, nm->salt, 32);
	ok = !b.failed && b.len == HEADER;
	if (ok) {
		memcpy(out, b.p, HEADER - 32);
		hz_keccak256(b.p, b.len, out + HEADER - 32);
	}
	hz_buf_free(&b);
	return ok;
}

static CK_RV io_fail(const struct hz_nonce *nm, const char *name, const char *what)
{
	CK_RV rv = errno == ENOSPC || errno == EDQUOT ? CKR_DEVICE_MEMORY : CKR_DEVICE_ERROR;

	return hz_fail(rv, "nonce memory %s/%s: %s: %s", nm->dir, name, what, strerror(errno));
}

static CK_RV damaged(const struct hz_nonce *nm, uint64_t number, const char *what)
{
	return hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: table %016llx: %s", nm->dir, (unsigned long long)number, what);
}

/* A new file of zeros with its blocks reserved, so that a full disk shows here and never as a fault in a mapping. */
static CK_RV make_file(const struct hz_nonce *nm, uint64_t number, const char *ext, size_t size, int *fd)
{
	char name[NAME_ROOM];

	file_name(name, number, ext);
	(void)unlinkat(nm->dir_fd, name, 0);
	*fd = openat(nm->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return io_fail(nm, name, "create");
	errno = posix_fallocate(*fd, 0, (off_t)size);
	if (errno == 0)
		return CKR_OK;
	(void)io_fail(nm, name, "reserve");
	close(*fd);
	*fd = -1;
	(void)unlinkat(nm->dir_fd, name, 0);
	return CKR_DEVICE_MEMORY;
}

CK_RV nonce_table_create(struct hz_nonce *nm, const struct nonce_entry *e)
{
	uint8_t head[HEADER];
	int log = -1, idx = -1;
	CK_RV rv = make_file(nm, e->number, "log", log_size(e->log2), &log);

	if (rv == CKR_OK)
		rv = make_file(nm, e->number, "idx", idx_size(e->log2), &idx);
	if (rv == CKR_OK && !header(nm, e, head))
		rv = hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (rv == CKR_OK && (pwrite(log, head, HEADER, 0) != HEADER || fsync(log) != 0 || fsync(nm->dir_fd) != 0))
		rv = io_fail(nm, "", "write a table");
	if (log >= 0)
		close(log);
	if (idx >= 0)
		close(idx);
	if (rv != CKR_OK)
		nonce_table_unlink(nm, e->number);
	return rv;
}

void nonce_table_unlink(struct hz_nonce *nm, uint64_t number)
{
	char name[NAME_ROOM];

	file_name(name, number, "log");
	(void)unlinkat(nm->dir_fd, name, 0);
	file_name(name, number, "idx");
	(void)unlinkat(nm->dir_fd, name, 0);
}

/* Open one file of a table, check its size and map it. */
static CK_RV map_file(const struct hz_nonce *nm, uint64_t number, const char *ext, size_t size, void **map)
{
	char name[NAME_ROOM];
	struct stat st;
	CK_RV rv = CKR_OK;
	int fd;

	file_name(name, number, ext);
	fd = openat(nm->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return io_fail(nm, name, "open");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != (off_t)size) {
		rv = damaged(nm, number, "a file has another size");
	} else if ((*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		*map = NULL;
		rv = io_fail(nm, name, "map");
	}
	(void)close(fd);
	return rv;
}

/* 1..4095; binds a record to its place, so that rot and moved pages show. */
static uint64_t check_of(uint64_t number, uint64_t place, uint64_t a, uint64_t b_and_time)
{
	uint64_t h = (a ^ place) * 0x9E3779B97F4A7C15u;

	h = (h ^ (h >> 29) ^ b_and_time ^ number) * 0xBF58476D1CE4E5B9u;
	h ^= h >> 32;
	return h % 4095 + 1;
}

static uint64_t second_word(const struct nonce_table *t, uint64_t place, const struct nonce_id *id, uint64_t timestamp)
{
	uint64_t v = (uint64_t)id->b << 32 | (timestamp - t->e.start) << 12;

	return v | check_of(t->e.number, place, id->a, v);
}

static bool record_valid(const struct nonce_table *t, uint64_t place, uint64_t a, uint64_t second)
{
	return (second & 4095) == check_of(t->e.number, place, a, second & ~(uint64_t)4095);
}

/* Enter the record at `place` into an index that nobody else uses yet. */
static void reindex(struct nonce_table *t, uint64_t place, uint64_t a, uint64_t second)
{
	uint64_t mask = ((uint64_t)1 << t->e.log2) - 1, i = a & mask;

	while (atomic_load_explicit(&t->word[i], memory_order_relaxed) != 0)
		i = (i + 1) & mask;
	atomic_store_explicit(&t->word[i], (second >> 32) << 32 | (place + 1), memory_order_relaxed);
}

/* A hole (a process died in the middle, or a page was lost with an unclean stop) is passed over; anything else must be valid. */
static CK_RV rebuild_index(const struct hz_nonce *nm, struct nonce_table *t)
{
	uint64_t used = 0;

	for (uint64_t place = 0; place < t->room; place++) {
		uint64_t a = atomic_load_explicit(&t->record[2 * place], memory_order_relaxed);
		uint64_t second = atomic_load_explicit(&t->record[2 * place + 1], memory_order_relaxed);

		if (second == 0)
			continue;
		if (!record_valid(t, place, a, second))
			return damaged(nm, t->e.number, "a record has a wrong check");
		reindex(t, place, a, second);
		used = place + 1;
	}
	atomic_store(&t->head->count, used);
	return CKR_OK;
}

static CK_RV open_files(struct hz_nonce *nm, struct nonce_table *t, bool rebuild)
{
	uint8_t head[HEADER];
	void *map = NULL;
	int idx_fd = -1;
	CK_RV rv;

	rv = map_file(nm, t->e.number, "log", t->log_size, &map);
	if (rv != CKR_OK)
		return rv;
	t->log = map;
	t->record = (void *)(t->log + NONCE_PAGE);
	if (!header(nm, &t->e, head))
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	if (memcmp(t->log, head, HEADER) != 0)
		return damaged(nm, t->e.number, "the log has another header");
	if (rebuild) {
		rv = make_file(nm, t->e.number, "idx", t->idx_size, &idx_fd);
		if (rv != CKR_OK)
			return rv;
		close(idx_fd);
	}
	map = NULL;
	rv = map_file(nm, t->e.number, "idx", t->idx_size, &map);
	if (rv != CKR_OK)
		return rv;
	t->head = map;
	t->word = (void *)((uint8_t *)map + NONCE_PAGE);
	return rebuild ? rebuild_index(nm, t) : CKR_OK;
}

CK_RV nonce_table_open(struct hz_nonce *nm, const struct nonce_entry *e, bool rebuild, struct nonce_table **out)
{
	struct nonce_table *t = calloc(1, sizeof *t);
	CK_RV rv;

	*out = NULL;
	if (t == NULL)
		return hz_fail(CKR_HOST_MEMORY, "out of memory");
	t->e = *e;
	t->log_size = log_size(e->log2);
	t->idx_size = idx_size(e->log2);
	t->room = nonce_table_room(e->log2);
	rv = open_files(nm, t, rebuild);
	if (rv != CKR_OK) {
		nonce_table_close(t);
		return rv;
	}
	*out = t;
	return CKR_OK;
}

void nonce_table_close(struct nonce_table *t)
{
	if (t == NULL)
		return;
	if (t->log != NULL)
		munmap(t->log, t->log_size);
	if (t->head != NULL)
		munmap(t->head, t->idx_size);
	free(t);
}

/* Does an index word that is not 0 stand for the id? The record was stored before the word, so it is complete. */
static enum nonce_find match(const struct nonce_table *t, uint64_t word, const struct nonce_id *id, uint64_t oldest)
{
	uint64_t place = (word & UINT32_MAX) - 1, a, second;

	if (word >> 32 != id->b)
		return NONCE_ABSENT;
	if (place >= t->room)
		return NONCE_DAMAGED;
	a = atomic_load_explicit(&t->record[2 * place], memory_order_relaxed);
	second = atomic_load_explicit(&t->record[2 * place + 1], memory_order_relaxed);
	if (!record_valid(t, place, a, second))
		return NONCE_DAMAGED;
	if (a != id->a || t->e.start + (second >> 12 & 0xFFFFF) < oldest)
		return NONCE_ABSENT;
	return NONCE_HELD;
}

enum nonce_find nonce_table_find(const struct nonce_table *t, const struct nonce_id *id, uint64_t oldest)
{
	uint64_t mask = ((uint64_t)1 << t->e.log2) - 1, i = id->a & mask;

	for (uint64_t n = 0; n <= mask; n++, i = (i + 1) & mask) {
		uint64_t word = atomic_load(&t->word[i]);
		enum nonce_find found;

		if (word == 0)
			return NONCE_ABSENT;
		found = match(t, word, id, oldest);
		if (found != NONCE_ABSENT)
			return found;
	}
	return NONCE_DAMAGED;
}

enum nonce_put nonce_table_put(struct nonce_table *t, const struct nonce_id *id, uint64_t timestamp, uint64_t oldest)
{
	uint64_t mask = ((uint64_t)1 << t->e.log2) - 1, i = id->a & mask, place;

	place = atomic_fetch_add(&t->head->count, 1);
	if (place >= t->room)
		return NONCE_FULL;
	atomic_store_explicit(&t->record[2 * place], id->a, memory_order_relaxed);
	atomic_store_explicit(&t->record[2 * place + 1], second_word(t, place, id, timestamp), memory_order_release);
	for (uint64_t n = 0; n <= mask; n++, i = (i + 1) & mask) {
		uint64_t word = 0;
		enum nonce_find found;

		if (atomic_compare_exchange_strong(&t->word[i], &word, (uint64_t)id->b << 32 | (place + 1)))
			return NONCE_PUT;
		found = match(t, word, id, oldest);
		if (found != NONCE_ABSENT)
			return found == NONCE_HELD ? NONCE_USED : NONCE_PUT_DAMAGED;
	}
	return NONCE_PUT_DAMAGED;
}

/*
 * After a failed sync the kernel takes the pages for clean although they may not be on the disk, and the next sync would say that
 * all is well: storing into every page makes it try them again.
 */
static void dirty_again(struct nonce_table *t, uint64_t count)
{
	uint64_t words = 2 * (count < t->room ? count : t->room);

	for (uint64_t i = 0; i < words; i += NONCE_PAGE / sizeof t->record[0]) {
		uint64_t v = atomic_load(&t->record[i]);

		(void)atomic_compare_exchange_strong(&t->record[i], &v, v); /* an exchange is a store even when nothing changes */
	}
	atomic_store(&t->head->quiet, 0);
	atomic_store(&t->head->synced, UINT64_MAX);
}

/*
 * A record is counted before it is stored, so a sync may miss one that is just being made: a table rests only after two syncs
 * in a row have found the same count.
 */
CK_RV nonce_table_sync(struct nonce_table *t)
{
	uint64_t count = atomic_load(&t->head->count);
	uint32_t quiet = count == atomic_load(&t->head->synced) ? atomic_load(&t->head->quiet) : 0;

	if (quiet >= 2)
		return CKR_OK;
	if (msync(t->log, t->log_size, MS_SYNC) != 0) { /* as fdatasync() does, and needs no descriptor that the application could close */
		CK_RV rv = hz_fail(CKR_DEVICE_ERROR, "nonce memory: sync: %s", strerror(errno));

		dirty_again(t, count);
		return rv;
	}
	atomic_store(&t->head->synced, count);
	atomic_store(&t->head->quiet, quiet + 1);
	return CKR_OK;
}
