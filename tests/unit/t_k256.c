/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the secp256k1 wrappers: known answers, forms of points, refusals, scalars, fork. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fork.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/k256.h"

static void unhex(const char *text, uint8_t *out, size_t n)
{
	ck_assert(hz_hex_decode(text, strlen(text), out, n));
}

static void scalar(uint8_t out[32], unsigned v)
{
	memset(out, 0, 32);
	out[30] = (uint8_t)(v >> 8);
	out[31] = (uint8_t)v;
}

/* RFC 6979 nonces over SHA-256 of "Satoshi Nakamoto" with the private key 1: published and implemented widely. */
START_TEST(known_signature)
{
	uint8_t sec[32], digest[32], sig[64], want[64], pub[64];

	scalar(sec, 1);
	hz_hash_once(HZ_SHA256, "Satoshi Nakamoto", 16, digest);
	unhex("934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
	      "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5", want, 64);
	ck_assert(hz_k256_sign(sec, digest, sig));
	ck_assert_mem_eq(sig, want, 64);
	ck_assert(hz_k256_pub_from_sec(pub, sec));
	ck_assert(hz_k256_verify(pub, digest, sig, true));
	digest[0] ^= 1;
	ck_assert(!hz_k256_verify(pub, digest, sig, false));
}
END_TEST

START_TEST(points)
{
	static const char g[] = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
	uint8_t sec[32], pub[64], other[64], c[33], u[65], want[32];

	scalar(sec, 1);
	unhex(g, want, 32);
	ck_assert(hz_k256_pub_from_sec(pub, sec));
	ck_assert(hz_k256_pub_write(pub, true, c));
	ck_assert_uint_eq(c[0], 2);
	ck_assert_mem_eq(c + 1, want, 32);
	ck_assert(hz_k256_pub_write(pub, false, u));
	ck_assert(hz_k256_pub_parse(other, u, 65) && hz_k256_pub_equal(pub, other));
	ck_assert(hz_k256_pub_parse(other, c, 33) && hz_k256_pub_equal(pub, other));
	u[0] = 6; /* hybrid */
	ck_assert(!hz_k256_pub_parse(other, u, 65));
	u[0] = 4;
	u[64] ^= 1; /* off the curve */
	ck_assert(!hz_k256_pub_parse(other, u, 65));
	ck_assert(!hz_k256_pub_parse(other, u, 64));
	ck_assert(!hz_k256_pub_parse(other, u, 1));
	u[0] = 0;
	ck_assert(!hz_k256_pub_parse(other, u, 1));
	memset(c + 1, 0xff, 32); /* x above the prime */
	ck_assert(!hz_k256_pub_parse(other, c, 33));
}
END_TEST

START_TEST(secrets)
{
	uint8_t sec[32], pub[64];

	memset(sec, 0, 32);
	ck_assert(!hz_k256_sec_ok(sec));
	ck_assert(!hz_k256_pub_from_sec(pub, sec));
	memcpy(sec, hz_k256_order, 32);
	ck_assert(!hz_k256_sec_ok(sec));
	sec[31]--;
	ck_assert(hz_k256_sec_ok(sec));
	ck_assert(hz_k256_generate(sec, pub));
	ck_assert(hz_k256_sec_ok(sec));
}
END_TEST

START_TEST(high_s)
{
	uint8_t sec[32], pub[64], digest[32] = { 7 }, sig[64], s[32], one[32];

	ck_assert(hz_k256_generate(sec, pub));
	ck_assert(hz_k256_sign(sec, digest, sig));
	/* n - s: (n - 1) * s mod n */
	memcpy(s, hz_k256_order, 32);
	s[31]--;
	ck_assert(hz_k256_scalar_mul(s, sig + 32));
	memcpy(sig + 32, s, 32);
	ck_assert(hz_k256_verify(pub, digest, sig, false));
	ck_assert(!hz_k256_verify(pub, digest, sig, true));
	memset(sig, 0, 32);
	ck_assert(!hz_k256_verify(pub, digest, sig, false));
	memset(sig, 0xff, 64);
	ck_assert(!hz_k256_verify(pub, digest, sig, false));
	scalar(one, 1);
	memset(sig, 0, 64);
	memcpy(sig, one, 32);
	ck_assert(!hz_k256_verify(pub, digest, sig, false));
}
END_TEST

