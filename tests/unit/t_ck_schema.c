/* SPDX-License-Identifier: Apache-2.0 */
/* Unit test of the schema for new objects: codes, defaults and what the module makes, for each origin. */
#include <stdlib.h>

#include "ck_util.h"

#define ANY ((CK_ULONG)-1)
#define AES16 "0123456789abcdef"

static struct hz_attrs made;

/* hz_schema_new from a caller's template; the result lies in `made`. */
static CK_RV
new_object(enum hz_origin origin, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_CLASS cls, CK_KEY_TYPE kt, bool so)
{
	struct hz_attrs tmpl;
	CK_RV rv = hz_attrs_copy_in(&tmpl, t, n, true);

	hz_attrs_free(&made);
	if (rv == CKR_OK)
		rv = hz_schema_new(&made, origin, &tmpl, cls, kt, CKM_AES_KEY_GEN, so);
	hz_attrs_free(&tmpl);
	return rv;
}

#define NEW(origin, t) new_object(origin, t, COUNT(t), ANY, ANY, false)
/* CKA_x of the object is TRUE or FALSE (and there). */
#define IS(type, v) ck_assert_msg(hz_attrs_bool(&made, type, !(v)) == (v), #type " is not " #v)

/* As t, but without (drop) or with another (other) attribute of that type. */
static CK_RV
varied(enum hz_origin origin, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE drop, const CK_ATTRIBUTE *other)
{
	CK_ATTRIBUTE v[32];
	CK_ULONG m = 0;

	for (CK_ULONG i = 0; i < n; i++) {
		if (t[i].type != drop)
			v[m++] = t[i];
	}
	if (other != NULL)
		v[m++] = *other;
	return new_object(origin, v, m, ANY, ANY, false);
}

