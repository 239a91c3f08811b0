/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the stored attestation vectors and applies their byte recipes. */

#include "config.h"

#include "vectors.h"

#include "base/hex.h"

#include <openssl/pem.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

int failures;

static const char *
folder(void)
{
	const char *dir = getenv("HANZO_VECTORS");

	return dir != NULL ? dir : "../shared/vectors";
}

static void
full_path(char *out, size_t size, const char *path)
{
	snprintf(out, size, "%s/attestation/%s", folder(), path);
}

struct json_object *
vectors_manifest(void)
{
	char path[1024];
	struct json_object *o;

	full_path(path, sizeof path, "MANIFEST.json");
	o = json_object_from_file(path);
	if (o == NULL) {
		fprintf(stderr, "no vectors at %s\n", path);
		exit(77);
	}
	return o;
}

struct blob
vectors_file(const char *path)
{
	char full[1024];
	struct blob b = { malloc(1 << 20), 0 };
	FILE *f;

	full_path(full, sizeof full, path);
	f = fopen(full, "rb");
	if (f == NULL || b.p == NULL) {
		fprintf(stderr, "cannot read %s\n", full);
		exit(99);
	}
	b.len = fread(b.p, 1, 1 << 20, f);
	fclose(f);
	return b;
}

void
blob_free(struct blob *b)
{
	free(b->p);
	b->p = NULL;
	b->len = 0;
}

struct blob
blob_hex(const char *hex)
{
	struct blob b = { malloc(strlen(hex) / 2 + 1), strlen(hex) / 2 };

	if (b.p == NULL || !hz_hex_decode(hex, strlen(hex), b.p, b.len)) {
		fprintf(stderr, "bad hex in the manifest: %s\n", hex);
		exit(99);
	}
	return b;
}

struct json_object *
member(struct json_object *o, const char *name)
{
	struct json_object *v;

	return o != NULL && json_object_object_get_ex(o, name, &v) ? v : NULL;
}

const char *
text(struct json_object *o, const char *name)
{
	struct json_object *v = member(o, name);

	return v != NULL ? json_object_get_string(v) : NULL;
}

int64_t
number(struct json_object *o, const char *name, int64_t fallback)
{
	struct json_object *v = member(o, name);

	return v != NULL ? json_object_get_int64(v) : fallback;
}

int64_t
seconds(const char *rfc3339)
{
	struct tm tm = { 0 };

	if (rfc3339 == NULL || strptime(rfc3339, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL) {
		fprintf(stderr, "bad time in the manifest: %s\n", rfc3339);
		exit(99);
	}
	return timegm(&tm);
}

const char *
vector_file(struct json_object *vector, const char *role)
{
	struct json_object *files = member(vector, "files");

	for (size_t i = 0; files != NULL && i < json_object_array_length(files); i++) {
		struct json_object *f = json_object_array_get_idx(files, i);

		if (strncmp(text(f, "role"), role, strlen(role)) == 0)
			return text(f, "path");
	}
	return NULL;
}

bool
same_verdict(const char *outcome, const hz_attest_result *r)
{
	enum hz_attest_reason reason = hz_attest_result_reason(r);

	if (strcmp(outcome, "accept") == 0)
		return reason == HZ_ATTEST_OK;
	return strncmp(outcome, "reject:", 7) == 0 && strcmp(outcome + 7, hz_attest_reason_name(reason)) == 0;
}

struct json_object *
vectors_find(struct json_object *manifest, const char *id)
{
	struct json_object *list = member(manifest, "vectors");

	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(text(json_object_array_get_idx(list, i), "id"), id) == 0)
			return json_object_array_get_idx(list, i);
	return NULL;
}

int vectors_reasons_differ;

void
vectors_judge(const char *group, struct json_object *recipe, const hz_attest_result *r)
{
	bool accepted = hz_attest_result_reason(r) == HZ_ATTEST_OK, want = strcmp(text(recipe, "must"), "accept") == 0;

	if (accepted != want) {
		failures++;
		fprintf(stderr, "%s/%s: must %s, got %s (%s)\n", group, text(recipe, "id"), text(recipe, "must"),
		        hz_attest_reason_name(hz_attest_result_reason(r)), hz_attest_result_text(r));
	} else if (!same_verdict(text(recipe, "outcome"), r)) {
		vectors_reasons_differ++;
		printf("%s/%s: refused by %s, the reference order by %s\n", group, text(recipe, "id"),
		       hz_attest_reason_name(hz_attest_result_reason(r)), text(recipe, "outcome"));
	}
}

