/* SPDX-License-Identifier: Apache-2.0 */
/* The stored attestation vectors for tests: manifest, files, byte recipes. */

#ifndef HZ_TEST_VECTORS_H
#define HZ_TEST_VECTORS_H

#include "hanzo-attest.h"

#include <json-c/json.h>
#include <stdio.h>

extern int failures;

#define CHECK(cond) \
	((cond) ? (void)0 : (void)(failures++, fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond)))

struct blob {
	unsigned char *p;
	size_t len;
};

/* The manifest, or exit 77 (skip) where the vectors are not installed. */
struct json_object *vectors_manifest(void);

/* A file of the vectors; ends the test where it cannot be read. Free with blob_free(). */
struct blob vectors_file(const char *path);
void blob_free(struct blob *b);
/* Bytes of a hexadecimal text. */
struct blob blob_hex(const char *hex);

/* Applies the operations of a recipe (xor, set, truncate, append, copy, swap) in order. */
void recipe_apply(struct json_object *ops, struct blob *b);

/* Members; NULL or the fallback where absent. */
struct json_object *member(struct json_object *o, const char *name);
const char *text(struct json_object *o, const char *name);
int64_t number(struct json_object *o, const char *name, int64_t fallback);

/* RFC 3339 in UTC, to seconds. */
int64_t seconds(const char *rfc3339);

/* The path of the first file whose role starts with `role`, or NULL. */
const char *vector_file(struct json_object *vector, const char *role);

/* Words of a vector's reference outcome: "accept" or "reject:reason" against a result. */
bool same_verdict(const char *outcome, const hz_attest_result *r);

/* The vector of this id, or NULL. */
struct json_object *vectors_find(struct json_object *manifest, const char *id);

/*
 * Holds a result against a recipe of a group: counts a failure where the verdict is another than "must", and in
 * vectors_reasons_differ the refusals for another reason than the reference order gives.
 */
void vectors_judge(const char *group, struct json_object *recipe, const hz_attest_result *r);
extern int vectors_reasons_differ;

/*
 * True when so many vectors are of these families, and so many recipes in the groups whose names begin with one of these words (lists
 * with a space behind each word): nothing of the manifest was left out by a runner. Says so on stderr otherwise.
 */
bool vectors_all(struct json_object *manifest, const char *families, const char *groups, size_t vectors, size_t recipes);

/* SHA-256 of the SubjectPublicKeyInfo of the last certificate of a PEM text, in hexadecimal. */
void vectors_spki_of_last(const struct blob *pem, char hex[65]);

/* A PEM public key as base64url of its SubjectPublicKeyInfo. */
void vectors_key_text(const struct blob *pem, char *out, size_t size);

/* Counts a failure where the claim is not `want`; want == NULL expects nothing. */
void vectors_claim(const char *id, const hz_attest_result *r, const char *claim, const char *want);

#endif
