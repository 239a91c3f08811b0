/* SPDX-License-Identifier: Apache-2.0 */
/* CCM (SP 800-38C, RFC 3610) from AES-CTR and AES-CBC: EVP's own takes a message in one piece only and forgets its key for a new length. */
#include <string.h>

#include "base/secmem.h"
#include "crypto/aead_int.h"
#include "crypto/libctx.h"

#define BLOCK 16u
#define SLICE 4096u /* bytes that go through both passes while they are in the cache */

bool hz_ccm_new(struct hz_aead *a)
{
	EVP_CIPHER *cbc = hz_cipher(a->key_len == 16 ? "AES-128-CBC" : a->key_len == 24 ? "AES-192-CBC" : "AES-256-CBC");

	a->ccm = hz_secmem_alloc(sizeof *a->ccm);
	a->cbc = EVP_CIPHER_CTX_new();
	return a->ccm != NULL && a->cbc != NULL && cbc != NULL && EVP_EncryptInit_ex2(a->cbc, cbc, a->key, NULL, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(a->cbc, 0) == 1;
}

/* Whole blocks into the MAC; at most SLICE bytes. What CBC gives is ciphertext of the last block in the end and thrown away before. */
static bool mac_blocks(struct hz_aead *a, const uint8_t *p, size_t n)
{
	uint8_t out[SLICE];

	if (!hz_evp_run(a->cbc, p, n, out))
		return false;
	memcpy(a->ccm->mac, out + n - BLOCK, BLOCK);
	return true;
}

static bool mac_add(struct hz_aead *a, const uint8_t *p, size_t n)
{
	struct hz_ccm *c = a->ccm;

	if (c->n > 0 || n < BLOCK) {
		size_t take = n < BLOCK - c->n ? n : BLOCK - c->n;

		if (take > 0)
			memcpy(c->part + c->n, p, take);
		c->n += take;
		if (c->n < BLOCK)
			return true;
		c->n = 0;
		if (!mac_blocks(a, c->part, BLOCK))
			return false;
		p += take;
		n -= take;
	}
	while (n >= BLOCK) {
		size_t part = n < SLICE ? n - n % BLOCK : SLICE;

		if (!mac_blocks(a, p, part))
			return false;
		p += part;
		n -= part;
	}
	if (n > 0)
		memcpy(c->part, p, n);
	c->n = n;
	return true;
}

/* Fill the unfinished block with zeros, as both the additional data and the message end. */
static bool mac_pad(struct hz_aead *a)
{
	static const uint8_t zero[BLOCK];

	return a->ccm->n == 0 || mac_add(a, zero, BLOCK - a->ccm->n);
}

static void put_be(uint8_t *p, size_t width, uint64_t v)
{
	for (size_t i = 0; i < width; i++)
		p[width - 1 - i] = (uint8_t)(i < 8 ? v >> (8 * i) : 0);
}

/* RFC 3610 section 2.2: the length of the additional data, then the data, then zeros. */
static bool mac_aad(struct hz_aead *a, const uint8_t *aad, size_t n)
{
	uint8_t head[10];
	size_t len = 2;

	if (n == 0)
		return true;
	if (n < 0xff00) {
		put_be(head, 2, n);
	} else if (n <= 0xffffffff) {
		put_be(head, 2, 0xfffe);
		put_be(head + 2, 4, n);
		len = 6;
	} else {
		put_be(head, 2, 0xffff);
		put_be(head + 2, 8, n);
		len = 10;
	}
	return mac_add(a, head, len) && mac_add(a, aad, n) && mac_pad(a);
}

static bool lengths_ok(const struct hz_aead_start *s)
{
	if (s->iv_len < 7 || s->iv_len > 13 || s->tag_len < 4 || s->tag_len > 16 || s->tag_len % 2 != 0)
		return false;
	return s->iv_len == 7 || s->data_len >> (8 * (15 - s->iv_len)) == 0;
}

bool hz_ccm_start(struct hz_aead *a, const struct hz_aead_start *s)
{
	static const uint8_t zero[BLOCK];
	uint8_t b0[BLOCK], a0[BLOCK] = { 0 };
	size_t l;

	if (!lengths_ok(s))
		return false;
	l = 15 - s->iv_len; /* bytes of the length field */
	a->tag_len = s->tag_len;
	a->left = s->data_len;
	a->ccm->n = 0;

	b0[0] = (uint8_t)((s->aad_len != 0 ? 0x40 : 0) | (s->tag_len - 2) / 2 << 3 | (l - 1));
	memcpy(b0 + 1, s->iv, s->iv_len);
	put_be(b0 + 1 + s->iv_len, l, s->data_len);
	a0[0] = (uint8_t)(l - 1);
	memcpy(a0 + 1, s->iv, s->iv_len);

	return EVP_CipherInit_ex2(a->cbc, NULL, NULL, zero, -1, NULL) == 1 && mac_add(a, b0, BLOCK) &&
	       mac_aad(a, s->aad, s->aad_len) && EVP_CipherInit_ex2(a->ctx, NULL, NULL, a0, -1, NULL) == 1 &&
	       hz_evp_run(a->ctx, zero, BLOCK, a->ccm->s0);
}

bool hz_ccm_update(struct hz_aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
	if (n > a->left)
		return false;
	a->left -= n;
	while (n > 0) {
		size_t part = n < SLICE ? n : SLICE;
		bool ok;

		if (a->enc)
			ok = mac_add(a, in, part) && hz_evp_run(a->ctx, in, part, out);
		else
			ok = hz_evp_run(a->ctx, in, part, out) && mac_add(a, out, part);
		if (!ok)
			return false;
		in += part;
		out += part;
		n -= part;
	}
	return true;
}

bool hz_ccm_tag(struct hz_aead *a, uint8_t tag[16])
{
	if (a->left != 0 || !mac_pad(a))
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		tag[i] = a->ccm->mac[i] ^ a->ccm->s0[i];
	return true;
}
