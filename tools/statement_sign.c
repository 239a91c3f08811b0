/* SPDX-License-Identifier: Apache-2.0 */
/* Signing statements with a key of the module. */
#include <string.h>

#include "base/error.h"
#include "base/hex.h"
#include "ck/names.h"
#include "gov/config.h"
#include "statement.h"

struct signer {
	CK_OBJECT_HANDLE key;
	CK_HANZO_EIP712_PARAMS param;
	CK_MECHANISM mech;
	struct hz_buf bundle; /* the key's attestation; empty: not asked for */
};

static void print_signature(const struct statement_cmd *c, const struct signer *s, const uint8_t *sig, size_t n)
{
	static char hex[2 * STATEMENT_SIG + 1];

	hz_hex_encode(sig, n, hex);
	if (s->bundle.len != 0)
		printf("{\"signature\":\"0x%s\",\"attestation\":%.*s}\n", hex, (int)s->bundle.len, (const char *)s->bundle.p);
	else if (c->k.tool.json)
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
	char why[KEYED_REASON];
	CK_RV rv;

	if (c->profile != NULL) {
		if (!hz_profile_digest(c->profile, text, len, digest, why, sizeof why)) {
			statement_refused(c, "bad data", why);
			return true;
		}
		text = (const char *)digest;
		len = sizeof digest;
	}
	rv = c->k.tool.p11->C_SignInit(c->k.session, &s->mech, s->key);
	if (rv == CKR_OK)
		rv = c->k.tool.p11->C_Sign(c->k.session, (CK_BYTE *)(uintptr_t)text, len, sig, &n);
	if (rv == CKR_OK) {
		if (c->profile != NULL && c->rs)
			n = 64; /* the mechanism of raw digests has no form to choose */
		c->done++;
		print_signature(c, s, sig, n);
		return true;
	}
	statement_refused(c, hz_ckr_name(rv), keyed_reason(&c->k, why, sizeof why));
	/* What concerns the key or the token will not be different for the next statement. */
	return rv == CKR_DATA_INVALID || rv == CKR_DATA_LEN_RANGE || rv == CKR_FUNCTION_REJECTED;
}

/* Can the mechanism do without a parameter? Then the module's own domain and form hold. */
static bool plain(const struct statement_cmd *c)
{
	return c->profile != NULL || (!c->has_chain && !c->has_contract && !c->rs);
}

/* A parameter always names a chain: the configured one, from where the module has it, unless another is asked for. */
static bool choose_chain(struct statement_cmd *c)
{
	struct hz_config *conf = NULL;

	if (plain(c) || c->has_chain)
		return true;
	if (hz_config_load(&conf, NULL) != CKR_OK)
		return tool_fail(TOOL_REFUSED, "no chain id: %s", hz_error_text()) == TOOL_OK;
	c->chain_id = conf->chain_id;
	hz_config_free(conf);
	return true;
}

static void choose_mechanism(const struct statement_cmd *c, struct signer *s)
{
	if (c->profile != NULL) {
		s->mech.mechanism = CKM_HANZO_ECDSA_RECOVERABLE;
		return;
	}
	s->mech.mechanism = c->kind == HZ_HMM ? CKM_HANZO_HMM_SETTLEMENT : CKM_HANZO_POAI;
	if (plain(c))
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
	struct signer s = { .bundle = HZ_BUF_INIT };
	int rc = TOOL_REFUSED;

	if (!choose_chain(c))
		return TOOL_REFUSED;
	choose_mechanism(c, &s);
	c->k.read_only = true;
	if (keyed_open(&c->k) && keyed_find(&c->k, c->k.label, c->k.id, &s.key) &&
	    (!c->attest || keyed_attestation(&c->k, s.key, &s.bundle)))
		rc = statement_each(c, sign_one, &s);
	hz_buf_free(&s.bundle);
	keyed_close(&c->k);
	return rc;
}
