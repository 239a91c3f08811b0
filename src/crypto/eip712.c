/* SPDX-License-Identifier: Apache-2.0 */
/* EIP-712: the document, the domain, and hashStruct over the message. */
#include "crypto/eip712.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/eip712_int.h"
#include "crypto/keccak.h"

static const struct hz_jdoc_limits limits = { .text = 1 << 20, .nodes = 65536, .members = E712_MAX_MEMBERS, .depth = 32 };

static const char domain_struct[] = "EIP712Domain";

/* The standard domain fields in the standard's order. */
static const struct { const char *name, *type; } domain_fields[] = {
	{ "name", "string" }, { "version", "string" }, { "chainId", "uint256" }, { "verifyingContract", "address" }, { "salt", "bytes32" },
};
enum { DOMAIN_FIELDS = sizeof domain_fields / sizeof domain_fields[0] };

static bool hash_struct(struct e712 *e, uint32_t index, const struct hz_jnode *v, uint8_t out[32]);

bool e712_refuse(struct e712 *e, const char *fmt, ...)
{
	va_list ap;

	if (e->why[0] == '\0') {
		va_start(ap, fmt);
		vsnprintf(e->why, HZ_EIP712_WHY, fmt, ap);
		va_end(ap);
	}
	return false;
}

/* The value of a field with its first `dims` array dimensions still to be opened. Recursion is bounded by the text's nesting. */
static bool encode(struct e712 *e, const struct e712_field *f, unsigned dims, const struct hz_jnode *v, uint8_t word[32])
{
	const struct hz_jnode *c;
	hz_keccak256_ctx k;
	int32_t want;

	if (dims == 0)
		return f->type.kind == E712_STRUCT ? hash_struct(e, f->type.size, v, word) : e712_atomic(e, f, v, word);
	want = f->type.dim[dims - 1];
	if (v->type != HZ_J_ARRAY || (want != E712_DYNAMIC && v->len != (uint32_t)want))
		return e712_refuse(e, "field %.*s (%.*s): not an array of that length", (int)f->name.len, f->name.s,
				   (int)f->type_name.len, f->type_name.s);
	c = hz_jdoc_first(v);
	hz_keccak256_init(&k);
	for (uint32_t i = 0; i < v->len; i++, c = hz_jdoc_next(&e->json, c)) {
		if (!encode(e, f, dims - 1, c, word))
			return false;
		hz_keccak256_update(&k, word, 32);
	}
	hz_keccak256_final(&k, word);
	return true;
}

/* A field's value; most documents give the members in the order of the declaration, so the guess comes first. */
static const struct hz_jnode *field_value(const struct e712 *e, const struct e712_field *f, const struct hz_jnode *obj,
					      const struct hz_jnode *guess)
{
	if (guess != NULL && guess->key_len == f->name.len && memcmp(guess->key, f->name.s, f->name.len) == 0)
		return guess;
	return hz_jdoc_get_n(&e->json, obj, f->name.s, f->name.len);
}

static bool hash_struct(struct e712 *e, uint32_t index, const struct hz_jnode *v, uint8_t out[32])
{
	const struct e712_struct *st = &e->st[index];
	const struct hz_jnode *guess, *c;
	hz_keccak256_ctx k;
	uint8_t word[32];

	if (v->type != HZ_J_OBJECT)
		return e712_refuse(e, "a %.*s is not an object", (int)st->name.len, st->name.s);
	hz_keccak256_init(&k);
	hz_keccak256_update(&k, e712_type_hash(e, index), 32);
	guess = hz_jdoc_first(v);
	for (uint32_t i = 0; i < st->fields; i++) {
		c = field_value(e, &st->field[i], v, i < v->len ? guess : NULL);
		if (c == NULL)
			return e712_refuse(e, "field %.*s of a %.*s is missing", (int)st->field[i].name.len, st->field[i].name.s,
					   (int)st->name.len, st->name.s);
		if (!encode(e, &st->field[i], st->field[i].type.dims, c, word))
			return false;
		hz_keccak256_update(&k, word, 32);
		if (i < v->len)
			guess = hz_jdoc_next(&e->json, guess);
	}
	if (v->len != st->fields)
		return e712_refuse(e, "a %.*s has members that it does not declare", (int)st->name.len, st->name.s);
	hz_keccak256_final(&k, out);
	return true;
}

