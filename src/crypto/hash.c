/* SPDX-License-Identifier: Apache-2.0 */
/* One face for libcrypto's SHA-1 and SHA-2 and for our sponge. */
/* The low-level functions are deprecated in favour of EVP, which cannot do what hash.h says; they are stable and touch no context. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <string.h>

#include "base/secmem.h"

/* FIPS 180-4 sections 5.3.6.1 and 5.3.6.2: initial values of SHA-512/224 and SHA-512/256, which libcrypto offers through EVP only. */
static const SHA_LONG64 iv_512_224[8] = {
	0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
	0x0f6d2b697bd44da8, 0x77e36f7304c48942, 0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1,
};
static const SHA_LONG64 iv_512_256[8] = {
	0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
	0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
};

enum family { F_SHA1, F_SHA256, F_SHA512, F_SPONGE };

static const struct {
	uint8_t family, len, block;
} props[HZ_HASH_IDS] = {
	[HZ_SHA1] = { F_SHA1, 20, 64 },
	[HZ_SHA224] = { F_SHA256, 28, 64 },
	[HZ_SHA256] = { F_SHA256, 32, 64 },
	[HZ_SHA384] = { F_SHA512, 48, 128 },
	[HZ_SHA512] = { F_SHA512, 64, 128 },
	[HZ_SHA512_224] = { F_SHA512, 28, 128 },
	[HZ_SHA512_256] = { F_SHA512, 32, 128 },
	[HZ_SHA3_224] = { F_SPONGE, 28, 144 },
	[HZ_SHA3_256] = { F_SPONGE, 32, 136 },
	[HZ_SHA3_384] = { F_SPONGE, 48, 104 },
	[HZ_SHA3_512] = { F_SPONGE, 64, 72 },
	[HZ_KECCAK256] = { F_SPONGE, 32, 136 },
};

size_t hz_hash_len(enum hz_hash_id id)
{
	return props[id].len;
}

size_t hz_hash_block(enum hz_hash_id id)
{
	return props[id].block;
}

static void init_512_t(SHA512_CTX *c, const SHA_LONG64 iv[8])
{
	SHA512_Init(c);
	memcpy(c->h, iv, sizeof c->h);
}

void
hz_hash_init(struct hz_hash *h, enum hz_hash_id id)
{
	h->id = id;
	switch (id) {
	case HZ_SHA1: SHA1_Init(&h->u.sha1); break;
	case HZ_SHA224: SHA224_Init(&h->u.sha256); break;
	case HZ_SHA256: SHA256_Init(&h->u.sha256); break;
	case HZ_SHA384: SHA384_Init(&h->u.sha512); break;
	case HZ_SHA512: SHA512_Init(&h->u.sha512); break;
	case HZ_SHA512_224: init_512_t(&h->u.sha512, iv_512_224); break;
	case HZ_SHA512_256: init_512_t(&h->u.sha512, iv_512_256); break;
	case HZ_KECCAK256: hz_sponge_init(&h->u.sponge, 32, HZ_SUFFIX_KECCAK); break;
	default: hz_sponge_init(&h->u.sponge, props[id].len, HZ_SUFFIX_SHA3); break;
	}
}

void
hz_hash_update(struct hz_hash *h, const void *data, size_t len)
{
	if (len == 0)
		return;
	switch (props[h->id].family) {
	case F_SHA1: SHA1_Update(&h->u.sha1, data, len); break;
	case F_SHA256: SHA256_Update(&h->u.sha256, data, len); break;
	case F_SHA512: SHA512_Update(&h->u.sha512, data, len); break;
	default: hz_sponge_update(&h->u.sponge, data, len); break;
	}
}

void
hz_hash_final(struct hz_hash *h, uint8_t *out)
{
	uint8_t full[SHA512_DIGEST_LENGTH];

	switch (props[h->id].family) {
	case F_SHA1: SHA1_Final(out, &h->u.sha1); return;
	case F_SHA256: SHA256_Final(out, &h->u.sha256); return;
	case F_SPONGE: hz_sponge_final(&h->u.sponge, out, props[h->id].len); return;
	default: break;
	}
	if (h->id == HZ_SHA384 || h->id == HZ_SHA512) {
		SHA512_Final(out, &h->u.sha512);
		return;
	}
	SHA512_Final(full, &h->u.sha512); /* md_len is SHA-512's: truncation is ours */
	memcpy(out, full, props[h->id].len);
	hz_wipe(full, sizeof full);
}

void
hz_hash_once(enum hz_hash_id id, const void *data, size_t len, uint8_t *out)
{
	struct hz_hash h;

	hz_hash_init(&h, id);
	hz_hash_update(&h, data, len);
	hz_hash_final(&h, out);
	hz_wipe(&h, sizeof h);
}
