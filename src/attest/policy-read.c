/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON objects of a policy into structs by tables of members; anything that the table does not name is an error. */

#include "attest/attest-int.h"

#include "base/hex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_LIST 4096

bool
hz_at_policy_bad(struct hz_at_policy_err *err, const char *name, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (err->len == 0)
		return false;
	n = snprintf(err->text, err->len, "%s: ", name);
	if (n < 0 || (size_t)n >= err->len)
		return false;
	va_start(ap, fmt);
	vsnprintf(err->text + n, err->len - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static bool
read_bool(struct hz_at_policy_err *err, const char *name, struct json_object *v, bool *out)
{
	if (!json_object_is_type(v, json_type_boolean))
		return hz_at_policy_bad(err, name, "must be true or false");
	*out = json_object_get_boolean(v) != 0;
	return true;
}

/* "0x" and 1..16 hexadecimal digits. */
static bool
parse_0x(const char *s, uint64_t *out)
{
	size_t n = strlen(s);

	if (n < 3 || n > 18 || s[0] != '0' || s[1] != 'x' || strspn(s + 2, "0123456789abcdefABCDEF") != n - 2)
		return false;
	*out = strtoull(s + 2, NULL, 16);
	return true;
}

static bool
read_u64(struct hz_at_policy_err *err, const char *name, struct json_object *v, uint64_t max, uint64_t *out)
{
	bool ok = false;

	if (json_object_is_type(v, json_type_int)) {
		*out = json_object_get_uint64(v);
		ok = json_object_get_int64(v) >= 0 && *out != UINT64_MAX;
	} else if (json_object_is_type(v, json_type_string)) {
		ok = parse_0x(json_object_get_string(v), out);
	}
	if (!ok)
		return hz_at_policy_bad(err, name, "must be a number, or text of the form \"0x1f\"");
	if (max != 0 && *out > max)
		return hz_at_policy_bad(err, name, "is larger than %llu", (unsigned long long)max);
	return true;
}

static bool
is_any(struct json_object *v)
{
	return json_object_is_type(v, json_type_string) && strcmp(json_object_get_string(v), "any") == 0;
}

/* Number of entries of one text or a list; 0 for an empty or too long list or another type. */
static size_t
list_length(struct json_object *v)
{
	if (json_object_is_type(v, json_type_string))
		return 1;
	if (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > MAX_LIST)
		return 0;
	return json_object_array_length(v);
}

/* Entry i as text of *len bytes without NUL; NULL if it is no text. */
static const char *
list_entry(struct json_object *v, size_t i, size_t *len)
{
	struct json_object *e = json_object_is_type(v, json_type_array) ? json_object_array_get_idx(v, i) : v;
	const char *s;

	if (!json_object_is_type(e, json_type_string))
		return NULL;
	s = json_object_get_string(e);
	*len = (size_t)json_object_get_string_len(e);
	return strlen(s) == *len ? s : NULL;
}

static bool
read_hexlist(struct hz_at_policy_err *err, const char *name, struct json_object *v, size_t size, struct hz_at_hexlist *out)
{
	size_t n = list_length(v), len;

	out->size = size;
	out->any = is_any(v);
	if (out->any)
		return true;
	if (n == 0)
		return hz_at_policy_bad(err, name, "must be \"any\", a value or a non-empty list of values");
	out->data = calloc(n, size);
	if (out->data == NULL)
		return hz_at_policy_bad(err, name, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const char *s = list_entry(v, i, &len);

		if (s == NULL || !hz_hex_decode(s, len, out->data + i * size, size))
			return hz_at_policy_bad(err, name, "entry %zu must be %zu hexadecimal digits", i + 1, 2 * size);
	}
	out->n = n;
	return true;
}

bool
hz_at_policy_texts(struct hz_at_policy_err *err, const char *name, struct json_object *v, size_t max, struct hz_at_textlist *out)
{
	size_t n = list_length(v), len;

	if (n == 0)
		return hz_at_policy_bad(err, name, "must be a text or a non-empty list of texts");
	out->text = calloc(n, sizeof *out->text);
	if (out->text == NULL)
		return hz_at_policy_bad(err, name, "out of memory");
	for (out->n = 0; out->n < n; out->n++) {
		const char *s = list_entry(v, out->n, &len);

		if (s == NULL || len == 0 || len > max)
			return hz_at_policy_bad(err, name, "entry %zu must be a text of 1 to %zu bytes", out->n + 1, max);
		out->text[out->n] = malloc(len + 1);
		if (out->text[out->n] == NULL)
			return hz_at_policy_bad(err, name, "out of memory");
		memcpy(out->text[out->n], s, len + 1);
	}
	return true;
}

static bool
read_textlist(struct hz_at_policy_err *err, const char *name, struct json_object *v, size_t max, struct hz_at_textlist *out)
{
	out->any = is_any(v);
	if (out->any)
		return true;
	if (list_length(v) == 0)
		return hz_at_policy_bad(err, name, "must be \"any\", a text or a non-empty list of texts");
	return hz_at_policy_texts(err, name, v, max, out);
}

static bool
read_word(struct hz_at_policy_err *err, const char *name, struct json_object *v, const char *const *words, unsigned *out)
{
	if (json_object_is_type(v, json_type_string))
		for (unsigned i = 0; words[i] != NULL; i++)
			if (strcmp(words[i], json_object_get_string(v)) == 0) {
				*out = i;
				return true;
			}
	return hz_at_policy_bad(err, name, "must be one of the words of the manual page, for example \"%s\"", words[0]);
}

/* Every text of a policy comes through here or list_entry(): what the readers behind compare up to its NUL ends there. */
static bool
has_nul(struct json_object *v)
{
	return json_object_is_type(v, json_type_string) &&
	       strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v);
}

static bool
read_field(struct hz_at_policy_err *err, const char *name, struct json_object *v, const struct hz_at_field *f, void *base)
{
	void *dst = (char *)base + f->offset;

	if (has_nul(v))
		return hz_at_policy_bad(err, name, "is a text with a NUL in it");
	switch (f->type) {
	case HZ_AT_F_BOOL:   return read_bool(err, name, v, dst);
	case HZ_AT_F_U64:    return read_u64(err, name, v, f->n, dst);
	case HZ_AT_F_HEX:    return read_hexlist(err, name, v, (size_t)f->n, dst);
	case HZ_AT_F_TEXT:   return read_textlist(err, name, v, (size_t)f->n, dst);
	case HZ_AT_F_WORD:   return read_word(err, name, v, f->words, dst);
	case HZ_AT_F_CUSTOM: return f->custom(err, name, v, dst);
	}
	return false;
}

static const struct hz_at_field *
find_field(const struct hz_at_field *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

bool
hz_at_policy_read(struct hz_at_policy_err *err, const char *where, struct json_object *v,
                  const struct hz_at_field *fields, void *base)
{
	char name[160];

	if (!json_object_is_type(v, json_type_object))
		return hz_at_policy_bad(err, where, "must be an object");
	json_object_object_foreach(v, key, member) {
		const struct hz_at_field *f = find_field(fields, key);

		snprintf(name, sizeof name, "%s.%s", where, key);
		if (f == NULL)
			return hz_at_policy_bad(err, name, "is unknown");
		if (!read_field(err, name, member, f, base))
			return false;
	}
	for (const struct hz_at_field *f = fields; f->name != NULL; f++) {
		snprintf(name, sizeof name, "%s.%s", where, f->name);
		if (f->required && !json_object_object_get_ex(v, f->name, NULL))
			return hz_at_policy_bad(err, name, "is missing");
	}
	return true;
}

void
hz_at_textlist_release(struct hz_at_textlist *l)
{
	for (size_t i = 0; l->text != NULL && i < l->n; i++)
		free(l->text[i]);
	free(l->text);
}

void
hz_at_policy_release(const struct hz_at_field *fields, void *base)
{
	for (; fields->name != NULL; fields++) {
		void *at = (char *)base + fields->offset;

		if (fields->type == HZ_AT_F_HEX)
			free(((struct hz_at_hexlist *)at)->data);
		else if (fields->type == HZ_AT_F_TEXT)
			hz_at_textlist_release(at);
		else if (fields->type == HZ_AT_F_CUSTOM && fields->release != NULL)
			fields->release(at);
	}
}

bool
hz_at_hexlist_allows(const struct hz_at_hexlist *l, const uint8_t *p, size_t n)
{
	bool found = l->any;

	for (size_t i = 0; n == l->size && i < l->n; i++)
		found |= hz_at_equal(l->data + i * l->size, p, n);
	return found;
}

bool
hz_at_textlist_allows(const struct hz_at_textlist *l, const char *text)
{
	bool found = l->any;

	for (size_t i = 0; i < l->n; i++)
		found |= strcmp(l->text[i], text) == 0;
	return found;
}
