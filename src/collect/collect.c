/* SPDX-License-Identifier: Apache-2.0 */
/* Choose a source, and make a bundle of what it gives. */
#include "collect/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hex.h"
#include "collect/collect_int.h"
#include "crypto/libctx.h"

static const struct hz_collector *const sources[] = {
	&hz_collect_file, &hz_collect_sev_guest, &hz_collect_sim, &hz_collect_socket, &hz_collect_tdx_guest, &hz_collect_tpm, &hz_collect_tsm,
};

/* The path of SCHEME or SCHEME:PATH; NULL where the scheme is another one. *ok: the text is well-formed. */
static const char *path_of(const char *source, const char *scheme, const char *default_path, bool *ok)
{
	size_t n = strlen(scheme);

	*ok = false;
	if (strncmp(source, scheme, n) != 0 || (source[n] != '\0' && source[n] != ':'))
		return NULL;
	if (source[n] == '\0') {
		*ok = default_path != NULL;
		return *ok ? default_path : "";
	}
	*ok = source[n + 1] == '/';
	return source + n + 1;
}

static const struct hz_collector *find(const char *source, const char **path, bool *ok)
{
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		*path = path_of(source, sources[i]->scheme, sources[i]->default_path, ok);
		if (*path != NULL && sources[i]->path_ok != NULL)
			*ok = sources[i]->path_ok(*path);
		if (*path != NULL)
			return sources[i];
	}
	return NULL;
}

const char *hz_collect_wrong(const char *source)
{
	const char *path;
	bool ok;

	if (find(source, &path, &ok) == NULL)
		return "not tsm, sev-guest, tdx-guest, tpm, file:PATH, socket:PATH or sim:PATH";
	return ok ? NULL : "without an absolute path, or with something malformed behind it";
}

const char *hz_collect_wrong_gpus(const char *source)
{
	bool ok;

	if (path_of(source, "nvml", "libnvidia-ml.so.1", &ok) == NULL)
		return "not nvml or nvml:PATH";
	return ok ? NULL : "without an absolute path";
}

bool hz_collect_is_ready_made(const char *source)
{
	const char *path;
	bool ok;
	const struct hz_collector *c = find(source, &path, &ok);

	return c != NULL && c->ready_made;
}

bool hz_collect_takes_gpus(const char *source)
{
	const char *path;
	bool ok;
	const struct hz_collector *c = find(source, &path, &ok);

	return c != NULL && c->cpu != NULL;
}

CK_RV hz_collect_probe(const char *source)
{
	const char *path;
	bool ok;
	const struct hz_collector *c = find(source, &path, &ok);

	return c != NULL ? c->probe(path) : hz_fail(CKR_DEVICE_REMOVED, "%s is no source of evidence", source);
}

CK_RV hz_collect_probe_gpus(const char *source)
{
	bool ok;
	const char *path = path_of(source, "nvml", "libnvidia-ml.so.1", &ok);

	return path != NULL ? hz_nvml_probe(path) : hz_fail(CKR_DEVICE_REMOVED, "%s is no source of GPU evidence", source);
}

hz_attest_verifier *hz_collect_verifier(void)
{
	return hz_libctx() != NULL ? hz_attest_verifier_new(hz_libctx()) : NULL;
}

CK_RV hz_collect_errno(const char *what, const char *path, int error)
{
	bool gone = error == ENOENT || error == ENODEV || error == ENXIO || error == ENOTDIR || error == ECONNREFUSED;

	return hz_fail(gone ? CKR_DEVICE_REMOVED : CKR_DEVICE_ERROR, "%s %s: %s", what, path, strerror(error));
}

CK_RV hz_collect_read(const char *path, size_t max, const char *what, struct hz_buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got = 1;
	CK_RV rv = CKR_OK;
	uint8_t chunk[4096];

	if (fd < 0)
		return hz_collect_errno(what, path, errno);
	while (rv == CKR_OK && got != 0) {
		got = read(fd, chunk, sizeof chunk);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rv = hz_collect_errno(what, path, errno);
		else if (out->len + (size_t)got > max)
			rv = hz_fail(CKR_DEVICE_ERROR, "%s %s: longer than %zu bytes", what, path, max);
		else
			hz_buf_add(out, chunk, (size_t)got);
	}
	(void)close(fd);
	return rv == CKR_OK && out->failed ? CKR_HOST_MEMORY : rv;
}

