/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's collateral: TCB info and QE identity, their signatures over the exact bytes, identifiers and dates. */

#include "attest/tdx.h"

#include "base/hex.h"

/* ---- dates ---- */

static bool
two_digits(const char *s, int *out)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*out = (s[0] - '0') * 10 + (s[1] - '0');
	return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar; years are counted from March. */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool
hz_tdx_time(const char *s, int64_t *out)
{
	int c, y, mo, d, h, mi, sec;

	if (s == NULL || strlen(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' ||
	    s[19] != 'Z')
		return false;
	if (!two_digits(s, &c) || !two_digits(s + 2, &y) || !two_digits(s + 5, &mo) || !two_digits(s + 8, &d) ||
	    !two_digits(s + 11, &h) || !two_digits(s + 14, &mi) || !two_digits(s + 17, &sec))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
		return false;
	*out = days_from_civil(c * 100 + y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	return true;
}

/* ---- finding the signed bytes ---- */

struct signed_text {
	struct hz_at_bytes body;
	uint8_t sig[64];
	bool has_sig;
};

static bool
take_sig(const struct hz_at_bytes *in, struct signed_text *t)
{
	size_t n = in->len;

	if (n == 64) {
		memcpy(t->sig, in->p, 64);
		return true;
	}
	while (n > 0 && (in->p[n - 1] == '\n' || in->p[n - 1] == '\r'))
		n--;
	return hz_hex_decode((const char *)in->p, n, t->sig, 64);
}

/* A whole response of the service has the signed object as a member, and the signature beside it in hex. */
static void
open_response(const struct hz_at_bytes *file, const char *member, struct signed_text *t)
{
	struct hz_at_bytes inner = hz_at_json_span(file->p, file->len, member);
	struct hz_at_bytes sig = hz_at_json_span(file->p, file->len, "signature");

	t->body = *file;
	if (inner.p == NULL)
		return;
	t->body = inner;
	t->has_sig = sig.len == 130 && hz_hex_decode((const char *)sig.p + 1, 128, t->sig, 64);
}

/* The n-th file of a kind. */
static const struct hz_at_bytes *
nth_file(const struct hz_at_run *run, enum hz_attest_collateral kind, size_t n)
{
	for (size_t i = 0; i < run->in->n_coll; i++)
		if (run->in->coll[i].kind == kind && n-- == 0)
			return &run->in->coll[i].data;
	return NULL;
}

struct spec {
	enum hz_attest_collateral file, sig;
	const char *member, *id;
	int64_t version;
};

static const struct spec tcb_spec = { HZ_ATTEST_COLL_TCB_INFO, HZ_ATTEST_COLL_TCB_INFO_SIG, "tcbInfo", "TDX", 3 };
static const struct spec qe_spec = { HZ_ATTEST_COLL_QE_IDENTITY, HZ_ATTEST_COLL_QE_IDENTITY_SIG, "enclaveIdentity", "TD_QE", 2 };

/* The n-th signed text of a kind; bare objects take the signature files in order.  False when there is none. */
static bool
nth_signed(const struct hz_at_run *run, const struct spec *spec, size_t n, struct signed_text *t)
{
	size_t bare = 0;

	for (size_t i = 0;; i++) {
		const struct hz_at_bytes *file = nth_file(run, spec->file, i), *sig;

		if (file == NULL)
			return false;
		memset(t, 0, sizeof *t);
		open_response(file, spec->member, t);
		if (!t->has_sig) {
			sig = nth_file(run, spec->sig, bare++);
			t->has_sig = sig != NULL && take_sig(sig, t);
		}
		if (i == n)
			return true;
	}
}

/* ---- checking ---- */

static enum hz_attest_reason
check_dates(struct hz_at_run *run, const struct spec *spec, struct json_object *o)
{
	int64_t from, until;

	if (!hz_tdx_time(hz_at_json_text(o, "issueDate"), &from) || !hz_tdx_time(hz_at_json_text(o, "nextUpdate"), &until))
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "%s has no usable dates", spec->member);
	if (run->now < from)
		return hz_at_refuse(run, HZ_ATTEST_R_NOT_YET_ISSUED, "%s was issued later than now", spec->member);
	if (run->now > until)
		return hz_at_refuse(run, HZ_ATTEST_R_EXPIRED, "%s has expired", spec->member);
	return HZ_ATTEST_OK;
}

static int64_t
number(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
}

static enum hz_attest_reason
check_signed(struct hz_at_run *run, const struct spec *spec, const struct signed_text *t, X509 *signer, struct json_object *o)
{
	const char *id = hz_at_json_text(o, "id");

	if (!t->has_sig ||
	    !hz_at_ecdsa_verify(run, X509_get0_pubkey(signer), "P-256", "SHA256", t->sig, 64, &t->body, 1))
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL_SIGNATURE, "%s: the signature is missing or wrong", spec->member);
	if (id == NULL || strcmp(id, spec->id) != 0 || number(o, "version") != spec->version)
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL_ID, "%s is not that of a TD (id, version)", spec->member);
	return check_dates(run, spec, o);
}

