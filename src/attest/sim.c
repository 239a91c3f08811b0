/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated TEE: development without hardware. It proves nothing, and only a policy that says so accepts it. */

#include "attest/bundle.h"

#include "base/hex.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Evidence: {"hanzo_sim":1, "statement":b64url, "signature":b64url}. The statement is a JSON object; the signature is
 * ECDSA P-256 with SHA-256, r || s, over DOMAIN 0x00 statement.  The root key is public knowledge: its private half is
 * the SHA-256 of KEY_TEXT.
 */
#define DOMAIN "hanzo-pkcs11/sim/v1"
#define KEY_TEXT "hanzo-pkcs11 simulated TEE, root key 1: everybody knows it"

/* Public half, x || y. */
static const uint8_t root_point[64] = {
	0x86, 0x21, 0xfe, 0x61, 0xad, 0xdd, 0x7b, 0xb2, 0x6f, 0x50, 0x81, 0x67, 0x6e, 0xfd, 0x63, 0x8c,
	0xa9, 0x6b, 0xa4, 0xd3, 0x1c, 0x11, 0xd7, 0x65, 0x14, 0x95, 0xd3, 0x48, 0x1e, 0x24, 0xa5, 0xcb,
	0x28, 0x6d, 0x73, 0x5e, 0x81, 0x98, 0xd7, 0x94, 0x12, 0x1c, 0x27, 0x35, 0x0b, 0x0a, 0x7b, 0x24,
	0xf4, 0x9c, 0x3f, 0x9f, 0x62, 0x91, 0xa8, 0x1f, 0xfd, 0xbb, 0x85, 0x36, 0x7d, 0x6d, 0x16, 0xef,
};

struct hz_sim_policy {
	struct hz_at_hexlist measurement;
	bool allow_debug;
};

