/* SPDX-License-Identifier: Apache-2.0 */
/* A private AMD-like certificate chain and reports signed under it: accepted only by a policy that names its root. */

#ifndef HZ_TEST_FORGE_H
#define HZ_TEST_FORGE_H

#include "vectors.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define REPORT_LEN 1184

/* Which line and key the chain is for; TCB components in the order fmc, bootloader, tee, snp, microcode. */
struct forge_spec {
	const char *line;            /* "Milan", "Genoa", "Turin" */
	bool vlek;
	unsigned char tcb[5];
	unsigned char hwid[64];
	bool wrapped_hwid;           /* in an OCTET STRING */
	bool no_ask_ca;              /* the intermediate is no CA */
	bool long_chain;             /* one more CA between the root and the intermediate */
};

struct forge {
	OSSL_LIB_CTX *libctx;
	EVP_PKEY *ark_key, *ask_key, *vek_key;
	X509 *ark, *ask, *vek;
	X509 *extra;                 /* of a long chain; its key is the ARK's */
	unsigned char ark_sha256[32], ark_spki[32];
};

/* Fills the whole chain; valid for all of 2026. */
void forge_begin(struct forge *f, const struct forge_spec *spec);
void forge_end(struct forge *f);
/* The chain as one PEM text. */
struct blob forge_pem(const struct forge *f);

/* A list of the ARK, DER, or PEM where asked. */
struct forge_crl {
	long serial;                 /* revoked; 0: none. The intermediate has 1 */
	const char *from, *until;    /* generalised times */
	bool other_key;              /* signed by the wrong key */
	bool critical;               /* with an issuing distribution point */
	bool pem;
};
struct blob forge_crl(struct forge *f, const struct forge_crl *spec);

/* A plain version 3 or 5 report of the spec with sensible fields, unsigned. */
void forge_report(unsigned char report[REPORT_LEN], const struct forge_spec *spec);
/* Signs bytes 0..0x29f with the VEK key. */
void forge_sign(const struct forge *f, unsigned char report[REPORT_LEN]);

/* A moment at which the chain is valid. */
#define FORGE_NOW 1780000000

#endif
