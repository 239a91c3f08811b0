/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of the side store lies in the device itself, behind the device's own login: a hash of the PIN beside it would let who has the
 * file try PINs that the device counts. An AES key there enciphers two fixed blocks into the store's secret; a device that makes no AES
 * keys holds the secret as a private data object.
 */
#include <string.h>

#include "backend/p11_side.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "crypto/hash.h"
#include "crypto/libctx.h"
#include "store/seal.h"

#define DOMAIN "hanzo-pkcs11/side-key/v1"
enum { CANDIDATES = 8, BLOCK = 16 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, data = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES;
#define LABEL(side) { CKA_LABEL, (side)->label, strlen((side)->label) }

struct asking {
	struct hz_p11_side *side;
	bool make;
	size_t which, n;             /* of the candidates, and how many there are */
	CK_OBJECT_HANDLE made;
};

/* By our token's serial: several slots may lie before one device. */
static void block_of(const struct hz_p11_side *side, uint8_t i, uint8_t out[HZ_HASH_MAX])
{
	struct hz_hash h;

	hz_hash_init(&h, HZ_SHA256);
	hz_hash_update(&h, DOMAIN, sizeof DOMAIN);
	hz_hash_update(&h, side->serial, strlen(side->serial) + 1);
	hz_hash_update(&h, &i, 1);
	hz_hash_final(&h, out);
}

static CK_MECHANISM_TYPE cipher(struct hz_p11 *p)
{
	if (hz_p11_device_does(p, CKM_AES_ECB, CKF_ENCRYPT))
		return CKM_AES_ECB;
	return hz_p11_device_does(p, CKM_AES_CBC, CKF_ENCRYPT) ? CKM_AES_CBC : CK_UNAVAILABLE_INFORMATION;
}

/* One block each, so that CBC without an IV is the same as ECB. */
static CK_RV encipher(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_side *side, CK_OBJECT_HANDLE key)
{
	CK_BYTE zeros[BLOCK] = { 0 }, in[HZ_HASH_MAX];
	CK_MECHANISM m = { cipher(p), zeros, BLOCK };
	CK_RV rv = m.mechanism != CK_UNAVAILABLE_INFORMATION ? CKR_OK : hz_fail(CKR_MECHANISM_INVALID, "the device has no AES any more");

	if (m.mechanism == CKM_AES_ECB)
		m = (CK_MECHANISM){ CKM_AES_ECB, NULL, 0 };
	for (uint8_t i = 1; i <= 2 && rv == CKR_OK; i++) {
		CK_ULONG n = BLOCK;

		block_of(side, i, in);
		rv = p->f->C_EncryptInit(s, &m, key);
		if (rv == CKR_OK)
			rv = p->f->C_Encrypt(s, in, BLOCK, side->secret + (size_t)(i - 1) * BLOCK, &n);
		if (rv == CKR_OK && n != BLOCK)
			rv = hz_fail(CKR_DEVICE_ERROR, "%lu bytes of an AES block", n);
	}
	return rv;
}

static CK_RV read_data(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_side *side, CK_OBJECT_HANDLE h)
{
	CK_ATTRIBUTE v = { CKA_VALUE, side->secret, HZ_SEAL_SECRET };
	CK_RV rv = p->f->C_GetAttributeValue(s, h, &v, 1);

	return rv == CKR_OK && v.ulValueLen != HZ_SEAL_SECRET ? hz_fail(CKR_DEVICE_ERROR, "a secret of %lu bytes", v.ulValueLen) : rv;
}

static CK_RV search(struct hz_p11 *p, CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *found, size_t *k)
{
	CK_ULONG got = 0;
	CK_RV rv = p->f->C_FindObjectsInit(s, t, n);

	if (rv != CKR_OK)
		return rv;
	rv = p->f->C_FindObjects(s, found, CANDIDATES, &got);
	(void)p->f->C_FindObjectsFinal(s);
	*k = rv == CKR_OK && got <= CANDIDATES ? got : 0;
	return rv;
}

static CK_RV make_aes(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_side *side, uint8_t *id, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 },
			     { CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &no, 1 }, LABEL(side), { CKA_ID, id, BLOCK }, { CKA_VALUE_LEN, &len, sizeof len } };

	return p->f->C_GenerateKey(s, &m, t, sizeof t / sizeof t[0], h);
}