static const struct hz_at_field fields[] = {
	{ "measurement", HZ_AT_F_HEX, offsetof(struct hz_sim_policy, measurement), 48, true, NULL, NULL, NULL },
	{ "allow_debug", HZ_AT_F_BOOL, offsetof(struct hz_sim_policy, allow_debug), 0, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

static const struct hz_at_section section = { "sim", sizeof(struct hz_sim_policy), fields, NULL, NULL };

struct statement {
	bool gpu, blackwell, debug, tee_io;
	uint8_t measurement[48], report_data[64], nonce[32];
	struct hz_at_bytes spki;
};

/* ---- reading ---- */

static bool
get_bool(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && json_object_get_boolean(v);
}

static bool
get_hex(struct json_object *o, const char *name, uint8_t *out, size_t n)
{
	const char *s = hz_at_json_text(o, name);

	return s != NULL && hz_hex_decode(s, strlen(s), out, n);
}

/* Only the members that a device of this sort has, each of its type. */
static bool
known_members(struct json_object *o, bool gpu)
{
	static const char *const cpu_names[] = { "device", "measurement", "report_data", "debug", "tee_io", NULL };
	static const char *const gpu_names[] = { "device", "measurement", "nonce", "debug", "arch", "spki", NULL };

	json_object_object_foreach(o, key, v) {
		const char *const *name = gpu ? gpu_names : cpu_names;
		bool flag = strcmp(key, "debug") == 0 || strcmp(key, "tee_io") == 0;

		while (*name != NULL && strcmp(*name, key) != 0)
			name++;
		if (*name == NULL || !json_object_is_type(v, flag ? json_type_boolean : json_type_string))
			return false;
	}
	return true;
}

static bool
read_gpu(struct json_object *o, struct hz_at_arena *a, struct statement *s)
{
	const char *arch = hz_at_json_text(o, "arch"), *spki = hz_at_json_text(o, "spki");

	if (arch == NULL || spki == NULL || (strcmp(arch, "hopper") != 0 && strcmp(arch, "blackwell") != 0))
		return false;
	s->blackwell = strcmp(arch, "blackwell") == 0;
	s->spki = hz_at_arena_b64(a, spki, strlen(spki));
	return s->spki.len > 0 && get_hex(o, "nonce", s->nonce, sizeof s->nonce);
}

static bool
read_statement(struct hz_at_bytes text, struct hz_at_arena *a, struct statement *s)
{
	struct json_object *o = hz_at_json_parse(text.p, text.len, 1);
	const char *device = o != NULL && json_object_is_type(o, json_type_object) ? hz_at_json_text(o, "device") : NULL;
	bool ok = false;

	memset(s, 0, sizeof *s);
	if (device == NULL || (strcmp(device, "cpu") != 0 && strcmp(device, "gpu") != 0))
		goto out;
	s->gpu = strcmp(device, "gpu") == 0;
	s->debug = get_bool(o, "debug");
	s->tee_io = get_bool(o, "tee_io");
	ok = known_members(o, s->gpu) && get_hex(o, "measurement", s->measurement, sizeof s->measurement) &&
	     (s->gpu ? read_gpu(o, a, s) : get_hex(o, "report_data", s->report_data, sizeof s->report_data));
out:
	json_object_put(o);
	return ok;
}

struct envelope {
	struct hz_at_bytes statement, signature;
};

static bool
read_envelope(struct hz_at_bytes in, struct hz_at_arena *a, struct envelope *e)
{
	struct json_object *o = hz_at_json_parse(in.p, in.len, 1), *v;
	const char *statement, *signature;
	bool ok = false;

	if (o == NULL || !json_object_is_type(o, json_type_object) || json_object_object_length(o) != 3 ||
	    !json_object_object_get_ex(o, "hanzo_sim", &v) || !json_object_is_type(v, json_type_int) ||
	    json_object_get_int64(v) != 1)
		goto out;
	statement = hz_at_json_text(o, "statement");
	signature = hz_at_json_text(o, "signature");
	if (statement == NULL || signature == NULL)
		goto out;
	e->statement = hz_at_arena_b64(a, statement, strlen(statement));
	e->signature = hz_at_arena_b64(a, signature, strlen(signature));
	ok = e->statement.p != NULL && e->signature.len == 64;
out:
	json_object_put(o);
	return ok;
}

/* ---- checking ---- */

static bool
signed_by_root(struct hz_at_run *run, const struct envelope *e)
{
	const struct hz_at_bytes piece[2] = { { (const uint8_t *)DOMAIN, sizeof DOMAIN }, e->statement };
	EVP_PKEY *key = hz_at_ec_key(run, "P-256", root_point, sizeof root_point);
	bool ok = key != NULL && hz_at_ecdsa_verify(run, key, "P-256", "SHA256", e->signature.p, 64, piece, 2);

	EVP_PKEY_free(key);
	return ok;
}

static void
add_claims(struct hz_at_run *run, const struct hz_at_item *item, const struct statement *s)
{
	hz_at_claim_bool(run, item, "simulated", true);
	hz_at_claim_text(run, item, "device", s->gpu ? "gpu" : "cpu");
	hz_at_claim_hex(run, item, "measurement", s->measurement, sizeof s->measurement);
	hz_at_claim_bool(run, item, "debug", s->debug);
	if (s->gpu) {
		hz_at_claim_text(run, item, "arch", s->blackwell ? "blackwell" : "hopper");
		hz_at_claim_hex(run, item, "nonce", s->nonce, sizeof s->nonce);
	} else {
		hz_at_claim_hex(run, item, "report_data", s->report_data, sizeof s->report_data);
		hz_at_claim_bool(run, item, "tee_io", s->tee_io);
	}
}

static enum hz_attest_reason
check_statement(struct hz_at_run *run, struct hz_at_item *item, const struct statement *s)
{
	const struct hz_sim_policy *p = hz_at_policy_section(run->policy, &section);

	if (s->debug && !p->allow_debug)
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_DEBUG, "the simulated guest may be debugged");
	if (!hz_at_hexlist_allows(&p->measurement, s->measurement, sizeof s->measurement))
		return hz_at_refuse(run, HZ_ATTEST_R_POLICY_MEASUREMENT, "the measurement is not in the policy");
	if (s->gpu && item->nonce.p != NULL &&
	    (item->nonce.len != sizeof s->nonce || !hz_at_equal(item->nonce.p, s->nonce, sizeof s->nonce)))
		return hz_at_refuse(run, HZ_ATTEST_R_NONCE, "the nonce is not what was expected");
	if (!s->gpu && item->report_data.p != NULL && !hz_at_equal(item->report_data.p, s->report_data, sizeof s->report_data))
		return hz_at_refuse(run, HZ_ATTEST_R_REPORT_DATA, "report data is not what was expected");
	item->is_gpu = s->gpu;
	item->tee_io = s->tee_io;
	item->arch = !s->gpu ? HZ_AT_ARCH_NONE : s->blackwell ? HZ_AT_ARCH_BLACKWELL : HZ_AT_ARCH_HOPPER;
	if (s->gpu && !hz_at_digest(run, "SHA256", &s->spki, 1, item->leaf_spki_sha256))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	return HZ_ATTEST_OK;
}

static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	struct hz_at_arena arena;
	struct envelope e;
	struct statement s;
	enum hz_attest_reason rc;

	/* Statement and the key in it are both decoded: less than twice the text. */
	if (!hz_at_arena_begin(&arena, 2 * item->evidence.len))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	if (!read_envelope(item->evidence, &arena, &e) || !read_statement(e.statement, &arena, &s)) {
		rc = hz_at_refuse(run, HZ_ATTEST_R_JSON, "not well-formed simulated evidence");
		goto out;
	}
	add_claims(run, item, &s);
	rc = signed_by_root(run, &e) ? check_statement(run, item, &s)
	                             : hz_at_refuse(run, HZ_ATTEST_R_SIGNATURE, "not signed by the simulator's key");
out:
	hz_at_arena_end(&arena);
	return rc;
}

