/* SPDX-License-Identifier: Apache-2.0 */
/* The seal "tpm2": a random secret that a TPM 2.0 hands out only while the selected PCRs are as they were. */
#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/libctx.h"
#include "store/seal.h"
#include "store/tpm2.h"

/*
 * Stored form: 0x01 || name of the storage key[34] || banks u8 || banks x (algorithm u16be || mask u32be) || values || u16be n ||
 * private[n] || u16be m || public[m]. The values of the registers (in the order of the selection) are there to say which one
 * changed; what decides is the policy inside `public`, in the TPM.
 */
enum { TPM2_V1 = 1 };

struct stored {
	uint8_t name[HZ_TPM_NAME];
	struct hz_pcrs sel;
	struct hz_blob values, priv, pub; /* borrowed */
};

static size_t values_len(const struct hz_pcrs *sel)
{
	size_t n = 0;

	for (size_t i = 0; i < sel->n; i++)
		n += hz_pcr_len(sel->bank[i].alg) * (size_t)__builtin_popcount(sel->bank[i].mask);
	return n;
}

static bool read_selection(struct hz_reader *r, struct hz_pcrs *sel)
{
	sel->n = hz_rd_u8(r);
	if (!hz_rd_ok(r) || sel->n == 0 || sel->n > HZ_PCR_BANKS)
		return false;
	for (size_t i = 0; i < sel->n; i++) {
		sel->bank[i].alg = hz_rd_u16be(r);
		sel->bank[i].mask = hz_rd_u32be(r);
		if (hz_pcr_len(sel->bank[i].alg) == 0 || sel->bank[i].mask == 0 || sel->bank[i].mask >> HZ_PCRS != 0)
			return false;
	}
	return true;
}

static struct hz_blob read_blob(struct hz_reader *r, size_t n)
{
	return (struct hz_blob){ hz_rd_bytes(r, n), n };
}

static CK_RV parse(struct hz_blob in, struct stored *s)
{
	struct hz_reader r = hz_rd(in.p, in.n);
	bool ok = hz_rd_u8(&r) == TPM2_V1;

	hz_rd_copy(&r, s->name, sizeof s->name);
	ok = ok && read_selection(&r, &s->sel);
	if (ok) {
		s->values = read_blob(&r, values_len(&s->sel));
		s->priv = read_blob(&r, hz_rd_u16be(&r));
		s->pub = read_blob(&r, hz_rd_u16be(&r));
		ok = hz_rd_end(&r) && s->priv.n > 0 && s->priv.n <= HZ_TPM_BLOB && s->pub.n > 0 && s->pub.n <= HZ_TPM_BLOB;
	}
	return ok ? CKR_OK : hz_fail(CKR_DEVICE_ERROR, "the stored parameters of the TPM's seal are damaged");
}

static CK_RV check(struct hz_blob in)
{
	struct stored s;

	return parse(in, &s);
}

static const char *tcti_of(const struct hz_seal_input *in)
{
	return in->conf != NULL && in->conf->tpm2_tcti[0] != '\0' ? in->conf->tpm2_tcti : HZ_TPM2_TCTI;
}

static void pcrs_of(const struct hz_seal_input *in, struct hz_pcrs *sel)
{
	const char *why;

	if (in->conf != NULL && in->conf->tpm2_pcrs.n != 0)
		*sel = in->conf->tpm2_pcrs;
	else
		(void)hz_pcrs_parse(HZ_TPM2_PCRS, sel, &why);
}

/* After a refusal: which register is not what it was? */
static CK_RV explain(struct hz_tpm *t, const struct stored *s, CK_RV rv)
{
	struct hz_buf now = HZ_BUF_INIT;
	size_t at = 0;
	CK_RV read = hz_tpm_pcr_read(t, &s->sel, &now);

	for (size_t i = 0; read == CKR_OK && now.len == s->values.n && i < s->sel.n; i++) {
		size_t n = hz_pcr_len(s->sel.bank[i].alg);

		for (unsigned reg = 0; reg < HZ_PCRS; reg++) {
			if ((s->sel.bank[i].mask & 1u << reg) == 0)
				continue;
			if (memcmp(now.p + at, s->values.p + at, n) != 0) {
				rv = hz_fail(CKR_DEVICE_ERROR, "the TPM does not unseal: PCR %s:%u differs from what was sealed to",
					     hz_pcr_bank(s->sel.bank[i].alg), reg);
				read = CKR_DEVICE_ERROR; /* one is enough */
				break;
			}
			at += n;
		}
	}
	hz_buf_free(&now);
	return rv;
}

