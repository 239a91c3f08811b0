/* SPDX-License-Identifier: Apache-2.0 */
/* PEM (RFC 7468, and the older forms of OpenSSL): blocks to DER, DER to attributes. */
#include "pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#include "backend/soft_int.h"
#include "base/error.h"
#include "base/secmem.h"
#include "ck/names.h"
#include "crypto/der.h"
#include "crypto/libctx.h"
#include "tool.h"

enum { PASS_ROOM = 1024 };

struct pem {
	const char *source;
	char *pass;             /* secret memory; NULL: not asked for yet */
	long pass_len;          /* -1: there is none */
	const char *name;       /* of the block */
	const char *why;        /* NULL: fine */
};

static bool passphrase(struct pem *p)
{
	if (p->pass == NULL && p->pass_len == 0) {
		p->pass = hz_secmem_alloc(PASS_ROOM);
		p->pass_len = p->pass != NULL ? tool_pin(p->source, "passphrase", p->pass, PASS_ROOM) : -1;
	}
	if (p->pass_len < 0)
		p->why = "it is encrypted and there is no passphrase";
	return p->pass_len >= 0;
}

/* For headers "Proc-Type: 4,ENCRYPTED". */
static int give_passphrase(char *buf, int size, int writing, void *state)
{
	struct pem *p = state;

	(void)writing;
	if (!passphrase(p) || p->pass_len > size)
		return -1;
	memcpy(buf, p->pass, (size_t)p->pass_len);
	return (int)p->pass_len;
}

static bool took(struct pem *p, CK_RV rv)
{
	if (rv != CKR_OK)
		p->why = rv == CKR_HOST_MEMORY ? "out of memory" : "no key of a kind that is known, or damaged";
	return rv == CKR_OK;
}

static bool from_encrypted(struct pem *p, const uint8_t *der, long len, struct hz_attrs *a)
{
	X509_SIG *sig = d2i_X509_SIG(NULL, &der, len);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	unsigned char *out = NULL;
	bool ok = false;
	int n;

	if (sig == NULL) {
		p->why = "damaged";
	} else if (passphrase(p)) {
		info = PKCS8_decrypt_ex(sig, p->pass, (int)p->pass_len, hz_libctx(), NULL);
		n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &out) : -1;
		if (n <= 0)
			p->why = "the passphrase is wrong, or its encryption is not known";
		else
			ok = took(p, hz_soft_from_pkcs8(out, (size_t)n, a));
		if (n > 0)
			OPENSSL_clear_free(out, (size_t)n);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_SIG_free(sig);
	return ok;
}

