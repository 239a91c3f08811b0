/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of CKM_HANZO_POAI, _HMM_SETTLEMENT and _EIP712 in the software backend: vectors, every rule, every refusal. */
#include <check.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/soft_int.h"
#include "base/error.h"
#include "base/hex.h"
#include "ck/keyspace.h"
#include "hanzo-pkcs11.h"
#include "store/nonce.h"

static char dir[64];
static struct hz_soft_env env;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(path);
}

static struct hz_nonce *memory(const char *name, uint64_t ttl)
{
	char path[128];
	struct hz_nonce_conf conf = { .dir = path, .ttl = ttl };
	struct hz_nonce *nm;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_uint_eq(hz_nonce_new(&nm, &conf), CKR_OK);
	return nm;
}

static void open_env(uint64_t poai_ttl, uint64_t hmm_ttl)
{
	env = (struct hz_soft_env){ .chain_id = 36963, .poai_ttl = poai_ttl, .hmm_ttl = hmm_ttl };
	env.nonce[0] = memory("poai", poai_ttl);
	env.nonce[1] = memory("hmm", hmm_ttl);
}

static void close_env(void)
{
	hz_nonce_free(env.nonce[0]);
	hz_nonce_free(env.nonce[1]);
}

static void setup(void)
{
	strcpy(dir, "/tmp/hz-poai-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	open_env(3600, 86400);
}

static void teardown(void)
{
	close_env();
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const uint8_t oid[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };

/* A private (sec, 32 bytes) or public (point, 65 bytes) key on secp256k1; n mechanisms allowed, SIZE_MAX: no such attribute. */
static struct hz_key *key_of(const uint8_t *sec, const uint8_t *point, const char *label, const CK_MECHANISM_TYPE *mechs, size_t n)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	uint8_t der[67] = { 0x04, 0x41 };
	struct hz_key *key = NULL;

	ck_assert_uint_eq(hz_attrs_set_ulong(&a, CKA_CLASS, sec != NULL ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set_ulong(&a, CKA_KEY_TYPE, CKK_EC), CKR_OK);
	ck_assert_uint_eq(hz_attrs_set(&a, CKA_EC_PARAMS, oid, sizeof oid, false), CKR_OK);
	if (sec != NULL)
		ck_assert_uint_eq(hz_attrs_set(&a, CKA_VALUE, sec, 32, true), CKR_OK);
	else {
		memcpy(der + 2, point, 65);
		ck_assert_uint_eq(hz_attrs_set(&a, CKA_EC_POINT, der, sizeof der, false), CKR_OK);
	}
	if (n != SIZE_MAX)
		ck_assert_uint_eq(hz_attrs_set(&a, CKA_ALLOWED_MECHANISMS, mechs, n * sizeof *mechs, false), CKR_OK);
	if (label != NULL)
		ck_assert_uint_eq(hz_attrs_set(&a, CKA_LABEL, label, strlen(label), false), CKR_OK);
	ck_assert_uint_eq(hz_keyspace_apply(&a, ':'), CKR_OK);
	ck_assert_msg(hz_soft_key_new(&a, &key) == CKR_OK, "%s", hz_error_text());
	key->env = &env;
	hz_attrs_free(&a);
	return key;
}

static const CK_MECHANISM_TYPE both[] = { CKM_HANZO_POAI, CKM_HANZO_HMM_SETTLEMENT };

static struct hz_op *begin_with(CK_MECHANISM_TYPE type, enum hz_op_kind kind, struct hz_key *key, CK_HANZO_EIP712_PARAMS *p, CK_RV *rv)
{
	CK_MECHANISM m = { type, p, p != NULL ? sizeof *p : 0 };
	struct hz_op *op = NULL;
	struct hz_mech copy;

	*rv = hz_mech_copy(&copy, &m);
	if (*rv == CKR_OK)
		*rv = hz_soft_mech_find(type)->begin(kind, &copy, key, &op);
	hz_mech_clear(&copy);
	return op;
}

static CK_RV sign_with(CK_MECHANISM_TYPE type, struct hz_key *key, CK_HANZO_EIP712_PARAMS *p, const char *text, uint8_t sig[65], size_t *len)
{
	CK_RV rv;
	struct hz_op *op = begin_with(type, HZ_OP_SIGN, key, p, &rv);

	if (rv != CKR_OK)
		return rv;
	rv = op->ops->once(op, (const uint8_t *)text, strlen(text), sig, len);
	if (rv == CKR_OK)
		ck_assert_uint_eq(*len, op->ops->max_out(op, HZ_ONCE, strlen(text)));
	op->ops->free(op);
	return rv;
}

static CK_RV sign(CK_MECHANISM_TYPE type, struct hz_key *key, const char *text)
{
	uint8_t sig[65];
	size_t len = 0;

	return sign_with(type, key, NULL, text, sig, &len);
}

static CK_RV verify_with(CK_MECHANISM_TYPE type, struct hz_key *key, CK_HANZO_EIP712_PARAMS *p, const char *text, const uint8_t *sig, size_t len)
{
	CK_RV rv;
	struct hz_op *op = begin_with(type, HZ_OP_VERIFY, key, p, &rv);

	if (rv != CKR_OK)
		return rv;
	rv = op->ops->verify(op, (const uint8_t *)text, strlen(text), sig, len);
	op->ops->free(op);
	return rv;
}

static char text_[2048];

static const char *poai(const char *model, uint64_t ts, unsigned nonce)
{
	snprintf(text_, sizeof text_,
		 "{\"modelId\":\"%s\",\"inputHash\":\"0x%064d\",\"outputHash\":\"0x%064d\",\"timestamp\":%llu,\"computeTime\":5,\"nodeId\":\"n\","
		 "\"nonce\":\"0x%064x\"}", model, 1, 2, (unsigned long long)ts, nonce);
	return text_;
}

static const char *hmm(const char *job, uint64_t ts)
{
	char inner[1024];

	strcpy(inner, poai("any", 5, 9)); /* the attestation's own age does not matter here */
	snprintf(text_, sizeof text_,
		 "{\"jobId\":\"%s\",\"provider\":\"0x%040d\",\"consumer\":\"0x%040d\",\"amount\":\"1\",\"attestation\":%s,\"timestamp\":\"%llu\"}",
		 job, 1, 2, inner, (unsigned long long)ts);
	return text_;
}

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

/* ---- vectors ---- */

static json_object *vectors(const char *name)
{
	const char *root = getenv("HANZO_VECTORS");
	char path[4096];

	snprintf(path, sizeof path, "%s/eip712/%s", root != NULL ? root : "../shared/vectors", name);
	return json_object_from_file(path);
}

static const char *text_of(json_object *o, const char *name)
{
	json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v != NULL ? json_object_get_string(v) : NULL;
}

static json_object *get(json_object *o, const char *name)
{
	json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v;
}

static void load_keys(json_object *root, bool generic, struct hz_key **sec, struct hz_key **pub)
{
	uint8_t s[32], p[65];

	ck_assert(hz_hex_decode(text_of(root, "private_key") + 2, 64, s, 32));
	ck_assert(hz_hex_decode(text_of(root, "public_key") + 2, 130, p, 65));
	*sec = key_of(s, NULL, NULL, both, generic ? SIZE_MAX : 2);
	*pub = key_of(NULL, p, NULL, NULL, SIZE_MAX);
}

/* Changed in any bit, cut, in the other form or with high s, a signature is refused. */
static void tamper(CK_MECHANISM_TYPE type, struct hz_key *pub, CK_HANZO_EIP712_PARAMS *p, const char *text, const uint8_t good[65])
{
	static const uint8_t n[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
				       0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41 };
	uint8_t sig[65];
	int borrow = 0;

	for (size_t bit = 0; bit < 65 * 8; bit += 7) {
		memcpy(sig, good, 65);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_uint_eq(verify_with(type, pub, p, text, sig, 65), CKR_SIGNATURE_INVALID);
	}
	memcpy(sig, good, 65); /* n - s with the other v: the same point, but malleable */
	for (int i = 31; i >= 0; i--) {
		int d = n[i] - good[32 + i] - borrow;

		borrow = d < 0;
		sig[32 + i] = (uint8_t)d;
	}
	sig[64] = good[64] == 27 ? 28 : 27;
	ck_assert_uint_eq(verify_with(type, pub, p, text, sig, 65), CKR_SIGNATURE_INVALID);
	memcpy(sig, good, 65);
	for (unsigned v = 0; v < 256; v++) {
		sig[64] = (uint8_t)v;
		ck_assert_uint_eq(verify_with(type, pub, p, text, sig, 65), v == good[64] ? CKR_OK : CKR_SIGNATURE_INVALID);
	}
	ck_assert_uint_eq(verify_with(type, pub, p, text, good, 64), CKR_SIGNATURE_LEN_RANGE);
	ck_assert_uint_eq(verify_with(type, pub, p, text, good, 0), CKR_SIGNATURE_LEN_RANGE);
}

START_TEST(test_statement_vectors)
{
	json_object *root = vectors("poai-hmm.json"), *cases = get(root, "cases");
	struct hz_key *sec, *pub;

	close_env();
	open_env(400000000, 400000000); /* the vectors are old */
	load_keys(root, false, &sec, &pub);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		json_object *c = json_object_array_get_idx(cases, i), *domain = get(get(c, "typed_data"), "domain");
		const char *text = json_object_to_json_string_ext(get(get(c, "typed_data"), "message"), JSON_C_TO_STRING_PLAIN);
		CK_MECHANISM_TYPE type = strcmp(text_of(c, "kind"), "hmm") == 0 ? CKM_HANZO_HMM_SETTLEMENT : CKM_HANZO_POAI;
		CK_HANZO_EIP712_PARAMS p = { .ulChainId = (CK_ULONG)json_object_get_int64(get(domain, "chainId")) };
		const char *contract = text_of(domain, "verifyingContract");
		uint8_t want[65], sig[65];
		size_t len = 0;
		CK_RV rv;

		if (contract != NULL) {
			p.hasContract = CK_TRUE;
			ck_assert(hz_hex_decode(contract + 2, 40, p.verifyingContract, 20));
		}
		ck_assert(hz_hex_decode(text_of(c, "signature") + 2, 130, want, 65));
		ck_assert_msg(verify_with(type, pub, &p, text, want, 65) == CKR_OK, "%zu: %s", i, hz_error_text());
		rv = sign_with(type, sec, &p, text, sig, &len);
		/* The same nonce stands in several vectors, for other domains; it is signed once. */
		ck_assert_msg(rv == CKR_OK || rv == CKR_FUNCTION_REJECTED, "%zu: %s", i, hz_error_text());
		if (rv == CKR_OK)
			ck_assert_mem_eq(sig, want, 65);
		if (i < 2)
			tamper(type, pub, &p, text, want);
		p.ulFormat = CK_HANZO_FORMAT_RS;
		ck_assert_uint_eq(verify_with(type, pub, &p, text, want, 64), CKR_OK);
		p.ulChainId++;
		ck_assert_uint_eq(verify_with(type, pub, &p, text, want, 64), CKR_SIGNATURE_INVALID);
	}
	hz_soft_key_free(sec);
	hz_soft_key_free(pub);
	json_object_put(root);
}
END_TEST

START_TEST(test_generic_vectors)
{
	json_object *root = vectors("generic.json"), *cases = get(root, "cases");
	struct hz_key *sec, *pub;

	load_keys(root, true, &sec, &pub);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		json_object *c = json_object_array_get_idx(cases, i);
		const char *text = json_object_to_json_string_ext(get(c, "typed_data"), JSON_C_TO_STRING_PLAIN);
		uint8_t want[65], sig[65];
		size_t len = 0;

		ck_assert(hz_hex_decode(text_of(c, "signature") + 2, 130, want, 65));
		ck_assert_uint_eq(sign_with(CKM_HANZO_EIP712, sec, NULL, text, sig, &len), CKR_OK);
		ck_assert_mem_eq(sig, want, 65);
		ck_assert_uint_eq(verify_with(CKM_HANZO_EIP712, pub, NULL, text, sig, 65), CKR_OK);
		if (i == 0)
			tamper(CKM_HANZO_EIP712, pub, NULL, text, sig);
	}
	hz_soft_key_free(sec);
	hz_soft_key_free(pub);
	json_object_put(root);
}
END_TEST

