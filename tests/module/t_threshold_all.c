/* SPDX-License-Identifier: Apache-2.0 */
/* Threshold decryption through the module: every (t, n) up to (7, 10), liars, sums of shares, and what shares refuse to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ecies.h"
#include "crypto/k256.h"
#include "crypto/shamir.h"
#include "kit.h"

enum { MAX = 10 };

static CK_SESSION_HANDLE S;
static struct kit_pair rsa, key, node;
static CK_BYTE blob[512];
static uint8_t k_raw[33], k_pub[64], want[64];

static CK_RV share_blob(CK_OBJECT_HANDLE from, CK_ULONG i, CK_ULONG t, CK_ULONG n, CK_BYTE id, CK_BYTE *out, CK_ULONG *len)
{
	CK_HANZO_SHAMIR_PARAMS p = { i, t, n, { id } };
	CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p };

	return p11->C_WrapKey(S, &m, node.pub, from, out, len);
}

static CK_RV import(const CK_BYTE *in, CK_ULONG len, CK_ULONG i, CK_OBJECT_HANDLE *h)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, cls), A_VAL(CKA_KEY_TYPE, kt), A_VAL(CKA_HANZO_SHARE_INDEX, i) };
	CK_MECHANISM m = { CKM_HANZO_ECIES, NULL, 0 };

	return p11->C_UnwrapKey(S, &m, node.priv, (CK_BYTE *)(uintptr_t)in, len, t, N(t), h);
}

static CK_OBJECT_HANDLE share(CK_ULONG i, CK_ULONG t, CK_ULONG n, CK_BYTE id)
{
	static CK_BYTE b[4096];
	CK_ULONG len = sizeof b;
	CK_OBJECT_HANDLE h = 0;

	OK(share_blob(key.priv, i, t, n, id, b, &len));
	CHECK(len == hz_share_size((unsigned)t) + HZ_ECIES_OVERHEAD);
	OK(import(b, len, i, &h));
	return h;
}

static CK_RV answer(CK_OBJECT_HANDLE h, CK_MECHANISM_TYPE type, struct hz_partial *p)
{
	CK_HANZO_ECIES_DELEGATE_PARAMS param = { k_raw, 33 };
	CK_MECHANISM m = { type, &param, sizeof param };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM d = { CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep };
	CK_BYTE ct[256], text[256];
	CK_ULONG n = sizeof ct, m2 = sizeof text;
	CK_RV rv = p11->C_WrapKey(S, &m, rsa.pub, h, ct, &n);

	if (rv != CKR_OK)
		return rv;
	OK(p11->C_DecryptInit(S, &d, rsa.priv));
	OK(p11->C_Decrypt(S, ct, n, text, &m2));
	CHECK(m2 == HZ_SHAMIR_PARTIAL);
	return hz_partial_read(text, m2, p);
}

/* Y_i as the module shows it: the last 65 octets of the SubjectPublicKeyInfo. */
static bool shown(CK_OBJECT_HANDLE h, uint8_t y[64])
{
	CK_BYTE spki[200];
	CK_ULONG n = kit_bytes(S, h, CKA_PUBLIC_KEY_INFO, spki, sizeof spki);

	return n > 65 && hz_k256_pub_parse(y, spki + n - 65, 65);
}

static void every_subset(const struct hz_partial *p, unsigned t, unsigned n)
{
	for (unsigned set = 0; set < 1u << n; set++) {
		const struct hz_partial *chosen[MAX];
		unsigned c = 0;
		uint8_t got[64];

		for (unsigned i = 0; i < n; i++)
			if ((set >> i & 1) != 0)
				chosen[c++] = &p[i];
		if (c == t) {
			RV(hz_partials_combine(chosen, c, got), CKR_OK);
			CHECK(hz_k256_pub_equal(got, want));
		} else if (c + 1 == t || c == t + 1) {
			RV(hz_partials_combine(chosen, c, got), CKR_DATA_INVALID);
		}
		if (c + 1 == t) { /* one too few, told as if it were enough: another point */
			struct hz_partial lie[MAX];

			for (unsigned i = 0; i < c; i++) {
				lie[i] = *chosen[i];
				lie[i].t = c;
				chosen[i] = &lie[i];
			}
			if (c >= 2)
				CHECK(hz_partials_combine(chosen, c, got) == CKR_OK && !hz_k256_pub_equal(got, want));
		}
	}
}