START_TEST(create_secret_key)
{
	CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, CKO_SECRET_KEY), ULONG(CKA_KEY_TYPE, CKK_AES), BYTES(CKA_VALUE, AES16) };
	CK_ATTRIBUTE token = TRUE_(CKA_TOKEN), len16 = ULONG(CKA_VALUE_LEN, 16), len32 = ULONG(CKA_VALUE_LEN, 32);
	const struct { CK_ATTRIBUTE at; CK_RV rv; } with[] = {
		{ TRUE_(CKA_LOCAL), CKR_ATTRIBUTE_READ_ONLY },
		{ FALSE_(CKA_ALWAYS_SENSITIVE), CKR_ATTRIBUTE_READ_ONLY },
		{ FALSE_(CKA_NEVER_EXTRACTABLE), CKR_ATTRIBUTE_READ_ONLY },
		{ ULONG(CKA_KEY_GEN_MECHANISM, 1), CKR_ATTRIBUTE_READ_ONLY },
		{ BYTES(CKA_UNIQUE_ID, "u"), CKR_ATTRIBUTE_READ_ONLY },
		{ ULONG(CKA_HANZO_TIER, 4), CKR_ATTRIBUTE_READ_ONLY },
		{ TRUE_(CKA_TRUSTED), CKR_ATTRIBUTE_READ_ONLY },
		{ FALSE_(CKA_TRUSTED), CKR_OK },
		{ BYTES(CKA_MODULUS, "x"), CKR_TEMPLATE_INCONSISTENT },
		{ BYTES(CKA_PRIME, "x"), CKR_TEMPLATE_INCONSISTENT },
		{ TRUE_(CKA_SIGN_RECOVER), CKR_TEMPLATE_INCONSISTENT },
		{ BYTES(CKA_HANZO_KEYSPACE, "data:t:n"), CKR_OK },
	};

	RV(CKR_OK, NEW(HZ_CREATE, t));
	IS(CKA_TOKEN, false); IS(CKA_PRIVATE, true); IS(CKA_MODIFIABLE, true); IS(CKA_COPYABLE, true); IS(CKA_DESTROYABLE, true);
	IS(CKA_SENSITIVE, false); IS(CKA_EXTRACTABLE, true); IS(CKA_LOCAL, false); IS(CKA_ALWAYS_SENSITIVE, false);
	IS(CKA_NEVER_EXTRACTABLE, false); IS(CKA_ENCRYPT, true); IS(CKA_DECRYPT, true); IS(CKA_SIGN, true); IS(CKA_WRAP, false);
	IS(CKA_UNWRAP, false); IS(CKA_DERIVE, false); IS(CKA_TRUSTED, false); IS(CKA_WRAP_WITH_TRUSTED, false);
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_KEY_GEN_MECHANISM, 5), CK_UNAVAILABLE_INFORMATION);
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_VALUE_LEN, 0), 16);
	ck_assert(hz_attrs_find(&made, CKA_LABEL)->len == 0 && hz_attrs_find(&made, CKA_ID)->len == 0);
	ck_assert(hz_attrs_find(&made, CKA_START_DATE)->len == 0 && hz_attrs_find(&made, CKA_ALLOWED_MECHANISMS) == NULL);
	ck_assert(hz_attrs_find(&made, CKA_VALUE)->secret && hz_attrs_find(&made, CKA_UNIQUE_ID) == NULL);
	RV(CKR_OK, varied(HZ_CREATE, t, 3, ANY, &token));
	IS(CKA_SENSITIVE, true); IS(CKA_EXTRACTABLE, false);
	RV(CKR_OK, varied(HZ_CREATE, t, 3, ANY, &(CK_ATTRIBUTE)TRUE_(CKA_SENSITIVE)));
	IS(CKA_EXTRACTABLE, false); IS(CKA_ALWAYS_SENSITIVE, false);
	for (size_t i = 0; i < COUNT(with); i++)
		RV(with[i].rv, varied(HZ_CREATE, t, 3, ANY, &with[i].at));
	for (CK_ATTRIBUTE_TYPE drop = 0; drop < 3; drop++)
		RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, t, 3, t[drop].type, NULL));
	RV(CKR_OK, varied(HZ_CREATE, t, 3, ANY, &len16));
	RV(CKR_TEMPLATE_INCONSISTENT, varied(HZ_CREATE, t, 3, ANY, &len32));
	RV(CKR_ATTRIBUTE_VALUE_INVALID, varied(HZ_CREATE, t, 3, CKA_VALUE, &(CK_ATTRIBUTE)BYTES(CKA_VALUE, AES16 "x")));
	RV(CKR_ATTRIBUTE_VALUE_INVALID, varied(HZ_CREATE, t, 3, CKA_VALUE, &(CK_ATTRIBUTE){ CKA_VALUE, NULL, 0 }));
	RV(CKR_ATTRIBUTE_VALUE_INVALID, varied(HZ_CREATE, t, 3, CKA_KEY_TYPE, &(CK_ATTRIBUTE)ULONG(CKA_KEY_TYPE, CKK_DES3)));
	RV(CKR_ATTRIBUTE_VALUE_INVALID, varied(HZ_CREATE, t, 3, CKA_KEY_TYPE, &(CK_ATTRIBUTE)ULONG(CKA_KEY_TYPE, CKK_RSA)));
	RV(CKR_OK, varied(HZ_CREATE, t, 3, CKA_KEY_TYPE, &(CK_ATTRIBUTE)ULONG(CKA_KEY_TYPE, CKK_GENERIC_SECRET)));
	RV(CKR_ATTRIBUTE_VALUE_INVALID, varied(HZ_CREATE, t, 3, CKA_KEY_TYPE, &(CK_ATTRIBUTE)ULONG(CKA_KEY_TYPE, CKK_CHACHA20)));
}
END_TEST

START_TEST(only_the_so_trusts)
{
	CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, CKO_SECRET_KEY), ULONG(CKA_KEY_TYPE, CKK_AES), BYTES(CKA_VALUE, AES16), TRUE_(CKA_TRUSTED) };

	RV(CKR_ATTRIBUTE_READ_ONLY, new_object(HZ_CREATE, t, 4, ANY, ANY, false));
	RV(CKR_OK, new_object(HZ_CREATE, t, 4, ANY, ANY, true));
	IS(CKA_TRUSTED, true);
}
END_TEST

