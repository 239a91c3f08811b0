/* SPDX-License-Identifier: Apache-2.0 */
/* The collectors "tpm", against a software TPM, and "tdx-guest", against stand-ins of the device and of Intel's service. */
#include "forge.h"

#include "../swtpm.h"
#include "base/error.h"
#include "base/hex.h"
#include "collect/collect.h"
#include "collect/collect_int.h"
#include "crypto/hash.h"
#include "gov/evidence.h"

#include <errno.h>
#include <pthread.h>

static const struct forge_spec spec = { "Milan", false, { 0, 4, 0, 24, 219 }, { 4 }, false, false, false };
static struct forge chain;
static hz_attest_verifier *verifier;
static char dir[64];
static struct swtpm tpm;
static const uint8_t challenge[32] = { 7, 7, 7 };
static const struct hz_collect_ask ask = { .challenge = challenge, .challenge_len = 32 };

static hz_attest_policy *policy(const char *sections)
{
	char json[700], hex[65], err[200];
	hz_attest_policy *p;

	hz_hex_encode(chain.ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],%s}", hex, sections);
	p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);
	CHECK(p != NULL);
	return p;
}

/* The verdict; a claim's value goes to out. */
static enum hz_attest_reason judge(const struct hz_buf *bundle, const char *sections, unsigned tier, const char *claim, char *out)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_policy *p = policy(sections);
	struct blob pem = forge_pem(&chain);
	hz_attest_result *r;
	enum hz_attest_reason why;

	CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_BUNDLE, bundle->p, bundle->len) && hz_attest_input_time(in, FORGE_NOW));
	CHECK(hz_attest_input_certs(in, pem.p, pem.len) && hz_attest_input_tier(in, tier) && hz_attest_input_challenge(in, challenge, 32));
	r = hz_attest_verify(verifier, p, in);
	why = hz_attest_result_reason(r);
	if (claim != NULL && hz_attest_result_claim(r, claim) != NULL)
		snprintf(out, 65, "%s", hz_attest_result_claim(r, claim));
	hz_attest_result_free(r);
	hz_attest_policy_free(p);
	hz_attest_input_free(in);
	blob_free(&pem);
	return why;
}

/* ---- a TPM of no confidential VM ---- */

