/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms of the slot: what the device does, what needs no secret and is done here, and what is composed of both. */
#include <stdlib.h>
#include <string.h>

#include "backend/p11_int.h"
#include "base/error.h"

#define DEVICE_MAX 1024

struct hz_p11_device_mech {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
};

struct hz_p11_device_list {
	struct hz_p11_device_mech v[DEVICE_MAX];
	size_t n;
};

static CK_FLAGS flags_of(const struct hz_p11_device_list *l, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].type == type)
			return l->v[i].info.flags;
	return 0;
}

static CK_RV ask(struct hz_p11 *p, struct hz_p11_device_list *l)
{
	CK_MECHANISM_TYPE types[DEVICE_MAX];
	CK_ULONG n = DEVICE_MAX;
	CK_RV rv = hz_p11_ready(p);

	l->n = 0;
	if (rv == CKR_OK)
		rv = p->f->C_GetMechanismList(p->slot, types, &n);
	if (rv != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n && i < DEVICE_MAX; i++) {
		struct hz_p11_device_mech *m = &l->v[l->n];

		memset(m, 0, sizeof *m);
		m->type = types[i];
		l->n += p->f->C_GetMechanismInfo(p->slot, types[i], &m->info) == CKR_OK;
	}
	return CKR_OK;
}

static bool asymmetric(const struct hz_mech_row *row)
{
	switch (row->key_types[0]) {
	case CKK_RSA:
	case CKK_EC:
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY:
	case CKK_ML_DSA:
	case CKK_ML_KEM:
		return true;
	default:
		return false;
	}
}

/* What is hashed here and signed there. */
static const struct { CK_MECHANISM_TYPE type, hash, raw; } composed[] = {
	{ CKM_ECDSA_SHA224, CKM_SHA224, CKM_ECDSA }, { CKM_ECDSA_SHA256, CKM_SHA256, CKM_ECDSA },
	{ CKM_ECDSA_SHA384, CKM_SHA384, CKM_ECDSA }, { CKM_ECDSA_SHA512, CKM_SHA512, CKM_ECDSA },
	{ CKM_ECDSA_SHA3_224, CKM_SHA3_224, CKM_ECDSA }, { CKM_ECDSA_SHA3_256, CKM_SHA3_256, CKM_ECDSA },
	{ CKM_ECDSA_SHA3_384, CKM_SHA3_384, CKM_ECDSA }, { CKM_ECDSA_SHA3_512, CKM_SHA3_512, CKM_ECDSA },
	{ CKM_SHA224_RSA_PKCS, CKM_SHA224, CKM_RSA_PKCS }, { CKM_SHA256_RSA_PKCS, CKM_SHA256, CKM_RSA_PKCS },
	{ CKM_SHA384_RSA_PKCS, CKM_SHA384, CKM_RSA_PKCS }, { CKM_SHA512_RSA_PKCS, CKM_SHA512, CKM_RSA_PKCS },
	{ CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224, CKM_RSA_PKCS }, { CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256, CKM_RSA_PKCS },
	{ CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384, CKM_RSA_PKCS }, { CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512, CKM_RSA_PKCS },
	{ CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224, CKM_RSA_PKCS_PSS }, { CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKM_RSA_PKCS_PSS },
	{ CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKM_RSA_PKCS_PSS }, { CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKM_RSA_PKCS_PSS },
	{ CKM_ECDSA, 0, CKM_ECDSA }, { CKM_RSA_PKCS, 0, CKM_RSA_PKCS }, { CKM_RSA_X_509, 0, CKM_RSA_X_509 },
	{ CKM_RSA_PKCS_PSS, 0, CKM_RSA_PKCS_PSS },
};

CK_MECHANISM_TYPE hz_p11_raw_mech(CK_MECHANISM_TYPE type, CK_MECHANISM_TYPE *hash)
{
	for (size_t i = 0; i < sizeof composed / sizeof composed[0]; i++)
		if (composed[i].type == type) {
			*hash = composed[i].hash;
			return composed[i].raw;
		}
	return CK_UNAVAILABLE_INFORMATION;
}

/* A device that lists what a key may do lists its own mechanisms: what is composed of them does no more. */
CK_RV hz_p11_widen_allowed(struct hz_attrs *a)
{
	const struct hz_attr *list = hz_attrs_find(a, CKA_ALLOWED_MECHANISMS);
	CK_MECHANISM_TYPE out[512];
	size_t had, n;

	if (list == NULL || list->len > sizeof out / 2)
		return CKR_OK;
	memcpy(out, list->value, list->len);
	n = had = list->len / sizeof out[0];
	for (size_t i = 0; i < sizeof composed / sizeof composed[0]; i++) {
		bool raw = false, itself = false;

		for (size_t k = 0; k < had; k++) {
			raw |= out[k] == composed[i].raw;
			itself |= out[k] == composed[i].type;
		}
		if (raw && !itself)
			out[n++] = composed[i].type;
	}
	return n != had ? hz_attrs_set(a, CKA_ALLOWED_MECHANISMS, out, n * sizeof out[0], false) : CKR_OK;
}

