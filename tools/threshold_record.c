/* SPDX-License-Identifier: Apache-2.0 */
/* The public record of a split, and the calls that make and take shares. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/dkg.h"
#include "crypto/k256.h"
#include "threshold.h"

static bool hex_member(struct json_object *v, uint8_t *out, size_t n)
{
	size_t got;

	return json_object_is_type(v, json_type_string) && text_hex(json_object_get_string(v), out, n, &got) && got == n;
}

static bool parse(struct json_object *o, struct hz_share *r)
{
	struct json_object *id, *t, *n, *list;
	uint8_t pub[64];

	if (!json_object_object_get_ex(o, "splitId", &id) || !json_object_object_get_ex(o, "threshold", &t) ||
	    !json_object_object_get_ex(o, "shares", &n) || !json_object_object_get_ex(o, "commitments", &list))
		return false;
	if (!json_object_is_type(t, json_type_int) || !json_object_is_type(n, json_type_int) || json_object_get_int64(t) < 2 ||
	    json_object_get_int64(n) < json_object_get_int64(t) || json_object_get_int64(n) > HZ_SHAMIR_MAX)
		return false;
	r->split.t = (unsigned)json_object_get_int(t);
	r->split.n = (unsigned)json_object_get_int(n);
	if (!hex_member(id, r->split.id, HZ_SHAMIR_ID) || !json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) != r->split.t)
		return false;
	for (unsigned j = 0; j < r->split.t; j++)
		if (!hex_member(json_object_array_get_idx(list, j), r->commitments[j], 33) || !hz_k256_pub_parse(pub, r->commitments[j], 33))
			return false;
	return json_object_object_get_ex(o, "publicKey", &id) && hex_member(id, pub, 33) && memcmp(pub, r->commitments[0], 33) == 0;
}

bool record_read(const char *path, struct hz_share *r)
{
	struct hz_buf b = HZ_BUF_INIT;
	struct json_object *o = NULL;
	bool ok;

	memset(r, 0, sizeof *r);
	if (!file_read(path, 1 << 20, &b))
		return false;
	hz_buf_u8(&b, 0);
	o = b.failed ? NULL : json_tokener_parse((char *)b.p);
	ok = json_object_is_type(o, json_type_object) && parse(o, r);
	json_object_put(o);
	hz_buf_free(&b);
	return ok || tool_fail(TOOL_REFUSED, "%s is no record of a split", path) == TOOL_OK;
}

bool record_write(const char *path, const struct hz_share *r)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	char hex[67];
	const char *text;
	struct hz_buf b = HZ_BUF_INIT;
	bool ok;

	hz_hex_encode(r->split.id, HZ_SHAMIR_ID, hex);
	json_object_object_add(o, "splitId", json_object_new_string(hex));
	json_object_object_add(o, "threshold", json_object_new_int((int)r->split.t));
	json_object_object_add(o, "shares", json_object_new_int((int)r->split.n));
	hz_hex_encode(r->commitments[0], 33, hex);
	json_object_object_add(o, "publicKey", json_object_new_string(hex));
	for (unsigned j = 0; j < r->split.t; j++) {
		hz_hex_encode(r->commitments[j], 33, hex);
		json_object_array_add(list, json_object_new_string(hex));
	}
	json_object_object_add(o, "commitments", list);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	hz_buf_str(&b, text);
	hz_buf_str(&b, "\n");
	ok = !b.failed && file_write(path, b.p, b.len, false);
	hz_buf_free(&b);
	json_object_put(o);
	return ok;
}

CK_RV threshold_share(const struct keyed *k, CK_OBJECT_HANDLE key, const struct hz_split *split, unsigned i, CK_OBJECT_HANDLE to,
		      struct hz_buf *out)
{
	CK_HANZO_SHAMIR_PARAMS p = { i, split->t, split->n, { 0 } };
	CK_MECHANISM m = { CKM_HANZO_SHAMIR_SHARE, &p, sizeof p };

	memcpy(p.splitId, split->id, sizeof p.splitId);
	return keyed_wrap(k, &m, to, key, out);
}

CK_RV threshold_import(const struct keyed *k, CK_OBJECT_HANDLE node, const uint8_t *in, size_t len, unsigned i, const char *label,
		       CK_OBJECT_HANDLE *share)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	CK_KEY_TYPE kt = CKK_EC;
	CK_ULONG index = i;
	CK_BBOOL token = label != NULL, yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM m = { CKM_HANZO_ECIES, NULL, 0 };
	CK_ATTRIBUTE t[7] = { { CKA_CLASS, &cls, sizeof cls }, { CKA_KEY_TYPE, &kt, sizeof kt }, { CKA_HANZO_SHARE_INDEX, &index, sizeof index },
			      { CKA_TOKEN, &token, 1 }, { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 } };
	CK_ULONG n = 6;

	if (label != NULL)
		t[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	return k->tool.p11->C_UnwrapKey(k->session, &m, node, (CK_BYTE *)(uintptr_t)in, len, t, n, share);
}

unsigned threshold_index(const struct keyed *k, CK_OBJECT_HANDLE key)
{
	CK_ULONG index = 0;
	CK_ATTRIBUTE a = { CKA_HANZO_SHARE_INDEX, &index, sizeof index };

	if (k->tool.p11->C_GetAttributeValue(k->session, key, &a, 1) != CKR_OK || index > HZ_SHAMIR_MAX)
		return 0;
	return (unsigned)index;
}

bool threshold_fits(const struct keyed *k, CK_OBJECT_HANDLE share, const struct hz_share *record, unsigned i)
{
	uint8_t y[64], shown[64];

	return i >= 1 && i <= record->split.n && threshold_index(k, share) == i && hz_share_public(record, i, y) &&
	       keyed_point(k, share, shown) && hz_k256_pub_equal(y, shown);
}

CK_RV threshold_renew(const struct keyed *k, CK_OBJECT_HANDLE node, CK_OBJECT_HANDLE old, const uint8_t *in, size_t len, const char *label,
		      CK_OBJECT_HANDLE *share)
{
	CK_HANZO_SHARE_REFRESH_PARAMS p = { old };
	CK_MECHANISM m = { CKM_HANZO_SHARE_REFRESH, &p, sizeof p };
	CK_BBOOL token = label != NULL;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &token, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, label != NULL ? strlen(label) : 0 } };

	return k->tool.p11->C_UnwrapKey(k->session, &m, node, (CK_BYTE *)(uintptr_t)in, len, t, label != NULL ? 2 : 1, share);
}

/* Y of share i, which passes encrypted from the module to the module. */
static CK_RV share_point(const struct keyed *k, CK_OBJECT_HANDLE key, const struct hz_split *split, unsigned i, CK_OBJECT_HANDLE pub,
			 CK_OBJECT_HANDLE priv, uint8_t y[64])
{
	struct hz_buf blob = HZ_BUF_INIT;
	CK_OBJECT_HANDLE share;
	CK_RV rv = threshold_share(k, key, split, i, pub, &blob);

	if (rv == CKR_OK)
		rv = threshold_import(k, priv, blob.p, blob.len, i, NULL, &share);
	hz_buf_free(&blob);
	if (rv != CKR_OK)
		return rv;
	if (!keyed_point(k, share, y))
		rv = CKR_FUNCTION_FAILED;
	k->tool.p11->C_DestroyObject(k->session, share);
	return rv;
}

