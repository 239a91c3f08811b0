/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of the nonce memory and its durable state in two slots. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/reader.h"
#include "crypto/keccak.h"
#include "crypto/libctx.h"
#include "store/nonce_int.h"

enum { SLOT_SIZE = 8192, STATE_SIZE = 3 * SLOT_SIZE };

static const char magic[] = "HZNONCE1";

static CK_RV io_fail(const struct hz_nonce *nm, const char *what)
{
	CK_RV rv = errno == ENOSPC || errno == EDQUOT ? CKR_DEVICE_MEMORY : CKR_DEVICE_ERROR;

	return hz_fail(rv, "nonce memory %s: %s: %s", nm->dir, what, strerror(errno));
}

/* A new folder must outlive a power cut as surely as what is synced inside it: the parent's entry goes to the disk too. */
static bool make_folder(char *path)
{
	char *slash = strrchr(path, '/');
	int fd;
	bool ok;

	if (mkdir(path, 0700) != 0)
		return errno == EEXIST;
	if (slash != NULL)
		*slash = '\0';
	fd = open(slash == NULL ? "." : slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slash != NULL)
		*slash = '/';
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* mkdir -p, each new folder 0700. */
static bool make_folders(const char *dir)
{
	char *path = strdup(dir);
	bool ok = path != NULL && path[0] != '\0';

	for (char *p = ok ? path + 1 : NULL; ok && (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		ok = make_folder(path);
		*p = '/';
	}
	ok = ok && make_folder(path);
	free(path);
	return ok;
}

static bool remember(int fd, struct nonce_file *f, struct stat *st)
{
	if (fstat(fd, st) != 0)
		return false;
	*f = (struct nonce_file){ st->st_dev, st->st_ino };
	return true;
}

/* Only this user (or root) may be able to change what is in it. */
static CK_RV open_dir(struct hz_nonce *nm)
{
	struct stat st;

	nm->dir_fd = hz_fd_above_stderr(open(nm->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (nm->dir_fd < 0)
		return io_fail(nm, "open the folder");
	if (!remember(nm->dir_fd, &nm->dir_is, &st))
		return io_fail(nm, "stat");
	if ((st.st_mode & 022) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
		return hz_fail(CKR_DEVICE_ERROR, "nonce memory %s can be changed by other users", nm->dir);
	/* Held shared for as long as we are in; whoever can have it alone is the last to leave. */
	return flock(nm->dir_fd, LOCK_SH) == 0 ? CKR_OK : io_fail(nm, "lock the folder");
}

static int lock_fd(int fd, int how)
{
	int r;

	do
		r = flock(fd, how);
	while (r != 0 && errno == EINTR);
	return r;
}

/* The state file at its full size, mapped in its first page. An empty file is one whose maker died; it is as good as none. */
static CK_RV open_state(struct hz_nonce *nm)
{
	struct stat st;
	void *map;

	nm->state_fd = hz_fd_above_stderr(openat(nm->dir_fd, "state", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
	if (nm->state_fd < 0 || !remember(nm->state_fd, &nm->state_is, &st) || lock_fd(nm->state_fd, LOCK_EX) != 0 ||
	    fstat(nm->state_fd, &st) != 0)
		return io_fail(nm, "open the state");
	if (!S_ISREG(st.st_mode) || (st.st_size != 0 && st.st_size != STATE_SIZE))
		return hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: the state has another size", nm->dir);
	if (st.st_size == 0 && (errno = posix_fallocate(nm->state_fd, 0, STATE_SIZE)) != 0)
		return io_fail(nm, "reserve the state");
	map = mmap(NULL, NONCE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, nm->state_fd, 0);
	if (map == MAP_FAILED)
		return io_fail(nm, "map the state");
	nm->sh = map;
	return CKR_OK;
}

CK_RV nonce_open_folder(struct hz_nonce *nm)
{
	CK_RV rv;

	if (!make_folders(nm->dir))
		return io_fail(nm, "make the folder");
	rv = open_dir(nm);
	return rv == CKR_OK ? open_state(nm) : rv;
}

void nonce_close_folder(struct hz_nonce *nm)
{
	if (nm->sh != NULL)
		munmap(nm->sh, NONCE_PAGE);
	nm->sh = NULL;
	hz_fd_close(nm->state_fd, nm->state_is.dev, nm->state_is.ino);
	hz_fd_close(nm->dir_fd, nm->dir_is.dev, nm->dir_is.ino);
	nm->state_fd = nm->dir_fd = -1;
}

static CK_RV replaced(const struct hz_nonce *nm, const char *what)
{
	return hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: the %s was replaced", nm->dir, what);
}

/* A number that is not ours any more is forgotten; the file must be the one whose page is mapped. */
static CK_RV own_dir(struct hz_nonce *nm)
{
	struct nonce_file was = nm->dir_is;
	CK_RV rv;

	if (hz_fd_is(nm->dir_fd, was.dev, was.ino))
		return CKR_OK;
	rv = open_dir(nm);
	if (rv == CKR_OK && (nm->dir_is.dev != was.dev || nm->dir_is.ino != was.ino))
		rv = replaced(nm, "folder");
	if (rv == CKR_OK)
		return rv;
	if (nm->dir_fd >= 0)
		(void)close(nm->dir_fd);
	nm->dir_fd = -1;
	nm->dir_is = was;
	return rv;
}

static CK_RV own_state(struct hz_nonce *nm)
{
	if (hz_fd_is(nm->state_fd, nm->state_is.dev, nm->state_is.ino))
		return CKR_OK;
	nm->state_fd = hz_fd_above_stderr(openat(nm->dir_fd, "state", O_RDWR | O_CLOEXEC | O_NOFOLLOW));
	if (nm->state_fd < 0)
		return io_fail(nm, "open the state");
	if (hz_fd_is(nm->state_fd, nm->state_is.dev, nm->state_is.ino))
		return CKR_OK;
	(void)close(nm->state_fd);
	nm->state_fd = -1;
	return replaced(nm, "state");
}

CK_RV nonce_lock_state(struct hz_nonce *nm, bool wait, bool *got)
{
	CK_RV rv = own_dir(nm);
	int r;

	*got = false;
	if (rv == CKR_OK)
		rv = own_state(nm);
	if (rv != CKR_OK)
		return rv;
	r = lock_fd(nm->state_fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	*got = r == 0;
	if (r == 0 || (!wait && errno == EWOULDBLOCK))
		return CKR_OK;
	return io_fail(nm, "lock the state");
}

void nonce_unlock_state(struct hz_nonce *nm)
{
	(void)flock(nm->state_fd, LOCK_UN);
}

static bool read_entries(struct hz_reader *r, struct nonce_disk *d)
{
	for (uint32_t i = 0; i < d->count; i++) {
		struct nonce_entry *e = &d->entry[i];

		e->number = hz_rd_u64be(r);
		e->start = hz_rd_u64be(r);
		e->end = hz_rd_u64be(r);
		e->log2 = hz_rd_u8(r);
		if (!hz_rd_ok(r) || e->end <= e->start || e->log2 < NONCE_MIN_LOG2 || e->log2 > NONCE_MAX_LOG2 ||
		    e->number >= d->next_number)
			return false;
	}
	return true;
}

/* One slot; false when it is not whole. */
static bool read_slot(const uint8_t *slot, struct nonce_disk *d)
{
	struct hz_reader r = hz_rd(slot, SLOT_SIZE);
	const uint8_t *head = hz_rd_bytes(&r, 8);
	uint8_t sum[32];

	if (head == NULL || memcmp(head, magic, 8) != 0)
		return false;
	d->seq = hz_rd_u64be(&r);
	hz_rd_copy(&r, d->salt, 32);
	hz_rd_copy(&r, d->boot_id, NONCE_BOOT_ID);
	d->clean = hz_rd_u8(&r) != 0;
	d->mark = hz_rd_u64be(&r);
	d->floor = hz_rd_u64be(&r);
	d->tables_version = hz_rd_u64be(&r);
	d->next_number = hz_rd_u64be(&r);
	d->count = hz_rd_u32be(&r);
	if (d->count > NONCE_MAX_TABLES || !read_entries(&r, d))
		return false;
	hz_keccak256(slot, r.off, sum);
	head = hz_rd_bytes(&r, 32);
	return head != NULL && memcmp(head, sum, 32) == 0;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	struct hz_reader r = hz_rd(p, n);

	return hz_rd_zeros(&r, n);
}

/* Are there tables although there is no state? Then the state was lost, and with it what the tables mean. */
static bool has_tables(const struct hz_nonce *nm)
{
	int fd = openat(nm->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	bool found = dir == NULL;
	struct dirent *e;

	while (!found && (e = readdir(dir)) != NULL)
		found = strstr(e->d_name, ".log") != NULL;
	if (dir != NULL)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return found;
}

static CK_RV fresh_state(const struct hz_nonce *nm, struct nonce_disk *d)
{
	if (has_tables(nm))
		return hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: the state is gone", nm->dir);
	memset(d, 0, sizeof *d);
	d->next_number = 1;
	memcpy(d->boot_id, nm->boot_id, NONCE_BOOT_ID);
	if (!hz_random(d->salt, 32))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes for the nonce memory");
	return CKR_OK;
}

CK_RV nonce_read_state(struct hz_nonce *nm, struct nonce_disk *d, bool *fresh)
{
	uint8_t *both = malloc(2 * SLOT_SIZE);
	struct nonce_disk *other = malloc(sizeof *other);
	bool a, b;
	CK_RV rv = CKR_OK;

	*fresh = false;
	if (both == NULL || other == NULL) {
		rv = hz_fail(CKR_HOST_MEMORY, "out of memory");
		goto out;
	}
	if (pread(nm->state_fd, both, 2 * SLOT_SIZE, SLOT_SIZE) != 2 * SLOT_SIZE) {
		rv = io_fail(nm, "read the state");
		goto out;
	}
	a = read_slot(both, d);
	b = read_slot(both + SLOT_SIZE, other);
	if (b && (!a || other->seq > d->seq))
		*d = *other;
	if (a || b)
		goto out;
	*fresh = all_zero(both, 2 * SLOT_SIZE);
	rv = *fresh ? fresh_state(nm, d) : hz_fail(CKR_DEVICE_ERROR, "nonce memory %s is damaged: no slot of the state is whole", nm->dir);
out:
	free(both);
	free(other);
	return rv;
}

static void write_slot(const struct nonce_disk *d, struct hz_buf *b)
{
	uint8_t sum[32];

	hz_buf_add(b, magic, 8);
	hz_buf_be64(b, d->seq);
	hz_buf_add(b, d->salt, 32);
	hz_buf_add(b, d->boot_id, NONCE_BOOT_ID);
	hz_buf_u8(b, d->clean);
	hz_buf_be64(b, d->mark);
	hz_buf_be64(b, d->floor);
	hz_buf_be64(b, d->tables_version);
	hz_buf_be64(b, d->next_number);
	hz_buf_be32(b, d->count);
	for (uint32_t i = 0; i < d->count; i++) {
		hz_buf_be64(b, d->entry[i].number);
		hz_buf_be64(b, d->entry[i].start);
		hz_buf_be64(b, d->entry[i].end);
		hz_buf_u8(b, d->entry[i].log2);
	}
	if (!b->failed) {
		hz_keccak256(b->p, b->len, sum);
		hz_buf_add(b, sum, 32);
	}
}

CK_RV nonce_write_state(struct hz_nonce *nm, struct nonce_disk *d)
{
	struct hz_buf b = HZ_BUF_INIT;
	CK_RV rv = CKR_OK;

	d->seq++;
	write_slot(d, &b);
	if (b.failed)
		rv = hz_fail(CKR_HOST_MEMORY, "out of memory");
	else if (pwrite(nm->state_fd, b.p, b.len, (off_t)((1 + d->seq % 2) * SLOT_SIZE)) != (ssize_t)b.len || fdatasync(nm->state_fd) != 0)
		rv = io_fail(nm, "write the state");
	hz_buf_free(&b);
	return rv;
}

static bool listed(const struct nonce_disk *d, uint64_t number)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->entry[i].number == number)
			return true;
	return false;
}

void nonce_sweep(struct hz_nonce *nm, const struct nonce_disk *d)
{
	int fd = openat(nm->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		char *end;
		unsigned long long number = strtoull(e->d_name, &end, 16);

		if (end == e->d_name + 16 && (strcmp(end, ".log") == 0 || strcmp(end, ".idx") == 0) && !listed(d, number))
			(void)unlinkat(nm->dir_fd, e->d_name, 0);
	}
	closedir(dir);
}
