/* SPDX-License-Identifier: Apache-2.0 */
/* hanzo-p11 threshold partial, combine: a node's answer, and what the requester makes of t of them. */
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/secmem.h"
#include "crypto/ecies.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"
#include "threshold.h"

enum { MAX_BLOB = 0x7fffffff };

/* K from --ephemeral, or from the head of --blob, which is read whole. */
static bool take_ephemeral(const struct threshold_cmd *c, struct hz_buf *blob, uint8_t raw[33], uint8_t k[64])
{
	if (c->has_ephemeral)
		memcpy(raw, c->ephemeral, 33);
	else if (!file_read(c->blob, MAX_BLOB, blob))
		return false;
	else if (blob->len < HZ_ECIES_OVERHEAD)
		return tool_fail(TOOL_REFUSED, "%s is no ECIES blob", c->blob) == TOOL_OK;
	else
		memcpy(raw, blob->p, 33);
	return hz_k256_pub_parse(k, raw, 33) || tool_fail(TOOL_REFUSED, "the ephemeral key is no point on secp256k1") == TOOL_OK;
}

/* The share: a key of the token, or for this once the blob of --share, which the node's key opens. */
static bool take_share(const struct threshold_cmd *c, CK_OBJECT_HANDLE *share)
{
	struct hz_buf blob = HZ_BUF_INIT;
	CK_OBJECT_HANDLE node;
	CK_RV rv = CKR_OK;
	bool ok;

	if (c->share == NULL)
		return keyed_find(&c->k, c->k.label, c->k.id, share);
	ok = file_read(c->share, 1 << 20, &blob) && keyed_find(&c->k, c->k.label, c->k.id, &node);
	if (ok)
		rv = threshold_import(&c->k, node, blob.p, blob.len, (unsigned)c->index, NULL, share);
	hz_buf_free(&blob);
	return ok && (rv == CKR_OK || keyed_refused(&c->k, "the share", rv) == TOOL_OK);
}

int threshold_partial(struct threshold_cmd *c)
{
	struct hz_buf blob = HZ_BUF_INIT, spki = HZ_BUF_INIT, out = HZ_BUF_INIT;
	uint8_t raw[33], k[64];
	CK_HANZO_ECIES_DELEGATE_PARAMS p = { raw, sizeof raw };
	CK_MECHANISM m = { CKM_HANZO_ECIES_PARTIAL, &p, sizeof p };
	CK_OBJECT_HANDLE share, rsa;
	int rc = TOOL_REFUSED;
	CK_RV rv;

	if (take_ephemeral(c, &blob, raw, k) && file_spki(c->to, &spki) && keyed_open(&c->k) &&
	    take_share(c, &share) && keyed_import_rsa(&c->k, spki.p, spki.len, &rsa)) {
		rv = keyed_wrap(&c->k, &m, rsa, share, &out);
		if (rv != CKR_OK)
			keyed_refused(&c->k, "the partial result", rv);
		else if (file_write(c->out, out.p, out.len, false))
			rc = TOOL_OK;
	}
	hz_buf_free(&blob);
	hz_buf_free(&spki);
	hz_buf_free(&out);
	return rc;
}

/* ---- the requester's side: no module ---- */

static EVP_PKEY *read_rsa(const char *path)
{
	struct hz_buf text = HZ_BUF_SECRET;
	EVP_PKEY *key = NULL;
	BIO *bio = NULL;

	if (file_read(path, 1 << 16, &text) && (bio = BIO_new_mem_buf(text.p, (int)text.len)) != NULL) {
		key = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, hz_libctx(), NULL);
		if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
			tool_fail(TOOL_REFUSED, "%s holds no RSA private key", path);
			EVP_PKEY_free(key);
			key = NULL;
		}
	}
	BIO_free(bio);
	hz_buf_free(&text);
	return key;
}

static bool open_oaep(EVP_PKEY *key, const struct hz_buf *ct, struct hz_partial *p)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(hz_libctx(), key, NULL);
	uint8_t text[2048];
	size_t n = sizeof text;
	bool ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_oaep_md(ctx, hz_md("SHA2-256")) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hz_md("SHA2-256")) == 1 &&
		  EVP_PKEY_decrypt(ctx, text, &n, ct->p, ct->len) == 1 && hz_partial_read(text, n, p) == CKR_OK;

	(void)hz_ossl_reason();
	EVP_PKEY_CTX_free(ctx);
	hz_wipe(text, sizeof text);
	return ok;
}