START_TEST(generate_secret_key)
{
	CK_ATTRIBUTE t[] = { ULONG(CKA_VALUE_LEN, 32), BYTES(CKA_LABEL, "k"), ULONG(CKA_KEY_TYPE, CKK_AES) };

	RV(CKR_OK, new_object(HZ_GENERATE, t, 3, CKO_SECRET_KEY, CKK_AES, false));
	IS(CKA_SENSITIVE, true); IS(CKA_EXTRACTABLE, false); IS(CKA_ALWAYS_SENSITIVE, true); IS(CKA_NEVER_EXTRACTABLE, true);
	IS(CKA_LOCAL, true); IS(CKA_PRIVATE, true);
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_CLASS, 0), CKO_SECRET_KEY);
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_KEY_GEN_MECHANISM, 0), CKM_AES_KEY_GEN);
	RV(CKR_TEMPLATE_INCONSISTENT, new_object(HZ_GENERATE, t, 3, CKO_SECRET_KEY, CKK_GENERIC_SECRET, false));
	RV(CKR_TEMPLATE_INCOMPLETE, new_object(HZ_GENERATE, t + 1, 2, CKO_SECRET_KEY, CKK_AES, false));
	t[0] = (CK_ATTRIBUTE)ULONG(CKA_VALUE_LEN, 17);
	RV(CKR_ATTRIBUTE_VALUE_INVALID, new_object(HZ_GENERATE, t, 3, CKO_SECRET_KEY, CKK_AES, false));
	t[0] = (CK_ATTRIBUTE)ULONG(CKA_VALUE_LEN, (CK_ULONG)-1);
	RV(CKR_ATTRIBUTE_VALUE_INVALID, new_object(HZ_GENERATE, t, 2, CKO_SECRET_KEY, CKK_GENERIC_SECRET, false));
	t[0] = (CK_ATTRIBUTE)BYTES(CKA_VALUE, AES16);
	RV(CKR_ATTRIBUTE_READ_ONLY, new_object(HZ_GENERATE, t, 3, CKO_SECRET_KEY, CKK_AES, false));
	t[0] = (CK_ATTRIBUTE)ULONG(CKA_CLASS, CKO_PRIVATE_KEY);
	RV(CKR_TEMPLATE_INCONSISTENT, new_object(HZ_GENERATE, t, 3, CKO_SECRET_KEY, CKK_AES, false));
	t[0] = (CK_ATTRIBUTE)FALSE_(CKA_SENSITIVE);
	RV(CKR_OK, new_object(HZ_GENERATE, t, 2, CKO_SECRET_KEY, CKK_CHACHA20, false));
	IS(CKA_SENSITIVE, false); IS(CKA_EXTRACTABLE, false); IS(CKA_ALWAYS_SENSITIVE, false); IS(CKA_NEVER_EXTRACTABLE, true);
}
END_TEST

