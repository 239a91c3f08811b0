/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and MACs of the software backend, and hashes, HMAC, HKDF and PBKDF2 underneath, against published answers and libcrypto. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/hmac.h"
#include "crypto/libctx.h"
#include "hanzo-pkcs11.h"
#include "soft_sym_help.h"

static const struct {
	CK_MECHANISM_TYPE type;
	enum hz_hash_id id;
	const char *evp; /* NULL: libcrypto may lack it */
	const char *abc; /* FIPS 180-4 and FIPS 202 examples; Keccak team's */
} digests[] = {
	{ CKM_SHA_1, HZ_SHA1, "SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ CKM_SHA224, HZ_SHA224, "SHA2-224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
	{ CKM_SHA256, HZ_SHA256, "SHA2-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ CKM_SHA384, HZ_SHA384, "SHA2-384",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
	{ CKM_SHA512, HZ_SHA512, "SHA2-512",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	{ CKM_SHA512_224, HZ_SHA512_224, "SHA2-512/224", "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa" },
	{ CKM_SHA512_256, HZ_SHA512_256, "SHA2-512/256", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23" },
	{ CKM_SHA3_224, HZ_SHA3_224, "SHA3-224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf" },
	{ CKM_SHA3_256, HZ_SHA3_256, "SHA3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
	{ CKM_SHA3_384, HZ_SHA3_384, "SHA3-384",
	  "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25" },
	{ CKM_SHA3_512, HZ_SHA3_512, "SHA3-512",
	  "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0" },
	{ CKM_HANZO_KECCAK256, HZ_KECCAK256, NULL, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45" },
};
enum { DIGESTS = sizeof digests / sizeof digests[0] };

static uint8_t data[700];

START_TEST(published_digests)
{
	struct hz_op *op = NULL;
	struct result r;

	ck_assert_uint_eq(begin_with(HZ_OP_DIGEST, digests[_i].type, NULL, 0, NULL, &op), CKR_OK);
	ck_assert_uint_eq(run_once(op, "abc", 3, &r), CKR_OK);
	expect_hex(r.p, r.len, digests[_i].abc);
	free(r.p);
	op->ops->free(op);
	ck_assert_uint_eq(begin_with(HZ_OP_DIGEST, digests[_i].type, data, 4, NULL, &op), CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

/* Every length around every block boundary, in parts of several sizes. */
START_TEST(same_as_libcrypto)
{
	uint8_t want[64], got[64];
	EVP_MD *md = digests[_i].evp != NULL ? hz_md(digests[_i].evp) : hz_md("KECCAK-256");

	if (md == NULL)
		return; /* Keccak-256 before OpenSSL 3.2: the published answers are all there is */
	for (size_t n = 0; n < sizeof data; n++) {
		struct hz_hash h;
		unsigned len;

		ck_assert_int_eq(EVP_Digest(data, n, want, &len, md, NULL), 1);
		ck_assert_uint_eq(len, hz_hash_len(digests[_i].id));
		for (size_t step = 1; step <= n + 1; step = step * 3 + 1) {
			hz_hash_init(&h, digests[_i].id);
			for (size_t at = 0; at < n; at += step)
				hz_hash_update(&h, data + at, n - at < step ? n - at : step);
			hz_hash_final(&h, got);
			ck_assert_mem_eq(got, want, len);
		}
	}
}
END_TEST

/* A state saved at any point, restored several times and in another operation, goes on as if nothing had happened. */
START_TEST(saved_states)
{
	struct hz_op *op = NULL, *other = NULL, *wrong = NULL;
	uint8_t state[1024], small[8], want[64], got[64];
	size_t len, got_len, need;
	size_t next = (size_t)(_i + 1) % DIGESTS;

	ck_assert_uint_eq(begin_with(HZ_OP_DIGEST, digests[_i].type, NULL, 0, NULL, &op), CKR_OK);
	ck_assert_uint_eq(begin_with(HZ_OP_DIGEST, digests[_i].type, NULL, 0, NULL, &other), CKR_OK);
	ck_assert_uint_eq(begin_with(HZ_OP_DIGEST, digests[next].type, NULL, 0, NULL, &wrong), CKR_OK);
	for (size_t at = 0; at < 300; at += 37) {
		ck_assert_uint_eq(op->ops->rearm(op, &(struct hz_mech){ .type = digests[_i].type }), CKR_OK);
		ck_assert_uint_eq(op->ops->update(op, data, at, NULL, NULL), CKR_OK);
		ck_assert_uint_eq(op->ops->save(op, NULL, &need), CKR_OK);
		len = sizeof small;
		ck_assert_uint_eq(op->ops->save(op, small, &len), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(len, need);
		len = sizeof state;
		ck_assert_uint_eq(op->ops->save(op, state, &len), CKR_OK);
		ck_assert_uint_eq(len, need);
		ck_assert_uint_eq(op->ops->once(op, data + at, 300 - at, want, &got_len), CKR_OK);
		for (int times = 0; times < 3; times++) {
			ck_assert_uint_eq(other->ops->restore(other, state, len), CKR_OK);
			ck_assert_uint_eq(other->ops->once(other, data + at, 300 - at, got, &got_len), CKR_OK);
			ck_assert_mem_eq(got, want, got_len);
		}
		ck_assert_uint_eq(wrong->ops->restore(wrong, state, len), CKR_SAVED_STATE_INVALID);
		for (size_t i = 0; i < len; i += 11) {
			state[i] ^= 1;
			ck_assert_uint_eq(other->ops->restore(other, state, len), CKR_SAVED_STATE_INVALID);
			state[i] ^= 1;
		}
		ck_assert_uint_eq(other->ops->restore(other, state, len - 1), CKR_SAVED_STATE_INVALID);
		ck_assert_uint_eq(other->ops->restore(other, NULL, 0), CKR_SAVED_STATE_INVALID);
	}
	op->ops->free(op);
	other->ops->free(other);
	wrong->ops->free(wrong);
}
END_TEST

/* C_DigestKey feeds a key: its bytes must not be readable in the saved state. */
START_TEST(state_hides_what_was_hashed)
{
	static const char secret[] = "a key that nobody may read......";
	struct hz_op *op = NULL;
	uint8_t state[1024];
	size_t len = sizeof state;

	ck_assert_uint_eq(begin_with(HZ_OP_DIGEST, CKM_SHA512, NULL, 0, NULL, &op), CKR_OK);
	ck_assert_uint_eq(op->ops->update(op, (const uint8_t *)secret, 32, NULL, NULL), CKR_OK);
	ck_assert_uint_eq(op->ops->save(op, state, &len), CKR_OK);
	for (size_t i = 0; i + 8 <= len; i++)
		ck_assert(memcmp(state + i, secret, 8) != 0 && memcmp(state + i, secret + 8, 8) != 0);
	op->ops->free(op);
}
END_TEST

static void hmac_by_evp(const char *md, const uint8_t *key, size_t key_len, const uint8_t *p, size_t n, uint8_t *out, size_t *out_len)
{
	OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hz_mac("HMAC"));
	char name[32];

	strcpy(name, md);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
	ck_assert_int_eq(EVP_MAC_init(ctx, key, key_len, params), 1);
	ck_assert_int_eq(EVP_MAC_update(ctx, p, n), 1);
	ck_assert_int_eq(EVP_MAC_final(ctx, out, out_len, 64), 1);
	EVP_MAC_CTX_free(ctx);
}

START_TEST(hmac_same_as_libcrypto)
{
	struct hz_hmac m;
	uint8_t want[64], got[64];
	size_t len;

	if (digests[_i].evp == NULL)
		return; /* no HMAC of Keccak-256 is offered */
	for (size_t key_len = 0; key_len < 300; key_len++) {
		hmac_by_evp(digests[_i].evp, data + 1, key_len, data, 2 * key_len, want, &len);
		hz_hmac_init(&m, digests[_i].id, data + 1, key_len);
		for (int again = 0; again < 2; again++) {
			hz_hmac_restart(&m);
			hz_hmac_update(&m, data, key_len);
			hz_hmac_update(&m, data + key_len, key_len);
			hz_hmac_final(&m, got);
			ck_assert_mem_eq(got, want, len);
		}
	}
}
END_TEST

/* RFC 4231 test cases 2 and 5 (truncated), and what becomes of every other length. */
START_TEST(hmac_lengths)
{
	uint8_t key5[20];
	struct hz_key *k2 = key_of(CKK_GENERIC_SECRET, "Jefe", 4), *k5, *none;
	CK_MAC_GENERAL_PARAMS n = 16;
	struct hz_op *op = NULL;
	struct result r;

	memset(key5, 0x0c, 20);
	k5 = key_of(CKK_SHA256_HMAC, key5, 20);
	none = key_of(CKK_GENERIC_SECRET, "", 0);
	ck_assert_uint_eq(begin_with(HZ_OP_SIGN, CKM_SHA256_HMAC, NULL, 0, k2, &op), CKR_OK);
	ck_assert_uint_eq(run_once(op, "what do ya want for nothing?", 28, &r), CKR_OK);
	expect_hex(r.p, r.len, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	free(r.p);
	op->ops->free(op);
	ck_assert_uint_eq(begin_with(HZ_OP_SIGN, CKM_SHA256_HMAC_GENERAL, &n, sizeof n, k5, &op), CKR_OK);
	ck_assert_uint_eq(run_parts(op, "Test With Truncation", 20, 3, &r), CKR_OK);
	expect_hex(r.p, r.len, "a3b6167473100ee06e0c796c2955552b");
	op->ops->free(op);
	ck_assert_uint_eq(begin_with(HZ_OP_VERIFY, CKM_SHA256_HMAC_GENERAL, &n, sizeof n, k5, &op), CKR_OK);
	for (size_t len = 0; len < 40; len++) {
		uint8_t *sig = calloc(1, 40);

		memcpy(sig, r.p, 16);
		ck_assert_uint_eq(rearm_with(op, CKM_SHA256_HMAC_GENERAL, &n, sizeof n), CKR_OK);
		ck_assert_uint_eq(op->ops->verify(op, (const uint8_t *)"Test With Truncation", 20, sig, len),
				  len == 16 ? CKR_OK : CKR_SIGNATURE_LEN_RANGE);
		free(sig);
	}
	free(r.p);
	op->ops->free(op);
	for (n = 0; n < 40; n++) {
		CK_RV rv = begin_with(HZ_OP_SIGN, CKM_SHA256_HMAC_GENERAL, &n, sizeof n, k2, &op);

		ck_assert_uint_eq(rv, n >= 1 && n <= 32 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		if (rv == CKR_OK)
			op->ops->free(op);
	}
	ck_assert_uint_eq(begin_with(HZ_OP_SIGN, CKM_SHA256_HMAC, NULL, 0, none, &op), CKR_OK);
	ck_assert_uint_eq(run_once(op, NULL, 0, &r), CKR_OK);
	expect_hex(r.p, r.len, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	free(r.p);
	op->ops->free(op);
	hz_soft_key_free(k2);
	hz_soft_key_free(k5);
	hz_soft_key_free(none);
}
END_TEST

/* RFC 4493 section 4. */
START_TEST(cmac)
{
	static const char *const want[] = { "bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c",
					    "dfa66747de9ae63030ca32611497c827", "51f0bebf7e3b9d92fc49741779363cfe" };
	static const size_t lens[] = { 0, 16, 40, 64 };
	size_t n;
	uint8_t *raw = unhex("2b7e151628aed2a6abf7158809cf4f3c", &n);
	uint8_t *text = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52ef"
			      "f69f2445df4f9b17ad2b417be66c3710", &n);
	struct hz_key *k = key_of(CKK_AES, raw, 16);
	struct hz_op *op = NULL;
	struct result r;

	ck_assert_uint_eq(begin_with(HZ_OP_SIGN, CKM_AES_CMAC, NULL, 0, k, &op), CKR_OK);
	for (size_t i = 0; i < 4; i++) {
		for (size_t step = 1; step < 70; step += 9) {
			ck_assert_uint_eq(rearm_with(op, CKM_AES_CMAC, NULL, 0), CKR_OK);
			ck_assert_uint_eq(run_parts(op, text, lens[i], step, &r), CKR_OK);
			expect_hex(r.p, r.len, want[i]);
			free(r.p);
		}
		ck_assert_uint_eq(rearm_with(op, CKM_AES_CMAC, NULL, 0), CKR_OK);
		ck_assert_uint_eq(op->ops->update(op, text, 7, NULL, NULL), CKR_OK); /* abandoned half-way */
	}
	op->ops->free(op);
	free(raw);
	free(text);
	hz_soft_key_free(k);
}
END_TEST

/* RFC 6070 and the usual SHA-256 answer; RFC 5869 test case 1's PRK. */
START_TEST(derivation)
{
	uint8_t out[64], prk[32], ikm[22], salt[13];

	hz_pbkdf2(HZ_SHA1, "password", 8, "salt", 4, 1, out, 20);
	expect_hex(out, 20, "0c60c80f961f0e71f3a9b524af6012062fe037a6");
	hz_pbkdf2(HZ_SHA1, "password", 8, "salt", 4, 4096, out, 20);
	expect_hex(out, 20, "4b007901b765489abead49d926f721d065a429c1");
	hz_pbkdf2(HZ_SHA1, "passwordPASSWORDpassword", 24, "saltSALTsaltSALTsaltSALTsaltSALTsalt", 36, 4096, out, 25);
	expect_hex(out, 25, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
	hz_pbkdf2(HZ_SHA256, "password", 8, "salt", 4, 1, out, 32);
	expect_hex(out, 32, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
	memset(ikm, 0x0b, sizeof ikm);
	for (uint8_t i = 0; i < 13; i++)
		salt[i] = i;
	hz_hkdf_extract(HZ_SHA256, salt, 13, ikm, 22, prk);
	expect_hex(prk, 32, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	ck_assert(hz_hkdf_expand(HZ_SHA256, prk, 32, NULL, 0, out, 64));
	ck_assert(!hz_hkdf_expand(HZ_SHA1, prk, 32, NULL, 0, out, 255 * 20 + 1));
}
END_TEST

/* Two processes never give the same random bytes, whatever was buffered before they parted. */
START_TEST(random_and_fork)
{
	uint8_t mine[64], theirs[64], big[5000] = { 0 };
	int fd[2], status;
	size_t zeros = 0;
	pid_t pid;

	ck_assert(hz_random(mine, 1) && hz_random(mine, 0));
	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		bool ok = hz_random(theirs, sizeof theirs) && write(fd[1], theirs, sizeof theirs) == (ssize_t)sizeof theirs;

		_exit(ok ? 0 : 1);
	}
	ck_assert(hz_random(mine, sizeof mine));
	ck_assert_int_eq(read(fd[0], theirs, sizeof theirs), sizeof theirs);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (size_t i = 0; i + 8 <= sizeof mine; i += 8)
		for (size_t j = 0; j + 8 <= sizeof theirs; j++)
			ck_assert(memcmp(mine + i, theirs + j, 8) != 0);
	for (size_t n = 1; n < sizeof big; n = n * 2 + 1)
		ck_assert(hz_random(big, n));
	for (size_t i = 0; i < 4095; i++)
		zeros += big[i] == 0;
	ck_assert_uint_lt(zeros, 60);
	ck_assert(hz_random_add("seed", 4) && hz_random_add(NULL, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("soft_sym_hash");
	TCase *c = tcase_create("all");
	SRunner *sr;
	int failed;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 131 + (i >> 8));
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, published_digests, 0, DIGESTS);
	tcase_add_loop_test(c, same_as_libcrypto, 0, DIGESTS);
	tcase_add_loop_test(c, saved_states, 0, DIGESTS);
	tcase_add_test(c, state_hides_what_was_hashed);
	tcase_add_loop_test(c, hmac_same_as_libcrypto, 0, DIGESTS);
	tcase_add_test(c, hmac_lengths);
	tcase_add_test(c, cmac);
	tcase_add_test(c, derivation);
	tcase_add_test(c, random_and_fork);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