struct asked {
	struct hz_share record;
	uint8_t k[64];
	const char *of; /* what k is from */
	struct hz_partial parts[HZ_SHAMIR_MAX + 1];
	unsigned n;
};

/*
 * One answer into the list, or a line that says why it is not used. Until its proof holds an answer's index is only what it says of
 * itself: whoever has the requester's public key can write any. Who sent it is to be told from where the file came from.
 */
static void take_partial(struct asked *a, const char *path, EVP_PKEY *rsa)
{
	struct hz_partial *p = &a->parts[a->n];
	const struct hz_share *record = &a->record;
	struct hz_buf ct = HZ_BUF_INIT;
	uint8_t y[64];

	if (!file_read(path, 1 << 16, &ct))
		return;
	if (!open_oaep(rsa, &ct, p)) {
		tool_fail(0, "%s: not a partial result for this requester", path);
	} else if (memcmp(p->id, record->split.id, HZ_SHAMIR_ID) != 0 || p->t != record->split.t || p->i > record->split.n) {
		tool_fail(0, "the answer in %s, which calls itself share %u, is of another split", path, p->i);
	} else if (!hz_share_public(record, p->i, y) || !hz_partial_check(p, a->k, y)) {
		tool_fail(0, "the answer in %s, which calls itself node %u, does not prove itself for this %s", path, p->i, a->of);
	} else {
		bool twice = false;

		for (unsigned j = 0; j < a->n; j++)
			twice |= a->parts[j].i == p->i;
		if (twice)
			tool_fail(0, "%s: share %u answers twice", path, p->i);
		else
			a->n++;
	}
	hz_buf_free(&ct);
}

static int finish(const struct threshold_cmd *c, const struct asked *a, const struct hz_buf *blob)
{
	const struct hz_ecies_aad aad = { HZ_ECIES_PLAIN, c->aad, c->aad_len };
	const struct hz_partial *chosen[HZ_SHAMIR_MAX];
	const unsigned t = a->record.split.t;
	struct hz_buf text = HZ_BUF_SECRET;
	uint8_t s[64], raw[33];
	int rc = TOOL_REFUSED;
	CK_RV rv;

	if (a->n < t)
		return tool_fail(TOOL_REFUSED, "%u good partial results, %u are needed", a->n, t);
	for (unsigned i = 0; i < t; i++)
		chosen[i] = &a->parts[i];
	rv = hz_partials_combine(chosen, t, s);
	if (rv == CKR_OK && !hz_k256_pub_write(s, true, raw))
		rv = CKR_FUNCTION_FAILED;
	if (rv == CKR_OK && c->blob != NULL)
		rv = hz_ecies_open_with(raw + 1, &aad, blob->p, blob->len, &text);
	else if (rv == CKR_OK)
		hz_buf_add(&text, raw + 1, 32);
	if (rv == CKR_OK && text.failed)
		rv = CKR_HOST_MEMORY;
	if (rv != CKR_OK)
		tool_refused("recombination", rv);
	else if (file_write(c->out, text.p, text.len, true))
		rc = TOOL_OK;
	hz_wipe(s, sizeof s);
	hz_wipe(raw, sizeof raw);
	hz_buf_free(&text);
	return rc;
}

int threshold_combine(struct threshold_cmd *c)
{
	static struct asked a;
	struct hz_buf blob = HZ_BUF_INIT;
	EVP_PKEY *rsa = NULL;
	uint8_t raw[33];
	int rc = TOOL_REFUSED;

	a.of = c->blob != NULL ? "blob" : "ephemeral key";
	if (record_read(c->split, &a.record) && take_ephemeral(c, &blob, raw, a.k) && (rsa = read_rsa(c->rsa)) != NULL) {
		for (int i = 0; i < c->nfiles && a.n < HZ_SHAMIR_MAX; i++)
			take_partial(&a, c->files[i], rsa);
		rc = finish(c, &a, &blob);
	}
	EVP_PKEY_free(rsa);
	hz_wipe(a.parts, sizeof a.parts);
	hz_buf_free(&blob);
	return rc;
}