/* ---- rules ---- */

static const uint8_t sec_a[32] = { [31] = 1 }, sec_b[32] = { [31] = 2 };

START_TEST(test_only_restricted_keys_sign)
{
	static const CK_MECHANISM_TYPE mixed[] = { CKM_HANZO_POAI, CKM_ECDSA }, other[] = { CKM_ECDSA };
	struct hz_key *none = key_of(sec_a, NULL, NULL, NULL, SIZE_MAX), *empty = key_of(sec_a, NULL, NULL, NULL, 0);
	struct hz_key *m = key_of(sec_a, NULL, NULL, mixed, 2), *o = key_of(sec_a, NULL, NULL, other, 1);
	struct hz_key *b = key_of(sec_a, NULL, NULL, both, 2), *p = key_of(sec_a, NULL, NULL, both, 1), *h = key_of(sec_a, NULL, NULL, both + 1, 1);

	ck_assert_uint_eq(sign(CKM_HANZO_POAI, none, poai("x", now(), 1)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, empty, poai("x", now(), 1)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, m, poai("x", now(), 1)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, o, poai("x", now(), 1)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, none, hmm("j", now())), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, b, poai("x", now(), 1)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, p, poai("x", now(), 2)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, b, hmm("j", now())), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, h, hmm("k", now())), CKR_OK);
	struct hz_key *all[] = { none, empty, m, o, b, p, h };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		hz_soft_key_free(all[i]);
}
END_TEST

