/* SPDX-License-Identifier: Apache-2.0 */
/* EIP-712 types: the `types` object, type names, and encodeType. */
#include <string.h>
#include <stdlib.h>

#include "crypto/eip712_int.h"
#include "crypto/keccak.h"

static bool same(const struct e712_name *a, const char *s, size_t len)
{
	return a->len == len && memcmp(a->s, s, len) == 0;
}

static bool name_char(char c, bool first, bool colon)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$')
		return true;
	return !first && ((c >= '0' && c <= '9') || (colon && c == ':'));
}

/* Names go into encodeType as they are, so none may hold what separates them there. */
static bool good_name(const char *s, size_t len, bool colon)
{
	if (len == 0 || len > 255)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!name_char(s[i], i == 0, colon))
			return false;
	return true;
}

/* 1 to 9 digits without a leading zero; -1 otherwise. */
static int32_t small_number(const char *s, size_t len)
{
	int32_t v = 0;

	if (len == 0 || len > 9 || s[0] == '0')
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

/* `prefix` and a size from unit to max in steps of unit. */
static bool sized(const char *s, size_t len, const char *prefix, int32_t unit, int32_t max, uint16_t *size)
{
	size_t n = strlen(prefix);
	int32_t v = len > n && memcmp(s, prefix, n) == 0 ? small_number(s + n, len - n) : -1;

	if (v < 1 || v > max || v % unit != 0)
		return false;
	*size = (uint16_t)v;
	return true;
}

static bool atomic_type(const char *s, size_t len, struct e712_type *t)
{
	static const struct { const char *name; enum e712_kind kind; } plain[] = {
		{ "string", E712_STRING }, { "address", E712_ADDRESS }, { "bool", E712_BOOL }, { "bytes", E712_BYTES },
	};

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (len == strlen(plain[i].name) && memcmp(s, plain[i].name, len) == 0) {
			t->kind = plain[i].kind;
			return true;
		}
	if (sized(s, len, "uint", 8, 256, &t->size))
		t->kind = E712_UINT;
	else if (sized(s, len, "int", 8, 256, &t->size))
		t->kind = E712_INT;
	else if (sized(s, len, "bytes", 1, 32, &t->size))
		t->kind = E712_BYTES_N;
	else
		return false;
	return true;
}

/* Cut one "[...]" off the end; the dimensions come out outermost first and are turned round afterwards. */
static bool take_dim(struct e712 *e, const char *s, size_t *len, struct e712_type *t)
{
	size_t open = *len - 1;
	int32_t dim = E712_DYNAMIC;

	while (open > 0 && s[open] != '[')
		open--;
	if (s[open] != '[')
		return e712_refuse(e, "bad array type");
	if (*len - open > 2 && (dim = small_number(s + open + 1, *len - open - 2)) < 1)
		return e712_refuse(e, "bad array length in a type");
	if (t->dims == E712_MAX_DIMS)
		return e712_refuse(e, "too many array dimensions");
	t->dim[t->dims++] = dim;
	*len = open;
	return true;
}

bool e712_parse_type(struct e712 *e, const char *s, size_t len, struct e712_type *t)
{
	int at;

	memset(t, 0, sizeof *t);
	while (len > 0 && s[len - 1] == ']')
		if (!take_dim(e, s, &len, t))
			return false;
	for (unsigned i = 0, k = t->dims; i + 1 < k; i++) {
		int32_t swap = t->dim[i];

		t->dim[i] = t->dim[--k];
		t->dim[k] = swap;
	}
	if (atomic_type(s, len, t))
		return true;
	at = e712_struct_find(e, s, len);
	if (at < 0)
		return e712_refuse(e, "type '%.*s' is not declared", (int)(len < 64 ? len : 64), good_name(s, len, true) ? s : "?");
	t->kind = E712_STRUCT;
	t->size = (uint16_t)at;
	return true;
}

int e712_struct_find(const struct e712 *e, const char *name, size_t len)
{
	for (uint32_t i = 0; i < e->structs; i++)
		if (same(&e->st[i].name, name, len))
			return (int)i;
	return -1;
}

int e712_struct_add(struct e712 *e, const char *name, size_t len)
{
	if (e->structs == E712_MAX_STRUCTS)
		return -1;
	e->st[e->structs] = (struct e712_struct){ .name = { name, (uint32_t)len } };
	return (int)e->structs++;
}

/*
 * Names that others read as atomic types: int and uint mean int256 and uint256 to some, and what looks like a width that does not exist
 * is an error to them. A struct of such a name would be hashed in two ways.
 */
static bool like_atomic(const char *s, size_t len)
{
	static const char *const stems[] = { "int", "uint", "bytes", "fixed", "ufixed", "function" };
	struct e712_type t;

	if (atomic_type(s, len, &t))
		return true;
	while (len > 0 && s[len - 1] >= '0' && s[len - 1] <= '9')
		len--;
	for (size_t i = 0; i < sizeof stems / sizeof stems[0]; i++)
		if (len == strlen(stems[i]) && memcmp(s, stems[i], len) == 0)
			return true;
	return false;
}

/* First pass: the names of all structs, so that fields may refer to later ones; *fields counts them all. */
static bool read_names(struct e712 *e, const struct hz_jnode *types, size_t *fields)
{
	const struct hz_jnode *c = hz_jdoc_first(types);

	*fields = 0;
	for (uint32_t i = 0; i < types->len; i++, c = hz_jdoc_next(&e->json, c)) {
		if (!good_name(c->key, c->key_len, true) || like_atomic(c->key, c->key_len))
			return e712_refuse(e, "bad struct name in types");
		if (c->type != HZ_J_ARRAY)
			return e712_refuse(e, "types.%.*s is not an array", (int)c->key_len, c->key);
		if (c->len > E712_MAX_MEMBERS)
			return e712_refuse(e, "struct %.*s has too many fields", (int)c->key_len, c->key);
		if (e712_struct_add(e, c->key, c->key_len) < 0)
			return e712_refuse(e, "more than %d structs", E712_MAX_STRUCTS);
		*fields += c->len;
	}
	return true;
}

/* {"name": ..., "type": ...} */
static bool read_field(struct e712 *e, struct e712_struct *st, const struct hz_jnode *entry)
{
	const struct hz_jnode *name = hz_jdoc_get(&e->json, entry, "name"), *type = hz_jdoc_get(&e->json, entry, "type");
	struct e712_field *f = st->field + st->fields;

	if (name == NULL || type == NULL || entry->len != 2 || name->type != HZ_J_STRING || type->type != HZ_J_STRING)
		return e712_refuse(e, "a field of %.*s is not {\"name\", \"type\"}", (int)st->name.len, st->name.s);
	if (!good_name(name->s, name->len, false))
		return e712_refuse(e, "bad field name in %.*s", (int)st->name.len, st->name.s);
	for (uint32_t i = 0; i < st->fields; i++)
		if (same(&st->field[i].name, name->s, name->len))
			return e712_refuse(e, "field %.*s occurs twice in %.*s", (int)name->len, name->s, (int)st->name.len, st->name.s);
	f->name = (struct e712_name){ name->s, name->len };
	f->type_name = (struct e712_name){ type->s, type->len };
	st->fields++;
	return e712_parse_type(e, type->s, type->len, &f->type);
}

bool e712_read_types(struct e712 *e, const struct hz_jnode *types)
{
	const struct hz_jnode *list = types != NULL ? hz_jdoc_first(types) : NULL, *entry;
	struct e712_field *next;
	size_t fields;

	if (types == NULL || types->type != HZ_J_OBJECT)
		return e712_refuse(e, "types is missing or not an object");
	if (!read_names(e, types, &fields))
		return false;
	e->fields = next = calloc(fields + 1, sizeof *next);
	if (next == NULL)
		return e712_refuse(e, "out of memory");
	for (uint32_t i = 0; i < types->len; i++, list = hz_jdoc_next(&e->json, list)) {
		e->st[i].field = next;
		next += list->len;
		entry = hz_jdoc_first(list);
		for (uint32_t k = 0; k < list->len; k++, entry = hz_jdoc_next(&e->json, entry))
			if (!read_field(e, &e->st[i], entry))
				return false;
	}
	return true;
}

/* Mark `index` and every struct that it refers to, directly or not. The recursion is at most one level a struct. */
static void mark(const struct e712 *e, uint32_t index, bool *used)
{
	const struct e712_struct *st = &e->st[index];

	used[index] = true;
	for (uint32_t i = 0; i < st->fields; i++)
		if (st->field[i].type.kind == E712_STRUCT && !used[st->field[i].type.size])
			mark(e, st->field[i].type.size, used);
}

/* Byte order of names, the order in which encodeType lists the structs referred to. */
static int compare(const struct e712_name *a, const struct e712_name *b)
{
	int c = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);

	return c != 0 ? c : a->len < b->len ? -1 : a->len > b->len;
}