const struct hz_at_family hz_at_sim = { HZ_ATTEST_KIND_SIM, verify, &section, NULL };

/* ---- making ---- */

static EVP_PKEY *
root_key(struct hz_at_run *run)
{
	const struct hz_at_bytes text = { (const uint8_t *)KEY_TEXT, sizeof KEY_TEXT - 1 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(run->libctx, "1.2.840.10045.2.1", NULL);
	EVP_PKEY *key = NULL;
	uint8_t d[32], point[65] = { POINT_CONVERSION_UNCOMPRESSED };
	unsigned char native[32];
	char group[] = "P-256";
	OSSL_PARAM params[4];
	BIGNUM *bn;

	memcpy(point + 1, root_point, sizeof root_point);
	if (ctx == NULL || !hz_at_digest(run, "SHA256", &text, 1, d))
		goto out;
	bn = BN_bin2bn(d, sizeof d, NULL);
	if (bn == NULL || BN_bn2nativepad(bn, native, sizeof native) < 0) {
		BN_free(bn);
		goto out;
	}
	BN_free(bn);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
	params[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof native);
	params[3] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
out:
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool
der_to_raw(const unsigned char *der, size_t n, uint8_t rs[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32 &&
	          BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32;

	ECDSA_SIG_free(sig);
	return ok;
}

static bool
sign_statement(struct hz_at_run *run, const char *text, uint8_t rs[64])
{
	EVP_PKEY *key = root_key(run);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[80];
	size_t n = sizeof der;
	bool ok = key != NULL && ctx != NULL &&
	          EVP_DigestSignInit_ex(ctx, NULL, "SHA256", run->libctx, NULL, key, NULL) == 1 &&
	          EVP_DigestSignUpdate(ctx, DOMAIN, sizeof DOMAIN) == 1 &&
	          EVP_DigestSignUpdate(ctx, text, strlen(text)) == 1 && EVP_DigestSignFinal(ctx, der, &n) == 1 &&
	          der_to_raw(der, n, rs);

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

static void
add_hex(struct json_object *o, const char *name, const uint8_t *p, size_t n)
{
	char hex[2 * 64 + 1];

	hz_hex_encode(p, n, hex);
	json_object_object_add(o, name, json_object_new_string(hex));
}

static void
add_b64(struct json_object *o, const char *name, const void *p, size_t n)
{
	char *text = malloc(hz_b64url_len(n) + 1);

	if (text != NULL) {
		hz_b64url_encode(p, n, text);
		json_object_object_add(o, name, json_object_new_string(text));
	}
	free(text);
}

static struct json_object *
make_statement(const struct hz_attest_sim *sim)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "device", json_object_new_string(sim->gpu ? "gpu" : "cpu"));
	add_hex(o, "measurement", sim->measurement, 48);
	json_object_object_add(o, "debug", json_object_new_boolean(sim->debug));
	if (sim->gpu) {
		add_hex(o, "nonce", sim->nonce, 32);
		json_object_object_add(o, "arch", json_object_new_string(sim->blackwell ? "blackwell" : "hopper"));
		add_b64(o, "spki", sim->spki, sim->spki_len);
	} else {
		add_hex(o, "report_data", sim->report_data, 64);
		json_object_object_add(o, "tee_io", json_object_new_boolean(sim->tee_io));
	}
	return o;
}

char *
hz_attest_sim_make(const hz_attest_verifier *v, const struct hz_attest_sim *sim)
{
	struct hz_at_run run = { .libctx = v->libctx };
	struct json_object *statement = make_statement(sim), *o = json_object_new_object();
	const char *text = json_object_to_json_string_ext(statement, JSON_C_TO_STRING_PLAIN), *whole;
	uint8_t rs[64];
	char *out = NULL;

	if (text == NULL || !sign_statement(&run, text, rs))
		goto out;
	json_object_object_add(o, "hanzo_sim", json_object_new_int(1));
	add_b64(o, "statement", text, strlen(text));
	add_b64(o, "signature", rs, sizeof rs);
	whole = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	out = whole == NULL ? NULL : malloc(strlen(whole) + 1);
	if (out != NULL)
		memcpy(out, whole, strlen(whole) + 1);
out:
	json_object_put(statement);
	json_object_put(o);
	return out;
}
