/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying statements without a module: an address or a public key is enough. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/jsoncheck.h"
#include "crypto/ethaddr.h"
#include "crypto/k256.h"
#include "crypto/libctx.h"
#include "statement.h"

enum { RECORD_DEPTH = 10 }; /* of a record: a bundle may be 8 deep */

struct verifier {
	uint8_t address[20];
	EVP_PKEY *pq;       /* an ML-DSA-65 key; else the address decides */
	FILE *signatures;   /* one a line, in the order of the statements; NULL: the one of --signature, */
	const char *one;    /* until a statement has had it */
	char *line;
	size_t room;
	uint8_t separator[32];
	struct attested *attested; /* NULL: not asked for */
};

/* What came with a statement. */
struct answer {
	uint8_t sig[STATEMENT_SIG];
	size_t sig_len;           /* 0: none there, or not hexadecimal */
	const uint8_t *bundle;    /* in the verifier's line, or NULL */
	size_t bundle_len;
};

/* SubjectPublicKeyInfo of a secp256k1 key up to the point (RFC 5480): uncompressed and compressed. */
static const uint8_t spki_long[] = { 0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
				     0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00 };
static const uint8_t spki_short[] = { 0x30, 0x36, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
				      0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x22, 0x00 };

static bool k256_point(const uint8_t *point, size_t len, uint8_t address[20])
{
	uint8_t pub[HZ_K256_PUB];

	return hz_k256_pub_parse(pub, point, len) && hz_k256_address(pub, address);
}

static bool k256_spki(const uint8_t *der, size_t len, uint8_t address[20])
{
	if (len == sizeof spki_long + 65 && memcmp(der, spki_long, sizeof spki_long) == 0)
		return k256_point(der + sizeof spki_long, 65, address);
	if (len == sizeof spki_short + 33 && memcmp(der, spki_short, sizeof spki_short) == 0)
		return k256_point(der + sizeof spki_short, 33, address);
	return false;
}

