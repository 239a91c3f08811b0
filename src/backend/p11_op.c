/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: signatures whose hash is made here and signed there; everything else goes to the key's own place. */
#include <string.h>

#include "backend/p11_int.h"
#include "backend/soft_asym.h"
#include "base/error.h"
#include "ck/schema.h"

CK_RV hz_p11_blame(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_RV rv, CK_RV input)
{
	CK_SESSION_INFO info;

	return rv == CKR_GENERAL_ERROR && p->f->C_GetSessionInfo(s, &info) == CKR_OK
		       ? hz_fail(input, "the device answers CKR_GENERAL_ERROR to its input") : rv;
}

/* ---- one signature ---- */

struct signing {
	struct hz_p11_key *k;
	CK_MECHANISM m;
	const uint8_t *in;
	size_t len;
	uint8_t *sig;
	size_t room, sig_len;
	bool asked;
};

static CK_RV sign_work(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct signing *w = arg;
	CK_ULONG n = w->room;
	CK_OBJECT_HANDLE h;
	CK_RV rv = hz_p11_handle(p, s, w->k->obj, &h);

	if (rv == CKR_OK)
		rv = p->f->C_SignInit(s, &w->m, h);
	if (rv == CKR_OK && w->k->always_auth)
		rv = hz_p11_context_login(p, s);
	w->asked |= rv == CKR_OK;
	if (rv == CKR_OK)
		rv = hz_p11_once(p->f->C_Sign(s, (CK_BYTE *)(uintptr_t)w->in, w->len, w->sig, &n));
	if (rv == CKR_OK && n > w->room)
		rv = hz_fail(CKR_DEVICE_ERROR, "a signature of %lu bytes where %zu are room", n, w->room);
	w->sig_len = n;
	return rv;
}

static CK_RV sign_at(struct hz_p11_key *at, void *arg)
{
	struct signing *w = arg;

	w->k = at;
	return hz_p11_run_raw(at->p, sign_work, w);
}

CK_RV hz_p11_sign(struct hz_p11_key *k, const CK_MECHANISM *m, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	struct signing w = { k, *m, in, len, sig, *sig_len, 0, false };
	CK_RV rv = hz_p11_use_key(k, sign_at, &w, &w.asked);

	*sig_len = w.sig_len;
	return rv;
}

/* ---- hash here, sign there ---- */

enum form { ECDSA, V15, PSS, BARE };

struct p11_sig {
	struct hz_sig s;
	enum form form;
	CK_MECHANISM_TYPE raw, hash;
	CK_RSA_PKCS_PSS_PARAMS pss;
};

static struct p11_sig *sig_of(struct hz_sig *s)
{
	return (struct p11_sig *)(void *)s;
}

/* DigestInfo (RFC 8017 section 9.2): the hashes differ in the last octet of the OBJECT IDENTIFIER and in the length. */
static size_t digest_info(CK_MECHANISM_TYPE hash, const uint8_t *digest, size_t len, uint8_t *out)
{
	static const struct { CK_MECHANISM_TYPE hash; uint8_t arc; } rows[] = {
		{ CKM_SHA256, 1 }, { CKM_SHA384, 2 }, { CKM_SHA512, 3 }, { CKM_SHA224, 4 },
		{ CKM_SHA3_224, 7 }, { CKM_SHA3_256, 8 }, { CKM_SHA3_384, 9 }, { CKM_SHA3_512, 10 },
	};
	uint8_t head[] = { 0x30, (uint8_t)(17 + len), 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0,
			   0x05, 0x00, 0x04, (uint8_t)len };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].hash == hash)
			head[14] = rows[i].arc;
	memcpy(out, head, sizeof head);
	memcpy(out + sizeof head, digest, len);
	return sizeof head + len;
}

/* FIPS 186-5 section 6.4.1: as many octets as the order has; devices differ in whether they cut longer input themselves. */
static size_t cut(const struct hz_key *key, size_t len)
{
	const struct hz_curve *c = key->curve;

	return c != NULL && !(c->bits & 7) && len > (size_t)c->bits / 8 ? (size_t)c->bits / 8 : len;
}

static CK_RV raw_sign(struct hz_sig *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	struct p11_sig *o = sig_of(s);
	CK_MECHANISM m = { o->raw, NULL, 0 };
	uint8_t info[32 + HZ_HASH_MAX];
	size_t n = s->sig_len;
	CK_RV rv;

	if (o->form == ECDSA) {
		if (len == 0)
			return hz_fail(CKR_DATA_LEN_RANGE, "ECDSA needs a digest");
		len = cut(s->key, len);
	} else if (o->form == V15 && o->hash != 0) {
		len = digest_info(o->hash, in, len, info);
		in = info;
	} else if (o->form == PSS) {
		m.pParameter = &o->pss;
		m.ulParameterLen = sizeof o->pss;
	}
	rv = hz_p11_sign(hz_p11_key_of(s->key), &m, in, len, sig, &n);
	if (rv == CKR_OK && n != s->sig_len)
		rv = hz_fail(CKR_DEVICE_ERROR, "a signature of %zu bytes, not %zu", n, s->sig_len);
	if (rv == CKR_OK && s->key->is_k256)
		hz_k256_low_s(sig);
	*sig_len = n;
	return rv;
}

