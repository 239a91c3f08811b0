/* SPDX-License-Identifier: Apache-2.0 */
/* The collector "tsm": the kernel's configfs interface, one entry a report (Linux Documentation/ABI/testing/configfs-tsm). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hex.h"
#include "collect/collect_int.h"
#include "crypto/libctx.h"

#define BLOB_MAX ((size_t)256 << 10)
#define PATH_ROOM 512
#define TRIES 200
#define PAUSE_NS 10000000 /* 10 ms: two seconds in all */

static CK_RV probe(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return hz_collect_errno("configfs-tsm", dir, errno);
	return S_ISDIR(st.st_mode) ? CKR_OK : hz_fail(CKR_DEVICE_REMOVED, "configfs-tsm %s: not a folder", dir);
}

/* The provider is busy, or the entry is not filled yet. */
static bool try_again(int error)
{
	return error == EBUSY || error == EAGAIN || error == ENOENT || error == EINTR || error == ETIMEDOUT;
}

static void pause_a_little(void)
{
	const struct timespec t = { 0, PAUSE_NS };

	(void)nanosleep(&t, NULL);
}

static int entry_open(const char *entry, const char *name, int flags)
{
	char path[PATH_ROOM + 32];

	(void)snprintf(path, sizeof path, "%s/%s", entry, name);
	return open(path, flags | O_CLOEXEC | O_NOCTTY);
}

static CK_RV write_attr(const char *entry, const char *name, const void *p, size_t n)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = entry_open(entry, name, O_WRONLY);
		ssize_t done = fd >= 0 ? write(fd, p, n) : -1;
		int error = done < 0 ? errno : EIO; /* half an attribute is none */

		if (fd >= 0)
			(void)close(fd);
		if (done == (ssize_t)n)
			return CKR_OK;
		if (!try_again(error))
			return hz_collect_errno(name, entry, error);
		pause_a_little();
	}
	return hz_fail(CKR_DEVICE_ERROR, "configfs-tsm: %s of %s takes nothing", name, entry);
}

static int read_once(const char *entry, const char *name, struct hz_buf *out)
{
	int fd = entry_open(entry, name, O_RDONLY), error = 0;
	uint8_t chunk[4096];
	ssize_t n = fd >= 0 ? 1 : -1;

	hz_buf_clear(out);
	while (n > 0) {
		n = read(fd, chunk, sizeof chunk);
		if (n > 0 && out->len + (size_t)n > BLOB_MAX) {
			errno = EFBIG;
			n = -1;
		}
		hz_buf_add(out, chunk, n > 0 ? (size_t)n : 0);
	}
	if (n < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	return error;
}

static CK_RV read_attr(const char *entry, const char *name, bool optional, struct hz_buf *out)
{
	int error = 0;

	for (int i = 0; i < TRIES; i++) {
		error = read_once(entry, name, out);
		if (error == 0)
			return out->failed ? CKR_HOST_MEMORY : CKR_OK;
		if (optional && (error == ENOENT || error == ENXIO || error == EOPNOTSUPP)) {
			hz_buf_clear(out);
			return CKR_OK;
		}
		if (!try_again(error))
			break;
		pause_a_little();
	}
	return hz_fail(CKR_DEVICE_ERROR, "configfs-tsm: %s of %s: %s", name, entry, strerror(error));
}

struct record {
	struct hz_buf before, out, aux, provider, after;
};

static CK_RV read_record(const char *entry, struct record *r)
{
	CK_RV rv = read_attr(entry, "generation", false, &r->before);

	if (rv == CKR_OK)
		rv = read_attr(entry, "outblob", false, &r->out);
	if (rv == CKR_OK)
		rv = read_attr(entry, "auxblob", true, &r->aux);
	if (rv == CKR_OK)
		rv = read_attr(entry, "provider", false, &r->provider);
	if (rv == CKR_OK)
		rv = read_attr(entry, "generation", false, &r->after);
	if (rv == CKR_OK && (r->before.len != r->after.len || memcmp(r->before.p, r->after.p, r->after.len) != 0))
		rv = hz_fail(CKR_DEVICE_ERROR, "configfs-tsm: somebody else wrote to %s", entry);
	if (rv == CKR_OK && (r->out.len == 0 || r->provider.len == 0))
		rv = hz_fail(CKR_DEVICE_ERROR, "configfs-tsm: %s holds no report", entry);
	return rv;
}

/* {"provider","outblob","auxblob"}; the provider is a word of the kernel's, checked so that it cannot break the text. */
static CK_RV write_record(const struct record *r, struct hz_buf *out)
{
	size_t n = r->provider.len - (r->provider.p[r->provider.len - 1] == '\n');

	for (size_t i = 0; i < n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", r->provider.p[i]) == NULL || r->provider.p[i] == 0)
			return hz_fail(CKR_DEVICE_ERROR, "configfs-tsm: the provider has no proper name");
	hz_buf_str(out, "{\"provider\":\"");
	hz_buf_add(out, r->provider.p, n);
	hz_buf_str(out, "\",\"outblob\":\"");
	hz_put_b64(out, r->out.p, r->out.len);
	if (r->aux.len != 0) {
		hz_buf_str(out, "\",\"auxblob\":\"");
		hz_put_b64(out, r->aux.p, r->aux.len);
	}
	hz_buf_str(out, "\"}");
	return out->failed ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV cpu(const char *dir, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN], struct hz_cpu_pieces *out)
{
	struct record r = { HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT, HZ_BUF_INIT };
	char entry[PATH_ROOM], name[17];
	uint8_t random[8];
	CK_RV rv;

	if (!hz_random(random, sizeof random))
		return hz_fail(CKR_DEVICE_ERROR, "no random bytes");
	hz_hex_encode(random, sizeof random, name);
	if (snprintf(entry, sizeof entry, "%s/hanzo-%s", dir, name) >= (int)sizeof entry)
		return hz_fail(CKR_DEVICE_ERROR, "configfs-tsm: the path is too long");
	if (mkdir(entry, 0700) != 0)
		return hz_collect_errno("configfs-tsm", entry, errno);
	rv = write_attr(entry, "inblob", report_data, HZ_ATTEST_REPORT_DATA_LEN);
	if (rv == CKR_OK)
		rv = read_record(entry, &r);
	if (rv == CKR_OK)
		rv = write_record(&r, &out->report.value);
	out->report.type = "application/vnd.veraison.tsm-report+json";
	(void)rmdir(entry);
	hz_buf_free(&r.before);
	hz_buf_free(&r.out);
	hz_buf_free(&r.aux);
	hz_buf_free(&r.provider);
	hz_buf_free(&r.after);
	return rv;
}

const struct hz_collector hz_collect_tsm = { "tsm", "/sys/kernel/config/tsm/report", false, probe, NULL, cpu, NULL };
