/* SPDX-License-Identifier: Apache-2.0 */
/* Helper of the tests of evidence: a configuration, a simulated platform, and bundles made by hand. */
#ifndef TESTS_MODULE_GATE_H
#define TESTS_MODULE_GATE_H

#include "p11.h"

#include "base/hex.h"
#include "hanzo-attest.h"

#include <stdarg.h>
#include <time.h>

static hz_attest_verifier *gate_verifier;
static CK_HANZO_FUNCTION_LIST *gate_vendor;

static P11_UNUSED const char *gate_path(const char *name)
{
	static char text[8][160];
	static int turn;

	turn = (turn + 1) % 8;
	snprintf(text[turn], sizeof text[turn], "%s/%s", p11_dir, name);
	return text[turn];
}

static P11_UNUSED __attribute__((format(printf, 2, 3))) void gate_write(const char *name, const char *fmt, ...)
{
	FILE *f = fopen(gate_path(name), "w");
	va_list ap;

	va_start(ap, fmt);
	CHECK(f != NULL && vfprintf(f, fmt, ap) >= 0 && fclose(f) == 0 && chmod(gate_path(name), 0600) == 0);
	va_end(ap);
}

#define GATE_ZEROS "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define GATE_ONES "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"

/* A platform with a Blackwell GPU; measurement zero. */
static P11_UNUSED void gate_platform(const char *arch)
{
	gate_write("sim.json", "{\"measurement\":\"" GATE_ZEROS "\",\"tee_io\":true,\"gpus\":[{\"arch\":\"%s\",\"key\":\"k\"}]}", arch);
}

/* A fresh environment with policy and platform; the text of the configuration follows with gate_conf. */
static P11_UNUSED void gate_environment(void)
{
	p11_start();
	gate_verifier = hz_attest_verifier_new(NULL);
	gate_write("policy.json", "{\"hanzo_policy\":1,\"allow_simulated\":true,\"sim\":{\"measurement\":\"" GATE_ZEROS "\"}}");
	gate_platform("blackwell");
	setenv("HANZO_PKCS11_CONF", gate_path("conf"), 1);
}

static P11_UNUSED void gate_load_vendor(void)
{
	CK_C_GetInterface get;
	CK_INTERFACE *i = NULL;
	char name[] = CK_HANZO_INTERFACE_NAME;

	*(void **)&get = dlsym(p11_handle, "C_GetInterface");
	OK(get((CK_UTF8CHAR *)name, NULL, &i, 0));
	gate_vendor = i->pFunctionList;
}

/* Does the reason of the last failure hold this text? */
static P11_UNUSED bool gate_said(const char *text)
{
	char buf[300];
	CK_ULONG n = sizeof buf;

	if (gate_vendor->HZ_GetLastError(buf, &n) != CKR_OK)
		return false;
	if (strstr(buf, text) == NULL)
		fprintf(stderr, "the reason is: %s\n", buf);
	return strstr(buf, text) != NULL;
}
#define REFUSED(call, why) (RV(call, CKR_PIN_INCORRECT), CHECK(gate_said(why)))

/* What a bundle made by hand says; zero is honest and without a GPU. */
struct gate_bundle {
	const uint8_t *challenge;      /* 32 bytes */
	const char *pin;               /* or NULL */
	unsigned gpus;
	bool hopper, debug, no_tee_io;
	bool other_measurement, wrong_report_data, wrong_nonce, same_gpu, unsigned_;
	const char *extra;             /* a member more */
	const uint8_t *runtime;        /* runtime data, or NULL */
	size_t runtime_len;            /* at most 1024 */
};

static P11_UNUSED void gate_record(char *out, size_t room, const char *name, char *evidence)
{
	size_t n = strlen(out);

	CHECK(evidence != NULL);
	snprintf(out + n, room - n, "%s\"%s\":[\"application/vnd.hanzo.sim-evidence+json\",\"", out[n - 1] == '{' ? "" : ",", name);
	n = strlen(out);
	hz_b64url_encode(evidence, strlen(evidence), out + n);
	snprintf(out + strlen(out), room - strlen(out), "\"]");
	free(evidence);
}