static void plain_tpm(const char *source)
{
	struct hz_buf b = HZ_BUF_INIT;
	char ak[65] = "", text[200];

	for (int i = 0; i < 5; i++) { /* a TPM has room for three objects: one left behind would show */
		hz_buf_clear(&b);
		CHECK(hz_collect(source, &ask, &b) == CKR_OK);
	}
	CHECK(judge(&b, "\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"}", 1, "cpu.ak_sha256", ak) == HZ_ATTEST_OK && strlen(ak) == 64);
	CHECK(judge(&b, "\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"}", 2, NULL, NULL) == HZ_ATTEST_R_MISSING); /* a TPM is no TEE */
	CHECK(judge(&b, "\"tpm\":{\"pcrs\":\"any\"}", 1, NULL, NULL) == HZ_ATTEST_R_AK);
	CHECK(judge(&b, "\"snp\":{\"measurement\":\"any\"}", 1, NULL, NULL) == HZ_ATTEST_R_POLICY_KIND);
	snprintf(text, sizeof text, "\"tpm\":{\"ak\":\"%s\",\"pcrs\":{\"7\":\"%064d\"}}", ak, 0);
	CHECK(judge(&b, text, 1, NULL, NULL) == HZ_ATTEST_OK);
	CHECK(swtpm_extend(&tpm, 7));
	CHECK(judge(&b, text, 1, NULL, NULL) == HZ_ATTEST_OK); /* still says what was */
	hz_buf_clear(&b);
	CHECK(hz_collect(source, &ask, &b) == CKR_OK);
	CHECK(judge(&b, text, 1, NULL, NULL) == HZ_ATTEST_R_POLICY_PCR);
	/* The key is the TPM's for life. */
	swtpm_stop(&tpm);
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED && hz_collect_probe(source) == CKR_DEVICE_REMOVED);
	CHECK(swtpm_start(&tpm, dir) && swtpm_clear(&tpm) && hz_collect_probe(source) == CKR_OK);
	hz_buf_clear(&b);
	CHECK(hz_collect(source, &ask, &b) == CKR_OK && judge(&b, text, 1, NULL, NULL) == HZ_ATTEST_OK);
	hz_buf_free(&b);
}

/* ---- what the paravisor of an Azure confidential VM leaves in its vTPM ---- */

/* A command with an empty password for the first handle; the answer's parameters behind its handle. */
static size_t command(uint32_t cc, const uint32_t *handle, size_t handles, const struct hz_buf *params, uint8_t rsp[4096])
{
	struct hz_buf b = HZ_BUF_INIT;
	int fd = swtpm_dial(tpm.sock);
	ssize_t n;

	hz_buf_be16(&b, 0x8002);
	hz_buf_be32(&b, (uint32_t)(10 + 4 * handles + 13 + params->len));
	hz_buf_be32(&b, cc);
	for (size_t i = 0; i < handles; i++)
		hz_buf_be32(&b, handle[i]);
	hz_buf_be32(&b, 9);
	hz_buf_be32(&b, 0x40000009);
	hz_buf_add(&b, "\0\0\0\0", 5);
	hz_buf_add(&b, params->p, params->len);
	CHECK(fd >= 0 && write(fd, b.p, b.len) == (ssize_t)b.len);
	n = read(fd, rsp, 4096);
	CHECK(n >= 10 && memcmp(rsp + 6, "\0\0\0\0", 4) == 0);
	close(fd);
	hz_buf_free(&b);
	return n > 0 ? (size_t)n : 0;
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* An RSA attestation key at the handle that Azure has it at; its modulus. */
static void make_ak(uint8_t modulus[256])
{
	static const uint8_t pub[] = { 0, 1, 0, 11, 0, 5, 4, 0x72, 0, 0, 0, 16, 0, 20, 0, 11, 8, 0, 0, 0, 0, 0, 0, 0 };
	struct hz_buf p = HZ_BUF_INIT;
	uint8_t rsp[4096];
	uint32_t handle[2] = { 0x40000001, 0 };

	hz_buf_be16(&p, 4);
	hz_buf_be32(&p, 0);
	hz_buf_be16(&p, sizeof pub);
	hz_buf_add(&p, pub, sizeof pub);
	hz_buf_be16(&p, 0);
	hz_buf_be32(&p, 0);
	(void)command(0x131, handle, 1, &p, rsp);
	handle[1] = u32(rsp + 10);
	/* handle, size, TPM2B_PUBLIC: 22 bytes of parameters, then the modulus */
	memcpy(modulus, rsp + 10 + 4 + 4 + 2 + 22 + 2, 256);
	hz_buf_clear(&p);
	hz_buf_be32(&p, 0x81000003);
	(void)command(0x120, handle, 2, &p, rsp);
	hz_buf_free(&p);
}

static void put_nv(const uint8_t *data, size_t n)
{
	uint32_t owner[2] = { 0x40000001, 0x01400001 };
	struct hz_buf p = HZ_BUF_INIT;
	uint8_t rsp[4096];

	hz_buf_be16(&p, 0);
	hz_buf_be16(&p, 14);
	hz_buf_be32(&p, 0x01400001);
	hz_buf_be16(&p, 11);
	hz_buf_be32(&p, 0x00060006); /* the owner reads and writes */
	hz_buf_be16(&p, 0);
	hz_buf_be16(&p, (uint16_t)n);
	(void)command(0x12a, owner, 1, &p, rsp);
	for (size_t at = 0; at < n; at += 512) {
		size_t k = n - at < 512 ? n - at : 512;

		hz_buf_clear(&p);
		hz_buf_be16(&p, (uint16_t)k);
		hz_buf_add(&p, data + at, k);
		hz_buf_be16(&p, (uint16_t)at);
		(void)command(0x137, owner, 2, &p, rsp);
	}
	hz_buf_free(&p);
}

static void put32le(uint8_t *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* The gate verifies at the moment that the C library tells: here one at which the chain holds. */
time_t time(time_t *out)
{
	if (out != NULL)
		*out = FORGE_NOW;
	return FORGE_NOW;
}

static void put_file(const char *name, const void *p, size_t n)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	(void)unlink(path);
	f = fopen(path, "wb");
	CHECK(f != NULL && chmod(path, 0600) == 0 && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

/* A login's judgement: does it accept, and if not, does it say this? */
static void gate(const struct hz_slot_conf *slot, const char *says)
{
	struct hz_accepted a = { .pin = NULL };
	struct hz_evidence *e = NULL;
	CK_RV rv = hz_evidence_new(&e, slot);

	CHECK(rv == CKR_OK);
	rv = hz_evidence_from(e, "", NULL, true, &a);
	if (says == NULL ? rv != CKR_OK : (rv != CKR_PIN_INCORRECT || strstr(hz_error_text(), says) == NULL)) {
		failures++;
		fprintf(stderr, "the gate says %#lx, %s, and not %s\n", rv, hz_error_text(), says != NULL ? says : "CKR_OK");
	}
	hz_accepted_clear(&a);
	hz_evidence_free(e);
}

/*
 * Azure's vTPM has no certificate of the chip: a login succeeds once it lies in the slot's folder of collateral. A list counts under
 * whatever name, and what cannot be told is refused.
 */
static void azure_login(char *source)
{
	static const struct forge_crl revoking = { 1, "20260101000000Z", "20261231000000Z", false, false, false },
				      clean = { 0, "20260101000000Z", "20261231000000Z", false, false, false };
	char name[] = "", path[100], folder[100], json[300], hex[65];
	struct hz_slot_conf slot = { .tier = 2, .policy = path, .sources = { { name, source } }, .nsources = 1 };
	struct blob pem = forge_pem(&chain), crl = forge_crl(&chain, &revoking);

	snprintf(path, sizeof path, "%s/policy.json", dir);
	snprintf(folder, sizeof folder, "%s/collateral", dir);
	hz_hex_encode(chain.ark_sha256, 32, hex);
	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"snp\",\"cert_sha256\":\"%s\"}],"
		 "\"snp\":{\"measurement\":\"any\"},\"azure\":{\"pcrs\":\"any\"}}", hex);
	put_file("policy.json", json, strlen(json));
	gate(&slot, "no VCEK");
	slot.collateral = folder;
	CHECK(mkdir(folder, 0700) == 0);
	gate(&slot, "no VCEK");
	put_file("collateral/chip-chain.pem", pem.p, pem.len);
	gate(&slot, NULL);
	put_file("collateral/.hidden", "x", 1);
	gate(&slot, NULL);
	put_file("collateral/readme", "x", 1);
	gate(&slot, "readme: neither its name nor its content");
	put_file("collateral/readme", pem.p, pem.len);
	gate(&slot, NULL); /* the same again, and told by its content */
	put_file("collateral/readme", crl.p, crl.len);
	gate(&slot, "revoked");
	blob_free(&crl);
	crl = forge_crl(&chain, &clean);
	put_file("collateral/readme", crl.p, crl.len);
	gate(&slot, NULL);
	snprintf(json, sizeof json, "%s/lists", folder);
	CHECK(mkdir(json, 0700) == 0);
	gate(&slot, "lists: ");
	blob_free(&pem);
	blob_free(&crl);
}

static void azure(char *source)
{
	static uint8_t hcl[2048];
	uint8_t modulus[256], *report = hcl + 32, *head = hcl + 32 + REPORT_LEN;
	char n[400], *runtime = (char *)head + 20;
	struct hz_buf b = HZ_BUF_INIT;
	size_t len;

	make_ak(modulus);
	hz_b64url_encode(modulus, sizeof modulus, n);
	len = (size_t)snprintf(runtime, 700, "{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"}],"
			       "\"vm-configuration\":{\"secure-boot\":true}}", n);
	memcpy(hcl, "HCLA", 4);
	put32le(hcl + 4, 2);
	put32le(hcl + 8, 32 + REPORT_LEN + 20 + len);
	put32le(head, 20 + len);
	put32le(head + 4, 1);
	put32le(head + 8, 2);
	put32le(head + 12, 1);
	put32le(head + 16, len);
	forge_report(report, &spec);
	memset(report + 0x50, 0, 64);
	hz_hash_once(HZ_SHA256, runtime, len, report + 0x50);
	forge_sign(&chain, report);
	put_nv(hcl, 32 + REPORT_LEN + 20 + len);
	CHECK(hz_collect(source, &ask, &b) == CKR_OK);
	CHECK(judge(&b, "\"snp\":{\"measurement\":\"any\"},\"azure\":{\"pcrs\":\"any\"}", 2, NULL, NULL) == HZ_ATTEST_OK);
	CHECK(judge(&b, "\"snp\":{\"measurement\":\"any\"},\"tpm\":{\"pcrs\":\"any\",\"ak\":\"any\"}", 2, NULL, NULL) == HZ_ATTEST_R_POLICY_KIND);
	hz_buf_free(&b);
	azure_login(source);
}

/* ---- a TD ---- */

static int device_error;
static bool other_report;

static int device(int fd, unsigned long request, void *arg)
{
	uint8_t *q = arg;

	(void)fd;
	CHECK(request == 0xC4405401UL);
	errno = device_error;
	if (device_error != 0)
		return -1;
	memset(q + 64, 0x81, 1024);
	memcpy(q + 64 + 128, q, 64);
	q[64 + 128] ^= other_report;
	return 0;
}

static int listener;
static struct blob quote;
static enum { HONEST, ERROR, WRONG_TYPE, LONG, SHORT, HUGE, SILENT } service_mode;

static void answer(int fd)
{
	size_t n = 24 + 3 + quote.len;
	uint8_t *rsp = calloc(1, 4 + n);

	rsp[2] = (uint8_t)(n >> 8);
	rsp[3] = (uint8_t)n;
	put32le(rsp + 4, 1);
	put32le(rsp + 8, service_mode == WRONG_TYPE ? 3 : 1);
	put32le(rsp + 12, n);
	put32le(rsp + 16, service_mode == ERROR ? 0x11001 : 0);
	put32le(rsp + 20, 3); /* the key's id, which goes before the quote */
	put32le(rsp + 24, quote.len + (service_mode == LONG));
	memcpy(rsp + 28, "id.", 3);
	memcpy(rsp + 31, quote.p, quote.len);
	if (service_mode == HUGE)
		rsp[0] = 1;
	if (service_mode != SILENT)
		CHECK(write(fd, rsp, service_mode == SHORT ? n : n + 4) > 0);
	free(rsp);
}

/* Answers one request after checking it. */
static void *service(void *arg)
{
	static const uint8_t head[28] = { 0, 0, 4, 24, 1, 0, 0, 0, 0, 0, 0, 0, 24, 4, 0, 0, 0, 0, 0, 0, 0, 4 };
	uint8_t req[4 + 24 + 1024];
	int fd = accept(listener, NULL, NULL);
	size_t n = 0;
	ssize_t got;

	(void)arg;
	while (n < sizeof req && (got = read(fd, req + n, sizeof req - n)) > 0)
		n += (size_t)got;
	CHECK(n == sizeof req && memcmp(req, head, sizeof head) == 0 && req[28] == 0x81);
	answer(fd);
	close(fd);
	return NULL;
}

static CK_RV served(const char *source, struct hz_buf *b, int mode)
{
	pthread_t t;
	CK_RV rv;

	service_mode = mode;
	hz_buf_clear(b);
	CHECK(pthread_create(&t, NULL, service, NULL) == 0);
	rv = hz_collect(source, &ask, b);
	pthread_join(t, NULL);
	return rv;
}

static enum hz_attest_reason judge_quote(const struct hz_buf *b)
{
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_policy *p = hz_attest_policy_reference();
	hz_attest_result *r;
	enum hz_attest_reason why;

	CHECK(hz_attest_input_evidence(in, HZ_ATTEST_KIND_BUNDLE, b->p, b->len) && hz_attest_input_time(in, 1773705600));
	CHECK(hz_attest_input_challenge(in, challenge, 32));
	r = hz_attest_verify(verifier, p, in);
	why = hz_attest_result_reason(r);
	hz_attest_result_free(r);
	hz_attest_policy_free(p);
	hz_attest_input_free(in);
	return why;
}

static void trust_domain(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct hz_buf b = HZ_BUF_INIT;
	char source[256], dev[100];
	int fd;

	snprintf(dev, sizeof dev, "%s/tdx", dir);
	snprintf(a.sun_path, sizeof a.sun_path, "%s/qgs", dir);
	snprintf(source, sizeof source, "tdx-guest:%s,%s", dev, a.sun_path);
	CHECK(hz_collect_probe(source) == CKR_DEVICE_REMOVED && hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED);
	fd = open(dev, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	close(fd);
	CHECK(hz_collect_probe(source) == CKR_OK);
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR); /* a file is no device */
	hz_collect_ioctl = device;
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_REMOVED); /* no service */
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 4) == 0);
	device_error = EIO;
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR);
	device_error = 0;
	other_report = true;
	CHECK(hz_collect(source, &ask, &b) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "something else") != NULL);
	other_report = false;
	/* A genuine quote, whose report data is not ours: the record is read and judged as a TD's. */
	CHECK(served(source, &b, HONEST) == CKR_OK && judge_quote(&b) == HZ_ATTEST_R_REPORT_DATA);
	CHECK(served(source, &b, ERROR) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "0x11001") != NULL);
	CHECK(served(source, &b, WRONG_TYPE) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "something else") != NULL);
	CHECK(served(source, &b, LONG) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "lengths") != NULL);
	CHECK(served(source, &b, SHORT) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "breaks off") != NULL);
	CHECK(served(source, &b, HUGE) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "announces") != NULL);
	CHECK(served(source, &b, SILENT) == CKR_DEVICE_ERROR && strstr(hz_error_text(), "does not answer") != NULL);
	close(listener);
	hz_buf_free(&b);
}