/* PrivateKeyInfo around an RSAPrivateKey or an ECPrivateKey, whose curve moves from [0] into the AlgorithmIdentifier. */
static bool from_older(struct pem *p, bool ec, const uint8_t *der, size_t len, struct hz_attrs *a)
{
	static const uint8_t rsa[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	static const uint8_t ec_oid[] = { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
	struct hz_reader r = hz_rd(der, len), seq, key, params = { 0 };
	struct hz_buf alg = HZ_BUF_INIT, body = HZ_BUF_SECRET, out = HZ_BUF_SECRET;
	unsigned version;
	bool ok = true;

	if (ec)
		ok = hz_der_get(&r, HZ_DER_SEQUENCE, &seq) && hz_der_small(&seq, &version) && hz_der_get(&seq, HZ_DER_OCTETS, &key) &&
		     hz_der_get(&seq, 0xa0, &params);
	if (!ok) {
		p->why = "an EC key without its curve";
		return false;
	}
	hz_buf_add(&alg, ec ? ec_oid : rsa, ec ? sizeof ec_oid : sizeof rsa);
	if (ec)
		hz_buf_add(&alg, params.p, params.left);
	hz_der_put_small(&body, 0);
	hz_der_put_buf(&body, HZ_DER_SEQUENCE, &alg);
	hz_der_put(&body, HZ_DER_OCTETS, der, len);
	hz_der_put_buf(&out, HZ_DER_SEQUENCE, &body);
	ok = took(p, out.failed ? CKR_HOST_MEMORY : hz_soft_from_pkcs8(out.p, out.len, a));
	hz_buf_free(&out);
	return ok;
}

static bool from_rsa_public(struct pem *p, const uint8_t *der, size_t len, struct hz_attrs *a)
{
	static const uint8_t alg[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	struct hz_buf body = HZ_BUF_INIT, out = HZ_BUF_INIT;
	bool ok;

	hz_der_put(&body, HZ_DER_SEQUENCE, alg, sizeof alg);
	hz_der_put_bits(&body, der, len);
	hz_der_put_buf(&out, HZ_DER_SEQUENCE, &body);
	ok = took(p, out.failed ? CKR_HOST_MEMORY : hz_soft_from_spki(out.p, out.len, a));
	hz_buf_free(&out);
	return ok;
}

static CK_RV set_der(struct hz_attrs *a, CK_ATTRIBUTE_TYPE type, int n, unsigned char *der)
{
	CK_RV rv = n > 0 ? hz_attrs_set(a, type, der, (size_t)n, false) : CKR_HOST_MEMORY;

	OPENSSL_free(der);
	return rv;
}

static bool from_certificate(struct pem *p, const uint8_t *der, size_t len, struct hz_attrs *a)
{
	const unsigned char *at = der;
	X509 *x = d2i_X509(NULL, &at, (long)len);
	unsigned char *out = NULL;
	CK_RV rv = CKR_FUNCTION_FAILED;
	int n;

	if (x != NULL && at == der + len)
		rv = hz_attrs_set_ulong(a, CKA_CLASS, CKO_CERTIFICATE);
	if (rv == CKR_OK)
		rv = hz_attrs_set_ulong(a, CKA_CERTIFICATE_TYPE, CKC_X_509);
	if (rv == CKR_OK)
		rv = hz_attrs_set(a, CKA_VALUE, der, len, false);
	if (rv == CKR_OK) {
		n = i2d_X509_NAME(X509_get_subject_name(x), &out);
		rv = set_der(a, CKA_SUBJECT, n, out);
	}
	if (rv == CKR_OK) {
		out = NULL;
		n = i2d_X509_NAME(X509_get_issuer_name(x), &out);
		rv = set_der(a, CKA_ISSUER, n, out);
	}
	if (rv == CKR_OK) {
		out = NULL;
		n = i2d_ASN1_INTEGER(X509_get_serialNumber(x), &out);
		rv = set_der(a, CKA_SERIAL_NUMBER, n, out);
	}
	X509_free(x);
	if (rv != CKR_OK)
		p->why = "no certificate";
	return rv == CKR_OK;
}

static bool from_block(struct pem *p, const uint8_t *der, long len, struct hz_attrs *a)
{
	const size_t n = (size_t)len;

	if (strcmp(p->name, "PRIVATE KEY") == 0)
		return took(p, hz_soft_from_pkcs8(der, n, a));
	if (strcmp(p->name, "ENCRYPTED PRIVATE KEY") == 0)
		return from_encrypted(p, der, len, a);
	if (strcmp(p->name, "EC PRIVATE KEY") == 0 || strcmp(p->name, "RSA PRIVATE KEY") == 0)
		return from_older(p, p->name[0] == 'E', der, n, a);
	if (strcmp(p->name, "PUBLIC KEY") == 0)
		return took(p, hz_soft_from_spki(der, n, a));
	if (strcmp(p->name, "RSA PUBLIC KEY") == 0)
		return from_rsa_public(p, der, n, a);
	if (strcmp(p->name, "CERTIFICATE") == 0 || strcmp(p->name, "X509 CERTIFICATE") == 0)
		return from_certificate(p, der, n, a);
	p->why = "not a key or a certificate";
	return false;
}

/* "-----BEGIN EC PARAMETERS-----" goes in front of keys that say the same themselves. */
static bool ignored(const char *name)
{
	return strcmp(name, "EC PARAMETERS") == 0;
}

static void block(struct pem *p, char *header, unsigned char *der, long len, pem_fn fn, void *state)
{
	struct hz_attrs a = HZ_ATTRS_INIT;
	EVP_CIPHER_INFO cipher;
	bool ok;

	p->why = NULL;
	ok = PEM_get_EVP_CIPHER_INFO(header, &cipher) && PEM_do_header(&cipher, der, &len, give_passphrase, p);
	if (!ok && p->why == NULL)
		p->why = "the passphrase is wrong, or its encryption is not known";
	if (ok)
		ok = from_block(p, der, len, &a);
	fn(state, p->name, ok ? &a : NULL, p->why);
	hz_attrs_free(&a);
	ERR_clear_error();
}

long pem_each(const struct hz_buf *text, const char *source, pem_fn fn, void *state)
{
	BIO *in = text->len <= INT_MAX ? BIO_new_mem_buf(text->p, (int)text->len) : NULL;
	struct pem p = { .source = source };
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0, n = 0;

	ERR_clear_error();
	while (in != NULL && PEM_read_bio_ex(in, &name, &header, &der, &len, PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) == 1) {
		p.name = name;
		n++;
		if (!ignored(name))
			block(&p, header, der, len, fn, state);
		OPENSSL_secure_free(name);
		OPENSSL_secure_free(header);
		OPENSSL_secure_clear_free(der, (size_t)len);
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE && ERR_peek_last_error() != 0) {
		fn(state, "PEM", NULL, "a block begins and is cut off or damaged");
		n++;
	}
	ERR_clear_error();
	BIO_free(in);
	hz_secmem_free(p.pass);
	return n != 0 ? n : -1;
}
