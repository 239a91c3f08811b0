/* SPDX-License-Identifier: Apache-2.0 */
/* Makes GPU-like chains and signs SPDM reports under them. */

#include "config.h"

#include "forge_gpu.h"

#include "base/hex.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char firmware[48] = { 0xF0, 0xF1, 0xF2 };

static void
must(bool ok)
{
	if (!ok) {
		fprintf(stderr, "the test's own cryptography failed\n");
		exit(99);
	}
}

/* ---- certificates ---- */

static void
add_extension(X509 *cert, const char *oid, const unsigned char *p, size_t n)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	must(obj != NULL && ASN1_OCTET_STRING_set(v, p, (int)n) == 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, v);
	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(v);
	ASN1_OBJECT_free(obj);
}

/* SEQUENCE { sha384, OCTET STRING } of 63 bytes. */
static size_t
put_fwid(unsigned char *out, const unsigned char digest[48])
{
	static const unsigned char head[] = { 0x30, 0x3D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x04, 0x30 };

	memcpy(out, head, sizeof head);
	memcpy(out + sizeof head, digest, 48);
	return sizeof head + 48;
}

static void
add_composite(X509 *cert, const unsigned char digest[48], bool cut)
{
	unsigned char ext[80] = { 0x30, 0x45, 0x02, 0x01, 0x01, 0x30, 0x03, 0x06, 0x01, 0x01 };
	size_t n = 10;

	ext[1] = (unsigned char)(8 + 63);
	n += put_fwid(ext + n, digest);
	add_extension(cert, "2.23.133.5.4.1", ext, cut ? n - 1 : n);
}

static void
add_tcb_info(X509 *cert, const unsigned char digest[48])
{
	unsigned char ext[160] = { 0x30, 0x81, 0x83, 0x83, 0x01, 0x01, 0xA6, 0x7E };
	static const unsigned char zeros[48];
	size_t n = 8;

	n += put_fwid(ext + n, digest);
	n += put_fwid(ext + n, zeros);
	add_extension(cert, "2.23.133.5.4.1.1", ext, n);
}

static void
add_fwid(X509 *leaf, const struct gpu_spec *spec)
{
	unsigned char other[48] = { 1 };
	bool hopper = strcmp(spec->chip, "GH100") == 0;
	const unsigned char *digest = spec->leaf_fwid == FWID_OTHER ? other : firmware;

	if (spec->leaf_fwid == FWID_NONE)
		return;
	if (hopper || spec->leaf_fwid == FWID_BOTH)
		add_composite(leaf, digest, spec->leaf_fwid == FWID_SHORT);
	if (!hopper || spec->leaf_fwid == FWID_BOTH)
		add_tcb_info(leaf, digest);
}

static X509 *
new_cert(struct forge_gpu *g, const char *subject, const char *issuer, EVP_PKEY *key, long serial)
{
	X509 *cert = X509_new_ex(g->libctx, NULL);

	must(cert != NULL && X509_set_version(cert, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)issuer, -1, -1, 0) == 1);
	must(ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z") == 1);
	must(ASN1_TIME_set_string(X509_getm_notAfter(cert), "99991231235959Z") == 1);
	must(X509_set_pubkey(cert, key) == 1);
	return cert;
}

static void
finish(struct forge_gpu *g, X509 *cert, EVP_PKEY *issuer, bool ca)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	X509_EXTENSION *e = ca ? X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE") : NULL;

	must(!ca || (e != NULL && X509_add_ext(cert, e, -1) == 1));
	X509_EXTENSION_free(e);
	must(EVP_DigestSignInit_ex(ctx, NULL, "SHA384", g->libctx, NULL, issuer, NULL) == 1 && X509_sign_ctx(cert, ctx) > 0);
	EVP_MD_CTX_free(ctx);
}

static void
spki_digest(const struct forge_gpu *g, X509 *cert, unsigned char out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	must(n > 0 && EVP_Q_digest(g->libctx, "SHA256", NULL, der, (size_t)n, out, NULL) == 1);
	OPENSSL_free(der);
}