/* Model weights: what wraps the file key. Without GCM it is key wrap with padding, of data or of a key that is made for the moment. */
static CK_FLAGS wraps_file_keys(const struct hz_p11_device_list *l)
{
	CK_FLAGS gcm = flags_of(l, CKM_AES_GCM), kwp = flags_of(l, CKM_AES_KEY_WRAP_KWP), both = CKF_ENCRYPT | CKF_DECRYPT;

	if ((gcm & both) != 0)
		return gcm & both;
	return (kwp & both) | ((kwp & CKF_WRAP) != 0 ? CKF_ENCRYPT : 0) | ((kwp & CKF_UNWRAP) != 0 ? CKF_DECRYPT : 0);
}

/* Vendor mechanisms on a device's secp256k1 key; those that want the private number itself are not offered. */
static CK_FLAGS vendor_flags(const struct hz_p11_device_list *l, CK_MECHANISM_TYPE type)
{
	bool signs = (flags_of(l, CKM_ECDSA) & CKF_SIGN) != 0, agrees = (flags_of(l, CKM_ECDH1_DERIVE) & CKF_DERIVE) != 0;

	switch (type) {
	case CKM_HANZO_POAI:
	case CKM_HANZO_HMM_SETTLEMENT:
	case CKM_HANZO_EIP712:
	case CKM_HANZO_ECDSA_RECOVERABLE:
	case CKM_HANZO_ECDSA_KECCAK256:
	case CKM_HANZO_CERT_SUBJECT:
		return CKF_VERIFY | (signs ? CKF_SIGN : 0);
	case CKM_HANZO_ECIES:
		return CKF_ENCRYPT | CKF_WRAP | (agrees ? CKF_DECRYPT | CKF_UNWRAP : 0);
	case CKM_HANZO_SHARE_REFRESH:
		return agrees ? CKF_UNWRAP : 0;
	case CKM_HANZO_ECIES_DELEGATE:
		return agrees ? CKF_WRAP : 0;
	case CKM_HANZO_ECIES_PARTIAL: /* shares are keys of the session */
	case CKM_HANZO_SHAMIR_SHARE:
		return CKF_WRAP;
	case CKM_HANZO_KECCAK256:
		return CKF_DIGEST;
	case CKM_HANZO_MODEL_WEIGHTS:
		return wraps_file_keys(l);
	default:
		return CKF_VERIFY;
	}
}

#define BY_DEVICE                                                                                                                  \
	(CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_SIGN_RECOVER | CKF_VERIFY | CKF_GENERATE | CKF_GENERATE_KEY_PAIR | CKF_WRAP |      \
	 CKF_UNWRAP | CKF_DERIVE)
#define BY_PUBLIC_KEY (CKF_ENCRYPT | CKF_VERIFY | CKF_VERIFY_RECOVER)
#define WORK (BY_DEVICE | CKF_DIGEST | CKF_VERIFY_RECOVER)
#define MESSAGES (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE)

/* Messages are made of the device's one-shot calls. */
static CK_FLAGS messages(CK_FLAGS soft, CK_FLAGS device)
{
	CK_FLAGS f = ((device & CKF_ENCRYPT) != 0 ? CKF_MESSAGE_ENCRYPT : 0) | ((device & CKF_DECRYPT) != 0 ? CKF_MESSAGE_DECRYPT : 0);

	return f != 0 ? soft & (f | CKF_MULTI_MESSAGE) : 0;
}

static CK_FLAGS offered(const struct hz_p11_device_list *l, const struct hz_mech_row *soft)
{
	CK_FLAGS sf = soft->info.flags, df = flags_of(l, soft->type), f;
	CK_MECHANISM_TYPE hash, raw = hz_p11_raw_mech(soft->type, &hash);

	if ((soft->type & ~(CK_MECHANISM_TYPE)0xff) == (CKM_HANZO_ECIES & ~(CK_MECHANISM_TYPE)0xff))
		return sf & vendor_flags(l, soft->type);
	f = (sf & df & BY_DEVICE) | (sf & CKF_DIGEST) | messages(sf, df);
	if (asymmetric(soft))
		f |= sf & BY_PUBLIC_KEY;
	if (raw != CK_UNAVAILABLE_INFORMATION)
		f |= sf & flags_of(l, raw) & CKF_SIGN;
	if (soft->type == CKM_AES_KEY_WRAP_KWP)
		f |= sf & flags_of(l, CKM_AES_KEY_WRAP_PAD) & CKF_UNWRAP;
	return f;
}

