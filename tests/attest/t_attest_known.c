/* SPDX-License-Identifier: Apache-2.0 */
/* Every pair of certificate and key that the source takes for proved, computed with libcrypto from the genuine certificates. */

#include "config.h"

#include "vectors.h"

#include "attest/seen.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

static STACK_OF(X509) *all;

static void
read_chain(const char *path)
{
	struct blob pem = vectors_file(path);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *cert;

	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		CHECK(sk_X509_push(all, cert) > 0);
	BIO_free(bio);
	blob_free(&pem);
}

/* The certificates of a manifest: base64 between the tags. */
static void
read_manifest(const char *path)
{
	static const char tag[] = "<ds:X509Certificate>";
	struct blob xml = vectors_file(path);
	unsigned char der[4096];
	int n = 0, tail = 0;

	for (size_t i = 0; i + sizeof tag <= xml.len; i++) {
		const unsigned char *text = xml.p + i + sizeof tag - 1, *end, *p = der;
		EVP_ENCODE_CTX *ctx;
		X509 *cert = NULL;

		if (memcmp(xml.p + i, tag, sizeof tag - 1) != 0)
			continue;
		end = memchr(text, '<', xml.len - (size_t)(text - xml.p));
		ctx = EVP_ENCODE_CTX_new();
		EVP_DecodeInit(ctx);
		if (end != NULL && end - text < (long)sizeof der && EVP_DecodeUpdate(ctx, der, &n, text, (int)(end - text)) >= 0 &&
		    EVP_DecodeFinal(ctx, der + n, &tail) == 1)
			cert = d2i_X509(NULL, &p, n + tail);
		EVP_ENCODE_CTX_free(ctx);
		CHECK(cert != NULL && sk_X509_push(all, cert) > 0);
	}
	blob_free(&xml);
}

static bool
is_digest(const unsigned char *der, int len, const uint8_t sha256[32])
{
	unsigned char md[32];

	return len > 0 && EVP_Digest(der, (size_t)len, md, NULL, EVP_sha256(), NULL) == 1 && memcmp(md, sha256, 32) == 0;
}

static X509 *
with_digest(const uint8_t sha256[32], bool of_key)
{
	for (int i = 0; i < sk_X509_num(all); i++) {
		X509 *cert = sk_X509_value(all, i);
		unsigned char *der = NULL;
		int len = of_key ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : i2d_X509(cert, &der);
		bool found = is_digest(der, len, sha256);

		OPENSSL_free(der);
		if (found)
			return cert;
	}
	return NULL;
}

int
main(void)
{
	struct json_object *manifest = vectors_manifest();

	all = sk_X509_new_null();
	read_chain("nvidia/hopper-550.90.07.chain.pem");
	read_chain("nvidia/blackwell-590.48.01-mpt.chain.pem");
	read_manifest("nvidia/rim/NV_GPU_DRIVER_GH100_550.90.07.xml");
	read_manifest("nvidia/rim/NV_GPU_VBIOS_1010_0200_882_96005E0001.xml");
	read_manifest("nvidia/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml");
	for (size_t i = 0; i < HZ_AT_KNOWN_LINKS; i++) {
		X509 *cert = with_digest(hz_at_known_links[i].cert, false), *issuer = with_digest(hz_at_known_links[i].key, true);
		bool proved = cert != NULL && issuer != NULL && X509_verify(cert, X509_get0_pubkey(issuer)) == 1;

		if (!proved)
			fprintf(stderr, "pair %zu is not proved\n", i);
		/* Only authorities: what a device or a signer of manifests is has to be computed each time. */
		CHECK(proved && X509_check_ca(cert) == 1);
	}
	sk_X509_pop_free(all, X509_free);
	json_object_put(manifest);
	return failures != 0;
}