void
vectors_spki_of_last(const struct blob *pem, char hex[65])
{
	BIO *bio = BIO_new_mem_buf(pem->p, (int)pem->len);
	X509 *cert = NULL, *more;
	unsigned char *der = NULL, digest[32];
	int len;

	while ((more = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		X509_free(cert);
		cert = more;
	}
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (len <= 0 || EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
		exit(99);
	hz_hex_encode(digest, sizeof digest, hex);
	OPENSSL_free(der);
	X509_free(cert);
	BIO_free(bio);
}

void
vectors_key_text(const struct blob *pem, char *out, size_t size)
{
	BIO *bio = BIO_new_mem_buf(pem->p, (int)pem->len);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	if (len <= 0 || hz_b64url_len((size_t)len) >= size)
		exit(99);
	hz_b64url_encode(der, (size_t)len, out);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	BIO_free(bio);
}

void
vectors_claim(const char *id, const hz_attest_result *r, const char *claim, const char *want)
{
	const char *got = hz_attest_result_claim(r, claim);

	if (want == NULL || (got != NULL && strcmp(got, want) == 0))
		return;
	failures++;
	fprintf(stderr, "%s: claim %s is %s, not %s\n", id, claim, got != NULL ? got : "absent", want);
}

/* ---- recipes ---- */

static void
bad_recipe(const char *op)
{
	fprintf(stderr, "recipe operation \"%s\" does not fit its file\n", op);
	exit(99);
}

static void
splice(struct blob *b, size_t at, const struct blob *in)
{
	if (at + in->len > b->len)
		bad_recipe("set");
	memcpy(b->p + at, in->p, in->len);
}

static void
append(struct blob *b, const struct blob *in)
{
	unsigned char *p = realloc(b->p, b->len + in->len + 1);

	if (p == NULL)
		exit(99);
	memcpy(p + b->len, in->p, in->len);
	b->p = p;
	b->len += in->len;
}

static void
swap(struct blob *b, size_t a, size_t c, size_t n)
{
	if (a + n > b->len || c + n > b->len)
		bad_recipe("swap");
	for (size_t i = 0; i < n; i++) {
		unsigned char t = b->p[a + i];

		b->p[a + i] = b->p[c + i];
		b->p[c + i] = t;
	}
}

static void
apply_one(struct json_object *op, struct blob *b)
{
	const char *name = text(op, "op"), *hex = text(op, "hex") != NULL ? text(op, "hex") : text(op, "mask");
	size_t at = (size_t)number(op, "offset", 0), n = (size_t)number(op, "length", 0);
	struct blob in = hex != NULL ? blob_hex(hex) : (struct blob){ NULL, 0 };

	if (strcmp(name, "xor") == 0) {
		for (size_t i = 0; i < in.len && at + i < b->len; i++)
			b->p[at + i] ^= in.p[i];
	} else if (strcmp(name, "set") == 0) {
		splice(b, at, &in);
	} else if (strcmp(name, "truncate") == 0) {
		b->len = n <= b->len ? n : b->len;
	} else if (strcmp(name, "append") == 0) {
		append(b, &in);
	} else if (strcmp(name, "copy") == 0) {
		if ((size_t)number(op, "src", 0) + n > b->len || (size_t)number(op, "dst", 0) + n > b->len)
			bad_recipe(name);
		memmove(b->p + number(op, "dst", 0), b->p + number(op, "src", 0), n);
	} else if (strcmp(name, "swap") == 0) {
		swap(b, (size_t)number(op, "a", 0), (size_t)number(op, "b", 0), n);
	} else {
		bad_recipe(name);
	}
	blob_free(&in);
}

void
recipe_apply(struct json_object *ops, struct blob *b)
{
	for (size_t i = 0; ops != NULL && i < json_object_array_length(ops); i++)
		apply_one(json_object_array_get_idx(ops, i), b);
}

/* Does name begin with one of the words? */
static bool
begins(const char *name, const char *words)
{
	for (size_t n; *words != '\0'; words += n + 1) {
		n = strcspn(words, " ");
		if (strncmp(name, words, n) == 0)
			return true;
	}
	return false;
}

bool
vectors_all(struct json_object *manifest, const char *families, const char *groups, size_t vectors, size_t recipes)
{
	struct json_object *list = member(manifest, "vectors");
	size_t v = 0, r = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++)
		v += begins(text(json_object_array_get_idx(list, i), "family"), families);
	json_object_object_foreach(member(manifest, "mutations"), name, group)
		r += begins(name, groups) ? json_object_array_length(member(group, "recipes")) : 0;
	if (v != vectors || r != recipes)
		fprintf(stderr, "the manifest has %zu vectors and %zu recipes of these, %zu and %zu were run\n", v, r, vectors, recipes);
	return v == vectors && r == recipes;
}