/* Name(type1 name1,type2 name2) */
static void hash_declaration(hz_keccak256_ctx *k, const struct e712_struct *st)
{
	hz_keccak256_update(k, st->name.s, st->name.len);
	hz_keccak256_update(k, "(", 1);
	for (uint32_t i = 0; i < st->fields; i++) {
		if (i != 0)
			hz_keccak256_update(k, ",", 1);
		hz_keccak256_update(k, st->field[i].type_name.s, st->field[i].type_name.len);
		hz_keccak256_update(k, " ", 1);
		hz_keccak256_update(k, st->field[i].name.s, st->field[i].name.len);
	}
	hz_keccak256_update(k, ")", 1);
}

/* The structs that `index` refers to, without itself, sorted by name. */
static uint32_t referred(const struct e712 *e, uint32_t index, uint32_t *list)
{
	bool used[E712_MAX_STRUCTS] = { false };
	uint32_t n = 0;

	mark(e, index, used);
	for (uint32_t i = 0; i < e->structs; i++) {
		uint32_t at = n;

		if (!used[i] || i == index)
			continue;
		for (; at > 0 && compare(&e->st[list[at - 1]].name, &e->st[i].name) > 0; at--)
			list[at] = list[at - 1];
		list[at] = i;
		n++;
	}
	return n;
}

const uint8_t *e712_type_hash(struct e712 *e, uint32_t index)
{
	struct e712_struct *st = &e->st[index];
	uint32_t list[E712_MAX_STRUCTS], n;
	hz_keccak256_ctx k;

	if (st->hashed)
		return st->type_hash;
	n = referred(e, index, list);
	hz_keccak256_init(&k);
	hash_declaration(&k, st);
	for (uint32_t i = 0; i < n; i++)
		hash_declaration(&k, &e->st[list[i]]);
	hz_keccak256_final(&k, st->type_hash);
	st->hashed = true;
	return st->type_hash;
}
