/* SPDX-License-Identifier: Apache-2.0 */
/* The collector "socket": an agent on this machine that answers over a Unix socket; one question a connection. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "collect/collect_int.h"
#include "collect/stream.h"

#define DEADLINE_MS 10000

static CK_RV probe(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return hz_collect_errno("evidence agent", path, errno);
	return S_ISSOCK(st.st_mode) ? CKR_OK : hz_fail(CKR_DEVICE_REMOVED, "evidence agent %s: not a socket", path);
}

static bool receive_all(int fd, struct hz_buf *out, int64_t until)
{
	uint8_t chunk[8192];
	ssize_t n;

	while ((n = hz_stream_some(fd, chunk, sizeof chunk, until)) > 0) {
		hz_buf_add(out, chunk, (size_t)n);
		if (out->failed || out->len > HZ_BUNDLE_MAX) {
			errno = EFBIG;
			return false;
		}
	}
	return n == 0;
}

static CK_RV bundle(const char *path, const struct hz_collect_ask *ask, struct hz_buf *out)
{
	struct hz_buf q = HZ_BUF_INIT;
	int64_t until = hz_stream_until(DEADLINE_MS);
	int fd = -1;
	CK_RV rv = CKR_OK;

	hz_buf_str(&q, "{\"hanzo_collect\":1,\"challenge\":\"");
	hz_put_b64(&q, ask->challenge, ask->challenge_len);
	if (ask->key_len != 0) {
		hz_buf_str(&q, "\",\"key\":\"");
		hz_put_b64(&q, ask->key, ask->key_len);
	}
	hz_buf_str(&q, "\"}\n");
	if (q.failed)
		rv = CKR_HOST_MEMORY;
	else if ((fd = hz_stream_unix(path)) < 0 || !hz_stream_send(fd, q.p, q.len, until) || !receive_all(fd, out, until))
		rv = hz_collect_errno("evidence agent", path, errno);
	if (fd >= 0)
		(void)close(fd);
	hz_buf_free(&q);
	return rv;
}

const struct hz_collector hz_collect_socket = { "socket", NULL, false, probe, bundle, NULL, NULL };
