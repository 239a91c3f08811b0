/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the EIP-712 encoder: types as parsed, and what its files call of each other. */
#ifndef HZ_CRYPTO_EIP712_INT_H
#define HZ_CRYPTO_EIP712_INT_H

#include "base/jdoc.h"
#include "crypto/eip712.h"

enum { E712_MAX_STRUCTS = 64, E712_MAX_DIMS = 8, E712_MAX_MEMBERS = 256, E712_DYNAMIC = -1 };

enum e712_kind { E712_UINT, E712_INT, E712_BOOL, E712_ADDRESS, E712_BYTES_N, E712_BYTES, E712_STRING, E712_STRUCT };

/* A name inside the text: not NUL-terminated. */
struct e712_name {
	const char *s;
	uint32_t len;
};

struct e712_type {
	enum e712_kind kind;
	uint16_t size;                /* bits of an integer, bytes of bytesN, index of a struct */
	uint8_t dims;                 /* array dimensions, innermost first */
	int32_t dim[E712_MAX_DIMS];   /* length, or E712_DYNAMIC */
};

struct e712_field {
	struct e712_name name, type_name;
	struct e712_type type;
};

struct e712_struct {
	struct e712_name name;
	struct e712_field *field; /* into the document's one block of fields */
	uint32_t fields;
	bool hashed;
	uint8_t type_hash[32];
};

/* One document being encoded. */
struct e712 {
	struct hz_jdoc json;
	char *why;
	struct e712_struct st[E712_MAX_STRUCTS];
	uint32_t structs;
	struct e712_field *fields; /* owned */
	struct e712_field domain_field[5]; /* of a domain whose struct is not declared */
};

/* Record why the document is refused (the first reason stays); false. */
bool e712_refuse(struct e712 *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* eip712_types.c */
/* Read `types` into e->st. */
bool e712_read_types(struct e712 *e, const struct hz_jnode *types);
/* Index of a declared struct, or -1. */
int e712_struct_find(const struct e712 *e, const char *name, size_t len);
/* Add a struct without a `types` entry; its index, or -1 when there is no room. */
int e712_struct_add(struct e712 *e, const char *name, size_t len);
/* "uint256[2][]" and so on. */
bool e712_parse_type(struct e712 *e, const char *s, size_t len, struct e712_type *t);
/* keccak256(encodeType), computed once a struct. */
const uint8_t *e712_type_hash(struct e712 *e, uint32_t index);

/* eip712_value.c */
/* The 32-byte word of a value of an atomic type (not array, not struct). */
bool e712_atomic(struct e712 *e, const struct e712_field *f, const struct hz_jnode *v, uint8_t word[32]);

#endif
