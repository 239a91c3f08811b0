/* SPDX-License-Identifier: Apache-2.0 */
/* TPM commands that attestation needs: a key for it, quotes, and what a platform left in an NV index. */
#include <string.h>

#include "base/error.h"
#include "crypto/hash.h"
#include "store/tpm2_int.h"

enum { CC_NV_READ = 0x14e, CC_QUOTE = 0x158, CC_NV_READ_PUBLIC = 0x169 };
enum { ALG_ECDSA = 0x18 };

#define NV_PIECE 512u /* every TPM gives so much at a time */
#define TRIES 5

/* TPMT_PUBLIC of the key up to the point. */
static const uint8_t ak_template[] = {
	0, ALG_ECC, 0, ALG_SHA256,
	0, 5, 4, 0x72, /* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign */
	0, 0,          /* no policy */
	0, ALG_NULL, 0, ALG_ECDSA, 0, ALG_SHA256, 0, ECC_P256, 0, ALG_NULL,
};

/* SubjectPublicKeyInfo of a P-256 key up to x. */
static const uint8_t spki_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
				     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

/* A coordinate comes without leading zeros. */
static bool add_coordinate(struct hz_blob c, struct hz_buf *b)
{
	static const uint8_t zeros[32] = { 0 };

	if (c.p == NULL || c.n > sizeof zeros)
		return false;
	hz_buf_add(b, zeros, sizeof zeros - c.n);
	hz_buf_add(b, c.p, c.n);
	return true;
}

static bool take_ak(struct hz_reader *r, struct hz_buf *spki)
{
	struct hz_blob pub = hz_tpm_2b(r), x, y;
	struct hz_reader p = hz_rd(pub.p, pub.n);
	const uint8_t *head = hz_rd_bytes(&p, sizeof ak_template);

	x = hz_tpm_2b(&p);
	y = hz_tpm_2b(&p);
	if (head == NULL || memcmp(head, ak_template, sizeof ak_template) != 0 || !hz_rd_end(&p))
		return false;
	hz_buf_add(spki, spki_head, sizeof spki_head);
	return add_coordinate(x, spki) && add_coordinate(y, spki);
}

CK_RV hz_tpm_ak(struct hz_tpm *t, uint32_t *handle, struct hz_buf *spki)
{
	struct hz_reader r;
	CK_RV rv = hz_tpm_create_primary(t, RH_ENDORSEMENT, (struct hz_blob){ ak_template, sizeof ak_template }, handle, &r);

	if (rv == CKR_OK && !take_ak(&r, spki))
		rv = hz_tpm_nonsense("TPM2_CreatePrimary");
	return rv == CKR_OK && spki->failed ? hz_tpm_no_memory() : rv;
}

void hz_tpm_forget(struct hz_tpm *t, uint32_t *handle)
{
	hz_tpm_flush(t, handle);
}

static CK_RV quote_once(struct hz_tpm *t, uint32_t handle, const struct hz_pcrs *sel, struct hz_blob nonce, struct hz_buf *quote,
			struct hz_buf *signature)
{
	struct hz_tpm_call c = { .what = "TPM2_Quote", .cc = CC_QUOTE, .n_handles = 1, .handle = { handle }, .password = true };
	struct hz_buf p = HZ_BUF_INIT;
	struct hz_reader r;
	struct hz_blob attest;
	CK_RV rv;

	hz_buf_be16(&p, (uint16_t)nonce.n);
	hz_buf_add(&p, nonce.p, nonce.n);
	hz_buf_be16(&p, ALG_NULL); /* the key's own scheme */
	hz_tpm_add_pcrs(sel, &p);
	c.params = &p;
	rv = hz_tpm_run(t, &c, &r);
	hz_buf_free(&p);
	if (rv != CKR_OK)
		return rv;
	attest = hz_tpm_2b(&r);
	if (!hz_rd_ok(&r) || attest.n < 32 || hz_rd_left(&r) == 0)
		return hz_tpm_nonsense(c.what);
	hz_buf_clear(quote);
	hz_buf_clear(signature);
	hz_buf_add(quote, attest.p, attest.n);
	hz_buf_add(signature, hz_rd_peek(&r, hz_rd_left(&r)), hz_rd_left(&r));
	return quote->failed || signature->failed ? hz_tpm_no_memory() : CKR_OK;
}