#define GATE_ROOM 32768
/* Text in static memory. */
static P11_UNUSED char *gate_make(const struct gate_bundle *b)
{
	static char out[GATE_ROOM];
	uint8_t spki[4][32];
	/* SHA-256 of "0" and "1", which stand for the keys of the GPUs. */
	static const char *const digest[] = { "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
					      "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b" };
	struct hz_attest_sim cpu = { .debug = b->debug, .tee_io = !b->no_tee_io };
	char b64[64], run[1400];

	if (b->other_measurement)
		cpu.measurement[0] = 9;
	hz_b64url_encode(b->challenge, 32, b64);
	snprintf(out, sizeof out, "{\"hanzo_evidence\":1,\"challenge\":\"%s\",%s%s%s%s\"evidence\":{", b64, b->pin != NULL ? "\"pin\":\"" : "",
		 b->pin != NULL ? b->pin : "", b->pin != NULL ? "\"," : "", b->extra != NULL ? b->extra : "");
	if (b->runtime != NULL) {
		hz_b64url_encode(b->runtime, b->runtime_len, run);
		snprintf(strstr(out, "\"evidence\":{"), sizeof run + 40, "\"runtime_data\":\"%s\",\"evidence\":{", run);
	}
	for (unsigned i = 0; i < b->gpus; i++)
		CHECK(hz_hex_decode(digest[b->same_gpu ? 0 : i], 64, spki[i], 32));
	CHECK(hz_attest_report_data(gate_verifier, b->challenge, 32, b->runtime, b->runtime_len, (const uint8_t(*)[32])spki, b->gpus, cpu.report_data));
	cpu.report_data[0] ^= b->wrong_report_data;
	gate_record(out, sizeof out, "cpu", hz_attest_sim_make(gate_verifier, &cpu));
	for (unsigned i = 0; i < b->gpus; i++) {
		struct hz_attest_sim gpu = { .gpu = true, .blackwell = !b->hopper, .spki = i == 0 || b->same_gpu ? "0" : "1", .spki_len = 1 };
		char name[16];

		snprintf(name, sizeof name, "gpu/%u", i);
		CHECK(hz_attest_gpu_nonce(gate_verifier, b->challenge, 32, i, gpu.nonce));
		gpu.nonce[31] ^= b->wrong_nonce;
		gate_record(out, sizeof out, name, hz_attest_sim_make(gate_verifier, &gpu));
	}
	snprintf(out + strlen(out), sizeof out - strlen(out), "}}");
	return out;
}

/* The session's attestation object, and a fresh challenge through it. */
static P11_UNUSED CK_OBJECT_HANDLE gate_object(CK_SESSION_HANDLE h)
{
	CK_OBJECT_CLASS cls = CKO_HW_FEATURE;
	CK_ULONG type = CKH_HANZO_ATTESTATION, n = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_HW_FEATURE_TYPE, &type, sizeof type } };
	CK_OBJECT_HANDLE o[2] = { 0, 0 };

	OK(p11->C_FindObjectsInit(h, t, 2));
	OK(p11->C_FindObjects(h, o, 2, &n));
	OK(p11->C_FindObjectsFinal(h));
	CHECK(n == 1);
	return o[0];
}

static P11_UNUSED const uint8_t *gate_challenge(CK_SESSION_HANDLE h)
{
	static uint8_t c[32];
	CK_ATTRIBUTE t = { CKA_HANZO_CHALLENGE, c, sizeof c };

	OK(p11->C_GetAttributeValue(h, gate_object(h), &t, 1));
	CHECK(t.ulValueLen == 32);
	return c;
}

static P11_UNUSED void gate_stage(CK_SESSION_HANDLE h, const char *bundle)
{
	CK_ATTRIBUTE t = { CKA_HANZO_EVIDENCE, (void *)(uintptr_t)bundle, strlen(bundle) };

	OK(p11->C_SetAttributeValue(h, gate_object(h), &t, 1));
}

static P11_UNUSED CK_STATE gate_state(CK_SESSION_HANDLE h)
{
	CK_SESSION_INFO si = { .state = 99 };

	OK(p11->C_GetSessionInfo(h, &si));
	return si.state;
}

/* A private AES key at rest. */
static P11_UNUSED CK_RV gate_make_key(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *key)
{
	static CK_BBOOL yes = CK_TRUE;
	static CK_ULONG len = 32;
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 }, { CKA_VALUE_LEN, &len, sizeof len } };

	return p11->C_GenerateKey(h, &gen, t, 4, key);
}

static P11_UNUSED CK_RV gate_use_key(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_BYTE in[16] = { 1 }, out[16];
	CK_ULONG n = sizeof out;
	CK_RV rv = p11->C_EncryptInit(h, &ecb, key);

	return rv == CKR_OK ? p11->C_Encrypt(h, in, sizeof in, out, &n) : rv;
}

static P11_UNUSED int gate_end(void)
{
	hz_attest_verifier_free(gate_verifier);
	return p11_end();
}

#endif