START_TEST(unwrap_and_derive)
{
	CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, CKO_SECRET_KEY), ULONG(CKA_KEY_TYPE, CKK_AES), ULONG(CKA_VALUE_LEN, 16) };
	CK_ATTRIBUTE value = BYTES(CKA_VALUE, AES16), pair[] = { ULONG(CKA_CLASS, CKO_PUBLIC_KEY), ULONG(CKA_KEY_TYPE, CKK_RSA) };

	RV(CKR_OK, NEW(HZ_UNWRAP, t));
	IS(CKA_SENSITIVE, false); IS(CKA_EXTRACTABLE, true); IS(CKA_LOCAL, false); IS(CKA_ALWAYS_SENSITIVE, false); IS(CKA_NEVER_EXTRACTABLE, false);
	RV(CKR_ATTRIBUTE_READ_ONLY, varied(HZ_UNWRAP, t, 3, ANY, &value));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_UNWRAP, t, 3, CKA_CLASS, NULL));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_UNWRAP, t, 3, CKA_KEY_TYPE, NULL));
	RV(CKR_OK, varied(HZ_UNWRAP, t, 3, ANY, &(CK_ATTRIBUTE)TRUE_(CKA_TOKEN)));
	IS(CKA_SENSITIVE, true); IS(CKA_EXTRACTABLE, false); IS(CKA_ALWAYS_SENSITIVE, false);
	RV(CKR_ATTRIBUTE_VALUE_INVALID, NEW(HZ_UNWRAP, pair));
	pair[0] = (CK_ATTRIBUTE)ULONG(CKA_CLASS, CKO_PRIVATE_KEY);
	RV(CKR_OK, NEW(HZ_UNWRAP, pair));
	IS(CKA_SENSITIVE, true); IS(CKA_EXTRACTABLE, false); IS(CKA_SIGN, true);
	RV(CKR_ATTRIBUTE_READ_ONLY, varied(HZ_UNWRAP, pair, 2, ANY, &(CK_ATTRIBUTE)BYTES(CKA_MODULUS, "m")));

	RV(CKR_OK, NEW(HZ_DERIVE, t));
	IS(CKA_SENSITIVE, false); IS(CKA_EXTRACTABLE, true);
	RV(CKR_ATTRIBUTE_READ_ONLY, varied(HZ_DERIVE, t, 3, ANY, &value));
	RV(CKR_OK, new_object(HZ_DERIVE, NULL, 0, ANY, ANY, false)); /* silent: a generic secret */
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_KEY_TYPE, 0), CKK_GENERIC_SECRET);
	RV(CKR_OK, varied(HZ_DERIVE, t, 3, ANY, &(CK_ATTRIBUTE)TRUE_(CKA_SENSITIVE)));
	IS(CKA_EXTRACTABLE, false); IS(CKA_ALWAYS_SENSITIVE, true); IS(CKA_NEVER_EXTRACTABLE, true);
	RV(CKR_OK, new_object(HZ_DERIVE, NULL, 0, CKO_DATA, ANY, false));
}
END_TEST

START_TEST(inheritance)
{
	CK_ATTRIBUTE t[] = { TRUE_(CKA_SENSITIVE), FALSE_(CKA_EXTRACTABLE) };
	struct hz_attrs base = HZ_ATTRS_INIT;

	RV(CKR_OK, NEW(HZ_DERIVE, t));
	RV(CKR_OK, hz_attrs_set_bool(&base, CKA_ALWAYS_SENSITIVE, true));
	RV(CKR_OK, hz_attrs_set_bool(&base, CKA_NEVER_EXTRACTABLE, true));
	RV(CKR_OK, hz_schema_inherit(&made, &base));
	IS(CKA_ALWAYS_SENSITIVE, true); IS(CKA_NEVER_EXTRACTABLE, true);
	RV(CKR_OK, hz_attrs_set_bool(&base, CKA_ALWAYS_SENSITIVE, false));
	RV(CKR_OK, hz_schema_inherit(&made, &base));
	IS(CKA_ALWAYS_SENSITIVE, false); IS(CKA_NEVER_EXTRACTABLE, true);
	RV(CKR_OK, new_object(HZ_DERIVE, NULL, 0, ANY, ANY, false));
	RV(CKR_OK, hz_attrs_set_bool(&base, CKA_ALWAYS_SENSITIVE, true));
	RV(CKR_OK, hz_schema_inherit(&made, &base)); /* the key itself is open */
	IS(CKA_ALWAYS_SENSITIVE, false); IS(CKA_NEVER_EXTRACTABLE, false);
	hz_attrs_free(&base);
}
END_TEST

