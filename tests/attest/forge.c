/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an AMD-like chain and signs reports under it, so that tests can say what a report says. */

#include "config.h"

#include "forge.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool ok)
{
	if (!ok) {
		fprintf(stderr, "the test's own cryptography failed\n");
		exit(99);
	}
}

static EVP_PKEY *
new_key(struct forge *f)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(f->libctx, NULL, "EC", "P-384");

	must(key != NULL);
	return key;
}

static void
add_raw(X509 *cert, const char *suffix, const unsigned char *p, size_t n)
{
	char oid[48];
	ASN1_OBJECT *obj;
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	snprintf(oid, sizeof oid, "1.3.6.1.4.1.3704.1.%s", suffix);
	obj = OBJ_txt2obj(oid, 1);
	must(ASN1_OCTET_STRING_set(v, p, (int)n) == 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, v);
	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(v);
	ASN1_OBJECT_free(obj);
}

static void
add_spl(X509 *cert, const char *suffix, unsigned char v)
{
	const unsigned char small[3] = { 0x02, 0x01, v }, large[4] = { 0x02, 0x02, 0x00, v };

	add_raw(cert, suffix, v < 0x80 ? small : large, v < 0x80 ? sizeof small : sizeof large);
}

static void
add_vek_extensions(X509 *cert, const struct forge_spec *spec)
{
	bool turin = strcmp(spec->line, "Turin") == 0;
	unsigned char wrapped[66] = { 0x04, turin ? 8 : 64 };
	size_t n = turin ? 8 : 64;

	add_spl(cert, "3.1", spec->tcb[1]);
	add_spl(cert, "3.2", spec->tcb[2]);
	add_spl(cert, "3.3", spec->tcb[3]);
	add_spl(cert, "3.8", spec->tcb[4]);
	if (turin)
		add_spl(cert, "3.9", spec->tcb[0]);
	memcpy(wrapped + 2, spec->hwid, n);
	if (!spec->vlek)
		add_raw(cert, "4", spec->wrapped_hwid ? wrapped : spec->hwid, spec->wrapped_hwid ? n + 2 : n);
	else
		add_raw(cert, "5", (const unsigned char *)"\x16\x07" "CN=test", 9);
}

static void
add_ca(X509 *cert)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *
new_cert(struct forge *f, const char *subject, const char *issuer, EVP_PKEY *key)
{
	X509 *cert = X509_new_ex(f->libctx, NULL);

	must(cert != NULL && X509_set_version(cert, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)issuer, -1, -1, 0) == 1);
	must(ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z") == 1);
	must(ASN1_TIME_set_string(X509_getm_notAfter(cert), "20261231000000Z") == 1);
	must(X509_set_pubkey(cert, key) == 1);
	return cert;
}

static void
sign_cert(struct forge *f, X509 *cert, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(EVP_DigestSignInit_ex(ctx, NULL, "SHA384", f->libctx, NULL, key, NULL) == 1 && X509_sign_ctx(cert, ctx) > 0);
	EVP_MD_CTX_free(ctx);
}

static void
digest_root(struct forge *f)
{
	unsigned char *der = NULL;
	int n = i2d_X509(f->ark, &der);

	must(n > 0 && EVP_Q_digest(f->libctx, "SHA256", NULL, der, (size_t)n, f->ark_sha256, NULL) == 1);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(f->ark), &der);
	must(n > 0 && EVP_Q_digest(f->libctx, "SHA256", NULL, der, (size_t)n, f->ark_spki, NULL) == 1);
	OPENSSL_free(der);
}

void
forge_begin(struct forge *f, const struct forge_spec *spec)
{
	char ark[32], ask[32];

	memset(f, 0, sizeof *f);
	f->libctx = OSSL_LIB_CTX_new();
	snprintf(ark, sizeof ark, "ARK-%s", spec->line);
	snprintf(ask, sizeof ask, spec->vlek ? "SEV-VLEK-%s" : "SEV-%s", spec->line);
	f->ark_key = new_key(f);
	f->ask_key = new_key(f);
	f->vek_key = new_key(f);
	f->ark = new_cert(f, ark, ark, f->ark_key);
	f->ask = new_cert(f, ask, spec->long_chain ? "Extra CA" : ark, f->ask_key);
	if (spec->long_chain) {
		f->extra = new_cert(f, "Extra CA", ark, f->ark_key);
		add_ca(f->extra);
		sign_cert(f, f->extra, f->ark_key);
	}
	f->vek = new_cert(f, spec->vlek ? "SEV-VLEK" : "SEV-VCEK", ask, f->vek_key);
	add_ca(f->ark);
	if (!spec->no_ask_ca)
		add_ca(f->ask);
	add_vek_extensions(f->vek, spec);
	sign_cert(f, f->ark, f->ark_key);
	sign_cert(f, f->ask, f->ark_key);
	sign_cert(f, f->vek, f->ask_key);
	digest_root(f);
}

void
forge_end(struct forge *f)
{
	X509_free(f->ark);
	X509_free(f->ask);
	X509_free(f->vek);
	X509_free(f->extra);
	EVP_PKEY_free(f->ark_key);
	EVP_PKEY_free(f->ask_key);
	EVP_PKEY_free(f->vek_key);
	OSSL_LIB_CTX_free(f->libctx);
}

