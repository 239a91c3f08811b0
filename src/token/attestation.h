/* SPDX-License-Identifier: Apache-2.0 */
/* The attestation object: how a session gets its challenge and stages evidence with standard calls. */
#ifndef HZ_TOKEN_ATTESTATION_H
#define HZ_TOKEN_ATTESTATION_H

#include "token/object.h"

/*
 * Class CKO_HW_FEATURE, on slots that take evidence; found only by searches that name the class. The handle is one for all sessions of a
 * token, what is read and written through it is the session's own.
 */
#define HZ_ATTESTATION_COUNTER 15

CK_OBJECT_HANDLE hz_attestation_handle(const struct hz_token *t);
/* Is it this handle, and has the token the object? */
bool hz_attestation_is(const struct hz_token *t, CK_OBJECT_HANDLE h);
/* The object without a challenge: for searches, and for what nobody may do with it. CKR_OBJECT_HANDLE_INVALID, CKR_HOST_MEMORY. */
CK_RV hz_attestation_object(struct hz_token *t, struct hz_object **out);
/*
 * C_GetAttributeValue and C_SetAttributeValue. Reading CKA_HANZO_CHALLENGE into a buffer of 32 bytes makes a fresh one; a length query
 * makes none. Only CKA_HANZO_EVIDENCE can be set.
 */
CK_RV hz_attestation_get(struct hz_session *s, CK_ATTRIBUTE *tmpl, CK_ULONG count);
CK_RV hz_attestation_set(struct hz_session *s, const CK_ATTRIBUTE *tmpl, CK_ULONG count);

/*
 * C_GetAttributeValue of any other object: CKA_HANZO_KEY_ATTESTATION is made when it is read, for private software keys that were made here, have
 * always been sensitive and never extractable, are held at tier 2 or above, and whose slot has a source that can answer at any time.
 * A length query keeps what it made for the session's next read, so that both speak of one bundle. As hz_schema_get, and as hz_collect.
 */
CK_RV hz_attestation_read(struct hz_session *s, const struct hz_object *o, CK_ATTRIBUTE *tmpl, CK_ULONG count);
void hz_attestation_forget(struct hz_session *s);

#endif
