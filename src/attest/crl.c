/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists given as collateral: signature by the issuer, dates, and whether a certificate is on them. */

#include "attest/attest-int.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* A second list behind the first would be passed over: it may be the one that revokes. */
static bool
nothing_left(BIO *bio)
{
	const char *rest = NULL;
	long n = BIO_get_mem_data(bio, &rest);

	while (n > 0 && strchr(" \t\r\n", rest[n - 1]) != NULL && rest[n - 1] != '\0')
		n--;
	return n == 0;
}

/* A DER list, or PEM text that ends with its only list; NULL on anything else. */
static X509_CRL *
read_crl(struct hz_at_run *run, const struct hz_at_bytes *in)
{
	const unsigned char *cur = in->p;
	X509_CRL *crl = X509_CRL_new_ex(run->libctx, NULL);
	BIO *bio;

	if (crl == NULL || in->len == 0 || in->len > HZ_ATTEST_MAX_INPUT)
		goto bad;
	if (in->p[0] == 0x30) {
		if (d2i_X509_CRL(&crl, &cur, (long)in->len) == NULL)
			return NULL;
		if (cur == in->p + in->len)
			return crl;
		goto bad;
	}
	bio = BIO_new_mem_buf(in->p, (int)in->len);
	if (bio != NULL && PEM_read_bio_X509_CRL(bio, &crl, NULL, NULL) != NULL && nothing_left(bio)) {
		BIO_free(bio);
		return crl;
	}
	BIO_free(bio);
bad:
	X509_CRL_free(crl);
	return NULL;
}

/* No delta or partial list, no critical extension that this code does not understand. */
static bool
plain_list(X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		X509_EXTENSION *e = X509_CRL_get_ext(crl, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));

		if (nid == NID_issuing_distribution_point || nid == NID_delta_crl || X509_EXTENSION_get_critical(e))
			return false;
	}
	return true;
}

/* *out is negative when the time is before now, else positive.  False for a bad time. */
static bool
compare_time(const ASN1_TIME *t, int64_t now, int *out)
{
	time_t at = (time_t)now;

	if (t == NULL)
		return false;
	*out = X509_cmp_time(t, &at);
	return *out != 0;
}

static enum hz_attest_reason
check_dates(struct hz_at_run *run, X509_CRL *crl)
{
	int from, until;

	if (!compare_time(X509_CRL_get0_lastUpdate(crl), run->now, &from) ||
	    !compare_time(X509_CRL_get0_nextUpdate(crl), run->now, &until))
		return hz_at_refuse(run, HZ_ATTEST_R_CRL, "revocation list without usable dates");
	if (from > 0)
		return hz_at_refuse(run, HZ_ATTEST_R_NOT_YET_ISSUED, "revocation list is from the future");
	if (until < 0)
		return hz_at_refuse(run, HZ_ATTEST_R_EXPIRED, "revocation list has expired");
	return HZ_ATTEST_OK;
}

/* One list of the right issuer. */
static enum hz_attest_reason
check_one(struct hz_at_run *run, X509_CRL *crl, X509 *cert, X509 *issuer)
{
	X509_REVOKED *entry = NULL;
	int found;

	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
		return hz_at_refuse(run, HZ_ATTEST_R_CRL, "revocation list: the signature is not its issuer's");
	found = X509_CRL_get0_by_cert(crl, &entry, cert);
	if (found == 1)
		return hz_at_refuse(run, HZ_ATTEST_R_REVOKED, "certificate is revoked");
	if (!plain_list(crl))
		return hz_at_refuse(run, HZ_ATTEST_R_CRL, "revocation list is partial or has an unknown critical extension");
	return check_dates(run, crl);
}

enum hz_attest_reason
hz_at_crl_check(struct hz_at_run *run, X509 *cert, X509 *issuer, bool needed)
{
	enum hz_attest_reason bad = HZ_ATTEST_OK;
	bool good = false;

	for (size_t i = 0; i < run->in->n_coll; i++) {
		X509_CRL *crl;
		enum hz_attest_reason rc = HZ_ATTEST_OK;

		if (run->in->coll[i].kind != HZ_ATTEST_COLL_CRL)
			continue;
		crl = read_crl(run, &run->in->coll[i].data);
		if (crl == NULL)
			return hz_at_refuse(run, HZ_ATTEST_R_CRL, "revocation list cannot be read, or is more than one");
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0) {
			rc = check_one(run, crl, cert, issuer);
			good = good || rc == HZ_ATTEST_OK;
			bad = rc != HZ_ATTEST_OK ? rc : bad;
		}
		X509_CRL_free(crl);
		if (rc == HZ_ATTEST_R_REVOKED)
			return rc;
	}
	if (good)
		return HZ_ATTEST_OK;
	if (bad != HZ_ATTEST_OK)
		return bad;
	return needed ? hz_at_refuse(run, HZ_ATTEST_R_CRL, "no revocation list of the issuer was given") : HZ_ATTEST_OK;
}
