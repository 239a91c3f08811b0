/* SPDX-License-Identifier: Apache-2.0 */
/* GPU evidence through NVIDIA's management library, found at run time: the module does not need it where there is no GPU. */
#include <dlfcn.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"
#include "collect/collect_int.h"
#include "crypto/hash.h"
#include "crypto/libctx.h"

/* Layouts and numbers of nvml.h, the parts that are used. */
struct nvml_certificate {
	uint32_t cert_chain_size, attestation_chain_size;
	uint8_t cert_chain[0x1000], attestation_chain[0x1400];
};

struct nvml_report {
	uint32_t has_cec, size, cec_size;
	uint8_t nonce[32];
	uint8_t report[0x2000], cec_report[0x1000];
};

/* nvmlConfComputeSystemState_t */
struct nvml_state {
	unsigned environment, feature, dev_tools;
};

_Static_assert(sizeof(struct nvml_certificate) == 9224 && sizeof(struct nvml_report) == 12332, "the library's layouts");

enum { NVML_HOPPER = 9, NVML_BLACKWELL = 10 };

typedef void *nvml_device;

struct nvml {
	void *lib;
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned *n);
	int (*device)(unsigned i, nvml_device *d);
	int (*architecture)(nvml_device d, unsigned *arch);
	int (*certificate)(nvml_device d, struct nvml_certificate *c);
	int (*report)(nvml_device d, struct nvml_report *r);
	int (*state)(struct nvml_state *s); /* NULL: a driver that does not tell */
};

static bool symbol(const struct nvml *n, const char *name, void *to)
{
	void *p = dlsym(n->lib, name);

	memcpy(to, &p, sizeof p);
	return p != NULL;
}

static CK_RV load(struct nvml *n, const char *path)
{
	n->lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (n->lib == NULL)
		return hz_fail(CKR_DEVICE_REMOVED, "NVIDIA's management library %s is not there", path);
	(void)symbol(n, "nvmlSystemGetConfComputeState", &n->state);
	if (symbol(n, "nvmlInit_v2", &n->init) && symbol(n, "nvmlShutdown", &n->shutdown) &&
	    symbol(n, "nvmlDeviceGetCount_v2", &n->count) && symbol(n, "nvmlDeviceGetHandleByIndex_v2", &n->device) &&
	    symbol(n, "nvmlDeviceGetArchitecture", &n->architecture) &&
	    symbol(n, "nvmlDeviceGetConfComputeGpuCertificate", &n->certificate) &&
	    symbol(n, "nvmlDeviceGetConfComputeGpuAttestationReport", &n->report))
		return CKR_OK;
	(void)dlclose(n->lib);
	return hz_fail(CKR_DEVICE_REMOVED, "%s knows no confidential computing", path);
}

static void stop(struct nvml *n)
{
	(void)n->shutdown();
	(void)dlclose(n->lib);
}

/* No report says whether the development tools are on, with which the host sees into the GPU: the driver does, inside the guest. */
static CK_RV check_mode(const struct nvml *n)
{
	struct nvml_state s = { 0, 0, 0 };

	if (n->state == NULL || n->state(&s) != 0)
		return CKR_OK; /* then there is a report, or there is none */
	if (s.feature == 0)
		return hz_fail(CKR_DEVICE_REMOVED, "confidential computing is off in the GPU's driver");
	if (s.dev_tools != 0)
		return hz_fail(CKR_DEVICE_REMOVED, "the GPU is in the development-tools mode, which is not confidential");
	return CKR_OK;
}

static CK_RV start(struct nvml *n, const char *path)
{
	CK_RV rv = load(n, path);
	int code;

	if (rv != CKR_OK)
		return rv;
	code = n->init();
	if (code != 0) {
		(void)dlclose(n->lib);
		return hz_fail(CKR_DEVICE_REMOVED, "%s: nvmlInit gives %d", path, code);
	}
	rv = check_mode(n);
	if (rv != CKR_OK)
		stop(n);
	return rv;
}

/* SHA-256 of the leaf's SubjectPublicKeyInfo; the leaf is the chain's first certificate. */
static bool leaf_spki(const void *pem, size_t len, uint8_t out[32])
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *x = X509_new_ex(hz_libctx(), NULL);
	unsigned char *der = NULL;
	int n = bio != NULL && x != NULL && PEM_read_bio_X509(bio, &x, NULL, NULL) != NULL
			? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;

	if (n > 0)
		hz_hash_once(HZ_SHA256, der, (size_t)n, out);
	OPENSSL_free(der);
	X509_free(x);
	BIO_free(bio);
	(void)hz_ossl_reason();
	return n > 0;
}

