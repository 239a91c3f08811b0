/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of evidence: strict reading, names and extensions, chains to pinned roots. */

#include "attest/attest-int.h"
#include "attest/policy-int.h"
#include "attest/seen.h"

#include "base/hex.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define MAX_CERT_LEN 16384
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

static X509 *
parse_der(struct hz_at_run *run, const unsigned char *p, size_t n)
{
	const unsigned char *cur = p;
	X509 *cert = X509_new_ex(run->libctx, NULL);

	if (cert == NULL || d2i_X509(&cert, &cur, (long)n) == NULL) /* frees cert */
		return NULL;
	if (cur != p + n) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* Finding the decoder of a key costs more than hashing the certificate. */
X509 *
hz_at_cert_der(struct hz_at_run *run, const void *p, size_t n)
{
	uint8_t sha256[32];
	X509 *cert;

	if (p == NULL || n == 0 || n > MAX_CERT_LEN ||
	    !hz_at_digest(run, "SHA256", &(struct hz_at_bytes){ p, n }, 1, sha256))
		return NULL;
	cert = hz_at_seen_cert(run, sha256);
	if (cert != NULL)
		return cert;
	cert = parse_der(run, p, n);
	if (cert != NULL)
		hz_at_seen_keep(run, sha256, cert);
	return cert;
}

static bool
push(STACK_OF(X509) *to, X509 *cert)
{
	if (cert != NULL && sk_X509_num(to) < HZ_AT_MAX_CERTS && sk_X509_push(to, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_filler(struct hz_reader *r)
{
	const uint8_t *c;

	while ((c = hz_rd_peek(r, 1)) != NULL && (is_blank(*c) || *c == 0))
		hz_rd_skip(r, 1);
}

/* Takes the text s if it is next. */
static bool
take(struct hz_reader *r, const char *s)
{
	const uint8_t *p = hz_rd_peek(r, strlen(s));

	if (p == NULL || memcmp(p, s, strlen(s)) != 0)
		return false;
	hz_rd_skip(r, strlen(s));
	return true;
}

/* Collects the base64 characters up to the next '-', in the URL alphabet and without padding; false on anything else. */
static bool
collect_base64(struct hz_reader *r, char *out, size_t room, size_t *len)
{
	const uint8_t *c;
	size_t n = 0, pad = 0;

	while ((c = hz_rd_peek(r, 1)) != NULL && *c != '-') {
		hz_rd_skip(r, 1);
		if (is_blank(*c))
			continue;
		if (*c == '=') {
			pad++;
			continue;
		}
		if (pad != 0 || *c == '_' || n == room)
			return false;
		out[n++] = *c == '+' ? '-' : *c == '/' ? '_' : (char)*c;
	}
	*len = n;
	return pad <= 2 && (n + pad) % 4 == 0;
}

static X509 *
read_pem_block(struct hz_at_run *run, struct hz_reader *r)
{
	char text[MAX_CERT_LEN / 3 * 4 + 8];
	uint8_t der[MAX_CERT_LEN + 8];
	size_t n, der_len = sizeof der;

	if (!take(r, PEM_BEGIN) || !collect_base64(r, text, sizeof text, &n) || !take(r, PEM_END) ||
	    !hz_b64url_decode(text, n, der, &der_len))
		return NULL;
	return hz_at_cert_der(run, der, der_len);
}

bool
hz_at_certs_read(struct hz_at_run *run, STACK_OF(X509) *to, const void *p, size_t n)
{
	struct hz_reader r = hz_rd(p, n);
	const uint8_t *first = hz_rd_peek(&r, 1);

	if (first != NULL && *first == 0x30)
		return push(to, hz_at_cert_der(run, p, n));
	skip_filler(&r);
	if (hz_rd_left(&r) == 0)
		return false;
	while (hz_rd_left(&r) > 0) {
		if (!push(to, read_pem_block(run, &r)))
			return false;
		skip_filler(&r);
	}
	return true;
}

bool
hz_at_cert_sha256(struct hz_at_run *run, X509 *cert, uint8_t out[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	bool ok = len > 0 && hz_at_digest(run, "SHA256", &(struct hz_at_bytes){ der, (size_t)len }, 1, out);

	OPENSSL_free(der);
	return ok;
}

bool
hz_at_spki_sha256(struct hz_at_run *run, X509 *cert, uint8_t out[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool ok = len > 0 && hz_at_digest(run, "SHA256", &(struct hz_at_bytes){ der, (size_t)len }, 1, out);

	OPENSSL_free(der);
	return ok;
}

static bool
name_cn(const X509_NAME *name, char *out, size_t size)
{
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *s = i < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
	size_t n = s == NULL ? 0 : (size_t)ASN1_STRING_length(s);

	out[0] = '\0';
	if (n == 0 || n >= size || memchr(ASN1_STRING_get0_data(s), 0, n) != NULL)
		return false;
	memcpy(out, ASN1_STRING_get0_data(s), n);
	out[n] = '\0';
	return true;
}

bool
hz_at_subject_cn(const X509 *cert, char *out, size_t size)
{
	return name_cn(X509_get_subject_name(cert), out, size);
}

bool
hz_at_issuer_cn(const X509 *cert, char *out, size_t size)
{
	return name_cn(X509_get_issuer_name(cert), out, size);
}

struct hz_at_bytes
hz_at_cert_ext(const X509 *cert, const char *oid)
{
	struct hz_at_bytes none = { NULL, 0 };
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	int i = obj == NULL ? -1 : X509_get_ext_by_OBJ(cert, obj, -1);
	bool repeated = i >= 0 && X509_get_ext_by_OBJ(cert, obj, i) >= 0;
	const ASN1_OCTET_STRING *v;

	ASN1_OBJECT_free(obj);
	if (i < 0 || repeated)
		return none;
	v = X509_EXTENSION_get_data(X509_get_ext(cert, i));
	return (struct hz_at_bytes){ ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v) };
}

/* ---- chains ---- */

/* Index of the pin that cert matches, -1 for a root that the policy names, -2 for none. */
static int
match_pin(struct hz_at_run *run, X509 *cert, const struct hz_at_chain_req *req)
{
	uint8_t der[32], spki[32];

	if (!hz_at_cert_sha256(run, cert, der) || !hz_at_spki_sha256(run, cert, spki))
		return -2;
	for (size_t i = 0; i < req->n_pins; i++)
		if (memcmp(req->pins[i].sha256, req->pins[i].spki ? spki : der, 32) == 0)
			return (int)i;
	return hz_at_policy_has_root(run->policy, req->family, der, spki) ? -1 : -2;
}

/* Adds the pinned certificates among `from` to the store; false when there is none. */
static bool
trust_pinned(struct hz_at_run *run, X509_STORE *store, STACK_OF(X509) *from, const struct hz_at_chain_req *req)
{
	bool any = false;

	for (int i = 0; i < sk_X509_num(from); i++) {
		X509 *cert = sk_X509_value(from, i);

		if (match_pin(run, cert, req) >= -1 && X509_STORE_add_cert(store, cert) == 1)
			any = true;
	}
	return any;
}

/* True while now is inside the certificate's dates, else *error; a date that cannot be read is an error as well. */
static bool
in_dates(const struct hz_at_run *run, const X509 *cert, int *error)
{
	time_t at = (time_t)run->now;
	int from = X509_cmp_time(X509_get0_notBefore(cert), &at), until = X509_cmp_time(X509_get0_notAfter(cert), &at);

	*error = from == 0    ? X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD
	         : until == 0 ? X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD
	         : from > 0   ? X509_V_ERR_CERT_NOT_YET_VALID
	                      : X509_V_ERR_CERT_HAS_EXPIRED;
	return from < 0 && until > 0;
}

/*
 * RFC 5280, 6.1.3 (a) (1) and (2), for X509_verify_cert(), which has built the chain and checks everything else: signatures
 * and dates from the root down. The root's own signature says nothing, since the root is pinned.
 */
static int
verify_signatures(X509_STORE_CTX *ctx)
{
	struct hz_at_run *run = X509_STORE_CTX_get_app_data(ctx);
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int n = sk_X509_num(chain), error;

	for (int i = n - 1; i >= 0; i--) {
		X509 *cert = sk_X509_value(chain, i);

		X509_STORE_CTX_set_error_depth(ctx, i);
		X509_STORE_CTX_set_current_cert(ctx, cert);
		error = X509_V_ERR_CERT_SIGNATURE_FAILURE;
		if ((i < n - 1 && !hz_at_seen_signed(run, cert, sk_X509_value(chain, i + 1))) || !in_dates(run, cert, &error)) {
			X509_STORE_CTX_set_error(ctx, error);
			return 0;
		}
	}
	return n > 0;
}

static enum hz_attest_reason
run_chain(struct hz_at_run *run, X509_STORE_CTX *ctx, X509_STORE *store, X509 *leaf, STACK_OF(X509) *from)
{
	X509_VERIFY_PARAM *param;
	char cn[80];

	X509_STORE_set_verify(store, verify_signatures);
	if (X509_STORE_CTX_init(ctx, store, leaf, from) != 1 || X509_STORE_CTX_set_app_data(ctx, run) != 1)
		return hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "the certificate verifier could not be set up");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)run->now);
	X509_VERIFY_PARAM_set_depth(param, 8);
	if (X509_verify_cert(ctx) == 1)
		return HZ_ATTEST_OK;
	if (X509_STORE_CTX_get_current_cert(ctx) == NULL ||
	    !hz_at_subject_cn(X509_STORE_CTX_get_current_cert(ctx), cn, sizeof cn))
		OPENSSL_strlcpy(cn, "?", sizeof cn);
	return hz_at_refuse(run, HZ_ATTEST_R_CHAIN, "certificate chain: %s at depth %d (%s)",
	                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
	                    X509_STORE_CTX_get_error_depth(ctx), cn);
}

/* Length and root of the verified chain. */
static enum hz_attest_reason
check_built(struct hz_at_run *run, STACK_OF(X509) *built, const struct hz_at_chain_req *req, int *root)
{
	int n = sk_X509_num(built);

	if (req->length != 0 && n != req->length)
		return hz_at_refuse(run, HZ_ATTEST_R_CHAIN_LEN, "certificate chain has %d certificates, not %d", n, req->length);
	*root = n > 0 ? match_pin(run, sk_X509_value(built, n - 1), req) : -2;
	if (*root < -1)
		return hz_at_refuse(run, HZ_ATTEST_R_CHAIN, "certificate chain does not end in a pinned root");
	return HZ_ATTEST_OK;
}

enum hz_attest_reason
hz_at_chain(struct hz_at_run *run, X509 *leaf, STACK_OF(X509) *from, const struct hz_at_chain_req *req,
            STACK_OF(X509) **chain, int *root)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(run->libctx, NULL);
	enum hz_attest_reason rc;
	int which = -2;

	if (store == NULL || ctx == NULL) {
		rc = hz_at_refuse(run, HZ_ATTEST_R_INTERNAL, "out of memory");
		goto out;
	}
	if (!trust_pinned(run, store, from, req)) {
		rc = hz_at_refuse(run, req->bad_root != 0 ? req->bad_root : HZ_ATTEST_R_CHAIN,
		                  "no pinned %s root among the certificates", req->family);
		goto out;
	}
	rc = run_chain(run, ctx, store, leaf, from);
	if (rc == HZ_ATTEST_OK)
		rc = check_built(run, X509_STORE_CTX_get0_chain(ctx), req, &which);
	if (rc == HZ_ATTEST_OK && root != NULL)
		*root = which;
	if (rc == HZ_ATTEST_OK && chain != NULL)
		*chain = X509_STORE_CTX_get1_chain(ctx);
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return rc;
}

void
hz_at_chain_free(STACK_OF(X509) *chain)
{
	sk_X509_pop_free(chain, X509_free);
}