START_TEST(test_time_rules)
{
	struct hz_key *k = key_of(sec_a, NULL, NULL, both, 2);
	uint64_t t = now();

	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", t - 3590, 1)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", t - 3610, 2)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", t + 50, 3)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", t + 70, 4)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", 0, 5)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", UINT64_MAX, 6)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, k, hmm("a", t - 86390)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, k, hmm("b", t - 86410)), CKR_FUNCTION_REJECTED);
	/* A refused statement has not used up its nonce. */
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("x", t, 2)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, k, hmm("b", t)), CKR_OK);
	hz_soft_key_free(k);
}
END_TEST

START_TEST(test_once_only)
{
	struct hz_key *a = key_of(sec_a, NULL, NULL, both, 2), *a2 = key_of(sec_a, NULL, NULL, both, 1), *b = key_of(sec_b, NULL, NULL, both, 2);
	struct hz_key *ks = key_of(sec_a, NULL, "poai:acme:m1", NULL, SIZE_MAX), *ks2 = key_of(sec_b, NULL, "poai:acme:m1", NULL, SIZE_MAX);
	struct hz_key *other = key_of(sec_a, NULL, "poai:acme:m2", NULL, SIZE_MAX);
	CK_HANZO_EIP712_PARAMS p = { .ulChainId = 1, .ulFormat = CK_HANZO_FORMAT_RS };
	uint64_t t = now();
	uint8_t sig[65];
	size_t len = 0;

	ck_assert_uint_eq(sign(CKM_HANZO_POAI, a, poai("x", t, 1)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, a, poai("y", t - 1, 1)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, a2, poai("x", t, 1)), CKR_FUNCTION_REJECTED); /* the same key, another object */
	ck_assert_uint_eq(sign_with(CKM_HANZO_POAI, a, &p, poai("x", t, 1), sig, &len), CKR_FUNCTION_REJECTED); /* on another chain */
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, b, poai("x", t, 1)), CKR_OK); /* another key */
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, ks, poai("m1", t, 1)), CKR_OK); /* a keyspace */
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, ks2, poai("m1", t, 1)), CKR_FUNCTION_REJECTED); /* its next key */
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, other, poai("m2", t, 1)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, a, hmm("job", t)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, a, hmm("job", t - 5)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, b, hmm("job", t)), CKR_OK);
	close_env();
	open_env(3600, 86400); /* another process would see the same */
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, a, poai("x", t, 1)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, a, hmm("job", t)), CKR_FUNCTION_REJECTED);
	struct hz_key *all[] = { a, a2, b, ks, ks2, other };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		hz_soft_key_free(all[i]);
}
END_TEST

