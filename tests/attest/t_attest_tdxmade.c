/* SPDX-License-Identifier: Apache-2.0 */
/* TDX quotes made for each case under a private PCK chain: forms and policies that no stored vector has. */

#include "config.h"

#include "vectors.h"

#include "base/hex.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1780000000
#define MAX_QUOTE 16384

static hz_attest_verifier *verifier;
static OSSL_LIB_CTX *ctx;
static EVP_PKEY *root_key, *ca_key, *leaf_key, *att_key;
static struct blob chain;
static char root_hex[65];

static void
must(bool ok)
{
	if (!ok) {
		fprintf(stderr, "the test's own cryptography failed\n");
		exit(99);
	}
}

/* ---- certificates ---- */

/* Appends SEQUENCE { 1.2.840.113741.1.13.1.<arc>, value } to out. */
static size_t
put_entry(unsigned char *out, const unsigned char *arc, size_t arc_len, const unsigned char *value, size_t n)
{
	static const unsigned char base[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };
	size_t oid = sizeof base + arc_len, at = 0;
	size_t body = 2 + oid + n;

	out[at++] = 0x30;
	if (body >= 0x80) {
		out[at++] = 0x82;
		out[at++] = (unsigned char)(body >> 8);
	}
	out[at++] = (unsigned char)body;
	out[at++] = 0x06;
	out[at++] = (unsigned char)oid;
	memcpy(out + at, base, sizeof base);
	memcpy(out + at + sizeof base, arc, arc_len);
	at += oid;
	memcpy(out + at, value, n);
	return at + n;
}

static size_t
put_sequence(unsigned char *out, const unsigned char *body, size_t n)
{
	out[0] = 0x30;
	out[1] = 0x82;
	out[2] = (unsigned char)(n >> 8);
	out[3] = (unsigned char)n;
	memcpy(out + 4, body, n);
	return n + 4;
}

static size_t
sgx_extension(unsigned char *out)
{
	unsigned char tcb[1024], seq[1100], all[2048], octets[18] = { 0x04, 16 };
	const unsigned char one[3] = { 0x02, 0x01, 0x05 };
	size_t n = 0, m = 0;

	for (unsigned char i = 1; i <= 17; i++)
		n += put_entry(tcb + n, (const unsigned char[]){ 2, i }, 2, one, sizeof one);
	n += put_entry(tcb + n, (const unsigned char[]){ 2, 18 }, 2, octets, sizeof octets);
	n = put_sequence(seq, tcb, n);
	m += put_entry(all + m, (const unsigned char[]){ 1 }, 1, octets, 18);
	m += put_entry(all + m, (const unsigned char[]){ 2 }, 1, seq, n);
	m += put_entry(all + m, (const unsigned char[]){ 3 }, 1, (const unsigned char *)"\x04\x02\0", 4);
	m += put_entry(all + m, (const unsigned char[]){ 4 }, 1, (const unsigned char *)"\x04\x06\x90\xc0\x6f\0\0", 8);
	return put_sequence(out, all, m);
}

static X509 *
make_cert(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer, bool ca)
{
	X509 *cert = X509_new_ex(ctx, NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char ext[4096];
	X509_EXTENSION *e;

	must(X509_set_version(cert, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), 7) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)issuer, -1, -1, 0) == 1);
	must(ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z") == 1 &&
	     ASN1_TIME_set_string(X509_getm_notAfter(cert), "20261231000000Z") == 1 && X509_set_pubkey(cert, key) == 1);
	if (ca) {
		e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	} else {
		ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
		ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();

		must(ASN1_OCTET_STRING_set(v, ext, (int)sgx_extension(ext)) == 1);
		e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, v);
		ASN1_OCTET_STRING_free(v);
		ASN1_OBJECT_free(oid);
	}
	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
	must(EVP_DigestSignInit_ex(md, NULL, "SHA256", ctx, NULL, signer, NULL) == 1 && X509_sign_ctx(cert, md) > 0);
	EVP_MD_CTX_free(md);
	return cert;
}

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(ctx, NULL, "EC", "P-256");

	must(key != NULL);
	return key;
}

