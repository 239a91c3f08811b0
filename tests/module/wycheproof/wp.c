/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the Wycheproof runner: JSON, results, session keys. */
#include "wp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *wp_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

const char *wp_str(struct json_object *o, const char *key)
{
	struct json_object *v = wp_get(o, key);

	return v ? json_object_get_string(v) : "";
}

int wp_int(struct json_object *o, const char *key)
{
	return json_object_get_int(wp_get(o, key));
}

struct wp_bytes wp_hex(struct json_object *o, const char *key)
{
	const char *s = wp_str(o, key);
	struct wp_bytes b = { malloc(strlen(s) / 2 + 1), strlen(s) / 2 };

	for (size_t i = 0; i < b.n; i++) {
		unsigned v = 0;

		sscanf(s + 2 * i, "%2x", &v);
		b.p[i] = (uint8_t)v;
	}
	return b;
}

bool wp_valid(struct json_object *tc)
{
	return !strcmp(wp_str(tc, "result"), "valid");
}

bool wp_invalid(struct json_object *tc)
{
	return !strcmp(wp_str(tc, "result"), "invalid");
}

void wp_result(struct wp *w, struct json_object *tc, bool ok, CK_RV rv, const char *what)
{
	if (ok) {
		w->passed++;
		return;
	}
	if (w->failed++ < 20)
		printf("%s tc %d (%s, %s): %s, rv 0x%lx\n", w->file, wp_int(tc, "tcId"), wp_str(tc, "result"), wp_str(tc, "comment"), what, rv);
}

bool wp_one_of(CK_RV rv, const CK_RV *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rv == codes[i])
			return true;
	return false;
}

CK_OBJECT_HANDLE wp_create(struct wp *w, CK_ATTRIBUTE *t, CK_ULONG n, CK_RV *rv)
{
	CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;

	*rv = w->f->C_CreateObject(w->s, t, n, &h);
	return *rv == CKR_OK ? h : CK_INVALID_HANDLE;
}

CK_OBJECT_HANDLE wp_secret(struct wp *w, CK_KEY_TYPE kt, struct wp_bytes value, CK_RV *rv)
{
	CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &cls, sizeof cls },   { CKA_KEY_TYPE, &kt, sizeof kt },  { CKA_VALUE, value.p, value.n },
		{ CKA_TOKEN, &no, 1 },             { CKA_SENSITIVE, &no, 1 },         { CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_ENCRYPT, &yes, 1 },          { CKA_DECRYPT, &yes, 1 },          { CKA_SIGN, &yes, 1 },
		{ CKA_VERIFY, &yes, 1 },           { CKA_DERIVE, &yes, 1 },           { CKA_WRAP, &yes, 1 },
		{ CKA_UNWRAP, &yes, 1 },
	};

	/* What a key type cannot do is left out, so that nothing unusual is asked of the module. */
	if (kt == CKK_AES)
		return wp_create(w, t, sizeof t / sizeof t[0], rv);
	t[6] = t[8];
	t[7] = t[9];
	t[8] = t[10];
	return wp_create(w, t, 9, rv);
}

bool wp_hash(const char *name, CK_MECHANISM_TYPE *hash, CK_RSA_PKCS_MGF_TYPE *mgf, CK_ULONG *len)
{
	static const struct {
		const char *name;
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
		CK_ULONG len;
	} known[] = {
		{ "SHA-1", CKM_SHA_1, CKG_MGF1_SHA1, 20 },         { "SHA-224", CKM_SHA224, CKG_MGF1_SHA224, 28 },
		{ "SHA-256", CKM_SHA256, CKG_MGF1_SHA256, 32 },    { "SHA-384", CKM_SHA384, CKG_MGF1_SHA384, 48 },
		{ "SHA-512", CKM_SHA512, CKG_MGF1_SHA512, 64 },    { "SHA3-224", CKM_SHA3_224, CKG_MGF1_SHA3_224, 28 },
		{ "SHA3-256", CKM_SHA3_256, CKG_MGF1_SHA3_256, 32 }, { "SHA3-384", CKM_SHA3_384, CKG_MGF1_SHA3_384, 48 },
		{ "SHA3-512", CKM_SHA3_512, CKG_MGF1_SHA3_512, 64 },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		*hash = known[i].hash;
		*mgf = known[i].mgf;
		*len = known[i].len;
		return true;
	}
	return false;
}