void
forge_gpu_begin(struct forge_gpu *g, const struct gpu_spec *spec, const struct forge_gpu *first)
{
	static const char *const names[5] = { NULL, NULL, "Forged Provisioner", "Forged Identity", "Forged Device CA" };
	char leaf[64], brom[64];
	unsigned char digest[32];

	memset(g, 0, sizeof *g);
	g->libctx = OSSL_LIB_CTX_new();
	for (int i = 4; i >= 0; i--) {
		const char *curve = i == 1 && spec->curve != NULL ? spec->curve : "P-384";

		g->key[i] = first != NULL && i >= 2 ? first->key[i] : EVP_PKEY_Q_keygen(g->libctx, NULL, "EC", curve);
		must(g->key[i] != NULL);
		if (first != NULL && i >= 2)
			EVP_PKEY_up_ref(g->key[i]);
	}
	snprintf(leaf, sizeof leaf, "%s A01 GSP FMC LF", spec->chip);
	snprintf(brom, sizeof brom, "%s A01 GSP BROM", spec->chip);
	for (int i = 4; i >= 0; i--) {
		const char *name = i == 0 ? (spec->leaf_cn != NULL ? spec->leaf_cn : leaf) : i == 1 ? brom : names[i];
		const char *issuer = i == 4 ? names[4] : i == 0 ? brom : names[i + 1];

		if (first != NULL && i >= 2) {
			g->cert[i] = first->cert[i];
			X509_up_ref(g->cert[i]);
			continue;
		}
		g->cert[i] = new_cert(g, name, issuer, g->key[i], i == 1 && spec->serial != 0 ? spec->serial : 7);
		if (i == 0)
			add_fwid(g->cert[0], spec);
		finish(g, g->cert[i], g->key[i == 4 ? 4 : i + 1], i > 0);
	}
	spki_digest(g, g->cert[0], g->leaf_spki);
	spki_digest(g, g->cert[4], digest);
	hz_hex_encode(digest, sizeof digest, g->root_spki);
}

void
forge_gpu_end(struct forge_gpu *g)
{
	for (int i = 0; i < 5; i++) {
		X509_free(g->cert[i]);
		EVP_PKEY_free(g->key[i]);
	}
	OSSL_LIB_CTX_free(g->libctx);
}

static struct blob
take(BIO *bio)
{
	struct blob b = { NULL, 0 };
	char *p;

	b.len = (size_t)BIO_get_mem_data(bio, &p);
	b.p = malloc(b.len + 1);
	memcpy(b.p, p, b.len);
	BIO_free(bio);
	return b;
}

struct blob
forge_gpu_pem(const struct forge_gpu *g)
{
	BIO *bio = BIO_new(BIO_s_mem());

	for (int i = 0; i < 5; i++)
		must(PEM_write_bio_X509(bio, g->cert[i]) == 1);
	return take(bio);
}

struct blob
forge_gpu_crl(const struct forge_gpu *g, int issuer, bool revoked)
{
	X509_CRL *crl = X509_CRL_new_ex(g->libctx, NULL);
	ASN1_TIME *from = ASN1_TIME_new(), *until = ASN1_TIME_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	BIO *bio = BIO_new(BIO_s_mem());

	must(ASN1_TIME_set_string(from, "20260101000000Z") == 1 && ASN1_TIME_set_string(until, "20261231000000Z") == 1);
	must(X509_CRL_set_version(crl, 1) == 1 && X509_CRL_set_issuer_name(crl, X509_get_subject_name(g->cert[issuer])) == 1 &&
	     X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, until) == 1);
	if (revoked) {
		X509_REVOKED *r = X509_REVOKED_new();

		must(X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(g->cert[issuer - 1])) == 1 &&
		     X509_REVOKED_set_revocationDate(r, from) == 1 && X509_CRL_add0_revoked(crl, r) == 1);
	}
	must(EVP_DigestSignInit_ex(ctx, NULL, "SHA384", g->libctx, NULL, g->key[issuer], NULL) == 1 && X509_CRL_sign_ctx(crl, ctx) > 0 &&
	     i2d_X509_CRL_bio(bio, crl) == 1);
	EVP_MD_CTX_free(ctx);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(crl);
	return take(bio);
}

