/* SPDX-License-Identifier: Apache-2.0 */
/* Combine the secrets of a role's seals into a key-encryption key, and wrap the data key with it. */
#include "store/seal.h"

#include <string.h>

#include "base/error.h"
#include "base/secmem.h"
#include "crypto/hmac.h"
#include "crypto/libctx.h"

static const struct hz_seal_kind *const kinds_known[] = { &hz_seal_pin, &hz_seal_tpm2, &hz_seal_snp, &hz_seal_hsm, &hz_seal_sim };

static const struct hz_seal_kind *kind_find(unsigned id)
{
	for (size_t i = 0; i < sizeof kinds_known / sizeof kinds_known[0]; i++)
		if (kinds_known[i]->id == id)
			return kinds_known[i];
	return NULL;
}

const struct hz_seal_kind *hz_seal_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof kinds_known / sizeof kinds_known[0]; i++)
		if (kinds_known[i] != &hz_seal_hsm && strcmp(kinds_known[i]->name, name) == 0)
			return kinds_known[i];
	return NULL;
}

void hz_seal_list_free(struct hz_seal_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		hz_buf_free(&l->v[i].params);
	l->n = 0;
}

CK_RV hz_seal_list_add(struct hz_seal_list *l, unsigned kind, struct hz_blob params)
{
	const struct hz_seal_kind *k = kind_find(kind);
	struct hz_sealed *s = &l->v[l->n];

	if (k == NULL)
		return hz_fail(CKR_DEVICE_ERROR, "the token has a seal of unknown kind %u", kind);
	if (l->n == HZ_SEALS_MAX || params.n > HZ_SEAL_PARAMS_MAX)
		return hz_fail(CKR_DEVICE_ERROR, "the token's seals are too many or too large");
	*s = (struct hz_sealed){ kind, HZ_BUF_INIT };
	l->n++;
	hz_buf_add(&s->params, params.p, params.n);
	return s->params.failed ? CKR_HOST_MEMORY : k->check(params);
}

struct hz_datakey *hz_datakey_new(const uint8_t *id)
{
	struct hz_datakey *k = hz_secmem_alloc(sizeof *k);

	if (k == NULL)
		return NULL;
	atomic_init(&k->refs, 1);
	if (id != NULL) {
		memcpy(k->id, id, sizeof k->id);
	} else if (!hz_random(k->id, sizeof k->id) || !hz_random(k->key, sizeof k->key)) {
		hz_secmem_free(k);
		return NULL;
	}
	return k;
}

void hz_datakey_unref(struct hz_datakey *k)
{
	if (k != NULL && atomic_fetch_sub(&k->refs, 1) == 1)
		hz_secmem_free(k);
}

/* KEK = HKDF-SHA256(ikm = the secrets in order, salt = serial, info = "hanzo-pkcs11/kek/v1" || u8 tier). */
static bool derive_kek(const struct hz_wrap_for *f, const uint8_t *ikm, size_t len, uint8_t kek[HZ_AEAD_KEY])
{
	uint8_t info[] = "hanzo-pkcs11/kek/v1"; /* its NUL gives way to the tier */

	info[sizeof info - 1] = (uint8_t)f->tier;
	return hz_hkdf(HZ_SHA256, f->serial, strlen(f->serial), ikm, len, info, sizeof info, kek, HZ_AEAD_KEY);
}

/* What a wrapped key is bound to: token, role, the key's id, and every seal with its parameters. */
static bool wrap_aad(const struct hz_wrap_for *f, const uint8_t *key_id, const struct hz_seal_list *seals, struct hz_buf *b)
{
	hz_buf_str(b, "hanzo-pkcs11/datakey/v1");
	hz_buf_u8(b, (uint8_t)f->role);
	hz_buf_u8(b, (uint8_t)f->tier);
	hz_buf_be32(b, (uint32_t)strlen(f->serial));
	hz_buf_str(b, f->serial);
	hz_buf_add(b, key_id, HZ_KEY_ID);
	for (size_t i = 0; i < seals->n; i++) {
		hz_buf_be32(b, seals->v[i].kind);
		hz_buf_be32(b, (uint32_t)seals->v[i].params.len);
		hz_buf_add(b, seals->v[i].params.p, seals->v[i].params.len);
	}
	return !b->failed;
}

/* Secret memory of one wrapping or unwrapping. */
struct work {
	uint8_t ikm[HZ_SEALS_MAX * HZ_SEAL_SECRET];
	uint8_t kek[HZ_AEAD_KEY];
};

