/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: Objects and searches. */
#include "api/api.h"
#include "api/guard.h"
#include "token/calls.h"

CK_RV hz_api_CreateObject(CK_SESSION_HANDLE h, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count, CK_OBJECT_HANDLE_PTR out)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_CreateObject", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_CreateObject", s, hz_create_object(s, tmpl, count, out));
}

CK_RV hz_api_CopyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count,
	CK_OBJECT_HANDLE_PTR out)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_CopyObject", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_CopyObject", s, hz_copy_object(s, object, tmpl, count, out));
}

CK_RV hz_api_DestroyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_DestroyObject", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_DestroyObject", s, hz_destroy_object(s, object));
}

CK_RV hz_api_GetObjectSize(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ULONG_PTR size)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GetObjectSize", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_GetObjectSize", s, hz_object_size(s, object, size));
}

CK_RV hz_api_GetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GetAttributeValue", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_GetAttributeValue", s, hz_get_attributes(s, object, tmpl, count));
}

CK_RV hz_api_SetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SetAttributeValue", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SetAttributeValue", s, hz_set_attributes(s, object, tmpl, count));
}

CK_RV hz_api_FindObjectsInit(CK_SESSION_HANDLE h, CK_ATTRIBUTE_PTR tmpl, CK_ULONG count)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_FindObjectsInit", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_FindObjectsInit", s, hz_find_init(s, tmpl, count));
}

CK_RV hz_api_FindObjects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE_PTR out, CK_ULONG max, CK_ULONG_PTR n)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_FindObjects", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_FindObjects", s, hz_find_next(s, out, max, n));
}

CK_RV hz_api_FindObjectsFinal(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_FindObjectsFinal", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_FindObjectsFinal", s, hz_find_final(s));
}