static void
make_chain(void)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *root, *ca, *leaf;
	unsigned char digest[32], *der = NULL;
	char *p;
	int n;

	root_key = new_key();
	ca_key = new_key();
	leaf_key = new_key();
	att_key = new_key();
	root = make_cert("Intel SGX Root CA", "Intel SGX Root CA", root_key, root_key, true);
	ca = make_cert("Intel SGX PCK Platform CA", "Intel SGX Root CA", ca_key, root_key, true);
	leaf = make_cert("Intel SGX PCK Certificate", "Intel SGX PCK Platform CA", leaf_key, ca_key, false);
	must(PEM_write_bio_X509(bio, leaf) && PEM_write_bio_X509(bio, ca) && PEM_write_bio_X509(bio, root));
	chain.len = (size_t)BIO_get_mem_data(bio, &p);
	chain.p = malloc(chain.len);
	memcpy(chain.p, p, chain.len);
	n = i2d_X509(root, &der);
	must(n > 0 && EVP_Q_digest(ctx, "SHA256", NULL, der, (size_t)n, digest, NULL) == 1);
	hz_hex_encode(digest, 32, root_hex);
	OPENSSL_free(der);
	BIO_free(bio);
	X509_free(root);
	X509_free(ca);
	X509_free(leaf);
}

/* ---- quotes ---- */

struct change {
	int where;             /* 'b' body, 'q' QE report, 'h' header */
	size_t at;
	unsigned char value;
};

struct tdx_case {
	const char *name, *policy;
	int version, type;     /* type 2 or 3 */
	struct change change;
	enum hz_attest_reason want;
};

static void
sign_raw(EVP_PKEY *key, const unsigned char *p, size_t n, unsigned char rs[64])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char der[80];
	const unsigned char *cur = der;
	size_t len = sizeof der;
	ECDSA_SIG *sig;

	must(EVP_DigestSignInit_ex(md, NULL, "SHA256", ctx, NULL, key, NULL) == 1 && EVP_DigestSign(md, der, &len, p, n) == 1);
	sig = d2i_ECDSA_SIG(NULL, &cur, (long)len);
	must(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
}