static CK_RV make_data(struct hz_p11 *p, CK_SESSION_HANDLE s, struct hz_p11_side *side, CK_OBJECT_HANDLE *h)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data, sizeof data }, { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, LABEL(side),
			     { CKA_VALUE, side->secret, HZ_SEAL_SECRET } };

	if (!hz_random(side->secret, HZ_SEAL_SECRET))
		return hz_fail(CKR_FUNCTION_FAILED, "no random bytes: %s", hz_ossl_reason());
	return p->f->C_CreateObject(s, t, sizeof t / sizeof t[0], h);
}

static CK_RV ask(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct asking *q = arg;
	struct hz_p11_side *side = q->side;
	uint8_t id[HZ_HASH_MAX];
	CK_ATTRIBUTE keys[] = { { CKA_CLASS, &secret_key, sizeof secret_key }, { CKA_KEY_TYPE, &aes, sizeof aes }, { CKA_TOKEN, &yes, 1 },
				{ CKA_ID, id, BLOCK } };
	CK_ATTRIBUTE values[] = { { CKA_CLASS, &data, sizeof data }, { CKA_TOKEN, &yes, 1 }, LABEL(side),
				  { CKA_PRIVATE, &yes, 1 } };
	CK_OBJECT_HANDLE found[2 * CANDIDATES];
	size_t n = 0, k = 0;
	CK_RV rv;

	block_of(side, 0, id);
	rv = search(p, s, keys, 4, found, &n);
	if (rv == CKR_OK)
		rv = search(p, s, values, 4, found + n, &k);
	q->n = n + k;
	if (rv != CKR_OK || (q->n == 0 && !q->make))
		return rv != CKR_OK ? rv : hz_fail(CKR_DEVICE_ERROR, "the device has not the key of the store beside it");
	if (q->which < n)
		return encipher(p, s, side, found[q->which]);
	if (q->which < q->n)
		return read_data(p, s, side, found[q->which]);
	rv = cipher(p) != CK_UNAVAILABLE_INFORMATION ? make_aes(p, s, side, id, &q->made) : CKR_MECHANISM_INVALID;
	if (rv == CKR_OK)
		return encipher(p, s, side, q->made);
	return hz_p11_lost(rv) ? rv : make_data(p, s, side, &q->made);
}

static CK_RV unmake(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	return p->f->C_DestroyObject(s, ((struct asking *)arg)->made);
}

bool hz_p11_side_later(CK_RV rv)
{
	switch (rv) {
	case CKR_HOST_MEMORY:
	case CKR_DEVICE_MEMORY:
	case CKR_TOKEN_RESOURCE_EXCEEDED:
	case CKR_SESSION_COUNT:
	case HZ_P11_BLOCKED:
	case HZ_P11_UNCERTAIN:
		return true;
	default:
		return hz_p11_lost(rv);
	}
}

/* Each candidate: two processes may have made one each at the same time. A new key without a store is taken back. */
static CK_RV try_all(struct hz_p11 *p, bool make)
{
	struct hz_p11_side *side = p->side;
	struct asking q = { side, make, 0, 0, CK_INVALID_HANDLE };
	CK_RV rv;

	do {
		rv = hz_p11_run_raw(p, ask, &q);
		if (!hz_p11_side_later(rv))
			rv = hz_p11_code(rv);
		if (rv == CKR_OK)
			rv = hz_store_login(side->store, false, NULL, 0, true);
	} while (rv == CKR_DEVICE_ERROR && ++q.which < q.n);
	hz_wipe(side->secret, HZ_SEAL_SECRET);
	if (rv != CKR_OK && q.made != CK_INVALID_HANDLE)
		(void)hz_p11_run(p, unmake, &q);
	side->open = rv == CKR_OK;
	side->opener = side->open ? p : NULL;
	side->which = q.which;
	p->side_key = side->open;
	return rv;
}

