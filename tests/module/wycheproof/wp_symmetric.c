/* SPDX-License-Identifier: Apache-2.0 */
/* Wycheproof: AES modes, MACs, key wrapping, HKDF. */
#include <stdlib.h>
#include <string.h>

#include "wp.h"

static const CK_RV bad_ciphertext[] = { CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE };
static const CK_RV bad_param[] = { CKR_MECHANISM_PARAM_INVALID };

/* Encrypt msg, compare; decrypt ct, compare; an invalid case must be refused at init (parameter) or at decryption. */
static void crypt_case(struct wp *w, struct json_object *tc, CK_MECHANISM *m, struct wp_bytes key, struct wp_bytes msg, struct wp_bytes ct)
{
	CK_RV rv;
	CK_OBJECT_HANDLE h = wp_secret(w, CKK_AES, key, &rv);
	uint8_t *out = malloc(ct.n + msg.n + 64);
	CK_ULONG n = ct.n + msg.n + 64;

	if (h == CK_INVALID_HANDLE) {
		wp_result(w, tc, !wp_valid(tc), rv, "key refused");
		goto out;
	}
	rv = w->f->C_DecryptInit(w->s, m, h);
	if (rv != CKR_OK) {
		wp_result(w, tc, !wp_valid(tc) && wp_one_of(rv, bad_param, 1), rv, "C_DecryptInit");
		goto out;
	}
	rv = w->f->C_Decrypt(w->s, ct.p, ct.n, out, &n);
	if (wp_invalid(tc)) {
		wp_result(w, tc, wp_one_of(rv, bad_ciphertext, 2), rv, "a bad ciphertext decrypts");
		goto out;
	}
	if (rv != CKR_OK || n != msg.n || memcmp(out, msg.p, n) != 0) {
		wp_result(w, tc, false, rv, "C_Decrypt");
		goto out;
	}
	n = ct.n + msg.n + 64;
	rv = w->f->C_EncryptInit(w->s, m, h);
	if (rv == CKR_OK)
		rv = w->f->C_Encrypt(w->s, msg.p, msg.n, out, &n);
	wp_result(w, tc, rv == CKR_OK && n == ct.n && !memcmp(out, ct.p, n), rv, "C_Encrypt");
out:
	if (h != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, h);
	free(out);
}

static struct wp_bytes joined(struct wp_bytes a, struct wp_bytes b)
{
	struct wp_bytes j = { malloc(a.n + b.n + 1), a.n + b.n };

	memcpy(j.p, a.p, a.n);
	memcpy(j.p + a.n, b.p, b.n);
	free(a.p);
	free(b.p);
	return j;
}

void wp_cbc_pad(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct wp_bytes key = wp_hex(tc, "key"), iv = wp_hex(tc, "iv"), msg = wp_hex(tc, "msg"), ct = wp_hex(tc, "ct");
	CK_MECHANISM m = { CKM_AES_CBC_PAD, iv.p, iv.n };

	(void)group;
	crypt_case(w, tc, &m, key, msg, ct);
	free(key.p);
	free(iv.p);
	free(msg.p);
	free(ct.p);
}

void wp_gcm(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct wp_bytes key = wp_hex(tc, "key"), iv = wp_hex(tc, "iv"), aad = wp_hex(tc, "aad"), msg = wp_hex(tc, "msg");
	struct wp_bytes ct = joined(wp_hex(tc, "ct"), wp_hex(tc, "tag"));
	CK_GCM_PARAMS p = { iv.p, iv.n, iv.n * 8, aad.p, aad.n, (CK_ULONG)wp_int(group, "tagSize") };
	CK_MECHANISM m = { CKM_AES_GCM, &p, sizeof p };

	crypt_case(w, tc, &m, key, msg, ct);
	free(key.p);
	free(iv.p);
	free(aad.p);
	free(msg.p);
	free(ct.p);
}

void wp_ccm(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct wp_bytes key = wp_hex(tc, "key"), iv = wp_hex(tc, "iv"), aad = wp_hex(tc, "aad"), msg = wp_hex(tc, "msg");
	struct wp_bytes ct = joined(wp_hex(tc, "ct"), wp_hex(tc, "tag"));
	CK_CCM_PARAMS p = { msg.n, iv.p, iv.n, aad.p, aad.n, (CK_ULONG)wp_int(group, "tagSize") / 8 };
	CK_MECHANISM m = { CKM_AES_CCM, &p, sizeof p };

	crypt_case(w, tc, &m, key, msg, ct);
	free(key.p);
	free(iv.p);
	free(aad.p);
	free(msg.p);
	free(ct.p);
}