START_TEST(recoverable)
{
	uint8_t sec[32], pub[64], digest[32], sig[65], got[64], plain[64];

	for (int i = 0; i < 32; i++) {
		ck_assert(hz_k256_generate(sec, pub));
		hz_hash_once(HZ_SHA256, &i, sizeof i, digest);
		ck_assert(hz_k256_sign_recoverable(sec, digest, sig));
		ck_assert(sig[64] == 27 || sig[64] == 28);
		ck_assert(hz_k256_sign(sec, digest, plain));
		ck_assert_mem_eq(plain, sig, 64);
		ck_assert(hz_k256_recover(got, digest, sig) && hz_k256_pub_equal(got, pub));
		sig[64] = (uint8_t)(55 - sig[64]);
		ck_assert(!hz_k256_recover(got, digest, sig) || !hz_k256_pub_equal(got, pub));
		sig[64] = 0;
		ck_assert(!hz_k256_recover(got, digest, sig));
		sig[64] = 29;
		ck_assert(!hz_k256_recover(got, digest, sig));
	}
}
END_TEST

START_TEST(multiplication)
{
	uint8_t a[32], b[32], pa[64], pb[64], x1[32], x2[32], m1[64], m2[64], ab[32], c[33];

	ck_assert(hz_k256_generate(a, pa) && hz_k256_generate(b, pb));
	ck_assert(hz_k256_ecdh_x(x1, pb, a) && hz_k256_ecdh_x(x2, pa, b));
	ck_assert_mem_eq(x1, x2, 32);
	ck_assert(hz_k256_mul(m1, pb, a) && hz_k256_mul_public(m2, pa, b));
	ck_assert(hz_k256_pub_equal(m1, m2));
	ck_assert(hz_k256_pub_write(m1, true, c));
	ck_assert_mem_eq(c + 1, x1, 32);
	memcpy(ab, a, 32);
	ck_assert(hz_k256_scalar_mul(ab, b) && hz_k256_pub_from_sec(m2, ab) && hz_k256_pub_equal(m1, m2));
}
END_TEST

START_TEST(sums)
{
	uint8_t a[32], b[32], p[2][64], sum[64], want[64];

	ck_assert(hz_k256_generate(a, p[0]) && hz_k256_generate(b, p[1]));
	ck_assert(hz_k256_sum(sum, (const uint8_t(*)[64])p, 2));
	ck_assert(hz_k256_scalar_add(a, b) && hz_k256_pub_from_sec(want, a) && hz_k256_pub_equal(sum, want));
	memcpy(p[1], p[0], 64);
	ck_assert(hz_k256_negate(p[1]));
	ck_assert(!hz_k256_sum(sum, (const uint8_t(*)[64])p, 2)); /* infinity */
	ck_assert(!hz_k256_sum(sum, (const uint8_t(*)[64])p, 0));
	ck_assert(!hz_k256_sum(sum, (const uint8_t(*)[64])p, 257));
}
END_TEST

