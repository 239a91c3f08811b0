/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC, HKDF and PBKDF2. */
#include "crypto/hmac.h"

#include <string.h>

#include "base/secmem.h"

/* A state that has absorbed the padded key XORed with `mask`. */
static void absorb_key(struct hz_hash *h, enum hz_hash_id id, const uint8_t *key, uint8_t mask)
{
	uint8_t pad[HZ_HASH_BLOCK_MAX];
	size_t block = hz_hash_block(id);

	for (size_t i = 0; i < block; i++)
		pad[i] = key[i] ^ mask;
	hz_hash_init(h, id);
	hz_hash_update(h, pad, block);
	hz_wipe(pad, sizeof pad);
}

void
hz_hmac_init(struct hz_hmac *m, enum hz_hash_id id, const void *key, size_t key_len)
{
	uint8_t block[HZ_HASH_BLOCK_MAX] = { 0 };

	if (key_len > hz_hash_block(id))
		hz_hash_once(id, key, key_len, block);
	else if (key_len > 0)
		memcpy(block, key, key_len);
	absorb_key(&m->inner, id, block, 0x36);
	absorb_key(&m->outer, id, block, 0x5c);
	m->run = m->inner;
	hz_wipe(block, sizeof block);
}

void
hz_hmac_restart(struct hz_hmac *m)
{
	m->run = m->inner;
}

void
hz_hmac_update(struct hz_hmac *m, const void *data, size_t len)
{
	hz_hash_update(&m->run, data, len);
}

void
hz_hmac_final(struct hz_hmac *m, uint8_t *out)
{
	uint8_t digest[HZ_HASH_MAX];

	hz_hash_final(&m->run, digest);
	m->run = m->outer;
	hz_hash_update(&m->run, digest, hz_hash_len(m->run.id));
	hz_hash_final(&m->run, out);
	hz_wipe(digest, sizeof digest);
}

void
hz_hkdf_extract(enum hz_hash_id id, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len, uint8_t *prk)
{
	struct hz_hmac m;

	hz_hmac_init(&m, id, salt, salt_len); /* HMAC pads an empty key with zeros: the same as a salt of zeros */
	hz_hmac_update(&m, ikm, ikm_len);
	hz_hmac_final(&m, prk);
	hz_wipe(&m, sizeof m);
}

bool
hz_hkdf_expand(enum hz_hash_id id, const void *prk, size_t prk_len, const void *info, size_t info_len, uint8_t *out, size_t len)
{
	struct hz_hmac m;
	uint8_t t[HZ_HASH_MAX];
	size_t n = hz_hash_len(id);

	if (len > 255 * n)
		return false;
	hz_hmac_init(&m, id, prk, prk_len);
	for (uint8_t i = 1; len > 0; i++) {
		size_t part = len < n ? len : n;

		hz_hmac_restart(&m);
		hz_hmac_update(&m, t, i > 1 ? n : 0);
		hz_hmac_update(&m, info, info_len);
		hz_hmac_update(&m, &i, 1);
		hz_hmac_final(&m, t);
		memcpy(out, t, part);
		out += part;
		len -= part;
	}
	hz_wipe(t, sizeof t);
	hz_wipe(&m, sizeof m);
	return true;
}

bool
hz_hkdf(enum hz_hash_id id, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len, const void *info, size_t info_len,
	uint8_t *out, size_t len)
{
	uint8_t prk[HZ_HASH_MAX];
	bool ok;

	hz_hkdf_extract(id, salt, salt_len, ikm, ikm_len, prk);
	ok = hz_hkdf_expand(id, prk, hz_hash_len(id), info, info_len, out, len);
	hz_wipe(prk, sizeof prk);
	return ok;
}

/* F of RFC 8018: the XOR of `iterations` chained HMACs, for block number i. */
static void pbkdf2_block(struct hz_hmac *m, const void *salt, size_t salt_len, uint64_t iterations, uint32_t i, uint8_t *t)
{
	const uint8_t be[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
	size_t n = hz_hash_len(m->inner.id);
	uint8_t u[HZ_HASH_MAX];

	hz_hmac_restart(m);
	hz_hmac_update(m, salt, salt_len);
	hz_hmac_update(m, be, sizeof be);
	hz_hmac_final(m, u);
	memcpy(t, u, n);
	for (uint64_t k = 1; k < iterations; k++) {
		hz_hmac_restart(m);
		hz_hmac_update(m, u, n);
		hz_hmac_final(m, u);
		for (size_t j = 0; j < n; j++)
			t[j] ^= u[j];
	}
	hz_wipe(u, sizeof u);
}

void hz_hmac_derived(enum hz_hash_id id, const void *key, size_t key_len, const void *info, size_t info_len, const void *data, size_t len,
		     uint8_t *out)
{
	uint8_t derived[HZ_HASH_MAX];
	struct hz_hmac m;

	(void)hz_hkdf(id, NULL, 0, key, key_len, info, info_len, derived, hz_hash_len(id)); /* one block: never too long */
	hz_hmac_init(&m, id, derived, hz_hash_len(id));
	hz_hmac_update(&m, data, len);
	hz_hmac_final(&m, out);
	hz_wipe(derived, sizeof derived);
	hz_wipe(&m, sizeof m);
}

void hz_pbkdf2(enum hz_hash_id id, const void *password, size_t password_len, const void *salt, size_t salt_len, uint64_t iterations,
	       uint8_t *out, size_t len)
{
	struct hz_hmac m;
	uint8_t t[HZ_HASH_MAX];

	hz_hmac_init(&m, id, password, password_len);
	for (uint32_t i = 1; len > 0; i++) {
		size_t part = len < hz_hash_len(id) ? len : hz_hash_len(id);

		pbkdf2_block(&m, salt, salt_len, iterations, i, t);
		memcpy(out, t, part);
		out += part;
		len -= part;
	}
	hz_wipe(t, sizeof t);
	hz_wipe(&m, sizeof m);
}