/* ---- reports ---- */

static void
put_field(struct blob *b, unsigned type, const void *p, size_t n)
{
	const unsigned char head[4] = { (unsigned char)type, (unsigned char)(type >> 8), (unsigned char)n, (unsigned char)(n >> 8) };

	memcpy(b->p + b->len, head, 4);
	memcpy(b->p + b->len + 4, p, n);
	b->len += 4 + n;
}

static void
put_blocks(struct blob *b, const struct gpu_report *r)
{
	for (unsigned i = 1; i <= 64; i++) {
		const unsigned char head[7] = { (unsigned char)i, 1, 51, 0, 1, 48, 0 };

		memcpy(b->p + b->len, head, 7);
		if (r->values != NULL)
			memcpy(b->p + b->len + 7, r->values[i - 1], 48);
		else
			memset(b->p + b->len + 7, (int)i, 48);
		b->len += 55;
	}
}

static void
put_opaque(struct blob *b, const struct gpu_report *r)
{
	size_t at = b->len, n;

	b->len += 2;
	if (!r->no_versions) {
		put_field(b, 3, "550.90.07", 10);
		put_field(b, 6, "\0\x9f\0\x96\1\0\0\0", 8);
	}
	if (!r->no_fwid)
		put_field(b, 20, firmware, sizeof firmware);
	for (const struct gpu_field *f = r->fields; f != NULL && f->type != 0; f++)
		put_field(b, f->type, f->value, f->len);
	n = b->len - at - 2;
	b->p[at] = (unsigned char)n;
	b->p[at + 1] = (unsigned char)(n >> 8);
}

static void
sign(const struct forge_gpu *g, struct blob *b)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[120];
	const unsigned char *p = der;
	size_t n = sizeof der;
	ECDSA_SIG *sig;

	must(EVP_DigestSignInit_ex(ctx, NULL, "SHA384", g->libctx, NULL, g->key[0], NULL) == 1 &&
	     EVP_DigestSign(ctx, der, &n, b->p, b->len) == 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	must(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), b->p + b->len, 48) == 48 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), b->p + b->len + 48, 48) == 48);
	b->len += 96;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

struct blob
forge_gpu_report(const struct forge_gpu *g, const struct gpu_report *r)
{
	struct blob b = { calloc(1, 8192), 45 };

	memcpy(b.p, "\x11\xe0\x01\xff", 4);
	memcpy(b.p + 4, r->nonce, 32);
	memcpy(b.p + 37, "\x11\x60\0\0\x40\xc0\x0d\0", 8);
	put_blocks(&b, r);
	memset(b.p + b.len, 0xEE, 32);
	b.len += 32;
	put_opaque(&b, r);
	sign(g, &b);
	return b;
}

static char *
base64(const struct blob *b)
{
	char *out = malloc(4 * (b->len / 3 + 1) + 1);

	EVP_EncodeBlock((unsigned char *)out, b->p, (int)b->len);
	return out;
}

char *
forge_gpu_list(const struct forge_gpu *g, const struct gpu_report *r, const char *arch, const unsigned char *nonce)
{
	struct blob report = forge_gpu_report(g, r), pem = forge_gpu_pem(g);
	char *evidence = base64(&report), *chain = base64(&pem), hex[65], *out = malloc(1 << 15), cn[64] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(g->cert[1]), NID_commonName, cn, sizeof cn);
	hz_hex_encode(nonce != NULL ? nonce : r->nonce, 32, hex);
	snprintf(out, 1 << 15, "[{\"arch\":\"%s\",\"certificate\":\"%s\",\"evidence\":\"%s\",\"nonce\":\"%s\"}]",
	         arch != NULL ? arch : strncmp(cn, "GH", 2) == 0 ? "HOPPER" : "BLACKWELL", chain, evidence, hex);
	free(evidence);
	free(chain);
	blob_free(&report);
	blob_free(&pem);
	return out;
}