START_TEST(test_model_of_the_keyspace)
{
	struct hz_key *k = key_of(sec_a, NULL, "poai:acme:gpt-4.1", NULL, SIZE_MAX), *h = key_of(sec_a, NULL, "hmm:acme:gpt-4.1", NULL, SIZE_MAX);

	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("gpt-4.1", now(), 1)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("gpt-4.2", now(), 2)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("gpt-4.1 ", now(), 2)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("", now(), 2)), CKR_FUNCTION_REJECTED);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, poai("gpt-4.1", now(), 2)), CKR_OK);
	ck_assert_uint_eq(sign(CKM_HANZO_HMM_SETTLEMENT, h, hmm("j", now())), CKR_OK);
	hz_soft_key_free(k);
	hz_soft_key_free(h);
}
END_TEST

START_TEST(test_verify_rules)
{
	static const uint8_t g[65] = { 0x04, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
		0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98, 0x48, 0x3a, 0xda, 0x77, 0x26,
		0xa3, 0xc4, 0x65, 0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8, 0xfd, 0x17, 0xb4, 0x48, 0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47,
		0xd0, 0x8f, 0xfb, 0x10, 0xd4, 0xb8 };
	struct hz_key *k = key_of(sec_a, NULL, NULL, both, 2), *pub = key_of(NULL, g, NULL, NULL, SIZE_MAX);
	CK_HANZO_EIP712_PARAMS any_time = { .ulChainId = 36963, .ulFormat = CK_HANZO_FORMAT_IGNORE_TTL };
	char text[2048];
	uint8_t sig[65];
	size_t len = 0;

	strcpy(text, poai("x", now() - 3, 1));
	ck_assert_uint_eq(sign_with(CKM_HANZO_POAI, k, NULL, text, sig, &len), CKR_OK);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, NULL, text, sig, len), CKR_OK);
	env.poai_ttl = 1; /* by now it is older than that */
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, NULL, text, sig, len), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, &any_time, text, sig, len), CKR_OK);
	ck_assert_uint_eq(verify_with(CKM_HANZO_HMM_SETTLEMENT, pub, NULL, text, sig, len), CKR_DATA_INVALID);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, &any_time, "{}", sig, len), CKR_DATA_INVALID);
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, k, "{}"), CKR_DATA_INVALID);
	ck_assert_uint_eq(sign(CKM_HANZO_EIP712, k, "{}"), CKR_DATA_INVALID);
	ck_assert_uint_eq(sign(CKM_HANZO_EIP712, k, "{\"types\":{\"T\":[]},\"primaryType\":\"T\",\"domain\":{\"name\":\"Hanzo HMM\"},\"message\":{}}"),
			  CKR_DATA_INVALID);
	hz_soft_key_free(k);
	hz_soft_key_free(pub);
}
END_TEST