static bool usable(const struct hz_p11 *p)
{
	return p->login_wanted && atomic_load(&p->up) && (p->side_refused == 0 || p->side_refused != atomic_load(&p->era));
}

/* The module that asks first, then the others of the slot; a key is made in one device only. */
static CK_RV open_by_any(struct hz_p11 *p, bool make)
{
	struct hz_p11_side *side = p->side;
	CK_RV rv = hz_fail(CKR_DEVICE_ERROR, "the store beside the device did not open"), one;

	for (size_t i = 0; i <= side->n_of && !side->open; i++) {
		struct hz_p11 *m = i == 0 ? p : side->of[i - 1];

		if ((i != 0 && m == p) || (i == 0 ? p->side_refused == atomic_load(&p->era) && p->side_refused != 0 : !usable(m)))
			continue;
		one = try_all(m, false);
		rv = i == 0 || one == CKR_OK ? one : rv;
		m->side_refused = one == CKR_OK || (hz_p11_side_later(one) && one != CKR_USER_NOT_LOGGED_IN) ? 0 : atomic_load(&m->era);
	}
	return rv != CKR_OK && make ? try_all(p, true) : rv;
}

static CK_RV give(struct hz_p11 *p, CK_SESSION_HANDLE s, void *arg)
{
	struct asking *q = arg;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data, sizeof data }, { CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, LABEL(q->side),
			     { CKA_VALUE, q->side->secret, HZ_SEAL_SECRET } };

	return p->f->C_CreateObject(s, t, sizeof t / sizeof t[0], &q->made);
}

/* Another module of the slot opened the store: its secret goes to this one's device too, so that it can serve alone some day. */
static void share(struct hz_p11 *p)
{
	struct hz_p11_side *side = p->side;
	struct asking q = { side, false, side->which, 0, CK_INVALID_HANDLE }, mine = { side, false, 0, 0, CK_INVALID_HANDLE };
	CK_RV rv;

	if (p->side_key || side->opener == NULL || side->opener == p || !usable(p))
		return;
	p->side_key = true; /* once a login, whatever comes of it */
	rv = hz_p11_run(p, ask, &mine);
	if (rv != CKR_OK && mine.n == 0 && hz_p11_run(side->opener, ask, &q) == CKR_OK) {
		rv = hz_p11_run(p, give, &q);
		if (rv != CKR_OK)
			hz_log(HZ_LOG_WARNING, "token %s: a module cannot keep the key of the store beside it: %s", side->serial, hz_ckr_name(rv));
	}
	hz_wipe(side->secret, HZ_SEAL_SECRET);
}

CK_RV hz_p11_side_open(struct hz_p11 *p, bool make)
{
	CK_RV rv = CKR_OK;

	if (!p->login_wanted)
		return hz_fail(CKR_USER_NOT_LOGGED_IN, "the store beside the device opens with the device's login");
	if (!p->side->open)
		rv = open_by_any(p, make);
	for (size_t i = 0; i < p->side->n_of && rv == CKR_OK; i++)
		share(p->side->of[i]);
	return rv;
}

bool hz_p11_side_key(struct hz_p11 *p, const struct hz_attrs *a)
{
	const struct hz_attr *v = hz_attrs_find(a, CKA_LABEL);
	const size_t n = sizeof HZ_P11_SIDE_LABEL - 1;

	if (v == NULL || v->len < n || memcmp(v->value, HZ_P11_SIDE_LABEL, n) != 0)
		return false;
	if (v->len == strlen(p->side->label) && memcmp(v->value, p->side->label, v->len) == 0)
		atomic_store(&p->side->key_seen, true);
	return true;
}
