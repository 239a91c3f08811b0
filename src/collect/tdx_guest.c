/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector "tdx-guest", for kernels before configfs-tsm: TDX_CMD_GET_REPORT0 of the TDX guest device gives a TDREPORT, which
 * nobody off this machine can check; Intel's quote generation service, on the host behind a vsock port, makes a quote of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/reader.h"
#include "collect/collect_int.h"
#include "collect/stream.h"

#define TDX_CMD_GET_REPORT0 0xC4405401UL
#define TDREPORT_LEN 1024u
#define TDREPORT_DATA 128u /* REPORTDATA in it */
#define QUOTE_MAX ((size_t)64 << 10)
#define SERVICE_PORT 4050u
#define SERVICE_MS 30000

struct report_request {
	uint8_t report_data[64], report[TDREPORT_LEN];
};

_Static_assert(sizeof(struct report_request) == 1088, "the kernel's layout");

/* DEVICE[,PORT | ,SOCKET] */
struct where {
	char device[128];
	unsigned port;
	const char *socket; /* NULL: the port */
};

static bool take_port(const char *p, unsigned *out)
{
	unsigned long v = strtoul(p, NULL, 10);

	*out = (unsigned)v;
	return strlen(p) <= 9 && strspn(p, "0123456789") == strlen(p) && v >= 1;
}

static bool split(const char *path, struct where *w)
{
	size_t n = strcspn(path, ",");

	w->port = SERVICE_PORT;
	w->socket = NULL;
	if (path[0] != '/' || n >= sizeof w->device)
		return false;
	memcpy(w->device, path, n);
	w->device[n] = '\0';
	if (path[n] == '\0')
		return true;
	w->socket = path[n + 1] == '/' ? path + n + 1 : NULL;
	return w->socket != NULL || take_port(path + n + 1, &w->port);
}

static bool path_ok(const char *path)
{
	struct where w;

	return split(path, &w);
}

static CK_RV probe(const char *path)
{
	struct where w;

	if (!split(path, &w))
		return hz_fail(CKR_DEVICE_REMOVED, "%s names no TDX guest device", path);
	return access(w.device, R_OK | W_OK) == 0 ? CKR_OK : hz_collect_errno("TDX guest device", w.device, errno);
}

static CK_RV get_report(const char *dev, struct report_request *q)
{
	int fd = open(dev, O_RDWR | O_CLOEXEC | O_NOCTTY), error;

	if (fd < 0)
		return hz_collect_errno("TDX guest device", dev, errno);
	error = hz_collect_ioctl(fd, TDX_CMD_GET_REPORT0, q) != 0 ? errno : 0;
	(void)close(fd);
	if (error != 0)
		return hz_fail(CKR_DEVICE_ERROR, "TDX_CMD_GET_REPORT0: %s", strerror(error));
	if (memcmp(q->report + TDREPORT_DATA, q->report_data, sizeof q->report_data) != 0)
		return hz_fail(CKR_DEVICE_ERROR, "the TDX guest device gives the report of something else");
	return CKR_OK;
}

/*
 * A message of the service: its length as u32be, then version u16le 1 and 0, type u32le, length u32le, error u32le. A request for a
 * quote (type 0) goes on with the report's length, the length of a list of key ids (none) and the report.
 */
enum { GET_QUOTE_REQ = 0, GET_QUOTE_RESP = 1, HEADER = 16, REQ = HEADER + 8 + TDREPORT_LEN };

static void put32le(struct hz_buf *b, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		hz_buf_u8(b, (uint8_t)(v >> (8 * i)));
}

static void write_request(const uint8_t report[TDREPORT_LEN], struct hz_buf *b)
{
	hz_buf_be32(b, REQ);
	put32le(b, 1); /* 1.0 */
	put32le(b, GET_QUOTE_REQ);
	put32le(b, REQ);
	put32le(b, 0);
	put32le(b, TDREPORT_LEN);
	put32le(b, 0);
	hz_buf_add(b, report, TDREPORT_LEN);
}