struct blob
forge_pem(const struct forge *f)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct blob b = { NULL, 0 };
	char *p;

	must(PEM_write_bio_X509(bio, f->vek) && PEM_write_bio_X509(bio, f->ask) && PEM_write_bio_X509(bio, f->ark));
	must(f->extra == NULL || PEM_write_bio_X509(bio, f->extra));
	b.len = (size_t)BIO_get_mem_data(bio, &p);
	b.p = malloc(b.len);
	memcpy(b.p, p, b.len);
	BIO_free(bio);
	return b;
}

static void
add_revoked(X509_CRL *crl, long serial, ASN1_TIME *when)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();

	must(ASN1_INTEGER_set(n, serial) == 1 && X509_REVOKED_set_serialNumber(r, n) == 1 &&
	     X509_REVOKED_set_revocationDate(r, when) == 1 && X509_CRL_add0_revoked(crl, r) == 1);
	ASN1_INTEGER_free(n);
}

static struct blob
crl_blob(X509_CRL *crl, bool pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct blob b = { NULL, 0 };
	char *p;

	must((pem ? PEM_write_bio_X509_CRL(bio, crl) : i2d_X509_CRL_bio(bio, crl)) == 1);
	b.len = (size_t)BIO_get_mem_data(bio, &p);
	b.p = malloc(b.len);
	memcpy(b.p, p, b.len);
	BIO_free(bio);
	return b;
}

struct blob
forge_crl(struct forge *f, const struct forge_crl *spec)
{
	X509_CRL *crl = X509_CRL_new_ex(f->libctx, NULL);
	ASN1_TIME *from = ASN1_TIME_new(), *until = ASN1_TIME_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct blob out;

	must(ASN1_TIME_set_string(from, spec->from) == 1 && ASN1_TIME_set_string(until, spec->until) == 1);
	must(X509_CRL_set_version(crl, 1) == 1 && X509_CRL_set_issuer_name(crl, X509_get_subject_name(f->ark)) == 1 &&
	     X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, until) == 1);
	if (spec->serial != 0)
		add_revoked(crl, spec->serial, from);
	if (spec->critical) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_issuing_distribution_point, "critical,onlyuser:TRUE");

		must(e != NULL && X509_CRL_add_ext(crl, e, -1) == 1);
		X509_EXTENSION_free(e);
	}
	must(EVP_DigestSignInit_ex(ctx, NULL, "SHA384", f->libctx, NULL, spec->other_key ? f->ask_key : f->ark_key, NULL) == 1 &&
	     X509_CRL_sign_ctx(crl, ctx) > 0);
	out = crl_blob(crl, spec->pem);
	EVP_MD_CTX_free(ctx);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(crl);
	return out;
}

static void
put_tcb(unsigned char *p, const struct forge_spec *spec)
{
	memset(p, 0, 8);
	if (strcmp(spec->line, "Turin") == 0) {
		memcpy(p, spec->tcb, 4);
	} else {
		p[0] = spec->tcb[1];
		p[1] = spec->tcb[2];
		p[6] = spec->tcb[3];
	}
	p[7] = spec->tcb[4];
}

void
forge_report(unsigned char report[REPORT_LEN], const struct forge_spec *spec)
{
	bool turin = strcmp(spec->line, "Turin") == 0;
	static const size_t tcb_at[] = { 0x38, 0x180, 0x1E0, 0x1F0 };

	memset(report, 0, REPORT_LEN);
	report[0] = 3;
	report[0x0A] = 3;        /* policy: SMT and the bit that must be one */
	report[0x34] = 1;        /* ECDSA P-384 with SHA-384 */
	report[0x48] = spec->vlek ? 4 : 0;
	memset(report + 0x90, 0x5A, 48);
	memset(report + 0x160, 0xFF, 32);
	report[0x188] = turin ? 0x1A : 0x19;
	report[0x189] = turin ? 0x02 : strcmp(spec->line, "Genoa") == 0 ? 0x11 : 0x01;
	if (!spec->vlek)
		memcpy(report + 0x1A0, spec->hwid, turin ? 8 : 64);
	for (size_t i = 0; i < sizeof tcb_at / sizeof *tcb_at; i++)
		put_tcb(report + tcb_at[i], spec);
	memcpy(report + 0x1E8, "\x28\x37\x01\0\x28\x37\x01", 8); /* 1.55.40, current and committed */
}

void
forge_sign(const struct forge *f, unsigned char report[REPORT_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[128];
	const unsigned char *cur = der;
	size_t n = sizeof der;
	ECDSA_SIG *sig;

	must(EVP_DigestSignInit_ex(ctx, NULL, "SHA384", f->libctx, NULL, f->vek_key, NULL) == 1 &&
	     EVP_DigestSign(ctx, der, &n, report, 0x2A0) == 1);
	sig = d2i_ECDSA_SIG(NULL, &cur, (long)n);
	must(sig != NULL && BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), report + 0x2A0, 72) == 72 &&
	     BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), report + 0x2E8, 72) == 72);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}