/* Any other key; NULL when it is none. */
static EVP_PKEY *other_spki(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	EVP_PKEY *key = d2i_PUBKEY_ex(NULL, &p, (long)len, hz_libctx(), NULL);

	if (key != NULL && p == der + len)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* A PEM file with a public key of either kind. */
static int key_file(struct verifier *v, const char *path)
{
	FILE *f = fopen(path, "re");
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	bool ok = false;

	if (f == NULL)
		return tool_fail(TOOL_USAGE, "%s: %s", path, strerror(errno));
	if (PEM_read(f, &name, &header, &der, &len) == 1) {
		ok = k256_spki(der, (size_t)len, v->address);
		if (!ok && (v->pq = other_spki(der, (size_t)len)) != NULL)
			ok = EVP_PKEY_is_a(v->pq, "ML-DSA-65") == 1;
	}
	fclose(f);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	return ok ? TOOL_OK : tool_fail(TOOL_USAGE, "%s: no public key on secp256k1 or of ML-DSA-65", path);
}

/* Hexadecimal SEC 1 octets (with or without 0x), or the name of a file. */
static int load_key(struct verifier *v, const char *text)
{
	size_t skip = strncmp(text, "0x", 2) == 0 ? 2 : 0, n = strlen(text) - skip;
	uint8_t point[65];

	if ((n == 66 || n == 130) && hz_hex_decode(text + skip, n, point, n / 2))
		return k256_point(point, n / 2, v->address) ? TOOL_OK : tool_fail(TOOL_USAGE, "--public-key is no point on secp256k1");
	return key_file(v, text);
}

/* Hexadecimal, with 0x or without; 0 when it is not. */
static size_t signature_hex(const char *text, size_t n, uint8_t sig[STATEMENT_SIG])
{
	if (n >= 2 && strncmp(text, "0x", 2) == 0) {
		text += 2;
		n -= 2;
	}
	return n % 2 == 0 && n / 2 <= STATEMENT_SIG && hz_hex_decode(text, n, sig, n / 2) ? n / 2 : 0;
}

/* {"signature": ..., "attestation": ...}, as sign --json prints it. */
static void read_record(const char *text, size_t n, struct answer *a)
{
	static char hex[2 * STATEMENT_SIG + 3];
	const uint8_t *at;
	size_t len;

	if (!hz_json_check(text, n, RECORD_DEPTH))
		return;
	at = hz_json_member(text, n, "signature", &len);
	if (at != NULL && hz_json_text(at, len, hex, sizeof hex, &len))
		a->sig_len = signature_hex(hex, len, a->sig);
	a->bundle = hz_json_member(text, n, "attestation", &a->bundle_len);
}

/* The next line of --signatures, or the one of --signature; NULL: there is none left. */
static const char *next_line(struct verifier *v)
{
	const char *one = v->one;

	if (v->signatures != NULL)
		return getline(&v->line, &v->room, v->signatures) > 0 ? v->line : NULL;
	v->one = NULL;
	return one;
}

/* The answer that belongs to the next statement: a signature alone, or a record with one. */
static void next_answer(struct verifier *v, struct answer *a)
{
	const char *text = next_line(v);
	size_t n;

	text = text != NULL ? text : "";
	n = strcspn(text, "\r\n");
	a->sig_len = a->bundle_len = 0;
	a->bundle = NULL;
	if (text[0] == '{')
		read_record(text, n, a);
	else
		a->sig_len = signature_hex(text, n, a->sig);
}

/* NULL when the statement may be believed as far as time goes; the digest in any case. */
static const char *digest_of(struct statement_cmd *c, struct verifier *v, const char *text, size_t len, uint8_t digest[32], bool *bad)
{
	static char why[192];
	struct hz_statement st;
	const char *late = NULL;

	*bad = false;
	if (c->profile != NULL) {
		*bad = !hz_profile_digest(c->profile, text, len, digest, why, sizeof why);
		return *bad ? why : NULL;
	}
	*bad = !hz_statement_parse(&st, c->kind, text, len);
	if (*bad) {
		snprintf(why, sizeof why, "%s%s%s", st.field, st.field[0] != '\0' ? ": " : "", st.why);
		return why;
	}
	if (!c->ignore_ttl)
		late = hz_poai_time(hz_statement_timestamp(&st), (uint64_t)(c->ask.has_at ? c->ask.at : time(NULL)), c->ttl);
	hz_statement_digest(&st, v->separator, digest);
	hz_statement_free(&st);
	return late;
}

static bool pq_valid(const struct verifier *v, const uint8_t digest[32], const uint8_t *sig, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, hz_libctx(), NULL, v->pq, NULL) == 1 &&
		  EVP_DigestVerify(ctx, sig, n, digest, 32) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* Does r || s || v, or r || s with either v, lead to the address? That is what a contract asks of ecrecover. */
static bool address_valid(const struct verifier *v, const uint8_t digest[32], const uint8_t *sig, size_t n)
{
	uint8_t rsv[65], pub[HZ_K256_PUB], address[20];

	if (n != 64 && n != 65)
		return false;
	memcpy(rsv, sig, n);
	for (uint8_t last = 27; last <= 28; last++) {
		if (n == 64)
			rsv[64] = last;
		if (hz_k256_recover(pub, digest, rsv) && hz_k256_address(pub, address) && memcmp(address, v->address, 20) == 0)
			return true;
	}
	return false;
}

/* Is the key that the bundle vouches for the signer's? */
static bool same_key(const struct verifier *v, const uint8_t *spki, size_t len)
{
	uint8_t address[20];
	EVP_PKEY *key;
	bool same;

	if (v->pq == NULL)
		return k256_spki(spki, len, address) && memcmp(address, v->address, sizeof address) == 0;
	key = other_spki(spki, len);
	same = key != NULL && EVP_PKEY_eq(key, v->pq) == 1;
	EVP_PKEY_free(key);
	return same;
}

static bool attested(const struct verifier *v, const struct answer *a, bool *simulated, char why[ATTESTED_WHY])
{
	size_t n;
	const uint8_t *spki = attested_key(v->attested, a->bundle, a->bundle_len, &n, simulated, why);

	if (spki == NULL || same_key(v, spki, n))
		return spki != NULL;
	snprintf(why, ATTESTED_WHY, "key: the bundle vouches for another key");
	return false;
}

static void accepted(struct statement_cmd *c, const struct verifier *v, bool simulated)
{
	const char *json = v->attested == NULL ? "" : simulated ? ",\"attested\":true,\"simulated\":true" : ",\"attested\":true";
	const char *words = v->attested == NULL ? "" : simulated ? ", attested by a simulated TEE" : ", attested";

	c->done++;
	if (c->k.tool.json)
		printf("{\"valid\":true%s}\n", json);
	else
		printf("valid%s\n", words);
}

static bool verify_one(struct statement_cmd *c, void *state, const char *text, size_t len)
{
	static struct answer a;
	struct verifier *v = state;
	char no[ATTESTED_WHY];
	uint8_t digest[32];
	bool bad, simulated = false;
	const char *why = digest_of(c, v, text, len, digest, &bad);

	next_answer(v, &a);
	if (bad)
		statement_refused(c, "bad data", why);
	else if (why != NULL)
		statement_refused(c, "bad time", why);
	else if (a.sig_len == 0)
		statement_refused(c, "no signature", "none there, or not hexadecimal");
	else if (!(v->pq != NULL ? pq_valid(v, digest, a.sig, a.sig_len) : address_valid(v, digest, a.sig, a.sig_len)))
		statement_refused(c, "not valid", "the signature is not this signer's");
	else if (v->attested != NULL && !attested(v, &a, &simulated, no))
		statement_refused(c, "not attested", no);
	else
		accepted(c, v, simulated);
	return true;
}

/* A signature that no statement belongs to: one of the two lists is not what it was taken for. */
static bool left_over(struct verifier *v)
{
	const char *text;

	while ((text = next_line(v)) != NULL)
		if (text[strspn(text, " \t\r\n")] != '\0')
			return true;
	return false;
}

static int verify_all(struct statement_cmd *c, struct verifier *v)
{
	int rc = statement_each(c, verify_one, v);

	if ((rc == TOOL_OK || c->refused != 0) && left_over(v)) {
		statement_refused(c, "no statement", "there are more signatures than statements");
		rc = TOOL_REFUSED;
	}
	if (v->signatures != NULL && ferror(v->signatures) != 0)
		rc = tool_fail(TOOL_REFUSED, "%s cannot be read", c->signatures);
	return rc;
}

int statement_verify(struct statement_cmd *c)
{
	struct verifier v = { .pq = NULL, .one = c->signature };
	int rc = TOOL_OK;

	if (c->address != NULL && !hz_ethaddr_parse(c->address, strlen(c->address), v.address))
		return tool_fail(TOOL_USAGE, "--address takes 0x and 40 digits, with the right checksum when in mixed case");
	if (c->public_key != NULL)
		rc = load_key(&v, c->public_key);
	if (rc == TOOL_OK && c->signatures != NULL && (v.signatures = fopen(c->signatures, "re")) == NULL)
		rc = tool_fail(TOOL_USAGE, "%s: %s", c->signatures, strerror(errno));
	if (rc == TOOL_OK && c->require_attested && (v.attested = attested_new(&c->ask)) == NULL)
		rc = TOOL_USAGE;
	if (rc == TOOL_OK) {
		hz_poai_separator(c->kind, c->chain_id, c->has_contract ? c->contract : NULL, v.separator);
		rc = verify_all(c, &v);
	}
	EVP_PKEY_free(v.pq);
	attested_free(v.attested);
	if (v.signatures != NULL)
		fclose(v.signatures);
	free(v.line);
	return rc;
}
