/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's certificates: PCK chains, their SGX extension, and the signer of collateral. */

#include "attest/der.h"
#include "attest/tdx.h"

#include <openssl/asn1.h>

#define SGX_OID "1.2.840.113741.1.13.1"

/* Intel SGX Root CA, SHA-256 of the DER. */
static const struct hz_at_pin intel_root = {
	"Intel SGX Root CA", false,
	{ 0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35,
	  0x0e, 0x74, 0x24, 0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3 }
};

/* ---- chains ---- */

static bool
named(const X509 *cert, const char *a, const char *b)
{
	char cn[64];

	return hz_at_subject_cn(cert, cn, sizeof cn) && (strcmp(cn, a) == 0 || (b != NULL && strcmp(cn, b) == 0));
}

static enum hz_attest_reason
check_pck_chain(struct hz_at_run *run, STACK_OF(X509) *chain, bool crl_needed)
{
	X509 *leaf = sk_X509_value(chain, 0), *ca = sk_X509_value(chain, 1), *root = sk_X509_value(chain, 2);
	enum hz_attest_reason rc;

	if (!named(leaf, "Intel SGX PCK Certificate", NULL) ||
	    !named(ca, "Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"))
		return hz_at_refuse(run, HZ_ATTEST_R_CERT_KIND, "the chain is not that of a PCK certificate");
	rc = hz_at_crl_check(run, ca, root, crl_needed);
	return rc == HZ_ATTEST_OK ? hz_at_crl_check(run, leaf, ca, crl_needed) : rc;
}