/* A TPMS_ATTEST of a quote ends in the digest of the registers. */
static bool of_these(const struct hz_buf *quote, const struct hz_buf *values)
{
	uint8_t digest[32];

	hz_hash_once(HZ_SHA256, values->p, values->len, digest);
	return memcmp(quote->p + quote->len - sizeof digest, digest, sizeof digest) == 0;
}

CK_RV hz_tpm_quote(struct hz_tpm *t, uint32_t handle, const struct hz_pcrs *sel, struct hz_blob nonce, struct hz_buf *quote,
		   struct hz_buf *signature, struct hz_buf *values)
{
	for (int i = 0; i < TRIES; i++) {
		CK_RV rv;

		hz_buf_clear(values);
		rv = hz_tpm_pcr_read(t, sel, values);
		if (rv == CKR_OK)
			rv = quote_once(t, handle, sel, nonce, quote, signature);
		if (rv != CKR_OK || of_these(quote, values))
			return rv;
	}
	return hz_fail(CKR_DEVICE_ERROR, "the TPM's registers change faster than they can be read");
}

static CK_RV nv_size(struct hz_tpm *t, uint32_t index, size_t *size)
{
	struct hz_tpm_call c = { .what = "TPM2_NV_ReadPublic", .cc = CC_NV_READ_PUBLIC, .n_handles = 1, .handle = { index } };
	struct hz_buf none = HZ_BUF_INIT;
	struct hz_reader r, p;
	struct hz_blob pub;
	CK_RV rv;

	c.params = &none;
	rv = hz_tpm_run(t, &c, &r);
	if (rv != CKR_OK)
		return rv;
	pub = hz_tpm_2b(&r);
	p = hz_rd(pub.p, pub.n);
	hz_rd_skip(&p, 4 + 2 + 4); /* index, name algorithm, attributes */
	(void)hz_tpm_2b(&p);       /* policy */
	*size = hz_rd_u16be(&p);
	return hz_rd_end(&p) ? CKR_OK : hz_tpm_nonsense(c.what);
}

static CK_RV nv_piece(struct hz_tpm *t, uint32_t index, size_t offset, size_t n, struct hz_buf *out)
{
	struct hz_tpm_call c = { .what = "TPM2_NV_Read", .cc = CC_NV_READ, .n_handles = 2, .handle = { RH_OWNER, index }, .password = true };
	struct hz_buf p = HZ_BUF_INIT;
	struct hz_reader r;
	struct hz_blob piece;
	CK_RV rv;

	hz_buf_be16(&p, (uint16_t)n);
	hz_buf_be16(&p, (uint16_t)offset);
	c.params = &p;
	rv = hz_tpm_run(t, &c, &r);
	hz_buf_free(&p);
	if (rv != CKR_OK)
		return rv;
	piece = hz_tpm_2b(&r);
	if (!hz_rd_end(&r) || piece.n != n)
		return hz_tpm_nonsense(c.what);
	hz_buf_add(out, piece.p, piece.n);
	return out->failed ? hz_tpm_no_memory() : CKR_OK;
}

CK_RV hz_tpm_nv_read(struct hz_tpm *t, uint32_t index, struct hz_buf *out)
{
	size_t size = 0;
	CK_RV rv = nv_size(t, index, &size);

	if (rv == CKR_DEVICE_ERROR && hz_tpm_rc(t) == HZ_TPM_RC_HANDLE)
		return CKR_OK;
	for (size_t at = 0; rv == CKR_OK && at < size; at += NV_PIECE)
		rv = nv_piece(t, index, at, size - at < NV_PIECE ? size - at : NV_PIECE, out);
	return rv;
}
