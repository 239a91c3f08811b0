/* SPDX-License-Identifier: Apache-2.0 */
/* secp256k1 over libsecp256k1: the context's life and thin, total wrappers. */
#include "crypto/k256.h"

#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_recovery.h>
#include <secp256k1_schnorrsig.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/fork.h"
#include "base/log.h"
#include "base/secmem.h"
#include "crypto/keccak.h"
#include "crypto/libctx.h"

_Static_assert(sizeof(secp256k1_pubkey) == HZ_K256_PUB, "a parsed key is 64 opaque bytes");

const uint8_t hz_k256_order[32] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
	0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
};

/* One per process, replaced in a forked child so that parent and child do not share their blinding. */
struct k256_ctx {
	secp256k1_context *lib;
	unsigned gen;
	struct k256_ctx *parents; /* kept reachable, never used again */
};
static _Atomic(struct k256_ctx *) current;

/* The library's own handler would abort the host. */
static void complain(const char *text, void *data)
{
	(void)data;
	hz_log(HZ_LOG_ERROR, "libsecp256k1: %s", text);
}

static void ctx_free(struct k256_ctx *c)
{
	if (c != NULL && c->lib != NULL)
		secp256k1_context_destroy(c->lib);
	free(c);
}

static struct k256_ctx *ctx_new(void)
{
	struct k256_ctx *c = calloc(1, sizeof *c);
	uint8_t seed[32];

	if (c == NULL)
		return NULL;
	c->gen = hz_fork_gen();
	c->lib = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	if (c->lib == NULL)
		goto fail;
	secp256k1_context_set_illegal_callback(c->lib, complain, NULL);
	secp256k1_context_set_error_callback(c->lib, complain, NULL);
	if (!hz_random(seed, sizeof seed) || !secp256k1_context_randomize(c->lib, seed))
		goto fail;
	hz_wipe(seed, sizeof seed);
	return c;
fail:
	hz_wipe(seed, sizeof seed);
	ctx_free(c);
	return NULL;
}

/*
 * The context of this process. No lock: threads that meet here at once each make one and the first wins; a lock that another
 * thread held while the process forked would never be released in the child.
 */
static const secp256k1_context *ctx_get(void)
{
	struct k256_ctx *old = atomic_load_explicit(&current, memory_order_acquire), *mine;

	if (old != NULL && old->gen == hz_fork_gen())
		return old->lib;
	mine = ctx_new();
	if (mine == NULL) {
		hz_log(HZ_LOG_ERROR, "libsecp256k1: no context");
		return NULL;
	}
	/* A parent's context is left alone: this thread may be a copy of one that was using it. */
	mine->parents = old;
	if (atomic_compare_exchange_strong(&current, &old, mine))
		return mine->lib;
	ctx_free(mine);
	return old->lib;
}

static secp256k1_pubkey *pub_of(uint8_t pub[64])
{
	return (secp256k1_pubkey *)(void *)pub;
}

static const secp256k1_pubkey *cpub_of(const uint8_t pub[64])
{
	return (const secp256k1_pubkey *)(const void *)pub;
}

bool hz_k256_pub_parse(uint8_t pub[64], const uint8_t *in, size_t len)
{
	const secp256k1_context *c = ctx_get();
	bool shape = (len == 33 && (in[0] == 2 || in[0] == 3)) || (len == 65 && in[0] == 4);

	return c != NULL && shape && secp256k1_ec_pubkey_parse(c, pub_of(pub), in, len);
}

bool hz_k256_pub_write(const uint8_t pub[64], bool compressed, uint8_t *out)
{
	const secp256k1_context *c = ctx_get();
	size_t n = compressed ? 33 : 65;

	return c != NULL && secp256k1_ec_pubkey_serialize(c, out, &n, cpub_of(pub),
							   compressed ? SECP256K1_EC_COMPRESSED : SECP256K1_EC_UNCOMPRESSED);
}

bool hz_k256_pub_equal(const uint8_t a[64], const uint8_t b[64])
{
	const secp256k1_context *c = ctx_get();

	return c != NULL && secp256k1_ec_pubkey_cmp(c, cpub_of(a), cpub_of(b)) == 0;
}

bool hz_k256_pub_from_sec(uint8_t pub[64], const uint8_t sec[32])
{
	const secp256k1_context *c = ctx_get();

	return c != NULL && secp256k1_ec_pubkey_create(c, pub_of(pub), sec);
}

bool hz_k256_sec_ok(const uint8_t sec[32])
{
	const secp256k1_context *c = ctx_get();

	return c != NULL && secp256k1_ec_seckey_verify(c, sec);
}

bool hz_k256_generate(uint8_t sec[32], uint8_t pub[64])
{
	/* A candidate outside the range turns up once in 2^128; a broken generator must not loop for ever. */
	for (int tries = 0; tries < 8; tries++) {
		if (!hz_random(sec, 32))
			break;
		if (hz_k256_pub_from_sec(pub, sec))
			return true;
	}
	hz_wipe(sec, 32);
	return false;
}

