/* SPDX-License-Identifier: Apache-2.0 */
/* Signing statements with a key of the module. */
#include <dlfcn.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "hanzo-pkcs11.h"
#include "statement.h"

enum { PIN_ROOM = 1024, ID_ROOM = 256 };

struct signer {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_HANZO_EIP712_PARAMS param;
	CK_MECHANISM mech;
	HZ_GetLastError_t why; /* NULL: not this module */
	char reason[256];
};

/* The vendor interface of the module that tool_load has opened. */
static HZ_GetLastError_t find_why(const struct tool *t)
{
	void *lib = dlopen(t->module != NULL ? t->module : HZ_MODULE_PATH, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = NULL;
	CK_INTERFACE *i = NULL;

	if (lib == NULL)
		return NULL;
	*(void **)&get = dlsym(lib, "C_GetInterface");
	if (get == NULL || get((CK_UTF8CHAR *)(uintptr_t)CK_HANZO_INTERFACE_NAME, NULL, &i, 0) != CKR_OK)
		return NULL;
	return ((CK_HANZO_FUNCTION_LIST *)i->pFunctionList)->HZ_GetLastError;
}

static const char *reason(struct signer *s)
{
	CK_ULONG n = sizeof s->reason;

	if (s->why == NULL || s->why(s->reason, &n) != CKR_OK)
		s->reason[0] = '\0';
	return s->reason;
}

static CK_RV log_in(struct statement_cmd *c, CK_SESSION_HANDLE session)
{
	CK_TOKEN_INFO info;
	CK_RV rv = c->tool.p11->C_GetTokenInfo(c->tool.slot, &info);
	char *pin;
	long n;

	if (rv != CKR_OK || (info.flags & CKF_LOGIN_REQUIRED) == 0)
		return rv;
	if ((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
		return c->tool.p11->C_Login(session, CKU_USER, NULL, 0);
	pin = hz_secmem_alloc(PIN_ROOM);
	n = pin != NULL ? tool_pin(c->tool.pin_source, "user PIN", pin, PIN_ROOM) : -1;
	rv = n < 0 ? CKR_PIN_INCORRECT : c->tool.p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, (CK_ULONG)n);
	hz_secmem_free(pin);
	return rv;
}

/* The one private key with that label or id. */
static int find_key(struct statement_cmd *c, struct signer *s)
{
	CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
	uint8_t id[ID_ROOM];
	CK_ATTRIBUTE t[3] = { { CKA_CLASS, &cls, sizeof cls } };
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 1, got = 0;
	CK_RV rv;

	if (c->label != NULL)
		t[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)c->label, strlen(c->label) };
	if (c->id != NULL) {
		size_t len = strlen(c->id);

		if (len % 2 != 0 || len / 2 > sizeof id || !hz_hex_decode(c->id, len, id, len / 2))
			return tool_fail(TOOL_USAGE, "--id takes hexadecimal digits");
		t[n++] = (CK_ATTRIBUTE){ CKA_ID, id, len / 2 };
	}
	rv = c->tool.p11->C_FindObjectsInit(s->session, t, n);
	if (rv == CKR_OK)
		rv = c->tool.p11->C_FindObjects(s->session, found, 2, &got);
	c->tool.p11->C_FindObjectsFinal(s->session);
	if (rv != CKR_OK)
		return tool_refused("C_FindObjects", rv);
	if (got != 1)
		return tool_fail(TOOL_REFUSED, "%s private key with that label or id", got == 0 ? "no" : "more than one");
	s->key = found[0];
	return TOOL_OK;
}

static void print_signature(const struct statement_cmd *c, const uint8_t *sig, size_t n)
{
	static char hex[2 * STATEMENT_SIG + 1];

	hz_hex_encode(sig, n, hex);
	if (c->tool.json)
		printf("{\"signature\":\"0x%s\"}\n", hex);
	else
		printf("0x%s\n", hex);
}

static bool sign_one(struct statement_cmd *c, void *state, const char *text, size_t len)
{
	static uint8_t sig[STATEMENT_SIG];
	struct signer *s = state;
	CK_ULONG n = sizeof sig;
	uint8_t digest[32];
	char why[160];
	CK_RV rv;

	if (c->profile != NULL) {
		if (!hz_profile_digest(c->profile, text, len, digest, why, sizeof why)) {
			statement_refused(c, "bad data", why);
			return true;
		}
		text = (const char *)digest;
		len = sizeof digest;
	}
	rv = c->tool.p11->C_SignInit(s->session, &s->mech, s->key);
	if (rv == CKR_OK)
		rv = c->tool.p11->C_Sign(s->session, (CK_BYTE *)(uintptr_t)text, len, sig, &n);
	if (rv == CKR_OK) {
		c->done++;
		print_signature(c, sig, n);
		return true;
	}
	statement_refused(c, hz_ckr_name(rv), reason(s));
	/* What concerns the key or the token will not be different for the next statement. */
	return rv == CKR_DATA_INVALID || rv == CKR_DATA_LEN_RANGE || rv == CKR_FUNCTION_REJECTED;
}

static void choose_mechanism(const struct statement_cmd *c, struct signer *s)
{
	bool plain = !c->has_chain && !c->has_contract && !c->rs;

	if (c->profile != NULL) {
		s->mech.mechanism = CKM_HANZO_ECDSA_RECOVERABLE;
		return;
	}
	s->mech.mechanism = c->kind == HZ_HMM ? CKM_HANZO_HMM_SETTLEMENT : CKM_HANZO_POAI;
	if (plain) /* the module's configured chain id */
		return;
	s->param.ulChainId = c->chain_id;
	s->param.hasContract = c->has_contract;
	memcpy(s->param.verifyingContract, c->contract, sizeof c->contract);
	s->param.ulFormat = c->rs ? CK_HANZO_FORMAT_RS : 0;
	s->mech.pParameter = &s->param;
	s->mech.ulParameterLen = sizeof s->param;
}

int statement_sign(struct statement_cmd *c)
{
	struct signer s = { .session = 0 };
	int rc = TOOL_REFUSED;
	CK_RV rv;

	if (!tool_load(&c->tool))
		return rc;
	s.why = find_why(&c->tool);
	choose_mechanism(c, &s);
	rv = c->tool.p11->C_OpenSession(c->tool.slot, CKF_SERIAL_SESSION, NULL, NULL, &s.session);
	if (rv != CKR_OK)
		tool_refused("C_OpenSession", rv);
	else if ((rv = log_in(c, s.session)) != CKR_OK)
		tool_refused("C_Login", rv);
	else if ((rc = find_key(c, &s)) == TOOL_OK)
		rc = statement_each(c, sign_one, &s);
	tool_unload(&c->tool);
	return rc;
}