bool threshold_commitments(const struct keyed *k, CK_OBJECT_HANDLE key, const struct hz_split *split, uint8_t (*commitments)[33])
{
	static uint8_t y[HZ_SHAMIR_MAX][64];
	uint8_t q[64], a0[64];
	CK_OBJECT_HANDLE pub, priv;
	CK_RV rv = CKR_OK;

	if (!keyed_pair(k, NULL, &pub, &priv))
		return false;
	for (unsigned i = 0; rv == CKR_OK && i < split->t; i++)
		rv = share_point(k, key, split, i + 1, pub, priv, y[i]);
	k->tool.p11->C_DestroyObject(k->session, pub);
	k->tool.p11->C_DestroyObject(k->session, priv);
	if (rv != CKR_OK)
		return keyed_refused(k, "sharing the key", rv) == TOOL_OK;
	if (!hz_dkg_interpolate((const uint8_t(*)[64])y, split->t, commitments))
		return tool_fail(TOOL_REFUSED, "no commitments") == TOOL_OK;
	return keyed_point(k, key, q) && ((hz_k256_pub_parse(a0, commitments[0], 33) && hz_k256_pub_equal(q, a0)) ||
					  tool_fail(TOOL_REFUSED, "the shares are not of this key") == TOOL_OK);
}
