/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestations, settlements and typed data through C_* calls: in software slots, sealed to a TPM, and sealed to the (simulated) TEE; with
 * secp256k1 keys and, where libcrypto has it, ML-DSA-65. Signatures are checked with the libraries alone over a digest that the generic
 * encoder makes, and by the tool from a PEM file. The rules hold again after a restart and from another process.
 */
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "../swtpm.h"
#include "crypto/eip712.h"
#include "crypto/k256.h"
#include "gate.h"

enum { SIG = 3309 };

struct kind {
	const char *name;
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE gen;
	CK_ULONG sig_len;
};
static const struct kind kinds[] = { { "secp256k1", CKK_EC, CKM_EC_KEY_PAIR_GEN, 65 }, { "ML-DSA-65", CKK_ML_DSA, CKM_ML_DSA_KEY_PAIR_GEN, SIG } };

/* One slot and one kind of key at a time. */
static struct {
	CK_SLOT_ID slot;
	const char *pin;
	const struct kind *kind;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE pub, priv;
} at;

static CK_BBOOL yes = CK_TRUE;
static CK_BYTE k256[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };

#define TRUE_(t) { t, &yes, sizeof yes }

/* ---- keys ---- */

static void generate(const char *label, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM gen = { at.kind->gen, NULL, 0 };
	CK_ULONG set = CKP_ML_DSA_65;
	void *name = (void *)(uintptr_t)label;
	CK_ATTRIBUTE p[] = { TRUE_(CKA_TOKEN), TRUE_(CKA_VERIFY), { CKA_LABEL, name, strlen(label) }, { CKA_EC_PARAMS, k256, sizeof k256 } };
	CK_ATTRIBUTE v[] = { TRUE_(CKA_TOKEN), TRUE_(CKA_PRIVATE), TRUE_(CKA_SENSITIVE), TRUE_(CKA_SIGN), { CKA_LABEL, name, strlen(label) } };

	if (at.kind->type == CKK_ML_DSA)
		p[3] = (CK_ATTRIBUTE){ CKA_PARAMETER_SET, &set, sizeof set };
	OK(p11->C_GenerateKeyPair(at.s, &gen, p, 4, v, 5, pub, priv));
}

static void find(CK_OBJECT_CLASS cls, const char *label, CK_OBJECT_HANDLE *h)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_KEY_TYPE, (void *)(uintptr_t)&at.kind->type, sizeof at.kind->type } };
	CK_ULONG n = 0;

	OK(p11->C_FindObjectsInit(at.s, t, 3));
	OK(p11->C_FindObjects(at.s, h, 1, &n));
	OK(p11->C_FindObjectsFinal(at.s));
	CHECK(n == 1);
}

static void open_slot(void)
{
	at.s = p11_open(at.slot, CKF_RW_SESSION);
	OK(p11_login(at.s, CKU_USER, at.pin));
}

static EVP_PKEY *public_key(CK_OBJECT_HANDLE h)
{
	static CK_BYTE spki[4096];
	CK_ATTRIBUTE t = { CKA_PUBLIC_KEY_INFO, spki, sizeof spki };
	const unsigned char *p = spki;

	OK(p11->C_GetAttributeValue(at.s, h, &t, 1));
	return d2i_PUBKEY(NULL, &p, (long)t.ulValueLen);
}

/* ---- statements ---- */

static unsigned nonces;

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

/* A new attestation each time, in static memory. */
static const char *poai(const char *model, uint64_t ts)
{
	static char text[1024];

	snprintf(text, sizeof text,
		 "{\"modelId\":\"%s\",\"inputHash\":\"0x%064d\",\"outputHash\":\"0x%064d\",\"timestamp\":%llu,\"computeTime\":5,\"nodeId\":\"n\","
		 "\"nonce\":\"0x%064x\"}", model, 1, 2, (unsigned long long)ts, ++nonces);
	return text;
}

static const char *hmm(const char *job, uint64_t ts)
{
	static char text[2048];
	char inner[1024];

	snprintf(inner, sizeof inner, "%s", poai("any", 5));
	snprintf(text, sizeof text, "{\"jobId\":\"%s\",\"provider\":\"0x%040d\",\"consumer\":\"0x%040d\",\"amount\":\"7\",\"attestation\":%s,\"timestamp\":%llu}",
		 job, 1, 2, inner, (unsigned long long)ts);
	return text;
}

