/* SPDX-License-Identifier: Apache-2.0 */
/* A TPM 2.0 quote on its own: who the attestation key is, then the quote. */

#include "attest/bundle.h"
#include "attest/spki.h"
#include "attest/tpm.h"

#include <openssl/x509v3.h>

#define OID_AIK_CERTIFICATE "2.23.133.8.3"

struct policy {
	struct hz_tpm_pcr_policy pcrs;
	struct hz_at_hexlist ak;
	bool ak_certified;
};

static const struct hz_at_field fields[] = {
	{ "pcrs", HZ_AT_F_CUSTOM, offsetof(struct policy, pcrs), 0, true, NULL, hz_tpm_pcr_policy_read, hz_tpm_pcr_policy_release },
	{ "ak", HZ_AT_F_HEX, offsetof(struct policy, ak), 32, false, NULL, NULL, NULL },
	{ "ak_certified", HZ_AT_F_BOOL, offsetof(struct policy, ak_certified), 0, false, NULL, NULL, NULL },
	{ NULL, HZ_AT_F_BOOL, 0, 0, false, NULL, NULL, NULL }
};

/* Any key that the caller hands over: what it is worth, the caller knows. */
static void
reference(void *section)
{
	struct policy *p = section;

	p->pcrs.any = true;
	p->ak.any = true;
}

static const struct hz_at_section section = { "tpm", sizeof(struct policy), fields, NULL, reference };

/* ---- the attestation key ---- */

static bool
certifies_ak(X509 *cert)
{
	EXTENDED_KEY_USAGE *use = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	ASN1_OBJECT *want = OBJ_txt2obj(OID_AIK_CERTIFICATE, 1);
	bool found = false;

	for (int i = 0; want != NULL && i < sk_ASN1_OBJECT_num(use); i++)
		found = found || OBJ_cmp(sk_ASN1_OBJECT_value(use, i), want) == 0;
	ASN1_OBJECT_free(want);
	EXTENDED_KEY_USAGE_free(use);
	return found;
}

/* Its certificate: the one in part "ak", or the first of the certificates that is for an attestation key, or the first. NULL: none. */
static X509 *
find_cert(struct hz_at_run *run, struct hz_at_item *item, struct hz_at_bytes ak)
{
	int before = sk_X509_num(item->certs);

	if (ak.p != NULL)
		return hz_at_certs_read(run, item->certs, ak.p, ak.len) ? sk_X509_value(item->certs, before) : NULL;
	for (int i = 0; i < before; i++)
		if (certifies_ak(sk_X509_value(item->certs, i)))
			return sk_X509_value(item->certs, i);
	return before > 0 ? sk_X509_value(item->certs, 0) : NULL;
}

/* No maker's root is pinned: the policy names the authorities of the TPMs that it knows. */
static enum hz_attest_reason
check_certified(struct hz_at_run *run, const struct hz_at_item *item, X509 *cert)
{
	const struct hz_at_chain_req req = { .pins = NULL, .n_pins = 0, .family = "tpm", .length = 0, .bad_root = HZ_ATTEST_R_ROOT };
	STACK_OF(X509) *chain = NULL;
	enum hz_attest_reason rc;

	if (cert == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_AK, "the attestation key has no certificate");
	if (!certifies_ak(cert))
		return hz_at_refuse(run, HZ_ATTEST_R_AK, "the certificate is not one of an attestation key");
	rc = hz_at_chain(run, cert, item->certs, &req, &chain, NULL);
	for (int i = 0; rc == HZ_ATTEST_OK && i + 1 < sk_X509_num(chain); i++)
		rc = hz_at_crl_check(run, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), false);
	hz_at_chain_free(chain);
	return rc;
}

static enum hz_attest_reason
check_ak(struct hz_at_run *run, const struct hz_at_item *item, EVP_PKEY *key, X509 *cert, const struct policy *p)
{
	uint8_t digest[32];

	if (!hz_at_spki_digest(run, key, digest))
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "a digest failed");
	hz_at_claim_hex(run, item, "ak_sha256", digest, sizeof digest);
	if (!p->ak_certified && !hz_at_hexlist_given(&p->ak))
		return hz_at_refuse(run, HZ_ATTEST_R_AK, "the policy names neither attestation keys nor that they be certified");
	if (hz_at_hexlist_given(&p->ak) && !hz_at_hexlist_allows(&p->ak, digest, sizeof digest))
		return hz_at_refuse(run, HZ_ATTEST_R_AK, "the attestation key is not in the policy");
	return p->ak_certified ? check_certified(run, item, cert) : HZ_ATTEST_OK;
}

/* ---- the whole ---- */

static enum hz_attest_reason
verify_with(struct hz_at_run *run, struct hz_at_item *item, const struct hz_tpm_quote *q)
{
	const struct policy *p = hz_at_policy_section(run->policy, &section);
	struct hz_at_bytes ak = hz_at_item_part(item, "ak");
	EVP_PKEY *key = ak.p != NULL ? hz_at_spki_read(run, ak) : NULL;
	X509 *cert = key == NULL ? find_cert(run, item, ak) : NULL;
	enum hz_attest_reason rc;

	if (key == NULL && cert != NULL)
		key = X509_get_pubkey(cert);
	if (key == NULL)
		rc = ak.p != NULL ? hz_at_refuse(run, HZ_ATTEST_R_AK, "the attestation key cannot be read")
		                  : hz_at_refuse(run, HZ_ATTEST_R_MISSING, "no attestation key was given");
	else
		rc = check_ak(run, item, key, cert, p);
	if (rc == HZ_ATTEST_OK)
		rc = hz_tpm_quote_verify(run, q, hz_at_item_part(item, "signature"), key);
	if (rc == HZ_ATTEST_OK)
		rc = hz_tpm_quote_nonce(run, q, item->nonce);
	if (rc == HZ_ATTEST_OK)
		rc = hz_tpm_pcrs_check(run, item, q, hz_at_item_part(item, "pcrs"), &p->pcrs);
	EVP_PKEY_free(key);
	return rc;
}

static enum hz_attest_reason
check_quote(struct hz_at_run *run, struct hz_at_item *item)
{
	struct hz_tpm_quote q;
	enum hz_attest_reason rc = hz_tpm_quote_read(run, item->evidence, &q);

	if (rc != HZ_ATTEST_OK)
		return rc;
	hz_tpm_quote_claims(run, item, &q);
	return verify_with(run, item, &q);
}

static const char *const parts[] = { "signature", "pcrs", "ak", NULL };

/* In a bundle: {"quote","signature","pcrs"?,"ak"?}. */
static enum hz_attest_reason
verify(struct hz_at_run *run, struct hz_at_item *item)
{
	return hz_at_object_verify(run, item, "quote", parts, check_quote);
}

const struct hz_at_family hz_at_tpm = { HZ_ATTEST_KIND_TPM, verify, &section, parts };