static void all_pairs(void)
{
	for (unsigned n = 2; n <= MAX; n++)
		for (unsigned t = 2; t <= n && t <= 7; t++) {
			struct hz_partial p[MAX];
			uint8_t y[64];

			p11_about("t = %u, n = %u", t, n);
			for (unsigned i = 1; i <= n; i++) {
				CK_OBJECT_HANDLE h = share(i, t, n, (CK_BYTE)(16 * t + n));

				CHECK(kit_ulong(S, h, CKA_HANZO_SHARE_INDEX) == i && kit_ulong(S, h, CKA_HANZO_SHARE_THRESHOLD) == t);
				OK(answer(h, CKM_HANZO_ECIES_PARTIAL, &p[i - 1]));
				CHECK(p[i - 1].i == i && p[i - 1].t == t && shown(h, y) && hz_partial_check(&p[i - 1], k_pub, y));
				if (i > 1) /* another node's answer does not pass for this one's */
					CHECK(!hz_partial_check(&p[i - 2], k_pub, y));
				OK(p11->C_DestroyObject(S, h));
			}
			every_subset(p, t, n);
		}
	p11_about(" ");
}

static void extremes(void)
{
	static const CK_ULONG bad[][3] = { { 1, 1, 1 }, { 1, 1, 2 }, { 0, 2, 3 }, { 4, 2, 3 }, { 1, 4, 3 }, { 1, 2, 256 }, { 256, 2, 256 },
					   { 1, 0, 0 }, { ~0ul, 2, 3 }, { 1, ~0ul, 3 }, { 1, 2, ~0ul } };
	static CK_BYTE b[16384];
	CK_ULONG n;
	CK_OBJECT_HANDLE h;

	for (size_t i = 0; i < N(bad); i++) {
		p11_about("i = %lu, t = %lu, n = %lu", bad[i][0], bad[i][1], bad[i][2]);
		n = sizeof b;
		RV(share_blob(key.priv, bad[i][0], bad[i][1], bad[i][2], 1, b, &n), CKR_MECHANISM_PARAM_INVALID);
	}
	p11_about("255 of 255");
	n = sizeof b;
	OK(share_blob(key.priv, 255, 255, 255, 1, b, &n));
	OK(import(b, n, 255, &h));
	p11_about(" ");
}

/* Different splits, one index twice, a share that is another's. */
static void mixed(void)
{
	struct hz_partial a, b, c;
	const struct hz_partial *ab[] = { &a, &b }, *aa[] = { &a, &a }, *ac[] = { &a, &c };
	uint8_t got[64];

	OK(answer(share(1, 2, 3, 0xa1), CKM_HANZO_ECIES_PARTIAL, &a));
	OK(answer(share(2, 2, 3, 0xa2), CKM_HANZO_ECIES_PARTIAL, &b));
	OK(answer(share(3, 2, 3, 0xa1), CKM_HANZO_ECIES_PARTIAL, &c));
	RV(hz_partials_combine(ab, 2, got), CKR_DATA_INVALID);
	RV(hz_partials_combine(aa, 2, got), CKR_DATA_INVALID);
	OK(hz_partials_combine(ac, 2, got));
	CHECK(hz_k256_pub_equal(got, want));
	/* a refreshed share and an old one give another point, even when their split is forged to be the same */
	memcpy(b.id, a.id, sizeof b.id);
	OK(hz_partials_combine(ab, 2, got));
	CHECK(!hz_k256_pub_equal(got, want));
}

