/* SPDX-License-Identifier: Apache-2.0 */
/* The attestation object of slots that take evidence. */
#include "token/attestation.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "ck/names.h"
#include "ck/schema.h"
#include "hanzo-pkcs11.h"
#include "token/gate.h"

CK_OBJECT_HANDLE hz_attestation_handle(const struct hz_token *t)
{
	return (CK_OBJECT_HANDLE)HZ_ATTESTATION_COUNTER << 9 | (CK_OBJECT_HANDLE)t->ordinal << 1;
}

bool hz_attestation_is(const struct hz_token *t, CK_OBJECT_HANDLE h)
{
	return t->evidence != NULL && h == hz_attestation_handle(t);
}

static CK_RV fill(struct hz_attrs *a, const struct hz_token *t)
{
	static const char label[] = "Attestation";
	static const CK_ATTRIBUTE_TYPE no[] = { CKA_TOKEN, CKA_PRIVATE, CKA_COPYABLE, CKA_DESTROYABLE };
	char unique[48];
	CK_RV rv = hz_attrs_set_ulong(a, CKA_CLASS, CKO_HW_FEATURE);

	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(a, CKA_HW_FEATURE_TYPE, CKH_HANZO_ATTESTATION);
	for (size_t i = 0; rv == CKR_OK && i < sizeof no / sizeof no[0]; i++)
		rv = hz_attrs_set_bool(a, no[i], false);
	if (rv == CKR_OK)
		rv = hz_attrs_set_bool(a, CKA_MODIFIABLE, true);
	if (rv == CKR_OK)
		rv = hz_attrs_set(a, CKA_LABEL, label, sizeof label - 1, false);
	(void)snprintf(unique, sizeof unique, "%s-attestation", t->serial);
	return rv == CKR_OK ? hz_attrs_set(a, CKA_UNIQUE_ID, unique, strlen(unique), false) : rv;
}

CK_RV hz_attestation_object(struct hz_token *t, struct hz_object **out)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	CK_RV rv;

	if (t->evidence == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	rv = fill(&a, t);
	if (rv != CKR_OK) {
		hz_attrs_free(&a);
		return rv;
	}
	*out = hz_object_new_take(t, hz_attestation_handle(t), 0, &a);
	return *out != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

/* Will a challenge be handed out? The template is the caller's memory and read here for this alone. */
static bool takes_challenge(const CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (tmpl[i].type == CKA_HANZO_CHALLENGE && tmpl[i].pValue != NULL && tmpl[i].ulValueLen >= HZ_CHALLENGE &&
		    tmpl[i].ulValueLen != CK_UNAVAILABLE_INFORMATION)
			return true;
	return false;
}

CK_RV hz_attestation_get(struct hz_session *s, CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	uint8_t challenge[HZ_CHALLENGE] = { 0 }; /* a length query sees the length of zeros, never the zeros */
	CK_RV rv = fill(&a, s->token);

	if (rv == CKR_OK && takes_challenge(tmpl, count))
		rv = hz_gate_challenge(s, challenge);
	if (rv == CKR_OK)
		rv = hz_attrs_set(&a, CKA_HANZO_CHALLENGE, challenge, sizeof challenge, false);
	if (rv == CKR_OK)
		rv = hz_schema_get(&a, tmpl, count, true);
	hz_attrs_free(&a);
	return rv;
}

CK_RV hz_attestation_set(struct hz_session *s, const CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	CK_ATTRIBUTE at;

	if (tmpl == NULL || count == 0)
		return hz_fail(CKR_ARGUMENTS_BAD, "pTemplate is NULL or empty");
	for (CK_ULONG i = 0; i < count; i++)
		if (tmpl[i].type != CKA_HANZO_EVIDENCE)
			return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "%s of the attestation object cannot be set", hz_cka_name(tmpl[i].type));
	if (count != 1)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "one bundle at a time");
	at = tmpl[0];
	return hz_gate_stage(s, at.pValue, at.ulValueLen);
}