bool hz_k256_sign(const uint8_t sec[32], const uint8_t digest[32], uint8_t sig[64])
{
	const secp256k1_context *c = ctx_get();
	secp256k1_ecdsa_signature s;

	return c != NULL && secp256k1_ecdsa_sign(c, &s, digest, sec, NULL, NULL) &&
	       secp256k1_ecdsa_signature_serialize_compact(c, sig, &s);
}

bool hz_k256_verify(const uint8_t pub[64], const uint8_t digest[32], const uint8_t sig[64], bool low_s_only)
{
	const secp256k1_context *c = ctx_get();
	secp256k1_ecdsa_signature s;

	if (c == NULL || !secp256k1_ecdsa_signature_parse_compact(c, &s, sig))
		return false;
	/* The library verifies low s only; normalize tells whether it had to change anything. */
	if (secp256k1_ecdsa_signature_normalize(c, &s, &s) && low_s_only)
		return false;
	return secp256k1_ecdsa_verify(c, &s, digest, cpub_of(pub));
}

bool hz_k256_sign_recoverable(const uint8_t sec[32], const uint8_t digest[32], uint8_t sig[65])
{
	const secp256k1_context *c = ctx_get();
	secp256k1_ecdsa_recoverable_signature s;
	uint8_t extra[32] = { 0 };
	int id = 0;

	if (c == NULL)
		return false;
	/* An r above n (id 2 or 3, once in 2^127) has no v of its own: take the next nonce of RFC 6979 section 3.6. */
	do {
		if (!secp256k1_ecdsa_sign_recoverable(c, &s, digest, sec, NULL, extra[31] != 0 ? extra : NULL))
			return false;
		if (!secp256k1_ecdsa_recoverable_signature_serialize_compact(c, sig, &id, &s))
			return false;
	} while (id > 1 && ++extra[31] != 0);
	sig[64] = (uint8_t)(27 + id);
	return id <= 1;
}

static bool s_is_low(const secp256k1_context *c, const uint8_t sig[64])
{
	secp256k1_ecdsa_signature s;

	return secp256k1_ecdsa_signature_parse_compact(c, &s, sig) && !secp256k1_ecdsa_signature_normalize(c, NULL, &s);
}

bool hz_k256_recover(uint8_t pub[64], const uint8_t digest[32], const uint8_t sig[65])
{
	const secp256k1_context *c = ctx_get();
	secp256k1_ecdsa_recoverable_signature s;

	if (c == NULL || (sig[64] != 27 && sig[64] != 28) || !s_is_low(c, sig))
		return false;
	return secp256k1_ecdsa_recoverable_signature_parse_compact(c, &s, sig, sig[64] - 27) &&
	       secp256k1_ecdsa_recover(c, pub_of(pub), &s, digest);
}

bool hz_k256_schnorr_sign(const uint8_t sec[32], const uint8_t *msg, size_t len, uint8_t sig[64])
{
	const secp256k1_context *c = ctx_get();
	secp256k1_schnorrsig_extraparams extra = SECP256K1_SCHNORRSIG_EXTRAPARAMS_INIT;
	secp256k1_keypair pair;
	uint8_t aux[32];
	bool ok = c != NULL && secp256k1_keypair_create(c, &pair, sec) && hz_random(aux, sizeof aux);

	extra.ndata = aux;
	ok = ok && secp256k1_schnorrsig_sign_custom(c, sig, msg, len, &pair, &extra);
	hz_wipe(&pair, sizeof pair);
	hz_wipe(aux, sizeof aux);
	return ok;
}

bool hz_k256_schnorr_verify(const uint8_t pub[64], const uint8_t *msg, size_t len, const uint8_t sig[64])
{
	const secp256k1_context *c = ctx_get();
	secp256k1_xonly_pubkey x;

	return c != NULL && secp256k1_xonly_pubkey_from_pubkey(c, &x, NULL, cpub_of(pub)) &&
	       secp256k1_schnorrsig_verify(c, sig, msg, len, &x);
}

static int take_x(unsigned char *out, const unsigned char *x32, const unsigned char *y32, void *data)
{
	(void)y32;
	(void)data;
	memcpy(out, x32, 32);
	return 1;
}

bool hz_k256_ecdh_x(uint8_t x[32], const uint8_t pub[64], const uint8_t sec[32])
{
	const secp256k1_context *c = ctx_get();

	return c != NULL && secp256k1_ecdh(c, x, cpub_of(pub), sec, take_x, NULL);
}

static int take_point(unsigned char *out, const unsigned char *x32, const unsigned char *y32, void *data)
{
	(void)data;
	out[0] = 4;
	memcpy(out + 1, x32, 32);
	memcpy(out + 33, y32, 32);
	return 1;
}