static CK_RV rearm(struct hz_sig *s, const struct hz_mech *m)
{
	struct p11_sig *o = sig_of(s);
	const CK_RSA_PKCS_PSS_PARAMS *p = m->param;

	if (o->form != PSS)
		return CKR_OK;
	if (p == NULL || m->param_len != sizeof *p || (o->hash != 0 && p->hashAlg != o->hash))
		return hz_fail(CKR_MECHANISM_PARAM_INVALID, "PSS: parameters of another hash, or none");
	o->pss = *p;
	return CKR_OK;
}

static const struct hz_sig_raw device_raw = { .sign = raw_sign, .rearm = rearm };

static CK_RV sig_begin(const struct hz_mech *m, CK_MECHANISM_TYPE raw, CK_MECHANISM_TYPE hash, struct hz_key *key, struct hz_op **op)
{
	const struct hz_curve *c = key->curve;
	struct hz_sig *s = NULL;
	CK_RV rv = hz_sig_new(sizeof(struct p11_sig), &device_raw, HZ_OP_SIGN, key, hash != 0 ? hz_hash_of_mech(hash) : HZ_HASH_IDS, &s);

	if (rv != CKR_OK)
		return rv;
	sig_of(s)->raw = raw;
	sig_of(s)->hash = hash;
	sig_of(s)->form = raw == CKM_ECDSA ? ECDSA : raw == CKM_RSA_PKCS ? V15 : raw == CKM_RSA_PKCS_PSS ? PSS : BARE;
	s->sig_len = raw == CKM_ECDSA && c != NULL ? 2 * (size_t)c->scalar : (size_t)key->bits / 8;
	rv = s->sig_len != 0 ? rearm(s, m) : hz_fail(CKR_KEY_TYPE_INCONSISTENT, "the device does not show the key's size");
	if (rv != CKR_OK) {
		hz_sig_free(&s->base);
		return rv;
	}
	*op = &s->base;
	return CKR_OK;
}

/* ---- where an operation goes ---- */

static const CK_FLAGS kind_flag[HZ_OP_KINDS] = {
	[HZ_OP_ENCRYPT] = CKF_ENCRYPT, [HZ_OP_DECRYPT] = CKF_DECRYPT, [HZ_OP_DIGEST] = CKF_DIGEST, [HZ_OP_SIGN] = CKF_SIGN,
	[HZ_OP_VERIFY] = CKF_VERIFY, [HZ_OP_SIGN_RECOVER] = CKF_SIGN_RECOVER, [HZ_OP_VERIFY_RECOVER] = CKF_VERIFY_RECOVER,
	[HZ_OP_MSG_ENCRYPT] = CKF_MESSAGE_ENCRYPT, [HZ_OP_MSG_DECRYPT] = CKF_MESSAGE_DECRYPT,
};

static CK_RV here(enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	const struct hz_soft_mech *row = hz_soft_mech_find(m->type);

	if (row == NULL || row->begin == NULL || (row->row.info.flags & kind_flag[kind]) == 0)
		return hz_fail(CKR_MECHANISM_INVALID, "mechanism 0x%lx does not do this", m->type);
	return row->begin(kind, m, key, op);
}

static bool is_vendor(CK_MECHANISM_TYPE type)
{
	return (type & ~(CK_MECHANISM_TYPE)0xff) == (CKM_HANZO_ECIES & ~(CK_MECHANISM_TYPE)0xff);
}

CK_RV hz_p11_op_begin(struct hz_backend *be, enum hz_op_kind kind, const struct hz_mech *m, struct hz_key *key, struct hz_op **op)
{
	struct hz_p11 *p = hz_p11_self(be);
	CK_MECHANISM_TYPE hash = 0, raw = hz_p11_raw_mech(m->type, &hash);

	if (key == NULL && kind != HZ_OP_DIGEST)
		return hz_fail(CKR_KEY_HANDLE_INVALID, "no key");
	if (hz_p11_key_of(key) == NULL || (is_vendor(m->type) && (key->has_k256_pub || m->type == CKM_HANZO_MODEL_WEIGHTS)))
		return here(kind, m, key, op);
	if (is_vendor(m->type))
		return hz_fail(CKR_KEY_TYPE_INCONSISTENT, "no secp256k1 key whose public half is known");
	/* The raw mechanism, unless the key's own list may forbid it at a device that has the other. */
	if (kind == HZ_OP_SIGN && key->cls == CKO_PRIVATE_KEY && raw != CK_UNAVAILABLE_INFORMATION && hz_p11_device_does(p, raw, CKF_SIGN) &&
	    (hz_schema_allows(&key->attrs, raw) == CKR_OK || !hz_p11_device_does(p, m->type, CKF_SIGN)))
		return sig_begin(m, raw, hash, key, op);
	if (kind == HZ_OP_MSG_ENCRYPT || kind == HZ_OP_MSG_DECRYPT)
		return hz_p11_device_does(p, m->type, kind == HZ_OP_MSG_ENCRYPT ? CKF_ENCRYPT : CKF_DECRYPT)
			       ? hz_p11_messages(kind, m, key, op) : hz_fail(CKR_MECHANISM_INVALID, "the device has no mechanism 0x%lx", m->type);
	if (!hz_p11_device_does(p, m->type, kind_flag[kind]))
		return hz_fail(CKR_MECHANISM_INVALID, "the device does not do mechanism 0x%lx", m->type);
	return hz_p11_stream(kind, m, key, op);
}