static void put_b64_standard(struct hz_buf *b, const void *p, size_t n)
{
	size_t len = (n + 2) / 3 * 4;
	unsigned char *text = malloc(len + 1);

	if (text == NULL) {
		b->failed = true;
		return;
	}
	(void)EVP_EncodeBlock(text, p, (int)n);
	hz_buf_add(b, text, len);
	free(text);
}

/* [{"arch","certificate","evidence","nonce"}], as NVIDIA's own tools write it. */
static CK_RV write_list(unsigned arch, const struct nvml_certificate *c, const struct nvml_report *r, struct hz_buf *out)
{
	char nonce[65];

	hz_hex_encode(r->nonce, sizeof r->nonce, nonce);
	hz_buf_str(out, arch == NVML_HOPPER ? "[{\"arch\":\"HOPPER\",\"certificate\":\"" : "[{\"arch\":\"BLACKWELL\",\"certificate\":\"");
	put_b64_standard(out, c->attestation_chain, c->attestation_chain_size);
	hz_buf_str(out, "\",\"evidence\":\"");
	put_b64_standard(out, r->report, r->size);
	hz_buf_str(out, "\",\"nonce\":\"");
	hz_buf_str(out, nonce);
	hz_buf_str(out, "\"}]");
	return out->failed ? CKR_HOST_MEMORY : CKR_OK;
}

struct work {
	struct nvml_certificate c;
	struct nvml_report r;
};

static CK_RV one(const struct nvml *n, unsigned i, struct work *w, struct hz_gpu_piece *out)
{
	nvml_device d = NULL;
	unsigned arch = 0;
	int code = n->device(i, &d);

	if (code == 0)
		code = n->architecture(d, &arch);
	if (code == 0)
		code = n->certificate(d, &w->c);
	if (code == 0)
		code = n->report(d, &w->r);
	if (code != 0)
		return hz_fail(CKR_DEVICE_ERROR, "GPU %u gives no attestation report (NVML says %d)", i, code);
	if (arch != NVML_HOPPER && arch != NVML_BLACKWELL)
		return hz_fail(CKR_DEVICE_ERROR, "GPU %u has architecture %u, neither Hopper nor Blackwell", i, arch);
	if (w->r.size > sizeof w->r.report || w->c.attestation_chain_size > sizeof w->c.attestation_chain)
		return hz_fail(CKR_DEVICE_ERROR, "GPU %u: NVML gives impossible lengths", i);
	if (!leaf_spki(w->c.attestation_chain, w->c.attestation_chain_size, out->spki))
		return hz_fail(CKR_DEVICE_ERROR, "GPU %u: its certificate cannot be read", i);
	out->evidence.type = "application/vnd.veraison.nvidia-gpu-evidence+json";
	return write_list(arch, &w->c, &w->r, &out->evidence.value);
}

static CK_RV all(const struct nvml *n, const struct hz_collect_ask *ask, struct hz_gpu_piece *out, size_t *count)
{
	hz_attest_verifier *v = hz_collect_verifier();
	struct work *w = calloc(1, sizeof *w);
	unsigned have = 0;
	CK_RV rv = v != NULL && w != NULL ? CKR_OK : CKR_HOST_MEMORY;

	if (rv == CKR_OK && (n->count(&have) != 0 || have == 0))
		rv = hz_fail(CKR_DEVICE_REMOVED, "NVML sees no GPU");
	if (rv == CKR_OK && have > *count)
		rv = hz_fail(CKR_DEVICE_ERROR, "%u GPUs are too many for one bundle", have);
	for (unsigned i = 0; rv == CKR_OK && i < have; i++) {
		memset(w, 0, sizeof *w);
		if (!hz_attest_gpu_nonce(v, ask->challenge, ask->challenge_len, i, w->r.nonce))
			rv = hz_fail(CKR_HOST_MEMORY, "a digest failed");
		else
			rv = one(n, i, w, &out[i]);
	}
	*count = have;
	free(w);
	hz_attest_verifier_free(v);
	return rv;
}

CK_RV hz_nvml_collect(const char *path, const struct hz_collect_ask *ask, struct hz_gpu_piece *out, size_t *n)
{
	struct nvml lib;
	CK_RV rv = start(&lib, path);

	if (rv != CKR_OK)
		return rv;
	rv = all(&lib, ask, out, n);
	stop(&lib);
	return rv;
}

CK_RV hz_nvml_probe(const char *path)
{
	struct nvml lib;
	unsigned n = 0;
	CK_RV rv = start(&lib, path);

	if (rv != CKR_OK)
		return rv;
	if (lib.count(&n) != 0 || n == 0)
		rv = hz_fail(CKR_DEVICE_REMOVED, "NVML sees no GPU");
	stop(&lib);
	return rv;
}
