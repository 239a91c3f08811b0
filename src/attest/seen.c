/* SPDX-License-Identifier: Apache-2.0 */
/* What one verification has parsed and proved already: chains of several GPUs and of manifests share their authorities. */

#include "attest/seen.h"

#include <stdlib.h>

#define MAX_CERTS 32
#define MAX_LINKS 64

/* A certificate whose signature was found to be made by a key, both by SHA-256. That stays true whatever else is asked. */
struct link {
	uint8_t cert[32], key[32];
};

struct hz_at_seen {
	struct {
		uint8_t sha256[32];
		X509 *cert;
	} cert[MAX_CERTS];
	struct link link[MAX_LINKS];
	size_t certs, links;
};

/* The memory of the run; NULL where there is none, and then everything is done again. */
static struct hz_at_seen *
memory(struct hz_at_run *run)
{
	if (run->seen == NULL)
		run->seen = calloc(1, sizeof *run->seen);
	return run->seen;
}

void
hz_at_seen_free(struct hz_at_seen *s)
{
	for (size_t i = 0; s != NULL && i < s->certs; i++)
		X509_free(s->cert[i].cert);
	free(s);
}

X509 *
hz_at_seen_cert(struct hz_at_run *run, const uint8_t sha256[32])
{
	struct hz_at_seen *s = memory(run);

	for (size_t i = 0; s != NULL && i < s->certs; i++)
		if (memcmp(s->cert[i].sha256, sha256, 32) == 0)
			return X509_up_ref(s->cert[i].cert) == 1 ? s->cert[i].cert : NULL;
	return NULL;
}

void
hz_at_seen_keep(struct hz_at_run *run, const uint8_t sha256[32], X509 *cert)
{
	struct hz_at_seen *s = memory(run);

	if (s == NULL || s->certs == MAX_CERTS || X509_up_ref(cert) != 1)
		return;
	memcpy(s->cert[s->certs].sha256, sha256, 32);
	s->cert[s->certs++].cert = cert;
}

bool
hz_at_seen_signed(struct hz_at_run *run, X509 *cert, X509 *issuer)
{
	struct hz_at_seen *s = memory(run);
	struct link l;
	bool named = s != NULL && hz_at_cert_sha256(run, cert, l.cert) && hz_at_spki_sha256(run, issuer, l.key);

	for (size_t i = 0; named && i < s->links; i++)
		if (memcmp(&s->link[i], &l, sizeof l) == 0)
			return true;
	if (X509_verify(cert, X509_get0_pubkey(issuer)) != 1)
		return false;
	if (named && s->links < MAX_LINKS)
		s->link[s->links++] = l;
	return true;
}
