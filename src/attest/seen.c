/* SPDX-License-Identifier: Apache-2.0 */
/* What was parsed in this verification, and proved by this verifier: chains of GPUs and of manifests share their authorities. */

#include "attest/seen.h"

#include <stdatomic.h>
#include <stdlib.h>

#define MAX_CERTS 32
#define MAX_LINKS 64

/*
 * That a certificate's signature was found to be made by a key is a fact, which no time, policy or evidence changes. Dates,
 * lists and pins are looked at every time. Threads share the facts; one that finds them in use does without, so that nobody waits, not
 * even in a child that was forked meanwhile.
 */
struct hz_at_links {
	atomic_flag busy;
	struct hz_at_link link[MAX_LINKS];
	size_t n, next;
};

struct hz_at_seen {
	struct {
		uint8_t sha256[32];
		X509 *cert;
	} cert[MAX_CERTS];
	size_t certs;
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

struct hz_at_links *
hz_at_links_new(void)
{
	struct hz_at_links *l = calloc(1, sizeof *l);

	if (l != NULL)
		atomic_flag_clear(&l->busy);
	return l;
}

void
hz_at_links_free(struct hz_at_links *l)
{
	free(l);
}

static bool
is_among(const struct hz_at_link *link, size_t n, const struct hz_at_link *want)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(&link[i], want, sizeof *want) == 0)
			return true;
	return false;
}

static bool
known(struct hz_at_links *l, const struct hz_at_link *want)
{
	bool found;

	if (is_among(hz_at_known_links, HZ_AT_KNOWN_LINKS, want))
		return true;
	if (l == NULL || atomic_flag_test_and_set_explicit(&l->busy, memory_order_acquire))
		return false;
	found = is_among(l->link, l->n, want);
	atomic_flag_clear_explicit(&l->busy, memory_order_release);
	return found;
}

/* The oldest gives way. */
static void
keep(struct hz_at_links *l, const struct hz_at_link *link)
{
	if (l == NULL || atomic_flag_test_and_set_explicit(&l->busy, memory_order_acquire))
		return;
	l->link[l->next] = *link;
	l->next = (l->next + 1) % MAX_LINKS;
	l->n += l->n < MAX_LINKS;
	atomic_flag_clear_explicit(&l->busy, memory_order_release);
}

bool
hz_at_seen_signed(struct hz_at_run *run, X509 *cert, X509 *issuer)
{
	struct hz_at_link link;
	bool named = hz_at_cert_sha256(run, cert, link.cert) && hz_at_spki_sha256(run, issuer, link.key);

	if (named && known(run->links, &link))
		return true;
	if (X509_verify(cert, X509_get0_pubkey(issuer)) != 1)
		return false;
	if (named)
		keep(run->links, &link);
	return true;
}
