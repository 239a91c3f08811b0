/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: sessions, login, PINs, random numbers. */
#include "api/api.h"
#include "api/guard.h"
#include "base/error.h"
#include "token/login.h"
#include "token/op.h"

CK_RV hz_api_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR out)
{
	CK_RV rv = hz_guard_module("C_OpenSession");
	struct hz_token *t;

	if (rv != CKR_OK)
		return rv;
	t = hz_module_token(id);
	if (t == NULL)
		rv = hz_fail(CKR_SLOT_ID_INVALID, "no such slot");
	else if (out == NULL)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "phSession is NULL");
	else if (t->be == NULL)
		rv = hz_fail(CKR_TOKEN_NOT_PRESENT, "%s", t->absent_why);
	else
		rv = hz_session_open(t, flags, app, notify, out);
	return hz_guard_done("C_OpenSession", id, rv);
}

CK_RV hz_api_CloseSession(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_CloseSession", h, &s);

	if (rv == CKR_OK)
		hz_session_close(s);
	return rv;
}

CK_RV hz_api_CloseAllSessions(CK_SLOT_ID id)
{
	CK_RV rv = hz_guard_module("C_CloseAllSessions");
	struct hz_token *t;

	if (rv != CKR_OK)
		return rv;
	t = hz_module_token(id);
	if (t == NULL)
		return hz_guard_done("C_CloseAllSessions", id, hz_fail(CKR_SLOT_ID_INVALID, "no such slot"));
	if (t->be == NULL)
		return hz_guard_done("C_CloseAllSessions", id, hz_fail(CKR_TOKEN_NOT_PRESENT, "%s", t->absent_why));
	hz_session_close_all(t);
	return hz_module_leave(CKR_OK);
}

CK_RV hz_api_GetSessionInfo(CK_SESSION_HANDLE h, CK_SESSION_INFO_PTR info)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GetSessionInfo", h, &s);

	if (rv != CKR_OK)
		return rv;
	if (info == NULL)
		return hz_guard_leave("C_GetSessionInfo", s, hz_fail(CKR_ARGUMENTS_BAD, "pInfo is NULL"));
	hz_session_info(s, info);
	return hz_session_leave(s, CKR_OK);
}

CK_RV hz_api_Login(CK_SESSION_HANDLE h, CK_USER_TYPE who, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Login", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Login", s, hz_login(s, who, pin, len, NULL, 0));
}

CK_RV hz_api_LoginUser(CK_SESSION_HANDLE h, CK_USER_TYPE who, CK_UTF8CHAR_PTR pin, CK_ULONG len, CK_UTF8CHAR_PTR name,
		       CK_ULONG name_len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_LoginUser", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_LoginUser", s, hz_login(s, who, pin, len, name, name_len));
}

CK_RV hz_api_Logout(CK_SESSION_HANDLE h)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_Logout", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_Logout", s, hz_logout(s));
}

CK_RV hz_api_InitPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_InitPIN", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_InitPIN", s, hz_init_pin(s, pin, len));
}

CK_RV hz_api_SetPIN(CK_SESSION_HANDLE h, CK_UTF8CHAR_PTR old, CK_ULONG old_len, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SetPIN", h, &s);

	return rv != CKR_OK ? rv : hz_guard_leave("C_SetPIN", s, hz_set_pin(s, old, old_len, pin, len));
}

/* PKCS#11 3.2 section 5.6.11. The module holds no certificate of validation, so it claims none. */
CK_RV hz_api_GetSessionValidationFlags(CK_SESSION_HANDLE h, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS_PTR flags)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GetSessionValidationFlags", h, &s);

	if (rv != CKR_OK)
		return rv;
	if (flags == NULL || type != CKS_LAST_VALIDATION_OK)
		return hz_guard_leave("C_GetSessionValidationFlags", s, hz_fail(CKR_ARGUMENTS_BAD, "pFlags is NULL or type unknown"));
	*flags = 0;
	return hz_session_leave(s, CKR_OK);
}

CK_RV hz_api_SeedRandom(CK_SESSION_HANDLE h, CK_BYTE_PTR seed, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_SeedRandom", h, &s);

	if (rv != CKR_OK)
		return rv;
	if ((seed == NULL && len != 0) || len > HZ_MAX_INPUT)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "pSeed is NULL, or a seed of %lu bytes", len);
	else if (s->token->be->ops->seed == NULL)
		rv = hz_fail(CKR_RANDOM_SEED_NOT_SUPPORTED, "the token takes no seed");
	else if (len != 0)
		rv = s->token->be->ops->seed(s->token->be, seed, len);
	return hz_guard_leave("C_SeedRandom", s, rv);
}

CK_RV hz_api_GenerateRandom(CK_SESSION_HANDLE h, CK_BYTE_PTR out, CK_ULONG len)
{
	struct hz_session *s;
	CK_RV rv = hz_guard_session("C_GenerateRandom", h, &s);

	if (rv != CKR_OK)
		return rv;
	if ((out == NULL && len != 0) || len > HZ_MAX_INPUT)
		rv = hz_fail(CKR_ARGUMENTS_BAD, "RandomData is NULL, or of %lu bytes", len);
	else if (len != 0)
		rv = s->token->be->ops->random(s->token->be, out, len);
	return hz_guard_leave("C_GenerateRandom", s, rv);
}
