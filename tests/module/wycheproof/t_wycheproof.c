/* SPDX-License-Identifier: Apache-2.0 */
/* Every Wycheproof case of an offered mechanism, through the module's C_* functions: valid ones pass, invalid ones are refused with the right code. */
#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wp.h"

static const struct {
	const char *pattern;
	wp_family run;
} families[] = {
	{ "aes_cbc_pkcs5_test.json", wp_cbc_pad }, { "aes_gcm_test.json", wp_gcm },      { "aes_ccm_test.json", wp_ccm },
	{ "aes_cmac_test.json", wp_mac },          { "hmac_sha1_test.json", wp_mac },    { "hmac_sha256_test.json", wp_mac },
	{ "hmac_sha384_test.json", wp_mac },       { "hmac_sha512_test.json", wp_mac },  { "aes_wrap_test.json", wp_wrap },
	{ "aes_kwp_test.json", wp_wrap },          { "hkdf_sha256_test.json", wp_hkdf }, { "ed25519_test.json", wp_eddsa },
	{ "x25519_test.json", wp_ecdh },
	{ "ecdsa_secp256k1_sha256_bitcoin_test.json", wp_ecdsa }, { "ecdsa_secp256k1_sha256_p1363_test.json", wp_ecdsa },
	{ "ecdsa_secp256k1_sha256_test.json", wp_ecdsa }, { "ecdsa_secp256r1_sha256_p1363_test.json", wp_ecdsa },
	{ "ecdsa_secp256r1_sha256_test.json", wp_ecdsa }, { "ecdsa_secp384r1_sha256_test.json", wp_ecdsa },
	{ "ecdsa_secp384r1_sha384_p1363_test.json", wp_ecdsa }, { "ecdsa_secp384r1_sha384_test.json", wp_ecdsa },
	{ "ecdh_secp256k1_test.json", wp_ecdh },   { "ecdh_secp256r1_ecpoint_test.json", wp_ecdh },
	{ "ecdh_secp256r1_test.json", wp_ecdh },   { "ecdh_secp384r1_ecpoint_test.json", wp_ecdh },
	{ "ecdh_secp384r1_test.json", wp_ecdh },
	{ "rsa_oaep_2048_sha1_mgf1sha1_test.json", wp_rsa_decrypt }, { "rsa_oaep_2048_sha256_mgf1sha1_test.json", wp_rsa_decrypt },
	{ "rsa_oaep_2048_sha256_mgf1sha256_test.json", wp_rsa_decrypt }, { "rsa_oaep_3072_sha256_mgf1sha256_test.json", wp_rsa_decrypt },
	{ "rsa_oaep_misc_test.json", wp_rsa_decrypt }, { "rsa_pkcs1_2048_test.json", wp_rsa_decrypt },
	{ "rsa_pss_2048_sha1_mgf1_20_test.json", wp_rsa_verify }, { "rsa_pss_2048_sha256_mgf1_0_test.json", wp_rsa_verify },
	{ "rsa_pss_2048_sha256_mgf1_32_test.json", wp_rsa_verify }, { "rsa_pss_3072_sha256_mgf1_32_test.json", wp_rsa_verify },
	{ "rsa_pss_4096_sha512_mgf1_64_test.json", wp_rsa_verify }, { "rsa_pss_misc_test.json", wp_rsa_verify },
	{ "rsa_signature_2048_sha256_test.json", wp_rsa_verify },
};

/* Do both groups have the same key? Importing a private key takes its time. */
static bool same_key(struct json_object *a, struct json_object *b)
{
	static const char *const members[] = { "privateKey", "publicKey" };
	struct json_object *x, *y;

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (json_object_object_get_ex(a, members[i], &x))
			return json_object_object_get_ex(b, members[i], &y) && json_object_equal(x, y);
	return false;
}

static void end_key(struct wp *w)
{
	if (w->group_key != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, w->group_key);
	w->group_key = CK_INVALID_HANDLE;
	w->group_tried = false;
}

static void run_file(struct wp *w, const char *dir, const char *name, wp_family run)
{
	char path[4096];
	struct json_object *doc, *groups;

	snprintf(path, sizeof path, "%s/wycheproof/%s", dir, name);
	doc = json_object_from_file(path);
	w->file = name;
	if (!doc) {
		printf("%s: cannot be read\n", path);
		w->failed++;
		return;
	}
	groups = wp_get(doc, "testGroups");
	for (size_t g = 0; g < json_object_array_length(groups); g++) {
		struct json_object *group = json_object_array_get_idx(groups, g), *tests = wp_get(group, "tests");

		if (g != 0 && !same_key(json_object_array_get_idx(groups, g - 1), group))
			end_key(w);
		for (size_t t = 0; t < json_object_array_length(tests); t++)
			run(w, group, json_object_array_get_idx(tests, t));
	}
	end_key(w);
	json_object_put(doc);
}

/* Slot 0 needs no login for session keys. */
static bool open_module(struct wp *w)
{
	const char *path = getenv("HANZO_MODULE");
	void *lib = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_RV (*get)(CK_FUNCTION_LIST **);

	if (!lib) {
		printf("cannot load %s: %s\n", path ? path : "(HANZO_MODULE is not set)", dlerror());
		return false;
	}
	*(void **)&get = dlsym(lib, "C_GetFunctionList");
	return get && get(&w->f) == CKR_OK && w->f->C_Initialize(NULL) == CKR_OK &&
	       w->f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &w->s) == CKR_OK;
}

int main(int argc, char **argv)
{
	const char *dir = getenv("HANZO_VECTORS");
	char store[] = "/tmp/hanzo-wp-XXXXXX", probe[4096];
	unsigned failed = 0, passed = 0, not_offered = 0;
	struct wp w = { .s = 0 };

	if (getenv("HANZO_SANITIZED") && strstr(getenv("HANZO_SANITIZED"), "thread")) {
		printf("SKIP t_wycheproof: one thread, nothing for the thread sanitizer\n");
		return 77;
	}
	snprintf(probe, sizeof probe, "%s/wycheproof/aes_gcm_test.json", dir ? dir : ".");
	if (!dir || access(probe, R_OK) != 0) {
		printf("SKIP t_wycheproof: no vectors at %s\n", dir ? dir : "HANZO_VECTORS");
		return 77;
	}
	if (!mkdtemp(store) || setenv("HANZO_PKCS11_STORE", store, 1) != 0 || !open_module(&w))
		return 1;
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		if (argc > 1 && fnmatch(argv[1], families[i].pattern, 0) != 0)
			continue;
		w.passed = w.failed = w.not_offered = 0;
		run_file(&w, dir, families[i].pattern, families[i].run);
		printf("%-46s %5u passed %3u failed %3u not offered\n", families[i].pattern, w.passed, w.failed, w.not_offered);
		failed += w.failed;
		passed += w.passed;
		not_offered += w.not_offered;
	}
	printf("in all: %u passed, %u failed, %u not offered\n", passed, failed, not_offered);
	w.f->C_Finalize(NULL);
	rmdir(store);
	return failed || !passed;
}