static void names(void)
{
	static const char *const good[] = { "tpm", "tpm:/dev/tpm0", "tpm:device:/dev/tpmrm0", "tpm:swtpm:path=/x", "tdx-guest",
					    "tdx-guest:/dev/tdx_guest", "tdx-guest:/d,4050", "tdx-guest:/d,/run/qgs" };
	static const char *const bad[] = { "tpm:", "tpm:x", "tpm:device:x", "tpmx", "tdx-guest:", "tdx-guest:x", "tdx-guest:/d,", "tdx-guest:/d,0",
					   "tdx-guest:/d,1x", "tdx-guest:/d,9999999999", "tdx-guest:,4050" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(hz_collect_wrong(good[i]) == NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(hz_collect_wrong(bad[i]) != NULL);
}

int main(void)
{
	char source[160], clean[100];

	json_object_put(vectors_manifest()); /* ends here where there are none */
	if (swtpm_missing()) {
		puts("SKIP t_collect_tpm: swtpm is not installed");
		return 77;
	}
	snprintf(dir, sizeof dir, "/tmp/hz-collect-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 99;
	alarm(200);
	forge_begin(&chain, &spec);
	verifier = hz_attest_verifier_new(NULL);
	quote = vectors_file("tdx/v5-td15-2026.quote.bin");
	names();
	trust_domain();
	CHECK(swtpm_start(&tpm, dir));
	snprintf(source, sizeof source, "tpm:%s", tpm.tcti);
	plain_tpm(source);
	azure(source);
	swtpm_stop(&tpm);
	hz_attest_verifier_free(verifier);
	forge_end(&chain);
	blob_free(&quote);
	snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
	CHECK(system(clean) == 0);
	return failures != 0;
}