START_TEST(test_rearm_keeps_to_the_new_parameter)
{
	struct hz_key *k = key_of(sec_a, NULL, NULL, both, 2);
	CK_HANZO_EIP712_PARAMS p = { .ulChainId = 5, .ulFormat = CK_HANZO_FORMAT_RS };
	CK_MECHANISM m = { CKM_HANZO_POAI, &p, sizeof p };
	uint8_t fresh[65], again[65];
	struct hz_mech copy;
	size_t n = 0, n2 = 0;
	char text[2048];
	struct hz_op *op;
	CK_RV rv;

	strcpy(text, poai("x", now(), 1));
	ck_assert_uint_eq(sign_with(CKM_HANZO_POAI, k, &p, text, fresh, &n), CKR_OK);
	ck_assert_uint_eq(n, 64);
	close_env();
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	open_env(3600, 86400);
	op = begin_with(CKM_HANZO_POAI, HZ_OP_SIGN, k, NULL, &rv);
	ck_assert_uint_eq(rv, CKR_OK);
	ck_assert_uint_eq(op->ops->max_out(op, HZ_ONCE, 1), 65);
	ck_assert_uint_eq(hz_mech_copy(&copy, &m), CKR_OK);
	ck_assert_uint_eq(op->ops->rearm(op, &copy), CKR_OK);
	hz_mech_clear(&copy);
	ck_assert_uint_eq(op->ops->once(op, (const uint8_t *)text, strlen(text), again, &n2), CKR_OK);
	ck_assert_uint_eq(n2, 64);
	ck_assert_mem_eq(fresh, again, 64);
	op->ops->free(op);
	hz_soft_key_free(k);
}
END_TEST

