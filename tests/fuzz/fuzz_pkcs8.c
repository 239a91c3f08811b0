/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: PKCS #8 of every key type, SubjectPublicKeyInfo, and the forms of points and curve parameters. First byte: what the rest is. */
#include <stdlib.h>
#include <string.h>

#include "backend/soft_asym.h"
#include "crypto/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(c) ((c) ? (void)0 : abort())

static const CK_KEY_TYPE ec_types[] = { CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY };

/* What is taken must come out again, and a second time the same. */
static void private_key(const uint8_t *data, size_t size)
{
	struct hz_attrs a = HZ_ATTRS_INIT, b = HZ_ATTRS_INIT;
	struct hz_buf out = HZ_BUF_SECRET, again = HZ_BUF_SECRET;
	struct hz_key *key = NULL, *second = NULL;

	if (hz_soft_from_pkcs8(data, size, &a) == CKR_OK) {
		CHECK(hz_soft_key_new(&a, &key) == CKR_OK);
		/* a three-prime RSA key has no PKCS #8 form of ours */
		if (hz_soft_pkcs8(key, &out) == CKR_OK) {
			CHECK(hz_soft_from_pkcs8(out.p, out.len, &b) == CKR_OK && hz_soft_key_new(&b, &second) == CKR_OK);
			CHECK(hz_soft_pkcs8(second, &again) == CKR_OK);
			CHECK(again.len == out.len && memcmp(again.p, out.p, out.len) == 0);
		}
	}
	hz_soft_key_free(key);
	hz_soft_key_free(second);
	hz_attrs_free(&a);
	hz_attrs_free(&b);
	hz_buf_free(&out);
	hz_buf_free(&again);
}

static void set(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, const void *p, size_t n)
{
	CHECK(hz_attrs_set(a, type, p, n, false) == CKR_OK);
}

/* u8 length of the parameters, the parameters, the point. */
static void public_key(CK_KEY_TYPE type, const uint8_t *data, size_t size)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	struct hz_key *key = NULL;
	size_t n = size > 0 ? data[0] : 0;

	if (size < 1 + n)
		return;
	CHECK(hz_attrs_set_ulong(&a, CKA_CLASS, CKO_PUBLIC_KEY) == CKR_OK && hz_attrs_set_ulong(&a, CKA_KEY_TYPE, type) == CKR_OK);
	set(&a, CKA_EC_PARAMS, data + 1, n);
	set(&a, CKA_EC_POINT, data + 1 + n, size - 1 - n);
	if (hz_soft_complete(&a) == CKR_OK) {
		CHECK(hz_soft_key_new(&a, &key) == CKR_OK);
		CHECK(hz_attrs_find(&a, CKA_PUBLIC_KEY_INFO) != NULL);
	}
	hz_soft_key_free(key);
	hz_attrs_free(&a);
}

static void spki(const uint8_t *data, size_t size)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	struct hz_key *key = NULL;

	if (hz_soft_from_spki(data, size, &a) == CKR_OK)
		CHECK(hz_soft_key_new(&a, &key) == CKR_OK);
	hz_soft_key_free(key);
	hz_attrs_free(&a);
}

static void certificate(const uint8_t *data, size_t size)
{
	struct hz_attrs a = HZ_ATTRS_INIT;

	CHECK(hz_attrs_set_ulong(&a, CKA_CLASS, CKO_CERTIFICATE) == CKR_OK);
	set(&a, CKA_VALUE, data, size);
	CHECK(hz_soft_complete(&a) == CKR_OK);
	hz_attrs_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 6) {
	case 0:
		private_key(data + 1, size - 1);
		break;
	case 4:
		certificate(data + 1, size - 1);
		break;
	case 5:
		spki(data + 1, size - 1);
		break;
	default:
		public_key(ec_types[data[0] % 6 - 1], data + 1, size - 1);
		break;
	}
	return 0;
}