/* A share does one thing. */
static void misuse(void)
{
	CK_OBJECT_HANDLE h = share(1, 2, 3, 0xb1), x;
	CK_MECHANISM ecies = { CKM_HANZO_ECIES, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 }, rec = { CKM_HANZO_ECDSA_RECOVERABLE, NULL, 0 };
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY, private = CKO_PRIVATE_KEY;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET, ec = CKK_EC;
	CK_ECDH1_DERIVE_PARAMS dh = { CKD_NULL, 0, NULL, 33, k_raw };
	CK_MECHANISM ecdh = { CKM_ECDH1_DERIVE, &dh, sizeof dh };
	CK_ATTRIBUTE t[] = { A_VAL(CKA_CLASS, secret), A_VAL(CKA_KEY_TYPE, generic) };
	CK_ATTRIBUTE whole[] = { A_VAL(CKA_CLASS, private), A_VAL(CKA_KEY_TYPE, ec) };
	CK_MECHANISM_TYPE all[] = { CKM_ECDSA };
	CK_ATTRIBUTE widen = { CKA_ALLOWED_MECHANISMS, all, sizeof all }, value = { CKA_VALUE, blob, sizeof blob };
	struct hz_partial p;
	CK_ULONG n = sizeof blob, lower = 1;
	CK_ATTRIBUTE threshold = A_VAL(CKA_HANZO_SHARE_THRESHOLD, lower);
	CK_ATTRIBUTE usages[] = { A_VAL(CKA_CLASS, private), A_VAL(CKA_KEY_TYPE, ec), A_VAL(CKA_HANZO_SHARE_INDEX, lower), A_TRUE(CKA_DECRYPT),
				  A_TRUE(CKA_UNWRAP), A_TRUE(CKA_SIGN), A_TRUE(CKA_DERIVE) };

	RV(answer(h, CKM_HANZO_ECIES_DELEGATE, &p), CKR_MECHANISM_INVALID);
	RV(answer(key.priv, CKM_HANZO_ECIES_PARTIAL, &p), CKR_KEY_NOT_WRAPPABLE);
	for (int all_usages = 0; all_usages < 2; all_usages++) { /* whatever usage the template gave it */
		CK_RV no = all_usages ? CKR_MECHANISM_INVALID : CKR_KEY_FUNCTION_NOT_PERMITTED;

		RV(p11->C_DecryptInit(S, &ecies, h), no);
		RV(p11->C_EncryptInit(S, &ecies, h), no);
		RV(p11->C_SignInit(S, &ecdsa, h), CKR_MECHANISM_INVALID);
		RV(p11->C_SignInit(S, &rec, h), CKR_MECHANISM_INVALID);
		RV(p11->C_UnwrapKey(S, &ecies, h, blob, 100, t, N(t), &x), no);
		RV(p11->C_WrapKey(S, &ecies, h, key.priv, blob, &n), no);
		n = sizeof blob;
		OK(share_blob(key.priv, 1, 2, 3, 0xb1, blob, &n));
		OK(p11->C_UnwrapKey(S, &ecies, node.priv, blob, n, usages, N(usages), &h));
	}
	n = sizeof blob;
	RV(p11->C_DeriveKey(S, &ecdh, h, t, N(t), &x), CKR_MECHANISM_INVALID);
	RV(p11->C_WrapKey(S, &ecies, node.pub, h, blob, &n), CKR_KEY_UNEXTRACTABLE);
	RV(share_blob(h, 1, 2, 3, 1, blob, &n), CKR_KEY_UNEXTRACTABLE);
	RV(p11->C_SetAttributeValue(S, h, &widen, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_CopyObject(S, h, &widen, 1, &x), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_SetAttributeValue(S, h, &threshold, 1), CKR_ATTRIBUTE_READ_ONLY);
	RV(p11->C_GetAttributeValue(S, h, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
	n = sizeof blob;
	OK(share_blob(key.priv, 1, 2, 3, 0xb1, blob, &n));
	RV(import(blob, n, 2, &x), CKR_TEMPLATE_INCONSISTENT);                                       /* another index */
	RV(p11->C_UnwrapKey(S, &ecies, node.priv, blob, n, whole, N(whole), &x), CKR_WRAPPED_KEY_INVALID); /* not as a whole key */
	RV(p11->C_UnwrapKey(S, &ecies, node.priv, blob, n, t, N(t), &x), CKR_WRAPPED_KEY_INVALID);
	blob[70] ^= 1;
	RV(import(blob, n, 1, &x), CKR_WRAPPED_KEY_INVALID);
}

/*
 * A share of another key under the name, index and threshold of this one's split: the module cannot know, and whoever has the split's
 * record sees it in the proof. A forged threshold or index does not hold either.
 */
static void another_key(void)
{
	struct hz_partial good, bad, lie;
	const struct hz_partial *both[] = { &good, &bad };
	struct hz_share *s = calloc(1, sizeof *s);
	struct hz_split split = { { 0xc1 }, 2, 3 };
	struct kit_pair other;
	CK_BYTE b[600], raw[32];
	CK_ULONG n = sizeof b;
	CK_OBJECT_HANDLE h;
	uint8_t y[64], got[64];

	OK(kit_generate(S, KEY_K256, false, &other));
	OK(share_blob(other.priv, 2, 2, 3, 0xc1, b, &n));
	OK(import(b, n, 2, &h));
	OK(answer(h, CKM_HANZO_ECIES_PARTIAL, &bad));
	OK(answer(share(1, 2, 3, 0xc1), CKM_HANZO_ECIES_PARTIAL, &good));
	CHECK(s != NULL && kit_bytes(S, key.priv, CKA_VALUE, raw, 32) == 32);
	if (s != NULL) {
		OK(hz_share_make(raw, &split, 1, s)); /* the record: its commitments */
		CHECK(hz_share_public(s, 1, y) && hz_partial_check(&good, k_pub, y));
		CHECK(hz_share_public(s, 2, y) && !hz_partial_check(&bad, k_pub, y));
	}
	OK(hz_partials_combine(both, 2, got));
	CHECK(!hz_k256_pub_equal(got, want));
	lie = good;
	lie.i = 2; /* its proof is for share 1 */
	CHECK(s != NULL && hz_share_public(s, 2, y) && !hz_partial_check(&lie, k_pub, y));
	lie = good;
	lie.t = 3;
	both[1] = &lie;
	RV(hz_partials_combine(both, 2, got), CKR_DATA_INVALID);
	free(s);
}

/* A dealer's share that does not fit its commitments, made here outside of the module. */
static void bad_dealer(void)
{
	const struct hz_ecies_aad aad = { HZ_ECIES_SHARE, NULL, 0 };
	struct hz_split split = { { 1 }, 2, 3 };
	struct hz_share *s = calloc(1, sizeof *s);
	uint8_t sec[32] = { [31] = 9 }, to[64];
	CK_OBJECT_HANDLE h;

	CHECK(s != NULL && shown(node.priv, to));
	for (int bad = 0; s != NULL && bad < 3; bad++) {
		struct hz_buf text = HZ_BUF_SECRET, out = HZ_BUF_INIT;

		OK(hz_share_make(sec, &split, 1, s));
		if (bad == 1)
			s->value[31] ^= 1;
		if (bad == 2)
			s->commitments[1][0] ^= 1;
		OK(hz_share_write(s, &text));
		OK(hz_ecies_seal(to, &aad, text.p, text.len, &out));
		RV(import(out.p, out.len, 1, &h), bad ? CKR_WRAPPED_KEY_INVALID : CKR_OK);
		hz_buf_free(&text);
		hz_buf_free(&out);
	}
	free(s);
}

/* Three keys, nobody's alone: the sums of their shares are shares of the sum. */
static void sums(void)
{
	struct kit_pair dealers[3];
	struct hz_partial p[3];
	const struct hz_partial *two[] = { &p[0], &p[2] };
	uint8_t points[3][64], got[64], y[64];
	CK_OBJECT_HANDLE h = 0;
	static CK_BYTE list[3000], one[400];
	CK_ULONG n, at;

	for (int d = 0; d < 3; d++)
		OK(kit_generate(S, KEY_K256, false, &dealers[d]));
	for (CK_ULONG i = 1; i <= 3; i++) {
		list[0] = 0, list[1] = 0, list[2] = 3, at = 3;
		for (int d = 0; d < 3; d++) {
			n = sizeof one;
			OK(share_blob(dealers[d].priv, i, 2, 3, 0xd1, one, &n));
			list[at] = list[at + 1] = 0, list[at + 2] = (CK_BYTE)(n >> 8), list[at + 3] = (CK_BYTE)n;
			memcpy(list + at + 4, one, n);
			at += 4 + n;
		}
		for (CK_ULONG cut = 61; cut < at; cut += 7)
			RV(import(list, cut, i, &h), CKR_WRAPPED_KEY_INVALID);
		OK(import(list, at, i, &h));
		CHECK(shown(h, y));
		OK(answer(h, CKM_HANZO_ECIES_PARTIAL, &p[i - 1]));
		CHECK(hz_partial_check(&p[i - 1], k_pub, y));
	}
	OK(hz_partials_combine(two, 2, got));
	for (int d = 0; d < 3; d++) {
		CK_BYTE raw[32];

		CHECK(kit_bytes(S, dealers[d].priv, CKA_VALUE, raw, 32) == 32 && hz_k256_mul(points[d], k_pub, raw));
	}
	CHECK(hz_k256_sum(y, (const uint8_t(*)[64])points, 3) && hz_k256_pub_equal(got, y));
	/* addends of two splits, and none */
	n = sizeof one;
	OK(share_blob(dealers[0].priv, 3, 2, 3, 0xd2, one, &n));
	memcpy(list + 7, one, n);
	RV(import(list, at, 3, &h), CKR_WRAPPED_KEY_INVALID);
	memset(list, 0, 100);
	RV(import(list, 100, 3, &h), CKR_WRAPPED_KEY_INVALID);
}

/* A list of `dealers` pairs for share i: shares of zero, dealt from keys of the session. `bad` spoils the last pair. */
enum spoil { GOOD, OTHER_KEY, OTHER_INDEX, OTHER_SPLIT, NOT_TURNED, OTHER_T, OLD_ID, CUT, SPOILS };

static CK_ULONG pairs(const struct kit_pair *dealers, int n, CK_ULONG i, enum spoil bad, CK_BYTE *list)
{
	CK_ULONG at = 3;

	list[0] = 0, list[1] = 0, list[2] = (CK_BYTE)n;
	for (int d = 0; d < n; d++)
		for (int minus = 0; minus < 2; minus++) {
			bool last = d == n - 1, spoil = last && minus;
			CK_HANZO_SHAMIR_PARAMS p = { last && bad == OTHER_INDEX ? i % 3 + 1 : i, last && bad == OTHER_T ? 3 : 2, 3, { 0xe1 } };
			CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p };
			CK_OBJECT_HANDLE from = spoil && bad == OTHER_KEY ? key.priv : dealers[d].priv;
			CK_ULONG len = 600;

			if (last && bad == OTHER_SPLIT)
				p.splitId[1] = 7;
			if (last && bad == OLD_ID)
				p.splitId[0] = 0xe0;
			for (size_t k = 0; minus && !(spoil && bad == NOT_TURNED) && k < sizeof p.splitId; k++)
				p.splitId[k] = (CK_BYTE)~p.splitId[k];
			OK(p11->C_WrapKey(S, &m, node.pub, from, list + at + 4, &len));
			list[at] = list[at + 1] = 0, list[at + 2] = (CK_BYTE)(len >> 8), list[at + 3] = (CK_BYTE)len;
			at += 4 + len;
		}
	return bad == CUT ? at - 1 : at;
}

static CK_RV renew(CK_OBJECT_HANDLE old, const CK_BYTE *list, CK_ULONG len, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *h)
{
	CK_HANZO_SHARE_REFRESH_PARAMS p = { old };
	CK_MECHANISM m = { CKM_HANZO_SHARE_REFRESH, &p, sizeof p };

	return p11->C_UnwrapKey(S, &m, node.priv, (CK_BYTE *)(uintptr_t)list, len, t, n, h);
}

/* New shares of the same key from shares of zero; the old ones with them give another point. */
static void refresh(void)
{
	static CK_BYTE list[8192];
	struct kit_pair dealers[2];
	struct hz_partial old[3], new[3];
	const struct hz_partial *both[] = { &new[0], &new[2] }, *mixed[] = { &new[0], &old[2] };
	uint8_t got[64], y[64];
	CK_OBJECT_HANDLE h, fresh;

	for (int d = 0; d < 2; d++)
		OK(kit_generate(S, KEY_K256, false, &dealers[d]));
	for (CK_ULONG i = 1; i <= 3; i++) {
		h = share(i, 2, 3, 0xe0);
		OK(answer(h, CKM_HANZO_ECIES_PARTIAL, &old[i - 1]));
		OK(renew(h, list, pairs(dealers, 2, i, GOOD, list), NULL, 0, &fresh));
		CHECK(kit_ulong(S, fresh, CKA_HANZO_SHARE_INDEX) == i && kit_ulong(S, fresh, CKA_HANZO_SHARE_THRESHOLD) == 2);
		CHECK(!kit_bool(S, fresh, CKA_EXTRACTABLE) && kit_bool(S, fresh, CKA_SENSITIVE));
		OK(answer(fresh, CKM_HANZO_ECIES_PARTIAL, &new[i - 1]));
		CHECK(shown(fresh, y) && hz_partial_check(&new[i - 1], k_pub, y) && !hz_partial_check(&old[i - 1], k_pub, y));
		CHECK(new[i - 1].id[0] == 0xe1 && !hz_k256_pub_equal(new[i - 1].d, old[i - 1].d));
	}
	OK(hz_partials_combine(both, 2, got));
	CHECK(hz_k256_pub_equal(got, want));
	RV(hz_partials_combine(mixed, 2, got), CKR_DATA_INVALID);
	memcpy(old[2].id, new[0].id, sizeof old[2].id);
	OK(hz_partials_combine(mixed, 2, got));
	CHECK(!hz_k256_pub_equal(got, want));
}

/* What is no set of shares of zero for this share, and what the new share may not be. */
static void refresh_refused(void)
{
	static CK_BYTE list[8192];
	struct kit_pair dealers[2];
	CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
	CK_MECHANISM_TYPE wide[] = { CKM_HANZO_ECIES_PARTIAL, CKM_ECDSA };
	CK_ULONG other = 2, n;
	CK_ATTRIBUTE laxer[] = { A_VAL(CKA_SENSITIVE, sensitive), A_VAL(CKA_EXTRACTABLE, extractable), { CKA_ALLOWED_MECHANISMS, wide, sizeof wide },
				 A_VAL(CKA_HANZO_SHARE_INDEX, other) };
	CK_ATTRIBUTE fixed[] = { A_FALSE(CKA_COPYABLE) };
	CK_OBJECT_HANDLE h = share(1, 2, 3, 0xe0), fresh, copy;

	for (int d = 0; d < 2; d++)
		OK(kit_generate(S, KEY_K256, false, &dealers[d]));
	for (enum spoil bad = OTHER_KEY; bad < SPOILS; bad++) {
		p11_about("refresh spoilt in way %d", (int)bad);
		RV(renew(h, list, pairs(dealers, 2, 1, bad, list), NULL, 0, &fresh), CKR_WRAPPED_KEY_INVALID);
	}
	p11_about(" ");
	n = pairs(dealers, 1, 1, GOOD, list);
	for (size_t i = 0; i < N(laxer); i++)
		RV(renew(h, list, n, &laxer[i], 1, &fresh), CKR_ATTRIBUTE_READ_ONLY);
	RV(renew(key.priv, list, n, NULL, 0, &fresh), CKR_KEY_TYPE_INCONSISTENT);
	RV(renew(0, list, n, NULL, 0, &fresh), CKR_KEY_HANDLE_INVALID);
	RV(renew(h, list, 0, NULL, 0, &fresh), CKR_WRAPPED_KEY_INVALID);
	for (CK_ULONG cut = 0; cut < n; cut += 5)
		RV(renew(h, list, cut, NULL, 0, &fresh), CKR_WRAPPED_KEY_INVALID);
	list[2] = 0;
	RV(renew(h, list, n, NULL, 0, &fresh), CKR_WRAPPED_KEY_INVALID);
	list[2] = 2;
	RV(renew(h, list, n, NULL, 0, &fresh), CKR_WRAPPED_KEY_INVALID);
	list[2] = 1;
	OK(p11->C_CopyObject(S, h, fixed, 1, &copy));
	RV(renew(copy, list, n, NULL, 0, &fresh), CKR_ACTION_PROHIBITED);
	OK(renew(h, list, n, NULL, 0, &fresh));
}

int main(void)
{
	uint8_t eph[32], q[64];
	CK_BYTE raw[32];

	kit_start();
	kit_init_token();
	S = kit_session(1, true);
	kit_login(S);
	rsa = kit_key(S, KEY_RSA);
	key = kit_key(S, KEY_K256);
	OK(kit_generate(S, KEY_K256, false, &node));
	CHECK(hz_k256_generate(eph, k_pub) && hz_k256_pub_write(k_pub, true, k_raw) && shown(key.priv, q) && hz_k256_mul(want, q, eph));
	CHECK(kit_bytes(S, key.priv, CKA_VALUE, raw, 32) == 32);
	all_pairs();
	extremes();
	mixed();
	misuse();
	another_key();
	bad_dealer();
	sums();
	refresh();
	refresh_refused();
	return kit_end();
}