START_TEST(test_keyspaces)
{
	static const struct { const char *label; bool ks; } cases[] = {
		{ "poai:a:b", true }, { "model:A-1._:z", true }, { "poai:a", false }, { "poai:a:", false }, { "poai::b", false }, { ":a:b", false },
		{ "poai:a:b:c", false }, { "poai:a b:c", false }, { "Poai:a:b", false }, { "poaix:a:b", false }, { "", false }, { "poai:\xc3\xa9:b", false },
		{ "hmm:0123456789012345678901234567890123456789012345678901234567890123:b", true },
		{ "hmm:01234567890123456789012345678901234567890123456789012345678901234:b", false },
	};
	struct hz_keyspace ks;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(hz_keyspace_parse(cases[i].label, strlen(cases[i].label), ':', &ks) == cases[i].ks, "%s", cases[i].label);
	ck_assert(hz_keyspace_parse("data/t/n", 8, '/', &ks) && ks.purpose == HZ_PURPOSE_DATA && ks.tenant_len == 1);
}
END_TEST

static CK_RV apply(const char *label, const char *keyspace, const char *tenant, const CK_MECHANISM_TYPE *m, size_t n, struct hz_attrs *a)
{
	*a = (struct hz_attrs)HZ_ATTRS_INIT;
	ck_assert_uint_eq(hz_attrs_set_ulong(a, CKA_CLASS, CKO_PRIVATE_KEY), CKR_OK);
	if (label != NULL)
		ck_assert_uint_eq(hz_attrs_set(a, CKA_LABEL, label, strlen(label), false), CKR_OK);
	if (keyspace != NULL)
		ck_assert_uint_eq(hz_attrs_set(a, CKA_HANZO_KEYSPACE, keyspace, strlen(keyspace), false), CKR_OK);
	if (tenant != NULL)
		ck_assert_uint_eq(hz_attrs_set(a, CKA_HANZO_TENANT, tenant, strlen(tenant), false), CKR_OK);
	if (m != NULL)
		ck_assert_uint_eq(hz_attrs_set(a, CKA_ALLOWED_MECHANISMS, m, n * sizeof *m, false), CKR_OK);
	return hz_keyspace_apply(a, ':');
}

START_TEST(test_keyspace_attributes)
{
	static const CK_MECHANISM_TYPE ecies[] = { CKM_HANZO_ECIES }, wrong[] = { CKM_HANZO_POAI, CKM_ECDSA };
	const struct hz_attr *at;
	struct hz_attrs a;

	ck_assert_uint_eq(apply("poai:acme:gpt4", NULL, NULL, NULL, 0, &a), CKR_OK);
	at = hz_attrs_find(&a, CKA_HANZO_KEYSPACE);
	ck_assert(at != NULL && at->len == 14 && memcmp(at->value, "poai:acme:gpt4", 14) == 0);
	at = hz_attrs_find(&a, CKA_HANZO_TENANT);
	ck_assert(at != NULL && at->len == 4 && memcmp(at->value, "acme", 4) == 0);
	at = hz_attrs_find(&a, CKA_ALLOWED_MECHANISMS);
	ck_assert(at != NULL && at->len == sizeof both[0] && memcmp(at->value, both, at->len) == 0);
	hz_attrs_free(&a);
	ck_assert_uint_eq(apply("plain", NULL, NULL, NULL, 0, &a), CKR_OK);
	ck_assert(hz_attrs_find(&a, CKA_HANZO_KEYSPACE) == NULL && hz_attrs_find(&a, CKA_ALLOWED_MECHANISMS) == NULL);
	hz_attrs_free(&a);
	ck_assert_uint_eq(apply("plain", "ecies:t:n", "t", ecies, 1, &a), CKR_OK);
	at = hz_attrs_find(&a, CKA_ALLOWED_MECHANISMS);
	ck_assert(at != NULL && at->len == sizeof ecies[0]);
	hz_attrs_free(&a);
	static const struct { const char *label, *ks, *tenant; const CK_MECHANISM_TYPE *m; size_t n; CK_RV rv; } bad[] = {
		{ "poai:t:n", "poai:t:m", NULL, NULL, 0, CKR_TEMPLATE_INCONSISTENT }, { "poai:t:n", NULL, "u", NULL, 0, CKR_TEMPLATE_INCONSISTENT },
		{ "poai:t:n", NULL, NULL, wrong, 2, CKR_TEMPLATE_INCONSISTENT },       { "poai:t:n", NULL, NULL, wrong, 0, CKR_TEMPLATE_INCONSISTENT },
		{ NULL, "poai:t", NULL, NULL, 0, CKR_ATTRIBUTE_VALUE_INVALID },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_uint_eq(apply(bad[i].label, bad[i].ks, bad[i].tenant, bad[i].m, bad[i].n, &a), bad[i].rv);
		hz_attrs_free(&a);
	}
}
END_TEST