START_TEST(rsa_keys)
{
	CK_ATTRIBUTE pub[] = { ULONG(CKA_CLASS, CKO_PUBLIC_KEY), ULONG(CKA_KEY_TYPE, CKK_RSA), BYTES(CKA_MODULUS, "\0\177\1"),
			       BYTES(CKA_PUBLIC_EXPONENT, "\1\0\1") };
	CK_ATTRIBUTE priv[] = { ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ULONG(CKA_KEY_TYPE, CKK_RSA), BYTES(CKA_MODULUS, "\377"),
				BYTES(CKA_PRIVATE_EXPONENT, "\3"), BYTES(CKA_PRIME_1, "\3") };
	CK_ATTRIBUTE gen[] = { ULONG(CKA_MODULUS_BITS, 2048) };

	RV(CKR_OK, NEW(HZ_CREATE, pub));
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_MODULUS_BITS, 0), 15);
	IS(CKA_PRIVATE, false); IS(CKA_ENCRYPT, true); IS(CKA_VERIFY, true); IS(CKA_WRAP, true); IS(CKA_ENCAPSULATE, false);
	ck_assert(hz_attrs_find(&made, CKA_SENSITIVE) == NULL);
	RV(CKR_OK, varied(HZ_CREATE, pub, 4, ANY, &(CK_ATTRIBUTE)ULONG(CKA_MODULUS_BITS, 15)));
	RV(CKR_TEMPLATE_INCONSISTENT, varied(HZ_CREATE, pub, 4, ANY, &(CK_ATTRIBUTE)ULONG(CKA_MODULUS_BITS, 16)));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, pub, 4, CKA_MODULUS, NULL));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, pub, 4, CKA_PUBLIC_EXPONENT, NULL));
	RV(CKR_TEMPLATE_INCONSISTENT, varied(HZ_CREATE, pub, 4, ANY, &(CK_ATTRIBUTE)TRUE_(CKA_SIGN)));
	RV(CKR_OK, NEW(HZ_CREATE, priv));
	IS(CKA_SENSITIVE, true); IS(CKA_EXTRACTABLE, false); IS(CKA_DECRYPT, true); IS(CKA_ALWAYS_AUTHENTICATE, false);
	ck_assert(hz_attrs_find(&made, CKA_PRIME_1)->secret && !hz_attrs_find(&made, CKA_MODULUS)->secret);
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, priv, 5, CKA_PRIVATE_EXPONENT, NULL));
	RV(CKR_OK, varied(HZ_CREATE, priv, 5, ANY, &(CK_ATTRIBUTE)TRUE_(CKA_ALWAYS_AUTHENTICATE)));
	priv[4] = (CK_ATTRIBUTE)TRUE_(CKA_ALWAYS_AUTHENTICATE);
	RV(CKR_TEMPLATE_INCONSISTENT, varied(HZ_CREATE, priv, 5, ANY, &(CK_ATTRIBUTE)FALSE_(CKA_PRIVATE)));
	RV(CKR_OK, new_object(HZ_GENERATE, gen, 1, CKO_PUBLIC_KEY, CKK_RSA, false));
	IS(CKA_LOCAL, true);
	RV(CKR_TEMPLATE_INCOMPLETE, new_object(HZ_GENERATE, NULL, 0, CKO_PUBLIC_KEY, CKK_RSA, false));
	RV(CKR_OK, new_object(HZ_GENERATE, NULL, 0, CKO_PRIVATE_KEY, CKK_RSA, false));
	RV(CKR_TEMPLATE_INCONSISTENT, new_object(HZ_GENERATE, gen, 1, CKO_PRIVATE_KEY, CKK_RSA, false));
}
END_TEST