CK_RV hz_seal_wrap(const struct hz_wrap_for *f, const unsigned *kinds, size_t n, const struct hz_seal_input *in,
		   const struct hz_datakey *k, struct hz_seal_list *seals, uint8_t wrapped[HZ_WRAPPED])
{
	struct work *w = hz_secmem_alloc(sizeof *w);
	struct hz_buf aad = HZ_BUF_INIT;
	CK_RV rv = w == NULL ? CKR_HOST_MEMORY : CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < n; i++) {
		const struct hz_seal_kind *kind = kind_find(kinds[i]);

		if (kind == NULL || seals->n == HZ_SEALS_MAX) {
			rv = hz_fail(CKR_FUNCTION_FAILED, "seal %u is not available", kinds[i]);
			break;
		}
		seals->v[seals->n] = (struct hz_sealed){ kinds[i], HZ_BUF_INIT };
		rv = kind->make(in, &seals->v[seals->n++].params, w->ikm + i * HZ_SEAL_SECRET);
	}
	if (rv != CKR_OK)
		goto out;
	rv = CKR_HOST_MEMORY;
	if (wrap_aad(f, k->id, seals, &aad) && derive_kek(f, w->ikm, n * HZ_SEAL_SECRET, w->kek) &&
	    hz_aead_seal(w->kek, &(struct hz_blob){ aad.p, aad.len }, 1, (struct hz_blob){ k->key, sizeof k->key }, wrapped))
		rv = CKR_OK;
out:
	hz_buf_free(&aad);
	hz_secmem_free(w);
	return rv;
}

CK_RV hz_seal_unwrap(const struct hz_wrap_for *f, const struct hz_seal_list *seals, const struct hz_seal_input *in,
		     struct hz_blob wrapped, struct hz_datakey *k)
{
	struct work *w = hz_secmem_alloc(sizeof *w);
	struct hz_buf aad = HZ_BUF_INIT;
	CK_RV rv = w == NULL ? CKR_HOST_MEMORY : CKR_OK;

	if (rv == CKR_OK && (seals->n == 0 || wrapped.n != HZ_WRAPPED))
		rv = hz_fail(CKR_DEVICE_ERROR, "the token's wrapped key is damaged");
	for (size_t i = 0; rv == CKR_OK && i < seals->n; i++)
		rv = kind_find(seals->v[i].kind)->release(in, (struct hz_blob){ seals->v[i].params.p, seals->v[i].params.len },
							  w->ikm + i * HZ_SEAL_SECRET);
	if (rv != CKR_OK)
		goto out;
	if (!wrap_aad(f, k->id, seals, &aad) || !derive_kek(f, w->ikm, seals->n * HZ_SEAL_SECRET, w->kek))
		rv = CKR_HOST_MEMORY;
	else if (!hz_aead_open(w->kek, &(struct hz_blob){ aad.p, aad.len }, 1, wrapped, k->key))
		rv = hz_fail(CKR_PIN_INCORRECT, "what was released does not open the data key");
out:
	hz_buf_free(&aad);
	hz_secmem_free(w);
	return rv;
}

CK_RV hz_seal_probe(const struct hz_seal_list *seals, const struct hz_seal_input *in)
{
	uint8_t *secret = hz_secmem_alloc(HZ_SEAL_SECRET);
	CK_RV rv = secret == NULL ? CKR_HOST_MEMORY : CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < seals->n; i++)
		if (seals->v[i].kind != HZ_SEAL_PIN)
			rv = kind_find(seals->v[i].kind)->release(in, (struct hz_blob){ seals->v[i].params.p, seals->v[i].params.len }, secret);
	hz_secmem_free(secret);
	return rv;
}

static size_t mac_parts(const struct hz_wrap_for *f, const uint8_t label[32], uint8_t head[32], struct hz_blob parts[3])
{
	static const char name[] = "hanzo-pkcs11/token/v1";

	memcpy(head, name, sizeof name);
	head[sizeof name] = (uint8_t)f->tier;
	parts[0] = (struct hz_blob){ head, 32 };
	parts[1] = (struct hz_blob){ label, 32 };
	parts[2] = (struct hz_blob){ (const uint8_t *)f->serial, strlen(f->serial) };
	return 3;
}

bool hz_token_mac(const struct hz_datakey *k, const struct hz_wrap_for *f, const uint8_t label[32], uint8_t out[HZ_AEAD_EXTRA])
{
	uint8_t head[32] = { 0 };
	struct hz_blob parts[3];

	return hz_aead_seal(k->key, parts, mac_parts(f, label, head, parts), (struct hz_blob){ head, 0 }, out);
}

bool hz_token_mac_ok(const struct hz_datakey *k, const struct hz_wrap_for *f, const uint8_t label[32], struct hz_blob mac)
{
	uint8_t head[32] = { 0 }, none[1];
	struct hz_blob parts[3];

	return mac.n == HZ_AEAD_EXTRA && hz_aead_open(k->key, parts, mac_parts(f, label, head, parts), mac, none);
}