void hz_put_b64(struct hz_buf *out, const void *p, size_t n)
{
	char *text = malloc(hz_b64url_len(n) + 1);

	if (text == NULL) {
		out->failed = true;
		return;
	}
	hz_b64url_encode(p, n, text);
	hz_buf_str(out, text);
	free(text);
}

static void put_record(struct hz_buf *out, const char *name, const struct hz_piece *piece)
{
	hz_buf_str(out, "\"");
	hz_buf_str(out, name);
	hz_buf_str(out, "\":[\"");
	hz_buf_str(out, piece->type);
	hz_buf_str(out, "\",\"");
	hz_put_b64(out, piece->value.p, piece->value.len);
	hz_buf_str(out, "\"]");
}

CK_RV hz_bundle_write(const struct hz_collect_ask *ask, const struct hz_cpu_pieces *cpu, const struct hz_gpu_piece *gpu, size_t n,
		      struct hz_buf *out)
{
	char name[] = "gpu/00";

	hz_buf_str(out, "{\"hanzo_evidence\":1,\"challenge\":\"");
	hz_put_b64(out, ask->challenge, ask->challenge_len);
	if (ask->key_len != 0) {
		hz_buf_str(out, "\",\"runtime_data\":\"");
		hz_put_b64(out, ask->key, ask->key_len);
	}
	hz_buf_str(out, "\",\"evidence\":{");
	put_record(out, "cpu", &cpu->report);
	if (cpu->certs.type != NULL) {
		hz_buf_str(out, ",");
		put_record(out, "cpu/certs", &cpu->certs);
	}
	for (size_t i = 0; i < n; i++) {
		name[4] = (char)(i < 10 ? '0' + i : '1');
		name[5] = (char)(i < 10 ? '\0' : '0' + i - 10);
		hz_buf_str(out, ",");
		put_record(out, name, &gpu[i].evidence);
	}
	hz_buf_str(out, "}}");
	return out->failed ? CKR_HOST_MEMORY : CKR_OK;
}

/* The GPUs first: the CPU's report names their keys. */
static CK_RV from_pieces(const struct hz_collector *c, const char *path, const struct hz_collect_ask *ask, struct hz_buf *out)
{
	struct hz_gpu_piece gpu[HZ_ATTEST_MAX_GPUS] = { { { NULL, HZ_BUF_INIT }, { 0 } } };
	uint8_t spki[HZ_ATTEST_MAX_GPUS][32], data[HZ_ATTEST_REPORT_DATA_LEN];
	struct hz_cpu_pieces cpu = { { NULL, HZ_BUF_INIT }, { NULL, HZ_BUF_INIT } };
	hz_attest_verifier *v = hz_collect_verifier();
	size_t n = HZ_ATTEST_MAX_GPUS;
	bool ok = v != NULL;
	CK_RV rv = CKR_HOST_MEMORY;

	if (!ok)
		goto out;
	if (ask->gpus == NULL)
		n = 0;
	rv = n == 0 ? CKR_OK : hz_nvml_collect(path_of(ask->gpus, "nvml", "libnvidia-ml.so.1", &ok), ask, gpu, &n);
	if (rv != CKR_OK)
		goto out;
	for (size_t i = 0; i < n; i++)
		memcpy(spki[i], gpu[i].spki, 32);
	ok = ask->key_len != 0 ? hz_attest_key_report_data(v, ask->key, ask->key_len, (const uint8_t(*)[32])spki, n, data)
			       : hz_attest_report_data(v, ask->challenge, ask->challenge_len, NULL, 0, (const uint8_t(*)[32])spki, n, data);
	rv = ok ? c->cpu(path, data, &cpu) : hz_fail(CKR_HOST_MEMORY, "a digest failed");
	if (rv == CKR_OK)
		rv = hz_bundle_write(ask, &cpu, gpu, n, out);
out:
	for (size_t i = 0; i < HZ_ATTEST_MAX_GPUS; i++)
		hz_buf_free(&gpu[i].evidence.value);
	hz_buf_free(&cpu.report.value);
	hz_buf_free(&cpu.certs.value);
	hz_attest_verifier_free(v);
	return rv;
}

CK_RV hz_collect(const char *source, const struct hz_collect_ask *ask, struct hz_buf *bundle)
{
	const char *path;
	bool ok;
	const struct hz_collector *c = find(source, &path, &ok);

	if (c == NULL || !ok)
		return hz_fail(CKR_DEVICE_ERROR, "%s is no source of evidence", source);
	return c->bundle != NULL ? c->bundle(path, ask, bundle) : from_pieces(c, path, ask, bundle);
}