#define POAI_TYPES \
	"\"PoAIAttestation\":[{\"name\":\"modelId\",\"type\":\"string\"},{\"name\":\"inputHash\",\"type\":\"bytes32\"},{\"name\":\"outputHash\"," \
	"\"type\":\"bytes32\"},{\"name\":\"timestamp\",\"type\":\"uint64\"},{\"name\":\"computeTime\",\"type\":\"uint64\"},{\"name\":\"nodeId\"," \
	"\"type\":\"string\"},{\"name\":\"nonce\",\"type\":\"bytes32\"}]"
#define HMM_TYPES \
	"\"HMMSettlement\":[{\"name\":\"jobId\",\"type\":\"string\"},{\"name\":\"provider\",\"type\":\"address\"},{\"name\":\"consumer\"," \
	"\"type\":\"address\"},{\"name\":\"amount\",\"type\":\"uint256\"},{\"name\":\"attestation\",\"type\":\"PoAIAttestation\"},{\"name\":\"timestamp\"," \
	"\"type\":\"uint64\"}]," POAI_TYPES

/* The digest of a statement as typed data of a wallet; contract: none, or 20 bytes of 0x11. */
static void digest_of(bool settlement, const char *text, unsigned long chain, bool contract, uint8_t digest[32])
{
	char doc[8192], why[HZ_EIP712_WHY];
	struct hz_eip712 out;

	snprintf(doc, sizeof doc, "{\"types\":{%s},\"primaryType\":\"%s\",\"domain\":{\"name\":\"Hanzo %s\",\"version\":\"1\",\"chainId\":%lu%s},\"message\":%s}",
		 settlement ? HMM_TYPES : POAI_TYPES, settlement ? "HMMSettlement" : "PoAIAttestation", settlement ? "HMM" : "PoAI", chain,
		 contract ? ",\"verifyingContract\":\"0x1111111111111111111111111111111111111111\"" : "", text);
	CHECK(hz_eip712_digest(doc, strlen(doc), &out, why));
	memcpy(digest, out.digest, 32);
}

/* ---- signing and checking ---- */

static CK_RV sign(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, CK_HANZO_EIP712_PARAMS *p, const char *text, CK_BYTE *sig, CK_ULONG *n)
{
	CK_MECHANISM m = { type, p, p != NULL ? sizeof *p : 0 };
	CK_RV rv = p11->C_SignInit(at.s, &m, key);

	*n = SIG;
	return rv == CKR_OK ? p11->C_Sign(at.s, (CK_BYTE *)(uintptr_t)text, strlen(text), sig, n) : rv;
}

static CK_RV verify(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, CK_HANZO_EIP712_PARAMS *p, const char *text, CK_BYTE *sig, CK_ULONG n)
{
	CK_MECHANISM m = { type, p, p != NULL ? sizeof *p : 0 };
	CK_RV rv = p11->C_VerifyInit(at.s, &m, key);

	return rv == CKR_OK ? p11->C_Verify(at.s, (CK_BYTE *)(uintptr_t)text, strlen(text), sig, n) : rv;
}

