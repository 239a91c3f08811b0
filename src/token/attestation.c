/* SPDX-License-Identifier: Apache-2.0 */
/* The attestation object of slots that take evidence. */
#include "token/attestation.h"

#include <stdio.h>
#include <stdlib.h>
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

	if (tmpl == NULL || count == 0 || count > HZ_ATTRS_MAX)
		return hz_fail(CKR_ARGUMENTS_BAD, "pTemplate is NULL, empty or too long");
	for (CK_ULONG i = 0; i < count; i++)
		if (tmpl[i].type != CKA_HANZO_EVIDENCE)
			return hz_fail(CKR_ATTRIBUTE_READ_ONLY, "%s of the attestation object cannot be set", hz_cka_name(tmpl[i].type));
	if (count != 1)
		return hz_fail(CKR_TEMPLATE_INCONSISTENT, "one bundle at a time");
	at = tmpl[0];
	return hz_gate_stage(s, at.pValue, at.ulValueLen);
}

/* Attestations of keys. */

void hz_attestation_forget(struct hz_session *s)
{
	free(s->attestation);
	s->attestation = NULL;
	s->attestation_len = 0;
	s->attested = CK_INVALID_HANDLE;
}

/* A key in a device is not in the platform, whatever the device says of it. */
static bool lives_here(const struct hz_object *o)
{
	return hz_attrs_find(&o->attrs, HZ_CKA_REF) == NULL;
}

static bool can_attest(const struct hz_session *s, const struct hz_object *o)
{
	bool ready_made;

	return s->token->evidence != NULL && o->cls == CKO_PRIVATE_KEY && o->checked && lives_here(o) &&
	       hz_attrs_bool(&o->attrs, CKA_LOCAL, false) &&
	       hz_attrs_bool(&o->attrs, CKA_ALWAYS_SENSITIVE, false) && hz_attrs_bool(&o->attrs, CKA_NEVER_EXTRACTABLE, false) &&
	       hz_attrs_ulong(&o->attrs, CKA_HANZO_EFFECTIVE_TIER, 0) >= 2 &&
	       hz_evidence_has_source(s->token->evidence, "", &ready_made) && !ready_made;
}

/* Does the template name the attestation; does it fetch it, or ask for the length only? */
static bool asks(const CK_ATTRIBUTE *tmpl, CK_ULONG count, bool *fetches)
{
	bool found = false;

	*fetches = false;
	for (CK_ULONG i = 0; i < count; i++) {
		if (tmpl[i].type != CKA_HANZO_KEY_ATTESTATION)
			continue;
		found = true;
		*fetches |= tmpl[i].pValue != NULL;
	}
	return found;
}

static CK_RV attest(struct hz_session *s, const struct hz_object *o)
{
	const struct hz_attr *spki = hz_attrs_find(&o->attrs, CKA_PUBLIC_KEY_INFO);
	struct hz_buf bundle = HZ_BUF_INIT;
	CK_RV rv;

	if (s->attested == o->handle)
		return CKR_OK;
	hz_attestation_forget(s);
	if (spki == NULL || spki->len == 0)
		return CKR_OK;
	rv = hz_evidence_of_key(s->token->evidence, spki->value, spki->len, &bundle);
	if (rv != CKR_OK) {
		hz_buf_free(&bundle);
		return rv;
	}
	s->attested = o->handle;
	s->attestation = bundle.p; /* not secret: plain memory, taken over */
	s->attestation_len = bundle.len;
	return CKR_OK;
}

CK_RV hz_attestation_read(struct hz_session *s, const struct hz_object *o, CK_ATTRIBUTE *tmpl, CK_ULONG count)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	bool fetches;
	CK_RV rv;

	if (!asks(tmpl, count, &fetches) || !can_attest(s, o))
		return hz_schema_get(&o->attrs, tmpl, count, o->checked);
	rv = attest(s, o);
	if (rv == CKR_OK)
		rv = hz_attrs_dup(&a, &o->attrs);
	if (rv == CKR_OK && s->attestation != NULL)
		rv = hz_attrs_set(&a, CKA_HANZO_KEY_ATTESTATION, s->attestation, s->attestation_len, false);
	if (rv == CKR_OK)
		rv = hz_schema_get(&a, tmpl, count, o->checked);
	hz_attrs_free(&a);
	if (rv == CKR_OK && fetches)
		hz_attestation_forget(s);
	return rv;
}