START_TEST(curves_and_lattices)
{
	CK_ATTRIBUTE ec[] = { BYTES(CKA_EC_PARAMS, "\6\5\53\201\4\0\12") };
	CK_ATTRIBUTE share[] = { ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ULONG(CKA_KEY_TYPE, CKK_EC), ULONG(CKA_HANZO_SHARE_INDEX, 1) };
	static unsigned char bytes[4896];
	CK_ATTRIBUTE ml[] = { ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ULONG(CKA_KEY_TYPE, CKK_ML_DSA), ULONG(CKA_PARAMETER_SET, CKP_ML_DSA_65),
			      { CKA_VALUE, bytes, 4032 } };

	RV(CKR_OK, new_object(HZ_GENERATE, ec, 1, CKO_PUBLIC_KEY, CKK_EC, false));
	RV(CKR_TEMPLATE_INCOMPLETE, new_object(HZ_GENERATE, NULL, 0, CKO_PUBLIC_KEY, CKK_EC_EDWARDS, false));
	RV(CKR_ATTRIBUTE_READ_ONLY, new_object(HZ_GENERATE, ec, 1, CKO_PRIVATE_KEY, CKK_EC, false));
	RV(CKR_OK, NEW(HZ_UNWRAP, share));
	RV(CKR_ATTRIBUTE_READ_ONLY, new_object(HZ_GENERATE, share, 3, CKO_PRIVATE_KEY, CKK_EC, false));
	RV(CKR_OK, NEW(HZ_CREATE, ml));
	ml[3].ulValueLen = 4031;
	RV(CKR_ATTRIBUTE_VALUE_INVALID, NEW(HZ_CREATE, ml));
	RV(CKR_TEMPLATE_INCOMPLETE, new_object(HZ_CREATE, ml, 3, ANY, ANY, false));
	ml[3] = (CK_ATTRIBUTE){ CKA_SEED, bytes, 32 };
	RV(CKR_OK, NEW(HZ_CREATE, ml));
	ml[2] = (CK_ATTRIBUTE)ULONG(CKA_PARAMETER_SET, 4);
	RV(CKR_PARAMETER_SET_NOT_SUPPORTED, NEW(HZ_CREATE, ml));
	RV(CKR_TEMPLATE_INCOMPLETE, new_object(HZ_GENERATE, NULL, 0, CKO_PUBLIC_KEY, CKK_ML_KEM, false));
	RV(CKR_OK, new_object(HZ_GENERATE, NULL, 0, CKO_PRIVATE_KEY, CKK_ML_KEM, false));
	IS(CKA_DECAPSULATE, true);
}
END_TEST

START_TEST(data_and_certificates)
{
	CK_ATTRIBUTE data[] = { ULONG(CKA_CLASS, CKO_DATA), BYTES(CKA_VALUE, "v"), TRUE_(CKA_PRIVATE) };
	CK_ATTRIBUTE cert[] = { ULONG(CKA_CLASS, CKO_CERTIFICATE), ULONG(CKA_CERTIFICATE_TYPE, CKC_X_509), BYTES(CKA_SUBJECT, "s"), BYTES(CKA_VALUE, "c") };
	CK_ATTRIBUTE url = BYTES(CKA_URL, "http://x");
	const CK_OBJECT_CLASS never[] = { CKO_HW_FEATURE, CKO_DOMAIN_PARAMETERS, CKO_MECHANISM, CKO_OTP_KEY, CKO_PROFILE, CKO_VALIDATION,
					  CKO_TRUST, CKO_VENDOR_DEFINED, 0x4711 };

	RV(CKR_OK, NEW(HZ_CREATE, data));
	ck_assert(hz_attrs_find(&made, CKA_VALUE)->secret); /* at rest; its owner may read it */
	ck_assert(hz_attrs_find(&made, CKA_APPLICATION)->len == 0);
	RV(CKR_OK, new_object(HZ_CREATE, data, 2, ANY, ANY, false));
	ck_assert(!hz_attrs_find(&made, CKA_VALUE)->secret);
	IS(CKA_PRIVATE, false);
	RV(CKR_OK, new_object(HZ_CREATE, data, 1, ANY, ANY, false));
	RV(CKR_OK, NEW(HZ_CREATE, cert));
	IS(CKA_PRIVATE, false);
	ck_assert_uint_eq(hz_attrs_ulong(&made, CKA_NAME_HASH_ALGORITHM, 0), CKM_SHA_1);
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, cert, 4, CKA_VALUE, NULL));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, cert, 4, CKA_VALUE, &url));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, cert, 4, CKA_SUBJECT, NULL));
	RV(CKR_TEMPLATE_INCOMPLETE, varied(HZ_CREATE, cert, 4, CKA_CERTIFICATE_TYPE, NULL));
	RV(CKR_ATTRIBUTE_VALUE_INVALID, varied(HZ_CREATE, cert, 4, CKA_CERTIFICATE_TYPE, &(CK_ATTRIBUTE)ULONG(CKA_CERTIFICATE_TYPE, CKC_WTLS)));
	for (size_t i = 0; i < COUNT(never); i++) {
		CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, never[i]) };

		RV(CKR_ATTRIBUTE_VALUE_INVALID, NEW(HZ_CREATE, t));
	}
}
END_TEST