/* A declared EIP712Domain: some of the standard fields, in order. */
static bool check_domain_struct(struct e712 *e, const struct e712_struct *st)
{
	uint32_t at = 0;

	for (size_t i = 0; i < DOMAIN_FIELDS && at < st->fields; i++) {
		const struct e712_field *f = &st->field[at];

		if (f->name.len != strlen(domain_fields[i].name) || memcmp(f->name.s, domain_fields[i].name, f->name.len) != 0)
			continue;
		if (f->type_name.len != strlen(domain_fields[i].type) ||
		    memcmp(f->type_name.s, domain_fields[i].type, f->type_name.len) != 0)
			break;
		at++;
	}
	return at == st->fields || e712_refuse(e, "EIP712Domain has other fields, types or order than the standard's");
}

/* An EIP712Domain made of the members that the domain has; unknown members are found by hash_struct's count. */
static int make_domain_struct(struct e712 *e, const struct hz_jnode *domain)
{
	int at = e712_struct_add(e, domain_struct, sizeof domain_struct - 1);

	if (at < 0) {
		e712_refuse(e, "more than %d structs", E712_MAX_STRUCTS);
		return -1;
	}
	e->st[at].field = e->domain_field;
	for (size_t i = 0; i < DOMAIN_FIELDS; i++) {
		struct e712_field *f = &e->domain_field[e->st[at].fields];

		if (hz_jdoc_get(&e->json, domain, domain_fields[i].name) == NULL)
			continue;
		f->name = (struct e712_name){ domain_fields[i].name, (uint32_t)strlen(domain_fields[i].name) };
		f->type_name = (struct e712_name){ domain_fields[i].type, (uint32_t)strlen(domain_fields[i].type) };
		if (!e712_parse_type(e, f->type_name.s, f->type_name.len, &f->type))
			return -1;
		e->st[at].fields++;
	}
	return at;
}

static bool hash_domain(struct e712 *e, const struct hz_jnode *domain, struct hz_eip712 *out)
{
	const struct hz_jnode *name = hz_jdoc_get(&e->json, domain, "name");
	int at = e712_struct_find(e, domain_struct, sizeof domain_struct - 1);

	if (domain == NULL || domain->type != HZ_J_OBJECT)
		return e712_refuse(e, "domain is missing or not an object");
	if (at >= 0 ? !check_domain_struct(e, &e->st[at]) : (at = make_domain_struct(e, domain)) < 0)
		return false;
	out->hanzo_domain = hz_jdoc_is(name, "Hanzo PoAI") || hz_jdoc_is(name, "Hanzo HMM");
	return hash_struct(e, (uint32_t)at, domain, out->domain_separator);
}

static bool hash_message(struct e712 *e, const struct hz_jnode *primary, const struct hz_jnode *message,
			 struct hz_eip712 *out)
{
	int at;

	if (primary == NULL || primary->type != HZ_J_STRING)
		return e712_refuse(e, "primaryType is missing or not a string");
	if (message == NULL)
		return e712_refuse(e, "message is missing");
	at = e712_struct_find(e, primary->s, primary->len);
	if (at < 0 || hz_jdoc_is(primary, domain_struct))
		return e712_refuse(e, "primaryType is not a declared struct of the message");
	return hash_struct(e, (uint32_t)at, message, out->struct_hash);
}

void hz_eip712_join(const uint8_t separator[32], const uint8_t struct_hash[32], uint8_t digest[32])
{
	uint8_t in[66] = { 0x19, 0x01 };

	memcpy(in + 2, separator, 32);
	memcpy(in + 34, struct_hash, 32);
	hz_keccak256(in, sizeof in, digest);
}

static bool document(struct e712 *e, struct hz_eip712 *out)
{
	const struct hz_jnode *root = e->json.v;

	if (root->type != HZ_J_OBJECT)
		return e712_refuse(e, "not a JSON object");
	if (!e712_read_types(e, hz_jdoc_get(&e->json, root, "types")) ||
	    !hash_message(e, hz_jdoc_get(&e->json, root, "primaryType"), hz_jdoc_get(&e->json, root, "message"), out) ||
	    !hash_domain(e, hz_jdoc_get(&e->json, root, "domain"), out))
		return false;
	if (root->len != 4)
		return e712_refuse(e, "something besides types, primaryType, domain and message");
	hz_eip712_join(out->domain_separator, out->struct_hash, out->digest);
	return true;
}

bool hz_eip712_digest(const void *json, size_t len, struct hz_eip712 *out, char why[HZ_EIP712_WHY])
{
	struct e712 *e = calloc(1, sizeof *e);
	bool ok = false;

	why[0] = '\0';
	if (e == NULL) {
		snprintf(why, HZ_EIP712_WHY, "out of memory");
		return false;
	}
	e->why = why;
	if (!hz_jdoc_parse(&e->json, json, len, &limits))
		e712_refuse(e, "JSON, byte %zu: %s", e->json.at, e->json.why);
	else
		ok = document(e, out);
	hz_jdoc_free(&e->json);
	free(e->fields);
	free(e);
	return ok;
}