START_TEST(scalars)
{
	uint8_t a[32], b[32], zero[32] = { 0 }, wide[48];

	scalar(a, 5);
	scalar(b, 7);
	ck_assert(hz_k256_scalar_add(a, b));
	ck_assert_uint_eq(a[31], 12);
	ck_assert(hz_k256_scalar_mul(a, b));
	ck_assert_uint_eq(a[31], 84);
	ck_assert(hz_k256_scalar_add(a, zero));
	ck_assert_uint_eq(a[31], 84);
	ck_assert(hz_k256_scalar_mul(a, zero) && hz_k256_scalar_is_zero(a));
	memcpy(a, hz_k256_order, 32);
	a[31]--; /* -1 */
	scalar(b, 1);
	ck_assert(hz_k256_scalar_add(a, b) && hz_k256_scalar_is_zero(a));
	/* n mod n = 0, n + 3 = 3 */
	ck_assert(hz_k256_scalar_reduce(a, hz_k256_order, 32) && hz_k256_scalar_is_zero(a));
	memcpy(wide, hz_k256_order, 32);
	wide[31] = (uint8_t)(wide[31] + 3);
	ck_assert(hz_k256_scalar_reduce(a, wide, 32));
	scalar(b, 3);
	ck_assert_mem_eq(a, b, 32);
	/* 2^256 mod n; (2^384 - 1) mod n computed apart with big integers */
	memset(wide, 0, sizeof wide);
	wide[0] = 1;
	ck_assert(hz_k256_scalar_reduce(a, wide, 33));
	unhex("000000000000000000000000000000014551231950b75fc4402da1732fc9bebf", b, 32);
	ck_assert_mem_eq(a, b, 32);
	memset(wide, 0xff, sizeof wide);
	ck_assert(hz_k256_scalar_reduce(a, wide, 48));
	unhex("4551231950b75fc4402da1732fc9bec04551231950b75fc4402da1732fc9bebe", b, 32);
	ck_assert_mem_eq(a, b, 32);
	ck_assert(!hz_k256_scalar_reduce(a, wide, 31));
	ck_assert(!hz_k256_scalar_reduce(a, wide, 49));
}
END_TEST

START_TEST(schnorr)
{
	uint8_t sec[32], pub[64], sig[64];

	ck_assert(hz_k256_generate(sec, pub));
	for (size_t n = 0; n < 70; n += 23) {
		uint8_t msg[70] = { 1, 2, 3 };

		ck_assert(hz_k256_schnorr_sign(sec, msg, n, sig));
		ck_assert(hz_k256_schnorr_verify(pub, msg, n, sig));
		sig[40] ^= 1;
		ck_assert(!hz_k256_schnorr_verify(pub, msg, n, sig));
	}
}
END_TEST

/* BIP-340 test vector 0: the key of d = 3. */
START_TEST(schnorr_vector)
{
	uint8_t sec[32], pub[64], sig[64], msg[32] = { 0 };

	scalar(sec, 3);
	ck_assert(hz_k256_pub_from_sec(pub, sec));
	unhex("e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215"
	      "25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0", sig, 64);
	ck_assert(hz_k256_schnorr_verify(pub, msg, 32, sig));
}
END_TEST

/* Address of the private key 1, known everywhere. */
START_TEST(address)
{
	uint8_t sec[32], pub[64], got[20], want[20];

	scalar(sec, 1);
	unhex("7e5f4552091a69125d5dfcb7b8c2659029395bdf", want, 20);
	ck_assert(hz_k256_pub_from_sec(pub, sec) && hz_k256_address(pub, got));
	ck_assert_mem_eq(got, want, 20);
}
END_TEST

START_TEST(after_fork)
{
	uint8_t sec[32], pub[64], digest[32] = { 1 }, mine[64], sig[64];
	int fds[2], status;
	pid_t pid;

	hz_fork_watch();
	ck_assert(hz_k256_generate(sec, pub) && hz_k256_sign(sec, digest, mine));
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		bool ok = hz_k256_sign(sec, digest, sig) && hz_k256_verify(pub, digest, sig, true);

		_exit(ok && write(fds[1], sig, 64) == 64 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_eq(read(fds[0], sig, 64), 64);
	ck_assert_mem_eq(sig, mine, 64);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secp256k1");
	TCase *t = tcase_create("k256");
	SRunner *r;
	int failed;

	tcase_add_test(t, known_signature);
	tcase_add_test(t, points);
	tcase_add_test(t, secrets);
	tcase_add_test(t, high_s);
	tcase_add_test(t, recoverable);
	tcase_add_test(t, multiplication);
	tcase_add_test(t, sums);
	tcase_add_test(t, scalars);
	tcase_add_test(t, schnorr);
	tcase_add_test(t, schnorr_vector);
	tcase_add_test(t, address);
	tcase_add_test(t, after_fork);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