/* Every standard attribute that generic callers ask for is there, for each kind of key (CKA_ALLOWED_MECHANISMS aside). */
START_TEST(keys_have_all_their_attributes)
{
	static const CK_ATTRIBUTE_TYPE common[] = { CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_MODIFIABLE, CKA_LABEL, CKA_COPYABLE, CKA_DESTROYABLE,
						    CKA_KEY_TYPE, CKA_ID, CKA_START_DATE, CKA_END_DATE, CKA_DERIVE, CKA_LOCAL, CKA_KEY_GEN_MECHANISM };
	static const CK_ATTRIBUTE_TYPE priv[] = { CKA_SUBJECT, CKA_SENSITIVE, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP, CKA_EXTRACTABLE,
						  CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE, CKA_DECAPSULATE };
	const CK_KEY_TYPE types[] = { CKK_RSA, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_ML_DSA, CKK_ML_KEM };

	for (size_t k = 0; k < COUNT(types); k++) {
		RV(CKR_OK, new_object(HZ_GENERATE, NULL, 0, CKO_PRIVATE_KEY, types[k], false));
		for (size_t i = 0; i < COUNT(common); i++)
			ck_assert_msg(hz_attrs_find(&made, common[i]) != NULL, "%s", hz_cka_name(common[i]));
		for (size_t i = 0; i < COUNT(priv); i++)
			ck_assert_msg(hz_attrs_find(&made, priv[i]) != NULL, "%s", hz_cka_name(priv[i]));
	}
}
END_TEST

START_TEST(forced_templates_and_allowed_mechanisms)
{
	CK_MECHANISM_TYPE list[] = { CKM_AES_GCM, CKM_AES_CBC };
	CK_ATTRIBUTE t[] = { TRUE_(CKA_SIGN) }, want[] = { FALSE_(CKA_EXTRACTABLE), TRUE_(CKA_SIGN) }, other[] = { FALSE_(CKA_SIGN) };
	struct hz_attrs a, f, k = HZ_ATTRS_INIT;

	RV(CKR_OK, hz_attrs_copy_in(&a, t, 1, true));
	RV(CKR_OK, hz_attrs_copy_in(&f, want, 2, true));
	RV(CKR_OK, hz_schema_force(&a, &f));
	ck_assert(a.n == 2 && !hz_attrs_bool(&a, CKA_EXTRACTABLE, true));
	hz_attrs_free(&f);
	RV(CKR_OK, hz_attrs_copy_in(&f, other, 1, true));
	RV(CKR_TEMPLATE_INCONSISTENT, hz_schema_force(&a, &f));
	hz_attrs_free(&a);
	hz_attrs_free(&f);
	RV(CKR_OK, hz_schema_allows(&k, CKM_AES_ECB));
	RV(CKR_OK, hz_attrs_set(&k, CKA_ALLOWED_MECHANISMS, list, sizeof list, false));
	RV(CKR_OK, hz_schema_allows(&k, CKM_AES_CBC));
	RV(CKR_MECHANISM_INVALID, hz_schema_allows(&k, CKM_AES_ECB));
	RV(CKR_OK, hz_attrs_set(&k, CKA_ALLOWED_MECHANISMS, NULL, 0, false));
	RV(CKR_MECHANISM_INVALID, hz_schema_allows(&k, CKM_AES_CBC)); /* the empty list allows nothing */
	hz_attrs_free(&k);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { create_secret_key, only_the_so_trusts, generate_secret_key, unwrap_and_derive, inheritance, rsa_keys,
				       curves_and_lattices, data_and_certificates, keys_have_all_their_attributes,
				       forced_templates_and_allowed_mechanisms };
	int bad = run_suite("ck_schema", tests, COUNT(tests));

	hz_attrs_free(&made);
	return bad;
}