/* The answer: header, length of the chosen key id, length of the quote, key id, quote. */
static CK_RV take_quote(const uint8_t *p, size_t n, struct hz_buf *quote)
{
	struct hz_reader r = hz_rd(p, n);
	uint16_t major = hz_rd_u16le(&r);
	uint32_t type, size, error, id, len;
	const uint8_t *q;

	hz_rd_skip(&r, 2);
	type = hz_rd_u32le(&r);
	size = hz_rd_u32le(&r);
	error = hz_rd_u32le(&r);
	if (!hz_rd_ok(&r) || major != 1 || type != GET_QUOTE_RESP || size != n)
		return hz_fail(CKR_DEVICE_ERROR, "the quote generation service answers with something else");
	if (error != 0)
		return hz_fail(CKR_DEVICE_ERROR, "the quote generation service refuses: error %#x", error);
	id = hz_rd_u32le(&r);
	len = hz_rd_u32le(&r);
	hz_rd_skip(&r, id);
	q = hz_rd_bytes(&r, len);
	if (q == NULL || len == 0 || !hz_rd_end(&r))
		return hz_fail(CKR_DEVICE_ERROR, "the quote generation service's lengths do not fit");
	hz_buf_add(quote, q, len);
	return quote->failed ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV receive(int fd, int64_t until, struct hz_buf *quote)
{
	uint8_t be[4], *p;
	struct hz_reader r = hz_rd(be, sizeof be);
	size_t n;
	CK_RV rv;

	if (!hz_stream_exactly(fd, be, sizeof be, until))
		return hz_fail(CKR_DEVICE_ERROR, "the quote generation service does not answer: %s", strerror(errno));
	n = hz_rd_u32be(&r);
	if (n < HEADER || n > QUOTE_MAX)
		return hz_fail(CKR_DEVICE_ERROR, "the quote generation service announces %zu bytes", n);
	p = malloc(n);
	if (p == NULL)
		return CKR_HOST_MEMORY;
	rv = hz_stream_exactly(fd, p, n, until) ? take_quote(p, n, quote)
						: hz_fail(CKR_DEVICE_ERROR, "the quote generation service breaks off: %s", strerror(errno));
	free(p);
	return rv;
}

static CK_RV get_quote(const struct where *w, const uint8_t report[TDREPORT_LEN], struct hz_buf *quote)
{
	int64_t until = hz_stream_until(SERVICE_MS);
	int fd = w->socket != NULL ? hz_stream_unix(w->socket) : hz_stream_host(w->port, until);
	struct hz_buf q = HZ_BUF_INIT;
	CK_RV rv;

	if (fd < 0)
		return hz_collect_errno("quote generation service", w->socket != NULL ? w->socket : "vsock:2", errno);
	write_request(report, &q);
	if (q.failed)
		rv = CKR_HOST_MEMORY;
	else
		rv = hz_stream_send(fd, q.p, q.len, until) ? receive(fd, until, quote)
							   : hz_collect_errno("quote generation service", w->device, errno);
	hz_buf_free(&q);
	(void)close(fd);
	return rv;
}

static CK_RV cpu(const char *path, const uint8_t report_data[HZ_ATTEST_REPORT_DATA_LEN], struct hz_cpu_pieces *out)
{
	struct report_request q = { .report_data = { 0 } };
	struct hz_buf quote = HZ_BUF_INIT;
	struct where w;
	CK_RV rv;

	if (!split(path, &w))
		return hz_fail(CKR_DEVICE_ERROR, "%s names no TDX guest device", path);
	memcpy(q.report_data, report_data, sizeof q.report_data);
	rv = get_report(w.device, &q);
	if (rv == CKR_OK)
		rv = get_quote(&w, q.report, &quote);
	if (rv == CKR_OK) { /* as the kernel's own record says it */
		out->report.type = "application/vnd.veraison.tsm-report+json";
		hz_buf_str(&out->report.value, "{\"provider\":\"tdx_guest\",\"outblob\":\"");
		hz_put_b64(&out->report.value, quote.p, quote.len);
		hz_buf_str(&out->report.value, "\"}");
		rv = out->report.value.failed ? CKR_HOST_MEMORY : CKR_OK;
	}
	hz_buf_free(&quote);
	return rv;
}

const struct hz_collector hz_collect_tdx_guest = { "tdx-guest", "/dev/tdx_guest", false, probe, NULL, cpu, path_ok };