/* Case does not matter in FMSPC; compared as bytes. */
static bool
hex_member_is(struct json_object *o, const char *name, const uint8_t *want, size_t n)
{
	const char *s = hz_at_json_text(o, name);
	uint8_t got[16];

	return s != NULL && n <= sizeof got && hz_hex_decode(s, strlen(s), got, n) && memcmp(got, want, n) == 0;
}

/* Opens the TCB info for this platform; among several files the one with its FMSPC. */
static enum hz_attest_reason
open_tcb_info(struct hz_at_run *run, const struct hz_tdx_pck *pck, X509 *signer, struct json_object **out)
{
	struct signed_text t;
	bool any = false;

	for (size_t i = 0; nth_signed(run, &tcb_spec, i, &t); i++) {
		struct json_object *o = hz_at_json_parse(t.body.p, t.body.len, HZ_AT_JSON_DEPTH);

		any = true;
		if (o == NULL)
			return hz_at_refuse(run, HZ_ATTEST_R_JSON, "tcbInfo is not strict JSON");
		if (hex_member_is(o, "fmspc", pck->fmspc, sizeof pck->fmspc)) {
			*out = o;
			if (!hex_member_is(o, "pceId", pck->pceid, sizeof pck->pceid))
				return hz_at_refuse(run, HZ_ATTEST_R_FMSPC, "tcbInfo is for another PCE");
			return check_signed(run, &tcb_spec, &t, signer, o);
		}
		json_object_put(o);
	}
	return any ? hz_at_refuse(run, HZ_ATTEST_R_FMSPC, "no tcbInfo is for the FMSPC of this platform")
	           : hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "no tcbInfo was given");
}

static enum hz_attest_reason
open_qe_identity(struct hz_at_run *run, X509 *signer, struct json_object **out)
{
	struct signed_text t;

	if (!nth_signed(run, &qe_spec, 0, &t))
		return hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "no enclaveIdentity was given");
	*out = hz_at_json_parse(t.body.p, t.body.len, HZ_AT_JSON_DEPTH);
	if (*out == NULL)
		return hz_at_refuse(run, HZ_ATTEST_R_JSON, "enclaveIdentity is not strict JSON");
	return check_signed(run, &qe_spec, &t, signer, *out);
}

enum hz_attest_reason
hz_tdx_collateral_open(struct hz_at_run *run, const struct hz_tdx_pck *pck, bool required, bool crl_needed,
                       struct hz_tdx_collateral *c)
{
	X509 *signer = NULL;
	enum hz_attest_reason rc;
	int64_t a, b;

	memset(c, 0, sizeof *c);
	if (nth_file(run, HZ_ATTEST_COLL_TCB_INFO, 0) == NULL)
		return required ? hz_at_refuse(run, HZ_ATTEST_R_COLLATERAL, "the policy requires collateral, and none was given")
		                : HZ_ATTEST_OK;
	rc = hz_tdx_tcb_signer(run, crl_needed, &signer);
	if (rc == HZ_ATTEST_OK)
		rc = open_tcb_info(run, pck, signer, &c->tcb_info);
	if (rc == HZ_ATTEST_OK)
		rc = open_qe_identity(run, signer, &c->qe_identity);
	X509_free(signer);
	if (rc != HZ_ATTEST_OK)
		return rc;
	a = number(c->tcb_info, "tcbEvaluationDataNumber");
	b = number(c->qe_identity, "tcbEvaluationDataNumber");
	c->evaluation_number = a < 0 || b < 0 ? 0 : (uint64_t)(a < b ? a : b);
	return HZ_ATTEST_OK;
}

void
hz_tdx_collateral_free(struct hz_tdx_collateral *c)
{
	json_object_put(c->tcb_info);
	json_object_put(c->qe_identity);
	memset(c, 0, sizeof *c);
}