/* The library's own multiplication of a point is variable-time; its ECDH is not and shows the whole point to the hash function. */
bool hz_k256_mul(uint8_t out[64], const uint8_t pub[64], const uint8_t sec[32])
{
	const secp256k1_context *c = ctx_get();
	uint8_t point[65];
	bool ok = c != NULL && secp256k1_ecdh(c, point, cpub_of(pub), sec, take_point, NULL) &&
		  secp256k1_ec_pubkey_parse(c, pub_of(out), point, sizeof point);

	hz_wipe(point, sizeof point);
	return ok;
}

bool hz_k256_mul_public(uint8_t out[64], const uint8_t pub[64], const uint8_t scalar[32])
{
	const secp256k1_context *c = ctx_get();

	if (out != pub)
		memcpy(out, pub, 64);
	return c != NULL && secp256k1_ec_pubkey_tweak_mul(c, pub_of(out), scalar);
}

bool hz_k256_sum(uint8_t out[64], const uint8_t (*pubs)[64], size_t n)
{
	const secp256k1_context *c = ctx_get();
	const secp256k1_pubkey *v[256];
	secp256k1_pubkey sum;

	if (c == NULL || n == 0 || n > sizeof v / sizeof v[0])
		return false;
	for (size_t i = 0; i < n; i++)
		v[i] = cpub_of(pubs[i]);
	if (!secp256k1_ec_pubkey_combine(c, &sum, v, n))
		return false;
	memcpy(out, &sum, 64);
	return true;
}

bool hz_k256_negate(uint8_t pub[64])
{
	const secp256k1_context *c = ctx_get();

	return c != NULL && secp256k1_ec_pubkey_negate(c, pub_of(pub));
}

bool hz_k256_scalar_is_zero(const uint8_t a[32])
{
	uint8_t any = 0;

	for (size_t i = 0; i < 32; i++)
		any |= a[i];
	return any == 0;
}

/* a -= n when a >= n, without a branch on a. */
static void reduce_once(uint8_t a[32])
{
	uint8_t diff[32];
	unsigned borrow = 0;

	for (size_t i = 32; i-- > 0;) {
		unsigned d = (unsigned)a[i] - hz_k256_order[i] - borrow;

		diff[i] = (uint8_t)d;
		borrow = d >> 8 & 1;
	}
	for (size_t i = 0; i < 32; i++)
		a[i] = (uint8_t)((a[i] & (0u - borrow)) | (diff[i] & (borrow - 1u)));
	hz_wipe(diff, sizeof diff);
}

bool hz_k256_scalar_add(uint8_t a[32], const uint8_t b[32])
{
	const secp256k1_context *c = ctx_get();
	uint8_t neg[32];
	bool zero;

	if (c == NULL)
		return false;
	if (hz_k256_scalar_is_zero(b))
		return true;
	if (hz_k256_scalar_is_zero(a)) {
		memcpy(a, b, 32);
		return true;
	}
	/* a + b == 0 is the one sum that the library refuses. */
	memcpy(neg, b, 32);
	zero = secp256k1_ec_seckey_negate(c, neg) && hz_ct_equal(neg, a, 32);
	hz_wipe(neg, sizeof neg);
	if (zero) {
		memset(a, 0, 32);
		return true;
	}
	return secp256k1_ec_seckey_tweak_add(c, a, b);
}

bool hz_k256_scalar_negate(uint8_t a[32])
{
	const secp256k1_context *c = ctx_get();

	return c != NULL && (hz_k256_scalar_is_zero(a) || secp256k1_ec_seckey_negate(c, a));
}

bool hz_k256_scalar_mul(uint8_t a[32], const uint8_t b[32])
{
	const secp256k1_context *c = ctx_get();

	if (c == NULL)
		return false;
	if (hz_k256_scalar_is_zero(a) || hz_k256_scalar_is_zero(b)) {
		memset(a, 0, 32);
		return true;
	}
	return secp256k1_ec_seckey_tweak_mul(c, a, b);
}

bool hz_k256_scalar_reduce(uint8_t out[32], const uint8_t *in, size_t len)
{
	/* 2^256 mod n */
	static const uint8_t fold[32] = {
		[15] = 0x01, 0x45, 0x51, 0x23, 0x19, 0x50, 0xb7, 0x5f, 0xc4,
		0x40, 0x2d, 0xa1, 0x73, 0x2f, 0xc9, 0xbe, 0xbf,
	};
	uint8_t high[32] = { 0 };
	bool ok;

	if (len < 32 || len > 48)
		return false;
	memcpy(high + 32 - (len - 32), in, len - 32);
	memcpy(out, in + len - 32, 32);
	reduce_once(out);
	ok = hz_k256_scalar_mul(high, fold) && hz_k256_scalar_add(out, high);
	hz_wipe(high, sizeof high);
	return ok;
}

bool hz_k256_address(const uint8_t pub[64], uint8_t address[20])
{
	uint8_t point[65], hash[32];

	if (!hz_k256_pub_write(pub, false, point))
		return false;
	hz_keccak256(point + 1, 64, hash);
	memcpy(address, hash + 12, 20);
	return true;
}