/* An ML-DSA-65 pair restricted to statements; false where libcrypto has none. */
static bool pq_pair(CK_ULONG set, struct hz_key **sec, struct hz_key **pub)
{
	CK_MECHANISM m = { CKM_ML_DSA_KEY_PAIR_GEN, NULL, 0 };
	const struct hz_soft_mech *gen = hz_soft_mech_find(m.mechanism);
	struct hz_attrs a[2] = { HZ_ATTRS_INIT, HZ_ATTRS_INIT };
	struct hz_key **key[2] = { pub, sec };
	struct hz_mech copy;

	if (gen == NULL)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(hz_attrs_set_ulong(&a[i], CKA_CLASS, i == 0 ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY), CKR_OK);
		ck_assert_uint_eq(hz_attrs_set_ulong(&a[i], CKA_KEY_TYPE, CKK_ML_DSA), CKR_OK);
		ck_assert_uint_eq(hz_attrs_set_ulong(&a[i], CKA_PARAMETER_SET, set), CKR_OK);
		ck_assert_uint_eq(hz_attrs_set(&a[i], CKA_ALLOWED_MECHANISMS, both, sizeof both, false), CKR_OK);
	}
	ck_assert_uint_eq(hz_mech_copy(&copy, &m), CKR_OK);
	ck_assert_uint_eq(gen->generate_pair(&copy, &a[0], &a[1]), CKR_OK);
	hz_mech_clear(&copy);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(hz_soft_key_new(&a[i], key[i]), CKR_OK);
		(*key[i])->env = &env;
		hz_attrs_free(&a[i]);
	}
	return true;
}

START_TEST(test_ml_dsa)
{
	CK_HANZO_EIP712_PARAMS rs = { .ulChainId = 1, .ulFormat = CK_HANZO_FORMAT_RS }, chain = { .ulChainId = 1 };
	static uint8_t sig[3309];
	struct hz_key *sec, *pub, *sec44, *pub44;
	struct hz_op *op;
	char text[2048];
	size_t len = 0;
	CK_RV rv;

	if (!pq_pair(CKP_ML_DSA_65, &sec, &pub)) {
		puts("skip: this libcrypto has no ML-DSA");
		return;
	}
	strcpy(text, poai("x", now(), 1));
	op = begin_with(CKM_HANZO_POAI, HZ_OP_SIGN, sec, NULL, &rv);
	ck_assert_uint_eq(rv, CKR_OK);
	ck_assert_uint_eq(op->ops->max_out(op, HZ_ONCE, 1), sizeof sig);
	ck_assert_uint_eq(op->ops->once(op, (const uint8_t *)text, strlen(text), sig, &len), CKR_OK);
	ck_assert_uint_eq(len, sizeof sig);
	ck_assert_uint_eq(op->ops->once(op, (const uint8_t *)text, strlen(text), sig, &len), CKR_FUNCTION_REJECTED);
	op->ops->free(op);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, NULL, text, sig, sizeof sig), CKR_OK);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, NULL, text, sig, 65), CKR_SIGNATURE_LEN_RANGE);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, &chain, text, sig, sizeof sig), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, &rs, text, sig, 64), CKR_MECHANISM_PARAM_INVALID);
	sig[100] ^= 1;
	ck_assert_uint_eq(verify_with(CKM_HANZO_POAI, pub, NULL, text, sig, sizeof sig), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(sign(CKM_HANZO_EIP712, sec, "{}"), CKR_KEY_TYPE_INCONSISTENT);
	ck_assert(pq_pair(CKP_ML_DSA_44, &sec44, &pub44));
	ck_assert_uint_eq(sign(CKM_HANZO_POAI, sec44, text), CKR_KEY_TYPE_INCONSISTENT);
	hz_soft_key_free(sec44);
	hz_soft_key_free(pub44);
	hz_soft_key_free(sec);
	hz_soft_key_free(pub);
}
END_TEST