enum hz_attest_reason
hz_tdx_pck_chain(struct hz_at_run *run, const struct hz_tdx_quote *q, bool crl_needed, STACK_OF(X509) **chain)
{
	const struct hz_at_chain_req req = { &intel_root, 1, "tdx", 3, HZ_ATTEST_R_ROOT };
	STACK_OF(X509) *certs = sk_X509_new_null();
	enum hz_attest_reason rc = HZ_ATTEST_OK;

	*chain = NULL;
	if (certs == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
	if (!hz_at_certs_read(run, certs, q->pem.p, q->pem.len))
		rc = hz_at_refuse(run, HZ_ATTEST_R_CERT_PARSE, "the PCK chain cannot be read");
	else if (sk_X509_num(certs) != 3)
		rc = hz_at_refuse(run, HZ_ATTEST_R_PCK_CHAIN_LEN, "the PCK chain has %d certificates, not 3", sk_X509_num(certs));
	if (rc == HZ_ATTEST_OK)
		rc = hz_at_chain(run, sk_X509_value(certs, 0), certs, &req, chain, NULL);
	if (rc == HZ_ATTEST_OK)
		rc = check_pck_chain(run, *chain, crl_needed);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

/* All certificates among the collateral, and those that were given as such. */
static STACK_OF(X509) *
collateral_certs(struct hz_at_run *run)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	bool ok = certs != NULL;

	for (size_t i = 0; ok && i < run->in->n_coll; i++)
		if (run->in->coll[i].kind == HZ_ATTEST_COLL_CERTS)
			ok = hz_at_certs_read(run, certs, run->in->coll[i].data.p, run->in->coll[i].data.len);
	for (size_t i = 0; ok && i < run->in->n_certs; i++)
		ok = hz_at_certs_read(run, certs, run->in->certs[i].p, run->in->certs[i].len);
	if (!ok) {
		sk_X509_pop_free(certs, X509_free);
		certs = NULL;
	}
	return certs;
}

static X509 *
find_signer(STACK_OF(X509) *certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (named(sk_X509_value(certs, i), "Intel SGX TCB Signing", NULL))
			return sk_X509_value(certs, i);
	return NULL;
}

enum hz_attest_reason
hz_tdx_tcb_signer(struct hz_at_run *run, bool crl_needed, X509 **signer)
{
	const struct hz_at_chain_req req = { &intel_root, 1, "tdx", 2, HZ_ATTEST_R_ROOT };
	STACK_OF(X509) *certs = collateral_certs(run), *chain = NULL;
	enum hz_attest_reason rc;

	*signer = certs == NULL ? NULL : find_signer(certs);
	if (*signer == NULL)
		rc = hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "the issuer chain of the collateral is missing or cannot be read");
	else
		rc = hz_at_chain(run, *signer, certs, &req, &chain, NULL);
	if (rc == HZ_ATTEST_OK)
		rc = hz_at_crl_check(run, *signer, sk_X509_value(chain, 1), crl_needed);
	if (rc == HZ_ATTEST_OK)
		X509_up_ref(*signer);
	else
		*signer = NULL;
	hz_at_chain_free(chain);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

/* ---- the SGX extension: SEQUENCE OF SEQUENCE { OID, value } ---- */

/* 1.2.840.113741.1.13.1 as DER content. */
static const uint8_t sgx_arc[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };

/* Reads SEQUENCE { OID, value }; *arc is what follows the prefix (1 or 2 bytes), 0 where the OID is another. */
static bool
read_entry(struct hz_reader *list, unsigned *arc, uint8_t *tag, struct hz_reader *value)
{
	struct hz_reader entry, oid;
	const uint8_t *prefix;

	if (!hz_at_der_want(list, HZ_DER_SEQUENCE, &entry) || !hz_at_der_want(&entry, HZ_DER_OID, &oid))
		return false;
	prefix = hz_rd_bytes(&oid, sizeof sgx_arc);
	*arc = 0;
	if (prefix != NULL && memcmp(prefix, sgx_arc, sizeof sgx_arc) == 0 && hz_rd_left(&oid) <= 2)
		*arc = (unsigned)hz_rd_be(&oid, hz_rd_left(&oid));
	return hz_at_der_next(&entry, tag, value) && hz_rd_end(&entry);
}

/* An INTEGER of 0 to max, which is below 65536, in its shortest form. */
static bool
read_small(struct hz_reader v, uint8_t tag, unsigned max, unsigned *out)
{
	size_t n = hz_rd_left(&v);

	if (tag != HZ_DER_INTEGER || n == 0 || n > 3)
		return false;
	*out = (unsigned)hz_rd_be(&v, n);
	return *out <= max && n == 1u + (*out >= 0x80) + (*out >= 0x8000);
}

/* Entries 1..16: component SVNs, 17: PCESVN, 18: CPUSVN. */
static bool
read_tcb(struct hz_reader list, struct hz_tdx_pck *pck)
{
	unsigned seen = 0;

	while (hz_rd_left(&list) > 0) {
		struct hz_reader value;
		unsigned arc, v, index;
		uint8_t tag;

		if (!read_entry(&list, &arc, &tag, &value) || arc >> 8 != 2)
			return false;
		index = arc & 0xFF;
		if (index < 1 || index > 18 || (seen & 1u << index))
			return false;
		seen |= 1u << index;
		if (index == 18)
			continue;
		if (!read_small(value, tag, index == 17 ? 65535 : 255, &v))
			return false;
		if (index == 17)
			pck->pcesvn = (uint16_t)v;
		else
			pck->comp[index - 1] = (uint8_t)v;
	}
	return (seen & 0x3FFFE) == 0x3FFFE;
}

static bool
read_octets(struct hz_reader v, uint8_t tag, uint8_t *out, size_t n)
{
	if (tag != HZ_DER_OCTETS || hz_rd_left(&v) != n)
		return false;
	hz_rd_copy(&v, out, n);
	return true;
}

static bool
read_sgx_entry(unsigned arc, uint8_t tag, struct hz_reader value, struct hz_tdx_pck *pck)
{
	switch (arc) {
	case 1: return read_octets(value, tag, pck->ppid, sizeof pck->ppid);
	case 2: return tag == HZ_DER_SEQUENCE && read_tcb(value, pck);
	case 3: return read_octets(value, tag, pck->pceid, sizeof pck->pceid);
	case 4: return read_octets(value, tag, pck->fmspc, sizeof pck->fmspc);
	default: return true;
	}
}

bool
hz_tdx_pck_read(const X509 *leaf, struct hz_tdx_pck *pck)
{
	struct hz_at_bytes ext = hz_at_cert_ext(leaf, SGX_OID);
	struct hz_reader r = hz_rd(ext.p, ext.len), list, value;
	unsigned arc, seen = 0;
	uint8_t tag;

	memset(pck, 0, sizeof *pck);
	if (ext.p == NULL || !hz_at_der_want(&r, HZ_DER_SEQUENCE, &list) || !hz_rd_end(&r))
		return false;
	while (hz_rd_left(&list) > 0) {
		if (!read_entry(&list, &arc, &tag, &value) || arc > 31 || (arc != 0 && (seen & 1u << arc)))
			return false;
		seen |= 1u << arc;
		if (!read_sgx_entry(arc, tag, value, pck))
			return false;
	}
	return (seen & 0x1E) == 0x1E;
}