void wp_mac(struct wp *w, struct json_object *group, struct json_object *tc)
{
	static const CK_RV bad_mac[] = { CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE };
	struct wp_bytes key = wp_hex(tc, "key"), msg = wp_hex(tc, "msg"), tag = wp_hex(tc, "tag");
	CK_MAC_GENERAL_PARAMS len = (CK_ULONG)wp_int(group, "tagSize") / 8;
	CK_MECHANISM m = { strstr(w->file, "cmac") ? CKM_AES_CMAC_GENERAL :
			   strstr(w->file, "sha1") ? CKM_SHA_1_HMAC_GENERAL :
			   strstr(w->file, "sha256") ? CKM_SHA256_HMAC_GENERAL :
			   strstr(w->file, "sha384") ? CKM_SHA384_HMAC_GENERAL : CKM_SHA512_HMAC_GENERAL, &len, sizeof len };
	CK_RV rv;
	CK_OBJECT_HANDLE h = wp_secret(w, strstr(w->file, "cmac") ? CKK_AES : CKK_GENERIC_SECRET, key, &rv);
	uint8_t out[64];
	CK_ULONG n = sizeof out;

	if (h == CK_INVALID_HANDLE) {
		wp_result(w, tc, !wp_valid(tc), rv, "key refused");
	} else {
		rv = w->f->C_VerifyInit(w->s, &m, h);
		if (rv == CKR_OK)
			rv = w->f->C_Verify(w->s, msg.p, msg.n, tag.p, tag.n);
		if (wp_invalid(tc)) {
			wp_result(w, tc, wp_one_of(rv, bad_mac, 2), rv, "a bad tag verifies");
		} else if (rv != CKR_OK) {
			wp_result(w, tc, false, rv, "C_Verify");
		} else {
			rv = w->f->C_SignInit(w->s, &m, h);
			if (rv == CKR_OK)
				rv = w->f->C_Sign(w->s, msg.p, msg.n, out, &n);
			wp_result(w, tc, rv == CKR_OK && n == tag.n && !memcmp(out, tag.p, n), rv, "C_Sign");
		}
		w->f->C_DestroyObject(w->s, h);
	}
	free(key.p);
	free(msg.p);
	free(tag.p);
}

static bool value_is(struct wp *w, CK_OBJECT_HANDLE h, struct wp_bytes want)
{
	uint8_t *buf = malloc(want.n + 1);
	CK_ATTRIBUTE a = { CKA_VALUE, buf, want.n };
	bool same = w->f->C_GetAttributeValue(w->s, h, &a, 1) == CKR_OK && a.ulValueLen == want.n && !memcmp(buf, want.p, want.n);

	free(buf);
	return same;
}

/* A generic secret is wrapped and unwrapped; sizes that no key can have (0 bytes) are left out. */
void wp_wrap(struct wp *w, struct json_object *group, struct json_object *tc)
{
	static const CK_RV bad_wrap[] = { CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE };
	struct wp_bytes key = wp_hex(tc, "key"), msg = wp_hex(tc, "msg"), ct = wp_hex(tc, "ct");
	CK_MECHANISM m = { strstr(w->file, "kwp") ? CKM_AES_KEY_WRAP_KWP : CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 },
			     { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_RV rv;
	CK_OBJECT_HANDLE kek = wp_secret(w, CKK_AES, key, &rv), made = CK_INVALID_HANDLE, target;
	uint8_t *out = malloc(ct.n + msg.n + 64);
	CK_ULONG n = ct.n + msg.n + 64;

	(void)group;
	if (kek == CK_INVALID_HANDLE) {
		wp_result(w, tc, !wp_valid(tc), rv, "key refused");
		goto out;
	}
	rv = w->f->C_UnwrapKey(w->s, &m, kek, ct.p, ct.n, t, 5, &made);
	if (wp_invalid(tc) || (!wp_valid(tc) && rv != CKR_OK)) {
		wp_result(w, tc, wp_one_of(rv, bad_wrap, 2), rv, "a bad wrapping unwraps");
		goto out;
	}
	if (rv != CKR_OK || !value_is(w, made, msg)) {
		wp_result(w, tc, false, rv, "C_UnwrapKey");
		goto out;
	}
	target = wp_secret(w, CKK_GENERIC_SECRET, msg, &rv);
	if (target != CK_INVALID_HANDLE) {
		rv = w->f->C_WrapKey(w->s, &m, kek, target, out, &n);
		w->f->C_DestroyObject(w->s, target);
	}
	wp_result(w, tc, rv == CKR_OK && n == ct.n && !memcmp(out, ct.p, n), rv, "C_WrapKey");
out:
	if (made != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, made);
	if (kek != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, kek);
	free(out);
	free(key.p);
	free(msg.p);
	free(ct.p);
}

void wp_hkdf(struct wp *w, struct json_object *group, struct json_object *tc)
{
	struct wp_bytes ikm = wp_hex(tc, "ikm"), salt = wp_hex(tc, "salt"), info = wp_hex(tc, "info"), okm = wp_hex(tc, "okm");
	CK_HKDF_PARAMS p = { .bExtract = CK_TRUE, .bExpand = CK_TRUE, .prfHashMechanism = CKM_SHA256,
			     .ulSaltType = salt.n ? CKF_HKDF_SALT_DATA : CKF_HKDF_SALT_NULL, .pSalt = salt.n ? salt.p : NULL, .ulSaltLen = salt.n,
			     .pInfo = info.p, .ulInfoLen = info.n };
	CK_MECHANISM m = { CKM_HKDF_DERIVE, &p, sizeof p };
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_KEY_TYPE kt = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG size = (CK_ULONG)wp_int(tc, "size");
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_TOKEN, &no, 1 },
			     { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_VALUE_LEN, &size, sizeof size } };
	CK_OBJECT_HANDLE base, made = CK_INVALID_HANDLE;
	CK_RV rv;

	(void)group;
	base = wp_secret(w, CKK_GENERIC_SECRET, ikm, &rv);
	if (base != CK_INVALID_HANDLE)
		rv = w->f->C_DeriveKey(w->s, &m, base, t, 6, &made);
	if (wp_invalid(tc))
		wp_result(w, tc, rv != CKR_OK && rv != CKR_GENERAL_ERROR && rv != CKR_DEVICE_ERROR, rv, "an absurd size derives");
	else
		wp_result(w, tc, rv == CKR_OK && value_is(w, made, okm), rv, "C_DeriveKey");
	if (made != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, made);
	if (base != CK_INVALID_HANDLE)
		w->f->C_DestroyObject(w->s, base);
	free(ikm.p);
	free(salt.p);
	free(info.p);
	free(okm.p);
}