/* BIP-340 through the same backend: any length, bound to message and key. */
START_TEST(test_schnorr)
{
	/* 3G, and the signature of 32 zero bytes by BIP-340's first test vector. */
	static const char point[] = "04f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"
				    "388f7b0f632de8140fe337e62a37f3566500a99934c2231b6cb9fd7584b8e672";
	static const char vector[] = "e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215"
				     "25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0";
	static const uint8_t three[32] = { [31] = 3 }, zeros[33];
	uint8_t p[65], known[64], sig[64];
	struct hz_key *sec = key_of(three, NULL, NULL, NULL, SIZE_MAX), *pub;
	struct hz_op *sign_op, *verify_op;
	size_t len;
	CK_RV rv;

	ck_assert(hz_hex_decode(point, 130, p, 65) && hz_hex_decode(vector, 128, known, 64));
	pub = key_of(NULL, p, NULL, NULL, SIZE_MAX);
	sign_op = begin_with(CKM_HANZO_SCHNORR_BIP340, HZ_OP_SIGN, sec, NULL, &rv);
	ck_assert_uint_eq(rv, CKR_OK);
	verify_op = begin_with(CKM_HANZO_SCHNORR_BIP340, HZ_OP_VERIFY, pub, NULL, &rv);
	ck_assert_uint_eq(rv, CKR_OK);
	ck_assert_uint_eq(verify_op->ops->verify(verify_op, zeros, 32, known, 64), CKR_OK);
	ck_assert_uint_eq(verify_op->ops->verify(verify_op, zeros, 33, known, 64), CKR_SIGNATURE_INVALID);
	ck_assert_uint_eq(verify_op->ops->verify(verify_op, zeros, 32, known, 63), CKR_SIGNATURE_LEN_RANGE);
	for (size_t n = 0; n <= 33; n += 11) {
		len = sizeof sig;
		ck_assert_uint_eq(sign_op->ops->once(sign_op, zeros, n, sig, &len), CKR_OK);
		ck_assert_uint_eq(len, 64);
		ck_assert_uint_eq(verify_op->ops->verify(verify_op, zeros, n, sig, 64), CKR_OK);
		sig[n] ^= 1;
		ck_assert_uint_eq(verify_op->ops->verify(verify_op, zeros, n, sig, 64), CKR_SIGNATURE_INVALID);
	}
	sign_op->ops->free(sign_op);
	verify_op->ops->free(verify_op);
	hz_soft_key_free(sec);
	hz_soft_key_free(pub);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("soft_poai");
	TCase *tc = tcase_create("all");
	json_object *probe = vectors("generic.json");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, test_only_restricted_keys_sign);
	tcase_add_test(tc, test_time_rules);
	tcase_add_test(tc, test_once_only);
	tcase_add_test(tc, test_model_of_the_keyspace);
	tcase_add_test(tc, test_verify_rules);
	tcase_add_test(tc, test_rearm_keeps_to_the_new_parameter);
	tcase_add_test(tc, test_ml_dsa);
	tcase_add_test(tc, test_schnorr);
	tcase_add_test(tc, test_keyspaces);
	tcase_add_test(tc, test_keyspace_attributes);
	if (probe != NULL) {
		tcase_add_test(tc, test_statement_vectors);
		tcase_add_test(tc, test_generic_vectors);
	}
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	if (probe == NULL)
		puts("skip: eip712 vectors are not here");
	json_object_put(probe);
	return failed != 0 ? 1 : probe == NULL ? 77 : 0;
}