static void make_row(const struct hz_p11_device_list *l, const struct hz_mech_row *soft, struct hz_mech_row *row)
{
	CK_FLAGS f = offered(l, soft);

	*row = *soft;
	row->info.flags = f | (soft->info.flags & ~(CK_FLAGS)(WORK | MESSAGES | CKF_ENCAPSULATE | CKF_DECAPSULATE));
	for (size_t i = 0; i < l->n; i++) {
		const CK_MECHANISM_INFO *d = &l->v[i].info;

		if (l->v[i].type != soft->type)
			continue;
		row->info.flags |= d->flags & CKF_HW;
		if (d->ulMaxKeySize != 0 && d->ulMaxKeySize != CK_UNAVAILABLE_INFORMATION) {
			row->info.ulMinKeySize = d->ulMinKeySize;
			row->info.ulMaxKeySize = d->ulMaxKeySize;
		}
	}
}

static CK_RV build(struct hz_p11 *p)
{
	size_t all = hz_soft_mech_list(NULL, 0);
	CK_MECHANISM_TYPE *types = calloc(all, sizeof *types);
	struct hz_p11_device_list *l = calloc(1, sizeof *l);
	CK_RV rv = types != NULL && l != NULL ? ask(p, l) : CKR_HOST_MEMORY;

	if (rv == CKR_OK) {
		p->mechs = calloc(all, sizeof *p->mechs);
		rv = p->mechs != NULL ? CKR_OK : CKR_HOST_MEMORY;
	}
	(void)hz_soft_mech_list(types, types != NULL ? all : 0);
	for (size_t i = 0; rv == CKR_OK && i < all; i++) {
		const struct hz_soft_mech *soft = hz_soft_mech_find(types[i]);
		struct hz_mech_row *row = &p->mechs[p->n_mechs];

		make_row(l, &soft->row, row);
		p->n_mechs += (row->info.flags & WORK) != 0;
	}
	free(types);
	p->device = rv == CKR_OK ? l : NULL;
	if (rv != CKR_OK)
		free(l);
	return rv;
}

/* Once, when the device first answers: the list is always the same. */
static bool ready(struct hz_p11 *p)
{
	if (atomic_load_explicit(&p->mechs_ready, memory_order_acquire))
		return true;
	if (hz_p11_lock(p, &p->mechs_lock) != CKR_OK)
		return false;
	if (!atomic_load(&p->mechs_ready) && build(p) == CKR_OK)
		atomic_store(&p->mechs_ready, true);
	pthread_mutex_unlock(&p->mechs_lock);
	return atomic_load(&p->mechs_ready);
}

const struct hz_mech_row *hz_p11_mech(struct hz_backend *be, CK_MECHANISM_TYPE type)
{
	struct hz_p11 *p = hz_p11_self(be);
	size_t lo = 0, hi;

	if (!ready(p))
		return NULL;
	for (hi = p->n_mechs; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->mechs[mid].type < type)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n_mechs && p->mechs[lo].type == type ? &p->mechs[lo] : NULL;
}

size_t hz_p11_mech_list(struct hz_backend *be, CK_MECHANISM_TYPE *out, size_t room)
{
	struct hz_p11 *p = hz_p11_self(be);

	if (!ready(p))
		return 0;
	for (size_t i = 0; i < p->n_mechs && i < room; i++)
		out[i] = p->mechs[i].type;
	return p->n_mechs;
}

/*
 * RFC 5649 has two numbers: devices before 3.0 know CKM_AES_KEY_WRAP_PAD only. One that means another padding by it refuses the blob, so
 * it may unwrap; what it would wrap is not trusted to be RFC 5649.
 */
CK_MECHANISM_TYPE hz_p11_unwrap_mech(struct hz_p11 *p, CK_MECHANISM_TYPE type)
{
	bool other = type == CKM_AES_KEY_WRAP_KWP && !hz_p11_device_does(p, type, CKF_UNWRAP) &&
		     hz_p11_device_does(p, CKM_AES_KEY_WRAP_PAD, CKF_UNWRAP);

	return other ? CKM_AES_KEY_WRAP_PAD : type;
}

bool hz_p11_device_does(struct hz_p11 *p, CK_MECHANISM_TYPE type, CK_FLAGS flag)
{
	return ready(p) && (flags_of(p->device, type) & flag) == flag;
}