/* By libcrypto, or by recovering the address of the key: what the module says of its own signatures is not asked. */
static bool valid(CK_OBJECT_HANDLE pub, const uint8_t digest[32], const CK_BYTE *sig, CK_ULONG n)
{
	uint8_t address[20], signer[20], key[HZ_K256_PUB];
	CK_ATTRIBUTE t = { CKA_HANZO_ADDRESS, address, sizeof address };
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
	bool ok;

	if (at.kind->type == CKK_EC) {
		OK(p11->C_GetAttributeValue(at.s, pub, &t, 1));
		return n == 65 && hz_k256_recover(key, digest, sig) && hz_k256_address(key, signer) && memcmp(address, signer, 20) == 0;
	}
	pkey = public_key(pub);
	ctx = EVP_MD_CTX_new();
	ok = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 && EVP_DigestVerify(ctx, sig, n, digest, 32) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

static void refused(CK_MECHANISM_TYPE type, const char *text, CK_RV want)
{
	static CK_BYTE sig[SIG];
	CK_ULONG n;

	RV(sign(type, at.priv, NULL, text, sig, &n), want);
}

static void good(bool settlement, const char *text, CK_HANZO_EIP712_PARAMS *p)
{
	CK_MECHANISM_TYPE type = settlement ? CKM_HANZO_HMM_SETTLEMENT : CKM_HANZO_POAI;
	static CK_BYTE sig[SIG];
	uint8_t digest[32];
	CK_ULONG n;

	OK(sign(type, at.priv, p, text, sig, &n));
	CHECK(n == at.kind->sig_len);
	digest_of(settlement, text, p != NULL ? p->ulChainId : 36963, p != NULL && p->hasContract, digest);
	CHECK(valid(at.pub, digest, sig, n));
	OK(verify(type, at.pub, p, text, sig, n));
	sig[n / 2] ^= 1;
	RV(verify(type, at.pub, p, text, sig, n), CKR_SIGNATURE_INVALID);
	sig[n / 2] ^= 1;
	RV(verify(settlement ? CKM_HANZO_POAI : CKM_HANZO_HMM_SETTLEMENT, at.pub, p, text, sig, n), CKR_MECHANISM_INVALID);
	RV(verify(type, at.pub, p, text, sig, n - 1), CKR_SIGNATURE_LEN_RANGE);
	refused(type, text, CKR_FUNCTION_REJECTED); /* once only */
}

/* ---- what is tested of each key ---- */

static void test_poai(void)
{
	CK_HANZO_EIP712_PARAMS p = { .ulChainId = 5, .hasContract = CK_TRUE }, rs = { .ulChainId = 5, .ulFormat = CK_HANZO_FORMAT_RS };
	static CK_BYTE sig[SIG];
	CK_ULONG n;

	memset(p.verifyingContract, 0x11, sizeof p.verifyingContract);
	good(false, poai("gpt4", now()), NULL);
	good(false, poai("gpt4", now() - 3000), &p);
	refused(CKM_HANZO_POAI, poai("gpt5", now()), CKR_FUNCTION_REJECTED);
	refused(CKM_HANZO_POAI, poai("gpt4", now() - 3700), CKR_FUNCTION_REJECTED);
	refused(CKM_HANZO_POAI, poai("gpt4", now() + 120), CKR_FUNCTION_REJECTED);
	refused(CKM_HANZO_POAI, "{}", CKR_DATA_INVALID);
	refused(CKM_HANZO_HMM_SETTLEMENT, hmm("x", now()), CKR_MECHANISM_INVALID); /* the keyspace's purpose is another */
	refused(CKM_HANZO_EIP712, "{}", at.kind->type == CKK_EC ? CKR_MECHANISM_INVALID : CKR_KEY_TYPE_INCONSISTENT);
	if (at.kind->type == CKK_ML_DSA)
		RV(sign(CKM_HANZO_POAI, at.priv, &rs, poai("gpt4", now()), sig, &n), CKR_MECHANISM_PARAM_INVALID);
	else
		OK(sign(CKM_HANZO_POAI, at.priv, &rs, poai("gpt4", now()), sig, &n));
}

static void test_hmm(void)
{
	char job[32];

	snprintf(job, sizeof job, "job-%u", nonces);
	good(true, hmm(job, now()), NULL);
	refused(CKM_HANZO_HMM_SETTLEMENT, hmm(job, now()), CKR_FUNCTION_REJECTED); /* a job is settled once, whatever else it says */
	refused(CKM_HANZO_HMM_SETTLEMENT, hmm("old", now() - 90000), CKR_FUNCTION_REJECTED);
	refused(CKM_HANZO_HMM_SETTLEMENT, poai("any", now()), CKR_DATA_INVALID);
}

/* Any other typed data, with a key that is not restricted. */
static void test_eip712(void)
{
	static const char text[] = "{\"types\":{\"T\":[{\"name\":\"x\",\"type\":\"uint256\"}]},\"primaryType\":\"T\",\"domain\":{\"name\":\"any\"},"
				   "\"message\":{\"x\":\"1\"}}";
	static CK_BYTE sig[SIG];
	char why[HZ_EIP712_WHY], own[sizeof text + 16];
	struct hz_eip712 out;
	CK_ULONG n;

	generate("plain", &at.pub, &at.priv);
	if (at.kind->type == CKK_ML_DSA) {
		refused(CKM_HANZO_EIP712, text, CKR_KEY_TYPE_INCONSISTENT);
		refused(CKM_HANZO_POAI, poai("gpt4", now()), CKR_KEY_FUNCTION_NOT_PERMITTED);
		return;
	}
	CHECK(hz_eip712_digest(text, sizeof text - 1, &out, why));
	OK(sign(CKM_HANZO_EIP712, at.priv, NULL, text, sig, &n));
	CHECK(valid(at.pub, out.digest, sig, n));
	refused(CKM_HANZO_EIP712, "", CKR_DATA_INVALID);
	OK(verify(CKM_HANZO_EIP712, at.pub, NULL, text, sig, n));
	OK(sign(CKM_HANZO_ECDSA_RECOVERABLE, at.priv, NULL, "0123456789abcdef0123456789abcdef", sig, &n));
	CHECK(valid(at.pub, (const uint8_t *)"0123456789abcdef0123456789abcdef", sig, n));
	snprintf(own, sizeof own, "%s", text);
	memcpy(strstr(own, "\"any\"}"), "\"Hanzo HMM\"},\"message\":{\"x\":\"1\"}}", sizeof "\"Hanzo HMM\"},\"message\":{\"x\":\"1\"}}");
	refused(CKM_HANZO_EIP712, own, CKR_DATA_INVALID);
	refused(CKM_HANZO_POAI, poai("gpt4", now()), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* Neither a copy nor a change makes of a restricted key one that signs the same digest otherwise, or under another memory of nonces. */
static void test_no_way_around(void)
{
	static CK_MECHANISM_TYPE any[] = { CKM_HANZO_ECDSA_RECOVERABLE, CKM_HANZO_EIP712, CKM_ML_DSA };
	static char other[] = "poai:acme:other", hmms[] = "hmm:acme:main";
	CK_ATTRIBUTE changes[] = { { CKA_ALLOWED_MECHANISMS, any, sizeof any },
				   { CKA_ALLOWED_MECHANISMS, any, 0 },
				   { CKA_HANZO_KEYSPACE, other, sizeof other - 1 },
				   { CKA_HANZO_KEYSPACE, other, 0 },
				   { CKA_HANZO_KEYSPACE, hmms, sizeof hmms - 1 } };
	CK_OBJECT_HANDLE copy, was = at.priv;
	const char *text = poai("gpt4", now());
	static CK_BYTE sig[SIG];
	CK_ULONG n;

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		CHECK(p11->C_SetAttributeValue(at.s, at.priv, &changes[i], 1) != CKR_OK);
		CHECK(p11->C_CopyObject(at.s, at.priv, &changes[i], 1, &copy) != CKR_OK);
	}
	OK(sign(CKM_HANZO_POAI, at.priv, NULL, text, sig, &n));
	for (size_t i = 0; i < 2; i++) { /* a label is a label: what the key is for was fixed when it was made */
		CK_ATTRIBUTE label = { CKA_LABEL, i == 0 ? other : hmms, (i == 0 ? sizeof other : sizeof hmms) - 1 };

		if (p11->C_CopyObject(at.s, was, &label, 1, &copy) != CKR_OK)
			continue;
		at.priv = copy;
		refused(CKM_HANZO_POAI, text, CKR_FUNCTION_REJECTED);
		refused(CKM_HANZO_POAI, poai("other", now()), CKR_FUNCTION_REJECTED);
		refused(CKM_HANZO_HMM_SETTLEMENT, hmm("x", now()), CKR_MECHANISM_INVALID);
		OK(p11->C_DestroyObject(at.s, copy));
	}
	at.priv = was;
}

/* A key of no keyspace, restricted by its template, does not get into one by a copy: its nonces would be counted anew. */
static void test_no_second_memory(void)
{
	static CK_MECHANISM_TYPE only[] = { CKM_HANZO_POAI };
	static char label[] = "poai:acme:gpt4";
	CK_MECHANISM gen = { at.kind->gen, NULL, 0 };
	CK_ULONG set = CKP_ML_DSA_65;
	CK_ATTRIBUTE p[] = { TRUE_(CKA_VERIFY), { CKA_EC_PARAMS, k256, sizeof k256 } };
	CK_ATTRIBUTE v[] = { TRUE_(CKA_SIGN), { CKA_ALLOWED_MECHANISMS, only, sizeof only } };
	CK_ATTRIBUTE into[] = { { CKA_LABEL, label, sizeof label - 1 }, { CKA_HANZO_KEYSPACE, label, sizeof label - 1 } };
	CK_OBJECT_HANDLE pub, priv, copy, was = at.priv;
	const char *text = poai("gpt4", now());
	static CK_BYTE sig[SIG];
	CK_ULONG n;

	if (at.kind->type == CKK_ML_DSA)
		p[1] = (CK_ATTRIBUTE){ CKA_PARAMETER_SET, &set, sizeof set };
	OK(p11->C_GenerateKeyPair(at.s, &gen, p, 2, v, 2, &pub, &priv));
	OK(sign(CKM_HANZO_POAI, priv, NULL, text, sig, &n));
	for (size_t i = 0; i < 2; i++) {
		CHECK(p11->C_SetAttributeValue(at.s, priv, &into[i], 1) != CKR_OK || i == 0);
		at.priv = priv;
		refused(CKM_HANZO_POAI, text, CKR_FUNCTION_REJECTED);
		if (p11->C_CopyObject(at.s, priv, &into[i], 1, &copy) != CKR_OK)
			continue;
		at.priv = copy;
		refused(CKM_HANZO_POAI, text, CKR_FUNCTION_REJECTED);
		OK(p11->C_DestroyObject(at.s, copy));
	}
	at.priv = was;
	OK(p11->C_DestroyObject(at.s, priv));
	OK(p11->C_DestroyObject(at.s, pub));
}

/* ---- the tool ---- */

/* Exit status of a shell command in the test's folder. */
static __attribute__((format(printf, 1, 2))) int shell(const char *fmt, ...)
{
	char line[2048];
	size_t n = (size_t)snprintf(line, sizeof line, "cd '%s' && ", p11_dir);
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n, fmt, ap);
	va_end(ap);
	rc = system(line);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static void put_pem(const char *name, CK_OBJECT_HANDLE pub)
{
	EVP_PKEY *key = public_key(pub);
	FILE *f = fopen(gate_path(name), "w");

	CHECK(key != NULL && f != NULL && PEM_write_PUBKEY(f, key) == 1);
	if (f != NULL)
		(void)fclose(f);
	EVP_PKEY_free(key);
}

/* In a process of its own; the second time it is refused there, too. */
static void tool_signs(const char *what, const char *label, const char *text)
{
	gate_write("text", "%s", text);
	for (int again = 0; again < 2; again++)
		CHECK(shell("'%s' %s sign --module '%s' --slot %lu --pin-source env:T_POAI_PIN --label %s text > out", getenv("HANZO_P11"), what,
			    getenv("HANZO_MODULE"), at.slot, label) == again);
	CHECK(shell("grep -q CKR_FUNCTION_REJECTED out") == 0);
}

static int tool_verdict(const char *what, const char *pem, const char *more)
{
	return shell("'%s' %s verify --public-key %s --signatures sig %s text > out", getenv("HANZO_P11"), what, pem, more);
}

/* Sign with the key of at.priv, and leave statement and signature in files. */
static void put_signed(bool settlement, const char *text, bool broken)
{
	static CK_BYTE sig[SIG];
	static char hex[2 * SIG + 1];
	CK_ULONG n;

	OK(sign(settlement ? CKM_HANZO_HMM_SETTLEMENT : CKM_HANZO_POAI, at.priv, NULL, text, sig, &n));
	sig[20] ^= broken;
	hz_hex_encode(sig, n, hex);
	gate_write("text", "%s", text);
	gate_write("sig", "0x%s\n", hex);
}

static const char *next(bool settlement)
{
	char job[32];

	snprintf(job, sizeof job, "tool-%u", nonces);
	return settlement ? hmm(job, now()) : poai("gpt4", now());
}

static void tool_verifies(const char *what, bool settlement)
{
	put_signed(settlement, next(settlement), true);
	CHECK(tool_verdict(what, "key.pem", "") == 1);
	put_signed(settlement, next(settlement), false);
	CHECK(tool_verdict(what, "plain.pem", "") == 1);
	CHECK(tool_verdict(what, "key.pem", "--chain-id 1") == 1);
	CHECK(tool_verdict(what, "key.pem", "") == 0 && shell("grep -qx valid out") == 0);
}

/* A key of the simulated TEE proves that it lives there. */
static void tool_sees_attestation(void)
{
	static const char *const labels[] = { "poai:acme:gpt4", "plain" };

	for (int other = 0; other < 2; other++) {
		CHECK(shell("'%s' attest key --module '%s' --slot %lu --pin-source env:T_POAI_PIN --label %s > bundle", getenv("HANZO_P11"),
			    getenv("HANZO_MODULE"), at.slot, labels[other]) == 0);
		CHECK(tool_verdict("poai", "key.pem", "--require-attested --policy policy.json --attestation bundle") == other);
		CHECK(shell("grep -q '%s' out", other ? "another key" : "attested by a simulated TEE") == 0);
	}
}

static void use_keys(const char *label)
{
	find(CKO_PUBLIC_KEY, label, &at.pub);
	find(CKO_PRIVATE_KEY, label, &at.priv);
}

static void test_tool(void)
{
	setenv("T_POAI_PIN", at.pin, 1);
	put_pem("plain.pem", at.pub);
	use_keys("hmm:acme:main");
	put_pem("key.pem", at.pub);
	tool_verifies("hmm", true);
	tool_signs("hmm", "hmm:acme:main", next(true));
	use_keys("poai:acme:gpt4");
	put_pem("key.pem", at.pub);
	tool_verifies("poai", false);
	if (at.slot == 3)
		tool_sees_attestation();
	tool_signs("poai", "poai:acme:gpt4", next(false));
}

/* What was signed before the module ended is not signed again after it. */
static void test_restart(void)
{
	static char text[1024];
	static CK_BYTE sig[SIG];
	CK_ULONG n;

	snprintf(text, sizeof text, "%s", poai("gpt4", now()));
	OK(sign(CKM_HANZO_POAI, at.priv, NULL, text, sig, &n));
	OK(p11->C_Finalize(NULL));
	OK(p11->C_Initialize(NULL));
	open_slot();
	use_keys("poai:acme:gpt4");
	OK(verify(CKM_HANZO_POAI, at.pub, NULL, text, sig, n));
	refused(CKM_HANZO_POAI, text, CKR_FUNCTION_REJECTED);
	good(false, poai("gpt4", now()), NULL);
}

static void test_kind(const struct kind *k)
{
	static const char *const labels[] = { "poai:acme:gpt4", "hmm:acme:main", "plain" };
	CK_MECHANISM_INFO info;

	at.kind = k;
	if (p11->C_GetMechanismInfo(at.slot, k->gen, &info) != CKR_OK) {
		CHECK(k->type == CKK_ML_DSA && OPENSSL_VERSION_NUMBER < 0x30500000L);
		return;
	}
	printf("slot %lu, %s\n", at.slot, k->name);
	open_slot();
	generate(labels[0], &at.pub, &at.priv);
	test_poai();
	test_restart();
	test_no_way_around();
	test_no_second_memory();
	generate(labels[1], &at.pub, &at.priv);
	test_hmm();
	test_eip712();
	test_tool();
	for (unsigned i = 0; i < 3; i++) { /* the next kind has the same labels */
		use_keys(labels[i]);
		OK(p11->C_DestroyObject(at.s, at.pub));
		OK(p11->C_DestroyObject(at.s, at.priv));
	}
	OK(p11->C_CloseSession(at.s));
}

static void test_slot(CK_SLOT_ID slot, const char *pin)
{
	at.slot = slot;
	at.pin = pin;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		test_kind(&kinds[i]);
}

int main(void)
{
	bool with_tpm = !swtpm_missing();
	struct swtpm tpm;
	char tier2[256] = "";

	gate_environment();
	if (!with_tpm)
		puts("SKIP the slot sealed to a TPM: swtpm is not installed");
	if (with_tpm) {
		CHECK(mkdir(gate_path("tpm"), 0700) == 0 && swtpm_start(&tpm, gate_path("tpm")));
		snprintf(tier2, sizeof tier2, "[tier2]\nbackend = soft\nseal = pin, tpm2\ntpm2_tcti = %s\ntpm2_pcrs = sha256:0,7\n", tpm.tcti);
	}
	gate_write("conf", "%s[tier3]\nbackend = soft\nseal = sim\nlogin = evidence\npolicy = %s\nevidence_source = sim:%s\n", tier2,
		   gate_path("policy.json"), gate_path("sim.json"));
	OK(p11->C_Initialize(NULL));
	p11_make_token(1, "one");
	test_slot(1, USER_PIN);
	if (with_tpm) {
		p11_make_token(2, "two");
		test_slot(2, USER_PIN);
	}
	test_slot(3, "attest:");
	OK(p11->C_Finalize(NULL));
	if (with_tpm)
		swtpm_stop(&tpm);
	return gate_end();
}