static CK_RV unseal(struct hz_tpm *t, const struct stored *s, uint8_t secret[HZ_SEAL_SECRET])
{
	uint8_t name[HZ_TPM_NAME];
	CK_RV rv = hz_tpm_primary(t, name);

	if (rv != CKR_OK)
		return rv;
	if (memcmp(name, s->name, sizeof name) != 0)
		return hz_fail(CKR_DEVICE_ERROR, "this is not the TPM that the token was sealed by, or it was cleared since");
	rv = hz_tpm_unseal(t, &s->sel, s->priv, s->pub, secret);
	return rv == CKR_DEVICE_ERROR && hz_tpm_rc(t) == HZ_TPM_RC_POLICY_FAIL ? explain(t, s, rv) : rv;
}

static CK_RV release(const struct hz_seal_input *in, struct hz_blob params, uint8_t secret[HZ_SEAL_SECRET])
{
	struct stored s;
	struct hz_tpm *t;
	CK_RV rv = parse(params, &s);

	if (rv == CKR_OK)
		rv = hz_tpm_open(tcti_of(in), &t);
	if (rv != CKR_OK)
		return rv;
	rv = unseal(t, &s, secret);
	hz_tpm_close(t);
	return rv;
}

static CK_RV write_params(const struct hz_pcrs *sel, const uint8_t name[HZ_TPM_NAME], const struct hz_buf *values,
			  const struct hz_buf *priv, const struct hz_buf *pub, struct hz_buf *out)
{
	hz_buf_u8(out, TPM2_V1);
	hz_buf_add(out, name, HZ_TPM_NAME);
	hz_buf_u8(out, (uint8_t)sel->n);
	for (size_t i = 0; i < sel->n; i++) {
		hz_buf_be16(out, sel->bank[i].alg);
		hz_buf_be32(out, sel->bank[i].mask);
	}
	hz_buf_add(out, values->p, values->len);
	hz_buf_be16(out, (uint16_t)priv->len);
	hz_buf_add(out, priv->p, priv->len);
	hz_buf_be16(out, (uint16_t)pub->len);
	hz_buf_add(out, pub->p, pub->len);
	return out->failed ? hz_fail(CKR_HOST_MEMORY, "no memory for a seal") : CKR_OK;
}

static CK_RV seal(struct hz_tpm *t, const struct hz_pcrs *sel, struct hz_buf *params, const uint8_t secret[HZ_SEAL_SECRET])
{
	struct hz_buf values = HZ_BUF_INIT, priv = HZ_BUF_INIT, pub = HZ_BUF_INIT;
	uint8_t name[HZ_TPM_NAME], policy[32];
	CK_RV rv = hz_tpm_primary(t, name);

	if (rv == CKR_OK)
		rv = hz_tpm_pcr_read(t, sel, &values);
	if (rv == CKR_OK) {
		hz_tpm_pcr_policy(sel, (struct hz_blob){ values.p, values.len }, policy);
		rv = hz_tpm_seal(t, policy, secret, &priv, &pub);
	}
	if (rv == CKR_OK)
		rv = write_params(sel, name, &values, &priv, &pub, params);
	hz_buf_free(&values);
	hz_buf_free(&priv);
	hz_buf_free(&pub);
	return rv;
}

/* A token that could never be opened again is found out now: what was sealed is unsealed once. */
static CK_RV make(const struct hz_seal_input *in, struct hz_buf *params, uint8_t secret[HZ_SEAL_SECRET])
{
	uint8_t *again = hz_secmem_alloc(HZ_SEAL_SECRET);
	struct hz_tpm *t = NULL;
	struct hz_pcrs sel;
	CK_RV rv = again != NULL ? hz_tpm_open(tcti_of(in), &t) : CKR_HOST_MEMORY;

	pcrs_of(in, &sel);
	if (rv == CKR_OK && !hz_random(secret, HZ_SEAL_SECRET))
		rv = hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	if (rv == CKR_OK)
		rv = seal(t, &sel, params, secret);
	hz_tpm_close(t);
	if (rv == CKR_OK)
		rv = release(in, (struct hz_blob){ params->p, params->len }, again);
	if (rv == CKR_OK && !hz_ct_equal(secret, again, HZ_SEAL_SECRET))
		rv = hz_fail(CKR_DEVICE_ERROR, "the TPM unseals something else than it sealed");
	hz_secmem_free(again);
	return rv;
}

const struct hz_seal_kind hz_seal_tpm2 = { HZ_SEAL_TPM2, "tpm2", make, check, release };
