/* SPDX-License-Identifier: Apache-2.0 */
/* A private chain of GPUs and reports signed under it: accepted only by a policy that names its root. */

#ifndef HZ_TEST_FORGE_GPU_H
#define HZ_TEST_FORGE_GPU_H

#include "vectors.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum forge_fwid { FWID_AS_CHIP, FWID_NONE, FWID_OTHER, FWID_BOTH, FWID_SHORT };

struct gpu_spec {
	const char *chip;            /* "GH100", "GB100" */
	const char *leaf_cn;         /* instead of "CHIP A01 GSP FMC LF" */
	const char *curve;           /* of the boot ROM's key, instead of P-384 */
	enum forge_fwid leaf_fwid;
	long serial;                 /* of the boot ROM's certificate; 0: 7 */
};

/* Leaf, boot ROM, provisioner, identity, root. */
struct forge_gpu {
	OSSL_LIB_CTX *libctx;
	EVP_PKEY *key[5];
	X509 *cert[5];
	unsigned char leaf_spki[32];
	char root_spki[65];
};

/* The first has a root of its own; later ones share the authorities of `first`, or make their own where it is NULL. */
void forge_gpu_begin(struct forge_gpu *g, const struct gpu_spec *spec, const struct forge_gpu *first);
void forge_gpu_end(struct forge_gpu *g);
struct blob forge_gpu_pem(const struct forge_gpu *g);

/* A list of authority `issuer` (3 identity, 4 root), DER, in which the certificate below it is revoked or nothing is. */
struct blob forge_gpu_crl(const struct forge_gpu *g, int issuer, bool revoked);

/* One field of the opaque data; the list ends with type 0. */
struct gpu_field {
	unsigned type;
	const char *value;
	size_t len;
};

struct gpu_report {
	unsigned char nonce[32];
	const unsigned char (*values)[48];   /* 64 of them, or NULL: block i is filled with i */
	const struct gpu_field *fields;      /* after driver 550.90.07, VBIOS 96.00.9F.00.01 and the firmware digest */
	bool no_fwid, no_versions;
};

struct blob forge_gpu_report(const struct forge_gpu *g, const struct gpu_report *r);

/* The evidence list of one device, as text; free(). arch NULL: what the chip is. nonce NULL: the report's. */
char *forge_gpu_list(const struct forge_gpu *g, const struct gpu_report *r, const char *arch, const unsigned char *nonce);

#endif