static void
put_le(unsigned char *p, size_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static void
change(const struct tdx_case *c, int where, unsigned char *p)
{
	if (c->change.where == where)
		p[c->change.at] = c->change.value;
}

static void
make_qe(const struct tdx_case *c, unsigned char qe[384], const unsigned char key[64])
{
	static const char signer[] = "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5";
	unsigned char bound[64 + 4] = { 0 };

	memset(qe, 0, 384);
	qe[48] = 0x15;
	must(hz_hex_decode(signer, 64, qe + 128, 32));
	qe[256] = 2;
	qe[258] = 6;
	memcpy(bound, key, 64);
	must(EVP_Q_digest(ctx, "SHA256", NULL, bound, sizeof bound, qe + 320, NULL) == 1);
	change(c, 'q', qe);
}

/* Header, descriptor and body. */
static size_t
make_signed_part(const struct tdx_case *c, unsigned char *q)
{
	static const unsigned char vendor[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
	size_t size = c->type == 3 ? 648 : 584, at = 48;

	memset(q, 0, MAX_QUOTE);
	q[0] = (unsigned char)c->version;
	q[2] = 2;
	q[4] = 0x81;
	memcpy(q + 12, vendor, sizeof vendor);
	change(c, 'h', q);
	if (c->version == 5) {
		put_le(q + 48, (size_t)c->type, 2);
		put_le(q + 50, size, 4);
		at = 54;
	}
	q[at + 123] = 0x10;   /* SEPT_VE_DISABLE */
	q[at + 128] = 0xE7;   /* XFAM 0x602e7 */
	q[at + 129] = 0x02;
	q[at + 130] = 0x06;
	memset(q + at + 136, 0xAB, 48);
	change(c, 'b', q + at);
	return at + size;
}

static size_t
make_quote(const struct tdx_case *c, unsigned char *q)
{
	size_t body = make_signed_part(c, q), at = body + 4, auth = 4, inner = 384 + 64 + 2 + auth + 6 + chain.len;
	unsigned char point[65];
	size_t n;

	put_le(q + body, 64 + 64 + 6 + inner, 4);
	sign_raw(att_key, q, body, q + at);
	must(EVP_PKEY_get_octet_string_param(att_key, "encoded-pub-key", point, sizeof point, &n) == 1 && n == 65);
	memcpy(q + at + 64, point + 1, 64);
	at += 128;
	put_le(q + at, 6, 2);
	put_le(q + at + 2, inner, 4);
	at += 6;
	make_qe(c, q + at, point + 1);
	sign_raw(leaf_key, q + at, 384, q + at + 384);
	at += 384 + 64;
	put_le(q + at, auth, 2);
	at += 2 + auth;
	put_le(q + at, 5, 2);
	put_le(q + at + 2, chain.len, 4);
	memcpy(q + at + 6, chain.p, chain.len);
	return at + 6 + chain.len;
}

/* ---- cases ---- */

#define ZERO48 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

static const struct tdx_case cases[] = {
	{ "version 4", "", 4, 2, { 0 }, HZ_ATTEST_OK },
	{ "version 5, TD 1.0", "", 5, 2, { 0 }, HZ_ATTEST_OK },
	{ "version 5, TD 1.5", "", 5, 3, { 0 }, HZ_ATTEST_OK },
	{ "reserved header field", "", 4, 2, { 'h', 9, 1 }, HZ_ATTEST_R_RESERVED_NONZERO },
	{ "QE debug", "", 4, 2, { 'q', 48, 0x17 }, HZ_ATTEST_R_QE_IDENTITY },
	{ "QE of another signer", "", 4, 2, { 'q', 128, 0 }, HZ_ATTEST_R_QE_IDENTITY },
	{ "QE of another product", "", 4, 2, { 'q', 256, 1 }, HZ_ATTEST_R_QE_IDENTITY },
	{ "QE report data, lower half", "", 4, 2, { 'q', 330, 0 }, HZ_ATTEST_R_QE_REPORT_DATA },
	{ "QE report data, upper half", "", 4, 2, { 'q', 383, 1 }, HZ_ATTEST_R_QE_REPORT_DATA },
	{ "debug", "", 4, 2, { 'b', 120, 1 }, HZ_ATTEST_R_POLICY_DEBUG },
	{ "profiling counts as debug", "", 4, 2, { 'b', 120, 0x20 }, HZ_ATTEST_R_POLICY_DEBUG },
	{ "debug allowed", ",\"allow_debug\":true", 4, 2, { 'b', 120, 1 }, HZ_ATTEST_OK },
	{ "unknown attribute", "", 4, 2, { 'b', 121, 1 }, HZ_ATTEST_R_POLICY_ATTRIBUTES },
	{ "SEPT_VE_DISABLE off", "", 4, 2, { 'b', 123, 0 }, HZ_ATTEST_R_POLICY_ATTRIBUTES },
	{ "SEPT_VE_DISABLE off, allowed", ",\"require_sept_ve_disable\":false", 4, 2, { 'b', 123, 0 }, HZ_ATTEST_OK },
	{ "migratable", "", 4, 2, { 'b', 123, 0x30 }, HZ_ATTEST_R_POLICY_MIGRATION },
	{ "migratable, allowed", ",\"allow_migratable\":true", 4, 2, { 'b', 123, 0x30 }, HZ_ATTEST_OK },
	{ "XFAM without its fixed bits", "", 4, 2, { 'b', 128, 0xE6 }, HZ_ATTEST_R_POLICY_XFAM },
	{ "XFAM with an unknown bit", "", 4, 2, { 'b', 135, 0x80 }, HZ_ATTEST_R_POLICY_XFAM },
	{ "XFAM required", ",\"xfam_required\":\"0x100\"", 4, 2, { 0 }, HZ_ATTEST_R_POLICY_XFAM },
	{ "module of another signer", "", 4, 2, { 'b', 64, 1 }, HZ_ATTEST_R_POLICY_MRSEAM },
	{ "service TD", "", 5, 3, { 'b', 600, 1 }, HZ_ATTEST_R_POLICY_MRSERVICETD },
	{ "service TD, any", ",\"mrservicetd\":\"any\"", 5, 3, { 'b', 600, 1 }, HZ_ATTEST_OK },
	{ "service TD, none allowed but zero", ",\"mrservicetd\":\"" ZERO48 "\"", 5, 3, { 'b', 647, 1 }, HZ_ATTEST_R_POLICY_MRSERVICETD },
	{ "no service TD in TD 1.0", ",\"mrservicetd\":\"" ZERO48 "\"", 5, 2, { 0 }, HZ_ATTEST_OK },
	{ "MRCONFIGID", ",\"mrconfigid\":\"" ZERO48 "\"", 4, 2, { 'b', 184, 1 }, HZ_ATTEST_R_POLICY_MRCONFIG },
	{ "MROWNER", ",\"mrowner\":\"" ZERO48 "\"", 4, 2, { 'b', 232, 1 }, HZ_ATTEST_R_POLICY_MRCONFIG },
	{ "MROWNERCONFIG", ",\"mrownerconfig\":\"" ZERO48 "\"", 4, 2, { 'b', 280, 1 }, HZ_ATTEST_R_POLICY_MRCONFIG },
	{ "RTMR0", ",\"rtmr0\":\"" ZERO48 "\"", 4, 2, { 'b', 328, 1 }, HZ_ATTEST_R_POLICY_RTMR },
	{ "RTMR3", ",\"rtmr3\":\"" ZERO48 "\"", 4, 2, { 'b', 519, 1 }, HZ_ATTEST_R_POLICY_RTMR },
};

static hz_attest_result *
verify(const char *policy, const unsigned char *q, size_t n, const unsigned char *report_data)
{
	char json[1024], err[256];
	hz_attest_policy *p;
	hz_attest_input *in = hz_attest_input_new();
	hz_attest_result *res;

	snprintf(json, sizeof json, "{\"hanzo_policy\":1,\"roots\":[{\"family\":\"tdx\",\"cert_sha256\":\"%s\"}],"
	         "\"tdx\":{\"mrtd\":\"any\",\"collateral_required\":false,\"crl_required\":false%s}}", root_hex, policy);
	p = hz_attest_policy_parse(json, strlen(json), err, sizeof err);
	must(p != NULL);
	hz_attest_input_evidence(in, HZ_ATTEST_KIND_TDX, q, n);
	hz_attest_input_time(in, NOW);
	if (report_data != NULL)
		hz_attest_input_report_data(in, report_data, 64);
	res = hz_attest_verify(verifier, p, in);
	hz_attest_input_free(in);
	hz_attest_policy_free(p);
	return res;
}

/* Report data is compared to its last byte. */
static void
test_report_data(unsigned char *q)
{
	static const struct tdx_case plain = { "", "", 5, 3, { 'b', 520 + 63, 9 }, HZ_ATTEST_OK };
	unsigned char want[64] = { 0 };
	size_t n = make_quote(&plain, q);

	for (int i = 0; i < 2; i++) {
		hz_attest_result *res;

		want[63] = i == 0 ? 9 : 8;
		res = verify("", q, n, want);
		CHECK(hz_attest_result_reason(res) == (i == 0 ? HZ_ATTEST_OK : HZ_ATTEST_R_REPORT_DATA));
		hz_attest_result_free(res);
	}
}

int
main(void)
{
	unsigned char *q = malloc(MAX_QUOTE);

	ctx = OSSL_LIB_CTX_new();
	verifier = hz_attest_verifier_new(NULL);
	make_chain();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = make_quote(&cases[i], q);
		hz_attest_result *res = verify(cases[i].policy, q, n, NULL);

		if (hz_attest_result_reason(res) != cases[i].want) {
			failures++;
			fprintf(stderr, "%s: want %s, got %s (%s)\n", cases[i].name, hz_attest_reason_name(cases[i].want),
			        hz_attest_reason_name(hz_attest_result_reason(res)), hz_attest_result_text(res));
		}
		hz_attest_result_free(res);
	}
	test_report_data(q);
	free(q);
	blob_free(&chain);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(att_key);
	hz_attest_verifier_free(verifier);
	OSSL_LIB_CTX_free(ctx);
	return failures != 0;
}
